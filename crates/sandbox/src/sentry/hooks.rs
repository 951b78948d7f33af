//! Service hooks: the API by which they are made in projects, and what they send (Sentry, service hooks).

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::{
    Core, Sentry,
    issue::Writer,
    refusal::{invalid, no_feature, not_found},
    rest::Rest,
    world::Project,
};
use crate::{
    clock::rfc3339,
    deliver::{Delivery, Parcel, Post, Signing},
    http::Answer,
    ids::hmac_hex,
    wire::Service,
};

const EVENTS: [&str; 2] = ["event.alert", "event.created"];
/// Sentry waits 5 s for the answer to a hook, whose status it does not look at.
const PATIENCE: Duration = Duration::from_secs(5);

/// One hook of a project. No `Debug`: it holds a secret, if only a simulated one.
#[derive(Clone)]
pub struct ServiceHook {
    /// Its number.
    pub id: String,
    /// Where it is, by id.
    pub project: u64,
    /// Where it sends.
    pub url: String,
    /// What it tells of.
    pub events: Vec<String>,
    /// What signs what it sends.
    pub secret: String,
    /// When it was made.
    pub made_ms: i64,
}

impl ServiceHook {
    fn described(&self) -> Value {
        json!({
            "id": self.id, "url": self.url, "status": "active", "events": self.events, "secret": self.secret,
            "dateCreated": rfc3339(self.made_ms),
        })
    }
}

impl Rest<'_> {
    pub(super) fn hooks(&self, organization: &str, project: &str) -> Result<Answer, Answer> {
        let project = self.hooked(organization, project, "project:read")?;
        if self.request.query_value("status").is_some_and(|status| status == "disabled") {
            return self.page(&[], "per_page");
        }
        let hooks = self.state.hooks.iter().filter(|hook| hook.project == project.id);
        self.page(&hooks.map(ServiceHook::described).collect::<Vec<_>>(), "per_page")
    }

    pub(super) fn make_hook(&mut self, organization: &str, project: &str) -> Result<Answer, Answer> {
        let project = self.hooked(organization, project, "project:write")?;
        let (url, events) = self.wanted()?;
        let (id, secret) = (self.ids.hex32(), self.ids.hex64());
        let hook = ServiceHook { id, project: project.id, url, events, secret, made_ms: self.now_ms };
        let described = hook.described();
        self.state.hooks.push(hook);
        Ok(Answer::json(201, &described))
    }

    pub(super) fn one_hook(&self, organization: &str, project: &str, id: &str) -> Result<Answer, Answer> {
        let project = self.hooked(organization, project, "project:read")?;
        let found = self.state.hooks.iter().find(|hook| hook.project == project.id && hook.id == id);
        found.map(|hook| Answer::json(200, &hook.described())).ok_or_else(|| not_found("no such hook"))
    }

    pub(super) fn change_hook(&mut self, organization: &str, project: &str, id: &str) -> Result<Answer, Answer> {
        let project = self.hooked(organization, project, "project:write")?;
        let (url, events) = self.wanted()?;
        let found = self.state.hooks.iter_mut().find(|hook| hook.project == project.id && hook.id == id);
        let hook = found.ok_or_else(|| not_found("no such hook"))?;
        (hook.url, hook.events) = (url, events);
        Ok(Answer::json(200, &hook.described()))
    }

    pub(super) fn delete_hook(&mut self, organization: &str, project: &str, id: &str) -> Result<Answer, Answer> {
        let project = self.hooked(organization, project, "project:admin")?;
        let before = self.state.hooks.len();
        self.state.hooks.retain(|hook| hook.project != project.id || hook.id != id);
        if self.state.hooks.len() == before { Err(not_found("no such hook")) } else { Ok(Answer::empty(204)) }
    }

    /// The scope comes before the feature.
    fn hooked(&self, organization: &str, project: &str, scope: &str) -> Result<Project, Answer> {
        let project = self.project(organization, project, &[scope])?;
        if self.state.has_no_hooks { Err(no_feature("projects:servicehooks")) } else { Ok(project) }
    }

    fn wanted(&self) -> Result<(String, Vec<String>), Answer> {
        let body = self.body()?;
        let url = body.get("url").and_then(Value::as_str).unwrap_or_default();
        if url.len() > 512 || Url::parse(url).is_err() {
            return Err(invalid("url", "Enter a valid URL."));
        }
        let events = body.get("events").and_then(Value::as_array).ok_or_else(|| invalid("events", "Required."))?;
        let known = |event: &Value| event.as_str().filter(|event| EVENTS.contains(event)).map(str::to_owned);
        let events: Option<Vec<_>> = events.iter().map(known).collect();
        let events = events.ok_or_else(|| invalid("events", "Invalid event name"))?;
        Ok((url.to_owned(), events))
    }
}

