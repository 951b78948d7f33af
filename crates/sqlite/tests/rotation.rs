//! Everything sealed is sealed again with a new key, while another process serves the store.

#[expect(dead_code, reason = "no test file needs every helper")]
mod common;

use common::{Disk, commit, credential};
use zentry_contract::sample::{self, START};
use zentry_domain::ports::CredentialKey;
use zentry_domain::{
    AccountId, Address, Answer, CredentialId, Decision, Digest, Facts, Filter, Identity, Job, JobId, Journal, Lane,
    Link, NewJob, Notice, Outcome, Owner, Pending, Place, Revision, RowChange, Secret, Stage, Store, Timestamp, Vault,
};
use zentry_seal::{Keyring, new_key};
use zentry_sqlite::{OpenError, ResealError, Resealed, Sqlite};

#[tokio::test]
async fn whatever_is_sealed_opens_with_the_new_key_alone_and_stays_what_it_was() {
    let mut disk = Disk::new();
    let serving = disk.open();
    fill(&serving).await;
    let (old, new) = (disk.keys.clone(), format!("k2:{}", *new_key()));
    let both = format!("{new},{old}");
    serving.rekey(Keyring::parse(&both).unwrap()).await.unwrap();

    let mut told = Vec::new();
    let done = reseal(&disk, &both, &mut told).await.unwrap();
    assert_eq!(done, Resealed { values: 5, ..Resealed::default() });
    assert_eq!(told, [(5, 5)]);
    assert_eq!(reseal(&disk, &both, &mut Vec::new()).await.unwrap(), Resealed::default());
    is_all_there(&serving).await;
    serving.close().await;

    disk.keys = new;
    let reopened = disk.open();
    is_all_there(&reopened).await;
    reopened.close().await;
    let refused = disk.try_open(&old).unwrap_err();
    assert!(matches!(&refused, OpenError::Key { id, .. } if id == "k2"), "{refused:?}");
    assert!(refused.to_string().contains("k2"), "{refused}");
}

#[tokio::test]
async fn a_bot_that_could_not_open_it_keeps_everything_as_it_is() {
    let disk = Disk::new();
    let serving = disk.open();
    fill(&serving).await;
    let new = format!("k2:{},{}", *new_key(), disk.keys);
    let refused = reseal(&disk, &new, &mut Vec::new()).await;
    assert!(matches!(&refused, Err(ResealError::NotHeld { id }) if id == "k2"), "{refused:?}");
    // A key of the same name is not the same key.
    let other = format!("k2:{},{}", *new_key(), disk.keys);
    serving.rekey(Keyring::parse(&other).unwrap()).await.unwrap();
    let refused = reseal(&disk, &new, &mut Vec::new()).await;
    assert!(matches!(&refused, Err(ResealError::NotHeld { id }) if id == "k2"), "{refused:?}");
    is_all_there(&serving).await;

    serving.close().await;
    assert_eq!(reseal(&disk, &new, &mut Vec::new()).await.unwrap().values, 5, "nobody serves");
    is_all_there(&Sqlite::open(&disk.path(), Keyring::parse(&new).unwrap()).unwrap()).await;
}

#[tokio::test]
async fn what_the_other_seals_with_the_old_key_meanwhile_is_counted() {
    let disk = Disk::new();
    let serving = disk.open();
    let new = format!("k2:{}", *new_key());
    // It has the new key, but behind the old one.
    serving.rekey(Keyring::parse(&format!("{},{new}", disk.keys)).unwrap()).await.unwrap();
    fill(&serving).await;
    let both = format!("{new},{}", disk.keys);
    let beside = Sqlite::open_beside(&disk.path(), Keyring::parse(&both).unwrap()).unwrap();
    let writes = async {
        for n in 0..200 {
            let key = CredentialKey { name: n.to_string(), ..credential("acc") };
            serving.vault().save(&key, &Secret::new("token"), None).await.unwrap();
        }
    };
    let mut told = |_: &str, _: u64, _: u64| {};
    let (first, ()) = tokio::join!(beside.reseal(&mut told), writes);
    first.unwrap();
    let rest = beside.reseal(&mut told).await.unwrap();
    assert_eq!((rest.left, rest.needed), (0, Vec::new()));
    for n in 0..200 {
        let key = CredentialKey { name: n.to_string(), ..credential("acc") };
        assert_eq!(serving.vault().load(&key).await.unwrap().unwrap().0.expose(), "token");
    }
}

