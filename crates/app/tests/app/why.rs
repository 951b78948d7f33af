//! Why a message is there, why one is not, and who changed what.

use std::time::Duration;

use zentry_contract::fake::ChatFault;
use zentry_contract::sample::{ana, ben, change, ops, project};
use zentry_domain::{Action, ChangeKind, Event, Journal, Policy};

use crate::world::World;

fn said(world: &World) -> Vec<String> {
    let notice = world.chat.messages_in(&ops().channel).pop().expect("an answer").notice;
    std::iter::once(notice.head).chain(notice.lines.into_iter().map(|line| line.text)).collect()
}

#[tokio::test]
async fn why_tells_what_became_of_each_thing_that_sentry_told() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout level:fatal").await;
    world.happens(ChangeKind::New).await;
    world.ana_says("why checkout-7").await;
    assert_eq!(
        said(&world),
        [
            "CHECKOUT-7 was not posted in #ops.",
            "2 Jan 03:04:05 UTC · new · received, left out by the filter level: (it was error)",
            "Other filters: /sentry configure acme checkout <filters>",
        ]
    );
    world.ana_says("configure acme checkout none").await;
    world.clock.advance(Duration::from_secs(65));
    world.happens(ChangeKind::Alert { rule: "any".into(), page: None }).await;
    world.happens(ChangeKind::Resolved).await;
    world.ana_says("why https://sentry.example.com/organizations/acme/issues/42/").await;
    let told = said(&world);
    assert_eq!(told[0], "CHECKOUT-7 has a message in #ops.");
    assert_eq!(told[2], "2 Jan 03:05:10 UTC · alert · received, wanted here, queued to be posted");
    assert_eq!(told[3], "2 Jan 03:05:10 UTC · message · Zoom took it");
    assert_eq!(told[4], "2 Jan 03:05:10 UTC · resolved · received, the message that is here was brought up to date");
}

#[tokio::test]
async fn why_knows_mutes_and_what_was_never_heard() {
    let world = World::with_integration();
    world.ana_says("why CHECKOUT-7").await;
    assert_eq!(said(&world)[0], "I have heard nothing of CHECKOUT-7 for this channel in the last 14 days.");
    assert!(said(&world)[1].contains("Nothing is connected here."), "{:?}", said(&world));
    world.ana_says("connect acme checkout").await;
    world.ana_says("mute 5m").await;
    world.happens(ChangeKind::New).await;
    world.ana_says("why 42").await;
    assert_eq!(said(&world)[0], "CHECKOUT-7 has no message of its own in #ops: another one stands for it.");
    assert!(said(&world)[1].ends_with("new · received while muted, told of when that ends"), "{:?}", said(&world));
    world.ana_says("why").await;
    assert!(world.last().starts_with("Which issue? Paste the link of its page"), "{}", world.last());
    world.wait(Duration::from_secs(300)).await;
    world.wait(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_message_that_was_given_up_is_asked_about_by_the_number_that_was_told() {
    let world = World::with_integration();
    world.ana_says("why 0123456789abcdef0123456789abcdef").await;
    assert_eq!(world.last(), "I know of no dead letter 0123456789abcdef0123456789abcdef.");
    world.ana_says("connect acme checkout").await;
    world.chat.fail_times(2, ChatFault::Refused);
    world.happens(ChangeKind::New).await;
    let letter = world.store.dead_letters().await.expect("read").remove(0);
    world.ana_says(&format!("why {}", letter.id)).await;
    assert_eq!(world.last(), "Given up at 03:04 UTC after 1 try: refused: a fault that was asked for.");
    world.ana_says("why CHECKOUT-7").await;
    assert!(said(&world).iter().any(|line| line.ends_with("message · given up: Zoom did not take it")));
    world.drop_dead(1).await;
}

#[tokio::test]
async fn every_change_is_on_record_with_who_where_and_what_came_of_it() {
    let world = World::new(|deployment| {
        deployment.linking = false;
        deployment.policy = Policy::Managers;
        deployment.managers = vec![ana().user];
        deployment.integration_org = Some(project("checkout").org);
    });
    world.say(ben(), ops(), "connect acme checkout").await;
    world.ana_says("connect acme chekcout").await;
    world.ana_says("connect acme checkout").await;
    world.ana_says("configure acme checkout level:fatal").await;
    world.ana_says("configure acme checkout none").await;
    world.app.accept(&[], &Event::Changed(change(ChangeKind::New))).await.expect("kept");
    world.settle().await;
    world.ana_presses(Action::Resolve).await;
    world.ana_says("mute 5m").await;
    world.ana_says("unmute").await;
    world.ana_says("disconnect").await;
    let record = world.store.audit().await.expect("read");
    let told: Vec<_> = record
        .iter()
        .map(|e| format!("{} {} {} -> {}", e.actor, e.action, e.object.split(" in ").next().unwrap_or(""), e.result))
        .collect();
    assert_eq!(
        told,
        [
            "Ben (U2) connect connect acme checkout -> refused: In this Zoom account only managers may change what channels get. Nothing changed.",
            "Ana (U1) connect acme / chekcout -> refused: acme has no project \"chekcout\". Closest: checkout, web.",
            "Ana (U1) connect acme / checkout -> done: new issues, issues that come back, issues that escalate, alerts; error and above",
            "Ana (U1) filter acme / checkout -> done: new issues, issues that come back, issues that escalate, alerts; fatal only",
            "Ana (U1) filter acme / checkout -> done: new issues, issues that come back, issues that escalate, alerts; error and above",
            "Ana (U1) resolve issue 42 of acme -> done",
            "Ana (U1) mute acme / checkout -> done: until 2026-01-02T03:09:05Z",
            "Ana (U1) unmute acme / checkout -> done",
            "Ana (U1) disconnect acme / checkout -> done",
        ]
    );
    assert!(record.iter().all(|entry| entry.object.ends_with("in #ops (ops@conference.xmpp.zoom.us)")));
    world.wait(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_test_walks_the_real_path_and_reports_each_hop() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout level:fatal").await;
    world.ana_says("connect acme web").await;
    world.ana_says("test").await;
    let messages = world.chat.messages_in(&ops().channel);
    let [.., card, _] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(card.notice.head, "TEST · [checkout] This is how a new issue looks here");
    assert!(card.notice.buttons.is_empty() && card.to.visible_to.is_none(), "{card:?}");
    let report = said(&world);
    assert_eq!(
        report[0],
        "Test sent through the real path: received ok · filters leave a new error out of 1 project · limit ok · Zoom ok (0.0 s)."
    );
    assert!(report[2].starts_with("acme / checkout gets: ") && report[2].ends_with("; fatal only."), "{report:?}");
    assert_eq!(report[3], "acme: no event has come yet.");
}

#[tokio::test]
async fn a_test_that_zoom_does_not_take_says_so_in_the_askers_own_chat() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.close(&ops().channel);
    world.ana_says("test").await;
    assert!(
        world.last_direct().starts_with("Test failed: received ok · filters ok · limit ok · Zoom: "),
        "{}",
        world.last_direct()
    );
    world.chat.reopen(&ops().channel);
}
