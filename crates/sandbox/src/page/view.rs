//! What the page shows, as JSON: one part for each place of it that changes by itself.

use std::future::Future;

use serde_json::{Map, Value, json};

use super::Stage;
use crate::{
    sentry::Shown,
    wire::{Direction, Entry, Service},
    zoom::{Message, Person, Place, Spoken},
};

/// Older messages of a place, requests and issues are not shown.
const MESSAGES: usize = 120;
const REQUESTS: usize = 80;
const ISSUES: usize = 60;

type Part = fn(&Stage, &str) -> Value;

/// Every part and its name.
pub(super) const PARTS: [(&str, Part); 5] =
    [("chat", chat), ("sentry", sentry), ("wire", wire), ("bot", bot), ("stage", stage)];

/// Every part at once.
pub(super) fn whole(stage: &Stage, viewer: &str) -> Map<String, Value> {
    PARTS.iter().map(|(name, part)| ((*name).to_owned(), part(stage, viewer))).collect()
}

/// Ends with the next change of anything that is shown, counted from this call.
pub(super) fn changed(stage: &Stage) -> impl Future<Output = ()> + Send {
    let (zoom, sentry) = (stage.sandbox.zoom.changed(), stage.sandbox.sentry.changed());
    let (wire, meter) = (stage.sandbox.wire.changed(), stage.meter.changed());
    let (outages, story) = (stage.outages.changed(), stage.story.changed());
    async move {
        tokio::select! {
            () = zoom => {}
            () = sentry => {}
            () = wire => {}
            () = meter => {}
            () = outages => {}
            () = story => {}
        }
    }
}

// === Zoom ===

fn chat(stage: &Stage, viewer: &str) -> Value {
    let me = stage.person(viewer);
    let people = stage
        .roles()
        .map(|role| json!({ "key": role.key, "name": role.person.name, "about": role.about, "me": role.person == me }));
    let places: Vec<_> = stage
        .places(me)
        .into_iter()
        .map(|(key, place)| {
            let name = if key == "direct" { "Sentry" } else { place.name() };
            json!({ "key": key, "name": name, "messages": messages(stage, me, &place) })
        })
        .collect();
    json!({ "people": people, "places": places })
}

fn messages(stage: &Stage, me: &Person, place: &Place) -> Vec<Value> {
    let zoom = &stage.sandbox.zoom;
    let spoken = zoom.spoken(place, me);
    let spoken = spoken.iter().map(|spoken| (spoken.sent_ms, of_person(spoken, me)));
    let by_bot = zoom.messages(place, me);
    let by_bot = by_bot.iter().map(|message| (message.sent_ms, of_bot(message)));
    let mut all: Vec<_> = spoken.chain(by_bot).collect();
    all.sort_by_key(|(sent_ms, _)| *sent_ms);
    all.drain(..all.len().saturating_sub(MESSAGES));
    all.into_iter().map(|(_, message)| message).collect()
}

fn of_person(spoken: &Spoken, me: &Person) -> Value {
    json!({
        "id": spoken.id,
        "at": spoken.sent_ms,
        "name": spoken.person.name,
        "mine": spoken.person == *me,
        "text": spoken.text,
        "thread": spoken.thread,
        "private": spoken.is_command,
    })
}

fn of_bot(message: &Message) -> Value {
    json!({
        "id": message.id,
        "at": message.sent_ms,
        "content": message.content,
        "markdown": message.markdown,
        "edited": message.history.len(),
        "thread": message.reply_to,
        "private": message.visible_to.is_some(),
        "unfurls": message.unfurls,
    })
}

// === Sentry ===

fn sentry(stage: &Stage, _: &str) -> Value {
    let sentry = &stage.sandbox.sentry;
    let organizations = sentry.projects().into_iter().map(|(organization, projects)| {
        let projects = projects.iter().map(|project| json!({ "id": project.id, "slug": project.slug }));
        json!({ "slug": organization.slug, "name": organization.name, "projects": projects.collect::<Vec<_>>() })
    });
    let people = sentry.users().into_iter().map(|user| json!({ "id": user.id, "name": user.name }));
    let all = sentry.shown();
    let issues = all.iter().rev().take(ISSUES).map(of_issue);
    json!({
        "organizations": organizations.collect::<Vec<_>>(),
        "people": people.collect::<Vec<_>>(),
        "total": all.len(),
        "issues": issues.collect::<Vec<_>>(),
    })
}

