//! What a channel is told of its own connections, mutes and settings.

use super::world::{
    DAY, HOUR, MINUTE, NOW, ana, berlin, filter, here, hostile, labels, many, ops, own_chat, projects, strange_place,
    stranger, subscription, to, undo, wish,
};
use super::{Message, plainly, said};
use crate::{
    ChannelSettings, Density, Deployment, Filter, Handle, Kind, Level, Mentions, Notice, OrgSlug, Organization,
    Privacy, Project, Subscription, Tag, Tags, Updates, Zone, sample, say,
};

pub(super) fn connections() -> Vec<Message> {
    let deployment = sample::deployment();
    let filtered = Subscription { filter: filter(), ..subscription() };
    vec![
        connected(),
        said(
            "already_connected",
            "A place was connected already",
            [("always", say::already_connected(&deployment, &subscription()))],
        ),
        said(
            "filtered",
            "Another filter; everyone is told",
            [
                ("of one project", say::filtered("acme / checkout", &filter(), &ana()).button(undo())),
                (
                    "of every project",
                    say::filtered(&super::world::whole().label(), &Filter::default(), &ana()).button(undo()),
                ),
            ],
        ),
        plainly("filtered_so_already", "The filter asked for is there", say::filtered_so_already(&filtered)),
        said(
            "linked_and_connected",
            "Linked, and what was asked for is done; in the person's own chat",
            [
                ("a channel", say::linked_and_connected("ana@acme.io", &ops(), "acme / checkout")),
                ("their own chat", say::linked_and_connected("ana@acme.io", &own_chat(), "acme / checkout")),
                ("hostile names", say::linked_and_connected(&hostile(), &strange_place(), "acme / checkout")),
            ],
        ),
    ]
    .into_iter()
    .chain(disconnections())
    .collect()
}

fn connected() -> Message {
    let deployment = sample::deployment();
    let installable =
        Deployment { install_url: Some("https://sentry.io/sentry-apps/z/".into()), ..sample::deployment() };
    let filtered = Subscription { filter: filter(), ..subscription() };
    let hostile = Subscription { place: strange_place(), by: stranger(), ..subscription() };
    said(
        "connected",
        "A place is connected; everyone is told",
        [
            ("default filters", say::connected(&deployment, &subscription(), Some(41), true).button(undo())),
            ("every filter", say::connected(&deployment, &filtered, None, true).button(undo())),
            ("not installed yet", say::connected(&installable, &subscription(), Some(1), false).button(undo())),
            ("hostile names", say::connected(&deployment, &hostile, Some(1_240), true).button(undo())),
        ],
    )
}

fn disconnections() -> Vec<Message> {
    let two = [to("checkout"), to("web")];
    vec![
        plainly(
            "disconnected",
            "One project is gone; everyone is told",
            say::disconnected("acme / checkout", &ana()).button(undo()),
        ),
        said(
            "disconnected_all",
            "Every project is gone; everyone is told",
            [
                ("two projects", say::disconnected_all(&two, &ana()).button(undo())),
                ("many projects", say::disconnected_all(&many(), &ana()).button(undo())),
            ],
        ),
        said(
            "connected_again",
            "A disconnection is taken back; everyone is told",
            [
                ("one project", say::connected_again(&two[..1], &ana())),
                ("two projects", say::connected_again(&two, &ana())),
                ("many projects", say::connected_again(&many(), &ana())),
            ],
        ),
    ]
    .into_iter()
    .chain(not_there())
    .collect()
}

fn not_there() -> Vec<Message> {
    let two = [to("checkout"), to("web")];
    let again = |project: &Project| format!("disconnect {} {}", project.org, project.slug);
    vec![
        plainly("undo_expired", "Undo was pressed too late", say::undo_expired()),
        said(
            "not_connected",
            "What was to be disconnected, muted or filtered is not connected",
            [
                ("something else is", say::not_connected("acme / api", &two)),
                ("nothing is", say::not_connected("acme / api", &[])),
                ("its list is out of date", say::not_connected("That project", &two)),
                ("many projects are", say::not_connected(&hostile(), &many())),
            ],
        ),
        said(
            "which_one",
            "A display name fits several of the channel's projects",
            [
                ("two", say::which_one("Web", &two.iter().collect::<Vec<_>>(), again)),
                ("many", say::which_one(&hostile(), &many().iter().collect::<Vec<_>>(), again)),
            ],
        ),
        plainly("nothing_connected", "There is nothing to disconnect", say::nothing_connected()),
    ]
}

