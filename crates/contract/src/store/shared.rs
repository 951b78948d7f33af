//! What the cases share.

use std::time::Duration;

use super::*;

/// Far enough away for every lease of a case that does not speak of its end.
pub(super) const LATER: Timestamp = Timestamp(START.0 + 30_000);
/// In milliseconds.
pub(super) const DAY: i64 = 24 * 3_600_000;

pub(super) fn after(ms: i64) -> Timestamp {
    Timestamp(START.0 + ms)
}

pub(super) fn acc() -> AccountId {
    AccountId::new("acc")
}

pub(super) fn other() -> AccountId {
    AccountId::new("other")
}

pub(super) fn key(n: u8) -> DeliveryKey {
    DeliveryKey([n; 32])
}

// === decisions ===

pub(super) fn change(change: RowChange) -> Decision {
    Decision::nothing().and(change)
}

pub(super) fn queue(jobs: impl IntoIterator<Item = NewJob>) -> Decision {
    Decision { changes: Vec::new(), jobs: jobs.into_iter().collect() }
}

/// A counted job of this id, that waits even where an equal one does.
pub(super) fn job(id: &str, lane: Lane) -> NewJob {
    let account = acc();
    let job = Job::Show { account, card: Handle::new(id) };
    NewJob { id: JobId::new(id), lane, job, due: None, unless_waiting: false, counted: true }
}

/// A job that holds words.
pub(super) fn saying(id: &str, head: &str, lane: Lane) -> NewJob {
    let to = Address::everyone(&sample::ops(), &sample::ana());
    let answer = Answer { to, notice: Notice::text(head), replaces: None, otherwise: None };
    NewJob { job: Job::Answer(answer), ..job(id, lane) }
}

pub(super) fn lane(account: &str, channel: &str) -> Lane {
    let place = sample::channel(account, channel);
    Lane::cards(&place.account, &place.channel)
}

pub(super) fn subscription(place: Place, project: &str, since: i64) -> Subscription {
    let by = Person { account: place.account.clone(), ..sample::ana() };
    Subscription { since: after(since), ..sample::subscription(place, sample::project(project), by) }
}

/// Connects the places of the cases to the project of their cards.
pub(super) async fn connected(bench: &impl Bench) {
    for place in [sample::ops(), sample::channel("acc", "dev"), sample::channel("other", "ops")] {
        commit(bench, change(RowChange::Subscribe(subscription(place, "checkout", 0)))).await;
    }
}

/// The first card of issue 42 in `place`.
pub(super) fn card(handle: &str, place: Place) -> Card {
    let subscription = subscription(place, "checkout", 0);
    Card::open(Handle::new(handle), &subscription, &sample::change(ChangeKind::New), START)
}

/// `card` as its next revision, with another title.
pub(super) fn revised(card: &Card, title: &str) -> Card {
    let mut next = card.clone();
    next.content.issue.title = title.into();
    next.revision = card.revision.next();
    next
}

pub(super) fn shown(card: &Card, message: Option<&str>, revision: u64, again: &str) -> RowChange {
    let place = &card.content.place;
    RowChange::CardShown {
        account: place.account.clone(),
        card: card.handle.clone(),
        seen: card.message.clone(),
        message: message.map(MessageId::new),
        revision: Revision(revision),
        again: show(again, card),
    }
}

/// The job that shows `card`, left out where one waits.
pub(super) fn show(id: &str, card: &Card) -> NewJob {
    let place = &card.content.place;
    NewJob {
        job: Job::Show { account: place.account.clone(), card: card.handle.clone() },
        unless_waiting: true,
        ..job(id, Lane::cards(&place.account, &place.channel))
    }
}

pub(super) fn link(n: u8, person: Person) -> Link {
    Link {
        id: Digest([n; 32]),
        place: Place::direct(&person),
        person,
        then: Pending::Connect { org: "acme".into(), project: "checkout".into(), filter: Filter::default() },
        expires: after(600_000),
        stage: Stage::Offered,
        offered: START,
        again: false,
        revision: Revision(1),
    }
}

pub(super) fn exchanging() -> Stage {
    Stage::Exchanging { credential: CredentialId::new("c0ffee") }
}

