//! A second connection beside the one that serves, for operators' commands.

#[expect(dead_code, reason = "no test file needs every helper")]
mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::{Disk, commit, credential};
use tokio::sync::{Semaphore, watch};
use zentry_contract::sample::{self, START};
use zentry_domain::ports::StoreError;
use zentry_domain::{
    Account, AccountId, Address, Answer, Clock, Decision, Facts, Job, JobId, Journal, Lane, NewJob, Notice, Outcome,
    RowChange, Secret, Store, Timestamp, Vault,
};
use zentry_seal::{Keyring, new_key};
use zentry_sqlite::{OpenError, Sqlite};

const LATER: Timestamp = Timestamp(START.0 + 30_000);

#[tokio::test]
async fn what_is_replayed_beside_is_performed_by_the_one_that_serves() {
    let disk = Disk::new();
    let serving = disk.open();
    die(&serving, "a").await;

    let beside = beside(&disk, &disk.keys).unwrap();
    let letters = beside.store().dead_letters().await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.id.as_str()).collect::<Vec<_>>(), ["a"]);
    commit(&beside, Decision::nothing().and(RowChange::Replay(JobId::new("a")))).await;

    let leased = serving.store().lease(10, START, LATER).await.unwrap();
    assert_eq!(leased.lanes[0].jobs[0].id, JobId::new("a"));
    let done = Outcome::Done(Decision::nothing());
    serving.store().settle(&leased.lanes[0], &JobId::new("a"), &done, START).await.unwrap();
    let ledger = beside.store().ledger().await.unwrap();
    assert!(ledger.adds_up() && ledger.delivered == 1, "{ledger:?}");
}

#[tokio::test]
async fn what_is_cleared_beside_is_fenced_off_where_it_is_in_hand() {
    let disk = Disk::new();
    let serving = disk.open();
    commit(&serving, Decision::job(answer("a"))).await;
    let leased = serving.store().lease(10, START, LATER).await.unwrap();
    commit(&beside(&disk, &disk.keys).unwrap(), Decision::nothing().and(RowChange::ClearLane(answer("a").lane))).await;

    let retry = Outcome::Retry { at: START };
    let late = serving.store().settle(&leased.lanes[0], &JobId::new("a"), &retry, START).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
}

#[tokio::test]
async fn only_the_one_that_serves_leases() {
    let disk = Disk::new();
    let serving = disk.open();
    commit(&serving, Decision::job(answer("a"))).await;
    let refused = beside(&disk, &disk.keys).unwrap().store().lease(10, START, LATER).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.to_string().contains("beside")), "{refused:?}");
    assert_eq!(serving.store().lease(10, START, LATER).await.unwrap().lanes.len(), 1);
}

#[tokio::test]
async fn coming_and_going_beside_disturbs_nobody() {
    let disk = Disk::new();
    let serving = disk.open();
    for n in 0..20 {
        let account = AccountId::new(format!("acc{n}"));
        let beside = beside(&disk, &disk.keys).unwrap();
        let put = |id: &AccountId| {
            Decision::nothing().and(RowChange::PutAccount(Account { id: id.clone(), installer: None, since: None }))
        };
        let (ours, theirs) = (put(&account), Decision::job(answer(&format!("j{n}"))));
        tokio::join!(commit(&beside, ours), commit(&serving, theirs));
        beside.close().await;
        assert!(!beside.is_well() && serving.is_well());
        assert!(serving.store().account(&account).await.unwrap().is_some());
    }
    assert_eq!(serving.store().ledger().await.unwrap().pending, 20);
    serving.check().await.unwrap();
    assert!(matches!(disk.try_open(&disk.keys), Err(OpenError::Locked { .. })), "the lock was never given up");
}

#[tokio::test]
async fn what_was_done_beside_a_store_that_is_closed_is_kept() {
    let disk = Disk::new();
    let serving = disk.open();
    die(&serving, "a").await;
    serving.close().await;

    let beside = beside(&disk, &disk.keys).unwrap();
    commit(&beside, Decision::nothing().and(RowChange::Replay(JobId::new("a")))).await;
    beside.close().await;
    assert!(!disk.beside("-wal").exists(), "who leaves last moves the log into the file");
    assert_eq!(disk.open().store().lease(10, START, LATER).await.unwrap().lanes.len(), 1);
}

