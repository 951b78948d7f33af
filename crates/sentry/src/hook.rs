//! Service hooks: made and deleted in projects, and what they send (Sentry, service hooks).

use std::sync::Arc;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use ring::hmac;
use serde::Deserialize;
use serde_json::json;
use zentry_domain::ports::{
    CredentialKey, Delivery, DeliveryKey, Header, HookError, HookWebhook, Received, Rejected, VaultError,
};
use zentry_domain::{
    Actor, Change, ChangeKind, Event, Hook, HookId, HookKind, IssueId, Owner, Project, ProjectKey, Secret, Vault,
};

use crate::SentryConfig;
use crate::address::{Site, is_slug, issue_id};
use crate::answer::{Failure, json};
use crate::api::{Api, Call};
use crate::delivery::{Unreadable, meaning, parse};
use crate::wire::{self, Text, lenient};

const GUID: &str = "x-servicehook-guid";
const SIGNATURE: &str = "x-servicehook-signature";

/// Where the secret of a hook lies.
fn key(hook: &HookId) -> CredentialKey {
    CredentialKey { owner: Owner::Sentry(hook.to_string()), name: "hook".into() }
}

// === at Sentry ===

/// A hook as Sentry shows it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Shown {
    id: Text,
    url: Text,
    secret: Text,
}

impl Api {
    /// The hook that calls `url`, made where there is none; its secret is kept in `vault`.
    pub(crate) async fn make_hook(
        &self,
        vault: &dyn Vault,
        actor: &Actor,
        project: &Project,
        (kind, url): (HookKind, &str),
    ) -> Result<HookId, Failure> {
        let home = self.home(actor, &project.org).await?;
        let hooks = home.api(&["projects", project.org.as_str(), project.slug.as_str(), "hooks"]);
        let there: Vec<Shown> = self.list(actor, hooks.clone()).await?;
        let shown = match there.into_iter().find(|shown| shown.url.get() == Some(url)) {
            Some(shown) => shown,
            None => {
                let body = json!({ "url": url, "events": [kind.event()] }).to_string();
                json(&self.send(actor, Call::post(hooks, body)).await?)?
            }
        };
        let id = shown.id.get().filter(|id| is_slug(id)).map(HookId::new);
        let (Some(id), Some(secret)) = (id, shown.secret.get()) else {
            return Err(Failure::unavailable("Sentry answered with a hook without its number or its secret"));
        };
        keep(vault, &key(&id), &Secret::new(secret)).await?;
        Ok(id)
    }

