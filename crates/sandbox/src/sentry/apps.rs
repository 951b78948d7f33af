//! How integrations and apps are set up, as Sentry tells of it (Sentry, Sentry App definition).

use serde_json::{Value, json};

use super::{
    refusal::not_found,
    rest::Rest,
    world::{Integration, SentryApp},
};
use crate::http::Answer;

/// What an integration's page in the settings says, beside what the [`World`](super::World) holds.
pub(super) struct Setup {
    /// Where webhooks go.
    pub(super) webhook_url: Option<String>,
    /// What they tell of.
    pub(super) events: Vec<String>,
    /// They kept failing, and are not sent any more.
    pub(super) is_disabled: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { webhook_url: None, events: ["issue", "comment", "seer"].map(str::to_owned).into(), is_disabled: false }
    }
}

impl Rest<'_> {
    /// An integration or app by slug, for whoever belongs to an organization in which it is.
    pub(super) fn one_app(&self, slug: &str) -> Result<Answer, Answer> {
        let own = self.state.world.integrations.iter().find(|own| own.slug() == slug);
        if let Some(own) = own.filter(|own| self.reaches(own.organization)) {
            self.permit(Some(own.organization), &["org:read", "org:integrations"])?;
            return Ok(Answer::json(200, &self.setup(slug, &own.name, &own.scopes, true)));
        }
        let app = self.state.world.apps.iter().find(|app| app.slug == slug);
        let is_here = |app: &&SentryApp| {
            let installations = self.state.installations.iter().filter(|one| one.client_id == app.client_id);
            installations.into_iter().any(|one| self.reaches(one.organization))
        };
        let app = app.filter(is_here).ok_or_else(|| not_found("no such app for this caller"))?;
        self.permit(None, &["org:read", "org:integrations"])?;
        Ok(Answer::json(200, &self.setup(slug, &app.name, &app.scopes, false)))
    }

    fn setup(&self, slug: &str, name: &str, scopes: &[String], is_internal: bool) -> Value {
        let Setup { webhook_url, events, is_disabled } = &self.state.setup;
        json!({
            "name": name,
            "slug": slug,
            "status": if is_internal { "internal" } else { "unpublished" },
            "scopes": scopes,
            "events": events,
            "webhookUrl": webhook_url,
            "isAlertable": true,
            "isDisabled": is_disabled,
            "verifyInstall": !is_internal,
            "schema": {},
        })
    }
}

/// An internal integration is installed by being made.
pub(super) fn installed(integration: &Integration, organization: &str) -> Value {
    json!({
        "app": { "uuid": integration.app_uuid, "slug": integration.slug() },
        "organization": { "slug": organization },
        "uuid": integration.installation,
        "status": "installed",
    })
}
