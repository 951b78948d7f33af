//! Makes sense of the settings, before any port is bound. Every error names the setting and the mend, never a secret.

mod manifest;
mod place;
mod read;
mod store;

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use url::Url;
pub(crate) use zentry_domain::Deployment;
use zentry_domain::{OrgSlug, Policy, Rotating, Secret, UserId};
use zentry_seal::Keyring;

use crate::exit::Failure;
use crate::log::LogConfig;
use crate::settings::Settings;
use read::{Environment, Reader, address, both, list, missing, networks, number, required, set, switch, wrong};

pub(crate) use manifest::ManifestConfig;
pub(crate) use place::place;
pub(crate) use read::environment;
pub(crate) use store::{StoreConfig, path as store_path};

const HOOKS: &str = "ZENTRY_SENTRY_SERVICE_HOOKS";

/// Everything the composition root needs, checked.
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) ops_listen: SocketAddr,
    pub(crate) public_url: Url,
    pub(crate) store: PathBuf,
    pub(crate) keys: Keyring,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) zoom: Zoom,
    pub(crate) sentry: Sentry,
    pub(crate) outbound: Outbound,
    pub(crate) deployment: Deployment,
    pub(crate) log: LogConfig,
    /// Whose forwarding headers are believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
}

/// Certificate and key for TLS in process.
pub(crate) struct TlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// The Zoom app.
#[derive(Clone)]
pub(crate) struct Zoom {
    pub(crate) client_id: String,
    pub(crate) client_secret: Rotating<Secret>,
    pub(crate) bot_jid: String,
    pub(crate) secret_tokens: Rotating<Vec<Secret>>,
    pub(crate) api: Url,
    pub(crate) oauth: Url,
    /// Calls a second and account; 0 is no limit.
    pub(crate) rate: u32,
    /// Accounts' directories are read.
    pub(crate) directory: bool,
}

/// The ways in which Sentry is reached.
#[derive(Clone)]
pub(crate) struct Sentry {
    pub(crate) base: Url,
    pub(crate) client_secrets: Rotating<Vec<Secret>>,
    pub(crate) internal: Option<(OrgSlug, Rotating<Secret>)>,
    pub(crate) oauth: Option<(String, Rotating<Secret>)>,
    /// Client id and slug of a Sentry App.
    pub(crate) app: Option<(String, String)>,
    /// Hooks are made in projects.
    pub(crate) service_hooks: bool,
}

/// Calls out.
pub(crate) struct Outbound {
    pub(crate) allow_private_sentry: Vec<IpNet>,
    pub(crate) ca_pem: Option<Vec<u8>>,
    pub(crate) proxy: Option<Url>,
}

impl Config {
    /// Reads `settings`, and secrets from `environment`.
    ///
    /// # Errors
    /// [`Failure::Setting`], naming the setting.
    pub(crate) fn load(settings: &Settings, environment: Environment<'_>) -> Result<Self, Failure> {
        let read = Reader { environment };
        let public_url = read.public_url(settings)?;
        let sentry = read.sentry(settings)?;
        let policy = read.policy(settings, &sentry)?;
        read.not_yet(settings)?;
        let (listen, ops_listen) = listeners(settings)?;
        let store = read.store(&settings.store)?;
        Ok(Self {
            listen,
            ops_listen,
            store: store.path,
            keys: store.keys,
            tls: tls(settings)?,
            zoom: read.zoom(settings)?,
            outbound: outbound(settings)?,
            deployment: deployment(settings, &public_url, &sentry, policy)?,
            log: log(settings)?,
            trusted_proxies: networks("ZENTRY_TRUSTED_PROXIES", &settings.trusted_proxies)?,
            public_url,
            sentry,
        })
    }
}

