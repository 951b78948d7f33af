//! Deliveries that Zoom has signed, at a time that is not now: replays, or the sign of a host whose clock is wrong.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zentry_domain::Timestamp;

/// Zoom redelivers until 85 minutes after the first attempt, and whether it then signs anew is not known. Replays
/// inside of this are repeats, which the store recognises.
const OLDEST: Duration = Duration::from_secs(100 * 60);
/// How far our clock may be behind.
const AHEAD: Duration = Duration::from_secs(5 * 60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Between two lines of the log.
const PAUSE: Duration = Duration::from_secs(60);

/// A time stamp outside of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    /// So long ago.
    Past(Duration),
    /// So far ahead.
    Future(Duration),
}

impl Stale {
    /// `None` where `sent` is near enough to `now`.
    pub(crate) fn of(sent: Timestamp, now: Timestamp) -> Option<Self> {
        match (now.since(sent), sent.since(now)) {
            (past, _) if past > OLDEST => Some(Self::Past(past)),
            (_, ahead) if ahead > AHEAD => Some(Self::Future(ahead)),
            _ => None,
        }
    }

    /// What the metric calls it: a host whose clock is wrong fills one of them.
    fn age(self) -> &'static str {
        match self {
            Self::Past(by) if by <= DAY => "past_hours",
            Self::Past(_) => "past_days",
            Self::Future(by) if by <= HOUR => "future_minutes",
            Self::Future(_) => "future_hours",
        }
    }
}

/// Counts stale deliveries, and logs one a minute.
#[derive(Debug, Default)]
pub(crate) struct StaleLog(Mutex<Option<Timestamp>>);

impl StaleLog {
    pub(crate) fn take(&self, stale: &Stale, now: Timestamp) {
        metrics::counter!("zentry_stale_deliveries_total", "age" => stale.age()).increment(1);
        if !self.is_due(now) {
            return;
        }
        let (direction, by) = match stale {
            Stale::Past(by) => ("ahead", by),
            Stale::Future(by) => ("behind", by),
        };
        let minutes = by.as_secs() / 60;
        tracing::warn!(
            "refused a delivery that Zoom has signed: by its time stamp this host's clock may be wrong, {minutes} minutes \
             {direction}; compare it with another, and check NTP (a replay of an old delivery looks the same)"
        );
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not silence this until it has caught up.
        let is_due = last.is_none_or(|last| now < last || now.since(last) >= PAUSE);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use zentry_contract::sample::START;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_stale_delivery_is_counted_by_its_age() {
        let age = |sent| Stale::of(sent, START).map(Stale::age);
        assert_eq!(age(START - 100 * MINUTE), None);
        assert_eq!(age(START + 5 * MINUTE), None);
        assert_eq!(age(START - 101 * MINUTE), Some("past_hours"));
        assert_eq!(age(START - 2 * DAY), Some("past_days"));
        assert_eq!(age(START + 6 * MINUTE), Some("future_minutes"));
        assert_eq!(age(START + 2 * HOUR), Some("future_hours"));
    }

    #[test]
    fn one_line_a_minute_is_logged() {
        let log = StaleLog::default();
        assert!(log.is_due(START));
        assert!(!log.is_due(START + 59 * Duration::from_secs(1)));
        assert!(log.is_due(START + MINUTE));
        assert!(log.is_due(START - HOUR), "the clock was set back");
    }
}
