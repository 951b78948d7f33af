//! Open cards are read again at Sentry, whether or not anything is heard of their issues.

use std::time::Duration;

use zentry_contract::sample::{START, change, ops, project};
use zentry_contract::tracker::Fault;
use zentry_domain::{
    Action, ChangeKind, Decision, Event, Issue, IssueId, IssueRef, Job, Lane, RowChange, Status, Store,
};

use crate::world::{World, issue_42};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A channel that is connected, and nothing but its own cards' readings to ask Sentry.
async fn connected() -> World {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    nobody_reconciles(&world).await;
    world
}

async fn nobody_reconciles(world: &World) {
    let clear = Decision::nothing().and(RowChange::ClearLane(Lane::reconcile(&project("checkout").org)));
    world.store.commit(&[], &clear, START).await.expect("stored");
}

/// How the issue really is at Sentry; no webhook tells of it.
fn really(world: &World, status: Status) {
    let issue = Issue { status: Some(status), ..change(ChangeKind::New).issue };
    world.tracker.add_issue(&issue_42(), issue);
}

/// Lets `time` pass in steps; how often Sentry was asked meanwhile.
async fn asked_within(world: &World, time: Duration) -> usize {
    let before = world.tracker.issues_asked();
    for _ in 0..time.as_secs() / (30 * 60) {
        world.wait(30 * MINUTE).await;
    }
    world.tracker.issues_asked() - before
}

fn head(world: &World) -> String {
    world.card().notice.head
}

#[tokio::test]
async fn a_resolution_of_which_no_webhook_told_is_shown_after_an_hour() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    world.wait(MINUTE).await;
    really(&world, Status::Resolved);
    world.wait(52 * MINUTE).await;
    assert!(head(&world).starts_with("New · "), "nobody has been asked yet");
    world.wait(7 * MINUTE).await;
    assert!(head(&world).starts_with("Resolved · "), "{}", head(&world));
}

#[tokio::test]
async fn an_open_card_is_read_thirty_two_times_in_thirty_days_and_then_no_more() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    assert_eq!(asked_within(&world, 24 * HOUR).await, 3);
    assert_eq!(asked_within(&world, 29 * 24 * HOUR).await, 29);
    assert_eq!(asked_within(&world, 10 * 24 * HOUR).await, 0);
    assert!(!world.store.waiting().iter().any(|(_, job)| matches!(job, Job::Reread { .. })));
}

#[tokio::test]
async fn a_card_that_is_dealt_with_is_not_read_again_until_it_is_open_again() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    world.wait(MINUTE).await;
    world.ana_presses(Action::Resolve).await;
    world.wait(MINUTE).await;
    assert_eq!(asked_within(&world, 10 * 24 * HOUR).await, 0);
    world.ana_presses(Action::Reopen).await;
    assert_eq!(asked_within(&world, 7 * HOUR).await, 2);
}

#[tokio::test]
async fn nobody_is_asked_for_a_channel_that_is_disconnected() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    world.wait(MINUTE).await;
    world.ana_says("disconnect").await;
    assert_eq!(asked_within(&world, 10 * 24 * HOUR).await, 0);
}

#[tokio::test]
async fn where_sentry_does_not_answer_it_is_asked_again_within_the_hour() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    world.wait(MINUTE).await;
    really(&world, Status::Resolved);
    world.clock.advance(HOUR);
    for _ in 0..3 {
        world.tracker.fail_next(Fault::Down);
        world.wait(MINUTE).await;
    }
    assert!(head(&world).starts_with("New · "));
    world.wait(HOUR).await;
    assert!(head(&world).starts_with("Resolved · "), "{}", head(&world));
}

#[tokio::test]
async fn what_is_heard_does_not_wait_for_the_next_reading() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    asked_within(&world, 48 * HOUR).await;
    world.happens(ChangeKind::Resolved).await;
    world.happens(ChangeKind::Reopened).await;
    really(&world, Status::Resolved);
    assert!(head(&world).starts_with("Open again · "), "{}", head(&world));
    world.wait(Duration::from_secs(3)).await;
    assert!(head(&world).starts_with("Resolved · "), "{}", head(&world));
}

#[tokio::test]
async fn an_organization_is_asked_once_a_second_however_many_cards_are_due() {
    let world = connected().await;
    for number in 1..=100 {
        let mut new = change(ChangeKind::New);
        new.issue_id = IssueId::new(number.to_string());
        world.tracker.add_issue(&IssueRef { id: new.issue_id.clone(), ..issue_42() }, new.issue.clone());
        world.app.accept(&[], &Event::Changed(new)).await.expect("kept");
        world.wait(12 * Duration::from_secs(1)).await;
    }
    let posted = world.chat.messages_in(&ops().channel).iter().filter(|m| m.notice.tone.is_some()).count();
    assert_eq!(posted, 100, "each has a message of its own");
    // The bot was down, and now all of them are due.
    world.clock.advance(2 * HOUR);
    let before = world.tracker.issues_asked();
    world.settle().await;
    for second in 1..=100 {
        assert_eq!(world.tracker.issues_asked() - before, second);
        world.wait(Duration::from_secs(1)).await;
    }
    world.wait(MINUTE).await;
    assert_eq!(world.tracker.issues_asked() - before, 100, "each once");
}
