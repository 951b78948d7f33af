//! What was acknowledged is there, whatever happens next; what was not leaves no trace.

#[expect(dead_code, reason = "no test file needs every helper")]
mod common;

use std::sync::Arc;

use common::{Disk, commit, try_commit};
use tokio::task::JoinSet;
use zentry_contract::sample::{self, START};
use zentry_domain::ports::StoreError;
use zentry_domain::{
    Account, AccountId, Address, Answer, Decision, Facts, Job, JobId, Lane, NewJob, Notice, RowChange, Store, Timestamp,
};

#[tokio::test]
async fn an_acknowledged_commit_is_in_the_files_at_that_moment() {
    let disk = Disk::new();
    let sqlite = disk.open();
    for n in 0..20 {
        let account = account(n);
        commit(&sqlite, Decision::nothing().and(RowChange::PutAccount(account.clone()))).await;
        let image = disk.image();
        assert_eq!(image.open().store().account(&account.id).await.unwrap(), Some(account));
    }
}

#[tokio::test]
async fn of_many_commits_at_once_exactly_the_acknowledged_are_kept() {
    let disk = Disk::new();
    let sqlite = Arc::new(disk.open());
    let mut commits = JoinSet::new();
    for n in 0..2_000 {
        let sqlite = Arc::clone(&sqlite);
        commits.spawn(async move {
            let mut decision = Decision::nothing().and(RowChange::PutAccount(account(n)));
            // Every tenth fails after it has written something, in the middle of somebody else's batch.
            if n % 10 == 0 {
                let subscription = sample::subscription(sample::ops(), sample::project("web"), sample::ana());
                decision =
                    decision.and(RowChange::Subscribe(subscription.clone())).and(RowChange::Subscribe(subscription));
            }
            (n, try_commit(&sqlite, decision).await)
        });
    }
    let answers = commits.join_all().await;
    let image = disk.image();
    let image = image.open();
    for (n, answer) in answers {
        let is_there = image.store().account(&account(n).id).await.unwrap().is_some();
        match answer {
            Ok(()) => assert!(is_there && n % 10 != 0),
            Err(StoreError::Conflict) => assert!(!is_there && n % 10 == 0),
            // More at once than may wait.
            Err(StoreError::Unavailable(_)) => assert!(!is_there),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(image.store().subscriptions_of(&AccountId::new("acc")).await.unwrap(), []);
}

#[tokio::test]
async fn a_torn_end_of_the_log_loses_only_what_was_not_acknowledged() {
    let disk = Disk::new();
    let sqlite = disk.open();
    commit(&sqlite, Decision::nothing().and(RowChange::PutAccount(account(1)))).await;
    let acknowledged = std::fs::metadata(disk.beside("-wal")).unwrap().len();
    commit(&sqlite, Decision::nothing().and(RowChange::PutAccount(account(2)))).await;
    let written = std::fs::metadata(disk.beside("-wal")).unwrap().len();
    assert!(written > acknowledged);

    for length in [acknowledged, acknowledged + 1, written - 1] {
        let image = disk.image();
        let log = std::fs::OpenOptions::new().write(true).open(image.beside("-wal")).unwrap();
        log.set_len(length).unwrap();
        let torn = image.open();
        torn.check().await.unwrap();
        assert!(torn.store().account(&account(1).id).await.unwrap().is_some());
        assert_eq!(torn.store().account(&account(2).id).await.unwrap(), None, "{length} of {written}");
    }
}

#[tokio::test]
async fn a_read_sees_what_was_acknowledged_before_it() {
    let disk = Disk::new();
    let sqlite = Arc::new(disk.open());
    let mut pairs = JoinSet::new();
    for n in 0..200 {
        let sqlite = Arc::clone(&sqlite);
        pairs.spawn(async move {
            commit(&sqlite, Decision::nothing().and(RowChange::PutAccount(account(n)))).await;
            sqlite.store().account(&account(n).id).await.unwrap()
        });
    }
    assert!(pairs.join_all().await.iter().all(Option::is_some));
}

#[tokio::test]
async fn a_job_that_cannot_be_read_holds_its_own_lane_only() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let jobs = ["bad", "behind", "good"].map(|id| {
        let channel = if id == "good" { "dev" } else { "ops" };
        answer(id, channel)
    });
    commit(&sqlite, Decision { changes: Vec::new(), jobs: jobs.into() }).await;
    sqlite.close().await;
    disk.tamper("UPDATE outbox SET sealed = zeroblob(60) WHERE job = 'bad'");

    let store = disk.open().store();
    let leased = store.lease(10, START, Timestamp(START.0 + 30_000)).await.unwrap();
    let ids: Vec<_> = leased.lanes.iter().flat_map(|held| &held.jobs).map(|queued| queued.id.as_str()).collect();
    assert_eq!(ids, ["good"]);
    assert_eq!(leased.next_due, Some(Timestamp(START.0 + 3_600_000)), "the lane is looked at again");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let subscription = sample::subscription(sample::ops(), sample::project("web"), sample::ana());
    commit(&sqlite, Decision::nothing().and(RowChange::Subscribe(subscription))).await;
    sqlite.close().await;
    disk.tamper("UPDATE subscription SET body = '{'");

    let read = disk.open().store().subscriptions_of(&AccountId::new("acc")).await;
    assert!(
        matches!(&read, Err(StoreError::Corrupt { at, .. }) if at == "table subscription, row 1, column body"),
        "{read:?}"
    );
}

#[tokio::test]
async fn a_writer_from_outside_is_waited_for_and_then_refused() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let outside = rusqlite::Connection::open(disk.path()).unwrap();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = try_commit(&sqlite, Decision::nothing().and(RowChange::PutAccount(account(1)))).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");

    outside.execute_batch("ROLLBACK").unwrap();
    commit(&sqlite, Decision::nothing().and(RowChange::PutAccount(account(1)))).await;
}

fn account(n: u32) -> Account {
    Account { id: AccountId::new(format!("acc{n}")), installer: None, since: None }
}

fn answer(id: &str, channel: &str) -> NewJob {
    let place = sample::channel("acc", channel);
    let lane = Lane::answers(&place.account, &place.channel);
    let to = Address::everyone(&place, &sample::ana());
    let job = Job::Answer(Answer { to, notice: Notice::text("hello"), replaces: None, otherwise: None });
    NewJob { id: JobId::new(id), lane, job, due: None, unless_waiting: false, counted: true }
}
