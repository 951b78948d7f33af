//! What the body of a verified delivery says.
//!
//! Bodies reach megabytes. They are read in one pass into what is shown; the rest (stack traces, requests, people's
//! data) is skipped and never held.

use std::borrow::Cow;

use ring::digest;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use zentry_domain::ports::DeliveryKey;
use zentry_domain::{
    Change, ChangeKind, Event, Fix, InstallationId, Issue, IssueId, Level, OrgSlug, ProjectKey, ProjectSlug, Release,
    Remark, Remarked, Secret, Status, text,
};

use crate::SentryConfig;
use crate::address::{self, Site};
use crate::frame;
use crate::metric::{self, MetricAlert};
use crate::remark::{self, Seer};
use crate::wire::{self, Holder, Metadata, Named, Tag, Text, lenient};

/// What a body says.
pub(crate) enum Read {
    /// A fact, and a second key for it where it may come in another body.
    Event { event: Box<Event>, key: Option<DeliveryKey> },
    /// Something that means nothing to us, by name.
    Ignored(&'static str),
}

/// Why a body cannot be read: quotes nothing of it.
pub(crate) struct Unreadable(pub(crate) String);

impl Unreadable {
    pub(crate) fn because(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// Reads bodies that have been verified.
pub(crate) struct Reader {
    site: Site,
    /// The organization of an internal integration, which never announces itself, where nobody else can be the sender.
    own: Option<OrgSlug>,
}

impl Reader {
    pub(crate) fn new(config: &SentryConfig) -> Self {
        // A public app speaks for many organizations, and nothing in a delivery tells its sender from the integration.
        let integration = config.integration.as_ref().filter(|_| config.app.is_none());
        let own = integration.map(|integration| integration.org.clone());
        Self { site: Site::new(&config.base), own }
    }

    /// Reads a verified body. `claimed` is the resource by the unsigned header.
    pub(crate) fn read(&self, body: &[u8], claimed: Option<&str>) -> Result<Read, Unreadable> {
        let envelope: Envelope = parse(body)?;
        let action = envelope.action.get().ok_or_else(|| Unreadable::because("there is no action"))?;
        match resource(&envelope.data, claimed) {
            Some("installation") => self.installation(&envelope, action),
            Some("issue") => self.issue(&envelope, action),
            Some("event_alert") => self.event_alert(&envelope, action),
            Some("activity_alert") => self.activity_alert(&envelope, action),
            Some("error") => self.error(&envelope, action),
            Some("comment") => self.comment(&envelope, action),
            Some("seer") => self.seer(body, &envelope, action),
            Some("metric_alert") => self.metric_alert(&envelope, action),
            Some(other) => Ok(Read::Ignored(other)),
            None => Ok(Read::Ignored("unknown resource")),
        }
    }

    fn installation(&self, envelope: &Envelope, action: &str) -> Result<Read, Unreadable> {
        let data = envelope.data.installation.as_ref();
        let uuid = data.and_then(|data| data.uuid.get()).or(envelope.installation_uuid());
        let uuid = uuid.ok_or_else(|| Unreadable::because("an installation without its number"))?;
        let installation = InstallationId::new(uuid);
        let org = data.and_then(|data| data.organization.as_ref()?.known()).map(|organization| organization.slug);
        let event = match action {
            "created" => {
                let org = org.ok_or_else(|| Unreadable::because("an installation without its organization"))?;
                let code = data.and_then(|data| data.code.get()).map(Secret::new);
                Event::IntegrationInstalled { installation, org, code }
            }
            "deleted" => Event::IntegrationRemoved { installation, org },
            _ => return Ok(Read::Ignored("installation: unknown action")),
        };
        Ok(Read::Event { event: Box::new(event), key: Some(meaning(&["installation", uuid, action])) })
    }

    fn issue(&self, envelope: &Envelope, action: &str) -> Result<Read, Unreadable> {
        let Some(told) = &envelope.data.issue else { return Err(Unreadable::because("there is no issue")) };
        let Some(kind) = issue_kind(action, told) else {
            return Ok(Read::Ignored("issue: unknown action"));
        };
        let issue_id = told.id().ok_or_else(|| Unreadable::because("an issue without its number"))?;
        let org = told.org().or_else(|| self.own.clone());
        let mut issue = told.shown(&self.site, org.as_ref());
        issue.status = issue.status.or_else(|| implied(&kind));
        if kind == ChangeKind::Assigned {
            issue.assignee = envelope.data.assignee.assignee().or(issue.assignee);
        }
        if kind == ChangeKind::Resolved {
            issue.fix = issue.fix.or_else(|| envelope.data.fix());
        }
        let project = told.project(org.as_ref());
        Ok(self.changed(envelope, Told { project, issue_id, issue, occurrence: None, kind }, None))
    }

    fn event_alert(&self, envelope: &Envelope, action: &str) -> Result<Read, Unreadable> {
        let Some(told) = &envelope.data.event else { return Err(Unreadable::because("there is no event")) };
        if action != "triggered" {
            return Ok(Read::Ignored("event_alert: unknown action"));
        }
        let issue_id =
            told.issue_id().ok_or_else(|| Unreadable::because("an alert without the number of its issue"))?;
        let rule = envelope.data.rule().unwrap_or_else(|| "unnamed".to_owned());
        let key = told.event_id.get().map(|event| meaning(&["event_alert", event, &rule]));
        Ok(self.happened(envelope, told, issue_id, ChangeKind::Alert { rule, page: None }, key))
    }

    fn error(&self, envelope: &Envelope, action: &str) -> Result<Read, Unreadable> {
        let Some(told) = &envelope.data.error else { return Err(Unreadable::because("there is no event")) };
        if action != "created" {
            return Ok(Read::Ignored("error: unknown action"));
        }
        let issue_id =
            told.issue_id().ok_or_else(|| Unreadable::because("an event without the number of its issue"))?;
        let key = told.event_id.get().map(|event| meaning(&["error", event]));
        Ok(self.happened(envelope, told, issue_id, ChangeKind::Seen, key))
    }

    fn happened(
        &self,
        envelope: &Envelope,
        told: &Occurrence,
        issue_id: IssueId,
        kind: ChangeKind,
        key: Option<DeliveryKey>,
    ) -> Read {
        let project = told.project(self.own.as_ref());
        let occurrence = told.occurrence();
        let issue = Issue {
            url: project.org.as_ref().map(|org| self.site.issue_page(org, &issue_id, project.id.as_ref())),
            ..told.shown()
        };
        self.changed(envelope, Told { project, issue_id, issue, occurrence, kind }, key)
    }

    /// A rule of the newest servers, which fires for what happens to an issue and not for an event (Sentry, activity_alert).
    fn activity_alert(&self, envelope: &Envelope, action: &str) -> Result<Read, Unreadable> {
        let Some(told) = &envelope.data.issue else { return Err(Unreadable::because("there is no issue")) };
        if action != "triggered" {
            return Ok(Read::Ignored("activity_alert: unknown action"));
        }
        let issue_id = told.id().ok_or_else(|| Unreadable::because("an issue without its number"))?;
        let org = told.org().or_else(|| self.own.clone());
        let issue = told.shown(&self.site, org.as_ref());
        let rule = envelope.data.alert.as_ref().and_then(|alert| alert.name.kept());
        let kind = ChangeKind::Alert { rule: rule.unwrap_or_else(|| "unnamed".to_owned()), page: None };
        let project = told.project(org.as_ref());
        Ok(self.changed(envelope, Told { project, issue_id, issue, occurrence: None, kind }, None))
    }

    fn comment(&self, envelope: &Envelope, action: &str) -> Result<Read, Unreadable> {
        let data = &envelope.data;
        let Some(what) = remark::commented(action) else { return Ok(Read::Ignored("comment: nothing to say")) };
        let issue_id = data.issue_id.get().and_then(address::issue_id);
        let issue_id = issue_id.ok_or_else(|| Unreadable::because("a comment without the number of its issue"))?;
        let project = ProjectKey {
            org: self.own.clone(),
            id: None,
            slug: data.project_slug.get().filter(|slug| address::is_slug(slug)).map(ProjectSlug::new),
        };
        let (comment, at) = (data.comment_id.get(), data.timestamp.get().unwrap_or_default());
        let key = comment.map(|comment| meaning(&["comment", comment, action, at]));
        let text = data.comment.kept().unwrap_or_default();
        let kind = ChangeKind::Remark(Box::new(Remark { what, text, by: envelope.person() }));
        Ok(self.changed(envelope, Told { project, issue_id, issue: Issue::default(), occurrence: None, kind }, key))
    }

    fn seer(&self, body: &[u8], envelope: &Envelope, action: &str) -> Result<Read, Unreadable> {
        // Most of what it says is long and never shown: it is read only here.
        let seer = parse::<Only<Seer>>(body)?.data;
        let Some(text) = seer.said(action) else { return Ok(Read::Ignored("seer: nothing to say yet")) };
        let issue_id = seer.issue_id().ok_or_else(|| Unreadable::because("an analysis of an unnamed issue"))?;
        let key = envelope.data.run_id.get().map(|run| meaning(&["seer", run, action]));
        let kind = ChangeKind::Remark(Box::new(Remark { what: Remarked::Seer, text, by: None }));
        let project = ProjectKey { org: self.own.clone(), ..ProjectKey::default() };
        Ok(self.changed(envelope, Told { project, issue_id, issue: Issue::default(), occurrence: None, kind }, key))
    }

    fn metric_alert(&self, envelope: &Envelope, action: &str) -> Result<Read, Unreadable> {
        let data = &envelope.data;
        let Some(told) = &data.metric_alert else { return Err(Unreadable::because("there is no metric alert")) };
        let Some(alarm) = metric::alarm(action) else {
            return Ok(Read::Ignored("metric_alert: unknown action"));
        };
        let issue_id = told.key().ok_or_else(|| Unreadable::because("a metric alert without its number"))?;
        let org = data.web_url.get().and_then(address::org_in).or_else(|| self.own.clone());
        // Two installations tell of it in two bodies. That it is critical once more is said with another number.
        let text = data.description_text.get().unwrap_or_default();
        let key = meaning(&["metric_alert", issue_id.as_str(), action, text]);
        let issue = Issue {
            title: told.title(&data.description_title).unwrap_or_default(),
            url: org.as_ref().and_then(|org| told.page(&self.site, org)),
            ..told.shown(alarm)
        };
        let project = ProjectKey { org, ..ProjectKey::default() };
        let kind = ChangeKind::Metric(Box::new(told.metric(alarm, &data.description_text)));
        Ok(self.changed(envelope, Told { project, issue_id, issue, occurrence: told.occurrence(), kind }, Some(key)))
    }

    fn changed(&self, envelope: &Envelope, told: Told, key: Option<DeliveryKey>) -> Read {
        let event = Event::Changed(Change {
            installation: envelope.installation_uuid().map(InstallationId::new),
            project: told.project,
            issue_id: told.issue_id,
            issue: told.issue,
            occurrence: told.occurrence.map(Box::new),
            kind: told.kind,
            by: envelope.person(),
        });
        Read::Event { event: Box::new(event), key }
    }
}

struct Told {
    project: ProjectKey,
    issue_id: IssueId,
    issue: Issue,
    occurrence: Option<zentry_domain::Occurrence>,
    kind: ChangeKind,
}

fn issue_kind(action: &str, issue: &wire::Issue) -> Option<ChangeKind> {
    Some(match (action, issue.substatus.get()) {
        ("created", _) => ChangeKind::New,
        ("resolved", _) => ChangeKind::Resolved,
        // The documentation says one, the code the other, and some versions send both.
        ("ignored" | "archived", _) => ChangeKind::Archived { until: issue.archive() },
        ("unresolved", Some("regressed")) => ChangeKind::Regressed,
        ("unresolved", Some("escalating")) => ChangeKind::Escalating,
        ("unresolved", _) => ChangeKind::Reopened,
        ("assigned", _) => ChangeKind::Assigned,
        _ => return None,
    })
}

/// The status that an action tells by its name.
fn implied(kind: &ChangeKind) -> Option<Status> {
    match kind {
        ChangeKind::Resolved => Some(Status::Resolved),
        ChangeKind::Archived { .. } => Some(Status::Archived),
        ChangeKind::Reopened | ChangeKind::Regressed | ChangeKind::Escalating => Some(Status::Unresolved),
        ChangeKind::New
        | ChangeKind::Alert { .. }
        | ChangeKind::Assigned
        | ChangeKind::Seen
        | ChangeKind::FirstIn(_)
        | ChangeKind::Metric(_)
        | ChangeKind::Remark(_) => None,
    }
}

/// Recognises what is meant, in whatever body it comes.
pub(crate) fn meaning(parts: &[&str]) -> DeliveryKey {
    let text = format!("sentry|{}", parts.join("|"));
    let mut key = [0; 32];
    key.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    DeliveryKey(key)
}

/// Which resource it is, by what the body holds. The header, which nobody signed, only chooses where several fit.
fn resource(data: &Data, claimed: Option<&str>) -> Option<&'static str> {
    let is_activity = data.activity.is_some() || data.alert.is_some();
    let fits = [
        ("installation", data.installation.is_some()),
        ("event_alert", data.event.is_some()),
        ("metric_alert", data.metric_alert.is_some()),
        ("activity_alert", is_activity),
        ("comment", data.comment_id.get().is_some() || data.comment.get().is_some()),
        ("error", data.error.is_some()),
        ("seer", data.run_id.get().or(data.group_id.get()).is_some()),
        ("preprod_artifact", data.build_id.get().is_some()),
        ("issue", data.issue.is_some() && !is_activity),
    ];
    let fitting = || fits.iter().filter(|(_, fits)| *fits).map(|(name, _)| *name);
    let decided = fitting().find(|name| Some(*name) == claimed).or_else(|| fitting().next());
    if let (Some(claimed), Some(body)) = (claimed, decided)
        && claimed != body
    {
        let header = text::line(claimed, 40);
        tracing::debug!(header, body, "the resource header contradicts the body, which decides");
        metrics::counter!("zentry_header_mismatch_total").increment(1);
    }
    decided
}

// === the wire ===

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    action: Text,
    #[serde(deserialize_with = "lenient")]
    installation: Option<Installation>,
    data: Data,
    #[serde(deserialize_with = "lenient")]
    actor: Option<Named>,
}

impl Envelope {
    fn installation_uuid(&self) -> Option<&str> {
        self.installation.as_ref()?.uuid.get()
    }

