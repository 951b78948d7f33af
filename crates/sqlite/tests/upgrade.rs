//! Files of earlier builds.

#[expect(dead_code, reason = "no test file needs every helper")]
mod common;

use common::{Disk, credential};
use zentry_contract::sample::{self, START};
use zentry_domain::{
    Account, AccountId, CredentialId, Digest, Facts, Handle, InstallationId, IssueId, Job, JobId, Journal, OrgSlug,
    Stage, Store, Suppression, Timestamp, UserId, Vault,
};

/// What the fixtures are sealed with.
const KEYS: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const FIRST: &str = include_str!("fixtures/schema_1.sql");

#[tokio::test]
async fn everything_in_a_file_of_the_first_schema_is_still_there() {
    let disk = stored(FIRST);
    let sqlite = disk.open();
    let (facts, account, ops) = (sqlite.store(), AccountId::new("acc"), sample::ops().channel);
    let (ana, ben) = (sample::ana(), sample::ben());

    let here = facts.subscriptions_in(&account, &ops).await.unwrap();
    assert_eq!(here, [sample::subscription(sample::ops(), sample::project("checkout"), ana.clone())]);
    let card = facts.card(&account, &Handle::new("0123456789abcdef0123456789abcdef")).await.unwrap().unwrap();
    assert_eq!((card.content.issue_id, card.message), (IssueId::new("42"), None));
    let link = facts.link(&Digest([1; 32])).await.unwrap().unwrap();
    assert_eq!(link.stage, Stage::Exchanging { credential: CredentialId::new("c2") });
    assert_eq!(facts.open_link(&account, &ben.user).await.unwrap().map(|link| link.id), Some(Digest([1; 32])));
    let linked = facts.linked(&account, &ana.user).await.unwrap().unwrap();
    assert_eq!(linked.identity.email, "ana@example.com");
    let integration = InstallationId::new("7a485448-a9e2-4c85-8a3c-4f44175783c9");
    assert_eq!(facts.installation(&integration).await.unwrap(), Some(OrgSlug::new("acme")));
    let installed = Account { id: account.clone(), installer: Some(UserId::new("U1")), since: None };
    assert_eq!(facts.account(&account).await.unwrap(), Some(installed));
    assert_eq!(facts.people_in(&account, &ops).await.unwrap(), [ana]);
    let paused = facts.paused(&account, &sample::channel("acc", "dev").channel).await.unwrap();
    assert_eq!(paused.unwrap().why, "Zoom answered 403/7004");
    let (token, _) = sqlite.vault().load(&credential("acc")).await.unwrap().unwrap();
    assert_eq!(token.expose(), "token");
}

#[tokio::test]
async fn what_waits_in_a_file_of_the_first_schema_is_still_sent() {
    let disk = stored(FIRST);
    let store = disk.open().store();
    let ledger = store.ledger().await.unwrap();
    assert_eq!((ledger.accepted, ledger.pending, ledger.dead), (6, 2, 1));
    assert!(ledger.adds_up() && ledger.suppressed[&Suppression::Filtered] == 3, "{ledger:?}");
    let letters = store.dead_letters().await.unwrap();
    assert_eq!(letters[0].why, "refused: Zoom answered 400");
    assert!(matches!(&letters[0].job, Some(Job::Answer(answer)) if answer.notice.head == "given up"));
    assert_eq!(store.unreadable().await.unwrap()[0].2, b"{\"action\":");

    let until = Timestamp(START.0 + 60_000);
    let waiting = |leased: Vec<zentry_domain::ports::LaneLease>| -> Vec<JobId> {
        let jobs = leased.into_iter().flat_map(|lane| lane.jobs);
        let mut names: Vec<_> = jobs.map(|queued| queued.id).collect();
        names.sort();
        names
    };
    let throttled = store.lease(9, START, until).await.unwrap();
    assert_eq!((waiting(throttled.lanes).len(), throttled.next_due), (1, Some(until)), "Zoom's limit still holds");
    let names: Vec<_> = [2, 3, 4].map(|n| JobId::new(format!("{n:032}"))).into();
    assert_eq!(waiting(store.lease(9, until, Timestamp(until.0 + 1)).await.unwrap().lanes), names);
}

#[tokio::test]
async fn a_file_that_was_brought_up_to_date_is_made_like_a_new_one() {
    let (old, new) = (stored(FIRST), Disk::new());
    for disk in [&old, &new] {
        disk.open().close().await;
    }
    assert_eq!(shape(&old), shape(&new));
}

/// A file as an earlier build left it.
fn stored(sql: &str) -> Disk {
    let mut disk = Disk::new();
    disk.keys = KEYS.into();
    disk.tamper(sql);
    disk
}

/// Every column of every table, every index, and the schema's number.
fn shape(disk: &Disk) -> Vec<String> {
    let conn = rusqlite::Connection::open(disk.path()).expect("opened");
    let sql = "SELECT m.name || '.' || c.name || ' ' || c.type || c.\"notnull\" || c.pk
            FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'
        UNION SELECT m.name || ' on ' || m.tbl_name || ' (' || coalesce(i.name, '') || ')'
            FROM sqlite_schema AS m JOIN pragma_index_info(m.name) AS i WHERE m.type = 'index'
        UNION SELECT 'schema ' || user_version FROM pragma_user_version ORDER BY 1";
    let mut statement = conn.prepare(sql).expect("understood");
    let shape: Vec<_> = statement.query_map([], |row| row.get(0)).expect("read").map(Result::unwrap).collect();
    assert!(shape.len() > 100, "{shape:?}");
    shape
}
