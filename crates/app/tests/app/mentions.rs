//! Whose an issue is gets called by its message, where they and the channel want it.

use zentry_contract::fake::FakeMessage;
use zentry_contract::sample::{ana, change, ops};
use zentry_domain::{Assignee, Change, ChangeKind, Event, IssueId, Level};

use crate::world::World;

async fn linked() -> World {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    world
}

/// An issue of somebody's.
async fn happens(world: &World, number: &str, level: Level, kind: ChangeKind, assignee: Assignee) {
    let mut change = Change { issue_id: IssueId::new(number), ..change(kind) };
    change.issue.level = Some(level);
    change.issue.assignee = Some(assignee);
    world.app.accept(&[], &Event::Changed(change)).await.expect("kept");
    world.settle().await;
}

fn anas() -> Assignee {
    Assignee::User { id: crate::world::ana_at_sentry().id, name: "Ana at Sentry".into() }
}

fn calls(world: &World) -> Vec<FakeMessage> {
    world.chat.messages_in(&ops().channel).into_iter().filter(|message| message.notice.mention.is_some()).collect()
}

#[tokio::test]
async fn whoever_has_an_issue_that_comes_back_is_called_once_under_its_message() {
    let world = linked().await;
    happens(&world, "42", Level::Error, ChangeKind::New, anas()).await;
    assert_eq!(calls(&world), [], "a new error calls nobody");
    happens(&world, "42", Level::Error, ChangeKind::Resolved, anas()).await;
    happens(&world, "42", Level::Error, ChangeKind::Regressed, anas()).await;
    let card = world.chat.messages_in(&ops().channel).into_iter().rfind(|m| m.notice.head.starts_with("Came back"));
    let [call] = &calls(&world)[..] else { panic!("{:?}", calls(&world)) };
    assert_eq!(call.to.reply_to, card.map(|card| card.id));
    assert_eq!(call.notice.mention.as_ref().map(|mention| &mention.jid), Some(&ana().jid));
    assert_eq!(call.notice.head, "this came back and is assigned to you.");
    happens(&world, "42", Level::Error, ChangeKind::Regressed, anas()).await;
    happens(&world, "42", Level::Error, ChangeKind::Escalating, anas()).await;
    assert_eq!(calls(&world).len(), 1, "once");
}

#[tokio::test]
async fn a_fatal_issue_calls_whose_it_is_and_nobody_is_known_by_name() {
    let world = linked().await;
    for (number, assignee) in [
        ("1", Assignee::Somebody("Ana".into())),
        ("2", Assignee::User { id: "somebody else".into(), name: "Ana".into() }),
        ("3", Assignee::Nobody),
    ] {
        happens(&world, number, Level::Fatal, ChangeKind::New, assignee).await;
    }
    assert_eq!(calls(&world), []);
    happens(&world, "4", Level::Fatal, ChangeKind::New, anas()).await;
    assert_eq!(calls(&world).len(), 1);
}

#[tokio::test]
async fn a_person_or_a_channel_that_wants_no_mentions_gets_none() {
    let world = linked().await;
    world.ana_says("mentions off").await;
    assert_eq!(world.last(), "Mentions off: no message calls you any more.");
    happens(&world, "1", Level::Fatal, ChangeKind::New, anas()).await;
    assert_eq!(calls(&world), []);
    world.ana_says("mentions on").await;
    happens(&world, "2", Level::Fatal, ChangeKind::New, anas()).await;
    assert_eq!(calls(&world).len(), 1);
    world.ana_says("unlink").await;
    happens(&world, "3", Level::Fatal, ChangeKind::New, anas()).await;
    assert_eq!(calls(&world).len(), 1, "nobody knows any more whose it is");
}
