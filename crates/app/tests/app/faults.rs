//! Rows of `docs/FAULTS.md` whose waiting would take minutes or days, or that need a bug on purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use zentry_app::{App, Ports};
use zentry_contract::fake::{ChatFault, FakeChat, FakeClock, FakeStore};
use zentry_contract::sample::{START, ana, change, ops, project};
use zentry_domain::ports::{ChatError, Committed, DeliveryKey, LaneLease, Leased, StoreError};
use zentry_domain::{
    Account, Address, Archive, Change, ChangeKind, Chat, Clock, Decision, Event, Facts, InstallationId, IssueId, JobId,
    MessageId, Notice, Outcome, Person, Place, RowChange, Store, Timestamp, TriggerId,
};

use crate::world::{World, key};

const HOUR: Duration = Duration::from_secs(3_600);

// === Zoom ===

/// Row 2.
#[tokio::test]
async fn an_absurd_retry_after_is_waited_for_a_day_and_no_longer() {
    let seventy_years = 70 * 365 * 24 * HOUR;
    for asked in [25 * HOUR, seventy_years, Duration::MAX] {
        let world = World::with_integration();
        world.ana_says("connect acme checkout").await;
        world.chat.fail_next(ChatFault::Throttled { after: Some(asked) });
        world.happens(ChangeKind::New).await;
        world.wait(23 * HOUR).await;
        assert!(world.chat.messages().iter().all(|message| message.notice.tone.is_none()), "{asked:?}");
        world.wait(HOUR).await;
        assert!(world.card().notice.head.starts_with("New · "), "{asked:?}");
    }
}

/// Row 13.
#[tokio::test]
async fn a_lost_answer_is_repeated_once_and_later_changes_go_to_the_repeat() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.fail_next(ChatFault::Unknown { carried_out: true });
    world.happens(ChangeKind::New).await;
    world.wait(Duration::from_secs(31)).await;
    world.wait(HOUR).await;
    world.happens(ChangeKind::Resolved).await;
    let cards: Vec<_> =
        world.chat.messages_in(&ops().channel).into_iter().filter(|message| message.notice.tone.is_some()).collect();
    let heads: Vec<_> = cards.iter().map(|card| card.notice.head.split(' ').next().expect("a word")).collect();
    assert_eq!(heads, ["New", "Resolved"], "one possible double, and no more");
}

// === bugs ===

/// Row 39.
#[tokio::test]
async fn a_card_whose_sending_panics_is_given_up_and_its_channel_goes_on() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    let chat = Arc::new(Buggy::on("poison", usize::MAX, &world));
    let app = App::new(Ports { chat, ..world.ports() }, world.deployment());
    for (issue, culprit) in [("42", "poison"), ("43", "harmless")] {
        app.accept(&[], &Event::Changed(about(issue, culprit))).await.expect("kept");
    }
    for _ in 0..3 {
        app.step().await.expect("performed");
        world.clock.advance(Duration::from_secs(31));
    }
    assert!(world.card().notice.lines.iter().any(|line| line.text == "harmless"));
    let dead = world.store.dead();
    assert_eq!(dead.len(), 1, "{dead:?}");
    let dropped = Decision::nothing().and(RowChange::DropDead(dead[0].id.clone()));
    world.store.commit(&[], &dropped, world.clock.now()).await.expect("dropped");
}

/// Row 40.
#[tokio::test]
async fn a_panic_in_the_middle_of_sending_is_an_unknown_outcome_and_tried_once_more() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    let chat = Arc::new(Buggy::on("poison", 1, &world));
    let app = App::new(Ports { chat, ..world.ports() }, world.deployment());
    app.accept(&[], &Event::Changed(about("42", "poison"))).await.expect("kept");
    app.step().await.expect("performed");
    world.wait(Duration::from_secs(29)).await;
    assert!(world.chat.messages_in(&ops().channel).iter().all(|message| message.notice.tone.is_none()));
    world.clock.advance(Duration::from_secs(2));
    app.step().await.expect("performed");
    assert!(world.card().notice.head.starts_with("New · "));
}

