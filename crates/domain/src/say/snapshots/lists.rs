//! Help, and what is connected where.

use std::time::Duration;

use super::world::{
    DAY, HOUR, MINUTE, NOW, ana, filter, heard, hostile, many, ops, own_chat, strange_identity, strange_place,
    stranger, subscription, to, whole,
};
use super::{Message, said};
use crate::command::{COMMANDS, Topic};
use crate::decide::{Care, FreshLink, SaidFacts, StatusFacts, TestFacts};
use crate::{
    Act, ChannelSettings, Deployment, Digest, Group, Handle, LinkedPerson, Mute, Notice, OrgSlug, Pause, Pulse, Secret,
    Subscription, Whole, Zone, sample, say,
};

pub(super) fn messages() -> Vec<Message> {
    vec![help(), help_topic(), configure(), status(), tested(), whoami()]
}

fn muted(slug: &str) -> Subscription {
    Subscription { mute: Some(Mute { until: NOW + 2 * HOUR, roundup: Handle::new("mute") }), ..to(slug) }
}

fn linked() -> LinkedPerson {
    LinkedPerson { since: NOW - 30 * DAY, ..sample::linked() }
}

fn help() -> Message {
    let deployment = sample::deployment();
    said(
        "help",
        "`help`, or nothing",
        [
            ("nothing connected", say::help(&deployment, &[], None)),
            ("connected, and linked", say::help(&deployment, &[to("checkout"), to("web")], Some(&linked()))),
            ("many projects", say::help(&deployment, &many(), None)),
        ],
    )
}

fn help_topic() -> Message {
    let deployment = sample::deployment();
    let commands = COMMANDS.iter().map(|spec| (format!("`help {}`", spec.name), Topic::Command(spec)));
    let topics = commands.chain([("`help filters`".to_owned(), Topic::Filters)]);
    said(
        "help_topic",
        "`help` with a command, or with filters",
        topics.map(|(what, topic)| (what, say::help_topic(&deployment, topic))),
    )
}

fn facts(here: Vec<Subscription>, wholes: Vec<Whole>) -> SaidFacts {
    SaidFacts {
        here,
        wholes,
        unplaced: Vec::new(),
        settings: ChannelSettings::default(),
        everywhere: Vec::new(),
        care: Vec::new(),
        known_channels: Vec::new(),
        cards: Vec::new(),
        status: None,
        why: None,
        changed: None,
        rights: crate::Rights::default(),
        linked: None,
        open_link: None,
        pending_card: None,
        fresh_link: FreshLink { token: Secret::new("token"), id: Digest([1; 32]) },
    }
}

fn unplaced(here: Vec<Subscription>) -> SaidFacts {
    let unplaced = here.iter().take(2).map(|s| s.project.id.clone()).collect();
    SaidFacts { unplaced, ..facts(here, vec![]) }
}

fn configure() -> Message {
    let deployment = sample::deployment();
    let show = |place, facts: SaidFacts| say::configure(&deployment, place, &facts, NOW);
    let filtered = Subscription { filter: filter(), by: stranger(), ..to("web") };
    said(
        "configure",
        "`configure`",
        [
            ("nothing connected", show(&ops(), facts(vec![], vec![]))),
            ("no event has told where it was", show(&ops(), unplaced(vec![to("checkout"), to("web"), to("api")]))),
            ("nothing connected, in the person's own chat", show(&own_chat(), facts(vec![], vec![]))),
            ("one project", show(&ops(), facts(vec![subscription()], vec![]))),
            (
                "default and other filters, one muted",
                show(&ops(), facts(vec![subscription(), filtered, muted("api")], vec![])),
            ),
            (
                "every project, one of them otherwise",
                show(&ops(), facts(vec![to("checkout"), to("api"), muted("web")], vec![whole()])),
            ),
            ("every project, none joined yet", show(&ops(), facts(vec![], vec![whole()]))),
            ("many projects, in a channel with a hostile name", show(&strange_place(), facts(many(), vec![]))),
        ],
    )
}

