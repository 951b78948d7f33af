//! Settings and filters that are chosen from lists, and what they do to the channel's cards.

use zentry_contract::fake::FakeMessage;
use zentry_contract::sample::{ana, ben, change, ops, project};
use zentry_domain::{Action, Change, ChangeKind, Event, Facts, IssueId, Person, Policy, Press, Pressed};

use crate::world::{World, ana_at_sentry};

async fn connected() -> World {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world
}

fn heads(world: &World) -> Vec<String> {
    world.chat.messages_in(&ops().channel).into_iter().map(|message| message.notice.head).collect()
}

/// The newest message that says so first.
fn message(world: &World, head: &str) -> FakeMessage {
    let mut messages = world.chat.messages_in(&ops().channel).into_iter().rev();
    messages
        .find(|message| message.notice.head.starts_with(head))
        .unwrap_or_else(|| panic!("{head:?} among {:?}", heads(world)))
}

async fn press(world: &World, by: Person, on: &FakeMessage, press: Press) {
    let pressed = Pressed { by, place: ops(), press: Some(press), message: Some(on.id.clone()) };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
}

async fn presses(world: &World, by: Person, on: &FakeMessage, label: &str) {
    let button =
        on.notice.buttons.iter().find(|button| button.label == label).unwrap_or_else(|| panic!("{label} {on:?}"));
    press(world, by, on, button.press.clone()).await;
}

async fn chooses(world: &World, by: Person, on: &FakeMessage, list: &str, option: &str) {
    let lists = on.notice.selects.iter().filter(|select| select.label == list);
    let found = lists.flat_map(|select| &select.options).find(|found| found.label == option);
    press(world, by, on, found.unwrap_or_else(|| panic!("{list} / {option} {on:?}")).press.clone()).await;
}

/// Ana opens the channel's settings.
async fn settings(world: &World) -> FakeMessage {
    world.ana_says("configure").await;
    presses(world, ana(), &message(world, "#ops gets"), "Channel settings").await;
    message(world, "Settings of #ops")
}

#[tokio::test]
async fn a_level_and_events_are_chosen_and_the_message_shows_them_at_once() {
    let world = connected().await;
    world.ana_says("configure").await;
    presses(&world, ana(), &message(&world, "#ops gets"), "Edit acme/checkout").await;
    let panel = message(&world, "acme / checkout: new issues");
    assert_eq!(panel.to.visible_to, Some(ana().user));
    chooses(&world, ana(), &panel, "Level, and above", "fatal").await;
    let panel = world.chat.message(&panel.id).expect("edited in place");
    assert!(panel.notice.head.ends_with("fatal only") && panel.edits == 1, "{panel:?}");
    assert_eq!(panel.notice.selects[0].chosen, Some(4));
    chooses(&world, ana(), &panel, "Events, on or off", "– resolved issues").await;
    let panel = world.chat.message(&panel.id).expect("edited in place");
    assert!(panel.notice.head.contains("alerts, resolved issues; fatal only"), "{panel:?}");
    let told = message(&world, "acme / checkout: now only");
    assert!(told.to.visible_to.is_none() && told.notice.head.ends_with("(Ana)."), "{told:?}");
    presses(&world, ben(), &told, "Undo (10 min)").await;
    world.happens(ChangeKind::Resolved).await;
    assert!(!heads(&world).iter().any(|head| head.starts_with("Resolved · ")), "taken back: {:?}", heads(&world));
}

#[tokio::test]
async fn a_choice_of_before_means_nothing_any_more_where_nothing_would_be_left() {
    let world = connected().await;
    world.ana_says("configure acme checkout event:new").await;
    world.ana_says("configure acme checkout").await;
    let panel = message(&world, "acme / checkout: new issues; error");
    chooses(&world, ana(), &panel, "Events, on or off", "✓ new issues").await;
    let panel = world.chat.message(&panel.id).expect("edited in place");
    assert!(panel.notice.lines.iter().any(|line| line.text.starts_with("With that nothing would ever")), "{panel:?}");
}

