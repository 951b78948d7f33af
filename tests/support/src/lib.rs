//! What the process tests share: the real binary (`CARGO_BIN_EXE_zentry`) between a simulated Zoom and a simulated Sentry,
//! everything over HTTP, and verbs to drive them that read like sentences.

mod bot;
pub mod crash;
mod delivery;
mod flood;
mod ledger;
mod load;
pub mod oracle;
mod proof;
mod square;
pub mod trace;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use bot::{Bot, Ran, Setup, Unread, free_port};
pub use delivery::{NewIssue, Signer};
pub use flood::{Delays, Flood, Flooded};
pub use ledger::Ledger;
pub use load::{Load, Running, Tally, Title, Verdict, titles_in};
pub use proof::{Dice, rounds, seed};
pub use square::Square;
pub use zentry_sandbox as sandbox;
use zentry_sandbox::browser::Page;
use zentry_sandbox::sentry::{self, Caller, Project, SentryApp};
use zentry_sandbox::zoom::{self, Message, Person, Place};
use zentry_sandbox::{Cast, Clock, Delivery, Sandbox};

/// How long anything may take to be seen: far longer than it does.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A Zoom account, a Sentry organization, and the bot between them.
pub struct Town {
    /// The doubles.
    pub sandbox: Sandbox,
    /// Who lives there.
    pub cast: Cast,
    /// How the bot is started.
    pub setup: Setup,
    /// `http://127.0.0.1:PORT` of the public listener.
    pub public_url: String,
    /// `http://127.0.0.1:PORT` of the operations listener.
    pub ops_url: String,
    bot: Option<Bot>,
    folder: tempfile::TempDir,
    markers: AtomicUsize,
}

impl Town {
    /// The bot of an internal integration with an OAuth application: people link their own accounts.
    pub async fn with_linking(program: &str) -> Self {
        let mut town = Self::built(program).await;
        let oauth = &town.cast.oauth_app;
        town.setup.settings.extend([
            ("ZENTRY_SENTRY_OAUTH_CLIENT_ID".to_owned(), oauth.client_id.clone()),
            ("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET".to_owned(), oauth.client_secret.clone()),
        ]);
        town.opened()
    }

    /// The bot of an internal integration alone: nobody links.
    pub async fn with_integration(program: &str) -> Self {
        Self::built(program).await.opened()
    }

    /// The bot of a Sentry App that no organization has installed yet, with an OAuth application.
    pub async fn with_app(program: &str) -> Self {
        let app = sentry_app();
        let (cast, zoom, sentry) = Cast::with_app(app.clone());
        let mut town = Self::of(program, cast, zoom, sentry).await;
        let oauth = &town.cast.oauth_app;
        let settings = &mut town.setup.settings;
        settings.retain(|name, _| name != "ZENTRY_SENTRY_ORG" && name != "ZENTRY_SENTRY_TOKEN");
        settings.extend([
            ("ZENTRY_SENTRY_CLIENT_ID".to_owned(), app.client_id),
            ("ZENTRY_SENTRY_CLIENT_SECRET".to_owned(), app.client_secret),
            ("ZENTRY_SENTRY_APP_SLUG".to_owned(), app.slug),
            ("ZENTRY_SENTRY_OAUTH_CLIENT_ID".to_owned(), oauth.client_id.clone()),
            ("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET".to_owned(), oauth.client_secret.clone()),
        ]);
        town.opened()
    }

    /// Everything but the running bot.
    pub async fn built(program: &str) -> Self {
        let (cast, zoom, sentry) = Cast::assemble();
        Self::of(program, cast, zoom, sentry).await
    }

    /// The same between worlds of one's own; nothing is running yet.
    pub async fn of(program: &str, cast: Cast, zoom: zoom::World, sentry: sentry::World) -> Self {
        let sandbox = Sandbox::start(Clock::real(), zoom, sentry).await.expect("the doubles start");
        let folder = tempfile::tempdir().expect("a folder");
        let (public_url, ops_url) = (loopback(free_port()), loopback(free_port()));
        sandbox.point_at(&public_url).expect("an address");
        let settings = settings(&sandbox, &cast, folder.path(), &public_url, &ops_url);
        let setup = Setup { program: program.into(), settings, through: Vec::new() };
        Self { sandbox, cast, setup, public_url, ops_url, bot: None, folder, markers: AtomicUsize::new(0) }
    }

    /// The same with the bot running.
    #[must_use]
    pub fn opened(mut self) -> Self {
        self.bot = Some(self.setup.start());
        self
    }

