//! What an operator's check asks of Sentry beside what the bot needs: how the integration is set up there.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use zentry_domain::ports::TrackerError;
use zentry_domain::{Actor, OrgSlug};

use crate::SentryTracker;
use crate::address::is_slug;
use crate::answer::Failure;
use crate::wire::{Text, lenient};

/// An installation of some integration, as Sentry tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledApp {
    /// The integration's slug.
    pub slug: String,
    /// It was never confirmed, and Sentry sends no alerts.
    pub is_pending: bool,
    /// How it is set up; `None` where that is not told to us.
    pub setup: Option<AppSetup>,
}

/// How an integration is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSetup {
    /// Where its webhooks go.
    pub webhook_url: Option<String>,
    /// What they tell of: `issue`, or single events such as `issue.assigned`.
    pub events: Vec<String>,
    /// What its tokens may do.
    pub scopes: Vec<String>,
    /// Rules may have it as an action.
    pub is_alertable: bool,
    /// Sentry has stopped sending, for its webhooks kept failing.
    pub is_disabled: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Installation {
    #[serde(deserialize_with = "lenient")]
    app: Option<App>,
    status: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct App {
    slug: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    webhook_url: Text,
    #[serde(deserialize_with = "lenient")]
    events: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient")]
    scopes: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient")]
    is_alertable: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    is_disabled: Option<bool>,
}

impl SentryTracker {
    /// The integrations that are installed in an organization, as far as the actor may know.
    ///
    /// # Errors
    /// [`TrackerError`], as for every read.
    pub async fn installed_apps(&self, actor: &Actor, org: &OrgSlug) -> Result<Vec<InstalledApp>, TrackerError> {
        let url = self.api.site.api(&["organizations", org.as_str(), "sentry-app-installations"]);
        let listed: Vec<Installation> = self.api.list(actor, url).await?;
        let mut installed = Vec::new();
        for installation in listed {
            let slug = installation.app.as_ref().and_then(|app| app.slug.get()).filter(|slug| is_slug(slug));
            if let Some(slug) = slug {
                installed.push(InstalledApp {
                    slug: slug.to_owned(),
                    is_pending: installation.status.get() == Some("pending"),
                    setup: self.setup(actor, slug).await?,
                });
            }
        }
        Ok(installed)
    }

    async fn setup(&self, actor: &Actor, slug: &str) -> Result<Option<AppSetup>, Failure> {
        match self.api.get::<Details>(actor, self.api.site.api(&["sentry-apps", slug])).await {
            Ok(details) => Ok(Some(AppSetup {
                webhook_url: details.webhook_url.get().map(str::to_owned),
                events: details.events.unwrap_or_default(),
                scopes: details.scopes.unwrap_or_default(),
                is_alertable: details.is_alertable.unwrap_or_default(),
                is_disabled: details.is_disabled.unwrap_or_default(),
            })),
            Err(Failure::NotFound | Failure::Forbidden(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Whether Sentry knows our OAuth application by its id and secret; `None` where there is none. Nothing comes of the asking.
    ///
    /// # Errors
    /// Where Sentry does not say.
    pub async fn knows_oauth_app(&self) -> Result<Option<bool>, TrackerError> {
        let Some(oauth) = &self.oauth else { return Ok(None) };
        let form = [("grant_type", "refresh_token"), ("refresh_token", "zentry-doctor-asks-who-we-are")];
        let answer = oauth.post("token", &form, zentry_http_client::Urgency::Awaited, Duration::from_secs(10)).await?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match (answer.status, body["error"].as_str()) {
            (_, Some("invalid_client" | "invalid_credentials")) => Ok(Some(false)),
            (400..=401, Some(_)) => Ok(Some(true)),
            (status, _) => Err(Failure::unavailable(format!("Sentry's token endpoint answered {status}")).into()),
        }
    }
}
