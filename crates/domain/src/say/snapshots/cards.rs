//! Cards in every standing, in every density, and with whatever a channel hides.

use std::time::Duration;

use super::world::{DAY, NOW, ana, hostile, ops, strange_place, stranger, subscription};
use super::{Message, metric, said};
use crate::decide::Core;
use crate::{
    Action, Archive, Assignee, Card, ChangeKind, ChannelSettings, Content, Density, Fix, Handle, Issue, Level, Notice,
    Privacy, Release, Sighting, Standing, Status, Tag, Tags, Test, Updates, sample,
};

pub(super) fn messages() -> Vec<Message> {
    let before = content(Standing::New, ChannelSettings::default());
    let told = |standing| content(standing, ChannelSettings::default()).told_after(&before);
    let assigned = |assignee| {
        let mut content = content(Standing::New, ChannelSettings::default());
        content.issue.assignee = Some(assignee);
        content.told_after(&before)
    };
    let resolved = || Standing::Resolved { by: Some("Ben".into()), at: NOW };
    vec![
        said("notice", "An issue's card", standings().into_iter().chain(looks()).chain(extremes())),
        said(
            "told_after",
            "Something has happened to the issue of a card; where the channel wants a message of it",
            [
                ("resolved by somebody", told(resolved())),
                ("opened again in Sentry", told(Standing::Reopened { by: None })),
                ("it came back", told(Standing::CameBack)),
                ("assigned", assigned(Assignee::Somebody("Ben".into()))),
                ("assigned to a hostile name", assigned(Assignee::Somebody(hostile()))),
                ("not assigned any more", assigned(Assignee::Nobody)),
            ]
            .into_iter()
            .chain(metric::told()),
        ),
    ]
}

fn content(standing: Standing, settings: ChannelSettings) -> Content {
    let subscription = crate::Subscription { settings, ..subscription() };
    let mut change = sample::change(ChangeKind::New);
    change.issue.assignee = Some(Assignee::Somebody("Ben".into()));
    let mut content = Card::open(Handle::new("h"), &subscription, &change, NOW).content;
    content.issue.status = Some(standing.status());
    Content { standing, ..content }
}

fn drawn(content: &Content) -> Notice {
    content.notice(&Handle::new("h"))
}

fn standings() -> Vec<(String, Notice)> {
    let by = || Some("Ben".to_owned());
    let archived = |by, until| Standing::Archived { by, at: NOW, until };
    let standings = [
        ("new", Standing::New),
        ("it happened once more", Standing::Seen),
        ("it came back", Standing::CameBack),
        ("it happens much more often", Standing::Escalating),
        ("a rule fired", rule("Page on new errors")),
        ("new in an environment", first_in("production", "dev")),
        ("new in a hostile environment", first_in(&hostile(), &hostile())),
        ("opened again by somebody", Standing::Reopened { by: by() }),
        ("opened again in Sentry", Standing::Reopened { by: None }),
        ("resolved by somebody", Standing::Resolved { by: by(), at: NOW }),
        ("resolved in Sentry", Standing::Resolved { by: None, at: NOW }),
        ("archived until it escalates", archived(by(), Archive::UntilEscalating)),
        ("archived until something else", archived(by(), Archive::UntilCondition)),
        ("archived for some events", archived(by(), Archive::Events(10))),
        ("archived for a time", archived(by(), Archive::Until(NOW + DAY))),
        ("archived for ever", archived(by(), Archive::Forever)),
        ("archived, nobody knows until when or by whom", archived(None, Archive::Untold)),
    ];
    let card = |standing| drawn(&content(standing, ChannelSettings::default()));
    let standings = standings.map(|(what, standing)| (format!("{what}, standard"), card(standing)));
    standings.into_iter().chain(resolutions()).chain(histories()).collect()
}

fn rule(name: &str) -> Standing {
    let page = Some("https://sentry.example.com/organizations/acme/alerts/rules/?project=3".into());
    Standing::Alert { rule: name.into(), page }
}

fn first_in(environment: &str, elsewhere: &str) -> Standing {
    let elsewhere = Sighting { environment: elsewhere.into(), at: NOW - 9 * DAY };
    Standing::FirstIn { environment: environment.into(), elsewhere, at: NOW }
}

/// In whatever an issue can be resolved.
fn resolutions() -> Vec<(String, Notice)> {
    let fixes = [
        ("in the next release", Fix::In(Release::Next)),
        ("in the current release", Fix::In(Release::Current)),
        ("in a release by name", Fix::Release("2.4.2".into())),
        ("in a hostile release", Fix::Release(hostile())),
        ("by a commit", Fix::Commit),
    ];
    let resolved = |fix| {
        let resolved = Standing::Resolved { by: Some("Ben".into()), at: NOW };
        let mut content = content(resolved, ChannelSettings::default());
        content.issue.fix = Some(fix);
        drawn(&content)
    };
    fixes.map(|(what, fix)| (format!("resolved {what}"), resolved(fix))).into()
}