/// No row: what comes while a card is being posted must reach it.
#[tokio::test]
async fn a_change_decided_while_its_card_is_being_posted_is_shown_on_it() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.app.accept(&[], &Event::Changed(change(ChangeKind::New))).await.expect("kept");
    let app = overtaken(&world, Duration::ZERO);
    app.accept(&[], &Event::Changed(change(ChangeKind::Resolved))).await.expect("kept");
    world.settle().await;
    assert!(world.card().notice.head.starts_with("Resolved · "), "{}", world.card().notice.head);
}

/// No row: a storm may end between the decision that an issue belongs to it and the commit.
#[tokio::test]
async fn an_issue_that_was_put_into_a_storm_as_it_ended_is_still_told_of() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    for issue in 0..8 {
        world.app.accept(&[], &Event::Changed(about(&issue.to_string(), "pay"))).await.expect("kept");
    }
    for _ in 0..6 {
        world.wait(Duration::from_secs(10)).await;
    }
    let app = overtaken(&world, Duration::from_secs(10));
    app.accept(&[], &Event::Changed(about("late", "pay"))).await.expect("kept");
    let storm = |world: &World| {
        let messages = world.chat.messages_in(&ops().channel).into_iter();
        messages.map(|message| message.notice.head).find(|head| head.starts_with("Storm")).expect("a storm's card")
    };
    assert!(storm(&world).starts_with("Storm over · [checkout] 2 issues"), "{}", storm(&world));
    world.wait(Duration::from_secs(10)).await;
    assert!(storm(&world).starts_with("Storm over · [checkout] 3 issues"), "{}", storm(&world));
}

/// Row 8.
#[tokio::test]
async fn what_changed_while_its_card_was_given_up_is_tried_again() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    let resolved = change(ChangeKind::Resolved);
    let meanwhile = Meanwhile::new(&world, resolved, Duration::ZERO);
    let worker = App::new(Ports { chat: Arc::new(meanwhile), ..world.ports() }, world.deployment());
    world.app.accept(&[], &Event::Changed(change(ChangeKind::New))).await.expect("kept");
    // As it is, and as plain text.
    world.chat.fail_times(2, ChatFault::Refused);
    worker.step().await.expect("the outbox is readable");
    world.settle().await;
    assert!(world.card().notice.head.starts_with("Resolved · "), "{}", world.card().notice.head);

    world.drop_dead(1).await;
}

/// No row: promised of every dead letter, and said once a day.
#[tokio::test]
async fn whoever_connected_a_channel_is_told_of_the_first_card_that_is_given_up() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    for issue in ["7", "8"] {
        // As it is, and as plain text.
        world.chat.fail_times(2, ChatFault::Refused);
        world.app.accept(&[], &Event::Changed(about(issue, "pay"))).await.expect("kept");
        world.settle().await;
    }
    let told = world.chat.messages_in(&Place::direct(&ana()).channel);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].notice.head.starts_with("I could not send a card to #ops: refused: "), "{:?}", told[0].notice);
    world.drop_dead(2).await;
}

// === the clock ===

/// Row 36.
#[tokio::test]
async fn a_clock_that_jumps_either_way_stops_nothing_that_happens_after_it() {
    let ahead = |clock: Timestamp| clock + 2 * HOUR;
    let back = |clock: Timestamp| clock - 2 * HOUR;
    let jumps: [&dyn Fn(Timestamp) -> Timestamp; 2] = [&ahead, &back];
    for jump in jumps {
        let world = World::with_integration();
        world.ana_says("connect acme checkout").await;
        world.clock.set(jump(START));
        world.happens(ChangeKind::New).await;
        assert!(world.card().notice.head.starts_with("New · "));
        world.happens(ChangeKind::Resolved).await;
        assert!(world.card().notice.head.starts_with("Resolved · "));
    }
}

// === installations ===

/// Row 42.
#[tokio::test]
async fn a_removal_that_arrives_after_the_next_installation_takes_only_its_own_with_it() {
    let world = World::with_linking();
    let (old, new) = (InstallationId::new("old"), InstallationId::new("new"));
    let org = project("checkout").org;
    let installed = |installation: &InstallationId| Event::IntegrationInstalled {
        installation: installation.clone(),
        org: org.clone(),
        code: None,
    };
    let removed = Event::IntegrationRemoved { installation: old.clone(), org: Some(org.clone()) };
    for (n, event) in [(1, installed(&old)), (2, installed(&new)), (3, removed), (1, installed(&old))] {
        world.app.accept(&[key(n)], &event).await.expect("kept");
    }
    assert_eq!(world.store.installation(&new).await.expect("read"), Some(org.clone()));
    assert_eq!(world.store.installation(&old).await.expect("read"), None, "a repeat installs nothing again");
}

