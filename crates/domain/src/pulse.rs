//! How an organization's webhooks come in: what is usual decides when silence is improbable.

use std::time::Duration;

use crate::{OrgSlug, Timestamp};

/// Webhooks closer than this count as one: a storm says little about what is usual.
const BEAT: Duration = Duration::from_secs(60);
/// The newest pause makes up one part in so many of the usual one.
const MEMORY: u32 = 8;
/// So many usual pauses without a word are improbable: e⁻¹⁰ if they come independently.
const IMPROBABLE: u32 = 10;
/// No silence shorter than this is improbable.
const SHORTEST: Duration = Duration::from_secs(600);
/// What is due when something has become improbable is due a moment later.
const TICK: Duration = Duration::from_secs(1);
/// How often Sentry is asked although nothing is improbable.
pub const RECONCILE_EVERY: Duration = Duration::from_secs(3_600);

/// What is known of an organization's webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Which organization.
    pub org: OrgSlug,
    /// When the last one came.
    pub last: Option<Timestamp>,
    /// The usual pause between two of them, once there were two.
    pub usual: Option<Duration>,
    /// Until when everything has arrived or was read at Sentry.
    pub reconciled: Option<Timestamp>,
    /// People have been told that webhooks are missing, and some were at the last look.
    pub told: bool,
}

impl Pulse {
    /// That of an organization from which nothing has come yet.
    pub fn silent(org: OrgSlug) -> Self {
        Self { org, last: None, usual: None, reconciled: None, told: false }
    }

    /// After one more webhook.
    #[must_use]
    pub fn beat(&self, now: Timestamp) -> Self {
        let pause = self.last.map(|last| now.since(last));
        let usual = match (self.usual, pause) {
            (Some(usual), Some(pause)) if pause >= BEAT => {
                Some(to_the_millisecond((usual * (MEMORY - 1) + pause) / MEMORY))
            }
            (None, Some(pause)) => Some(pause.max(BEAT)),
            (usual, _) => usual,
        };
        Self { last: self.last.max(Some(now)), usual, ..self.clone() }
    }

    /// How long it has been silent, if that is longer than probable.
    pub fn silence(&self, now: Timestamp) -> Option<Duration> {
        let improbable = self.improbable_from()? < now;
        improbable.then(|| now.since(self.last.unwrap_or(now)))
    }

    /// When Sentry is to be asked next if nothing comes until then.
    pub fn look_again(&self, now: Timestamp) -> Timestamp {
        // What comes meanwhile puts off only the question of a silence. A question that was not answered is asked in an hour.
        let hour = self.reconciled.map(|at| at + RECONCILE_EVERY).filter(|at| *at > now);
        let hour = hour.unwrap_or(now + RECONCILE_EVERY).min(now + RECONCILE_EVERY);
        self.improbable_from().filter(|from| *from >= now).map_or(hour, |from| (from + TICK).min(hour))
    }

    /// Whether Sentry is to be asked now: it was long ago, the bot was `started` since, or the silence has become improbable.
    pub fn is_due(&self, started: Timestamp, now: Timestamp) -> bool {
        let Some(reconciled) = self.read_until(now) else { return true };
        let long_ago = now.since(reconciled) >= RECONCILE_EVERY;
        let is_new_silence =
            self.silence(now).is_some() && self.improbable_from().is_some_and(|from| reconciled <= from);
        long_ago || reconciled < started || is_new_silence
    }

    /// Until when everything has arrived or was read. Not known where that is still to come: the clock was set back, and what
    /// happened since it is right was not read.
    pub fn read_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.reconciled.filter(|at| *at <= now)
    }

    /// From when on silence is improbable.
    fn improbable_from(&self) -> Option<Timestamp> {
        Some(self.last? + (self.usual? * IMPROBABLE).max(SHORTEST))
    }
}

/// As a store keeps it.
fn to_the_millisecond(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn regular(minutes: i64, times: i64) -> Pulse {
        (0..times).fold(Pulse::silent(OrgSlug::new("acme")), |pulse, n| pulse.beat(Timestamp(n * minutes * MINUTE)))
    }

    fn later(pulse: &Pulse, minutes: i64) -> Timestamp {
        Timestamp(pulse.last.expect("it has beaten").0 + minutes * MINUTE)
    }

    #[test]
    fn ten_usual_pauses_without_a_word_are_improbable() {
        let pulse = regular(6, 20);
        assert_eq!(pulse.silence(later(&pulse, 60)), None);
        assert_eq!(pulse.silence(later(&pulse, 61)), Some(Duration::from_secs(61 * 60)));
    }

    #[test]
    fn an_organization_that_speaks_once_a_day_may_be_silent_for_a_week() {
        let pulse = regular(24 * 60, 9);
        assert_eq!(pulse.silence(later(&pulse, 7 * 24 * 60)), None);
        assert!(pulse.silence(later(&pulse, 11 * 24 * 60)).is_some());
    }

    #[test]
    fn a_storm_does_not_change_what_is_usual() {
        let quiet = regular(60, 9);
        let stormy =
            (0..1_000).fold(quiet.clone(), |pulse, n| pulse.beat(Timestamp(quiet.last.expect("beaten").0 + n)));
        assert_eq!(stormy.usual, quiet.usual);
    }

    #[test]
    fn nothing_is_improbable_within_ten_minutes_or_before_anything_came() {
        let busy = regular(1, 99);
        assert_eq!(busy.silence(later(&busy, 10)), None);
        assert!(busy.silence(later(&busy, 11)).is_some());
        assert_eq!(Pulse::silent(OrgSlug::new("acme")).silence(Timestamp(i64::MAX)), None);
    }

    #[test]
    fn sentry_is_asked_every_hour_after_a_start_and_once_in_a_silence() {
        let pulse = Pulse { reconciled: Some(later(&regular(1, 9), 1)), ..regular(1, 9) };
        let now = later(&pulse, 5);
        assert!(!pulse.is_due(Timestamp(0), now));
        assert!(pulse.is_due(now, now), "it was just started");
        assert_eq!(pulse.look_again(now), later(&pulse, 10) + TICK);
        assert!(pulse.is_due(Timestamp(0), later(&pulse, 10) + TICK));
        let asked = Pulse { reconciled: Some(later(&pulse, 11)), ..pulse.clone() };
        assert!(!asked.is_due(Timestamp(0), later(&pulse, 30)));
        assert_eq!(asked.look_again(later(&pulse, 12)), later(&pulse, 71));
        assert!(asked.is_due(Timestamp(0), later(&pulse, 71)));
    }

    #[test]
    fn webhooks_that_put_off_a_silence_do_not_put_off_the_question_of_the_hour() {
        let pulse = regular(5, 20);
        let pulse = Pulse { reconciled: Some(later(&pulse, -20)), ..pulse };
        assert_eq!(pulse.look_again(later(&pulse, 5)), later(&pulse, 40));
        assert_eq!(pulse.look_again(later(&pulse, 41)), later(&pulse, 50) + TICK, "Sentry did not answer");
    }
}