/// What happens to an issue one after the other, and while Sentry is asked.
fn histories() -> Vec<(String, Notice)> {
    const MINUTE: Duration = Duration::from_secs(60);
    let change = |kind| crate::Change { by: Some("Ben".into()), ..sample::change(kind) };
    let new = Card::open(Handle::new("h"), &subscription(), &change(ChangeKind::New), NOW);
    let mut assigned = change(ChangeKind::Assigned);
    assigned.issue.assignee = Some(Assignee::Somebody("Cara".into()));
    let given = new.after(&assigned, NOW + MINUTE).expect("it is Cara's now");
    let mut nobodys = change(ChangeKind::Assigned);
    nobodys.issue.assignee = Some(Assignee::Nobody);
    let taken = given.after(&nobodys, NOW + 2 * MINUTE).expect("it is nobody's now");
    let resolved = taken.after(&change(ChangeKind::Resolved), NOW + 29 * MINUTE).expect("resolved");
    let back = resolved.after(&change(ChangeKind::Regressed), NOW + 90 * MINUTE).expect("it came back");
    let doing = |action| new.while_doing(&action, &ana(), NOW).expect("it says so").notice();
    vec![
        ("assigned a minute later".into(), given.notice()),
        ("then to nobody".into(), taken.notice()),
        ("then resolved".into(), resolved.notice()),
        ("then it came back".into(), back.notice()),
        ("while Sentry is asked to resolve it".into(), doing(Action::Resolve)),
        ("while Sentry is asked to give it to somebody".into(), doing(Action::Assign(Assignee::Nobody))),
    ]
}

/// Every density with every privacy, open and resolved.
fn looks() -> Vec<(String, Notice)> {
    let resolved = || Standing::Resolved { by: Some("Ben".into()), at: NOW };
    let mut looks = Vec::new();
    let tags = Tags::default().with(Tag::Browser, true).with(Tag::Os, true);
    let mut tagged = content(Standing::New, ChannelSettings { tags, ..ChannelSettings::default() });
    tagged.issue.tags = vec![(Tag::Browser, "Chrome 120".into()), (Tag::ServerName, "web-1".into())];
    tagged.issue.tags.push((Tag::Os, hostile()));
    tagged.issue.frame = Some("checkout/pay.py:88 in charge_card".into());
    looks.push(("with the tags that the channel wants, and a frame".into(), drawn(&tagged)));
    for density in Density::ALL {
        for privacy in Privacy::ALL {
            let settings = ChannelSettings { updates: Updates::Edit, density, privacy, ..ChannelSettings::default() };
            let what = format!("{}, text {}", density.in_words(), privacy.in_words());
            looks.push((format!("new, {what}"), drawn(&content(Standing::New, settings))));
        }
        let settings = ChannelSettings { density, ..ChannelSettings::default() };
        looks.push((format!("resolved, {}", density.in_words()), drawn(&content(resolved(), settings))));
    }
    looks
}

/// What Sentry says hardly anything of, a lot of, or what somebody wants to do harm with.
fn extremes() -> Vec<(String, Notice)> {
    let mut extremes = Vec::new();
    let bare = Issue { title: "Issue".into(), ..Issue::default() };
    let numbered = Issue { short_id: Some("CHECKOUT-7".into()), ..bare.clone() };
    let linked = Issue { url: Some("https://sentry.example.com/issues/42/".into()), ..bare.clone() };
    let figures = |events, level| Issue {
        events: Some(events),
        users: Some(events),
        level: Some(level),
        status: Some(Status::Unresolved),
        first_seen: Some(NOW - DAY),
        ..bare.clone()
    };
    let strange = Issue {
        short_id: Some(hostile()),
        title: hostile(),
        culprit: Some(hostile()),
        release: Some(hostile()),
        environment: Some(hostile()),
        assignee: Some(Assignee::Somebody(hostile())),
        ..figures(1_240_000, Level::Fatal)
    };
    for density in Density::ALL {
        let settings = ChannelSettings { density, ..ChannelSettings::default() };
        let of = |standing, issue: &Issue| drawn(&Content { issue: issue.clone(), ..content(standing, settings) });
        let what = density.in_words();
        extremes.push((format!("hardly anything is known, {what}"), of(Standing::New, &bare)));
        extremes.push((format!("only its short id is known, {what}"), of(Standing::New, &numbered)));
        extremes.push((format!("only its page is known, {what}"), of(Standing::New, &linked)));
        extremes.push((format!("one of each, {what}"), of(Standing::New, &figures(1, Level::Warning))));
        extremes.push((format!("many of each, {what}"), of(Standing::Escalating, &figures(1_240, Level::Debug))));
        let rule = rule(&hostile());
        let alert = Content { by: stranger(), place: strange_place(), ..content(rule, settings) };
        extremes.push((format!("hostile, {what}"), drawn(&Content { issue: strange.clone(), ..alert })));
    }
    extremes
}

pub(super) fn test_card() -> Vec<Message> {
    let (deployment, random) = (sample::deployment(), sample::Counting::default());
    let core = Core { deployment: &deployment, now: NOW, random: &random };
    let test = |by| Test { by, place: ops() };
    let compact = ChannelSettings { density: Density::Compact, ..ChannelSettings::default() };
    let compact = crate::Subscription { settings: compact, ..subscription() };
    vec![said(
        "test_card",
        "`test`; everyone sees it",
        [
            ("nothing connected", core.test_card(&test(ana()), &[])),
            ("connected", core.test_card(&test(ana()), &[subscription()])),
            ("connected, compact", core.test_card(&test(ana()), &[compact])),
            ("a hostile name", core.test_card(&test(stranger()), &[subscription()])),
        ],
    )]
}