#[tokio::test]
async fn what_does_not_open_is_named_and_left_and_keeps_nothing_else_back() {
    let disk = Disk::new();
    let serving = disk.open();
    fill(&serving).await;
    for name in ["other", "third"] {
        let key = CredentialKey { owner: Owner::Zoom(AccountId::new("acc")), name: name.into() };
        serving.vault().save(&key, &Secret::new("token"), None).await.unwrap();
    }
    serving.close().await;
    disk.tamper(
        "UPDATE credential SET sealed = (SELECT sealed FROM credential WHERE name = 'other') WHERE name = 'third'",
    );
    let done = reseal(&disk, &format!("k2:{},{}", *new_key(), disk.keys), &mut Vec::new()).await.unwrap();
    let unopened = vec!["credential third".to_owned()];
    assert_eq!(done, Resealed { values: 6, unopened, left: 0, needed: vec!["k1".into()] });
}

async fn reseal(disk: &Disk, keys: &str, told: &mut Vec<(u64, u64)>) -> Result<Resealed, ResealError> {
    let beside = Sqlite::open_beside(&disk.path(), Keyring::parse(keys).expect("keys")).expect("it opens");
    let done = beside.reseal(&mut |_, done, total| told.push((done, total))).await;
    beside.close().await;
    done
}

/// One value in each column that is sealed.
async fn fill(sqlite: &Sqlite) {
    sqlite.vault().save(&credential("acc"), &Secret::new("grant"), None).await.expect("saved");
    commit(sqlite, Decision::nothing().and(RowChange::PutLink(link().at(Stage::Offered)))).await;
    commit(sqlite, Decision::nothing().and(RowChange::PutLink(awaiting()))).await;
    commit(sqlite, Decision::job(answer("dead"))).await;
    let leased = sqlite.store().lease(1, START, Timestamp(START.0 + 1)).await.expect("leased").lanes.remove(0);
    let dead = Outcome::Dead { why: "gone".into(), then: Decision::nothing() };
    sqlite.store().settle(&leased, &JobId::new("dead"), &dead, START).await.expect("settled");
    sqlite.store().release(leased).await.expect("released");
    commit(sqlite, Decision::job(answer("waits"))).await;
    let unreadable = RowChange::KeepUnreadable { source: "zoom".into(), body: b"not JSON".to_vec() };
    commit(sqlite, Decision::nothing().and(unreadable)).await;
}

async fn is_all_there(sqlite: &Sqlite) {
    let (store, vault) = (sqlite.store(), sqlite.vault());
    assert_eq!(vault.load(&credential("acc")).await.expect("read").expect("there").0.expose(), "grant");
    assert_eq!(store.link(&link().id).await.expect("read"), Some(awaiting()));
    let letters = store.dead_letters().await.expect("read");
    assert_eq!(letters[0].job.as_ref(), Some(&answer("dead").job));
    assert_eq!(store.unreadable().await.expect("read")[0].2, b"not JSON");
    let leased = store.lease(1, START, Timestamp(START.0 + 1)).await.expect("leased").lanes.remove(0);
    assert_eq!(leased.jobs[0].job, answer("waits").job);
    store.release(leased).await.expect("released");
}

fn answer(id: &str) -> NewJob {
    let place = sample::ops();
    let lane = Lane::answers(&place.account, &place.channel);
    let to = Address::everyone(&place, &sample::ana());
    let job = Job::Answer(Answer { to, notice: Notice::text(id), replaces: None, otherwise: None });
    NewJob { id: JobId::new(id), lane, job, due: None, unless_waiting: false, counted: true }
}

fn link() -> Link {
    let person = sample::ana();
    Link {
        id: Digest([1; 32]),
        place: Place::direct(&person),
        person,
        then: Pending::Connect { org: "acme".into(), project: "web".into(), filter: Filter::default() },
        expires: START,
        stage: Stage::Offered,
        offered: START,
        again: false,
        revision: Revision(0),
    }
}

fn awaiting() -> Link {
    let identity = Identity { id: "1".into(), name: "Ana".into(), email: "ana@example.com".into() };
    let (code, credential) = (Secret::new("482913"), CredentialId::new("grant"));
    link().at(Stage::Offered).at(Stage::AwaitingCode { code, tries_left: 5, identity, credential })
}
