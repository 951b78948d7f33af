//! The way out: lanes are leased, their jobs performed in order and settled.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use zentry_domain::ports::{LaneLease, Leased, StoreError};
use zentry_domain::{Decision, Job, Lane, NewJob, Outcome, Queued};

use crate::App;

/// Lanes worked on at once; as many as there are senders.
const LANES: usize = 16;
/// How long a lease holds. Longer than any one job takes.
const LEASE: Duration = Duration::from_secs(30);
/// What must be left of a lease before another job of it begins: a call takes ten seconds at most, and may be made twice.
const MARGIN: Duration = Duration::from_secs(25);
/// How long to wait for a wake-up before looking anyway.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a job is performed anew because a row moved on under its result.
const TRIES: usize = 8;

impl App {
    /// Performs what is committed until `stop` turns true, then lets what has begun end.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut busy = JoinSet::new();
        self.begin_upkeep().await;
        while !*stop.borrow() {
            // Registered before looking, so that what is committed meanwhile is not missed.
            let woken = self.work.notified();
            let leased = self.lease_logged(LANES - busy.len()).await;
            for lane in leased.lanes {
                let app = Arc::clone(&self);
                busy.spawn(async move { app.work_off(lane).await });
            }
            let look_again = leased.next_due.unwrap_or(self.now() + PATIENCE).min(self.now() + PATIENCE);
            tokio::select! {
                () = woken => {}
                () = self.ports.clock.sleep_until(look_again), if busy.len() < LANES => {}
                Some(ended) = busy.join_next() => log_panic(ended),
                _ = stop.changed() => {}
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
        let mut ended = 0;
        loop {
            let leased = self.lease(LANES).await?;
            if leased.lanes.is_empty() {
                return Ok(ended);
            }
            for lane in leased.lanes {
                ended += self.work_off(lane).await;
            }
        }
    }

    /// Upkeep keeps itself going; this starts it, once per store.
    async fn begin_upkeep(&self) {
        let sweep = NewJob::now(Lane::upkeep(), Job::Sweep, &*self.ports.random);
        if let Err(error) = self.ports.store.commit(&[], &Decision::job(sweep), self.now()).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "upkeep could not be queued; restart once the store is well"
            );
        }
    }

    async fn lease(&self, limit: usize) -> Result<Leased, StoreError> {
        let now = self.now();
        self.ports.store.lease(limit, now, now + LEASE).await
    }

    async fn lease_logged(&self, limit: usize) -> Leased {
        if limit == 0 {
            return Leased::default();
        }
        self.lease(limit).await.unwrap_or_else(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the outbox cannot be read; nothing is sent until it can"
            );
            Leased { lanes: Vec::new(), next_due: Some(self.now() + Duration::from_secs(1)) }
        })
    }

    /// Performs a lane's jobs in order until one must wait; returns how many ended.
    async fn work_off(&self, mut lease: LaneLease) -> usize {
        let mut ended = 0;
        for queued in std::mem::take(&mut lease.jobs) {
            match self.one_job(&mut lease, &queued).await {
                Ok(true) => ended += 1,
                Ok(false) | Err(StoreError::Fenced) => break,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        job.id = %queued.id,
                        "a job's result could not be stored; it will be performed again"
                    );
                    break;
                }
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

    /// Performs and settles one job. True if it ended, so that the next may begin.
    async fn one_job(&self, lease: &mut LaneLease, queued: &Queued) -> Result<bool, StoreError> {
        let now = self.now();
        if lease.until.since(now) < MARGIN {
            self.ports.store.renew(lease, now + LEASE).await?;
            lease.until = now + LEASE;
        }
        for _ in 0..TRIES {
            let outcome = self.perform(queued).await;
            match self.ports.store.settle(lease, &queued.id, &outcome, self.now()).await {
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.count(queued, &outcome);
                    return Ok(matches!(outcome, Outcome::Done(_) | Outcome::Dead { .. } | Outcome::Suppressed { .. }));
                }
            }
        }
        Err(StoreError::Conflict)
    }

    fn count(&self, queued: &Queued, outcome: &Outcome) {
        metrics::counter!("zentry_jobs_total", "kind" => queued.job.kind(), "outcome" => outcome.word()).increment(1);
        if let (Job::Show { .. }, Outcome::Done(_)) = (&queued.job, outcome) {
            let lag = self.now().since(queued.since);
            metrics::histogram!("zentry_job_lag_seconds").record(lag.as_secs_f64());
        }
        if let Outcome::Dead { why, .. } = outcome {
            tracing::error!(job.id = %queued.id, job.kind = queued.job.kind(), why, "a job was given up; it is kept as a dead letter");
        }
    }
}

fn log_panic(ended: Result<usize, tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a worker panicked; its lane is taken up again when the lease ends");
    }
}
