//! The main job, end to end over fakes: connect, link, card, press, disconnect.

use std::time::Duration;

use zentry_app::Accepted;
use zentry_contract::sample::{ana, ben, change, channel, mallory, ops, project};
use zentry_domain::{
    Action, Archive, ChangeKind, Clock, Event, Facts, InstallationId, Issue, IssueId, Level, Person, Place, Policy,
    Pressed, Status, UserId,
};

use crate::world::{World, issue_42, key};

#[tokio::test]
async fn a_channel_is_connected_by_somebody_who_links_on_the_way() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    assert_eq!(world.last(), "One step first: link your Sentry account");

    world.ana_links().await;
    assert_eq!(world.last(), "Connected: acme / checkout");
    assert_eq!(world.last_direct(), "Linked as ana@acme.io. #ops is now connected to acme / checkout.");
}

#[tokio::test]
async fn an_issue_becomes_one_card_that_a_press_resolves_as_the_person_who_pressed() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;

    world.happens(ChangeKind::New).await;
    assert!(world.card().notice.head.starts_with("New · [checkout] TimeoutError"));
    world.ana_presses(Action::Resolve).await;

    assert_eq!(world.tracker.issue_now(&issue_42().id).expect("there").status, Some(Status::Resolved));
    let card = world.card();
    assert!(card.notice.head.starts_with("Resolved · "), "{}", card.notice.head);
    assert_eq!(card.edits, 1);

    world.happens(ChangeKind::Resolved).await;
    assert_eq!(world.card().edits, 1, "the echo of our own action changes nothing");
}

#[tokio::test]
async fn what_happens_elsewhere_is_shown_on_the_same_card() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    world.happens(ChangeKind::Archived { until: Archive::Forever }).await;
    assert!(world.card().notice.head.starts_with("Archived for ever · "));
    world.happens(ChangeKind::Assigned).await;
    assert_eq!(world.card().edits, 2, "an open issue after all: the assignment told");
}

#[tokio::test]
async fn an_issue_that_comes_back_gets_a_new_message_and_the_old_one_stays() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    world.happens(ChangeKind::Resolved).await;
    world.happens(ChangeKind::Regressed).await;
    let heads: Vec<_> = world.chat.messages_in(&ops().channel).into_iter().map(|m| m.notice.head).collect();
    assert!(heads[1].starts_with("Resolved · ") && heads[2].starts_with("Came back · "), "{heads:?}");
    world.happens(ChangeKind::Regressed).await;
    assert_eq!(world.chat.messages_in(&ops().channel).len(), 3, "once");
}

#[tokio::test]
async fn with_an_integration_alone_nobody_links_and_the_card_names_who_pressed() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    assert_eq!(world.last(), "Connected: acme / checkout");
    world.happens(ChangeKind::New).await;
    world.ana_presses(Action::Resolve).await;
    assert!(world.card().notice.lines[0].text.starts_with("by Ana at "));
}

#[tokio::test]
async fn after_disconnect_the_next_event_posts_nothing() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.ana_says("disconnect acme checkout").await;
    assert_eq!(world.last(), "Disconnected: acme / checkout, by Ana.");
    let before = world.chat.messages().len();
    world.happens(ChangeKind::New).await;
    assert_eq!(world.chat.messages().len(), before);
}

#[tokio::test]
async fn disconnect_works_while_sentry_is_down_and_by_display_names() {
    let world = World::with_integration();
    world.ana_says("connect \"Acme Inc.\" CHECKOUT").await;
    world.tracker.fail_next(zentry_contract::tracker::Fault::Down);
    world.ana_says("disconnect “acme inc.” ‘checkout’").await;
    assert_eq!(world.last(), "Disconnected: acme / checkout, by Ana.");
}

#[tokio::test]
async fn a_card_that_waited_through_a_disconnect_is_not_posted() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.app.accept(&[], &Event::Changed(change(ChangeKind::New))).await.expect("kept");
    world.ana_says("disconnect").await;
    assert!(world.chat.messages_in(&ops().channel).iter().all(|m| m.notice.tone.is_none()));
}

#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    let event = Event::Changed(change(ChangeKind::New));
    assert_eq!(world.app.accept(&[key(1)], &event).await.expect("kept"), Accepted::Kept);
    world.settle().await;
    let resolved = Event::Changed(change(ChangeKind::Resolved));
    assert_eq!(world.app.accept(&[key(2)], &resolved).await.expect("kept"), Accepted::Kept);
    assert_eq!(world.app.accept(&[key(1)], &event).await.expect("known"), Accepted::Repeat);
    world.settle().await;
    assert!(world.card().notice.head.starts_with("Resolved · "));
}

