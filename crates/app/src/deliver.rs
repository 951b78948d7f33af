//! The way out: lanes are leased, their jobs performed in order and settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use zentry_domain::ports::{BoxError, LaneLease, Leased, StoreError};
use zentry_domain::{Decision, Job, Lane, NewJob, Outcome, Queued, RECONCILE_EVERY, RowChange, Timestamp};

use crate::App;
use crate::perform::{Effect, Performed, caught, chain};

/// Lanes worked on at once; as many as there are senders.
const LANES: usize = 16;
/// How long a lease holds; it is renewed while a job takes longer.
const LEASE: Duration = Duration::from_secs(30);
/// How long before its end a lease is renewed.
const MARGIN: Duration = Duration::from_secs(15);
/// How long to wait for a wake-up before looking anyway.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to leave a store alone that does not take a result.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// A clock that is corrected by less is nothing to speak of.
const CLOCK_STEP: Duration = Duration::from_secs(5);
/// How often a result is decided anew because a row moved on under it.
const TRIES: usize = 16;
/// How often the first job of a lane may fail before the next one is tried, to tell a poisonous message from a destination
/// that is down.
const SUSPECTED_AFTER: u32 = 5;

/// Results that the store does not take. While there is one nothing new is begun: what was done must not be done again.
#[derive(Debug, Default)]
pub(crate) struct Unsettled(AtomicUsize);

impl App {
    /// Performs what is committed until `stop` turns true, then lets what has begun end.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut busy = JoinSet::new();
        let mut upkeep = false;
        let mut latest = self.now();
        while !*stop.borrow() {
            latest = self.notice_clock(latest).await;
            upkeep = upkeep || self.begin_upkeep().await;
            // Registered before looking, so that what is committed meanwhile is not missed.
            let woken = self.work.notified();
            let leased = self.lease_logged(LANES - busy.len()).await;
            for lane in leased.lanes {
                let (app, stop) = (Arc::clone(&self), stop.clone());
                busy.spawn(async move { app.work_off(lane, &stop).await });
            }
            let look_again = leased.next_due.unwrap_or(self.now() + PATIENCE).min(self.now() + PATIENCE);
            tokio::select! {
                () = woken => {}
                () = self.ports.clock.sleep_until(look_again), if busy.len() < LANES => {}
                Some(ended) = busy.join_next() => log_panic(ended),
                // Where the sender is gone nobody could say so any more: that is a stop too.
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        while let Some(ended) = busy.join_next().await {
            log_panic(ended);
        }
    }

    /// Performs everything that is due now, one lane after the other, and returns how many jobs ended. For tests and
    /// simulations, which move the clock themselves.
    ///
    /// # Errors
    /// Where the outbox cannot be read.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let (_never, stop) = watch::channel(false);
        let mut ended = 0;
        loop {
            let leased = self.lease(LANES).await?;
            if leased.lanes.is_empty() {
                return Ok(ended);
            }
            for lane in leased.lanes {
                ended += self.work_off(lane, &stop).await;
            }
        }
    }

    /// Where the host's clock was set back since `latest`, nothing that waits may wait for it to catch up.
    async fn notice_clock(&self, latest: Timestamp) -> Timestamp {
        let (now, by) = (self.now(), latest.since(self.now()));
        if by > CLOCK_STEP {
            tracing::error!(seconds = by.as_secs(), "the host's clock was set back; what waits keeps its waits");
            let set_back = Decision::nothing().and(RowChange::ClockSetBack { by });
            if let Err(error) = self.ports.store.commit(&[], &set_back, now).await {
                tracing::error!(error = &error as &dyn std::error::Error, "this could not be stored yet");
                return latest;
            }
        }
        now
    }

    /// Upkeep and reconciling keep themselves going; this starts them. True once they are queued.
    async fn begin_upkeep(&self) -> bool {
        let sweep = NewJob::now(Lane::upkeep(), Job::Sweep, &*self.ports.random);
        let queued = match self.ports.store.commit(&[], &Decision::job(sweep), self.now()).await {
            Ok(_) => match self.begin_reconciling().await {
                Ok(()) => match self.begin_tending().await {
                    Ok(()) => self.begin_reading_directories().await,
                    Err(error) => Err(error),
                },
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        if let Err(error) = &queued {
            tracing::error!(error = error as &dyn std::error::Error, "upkeep cannot be queued yet");
        }
        queued.is_ok()
    }

    async fn lease(&self, limit: usize) -> Result<Leased, StoreError> {
        let now = self.now();
        self.ports.store.lease(limit, now, now + LEASE).await
    }

    async fn lease_logged(&self, limit: usize) -> Leased {
        let later = |app: &Self| Leased { lanes: Vec::new(), next_due: Some(app.now() + STORE_PAUSE) };
        if limit == 0 {
            return Leased::default();
        }
        if self.unsettled.0.load(Ordering::Relaxed) > 0 {
            return later(self);
        }
        self.lease(limit).await.unwrap_or_else(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the outbox cannot be read; nothing is sent until it can"
            );
            later(self)
        })
    }

