//! Buttons that run a command for whoever presses them.

use std::time::Duration;

use zentry_contract::sample::{ana, ben, channel, ops};
use zentry_contract::tracker::Fault;
use zentry_domain::{Event, Facts, Level, Person, Place, Pressed, UserId};

use crate::world::World;

/// Presses a button of the last message in #ops.
async fn presses(world: &World, by: Person, place: Place, label: &str) {
    let notice = world.chat.messages_in(&ops().channel).pop().expect("a message").notice;
    let button = notice.buttons.iter().find(|button| button.label == label);
    let press = button.unwrap_or_else(|| panic!("{label:?} among {:?}", notice.buttons)).press.clone();
    let pressed = Pressed { by, place, press: Some(press), message: None };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
}

#[tokio::test]
async fn a_misspelt_line_is_typed_right_by_one_press() {
    let world = World::with_integration();
    world.ana_says("conect acme checkout level:fatal").await;
    presses(&world, ana(), ops(), "connect").await;
    assert_eq!(world.last(), "Connected: acme / checkout");
    world.ana_says("configure acme checkout levl:warning title:disk").await;
    presses(&world, ben(), ops(), "Use level:warning").await;
    assert!(world.last().ends_with("warning and above; title with \"disk\" (Ben)."), "{}", world.last());
    world.ana_says("configure acme checkout").await;
    assert_eq!(
        world.last(),
        "acme / checkout: new issues, issues that come back, issues that escalate, alerts; warning and above; title with \"disk\""
    );
}

#[tokio::test]
async fn a_misspelt_name_is_connected_by_one_press_with_the_filters_that_were_typed() {
    let world = World::with_integration();
    world.ana_says("connect acne checkout -title:\"known noise\"").await;
    presses(&world, ana(), ops(), "Connect acme / checkout").await;
    assert_eq!(world.last(), "Connected: acme / checkout");
    world.ana_says("connect acme wep level:fatal").await;
    presses(&world, ana(), ops(), "web").await;
    assert_eq!(world.last(), "Connected: acme / web");
    presses(&world, ana(), ops(), "Change filters").await;
    assert!(world.last().ends_with("fatal only"), "{}", world.last());
    let here = world.store.subscriptions_in(&ops().account, &ops().channel).await.expect("read");
    assert_eq!(here[0].filter.typed(), "-title:\"known noise\"");
}

#[tokio::test]
async fn organization_and_project_are_chosen_from_lists_by_whoever_knows_no_name() {
    let world = World::with_integration();
    world.ana_says("connect level:fatal").await;
    assert!(world.last().starts_with("Which project?"), "{}", world.last());
    presses(&world, ana(), ops(), "See my organizations").await;
    chooses(&world, "Organization", "acme").await;
    assert_eq!(world.last(), "Which project of acme?");
    chooses(&world, "Project", "checkout").await;
    assert_eq!(world.last(), "Connected: acme / checkout");
    let here = world.store.subscriptions_in(&ops().account, &ops().channel).await.expect("read");
    assert_eq!(here[0].filter.level, Level::Fatal, "what was typed is kept");

    world.ana_says("connect acme").await;
    presses(&world, ana(), ops(), "Choose from a list").await;
    let list = world.chat.messages_in(&ops().channel).pop().expect("answered").notice.selects.remove(0);
    assert!(!list.options.iter().any(|option| option.label == "checkout"), "it is connected: {list:?}");
    chooses(&world, "Project", "All ").await;
    assert!(world.last().starts_with("Connected: every project of acme"), "{}", world.last());
}

async fn chooses(world: &World, list: &str, option: &str) {
    let message = world.chat.messages_in(&ops().channel).pop().expect("answered");
    let list = message.notice.selects.iter().find(|select| select.label == list).expect("there is such a list");
    let chosen = list.options.iter().find(|found| found.label.starts_with(option)).expect("it is listed");
    let pressed = Pressed { by: ana(), place: ops(), press: Some(chosen.press.clone()), message: Some(message.id) };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
}

#[tokio::test]
async fn an_offer_works_where_its_message_is_for_a_week_and_not_for_guests() {
    let world = World::with_integration();
    world.ana_says("conect acme checkout").await;
    presses(&world, ana(), channel("acc", "dev"), "connect").await;
    assert!(!world.chat.messages().iter().any(|message| message.notice.head.starts_with("Connected")));
    presses(&world, Person { user: UserId::new(""), ..ana() }, ops(), "connect").await;
    assert!(world.last().starts_with("Guests cannot do that here"), "{}", world.last());
    world.ana_says("conect acme checkout").await;
    world.wait(Duration::from_secs(7 * 24 * 3_600)).await;
    presses(&world, ana(), ops(), "connect").await;
    assert!(world.last().starts_with("This card is not mine any more"), "{}", world.last());
}

#[tokio::test]
async fn while_sentry_is_down_trying_again_is_one_press() {
    let world = World::with_integration();
    for _ in 0..3 {
        world.tracker.fail_next(Fault::Down);
    }
    world.ana_says("connect \"Acme Inc.\" checkout").await;
    for _ in 0..3 {
        world.wait(Duration::from_secs(30)).await;
    }
    assert!(world.last().starts_with("Sentry is not answering (3 tries)"), "{}", world.last());
    presses(&world, ana(), ops(), "Try again").await;
    assert_eq!(world.last(), "Connected: acme / checkout");
}

#[tokio::test]
async fn whoever_is_linked_as_somebody_else_switches_and_goes_on() {
    let world = World::with_linking();
    world.ana_says("connect globex secret").await;
    world.ana_links().await;
    presses(&world, ana(), ops(), "Switch account").await;
    assert_eq!(world.last(), "One step first: link your Sentry account");
    world.ana_links().await;
    assert!(world.last().starts_with("I cannot find \"globex\""), "it is looked for again: {}", world.last());
    world.ana_says("whoami").await;
    presses(&world, ana(), ops(), "Switch account").await;
    world.ana_links().await;
    assert_eq!(world.last_direct(), "Linked as ana@acme.io.");
    world.ana_says("whoami").await;
    presses(&world, ana(), ops(), "Unlink").await;
    assert_eq!(world.last(), "Unlinked: ana@acme.io");
}
