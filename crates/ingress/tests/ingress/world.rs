//! A small Zoom account, a small Sentry, and a public listener on loopback.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;
use zentry_app::{App, DirectoryPorts, Ports};
use zentry_contract::fake::{FakeChat, FakeClock, FakeDirectory, FakeStore, FakeTracker, FakeVault, SeededRandom};
use zentry_contract::sample::{START, ana, change, ops, project};
use zentry_domain::ports::{
    Committed, Delivery, DeliveryKey, Header, LaneLease, Leased, Received, Rejected, StoreError,
};
use zentry_domain::{
    ChangeKind, Decision, Deployment, Event, Identity, JobId, Outcome, Person, Place, Policy, Said, Store, Timestamp,
    Webhook,
};
use zentry_ingress::{Door, Limits, Public, Site, Tls, serve_public};

use crate::client::PATIENCE;

/// The largest delivery that the door takes.
pub(crate) const CAP: usize = 64 * 1024;
pub(crate) const CHAT: &str = "https://zoom.example.com/launch/chat?jid=robot_bot";

/// Who Ada is at Sentry.
pub(crate) fn ada() -> Identity {
    Identity { id: "7".into(), name: "Ada".into(), email: "ada@acme.io".into() }
}

/// The listener and everything around it.
pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) chat: Arc<FakeChat>,
    pub(crate) tracker: Arc<FakeTracker>,
    pub(crate) store: Arc<FakeStore>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) at: SocketAddr,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) served: JoinHandle<()>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with("https://bot.example.com", Limits::default(), None).await
    }

    pub(crate) async fn at(public_url: &str) -> Self {
        Self::with(public_url, Limits::default(), None).await
    }

    pub(crate) async fn limited(adjust: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        adjust(&mut limits);
        Self::with("https://bot.example.com", limits, None).await
    }

    pub(crate) async fn with(public_url: &str, limits: Limits, tls: Option<Arc<Tls>>) -> Self {
        Self::serving(deployment(public_url), limits, tls, None).await
    }

    /// Organizations install a Sentry App.
    pub(crate) async fn with_app() -> Self {
        let install_url = Some("https://sentry.example.com/sentry-apps/zentry/external-install/".to_owned());
        let deployment = Deployment { install_url, ..deployment("https://bot.example.com") };
        Self::serving(deployment, Limits::default(), None, None).await
    }

    /// The directory of account `acc` is read.
    pub(crate) async fn with_directory() -> (Self, Arc<FakeDirectory>) {
        let vault = Arc::new(FakeVault::default());
        let directory = Arc::new(FakeDirectory::new(&ana().account, vault));
        let reads = Some(Arc::clone(&directory));
        (Self::serving(deployment("https://bot.example.com"), Limits::default(), None, reads).await, directory)
    }

    async fn serving(
        deployment: Deployment,
        limits: Limits,
        tls: Option<Arc<Tls>>,
        directory: Option<Arc<FakeDirectory>>,
    ) -> Self {
        let (chat, tracker) = (Arc::new(FakeChat::new()), Arc::new(FakeTracker::new()));
        let (store, clock) = (Arc::new(FakeStore::default()), Arc::new(FakeClock::at(START)));
        let (gate, random) = (Arc::new(Gate::around(&store)), Arc::new(SeededRandom::new(42)));
        tracker.add_project(&project("checkout"));
        tracker.add_member(&project("checkout").org, &ada());
        tracker.integrate(&project("checkout").org);
        let ports = Ports {
            store: Arc::<Gate>::clone(&gate),
            facts: Arc::<FakeStore>::clone(&store),
            chat: Arc::<FakeChat>::clone(&chat),
            tracker: Arc::<FakeTracker>::clone(&tracker),
            directory: directory.map(|directory| DirectoryPorts { directory, roster: Arc::<FakeStore>::clone(&store) }),
            clock: Arc::<FakeClock>::clone(&clock),
            random: Arc::<SeededRandom>::clone(&random),
        };
        let public_url = deployment.public_url.clone();
        let app = Arc::new(App::new(ports, deployment));
        let door = Door { source: "zoom", path: "/zoom/events", cap: CAP, webhook: Arc::new(Scripted) };
        let public =
            Public::new(Arc::clone(&app), Arc::<FakeClock>::clone(&clock), random, site(&public_url), vec![door]);
        let public = public.with_hooks(crate::hooks::door(&tracker));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let at = listener.local_addr().expect("bound");
        let (stop, stopped) = watch::channel(false);
        let served = tokio::spawn(serve_public(listener, Arc::new(public.with_limits(limits)), tls, stopped));
        Self { app, chat, tracker, store, clock, gate, at, stop, served }
    }

    /// Somebody types in a channel, or writes to the bot; everything that follows is performed.
    pub(crate) async fn say(&self, by: Person, place: Place, text: &str) {
        let said = Said { by, place, text: text.into(), at: None };
        self.app.accept(&[], &Event::Said(said)).await.expect("kept");
        self.settle().await;
    }

    /// Performs everything that is due now.
    pub(crate) async fn settle(&self) {
        self.app.step().await.expect("the outbox is readable");
    }

    /// The path of the newest link in a person's own chat.
    pub(crate) fn link_path(&self, person: &Person) -> String {
        let sent = self.chat.messages_in(&Place::direct(person).channel);
        let mut links =
            sent.iter().rev().flat_map(|message| &message.notice.lines).filter_map(|line| line.link.clone());
        let link = links.next().expect("a link was sent");
        link.strip_prefix("https://bot.example.com").expect("an address of ours").to_owned()
    }

    pub(crate) fn last_direct(&self) -> String {
        self.chat.messages_in(&Place::direct(&ana()).channel).last().expect("a message").notice.head.clone()
    }
}

