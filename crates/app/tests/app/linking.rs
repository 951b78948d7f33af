//! Linking a Sentry account over fakes, with the attacks on it.

use std::time::Duration;

use zentry_app::{Again, CameBack, LinkPage, SentryStart};
use zentry_contract::sample::{ana, ben, channel, mallory, ops, subscription};
use zentry_domain::{Action, ChangeKind, Decision, Event, Place, Pressed, RowChange, Secret, Status, Store, Timestamp};

use crate::world::{World, ana_at_sentry, issue_42};

#[tokio::test]
async fn opening_the_page_consumes_nothing_and_its_button_only_once() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    let token = Secret::new(world.link_address().rsplit('/').next().expect("a token"));
    for _ in 0..3 {
        let page = world.app.link_page(&token).await.expect("read");
        assert_eq!(page, LinkPage::Offer { person: "Ana".into(), account: "acc".into() });
    }
    assert!(matches!(world.app.start_link(&token).await, Ok(SentryStart::Go { .. })));
    assert!(matches!(world.app.start_link(&token).await, Ok(SentryStart::Used)));
    assert_eq!(world.app.link_page(&token).await.expect("read"), LinkPage::Used);
}

#[tokio::test]
async fn a_forwarded_link_links_nobody() {
    let world = World::with_linking();
    // Mallory's own account asks, and the link is forwarded to Ana, who finishes it in her browser.
    world.say(mallory(), channel("other", "den"), "connect acme checkout").await;
    let sent = world.chat.messages_in(&Place::direct(&mallory()).channel);
    let address = sent[0].notice.lines.iter().find_map(|line| line.link.clone()).expect("a link");
    let CameBack::Code { code, .. } = world.browser_links(&address).await else { panic!("a code") };

    // Ana does not send the code, or sends it herself: it is not hers to send.
    world.say(ana(), Place::direct(&ana()), code.expose()).await;
    assert_eq!(world.tracker.grants_of(&ana_at_sentry()), 1, "inactive, and held for ten minutes");
    world.wait(Duration::from_secs(601)).await;
    assert_eq!(world.tracker.grants_of(&ana_at_sentry()), 0, "revoked");
    world.say(mallory(), channel("other", "den"), "connect acme checkout").await;
    assert!(
        world
            .chat
            .messages_in(&channel("other", "den").channel)
            .iter()
            .all(|m| !m.notice.head.starts_with("Connected"))
    );
}

#[tokio::test]
async fn five_wrong_codes_end_it_and_the_right_one_then_does_nothing() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    let CameBack::Code { code, .. } = world.browser_links(&world.link_address()).await else { panic!("a code") };
    for _ in 0..5 {
        world.say(ana(), Place::direct(&ana()), "not the code").await;
    }
    assert_eq!(world.last_direct(), "Too many wrong codes. Nothing was linked.");
    assert_eq!(world.tracker.grants_of(&ana_at_sentry()), 0);
    world.say(ana(), Place::direct(&ana()), code.expose()).await;
    assert!(!world.last_direct().starts_with("Linked"), "{}", world.last_direct());
}

#[tokio::test]
async fn a_command_in_between_is_no_try_and_connect_says_that_the_code_is_awaited() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    let CameBack::Code { code, .. } = world.browser_links(&world.link_address()).await else { panic!("a code") };
    world.say(ana(), Place::direct(&ana()), "help").await;
    world.ana_says("connect acme checkout").await;
    assert_eq!(world.last(), "Still waiting for your code (10 min left).");
    let spaced = format!("{} {}", &code.expose()[..3], &code.expose()[3..]);
    world.say(ana(), Place::direct(&ana()), &spaced).await;
    assert_eq!(world.last(), "Connected: acme / checkout");
}

#[tokio::test]
async fn a_callback_without_the_cookie_or_a_second_time_is_invalid() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    let token = Secret::new(world.link_address().rsplit('/').next().expect("a token"));
    let Ok(SentryStart::Go { url, cookie }) = world.app.start_link(&token).await else { panic!("it works") };
    let code = world.tracker.approve(&url, &ana_at_sentry());
    let state = Secret::new(url.rsplit('=').next().expect("a state"));
    let callback = |cookie: Option<Secret>| zentry_app::Callback {
        state: Some(state.clone()),
        cookie,
        code: Some(code.clone()),
        error: None,
    };
    assert!(matches!(world.app.finish_link(callback(None)).await, Ok(CameBack::Invalid)));
    assert!(matches!(world.app.finish_link(callback(Some(Secret::new("other")))).await, Ok(CameBack::Invalid)));
    assert!(matches!(world.app.finish_link(callback(Some(cookie.clone()))).await, Ok(CameBack::Code { .. })));
    assert!(matches!(world.app.finish_link(callback(Some(cookie))).await, Ok(CameBack::Invalid)));
    world.settle().await;
}

#[tokio::test]
async fn an_expired_page_sends_a_new_link_to_the_same_person_only() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    let token = Secret::new(world.link_address().rsplit('/').next().expect("a token"));
    world.wait(Duration::from_secs(601)).await;
    assert_eq!(world.app.link_page(&token).await.expect("read"), LinkPage::Used);
    for _ in 0..3 {
        assert_eq!(world.app.link_again(&token).await.expect("stored"), Again::Sent);
        world.settle().await;
    }
    assert_eq!(world.app.link_again(&token).await.expect("stored"), Again::TooOften);
    world.ana_links().await;
    assert_eq!(world.last(), "Connected: acme / checkout");
}

#[tokio::test]
async fn a_press_by_somebody_unlinked_is_carried_out_after_linking() {
    let world = World::with_linking();
    let connected = Decision::nothing().and(RowChange::Subscribe(subscription(
        ops(),
        zentry_contract::sample::project("checkout"),
        ben(),
    )));
    world.store.commit(&[], &connected, Timestamp(0)).await.expect("stored");
    world.happens(ChangeKind::New).await;
    world.ana_presses(Action::Resolve).await;
    assert_eq!(world.tracker.issue_now(&issue_42().id).expect("there").status, Some(Status::Unresolved));
    world.ana_links().await;
    assert_eq!(world.tracker.issue_now(&issue_42().id).expect("there").status, Some(Status::Resolved));
    assert!(world.card().notice.head.starts_with("Resolved · "));
}

#[tokio::test]
async fn unlinking_revokes_the_grant_and_the_channel_keeps_its_feed() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    world.ana_links().await;
    world.ana_says("unlink").await;
    assert_eq!(world.tracker.grants_of(&ana_at_sentry()), 0);
    world.happens(ChangeKind::New).await;
    assert!(world.card().notice.head.starts_with("New · "));
}

#[tokio::test]
async fn after_too_many_codes_a_new_link_is_one_press_away_and_finishes_what_was_begun() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout").await;
    world.browser_links(&world.link_address()).await;
    let own = Place::direct(&ana());
    for _ in 0..5 {
        world.say(ana(), own.clone(), "000000").await;
    }
    assert!(world.last_direct().starts_with("Too many wrong codes"), "{}", world.last_direct());
    let again = world.chat.messages_in(&own.channel).pop().expect("told").notice.buttons.remove(0);
    assert_eq!(again.label, "Send me a new link");
    let pressed = Pressed { by: ana(), place: own, press: Some(again.press), message: None };
    world.app.accept(&[], &Event::Pressed(pressed)).await.expect("kept");
    world.settle().await;
    world.ana_links().await;
    assert_eq!(world.last(), "Connected: acme / checkout");
}