    /// Who did it, if it was a person: Sentry itself and every integration are of type `application`.
    fn person(&self) -> Option<String> {
        self.actor.as_ref().filter(|actor| actor.kind.get() == Some("user"))?.name.kept()
    }
}

/// One part of a body.
#[derive(Default, Deserialize)]
#[serde(default, bound = "T: Default + Deserialize<'de>")]
struct Only<T> {
    data: T,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(deserialize_with = "lenient")]
    installation: Option<Installation>,
    issue: Option<wire::Issue>,
    event: Option<Occurrence>,
    assignee: Holder,
    resolution_type: Text,
    triggered_rule: Text,
    #[serde(deserialize_with = "lenient")]
    issue_alert: Option<IssueAlert>,
    error: Option<Occurrence>,
    metric_alert: Option<MetricAlert>,
    description_title: Text,
    description_text: Text,
    web_url: Text,
    activity: Option<IgnoredAny>,
    #[serde(deserialize_with = "lenient")]
    alert: Option<Named>,
    comment: Text,
    issue_id: Text,
    project_slug: Text,
    timestamp: Text,
    comment_id: Text,
    run_id: Text,
    group_id: Text,
    #[serde(rename = "buildId")]
    build_id: Text,
}

impl Data {
    /// In what an issue was resolved; old servers say no more than this (Sentry, issue).
    fn fix(&self) -> Option<Fix> {
        match self.resolution_type.get()? {
            "in_next_release" => Some(Fix::In(Release::Next)),
            "in_commit" | "with_commit" => Some(Fix::Commit),
            _ => None,
        }
    }