    /// Deletes a hook at Sentry. What Sentry refuses for good is left there.
    pub(crate) async fn delete_hook(&self, actor: &Actor, project: &Project, hook: &HookId) -> Result<(), Failure> {
        let home = self.home(actor, &project.org).await?;
        let path = ["projects", project.org.as_str(), project.slug.as_str(), "hooks", hook.as_str()];
        match self.send(actor, Call::delete(home.api(&path))).await {
            Ok(_) | Err(Failure::NotFound) => Ok(()),
            Err(Failure::Forbidden(_) | Failure::NoFeature | Failure::Invalid(_)) => {
                tracing::warn!(
                    project = project.label(), %hook,
                    "Sentry does not let a hook be deleted that nobody needs; what it sends is dropped from now on"
                );
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }
}

pub(crate) async fn forget(vault: &dyn Vault, hook: &HookId) -> Result<(), VaultError> {
    vault.delete(&key(hook)).await
}

async fn keep(vault: &dyn Vault, key: &CredentialKey, secret: &Secret) -> Result<(), Failure> {
    match vault.load(key).await? {
        Some((kept, _)) if kept.expose() == secret.expose() => Ok(()),
        there => {
            vault.save(key, secret, there.map(|(_, revision)| revision)).await?;
            Ok(())
        }
    }
}

// === what comes ===

/// Decodes what service hooks send, each signed with a secret of its own.
pub struct SentryHooks {
    site: Site,
    vault: Arc<dyn Vault>,
}

impl SentryHooks {
    /// Secrets lie in `vault`, where [`crate::SentryTracker`] has put them.
    pub fn new(config: &SentryConfig, vault: Arc<dyn Vault>) -> Self {
        Self { site: Site::new(&config.base), vault }
    }

    async fn verify(&self, hook: &Hook, delivery: &Delivery<'_>) -> Result<DeliveryKey, HookError> {
        let id = one(delivery, GUID, Rejected("the hook's number is missing"))?;
        if id != hook.id.as_str().as_bytes() {
            return Err(Rejected("the number is another hook's").into());
        }
        let hex = one(delivery, SIGNATURE, Rejected("the signature is missing"))?;
        let tag = HEXLOWER.decode(hex).ok().and_then(|tag| <[u8; 32]>::try_from(tag).ok());
        let tag = tag.ok_or(Rejected("the signature is not 64 lower-case hex digits"))?;
        let secret = self.vault.load(&key(&hook.id)).await.map_err(|error| HookError::Unavailable(error.into()))?;
        let (secret, _) = secret.ok_or(Rejected("the hook's secret is not known"))?;
        is_signed(&secret, delivery.body, &tag)
            .then_some(DeliveryKey(tag))
            .ok_or(Rejected("the signature is wrong").into())
    }

    fn read(&self, hook: &Hook, body: &[u8]) -> Result<(Event, Option<DeliveryKey>), Unheard> {
        let body: Body = parse(body)?;
        let group = body.group.unwrap_or_default();
        let event = body.event.unwrap_or_default();
        let org = &hook.project.org;
        // Whoever may change one project knows its hook's secret, and must not speak for another.
        if [group.project(Some(org)).id, event.project_id.project_id()]
            .iter()
            .flatten()
            .any(|id| *id != hook.project.id)
        {
            return Err(Unheard::Foreign);
        }
        let issue_id = group.id().or_else(|| event.issue_id());
        let issue_id = issue_id.ok_or_else(|| Unreadable::because("a hook's event without the number of its issue"))?;
        let Project { id, slug, .. } = hook.project.clone();
        let project = ProjectKey { org: Some(org.clone()), id: Some(id), slug: Some(slug) };
        let occurrence = event.occurrence();
        let mut issue = group.shown(&self.site, Some(org));
        if issue.title.is_empty() {
            issue.title = event.title();
        }
        issue.url = Some(self.site.issue_page(org, &issue_id, project.id.as_ref()));
        if let Some(occurrence) = &occurrence {
            issue.environment.clone_from(&occurrence.environment);
            issue.release.clone_from(&occurrence.release);
        }
        let kind = match hook.kind {
            HookKind::Alert => ChangeKind::Alert { rule: "unnamed".to_owned(), page: None },
            HookKind::Event if issue.events.is_some_and(|events| events <= 1) => ChangeKind::New,
            HookKind::Event => ChangeKind::Seen,
        };
        let meant = match hook.kind {
            HookKind::Alert => "hook_alert",
            // An app may tell of the same event.
            HookKind::Event => "error",
        };
        let key = event.id().map(|event| meaning(&[meant, event]));
        let occurrence = occurrence.map(Box::new);
        let change = Change { installation: None, project, issue_id, issue, occurrence, kind, by: None };
        Ok((Event::Changed(change), key))
    }
}

#[async_trait]
impl HookWebhook for SentryHooks {
    async fn receive(&self, hook: &Hook, delivery: &Delivery<'_>) -> Result<Received, HookError> {
        let key = self.verify(hook, delivery).await?;
        Ok(match self.read(hook, delivery.body) {
            Ok((event, meaning)) => {
                Received::Event { keys: [Some(key), meaning].into_iter().flatten().collect(), event: Box::new(event) }
            }
            Err(Unheard::Unreadable(Unreadable(why))) => Received::Unreadable(why),
            Err(Unheard::Foreign) => return Err(Rejected("it tells of another project than the hook's").into()),
        })
    }
}

/// Why nothing follows from what is signed.
enum Unheard {
    Unreadable(Unreadable),
    Foreign,
}

impl From<Unreadable> for Unheard {
    fn from(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }
}

fn is_signed(secret: &Secret, body: &[u8], tag: &[u8]) -> bool {
    let secret = secret.expose().as_bytes();
    // Anybody can sign with an empty one.
    !secret.is_empty() && hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), body, tag).is_ok()
}

