//! What is said when something does not work.

use super::world::{
    DAY, HOUR, MINUTE, NOW, berlin, heard, here, hostile, many, ops, own_chat, projects, strange_place, to, typed, wish,
};
use super::{Message, plainly, said};
use crate::decide::Standstill;
use crate::{
    Action, Archive, Assignee, Card, ChangeKind, ChannelId, Connect, Deployment, Handle, JobId, NoHook, OrgSlug,
    Organization, Pause, Pulse, Standing, Zone, command, sample, say,
};

pub(super) fn messages() -> Vec<Message> {
    let mut messages = vec![not_understood(), no_organization(), no_project()];
    messages.extend(not_allowed());
    messages.extend(not_sent());
    messages.extend(sentry());
    messages.extend(presses());
    messages
}

fn card(standing: Standing) -> Card {
    let mut card = Card::open(Handle::new("h"), &sample::subscription(), &sample::change(ChangeKind::New), NOW);
    card.content.standing = standing;
    card
}

fn archived() -> Standing {
    Standing::Archived { by: Some(hostile()), at: NOW, until: Archive::UntilEscalating }
}

fn public() -> Deployment {
    Deployment { install_url: Some("https://sentry.io/sentry-apps/z/".into()), ..sample::deployment() }
}

fn standstill(is_paused: bool, removed: &[&str]) -> Standstill {
    let pause = Pause {
        account: ops().account,
        channel: ChannelId::new("ops"),
        since: NOW,
        why: "Zoom refuses messages to this place".into(),
    };
    Standstill { paused: is_paused.then_some(pause), removed: removed.iter().copied().map(OrgSlug::new).collect() }
}

fn not_understood() -> Message {
    let strange = format!("connect {}", typed());
    let lines = [
        ("nearly a command", "conect acme checkout"),
        ("no command at all", "frobnicate the disk"),
        ("the project is missing", "connect acme"),
        ("both names are missing", "connect"),
        ("no issue", "why"),
        ("what is no issue", "why not"),
        ("neither on nor off", "mentions perhaps"),
        ("nothing after it", "mentions"),
        ("too many words", "connect My Org Web App"),
        ("one word too many", "status now"),
        ("no duration", "mute acme checkout"),
        ("too short", "mute 1m"),
        ("too long", "mute 99d"),
        ("nearly a filter", "connect acme checkout enviroment:prod"),
        ("no filter at all", "connect acme checkout colour:blue"),
        ("nearly a filter's value", "configure acme checkout level:eror"),
        ("no value of a filter", "configure acme checkout event:lunch"),
        ("a tag without a value", "configure acme checkout tag:browser"),
        ("nothing after the colon", "configure acme checkout level:"),
        ("nothing would be left", "configure acme checkout env:dev -env:dev"),
        ("a hostile line", &strange),
        ("a hostile word", &strange["connect ".len()..]),
    ];
    let wrong = |line: &str| command::parse(line, "sentry").expect_err("it is not understood");
    let notice = |line: &str| say::not_understood(&sample::deployment(), &wrong(line));
    said("not_understood", "A line was not understood", lines.map(|(what, line)| (what, notice(line))))
}

fn organization(slug: &str, name: &str) -> Organization {
    Organization { slug: OrgSlug::new(slug), name: name.into() }
}

fn no_organization() -> Message {
    let seen = [organization("acme", "Acme Inc."), organization("globex", "Globex")];
    let lot: Vec<_> = (0..60).map(|n| organization(&format!("org-{n}"), "An organization")).collect();
    let strange = [organization("acme", &hostile())];
    let integration = Connect { identity: None, ..wish("zzz", "checkout") };
    let long = [organization(&many()[0].project.org.to_string(), "Long")];
    said(
        "no_organization",
        "No such organization, or not theirs to see",
        [
            ("nearly one of theirs", say::no_organization(&wish("acmee", "checkout"), &seen)),
            ("none of theirs", say::no_organization(&wish("zzz", "checkout"), &seen)),
            ("none of many", say::no_organization(&wish("zzz", "checkout"), &lot)),
            ("they have none", say::no_organization(&wish("zzz", "checkout"), &[])),
            ("the integration asks, because nobody links here", say::no_organization(&integration, &seen)),
            ("a hostile name", say::no_organization(&wish(&hostile(), &hostile()), &seen)),
            ("a hostile organization", say::no_organization(&wish("acmee", &hostile()), &strange)),
            (
                "the longest names",
                say::no_organization(&wish(long[0].slug.as_str(), many()[0].project.slug.as_str()), &long),
            ),
        ],
    )
}

