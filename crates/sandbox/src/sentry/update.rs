//! Which updates of an issue Sentry takes, and what they change (Sentry, update an issue).

use serde_json::{Map, Value};

use super::{
    issue::{Assignee, Issue, Standing, Writer},
    refusal::invalid,
    state::State,
};
use crate::http::Answer;

/// Windows of archive conditions are at most a week, in minutes.
const LONGEST_WINDOW: u64 = 10_080;

/// A change that has passed every check.
#[derive(Debug, Default)]
pub(super) struct Update {
    pub(super) standing: Option<(Standing, &'static str)>,
    pub(super) assignee: Option<Option<Assignee>>,
    pub(super) priority: Option<String>,
}

/// What an update did that Sentry tells others about: the action, and what its webhook carries beside the issue.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) action: &'static str,
    pub(super) extra: Option<(&'static str, Value)>,
}

/// Reads the body of a PUT. Keys that Sentry does not know are ignored, as Sentry does.
pub(super) fn parse(body: &Map<String, Value>, issue: &Issue, state: &State) -> Result<Update, Answer> {
    let standing = body.get("status").map(|status| standing(status, body, issue, state)).transpose()?;
    let assignee = body.get("assignedTo").map(|to| assignee(to, issue, state)).transpose()?;
    let priority = body.get("priority").map(priority).transpose()?;
    Ok(Update { standing, assignee, priority })
}

/// Applies a change and says what others hear of it: nothing where nothing is different.
pub(super) fn apply(issue: &mut Issue, update: Update, writer: Writer<'_>) -> Vec<Told> {
    let mut told = Vec::new();
    if let Some((standing, resolution)) = update.standing.filter(|(standing, _)| *standing != issue.standing) {
        issue.standing = standing;
        told.push(match issue.standing.status {
            "resolved" => Told { action: "resolved", extra: Some(("resolution_type", resolution.into())) },
            "ignored" => Told { action: "ignored", extra: None },
            _ => Told { action: "unresolved", extra: None },
        });
    }
    if let Some(assignee) = update.assignee.filter(|assignee| *assignee != issue.assignee) {
        issue.assignee = assignee;
        // Nobody hears of an issue that is taken away from somebody.
        told.extend(assignee.map(|to| Told { action: "assigned", extra: Some(("assignee", writer.assignee(to))) }));
    }
    issue.priority = update.priority.unwrap_or_else(|| issue.priority.clone());
    told
}

fn standing(
    status: &Value,
    body: &Map<String, Value>,
    issue: &Issue,
    state: &State,
) -> Result<(Standing, &'static str), Answer> {
    let empty = Map::new();
    let details = match body.get("statusDetails") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(details)) => details,
        Some(_) => return Err(invalid("statusDetails", "Expected a dictionary of items.")),
    };
    let substatus = body.get("substatus").filter(|value| !value.is_null());
    match status.as_str() {
        Some("resolved") => resolved(details, issue, state),
        Some("resolvedInNextRelease") => in_next_release(issue, state),
        Some("unresolved") => unresolved(substatus),
        Some("ignored") => archived(substatus, details),
        _ => Err(invalid("status", &format!("{status} is not a valid choice."))),
    }
}

fn resolved(details: &Map<String, Value>, issue: &Issue, state: &State) -> Result<(Standing, &'static str), Answer> {
    let Some((name, value)) = details.iter().next() else {
        return Ok((standing_of("resolved", None, Map::new()), "now"));
    };
    if details.len() > 1 {
        return Err(invalid("statusDetails", "Only one kind of resolution is possible."));
    }
    match (name.as_str(), value) {
        ("inNextRelease", Value::Bool(true)) => in_next_release(issue, state),
        ("inRelease", Value::String(version)) => in_release(version, issue, state),
        ("inCommit", Value::Object(commit)) if commit.contains_key("commit") && commit.contains_key("repository") => {
            Ok((standing_of("resolved", None, details.clone()), "in_commit"))
        }
        _ => Err(invalid("statusDetails", &format!("{name} is not valid here."))),
    }
}

