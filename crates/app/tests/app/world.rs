//! The real app over fakes: a small Zoom account, a small Sentry, and a clock that stands still.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use zentry_app::{App, Callback, CameBack, DirectoryPorts, Ports, SentryStart};
use zentry_contract::fake::{FakeChat, FakeClock, FakeDirectory, FakeMessage, FakeStore, FakeTracker, SeededRandom};
use zentry_contract::sample::{START, ana, change, ops, project};
use zentry_domain::ports::DeliveryKey;
use zentry_domain::{
    Action, ChangeKind, Choice, Clock, Decision, Deployment, Event, Identity, Issue, IssueId, IssueRef, Job, Journal,
    Person, Place, Policy, Press, Pressed, RowChange, Said, Secret, Status, Store,
};

/// Who Ana is at Sentry.
pub(crate) fn ana_at_sentry() -> Identity {
    Identity { id: "7".into(), name: "Ana".into(), email: "ana@acme.io".into() }
}

/// The app and everything around it. Dropping it with work left over fails the test.
pub(crate) struct World {
    pub(crate) app: App,
    ports: Ports,
    deployment: Deployment,
    pub(crate) chat: Arc<FakeChat>,
    pub(crate) tracker: Arc<FakeTracker>,
    pub(crate) store: Arc<FakeStore>,
    pub(crate) clock: Arc<FakeClock>,
}

impl World {
    /// People link their own accounts.
    pub(crate) fn with_linking() -> Self {
        Self::new(|_| {})
    }

    /// One internal integration, nobody links.
    pub(crate) fn with_integration() -> Self {
        Self::new(|deployment| {
            deployment.linking = false;
            deployment.policy = Policy::Anyone;
            deployment.integration_org = Some(project("checkout").org);
        })
    }

    pub(crate) fn new(adjust: impl FnOnce(&mut Deployment)) -> Self {
        let mut deployment = deployment();
        adjust(&mut deployment);
        let (chat, tracker) = (Arc::new(FakeChat::new()), Arc::new(FakeTracker::new()));
        let (store, clock) = (Arc::new(FakeStore::default()), Arc::new(FakeClock::at(START)));
        tracker.add_project(&project("checkout"));
        tracker.add_project(&project("web"));
        tracker.add_member(&project("checkout").org, &ana_at_sentry());
        tracker.integrate(&project("checkout").org);
        let title = "TimeoutError: pool exhausted".into();
        tracker.add_issue(&issue_42(), Issue { title, status: Some(Status::Unresolved), ..Issue::default() });
        let ports = Ports {
            store: Arc::<FakeStore>::clone(&store),
            facts: Arc::<FakeStore>::clone(&store),
            chat: Arc::<FakeChat>::clone(&chat),
            tracker: Arc::<FakeTracker>::clone(&tracker),
            directory: None,
            clock: Arc::<FakeClock>::clone(&clock),
            random: Arc::new(SeededRandom::new(42)),
        };
        Self { app: App::new(ports.clone(), deployment.clone()), ports, deployment, chat, tracker, store, clock }
    }

    /// One internal integration, and the directory of account `acc` may be read once somebody has installed the bot.
    pub(crate) fn with_directory() -> (Self, Arc<FakeDirectory>) {
        Self::with_directory_and(|_| {})
    }

    /// The same with other settings.
    pub(crate) fn with_directory_and(adjust: impl FnOnce(&mut Deployment)) -> (Self, Arc<FakeDirectory>) {
        let mut world = Self::new(|deployment| {
            deployment.linking = false;
            deployment.policy = Policy::Anyone;
            deployment.integration_org = Some(project("checkout").org);
            adjust(deployment);
        });
        let directory = Arc::new(FakeDirectory::new(&ana().account, world.store.vault()));
        world.ports.directory = Some(DirectoryPorts {
            directory: Arc::<FakeDirectory>::clone(&directory),
            roster: Arc::<FakeStore>::clone(&world.store),
        });
        world.app = world.app();
        (world, directory)
    }

    /// Another app over the same ports.
    pub(crate) fn app(&self) -> App {
        App::new(self.ports(), self.deployment())
    }

    pub(crate) fn ports(&self) -> Ports {
        self.ports.clone()
    }

    pub(crate) fn deployment(&self) -> Deployment {
        self.deployment.clone()
    }

    /// Somebody types in a channel, or writes to the bot; everything that follows is performed.
    pub(crate) async fn say(&self, by: Person, place: Place, text: &str) {
        let said = Said { by, place, text: text.into(), at: None };
        self.app.accept(&[], &Event::Said(said)).await.expect("kept");
        self.settle().await;
    }

    /// Ana types in #ops.
    pub(crate) async fn ana_says(&self, text: &str) {
        self.say(ana(), ops(), text).await;
    }

    /// Something happens to issue 42.
    pub(crate) async fn happens(&self, kind: ChangeKind) {
        let change = change(kind);
        self.tracker.add_issue(&issue_42(), change.issue.clone());
        self.app.accept(&[], &Event::Changed(change)).await.expect("kept");
        self.settle().await;
    }