    /// Where the database is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the bot in order and starts it again.
    pub fn restart(&mut self) {
        let ended = self.bot.take().expect("the bot runs").terminate();
        assert_eq!(ended.code(), Some(0), "an orderly end");
        self.bot = Some(self.setup.start());
    }

    /// Kills the bot and starts it again.
    pub fn kill_and_start(&mut self) {
        self.bot.take().expect("the bot runs").kill();
        self.bot = Some(self.setup.start());
    }

    /// Starts the bot.
    pub fn start(&mut self) {
        self.bot = Some(self.setup.start());
    }

    /// Kills the bot.
    pub fn kill(&mut self) {
        self.bot.take().expect("the bot runs").kill();
    }

    /// Ends the bot in order.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        self.bot.take().expect("the bot runs").terminate()
    }

    /// The bot as a process, while it runs.
    pub fn bot(&self) -> Option<&Bot> {
        self.bot.as_ref()
    }

    /// What the bot has logged.
    pub fn log(&self) -> String {
        self.bot.as_ref().map(Bot::log).unwrap_or_default()
    }

    /// Sends the bot a signal.
    pub fn signal(&self, name: &str) {
        self.bot.as_ref().expect("the bot runs").signal(name);
    }

    /// The bot as a process, for the caller to end or to wait for.
    pub fn take(&mut self) -> Bot {
        self.bot.take().expect("the bot runs")
    }

    /// Waits until the bot ends by itself.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        self.bot.take().expect("the bot runs").wait()
    }

    /// Waits until the bot has logged these words.
    pub async fn logged(&self, words: &str) {
        self.logged_after(0, words).await;
    }

    /// Waits until the bot has logged these words after the first `said` bytes of its log.
    pub async fn logged_after(&self, said: usize, words: &str) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !self.log()[said..].contains(words) {
                tokio::task::yield_now().await;
            }
        });
        assert!(waited.await.is_ok(), "the bot never logged {words:?}:\n{}", self.log());
    }

    /// What the operations listener answers.
    pub async fn ops(&self, path: &str) -> (u16, String) {
        let page = self.sandbox.browser.open(&format!("{}{path}", self.ops_url)).await.expect("an answer");
        (page.status, page.html)
    }

    // === in Zoom ===

    /// Jane types a slash command in the channel.
    pub async fn jane_types(&self, command: &str) -> Delivery {
        kept(self.sandbox.zoom.say(&self.cast.jane, &self.cast.alerts, command).await)
    }

    /// Jane writes to the bot.
    pub async fn jane_writes(&self, text: &str) -> Delivery {
        kept(self.sandbox.zoom.say(&self.cast.jane, &self.cast.jane, text).await)
    }

    /// Jane sees a message that holds `words` in the channel.
    pub async fn jane_sees(&self, words: &str) -> Message {
        self.sees(&self.cast.jane, &self.cast.alerts, words).await
    }

    /// Jane sees a message that holds `words` in her own chat with the bot.
    pub async fn jane_reads(&self, words: &str) -> Message {
        self.sees(&self.cast.jane, &self.cast.jane, words).await
    }

    /// Somebody sees a message that holds `words` somewhere.
    pub async fn sees(&self, viewer: &Person, place: impl Into<Place>, words: &str) -> Message {
        let seen = self.sandbox.zoom.wait_for(place, viewer, words, PATIENCE, |m| m.to_string().contains(words)).await;
        seen.unwrap_or_else(|error| panic!("{error}\nthe bot wrote:\n{}", self.log()))
    }

    /// Jane presses a button of a card.
    pub async fn jane_presses(&self, card: &Message, button: &str) -> Delivery {
        kept(self.sandbox.zoom.press(&self.cast.jane, card, button).await.expect("the button is there"))
    }

    /// How many messages of the channel Jane sees.
    pub fn messages(&self) -> usize {
        self.sandbox.zoom.messages(&self.cast.alerts, &self.cast.jane).len()
    }

    /// Everything about cards that the bot was told before is done: the card of another project, told later, waits behind
    /// it in the same lane. The channel must be connected to acme / web.
    pub async fn cards_are_settled(&self) {
        let title = format!("Marker {}", self.markers.fetch_add(1, Ordering::Relaxed));
        self.error_in(&self.cast.web, &title).await;
        self.jane_sees(&title).await;
    }

    /// Everything that the bot answers in the channel is said: its answer to this command comes after the others.
    pub async fn answers_are_said(&self) {
        let before = self.messages();
        self.jane_types("whoami").await;
        let seen = |messages: &[Message]| (messages.len() > before).then_some(());
        let zoom = &self.sandbox.zoom;
        zoom.wait_until(&self.cast.alerts, &self.cast.jane, "whoami", PATIENCE, seen).await.expect("an answer");
    }

    /// Whether anybody ever saw these words in the channel.
    pub fn was_said(&self, words: &str) -> bool {
        let seen = self.sandbox.zoom.messages(&self.cast.alerts, &self.cast.jane);
        seen.iter().any(|message| message.to_string().contains(words))
    }

    // === linking ===

    /// Jane connects the channel to a project and links her account on the way.
    pub async fn jane_connects_and_links(&self, project: &str) {
        self.jane_types(&format!("connect acme {project}")).await;
        let page = self.jane_signs_in(&self.link_for_jane().await).await;
        self.jane_writes(&page.element("confirm-code").expect("a code")).await;
        self.jane_sees(&format!("Connected: acme / {project}")).await;
    }

    /// The address in Jane's own chat.
    pub async fn link_for_jane(&self) -> String {
        link_in(&self.jane_reads("Link Sentry account").await)
    }

    /// The browser in which Ana is signed in at Sentry opens the link, goes on to Sentry and approves.
    pub async fn jane_signs_in(&self, address: &str) -> Page {
        self.sandbox.sentry.log_in(&self.cast.ana);
        let browser = &self.sandbox.browser;
        let page = browser.open(address).await.expect("the page opens");
        let consent = browser.press(&page, "Continue to Sentry").await.expect("on to Sentry");
        browser.press(&consent, "Approve").await.expect("back from Sentry")
    }

    // === at Sentry ===

    /// An error happens in a project.
    pub async fn error_in(&self, project: &Project, title: &str) -> u64 {
        let raised = self.sandbox.sentry.raise(project, sentry::NewIssue::error(title)).await;
        kept(raised.delivery);
        raised.issue
    }

    /// How often Sentry was asked to change something with Ana's own token.
    pub fn changes_by_ana(&self) -> usize {
        let ana = Caller::User(self.cast.ana.id);
        self.sandbox.sentry.calls().iter().filter(|call| call.method == "PUT" && call.caller == ana).count()
    }

    /// How often Sentry was asked to change something with the integration's token.
    pub fn changes_by_the_integration(&self) -> usize {
        let integration = Caller::Integration(self.cast.acme.id);
        self.sandbox.sentry.calls().iter().filter(|call| call.method == "PUT" && call.caller == integration).count()
    }
}

