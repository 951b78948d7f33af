//! Which webhooks Sentry sends, to whom, and how it signs, sends and sends again (Sentry, webhooks).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    Core,
    installation::described,
    issue::{Note, Writer},
    state::State,
    update::Told,
    world::User,
};
use crate::{
    clock::rfc3339,
    deliver::{Delivery, Parcel, Signing},
    ids::hmac_hex,
};

/// Failed webhooks of a published app are sent again after 5 min, and once more after another 5.
const WAITS: [Duration; 2] = [Duration::from_secs(5 * 60), Duration::from_secs(5 * 60)];

/// Who did what a webhook tells of.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Sentry itself.
    Sentry,
    /// A person.
    User(User),
    /// Some integration or Sentry App: every receiver is told that it was its own.
    App,
}

/// An integration or an installed Sentry App that gets an organization's webhooks.
#[derive(Clone)]
pub(super) struct Receiver {
    secret: String,
    installation: String,
    app_uuid: String,
    name: String,
    published: bool,
    pub(super) is_installed: bool,
}

/// One webhook, before it is written down for each receiver.
pub(super) struct Hook {
    pub(super) to: Vec<Receiver>,
    pub(super) resource: String,
    pub(super) action: String,
    pub(super) data: Value,
    pub(super) actor: Actor,
}

impl State {
    pub(super) fn receivers(&self, organization: u64) -> Vec<Receiver> {
        let integrations =
            self.world.integrations.iter().filter(|integration| integration.organization == organization);
        let integrations = integrations.map(|integration| Receiver {
            secret: integration.client_secret.clone(),
            installation: integration.installation.clone(),
            app_uuid: integration.app_uuid.clone(),
            name: integration.name.clone(),
            published: false,
            is_installed: true,
        });
        let here = self.installations.iter().filter(|installation| installation.organization == organization);
        integrations.chain(here.filter_map(|installation| self.receiver(&installation.uuid))).collect()
    }

    fn receiver(&self, uuid: &str) -> Option<Receiver> {
        let installation = self.installation(uuid)?;
        let app = self.world.apps.iter().find(|app| app.client_id == installation.client_id)?;
        Some(Receiver {
            secret: app.client_secret.clone(),
            installation: installation.uuid.clone(),
            app_uuid: app.uuid(),
            name: app.name.clone(),
            published: app.published,
            is_installed: installation.installed,
        })
    }

    fn receivers_of(&self, issue: u64) -> Vec<Receiver> {
        let organization = self.issue(issue).and_then(|issue| self.organization_of(issue.project));
        organization.map(|organization| self.receivers(organization.id)).unwrap_or_default()
    }

    /// `issue.created`, which alone carries addresses.
    pub(super) fn created_hook(&self, id: u64, base: &str) -> Option<Hook> {
        let issue = Writer { world: &self.world, base }.created_issue(self.issue(id)?);
        Some(self.issue_hook(id, "created", json!({ "issue": issue }), Actor::Sentry))
    }

    /// One webhook for each thing that changed.
    pub(super) fn issue_hooks(&self, id: u64, told: Vec<Told>, actor: &Actor, base: &str) -> Vec<Hook> {
        let Some(issue) = self.issue(id) else { return Vec::new() };
        let issue = Writer { world: &self.world, base }.webhook_issue(issue);
        let hook = |told: Told| {
            let mut data = Map::new();
            data.insert("issue".into(), issue.clone());
            data.extend(told.extra.map(|(name, value)| (name.to_owned(), value)));
            self.issue_hook(id, told.action, data.into(), actor.clone())
        };
        told.into_iter().map(hook).collect()
    }

    fn issue_hook(&self, id: u64, action: &str, data: Value, actor: Actor) -> Hook {
        Hook { to: self.receivers_of(id), resource: "issue".into(), action: action.into(), data, actor }
    }

    /// `event_alert.triggered`, which pending installations do not get.
    pub(super) fn alert_hook(&self, id: u64, rule: &str, base: &str) -> Option<Hook> {
        let event = Writer { world: &self.world, base }.webhook_event(self.issue(id)?);
        Some(Hook {
            to: self.receivers_of(id).into_iter().filter(|receiver| receiver.is_installed).collect(),
            resource: "event_alert".into(),
            action: "triggered".into(),
            data: json!({ "event": event, "triggered_rule": rule }),
            actor: Actor::Sentry,
        })
    }

    /// The latest event of an issue, as every single one is told of.
    pub(super) fn error_hook(&self, id: u64, base: &str) -> Option<Hook> {
        let event = Writer { world: &self.world, base }.webhook_event(self.issue(id)?);
        let (resource, action) = ("error".into(), "created".into());
        let data = json!({ "error": event });
        Some(Hook { to: self.receivers_of(id), resource, action, data, actor: Actor::Sentry })
    }