#[tokio::test]
async fn an_edit_of_a_worker_that_was_suspended_does_not_leave_an_older_text() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    let longer_than_a_lease = Duration::from_secs(31);
    let suspended = Meanwhile::new(&world, change(ChangeKind::Resolved), longer_than_a_lease);
    let worker = App::new(Ports { chat: Arc::new(suspended), ..world.ports() }, world.deployment());
    let archived = change(ChangeKind::Archived { until: Archive::Forever });
    world.app.accept(&[], &Event::Changed(archived)).await.expect("kept");
    worker.step().await.expect("the outbox is readable");
    world.settle().await;
    assert!(world.card().notice.head.starts_with("Resolved · "), "{}", world.card().notice.head);
}

/// Row 41.
#[tokio::test]
async fn where_an_organization_removes_the_integration_its_channels_are_told_and_what_waits_is_not_posted() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    let (installation, org) = (InstallationId::new("i"), project("checkout").org);
    let installed = Event::IntegrationInstalled { installation: installation.clone(), org, code: None };
    world.app.accept(&[key(1)], &installed).await.expect("kept");
    world.app.accept(&[], &Event::Changed(change(ChangeKind::New))).await.expect("kept");
    let removed = Event::IntegrationRemoved { installation, org: None };
    world.app.accept(&[key(2)], &removed).await.expect("kept");
    world.settle().await;
    let heads: Vec<_> = world.chat.messages_in(&ops().channel).into_iter().map(|m| m.notice.head).collect();
    assert!(heads.len() == 2 && heads[1].starts_with("Paused: acme removed this integration"), "{heads:?}");

    let late = Change { installation: Some(InstallationId::new("i")), ..about("late", "pay") };
    world.app.accept(&[], &Event::Changed(late)).await.expect("ignored");
    world.settle().await;
    assert_eq!(world.chat.messages_in(&ops().channel).len(), 2);
}

#[tokio::test]
async fn the_removal_of_an_installation_that_was_never_heard_of_is_told_too_unless_another_stays() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    let org = project("checkout").org;
    let removed =
        |id: &str| Event::IntegrationRemoved { installation: InstallationId::new(id), org: Some(org.clone()) };
    let installed =
        Event::IntegrationInstalled { installation: InstallationId::new("stays"), org: org.clone(), code: None };
    world.app.accept(&[key(1)], &removed("first")).await.expect("kept");
    world.app.accept(&[key(2)], &installed).await.expect("kept");
    world.app.accept(&[key(3)], &removed("unheard of")).await.expect("kept");
    world.settle().await;
    let heads: Vec<_> = world.chat.messages_in(&ops().channel).into_iter().map(|m| m.notice.head).collect();
    assert_eq!(heads.iter().filter(|head| head.starts_with("Paused: acme removed")).count(), 1, "{heads:?}");
}

/// Row 42.
#[tokio::test]
async fn a_removal_of_the_bot_that_arrives_after_its_next_installation_takes_nothing_with_it() {
    let world = World::with_integration();
    let installed = |since| Event::Installed {
        account: Account { id: ana().account, installer: Some(ana().user), since: Some(since) },
        by: ana(),
    };
    let removed = |at| Event::Deauthorized { account: ana().account, at: Some(at) };
    world.app.accept(&[key(1)], &installed(START + HOUR)).await.expect("kept");
    world.ana_says("connect acme checkout").await;
    world.app.accept(&[key(2)], &removed(START)).await.expect("kept");
    let here = async || world.store.subscriptions_of(&ana().account).await.expect("read").len();
    assert_eq!(here().await, 1);
    world.app.accept(&[key(3)], &removed(START + 2 * HOUR)).await.expect("kept");
    assert_eq!(here().await, 0);
    world.settle().await;
}

// === what these tests need ===

fn about(issue: &str, culprit: &str) -> Change {
    let mut change = change(ChangeKind::New);
    change.issue_id = IssueId::new(issue);
    change.issue.culprit = Some(culprit.into());
    change
}

/// A chat platform whose adapter panics on messages with a certain line, so many times.
struct Buggy {
    chat: Arc<FakeChat>,
    word: &'static str,
    left: AtomicUsize,
}

