//! Backups and what is restored from them.

#[expect(dead_code, reason = "no test file needs every helper")]
mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Disk, commit, credential};
use zentry_contract::sample::{self, START};
use zentry_domain::roundup::{Cause, Scene};
use zentry_domain::{
    Account, AccountId, Address, Answer, Card, ChangeKind, CredentialId, Decision, Digest, Facts, Handle, Job, JobId,
    Journal, Lane, Ledger, NewJob, Notice, Outcome, Roundup, RowChange, Secret, Store, Suppression, Timestamp, Vault,
};
use zentry_seal::{Keyring, new_key};
use zentry_sqlite::{BackedUp, BackupError, OpenError, Restored, Sqlite};

/// Nothing else in the files looks like it.
const CANARY: &str = "zq7Wm4canaryKx93Ht";
const LATER: Timestamp = Timestamp(START.0 + 3_600_000);

// === backing up ===

#[tokio::test]
async fn a_store_that_is_served_is_backed_up_and_restored_elsewhere() {
    let (disk, other) = (Disk::new(), Disk::new());
    let sqlite = disk.open();
    subscribe(&sqlite, "acc").await;
    sqlite.vault().save(&credential("acc"), &Secret::new("token"), None).await.unwrap();
    let file = disk.beside(".backup");
    assert_eq!(backup(&disk, &file).unwrap().bytes, std::fs::metadata(&file).unwrap().len());
    assert!(sqlite.is_well());

    let restored = restore_from(&other, &disk.keys, &file).unwrap();
    assert_eq!(restored, Restored { made: Some(START), held: 0, purged: 0, kept: None });
    let copy = other.try_open(&disk.keys).unwrap();
    assert_eq!(copy.store().subscriptions_of(&AccountId::new("acc")).await.unwrap().len(), 1);
    let (token, _) = copy.vault().load(&credential("acc")).await.unwrap().unwrap();
    assert_eq!(token.expose(), "token");
    copy.check().await.unwrap();
}

#[tokio::test]
async fn a_backup_taken_in_the_middle_of_work_is_of_one_moment() {
    let (disk, other) = (Disk::new(), Disk::new());
    let sqlite = disk.open();
    let store = sqlite.store();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let work = tokio::spawn(async move {
        let mut done = 0_u64;
        while stopped.try_recv().is_err() {
            let account = Account { id: AccountId::new(format!("acc{done}")), installer: None, since: None };
            let both = Decision::job(answer(&format!("j{done}"))).and(RowChange::PutAccount(account));
            store.commit(&[], &both, START).await.unwrap();
            done += 1;
        }
        done
    });
    let (path, keys, file) = (disk.path(), Keyring::parse(&disk.keys).unwrap(), disk.beside(".backup"));
    let to = file.clone();
    let taken = tokio::task::spawn_blocking(move || Sqlite::backup(&path, keys, &to, START, &mut |_, _, _| {}));
    taken.await.unwrap().unwrap();
    stop.send(()).unwrap();
    let done = work.await.unwrap();

    restore_from(&other, &disk.keys, &file).unwrap();
    let copy = other.try_open(&disk.keys).unwrap().store();
    let ledger = copy.ledger().await.unwrap();
    assert!(ledger.adds_up() && ledger.accepted <= done, "{ledger:?} of {done}");
    let last = ledger.accepted;
    assert!(copy.account(&AccountId::new(format!("acc{last}"))).await.unwrap().is_none());
    assert!(last == 0 || copy.account(&AccountId::new(format!("acc{}", last - 1))).await.unwrap().is_some());
    assert_eq!(sqlite.store().ledger().await.unwrap().pending, done, "nothing was lost where it was taken");
}

