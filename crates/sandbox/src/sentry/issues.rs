//! Reading, searching, commenting and updating issues.

use serde_json::{Value, json};

use super::{
    issue::{Issue, Note},
    refusal::{bad_request, invalid, not_found},
    rest::Rest,
    state::Caller,
    update,
    webhook::Actor,
};
use crate::{clock::rfc3339, http::Answer};

const READ: &[&str] = &["event:read"];
const WRITE: &[&str] = &["event:write", "event:admin"];

impl Rest<'_> {
    pub(super) fn one_issue(&self, organization: &str, id: &str) -> Result<Answer, Answer> {
        let issue = self.issue(organization, id, READ)?;
        Ok(Answer::json(200, &self.writer().rest_issue(issue)))
    }

    pub(super) fn by_short_id(&self, organization: &str, id: &str) -> Result<Answer, Answer> {
        let issue = self.issue(organization, id, READ)?;
        let project = self.state.world.project_by_id(issue.project);
        let body = json!({
            "organizationSlug": organization,
            "projectSlug": project.map(|project| &project.slug),
            "groupId": issue.id.to_string(),
            "group": self.writer().rest_issue(issue),
            "shortId": issue.short_id,
        });
        Ok(Answer::json(200, &body))
    }

    pub(super) fn latest_event(&self, organization: &str, id: &str) -> Result<Answer, Answer> {
        let issue = self.issue(organization, id, READ)?;
        Ok(Answer::json(200, &self.writer().rest_event(issue)))
    }

    /// Of one environment, or of all.
    pub(super) fn oldest_event(&self, organization: &str, id: &str) -> Result<Answer, Answer> {
        let issue = self.issue(organization, id, READ)?;
        let asked = self.request.query_value("environment");
        let is_asked = |first: &&Issue| asked.is_none() || first.new.environment == asked;
        let first = issue.firsts.iter().find(is_asked);
        let first = first.ok_or_else(|| not_found("no event of the issue in that environment"))?;
        Ok(Answer::json(200, &self.writer().rest_event(first)))
    }

    pub(super) fn update_issue(&mut self, organization: &str, id: &str) -> Result<Answer, Answer> {
        let body = self.body()?;
        let issue = self.issue(organization, id, WRITE)?;
        let (id, update) = (issue.id, update::parse(&body, issue, self.state)?);
        let told = self.state.update(id, update, self.base);
        let actor = self.actor();
        self.fired.extend(self.state.issue_hooks(id, told, &actor, self.base));
        let issue = self.issue(organization, &id.to_string(), WRITE)?;
        Ok(Answer::json(200, &self.writer().rest_issue(issue)))
    }

    pub(super) fn notes(&self, organization: &str, id: &str) -> Result<Answer, Answer> {
        let issue = self.issue(organization, id, READ)?;
        let notes: Vec<_> = issue.notes.iter().map(|note| self.described_note(note)).collect();
        self.page(&notes, "per_page")
    }

    pub(super) fn add_note(&mut self, organization: &str, id: &str) -> Result<Answer, Answer> {
        let body = self.body()?;
        let id = self.issue(organization, id, WRITE)?.id;
        let text = body.get("text").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| invalid("text", "This field is required."))?.to_owned();
        let author = match self.caller() {
            Caller::User(user) => Some(user),
            _ => None,
        };
        let note = Note { id: self.state.new_note_id(), author, text, at_ms: self.now_ms };
        let described = self.described_note(&note);
        let actor = self.actor();
        self.fired.extend(self.state.comment(id, note, &actor));
        Ok(Answer::json(201, &described))
    }

    fn actor(&self) -> Actor {
        let user = match self.caller() {
            Caller::User(id) => self.state.world.user_by_id(id).cloned(),
            _ => None,
        };
        user.map_or(Actor::App, Actor::User)
    }

    fn described_note(&self, note: &Note) -> Value {
        let user = note.author.and_then(|id| self.state.world.user_by_id(id));
        json!({
            "id": note.id.to_string(),
            "type": "note",
            "user": user.map(|user| json!({ "id": user.id.to_string(), "name": user.name, "email": user.email })),
            "data": { "text": note.text },
            "dateCreated": rfc3339(note.at_ms),
        })
    }

    /// Search by project, state, level and time; newest first.
    pub(super) fn search(&self, organization: &str) -> Result<Answer, Answer> {
        let organization = self.organization(organization, READ)?;
        let query = self.request.query_value("query").unwrap_or_else(|| "is:unresolved".to_owned());
        let terms =
            query.split_whitespace().map(|term| Term::parse(term, self.now_ms)).collect::<Result<Vec<_>, _>>()?;
        let pairs = self.request.query_pairs();
        let projects: Vec<_> = pairs.iter().filter(|(name, _)| name == "project").map(|(_, id)| id.as_str()).collect();
        let in_projects = |issue: &Issue| {
            projects.is_empty() || projects.contains(&"-1") || projects.contains(&issue.project.to_string().as_str())
        };
        let inside =
            |issue: &Issue| self.state.organization_of(issue.project).is_some_and(|of| of.id == organization.id);
        let mut found: Vec<_> = self.state.issues.iter().filter(|issue| inside(issue) && in_projects(issue)).collect();
        found.retain(|issue| terms.iter().all(|term| term.fits(issue)));
        let by_first = self.request.query_value("sort").as_deref() == Some("new");
        found.sort_by_key(|issue| std::cmp::Reverse(if by_first { issue.first_seen_ms } else { issue.last_seen_ms }));
        let found: Vec<_> = found.into_iter().map(|issue| self.writer().rest_issue(issue)).collect();
        self.page(&found, "limit")
    }
}