#[tokio::test]
async fn compact_cards_are_one_line_and_full_ones_say_whose_they_are() {
    let world = connected().await;
    let panel = settings(&world).await;
    chooses(&world, ana(), &panel, "Density", "compact").await;
    assert_eq!(
        world.last(),
        "Changed by Ana for #ops. Updates: edit the card. Density: compact. Text: full. Mentions: the assignee. Time zone: UTC. Tags: none."
    );
    world.happens(ChangeKind::New).await;
    let card = world.card().notice;
    assert_eq!(card.head, "New · [checkout] TimeoutError: pool exhausted — error");
    assert_eq!(card.lines.len(), 1, "where it opens: {card:?}");
    chooses(&world, ana(), &message(&world, "Settings of"), "Density", "full").await;
    world.happens(ChangeKind::Resolved).await;
    let card = world.card().notice;
    assert!(card.lines.iter().any(|l| l.text == "CHECKOUT of Acme Inc. · issue 42 · connected by Ana"), "{card:?}");
}

#[tokio::test]
async fn a_private_channel_neither_shows_nor_keeps_what_a_message_said() {
    let world = connected().await;
    let panel = settings(&world).await;
    chooses(&world, ana(), &panel, "Text", "no message").await;
    world.happens(ChangeKind::New).await;
    let card = world.card().notice;
    assert_eq!(card.head, "New · [checkout] TimeoutError");
    assert!(card.lines.iter().any(|line| line.text == "1 value hidden by this channel's privacy setting."), "{card:?}");
    world.ana_presses(Action::Resolve).await;
    assert_eq!(world.card().notice.head, "Resolved · [checkout] TimeoutError");
    let kept = world.store.cards_of(&IssueId::new("42")).await.expect("read");
    assert!(!format!("{kept:?}").contains("pool exhausted"));
}

#[tokio::test]
async fn a_channel_reads_the_clock_of_its_own_time_zone() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    let panel = settings(&world).await;
    chooses(&world, ana(), &panel, "Time zone", "Berlin (Europe)").await;
    let panel = world.chat.message(&panel.id).expect("edited in place");
    let zones = panel.notice.selects.iter().find(|select| select.label == "Time zone").expect("is there");
    assert_eq!(zones.chosen.map(|chosen| zones.options[chosen].label.as_str()), Some("Berlin (Europe)"));
    for kind in [ChangeKind::New, ChangeKind::Resolved] {
        let event = Change { issue_id: IssueId::new("43"), ..change(kind) };
        world.app.accept(&[], &Event::Changed(event)).await.expect("kept");
        world.settle().await;
    }
    let card = message(&world, "Resolved · ");
    assert!(card.notice.lines.iter().any(|line| line.text.contains("at 04:04 CET")), "{card:?}");
    world.ana_says("status").await;
    assert!(message(&world, "#ops").notice.lines[0].text.contains("CET"), "{:?}", heads(&world));
}

#[tokio::test]
async fn changes_are_told_in_the_thread_or_in_the_channel_where_that_is_wanted() {
    let world = connected().await;
    let panel = settings(&world).await;
    chooses(&world, ana(), &panel, "Updates", "edit the card and reply to it").await;
    world.happens(ChangeKind::New).await;
    let card = world.card();
    world.happens(ChangeKind::Resolved).await;
    let told = message(&world, "Resolved · [checkout] TimeoutError");
    assert_eq!(told.to.reply_to, Some(card.id.clone()));
    assert_eq!(told.notice.lines[0].text, "in Sentry at 03:04 UTC");
    assert!(world.card().notice.head.starts_with("Resolved · "), "the card says so, too");
    let before = heads(&world).len();
    world.happens(ChangeKind::Resolved).await;
    assert_eq!(heads(&world).len(), before, "once");

    chooses(&world, ana(), &message(&world, "Settings of"), "Updates", "edit the card and post in the channel").await;
    world.ana_presses(Action::Reopen).await;
    let told = message(&world, "Open again · [checkout] TimeoutError");
    assert_eq!((told.to.reply_to, told.notice.lines[0].text.as_str()), (None, "by Ana"));
}

