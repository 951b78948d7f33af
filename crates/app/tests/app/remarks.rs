//! What people and Sentry's analysis say about issues, in the channels that want it.

use std::time::Duration;

use zentry_contract::fake::{ChatFault, FakeMessage};
use zentry_contract::sample::{change, ops};
use zentry_domain::{Change, ChangeKind, Event, Issue, IssueId, OrgSlug, ProjectKey, ProjectSlug, Remark, Remarked};

use crate::world::World;

/// As a webhook tells it: without a word of what the issue is called.
async fn is_said(world: &World, issue: &str, what: Remarked, text: &str, project: ProjectKey) {
    let by = (what == Remarked::Comment).then(|| "Ben".to_owned());
    let kind = ChangeKind::Remark(Box::new(Remark { what, text: text.into(), by }));
    let (issue_id, issue) = (IssueId::new(issue), Issue::default());
    let told = Change { project, issue_id, issue, occurrence: None, by: None, ..change(kind) };
    world.app.accept(&[], &Event::Changed(told)).await.expect("kept");
    world.settle().await;
}

fn checkout() -> ProjectKey {
    ProjectKey { org: Some(OrgSlug::new("acme")), id: None, slug: Some(ProjectSlug::new("checkout")) }
}

fn last(world: &World) -> FakeMessage {
    world.chat.messages_in(&ops().channel).pop().expect("a message")
}

#[tokio::test]
async fn a_comment_is_told_under_the_card_where_the_channel_wants_it_and_changes_nothing_of_it() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout event:new,comment").await;
    world.happens(ChangeKind::New).await;
    let card = world.card();
    is_said(&world, "42", Remarked::Comment, "looking\ninto <@all> it", checkout()).await;
    let told = last(&world);
    assert_eq!(told.to.reply_to, Some(card.id));
    assert_eq!(told.notice.head, "Comment · [checkout] TimeoutError: pool exhausted");
    assert_eq!(told.notice.lines[0].text, "Ben: looking into <@all> it");
    assert_eq!(world.card().edits, 0);

    world.ana_says("configure acme checkout event:new").await;
    let before = world.chat.messages().len();
    is_said(&world, "42", Remarked::Comment, "and again", checkout()).await;
    assert_eq!(world.chat.messages().len(), before, "nobody here wants comments");
}

#[tokio::test]
async fn a_comment_that_overtakes_its_card_waits_to_be_told_under_it() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout event:new,comment").await;
    world.chat.fail_next(ChatFault::Unavailable);
    world.happens(ChangeKind::New).await;
    is_said(&world, "42", Remarked::Comment, "looking", checkout()).await;
    assert_eq!(world.chat.messages_in(&ops().channel).len(), 1, "it is connected");
    world.wait(Duration::from_secs(10)).await;
    let (asked, messages) = (world.tracker.issues_asked(), world.chat.messages_in(&ops().channel));
    let [_, card, comment] = messages.as_slice() else { panic!("{messages:?}") };
    assert!(card.notice.head.starts_with("New · "), "{:?}", card.notice.head);
    assert_eq!((comment.to.reply_to.as_ref(), asked), (Some(&card.id), 0));
    assert_eq!(comment.notice.head, "Comment · [checkout] TimeoutError: pool exhausted");
}

#[tokio::test]
async fn an_issue_without_a_card_is_named_by_asking_sentry() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout event:comment,seer").await;
    is_said(&world, "42", Remarked::Comment, "looking", checkout()).await;
    assert_eq!(last(&world).notice.head, "Comment · [checkout] TimeoutError: pool exhausted");
    assert_eq!(last(&world).to.reply_to, None);
    is_said(&world, "77", Remarked::Comment, "an issue that nobody may see", checkout()).await;
    let told = last(&world).notice;
    assert_eq!(told.head, "Comment · [checkout] issue 77");
    assert!(told.lines[1].link.as_ref().is_some_and(|link| link.ends_with("/issues/77/")), "{told:?}");

    let before = world.chat.messages().len();
    is_said(&world, "42", Remarked::Seer, "Root cause: the pool", ProjectKey::default()).await;
    assert_eq!(world.chat.messages().len(), before, "of an issue that has no card here nobody knows the project");
}

#[tokio::test]
async fn what_the_analysis_found_is_one_line_for_the_channels_that_have_the_issue() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout event:new,seer").await;
    world.happens(ChangeKind::New).await;
    is_said(&world, "42", Remarked::Seer, "Root cause: the pool is too small.", ProjectKey::default()).await;
    let told = last(&world).notice;
    assert_eq!(told.head, "Seer · [checkout] TimeoutError: pool exhausted");
    assert_eq!(told.lines[0].text, "Root cause: the pool is too small.");
    let of_another = ProjectKey { org: Some(OrgSlug::new("globex")), ..ProjectKey::default() };
    let before = world.chat.messages().len();
    is_said(&world, "42", Remarked::Seer, "not theirs", of_another).await;
    assert_eq!(world.chat.messages().len(), before);
}

#[tokio::test]
async fn every_event_posts_where_it_is_wanted_and_only_counts_on_a_card_that_is_there() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout event:error").await;
    world.happens(ChangeKind::Seen).await;
    assert!(world.card().notice.head.starts_with("Seen · "), "{:?}", world.card().notice.head);
    world.happens(ChangeKind::Seen).await;
    assert_eq!(world.card().edits, 0);
    world.happens(ChangeKind::New).await;
    assert!(world.card().notice.head.starts_with("New · "), "what is new is called so, however late that is told");
}