#[tokio::test]
async fn a_file_that_is_not_exactly_ours_is_refused_and_left_as_it_is() {
    let disk = Disk::new();
    let refused = beside(&disk, &disk.keys).unwrap_err();
    assert!(matches!(refused, OpenError::Unreadable { .. }), "{refused:?}");
    assert!(!disk.path().exists(), "it makes no file");

    std::fs::write(disk.path(), "").unwrap();
    let refused = beside(&disk, &disk.keys).unwrap_err();
    assert!(matches!(refused, OpenError::Older { found: 0, .. }), "{refused:?}");
    assert!(disk.bytes().is_empty());

    disk.open().close().await;
    disk.tamper("PRAGMA user_version = 0");
    let before = std::fs::read(disk.path()).unwrap();
    let refused = beside(&disk, &disk.keys).unwrap_err();
    assert!(refused.to_string().contains("has schema 0, and this build needs 12"), "{refused}");
    assert_eq!(std::fs::read(disk.path()).unwrap(), before);
    disk.tamper("PRAGMA user_version = 99");
    assert!(matches!(beside(&disk, &disk.keys), Err(OpenError::Newer { found: 99, .. })));
    disk.tamper("PRAGMA application_id = 7");
    assert!(matches!(beside(&disk, &disk.keys), Err(OpenError::Foreign { .. })));
}

#[tokio::test]
async fn what_another_process_commits_is_noticed_and_what_this_one_commits_is_not() {
    let disk = Disk::new();
    let serving = disk.open();
    let beside = beside(&disk, &disk.keys).unwrap();
    let clock = Arc::new(Steps::default());
    let put = |name: &str| {
        let account = Account { id: AccountId::new(name), installer: None, since: None };
        Decision::nothing().and(RowChange::PutAccount(account))
    };
    let watch = |clock: &Arc<Steps>| {
        let (store, clock) = (serving.store(), Arc::clone(clock));
        tokio::spawn(async move { store.changed_beside(&*clock).await })
    };
    let mut noticed = watch(&clock);
    clock.looked(1).await;
    for round in 2..5 {
        commit(&serving, put(&format!("ours{round}"))).await;
        clock.go.add_permits(1);
        clock.looked(round).await;
        assert!(!noticed.is_finished());
    }
    commit(&beside, put("theirs")).await;
    clock.go.add_permits(1);
    noticed.await.unwrap().unwrap();

    // What happens between two calls is not missed.
    commit(&beside, put("theirs too")).await;
    watch(&clock).await.unwrap().unwrap();
    noticed = watch(&clock);
    clock.looked(5).await;
    serving.close().await;
    clock.go.add_permits(1);
    assert!(matches!(noticed.await.unwrap(), Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn without_the_keys_nothing_is_opened_beside() {
    let disk = Disk::new();
    let serving = disk.open();
    serving.vault().save(&credential("acc"), &Secret::new("token"), None).await.unwrap();
    let refused = beside(&disk, &format!("k2:{}", *new_key())).unwrap_err();
    assert!(matches!(&refused, OpenError::Key { id, .. } if id == "k1"), "{refused:?}");
}

/// A clock whose every second must be allowed.
struct Steps {
    slept: watch::Sender<u32>,
    go: Semaphore,
}

impl Default for Steps {
    fn default() -> Self {
        Self { slept: watch::Sender::new(0), go: Semaphore::new(0) }
    }
}

impl Steps {
    /// Waits until somebody has begun to sleep for so many times.
    async fn looked(&self, times: u32) {
        self.slept.subscribe().wait_for(|slept| *slept >= times).await.expect("it lives");
    }
}

#[async_trait]
impl Clock for Steps {
    fn now(&self) -> Timestamp {
        START
    }

    async fn sleep_until(&self, _: Timestamp) {
        self.slept.send_modify(|slept| *slept += 1);
        self.go.acquire().await.expect("never closed").forget();
    }
}

fn beside(disk: &Disk, keys: &str) -> Result<Sqlite, OpenError> {
    Sqlite::open_beside(&disk.path(), Keyring::parse(keys).expect("keys"))
}

/// `job` is queued and given up.
async fn die(sqlite: &Sqlite, job: &str) {
    commit(sqlite, Decision::job(answer(job))).await;
    let leased = sqlite.store().lease(10, START, LATER).await.expect("taken");
    let dead = Outcome::Dead { why: "gone".into(), then: Decision::nothing() };
    sqlite.store().settle(&leased.lanes[0], &JobId::new(job), &dead, START).await.expect("taken");
    sqlite.store().release(leased.lanes[0].clone()).await.expect("taken");
}

fn answer(id: &str) -> NewJob {
    let place = sample::ops();
    let lane = Lane::answers(&place.account, &place.channel);
    let to = Address::everyone(&place, &sample::ana());
    let job = Job::Answer(Answer { to, notice: Notice::text("hello"), replaces: None, otherwise: None });
    NewJob { id: JobId::new(id), lane, job, due: None, unless_waiting: false, counted: true }
}