fn no_project() -> Message {
    let acme = OrgSlug::new("acme");
    let seen = projects(&[to("checkout"), to("api"), to("api-gateway"), to("web")]);
    said(
        "no_project",
        "No such project, or not theirs to see",
        [
            ("nearly one", say::no_project(&acme, &wish("acme", "apii"), &seen)),
            ("the only one", say::no_project(&acme, &wish("acme", "apii"), &seen[..1])),
            ("they see none", say::no_project(&acme, &wish("acme", "apii"), &[])),
            ("a hostile name, many projects", say::no_project(&acme, &wish("acme", &hostile()), &projects(&many()))),
        ],
    )
}

fn not_allowed() -> Vec<Message> {
    let deployment = sample::deployment();
    vec![
        said(
            "not_allowed",
            "Only managers change what a channel gets",
            [
                ("nobody of them was ever seen", say::not_allowed(&deployment, &[])),
                ("two of them were", say::not_allowed(&deployment, &["Ben".into(), hostile()])),
            ],
        ),
        plainly("not_accepted", "The deployment accepts other organizations only", say::not_accepted()),
        plainly("guests_get_help", "A guest typed something, or pressed", say::guests_get_help(&deployment)),
        plainly("cannot_reach_you", "The person's own chat takes no messages", say::cannot_reach_you()),
        plainly(
            "arrived_late",
            "A command came so late that the channel has changed",
            say::arrived_late(NOW, berlin()),
        ),
    ]
}

fn not_sent() -> Vec<Message> {
    let letter = JobId::new("0123456789abcdef0123456789abcdef");
    vec![
        said(
            "cannot_post",
            "Nothing can be sent to a place any more; to whoever set it up",
            [
                ("one subscription", say::cannot_post(&ops(), NOW, &here(1))),
                ("several", say::cannot_post(&ops(), NOW, &here(2))),
                ("a hostile name", say::cannot_post(&strange_place(), NOW, &here(2))),
            ],
        ),
        said(
            "not_sent",
            "A card was given up; to whoever connected the place",
            [
                ("a channel", say::not_sent(&ops(), &letter, "503 (8 tries)")),
                ("a chat, with a reason that is a sentence", say::not_sent(&own_chat(), &letter, "Zoom refuses it.")),
                ("for hostile reasons", say::not_sent(&strange_place(), &letter, &hostile())),
            ],
        ),
        said(
            "not_edited",
            "Zoom takes no edit of a card; in its thread, once each time that the issue stands elsewhere",
            [
                (
                    "resolved by somebody",
                    say::not_edited(&card(Standing::Resolved { by: Some("Ana".into()), at: NOW })),
                ),
                ("opened again in Sentry", say::not_edited(&card(Standing::Reopened { by: None }))),
                ("archived by a hostile name", say::not_edited(&card(archived()))),
            ],
        ),
        said(
            "held_back",
            "The bot was restored from a backup; to a channel for which messages waited",
            [
                ("one message", say::held_back(Some(NOW), 1, Zone::UTC)),
                ("several", say::held_back(Some(NOW), 12, Zone::UTC)),
                ("of an unknown time", say::held_back(None, 12, Zone::UTC)),
            ],
        ),
    ]
    .into_iter()
    .chain(not_told())
    .collect()
}

