//! What no webhook told of, and what a platform that was down kept back.

use std::time::Duration;

use zentry_contract::fake::{ChatFault, FakeMessage};
use zentry_contract::sample::{ana, change, ops, project};
use zentry_domain::{ChangeKind, Clock, Decision, Event, Issue, IssueId, Job, Place, RowChange, Status, Store};

use crate::world::{World, issue_42};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

/// A new issue at Sentry, of which no webhook tells.
fn happens_unheard(world: &World, number: &str) {
    world.tracker.list_issue(&project("checkout"), &IssueId::new(number), issue(world, number));
}

fn issue(world: &World, number: &str) -> Issue {
    let first_seen = Some(world.clock.now());
    Issue { title: format!("Error {number}"), first_seen, ..change(ChangeKind::New).issue }
}

/// A new issue, of which the webhook tells at once.
async fn happens(world: &World, number: &str) {
    happens_unheard(world, number);
    tell(world, number).await;
}

async fn tell(world: &World, number: &str) {
    let mut new = change(ChangeKind::New);
    new.issue_id = IssueId::new(number);
    new.issue = issue(world, number);
    world.app.accept(&[], &Event::Changed(new)).await.expect("kept");
    world.settle().await;
}

fn cards(world: &World) -> Vec<FakeMessage> {
    world.chat.messages_in(&ops().channel).into_iter().filter(|m| m.notice.tone.is_some()).collect()
}

fn told_directly(world: &World) -> Vec<String> {
    let direct = world.chat.messages_in(&Place::direct(&ana()).channel);
    direct.into_iter().map(|message| message.notice.head).collect()
}

async fn connected() -> World {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.wait(10 * MINUTE).await;
    world
}

#[tokio::test]
async fn what_no_webhook_told_of_is_told_by_one_card_within_the_hour() {
    let world = connected().await;
    for number in ["7", "8", "9"] {
        happens_unheard(&world, number);
    }
    world.wait(HOUR).await;
    let [card] = &cards(&world)[..] else { panic!("one card: {:?}", cards(&world)) };
    assert!(card.notice.head.starts_with("Catching up · I missed messages from 03:14 to 04:14 UTC"), "{card:?}");
    assert_eq!(card.notice.lines[0].text, "3 issues changed: 3 new.");
    assert_eq!(told_directly(&world), ["No events from acme have ever arrived."]);

    world.press(ana(), Some(card.notice.buttons[0].press.clone())).await;
    let list = world.chat.messages_in(&ops().channel).pop().expect("a list");
    assert_eq!((list.notice.head.as_str(), list.notice.lines.len()), ("3 issues", 3));

    for _ in 0..5 {
        world.wait(HOUR).await;
    }
    assert_eq!((cards(&world).len(), told_directly(&world).len()), (1, 1), "once");
}

#[tokio::test]
async fn a_webhook_that_comes_after_all_does_not_tell_it_twice() {
    let world = connected().await;
    happens_unheard(&world, "7");
    world.wait(HOUR).await;
    tell(&world, "7").await;
    world.wait(MINUTE).await;
    assert_eq!(cards(&world).len(), 1, "{:?}", cards(&world));
}

#[tokio::test]
async fn a_webhook_that_comes_before_the_catch_up_card_is_posted_leaves_it_nothing_to_say() {
    let world = connected().await;
    happens_unheard(&world, "7");
    world.chat.fail_times(2, ChatFault::Unavailable);
    world.wait(HOUR).await;
    tell(&world, "7").await;
    world.wait(MINUTE).await;
    let heads: Vec<_> = cards(&world).into_iter().map(|card| card.notice.head).collect();
    assert!(heads.len() == 1 && heads[0].starts_with("New · "), "{heads:?}");
}

#[tokio::test]
async fn an_issue_of_which_only_later_webhooks_came_is_told_by_a_catch_up_card() {
    let world = connected().await;
    happens_unheard(&world, "7");
    let mut assigned = change(ChangeKind::Assigned);
    assigned.issue_id = IssueId::new("7");
    world.app.accept(&[], &Event::Changed(assigned)).await.expect("kept");
    world.wait(HOUR).await;
    assert_eq!(cards(&world).len(), 1);
    assert!(told_directly(&world).is_empty(), "webhooks do arrive");
    world.wait(MINUTE).await;
}

#[tokio::test]
async fn what_was_too_young_for_one_question_is_told_within_the_hour() {
    let world = connected().await;
    happens_unheard(&world, "7");
    world.wait(HOUR - MINUTE / 2).await;
    happens_unheard(&world, "8");
    world.wait(MINUTE / 2).await;
    assert_eq!(cards(&world).len(), 1, "the webhook of the other may be on its way");
    for _ in 0..60 {
        world.wait(MINUTE).await;
    }
    assert_eq!(cards(&world).len(), 2);
}