    fn rule(&self) -> Option<String> {
        self.triggered_rule.kept().or_else(|| self.issue_alert.as_ref()?.title.kept())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Installation {
    uuid: Text,
    code: Text,
    #[serde(deserialize_with = "lenient")]
    organization: Option<wire::Organization>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IssueAlert {
    title: Text,
}

/// The single event that made an alert fire.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Occurrence {
    event_id: Text,
    issue_id: Text,
    project: Text,
    title: Text,
    message: Text,
    culprit: Text,
    level: Text,
    environment: Text,
    release: Text,
    #[serde(deserialize_with = "lenient")]
    tags: Option<Vec<Tag>>,
    #[serde(deserialize_with = "lenient")]
    metadata: Option<Metadata>,
    /// Where in the application's own code.
    #[serde(deserialize_with = "frame::of_exception")]
    exception: Option<String>,
    url: Text,
    web_url: Text,
    issue_url: Text,
}

impl Occurrence {
    fn issue_id(&self) -> Option<IssueId> {
        let in_address = || [&self.issue_url, &self.web_url].into_iter().find_map(|url| address::issue_in(url.get()?));
        self.issue_id.get().and_then(address::issue_id).or_else(in_address)
    }

    fn project(&self, own: Option<&OrgSlug>) -> ProjectKey {
        let named = self.url.get().and_then(address::project_in);
        let (org, slug) = named.map_or((None, None), |(org, slug)| (Some(org), Some(slug)));
        let in_address = || [&self.web_url, &self.issue_url].into_iter().find_map(|url| address::org_in(url.get()?));
        ProjectKey { org: org.or_else(in_address).or_else(|| own.cloned()), id: self.project.project_id(), slug }
    }

    fn tag(&self, name: &str) -> Option<&Text> {
        self.tags.iter().flatten().find_map(|tag| tag.named(name))
    }

    /// What filters ask for; `None` where it does not tell its tags, and so perhaps not its environment.
    fn occurrence(&self) -> Option<zentry_domain::Occurrence> {
        let tags = self.tags.as_ref()?;
        Some(wire::occurrence(tags, self.environment.kept(), self.release.kept()))
    }

    fn shown(&self) -> Issue {
        let tagged = |text: &Text, name| text.kept().or_else(|| self.tag(name)?.kept());
        let title = wire::title(&self.title, self.metadata.as_ref());
        Issue {
            title: if title.is_empty() { self.message.kept().unwrap_or_default() } else { title },
            culprit: self.culprit.kept(),
            frame: self.exception.clone(),
            level: tagged(&self.level, "level").map(|word| Level::from_word(&word)),
            release: tagged(&self.release, "release"),
            environment: tagged(&self.environment, "environment"),
            ..Issue::default()
        }
    }
}

pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body)
        .or_else(|error| match without_lone_surrogates(body) {
            Cow::Owned(repaired) => serde_json::from_slice(&repaired),
            Cow::Borrowed(_) => Err(error),
        })
        .map_err(|error| {
            let what = match error.classify() {
                Category::Data => "JSON of another shape than expected",
                Category::Eof => "JSON that ends early",
                Category::Syntax | Category::Io => "not JSON",
            };
            // The error itself would quote the body.
            Unreadable(format!("{what}, at line {} column {}", error.line(), error.column()))
        })
}