    /// A rule fires for something that happened to an issue; the only webhook of an issue with a filled permalink, and with an
    /// address in camel case.
    pub(super) fn activity_hook(&self, id: u64, rule: &str, activity: &str, base: &str) -> Option<Hook> {
        let writer = Writer { world: &self.world, base };
        let mut issue = writer.webhook_issue(self.issue(id)?);
        let web_url = writer.web_url(self.issue(id)?);
        issue["permalink"] = web_url.as_str().into();
        issue["webUrl"] = web_url.into();
        issue["url"] = format!("{base}/api/0/issues/{id}/").into();
        Some(Hook {
            to: self.receivers_of(id).into_iter().filter(|receiver| receiver.is_installed).collect(),
            resource: "activity_alert".into(),
            action: "triggered".into(),
            data: json!({
                "issue": issue,
                "activity": { "type": activity, "details": {} },
                "alert": { "id": 7, "name": rule, "url": format!("{base}/api/0/workflows/7/") },
            }),
            actor: Actor::Sentry,
        })
    }

    /// What a run of the analysis has come to, in the part of the body that its action fills.
    pub(super) fn seer_hook(&self, id: u64, action: &str, words: &str) -> Option<Hook> {
        self.issue(id)?;
        let mut data = json!({ "run_id": 501, "group_id": id });
        let found = json!({ "description": words, "steps": [{ "title": words }] });
        match action {
            "root_cause_completed" => data["root_cause"] = found,
            "solution_completed" => data["solution"] = found,
            "coding_completed" => {
                data["changes"] = json!([{ "title": words, "repo_name": "acme/shop", "branch_name": "fix" }]);
            }
            "pr_created" => {
                let request = json!({ "pr_number": 12, "pr_url": "https://git.example/acme/shop/12", "pr_id": 77 });
                data["pull_requests"] = json!([{ "pull_request": request, "repo_name": "acme/shop" }]);
            }
            _ => {}
        }
        let (resource, action) = ("seer".into(), action.into());
        Some(Hook { to: self.receivers_of(id), resource, action, data, actor: Actor::Sentry })
    }

    /// Adds a comment and tells of it.
    pub(super) fn comment(&mut self, id: u64, note: Note, actor: &Actor) -> Option<Hook> {
        let project = self.world.project_by_id(self.issue(id)?.project)?.slug.clone();
        let data = json!({
            "comment": note.text,
            "project_slug": project,
            "comment_id": note.id,
            "issue_id": id,
            "timestamp": rfc3339(note.at_ms),
        });
        self.issues.iter_mut().find(|issue| issue.id == id)?.notes.push(note);
        let (resource, action) = ("comment".into(), "created".into());
        Some(Hook { to: self.receivers_of(id), resource, action, data, actor: actor.clone() })
    }

    /// Tells an app of its own installation.
    pub(super) fn installation_hook(&self, uuid: &str, action: &str, actor: Actor) -> Option<Hook> {
        let data = json!({ "installation": described(self, self.installation(uuid)?) });
        let to = vec![self.receiver(uuid)?];
        Some(Hook { to, resource: "installation".into(), action: action.into(), data, actor })
    }

    /// Removes an installation with its tokens and tells the app of it.
    pub(super) fn uninstall(&mut self, uuid: &str, actor: Actor) -> Option<Hook> {
        let hook = self.installation_hook(uuid, "deleted", actor);
        let own = super::state::Caller::Installation(uuid.to_owned());
        self.tokens.retain(|token| token.caller != own);
        self.installations.retain(|installation| installation.uuid != uuid);
        hook
    }
}

impl Core {
    /// Sends a webhook to each receiver, and later again where that fails and Sentry would. Answers the first delivery.
    pub(super) async fn fire(self: &Arc<Self>, hook: Option<Hook>) -> Delivery {
        let Some(hook) = hook else { return Delivery::undeliverable("nothing changed, so nobody was told") };
        let mut first = None;
        for receiver in &hook.to {
            let body = Bytes::from(ascii(&envelope(&hook, receiver).to_string()));
            let about = format!("{}.{}", hook.resource, hook.action);
            let parcel = self.parcel(&about, &hook.resource, body.clone(), &receiver.secret, Signing::Proper);
            let delivery = self.send_and_remember(&parcel).await;
            if receiver.published && delivery.worth_a_retry() {
                self.insist(about, hook.resource.clone(), body, receiver.secret.clone());
            }
            first.get_or_insert(delivery);
        }
        first.unwrap_or_else(|| Delivery::undeliverable("nobody in this organization receives webhooks"))
    }