pub(super) fn awaiting_code() -> Stage {
    Stage::AwaitingCode {
        code: Secret::new("482913"),
        tries_left: 5,
        identity: identity(),
        credential: CredentialId::new("c0ffee"),
    }
}

pub(super) fn linked(person: Person, grant: &str) -> LinkedPerson {
    LinkedPerson {
        person,
        identity: identity(),
        credential: CredentialId::new(grant),
        since: START,
        manages: Vec::new(),
        roles_read: None,
    }
}

fn identity() -> Identity {
    Identity { id: "7".into(), name: "Ana".into(), email: "ana@example.com".into() }
}

pub(super) fn done() -> Outcome {
    Outcome::Done(Decision::nothing())
}

pub(super) fn dead(why: &str) -> Outcome {
    Outcome::Dead { why: why.into(), then: Decision::nothing() }
}

// === the verbs, after each of which the ledger adds up ===

/// What `try_commit` must not refuse.
pub(super) async fn commit(bench: &impl Bench, decision: Decision) {
    commit_at(bench, decision, START).await;
}

pub(super) async fn commit_at(bench: &impl Bench, decision: Decision, now: Timestamp) {
    let committed = bench.store().commit(&[], &decision, now).await;
    assert!(matches!(committed, Ok(Committed::Fresh)), "{committed:?}");
    ledger(bench).await;
}

pub(super) async fn conflicts(bench: &impl Bench, decision: Decision) {
    let committed = bench.store().commit(&[], &decision, START).await;
    assert!(matches!(committed, Err(StoreError::Conflict)), "{committed:?}");
    ledger(bench).await;
}

pub(super) async fn settle(
    bench: &impl Bench,
    lease: &LaneLease,
    job: &str,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let settled = bench.store().settle(lease, &JobId::new(job), &outcome, START).await;
    ledger(bench).await;
    settled
}

/// Leases the only lane that is due, gives `job` up, and releases the lane.
pub(super) async fn give_up(bench: &impl Bench, job: &str) {
    let held = lease_one(bench, START, LATER).await;
    settle(bench, &held, job, dead("gone")).await.expect("settled");
    release(bench, held).await;
}

pub(super) async fn lease(bench: &impl Bench, limit: usize, now: Timestamp, until: Timestamp) -> Leased {
    bench.store().lease(limit, now, until).await.expect("leased")
}

/// The only lane that is due at `now`.
pub(super) async fn lease_one(bench: &impl Bench, now: Timestamp, until: Timestamp) -> LaneLease {
    let mut lanes = lease(bench, 10, now, until).await.lanes;
    assert_eq!(lanes.len(), 1, "{lanes:?}");
    lanes.remove(0)
}

pub(super) async fn release(bench: &impl Bench, lease: LaneLease) {
    bench.store().release(lease).await.expect("released");
}

// === what there is ===

/// What waits and is due at `now`, as (lane, ids), put back at once.
pub(super) async fn waiting(bench: &impl Bench, now: Timestamp) -> Vec<(Lane, Vec<String>)> {
    let leased = lease(bench, usize::MAX, now, now + Duration::from_secs(1)).await;
    let mut waiting = Vec::new();
    for lease in leased.lanes {
        waiting.push((lease.lane.clone(), ids(&lease)));
        release(bench, lease).await;
    }
    waiting.sort();
    waiting
}

/// The ledger, which adds up at any time.
pub(super) async fn ledger(bench: &impl Bench) -> Ledger {
    let ledger = bench.journal().ledger().await.expect("read");
    assert!(ledger.adds_up(), "{ledger:?}");
    ledger
}

pub(super) async fn dead_letters(bench: &impl Bench) -> Vec<DeadLetter> {
    bench.journal().dead_letters().await.expect("read")
}

/// The names of the dead letters, oldest first.
pub(super) async fn dead_ids(bench: &impl Bench) -> Vec<String> {
    dead_letters(bench).await.into_iter().map(|letter| letter.id.as_str().to_owned()).collect()
}

pub(super) fn ids(lease: &LaneLease) -> Vec<String> {
    lease.jobs.iter().map(|queued| queued.id.as_str().to_owned()).collect()
}

pub(super) fn fenced<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Fenced)), "{answer:?}");
}