#[tokio::test]
async fn a_backup_is_sealed_and_for_the_owners_eyes_only_and_leaves_nothing_else() {
    let disk = Disk::new();
    let sqlite = disk.open();
    subscribe(&sqlite, "acc").await;
    put_card(&sqlite, CANARY).await;
    let file = disk.beside(".backup");
    backup(&disk, &file).unwrap();

    assert!(!holds(&std::fs::read(&file).unwrap(), CANARY) && !holds(&std::fs::read(&file).unwrap(), "SQLite format"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let mut names = disk.names();
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    assert_eq!(names, ["zentry.db", "zentry.db.backup", "zentry.db.lock"]);
}

#[tokio::test]
async fn only_an_earlier_backup_is_written_over() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let text = disk.beside(".txt");
    std::fs::write(&text, "notes").unwrap();
    let before = std::fs::read(disk.path()).unwrap();
    for taken in [text, disk.path(), disk.beside(".lock"), disk.beside("-wal")] {
        let refused = backup(&disk, &taken).unwrap_err();
        assert!(matches!(&refused, BackupError::Occupied { path } if *path == taken), "{refused:?}");
    }
    assert_eq!(std::fs::read(disk.path()).unwrap(), before);

    let file = disk.beside(".backup");
    backup(&disk, &file).unwrap();
    subscribe(&sqlite, "acc").await;
    backup(&disk, &file).unwrap();
    let other = Disk::new();
    restore_from(&other, &disk.keys, &file).unwrap();
    let copy = other.try_open(&disk.keys).unwrap().store();
    assert_eq!(copy.subscriptions_of(&AccountId::new("acc")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_backed_up_leaves_no_file() {
    let disk = Disk::new();
    let file = disk.beside(".backup");
    assert!(matches!(backup(&disk, &file), Err(BackupError::Open(OpenError::Unreadable { .. }))));
    disk.open().close().await;
    let nowhere = disk.path().join("missing").join("file");
    assert!(matches!(backup(&disk, &nowhere), Err(BackupError::File { .. })));
    assert_eq!(disk.names(), ["zentry.db", "zentry.db.lock"]);
}

// === restoring ===

#[tokio::test]
async fn while_the_store_is_served_nothing_is_restored() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let file = disk.beside(".backup");
    backup(&disk, &file).unwrap();
    let names = disk.names();
    let refused = restore(&disk, &file).unwrap_err();
    assert!(matches!(refused, BackupError::Open(OpenError::Locked { .. })), "{refused:?}");
    assert!(sqlite.is_well());
    assert_eq!(disk.names(), names);
}

#[tokio::test]
async fn while_another_command_has_the_store_open_nothing_is_restored() {
    let disk = Disk::new();
    let file = backed_up_and_closed(&disk).await;
    let beside = Sqlite::open_beside(&disk.path(), Keyring::parse(&disk.keys).unwrap()).unwrap();
    assert!(matches!(restore(&disk, &file), Err(BackupError::Busy { .. })));
    assert!(!disk.beside(".before-restore").exists());
    subscribe(&beside, "acc").await;
    beside.close().await;
    restore(&disk, &file).unwrap();
}

#[tokio::test]
async fn what_was_there_before_is_kept_and_a_second_restore_does_not_overwrite_it() {
    let disk = Disk::new();
    let file = backed_up_and_closed(&disk).await;
    let later = disk.open();
    subscribe(&later, "later").await;
    later.close().await;

    let kept = restore(&disk, &file).unwrap().kept.unwrap();
    assert_eq!(kept, disk.beside(".before-restore"));
    assert!(matches!(restore(&disk, &file), Err(BackupError::Kept { .. })));
    let later = AccountId::new("later");
    let restored = disk.open();
    assert!(restored.store().subscriptions_of(&later).await.unwrap().is_empty());
    restored.close().await;
    std::fs::rename(&kept, disk.path()).unwrap();
    assert_eq!(disk.open().store().subscriptions_of(&later).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_sound_backup_or_has_another_key_changes_nothing() {
    let disk = Disk::new();
    let file = backed_up_and_closed(&disk).await;
    let (before, good) = (std::fs::read(disk.path()).unwrap(), std::fs::read(&file).unwrap());
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [b"".to_vec(), b"no backup".to_vec(), before.clone(), flipped, good[..good.len() - 1].to_vec()] {
        std::fs::write(&file, bad).unwrap();
        let refused = restore(&disk, &file).unwrap_err();
        assert!(matches!(refused, BackupError::Archive { .. }), "{refused:?}");
    }
    std::fs::write(&file, &good).unwrap();
    for keys in [format!("k1:{}", *new_key()), format!("k2:{}", *new_key())] {
        let refused = restore_from(&disk, &keys, &file).unwrap_err();
        assert!(matches!(refused, BackupError::Archive { .. }), "{refused:?}");
    }
    assert!(matches!(restore(&disk, &disk.beside(".none")), Err(BackupError::File { .. })));
    assert_eq!(std::fs::read(disk.path()).unwrap(), before);
    assert_eq!(disk.names(), ["zentry.db", "zentry.db.backup", "zentry.db.lock"]);
}

#[tokio::test]
async fn sealed_files_that_hold_no_store_of_ours_change_nothing() {
    let disk = Disk::new();
    let file = backed_up_and_closed(&disk).await;
    let before = std::fs::read(disk.path()).unwrap();
    let seal = |content: &[u8]| {
        let mut sealed = Vec::new();
        Keyring::parse(&disk.keys).unwrap().seal_archive(&mut &content[..], &mut sealed).unwrap();
        std::fs::write(&file, sealed).unwrap();
    };
    seal(b"to be or not to be, that is the question");
    assert!(matches!(restore(&disk, &file), Err(BackupError::Open(OpenError::Unreadable { .. }))));

    disk.tamper("PRAGMA user_version = 99");
    seal(&std::fs::read(disk.path()).unwrap());
    std::fs::write(disk.path(), &before).unwrap();
    let newer = restore(&disk, &file).unwrap_err();
    assert!(newer.to_string().contains("has schema 99, and this build knows"), "{newer}");

    // Longer than one page, and damaged in the middle.
    let mut damaged = before.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 4096].fill(0x5a);
    seal(&damaged);
    let damaged = restore(&disk, &file).unwrap_err();
    assert!(
        matches!(damaged, BackupError::Damaged { .. } | BackupError::Open(_) | BackupError::Rows { .. }),
        "{damaged:?}"
    );
    assert_eq!(std::fs::read(disk.path()).unwrap(), before);
    assert!(!disk.beside(".before-restore").exists());
}

#[tokio::test]
async fn a_store_that_is_damaged_is_set_aside_with_its_log() {
    let disk = Disk::new();
    let file = backed_up_and_closed(&disk).await;
    std::fs::write(disk.path(), "damaged ".repeat(1_000)).unwrap();
    std::fs::write(disk.beside("-wal"), "its log").unwrap();
    restore(&disk, &file).unwrap();
    assert!(!disk.beside("-wal").exists(), "it would be taken for the restored store's");
    assert_eq!(std::fs::read(disk.beside(".before-restore-wal")).unwrap(), b"its log");
    disk.open().check().await.unwrap();
}

// === what was waiting ===

#[tokio::test]
async fn what_was_waiting_is_held_until_an_operator_decides() {
    let disk = Disk::new();
    let sqlite = disk.open();
    subscribe(&sqlite, "acc").await;
    put_card(&sqlite, "TimeoutError").await;
    let account = AccountId::new("acc");
    let credential = CredentialId::new("c");
    let roundup =
        Roundup::begin(Handle::new("s"), Scene { place: sample::ops(), by: sample::ana(), cause: Cause::Storm }, START);
    let show_roundup = Job::ShowRoundup { account: account.clone(), roundup: roundup.handle.clone() };
    commit(&sqlite, Decision::nothing().and(RowChange::PutRoundup(roundup.clone()))).await;
    let forget = Job::Forget { account: account.clone(), credential: credential.clone() };
    let jobs = vec![
        answer("said"),
        NewJob { counted: false, ..show("shown") },
        NewJob {
            counted: false,
            ..new_job("storms", Lane::roundups(&account, &roundup.scene.place.channel), show_roundup, None)
        },
        new_job("later", Lane::answers(&account, &sample::ops().channel), say("later"), Some(LATER)),
        NewJob { counted: false, ..new_job("forgets", Lane::credential(&account, &credential), forget, Some(LATER)) },
        NewJob { counted: false, ..new_job("sweeps", Lane::upkeep(), Job::Sweep, Some(LATER)) },
        NewJob {
            counted: false,
            ..new_job("ends", Lane::link(&account, &digest()), Job::ExpireLink { link: digest() }, Some(LATER))
        },
    ];
    commit(&sqlite, Decision { changes: Vec::new(), jobs }).await;
    let file = disk.beside(".backup");
    backup(&disk, &file).unwrap();
    sqlite.close().await;
    assert_eq!(restore(&disk, &file).unwrap().held, 4);

    let store = disk.open().store();
    let leased = store.lease(10, START, LATER).await.unwrap();
    assert!(leased.lanes.is_empty(), "{leased:?}");
    assert_eq!(leased.next_due, Some(LATER), "upkeep goes on");
    let letters = store.dead_letters().await.unwrap();
    let names: Vec<_> = letters.iter().map(|letter| letter.id.as_str()).collect();
    assert_eq!(names, ["said", "shown", "storms", "later"]);
    assert!(letters.iter().all(|letter| letter.why == "held after a restore" && letter.at == LATER));
    let held = Ledger { accepted: 3, pending: 1, dead: 2, ..Ledger::default() };
    assert_eq!(store.ledger().await.unwrap(), held);
    let roundup = store.roundup(&account, &roundup.handle).await.unwrap().unwrap();
    assert_eq!(roundup.ended, Some(LATER), "or its channel would stay silent");

    let decided =
        Decision::nothing().and(RowChange::Replay(JobId::new("said"))).and(RowChange::DropDead(JobId::new("later")));
    store.commit(&[], &decided, START).await.unwrap();
    let answers = Lane::answers(&account, &sample::ops().channel);
    let leased = store.lease(10, LATER, LATER + Duration::from_secs(60)).await.unwrap();
    let lease = leased.lanes.into_iter().find(|lease| lease.lane == answers).unwrap();
    let Job::Answer(told) = &lease.jobs[0].job else { panic!("the channel is told: {:?}", lease.jobs) };
    let head = &told.notice.head;
    assert!(head.starts_with("Restored from a backup of") && head.contains("1 message that waited"), "{head}");
    assert_eq!(lease.jobs[1].id, JobId::new("said"));
    store.settle(&lease, &JobId::new("said"), &Outcome::Done(Decision::nothing()), START).await.unwrap();
    let ledger = store.ledger().await.unwrap();
    assert_eq!((ledger.delivered, ledger.suppressed.get(&Suppression::Held), ledger.dead), (1, Some(&1), 0));
    assert!(ledger.adds_up(), "{ledger:?}");
}

// === who was purged ===

#[tokio::test]
async fn nothing_of_an_account_that_was_purged_since_comes_back() {
    let disk = Disk::new();
    let sqlite = disk.open();
    for account in [CANARY, "acc"] {
        subscribe(&sqlite, account).await;
        sqlite.vault().save(&credential(account), &Secret::new("token"), None).await.unwrap();
    }
    put_card_of(&sqlite, CANARY, &CANARY.repeat(1_000)).await;
    let lane = Lane::answers(&AccountId::new(CANARY), &sample::ops().channel);
    commit(&sqlite, Decision::job(new_job("waits", lane, say(CANARY), None))).await;
    let file = disk.beside(".backup");
    backup(&disk, &file).unwrap();
    commit(&sqlite, Decision::nothing().and(RowChange::PurgeAccount(AccountId::new(CANARY)))).await;
    let list = std::fs::read_to_string(disk.beside(".deleted")).unwrap();
    assert_eq!(list.lines().count(), 2, "a salt and a purge: {list}");
    assert_eq!(std::fs::metadata(disk.beside(".deleted")).unwrap().permissions().mode() & 0o777, 0o600);
    sqlite.close().await;
    assert!(!holds(&disk.bytes(), CANARY));

    let restored = restore(&disk, &file).unwrap();
    assert_eq!((restored.purged, restored.held), (1, 0), "what is purged is not held");
    assert!(!holds(&disk.bytes(), CANARY), "not in the store, not in free pages, not in a log");
    let restored = disk.open();
    assert_eq!(restored.store().subscriptions_of(&AccountId::new("acc")).await.unwrap().len(), 1);
    assert!(restored.vault().load(&credential(CANARY)).await.unwrap().is_none());
    let ledger = restored.store().ledger().await.unwrap();
    assert!(ledger.adds_up() && ledger.suppressed[&Suppression::Deauthorized] == 1, "{ledger:?}");
}

#[tokio::test]
async fn an_account_that_came_back_before_the_backup_stays() {
    let disk = Disk::new();
    let sqlite = disk.open();
    let account = AccountId::new("acc");
    subscribe(&sqlite, "acc").await;
    let older = disk.beside(".older");
    backup(&disk, &older).unwrap();
    commit(&sqlite, Decision::nothing().and(RowChange::PurgeAccount(account.clone()))).await;
    subscribe(&sqlite, "acc").await;
    let newer = disk.beside(".newer");
    backup(&disk, &newer).unwrap();
    sqlite.close().await;

    assert_eq!(restore(&disk, &older).unwrap().purged, 1);
    // The restored store goes on counting where the list has ended, so that a later purge is not taken for the first.
    let restored = disk.open();
    subscribe(&restored, "other").await;
    commit(&restored, Decision::nothing().and(RowChange::PurgeAccount(AccountId::new("other")))).await;
    restored.close().await;
    std::fs::remove_file(disk.beside(".before-restore")).unwrap();
    assert_eq!(restore(&disk, &newer).unwrap().purged, 0);
    assert_eq!(disk.open().store().subscriptions_of(&account).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_purge_that_cannot_be_written_down_does_not_happen() {
    let disk = Disk::new();
    let sqlite = disk.open();
    subscribe(&sqlite, "acc").await;
    std::fs::create_dir(disk.beside(".deleted")).unwrap();
    let account = AccountId::new("acc");
    let refused = common::try_commit(&sqlite, Decision::nothing().and(RowChange::PurgeAccount(account.clone()))).await;
    assert!(refused.is_err(), "its sender keeps it and sends it again");
    assert_eq!(sqlite.store().subscriptions_of(&account).await.unwrap().len(), 1);
}

// === helpers ===

fn backup(disk: &Disk, to: &Path) -> Result<BackedUp, BackupError> {
    Sqlite::backup(&disk.path(), Keyring::parse(&disk.keys).expect("keys"), to, START, &mut |_, _, _| {})
}

fn restore(disk: &Disk, from: &Path) -> Result<Restored, BackupError> {
    restore_from(disk, &disk.keys, from)
}

fn restore_from(disk: &Disk, keys: &str, from: &Path) -> Result<Restored, BackupError> {
    Sqlite::restore(&disk.path(), Keyring::parse(keys).expect("keys"), from, LATER, &mut |_, _, _| {})
}

async fn backed_up_and_closed(disk: &Disk) -> PathBuf {
    let (sqlite, file) = (disk.open(), disk.beside(".backup"));
    backup(disk, &file).expect("backed up");
    sqlite.close().await;
    file
}

async fn subscribe(sqlite: &Sqlite, account: &str) {
    let subscription = sample::subscription(
        sample::channel(account, "ops"),
        sample::project("web"),
        sample::person(account, "U1", "Ana"),
    );
    commit(sqlite, Decision::nothing().and(RowChange::Subscribe(subscription))).await;
}

async fn put_card(sqlite: &Sqlite, title: &str) {
    put_card_of(sqlite, "acc", title).await;
}

async fn put_card_of(sqlite: &Sqlite, account: &str, title: &str) {
    let person = sample::person(account, "U1", "Ana");
    let subscription = sample::subscription(sample::channel(account, "ops"), sample::project("web"), person);
    let mut change = sample::change(ChangeKind::New);
    change.issue.title = title.into();
    let card = Card::open(Handle::new("h"), &subscription, &change, START);
    commit(sqlite, Decision::nothing().and(RowChange::put_card(card))).await;
}

fn answer(id: &str) -> NewJob {
    let place = sample::ops();
    new_job(id, Lane::answers(&place.account, &place.channel), say(id), None)
}

fn show(id: &str) -> NewJob {
    let place = sample::ops();
    let job = Job::Show { account: place.account.clone(), card: Handle::new("h") };
    new_job(id, Lane::cards(&place.account, &place.channel), job, None)
}

fn say(words: &str) -> Job {
    let to = Address::everyone(&sample::ops(), &sample::ana());
    Job::Answer(Answer { to, notice: Notice::text(words), replaces: None, otherwise: None })
}

fn new_job(id: &str, lane: Lane, job: Job, due: Option<Timestamp>) -> NewJob {
    NewJob { id: JobId::new(id), lane, job, due, unless_waiting: false, counted: true }
}

fn digest() -> Digest {
    Digest([7; 32])
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}