    /// Ana presses a button of the only card in #ops.
    pub(crate) async fn ana_presses(&self, action: Action) {
        let button = self
            .card()
            .notice
            .buttons
            .into_iter()
            .find(|b| b.press.choice == Choice::Act(action.clone()))
            .expect("a button");
        self.press(ana(), Some(button.press)).await;
    }

    pub(crate) async fn press(&self, by: Person, press: Option<Press>) {
        let pressed = Pressed { by, place: ops(), press, message: None };
        self.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
        self.settle().await;
    }

    /// Ana links her account, from the address in her own chat to the code.
    pub(crate) async fn ana_links(&self) {
        let CameBack::Code { code, .. } = self.browser_links(&self.link_address()).await else { panic!("a code") };
        self.say(ana(), Place::direct(&ana()), code.expose()).await;
    }

    /// The address in Ana's own chat.
    pub(crate) fn link_address(&self) -> String {
        let sent = self.seen_by(ana(), &Place::direct(&ana()));
        let links = sent.iter().rev().flat_map(|message| &message.notice.lines).filter_map(|line| line.link.clone());
        links.into_iter().next().expect("a link was sent")
    }

    /// A browser in which Ana is signed in at Sentry opens the address, presses the button and approves.
    pub(crate) async fn browser_links(&self, address: &str) -> CameBack {
        let token = Secret::new(address.rsplit('/').next().expect("a token"));
        let SentryStart::Go { url, cookie } = self.app.start_link(&token).await.expect("stored") else {
            panic!("the address works")
        };
        let code = self.tracker.approve(&url, &ana_at_sentry());
        let state = Secret::new(url.rsplit('=').next().expect("a state"));
        let callback = Callback { state: Some(state), cookie: Some(cookie), code: Some(code), error: None };
        let came_back = self.app.finish_link(callback).await.expect("stored");
        self.settle().await;
        came_back
    }

    /// Performs everything that is due now.
    pub(crate) async fn settle(&self) {
        self.app.step().await.expect("the outbox is readable");
    }

    /// Lets time pass, and performs what falls due.
    pub(crate) async fn wait(&self, time: Duration) {
        self.clock.advance(time);
        self.settle().await;
    }

    /// There are so many dead letters, and then none.
    pub(crate) async fn drop_dead(&self, letters: usize) {
        let dead = self.store.dead();
        assert_eq!(dead.len(), letters, "{dead:?}");
        let dropped = dead.into_iter().map(|letter| RowChange::DropDead(letter.id));
        let dropped = dropped.fold(Decision::nothing(), Decision::and);
        self.store.commit(&[], &dropped, START).await.expect("stored");
    }

    pub(crate) fn seen_by(&self, viewer: Person, place: &Place) -> Vec<FakeMessage> {
        self.chat.seen_in(place, &viewer)
    }

    /// What the last message in #ops says first.
    pub(crate) fn last(&self) -> String {
        self.chat.messages_in(&ops().channel).last().expect("a message").notice.head.clone()
    }

    /// What the last message in Ana's own chat says first.
    pub(crate) fn last_direct(&self) -> String {
        self.chat.messages_in(&Place::direct(&ana()).channel).last().expect("a message").notice.head.clone()
    }

    /// The only message in #ops that has buttons or once had.
    pub(crate) fn card(&self) -> FakeMessage {
        let cards: Vec<_> =
            self.chat.messages_in(&ops().channel).into_iter().filter(|m| m.notice.tone.is_some()).collect();
        assert_eq!(cards.len(), 1, "{cards:?}");
        cards[0].clone()
    }
}

/// What a fake answers without waiting for anything.
fn at_once<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a fake waits for nothing"),
    }
}

fn deployment() -> Deployment {
    Deployment {
        command: "sentry".into(),
        public_url: "https://bot.example.com".into(),
        policy: Policy::Linked,
        managers: Vec::new(),
        allowed_orgs: None,
        linking: true,
        integration_org: None,
        storm_budget: 6,
        sentry_url: "https://sentry.example.com".into(),
        install_url: None,
        service_hooks: false,
    }
}

pub(crate) fn issue_42() -> IssueRef {
    IssueRef { org: project("checkout").org, id: IssueId::new("42") }
}

pub(crate) fn key(n: u8) -> DeliveryKey {
    DeliveryKey([n; 32])
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let now = self.clock.now();
        let late: Vec<_> = self
            .store
            .waiting()
            .into_iter()
            .filter(|(_, job)| {
                !matches!(
                    job,
                    Job::ExpireLink { .. }
                        | Job::TendHooks
                        | Job::Sweep
                        | Job::Refresh { .. }
                        | Job::Reread { .. }
                        | Job::Reconcile { .. }
                        | Job::ReadDirectory { .. }
                )
            })
            .collect();
        assert!(late.is_empty(), "work is left over at {now}: {late:?}");
        assert!(self.store.dead().is_empty(), "dead letters: {:?}", self.store.dead());
        let ledger = at_once(self.store.ledger()).expect("read");
        assert!(ledger.adds_up() && ledger.pending == 0, "{ledger:?}");
    }
}