impl Reader<'_> {
    fn public_url(&self, settings: &Settings) -> Result<Url, Failure> {
        self.base("ZENTRY_PUBLIC_URL", required("ZENTRY_PUBLIC_URL", &settings.public_url)?)
    }

    fn zoom(&self, settings: &Settings) -> Result<Zoom, Failure> {
        let secret_tokens = self.secrets("ZENTRY_ZOOM_SECRET_TOKEN")?;
        if secret_tokens.is_empty() {
            return Err(missing("ZENTRY_ZOOM_SECRET_TOKEN"));
        }
        Ok(Zoom {
            client_id: required("ZENTRY_ZOOM_CLIENT_ID", &settings.zoom_client_id)?.into(),
            client_secret: self.required_secret("ZENTRY_ZOOM_CLIENT_SECRET")?.into(),
            bot_jid: jid("ZENTRY_ZOOM_BOT_JID", required("ZENTRY_ZOOM_BOT_JID", &settings.zoom_bot_jid)?)?,
            secret_tokens: secret_tokens.into(),
            api: self.base("ZENTRY_ZOOM_API", set(&settings.zoom_api).unwrap_or("https://api.zoom.us"))?,
            oauth: self.base("ZENTRY_ZOOM_OAUTH", set(&settings.zoom_oauth).unwrap_or("https://zoom.us"))?,
            rate: number("ZENTRY_ZOOM_RATE", set(&settings.zoom_rate).unwrap_or("20"))?,
            directory: switch("ZENTRY_ZOOM_DIRECTORY", &settings.zoom_directory)?,
        })
    }

    fn sentry(&self, settings: &Settings) -> Result<Sentry, Failure> {
        let oauth = both(
            ("ZENTRY_SENTRY_OAUTH_CLIENT_ID", set(&settings.sentry_oauth_client_id).map(str::to_owned)),
            ("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", self.secret("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET")?.map(Rotating::new)),
        )?;
        let internal = both(
            ("ZENTRY_SENTRY_ORG", set(&settings.sentry_org).map(|org| slug("ZENTRY_SENTRY_ORG", org)).transpose()?),
            ("ZENTRY_SENTRY_TOKEN", self.secret("ZENTRY_SENTRY_TOKEN")?.map(Rotating::new)),
        )?;
        let app = both(
            ("ZENTRY_SENTRY_CLIENT_ID", set(&settings.sentry_client_id)),
            ("ZENTRY_SENTRY_APP_SLUG", set(&settings.sentry_app_slug)),
        )?;
        let client_secrets = self.secrets("ZENTRY_SENTRY_CLIENT_SECRET")?;
        let service_hooks = switch(HOOKS, &settings.sentry_service_hooks)?;
        if service_hooks && oauth.is_none() {
            return Err(wrong(
                HOOKS,
                "is on, but hooks are made with people's own grants: set ZENTRY_SENTRY_OAUTH_CLIENT_ID and its secret",
            ));
        }
        let by_webhook = internal.is_some() || app.is_some();
        if !by_webhook && !service_hooks {
            return Err(wrong(
                "ZENTRY_SENTRY_ORG",
                "is missing: for an internal integration set it with ZENTRY_SENTRY_TOKEN and ZENTRY_SENTRY_CLIENT_SECRET; \
                 for a Sentry App set ZENTRY_SENTRY_CLIENT_ID, ZENTRY_SENTRY_CLIENT_SECRET, ZENTRY_SENTRY_APP_SLUG and \
                 the OAuth application; for service hooks set ZENTRY_SENTRY_SERVICE_HOOKS and the OAuth application",
            ));
        }
        if by_webhook && client_secrets.is_empty() {
            return Err(missing("ZENTRY_SENTRY_CLIENT_SECRET"));
        }
        if internal.is_none() && oauth.is_none() {
            return Err(wrong(
                "ZENTRY_SENTRY_OAUTH_CLIENT_ID",
                "is missing: with a Sentry App people must link accounts",
            ));
        }
        Ok(Sentry {
            base: self.sentry_base(settings)?,
            client_secrets: client_secrets.into(),
            internal,
            oauth,
            app: app.map(|(client_id, slug)| (client_id.to_owned(), slug.to_owned())),
            service_hooks,
        })
    }

    fn sentry_base(&self, settings: &Settings) -> Result<Url, Failure> {
        self.base("ZENTRY_SENTRY_URL", set(&settings.sentry_url).unwrap_or("https://sentry.io"))
    }

    fn policy(&self, settings: &Settings, sentry: &Sentry) -> Result<Policy, Failure> {
        const NAME: &str = "ZENTRY_POLICY_CONNECT";
        let linking = sentry.oauth.is_some();
        match set(&settings.policy_connect) {
            None if linking => Ok(Policy::Linked),
            None | Some("anyone") => Ok(Policy::Anyone),
            Some("linked") if linking => Ok(Policy::Linked),
            Some("linked") => {
                Err(wrong(NAME, "is linked, but nobody can link: set ZENTRY_SENTRY_OAUTH_CLIENT_ID and its secret"))
            }
            // Administrators of the Zoom account are managers where the directory tells who they are.
            Some("managers")
                if linking || set(&settings.managers).is_some() || set(&settings.zoom_directory) == Some("on") =>
            {
                Ok(Policy::Managers)
            }
            Some("managers") => Err(wrong(NAME, "is managers, but nobody can be one: set ZENTRY_MANAGERS")),
            Some(_) => Err(wrong(NAME, "must be anyone, linked or managers")),
        }
    }

    /// An address under which paths are added: https, or http where its host is loopback.
    fn base(&self, name: &str, value: &str) -> Result<Url, Failure> {
        let url = Url::parse(value.trim_end_matches('/'))
            .map_err(|_| wrong(name, "is no address; it begins with https:// and a host"))?;
        let loopback = match url.host() {
            Some(url::Host::Domain(host)) => host == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => return Err(wrong(name, "names no host")),
        };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong(name, "must be an address without user, query or fragment"));
        }
        for (setting, path, instead) in ADDED {
            if name == setting && url.path().trim_end_matches('/').ends_with(path) {
                return Err(wrong(name, &format!("ends with {path}, which is added by itself; {instead}")));
            }
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if loopback => Ok(url),
            "http" => Err(wrong(name, "must begin with https://; plain http is for loopback only")),
            _ => Err(wrong(name, "must begin with https://")),
        }
    }

    /// What this build cannot do is refused rather than ignored.
    fn not_yet(&self, settings: &Settings) -> Result<(), Failure> {
        for (name, is_set) in [
            ("ZENTRY_OTLP_URL", set(&settings.otlp_url).is_some()),
            ("ZENTRY_REPORT_DSN", self.secret("ZENTRY_REPORT_DSN")?.is_some()),
        ] {
            if is_set {
                return Err(wrong(name, "is not supported by this build; unset it"));
            }
        }
        Ok(())
    }
}