fn of_issue(issue: &Shown) -> Value {
    let comments = issue.comments.iter().map(|comment| json!({ "author": comment.author, "text": comment.text }));
    json!({
        "id": issue.id,
        "short_id": issue.short_id,
        "title": issue.title,
        "culprit": issue.culprit,
        "level": issue.level,
        "organization": issue.organization,
        "project": issue.project,
        "status": issue.status,
        "substatus": issue.substatus,
        "assignee": issue.assignee,
        "count": issue.count,
        "environment": issue.environment,
        "release": issue.release,
        "comments": comments.collect::<Vec<_>>(),
        "url": issue.url,
    })
}

// === the wire and the bot ===

fn wire(stage: &Stage, _: &str) -> Value {
    let (total, entries) = stage.sandbox.wire.tail(REQUESTS);
    let first = total - entries.len();
    // What the sandbox's own browser does at Sentry is told by Sentry.
    let is_told_twice = |entry: &Entry| entry.service == Service::Browser && is_for_browsers(entry);
    let numbered = entries.iter().enumerate().filter(|(_, entry)| !is_told_twice(entry));
    let entries = numbered.map(|(index, entry)| of_entry(first + index, entry));
    json!({ "total": total, "entries": entries.collect::<Vec<_>>() })
}

fn of_entry(number: usize, entry: &Entry) -> Value {
    let service = match entry.service {
        Service::Zoom => "Zoom",
        Service::Sentry => "Sentry",
        Service::Browser => "Browser",
    };
    let is_webhook = entry.direction == Direction::Sent && entry.service != Service::Browser;
    let signature = match entry.status {
        Some(401) if is_webhook => "refused",
        Some(200..300) if is_webhook => "good",
        _ => "",
    };
    let (from, to) = match entry.direction {
        Direction::Sent => (service, "bot"),
        Direction::Received if is_for_browsers(entry) => ("Browser", service),
        Direction::Received => ("bot", service),
    };
    json!({
        "number": number,
        "at": entry.at_ms,
        "from": from,
        "to": to,
        "method": entry.method,
        "path": entry.path,
        "about": if entry.about.is_empty() { about(entry) } else { &entry.about },
        "status": entry.status,
        "verdict": entry.verdict,
        "signature": signature,
        "ms": u64::try_from(entry.took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// Whether it is one of Sentry's pages, which the bot never opens.
fn is_for_browsers(entry: &Entry) -> bool {
    const PAGES: [&str; 4] = ["/oauth/authorize/", "/auth/", "/organizations/", "/_static/"];
    PAGES.iter().any(|page| entry.path.starts_with(page))
}

/// What a call of the bot is for.
fn about(entry: &Entry) -> &'static str {
    let path = entry.path.as_str();
    match (entry.service, entry.direction, entry.method.as_str()) {
        (Service::Zoom, Direction::Received, "POST") if path == "/v2/im/chat/messages" => "a message",
        (Service::Zoom, Direction::Received, "PUT") => "an edit",
        (Service::Zoom, Direction::Received, "DELETE") => "takes a message away",
        (Service::Zoom | Service::Sentry, Direction::Received, "POST") if path.starts_with("/oauth/token") => "a token",
        (Service::Sentry, Direction::Received, "PUT") => "changes the issue",
        (Service::Sentry, Direction::Received, "GET") if path.contains("/issues/") => "reads the issue",
        _ => "",
    }
}

fn bot(stage: &Stage, _: &str) -> Value {
    stage.meter.read(super::meter::Meter::to_json)
}

fn stage(stage: &Stage, _: &str) -> Value {
    json!({
        "pace": stage.sandbox.clock.pace(),
        "bot_url": stage.bot.public_url,
        "outages": stage.outages.read(|outages| json!(outages)),
        "story": stage.story.read(|story| json!(story)),
    })
}
