//! A channel that gets every project of an organization, also those to come.

use zentry_contract::sample::{ana, change, ops, project};
use zentry_domain::{ChangeKind, Event, Facts, IssueId, IssueRef, Person, Place, Project, ProjectKey};

use crate::world::World;

async fn connected() -> World {
    let world = World::with_integration();
    world.ana_says("connect acme * level:warning").await;
    world
}

async fn here(world: &World) -> Vec<String> {
    let here = world.store.subscriptions_in(&ops().account, &ops().channel).await.expect("read");
    let mut slugs: Vec<_> = here.into_iter().map(|s| format!("{} {}", s.project.slug, s.filter.typed())).collect();
    slugs.sort();
    slugs
}

/// An issue of a project begins.
async fn begins(world: &World, of: &Project, number: &str) {
    let mut new = change(ChangeKind::New);
    new.issue_id = IssueId::new(number);
    new.project = ProjectKey { org: Some(of.org.clone()), id: Some(of.id.clone()), slug: Some(of.slug.clone()) };
    world.tracker.add_issue(&IssueRef { org: of.org.clone(), id: new.issue_id.clone() }, new.issue.clone());
    world.app.accept(&[], &Event::Changed(new)).await.expect("kept");
    world.settle().await;
}

async fn presses(world: &World, by: Person, place: Place, label: &str) {
    let messages = world.chat.messages_in(&ops().channel).into_iter().rev();
    let press = messages.flat_map(|m| m.notice.buttons).find(|button| button.label == label).expect(label).press;
    let pressed = zentry_domain::Pressed { by, place, press: Some(press), message: None };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
}

fn heads(world: &World) -> Vec<String> {
    world.chat.messages_in(&ops().channel).into_iter().map(|message| message.notice.head).collect()
}

#[tokio::test]
async fn every_project_is_connected_and_one_that_comes_later_joins_with_its_first_issue() {
    let world = connected().await;
    assert_eq!(world.last(), "Connected: every project of acme (2)");
    assert_eq!(here(&world).await, ["checkout level:warning", "web level:warning"]);
    let billing = project("billing");
    world.tracker.add_project(&billing);
    begins(&world, &billing, "77").await;
    assert!(heads(&world).contains(&"New in acme: billing joined.".into()), "{:?}", heads(&world));
    assert!(heads(&world).iter().any(|head| head.starts_with("New · [billing] TimeoutError")), "{:?}", heads(&world));
    begins(&world, &billing, "78").await;
    assert_eq!(heads(&world).iter().filter(|head| head.contains("billing joined")).count(), 1, "once");
    assert_eq!(heads(&world).iter().filter(|head| head.starts_with("New · [billing]")).count(), 2);
    world.ana_says("connect acme *").await;
    assert_eq!(world.last(), "Already connected: every project of acme (3)");
    world.ana_says("configure").await;
    let listed = world.chat.messages_in(&ops().channel).pop().expect("a list").notice;
    assert_eq!(listed.lines.len(), 3, "the row, what is not told and the settings: {listed:?}");
    assert!(listed.lines[0].text.starts_with("acme / * (3, new ones join) · "), "{listed:?}");
}

#[tokio::test]
async fn two_issues_of_a_project_that_joins_at_the_same_moment_are_both_told_of() {
    let world = connected().await;
    let billing = project("billing");
    world.tracker.add_project(&billing);
    for number in ["77", "78"] {
        let mut new = change(ChangeKind::New);
        new.issue_id = IssueId::new(number);
        new.project = ProjectKey {
            org: Some(billing.org.clone()),
            id: Some(billing.id.clone()),
            slug: Some(billing.slug.clone()),
        };
        world.tracker.add_issue(&IssueRef { org: billing.org.clone(), id: new.issue_id.clone() }, new.issue.clone());
        world.app.accept(&[], &Event::Changed(new)).await.expect("kept");
    }
    world.settle().await;
    assert_eq!(
        heads(&world).iter().filter(|head| head.starts_with("New · [billing]")).count(),
        2,
        "{:?}",
        heads(&world)
    );
}

#[tokio::test]
async fn a_project_that_its_author_may_not_see_does_not_join() {
    let world = connected().await;
    begins(&world, &project("secret"), "77").await;
    assert_eq!(heads(&world), ["Connected: every project of acme (2)"]);
    assert_eq!(here(&world).await.len(), 2);
}

#[tokio::test]
async fn one_of_them_that_was_disconnected_does_not_join_again_until_somebody_wants_it() {
    let world = connected().await;
    world.ana_says("disconnect acme web").await;
    begins(&world, &project("web"), "77").await;
    assert_eq!(here(&world).await, ["checkout level:warning"]);
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    assert_eq!(here(&world).await, ["checkout level:warning", "web level:warning"]);
}

