//! Help, and what is connected where.

use std::time::Duration;

use super::errors::span;
use super::{BUTTON, linked_as, name, on_button, slash, some_of};
use crate::command::{COMMANDS, FILTERS, Spec, Topic};
use crate::decide::{SaidFacts, StatusFacts, TestFacts};
use crate::text::counted;
use crate::{
    Deployment, EVERY, Kind, LinkedPerson, Notice, Offered, OrgSlug, Pending, Person, Place, Pulse, Rights,
    Subscription, Timestamp, Whole, Zone,
};

/// More would not fit a card.
const MOST_ROWS: usize = 20;
/// A message has room for five buttons.
const EDITED: usize = 3;

/// What can be typed, and what is connected here.
pub fn help(deployment: &Deployment, here: &[Subscription], linked: Option<&LinkedPerson>) -> Notice {
    let mut notice = Notice::text("Sentry for this channel");
    for spec in COMMANDS {
        notice = notice.line(format!("{} · {}", usage(deployment, spec), spec.summary));
    }
    notice = notice.line("Names with spaces: \"My Org\" \"Web App\".");
    let last = if here.is_empty() {
        format!("Nothing connected here yet. Start with: {}", slash(deployment, "connect <org> <project>"))
    } else {
        let projects: Vec<_> = here.iter().map(|s| format!("{}/{}", s.project.org, s.project.slug)).collect();
        format!("Here now: {} ({}).", some_of(projects.iter().map(String::as_str)), projects.len())
    };
    let notice = notice.line([Some(last), linked_as(linked)].into_iter().flatten().collect::<Vec<_>>().join(" "));
    if here.is_empty() { notice } else { notice.offer("Configure", "configure") }
}

/// One command, with examples, or the filters.
pub fn help_topic(deployment: &Deployment, topic: Topic) -> Notice {
    match topic {
        Topic::Command(spec) => help_command(deployment, spec),
        Topic::Filters => {
            let filters = FILTERS.iter().fold(Notice::text("Filters"), |notice, key| {
                notice.line(format!("{}: {} ({})", key.name, key.meaning, key.values))
            });
            filters.line("key:a,b means any of these, several keys mean all of them, -key:a means none of these.").line(
                format!("For example: {}", slash(deployment, "configure acme checkout level:warning -title:timeout")),
            )
        }
    }
}

fn help_command(deployment: &Deployment, spec: &Spec) -> Notice {
    let notice = Notice::text(usage(deployment, spec)).line(spec.details);
    let examples: Vec<_> = spec.examples.iter().map(|example| slash(deployment, example)).collect();
    notice.line(format!("For example: {}", examples.join(" · ")))
}

/// This channel's projects.
pub fn configure(deployment: &Deployment, place: &Place, facts: &SaidFacts, now: Timestamp) -> Notice {
    let (here, wholes) = (&facts.here, &facts.wholes);
    if here.is_empty() && wholes.is_empty() {
        return Notice::text(format!("{} gets nothing yet", super::capital(&place.label())))
            .line(format!("Start with: {}", slash(deployment, "connect <org> <project>")));
    }
    let head = format!("{} gets {}", super::capital(&place.label()), counted(here.len() as u64, "project"));
    let notice = wholes.iter().fold(Notice::text(head), |notice, whole| notice.line(row_of_all(whole, here)));
    // What is as everywhere in its organization is told by one row.
    let is_told = |s: &&Subscription| {
        let whole = wholes.iter().find(|whole| whole.org == s.project.org);
        whole.is_some_and(|whole| whole.filter == s.filter && s.muted(now).is_none())
    };
    let own: Vec<_> = here.iter().filter(|s| !is_told(s)).collect();
    let notice = own.iter().take(MOST_ROWS).fold(notice, |notice, s| notice.line(row(s, now)));
    let notice = match own.len() > MOST_ROWS {
        true => notice.line(format!("Showing {MOST_ROWS} of {}.", own.len())),
        false => notice,
    };
    let unplaced = |s: &&Subscription| facts.unplaced.contains(&s.project.id) && s.filter.events.contains(&Kind::New);
    let unplaced: Vec<_> = here.iter().filter(unplaced).map(|s| s.project.label()).collect();
    let notice = match unplaced.as_slice() {
        [] => notice,
        labels => notice.line(format!(
            "Not told what is new in an environment only: {}. Sentry has sent no single event yet; an alert rule there that \
             notifies this integration sends some.",
            some_of(labels.iter().map(String::as_str))
        )),
    };
    let edit = |notice: Notice, s: &&Subscription| {
        let label = format!("Edit {}/{}", s.project.org, s.project.slug);
        // What tells long names apart is the project.
        let label = if label.len() > BUTTON { format!("Edit {}", s.project.slug) } else { label };
        notice.suggest(on_button(&label), Offered::Project(s.project.id.clone()))
    };
    let notice = own.iter().take(EDITED).fold(notice.line(facts.settings.in_words()), edit);
    notice.suggest("Channel settings", Offered::Settings).offer("Mute 1 h", "mute 1h")
}

