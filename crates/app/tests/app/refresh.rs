//! Where deliveries alone cannot tell how an issue is, Sentry is asked.

use std::time::Duration;

use zentry_contract::sample::{change, ops};
use zentry_domain::{ChangeKind, Event, Issue, Status};

use crate::world::{World, issue_42, key};

/// How the issue really is at Sentry.
fn really(world: &World, status: Status) {
    let issue = Issue { status: Some(status), ..change(ChangeKind::New).issue };
    world.tracker.add_issue(&issue_42(), issue);
}

#[tokio::test]
async fn the_same_bytes_for_the_second_resolution_do_not_leave_a_lie() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    let resolved = Event::Changed(change(ChangeKind::Resolved));
    world.app.accept(&[key(1)], &resolved).await.expect("kept");
    world.settle().await;
    world.happens(ChangeKind::Reopened).await;
    assert!(world.card().notice.head.starts_with("Open again · "));

    really(&world, Status::Resolved);
    world.app.accept(&[key(1)], &resolved).await.expect("a repeat");
    world.wait(Duration::from_secs(3)).await;
    assert!(world.card().notice.head.starts_with("Resolved · "), "{}", world.card().notice.head);
}

#[tokio::test]
async fn deliveries_in_the_wrong_order_do_not_leave_a_lie() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::Resolved).await;
    assert!(world.chat.messages_in(&ops().channel).iter().all(|m| m.notice.tone.is_none()), "nothing to resolve yet");
    world.happens(ChangeKind::New).await;
    really(&world, Status::Resolved);
    world.wait(Duration::from_secs(3)).await;
    assert!(world.card().notice.head.starts_with("Resolved · "), "{}", world.card().notice.head);
}

#[tokio::test]
async fn a_repeat_that_agrees_with_the_card_asks_nobody() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    let new = Event::Changed(change(ChangeKind::New));
    world.app.accept(&[key(1)], &new).await.expect("kept");
    world.settle().await;
    world.clock.advance(Duration::from_secs(3_600));
    let before = world.store.waiting().len();
    world.app.accept(&[key(1)], &new).await.expect("a repeat");
    assert_eq!(world.store.waiting().len(), before);
}

#[tokio::test]
async fn a_card_links_to_the_issue_even_where_the_payload_has_no_address() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    let mut bare = change(ChangeKind::New);
    bare.issue.url = None;
    world.app.accept(&[], &Event::Changed(bare)).await.expect("kept");
    world.settle().await;
    let link = world.card().notice.lines.into_iter().find_map(|line| line.link);
    assert_eq!(link.as_deref(), Some("https://sentry.example.com/organizations/acme/issues/42/"));
}