/// Ends of addresses that are pasted with them.
const ADDED: [(&str, &str, &str); 6] = [
    ("ZENTRY_PUBLIC_URL", "/zoom/events", "leave it out here, and enter it in Zoom"),
    ("ZENTRY_PUBLIC_URL", "/sentry/webhook", "leave it out here, and enter it in Sentry"),
    ("ZENTRY_PUBLIC_URL", "/zoom/callback", "leave it out here, and enter it in Zoom"),
    ("ZENTRY_SENTRY_URL", "/api/0", "leave it out"),
    ("ZENTRY_ZOOM_API", "/v2", "leave it out"),
    ("ZENTRY_ZOOM_OAUTH", "/oauth/token", "leave it out"),
];

/// A slug, as it stands in addresses.
fn slug(name: &str, value: &str) -> Result<OrgSlug, Failure> {
    let is_slug = value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match is_slug {
        true => Ok(OrgSlug::new(value)),
        false => Err(wrong(
            name,
            "must be a slug, as it stands in the address of the organization's settings: no name and no address",
        )),
    }
}

/// People's numbers, and not their addresses.
fn managers(settings: &Settings) -> Result<Vec<UserId>, Failure> {
    match list(&settings.managers).find(|manager| manager.contains('@')) {
        Some(_) => {
            Err(wrong("ZENTRY_MANAGERS", "holds a JID or an e-mail address; list the Zoom user ids that whoami shows"))
        }
        None => Ok(list(&settings.managers).map(UserId::new).collect()),
    }
}

/// The organizations that are accepted.
fn allowed_orgs(settings: &Settings) -> Result<Option<Vec<OrgSlug>>, Failure> {
    if set(&settings.allowed_orgs).is_none() {
        return Ok(None);
    }
    list(&settings.allowed_orgs).map(|org| slug("ZENTRY_ALLOWED_ORGS", org)).collect::<Result<Vec<_>, _>>().map(Some)
}

fn deployment(settings: &Settings, public_url: &Url, sentry: &Sentry, policy: Policy) -> Result<Deployment, Failure> {
    let install_url = sentry.app.as_ref().map(|(_, slug)| {
        format!("{}/sentry-apps/{slug}/external-install/", sentry.base.as_str().trim_end_matches('/'))
    });
    Ok(Deployment {
        command: command(settings)?,
        public_url: public_url.as_str().trim_end_matches('/').to_owned(),
        policy,
        managers: managers(settings)?,
        allowed_orgs: allowed_orgs(settings)?,
        linking: sentry.oauth.is_some(),
        storm_budget: number("ZENTRY_STORM_BUDGET", set(&settings.storm_budget).unwrap_or("6"))?.into(),
        integration_org: sentry.internal.as_ref().map(|(org, _)| org.clone()),
        sentry_url: sentry.base.as_str().trim_end_matches('/').to_owned(),
        install_url,
        service_hooks: sentry.service_hooks,
    })
}

