//! The composition root: settings in, the wired bot out. One straight function, and the small ones it calls.

use std::sync::Arc;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use url::Url;
use zentry_app::{App, DirectoryPorts, Ports};
use zentry_domain::{Clock, Random, Vault};
use zentry_http_client::{Allowance, HttpClient, HttpConfig};
use zentry_ingress::{Door, HookDoor, Public, Site, Tls};
use zentry_sentry::{Integration, OauthApp, SentryApp, SentryConfig, SentryHooks, SentryTracker, SentryWebhook};
use zentry_sqlite::Sqlite;
use zentry_zoom::{ZoomChat, ZoomConfig, ZoomDirectory, ZoomWebhook};

use crate::config::{Config, Outbound, Sentry, Zoom};
use crate::exit::Failure;
use crate::world::OsRandom;

/// The bot, wired and not yet running.
pub(crate) struct Bot {
    pub(crate) app: Arc<App>,
    pub(crate) public: Arc<Public>,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) store: Arc<Sqlite>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) http: HttpClient,
}

/// Zoom signs at most this much.
const ZOOM_CAP: usize = 256 * 1024;
/// Sentry's events reach hundreds of kilobytes, rarely more.
const SENTRY_CAP: usize = 5 * 1024 * 1024;

/// Makes every adapter and puts them together. Calls nobody.
pub(crate) fn wire(
    config: Config,
    http: HttpClient,
    tls: Option<Arc<Tls>>,
    clock: Arc<dyn Clock>,
) -> Result<Bot, Failure> {
    let random: Arc<dyn Random> = Arc::new(OsRandom::new());
    let store =
        Sqlite::open(&config.store, config.keys).map_err(|error| Failure::World(format!("ZENTRY_STORE: {error}")))?;
    let site = site(&config.public_url, &config.zoom, &config.sentry, &config.deployment.command);

    let sentry = sentry_config(config.sentry, &config.deployment.public_url);
    let sentry_webhook = SentryWebhook::new(&sentry);
    let sentry_hooks = SentryHooks::new(&sentry, store.vault());
    let tracker = SentryTracker::new(sentry, http.clone(), store.vault(), Arc::clone(&clock));
    let reads_directory = config.zoom.directory;
    let zoom = zoom_config(config.zoom);
    let zoom_webhook = ZoomWebhook::new(&zoom);
    let chat = ZoomChat::new(zoom.clone(), http.clone(), Arc::clone(&clock));
    let directory = reads_directory.then(|| DirectoryPorts {
        directory: Arc::new(ZoomDirectory::new(&chat, &zoom, install_callback(&config.public_url), store.vault())),
        roster: store.store(),
    });

    let ports = Ports {
        store: store.store(),
        facts: store.store(),
        chat: Arc::new(chat),
        tracker: Arc::new(tracker),
        directory,
        clock: Arc::clone(&clock),
        random: Arc::clone(&random),
    };
    let app = Arc::new(App::new(ports, config.deployment));
    let doors = vec![
        Door { source: "zoom", path: "/zoom/events", cap: ZOOM_CAP, webhook: Arc::new(zoom_webhook) },
        Door { source: "sentry", path: "/sentry/webhook", cap: SENTRY_CAP, webhook: Arc::new(sentry_webhook) },
    ];
    // Also where there are to be none: those that were made before are still there until they are deleted.
    let hooks = HookDoor { source: "hook", path: "/sentry/hooks/", cap: SENTRY_CAP, webhook: Arc::new(sentry_hooks) };
    let public = Public::new(Arc::clone(&app), Arc::clone(&clock), random, site, doors);
    let public = public.with_hooks(hooks).behind(config.trusted_proxies);
    let public = Arc::new(public);
    Ok(Bot { app, public, tls, store: Arc::new(store), clock, http })
}

/// Sentry alone, for commands beside the bot.
pub(crate) fn tracker(
    sentry: Sentry,
    public_url: &str,
    http: &HttpClient,
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
) -> SentryTracker {
    SentryTracker::new(sentry_config(sentry, public_url), http.clone(), vault, clock)
}