/// Returns once `condition` holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let comes_true = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, comes_true).await.expect("it comes true");
}

pub(crate) fn site(public_url: &str) -> Site {
    Site {
        public_url: Url::parse(public_url).expect("an address"),
        sentry_origins: vec!["https://sentry.io".into(), "https://*.sentry.io".into()],
        chat_url: CHAT.into(),
        zoom_authorize_url: Url::parse("https://zoom.example.com/oauth/authorize?client_id=abc").expect("an address"),
        command: "sentry".into(),
    }
}

fn deployment(public_url: &str) -> Deployment {
    Deployment {
        command: "sentry".into(),
        public_url: public_url.into(),
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

/// A dialect whose signature is the word `good`, and whose bodies say what they are.
struct Scripted;

impl Webhook for Scripted {
    fn receive(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Received, Rejected> {
        match delivery.headers.get("x-signature") {
            Header::Missing => return Err(Rejected("missing")),
            Header::Doubled => return Err(Rejected("doubled")),
            Header::One(b"good") => {}
            Header::One(_) => return Err(Rejected("wrong")),
        }
        assert_eq!(now, START, "the time is the clock's");
        let body = String::from_utf8_lossy(delivery.body);
        Ok(match body.split_once(' ').unwrap_or((body.as_ref(), "")) {
            ("say", what) => Received::Event { keys: vec![key(what)], event: Box::new(said(what)) },
            ("change", what) => {
                Received::Event { keys: vec![key(what)], event: Box::new(Event::Changed(change(ChangeKind::New))) }
            }
            ("challenge", token) => Received::Challenge(format!("{{\"plainToken\":\"{token}\"}}")),
            ("nothing", _) => Received::Ignored("of no interest"),
            _ => Received::Unreadable("no such word".into()),
        })
    }
}

fn said(text: &str) -> Event {
    Event::Said(Said { by: ana(), place: ops(), text: text.into(), at: None })
}

fn key(text: &str) -> DeliveryKey {
    let mut key = [0; 32];
    key.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    DeliveryKey(key)
}

/// A store whose commits wait at a gate, which stands open until it is shut.
pub(crate) struct Gate {
    inner: Arc<FakeStore>,
    open: Semaphore,
    /// Rung when a commit has come to the gate.
    pub(crate) reached: Notify,
}

impl Gate {
    fn around(inner: &Arc<FakeStore>) -> Self {
        Self { inner: Arc::clone(inner), open: Semaphore::new(1), reached: Notify::new() }
    }

    pub(crate) fn shut(&self) {
        self.open.forget_permits(1);
    }

    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }

    /// Returns once a commit has come to the gate.
    pub(crate) async fn has_been_reached(&self) {
        timeout(PATIENCE, self.reached.notified()).await.expect("a commit");
    }
}

#[async_trait]
impl Store for Gate {
    async fn commit(&self, keys: &[DeliveryKey], decision: &Decision, now: Timestamp) -> Result<Committed, StoreError> {
        self.reached.notify_one();
        let _passing = self.open.acquire().await.expect("never closed");
        self.inner.commit(keys, decision, now).await
    }

    async fn lease(&self, limit: usize, now: Timestamp, until: Timestamp) -> Result<Leased, StoreError> {
        self.inner.lease(limit, now, until).await
    }

    async fn renew(&self, lease: &LaneLease, until: Timestamp) -> Result<(), StoreError> {
        self.inner.renew(lease, until).await
    }

    async fn settle(
        &self,
        lease: &LaneLease,
        job: &JobId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.inner.settle(lease, job, outcome, now).await
    }

    async fn release(&self, lease: LaneLease) -> Result<(), StoreError> {
        self.inner.release(lease).await
    }
}
