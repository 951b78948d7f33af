//! The real app between the fakes: its requests, its two workers, its deaths, and its coming to rest.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use zentry_app::{Accepted, App, CameBack, Ports, SentryStart};
use zentry_contract::fake::{FakeClock, FakeStore, SeededRandom};
use zentry_contract::sample::{START, project};
use zentry_domain::ports::StoreError;
use zentry_domain::{
    Decision, Deployment, Event, Facts, InstallationId, IssueId, Job, Lane, NewJob, RowChange, Secret, Store, Timestamp,
};

use crate::actions::{ALL, Action};
use crate::cast::deployment;
use crate::checks;
use crate::gaps;
use crate::ports::{Watched, at_once};

/// No request takes longer, in seconds: whoever sent it has given it up by then.
const LONGEST_REQUEST: i64 = 8;

/// A browser that was sent to Sentry.
pub(crate) struct Visit {
    pub(crate) url: String,
    pub(crate) cookie: Secret,
    pub(crate) person: usize,
}

/// What a request or a worker came to.
pub(crate) enum Reply {
    Delivered(usize, Result<Accepted, StoreError>),
    Started(usize, Result<SentryStart, StoreError>),
    CameBack(usize, Result<CameBack, StoreError>),
    Done,
}

type Task = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// The app and everything around it.
pub(crate) struct World {
    pub(crate) app: Arc<App>,
    ports: Ports,
    deployment: Deployment,
    pub(crate) watched: Arc<Watched>,
    workers: [Option<Task>; 2],
    requests: Vec<Task>,
    pub(crate) slowly: Option<usize>,
    pub(crate) visits: Vec<Visit>,
    pub(crate) codes: Vec<(usize, Secret)>,
    pub(crate) figures: u64,
    /// In which environments issues have happened.
    pub(crate) seen: HashSet<(IssueId, String)>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let deployment = deployment(seed);
        let (store, clock) = (Arc::new(FakeStore::default()), Arc::new(FakeClock::at(START)));
        let watched = Arc::new(Watched::new(Arc::clone(&store), &deployment, Arc::clone(&clock)));
        let ports = Ports {
            store: Arc::<Watched>::clone(&watched),
            facts: store,
            chat: Arc::<Watched>::clone(&watched),
            tracker: Arc::<Watched>::clone(&watched),
            directory: None,
            clock,
            random: Arc::new(SeededRandom::new(seed)),
        };
        let app = Arc::new(App::new(ports.clone(), deployment.clone()));
        let mut world = Self {
            app,
            ports,
            deployment,
            watched,
            workers: [None, None],
            requests: Vec::new(),
            slowly: None,
            visits: Vec::new(),
            codes: Vec::new(),
            figures: 0,
            seen: HashSet::new(),
        };
        let (installation, org) = (InstallationId::new("acme"), project("web").org);
        world.comes(Event::IntegrationInstalled { installation, org, code: None });
        world.begin_upkeep();
        world
    }

    // === the process ===

    pub(crate) fn store_fails(&mut self) {
        self.watched.record(|record| record.count("outages"));
        self.finish(1);
        self.watched.set_down(true);
    }

    /// Whoever has a result in hand stores it before anybody looks for more work, as in production.
    pub(crate) fn store_works(&mut self) {
        self.watched.set_down(false);
        self.finish(0);
    }

    /// A process that dies forgets what it was about, and whom it had leased what.
    pub(crate) fn dies(&mut self, away: i64) {
        self.workers = [None, None];
        self.requests.clear();
        self.watched.record(|record| record.died());
        self.watched.store.restart();
        self.watched.clock.set(Timestamp(self.watched.now().0 + away * 1_000));
        self.app = Arc::new(App::new(self.ports.clone(), self.deployment.clone()));
        self.begin_upkeep();
    }

    /// A process whose clock leaps goes on with what it has in hand, and renews its lease, before it looks for more.
    pub(crate) fn passes(&mut self, seconds: i64) {
        self.finish(1);
        if seconds.abs() > LONGEST_REQUEST {
            self.requests_go_on(ALL);
        }
        if seconds < 0 {
            self.watched.record(|record| record.clock_set_back());
        }
        let now = self.watched.now();
        self.watched.clock.set(Timestamp(now.0 + seconds * 1_000));
        if !self.watched.is_down() {
            self.notice_clock(now);
            self.finish(0);
        }
    }

    /// As a process does where its clock was set back.
    fn notice_clock(&self, latest: Timestamp) {
        let (now, by) = (self.watched.now(), latest.since(self.watched.now()));
        let set_back = Decision::nothing().and(RowChange::ClockSetBack { by });
        at_once(self.watched.store.commit(&[], &set_back, now)).expect("a store that is up");
    }

    /// A worker's call takes so long that its lease ends: another worker takes over what it was about.
    pub(crate) fn is_overtaken(&mut self, waits: usize) {
        const LEASE: Duration = Duration::from_secs(31);
        if self.workers[0].is_none() || self.watched.is_down() {
            return;
        }
        self.finish(1);
        self.requests_go_on(ALL);
        self.watched.clock.advance(LEASE);
        self.works(1, waits);
    }

    // === work ===

    /// As a process begins: the store is swept, and Sentry asked for what was missed.
    fn begin_upkeep(&self) {
        let (now, random) = (self.watched.now(), &*self.ports.random);
        self.watched.record(|record| record.started(now));
        let orgs = self.watched.read(self.watched.store.subscribed_orgs());
        let asks = orgs.into_iter().map(|org| {
            let wait = Duration::from_secs(2) + Duration::from_secs(4).mul_f64(random.unit());
            NewJob::now(Lane::reconcile(&org), Job::Reconcile { org }, random).at(now + wait)
        });
        let begun = asks.fold(Decision::job(NewJob::now(Lane::upkeep(), Job::Sweep, random)), Decision::then);
        // While the store is down it is queued by the next process.
        drop(at_once(self.watched.store.commit(&[], &begun, now)));
    }

    /// The second worker is a lane beside another: it begins only where the first one does not wait for the store.
    pub(crate) fn works(&mut self, worker: usize, waits: usize) {
        if worker == 1 && self.watched.is_down() {
            return;
        }
        let app = Arc::clone(&self.app);
        let task = self.workers[worker].take().unwrap_or_else(|| {
            Box::pin(async move {
                // Where the outbox cannot be read, the next worker tries again.
                drop(app.step().await);
                Reply::Done
            })
        });
        self.workers[worker] = self.drive(task, waits);
    }

    /// Lets a worker that is under way end, however long it must wait.
    fn finish(&mut self, worker: usize) {
        let mut patience = Duration::from_secs(1);
        while let Some(task) = self.workers[worker].take() {
            self.workers[worker] = self.drive(task, ALL);
            if self.workers[worker].is_some() {
                self.watched.clock.advance(patience);
                patience *= 2;
            }
            assert!(patience < Duration::from_secs(1 << 20), "a worker does not end");
        }
    }

    pub(crate) fn begin(&mut self, request: impl Future<Output = Reply> + Send + 'static) {
        let waits = self.slowly.take().unwrap_or(ALL);
        let left = self.drive(Box::pin(request), waits);
        self.requests.extend(left);
    }

    pub(crate) fn requests_go_on(&mut self, waits: usize) {
        for request in std::mem::take(&mut self.requests) {
            let left = self.drive(request, waits);
            self.requests.extend(left);
        }
    }

    /// Polls a task so often, or until it waits for the clock. What is left of it comes back.
    fn drive(&mut self, mut task: Task, waits: usize) -> Option<Task> {
        for _ in 0..waits {
            let before = self.watched.waits();
            match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(reply) => {
                    self.hear(reply);
                    return None;
                }
                Poll::Pending if self.watched.waits() == before => break,
                Poll::Pending => {}
            }
        }
        Some(task)
    }

    fn hear(&mut self, reply: Reply) {
        match reply {
            Reply::Delivered(number, answer) => self.watched.record(|record| {
                let begun = record.deliveries[number].begun.take().unwrap_or_default();
                let event = record.deliveries[number].event.clone();
                match answer {
                    Ok(Accepted::Ignored) => {
                        record.must(checks::what_is_ignored_concerns_nobody(record, &self.watched, &event, begun));
                    }
                    Ok(Accepted::Kept | Accepted::Repeat) => {
                        assert!(record.deliveries[number].committed.is_some(), "{event:?} is not kept");
                    }
                    Err(_) => record.count("refused deliveries"),
                }
            }),
            Reply::Started(person, Ok(SentryStart::Go { url, cookie })) => {
                self.visits.push(Visit { url, cookie, person });
            }
            Reply::CameBack(person, Ok(CameBack::Code { code, .. })) => self.codes.push((person, code)),
            _ => {}
        }
    }

    // === the end ===

    /// Everything is well again, also the clock, and time passes until nothing is due but upkeep.
    pub(crate) fn comes_to_rest(&mut self) {
        self.slowly = None;
        self.watched.set_down(false);
        self.watched.record(|record| {
            record.chat_faults.clear();
            record.tracker_faults.clear();
        });
        self.goes_wrong(&Action::Reopens);
        self.finish(0);
        self.finish(1);
        self.requests_go_on(ALL);
        self.watched.clock.set(self.watched.latest());
        let mut quiet_since = None;
        for _ in 0..500 {
            self.works(0, ALL);
            self.finish(0);
            let now = self.watched.now();
            let upkeep = |job: &Job| matches!(job, Job::Sweep | Job::Reconcile { .. } | Job::Reread { .. });
            let is_quiet = self.watched.store.waiting().iter().all(|(_, job)| upkeep(job));
            if is_quiet && now.since(*quiet_since.get_or_insert(now)) > gaps::AN_HOUR_AND_A_BIT {
                let mut broken = self.watched.record(|record| checks::at_the_end(record, &self.watched));
                broken.extend(self.watched.record(|record| gaps::at_the_end(record, &self.watched)));
                return self.watched.record(|record| record.broken.extend(broken));
            }
            self.until_something_is_due();
        }
        let left = self.watched.store.waiting();
        self.watched.record(|record| record.broken.push(format!("work comes to an end: {left:?}")));
    }

    fn until_something_is_due(&self) {
        let now = self.watched.now();
        let due = self.watched.read(self.watched.store.lease(0, now, now)).next_due;
        // A lane that was left without being given back is free again when its lease ends.
        self.watched.clock.set(due.unwrap_or(now).max(now + Duration::from_secs(1)));
    }
}