pub(super) fn everywhere() -> Vec<Message> {
    vec![configure_all(), done_in_many()]
}

fn configure_all() -> Message {
    let own = Subscription { place: own_chat(), ..to("web") };
    let strange = Subscription { place: strange_place(), by: stranger(), ..to("api") };
    let strange = [subscription(), own.clone(), strange];
    let muted = Mute { until: NOW + DAY, roundup: Handle::new("m") };
    let ill = [subscription(), Subscription { mute: Some(muted), ..to("web") }];
    let why = "Zoom refuses messages to this place".into();
    let pause = Pause { account: ops().account, channel: ops().channel, since: NOW - DAY, why };
    let care = |paused, missing, week| vec![Care { place: ops(), paused, missing, week }];
    let show = |here, visible: &[Subscription], of: &[Subscription], care, view| {
        let facts = SaidFacts { everywhere: of.to_vec(), care, ..facts(Vec::new(), Vec::new()) };
        say::configure_all(here, visible, &facts, view, NOW)
    };
    let all = (Group::All, 0);
    said(
        "configure_all",
        "`configure all`",
        [
            ("nothing is visible", show(&ops(), &[], &[], Vec::new(), all)),
            ("nothing is visible of what there is", show(&ops(), &[], &many(), Vec::new(), all)),
            ("one channel of many", show(&ops(), &[subscription()], &many(), Vec::new(), all)),
            (
                "one's own chat, from there",
                show(&own_chat(), std::slice::from_ref(&own), std::slice::from_ref(&own), Vec::new(), all),
            ),
            (
                "a manager, also somebody's own chat and hostile names",
                show(&ops(), &strange, &strange, Vec::new(), all),
            ),
            ("a channel takes no messages", show(&ops(), &ill, &ill, care(Some(pause), false, 0), (Group::Care, 0))),
            ("webhooks are missing", show(&ops(), &ill, &ill, care(None, true, 0), (Group::Care, 0))),
            ("a channel gets too much", show(&ops(), &ill, &ill, care(None, false, 1_024), (Group::Noisy, 0))),
            ("the muted ones", show(&ops(), &ill, &ill, Vec::new(), (Group::Muted, 0))),
            ("nobody of a group", show(&ops(), &[subscription()], &ill, Vec::new(), (Group::Muted, 0))),
            ("many projects", show(&ops(), &many(), &many(), Vec::new(), all)),
            ("their last page", show(&ops(), &many(), &many(), Vec::new(), (Group::All, 5))),
        ],
    )
}

fn done_in_many() -> Message {
    said(
        "done_in_many",
        "Something was done about a whole group",
        [
            ("muted", say::done_in_many(Act::Mute, 4, 3)),
            ("unmuted", say::done_in_many(Act::Unmute, 1, 1)),
            ("disconnected", say::done_in_many(Act::Remove, 2, 1)),
        ],
    )
}

fn pulses(pulse: Pulse) -> StatusFacts {
    StatusFacts { pulses: vec![pulse], ..StatusFacts::default() }
}

