//! Queueing, leasing and settling.

use std::time::Duration;

use zentry_domain::ports::{ASKING, LaneLease, Leased, StoreError};
use zentry_domain::{AccountId, ChannelId, Job, JobId, Lane, NewJob, Outcome, Owner, Queued, Suppression, Timestamp};

use super::State;
use super::rows::Rows;

/// Jobs of one lease at most, so that a long lane does not hold its worker.
const JOBS_A_LEASE: usize = 20;

/// A job in its lane.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) queued: Queued,
    pub(super) counted: bool,
    due: Timestamp,
}

/// A lease in somebody's hands.
#[derive(Debug)]
pub(super) struct Held {
    epoch: u64,
    pub(super) until: Timestamp,
}

impl Waiting {
    fn new(new: &NewJob, now: Timestamp) -> Self {
        let (id, job) = (new.id.clone(), new.job.clone());
        let queued = Queued { id, job, attempts: 0, unknown: false, since: now };
        Self { queued, counted: new.counted, due: new.due.unwrap_or(now) }
    }
}

impl State {
    pub(super) fn lease(&mut self, limit: usize, now: Timestamp, until: Timestamp) -> Leased {
        let free = |lane: &Lane| self.leases.get(lane).is_none_or(|held| held.until <= now);
        let mut lanes: Vec<_> = self.rows.dues().into_iter().filter(|(_, lane)| free(lane)).collect();
        lanes.sort();
        let next_due = lanes.iter().map(|(due, _)| *due).find(|due| *due > now);
        lanes.retain(|(due, _)| *due <= now);
        let asks = |lane: &Lane| matches!(lane.owner, Owner::Sentry(_));
        let asking = self.leases.iter().filter(|(lane, held)| asks(lane) && held.until > now).count();
        let mut questions = ASKING.saturating_sub(asking);
        lanes.retain(|(_, lane)| {
            let is_left = !asks(lane) || questions > 0;
            questions = questions.saturating_sub(usize::from(asks(lane)));
            is_left
        });
        lanes.truncate(limit);
        let lanes = lanes.into_iter().map(|(_, lane)| self.take(lane, now, until)).collect();
        Leased { lanes, next_due }
    }

    fn take(&mut self, lane: Lane, now: Timestamp, until: Timestamp) -> LaneLease {
        self.epoch += 1;
        self.leases.insert(lane.clone(), Held { epoch: self.epoch, until });
        let jobs = self.rows.first_jobs(&lane, now);
        LaneLease { lane, epoch: self.epoch, until, jobs }
    }

    /// The lease, if it is still the lane's.
    pub(super) fn held(&mut self, lease: &LaneLease) -> Result<&mut Held, StoreError> {
        self.leases.get_mut(&lease.lane).filter(|held| held.epoch == lease.epoch).ok_or(StoreError::Fenced)
    }
}

impl Rows {
    pub(super) fn clock_set_back(&mut self, by: Duration, now: Timestamp) {
        let dues = self.lanes.values_mut().flatten().map(|waiting| &mut waiting.due);
        for due in dues.chain(self.throttles.values_mut()).filter(|due| **due > now) {
            *due = *due - by;
        }
        let opened = self.cards.iter_mut().map(|card| &mut card.opened);
        let roundups = self.roundups.iter_mut();
        let began = roundups.flat_map(|roundup| [Some(&mut roundup.began), roundup.ended.as_mut()]).flatten();
        let mutes = self.subscriptions.iter_mut().filter_map(|s| s.mute.as_mut()).map(|mute| &mut mute.until);
        let pulses = self.pulses.iter_mut().flat_map(|pulse| [&mut pulse.last, &mut pulse.reconciled]).flatten();
        let sighted = self.sighted.iter_mut().map(|known| &mut known.sighting.at);
        let heard = self.heard.values_mut().chain(self.unfurled.values_mut()).chain(sighted);
        for at in opened.chain(began).chain(mutes).chain(pulses).chain(heard).filter(|at| **at > now) {
            *at = *at - by;
        }
    }

    pub(super) fn waiting(&self) -> Vec<(Lane, Job)> {
        let jobs = |(lane, jobs): (&Lane, &Vec<Waiting>)| {
            jobs.iter().map(|waiting| (lane.clone(), waiting.queued.job.clone())).collect::<Vec<_>>()
        };
        self.lanes.iter().flat_map(jobs).collect()
    }

    /// When each lane's head is due. A throttled account's messages wait for its pause, too.
    fn dues(&self) -> Vec<(Timestamp, Lane)> {
        let throttled = |lane: &Lane| {
            let until = self.throttles.get(&lane.owner).filter(|_| lane.is_of_messages());
            until.copied().unwrap_or(Timestamp(i64::MIN))
        };
        self.lanes.iter().map(|(lane, jobs)| (jobs[0].due.max(throttled(lane)), lane.clone())).collect()
    }

