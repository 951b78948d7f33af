//! `zentry sandbox`: the real bot against a simulated Zoom and a simulated Sentry on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zentry_domain::{Clock, Timestamp};
use zentry_sandbox::{BotAt, Cast, Page, Sandbox};

use super::play;
use crate::config::Config;
use crate::exit::Failure;
use crate::log::{Log, LogConfig, Lost};
use crate::run::{Running, Signals, bind, runtime};
use crate::settings::Settings;
use crate::wire::{http_client, metrics, wire};

/// How the sandbox is started.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Where the page is served, to play both sides in a browser
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8480", conflicts_with = "play")]
    listen: SocketAddr,
    /// Play the main story once without a page, print it as a transcript, and end with 0, or with 1 at the first step that fails
    #[arg(long)]
    play: bool,
    /// How many times as fast as real time the clocks of Zoom, Sentry and the bot run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60))]
    pace: u32,
}

/// Serves the page until the process is told to end, or plays the story.
pub(crate) fn carry_out(arguments: &Arguments, log: &mut Log) -> Result<(), Failure> {
    let lost = log.start(&LogConfig { filter: "warn".into(), json: false })?;
    runtime()?.block_on(async {
        let clock = zentry_sandbox::Clock::paced(arguments.pace);
        let (cast, zoom, sentry) = Cast::assemble();
        let sandbox = Sandbox::start(clock, zoom, sentry)
            .await
            .map_err(|error| Failure::World(format!("the sandbox cannot start: {error}")))?;
        if arguments.play {
            let bot = Hosted::start(&sandbox, &cast, lost).await?;
            let played = play::story(&sandbox, &cast).await;
            bot.end().await?;
            return played.map_err(|step| Failure::World(format!("the story stops here: {step}")));
        }
        let signals = Signals::new()?;
        let listener = bind(arguments.listen, "--listen").await?;
        let address = listener.local_addr().map_err(|error| Failure::World(error.to_string()))?;
        let bot = Hosted::start(&sandbox, &cast, lost).await?;
        let page = Page::open(listener, &sandbox, &cast, bot.at.clone());
        println!("Open http://{address}/ in a browser. Ctrl-C ends everything, and keeps nothing.");
        signals.told_to_end().await;
        drop(page);
        bot.end().await
    })
}

/// The real bot, wired by the same function as `zentry serve`, in this process.
struct Hosted {
    at: BotAt,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Failure>>,
    /// Where its database is; deleted with it.
    _folder: tempfile::TempDir,
}

impl Hosted {
    async fn start(sandbox: &Sandbox, cast: &Cast, lost: Lost) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(|error| Failure::World(format!("no temporary folder: {error}")))?;
        let (public, ops) = (loopback().await?, loopback().await?);
        let (public_url, ops_url) = (address_of(&public)?, address_of(&ops)?);
        sandbox.point_at(&public_url).map_err(|error| Failure::World(error.to_string()))?;

        let store = folder.path().join("sandbox.db");
        let config = configuration(sandbox, cast, &public_url, &format!("sqlite:{}", store.display()))?;
        let http = http_client(&config.zoom, &config.sentry, &config.outbound)?;
        let bot = wire(config, http, None, Arc::new(SandboxClock(sandbox.clock.clone())))?;
        let running = Running::start(bot, public, ops, metrics()?, lost);
        let (stop, told) = oneshot::channel();
        let running = tokio::spawn(running.until(async {
            let _ = told.await;
        }));
        Ok(Self { at: BotAt { public_url, ops_url }, stop, running, _folder: folder })
    }

    async fn end(self) -> Result<(), Failure> {
        let _ = self.stop.send(());
        self.running.await.map_err(|error| Failure::World(format!("the bot failed: {error}")))?
    }
}

async fn loopback() -> Result<TcpListener, Failure> {
    bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "the sandbox's listener").await
}

fn address_of(listener: &TcpListener) -> Result<String, Failure> {
    let address = listener.local_addr().map_err(|error| Failure::World(error.to_string()))?;
    Ok(format!("http://{address}"))
}

/// The settings that an operator would make for these doubles, read by the same code.
fn configuration(sandbox: &Sandbox, cast: &Cast, public_url: &str, store: &str) -> Result<Config, Failure> {
    let settings = Settings {
        public_url: Some(public_url.into()),
        store: Some(store.into()),
        zoom_client_id: Some(cast.zoom_app.client_id.clone()),
        zoom_bot_jid: Some(cast.zoom_app.bot_jid.clone()),
        zoom_api: Some(sandbox.zoom.base().into()),
        zoom_oauth: Some(sandbox.zoom.base().into()),
        sentry_url: Some(sandbox.sentry.base().into()),
        sentry_org: Some(cast.acme.slug.clone()),
        sentry_oauth_client_id: Some(cast.oauth_app.client_id.clone()),
        ..Settings::default()
    };
    let key = format!("sandbox:{}", *zentry_seal::new_key());
    let secrets = |name: &str| match name {
        "ZENTRY_KEYS" => Some(key.clone()),
        "ZENTRY_ZOOM_CLIENT_SECRET" => Some(cast.zoom_app.client_secret.clone()),
        "ZENTRY_ZOOM_SECRET_TOKEN" => Some(cast.zoom_app.secret_token.clone()),
        "ZENTRY_SENTRY_CLIENT_SECRET" => Some(cast.integration.client_secret.clone()),
        "ZENTRY_SENTRY_TOKEN" => Some(cast.integration.token.clone()),
        "ZENTRY_SENTRY_OAUTH_CLIENT_SECRET" => Some(cast.oauth_app.client_secret.clone()),
        _ => None,
    };
    Config::load(&settings, &secrets)
}

/// The bot lives in the sandbox's time.
struct SandboxClock(zentry_sandbox::Clock);

#[async_trait]
impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.now_ms())
    }

    async fn sleep_until(&self, until: Timestamp) {
        self.0.until(until.0).await;
    }
}
