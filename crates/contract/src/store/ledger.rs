use std::collections::HashMap;

use zentry_domain::ports::Backlog;

use super::*;

pub async fn a_counted_job_is_pending_until_it_is_delivered(bench: &impl Bench) {
    assert_eq!(ledger(bench).await, Ledger::default());
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "ops"))])).await;
    assert_eq!(ledger(bench).await, Ledger { accepted: 2, pending: 2, ..Ledger::default() });

    let held = lease_one(bench, START, LATER).await;
    // What follows from it is a notice of its own.
    settle(bench, &held, "a", Outcome::Done(queue([job("c", lane("acc", "dev"))]))).await.expect("settled");
    assert_eq!(ledger(bench).await, Ledger { accepted: 3, delivered: 1, pending: 2, ..Ledger::default() });
}

pub async fn an_uncounted_job_leaves_the_ledger_alone(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    let uncounted = |id: &str| job(id, ops.clone()).uncounted();
    commit(bench, queue(["a", "b", "c", "d", "e"].map(uncounted))).await;
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "a", done()).await.expect("settled");
    let then = Decision::nothing();
    settle(bench, &held, "b", Outcome::Suppressed { reason: Suppression::Muted, then }).await.expect("settled");
    for id in ["c", "d"] {
        settle(bench, &held, id, dead("gone")).await.expect("settled");
    }
    commit(bench, change(RowChange::DropDead(JobId::new("c")))).await;
    commit(bench, change(RowChange::Replay(JobId::new("d")))).await;
    commit(bench, change(RowChange::ClearLane(ops.clone()))).await;
    commit(bench, queue([uncounted("f")])).await;
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    assert_eq!(ledger(bench).await, Ledger::default());
}

pub async fn a_counted_job_that_is_left_out_is_merged(bench: &impl Bench) {
    let card = card("h1", sample::ops());
    commit(bench, queue([show("a", &card).uncounted(), show("b", &card), show("c", &card).uncounted()])).await;
    let found = ledger(bench).await;
    assert_eq!((found.accepted, found.pending, found.delivered), (1, 0, 0));
    assert_eq!(of(&found, Suppression::Merged), 1);

    commit(bench, queue([show("d", &card)])).await;
    assert_eq!(of(&ledger(bench).await, Suppression::Merged), 2);
}

pub async fn notices_suppressed_at_once_are_accepted_too(bench: &impl Bench) {
    let count = |reason, notices| RowChange::Count { reason, notices };
    commit(bench, change(count(Suppression::Filtered, 3)).and(count(Suppression::Storm, 2))).await;
    commit(bench, change(count(Suppression::Filtered, 1)).and(count(Suppression::Muted, 0))).await;
    let found = ledger(bench).await;
    assert_eq!(found.accepted, 6);
    assert_eq!([Suppression::Filtered, Suppression::Storm, Suppression::Muted].map(|r| of(&found, r)), [4, 2, 0]);
}

pub async fn a_suppressed_job_is_counted_by_its_reason(bench: &impl Bench) {
    commit(bench, queue(Suppression::ALL.map(|reason| job(reason.word(), lane("acc", "ops"))))).await;
    let held = lease_one(bench, START, LATER).await;
    for (settled, reason) in (1..).zip(Suppression::ALL) {
        let suppressed = Outcome::Suppressed { reason, then: Decision::nothing() };
        settle(bench, &held, reason.word(), suppressed).await.expect("settled");
        let found = ledger(bench).await;
        assert_eq!((of(&found, reason), found.pending), (1, 7 - settled));
    }
}

pub async fn a_job_that_must_wait_stays_pending(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "ops"))])).await;
    let before = ledger(bench).await;
    let held = lease_one(bench, START, LATER).await;
    for id in ["a", "b"] {
        let (at, until) = (after(1_000), after(1_000));
        for waits in [Outcome::Retry { at }, Outcome::Unknown { at }, Outcome::Throttled { until }] {
            settle(bench, &held, id, waits).await.expect("settled");
            assert_eq!(ledger(bench).await, before);
        }
    }
}

pub async fn a_job_given_up_counts_as_dead_until_it_is_replayed_or_dropped(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops"))])).await;
    give_up(bench, "a").await;
    assert_eq!(ledger(bench).await, Ledger { accepted: 1, dead: 1, ..Ledger::default() });

    commit(bench, change(RowChange::Replay(JobId::new("a")))).await;
    assert_eq!(ledger(bench).await, Ledger { accepted: 1, pending: 1, ..Ledger::default() });
    give_up(bench, "a").await;
    commit(bench, change(RowChange::DropDead(JobId::new("a")))).await;
    let found = ledger(bench).await;
    assert_eq!((found.accepted, found.dead, of(&found, Suppression::Held)), (1, 0, 1));
}

