//! What a thief of the files learns.

#[expect(dead_code, reason = "no test file needs every helper")]
mod common;

use common::{Disk, commit, credential};
use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use zentry_contract::sample::{self, START};
use zentry_domain::ports::{StoreError, VaultError};
use zentry_domain::{
    Account, AccountId, Actor, Address, Answer, Card, ChangeKind, Connect, CredentialId, Decision, Digest, Filter,
    Handle, Identity, InstallationId, Job, JobId, Journal, Lane, Link, LinkedPerson, NewJob, Notice, Outcome, Pause,
    Pending, Place, Revision, RowChange, Secret, Stage, Store, Timestamp, Vault,
};

/// Nothing else in the files looks like it.
const CANARY: &str = "zq7Wm4canaryKx93Ht";

#[tokio::test]
async fn a_credential_is_nowhere_in_the_files() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let vault = sqlite.vault();
    let seen = vault.save(&credential("acc"), &Secret::new(CANARY), None).await.unwrap();
    vault.save(&credential("acc"), &Secret::new(format!("{CANARY}2")), Some(seen)).await.unwrap();
    assert_hidden(&disk);
    sqlite.close().await;
    assert_hidden(&disk);
}

#[tokio::test]
async fn a_code_a_grant_and_who_signed_in_are_nowhere_in_the_files() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let person = sample::ana();
    let offered = Link {
        id: Digest([1; 32]),
        place: Place::direct(&person),
        person,
        then: Pending::Connect { org: "acme".into(), project: "web".into(), filter: Filter::default() },
        expires: START,
        stage: Stage::Offered,
        offered: START,
        again: false,
        revision: Revision(1),
    };
    let exchanging = offered.clone().at(Stage::Exchanging { credential: CredentialId::new(CANARY) });
    let stage = Stage::AwaitingCode {
        code: Secret::new(CANARY),
        tries_left: 5,
        identity: Identity { id: "1".into(), name: CANARY.into(), email: format!("{CANARY}@example.com") },
        credential: CredentialId::new(CANARY),
    };
    for step in [offered, exchanging.clone(), exchanging.at(stage)] {
        commit(&sqlite, Decision::nothing().and(RowChange::PutLink(step))).await;
        assert_hidden(&disk);
    }
}

#[tokio::test]
async fn what_people_say_is_nowhere_in_the_files_neither_waiting_nor_dead() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let jobs = vec![
        answer("a", Notice::text(CANARY).link("Link", format!("https://bot.example.com/link/{CANARY}"))),
        NewJob { job: Job::Connect(Box::new(connect())), ..answer("b", Notice::text("")) },
    ];
    commit(&sqlite, Decision { changes: Vec::new(), jobs }).await;
    assert_hidden(&disk);

    let store = sqlite.store();
    let leased = store.lease(1, START, Timestamp(START.0 + 30_000)).await.unwrap();
    for id in ["a", "b"] {
        let dead = Outcome::Dead { why: "gone".into(), then: Decision::nothing() };
        store.settle(&leased.lanes[0], &JobId::new(id), &dead, START).await.unwrap();
    }
    assert_hidden(&disk);
    let dead = store.dead_letters().await.unwrap();
    assert_eq!(dead[1].job, Some(Job::Connect(Box::new(connect()))));

    commit(&sqlite, Decision::nothing().and(RowChange::Replay(JobId::new("a")))).await;
    assert_hidden(&disk);
}

#[tokio::test]
async fn the_code_of_an_installation_is_nowhere_in_the_files() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let installation = InstallationId::new("i");
    let job = Job::Install { installation: installation.clone(), code: Secret::new(CANARY) };
    let install =
        NewJob { lane: Lane::installation(&installation), job, counted: false, ..answer("a", Notice::text("")) };
    commit(&sqlite, Decision::job(install)).await;
    assert_hidden(&disk);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_nowhere_in_the_files() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let keep = |body: &str| {
        let (source, body) = ("sentry".into(), format!("{{\"title\":\"{body}").into_bytes());
        Decision::nothing().and(RowChange::KeepUnreadable { source, body })
    };
    for body in [CANARY, "other"] {
        commit(&sqlite, keep(body)).await;
    }
    assert_hidden(&disk);
    sqlite.close().await;
    disk.tamper("UPDATE unreadable SET body = (SELECT body FROM unreadable WHERE id = 2) WHERE id = 1");
    let moved = disk.open().store().unreadable().await;
    assert!(
        matches!(&moved, Err(StoreError::Corrupt { at, .. }) if at == "table unreadable, row 1, column body"),
        "{moved:?}"
    );
}

#[tokio::test]
async fn the_search_of_these_tests_finds_what_is_not_sealed() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let mut change = sample::change(ChangeKind::New);
    change.issue.title = format!("a {} b", BASE64.encode(format!("x{CANARY}").as_bytes()));
    let subscription = sample::subscription(sample::ops(), sample::project("web"), sample::ana());
    let card = Card::open(Handle::new("h"), &subscription, &change, START);
    commit(&sqlite, Decision::nothing().and(RowChange::Subscribe(subscription)).and(RowChange::put_card(card))).await;
    assert_eq!(hits(&disk.bytes(), CANARY).len(), 1);
}

