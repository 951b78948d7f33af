//! Why a message is there, and why one is not.

use super::{configure_line, slash, some_of};
use crate::decide::WhyFacts;
use crate::subscription::zone_of;
use crate::text::{counted, line};
use crate::{
    Card, DeadLetter, Deployment, IssueName, JobId, Notice, Place, Refusal, Subscription, Timestamp, Trace, Verdict,
    Zone,
};

/// So many of the latest are shown.
const SHOWN: usize = 8;

/// What became of everything that Sentry told of an issue, in this channel.
pub fn why(
    deployment: &Deployment,
    place: &Place,
    what: &IssueName,
    facts: &WhyFacts,
    here: &[Subscription],
) -> Notice {
    let name = line(what.as_str(), super::ECHO);
    let Some(newest) = facts.traces.first() else { return never_heard(deployment, &name, here) };
    let label = newest.short_id.clone().unwrap_or(name);
    let notice = Notice::text(format!("{label} {}", standing(facts.card.as_ref(), place)));
    let zone = zone_of(here);
    let notice = facts.traces.iter().take(SHOWN).rev().fold(notice, |notice, trace| notice.line(told(trace, zone)));
    let is_filtered = |trace: &Trace| matches!(trace.verdict, Verdict::Filtered(_) | Verdict::LeftOut(_));
    match facts.traces.iter().any(is_filtered) {
        true => {
            let notice = notice.line(format!("Other filters: {}", change_filter(deployment, here)));
            if let [only] = here { notice.offer("Change filter", configure_line(&only.project)) } else { notice }
        }
        false => notice,
    }
}

fn change_filter(deployment: &Deployment, here: &[Subscription]) -> String {
    match here {
        [only] => slash(deployment, &format!("{} <filters>", configure_line(&only.project))),
        _ => slash(deployment, "configure <org> <project> <filters>"),
    }
}

fn never_heard(deployment: &Deployment, name: &str, here: &[Subscription]) -> Notice {
    let connected: Vec<_> = here.iter().map(|s| s.project.label()).collect();
    let connected = match &connected[..] {
        [] => "Nothing is connected here.".into(),
        some => format!("Connected here: {}.", some_of(some.iter().map(String::as_str))),
    };
    Notice::text(format!("I have heard nothing of {name} for this channel in the last 14 days.")).line(format!(
        "Sentry did not tell me, or its project is not connected here. {connected} {} shows how Sentry's webhooks come in.",
        slash(deployment, "status")
    ))
}

fn standing(card: Option<&Card>, place: &Place) -> String {
    let here = if place.direct { "in this chat".into() } else { format!("in {}", place.label()) };
    match card {
        Some(card) if card.message.is_some() => format!("has a message {here}."),
        Some(card) if card.listed.is_some() => format!("has no message of its own {here}: another one stands for it."),
        Some(card) if card.is_unopened() => format!("was not posted {here}."),
        Some(_) => format!("has no message {here} yet."),
        None => format!("was not posted {here}."),
    }
}

fn told(trace: &Trace, zone: Zone) -> String {
    let what = match (trace.told, trace.verdict) {
        (Some(kind), _) => kind.word(),
        (None, Verdict::Posted | Verdict::GivenUp | Verdict::Disconnected | Verdict::CaughtUp) => "message",
        (None, Verdict::Fits | Verdict::LeftOut(_) | Verdict::Unsaid) => "latest event",
        (None, _) => "opened again",
    };
    format!("{} · {what} · {}", trace.at.to_the_second(zone), became(trace.verdict))
}

fn became(verdict: Verdict) -> String {
    match verdict {
        Verdict::Queued => "received, wanted here, queued to be posted".into(),
        Verdict::Edit => "received, the message that is here was brought up to date".into(),
        Verdict::Merged => "received, a message says it already or waits to".into(),
        Verdict::Asked => "received, Sentry is asked for its environment and tags".into(),
        Verdict::Fits => "read at Sentry, wanted here".into(),
        Verdict::LeftOut(refusal) => format!("read at Sentry, {}", left_out(refusal)),
        Verdict::Unsaid => "Sentry could not say its environment and tags, so it is wanted here".into(),
        Verdict::Filtered(refusal) => format!("received, {}", left_out(refusal)),
        Verdict::Muted => "received while muted, told of when that ends".into(),
        Verdict::Storm => "received in a storm, whose message stands for it".into(),
        Verdict::CaughtUp => "found by asking Sentry, told of by a catch-up message".into(),
        Verdict::Posted => "Zoom took it".into(),
        Verdict::Disconnected => "not posted: disconnected meanwhile".into(),
        Verdict::GivenUp => "given up: Zoom did not take it".into(),
    }
}

fn left_out(refusal: Refusal) -> String {
    match refusal {
        Refusal::Event => "left out by the filter event:".into(),
        Refusal::Level(level) => format!("left out by the filter level: (it was {})", level.word()),
        Refusal::Title => "left out by the filter title:".into(),
        Refusal::Environment => "left out by the filter env:".into(),
        Refusal::Tag => "left out by the filter tag:".into(),
    }
}

/// What became of a message that was given up.
pub fn why_given_up(letter: &JobId, found: Option<&DeadLetter>, (now, zone): (Timestamp, Zone)) -> Notice {
    match found {
        Some(letter) => Notice::text(format!(
            "Given up at {} after {}: {}.",
            letter.at.when(now, zone),
            counted(u64::from(letter.attempts) + 1, "try").replace("trys", "tries"),
            line(&letter.why, 200).trim_end_matches('.')
        ))
        .line(format!("Whoever runs me can look at it and send it again: zentry dead show {}", letter.id)),
        None => Notice::text(format!("I know of no dead letter {}.", line(letter.as_str(), super::ECHO)))
            .line("They are kept for 30 days."),
    }
}