#[tokio::test]
async fn an_event_that_concerns_nobody_leaves_no_row() {
    let world = World::with_integration();
    let event = Event::Changed(change(ChangeKind::New));
    assert_eq!(world.app.accept(&[key(1)], &event).await.expect("ignored"), Accepted::Ignored);
    world.ana_says("connect acme checkout").await;
    assert_eq!(world.app.accept(&[key(1)], &event).await.expect("not known"), Accepted::Kept);
    world.settle().await;
}

#[tokio::test]
async fn names_are_suggested_among_those_that_the_asker_may_see() {
    let world = World::with_linking();
    world.ana_says("connect acmee checkout").await;
    world.ana_links().await;
    assert_eq!(world.last(), "I cannot find \"acmee\" among the organizations of your Sentry account (ana@acme.io).");
    assert_eq!(world.last_direct(), "Linked as ana@acme.io.");
    world.ana_says("connect acme chekout").await;
    let answer = world.chat.messages_in(&ops().channel).pop().expect("an answer");
    assert_eq!(answer.notice.head, "acme has no project \"chekout\". Closest: checkout, web.");
    assert_eq!(answer.to.visible_to, Some(ana().user));
}

#[tokio::test]
async fn configure_lists_what_the_channel_gets_and_all_only_what_one_has_used() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.say(ana(), channel("acc", "web"), "connect acme web").await;
    world.ana_says("configure").await;
    assert_eq!(world.last(), "#ops gets 1 project");
    world.ana_says("configure all").await;
    assert_eq!(world.last(), "2 subscriptions in 2 channels");
    world.say(ben(), ops(), "configure all").await;
    assert_eq!(world.last(), "1 subscription in 1 channel");
}

#[tokio::test]
async fn an_account_never_acts_on_anothers_card() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    let press = world.card().notice.buttons[0].press.clone();
    world.press(Person { jid: ana().jid, ..mallory() }, Some(press)).await;
    assert_eq!(world.tracker.issue_now(&issue_42().id).expect("there").status, Some(Status::Unresolved));
}

#[tokio::test]
async fn a_guest_may_ask_for_help_only() {
    let world = World::with_integration();
    let guest = || Person { user: UserId::new(""), ..ben() };
    world.say(guest(), ops(), "connect acme checkout").await;
    assert_eq!(world.last(), "Guests cannot do that here. Nothing changed.");
    world.say(guest(), ops(), "help").await;
    assert_eq!(world.last(), "Sentry for this channel");
}

/// Presses the button of this label on the last message in #ops that has one.
async fn presses(world: &World, by: Person, place: Place, label: &str) {
    let messages = world.chat.messages_in(&ops().channel);
    let buttons = messages.iter().rev().flat_map(|message| &message.notice.buttons);
    let press = buttons.into_iter().find(|button| button.label == label).expect(label).press.clone();
    let pressed = Pressed { by, place, press: Some(press), message: None };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
}

async fn connected(world: &World) -> usize {
    world.store.subscriptions_in(&ops().account, &ops().channel).await.expect("read").len()
}

#[tokio::test]
async fn what_was_disconnected_is_connected_again_by_undo_once_and_within_ten_minutes() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.ana_says("connect acme web").await;
    world.ana_says("disconnect").await;
    assert_eq!(connected(&world).await, 0);
    world.wait(Duration::from_secs(599)).await;
    presses(&world, ben(), ops(), "Undo (10 min)").await;
    assert_eq!(
        (connected(&world).await, world.last().as_str()),
        (2, "Connected again: acme / checkout, acme / web, with their filters (Ben).")
    );
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    assert!(world.last().starts_with("This can no longer be undone"), "{}", world.last());

    world.ana_says("disconnect acme web").await;
    world.wait(Duration::from_secs(600)).await;
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    assert_eq!(connected(&world).await, 1, "too late");
}

#[tokio::test]
async fn a_connection_is_taken_back_by_undo_and_only_where_it_was_made() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    presses(&world, ana(), channel("acc", "dev"), "Undo (10 min)").await;
    assert_eq!(connected(&world).await, 1);
    presses(&world, ana(), ops(), "Undo (10 min)").await;
    assert_eq!((connected(&world).await, world.last().as_str()), (0, "Disconnected: acme / checkout, by Ana."));
}