#[tokio::test]
async fn nothing_of_a_purged_account_is_left_in_the_files() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let place = sample::channel(CANARY, "ops");
    let person = sample::person(CANARY, "U1", "Ana");
    let subscription = sample::subscription(place.clone(), sample::project("web"), person.clone());
    let mut change = sample::change(ChangeKind::New);
    // Long enough for a page of its own.
    change.issue.title = CANARY.repeat(1_000);
    let card = Card::open(Handle::new("h"), &subscription, &change, START);
    let linked = LinkedPerson {
        person: person.clone(),
        identity: Identity { id: "1".into(), name: "Ana".into(), email: "ana@example.com".into() },
        credential: CredentialId::new("c"),
        since: START,
        manages: Vec::new(),
        roles_read: None,
    };
    let everything = Decision::nothing()
        .and(RowChange::PutAccount(Account { id: AccountId::new(CANARY), installer: None, since: None }))
        .and(RowChange::Subscribe(subscription))
        .and(RowChange::put_card(card))
        .and(RowChange::LinkPerson(linked))
        .and(RowChange::Pause(Pause {
            account: place.account.clone(),
            channel: place.channel.clone(),
            since: START,
            why: CANARY.into(),
        }))
        .and(RowChange::Saw { place: place.clone(), person })
        .then(NewJob { lane: Lane::cards(&place.account, &place.channel), ..answer("a", Notice::text("")) });
    commit(&sqlite, everything).await;
    sqlite.vault().save(&credential(CANARY), &Secret::new("token"), None).await.unwrap();
    assert!(!hits(&disk.bytes(), CANARY).is_empty());

    commit(&sqlite, Decision::nothing().and(RowChange::PurgeAccount(AccountId::new(CANARY)))).await;
    // The next task of the writer comes after its upkeep.
    sqlite.settings().await.unwrap();
    assert_hidden(&disk);
}

#[tokio::test]
async fn a_value_moved_to_another_row_does_not_open() {
    let disk = Disk::new();
    let sqlite = disk.open();
    for (account, token) in [("acc", "ours"), ("other", "theirs")] {
        sqlite.vault().save(&credential(account), &Secret::new(token), None).await.unwrap();
    }
    sqlite.close().await;
    disk.tamper(
        "UPDATE credential SET sealed = (SELECT sealed FROM credential WHERE owner = 'zoom:other')
         WHERE owner = 'zoom:acc'",
    );
    let vault = disk.open().vault();
    let moved = vault.load(&credential("acc")).await;
    assert!(matches!(moved, Err(VaultError::Sealed(_))), "{moved:?}");
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_read_hides_no_other_and_can_be_dropped() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let store = sqlite.store();
    for id in ["a", "b"] {
        commit(&sqlite, Decision::job(answer(id, Notice::text(id)))).await;
        let lease = store.lease(1, START, Timestamp(START.0 + 1)).await.unwrap().lanes.remove(0);
        let dead = Outcome::Dead { why: "gone".into(), then: Decision::nothing() };
        store.settle(&lease, &JobId::new(id), &dead, START).await.unwrap();
        store.release(lease).await.unwrap();
    }
    sqlite.close().await;
    disk.tamper("UPDATE dead SET sealed = CAST(sealed || x'00' AS BLOB) WHERE job = 'a'");

    let sqlite = disk.open();
    let letters = sqlite.store().dead_letters().await.unwrap();
    let readable: Vec<_> = letters.iter().map(|letter| (letter.id.as_str(), letter.job.is_some())).collect();
    assert_eq!(readable, [("a", false), ("b", true)]);
    commit(&sqlite, Decision::nothing().and(RowChange::DropDead(JobId::new("a")))).await;
    assert_eq!(sqlite.store().dead_letters().await.unwrap().len(), 1);
}

fn connect() -> Connect {
    Connect {
        by: sample::person("acc", "U1", CANARY),
        place: sample::ops(),
        org: CANARY.into(),
        project: CANARY.into(),
        filter: Filter::default(),
        actor: Actor::Person { account: AccountId::new("acc"), credential: CredentialId::new(CANARY) },
        identity: None,
        just_linked: false,
    }
}

fn answer(id: &str, notice: Notice) -> NewJob {
    let place = sample::ops();
    let lane = Lane::answers(&place.account, &place.channel);
    let job =
        Job::Answer(Answer { to: Address::everyone(&place, &sample::ana()), notice, replaces: None, otherwise: None });
    NewJob { id: JobId::new(id), lane, job, due: None, unless_waiting: false, counted: true }
}

fn assert_hidden(disk: &Disk) {
    let hits = hits(&disk.bytes(), CANARY);
    assert!(hits.is_empty(), "found {hits:?}");
}

/// The spellings of `canary` that occur in `bytes`.
fn hits(bytes: &[u8], canary: &str) -> Vec<String> {
    let mut spellings = vec![canary.to_owned(), HEXLOWER.encode(canary.as_bytes()), HEXUPPER.encode(canary.as_bytes())];
    for encoding in [BASE64, BASE64URL] {
        // At every offset, without the ends that its neighbours have a part in.
        for before in 0..3 {
            let encoded = encoding.encode(format!("{}{canary}", "x".repeat(before)).as_bytes());
            spellings.push(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    spellings.sort();
    spellings.dedup();
    spellings.retain(|spelling| bytes.windows(spelling.len()).any(|window| window == spelling.as_bytes()));
    spellings
}
