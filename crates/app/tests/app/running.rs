//! The worker as production runs it: woken by commits, sleeping until something is due, ending when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zentry_app::{App, Ports};
use zentry_contract::fake::{ChatFault, FakeChat, FakeMessage, FakeStore, FakeTracker};
use zentry_contract::sample::{ana, change, ops};
use zentry_domain::ports::{ChatError, TrackerError};
use zentry_domain::{
    AccountId, Action, Actor, Address, Assignee, ChangeKind, Chat, Clock, CredentialId, Deployment, Event, HookId,
    HookKind, Identity, InstallationId, Issue, IssueId, IssueRef, MessageId, Notice, Occurrence, OrgSlug, Organization,
    Person, Place, Pressed, Project, ProjectSlug, Said, Secret, Timestamp, Tracker, TriggerId,
};

use crate::world::World;

/// The app of a world, running.
struct Running {
    app: Arc<App>,
    stop: watch::Sender<bool>,
    worker: JoinHandle<()>,
}

impl Running {
    fn start(app: App) -> Self {
        let app = Arc::new(app);
        let (stop, stopping) = watch::channel(false);
        let worker = tokio::spawn(Arc::clone(&app).run(stopping));
        Self { app, stop, worker }
    }

    async fn end(self) {
        self.stop.send(true).expect("it runs");
        tokio::time::timeout(Duration::from_secs(10), self.worker).await.expect("in time").expect("no panic");
    }
}

/// Lets the others work until `seen`.
async fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        while !seen() {
            tokio::task::yield_now().await;
        }
    });
    assert!(waited.await.is_ok(), "never: {what}");
}

async fn ana_says(app: &App, text: &str) {
    let said = Said { by: ana(), place: ops(), text: text.into(), at: None };
    app.accept(&[], &Event::Said(said)).await.expect("kept");
}

#[tokio::test]
async fn a_commit_wakes_the_worker() {
    let world = World::with_integration();
    let running = Running::start(world.app());
    ana_says(&running.app, "help").await;
    until("the answer", || !world.chat.messages().is_empty()).await;
    running.end().await;
}

/// Row 36 of `docs/FAULTS.md`.
#[tokio::test]
async fn a_clock_that_is_set_back_prolongs_no_wait() {
    let world = World::with_integration();
    world.chat.fail_next(ChatFault::Throttled { after: Some(Duration::from_secs(60)) });
    let running = Running::start(world.app());
    ana_says(&running.app, "help").await;
    until("the first try", || world.chat.calls() == 1).await;
    world.clock.set(world.clock.now() - Duration::from_secs(7_200));
    running.app.wake();
    // Whoever looks at the outbox next has noticed it.
    ana_says(&running.app, "whoami").await;
    until("the throttle", || world.store.waiting().len() > 1).await;
    let mut seconds = 0;
    until("the answer", || {
        world.clock.advance(Duration::from_secs(1));
        seconds += 1;
        world.chat.messages().len() == 2
    })
    .await;
    assert!(seconds < 3_600, "{seconds} s");
    running.end().await;
}

#[tokio::test]
async fn what_is_due_later_is_done_when_the_time_comes() {
    let world = World::with_integration();
    world.chat.fail_next(ChatFault::Throttled { after: Some(Duration::from_secs(7)) });
    let running = Running::start(world.app());
    ana_says(&running.app, "help").await;
    until("the throttled call", || world.store.waiting().iter().any(|(_, job)| job.is_message())).await;
    until("the answer", || {
        world.clock.advance(Duration::from_millis(500));
        !world.chat.messages().is_empty()
    })
    .await;
    running.end().await;
}

#[tokio::test]
async fn a_message_is_not_sent_again_because_its_result_cannot_be_stored() {
    let world = World::with_integration();
    let chat = Arc::new(ThenTheDiskIsFull { chat: Arc::clone(&world.chat), store: Arc::clone(&world.store) });
    let running = Running::start(App::new(Ports { chat, ..world.ports() }, world.deployment()));
    ana_says(&running.app, "help").await;
    until("the answer", || !world.chat.messages().is_empty()).await;
    for _ in 0..300 {
        world.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert_eq!(world.chat.messages().len(), 1);

    world.store.set_down(false);
    until("the result is stored", || {
        world.clock.advance(Duration::from_secs(1));
        world.store.waiting().iter().all(|(_, job)| !job.is_message())
    })
    .await;
    assert_eq!(world.chat.messages().len(), 1);
    running.end().await;
}

#[tokio::test]
async fn a_change_that_comes_in_between_does_not_repeat_what_was_done_at_sentry() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    let press = world.card().notice.buttons[0].press.clone();
    let tracker =
        Arc::new(Interrupted { tracker: Arc::clone(&world.tracker), app: world.app(), updates: AtomicUsize::new(0) });
    let app = App::new(Ports { tracker: Arc::<Interrupted>::clone(&tracker), ..world.ports() }, world.deployment());

    app.accept(&[], &Event::Pressed(Pressed { by: ana(), place: ops(), press: Some(press), message: None }))
        .await
        .expect("kept");
    app.step().await.expect("performed");
    assert_eq!(tracker.updates.load(Ordering::Relaxed), 1);
    assert!(world.card().notice.head.starts_with("Resolved · "), "{}", world.card().notice.head);
}

