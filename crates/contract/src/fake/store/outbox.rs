//! Leasing and settling.

use zentry_domain::ports::{LaneLease, Leased, StoreError};
use zentry_domain::{Job, JobId, Lane, NewJob, Outcome, Owner, Queued, Timestamp};

use super::rows::Rows;
use super::{DeadJob, State};

/// Jobs of one lease at most, so that a long lane does not hold its worker.
const JOBS_A_LEASE: usize = 20;

/// A job and when it is due.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) queued: Queued,
    due: Timestamp,
}

/// A lease in somebody's hands.
#[derive(Debug)]
pub(super) struct Held {
    epoch: u64,
    pub(super) until: Timestamp,
}

impl Waiting {
    pub(super) fn new(new: &NewJob, now: Timestamp) -> Self {
        let (id, job) = (new.id.clone(), new.job.clone());
        Self { queued: Queued { id, job, attempts: 0, unknown: false, since: now }, due: new.due.unwrap_or(now) }
    }
}

impl State {
    pub(super) fn lease(&mut self, limit: usize, now: Timestamp, until: Timestamp) -> Leased {
        let free = |lane: &Lane| self.leases.get(lane).is_none_or(|held| held.until <= now);
        let mut lanes: Vec<_> = self.rows.dues().into_iter().filter(|(_, lane)| free(lane)).collect();
        lanes.sort();
        let next_due = lanes.iter().map(|(due, _)| *due).find(|due| *due > now);
        lanes.retain(|(due, _)| *due <= now);
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
    pub(super) fn waiting(&self) -> Vec<(Lane, Job)> {
        let jobs = |(lane, jobs): (&Lane, &Vec<Waiting>)| {
            jobs.iter().map(|waiting| (lane.clone(), waiting.queued.job.clone())).collect::<Vec<_>>()
        };
        self.lanes.iter().flat_map(jobs).collect()
    }

    /// When each lane's head is due. A throttled account's lanes wait for its pause, too.
    fn dues(&self) -> Vec<(Timestamp, Lane)> {
        let paused = |owner: &Owner| self.pauses.get(owner).copied().unwrap_or(Timestamp(i64::MIN));
        self.lanes.iter().map(|(lane, jobs)| (jobs[0].due.max(paused(&lane.owner)), lane.clone())).collect()
    }

    fn first_jobs(&self, lane: &Lane, now: Timestamp) -> Vec<Queued> {
        let due = self.lanes[lane].iter().take_while(|waiting| waiting.due <= now);
        due.take(JOBS_A_LEASE).map(|waiting| waiting.queued.clone()).collect()
    }

    pub(super) fn settle(
        &mut self,
        lane: &Lane,
        job: &JobId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let head = self.lanes.get_mut(lane).and_then(|jobs| jobs.first_mut());
        let head = head.filter(|head| head.queued.id == *job).ok_or(StoreError::Fenced)?;
        match outcome {
            Outcome::Retry { at } => {
                head.queued.attempts += 1;
                head.due = *at;
            }
            Outcome::Unknown { at } => {
                head.queued.unknown = true;
                head.due = *at;
            }
            Outcome::Throttled { until } => {
                let pause = self.pauses.entry(lane.owner.clone()).or_insert(*until);
                *pause = (*pause).max(*until);
            }
            Outcome::Done(decision) => {
                self.take_head(lane);
                self.apply(decision, now)?;
            }
            Outcome::Dead { why, then } => {
                if let Some(head) = self.take_head(lane) {
                    self.dead.push(DeadJob { lane: lane.clone(), id: head.id, job: head.job, why: why.clone() });
                }
                self.apply(then, now)?;
            }
            Outcome::Suppressed { .. } => drop(self.take_head(lane)),
        }
        Ok(())
    }

    fn take_head(&mut self, lane: &Lane) -> Option<Queued> {
        let jobs = self.lanes.get_mut(lane)?;
        let head = jobs.remove(0);
        if jobs.is_empty() {
            self.lanes.remove(lane);
        }
        Some(head.queued)
    }
}