/// JavaScript cuts strings between the halves of a character, and Python writes down what it got: half a character as
/// an escape, which no string of ours can hold. U+FFFD takes its place, so that the event is not lost for its title.
fn without_lone_surrogates(body: &[u8]) -> Cow<'_, [u8]> {
    let mut repaired = Cow::Borrowed(body);
    let mut at = 0;
    while at < body.len() {
        if body[at] != b'\\' {
            at += 1;
            continue;
        }
        match (escaped_unit(body, at), escaped_unit(body, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                repaired.to_mut()[at..at + 6].copy_from_slice(br"\ufffd");
                at += 6;
            }
            // An escaped backslash does not begin another escape.
            _ => at += 2,
        }
    }
    repaired
}

/// The UTF-16 unit of `\uXXXX` at `at`.
fn escaped_unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(br"\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(body: &str) -> String {
        String::from_utf8(without_lone_surrogates(body.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn halves_of_characters_are_replaced_and_whole_ones_are_kept() {
        for (body, expected) in [
            (r#""a \ud83d\ude00 b""#, r#""a \ud83d\ude00 b""#),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\uD83Dx""#, r#""\ufffdx""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\u00e9\"\n""#, r#""\u00e9\"\n""#),
            (r#""\ud8"#, r#""\ud8"#),
            ("\"\\", "\"\\"),
        ] {
            assert_eq!(repaired(body), expected, "{body}");
        }
    }

    #[test]
    fn the_body_decides_the_resource_and_the_header_only_where_several_fit() {
        let data = |json: &str| serde_json::from_str::<Data>(json).unwrap();
        let issue = data(r#"{"issue":{"id":"1"}}"#);
        for claimed in [None, Some("issue"), Some("installation"), Some("comment"), Some("nonsense")] {
            assert_eq!(resource(&issue, claimed), Some("issue"), "{claimed:?}");
        }
        let activity = data(r#"{"issue":{"id":"1"},"activity":{"type":"x"}}"#);
        for claimed in [None, Some("issue"), Some("comment")] {
            assert_eq!(resource(&activity, claimed), Some("activity_alert"), "{claimed:?}");
        }
        let both = data(r#"{"issue":{"id":"1"},"comment_id":7}"#);
        assert_eq!(resource(&both, None), Some("comment"));
        assert_eq!(resource(&both, Some("issue")), Some("issue"));
        assert_eq!(resource(&both, Some("seer")), Some("comment"));
        assert_eq!(resource(&data("{}"), Some("issue")), None);
    }
}