#[tokio::test]
async fn a_poisonous_message_does_not_silence_its_channel() {
    let world = World::with_integration();
    let chat = Arc::new(Allergic(Arc::clone(&world.chat)));
    let app = App::new(Ports { chat, ..world.ports() }, world.deployment());
    ana_says(&app, "connect acme checkout").await;
    app.step().await.expect("performed");
    let mut poisonous = change(ChangeKind::New);
    poisonous.issue.culprit = Some("poison".into());
    let mut harmless = change(ChangeKind::New);
    harmless.issue_id = IssueId::new("43");
    for event in [poisonous, harmless] {
        app.accept(&[], &Event::Changed(event)).await.expect("kept");
    }
    for _ in 0..6 {
        app.step().await.expect("performed");
        world.clock.advance(Duration::from_secs(700));
    }
    let cards: Vec<_> =
        world.chat.messages_in(&ops().channel).into_iter().filter(|m| m.notice.head.contains("Timeout")).collect();
    assert_eq!(cards.len(), 2, "{cards:?}");
    assert!(cards.iter().any(|card| card.notice.lines.is_empty()), "the poisonous one came as plain text");
}

#[tokio::test]
async fn a_channel_that_refuses_is_paused_probed_every_hour_and_resumes_by_itself() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.close(&ops().channel);
    world.happens(ChangeKind::New).await;
    let own_chat = || world.chat.messages_in(&Place::direct(&ana()).channel);
    assert!(own_chat()[0].notice.head.starts_with("I can no longer post in #ops"), "{:?}", own_chat());

    world.wait(Duration::from_secs(3_601)).await;
    assert_eq!(own_chat().len(), 1, "told once");
    world.chat.reopen(&ops().channel);
    world.wait(Duration::from_secs(3_601)).await;
    assert!(world.card().notice.head.starts_with("New · "));
}

#[tokio::test]
async fn a_paused_channel_is_tried_again_at_once_by_one_press() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.close(&ops().channel);
    world.happens(ChangeKind::New).await;
    let own = Place::direct(&ana());
    let told = world.chat.messages_in(&own.channel).remove(0);
    world.chat.reopen(&ops().channel);
    presses(&world, &own, &told, "Resume").await;
    assert!(world.card().notice.head.starts_with("New · "), "nobody waited for it");
    let answer = world.chat.messages_in(&own.channel).remove(1);
    assert_eq!(answer.notice.head, "I try #ops again now.");

    presses(&world, &own, &told, "Resume").await;
    let answer = world.chat.messages_in(&own.channel).remove(2);
    assert_eq!(answer.notice.head, "#ops is not paused.");
}

#[tokio::test]
async fn after_an_integration_is_removed_a_press_says_that_it_still_is() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    let installed =
        Event::IntegrationInstalled { installation: InstallationId::new("i1"), org: OrgSlug::new("acme"), code: None };
    let removed =
        Event::IntegrationRemoved { installation: InstallationId::new("i1"), org: Some(OrgSlug::new("acme")) };
    let public = App::new(world.ports(), Deployment { integration_org: None, ..world.deployment() });
    for event in [&installed, &removed] {
        public.accept(&[], event).await.expect("kept");
        public.step().await.expect("performed");
    }
    let told = world.chat.messages_in(&ops().channel).pop().expect("told");
    assert!(told.notice.head.starts_with("Paused: acme removed"), "{told:?}");
    let pressed = |app: App| {
        let told = told.clone();
        async move {
            let press = told.notice.buttons[0].press.clone();
            let event = Event::Pressed(Pressed { by: ana(), place: ops(), press: Some(press), message: None });
            app.accept(&[], &event).await.expect("kept");
            app.step().await.expect("performed");
            app
        }
    };
    let public = pressed(public).await;
    let answer = world.chat.messages_in(&ops().channel).pop().expect("answered");
    assert_eq!(
        answer.notice.head,
        "acme has not installed this integration in Sentry again yet, as far as I have heard."
    );
    public.accept(&[], &installed).await.expect("kept");
    public.step().await.expect("performed");
    pressed(public).await;
    let answer = world.chat.messages_in(&ops().channel).pop().expect("answered");
    assert_eq!(answer.notice.head, "#ops is not paused.");
}

/// Presses the button of a message that says `label`.
async fn presses(world: &World, place: &Place, on: &FakeMessage, label: &str) {
    let button = on.notice.buttons.iter().find(|button| button.label == label).expect("there is such a button");
    let press = Some(button.press.clone());
    let pressed = Event::Pressed(Pressed { by: ana(), place: place.clone(), press, message: None });
    world.app.accept(&[], &pressed).await.expect("kept");
    world.settle().await;
}

/// A chat platform after whose first message the store's disk is full.
struct ThenTheDiskIsFull {
    chat: Arc<FakeChat>,
    store: Arc<FakeStore>,
}

