//! Running the wired bot: listeners, workers, signals, and an orderly end.

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zentry_app::App;
use zentry_domain::Clock;
use zentry_ingress::{serve_ops, serve_public};
use zentry_sqlite::Sqlite;

use crate::config::Config;
use crate::exit::Failure;
use crate::health::Health;
use crate::log::Lost;
use crate::reload::{Reload, Secrets};
use crate::settings::Settings;
use crate::wire::{Bot, http_client, metrics, tls, wire};
use crate::world::WallClock;

/// How long sends that have begun may take once the program is told to end.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a bot that cannot go on refuses what comes, and tells probes why, before it ends with 1 and is restarted: senders get
/// an answer on which they try again.
const LAST_REFUSALS: Duration = Duration::from_secs(5);
/// When the program ends whatever happens: orchestrators kill after thirty seconds.
const HARD_END: Duration = Duration::from_secs(25);

/// The runtime that everything runs on.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::World(format!("the runtime cannot start: {error}")))
}

/// `zentry serve`: runs until SIGTERM or SIGINT.
pub(crate) async fn serve(settings: Settings, config: Config, lost: Lost) -> Result<(), Failure> {
    let signals = Signals::new()?;
    // From here on, so that one that comes early does not end the program.
    let hangups = received(SignalKind::hangup())?;
    let tls = tls(&config)?;
    let http = http_client(&config.zoom, &config.sentry, &config.outbound)?;
    let recorder = metrics()?;
    let (listen, ops_listen) = (config.listen, config.ops_listen);
    let public = bind(listen, "ZENTRY_LISTEN").await?;
    let ops = bind(ops_listen, "ZENTRY_OPS_LISTEN").await?;
    let secrets = Secrets::of(&config);
    let bot = wire(config, http, tls, Arc::new(WallClock))?;
    let reload = Reload { settings, secrets, tls: bot.tls.clone(), store: Arc::clone(&bot.store) };
    tokio::spawn(reload.on(hangups));
    tracing::info!(%listen, %ops_listen, "ready");
    Running::start(bot, public, ops, recorder, lost).until(signals.told_to_end()).await
}

/// Binds a listener, or says which setting names the taken address.
pub(crate) async fn bind(address: std::net::SocketAddr, setting: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::World(format!(
            "{setting}: {address} cannot be listened on: {error}; stop what listens there, or set another address"
        ))
    })
}

/// The bot at work.
pub(crate) struct Running {
    bot: Bot,
    health: Arc<Health>,
    /// Never rung: health is answered until the process ends.
    _stop_ops: watch::Sender<bool>,
    stop_ingress: watch::Sender<bool>,
    stop_worker: watch::Sender<bool>,
    ingress: JoinHandle<()>,
    worker: JoinHandle<()>,
}

impl Running {
    /// Starts listeners and workers.
    pub(crate) fn start(
        bot: Bot,
        public: TcpListener,
        ops: TcpListener,
        recorder: PrometheusHandle,
        lost: Lost,
    ) -> Self {
        tokio::spawn(check_store(Arc::clone(&bot.store)));
        tokio::spawn(follow_commands(Arc::clone(&bot.store), Arc::clone(&bot.app), Arc::clone(&bot.clock)));
        tokio::spawn(tend_metrics(recorder.clone(), Arc::clone(&bot.clock)));
        let (stop_ingress, stopping) = watch::channel(false);
        let (stop_worker, worker_stopping) = watch::channel(false);
        let health = Arc::new(Health::new(recorder, Arc::clone(&bot.store), lost));
        let (stop_ops, ops_stopping) = watch::channel(false);
        tokio::spawn(serve_ops(ops, Arc::<Health>::clone(&health), ops_stopping));
        let ingress = tokio::spawn(serve_public(public, Arc::clone(&bot.public), bot.tls.clone(), stopping));
        let worker = tokio::spawn(Arc::clone(&bot.app).run(worker_stopping));
        Self { bot, health, _stop_ops: stop_ops, stop_ingress, stop_worker, ingress, worker }
    }

    /// Runs until `told_to_end`, then ends in order: refuse, finish requests, let sends end, close the store.
    ///
    /// # Errors
    /// Where the store breaks down, listener or workers end by themselves, or the end takes too long.
    pub(crate) async fn until(mut self, told_to_end: impl Future<Output = ()>) -> Result<(), Failure> {
        let mut told_to_end = pin!(told_to_end);
        let store = Arc::clone(&self.bot.store);
        let broken = tokio::select! {
            () = &mut told_to_end => None,
            why = store.breakdown() => Some(format!("ZENTRY_STORE: {why}")),
            _ = &mut self.worker => Some("the workers ended by themselves: a bug in the bot".into()),
            _ = &mut self.ingress => Some("the public listener ended by itself: a bug in the bot".into()),
        };
        if let Some(why) = broken {
            self.health.broken(&why);
            if !store.is_well() {
                let refused = self.bot.clock.now() + LAST_REFUSALS;
                tokio::select! {
                    () = told_to_end => {}
                    () = self.bot.clock.sleep_until(refused) => {}
                }
            }
            return Err(Failure::World(why));
        }
        tracing::info!("ending: no more requests are taken, and what has begun may finish");
        self.health.drain();
        let ended = tokio::time::timeout(HARD_END, self.end()).await;
        ended.unwrap_or_else(|_| {
            Err(Failure::World(format!("the program did not end within {} s and is ended", HARD_END.as_secs())))
        })
    }

    async fn end(self) -> Result<(), Failure> {
        let _ = self.stop_ingress.send(true);
        let _ = self.ingress.await;
        let _ = self.stop_worker.send(true);
        if tokio::time::timeout(DRAIN, self.worker).await.is_err() {
            tracing::warn!("sends that had begun did not end in time; they are made again after the next start");
        }
        self.bot.http.close();
        let is_well = self.bot.store.is_well();
        self.bot.store.close().await;
        if is_well { Ok(()) } else { Err(Failure::World("ZENTRY_STORE: the disk failed; check it".into())) }
    }
}

/// Looks through the whole database once, beside the work: damage must be known before it spreads into the backups. The store
/// logs it, and breaks down.
async fn check_store(store: Arc<Sqlite>) {
    if let Err(error) = store.check().await {
        tracing::debug!(error = &error as &dyn Error, "the database could not be looked through");
    }
}

/// Operators' commands change the store beside this process: what they replay is looked at within a second or so.
async fn follow_commands(store: Arc<Sqlite>, app: Arc<App>, clock: Arc<dyn Clock>) {
    let store = store.store();
    while store.changed_beside(&*clock).await.is_ok() {
        app.wake();
    }
}

/// Folds recorded durations together; without this they would pile up where nobody scrapes.
async fn tend_metrics(recorder: PrometheusHandle, clock: Arc<dyn Clock>) {
    const EVERY: Duration = Duration::from_secs(5);
    loop {
        clock.sleep_until(clock.now() + EVERY).await;
        recorder.run_upkeep();
    }
}

fn received(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::World(format!("signals cannot be received: {error}")))
}

/// The signals that end the program.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self { terminate: received(SignalKind::terminate())?, interrupt: received(SignalKind::interrupt())? })
    }

    /// Returns at the first signal; a second one ends the process at once.
    pub(crate) async fn told_to_end(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            std::process::exit(1);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
