//! Every text that the bot says to people, one named function each. Cards are in [`crate::Card`].
//!
//! The first word is the state or the result; an error has one next step and says what was kept. Names of organizations
//! and projects are only ever those that the asker may see.

mod assign;
mod errors;
mod everywhere;
mod linking;
mod lists;
mod mentions;
mod muting;
mod panel;
mod remark;
#[cfg(test)]
mod snapshots;
mod unfurl;
mod whole;
mod why;

pub use assign::{assign, assigning};
pub use errors::{
    arrived_late, cannot_post, cannot_reach_you, card_expired, done_already, failed, filters_not_understood,
    guests_get_help, held_back, integration_installed, integration_refused, integration_removed, no_hook,
    no_organization, no_project, not_accepted, not_allowed, not_done, not_edited, not_sent, not_understood,
    sentry_down, sentry_refused, trying_again, webhooks_missing,
};
pub(crate) use errors::{some_of, span};
pub use everywhere::{configure_all, done_in_many};
pub(crate) use linking::minutes;
pub use linking::{
    already_linked_elsewhere, cancelled, code_please, link_first, link_here, linked_only, still_waiting,
    too_many_codes, unlinked, welcome, wrong_code,
};
pub use lists::{configure, help, help_topic, status, tested, whoami};
pub use mentions::{called, mentions_set};
pub use muting::{mute_is_over, muted, not_muted, unmuted};
pub use panel::{project_settings, settings, settings_changed};
pub use remark::remarked;
pub use unfurl::unfurled;
pub use whole::{
    choose_organization, choose_project, configure_whole, connected_whole, disconnected_some, joined, not_whole,
    which_to_connect, whole_already,
};
pub use why::{why, why_given_up};

use crate::text::line;
use crate::{Deployment, Filter, LinkedPerson, Notice, Person, Place, Project, Subscription};

/// Longest piece of somebody's words that is repeated to them.
const ECHO: usize = 80;
/// As many buttons as a message has room for.
const MOST_BUTTONS: usize = 5;
/// As much as a button shows.
const BUTTON: usize = crate::notice::LABEL;

/// `text` in quotes, cleaned and cut.
fn quoted(text: &str) -> String {
    format!("\"{}\"", line(text, ECHO))
}

pub(crate) fn name(person: &Person) -> String {
    line(&person.name, ECHO)
}

/// A place is connected. Everyone there is told.
pub fn connected(deployment: &Deployment, subscription: &Subscription, week: Option<usize>, installed: bool) -> Notice {
    let more = subscription.filter.title_in_words().into_iter().chain(subscription.filter.tags_in_words());
    let more: Vec<_> = more.map(|words| format!(" {}.", capital(&words))).collect();
    let mut notice = Notice::text(format!("Connected: {}", subscription.project.label())).line(format!(
        "{} connected {}. You will get: {}. Environment: {}. Level: {}.{}",
        name(&subscription.by),
        subscription.place.label(),
        subscription.filter.events_in_words(),
        subscription.filter.environment_in_words(),
        subscription.filter.level_in_words(),
        more.concat(),
    ));
    notice = notice.line(match week {
        Some(issues) => {
            let issues = crate::text::counted(issues as u64, "message");
            format!("With these filters the new issues of the last 7 days would have been about {issues}.")
        }
        None => "I have no history yet to estimate the volume.".into(),
    });
    if let (Some(url), false) = (&deployment.install_url, installed) {
        notice = notice
            .line(format!(
                "{} has not installed this integration yet, as far as I have heard. A Sentry owner or manager can, once; I say so \
                 here when it is done:",
                subscription.project.org
            ))
            .link("Install the integration in Sentry", url);
    }
    notice.offer("Change filters", configure_line(&subscription.project)).offer("Send a test", "test")
}

/// A place was connected already; nothing changed.
pub fn already_connected(deployment: &Deployment, subscription: &Subscription) -> Notice {
    Notice::text(format!("Already connected: {}", subscription.project.label()))
        .line(format!(
            "Set up by {} on {}. Filters: {}.",
            name(&subscription.by),
            subscription.since.day(subscription.settings.zone),
            subscription.filter.in_words(),
        ))
        .line(format!(
            "Nothing changed. Other filters: {} <filters>",
            slash(deployment, &configure_line(&subscription.project))
        ))
        .offer("Change filters", configure_line(&subscription.project))
        .offer("Send a test", "test")
}