/// The slash command's name, without the slash.
fn command(settings: &Settings) -> Result<String, Failure> {
    let command = set(&settings.command).unwrap_or("sentry").trim_start_matches('/');
    if command.is_empty() || command.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(wrong("ZENTRY_COMMAND", "must be one word, as entered in the Zoom app"));
    }
    Ok(command.to_owned())
}

fn listeners(settings: &Settings) -> Result<(SocketAddr, SocketAddr), Failure> {
    let listen = address("ZENTRY_LISTEN", set(&settings.listen).unwrap_or("127.0.0.1:8080"))?;
    let ops_listen = address("ZENTRY_OPS_LISTEN", set(&settings.ops_listen).unwrap_or("127.0.0.1:9464"))?;
    if listen == ops_listen && listen.port() != 0 {
        return Err(wrong(
            "ZENTRY_OPS_LISTEN",
            "is the same as ZENTRY_LISTEN; health and metrics need a port of their own",
        ));
    }
    Ok((listen, ops_listen))
}

/// The bot's own address in the chat.
pub(crate) fn jid(name: &str, value: &str) -> Result<String, Failure> {
    match value.split_once('@') {
        Some((_, domain)) if domain.starts_with("conference.") => Err(wrong(
            name,
            "is a channel's JID; the bot's is shown in the Zoom app under Team Chat and looks like v1…@xmpp.zoom.us",
        )),
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() => Ok(value.to_owned()),
        _ => {
            Err(wrong(name, "is no JID; it looks like v1…@xmpp.zoom.us and differs between development and production"))
        }
    }
}

fn tls(settings: &Settings) -> Result<Option<TlsFiles>, Failure> {
    let files = both(("ZENTRY_TLS_CERT", set(&settings.tls_cert)), ("ZENTRY_TLS_KEY", set(&settings.tls_key)))?;
    Ok(files.map(|(cert, key)| TlsFiles { cert: cert.into(), key: key.into() }))
}

fn outbound(settings: &Settings) -> Result<Outbound, Failure> {
    let ca_pem = set(&settings.ca_file)
        .map(|path| {
            std::fs::read(path).map_err(|error| {
                wrong("ZENTRY_CA_FILE", &format!("cannot be read: {error}; check the path and who may read it"))
            })
        })
        .transpose()?;
    let proxy = set(&settings.outbound_proxy)
        .map(|value| {
            Url::parse(value).map_err(|_| {
                wrong("ZENTRY_OUTBOUND_PROXY", "is no address; it looks like http://proxy.example.com:3128")
            })
        })
        .transpose()?;
    Ok(Outbound {
        allow_private_sentry: networks("ZENTRY_ALLOW_PRIVATE_SENTRY", &settings.allow_private_sentry)?,
        ca_pem,
        proxy,
    })
}