/// How a channel is.
pub fn status(
    place: &Place,
    here: &[Subscription],
    status: &StatusFacts,
    linked: Option<&LinkedPerson>,
    (now, zone): (Timestamp, Zone),
) -> Notice {
    let head = format!("{}{}", super::capital(&place.label()), state(here, status, (now, zone)));
    let last = status.pulses.iter().filter_map(|pulse| pulse.last).max();
    let last = last.map_or_else(|| "No event yet".into(), |at| format!("Last event {}", at.day_and_clock(zone)));
    let notice = Notice::text(head);
    let notice = match &status.paused {
        Some(pause) => notice
            .line(format!("{}. I try once an hour and go on by myself.", crate::text::line(&pause.why, 200)))
            .suggest("Resume", Offered::Resume(place.clone())),
        None => notice,
    };
    let notice = notice.line(format!("{last} · {} waiting · {} failed in 24 h", status.waiting, status.failed));
    let notice = status.pulses.iter().fold(notice, |notice, pulse| notice.line(heard_from(pulse, now)));
    linked_as(linked).into_iter().fold(notice, Notice::line)
}

/// How each hop of a test went.
pub fn tested(
    facts: &TestFacts,
    left_out: &[&Subscription],
    took: Duration,
    failed: Option<&str>,
    now: Timestamp,
) -> Notice {
    let muted = facts.here.iter().filter(|s| s.muted(now).is_some()).count();
    let filters = match (facts.here.len(), left_out.len(), muted) {
        (0, ..) => "nothing connected".to_owned(),
        (all, _, muted) if muted == all => "everything is muted".into(),
        (_, 0, 0) => "filters ok".into(),
        (_, out, 0) => format!("filters leave a new error out of {}", counted(out as u64, "project")),
        (_, _, muted) => format!("{} muted", counted(muted as u64, "project")),
    };
    let limit = if facts.storm { "a storm is on: single cards are paused" } else { "limit ok" };
    let seconds = format!("{:.1} s", took.as_secs_f64());
    let notice = match failed {
        None => Notice::text(format!(
            "Test sent through the real path: received ok · {filters} · {limit} · Zoom ok ({seconds})."
        ))
        .line("You should see a card marked TEST."),
        Some(why) => Notice::text(format!(
            "Test failed: received ok · {filters} · {limit} · Zoom: {}.",
            crate::text::line(why, 200)
        )),
    };
    let notice = left_out
        .iter()
        .fold(notice, |notice, s| notice.line(format!("{} gets: {}.", s.project.label(), s.filter.in_words())));
    facts.status.pulses.iter().fold(notice, |notice, pulse| notice.line(heard_from(pulse, now)))
}

