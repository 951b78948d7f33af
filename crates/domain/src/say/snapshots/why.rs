//! Why a message is there, and why one is not.

use super::world::{DAY, HOUR, NOW, hostile, ops, own_chat, strange_place, subscription, to};
use super::{Message, said};
use crate::decide::WhyFacts;
use crate::{
    Card, ChangeKind, DeadLetter, Handle, IssueId, IssueName, JobId, Kind, Lane, Level, MessageId, Notice, Place,
    Refusal, Subscription, Timestamp, Trace, Verdict, Zone, sample, say,
};

pub(super) fn messages() -> Vec<Message> {
    vec![why(), why_given_up()]
}

fn trace(at: Timestamp, told: Option<Kind>, verdict: Verdict) -> Trace {
    let Place { account, channel, .. } = ops();
    Trace { account, channel, issue: IssueId::new("42"), short_id: Some("CHECKOUT-7".into()), at, told, verdict }
}

fn card() -> Card {
    Card::open(Handle::new("h"), &subscription(), &sample::change(ChangeKind::New), NOW)
}

fn posted() -> WhyFacts {
    let traces = vec![trace(NOW, None, Verdict::Posted), trace(NOW - HOUR, Some(Kind::New), Verdict::Queued)];
    WhyFacts { traces, card: Some(Card { message: Some(MessageId::new("m")), ..card() }), letter: None }
}

fn only(told: Option<Kind>, verdict: Verdict, card: Option<Card>) -> WhyFacts {
    WhyFacts { traces: vec![trace(NOW, told, verdict)], card, letter: None }
}

/// Every verdict, eight at a time.
fn every_verdict() -> [WhyFacts; 2] {
    let refusals = [Refusal::Event, Refusal::Level(Level::Info), Refusal::Title, Refusal::Environment, Refusal::Tag];
    let mut told: Vec<_> = refusals.map(|refusal| (Some(Kind::New), Verdict::Filtered(refusal))).into();
    told.extend([(None, Verdict::Asked), (None, Verdict::Fits), (None, Verdict::LeftOut(Refusal::Tag))]);
    told.push((None, Verdict::Unsaid));
    told.extend([Verdict::Edit, Verdict::Merged, Verdict::Muted, Verdict::Storm].map(|v| (Some(Kind::Resolved), v)));
    told.extend([Verdict::CaughtUp, Verdict::Disconnected, Verdict::GivenUp].map(|v| (None, v)));
    let facts = |told: &[(Option<Kind>, Verdict)]| WhyFacts {
        traces: told.iter().map(|(told, verdict)| trace(NOW - DAY, *told, *verdict)).collect(),
        ..WhyFacts::default()
    };
    [facts(&told[..8]), facts(&told[8..])]
}

fn why() -> Message {
    let (one, two) = ([subscription()], [to("checkout"), to("web")]);
    let name = IssueName::Short("CHECKOUT-7".into());
    let show = |place: &Place, facts: &WhyFacts, here: &[Subscription]| -> Notice {
        say::why(&sample::deployment(), place, &name, facts, here)
    };
    let [first, second] = every_verdict();
    let filtered = only(Some(Kind::New), Verdict::Filtered(Refusal::Environment), Some(card().unopened()));
    let listed = Card { listed: Some(Handle::new("storm")), ..card() };
    let strange = IssueName::Short(hostile());
    said(
        "why",
        "`why` with an issue",
        [
            ("it was posted", show(&ops(), &posted(), &one)),
            ("it was posted, in the person's own chat", show(&own_chat(), &posted(), &one)),
            ("a filter left it out", show(&ops(), &filtered, &one)),
            ("a filter left it out, of one of several projects", show(&ops(), &filtered, &two)),
            ("it waits", show(&ops(), &only(Some(Kind::New), Verdict::Queued, Some(card())), &one)),
            ("a storm's card stands for it", show(&ops(), &only(Some(Kind::New), Verdict::Storm, Some(listed)), &one)),
            ("every verdict, the first half", show(&ops(), &first, &one)),
            ("every verdict, the second half", show(&ops(), &second, &one)),
            ("nothing was heard of it", show(&ops(), &WhyFacts::default(), &one)),
            ("nothing was heard of it, nothing is connected", show(&ops(), &WhyFacts::default(), &[])),
            (
                "a hostile name",
                say::why(
                    &sample::deployment(),
                    &strange_place(),
                    &strange,
                    &WhyFacts::default(),
                    &super::world::many(),
                ),
            ),
        ],
    )
}

fn letter(attempts: u32, why: &str) -> DeadLetter {
    let Place { account, channel, .. } = ops();
    DeadLetter {
        id: JobId::new("0123456789abcdef0123456789abcdef"),
        lane: Lane::cards(&account, &channel),
        job: None,
        why: why.into(),
        attempts,
        since: NOW - DAY,
        at: NOW - HOUR,
    }
}

fn why_given_up() -> Message {
    let id = letter(0, "").id;
    let strange = JobId::new(hostile());
    said(
        "why_given_up",
        "`why` with the number of a message that was given up",
        [
            ("after several tries", say::why_given_up(&id, Some(&letter(7, "Zoom answered 503.")), (NOW, Zone::UTC))),
            (
                "after one try, on another day",
                say::why_given_up(&id, Some(&letter(0, "Zoom refuses it")), (NOW + DAY, Zone::UTC)),
            ),
            ("for hostile reasons", say::why_given_up(&id, Some(&letter(1, &hostile())), (NOW, Zone::UTC))),
            ("it is not known", say::why_given_up(&id, None, (NOW, Zone::UTC))),
            ("a hostile number", say::why_given_up(&strange, None, (NOW, Zone::UTC))),
        ],
    )
}