fn in_next_release(issue: &Issue, state: &State) -> Result<(Standing, &'static str), Answer> {
    if state.releases(issue.project).is_empty() {
        let text = "No release data present in the system to form a basis for 'Next Release'";
        return Err(invalid("statusDetails", text));
    }
    Ok((standing_of("resolved", None, one("inNextRelease", true.into())), "in_next_release"))
}

fn in_release(version: &str, issue: &Issue, state: &State) -> Result<(Standing, &'static str), Answer> {
    let releases = state.releases(issue.project);
    let found = if version == "latest" { releases.last() } else { releases.iter().find(|known| *known == version) };
    let unknown = || invalid("statusDetails", "Unable to find a release with the given version.");
    let found = found.ok_or_else(unknown)?;
    Ok((standing_of("resolved", None, one("inRelease", found.as_str().into())), "in_release"))
}

fn unresolved(substatus: Option<&Value>) -> Result<(Standing, &'static str), Answer> {
    let known = ["ongoing", "new", "escalating", "regressed"];
    let substatus = one_of(substatus, &known)?.unwrap_or("ongoing");
    Ok((standing_of("unresolved", Some(substatus), Map::new()), ""))
}

fn archived(substatus: Option<&Value>, details: &Map<String, Value>) -> Result<(Standing, &'static str), Answer> {
    let known = ["archived_until_escalating", "archived_until_condition_met", "archived_forever"];
    let substatus = one_of(substatus, &known)?;
    for (name, value) in details {
        let most = match name.as_str() {
            "ignoreCount" | "ignoreUserCount" | "ignoreDuration" => u64::MAX,
            "ignoreWindow" | "ignoreUserWindow" => LONGEST_WINDOW,
            _ => return Err(invalid("statusDetails", &format!("{name} is not valid here."))),
        };
        if !value.as_u64().is_some_and(|value| (1..=most).contains(&value)) {
            return Err(invalid("statusDetails", &format!("{name} is out of range.")));
        }
    }
    let default = if details.is_empty() { "archived_forever" } else { "archived_until_condition_met" };
    Ok((standing_of("ignored", Some(substatus.unwrap_or(default)), details.clone()), ""))
}

fn one_of(value: Option<&Value>, known: &[&'static str]) -> Result<Option<&'static str>, Answer> {
    let Some(value) = value else { return Ok(None) };
    let found = known.iter().find(|name| value == **name);
    found.map(|name| Some(*name)).ok_or_else(|| invalid("substatus", &format!("{value} is not a valid choice.")))
}

fn assignee(to: &Value, issue: &Issue, state: &State) -> Result<Option<Assignee>, Answer> {
    let text = match to {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(invalid("assignedTo", "Unable to determine actor type.")),
    };
    let world = &state.world;
    if let Some(id) = text.strip_prefix("team:") {
        let team = id.parse().ok().and_then(|id| world.team_by_id(id));
        return match team {
            Some(team) if team.projects.contains(&issue.project) => Ok(Some(Assignee::Team(team.id))),
            _ => Err(invalid("assignedTo", "Cannot assign to a team without access to the project")),
        };
    }
    let wanted = text.strip_prefix("user:").unwrap_or(&text);
    let user =
        world.users.iter().find(|user| user.id.to_string() == wanted || user.email == wanted || user.name == wanted);
    match user {
        Some(user) if world.is_on_project(user.id, issue.project) => Ok(Some(Assignee::User(user.id))),
        _ => Err(invalid("assignedTo", "Cannot assign to non-team member")),
    }
}

fn priority(value: &Value) -> Result<String, Answer> {
    let known = value.as_str().filter(|name| ["low", "medium", "high"].contains(name));
    known.map(str::to_owned).ok_or_else(|| invalid("priority", &format!("{value} is not a valid choice.")))
}

pub(super) fn standing_of(
    status: &'static str,
    substatus: Option<&'static str>,
    details: Map<String, Value>,
) -> Standing {
    Standing { status, substatus, details }
}

fn one(name: &str, value: Value) -> Map<String, Value> {
    std::iter::once((name.to_owned(), value)).collect()
}