/// The worst that can be said of a channel.
fn state(here: &[Subscription], status: &StatusFacts, (now, zone): (Timestamp, Zone)) -> String {
    let silent = status.pulses.iter().find(|pulse| pulse.told || pulse.silence(now).is_some());
    match (&status.paused, silent) {
        (Some(pause), _) => format!(" is paused since {}", pause.since.day_and_clock(zone)),
        (None, _) if here.is_empty() => " gets nothing yet".into(),
        (None, _) if status.failed > 0 => format!(": {} could not be sent", counted(status.failed, "message")),
        (None, _) if here.iter().all(|s| s.muted(now).is_some()) => ": everything is muted".into(),
        (None, Some(pulse)) if pulse.silence(now).is_none() => format!(": webhooks of {} are missing", pulse.org),
        (None, Some(pulse)) => format!(": {} is silent for longer than usual", pulse.org),
        (None, None) if status.waiting > 0 => format!(": {} on the way", counted(status.waiting, "message")),
        (None, None) if status.pulses.iter().all(|pulse| pulse.last.is_none()) => ": no event has come yet".into(),
        (None, None) => ": all good".into(),
    }
}

/// How the webhooks of an organization come in.
fn heard_from(pulse: &Pulse, now: Timestamp) -> String {
    let org = &pulse.org;
    match (pulse.last, pulse.silence(now), pulse.usual) {
        _ if pulse.told => format!("{org}: webhooks are missing. I fill the gaps by asking Sentry every hour."),
        (None, ..) => format!("{org}: no event has come yet."),
        (Some(_), Some(silence), Some(usual)) => {
            format!("{org}: silent for {} (usual: every {}).", span(silence), span(usual))
        }
        (Some(last), ..) => format!("{org}: seen {} ago.", span(now.since(last))),
    }
}

/// Who somebody is, here and at Sentry.
pub fn whoami(
    deployment: &Deployment,
    place: &Place,
    person: &Person,
    linked: Option<&LinkedPerson>,
    rights: &Rights,
    zone: Zone,
) -> Notice {
    let mut notice = Notice::text(format!("Zoom: {} (user id {})", name(person), person.user));
    notice = match (linked, deployment.linking) {
        (Some(linked), _) => notice.line(format!(
            "Sentry: {}, linked since {}.",
            crate::text::line(linked.identity.label(), super::ECHO),
            linked.since.day(zone)
        )),
        (None, true) => {
            notice.line("Sentry: no account linked. Connecting a project, or pressing a button, asks you to.")
        }
        (None, false) => notice.line("Sentry: nobody links here; buttons act as the integration and name you."),
    };
    let notice = if rights.is_manager { notice.line("You manage this account.") } else { notice };
    let orgs: Vec<_> = rights.manages.iter().map(OrgSlug::as_str).collect();
    let notice = match &orgs[..] {
        [] => notice,
        some => notice.line(format!("At Sentry you manage {}.", some_of(some.iter().copied()))),
    };
    let switch = Offered::Switch { place: place.clone(), then: Box::new(Pending::Nothing) };
    match (linked, deployment.linking) {
        (Some(_), true) => notice.suggest("Switch account", switch).offer("Unlink", "unlink"),
        (None, true) => notice.suggest("Link an account", switch),
        (_, false) => notice,
    }
}

fn row_of_all(whole: &Whole, here: &[Subscription]) -> String {
    let projects = here.iter().filter(|s| s.project.org == whole.org).count();
    format!(
        "{} / {EVERY} ({projects}, new ones join) · {} · by {}",
        whole.org,
        whole.filter.in_words(),
        name(&whole.by)
    )
}

pub(super) fn row(subscription: &Subscription, now: Timestamp) -> String {
    let filter = &subscription.filter;
    let muted =
        subscription.muted(now).map(|mute| format!("muted until {}", mute.until.when(now, subscription.settings.zone)));
    let words = [subscription.project.label(), filter.level_in_words(), filter.events_in_words()].into_iter();
    let words: Vec<_> = words.chain(filter.details_in_words()).chain(muted).collect();
    format!("{} · by {}", words.join(" · "), name(&subscription.by))
}

fn usage(deployment: &Deployment, spec: &Spec) -> String {
    slash(deployment, &format!("{} {}", spec.name, spec.arguments))
}