fn one<'d>(delivery: &Delivery<'d>, name: &str, missing: Rejected) -> Result<&'d [u8], Rejected> {
    match delivery.headers.get(name) {
        Header::One(value) => Ok(value),
        Header::Missing => Err(missing),
        Header::Doubled => Err(Rejected("a header is doubled")),
    }
}

// === the wire ===

/// What a hook sends (Sentry, service hooks: delivery, version 0). It names neither the organization nor what it is for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    group: Option<wire::Issue>,
    #[serde(deserialize_with = "lenient")]
    event: Option<Told>,
}

/// The event, as the REST API shows events.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    id: Text,
    #[serde(rename = "eventID")]
    event_id: Text,
    #[serde(rename = "groupID")]
    group_id: Text,
    #[serde(rename = "projectID")]
    project_id: Text,
    title: Text,
    message: Text,
    #[serde(deserialize_with = "lenient")]
    tags: Option<Vec<wire::Tag>>,
    #[serde(deserialize_with = "lenient")]
    release: Option<wire::Release>,
}

impl Told {
    fn id(&self) -> Option<&str> {
        self.event_id.get().or(self.id.get())
    }

    fn issue_id(&self) -> Option<IssueId> {
        issue_id(self.group_id.get()?)
    }

    fn title(&self) -> String {
        self.title.kept().or_else(|| self.message.kept()).unwrap_or_default()
    }

    /// What filters ask for; `None` where it does not tell its tags, and so perhaps not its environment.
    fn occurrence(&self) -> Option<zentry_domain::Occurrence> {
        let release = self.release.as_ref().and_then(|release| release.version.kept());
        Some(wire::occurrence(self.tags.as_ref()?, None, release))
    }
}

#[cfg(test)]
mod tests {
    use zentry_contract::fake::FakeVault;
    use zentry_contract::sample::project;
    use zentry_contract::webhook::HeaderList;
    use zentry_domain::{Digest, Level, ProjectId, Status};

    use super::*;

