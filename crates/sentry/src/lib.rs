//! The Sentry adapter: reads and updates issues, links people by OAuth, and decodes Sentry's webhooks.
//!
//! [`SentryTracker`] calls Sentry, on sentry.io or self-hosted, with a person's own grant, with the token of an internal
//! integration, or with that of an installation of the Sentry App. It owns the grants: they are sealed in the vault, refreshed when they near their end, and
//! never leave this crate. [`SentryWebhook`] verifies a delivery over its raw bytes before it reads a single one.
//!
//! Sentry's versions differ, and self-hosted ones lag by years. So whatever is not needed to know *which* issue is
//! meant may be missing, null, a number for a string or an object of another shape, and costs nothing but itself.

mod address;
mod answer;
mod api;
mod delivery;
mod frame;
mod hook;
mod installation;
mod metric;
mod oauth;
mod probe;
mod remark;
mod token;
mod tracker;
mod webhook;
mod wire;

use url::Url;
use zentry_domain::{OrgSlug, Rotating, Secret};

pub use hook::SentryHooks;
pub use probe::{AppSetup, InstalledApp};
pub use tracker::SentryTracker;
pub use webhook::SentryWebhook;

/// Which Sentry, and what it knows us as.
#[derive(Clone, Debug)]
pub struct SentryConfig {
    /// `https://sentry.io`, or a self-hosted Sentry; a path in it is kept.
    pub base: Url,
    /// Any of these signs webhooks: several while one is rotated, or where there is an app and an integration.
    pub client_secrets: Rotating<Vec<Secret>>,
    /// An internal integration.
    pub integration: Option<Integration>,
    /// The OAuth application by which people link their accounts.
    pub oauth: Option<OauthApp>,
    /// The public Sentry App, whose client secret is among [`Self::client_secrets`].
    pub app: Option<SentryApp>,
}

/// A public Sentry App, which organizations install.
#[derive(Clone, Debug)]
pub struct SentryApp {
    /// Its public name for exchanges.
    pub client_id: String,
    /// Its name in addresses.
    pub slug: String,
}

/// An internal integration, which belongs to one organization.
#[derive(Clone, Debug)]
pub struct Integration {
    /// Its organization.
    pub org: OrgSlug,
    /// Its token; it does not expire.
    pub token: Rotating<Secret>,
}

/// An OAuth application of Sentry.
#[derive(Clone, Debug)]
pub struct OauthApp {
    /// Its public name.
    pub client_id: String,
    /// What proves that we are it.
    pub client_secret: Rotating<Secret>,
    /// Where the browser comes back to, exactly as registered.
    pub redirect_uri: String,
    /// Whether people are also asked for the rights to make and delete hooks in projects.
    pub service_hooks: bool,
}

impl SentryConfig {
    /// Where an organization's owner installs the Sentry App, if there is one (Sentry, external install).
    pub fn install_url(&self) -> Option<String> {
        let app = self.app.as_ref().map(|app| app.slug.as_str()).filter(|slug| address::is_slug(slug))?;
        Some(address::Site::new(&self.base).at(&["sentry-apps", app, "external-install"]).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown_by_debug() {
        let config = SentryConfig {
            base: "https://sentry.io".parse().unwrap(),
            client_secrets: vec![Secret::new("s3cret")].into(),
            integration: Some(Integration { org: OrgSlug::new("acme"), token: Secret::new("s3cret").into() }),
            oauth: Some(OauthApp {
                client_id: "id".into(),
                client_secret: Secret::new("s3cret").into(),
                redirect_uri: "https://bot.example.com/sentry/callback".into(),
                service_hooks: false,
            }),
            app: Some(SentryApp { client_id: "id".into(), slug: "zentry".into() }),
        };
        assert!(!format!("{config:?}").contains("s3cret"));
        assert_eq!(config.install_url().as_deref(), Some("https://sentry.io/sentry-apps/zentry/external-install/"));
    }
}