fn not_told() -> Vec<Message> {
    vec![
        said(
            "no_hook",
            "Nothing brings a project's events, and no hook can be made for them; to whoever connected",
            [
                ("no such feature", say::no_hook(&public(), "acme / checkout", &NoHook::Feature)),
                ("not allowed", say::no_hook(&public(), "acme / checkout", &NoHook::Refused("You may not".into()))),
                ("a hostile reason", say::no_hook(&public(), "acme", &NoHook::Refused(hostile()))),
            ],
        ),
        plainly(
            "integration_installed",
            "An organization installed the integration that its channels wait for; everyone is told",
            say::integration_installed(&OrgSlug::new("acme")),
        ),
        said(
            "integration_removed",
            "An organization removed the integration; everyone is told",
            [
                ("with a link to it", say::integration_removed(&public(), &ops(), &OrgSlug::new("acme"))),
                ("without", say::integration_removed(&sample::deployment(), &ops(), &OrgSlug::new("acme"))),
            ],
        ),
        said(
            "trying_again",
            "Somebody pressed Resume",
            [
                ("a channel that refuses", say::trying_again(&public(), &ops(), &standstill(true, &[]))),
                ("a removed integration", say::trying_again(&public(), &ops(), &standstill(false, &["acme"]))),
                ("both", say::trying_again(&public(), &ops(), &standstill(true, &["acme", "globex"]))),
                ("neither any more", say::trying_again(&public(), &ops(), &standstill(false, &[]))),
            ],
        ),
        said(
            "webhooks_missing",
            "Sentry has issues of which no webhook told; to whoever can mend it",
            [
                ("silent, one issue", say::webhooks_missing(&heard(6 * HOUR), 1, NOW)),
                ("silent for days, several issues", say::webhooks_missing(&heard(3 * DAY), 4, NOW)),
                ("some arrive", say::webhooks_missing(&heard(MINUTE), 4, NOW)),
                ("none ever came", say::webhooks_missing(&Pulse::silent(OrgSlug::new("acme")), 4, NOW)),
            ],
        ),
    ]
}

fn sentry() -> Vec<Message> {
    let deployment = sample::deployment();
    vec![
        said(
            "sentry_down",
            "Sentry did not answer, and the command is given up",
            [
                ("after one try", say::sentry_down(&wish("acme", "checkout"), 1)),
                ("after several", say::sentry_down(&wish("acme", "checkout"), 3)),
            ],
        ),
        said(
            "sentry_refused",
            "Sentry refused a command",
            [
                (
                    "Sentry's reason",
                    say::sentry_refused(
                        &wish("acme", "checkout"),
                        "You do not have permission to perform this action.",
                    ),
                ),
                (
                    "the integration",
                    say::sentry_refused(
                        &Connect { identity: None, ..wish("acme", "checkout") },
                        "Sentry does not allow it",
                    ),
                ),
                ("a hostile reason", say::sentry_refused(&wish(&hostile(), &hostile()), &hostile())),
            ],
        ),
        plainly("integration_refused", "Sentry does not accept the integration's token", say::integration_refused()),
        said(
            "failed",
            "The person's grant does not work any more",
            [
                ("an address", say::failed(&deployment, "ana@acme.io")),
                ("a hostile name", say::failed(&deployment, &hostile())),
            ],
        ),
    ]
}

fn presses() -> Vec<Message> {
    let unlinked = "no Sentry account can be linked here, and the integration is another organization's.";
    vec![
        said(
            "not_done",
            "A press on a card was not carried out",
            [
                ("Sentry refused", say::not_done("resolved", "You do not have permission to perform this action.")),
                ("nobody links here", say::not_done("archived", unlinked)),
                ("a hostile reason", say::not_done("reopened", &hostile())),
            ],
        ),
        plainly("card_expired", "The button's card or message is not known", say::card_expired()),
        said(
            "done_already",
            "Somebody was faster",
            [
                ("somebody known", say::done_already(&Action::Resolve, Some("Ben"))),
                (
                    "it is theirs",
                    say::done_already(&Action::Assign(Assignee::User { id: "8".into(), name: "Ben".into() }), None),
                ),
                ("it is nobody's", say::done_already(&Action::Assign(Assignee::Nobody), None)),
                ("nobody known", say::done_already(&Action::Archive, None)),
                ("it never was otherwise", say::done_already(&Action::Reopen, None)),
                ("a hostile name", say::done_already(&Action::Resolve, Some(&hostile()))),
            ],
        ),
    ]
}