pub(super) fn whole() -> Vec<Message> {
    let (deployment, all) = (sample::deployment(), super::world::whole());
    let some = many();
    let own: Vec<_> = some.iter().map(|s| &s.project).take(7).collect();
    vec![
        said(
            "connected_whole",
            "A place is connected to every project; everyone is told",
            [
                ("several projects", say::connected_whole(&deployment, &all, 23).button(undo())),
                ("one project", say::connected_whole(&deployment, &all, 1).button(undo())),
                (
                    "some have filters of their own",
                    say::connected_whole(&deployment, &all, 23).one_filter(&all, &all.filter, &own).button(undo()),
                ),
            ],
        ),
        said(
            "whole_already",
            "It was connected already",
            [
                ("all alike", say::whole_already(&deployment, &all, 23, Zone::UTC)),
                (
                    "with filters that some do not have",
                    say::whole_already(&deployment, &all, 23, Zone::UTC).one_filter(&all, &filter(), &own),
                ),
            ],
        ),
        said(
            "not_whole",
            "`configure <org> *` where only some projects are connected",
            [
                ("to see them", say::not_whole(&sample::project("checkout"), 8, None)),
                ("with filters", say::not_whole(&sample::project("checkout"), 2, Some(&filter()))),
            ],
        ),
        plainly(
            "disconnected_some",
            "Only some were new, and that was taken back",
            say::disconnected_some(&[sample::project("checkout"), sample::project("web")], &ana()),
        ),
        plainly("configure_whole", "`configure <org> *`", say::configure_whole(&deployment, &all, 23, Zone::UTC)),
        plainly(
            "joined",
            "A new project has joined; everyone is told",
            say::joined(&sample::project("invoices"), &ana()),
        ),
        said(
            "choose_organization",
            "`connect ?`",
            [
                ("two", say::choose_organization(&wish("?", "?"), &[&organization("acme"), &organization("globex")])),
                ("none", say::choose_organization(&wish("?", "?"), &[])),
            ],
        ),
        said(
            "choose_project",
            "`connect <org> ?`",
            [
                ("some", choose(&projects(&[to("web"), to("web-eu"), to("checkout")]))),
                ("more than a list holds", choose(&projects(&many()))),
                ("all are connected", choose(&projects(&[to("checkout")]))),
                ("none", choose(&[])),
            ],
        ),
        said(
            "which_to_connect",
            "A display name that several projects have",
            [
                ("two", say::which_to_connect(&wish("acme", "Web"), &projects(&[to("web"), to("web-eu")]))),
                ("many", say::which_to_connect(&wish("acme", &hostile()), &projects(&many()))),
            ],
        ),
    ]
}

fn organization(slug: &str) -> Organization {
    Organization { slug: OrgSlug::new(slug), name: format!("{} Inc.", slug.to_uppercase()) }
}

fn choose(seen: &[Project]) -> Notice {
    say::choose_project(&wish("acme", "?"), &organization("acme"), seen, &[to("checkout")])
}

pub(super) fn muting() -> Vec<Message> {
    let (one, two, lot) = (labels(&[to("web")]), labels(&[to("web"), to("checkout")]), labels(&many()));
    let buttons = |notice: Notice| notice.with_mute_buttons(&Handle::new("mute")).button(undo());
    vec![
        said(
            "muted",
            "Nothing is posted for a while; everyone is told",
            [
                ("one project", buttons(say::muted(&one, &here(2), NOW + 2 * HOUR, NOW, &ana()))),
                ("all of the channel's", buttons(say::muted(&two, &here(2), NOW + 3 * DAY, NOW, &ana()))),
                ("the only one, for a minute more", buttons(say::muted(&one, &here(1), NOW + MINUTE, NOW, &ana()))),
                ("many, but not all", buttons(say::muted(&lot, &here(99), NOW + DAY, NOW, &stranger()))),
            ],
        ),
        said(
            "unmuted",
            "A mute is ended; everyone is told",
            [
                ("one project", say::unmuted(&one, 2, &ana()).button(undo())),
                ("all of the channel's", say::unmuted(&two, 2, &ana()).button(undo())),
            ],
        ),
        said(
            "not_muted",
            "There is no mute to end",
            [
                ("one project was named", say::not_muted(Some(&("acme".into(), "web".into())))),
                ("none was named", say::not_muted(None)),
                ("a hostile name", say::not_muted(Some(&(hostile(), hostile())))),
            ],
        ),
        plainly("mute_is_over", "A mute's message was pressed too late", say::mute_is_over()),
    ]
}

pub(super) fn panel() -> Vec<Message> {
    let deployment = sample::deployment();
    let set = ChannelSettings {
        updates: Updates::Channel,
        density: Density::Full,
        privacy: Privacy::ClassOnly,
        mentions: Mentions::Nobody,
        zone: berlin(),
        tags: Tags::default().with(Tag::Browser, true).with(Tag::Os, true),
    };
    let long = many().remove(0);
    let few =
        Filter { events: vec![Kind::New, Kind::Assigned], level: Level::Fatal, except_levels: vec![], ..filter() };
    let filtered = Subscription { filter: few, by: stranger(), ..subscription() };
    vec![
        said(
            "settings",
            "Channel settings was pressed",
            [
                ("default settings", say::settings(&ops(), ChannelSettings::default())),
                ("other settings, in the person's own chat", say::settings(&own_chat(), set)),
            ],
        ),
        plainly(
            "settings_changed",
            "A setting is changed; everyone is told",
            say::settings_changed(&ops(), set, &ana()).button(undo()),
        ),
        said(
            "project_settings",
            "`configure <org> <project>`",
            [
                ("default filters", say::project_settings(&deployment, &subscription())),
                ("other filters, set up by a hostile name", say::project_settings(&deployment, &filtered)),
                ("the longest names", say::project_settings(&deployment, &long)),
            ],
        ),
    ]
}