fn status() -> Message {
    let one = [subscription()];
    let show = |here: &[Subscription], facts: StatusFacts| say::status(&ops(), here, &facts, None, (NOW, Zone::UTC));
    let told = |ago| Pulse { told: true, ..heard(ago) };
    let pause = |why: &str| Pause { account: ops().account, channel: ops().channel, since: NOW - DAY, why: why.into() };
    let paused = |why: &str| StatusFacts { paused: Some(pause(why)), waiting: 3, ..pulses(heard(4 * MINUTE)) };
    let waiting = |waiting| StatusFacts { waiting, ..pulses(heard(4 * MINUTE)) };
    let failed = |failed| StatusFacts { failed, ..pulses(heard(4 * MINUTE)) };
    let ana = linked();
    let mut variants = vec![
        ("all good", say::status(&ops(), &one, &pulses(heard(4 * MINUTE)), Some(&ana), (NOW, Zone::UTC))),
        ("nothing connected", show(&[], StatusFacts::default())),
        ("no event yet", show(&one, pulses(Pulse::silent(OrgSlug::new("acme"))))),
        ("one message waits", show(&one, waiting(1))),
        ("messages wait", show(&one, waiting(12))),
        ("one message failed", show(&one, failed(1))),
        ("messages failed", show(&one, failed(2))),
        ("everything is muted", show(&[muted("web")], pulses(heard(4 * MINUTE)))),
        ("silent for longer than usual", show(&one, pulses(heard(6 * HOUR)))),
        ("webhooks are missing, others come", show(&one, pulses(told(MINUTE)))),
        ("webhooks are missing, and none come", show(&one, pulses(told(6 * HOUR)))),
        ("Zoom refuses", show(&one, paused("Zoom refuses messages to this place"))),
    ];
    let own = say::status(&own_chat(), &one, &pulses(heard(4 * MINUTE)), None, (NOW, Zone::UTC));
    variants.push(("the person's own chat", own));
    variants.push((
        "hostile names",
        say::status(&strange_place(), &one, &paused(&hostile()), Some(&strange()), (NOW, Zone::UTC)),
    ));
    said("status", "`status`", variants)
}

fn strange() -> LinkedPerson {
    LinkedPerson { identity: strange_identity(), ..linked() }
}

fn tested() -> Message {
    let facts = |here: Vec<Subscription>| TestFacts { here, status: pulses(heard(4 * MINUTE)), storm: false };
    let show = |facts: &TestFacts, left_out: &[&Subscription], failed: Option<&str>| -> Notice {
        say::tested(facts, left_out, Duration::from_millis(640), failed, NOW)
    };
    let (one, other) = (subscription(), Subscription { filter: filter(), ..to("web") });
    let here = facts(vec![one.clone()]);
    let stormy = TestFacts { storm: true, ..here.clone() };
    said(
        "tested",
        "`test`, when Zoom has taken the card or has not; to whoever asked",
        [
            ("it came through", show(&here, &[], None)),
            ("nothing is connected", show(&facts(vec![]), &[], None)),
            ("a filter leaves it out", show(&facts(vec![one.clone(), other.clone()]), &[&other], None)),
            ("filters leave it out", show(&facts(vec![other.clone(), other.clone()]), &[&other, &other], None)),
            ("one is muted", show(&facts(vec![one, muted("web")]), &[], None)),
            ("everything is muted", show(&facts(vec![muted("web")]), &[], None)),
            ("in a storm", show(&stormy, &[], None)),
            ("Zoom did not take it", show(&here, &[], Some("503 (3 tries)"))),
            ("Zoom refuses with hostile words", show(&here, &[], Some(&hostile()))),
        ],
    )
}

fn whoami() -> Message {
    let member = crate::Rights::default();
    let manages = vec![OrgSlug::new("acme"), OrgSlug::new("globex")];
    let manager = crate::Rights { is_manager: true, manages, ..crate::Rights::default() };
    let (deployment, linked) = (sample::deployment(), linked());
    let nobody_links = Deployment { linking: false, ..sample::deployment() };
    said(
        "whoami",
        "`whoami`",
        [
            ("linked, a manager", say::whoami(&deployment, &ops(), &ana(), Some(&linked), &manager, Zone::UTC)),
            ("not linked", say::whoami(&deployment, &ops(), &ana(), None, &member, Zone::UTC)),
            ("nobody links here", say::whoami(&nobody_links, &ops(), &ana(), None, &member, Zone::UTC)),
            ("hostile names", say::whoami(&deployment, &ops(), &stranger(), Some(&strange()), &member, Zone::UTC)),
        ],
    )
}
