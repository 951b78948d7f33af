//! The time zone in which a channel reads the clock.

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

/// One of [`Zone::ALL`]. Rules come from the bundled time zone database, so that every machine says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(&'static str);

impl Zone {
    /// Nobody's summer time.
    pub const UTC: Self = Self("UTC");

    /// As many as a list of a message holds: at least one for each rule by which many people live, from west to east.
    pub const ALL: [Self; 50] = [
        Self::UTC,
        Self("Pacific/Honolulu"),
        Self("America/Anchorage"),
        Self("America/Los_Angeles"),
        Self("America/Phoenix"),
        Self("America/Denver"),
        Self("America/Mexico_City"),
        Self("America/Chicago"),
        Self("America/Bogota"),
        Self("America/Toronto"),
        Self("America/New_York"),
        Self("America/Caracas"),
        Self("America/Halifax"),
        Self("America/Santiago"),
        Self("America/St_Johns"),
        Self("America/Argentina/Buenos_Aires"),
        Self("America/Sao_Paulo"),
        Self("Atlantic/Azores"),
        Self("Europe/Lisbon"),
        Self("Europe/London"),
        Self("Africa/Lagos"),
        Self("Europe/Madrid"),
        Self("Europe/Paris"),
        Self("Europe/Berlin"),
        Self("Africa/Johannesburg"),
        Self("Africa/Cairo"),
        Self("Europe/Athens"),
        Self("Europe/Kyiv"),
        Self("Asia/Jerusalem"),
        Self("Africa/Nairobi"),
        Self("Europe/Istanbul"),
        Self("Asia/Riyadh"),
        Self("Asia/Tehran"),
        Self("Asia/Dubai"),
        Self("Asia/Kabul"),
        Self("Asia/Karachi"),
        Self("Asia/Kolkata"),
        Self("Asia/Kathmandu"),
        Self("Asia/Dhaka"),
        Self("Asia/Yangon"),
        Self("Asia/Bangkok"),
        Self("Asia/Singapore"),
        Self("Asia/Shanghai"),
        Self("Australia/Perth"),
        Self("Asia/Tokyo"),
        Self("Asia/Seoul"),
        Self("Australia/Adelaide"),
        Self("Australia/Brisbane"),
        Self("Australia/Sydney"),
        Self("Pacific/Auckland"),
    ];

    /// The one of this name; UTC for a name that is not among [`Zone::ALL`].
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|zone| zone.0 == name).unwrap_or_default()
    }

    /// Its name in the time zone database.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// For people: `Buenos Aires (America)`.
    pub fn in_words(self) -> String {
        let words = self.0.replace('_', " ");
        match (words.split_once('/'), words.rsplit_once('/')) {
            (Some((region, _)), Some((_, city))) => format!("{city} ({region})"),
            _ => words,
        }
    }

    /// `at` there, as `strftime` says; in UTC where the database is missing it, which a test rules out.
    pub(crate) fn strftime(self, at: Timestamp, format: &str) -> String {
        let there = TimeZone::get(self.0).unwrap_or(TimeZone::UTC);
        let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        at.to_zoned(there).strftime(format).to_string()
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self::named(&name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_zone_is_in_the_database_and_listed_once() {
        let names: HashSet<_> = Zone::ALL.iter().map(|zone| zone.0).collect();
        assert_eq!(names.len(), Zone::ALL.len());
        for zone in Zone::ALL {
            assert!(TimeZone::get(zone.0).is_ok(), "{zone:?}");
        }
    }

    #[test]
    fn the_clock_of_a_zone_follows_its_summer_time() {
        let (winter, summer) =
            (Timestamp::parse("2026-01-02T23:30:00Z").unwrap(), Timestamp::parse("2026-07-02T23:30:00Z").unwrap());
        let berlin = Zone::named("Europe/Berlin");
        assert_eq!((winter.clock(berlin), summer.clock(berlin)), ("00:30 CET".into(), "01:30 CEST".into()));
        assert_eq!((winter.day(berlin), winter.day(Zone::UTC)), ("3 Jan".into(), "2 Jan".into()));
        assert_eq!(winter.clock(Zone::UTC), "23:30 UTC");
        assert_eq!(winter.clock(Zone::named("Asia/Kathmandu")), "05:15 +0545");
    }

    #[test]
    fn what_is_kept_is_the_name_and_a_strange_one_is_utc() {
        let berlin = Zone::named("Europe/Berlin");
        assert_eq!(serde_json::to_string(&berlin).unwrap(), "\"Europe/Berlin\"");
        assert_eq!(serde_json::from_str::<Zone>("\"Europe/Berlin\"").unwrap(), berlin);
        assert_eq!(serde_json::from_str::<Zone>("\"Mars/Olympus\"").unwrap(), Zone::UTC);
    }

    #[test]
    fn people_read_the_city_first() {
        assert_eq!(Zone::named("America/Argentina/Buenos_Aires").in_words(), "Buenos Aires (America)");
        assert_eq!(Zone::UTC.in_words(), "UTC");
    }
}
