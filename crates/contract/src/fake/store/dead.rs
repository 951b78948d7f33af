//! What was given up.

use zentry_domain::{DeadLetter, JobId, Lane, NewJob, Suppression, Timestamp};

use super::outbox::Waiting;
use super::rows::Rows;

/// A job given up, and whether the ledger counts it.
#[derive(Clone, Debug)]
pub(super) struct Dead {
    pub(super) letter: DeadLetter,
    pub(super) counted: bool,
}

impl Rows {
    /// Keeps `ended` as a dead letter, in place of an earlier one of its name.
    pub(super) fn bury(&mut self, lane: &Lane, ended: Waiting, why: &str, now: Timestamp) {
        let Waiting { queued, counted, .. } = ended;
        self.drop_dead(&queued.id);
        let letter = DeadLetter {
            id: queued.id,
            lane: lane.clone(),
            job: Some(queued.job),
            why: why.into(),
            attempts: queued.attempts,
            since: queued.since,
            at: now,
        };
        self.dead.push(Dead { letter, counted });
    }

    pub(super) fn replay(&mut self, id: &JobId, now: Timestamp) {
        if self.waits(id) {
            return;
        }
        let Some(place) = self.dead.iter().position(|dead| dead.letter.id == *id) else { return };
        let Dead { letter: DeadLetter { id, lane, job, .. }, counted } = self.dead.remove(place);
        let Some(job) = job else { return };
        self.put_last(&NewJob { id, lane, job, due: None, unless_waiting: false, counted }, now);
    }

    pub(super) fn drop_dead(&mut self, id: &JobId) {
        self.drop_dead_where(Suppression::Held, |letter| letter.id == *id);
    }

    pub(super) fn drop_dead_where(&mut self, reason: Suppression, is_over: impl Fn(&DeadLetter) -> bool) {
        let dropped: Vec<_> = self.dead.extract_if(.., |dead| is_over(&dead.letter)).collect();
        self.suppress(reason, dropped.iter().map(|dead| u64::from(dead.counted)).sum());
    }

    pub(super) fn dead_letters(&self) -> Vec<DeadLetter> {
        self.dead.iter().map(|dead| dead.letter.clone()).collect()
    }
}