pub async fn the_backlog_is_every_job_that_waits_or_was_given_up(bench: &impl Bench) {
    let backlog = async || bench.journal().backlog().await.expect("a backlog");
    assert_eq!(backlog().await, Backlog::default());
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "ops")).uncounted()])).await;
    assert_eq!(backlog().await, Backlog { waiting: 2, dead: 0 });
    give_up(bench, "a").await;
    give_up(bench, "b").await;
    commit(bench, queue([job("c", lane("other", "dev"))])).await;
    assert_eq!(backlog().await, Backlog { waiting: 1, dead: 2 });
    bench.restart().await;
    assert_eq!(backlog().await, Backlog { waiting: 1, dead: 2 });
    commit(bench, change(RowChange::DropDead(JobId::new("a")))).await;
    commit(bench, change(RowChange::Replay(JobId::new("b")))).await;
    assert_eq!(backlog().await, Backlog { waiting: 2, dead: 0 });
    commit(bench, queue([job("r", Lane::reread(&IssueId::new("42")))])).await;
    assert_eq!(
        backlog().await,
        Backlog { waiting: 2, dead: 0 },
        "that cards are read again is nothing to catch up with"
    );
}

pub async fn what_a_cleared_lane_held_is_disconnected(bench: &impl Bench) {
    let ops = lane("acc", "ops");
    commit(bench, queue([job("a", ops.clone()), job("b", ops.clone()).uncounted(), job("c", ops.clone())])).await;
    commit(bench, queue([job("d", lane("acc", "dev"))])).await;
    commit(bench, change(RowChange::ClearLane(ops))).await;
    let found = ledger(bench).await;
    assert_eq!((found.pending, of(&found, Suppression::Disconnected)), (1, 2));
}

pub async fn what_a_purged_account_held_is_deauthorized(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "ops"))])).await;
    give_up(bench, "a").await;
    commit(bench, queue([job("c", lane("acc", "dev")), job("d", lane("other", "ops"))])).await;
    commit(bench, change(RowChange::PurgeAccount(acc()))).await;
    let found = ledger(bench).await;
    assert_eq!((found.pending, found.dead, of(&found, Suppression::Deauthorized)), (1, 0, 3));
}

pub async fn dead_letters_that_are_swept_are_held(bench: &impl Bench) {
    commit(bench, queue([job("a", lane("acc", "ops")), job("b", lane("acc", "ops")).uncounted()])).await;
    for id in ["a", "b"] {
        give_up(bench, id).await;
    }
    commit(bench, change(RowChange::Sweep { now: after(31 * DAY) })).await;
    let found = ledger(bench).await;
    assert_eq!((found.dead, of(&found, Suppression::Held)), (0, 1));
}

pub async fn what_conflicts_or_repeats_is_not_counted(bench: &impl Bench) {
    let counted = change(RowChange::Count { reason: Suppression::Filtered, notices: 1 })
        .then(job("a", lane("acc", "ops")))
        .then(show("b", &card("h1", sample::ops())))
        .then(show("c", &card("h1", sample::ops())));
    for _ in 0..2 {
        bench.store().commit(&[key(1)], &counted, START).await.expect("committed");
    }
    let before = ledger(bench).await;
    assert_eq!(before.accepted, 4);
    // The last job's name is taken.
    conflicts(bench, Decision { jobs: counted.jobs.iter().rev().cloned().collect(), ..counted }).await;
    assert_eq!(ledger(bench).await, before);
}

pub async fn the_ledger_survives_a_restart(bench: &impl Bench) {
    commit(bench, queue(["a", "b", "c", "d"].map(|id| job(id, lane("acc", "ops"))))).await;
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, "a", done()).await.expect("settled");
    settle(bench, &held, "b", dead("gone")).await.expect("settled");
    let then = Decision::nothing();
    settle(bench, &held, "c", Outcome::Suppressed { reason: Suppression::Storm, then }).await.expect("settled");
    let before = ledger(bench).await;
    assert_eq!((before.accepted, before.delivered, before.pending, before.dead), (4, 1, 1, 1));
    bench.restart().await;
    assert_eq!(ledger(bench).await, before);
}

pub async fn the_ledger_adds_up_whatever_happens(bench: &impl Bench) {
    let mut life = Life::new(bench, 0x5eed_1e55);
    for _ in 0..400 {
        life.one_thing_happens().await;
        life.check().await;
    }
    // Every entry was used, or the above proves little.
    let found = ledger(bench).await;
    assert!(found.delivered > 0 && life.most_dead > 1 && life.most_pending > 1, "{found:?}");
    assert!(Suppression::ALL.iter().all(|reason| of(&found, *reason) > 0), "{found:?}");
}

fn of(ledger: &Ledger, reason: Suppression) -> u64 {
    ledger.suppressed.get(&reason).copied().unwrap_or_default()
}

// === a life at random, the same every time ===

/// What happens to a store, and what its ledger must say of it.
struct Life<'a, B> {
    bench: &'a B,
    dice: u64,
    named: u64,
    /// Of each job that ever was, whether it is counted.
    jobs: HashMap<JobId, bool>,
    now: Timestamp,
    accepted: u64,
    delivered: u64,
    most_pending: u64,
    most_dead: u64,
}

impl<'a, B: Bench> Life<'a, B> {
    fn new(bench: &'a B, seed: u64) -> Self {
        let (jobs, now) = (HashMap::new(), START);
        Self { bench, dice: seed, named: 0, jobs, now, accepted: 0, delivered: 0, most_pending: 0, most_dead: 0 }
    }