    /// Performs a lane's jobs in order until one must wait; returns how many ended.
    async fn work_off(&self, mut lease: LaneLease, stop: &watch::Receiver<bool>) -> usize {
        let jobs = std::mem::take(&mut lease.jobs);
        let mut ended = 0;
        for (place, queued) in jobs.iter().enumerate() {
            if *stop.borrow() {
                break;
            }
            match self.one_job(&mut lease, queued, stop).await {
                Ok(Step::Ended { .. }) => ended += 1,
                Ok(Step::Waits) => {
                    let next = jobs.get(place + 1).filter(|_| place == 0);
                    ended += self.suspect(&mut lease, queued, next, stop).await;
                    break;
                }
                // The result is not kept: the lease must end by itself before anybody performs the job again.
                Err(_) => return ended,
            }
        }
        if let Err(error) = self.ports.store.release(lease).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a lane could not be released; its lease ends by itself"
            );
        }
        // The lane may hold more, or its last job may have queued some.
        self.work.notify_one();
        ended
    }

    /// The first job of a lane has failed again. Where it failed often and the next one goes through, it is the message
    /// that is refused, not the destination that is down: it is tried as plain text, and then given up.
    async fn suspect(
        &self,
        lease: &mut LaneLease,
        head: &Queued,
        next: Option<&Queued>,
        stop: &watch::Receiver<bool>,
    ) -> usize {
        let Some(next) = next.filter(|_| head.job.is_message() && head.attempts + 1 >= SUSPECTED_AFTER) else {
            return 0;
        };
        match self.one_job(lease, next, stop).await {
            Ok(Step::Ended { sent: true }) => {}
            // It ended without a word from the platform, which may be down.
            Ok(Step::Ended { sent: false }) => return 1,
            Ok(Step::Waits) | Err(_) => return 0,
        }
        tracing::warn!(job.id = %head.id, "a message fails where the next one goes through; it is sent as plain text");
        let plain = self.while_leased(lease, self.perform_plainly(head)).await;
        match plain {
            Ok(performed) => 1 + usize::from(self.settle(lease, head, performed, stop).await.is_ok()),
            Err(_) => 1,
        }
    }

    /// Performs and settles one job.
    async fn one_job(
        &self,
        lease: &mut LaneLease,
        queued: &Queued,
        stop: &watch::Receiver<bool>,
    ) -> Result<Step, StoreError> {
        let mut sent = false;
        let outcome = match self.while_leased(lease, self.perform(queued)).await {
            Ok(performed) => {
                sent = performed.as_ref().is_ok_and(Effect::is_sent);
                self.settle(lease, queued, performed, stop).await
            }
            Err(fenced) => Err(fenced),
        };
        if let Err(StoreError::Fenced) = outcome {
            self.show_once_more(queued).await;
        }
        Ok(match outcome? {
            Outcome::Done(_) | Outcome::Dead { .. } | Outcome::Suppressed { .. } => Step::Ended { sent },
            Outcome::Retry { .. } | Outcome::Throttled { .. } | Outcome::Unknown { .. } => Step::Waits,
        })
    }

    /// Lets `work` end, and renews the lease while it takes long.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the lane is somebody else's by now. `work` has ended all the same: what it does outside
    /// could not be stopped, only not be known.
    async fn while_leased<T>(&self, lease: &mut LaneLease, work: impl Future<Output = T>) -> Result<T, StoreError> {
        let mut work = std::pin::pin!(work);
        let mut renew_at = lease.until - MARGIN;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = self.ports.clock.sleep_until(renew_at) => match self.renew(lease).await {
                    Ok(at) => renew_at = at,
                    Err(error) => {
                        work.await;
                        return Err(error);
                    }
                },
            }
        }
    }

    /// Somebody else has performed the job meanwhile, and perhaps before us: then the card's message says what it said before.
    async fn show_once_more(&self, queued: &Queued) {
        let Job::Show { account, card } = &queued.job else { return };
        tracing::warn!(job.id = %queued.id, "a lane was taken over while its card was being shown; it is shown once more");
        for _ in 0..TRIES {
            let Ok(Some(card)) = self.ports.facts.card(account, card).await else { return };
            let again = self.core().shown_again(&card);
            match self.ports.store.commit(&[], &again, self.now()).await {
                Ok(_) => return self.work.notify_one(),
                Err(StoreError::Conflict) => {}
                Err(_) => self.ports.clock.sleep_until(self.now() + STORE_PAUSE).await,
            }
        }
    }

    /// Renews a lease, and says when to do so next.
    async fn renew(&self, lease: &mut LaneLease) -> Result<Timestamp, StoreError> {
        let until = self.now() + LEASE;
        match self.ports.store.renew(lease, until).await {
            Ok(()) => {
                lease.until = until;
                Ok(until - MARGIN)
            }
            Err(StoreError::Fenced) => Err(StoreError::Fenced),
            // The store is ill; the lease may still be ours when it is well.
            Err(_) => Ok(self.now() + STORE_PAUSE),
        }
    }

    /// Decides what follows from a result and stores it; the remote effect is not repeated, however often this must be
    /// tried. Where the store does not take it, nothing new is begun until it does, or until the program ends.
    async fn settle(
        &self,
        lease: &LaneLease,
        queued: &Queued,
        performed: Performed,
        stop: &watch::Receiver<bool>,
    ) -> Result<Outcome, StoreError> {
        let mut conflicts = 0;
        let mut pending = None;
        loop {
            match self.settle_once(lease, queued, &performed, conflicts).await {
                Ok(outcome) => {
                    self.count(queued, &performed, &outcome);
                    return Ok(outcome);
                }
                Err(StoreError::Conflict) => conflicts += 1,
                Err(StoreError::Fenced) => return Err(StoreError::Fenced),
                Err(error) if *stop.borrow() => return Err(error),
                Err(error) => {
                    pending.get_or_insert_with(|| Waiting::begin(&self.unsettled, queued, &error));
                    self.ports.clock.sleep_until(self.now() + STORE_PAUSE).await;
                }
            }
        }
    }

    async fn settle_once(
        &self,
        lease: &LaneLease,
        queued: &Queued,
        performed: &Performed,
        conflicts: usize,
    ) -> Result<Outcome, StoreError> {
        let outcome = match conflicts {
            0..TRIES => match caught(queued, self.conclude(queued, performed)).await {
                Some(Err(error @ StoreError::Corrupt { .. })) => self.unreadable(queued, error),
                Some(concluded) => concluded?,
                // What it did outside is done; doing it again and again would not help.
                None => Outcome::Dead { why: "what follows could not be decided".into(), then: Decision::nothing() },
            },
            // Whoever else writes this row is not done yet: later, and nothing that could conflict.
            _ => Outcome::Retry { at: self.now() + PATIENCE },
        };
        let outcome = self.ended_with_tending(outcome);
        self.ports.store.settle(lease, &queued.id, &outcome, self.now()).await?;
        Ok(outcome)
    }

    /// A row that what follows depends on cannot be read, now or later. That must not hold up anything else.
    fn unreadable(&self, queued: &Queued, error: StoreError) -> Outcome {
        tracing::error!(error = &error as &dyn std::error::Error, job.id = %queued.id, "what a job needs cannot be read");
        match &queued.job {
            Job::Reconcile { .. } | Job::ReadDirectory { .. } | Job::TendHooks | Job::Sweep => {
                Outcome::Retry { at: self.now() + RECONCILE_EVERY }
            }
            _ => Outcome::Dead { why: chain(&(Box::new(error) as BoxError)), then: Decision::nothing() },
        }
    }

    fn count(&self, queued: &Queued, performed: &Performed, outcome: &Outcome) {
        let kind = match performed {
            Ok(Effect::Edited(_)) => "edit",
            _ => queued.job.kind(),
        };
        metrics::counter!("zentry_jobs_total", "kind" => kind, "outcome" => outcome.word()).increment(1);
        if let Ok(Effect::Posted { .. }) = performed {
            let lag = self.now().since(queued.since);
            metrics::histogram!("zentry_job_lag_seconds").record(lag.as_secs_f64());
        }
        if let Outcome::Dead { why, .. } = outcome {
            tracing::error!(job.id = %queued.id, job.kind = kind, why, "a job was given up; it is kept as a dead letter");
        }
    }
}

/// What became of one job of a lane.
enum Step {
    /// It ended, so that the next may begin.
    Ended {
        /// The platform took a message of it.
        sent: bool,
    },
    /// It must wait, and the lane with it.
    Waits,
}

/// Counts itself among the unsettled results for as long as it lives.
struct Waiting<'a>(&'a Unsettled);

impl<'a> Waiting<'a> {
    fn begin(unsettled: &'a Unsettled, queued: &Queued, error: &StoreError) -> Self {
        tracing::error!(
            error = error as &dyn std::error::Error,
            job.id = %queued.id,
            "a job's result cannot be stored; nothing new is begun until it can"
        );
        unsettled.0.fetch_add(1, Ordering::Relaxed);
        Self(unsettled)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn log_panic(ended: Result<usize, tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a worker panicked; its lane is taken up again when the lease ends");
    }
}