    const SECRET: &str = "hook-secret";
    /// As Sentry sends it, shortened.
    const WHOLE: &str = r#"{"project":{"slug":"web","name":"Web"},
        "group":{"id":"42","shortId":"WEB-7","title":"TypeError: x is undefined","culprit":"app/main in run","level":"error",
            "status":"unresolved","permalink":null,"count":"12","userCount":3,
            "project":{"id":"3","name":"Web","slug":"web","platform":"javascript"},
            "url":"https://sentry.example.com/organizations/acme/issues/42/"},
        "event":{"id":"0123456789abcdef0123456789abcdef","eventID":"0123456789abcdef0123456789abcdef","groupID":"42",
            "projectID":"3","title":"TypeError: x is undefined","message":"","platform":"javascript",
            "tags":[{"key":"environment","value":"production"},{"key":"browser","value":"Chrome"}],
            "release":{"version":"web@1.4.0"},"dateCreated":"2026-01-02T03:04:05Z","entries":[],
            "url":"https://sentry.example.com/organizations/acme/issues/42/events/0123456789abcdef0123456789abcdef/"}}"#;

    fn hook(kind: HookKind) -> Hook {
        let token = Digest([7; 32]);
        let project = Project { id: ProjectId::new("3"), ..project("web") };
        Hook { id: HookId::new("0a1b"), token, kind, project, by: None, ended: None, is_stranded: false }
    }

    async fn hooks(secret: &str) -> SentryHooks {
        let vault = Arc::new(FakeVault::default());
        vault.save(&key(&HookId::new("0a1b")), &Secret::new(secret), None).await.unwrap();
        let config = SentryConfig {
            base: "https://sentry.example.com".parse().unwrap(),
            client_secrets: Vec::new().into(),
            integration: None,
            oauth: None,
            app: None,
        };
        SentryHooks::new(&config, vault)
    }

    async fn is_accepted(hooks: &SentryHooks, body: &str, signature: &str) -> bool {
        let headers = HeaderList::new().with(GUID, "0a1b").with(SIGNATURE, signature);
        let delivery = Delivery { headers: &headers, body: body.as_bytes() };
        hooks.receive(&hook(HookKind::Event), &delivery).await.is_ok()
    }

    async fn read(kind: HookKind, body: &str) -> Received {
        receive(kind, body).await.expect("signed")
    }

    async fn receive(kind: HookKind, body: &str) -> Result<Received, HookError> {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), body.as_bytes());
        let headers = HeaderList::new().with(GUID, "0a1b").with(SIGNATURE, HEXLOWER.encode(tag.as_ref()));
        let delivery = Delivery { headers: &headers, body: body.as_bytes() };
        hooks(SECRET).await.receive(&hook(kind), &delivery).await
    }

    async fn change(kind: HookKind, body: &str) -> (Change, usize) {
        match read(kind, body).await {
            Received::Event { keys, event } => match *event {
                Event::Changed(change) => (change, keys.len()),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn signatures_are_made_as_sentry_makes_them() {
        let hooks = hooks("test-client-secret").await;
        for (body, signature) in [
            (
                r#"{"action":"created","data":{"comment":"caf\u00e9 \ud83d\ude00"}}"#,
                "1faf21df63cf3e23c6f62fcb865aa35ea70a5843833d73d0a1e4896838d4858c",
            ),
            (
                r#"{"action":"created","data":{"comment":"café 😀"}}"#,
                "01c5ea9a7093972b7ed0a2112fdb60bbbc0694665111bc6093fc9fc7fb5064a3",
            ),
            ("", "cff7ccd625537ce1a726fd29f7fc4beca8a15c96b6c9ee9b9461e149f57d4e88"),
        ] {
            assert!(is_accepted(&hooks, body, signature).await, "{body}");
            assert!(!is_accepted(&hooks, body, &signature.to_uppercase()).await, "{body}");
            assert!(!is_accepted(&hooks, &format!("{body} "), signature).await, "{body}");
        }
    }

    #[tokio::test]
    async fn an_empty_secret_opens_nothing() {
        let tag = HEXLOWER.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), b"{}").as_ref());
        assert!(!is_accepted(&hooks("").await, "{}", &tag).await);
    }

    #[tokio::test]
    async fn an_event_tells_its_whole_issue_and_where_it_happened() {
        let (told, keys) = change(HookKind::Event, WHOLE).await;
        assert_eq!((told.kind, keys), (ChangeKind::Seen, 2));
        assert_eq!(told.issue_id, IssueId::new("42"));
        assert_eq!(told.project.org, Some(project("web").org), "the hook's, which the body does not name");
        assert_eq!(told.project.id.unwrap().as_str(), "3");
        let issue = &told.issue;
        assert_eq!((issue.title.as_str(), issue.level), ("TypeError: x is undefined", Some(Level::Error)));
        assert_eq!((issue.events, issue.users, issue.status), (Some(12), Some(3), Some(Status::Unresolved)));
        assert_eq!(issue.environment.as_deref(), Some("production"));
        assert_eq!(issue.release.as_deref(), Some("web@1.4.0"));
        assert_eq!(
            issue.url.as_deref(),
            Some("https://sentry.example.com/organizations/acme/issues/42/?project=3"),
            "the page is ours to name"
        );
        let occurrence = told.occurrence.expect("told");
        assert!(occurrence.tags.contains(&("browser".into(), "Chrome".into())));
    }

    #[tokio::test]
    async fn the_hook_says_what_its_events_mean_and_the_count_which_is_the_first() {
        let alert = change(HookKind::Alert, WHOLE).await.0;
        assert_eq!(alert.kind, ChangeKind::Alert { rule: "unnamed".into(), page: None });
        for count in [r#""1""#, "1", r#""0""#] {
            let first = WHOLE.replace(r#""12""#, count);
            assert_eq!(change(HookKind::Event, &first).await.0.kind, ChangeKind::New, "{count}");
        }
        for count in [r#""2""#, "null", r#""many""#] {
            let later = WHOLE.replace(r#""12""#, count);
            assert_eq!(change(HookKind::Event, &later).await.0.kind, ChangeKind::Seen, "{count}");
        }
    }

    #[tokio::test]
    async fn every_part_but_the_number_of_the_issue_may_be_missing_null_or_something_else() {
        let whole: serde_json::Value = serde_json::from_str(WHOLE).unwrap();
        let mut paths = vec!["/project".to_owned(), "/event".to_owned()];
        for part in ["/group", "/event", "/project"] {
            let names = whole.pointer(part).unwrap().as_object().unwrap().keys();
            paths.extend(names.map(|name| format!("{part}/{name}")));
        }
        for path in paths {
            for other in [json!(null), json!(7), json!([{}]), json!({"a": "b"})] {
                if path == "/event/projectID" && other == json!(7) {
                    continue;
                }
                let mut body = whole.clone();
                *body.pointer_mut(&path).unwrap() = other;
                let (told, _) = change(HookKind::Event, &body.to_string()).await;
                assert!(told.issue_id == IssueId::new("42") || told.issue_id == IssueId::new("7"), "{path}");
                assert_eq!(told.project.org, Some(project("web").org), "{path}");
                assert!(told.project.id.is_some(), "{path}");
            }
            let mut body = whole.clone();
            let (parent, name) = path.rsplit_once('/').unwrap();
            body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            assert_eq!(change(HookKind::Event, &body.to_string()).await.0.issue_id, IssueId::new("42"), "{path}");
        }
        let bare = change(HookKind::Event, r#"{"group":{"id":42}}"#).await.0;
        assert_eq!((bare.issue_id, bare.occurrence), (IssueId::new("42"), None));
        assert_eq!(bare.project.id, Some(ProjectId::new("3")));
    }

    #[tokio::test]
    async fn what_tells_of_another_project_than_the_hooks_is_refused() {
        for (own, other) in [
            (r#""project":{"id":"3","name":"Web""#, r#""project":{"id":"4","name":"Web""#),
            (r#""project":{"id":"3","name":"Web""#, r#""project":{"id":4,"name":"Web""#),
            (r#""projectID":"3""#, r#""projectID":"4""#),
            (r#""projectID":"3""#, r#""projectID":4"#),
        ] {
            let refused = receive(HookKind::Event, &WHOLE.replace(own, other)).await;
            assert!(matches!(refused, Err(HookError::Rejected(_))), "{other}");
        }
        // A project may be renamed, and the hook is still its own.
        let renamed = change(HookKind::Event, &WHOLE.replace(r#""slug":"web""#, r#""slug":"shop""#)).await.0;
        assert_eq!(renamed.project.id, Some(ProjectId::new("3")));
    }

    #[tokio::test]
    async fn a_body_without_an_issue_is_unreadable_and_not_quoted() {
        for body in ["{}", r#"{"group":null,"event":null}"#, r#"{"group":{"id":"../1"}}"#, "[hunter2]", "hunter2", ""] {
            let Received::Unreadable(why) = read(HookKind::Event, body).await else { panic!("{body}") };
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
