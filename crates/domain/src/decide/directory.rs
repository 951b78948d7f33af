//! An account's directory was read, or is to be.

use std::time::Duration;

use super::Core;
use crate::directory::{Enrollment, READ_APART, READ_EVERY};
use crate::job::LONGEST_WAIT;
use crate::{AccountId, Decision, DirectoryChange, Job, Lane, NewJob, RowChange, Timestamp};

/// What the directory of an account told, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryReading {
    /// The account.
    pub account: AccountId,
    /// By when its grant was given.
    pub since: Timestamp,
    /// What it told.
    pub changes: Vec<DirectoryChange>,
    /// The channels' names are among it.
    pub named: bool,
    /// How it ended.
    pub ended: Ended,
}

/// How a reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything that was due was read.
    Whole,
    /// It had taken its share of the account's calls; more is due.
    Tired,
    /// The platform asked for a pause.
    Throttled(Option<Duration>),
    /// The platform did not answer, or had a fault of its own.
    Broken,
    /// There is no grant any more.
    Unauthorized,
}

impl Core<'_> {
    /// The job that reads what is due of the directory of `account`.
    pub fn read_directory(&self, account: &AccountId) -> NewJob {
        self.job(Lane::directory(account), Job::ReadDirectory { account: account.clone() })
    }

    /// Somebody has let the directory of `account` be read: that begins now.
    pub fn enrolled(&self, account: &AccountId) -> Decision {
        let enroll = RowChange::Directory(DirectoryChange::Enroll(account.clone()));
        Decision::job(self.read_directory(account)).and(enroll)
    }

    /// What follows from a reading. `now_known` is the enrollment as it is by now: what was given anew meanwhile is read at once.
    pub fn directory_read(&self, reading: &DirectoryReading, now_known: Option<&Enrollment>) -> Decision {
        let account = &reading.account;
        let Some(known) = now_known else { return Decision::nothing() };
        let is_newer = known.since != reading.since;
        if reading.ended == Ended::Unauthorized && !is_newer {
            let (account, since) = (account.clone(), reading.since);
            return Decision::nothing().and(RowChange::Directory(DirectoryChange::Withdraw { account, since }));
        }
        let told = reading.changes.iter().cloned().map(RowChange::Directory).collect();
        let told = Decision { changes: told, jobs: Vec::new() };
        if is_newer {
            return told.then(self.read_directory(account));
        }
        let (rest, again) = rests(reading.ended);
        let rest = DirectoryChange::Rest { account: account.clone(), until: self.now + rest, named: reading.named };
        told.and(RowChange::Directory(rest)).then(self.read_directory(account).at(self.now + again))
    }

    /// The reading could not begin.
    pub fn read_directory_later(&self, account: &AccountId) -> Decision {
        Decision::job(self.read_directory(account).at(self.now + READ_EVERY))
    }
}

/// How long the directory is left alone, and after how long it is read again unasked.
fn rests(ended: Ended) -> (Duration, Duration) {
    match ended {
        Ended::Whole | Ended::Unauthorized => (READ_APART, READ_EVERY),
        Ended::Tired => (READ_APART, READ_APART),
        Ended::Throttled(after) => {
            let rest = after.unwrap_or(READ_APART).clamp(READ_APART, LONGEST_WAIT);
            (rest, rest)
        }
        Ended::Broken => (READ_APART, 3 * READ_APART),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rank, UserId, sample};

    const NOW: Timestamp = Timestamp(1_000_000);
    const SINCE: Timestamp = Timestamp(1_000);

    fn reading(ended: Ended) -> DirectoryReading {
        let account = sample::ana().account;
        let rank = DirectoryChange::Rank { account: account.clone(), user: UserId::new("U1"), rank: Rank::Guest };
        DirectoryReading { account, since: SINCE, changes: vec![rank], named: true, ended }
    }

    fn decided(ended: Ended, known: Option<Timestamp>) -> Decision {
        let deployment = sample::deployment();
        let core = Core { deployment: &deployment, now: NOW, random: &sample::Counting::default() };
        let known = known.map(|since| Enrollment { since, rests_until: since, named: None });
        core.directory_read(&reading(ended), known.as_ref())
    }

    fn due(decision: &Decision) -> Option<Duration> {
        assert_eq!(decision.jobs.len(), 1, "it comes back: {decision:?}");
        decision.jobs[0].due.map(|due| due.since(NOW))
    }

    #[test]
    fn what_was_read_is_kept_however_the_reading_ended_and_it_comes_back() {
        let hour = Duration::from_secs(3_600);
        for (ended, after) in [
            (Ended::Whole, READ_EVERY),
            (Ended::Tired, READ_APART),
            (Ended::Broken, 3 * READ_APART),
            (Ended::Throttled(None), READ_APART),
            (Ended::Throttled(Some(hour)), hour),
            (Ended::Throttled(Some(48 * hour)), LONGEST_WAIT),
        ] {
            let decision = decided(ended, Some(SINCE));
            assert_eq!(due(&decision), Some(after), "{ended:?}");
            assert_eq!(decision.changes.len(), 2, "{ended:?}");
        }
    }

    #[test]
    fn a_grant_that_has_ended_takes_everything_with_it_and_nothing_comes_back() {
        let decision = decided(Ended::Unauthorized, Some(SINCE));
        let account = sample::ana().account;
        let withdraw = DirectoryChange::Withdraw { account, since: SINCE };
        assert_eq!(decision, Decision::nothing().and(RowChange::Directory(withdraw)));
        assert!(decided(Ended::Whole, None).is_nothing(), "it was withdrawn meanwhile");
    }

    #[test]
    fn a_grant_that_was_given_anew_meanwhile_is_read_at_once() {
        for ended in [Ended::Unauthorized, Ended::Whole] {
            let decision = decided(ended, Some(NOW));
            assert_eq!((due(&decision), decision.jobs.len()), (None, 1), "{ended:?}");
        }
    }
}