#[tokio::test]
async fn where_the_clock_was_ahead_what_happens_once_it_is_right_is_found_all_the_same() {
    let mut world = connected().await;
    let right = world.clock.now();
    world.wait(2 * HOUR).await;
    world.app = world.app();
    world.wait(HOUR).await;
    world.clock.set(right);
    world.store.commit(&[], &set_back(3 * HOUR), right).await.expect("kept");
    happens_unheard(&world, "7");
    for _ in 0..62 {
        world.wait(MINUTE).await;
    }
    assert_eq!(cards(&world).len(), 1);
}

fn set_back(by: Duration) -> Decision {
    Decision { changes: vec![RowChange::ClockSetBack { by }], jobs: Vec::new() }
}

#[tokio::test]
async fn what_has_arrived_is_not_told_again() {
    let world = connected().await;
    happens(&world, "7").await;
    for _ in 0..30 {
        world.wait(HOUR).await;
    }
    assert_eq!(cards(&world).len(), 1);
    assert!(cards(&world)[0].notice.head.starts_with("New · "));
    assert!(told_directly(&world).is_empty());
}

#[tokio::test]
async fn after_a_restart_the_gap_is_filled_and_nobody_is_alarmed() {
    let mut world = connected().await;
    happens(&world, "7").await;
    world.wait(2 * HOUR).await;
    happens_unheard(&world, "8");
    world.clock.advance(HOUR);
    world.app = world.app();
    world.settle().await;
    let last = cards(&world).pop().expect("a card");
    assert!(last.notice.head.ends_with("(I was not there to take them)"), "{}", last.notice.head);
    assert!(told_directly(&world).is_empty());
    world.wait(MINUTE).await;
}

#[tokio::test]
async fn a_start_asks_within_five_minutes() {
    let mut world = connected().await;
    world.wait(2 * HOUR).await;
    happens_unheard(&world, "7");
    world.clock.advance(20 * MINUTE);
    world.app = world.app();
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let worker = tokio::spawn(std::sync::Arc::new(world.app()).run(stopping));
    while world.store.waiting().iter().filter(|(_, job)| matches!(job, Job::Reconcile { .. } | Job::Sweep)).count() < 2
    {
        tokio::task::yield_now().await;
    }
    stop.send(true).expect("it runs");
    worker.await.expect("no panic");
    world.wait(5 * MINUTE).await;
    assert_eq!(cards(&world).len(), 1);
    world.wait(MINUTE).await;
}

#[tokio::test]
async fn what_could_not_be_stored_is_our_own_gap() {
    let world = connected().await;
    world.store.set_down(true);
    happens_unheard(&world, "7");
    let mut new = change(ChangeKind::New);
    new.issue_id = IssueId::new("7");
    world.app.accept(&[], &Event::Changed(new)).await.expect_err("refused");
    world.store.set_down(false);
    world.wait(HOUR).await;
    assert!(cards(&world)[0].notice.head.ends_with("(I was not there to take them)"), "{:?}", cards(&world));
    assert!(told_directly(&world).is_empty());
    world.wait(MINUTE).await;
}

#[tokio::test]
async fn a_card_that_missed_a_resolution_is_put_right() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    let resolved = Issue { status: Some(Status::Resolved), ..change(ChangeKind::New).issue };
    world.tracker.add_issue(&issue_42(), resolved);
    world.wait(HOUR).await;
    assert!(world.card().notice.head.starts_with("Resolved · "), "{}", world.card().notice.head);
}

#[tokio::test]
async fn a_silence_is_looked_into_before_the_hour_is_over() {
    let world = connected().await;
    // By the end the question of the first hour has been asked.
    for number in 100..170 {
        happens(&world, &number.to_string()).await;
        world.wait(MINUTE).await;
    }
    happens_unheard(&world, "170");
    let before = cards(&world).len();
    world.wait(12 * MINUTE).await;
    assert_eq!(cards(&world).len(), before + 1, "{:?}", cards(&world).last());
    assert!(told_directly(&world)[0].starts_with("No events from acme for "), "{:?}", told_directly(&world));
    world.wait(MINUTE).await;
}

#[tokio::test]
async fn a_sentry_that_does_not_answer_is_asked_again() {
    let world = connected().await;
    happens_unheard(&world, "7");
    for _ in 0..3 {
        world.tracker.fail_next(zentry_contract::tracker::Fault::Down);
    }
    for _ in 0..6 {
        world.wait(HOUR).await;
    }
    assert_eq!(cards(&world).len(), 1);
}