/// Installs the recorder of metrics, once per process.
pub(crate) fn metrics() -> Result<PrometheusHandle, Failure> {
    const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.9, 2.5, 5.0, 10.0, 60.0];
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Failure::World(format!("metrics cannot be recorded: {error}")))
}

/// Reads certificate and key, where they are set: before any port is bound.
pub(crate) fn tls(config: &Config) -> Result<Option<Arc<Tls>>, Failure> {
    let Some(files) = &config.tls else { return Ok(None) };
    let tls = Tls::load(&files.cert, &files.key).map_err(|error| Failure::Setting(error.to_string()))?;
    Ok(Some(Arc::new(tls)))
}

/// What calls out, to Zoom and to this Sentry and to nobody else.
pub(crate) fn http_client(zoom: &Zoom, sentry: &Sentry, outbound: &Outbound) -> Result<HttpClient, Failure> {
    client(http_config(zoom, sentry, outbound))
}

/// The same, not yet made: an operator's check also calls the bot.
pub(crate) fn http_config(zoom: &Zoom, sentry: &Sentry, outbound: &Outbound) -> HttpConfig {
    let mut config = HttpConfig::new(concat!("zentry/", env!("CARGO_PKG_VERSION")));
    for base in [&zoom.api, &zoom.oauth, &sentry.base] {
        config.allow.extend(Allowance::loopback(base));
    }
    // Named so that a port of their own may be called; private addresses at Sentry only, and only where allowed.
    for base in [&zoom.api, &zoom.oauth] {
        config.allow.extend(base.host_str().map(|host| Allowance::host(host, Vec::new())));
    }
    config
        .allow
        .extend(sentry.base.host_str().map(|host| Allowance::host(host, outbound.allow_private_sentry.clone())));
    config.ca_pem.clone_from(&outbound.ca_pem);
    config.proxy.clone_from(&outbound.proxy);
    config
}

/// Makes it, or says which setting is wrong.
pub(crate) fn client(config: HttpConfig) -> Result<HttpClient, Failure> {
    HttpClient::new(config)
        .map_err(|error| Failure::Setting(format!("ZENTRY_CA_FILE or ZENTRY_OUTBOUND_PROXY: {error}")))
}

fn site(public_url: &Url, zoom: &Zoom, sentry: &Sentry, command: &str) -> Site {
    let mut authorize = zoom.oauth.clone();
    authorize.set_path(&format!("{}/oauth/authorize", zoom.oauth.path().trim_end_matches('/')));
    authorize
        .query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &zoom.client_id)
        .append_pair("redirect_uri", &install_callback(public_url));
    let mut sentry_origins = vec![sentry.base.origin().ascii_serialization()];
    if sentry.base.host_str() == Some("sentry.io") {
        sentry_origins.push("https://*.sentry.io".into());
    }
    Site {
        public_url: public_url.clone(),
        sentry_origins,
        chat_url: format!("https://zoom.us/launch/chat?jid=robot_{}", zoom.bot_jid),
        zoom_authorize_url: authorize,
        command: command.to_owned(),
    }
}

/// Where browsers come back to from Zoom, as it is registered there.
fn install_callback(public_url: &Url) -> String {
    format!("{}/zoom/callback", public_url.as_str().trim_end_matches('/'))
}

pub(crate) fn sentry_config(sentry: Sentry, public_url: &str) -> SentryConfig {
    SentryConfig {
        base: sentry.base,
        client_secrets: sentry.client_secrets,
        integration: sentry.internal.map(|(org, token)| Integration { org, token }),
        oauth: sentry.oauth.map(|(client_id, client_secret)| OauthApp {
            client_id,
            client_secret,
            redirect_uri: format!("{public_url}/sentry/callback"),
            service_hooks: sentry.service_hooks,
        }),
        app: sentry.app.map(|(client_id, slug)| SentryApp { client_id, slug }),
    }
}

pub(crate) fn zoom_config(zoom: Zoom) -> ZoomConfig {
    ZoomConfig {
        client_id: zoom.client_id,
        client_secret: zoom.client_secret,
        bot_jid: zoom.bot_jid,
        secret_tokens: zoom.secret_tokens,
        api: zoom.api,
        oauth: zoom.oauth,
        rate: Some(zoom.rate),
    }
}
