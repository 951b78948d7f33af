//! What goes wrong at the vendors, and what people then see.

use std::time::Duration;

use zentry_contract::fake::ChatFault;
use zentry_contract::sample::{ana, change, channel, ops};
use zentry_contract::tracker::Fault;
use zentry_domain::{Action, Assignee, ChangeKind, Event, Place, Status};

use crate::world::{World, key};

#[tokio::test]
async fn a_card_is_posted_once_zoom_is_well_again() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.fail_next(ChatFault::Unavailable);
    world.happens(ChangeKind::New).await;
    world.wait(Duration::from_secs(2)).await;
    assert!(world.card().notice.head.starts_with("New · "));
}

#[tokio::test]
async fn what_changed_while_zoom_was_down_is_posted_as_it_is_now() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.fail_next(ChatFault::Unavailable);
    world.happens(ChangeKind::New).await;
    world.happens(ChangeKind::Resolved).await;
    world.wait(Duration::from_secs(2)).await;
    assert!(world.card().notice.head.starts_with("Resolved · "), "posted once, in its present state");
    assert_eq!(world.card().edits, 0);
}

#[tokio::test]
async fn a_card_that_zoom_cannot_draw_goes_out_as_plain_text() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.fail_next(ChatFault::Refused);
    world.happens(ChangeKind::New).await;
    let plain = world.chat.messages_in(&ops().channel).pop().expect("a message");
    assert!(plain.notice.head.starts_with("New · [checkout] TimeoutError"), "{}", plain.notice.head);
    assert!(plain.notice.head.ends_with("/organizations/acme/issues/42/"), "{}", plain.notice.head);
    assert!(plain.notice.buttons.is_empty());
}

#[tokio::test]
async fn a_change_that_zoom_cannot_draw_is_edited_in_as_plain_text() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    world.chat.fail_next(ChatFault::Refused);
    world.happens(ChangeKind::Resolved).await;
    let plain = world.chat.messages_in(&ops().channel).pop().expect("a message");
    assert!(plain.notice.head.starts_with("Resolved · [checkout] TimeoutError"), "{}", plain.notice.head);
}

#[tokio::test]
async fn where_a_card_takes_no_edit_it_is_said_under_it_once_each_time_the_issue_stands_elsewhere() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    let card = world.card();
    let below = |world: &World| {
        let mut messages = world.chat.messages_in(&ops().channel);
        messages.retain(|message| message.to.reply_to.as_ref() == Some(&card.id));
        messages.into_iter().map(|message| message.notice.head).collect::<Vec<_>>()
    };
    // As it is, and as plain text.
    world.chat.fail_times(2, ChatFault::Refused);
    world.happens(ChangeKind::Resolved).await;
    assert_eq!(below(&world), ["Resolved (I could not update the card above)."]);

    let mut counted = change(ChangeKind::Assigned);
    counted.issue.status = Some(Status::Resolved);
    counted.issue.assignee = Some(Assignee::Somebody("Ben".into()));
    world.chat.fail_times(2, ChatFault::Refused);
    world.app.accept(&[], &Event::Changed(counted)).await.expect("kept");
    world.settle().await;
    assert_eq!(below(&world).len(), 1, "it stands where it stood");

    world.chat.fail_times(2, ChatFault::Refused);
    world.happens(ChangeKind::Reopened).await;
    assert_eq!(below(&world)[1..], ["Open again (I could not update the card above)."]);
    assert_eq!(world.card().edits, 0);
}

#[tokio::test]
async fn a_zoom_that_is_down_is_tried_every_ten_seconds_and_its_return_is_noticed() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.fail_times(10_000, ChatFault::Unavailable);
    // Answers wait in as many lanes as there are places.
    for n in 0..60 {
        world.say(ana(), channel("acc", &format!("c{n}")), "help").await;
    }
    let before = world.chat.calls();
    for _ in 0..60 {
        world.wait(Duration::from_secs(1)).await;
    }
    assert!((4..=7).contains(&(world.chat.calls() - before)), "{}", world.chat.calls() - before);
    world.chat.heal();
    world.wait(Duration::from_secs(11)).await;
    world.wait(Duration::from_secs(1)).await;
    assert!(world.chat.messages().len() > 50, "{}", world.chat.messages().len());
    // The one that was tried again and again has climbed the ladder.
    for _ in 0..60 {
        world.wait(Duration::from_secs(60)).await;
    }
    assert_eq!(world.chat.messages().len(), 61, "everything is said");
}

