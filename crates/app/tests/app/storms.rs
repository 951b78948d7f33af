//! More new issues than anybody can read.

use std::time::Duration;

use zentry_contract::fake::FakeMessage;
use zentry_contract::sample::{ana, change, channel, ops};
use zentry_domain::{Action, ChangeKind, Choice, Event, IssueId};

use crate::world::World;

async fn new_issues(world: &World, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let mut new = change(ChangeKind::New);
        new.issue_id = IssueId::new(number.to_string());
        new.issue.title = format!("Error {number}");
        new.issue.events = Some(number);
        new.issue.release = Some("2.4.1".into());
        world.app.accept(&[], &Event::Changed(new)).await.expect("kept");
    }
    world.settle().await;
}

fn cards(world: &World) -> Vec<FakeMessage> {
    world.chat.messages_in(&ops().channel).into_iter().filter(|m| m.notice.tone.is_some()).collect()
}

fn storm_card(world: &World) -> FakeMessage {
    let storms: Vec<_> = cards(world).into_iter().filter(|card| card.notice.head.starts_with("Storm")).collect();
    assert_eq!(storms.len(), 1, "{storms:?}");
    storms[0].clone()
}

#[tokio::test]
async fn over_its_budget_a_channel_gets_one_card_for_all_and_nothing_is_lost() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    new_issues(&world, 1..41).await;
    assert_eq!(cards(&world).len(), 7, "six cards and the storm's");

    world.wait(Duration::from_secs(11)).await;
    let storm = storm_card(&world);
    assert_eq!(storm.notice.head, "Storm · [checkout] 34 new issues in under a minute");
    assert!(storm.notice.lines[0].text.starts_with("34 of 34 share release 2.4.1"), "{:?}", storm.notice.lines);
    assert!(storm.notice.lines[1].text.starts_with("Top: Error 40 40 · Error 39 39"), "{:?}", storm.notice.lines);

    let press = storm.notice.buttons[0].press.clone();
    assert_eq!(press.choice, Choice::ShowAll);
    world.press(ana(), Some(press)).await;
    let list = world.chat.messages_in(&ops().channel).pop().expect("a list");
    assert_eq!((list.notice.head.as_str(), list.notice.lines.len()), ("34 issues", 34));
    assert_eq!(list.to.visible_to, Some(ana().user), "only who asked sees it");
    calm(&world).await;
}

#[tokio::test]
async fn the_storms_card_is_edited_every_ten_seconds_at_most_and_says_when_it_is_over() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    new_issues(&world, 1..10).await;
    for round in 0..5 {
        new_issues(&world, 100 + round * 10..110 + round * 10).await;
        world.wait(Duration::from_secs(1)).await;
    }
    assert_eq!(storm_card(&world).edits, 0, "no ten seconds have passed");
    world.wait(Duration::from_secs(6)).await;
    assert_eq!(storm_card(&world).edits, 1);
    calm(&world).await;
    assert!(storm_card(&world).notice.head.starts_with("Storm over · [checkout] 53 issues in "));
}

#[tokio::test]
async fn after_a_storm_the_next_card_comes_by_itself() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    new_issues(&world, 1..10).await;
    calm(&world).await;
    let before = cards(&world).len();
    new_issues(&world, 500..501).await;
    let last = cards(&world).pop().expect("a card");
    assert_eq!(cards(&world).len(), before + 1);
    assert!(last.notice.head.contains("Error 500"), "{}", last.notice.head);
}

#[tokio::test]
async fn what_is_done_in_one_channel_posts_nothing_in_another_where_a_storm_lists_it() {
    let world = World::with_integration();
    let dev = channel("acc", "dev");
    world.say(ana(), dev.clone(), "connect acme checkout").await;
    new_issues(&world, 1..10).await;
    world.ana_says("connect acme checkout").await;
    world.wait(Duration::from_secs(1)).await;
    // In #dev the storm lists it, in #ops it is the first card.
    world.happens(ChangeKind::New).await;
    let before = world.chat.messages_in(&dev.channel).len();
    world.ana_presses(Action::Resolve).await;
    assert_eq!(world.chat.messages_in(&dev.channel).len(), before);
    assert!(world.card().notice.head.starts_with("Resolved · "), "{}", world.card().notice.head);
    calm(&world).await;
    assert!(world.chat.messages_in(&dev.channel).iter().all(|m| !m.notice.head.contains("pool exhausted")));
}

#[tokio::test]
async fn a_channel_that_refuses_in_a_storm_is_told_of_everything_once_it_takes_messages_again() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.close(&ops().channel);
    new_issues(&world, 1..20).await;
    calm(&world).await;
    world.chat.reopen(&ops().channel);
    world.wait(Duration::from_secs(3_600)).await;
    calm(&world).await;
    let heads: Vec<_> = cards(&world).into_iter().map(|card| card.notice.head).collect();
    let (roundups, single): (Vec<_>, Vec<_>) = heads.iter().partition(|head| !head.starts_with("New · "));
    assert!(roundups.iter().any(|head| head.starts_with("Storm over · [checkout] 13 issues")), "{roundups:?}");
    let gathered = roundups.iter().filter(|head| head.starts_with("Catching up · ")).count();
    assert!(single.len() == 6 || gathered == 1, "{heads:?}");
}

#[tokio::test]
async fn a_burst_of_one_issue_edits_its_card_every_ten_seconds_at_most() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    for number in 0..100 {
        let mut again = change(ChangeKind::Alert { rule: "any".into(), page: None });
        again.issue.events = Some(100 + number);
        world.app.accept(&[], &Event::Changed(again)).await.expect("kept");
        world.wait(Duration::from_millis(90)).await;
    }
    assert_eq!(world.card().edits, 0);
    world.wait(Duration::from_secs(10)).await;
    assert_eq!(world.card().edits, 1);
    assert!(world.card().notice.lines.iter().any(|line| line.text.starts_with("199 events")), "{:?}", world.card());
    world.happens(ChangeKind::Resolved).await;
    assert_eq!(world.card().edits, 2, "that is told at once");
}

#[tokio::test]
async fn without_a_budget_there_are_no_storms() {
    let world = World::new(|deployment| {
        deployment.linking = false;
        deployment.policy = zentry_domain::Policy::Anyone;
        deployment.integration_org = Some(zentry_contract::sample::project("checkout").org);
        deployment.storm_budget = 0;
    });
    world.ana_says("connect acme checkout").await;
    new_issues(&world, 1..41).await;
    assert_eq!(cards(&world).len(), 40);
}

/// Two quiet minutes.
async fn calm(world: &World) {
    for _ in 0..12 {
        world.wait(Duration::from_secs(10)).await;
    }
}