    /// A number below `sides` (splitmix64).
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    async fn one_thing_happens(&mut self) {
        let ms = self.roll(20_000);
        self.now = self.now + std::time::Duration::from_millis(ms);
        match self.roll(100) {
            0..40 => self.a_decision_is_committed().await,
            40..85 => self.a_lane_is_worked_off().await,
            85..95 => self.a_decision_conflicts().await,
            95..98 => self.bench.restart().await,
            _ => self.now = self.now + std::time::Duration::from_millis(11 * DAY.unsigned_abs()),
        }
    }

    async fn a_decision_is_committed(&mut self) {
        let decision = self.decision();
        self.accept(&decision);
        commit_at(self.bench, decision, self.now).await;
    }

    async fn a_decision_conflicts(&mut self) {
        let twice = self.job();
        let twice = NewJob { unless_waiting: false, ..twice };
        conflicts(self.bench, self.decision().then(twice.clone()).then(twice)).await;
    }

    async fn a_lane_is_worked_off(&mut self) {
        let until = self.now + std::time::Duration::from_secs(30);
        for held in lease(self.bench, 1, self.now, until).await.lanes {
            for _ in 0..3 {
                let picked = self.roll(held.jobs.len() as u64);
                self.a_job_ends(&held, &held.jobs[picked as usize].id).await;
            }
            release(self.bench, held).await;
        }
    }

    async fn a_job_ends(&mut self, held: &LaneLease, id: &JobId) {
        let then = self.decision();
        let outcome = match self.roll(12) {
            0..4 => Outcome::Done(then),
            4..8 => Outcome::Dead { why: "gone".into(), then },
            8 => Outcome::Suppressed { reason: self.reason(), then },
            9 => Outcome::Retry { at: self.now },
            10 => Outcome::Unknown { at: self.now },
            _ => Outcome::Throttled { until: self.now },
        };
        match self.bench.store().settle(held, id, &outcome, self.now).await {
            Ok(()) => {
                self.ended(id, &outcome);
                self.check().await;
            }
            // It has ended, or what followed from another has taken it off.
            Err(StoreError::Fenced) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn ended(&mut self, id: &JobId, outcome: &Outcome) {
        match outcome {
            Outcome::Done(then) => {
                self.delivered += u64::from(self.jobs[id]);
                self.accept(then);
            }
            Outcome::Dead { then, .. } | Outcome::Suppressed { then, .. } => self.accept(then),
            Outcome::Retry { .. } | Outcome::Unknown { .. } | Outcome::Throttled { .. } => {}
        }
    }

    fn accept(&mut self, decision: &Decision) {
        for change in &decision.changes {
            if let RowChange::Count { notices, .. } = change {
                self.accepted += notices;
            }
        }
        self.accepted += decision.jobs.iter().filter(|job| job.counted).count() as u64;
    }

    fn decision(&mut self) -> Decision {
        let mut decision = Decision::nothing();
        for _ in 0..self.roll(3) {
            decision = decision.then(self.job());
        }
        let change = match self.roll(16) {
            0 | 1 => RowChange::Count { reason: self.reason(), notices: self.roll(3) },
            2 => RowChange::ClearLane(self.lane()),
            3 => RowChange::PurgeAccount(self.lane_account()),
            4 | 5 => RowChange::Replay(self.known_job()),
            6 => RowChange::DropDead(self.known_job()),
            7 | 8 => RowChange::Sweep { now: self.now },
            _ => return decision,
        };
        decision.and(change)
    }

    /// Every third is uncounted, every other is content with an equal one of three.
    fn job(&mut self) -> NewJob {
        self.named += 1;
        let (lane, nth) = (self.lane(), self.roll(3));
        let made = match self.roll(2) {
            0 => saying(&format!("h{nth}"), &format!("hello {nth}"), lane),
            _ => job(&format!("h{nth}"), lane),
        };
        let (id, counted) = (JobId::new(format!("j{}", self.named)), self.roll(3) > 0);
        self.jobs.insert(id.clone(), counted);
        NewJob { id, counted, unless_waiting: self.roll(2) == 0, ..made }
    }

    fn lane(&mut self) -> Lane {
        let account = self.lane_account();
        lane(account.as_str(), ["ops", "dev"][self.roll(2) as usize])
    }

    fn lane_account(&mut self) -> AccountId {
        [acc(), other()][self.roll(2) as usize].clone()
    }

    fn known_job(&mut self) -> JobId {
        JobId::new(format!("j{}", 1 + self.roll(self.named.max(1))))
    }

    fn reason(&mut self) -> Suppression {
        Suppression::ALL[self.roll(Suppression::ALL.len() as u64) as usize]
    }

    async fn check(&mut self) {
        let found = ledger(self.bench).await;
        assert_eq!((found.accepted, found.delivered), (self.accepted, self.delivered));
        self.most_pending = self.most_pending.max(found.pending);
        self.most_dead = self.most_dead.max(found.dead);
    }
}