/// Something else may post in a place. Everyone there is told.
pub fn filtered(project: &str, filter: &Filter, by: &Person) -> Notice {
    Notice::text(format!("{}: now only {} ({}).", capital_of(project), filter.in_words(), name(by)))
}

/// The filter asked for is there.
pub fn filtered_so_already(subscription: &Subscription) -> Notice {
    Notice::text(as_before(&subscription.project.label(), &subscription.filter)).line("Nothing changed.")
}

pub(crate) fn as_before(label: &str, filter: &Filter) -> String {
    format!("{}: only {}, as before.", capital_of(label), filter.in_words())
}

/// Names of projects keep their case.
fn capital_of(label: &str) -> String {
    if label.contains('/') { label.into() } else { capital(label) }
}

/// The line that shows a project's filters, and with filters behind it changes them.
fn configure_line(project: &Project) -> String {
    format!("configure {} {}", project.org, project.slug)
}

/// The line that connects, as it is typed.
fn connect_line(org: &str, project: &str, filter: &Filter) -> String {
    format!("connect {} {} {}", crate::filter::quoted(org), crate::filter::quoted(project), filter.typed())
        .trim_end()
        .into()
}

/// To the person in their own chat: linked, and what they asked for is done.
pub fn linked_and_connected(linked: &str, place: &Place, project: &str) -> Notice {
    Notice::text(format!(
        "Linked as {}. {} is now connected to {}.",
        line(linked, ECHO),
        capital(&place.label()),
        project
    ))
}

/// One project is gone from a place. Everyone there is told.
pub fn disconnected(project: &str, by: &Person) -> Notice {
    Notice::text(format!("Disconnected: {project}, by {}.", name(by)))
}

/// Every project is gone from a place. Everyone there is told.
pub fn disconnected_all(gone: &[Subscription], by: &Person) -> Notice {
    let labels: Vec<_> = gone.iter().map(|s| s.project.label()).collect();
    let listed = some_of(labels.iter().map(String::as_str));
    Notice::text(format!("Disconnected everything here ({}): {listed}, by {}.", labels.len(), name(by)))
}

/// What was disconnected is connected again. Everyone there is told.
pub fn connected_again(gone: &[Subscription], by: &Person) -> Notice {
    let labels: Vec<_> = gone.iter().map(|s| s.project.label()).collect();
    let filters = if gone.len() == 1 { "its filters" } else { "their filters" };
    let listed = some_of(labels.iter().map(String::as_str));
    Notice::text(format!("Connected again: {listed}, with {filters} ({}).", name(by)))
}

/// A change can no longer be taken back, or was already.
pub fn undo_expired() -> Notice {
    Notice::text("This can no longer be undone: ten minutes have passed, or somebody has done it.")
        .line("Nothing changed.")
}

/// What was to be disconnected is not connected.
pub fn not_connected(typed: &str, here: &[Subscription]) -> Notice {
    if here.is_empty() {
        return nothing_connected();
    }
    let here: Vec<_> = here.iter().map(|s| s.project.label()).collect();
    Notice::text(format!("{} is not connected to this channel.", line(typed, ECHO)))
        .line(format!("Connected here: {}. Nothing changed.", some_of(here.iter().map(String::as_str))))
}

/// A display name fits several projects.
pub fn which_one(typed: &str, fitting: &[&Subscription], again: impl Fn(&Project) -> String) -> Notice {
    let slugs: Vec<_> = fitting.iter().map(|s| s.project.label()).collect();
    let notice = Notice::text(format!("{} fits {} projects. Which one?", quoted(typed), fitting.len()));
    let notice = notice.line(format!("{}. Nothing changed.", some_of(slugs.iter().map(String::as_str))));
    let offered = fitting.iter().take(MOST_BUTTONS);
    offered.fold(notice, |notice, s| notice.offer(on_button(s.project.slug.as_str()), again(&s.project)))
}

/// There is nothing to disconnect.
pub fn nothing_connected() -> Notice {
    Notice::text("Nothing is connected here.")
}

/// A name, or what is done with it, as long as a button shows it.
fn on_button(text: &str) -> String {
    line(text, BUTTON)
}

fn slash(deployment: &Deployment, rest: &str) -> String {
    format!("/{} {rest}", deployment.command).trim_end().to_owned()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn linked_as(linked: Option<&LinkedPerson>) -> Option<String> {
    linked.map(|linked| format!("You are linked as {}.", line(linked.identity.label(), ECHO)))
}