impl Sentry {
    /// The hooks that there are, oldest first.
    #[must_use]
    pub fn hooks(&self) -> Vec<ServiceHook> {
        self.core().state.read(|state| state.hooks.clone())
    }

    /// Whether projects can have hooks: the feature of the plan, or of the installation.
    pub fn set_hooks(&self, can_be_had: bool) {
        self.core().state.change(|state| state.has_no_hooks = !can_be_had);
    }

    /// The latest event of an issue is told to the hooks of its project that want this kind of event: `event.created` or
    /// `event.alert`.
    pub async fn tell_hooks(&self, issue: u64, event: &str) -> Vec<Delivery> {
        let core = self.core();
        let body = core.hook_body(issue);
        let project = core.state.read(|state| state.issue(issue).map(|issue| issue.project));
        let mut told = Vec::new();
        for hook in self.hooks() {
            if Some(hook.project) == project && hook.events.iter().any(|wanted| wanted == event) {
                told.push(self.hook_sends(&hook, body.clone(), Signing::Proper).await);
            }
        }
        told
    }

    /// One more event of an issue that is open; the hooks of its project are told.
    pub async fn happen_to_hooks(&self, issue: u64) -> Vec<Delivery> {
        self.happen_again(issue);
        self.tell_hooks(issue, "event.created").await
    }

    /// A hook sends these bytes once, signed as told.
    pub async fn hook_sends(&self, hook: &ServiceHook, body: impl Into<Bytes>, signing: Signing) -> Delivery {
        let core = self.core();
        let (headers, body) = self.hook_request(hook, body, signing);
        let parcel = Parcel { about: "service hook".to_owned(), headers, body };
        let (clock, wire) = (core.clock.clone(), core.wire.clone());
        let post = Post { service: Service::Sentry, clock, wire, patience: PATIENCE };
        post.send(Url::parse(&hook.url).ok().as_ref(), &parcel).await
    }

    /// Headers and body of that.
    #[must_use]
    pub fn hook_request(
        &self,
        hook: &ServiceHook,
        body: impl Into<Bytes>,
        signing: Signing,
    ) -> (Vec<(String, String)>, Bytes) {
        let body = body.into();
        let now = (self.core().clock.now_ms() / 1000).to_string();
        let (stamp, signature) = match signing {
            Signing::Proper => (now, Some(hmac_hex(&hook.secret, &[&body]))),
            Signing::At(at_s) => (at_s.to_string(), Some(hmac_hex(&hook.secret, &[&body]))),
            Signing::Forged { timestamp, signature } => (timestamp, Some(signature)),
            Signing::Unsigned | Signing::Headers(_) => (now, None),
        };
        let mut headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-ServiceHook-Timestamp".to_owned(), stamp),
            ("X-ServiceHook-GUID".to_owned(), hook.id.clone()),
        ];
        headers.extend(signature.map(|signature| ("X-ServiceHook-Signature".to_owned(), signature)));
        (headers, body)
    }

    /// What hooks send of the latest event of an issue.
    #[must_use]
    pub fn hook_body(&self, issue: u64) -> Bytes {
        self.core().hook_body(issue)
    }
}

impl Core {
    fn hook_body(&self, issue: u64) -> Bytes {
        let body = self.state.read(|state| {
            let writer = Writer { world: &state.world, base: &self.base };
            let (issue, project) = (state.issue(issue)?, state.world.project_by_id(state.issue(issue)?.project)?);
            let (mut group, mut event) = (writer.webhook_issue(issue), writer.rest_event(issue));
            group["url"] = writer.web_url(issue).into();
            event["url"] = format!("{}events/{}/", writer.web_url(issue), issue.event_id).into();
            Some(json!({
                "project": { "slug": project.slug, "name": project.name },
                "group": group,
                "event": event,
            }))
        });
        Bytes::from(body.unwrap_or_default().to_string())
    }
}
