//! Muting a channel's projects: nothing is posted for a while, and one message tells of what came.

use std::time::Duration;

use zentry_contract::sample::{ana, ben, change, channel, ops, project};
use zentry_domain::{ChangeKind, Choice, Event, IssueId, Notice, Person, Place, Policy};

use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

async fn connected() -> World {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world
}

fn messages(world: &World) -> Vec<Notice> {
    world.chat.messages_in(&ops().channel).into_iter().map(|message| message.notice).collect()
}

/// Presses the newest button that is labelled so.
async fn presses(world: &World, by: Person, place: Place, label: &str) {
    let buttons = messages(world).into_iter().rev().flat_map(|notice| notice.buttons);
    let press = buttons.into_iter().find(|button| button.label == label).expect(label).press;
    let pressed = zentry_domain::Pressed { by, place, press: Some(press), message: None };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
}

async fn another_issue(world: &World, number: &str, title: &str, events: u64) {
    let mut change = change(ChangeKind::New);
    change.issue_id = IssueId::new(number);
    (change.issue.title, change.issue.events) = (title.into(), Some(events));
    world.app.accept(&[], &Event::Changed(change)).await.expect("kept");
    world.settle().await;
}

#[tokio::test]
async fn what_comes_while_muted_is_told_by_one_message_when_it_is_over() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    world.ana_says("mute 2h").await;
    assert_eq!(world.last(), "Muted: acme / checkout until 05:04 UTC (2 h), by Ana. I will post one summary then.");
    world.ana_says("configure").await;
    let listed = messages(&world).pop().expect("a list").lines.remove(0).text;
    assert!(listed.contains(" · muted until 05:04 UTC · by Ana"), "{listed}");
    let before = messages(&world).len();
    another_issue(&world, "7", "DbTimeout: no answer", 412).await;
    another_issue(&world, "8", "KeyError", 3).await;
    world.happens(ChangeKind::Resolved).await;
    assert_eq!(messages(&world).len(), before, "nothing is posted");
    assert!(world.card().notice.head.starts_with("Resolved · "), "what is there is brought up to date");

    world.wait(2 * HOUR - MINUTE).await;
    assert_eq!(messages(&world).len(), before);
    world.wait(MINUTE).await;
    let back =
        "Back on: acme / checkout. While muted: 2 issues, 2 still open, worst: DbTimeout: no answer (412 events).";
    assert_eq!(world.last(), back);
    presses(&world, ben(), ops(), "Show 2").await;
    assert_eq!(world.last(), "2 issues");
    another_issue(&world, "9", "ValueError", 1).await;
    assert!(world.last().starts_with("New · [checkout] ValueError"), "{}", world.last());
    world.wait(MINUTE).await;
    assert!(messages(&world).iter().filter(|notice| notice.head.starts_with("Back on")).count() == 1, "once");
}

#[tokio::test]
async fn an_issue_that_comes_back_while_muted_gets_no_new_message_until_it_is_over() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    world.happens(ChangeKind::Resolved).await;
    world.ana_says("mute acme checkout 5m").await;
    let before = messages(&world).len();
    world.happens(ChangeKind::Regressed).await;
    assert_eq!(messages(&world).len(), before);
    world.wait(5 * MINUTE).await;
    assert!(world.last().contains("While muted: 1 issue, 1 still open"), "{}", world.last());
    world.wait(MINUTE).await;
}

#[tokio::test]
async fn a_mute_is_ended_prolonged_and_taken_back_by_its_buttons() {
    let world = connected().await;
    world.ana_says("mute 30m").await;
    presses(&world, ben(), channel("acc", "dev"), "Unmute").await;
    another_issue(&world, "7", "DbTimeout", 1).await;
    assert!(world.last().starts_with("Muted: "), "a button works where its message is: {}", world.last());
    presses(&world, ben(), ops(), "+1 h").await;
    let longer = "Muted: acme / checkout until 04:34 UTC (90 min), by Ben. I will post one summary then.";
    assert_eq!(world.last(), longer);
    world.wait(30 * MINUTE).await;
    assert_eq!(world.last(), longer, "a longer mute tells once, at its end");

    presses(&world, ana(), ops(), "Unmute").await;
    assert_eq!(
        world.last(),
        "Back on: acme / checkout. While muted: 1 issue, 1 still open, worst: DbTimeout (1 event)."
    );
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    assert!(world.last().starts_with("Muted: acme / checkout until 04:34 UTC (60 min)"), "{}", world.last());
    world.wait(HOUR).await;
    assert_eq!(world.last(), "Back on: acme / checkout. Nothing came while it was muted.");
    presses(&world, ana(), ops(), "Unmute").await;
    assert_eq!(world.last(), "This mute is over. Nothing changed.");
    world.wait(MINUTE).await;
}