#[tokio::test]
async fn all_of_them_are_filtered_muted_and_disconnected_at_once_and_that_is_taken_back() {
    let world = connected().await;
    world.ana_says("configure acme * level:fatal").await;
    assert!(world.last().starts_with("Every project of acme: now only "), "{}", world.last());
    assert_eq!(here(&world).await, ["checkout level:fatal", "web level:fatal"]);
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    assert_eq!(here(&world).await, ["checkout level:warning", "web level:warning"]);
    world.ana_says("disconnect \"Acme Inc.\" *").await;
    assert_eq!(world.last(), "Disconnected: every project of acme (2), by Ana.");
    world.tracker.add_project(&project("billing"));
    begins(&world, &project("billing"), "77").await;
    assert_eq!(here(&world).await.len(), 0, "nothing joins any more");
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    assert_eq!(here(&world).await.len(), 2);
    begins(&world, &project("billing"), "78").await;
    assert_eq!(here(&world).await.len(), 3, "they join again");
    world.ana_says("disconnect").await;
    assert!(world.last().starts_with("Disconnected everything here (3): "), "{}", world.last());
    begins(&world, &project("billing"), "79").await;
    assert_eq!(here(&world).await.len(), 0);
}

#[tokio::test]
async fn an_organization_is_connected_by_somebody_who_links_on_the_way() {
    let world = World::with_linking();
    world.ana_says("connect acme *").await;
    world.ana_links().await;
    assert_eq!(world.last(), "Connected: every project of acme (2)");
    assert_eq!(world.last_direct(), "Linked as ana@acme.io. #ops is now connected to every project of acme.");
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    assert_eq!(world.last(), "Disconnected: every project of acme, by Ana.");
    assert_eq!(here(&world).await.len(), 0);
}

#[tokio::test]
async fn projects_with_filters_of_their_own_are_brought_to_one_filter_by_a_button_and_that_is_taken_back() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout level:fatal").await;
    world.ana_says("connect acme * level:warning").await;
    assert_eq!(here(&world).await, ["checkout level:fatal", "web level:warning"]);
    presses(&world, ana(), ops(), "The same for all").await;
    assert!(world.last().starts_with("Every project of acme: now only "), "{}", world.last());
    assert_eq!(here(&world).await, ["checkout level:warning", "web level:warning"]);
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    assert_eq!(here(&world).await, ["checkout level:fatal", "web level:warning"]);
}

#[tokio::test]
async fn connecting_all_of_it_again_offers_the_filters_that_were_typed_and_changes_nothing_by_itself() {
    let world = connected().await;
    world.ana_says("connect acme *").await;
    let answer = world.chat.messages_in(&ops().channel).pop().expect("an answer").notice;
    assert!(answer.buttons.iter().all(|button| button.label != "The same for all"), "all are alike: {answer:?}");
    world.ana_says("connect acme * level:fatal -env:dev").await;
    assert_eq!(world.last(), "Already connected: every project of acme (2)");
    assert_eq!(here(&world).await, ["checkout level:warning", "web level:warning"]);
    presses(&world, ana(), ops(), "The same for all").await;
    assert_eq!(here(&world).await, ["checkout level:fatal -env:dev", "web level:fatal -env:dev"]);
    world.ana_says("configure acme web none").await;
    world.ana_says("configure acme * none").await;
    assert_eq!(here(&world).await, ["checkout ", "web "]);
}

#[tokio::test]
async fn taking_back_what_was_new_leaves_the_organization_connected_as_it_was() {
    let world = connected().await;
    world.tracker.add_project(&project("billing"));
    world.ana_says("connect acme * level:fatal").await;
    assert_eq!(here(&world).await, ["billing level:fatal", "checkout level:warning", "web level:warning"]);
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    assert_eq!(world.last(), "Disconnected: acme / billing, by Ana.");
    assert_eq!(here(&world).await, ["checkout level:warning", "web level:warning"]);
    begins(&world, &project("billing"), "77").await;
    assert_eq!(here(&world).await, ["billing level:warning", "checkout level:warning", "web level:warning"]);
}

#[tokio::test]
async fn configuring_all_of_an_organization_of_which_only_some_is_connected_changes_none_of_it() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.ana_says("connect acme web").await;
    world.ana_says("configure acme * level:fatal").await;
    assert_eq!(world.last(), "acme is not connected as a whole here, only 2 of its projects, each by itself.");
    assert_eq!(here(&world).await, ["checkout ", "web "]);
    presses(&world, ana(), ops(), "Connect all of it").await;
    presses(&world, ana(), ops(), "The same for all").await;
    assert_eq!(here(&world).await, ["checkout level:fatal", "web level:fatal"]);
}