/// One term of a search.
enum Term {
    Status(&'static str),
    Level(String),
    FirstSeenAfter(i64),
    LastSeenAfter(i64),
    Title(String),
}

impl Term {
    fn parse(term: &str, now_ms: i64) -> Result<Self, Answer> {
        let unclear = || bad_request(&format!("Error parsing search query: {term}"));
        Ok(match term.split_once(':') {
            None => Self::Title(term.to_lowercase()),
            Some(("is", "unresolved")) => Self::Status("unresolved"),
            Some(("is", "resolved")) => Self::Status("resolved"),
            Some(("is", "ignored" | "archived")) => Self::Status("ignored"),
            Some(("level", level)) => Self::Level(level.to_owned()),
            Some(("firstSeen", at)) => Self::FirstSeenAfter(moment(at, now_ms).ok_or_else(unclear)?),
            Some(("lastSeen", at)) => Self::LastSeenAfter(moment(at, now_ms).ok_or_else(unclear)?),
            Some(_) => return Err(unclear()),
        })
    }

    fn fits(&self, issue: &Issue) -> bool {
        match self {
            Self::Status(status) => issue.standing.status == *status,
            Self::Level(level) => issue.new.level == *level,
            Self::FirstSeenAfter(at_ms) => issue.first_seen_ms > *at_ms,
            Self::LastSeenAfter(at_ms) => issue.last_seen_ms > *at_ms,
            Self::Title(part) => issue.new.title.to_lowercase().contains(part),
        }
    }
}

/// `>2026-01-02T03:00:00` (UTC), `>=…`, or `-2h`, `-30m`, `-7d` for "within".
fn moment(text: &str, now_ms: i64) -> Option<i64> {
    if let Some(age) = text.strip_prefix('-') {
        let (number, unit) = age.split_at_checked(age.len().checked_sub(1)?)?;
        let unit_ms = match unit {
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        return Some(now_ms - number.parse::<i64>().ok()? * unit_ms);
    }
    let written = text.strip_prefix('>')?.trim_start_matches('=');
    let zoned = written.ends_with('Z') || written.get(10..).is_some_and(|time| time.contains(['+', '-']));
    let zoned = if zoned { written.to_owned() } else { format!("{written}Z") };
    zoned.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_a_search_are_absolute_or_relative() {
        assert_eq!(moment(">1970-01-01T00:00:10", 0), Some(10_000));
        assert_eq!(moment(">=1970-01-01T00:00:10Z", 0), Some(10_000));
        assert_eq!(moment("-2h", 7_200_000), Some(0));
        assert_eq!(moment("yesterday", 0), None);
        assert_eq!(moment("-", 0), None);
    }
}
