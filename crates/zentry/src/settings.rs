//! The settings as they come from flags and environment variables: text, unread. `config` makes sense of them.
//!
//! Secrets are not here: they come from their variable or its `_FILE` twin, never from a flag.

use clap::Args;

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident = $variable:literal),+ $(,)?) => {
        /// Every setting that is not a secret.
        #[derive(Args, Clone, Debug, Default)]
        pub(crate) struct Settings {
            $(
                #[arg(long, env = $variable, hide_env_values = true, value_name = "VALUE", help = concat!($($doc),+).trim())]
                pub(crate) $field: Option<String>,
            )+
        }

        impl Settings {
            /// Those that are set, by their variables.
            pub(crate) fn pairs(&self) -> Vec<(&'static str, &str)> {
                let all = [$(($variable, self.$field.as_deref())),+];
                all.into_iter().filter_map(|(variable, value)| Some((variable, value?))).collect()
            }
        }
    };
}

settings! {
    /// The public listener [default: 127.0.0.1:8080]
    listen = "ZENTRY_LISTEN",
    /// Health and metrics, never public [default: 127.0.0.1:9464]
    ops_listen = "ZENTRY_OPS_LISTEN",
    /// How browsers and Zoom reach the public listener; https unless its host is loopback
    public_url = "ZENTRY_PUBLIC_URL",
    /// Where everything is kept [default: sqlite:zentry.db]
    store = "ZENTRY_STORE",
    /// PEM file with the certificate chain, for TLS in process
    tls_cert = "ZENTRY_TLS_CERT",
    /// PEM file with its key (ECDSA P-256 or P-384)
    tls_key = "ZENTRY_TLS_KEY",
    /// Networks of proxies whose forwarding headers are believed
    trusted_proxies = "ZENTRY_TRUSTED_PROXIES",
    /// The slash command's name [default: sentry]
    command = "ZENTRY_COMMAND",
    /// The Zoom app's client id
    zoom_client_id = "ZENTRY_ZOOM_CLIENT_ID",
    /// The Zoom app's bot JID
    zoom_bot_jid = "ZENTRY_ZOOM_BOT_JID",
    /// Zoom's API [default: https://api.zoom.us]
    zoom_api = "ZENTRY_ZOOM_API",
    /// Zoom's OAuth [default: https://zoom.us]
    zoom_oauth = "ZENTRY_ZOOM_OAUTH",
    /// Calls a second and account; 0 for no limit [default: 20]
    zoom_rate = "ZENTRY_ZOOM_RATE",
    /// Keep names and members fresh through Zoom's directory: on or off [default: off]
    zoom_directory = "ZENTRY_ZOOM_DIRECTORY",
    /// Sentry [default: https://sentry.io]
    sentry_url = "ZENTRY_SENTRY_URL",
    /// Internal integration: its organization
    sentry_org = "ZENTRY_SENTRY_ORG",
    /// Sentry App: its client id
    sentry_client_id = "ZENTRY_SENTRY_CLIENT_ID",
    /// Sentry App: its slug
    sentry_app_slug = "ZENTRY_SENTRY_APP_SLUG",
    /// OAuth application by which people link accounts: its client id
    sentry_oauth_client_id = "ZENTRY_SENTRY_OAUTH_CLIENT_ID",
    /// Per-project service hooks: on or off [default: off]
    sentry_service_hooks = "ZENTRY_SENTRY_SERVICE_HOOKS",
    /// Networks of private addresses at which Sentry may be called
    allow_private_sentry = "ZENTRY_ALLOW_PRIVATE_SENTRY",
    /// PEM file with further roots, for a self-hosted Sentry
    ca_file = "ZENTRY_CA_FILE",
    /// Proxy for calls out
    outbound_proxy = "ZENTRY_OUTBOUND_PROXY",
    /// Who may connect: anyone, linked or managers [default: linked; anyone where nobody can link]
    policy_connect = "ZENTRY_POLICY_CONNECT",
    /// Zoom user ids of managers, comma separated
    managers = "ZENTRY_MANAGERS",
    /// Organizations that are accepted, comma separated [default: all]
    allowed_orgs = "ZENTRY_ALLOWED_ORGS",
    /// New cards a minute and channel before a storm card; 0 for none [default: 6]
    storm_budget = "ZENTRY_STORM_BUDGET",
    /// What is logged [default: info]
    log = "ZENTRY_LOG",
    /// How: text or json [default: text]
    log_format = "ZENTRY_LOG_FORMAT",
    /// Where traces go; off by default
    otlp_url = "ZENTRY_OTLP_URL",
}

/// The settings that are secrets, and what they are.
pub(crate) const SECRETS: [(&str, &str); 7] = [
    ("ZENTRY_KEYS", "Sealing keys `id:key`, comma separated; the first seals, all open"),
    ("ZENTRY_ZOOM_CLIENT_SECRET", "The Zoom app's client secret"),
    ("ZENTRY_ZOOM_SECRET_TOKEN", "What signs Zoom's webhooks; several, comma separated, while it is rotated"),
    ("ZENTRY_SENTRY_CLIENT_SECRET", "What signs Sentry's webhooks; several, comma separated, while it is rotated"),
    ("ZENTRY_SENTRY_TOKEN", "Internal integration: its token"),
    ("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", "OAuth application by which people link accounts: its client secret"),
    ("ZENTRY_REPORT_DSN", "Where the bot's own failures are reported; off by default"),
];

/// The one setting that commands need which work on the store; its keys are a secret.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StoreSettings {
    /// Where everything is kept [default: sqlite:zentry.db]
    #[arg(long, env = "ZENTRY_STORE", hide_env_values = true, value_name = "VALUE", global = true)]
    pub(crate) store: Option<String>,
}