#[tokio::test]
async fn settings_are_taken_back_and_under_the_policy_managers_only_they_change_them() {
    let world = World::new(|deployment| {
        deployment.linking = false;
        deployment.policy = Policy::Managers;
        deployment.managers = vec![ana().user];
        deployment.integration_org = Some(project("checkout").org);
    });
    world.ana_says("connect acme checkout").await;
    let panel = settings(&world).await;
    chooses(&world, ben(), &panel, "Density", "compact").await;
    assert!(world.last().starts_with("In this Zoom account only managers may"), "{}", world.last());
    chooses(&world, ana(), &panel, "Density", "compact").await;
    let told = message(&world, "Changed by Ana for #ops");
    presses(&world, ana(), &told, "Undo (10 min)").await;
    assert_eq!(
        world.last(),
        "Changed by Ana for #ops. Updates: edit the card. Density: standard. Text: full. Mentions: the assignee. Time zone: UTC. Tags: none."
    );
}

#[tokio::test]
async fn whoever_manages_the_organization_at_sentry_manages_what_a_channel_gets_of_it() {
    let world = World::new(|deployment| deployment.policy = Policy::Managers);
    world.ana_says("whoami").await;
    presses(&world, ana(), &message(&world, "Zoom: Ana"), "Link an account").await;
    world.ana_links().await;
    world.ana_says("connect acme web").await;
    assert!(world.last().starts_with("In this Zoom account only managers may"), "{}", world.last());

    world.tracker.set_manager(&project("checkout").org, &ana_at_sentry(), true);
    world.wait(std::time::Duration::from_secs(25 * 3_600)).await;
    world.ana_says("status").await;
    world.ana_says("connect acme web").await;
    assert_eq!(world.last(), "Connected: acme / web");
    world.ana_says("connect globex shop").await;
    assert!(world.last().starts_with("In this Zoom account only managers may"), "another's: {}", world.last());
    world.ana_says("mute 5m").await;
    assert!(world.last().starts_with("Muted: acme / web"), "{}", world.last());
    world.ana_says("unmute").await;
    world.wait(std::time::Duration::from_secs(60)).await;
}

#[tokio::test]
async fn what_a_channel_does_not_want_to_see_any_more_goes_from_the_cards_that_are_there() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    world.happens(ChangeKind::Assigned).await;
    let before = world.card();
    assert!(before.notice.head.contains("pool exhausted"), "{before:?}");
    let panel = settings(&world).await;
    chooses(&world, ana(), &panel, "Text", "class only").await;
    let hidden = world.card();
    assert_eq!(hidden.id, before.id, "edited, not posted anew");
    let said = format!("{hidden:?}");
    for private in ["pool exhausted", "pay.py", "2.4.1"] {
        assert!(!said.contains(private), "{private}: {said}");
    }
    assert!(hidden.notice.head.contains("TimeoutError"), "{hidden:?}");
    let edits = hidden.edits;
    let panel = message(&world, "Settings of #ops");
    chooses(&world, ana(), &panel, "Mentions", "nobody").await;
    assert_eq!(world.card().edits, edits, "nothing else is said");
    presses(&world, ana(), &message(&world, "Changed by Ana"), "Undo (10 min)").await;
    assert!(!format!("{:?}", world.card()).contains("pool exhausted"), "what is hidden is not kept");
}

#[tokio::test]
async fn cards_of_the_last_day_follow_another_density_and_that_is_taken_back() {
    let world = connected().await;
    world.happens(ChangeKind::New).await;
    let before = world.card().notice;
    let panel = settings(&world).await;
    chooses(&world, ana(), &panel, "Density", "compact").await;
    assert!(world.card().notice.lines.len() < before.lines.len(), "{:?}", world.card());
    presses(&world, ana(), &message(&world, "Changed by Ana"), "Undo (10 min)").await;
    assert_eq!(world.card().notice, before);
    world.wait(std::time::Duration::from_secs(25 * 3_600)).await;
    let edits = world.card().edits;
    let panel = settings(&world).await;
    chooses(&world, ana(), &panel, "Density", "compact").await;
    assert_eq!(world.card().edits, edits, "an older one follows with its next update");
}
