//! Points in time. There is no clock here: time comes in by argument.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Zone;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads an RFC 3339 instant: `Z` or an offset, with or without fractions of a second.
    pub fn parse(rfc3339: &str) -> Option<Self> {
        rfc3339.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The clock, hours and minutes: `14:02 UTC`.
    pub fn clock(self, zone: Zone) -> String {
        zone.strftime(self, "%H:%M %Z")
    }

    /// Day and clock: `3 May 14:02 UTC`.
    pub fn day_and_clock(self, zone: Zone) -> String {
        zone.strftime(self, "%-d %b %H:%M %Z")
    }

    /// Day and clock with seconds: `3 May 14:02:11 UTC`.
    pub fn to_the_second(self, zone: Zone) -> String {
        zone.strftime(self, "%-d %b %H:%M:%S %Z")
    }

    /// The clock, with the day where that is another one than `now`'s: `14:02 UTC`, `3 May 14:02 UTC`.
    pub fn when(self, now: Self, zone: Zone) -> String {
        if self.day(zone) == now.day(zone) { self.clock(zone) } else { self.day_and_clock(zone) }
    }

    /// The second in UTC, without saying so: `2026-01-02T03:04:05`.
    pub fn second(self) -> String {
        Zone::UTC.strftime(self, "%Y-%m-%dT%H:%M:%S")
    }

    /// The day: `3 May`.
    pub fn day(self, zone: Zone) -> String {
        zone.strftime(self, "%-d %b")
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(ms))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(ms))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_utc_are_read() {
        let z = Timestamp::parse("2026-01-02T03:04:05.678901Z").unwrap();
        let offset = Timestamp::parse("2026-01-02T03:04:05.678901+00:00").unwrap();
        assert_eq!(z, offset);
        assert_eq!(z.clock(Zone::UTC), "03:04 UTC");
        assert_eq!((z.day(Zone::UTC), z.second()), ("2 Jan".into(), "2026-01-02T03:04:05".into()));
    }

    #[test]
    fn what_came_later_is_not_before() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(Timestamp(9).since(Timestamp(5)), Duration::from_millis(4));
    }
}
