//! Who and what the snapshots speak of.

use std::time::Duration;

use crate::{
    Actor, Button, ChannelSettings, Connect, CredentialId, Filter, Handle, Identity, Level, OrgSlug, Person, Place,
    Project, ProjectSlug, Pulse, Subscription, Terms, Timestamp, Undo, Undoing, Whole, Zone, sample,
};

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3_600);

/// 2 Jan 2026, 14:02 UTC.
pub(super) const NOW: Timestamp = Timestamp(1_767_362_520_000);

/// A slug of fifty characters.
pub(super) const LONG: &str = "a-team-that-gives-its-projects-very-long-names-eu1";

/// What a stranger writes who wants to be somebody else, to call everyone, or to push the rest off the screen.
pub(super) fn hostile() -> String {
    sample::named(&typed())
}

/// What a stranger types.
pub(super) fn typed() -> String {
    let turned = "\u{202e}<@all> [pay](https://evil.example/)\n# *b\u{200b}old*\u{7}\u{feff} `x` ";
    format!("{turned}{}", "very long ".repeat(600))
}

pub(super) fn ana() -> Person {
    sample::ana()
}

pub(super) fn stranger() -> Person {
    Person { name: hostile(), ..sample::ana() }
}

pub(super) fn ops() -> Place {
    sample::ops()
}

pub(super) fn strange_place() -> Place {
    Place { name: Some(hostile()), ..ops() }
}

pub(super) fn own_chat() -> Place {
    Place::direct(&ana())
}

pub(super) fn identity() -> Identity {
    sample::identity()
}

pub(super) fn strange_identity() -> Identity {
    Identity { id: "8".into(), name: hostile(), email: String::new() }
}

/// An hour ahead of UTC in January.
pub(super) fn berlin() -> Zone {
    Zone::named("Europe/Berlin")
}

/// So many subscriptions of a channel in Berlin.
pub(super) fn here(projects: usize) -> Vec<Subscription> {
    let settings = ChannelSettings { zone: berlin(), ..ChannelSettings::default() };
    vec![Subscription { settings, ..subscription() }; projects]
}

pub(super) fn subscription() -> Subscription {
    to("checkout")
}

pub(super) fn to(slug: &str) -> Subscription {
    Subscription { project: sample::project(slug), since: NOW - DAY, ..sample::subscription() }
}

/// A channel with more than any list shows, all of them with the longest names.
pub(super) fn many() -> Vec<Subscription> {
    (10..70).map(|n| Subscription { project: long_project(n), ..subscription() }).collect()
}

fn long_project(n: usize) -> Project {
    let slug = format!("{n}-{}", &LONG[..47]);
    Project { org: OrgSlug::new(LONG), slug: ProjectSlug::new(&slug), ..sample::project(&slug) }
}

pub(super) fn labels(of: &[Subscription]) -> Vec<String> {
    of.iter().map(|s| s.project.label()).collect()
}

pub(super) fn projects(of: &[Subscription]) -> Vec<Project> {
    of.iter().map(|s| s.project.clone()).collect()
}

/// All that a filter can say.
pub(super) fn filter() -> Filter {
    let terms = |any: &[&str], none: &[&str]| Terms {
        any: any.iter().map(ToString::to_string).collect(),
        none: none.iter().map(ToString::to_string).collect(),
    };
    Filter {
        level: Level::Warning,
        except_levels: vec![Level::Error],
        title: terms(&["disk", "pool"], &["test"]),
        environment: terms(&["production", "stag*"], &["dev"]),
        tags: [("browser".to_owned(), terms(&[], &["bot*"]))].into(),
        ..Filter::default()
    }
}

pub(super) fn whole() -> Whole {
    Whole {
        place: ops(),
        org: OrgSlug::new("acme"),
        org_name: "Acme Inc.".into(),
        filter: Filter::default(),
        by: ana(),
        since: NOW - DAY,
    }
}

/// Of a line no more is read than a thousand characters.
pub(super) fn wish(org: &str, project: &str) -> Connect {
    let read = |name: &str| name.chars().take(1_000).collect();
    Connect {
        by: ana(),
        place: ops(),
        org: read(org),
        project: read(project),
        filter: Filter::default(),
        actor: Actor::Person { account: ana().account, credential: CredentialId::new("c1") },
        identity: Some(identity()),
        just_linked: false,
    }
}

/// An organization that tells something every ten minutes, and did so a while ago.
pub(super) fn heard(ago: Duration) -> Pulse {
    Pulse { last: Some(NOW - ago), usual: Some(10 * MINUTE), ..Pulse::silent(OrgSlug::new("acme")) }
}

/// The button that most changes carry for ten minutes.
pub(super) fn undo() -> Button {
    let what = Undoing::Connected(sample::project("checkout"));
    Undo { handle: Handle::new("undo"), place: ops(), expires: NOW, what }.button()
}