#[tokio::test]
async fn undo_of_a_mute_tells_at_once_what_came() {
    let world = connected().await;
    world.ana_says("mute 1d").await;
    another_issue(&world, "7", "DbTimeout", 1).await;
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    let heads: Vec<_> = messages(&world).into_iter().rev().take(2).map(|notice| notice.head).collect();
    assert!(heads.iter().any(|head| head == "Unmuted: acme / checkout, by Ana."), "{heads:?}");
    assert!(heads.iter().any(|head| head.starts_with("Back on: acme / checkout. While muted: 1 issue")), "{heads:?}");
    world.wait(24 * HOUR).await;
}

#[tokio::test]
async fn one_project_is_muted_and_the_others_go_on() {
    let world = connected().await;
    world.ana_says("connect acme web").await;
    world.ana_says("mute 1h acme web").await;
    another_issue(&world, "7", "DbTimeout", 1).await;
    assert!(world.last().starts_with("New · [checkout] DbTimeout"), "{}", world.last());
    world.ana_says("mute 2h").await;
    assert!(world.last().starts_with("Muted: everything here (2) until 05:04 UTC"), "{}", world.last());
    another_issue(&world, "8", "KeyError", 1).await;
    world.wait(HOUR).await;
    assert!(world.last().starts_with("Muted: "), "nothing is over yet: {}", world.last());
    world.ana_says("unmute acme web").await;
    assert_eq!(world.last(), "Unmuted: acme / web, by Ana.");
    world.ana_says("unmute acme web").await;
    assert_eq!(world.last(), "acme / web is not muted. Nothing changed.");
    world.wait(HOUR).await;
    assert!(world.last().starts_with("Back on: "), "{}", world.last());
    world.wait(MINUTE).await;
}

#[tokio::test]
async fn what_is_disconnected_while_muted_is_not_told_of() {
    let world = connected().await;
    world.ana_says("mute 1h").await;
    another_issue(&world, "7", "DbTimeout", 1).await;
    world.ana_says("disconnect").await;
    world.wait(HOUR).await;
    assert!(world.last().starts_with("Disconnected everything here"), "{}", world.last());
}

#[tokio::test]
async fn nothing_is_muted_for_ever_nor_by_those_who_may_not() {
    let world = World::new(|deployment| {
        deployment.linking = false;
        deployment.policy = Policy::Managers;
        deployment.managers = vec![ana().user];
        deployment.integration_org = Some(project("checkout").org);
    });
    world.ana_says("mute 1h").await;
    assert_eq!(world.last(), "Nothing is connected here.");
    world.ana_says("connect acme checkout").await;
    world.ana_says("mute acme checkout").await;
    assert!(world.last().starts_with("For how long? From 5m to 14d"), "{}", world.last());
    world.say(ben(), ops(), "mute 1h").await;
    assert!(world.last().starts_with("In this Zoom account only managers may"), "{}", world.last());
    world.ana_says("mute 14d").await;
    presses(&world, ben(), ops(), "Unmute").await;
    assert!(world.last().starts_with("In this Zoom account only managers may"), "{}", world.last());
    presses(&world, ana(), ops(), "+1 h").await;
    assert!(world.last().contains("(14 days)"), "never longer: {}", world.last());
    assert!(matches!(
        messages(&world).last().and_then(|n| n.buttons.first()).map(|b| b.press.choice.clone()),
        Some(Choice::Unmute)
    ));
    presses(&world, ana(), ops(), "Unmute").await;
    world.wait(MINUTE).await;
}