    fn insist(self: &Arc<Self>, about: String, resource: String, body: Bytes, secret: String) {
        let core = Arc::clone(self);
        self.tasks.spawn(async move {
            let again = || {
                let parcel = core.parcel(&about, &resource, body.clone(), &secret, Signing::Proper);
                (core.webhook.read(Clone::clone), parcel)
            };
            core.post.insist(&WAITS, again).await;
        });
    }

    pub(super) async fn send_and_remember(&self, parcel: &Parcel) -> Delivery {
        self.last.change(|last| *last = Some(parcel.clone()));
        self.post.send(self.webhook.read(Clone::clone).as_ref(), parcel).await
    }

    /// Every attempt has a request id and a time stamp of its own; the signature covers the body alone.
    pub(super) fn parcel(&self, about: &str, resource: &str, body: Bytes, secret: &str, signing: Signing) -> Parcel {
        let fixed = [
            ("Content-Type", "application/json".to_owned()),
            ("User-Agent", "sentry/26.8.0 (https://sentry.io)".to_owned()),
            ("Accept", "*/*".to_owned()),
            ("Accept-Encoding", "gzip, deflate".to_owned()),
            ("Request-ID", self.ids.hex32()),
            ("Sentry-Hook-Resource", resource.to_owned()),
        ];
        let mut headers: Vec<_> = fixed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        headers.extend(signed(secret, &body, self.clock.now_ms() / 1000, signing));
        Parcel { about: about.to_owned(), headers, body }
    }
}

fn envelope(hook: &Hook, receiver: &Receiver) -> Value {
    let actor = match &hook.actor {
        Actor::Sentry => json!({ "type": "application", "id": "sentry", "name": "Sentry" }),
        Actor::User(user) => json!({ "type": "user", "id": user.id, "name": user.name }),
        Actor::App => json!({ "type": "application", "id": receiver.app_uuid, "name": receiver.name }),
    };
    json!({
        "action": hook.action,
        "installation": { "uuid": receiver.installation },
        "data": hook.data,
        "actor": actor,
    })
}

/// Escapes everything beyond ASCII, as Sentry's encoder does: whoever writes the body anew before checking the
/// signature does not get the same bytes.
fn ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            let units =
                character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            escaped.push_str(&units);
        }
    }
    escaped
}

fn signed(secret: &str, body: &[u8], now_s: i64, signing: Signing) -> Vec<(String, String)> {
    let headers = |timestamp: String, signature: Option<String>| {
        let mut headers = vec![("Sentry-Hook-Timestamp".to_owned(), timestamp)];
        headers.extend(signature.map(|signature| ("Sentry-Hook-Signature".to_owned(), signature)));
        headers
    };
    let rightly = |at_s: i64| headers(at_s.to_string(), Some(hmac_hex(secret, &[body])));
    match signing {
        Signing::Proper => rightly(now_s),
        Signing::At(at_s) => rightly(at_s),
        Signing::Forged { timestamp, signature } => headers(timestamp, Some(signature)),
        Signing::Unsigned => headers(now_s.to_string(), None),
        Signing::Headers(headers) => headers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(body: &str) -> String {
        signed("test-client-secret", body.as_bytes(), 0, Signing::Proper)[1].1.clone()
    }

    #[test]
    fn the_signature_is_that_of_the_raw_body() {
        let body = r#"{"action":"created","installation":{"uuid":"a8e5d37a-696c-4c54-adb5-b3f28d64c7de"},"data":{},"actor":{"type":"application","id":"sentry","name":"Sentry"}}"#;
        assert_eq!(signature(body), "26ecf40af2225ab66f274db3d045f50d924482a3c4619ae937056d0904927b53");
        assert_eq!(signature(""), "cff7ccd625537ce1a726fd29f7fc4beca8a15c96b6c9ee9b9461e149f57d4e88");
    }

    #[test]
    fn escaped_and_raw_text_are_different_bodies() {
        let raw = r#"{"action":"created","data":{"comment":"café 😀"}}"#;
        let escaped = r#"{"action":"created","data":{"comment":"caf\u00e9 \ud83d\ude00"}}"#;
        assert_eq!(ascii(raw), escaped);
        assert_eq!(signature(escaped), "1faf21df63cf3e23c6f62fcb865aa35ea70a5843833d73d0a1e4896838d4858c");
        assert_eq!(signature(raw), "01c5ea9a7093972b7ed0a2112fdb60bbbc0694665111bc6093fc9fc7fb5064a3");
    }
}