impl Buggy {
    fn on(word: &'static str, times: usize, world: &World) -> Self {
        Self { chat: Arc::clone(&world.chat), word, left: AtomicUsize::new(times) }
    }
}

#[async_trait]
impl Chat for Buggy {
    async fn post(&self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError> {
        let hit = notice.lines.iter().any(|line| line.text == self.word);
        let once_less = |left: usize| left.checked_sub(1);
        assert!(
            !hit || self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, once_less).is_err(),
            "a bug on purpose"
        );
        self.chat.post(to, notice).await
    }

    async fn edit(&self, to: &Address, message: &MessageId, notice: &Notice) -> Result<(), ChatError> {
        self.chat.edit(to, message, notice).await
    }

    async fn delete(&self, to: &Address, message: &MessageId) -> Result<(), ChatError> {
        self.chat.delete(to, message).await
    }

    async fn unfurl(&self, by: &Person, trigger: &TriggerId, notice: &Notice) -> Result<(), ChatError> {
        self.chat.unfurl(by, trigger, notice).await
    }
}

/// A chat platform whose first call takes so long: meanwhile the issue changes, and another worker, if the lane has fallen
/// to it, shows that.
struct Meanwhile {
    chat: Arc<FakeChat>,
    clock: Arc<FakeClock>,
    takes: Duration,
    other: App,
    change: Change,
    is_armed: AtomicBool,
}

impl Meanwhile {
    fn new(world: &World, change: Change, takes: Duration) -> Self {
        let (chat, clock) = (Arc::clone(&world.chat), Arc::clone(&world.clock));
        Self { chat, clock, takes, other: world.app(), change, is_armed: AtomicBool::new(true) }
    }

    async fn happens(&self) {
        if self.is_armed.swap(false, Ordering::Relaxed) {
            self.clock.advance(self.takes);
            self.other.accept(&[], &Event::Changed(self.change.clone())).await.expect("kept");
            self.other.step().await.expect("the outbox is readable");
        }
    }
}

#[async_trait]
impl Chat for Meanwhile {
    async fn post(&self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError> {
        self.happens().await;
        self.chat.post(to, notice).await
    }

    async fn edit(&self, to: &Address, message: &MessageId, notice: &Notice) -> Result<(), ChatError> {
        self.happens().await;
        self.chat.edit(to, message, notice).await
    }

    async fn delete(&self, to: &Address, message: &MessageId) -> Result<(), ChatError> {
        self.chat.delete(to, message).await
    }

    async fn unfurl(&self, by: &Person, trigger: &TriggerId, notice: &Notice) -> Result<(), ChatError> {
        self.chat.unfurl(by, trigger, notice).await
    }
}

/// A store before whose first commit so much time passes, and another worker performs everything that is due then.
struct Overtaken {
    store: Arc<FakeStore>,
    clock: Arc<FakeClock>,
    after: Duration,
    by: App,
    is_armed: AtomicBool,
}

/// The app over such a store.
fn overtaken(world: &World, after: Duration) -> App {
    let (store, clock) = (Arc::clone(&world.store), Arc::clone(&world.clock));
    let store = Overtaken { store, clock, after, by: world.app(), is_armed: AtomicBool::new(true) };
    App::new(Ports { store: Arc::new(store), ..world.ports() }, world.deployment())
}

#[async_trait]
impl Store for Overtaken {
    async fn commit(&self, keys: &[DeliveryKey], decision: &Decision, now: Timestamp) -> Result<Committed, StoreError> {
        if self.is_armed.swap(false, Ordering::Relaxed) {
            self.clock.advance(self.after);
            self.by.step().await?;
        }
        self.store.commit(keys, decision, now).await
    }

    async fn lease(&self, limit: usize, now: Timestamp, until: Timestamp) -> Result<Leased, StoreError> {
        self.store.lease(limit, now, until).await
    }

    async fn renew(&self, lease: &LaneLease, until: Timestamp) -> Result<(), StoreError> {
        self.store.renew(lease, until).await
    }

    async fn settle(
        &self,
        lease: &LaneLease,
        job: &JobId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.store.settle(lease, job, outcome, now).await
    }

    async fn release(&self, lease: LaneLease) -> Result<(), StoreError> {
        self.store.release(lease).await
    }
}