fn log(settings: &Settings) -> Result<LogConfig, Failure> {
    let json = match set(&settings.log_format) {
        None | Some("text") => false,
        Some("json") => true,
        Some(_) => return Err(wrong("ZENTRY_LOG_FORMAT", "must be text or json")),
    };
    Ok(LogConfig { filter: set(&settings.log).unwrap_or("info").to_owned(), json })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn good() -> (Settings, HashMap<&'static str, String>) {
        let text = |value: &str| Some(value.to_owned());
        let settings = Settings {
            public_url: text("https://bot.example.com/"),
            zoom_client_id: text("cid"),
            zoom_bot_jid: text("v1bot@xmpp.zoom.us"),
            sentry_org: text("acme"),
            ..Settings::default()
        };
        let secrets = [
            ("ZENTRY_KEYS", KEY),
            ("ZENTRY_ZOOM_CLIENT_SECRET", "zoom-secret"),
            ("ZENTRY_ZOOM_SECRET_TOKEN", "old, new"),
            ("ZENTRY_SENTRY_CLIENT_SECRET", "sentry-secret"),
            ("ZENTRY_SENTRY_TOKEN", "sentry-token"),
        ];
        (settings, secrets.into_iter().map(|(name, value)| (name, value.to_owned())).collect())
    }

    fn load(settings: &Settings, secrets: &HashMap<&'static str, String>) -> Result<Config, String> {
        Config::load(settings, &|name| secrets.get(name).cloned()).map_err(|failure| {
            assert_eq!(failure.code(), 64, "{failure}");
            failure.to_string()
        })
    }

    #[test]
    fn an_internal_integration_alone_is_enough() {
        let (settings, secrets) = good();
        let config = load(&settings, &secrets).expect("complete");
        assert_eq!(config.deployment.policy, Policy::Anyone);
        assert_eq!(config.deployment.public_url, "https://bot.example.com");
        assert_eq!(config.zoom.secret_tokens.get().len(), 2);
    }

    #[test]
    fn service_hooks_need_the_oauth_application_and_nothing_else() {
        let (mut settings, mut secrets) = good();
        settings.sentry_service_hooks = Some("on".into());
        let error = load(&settings, &secrets).err().expect("nobody could make a hook");
        assert!(error.starts_with(HOOKS), "{error}");
        settings.sentry_oauth_client_id = Some("oauth".into());
        secrets.insert("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", "oauth-secret".into());
        assert!(load(&settings, &secrets).expect("beside an integration").deployment.service_hooks);
        settings.sentry_org = None;
        secrets.remove("ZENTRY_SENTRY_TOKEN");
        secrets.remove("ZENTRY_SENTRY_CLIENT_SECRET");
        let config = load(&settings, &secrets).expect("alone");
        assert!(config.sentry.internal.is_none() && config.sentry.client_secrets.get().is_empty());
        assert_eq!(config.deployment.policy, Policy::Linked);
        settings.sentry_service_hooks = None;
        assert!(load(&settings, &secrets).is_err());
    }

    #[test]
    fn every_missing_setting_is_named() {
        for name in [
            "ZENTRY_KEYS",
            "ZENTRY_ZOOM_CLIENT_SECRET",
            "ZENTRY_ZOOM_SECRET_TOKEN",
            "ZENTRY_SENTRY_CLIENT_SECRET",
            "ZENTRY_SENTRY_TOKEN",
        ] {
            let (settings, mut secrets) = good();
            secrets.insert(name, String::new());
            let error = load(&settings, &secrets).err().expect(name);
            assert!(error.starts_with(name), "{error}");
        }
    }

    #[test]
    fn a_secret_and_its_file_at_once_are_refused() {
        let (settings, mut secrets) = good();
        secrets.insert("ZENTRY_KEYS_FILE", "keys.txt".into());
        assert!(load(&settings, &secrets).err().expect("both").starts_with("ZENTRY_KEYS is set, and so is"));
    }

    #[test]
    fn a_file_loses_one_newline_and_no_more() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), format!("{KEY}\n")).expect("written");
        let (settings, mut secrets) = good();
        secrets.remove("ZENTRY_KEYS");
        secrets.insert("ZENTRY_KEYS_FILE", file.path().display().to_string());
        assert!(load(&settings, &secrets).is_ok());
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        let (mut settings, secrets) = good();
        settings.public_url = Some("http://bot.example.com".into());
        assert!(load(&settings, &secrets).err().expect("http").contains("https"));
        settings.public_url = Some("http://127.0.0.1:8080/bot/".into());
        assert_eq!(load(&settings, &secrets).expect("loopback").deployment.public_url, "http://127.0.0.1:8080/bot");
    }

    #[test]
    fn linking_is_the_policy_wherever_people_can_link() {
        let (mut settings, mut secrets) = good();
        settings.policy_connect = Some("linked".into());
        assert!(load(&settings, &secrets).err().expect("nobody can link").starts_with("ZENTRY_POLICY_CONNECT"));
        settings.policy_connect = None;
        settings.sentry_oauth_client_id = Some("oauth".into());
        assert!(load(&settings, &secrets).err().expect("half").starts_with("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET"));
        secrets.insert("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", "s".into());
        assert_eq!(load(&settings, &secrets).expect("complete").deployment.policy, Policy::Linked);
    }

    #[test]
    fn with_the_directory_on_administrators_can_be_the_managers() {
        let (mut settings, secrets) = good();
        assert!(!load(&settings, &secrets).expect("complete").zoom.directory);
        settings.policy_connect = Some("managers".into());
        assert!(load(&settings, &secrets).err().expect("nobody").starts_with("ZENTRY_POLICY_CONNECT"));
        settings.zoom_directory = Some("on".into());
        let config = load(&settings, &secrets).expect("complete");
        assert!(config.zoom.directory && config.deployment.policy == Policy::Managers);
        (settings.policy_connect, settings.zoom_directory) = (None, Some("maybe".into()));
        assert!(load(&settings, &secrets).err().expect("maybe").starts_with("ZENTRY_ZOOM_DIRECTORY"));
    }

    #[test]
    fn no_error_shows_a_secret() {
        let (settings, mut secrets) = good();
        secrets.insert("ZENTRY_KEYS", "k1:canary-value".into());
        assert!(!load(&settings, &secrets).err().expect("malformed").contains("canary"));
    }
}