#[tokio::test]
async fn filters_decide_what_posts_and_undo_brings_the_ones_before_back() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout level:fatal").await;
    world.happens(ChangeKind::New).await;
    assert_eq!(world.last(), "Connected: acme / checkout", "an error is not fatal");
    world.ana_says("configure acme checkout title:nothing,\"like this\" event:all").await;
    world.happens(ChangeKind::Regressed).await;
    assert!(world.last().starts_with("acme / checkout: now only "), "{}", world.last());
    world.ana_says("configure acme checkout none").await;
    presses(&world, ben(), ops(), "Undo (10 min)").await;
    let before = "with \"nothing\" or \"like this\" (Ben).";
    assert!(world.last().ends_with(before), "{}", world.last());
    world.ana_says("configure acme checkout none").await;
    world.happens(ChangeKind::Escalating).await;
    assert!(world.last().starts_with("Escalating · "), "{}", world.last());
}

#[tokio::test]
async fn a_resolution_that_is_asked_for_posts_a_card_of_its_own() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout event:resolved").await;
    world.happens(ChangeKind::New).await;
    assert_eq!(world.last(), "Connected: acme / checkout");
    world.happens(ChangeKind::Resolved).await;
    assert!(world.last().starts_with("Resolved · "), "{}", world.last());
}

#[tokio::test]
async fn under_the_policy_managers_only_they_take_back() {
    let world = World::new(|deployment| {
        deployment.linking = false;
        deployment.policy = Policy::Managers;
        deployment.managers = vec![ana().user];
        deployment.integration_org = Some(project("checkout").org);
    });
    world.ana_says("connect acme checkout").await;
    presses(&world, ben(), ops(), "Undo (10 min)").await;
    assert_eq!(connected(&world).await, 1);
}

#[tokio::test]
async fn connecting_says_how_much_the_last_week_would_have_been() {
    let world = World::with_integration();
    let week = |days: u64| Some(world.clock.now() - Duration::from_secs(days * 24 * 3_600));
    for (number, level, days) in
        [("1", Level::Error, 1), ("2", Level::Fatal, 6), ("3", Level::Warning, 1), ("4", Level::Fatal, 8)]
    {
        let issue = Issue { title: "x".into(), level: Some(level), first_seen: week(days), ..Issue::default() };
        world.tracker.list_issue(&project("checkout"), &IssueId::new(number), issue);
    }
    let told = |world: &World| {
        let lines = world.chat.messages_in(&ops().channel).pop().expect("an answer").notice.lines;
        lines.into_iter().map(|line| line.text).find(|text| text.contains("7 days") || text.contains("history"))
    };
    let about =
        |n: &str| Some(format!("With these filters the new issues of the last 7 days would have been about {n}."));
    world.ana_says("connect acme checkout").await;
    assert_eq!(told(&world), about("2 messages"));
    world.ana_says("disconnect").await;
    world.ana_says("connect acme checkout level:fatal").await;
    assert_eq!(told(&world), about("1 message"));
    world.ana_says("connect acme web env:production").await;
    assert!(told(&world).is_some(), "{:?}", told(&world));
    world.ana_says("disconnect").await;
    world.ana_says("connect acme checkout env:production").await;
    assert_eq!(told(&world).as_deref(), Some("I have no history yet to estimate the volume."));
}

#[tokio::test]
async fn where_the_integration_comes_late_its_channels_are_told_once() {
    let world = World::new(|deployment| deployment.install_url = Some("https://sentry.example.com/install".into()));
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    let lines = world.chat.messages_in(&ops().channel).pop().expect("an answer").notice.lines;
    assert!(lines.iter().any(|line| line.link.is_some()), "where it is installed: {lines:?}");
    for installation in ["i1", "i2"] {
        let installed = Event::IntegrationInstalled {
            installation: InstallationId::new(installation),
            org: project("checkout").org,
            code: None,
        };
        world.app.accept(&[], &installed).await.expect("kept");
        world.settle().await;
    }
    let messages = world.chat.messages_in(&ops().channel).into_iter();
    let told: Vec<_> = messages.map(|m| m.notice.head).filter(|head| head.starts_with("Connected now: ")).collect();
    assert_eq!(told, ["Connected now: acme has installed this integration in Sentry. Its events arrive from now on."]);
}
