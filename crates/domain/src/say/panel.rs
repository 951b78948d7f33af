//! Messages by which a channel's settings and filters are changed.

use super::{name, slash};
use crate::{
    ChannelSettings, Density, Deployment, Kind, Level, Mentions, Notice, Offered, Person, Place, Privacy, Setting,
    Subscription, Tag, Updates, Zone,
};

/// The settings of a channel, to choose.
pub fn settings(place: &Place, now: ChannelSettings) -> Notice {
    let set = |setting| Offered::Set(setting);
    let updates = Updates::ALL.map(|updates| (updates.in_words(), set(Setting::Updates(updates))));
    let density = Density::ALL.map(|density| (density.in_words(), set(Setting::Density(density))));
    let privacy = Privacy::ALL.map(|privacy| (privacy.in_words(), set(Setting::Privacy(privacy))));
    let mentions = Mentions::ALL.map(|mentions| (mentions.in_words(), set(Setting::Mentions(mentions))));
    let zone = Zone::ALL.map(|zone| (zone.in_words(), set(Setting::Zone(zone))));
    let tag = |tag: Tag| {
        let is_on = now.tags.has(tag);
        (format!("{} {}", if is_on { "✓" } else { "–" }, tag.key()), set(Setting::Tag { tag, on: !is_on }))
    };
    let position = |found: Option<usize>| found.unwrap_or_default();
    Notice::text(format!("Settings of {}", place.label()))
        .line("Everyone here is told of a change. Cards of the last day follow at once, older ones with their next update.")
        .menu("Updates", updates, position(Updates::ALL.iter().position(|one| *one == now.updates)))
        .menu("Density", density, position(Density::ALL.iter().position(|one| *one == now.density)))
        .menu("Text", privacy, position(Privacy::ALL.iter().position(|one| *one == now.privacy)))
        .menu("Mentions", mentions, position(Mentions::ALL.iter().position(|one| *one == now.mentions)))
        .menu("Tags of alerts, on or off", Tag::ALL.map(tag), None)
        .menu("Time zone", zone, position(Zone::ALL.iter().position(|one| *one == now.zone)))
}

/// The settings have changed. Everyone there is told.
pub fn settings_changed(place: &Place, now: ChannelSettings, by: &Person) -> Notice {
    Notice::text(format!("Changed by {} for {}. {}", name(by), place.label(), now.in_words()))
}

/// What one project may post, to choose.
pub fn project_settings(deployment: &Deployment, subscription: &Subscription) -> Notice {
    let (project, filter) = (&subscription.project, &subscription.filter);
    let level = |level: Level| (level.word(), Offered::Level { project: project.id.clone(), level });
    let event = |kind: Kind| {
        let is_on = filter.events.contains(&kind);
        let sign = if is_on { "✓" } else { "–" };
        (format!("{sign} {}", kind.in_words()), Offered::Event { project: project.id.clone(), kind, on: !is_on })
    };
    let lowest = Level::ALL.iter().position(|one| *one == filter.level).unwrap_or_default();
    let line = |command: &str| format!("{command} {} {}", project.org, project.slug);
    Notice::text(format!("{}: {}", project.label(), filter.in_words()))
        .line(format!(
            "Set up by {} on {}.",
            name(&subscription.by),
            subscription.since.day(subscription.settings.zone)
        ))
        .line(format!("Environments, tags and titles are typed: {} <filters>", slash(deployment, &line("configure"))))
        .menu("Level, and above", Level::ALL.map(level), lowest)
        .menu("Events, on or off", Kind::ALL.map(event), None)
        .offer("Default filters", format!("{} none", line("configure")))
        .offer("Mute 1 h", line("mute 1h"))
        .offer("Disconnect", line("disconnect"))
}