#[tokio::test]
async fn a_channel_that_is_back_after_long_gets_one_card_for_what_waited() {
    let world = connected().await;
    world.chat.fail_times(1_000, ChatFault::Unavailable);
    for number in ["1", "2", "3", "4"] {
        happens(&world, number).await;
    }
    world.wait(20 * MINUTE).await;
    world.chat.heal();
    for _ in 0..60 {
        world.wait(MINUTE).await;
    }
    let heads: Vec<_> = cards(&world).into_iter().map(|card| card.notice.head).collect();
    assert_eq!(heads.len(), 2, "{heads:?}");
    assert!(heads[0].starts_with("New · ") && heads[1].ends_with("(Zoom took no messages)"), "{heads:?}");
    assert_eq!(cards(&world)[1].notice.lines[0].text, "3 issues changed: 3 new.");
}

#[tokio::test]
async fn a_short_outage_only_delays() {
    let world = connected().await;
    world.chat.fail_times(3, ChatFault::Unavailable);
    for number in ["1", "2", "3", "4"] {
        happens(&world, number).await;
    }
    for _ in 0..5 {
        world.wait(MINUTE).await;
    }
    assert_eq!(cards(&world).len(), 4);
}

fn status_lines(world: &World) -> (String, Vec<String>) {
    let answer = world.chat.messages_in(&ops().channel).pop().expect("an answer");
    (answer.notice.head, answer.notice.lines.into_iter().map(|line| line.text).collect())
}

#[tokio::test]
async fn status_says_whether_messages_come_through() {
    let world = connected().await;
    world.ana_says("status").await;
    let (head, lines) = status_lines(&world);
    assert_eq!(head, "#ops: no event has come yet");
    assert_eq!(lines[..2], ["No event yet · 0 waiting · 0 failed in 24 h", "acme: no event has come yet."]);

    happens(&world, "7").await;
    world.wait(5 * MINUTE).await;
    world.ana_says("status").await;
    let (head, lines) = status_lines(&world);
    assert_eq!(head, "#ops: all good");
    assert_eq!(lines[..2], ["Last event 2 Jan 03:14 UTC · 0 waiting · 0 failed in 24 h", "acme: seen 5 min ago."]);

    world.chat.close(&ops().channel);
    happens(&world, "8").await;
    world.chat.reopen(&ops().channel);
    world.ana_says("status").await;
    let (head, lines) = status_lines(&world);
    assert!(head.starts_with("#ops is paused since 2 Jan 03:19 UTC"), "{head}");
    assert!(lines[1].contains(" · 1 waiting · "), "{lines:?}");
    world.wait(HOUR).await;
    world.ana_says("status").await;
    let (head, lines) = status_lines(&world);
    assert_eq!(head, "#ops: acme is silent for longer than usual");
    assert!(lines[0].contains(" · 0 waiting · "), "{lines:?}");
}

#[tokio::test]
async fn a_channel_in_which_a_catch_up_card_arrives_is_not_paused_any_more() {
    let world = connected().await;
    world.chat.fail_times(1, ChatFault::Gone);
    happens(&world, "7").await;
    world.ana_says("disconnect").await;
    world.wait(HOUR).await;
    world.ana_says("connect acme checkout").await;
    world.wait(MINUTE).await;
    happens_unheard(&world, "8");
    world.wait(HOUR).await;
    assert_eq!(cards(&world).len(), 1);
    world.ana_says("status").await;
    let (head, _) = status_lines(&world);
    assert!(!head.contains("paused"), "{head}");
    world.wait(MINUTE).await;
}

#[tokio::test]
async fn status_names_an_organization_whose_webhooks_are_missing() {
    let world = connected().await;
    happens_unheard(&world, "7");
    world.wait(HOUR).await;
    world.wait(MINUTE).await;
    world.ana_says("status").await;
    let (_, lines) = status_lines(&world);
    assert_eq!(lines[1], "acme: webhooks are missing. I fill the gaps by asking Sentry every hour.");
}

#[tokio::test]
async fn what_is_missed_after_a_disconnect_was_taken_back_is_found_too() {
    let world = connected().await;
    world.wait(45 * MINUTE).await;
    world.ana_says("disconnect").await;
    let undo = world.chat.messages_in(&ops().channel).pop().expect("an answer").notice.buttons.remove(0);
    world.wait(9 * MINUTE).await;
    world.press(ana(), Some(undo.press)).await;
    world.wait(MINUTE).await;
    happens_unheard(&world, "7");
    world.wait(2 * HOUR).await;
    let [card] = &cards(&world)[..] else { panic!("one card: {:?}", cards(&world)) };
    assert!(card.notice.head.starts_with("Catching up · "), "{card:?}");
    world.wait(MINUTE).await;
}
