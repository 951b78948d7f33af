//! Cards that stand for many: storms, gaps, mutes, and what is listed behind them.

use std::time::Duration;

use super::world::{DAY, HOUR, MINUTE, NOW, ana, hostile, labels, many, ops, subscription, to};
use super::{Message, said};
use crate::roundup::{Cause, Gathering, Missed, Roundup, Scene, Shared, TOP};
use crate::{Card, ChangeKind, Content, Handle, Notice, Status, Zone, sample};

pub(super) fn messages() -> Vec<Message> {
    let variants = storms().into_iter().chain(gaps()).chain(mutes());
    vec![said("notice", "One card stands for many", variants), lists()]
}

fn content(title: &str, events: Option<u64>, status: Status) -> Content {
    let mut change = sample::change(ChangeKind::New);
    (change.issue.title, change.issue.events, change.issue.status) = (title.into(), events, Some(status));
    Card::open(Handle::new("h"), &subscription(), &change, NOW).content
}

fn one() -> Gathering {
    let top = vec![content("DbTimeout: no answer", Some(1), Status::Unresolved)];
    Gathering { issues: 1, open: 1, fresh: 1, settled: 0, events: 1, top, shared: vec![] }
}

fn gathering() -> Gathering {
    let top = vec![
        content("TimeoutError: pool exhausted", Some(812), Status::Unresolved),
        content("ConnectionReset", Some(440), Status::Resolved),
        content("KeyError: 'id'", Some(96), Status::Archived),
        content("An issue of which Sentry said no figure", None, Status::Unresolved),
    ];
    let shared = [(Shared::Project, "checkout", 38), (Shared::Release, "2.4.1", 31), (Shared::Culprit, "pay.py", 2)];
    let shared = shared.map(|(what, value, n)| (what, value.to_owned(), n)).into();
    Gathering { issues: 38, open: 6, fresh: 30, settled: 5, events: 1_900, top, shared }
}

fn strange() -> Gathering {
    let top = (0..TOP).map(|_| content(&hostile(), Some(9), Status::Unresolved)).collect();
    let shared = [Shared::Release, Shared::Environment, Shared::Culprit].map(|what| (what, hostile(), 5)).into();
    Gathering { issues: 5, open: 5, fresh: 5, settled: 0, events: 45, top, shared }
}

fn roundup(cause: Cause) -> Roundup {
    Roundup::begin(Handle::new("s"), Scene { place: ops(), by: ana(), cause }, NOW)
}

fn storms() -> Vec<(String, Notice)> {
    let storm = roundup(Cause::Storm);
    let over = Roundup { ended: Some(NOW + 17 * MINUTE), ..storm.clone() };
    let after = |time: Duration, holds: &Gathering| storm.notice(holds, &[], NOW + time, Zone::UTC);
    let nothing = Gathering::default();
    [
        ("a storm has begun", after(Duration::from_secs(5), &one())),
        ("a storm is on", after(4 * MINUTE, &gathering())),
        ("a storm is on, with hostile issues", after(4 * MINUTE, &strange())),
        ("a storm of which nothing is left", after(4 * MINUTE, &nothing)),
        ("a storm is over", over.notice(&gathering(), &[], NOW + DAY, Zone::UTC)),
        ("a storm of one is over", over.notice(&one(), &[], NOW + DAY, Zone::UTC)),
    ]
    .map(|(what, notice)| (what.to_owned(), notice))
    .into()
}

fn gaps() -> Vec<(String, Notice)> {
    let gap = |time: Duration, why, holds: &Gathering| {
        let until = NOW + time;
        roundup(Cause::Gap { from: NOW, until, why }).notice(holds, &[], until, Zone::UTC)
    };
    [
        ("after a gap at Sentry", gap(88 * MINUTE, Missed::Untold, &gathering())),
        ("after a gap of ours, over a day", gap(30 * HOUR, Missed::Ours, &gathering())),
        ("after a gap at Zoom, of one issue", gap(HOUR, Missed::Undelivered, &one())),
        ("after a gap of which nothing is left", gap(HOUR, Missed::Untold, &Gathering::default())),
        ("after a gap, with hostile issues", gap(HOUR, Missed::Untold, &strange())),
    ]
    .map(|(what, notice)| (what.to_owned(), notice))
    .into()
}

fn mutes() -> Vec<(String, Notice)> {
    let mute = roundup(Cause::Mute);
    let (one_back, back, lot) = (labels(&[to("web")]), labels(&[to("web"), to("checkout")]), labels(&many()));
    let after = |holds: &Gathering, back: &[String]| mute.notice(holds, back, NOW, Zone::UTC);
    [
        ("after a mute", after(&gathering(), &one_back)),
        ("after a mute of two, one issue came", after(&one(), &back)),
        ("after a mute that another one has replaced", after(&one(), &[])),
        ("after a mute in which nothing came", after(&Gathering::default(), &one_back)),
        ("after a mute of two in which nothing came", after(&Gathering::default(), &back)),
        ("after such a mute that another one has replaced", after(&Gathering::default(), &[])),
        ("after a mute of many projects, with hostile issues", after(&strange(), &lot)),
    ]
    .map(|(what, notice)| (what.to_owned(), notice))
    .into()
}

fn lists() -> Message {
    let storm = roundup(Cause::Storm);
    let few = Gathering { issues: 4, ..gathering() };
    let mut unlinked = one();
    unlinked.top[0].issue.url = None;
    said(
        "list",
        "Show all was pressed; to that person only",
        [
            ("more than are listed", storm.list(&gathering())),
            ("all are listed", storm.list(&few)),
            ("one, whose page is not known", storm.list(&unlinked)),
            ("none any more", storm.list(&Gathering::default())),
            ("hostile issues", storm.list(&strange())),
        ],
    )
}