#[async_trait]
impl Chat for ThenTheDiskIsFull {
    async fn post(&self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError> {
        let posted = self.chat.post(to, notice).await;
        self.store.set_down(true);
        posted
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

/// A chat platform that fails on whatever has lines of which one speaks of poison.
struct Allergic(Arc<FakeChat>);

#[async_trait]
impl Chat for Allergic {
    async fn post(&self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError> {
        if notice.lines.iter().any(|line| line.text.contains("poison")) {
            return Err(ChatError::Unavailable("500".into()));
        }
        self.0.post(to, notice).await
    }

    async fn edit(&self, to: &Address, message: &MessageId, notice: &Notice) -> Result<(), ChatError> {
        self.0.edit(to, message, notice).await
    }

    async fn delete(&self, to: &Address, message: &MessageId) -> Result<(), ChatError> {
        self.0.delete(to, message).await
    }

    async fn unfurl(&self, by: &Person, trigger: &TriggerId, notice: &Notice) -> Result<(), ChatError> {
        self.0.unfurl(by, trigger, notice).await
    }
}

/// A tracker that tells of its own change before it answers, as Sentry may.
struct Interrupted {
    tracker: Arc<FakeTracker>,
    app: App,
    updates: AtomicUsize,
}

#[async_trait]
impl Tracker for Interrupted {
    async fn assignees(&self, actor: &Actor, project: &Project) -> Result<Vec<Assignee>, TrackerError> {
        self.tracker.assignees(actor, project).await
    }

    async fn update(&self, actor: &Actor, issue: &IssueRef, action: &Action) -> Result<Issue, TrackerError> {
        self.updates.fetch_add(1, Ordering::Relaxed);
        let answer = self.tracker.update(actor, issue, action).await;
        self.app.accept(&[], &Event::Changed(change(ChangeKind::Resolved))).await.expect("kept");
        answer
    }

    async fn make_hook(
        &self,
        actor: &Actor,
        project: &Project,
        kind: HookKind,
        url: &str,
    ) -> Result<HookId, TrackerError> {
        self.tracker.make_hook(actor, project, kind, url).await
    }

    async fn drop_hook(&self, actor: Option<&Actor>, project: &Project, hook: &HookId) -> Result<(), TrackerError> {
        self.tracker.drop_hook(actor, project, hook).await
    }

    async fn organizations(&self, actor: &Actor) -> Result<Vec<Organization>, TrackerError> {
        self.tracker.organizations(actor).await
    }

    async fn manages(&self, actor: &Actor, identity: &Identity) -> Result<Vec<OrgSlug>, TrackerError> {
        self.tracker.manages(actor, identity).await
    }

    async fn projects(&self, actor: &Actor, org: &OrgSlug) -> Result<Vec<Project>, TrackerError> {
        self.tracker.projects(actor, org).await
    }

    async fn project(&self, actor: &Actor, org: &str, project: &str) -> Result<Option<Project>, TrackerError> {
        self.tracker.project(actor, org, project).await
    }

    async fn issue(&self, actor: &Actor, issue: &IssueRef) -> Result<Option<Issue>, TrackerError> {
        self.tracker.issue(actor, issue).await
    }

    async fn issue_in_project(
        &self,
        actor: &Actor,
        issue: &IssueRef,
    ) -> Result<Option<(ProjectSlug, Issue)>, TrackerError> {
        self.tracker.issue_in_project(actor, issue).await
    }

    async fn latest(&self, actor: &Actor, issue: &IssueRef) -> Result<Option<Occurrence>, TrackerError> {
        self.tracker.latest(actor, issue).await
    }

    async fn first_in(
        &self,
        actor: &Actor,
        issue: &IssueRef,
        environment: &str,
    ) -> Result<Option<(Timestamp, Occurrence)>, TrackerError> {
        self.tracker.first_in(actor, issue, environment).await
    }

    async fn issues_since(
        &self,
        actor: &Actor,
        project: &Project,
        since: Timestamp,
    ) -> Result<Option<Vec<(IssueId, Issue)>>, TrackerError> {
        self.tracker.issues_since(actor, project, since).await
    }

    fn issue_page(&self, project: &Project, issue: &IssueId) -> String {
        self.tracker.issue_page(project, issue)
    }

    fn rules_page(&self, project: &Project) -> String {
        self.tracker.rules_page(project)
    }

    fn authorize_url(&self, state: &Secret) -> String {
        self.tracker.authorize_url(state)
    }

    async fn link(
        &self,
        account: &AccountId,
        credential: &CredentialId,
        code: &Secret,
        state: &Secret,
    ) -> Result<Identity, TrackerError> {
        self.tracker.link(account, credential, code, state).await
    }

    async fn unlink(&self, account: &AccountId, credential: &CredentialId) -> Result<(), TrackerError> {
        self.tracker.unlink(account, credential).await
    }

    async fn install(&self, installation: &InstallationId, code: &Secret) -> Result<Option<OrgSlug>, TrackerError> {
        self.tracker.install(installation, code).await
    }

    async fn abandon(&self, account: &AccountId, credential: &CredentialId) -> Result<(), TrackerError> {
        self.tracker.abandon(account, credential).await
    }
}
