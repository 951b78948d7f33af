//! Looking after many channels at once.

use std::time::Duration;

use zentry_contract::fake::FakeMessage;
use zentry_contract::sample::{ana, ben, change, channel, ops};
use zentry_domain::{ChangeKind, Event, Facts, IssueId, Person, Place, Press, Pressed};

use crate::world::World;

fn dev() -> Place {
    channel("acc", "dev")
}

/// #ops gets two projects, #dev one; Ana manages the account.
async fn connected() -> World {
    let world = World::new(|deployment| {
        deployment.linking = false;
        deployment.policy = zentry_domain::Policy::Anyone;
        deployment.managers = vec![ana().user];
        deployment.integration_org = Some(zentry_contract::sample::project("checkout").org);
    });
    world.ana_says("connect acme checkout").await;
    world.ana_says("connect acme web").await;
    world.say(ben(), dev(), "connect acme web").await;
    world
}

fn list(world: &World) -> FakeMessage {
    let mut messages = world.chat.messages_in(&ops().channel).into_iter().rev();
    messages.find(|message| message.notice.head.contains(" in ")).expect("a list")
}

async fn press(world: &World, by: Person, on: &FakeMessage, press: Press) {
    let pressed = Pressed { by, place: ops(), press: Some(press), message: Some(on.id.clone()) };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
}

async fn chooses(world: &World, by: Person, on: &FakeMessage, label: &str) {
    let options = on.notice.selects.iter().flat_map(|select| &select.options);
    let press =
        options.into_iter().find(|option| option.label == label).unwrap_or_else(|| panic!("{on:?}")).press.clone();
    self::press(world, by, on, press).await;
}

fn texts(message: &FakeMessage) -> Vec<String> {
    message.notice.lines.iter().map(|line| line.text.clone()).collect()
}

fn last_in(world: &World, place: &Place) -> String {
    world.chat.messages_in(&place.channel).last().expect("a message").notice.head.clone()
}

#[tokio::test]
async fn a_manager_mutes_and_disconnects_many_and_each_channel_takes_it_back() {
    let world = connected().await;
    world.ana_says("configure all").await;
    let all = list(&world);
    assert_eq!(all.notice.head, "3 subscriptions in 2 channels");
    assert_eq!(texts(&all)[0], "needs care 0 · noisy 0 · muted 0 · all 3");
    chooses(&world, ana(), &all, "Mute for a day (3)").await;
    assert!(
        last_in(&world, &dev()).starts_with("Muted: acme / web until 3 Jan 03:04 UTC"),
        "{}",
        last_in(&world, &dev())
    );
    let done = world.chat.message(&all.id).expect("edited in place").notice;
    assert_eq!(done.head, "Muted for a day: 3 subscriptions in 2 channels.");

    world.ana_says("configure all").await;
    let muted = list(&world).notice.buttons.into_iter().find(|button| button.label == "Muted 3").expect("a group");
    press(&world, ana(), &list(&world), muted.press).await;
    chooses(&world, ana(), &list(&world), "Disconnect (3)").await;
    assert_eq!(last_in(&world, &dev()), "Disconnected: acme / web, by Ana.");
    assert_eq!(world.store.subscriptions_of(&ops().account).await.expect("read"), []);
    let undo = world.chat.messages_in(&dev().channel).pop().expect("told").notice.buttons.remove(0).press;
    let pressed = Pressed { by: ben(), place: dev(), press: Some(undo), message: None };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
    assert_eq!(world.store.subscriptions_of(&ops().account).await.expect("read").len(), 1);
    world.wait(Duration::from_secs(24 * 3_600)).await;
    world.wait(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn what_needs_care_and_what_is_noisy_come_first() {
    let world = connected().await;
    for number in 0..141 {
        let mut new = change(ChangeKind::New);
        new.issue_id = IssueId::new(number.to_string());
        world.app.accept(&[], &Event::Changed(new)).await.expect("kept");
    }
    world.settle().await;
    world.wait(Duration::from_secs(300)).await;
    world.ana_says("configure all").await;
    assert_eq!(texts(&list(&world))[0], "needs care 0 · noisy 2 · muted 0 · all 3");
    world.chat.close(&dev().channel);
    let mut web = change(ChangeKind::New);
    web.issue_id = IssueId::new("web");
    web.project.id = Some(zentry_contract::sample::project("web").id);
    world.app.accept(&[], &Event::Changed(web)).await.expect("kept");
    world.settle().await;
    world.ana_says("configure all").await;
    let care = list(&world);
    assert_eq!(texts(&care)[0], "needs care 1 · noisy 2 · muted 0 · all 3");
    assert!(texts(&care)[1].starts_with("1 · #dev · acme / web · "), "{:?}", texts(&care));
    assert!(
        texts(&care)[1].contains("failing since 03:09 UTC: Zoom refuses messages to this place"),
        "{:?}",
        texts(&care)
    );
    world.chat.reopen(&dev().channel);
    world.wait(Duration::from_secs(3_600)).await;
}

#[tokio::test]
async fn whoever_is_no_manager_changes_only_what_they_see() {
    let world = connected().await;
    world.say(ben(), ops(), "configure all").await;
    let seen = list(&world);
    assert_eq!(seen.notice.head, "3 subscriptions in 2 channels", "Ben has used the bot in both");
    let stranger = zentry_contract::sample::person("acc", "U7", "Cy");
    chooses(&world, stranger, &seen, "Disconnect (3)").await;
    let left = world.store.subscriptions_of(&ops().account).await.expect("read");
    assert_eq!(left.len(), 1, "what Cy sees is #ops: {left:?}");
    assert!(left[0].place.is_same(&dev()));
}
