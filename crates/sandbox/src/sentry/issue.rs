//! One issue, and the ways in which Sentry writes it down.

use serde_json::{Map, Value, json};

use super::world::{Project, World};
use crate::clock::rfc3339;

/// An issue as somebody's application would raise it.
#[derive(Clone, Debug)]
pub struct NewIssue {
    /// `Type: value` for an error.
    pub title: String,
    /// Where it happened; may be empty.
    pub culprit: String,
    /// `sample`, `debug`, `info`, `warning`, `error` or `fatal`.
    pub level: String,
    /// The environment of its event.
    pub environment: Option<String>,
    /// The release of its event; the project has it from then on.
    pub release: Option<String>,
    /// Further tags of its event.
    pub tags: Vec<(String, String)>,
}

impl NewIssue {
    /// An error of level `error` in production, without a release.
    #[must_use]
    pub fn error(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            culprit: "app/main in run".to_owned(),
            level: "error".to_owned(),
            environment: Some("production".to_owned()),
            release: None,
            tags: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assignee {
    User(u64),
    Team(u64),
}

/// A comment on an issue.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) id: u64,
    pub(super) author: Option<u64>,
    pub(super) text: String,
    pub(super) at_ms: i64,
}

/// What is changed by people, integrations and Sentry itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) status: &'static str,
    pub(super) substatus: Option<&'static str>,
    pub(super) details: Map<String, Value>,
}

#[derive(Clone, Debug)]
pub(super) struct Issue {
    pub(super) id: u64,
    pub(super) project: u64,
    pub(super) short_id: String,
    pub(super) new: NewIssue,
    pub(super) standing: Standing,
    pub(super) assignee: Option<Assignee>,
    pub(super) priority: String,
    pub(super) count: u64,
    pub(super) first_seen_ms: i64,
    pub(super) last_seen_ms: i64,
    /// The id of its latest event, 32 hexadecimal digits.
    pub(super) event_id: String,
    /// How it was when it first happened in each environment.
    pub(super) firsts: Vec<Self>,
    pub(super) notes: Vec<Note>,
}

impl Issue {
    /// Keeps its latest event where that is the first in its environment.
    pub(super) fn keep_first(&mut self) {
        let is_known = |first: &Self| first.new.environment == self.new.environment;
        if !self.firsts.iter().any(is_known) {
            let first = Self { firsts: Vec::new(), ..self.clone() };
            self.firsts.push(first);
        }
    }
}

/// What a reader needs to know beside the issue itself.
#[derive(Clone, Copy)]
pub(super) struct Writer<'w> {
    pub(super) world: &'w World,
    /// `http://127.0.0.1:PORT`.
    pub(super) base: &'w str,
}