/// The first address that a message links to.
pub fn link_in(message: &Message) -> String {
    message.links().into_iter().next().expect("the message holds a link")
}

/// The delivery was answered 200.
pub fn kept(delivery: Delivery) -> Delivery {
    assert_eq!(delivery.status, Some(200), "{delivery:?}");
    delivery
}

fn sentry_app() -> SentryApp {
    SentryApp {
        slug: "zentry".to_owned(),
        name: "Zentry".to_owned(),
        client_id: "sandbox-app-client".to_owned(),
        client_secret: "sandbox-app-client-secret".to_owned(),
        scopes: ["event:read", "org:read", "project:read"].map(str::to_owned).to_vec(),
        published: false,
        verify_install: true,
        redirect_url: None,
    }
}

fn loopback(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn settings(
    sandbox: &Sandbox,
    cast: &Cast,
    folder: &Path,
    public_url: &str,
    ops_url: &str,
) -> BTreeMap<String, String> {
    let listen = |url: &str| url.trim_start_matches("http://").to_owned();
    let store = format!("sqlite:{}", folder.join("zentry.db").display());
    let settings: [(&str, &str); 15] = [
        ("ZENTRY_PUBLIC_URL", public_url),
        ("ZENTRY_LISTEN", &listen(public_url)),
        ("ZENTRY_OPS_LISTEN", &listen(ops_url)),
        ("ZENTRY_STORE", &store),
        ("ZENTRY_KEYS", "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("ZENTRY_ZOOM_CLIENT_ID", &cast.zoom_app.client_id),
        ("ZENTRY_ZOOM_CLIENT_SECRET", &cast.zoom_app.client_secret),
        ("ZENTRY_ZOOM_BOT_JID", &cast.zoom_app.bot_jid),
        ("ZENTRY_ZOOM_SECRET_TOKEN", &cast.zoom_app.secret_token),
        ("ZENTRY_ZOOM_API", sandbox.zoom.base()),
        ("ZENTRY_ZOOM_OAUTH", sandbox.zoom.base()),
        ("ZENTRY_SENTRY_URL", sandbox.sentry.base()),
        ("ZENTRY_SENTRY_ORG", &cast.acme.slug),
        ("ZENTRY_SENTRY_TOKEN", &cast.integration.token),
        ("ZENTRY_SENTRY_CLIENT_SECRET", &cast.integration.client_secret),
    ];
    settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