#[tokio::test]
async fn a_throttled_card_waits_as_long_as_zoom_asked() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.fail_next(ChatFault::Throttled { after: Some(Duration::from_secs(7)) });
    world.happens(ChangeKind::New).await;
    let messages = world.chat.messages().len();
    world.wait(Duration::from_millis(6_900)).await;
    assert_eq!(world.chat.messages().len(), messages);
    world.wait(Duration::from_secs(1)).await;
    assert_eq!(world.chat.messages().len(), messages + 1);
}

#[tokio::test]
async fn a_lost_answer_is_tried_once_more_after_half_a_minute() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.chat.fail_next(ChatFault::Unknown { carried_out: false });
    world.happens(ChangeKind::New).await;
    world.wait(Duration::from_secs(29)).await;
    assert!(world.chat.messages().iter().all(|message| message.notice.tone.is_none()));
    world.wait(Duration::from_secs(2)).await;
    assert!(world.card().notice.head.starts_with("New · "));
}

#[tokio::test]
async fn a_message_deleted_in_the_chat_is_posted_anew() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    world.chat.lose(&world.card().id);
    world.happens(ChangeKind::Resolved).await;
    assert!(world.card().notice.head.starts_with("Resolved · "));
}

#[tokio::test]
async fn sentry_down_is_said_after_three_tries_and_nothing_is_connected() {
    let world = World::with_integration();
    for _ in 0..3 {
        world.tracker.fail_next(Fault::Down);
    }
    world.ana_says("connect acme checkout").await;
    world.wait(Duration::from_secs(10)).await;
    world.wait(Duration::from_secs(10)).await;
    assert_eq!(world.last(), "Sentry is not answering (3 tries). Your command was not carried out.");
    world.ana_says("configure").await;
    assert_eq!(world.last(), "#ops gets nothing yet");
}

#[tokio::test]
async fn a_refused_press_is_explained_privately_and_the_card_stays() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.happens(ChangeKind::New).await;
    world.tracker.fail_next(Fault::Forbidden);
    world.ana_presses(Action::Resolve).await;
    assert_eq!(world.last(), "Not resolved: you may not do this");
    let answer = world.chat.messages_in(&ops().channel).pop().expect("an answer");
    assert_eq!(answer.to.visible_to, Some(ana().user));
    assert_eq!(world.card().edits, 0);
}

#[tokio::test]
async fn a_link_that_cannot_be_sent_is_said_in_the_channel_to_that_person_only() {
    let world = World::with_linking();
    world.chat.close(&Place::direct(&ana()).channel);
    world.ana_says("connect acme checkout").await;
    let said = world.chat.messages_in(&ops().channel);
    let told = said.iter().find(|m| m.notice.head.starts_with("I cannot write to you")).expect("told");
    assert_eq!(told.to.visible_to, Some(ana().user));
}

#[tokio::test]
async fn a_store_that_is_down_refuses_the_delivery_and_takes_it_later() {
    let world = World::with_integration();
    world.store.set_down(true);
    let said = zentry_domain::Said { by: ana(), place: ops(), text: "help".into(), at: None };
    assert!(world.app.accept(&[key(1)], &Event::Said(said.clone())).await.is_err());
    world.store.set_down(false);
    world.app.accept(&[key(1)], &Event::Said(said)).await.expect("kept");
    world.settle().await;
    assert_eq!(world.last(), "Sentry for this channel");
}

#[tokio::test]
async fn an_account_that_leaves_takes_everything_with_it() {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.app.accept(&[], &Event::Changed(change(ChangeKind::New))).await.expect("kept");
    world.app.accept(&[], &Event::Deauthorized { account: ana().account, at: None }).await.expect("kept");
    let before = world.chat.messages().len();
    world.settle().await;
    world.happens(ChangeKind::New).await;
    assert_eq!(world.chat.messages().len(), before);
}

#[tokio::test]
async fn what_concerns_one_person_is_said_in_their_own_chat_where_the_channel_does_not_take_it() {
    let world = World::with_integration();
    world.chat.close(&ops().channel);
    world.ana_says("whoami").await;
    assert!(world.last_direct().starts_with("Zoom: Ana (user id U1)"), "{}", world.last_direct());
    world.chat.reopen(&ops().channel);
    world.ana_says("connect acme checkout").await;
    assert_eq!(world.last(), "Connected: acme / checkout", "what everybody must know is said there alone");
}