    fn first_jobs(&self, lane: &Lane, now: Timestamp) -> Vec<Queued> {
        let due = self.lanes[lane].iter().take_while(|waiting| waiting.due <= now);
        due.take(JOBS_A_LEASE).map(|waiting| waiting.queued.clone()).collect()
    }

    // === queueing ===

    /// Queues `new` at the end of its lane, unless an equal job waits there and it is content with that.
    pub(super) fn enqueue(&mut self, new: &NewJob, now: Timestamp) -> Result<(), StoreError> {
        self.tally.accepted += u64::from(new.counted);
        if new.unless_waiting && self.brings_forward(new, now) {
            self.suppress(Suppression::Merged, u64::from(new.counted));
            return Ok(());
        }
        if self.waits(&new.id) {
            return Err(StoreError::Conflict);
        }
        self.put_last(new, now);
        Ok(())
    }

    /// Whether an equal job waits. It then falls due with the earlier of both.
    fn brings_forward(&mut self, new: &NewJob, now: Timestamp) -> bool {
        let mut lane = self.lanes.get_mut(&new.lane).into_iter().flatten();
        let Some(equal) = lane.find(|waiting| waiting.queued.job == new.job) else { return false };
        // A job that has failed waits for a reason: another wish for it does not shorten that.
        if equal.queued.attempts == 0 && !equal.queued.unknown {
            equal.due = equal.due.min(new.due.unwrap_or(now));
        }
        true
    }

    pub(super) fn waits(&self, id: &JobId) -> bool {
        self.lanes.values().flatten().any(|waiting| waiting.queued.id == *id)
    }

    pub(super) fn put_last(&mut self, new: &NewJob, now: Timestamp) {
        self.lanes.entry(new.lane.clone()).or_default().push(Waiting::new(new, now));
    }

    pub(super) fn try_now(&mut self, account: &AccountId, channel: &ChannelId, now: Timestamp) {
        for lane in Lane::of_channel(account, channel) {
            let failed = self.lanes.get_mut(&lane).into_iter().flatten().filter(|waiting| waiting.queued.attempts > 0);
            failed.for_each(|waiting| waiting.due = waiting.due.min(now));
        }
    }

    pub(super) fn clear_lane(&mut self, lane: &Lane, reason: Suppression) {
        self.drop_waiting(lane, reason, |_| true);
    }

    pub(super) fn drop_waiting(&mut self, lane: &Lane, reason: Suppression, is_dropped: impl Fn(&Job) -> bool) {
        let waiting = self.lanes.remove(lane).unwrap_or_default();
        let (dropped, left): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|w| is_dropped(&w.queued.job));
        if !left.is_empty() {
            self.lanes.insert(lane.clone(), left);
        }
        self.suppress(reason, dropped.iter().map(|waiting| u64::from(waiting.counted)).sum());
    }

    // === settling ===

    pub(super) fn settle(
        &mut self,
        lane: &Lane,
        job: &JobId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut jobs = self.lanes.get_mut(lane).into_iter().flatten();
        let waiting = jobs.find(|waiting| waiting.queued.id == *job).ok_or(StoreError::Fenced)?;
        match outcome {
            Outcome::Retry { at } => {
                waiting.queued.attempts += 1;
                waiting.due = *at;
            }
            Outcome::Unknown { at } => {
                waiting.queued.unknown = true;
                waiting.due = *at;
            }
            Outcome::Throttled { until } => {
                let throttle = self.throttles.entry(lane.owner.clone()).or_insert(*until);
                *throttle = (*throttle).max(*until);
            }
            Outcome::Done(then) => {
                let ended = self.take_off(lane, job)?;
                self.tally.delivered += u64::from(ended.counted);
                self.apply(then, now)?;
            }
            Outcome::Dead { why, then } => {
                let ended = self.take_off(lane, job)?;
                self.bury(lane, ended, why, now);
                self.apply(then, now)?;
            }
            Outcome::Suppressed { reason, then } => {
                let ended = self.take_off(lane, job)?;
                self.suppress(*reason, u64::from(ended.counted));
                self.apply(then, now)?;
            }
        }
        Ok(())
    }

    fn take_off(&mut self, lane: &Lane, job: &JobId) -> Result<Waiting, StoreError> {
        let jobs = self.lanes.get_mut(lane).ok_or(StoreError::Fenced)?;
        let place = jobs.iter().position(|waiting| waiting.queued.id == *job).ok_or(StoreError::Fenced)?;
        let ended = jobs.remove(place);
        if jobs.is_empty() {
            self.lanes.remove(lane);
        }
        Ok(ended)
    }
}