impl Writer<'_> {
    /// The object that webhooks carry: no addresses, and a permalink that is always null.
    pub(super) fn webhook_issue(&self, issue: &Issue) -> Value {
        Value::Object(self.common(issue, rfc3339))
    }

    /// The object of `issue.created`, which alone has addresses, and writes its times otherwise.
    pub(super) fn created_issue(&self, issue: &Issue) -> Value {
        let mut map = self.common(issue, |at_ms| rfc3339(at_ms).replace('Z', "+00:00"));
        let organization = self.organization_slug(issue);
        let base = self.base;
        let project = issue.project;
        map.insert("url".into(), format!("{base}/api/0/organizations/{organization}/issues/{}/", issue.id).into());
        map.insert("web_url".into(), self.web_url(issue).into());
        let project_url = format!("{base}/organizations/{organization}/issues/?project={project}");
        map.insert("project_url".into(), project_url.into());
        Value::Object(map)
    }

    /// The object of the REST API.
    pub(super) fn rest_issue(&self, issue: &Issue) -> Value {
        let mut map = self.common(issue, rfc3339);
        map.insert("permalink".into(), self.web_url(issue).into());
        for empty in ["activity", "seenBy", "participants", "tags", "pluginActions"] {
            map.insert(empty.into(), json!([]));
        }
        let release = issue.new.release.as_ref().map(|version| json!({ "version": version, "shortVersion": version }));
        map.insert("firstRelease".into(), json!(release));
        map.insert("lastRelease".into(), json!(release));
        Value::Object(map)
    }

    pub(super) fn web_url(&self, issue: &Issue) -> String {
        format!("{}/organizations/{}/issues/{}/", self.base, self.organization_slug(issue), issue.id)
    }

    fn common(&self, issue: &Issue, time: impl Fn(i64) -> String) -> Map<String, Value> {
        let (kind, value) = issue.new.title.split_once(": ").unwrap_or((&issue.new.title, ""));
        let value = json!({
            "id": issue.id.to_string(),
            "shareId": null,
            "shortId": issue.short_id,
            "title": issue.new.title,
            "culprit": issue.new.culprit,
            "permalink": null,
            "logger": null,
            "level": issue.new.level,
            "status": issue.standing.status,
            "statusDetails": issue.standing.details,
            "substatus": issue.standing.substatus,
            "isPublic": false,
            "platform": "javascript",
            "project": self.project(issue.project),
            "type": "error",
            "metadata": { "type": kind, "value": value, "filename": "app/main.js", "function": "run" },
            "numComments": issue.notes.len(),
            "assignedTo": issue.assignee.and_then(|assignee| self.assigned_to(assignee)),
            "isBookmarked": false,
            "isSubscribed": false,
            "subscriptionDetails": null,
            "hasSeen": false,
            "annotations": [],
            "issueType": "error",
            "issueCategory": "error",
            "priority": issue.priority,
            "priorityLockedAt": null,
            "isUnhandled": true,
            "count": issue.count.to_string(),
            "userCount": issue.count.min(3),
            "firstSeen": time(issue.first_seen_ms),
            "lastSeen": time(issue.last_seen_ms),
        });
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// `assignedTo` of an issue: ids as texts.
    fn assigned_to(&self, assignee: Assignee) -> Option<Value> {
        Some(match assignee {
            Assignee::User(id) => {
                let user = self.world.user_by_id(id)?;
                json!({ "type": "user", "id": id.to_string(), "name": user.name, "email": user.email })
            }
            Assignee::Team(id) => {
                json!({ "type": "team", "id": id.to_string(), "name": self.world.team_by_id(id)?.slug })
            }
        })
    }

    /// `assignee` of a webhook: ids as numbers.
    pub(super) fn assignee(&self, assignee: Assignee) -> Value {
        let mut value = self.assigned_to(assignee).unwrap_or_default();
        let (Assignee::User(id) | Assignee::Team(id)) = assignee;
        value["id"] = id.into();
        value
    }

    fn project(&self, id: u64) -> Value {
        let project = self.world.project_by_id(id);
        let whole = |project: &Project| {
            json!({
                "id": project.id.to_string(), "name": project.name, "slug": project.slug, "platform": project.platform
            })
        };
        project.map_or(Value::Null, whole)
    }

    /// The event object of webhooks: snake case, tags as pairs, no slug of the project.
    pub(super) fn webhook_event(&self, issue: &Issue) -> Value {
        let organization = self.organization_slug(issue);
        let (base, event_id) = (self.base, &issue.event_id);
        let project = self.world.project_by_id(issue.project).map_or("", |project| &project.slug);
        let (kind, value) = issue.new.title.split_once(": ").unwrap_or((&issue.new.title, ""));
        json!({
            "event_id": event_id,
            "project": issue.project,
            "platform": "javascript",
            "type": "error",
            "level": issue.new.level,
            "title": issue.new.title,
            "culprit": issue.new.culprit,
            "location": "app/main.js",
            "message": "",
            "datetime": rfc3339(issue.last_seen_ms),
            "timestamp": seconds(issue.last_seen_ms),
            "received": seconds(issue.last_seen_ms),
            "release": issue.new.release,
            "dist": null,
            "environment": issue.new.environment,
            "tags": tags(issue).into_iter().map(|(key, value)| json!([key, value])).collect::<Vec<_>>(),
            "metadata": { "type": kind, "value": value, "filename": "app/main.js", "function": "run" },
            "url": format!("{base}/api/0/projects/{organization}/{project}/events/{event_id}/"),
            "web_url": format!("{}events/{event_id}/", self.web_url(issue)),
            "issue_url": format!("{base}/api/0/organizations/{organization}/issues/{}/", issue.id),
            "issue_id": issue.id.to_string(),
        })
    }

    /// The event object of the REST API: camel case, tags as objects.
    pub(super) fn rest_event(&self, issue: &Issue) -> Value {
        let (kind, value) = issue.new.title.split_once(": ").unwrap_or((&issue.new.title, ""));
        let exception = json!({ "values": [{ "type": kind, "value": value, "stacktrace": { "frames": [] } }] });
        json!({
            "id": issue.event_id,
            "eventID": issue.event_id,
            "groupID": issue.id.to_string(),
            "projectID": issue.project.to_string(),
            "title": issue.new.title,
            "message": "",
            "culprit": issue.new.culprit,
            "platform": "javascript",
            "type": "error",
            "metadata": { "type": kind, "value": value },
            "tags": tags(issue).into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect::<Vec<_>>(),
            "entries": [{ "type": "exception", "data": exception }],
            "release": issue.new.release.as_ref().map(|version| json!({ "version": version })),
            "dateCreated": rfc3339(issue.last_seen_ms),
        })
    }

    fn organization_slug(&self, issue: &Issue) -> &str {
        let project = self.world.project_by_id(issue.project);
        let organization = project.and_then(|project| self.world.organization_by_id(project.organization));
        organization.map_or("", |organization| &organization.slug)
    }
}

fn tags(issue: &Issue) -> Vec<(String, String)> {
    let known = [("environment", &issue.new.environment), ("release", &issue.new.release)];
    let known = known.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
    let level = ("level".to_owned(), issue.new.level.clone());
    std::iter::once(level).chain(known).chain(issue.new.tags.iter().cloned()).collect()
}

#[expect(clippy::cast_precision_loss, reason = "Sentry writes these moments as fractions of a second")]
fn seconds(at_ms: i64) -> f64 {
    at_ms as f64 / 1000.0
}

/// `WEB-7`: the project's slug and a number in Crockford's base 32.
pub(super) fn short_id(slug: &str, mut number: u64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from(DIGITS[usize::try_from(number % 32).unwrap_or_default()]));
        number /= 32;
    }
    format!("{}-{}", slug.to_uppercase(), digits.iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_count_in_base_32() {
        assert_eq!(short_id("web", 7), "WEB-7");
        assert_eq!(short_id("web", 32), "WEB-10");
        assert_eq!(short_id("web", 31), "WEB-Z");
    }
}
