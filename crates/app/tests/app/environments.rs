//! Filters by environment and tag: what no webhook tells is read at Sentry before anything is posted.

use std::time::Duration;

use zentry_contract::fake::FakeMessage;
use zentry_contract::sample::{ana, change, channel, ops, project};
use zentry_contract::tracker::Fault;
use zentry_domain::roundup::EDIT_EVERY;
use zentry_domain::{Change, ChangeKind, Clock, Event, Issue, IssueId, Journal, Occurrence, Suppression};

use crate::world::{World, issue_42};

fn of(environment: &str) -> Occurrence {
    Occurrence { environment: Some(environment.into()), ..Occurrence::default() }
}

async fn connected(filters: &str) -> World {
    let world = World::with_integration();
    world.ana_says(&format!("connect acme checkout {filters}")).await;
    world
}

/// The issue's latest event is in `environment`; a webhook tells of something that happened to it.
async fn happens_in(world: &World, environment: &str, kind: ChangeKind) {
    world.tracker.happens(&issue_42().id, of(environment));
    world.happens(kind).await;
}

/// An alert fires for an event in `environment`, whatever the latest one is by now.
async fn fires_in(world: &World, environment: &str) {
    let mut alert = Change {
        occurrence: Some(Box::new(of(environment))),
        ..change(ChangeKind::Alert { rule: "Page".into(), page: None })
    };
    alert.issue.environment = Some(environment.into());
    world.app.accept(&[], &Event::Changed(alert)).await.expect("kept");
    world.settle().await;
}

fn cards(world: &World) -> Vec<FakeMessage> {
    world.chat.messages_in(&ops().channel).into_iter().filter(|m| m.notice.tone.is_some()).collect()
}

fn heads(world: &World) -> Vec<String> {
    cards(world).into_iter().map(|card| card.notice.head).collect()
}

async fn filtered(world: &World) -> u64 {
    let ledger = world.store.ledger().await.expect("read");
    ledger.suppressed.get(&Suppression::Filtered).copied().unwrap_or_default()
}

#[tokio::test]
async fn an_issue_posts_with_its_environment_where_its_latest_event_fits() {
    let world = connected("env:production").await;
    happens_in(&world, "production", ChangeKind::New).await;
    assert_eq!(heads(&world), ["New · [checkout · production] TimeoutError: pool exhausted"]);
    assert_eq!(filtered(&world).await, 0);
}

#[tokio::test]
async fn an_issue_from_elsewhere_posts_nothing_until_an_alert_fires_in_production() {
    let world = connected("env:production").await;
    happens_in(&world, "staging", ChangeKind::New).await;
    assert!(cards(&world).is_empty());
    assert_eq!(filtered(&world).await, 1);
    fires_in(&world, "staging").await;
    assert!(cards(&world).is_empty());
    fires_in(&world, "production").await;
    assert_eq!(heads(&world), ["New · [checkout · production] TimeoutError: pool exhausted"]);
    assert_eq!(world.tracker.latest_asked(), 1, "an alert brings its event");
    // Whether it is new there Sentry does not say.
    world.wait(SOON).await;
    assert_eq!(heads(&world), ["New · [checkout · production] TimeoutError: pool exhausted"]);
}

#[tokio::test]
async fn why_tells_what_sentry_said_and_when_it_could_not() {
    let world = connected("env:production").await;
    happens_in(&world, "staging", ChangeKind::New).await;
    let why = async || {
        world.ana_says("why CHECKOUT-7").await;
        let notice = world.chat.messages_in(&ops().channel).pop().expect("an answer").notice;
        notice.lines.into_iter().fold(notice.head, |text, line| format!("{text}\n{}", line.text))
    };
    let told = why().await;
    assert!(told.starts_with("CHECKOUT-7 was not posted in #ops."), "{told}");
    assert!(told.contains("new · received, Sentry is asked for its environment and tags"), "{told}");
    assert!(told.contains("latest event · read at Sentry, left out by the filter env:"), "{told}");
    assert!(told.contains("Other filters: /sentry configure acme checkout <filters>"), "{told}");
    fires_in(&world, "staging").await;
    assert!(why().await.contains("alert · received, left out by the filter env:"));
    world.tracker.fail_next(Fault::Forbidden);
    happens_in(&world, "staging", ChangeKind::Escalating).await;
    assert!(why().await.contains("Sentry could not say its environment and tags, so it is wanted here"));
}

#[tokio::test]
async fn while_muted_only_what_fits_is_told_of_when_that_ends() {
    let world = connected("env:production").await;
    world.ana_says("mute 1h").await;
    numbered(&world, "43", "staging").await;
    numbered(&world, "44", "production").await;
    assert!(cards(&world).is_empty());
    assert_eq!(world.tracker.latest_asked(), 2);
    world.wait(Duration::from_secs(3_600)).await;
    assert!(world.last().contains("While muted: 1 issue, 1 still open, worst: Error 44"), "{}", world.last());
    world.wait(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_card_that_is_there_is_brought_up_to_date_whatever_the_filter_says() {
    let world = connected("env:production").await;
    happens_in(&world, "production", ChangeKind::New).await;
    happens_in(&world, "staging", ChangeKind::Resolved).await;
    assert!(world.card().notice.head.starts_with("Resolved · "), "{:?}", heads(&world));
    happens_in(&world, "staging", ChangeKind::Regressed).await;
    assert!(world.card().notice.head.starts_with("Came back · "), "it is edited: {:?}", heads(&world));
    world.happens(ChangeKind::Resolved).await;
    happens_in(&world, "production", ChangeKind::Regressed).await;
    assert_eq!(cards(&world).len(), 2, "in production it is posted anew: {:?}", heads(&world));
}

#[tokio::test]
async fn tags_are_compared_like_environments() {
    let world = connected("tag:browser=chrome*,firefox -tag:customer=test").await;
    let tags = |tags: &[(&str, &str)]| Occurrence {
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ..Occurrence::default()
    };
    for left_out in [tags(&[("browser", "Safari")]), tags(&[("browser", "Firefox"), ("customer", "test")])] {
        world.tracker.happens(&issue_42().id, left_out);
        world.happens(ChangeKind::New).await;
        world.happens(ChangeKind::Escalating).await;
        assert!(cards(&world).is_empty());
    }
    world.tracker.happens(&issue_42().id, tags(&[("browser", "Chrome 121")]));
    world.happens(ChangeKind::Escalating).await;
    assert_eq!(cards(&world).len(), 1);
}

#[tokio::test]
async fn where_sentry_cannot_say_the_card_is_posted() {
    let world = connected("env:production").await;
    world.tracker.fail_next(Fault::Forbidden);
    happens_in(&world, "staging", ChangeKind::New).await;
    assert_eq!(heads(&world), ["New · [checkout] TimeoutError: pool exhausted"]);
}

#[tokio::test]
async fn where_nobody_can_be_asked_the_card_is_posted() {
    let world = World::with_linking();
    world.ana_says("connect acme checkout env:production").await;
    world.ana_links().await;
    world.ana_says("unlink").await;
    happens_in(&world, "staging", ChangeKind::New).await;
    assert_eq!(cards(&world).len(), 1);
    assert_eq!(world.tracker.latest_asked(), 0);
    world.wait(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn three_tries_that_fail_post_the_card_and_spare_a_silent_sentry_for_a_minute() {
    let world = connected("env:production").await;
    for _ in 0..3 {
        world.tracker.fail_next(Fault::Down);
    }
    happens_in(&world, "staging", ChangeKind::New).await;
    assert!(cards(&world).is_empty());
    for _ in 0..10 {
        world.wait(Duration::from_secs(1)).await;
    }
    assert_eq!((cards(&world).len(), world.tracker.latest_asked()), (1, 3));

    numbered(&world, "43", "staging").await;
    assert_eq!((cards(&world).len(), world.tracker.latest_asked()), (2, 3), "it is not asked");
    world.wait(Duration::from_secs(60)).await;
    numbered(&world, "44", "staging").await;
    assert_eq!((cards(&world).len(), world.tracker.latest_asked()), (2, 4), "it is asked again");
}

/// A new issue, of which a webhook tells, and all that follows.
async fn numbered(world: &World, number: &str, environment: &str) {
    tell(world, number, environment).await;
    world.settle().await;
}

/// A new issue, of which a webhook tells.
async fn tell(world: &World, number: &str, environment: &str) {
    let id = IssueId::new(number);
    let issue = Issue { title: format!("Error {number}"), first_seen: Some(world.clock.now()), ..Issue::default() };
    world.tracker.list_issue(&project("checkout"), &id, issue.clone());
    world.tracker.happens(&id, of(environment));
    let new = Change { issue_id: id, issue, ..change(ChangeKind::New) };
    world.app.accept(&[], &Event::Changed(new)).await.expect("kept");
}

#[tokio::test]
async fn a_question_to_sentry_holds_up_no_other_card_of_the_channel() {
    let world = connected("env:production").await;
    world.ana_says("connect acme web").await;
    world.tracker.fail_next(Fault::Down);
    happens_in(&world, "production", ChangeKind::New).await;
    let mut other = Change { issue_id: IssueId::new("7"), ..change(ChangeKind::New) };
    other.project.id = Some(project("web").id);
    world.app.accept(&[], &Event::Changed(other)).await.expect("kept");
    world.settle().await;
    assert_eq!(heads(&world), ["New · [web] TimeoutError: pool exhausted"]);
    world.wait(Duration::from_secs(2)).await;
    assert_eq!(cards(&world).len(), 2);
}

#[tokio::test]
async fn channels_without_such_filters_ask_nothing_and_all_others_ask_once() {
    let world = connected("").await;
    for name in ["dev", "qa"] {
        world.say(ana(), channel("acc", name), "connect acme checkout env:production").await;
    }
    happens_in(&world, "production", ChangeKind::New).await;
    assert_eq!(world.tracker.latest_asked(), 1);
    for name in ["dev", "qa"] {
        assert_eq!(world.chat.messages_in(&channel("acc", name).channel).len(), 2, "{name}");
    }
    world.say(ana(), channel("acc", "dev"), "disconnect").await;
    world.say(ana(), channel("acc", "qa"), "disconnect").await;
    happens_in(&world, "production", ChangeKind::Escalating).await;
    assert_eq!(world.tracker.latest_asked(), 1);
}

#[tokio::test]
async fn what_is_left_out_brings_no_storm_and_in_a_storm_nobody_asks() {
    let world = connected("env:production").await;
    for number in 100..140 {
        numbered(&world, &number.to_string(), "staging").await;
    }
    assert!(cards(&world).is_empty());
    for number in 200..210 {
        numbered(&world, &number.to_string(), "production").await;
    }
    assert_eq!(world.tracker.latest_asked(), 40 + 7, "for six cards, and for what begins the storm");
    assert_eq!(cards(&world).len(), 7, "{:?}", heads(&world));
    for _ in 0..12 {
        world.wait(Duration::from_secs(10)).await;
    }
    assert!(heads(&world)[6].starts_with("Storm over · [checkout] 4 issues in "), "{:?}", heads(&world));
}

#[tokio::test]
async fn of_a_burst_only_what_posts_before_the_storm_is_asked_for() {
    let world = connected("env:production").await;
    for number in 100..140 {
        tell(&world, &number.to_string(), "production").await;
    }
    world.settle().await;
    assert_eq!((cards(&world).len(), world.tracker.latest_asked()), (7, 7), "{:?}", heads(&world));
    for _ in 0..12 {
        world.wait(Duration::from_secs(10)).await;
    }
    assert!(heads(&world)[6].starts_with("Storm over · [checkout] 34 issues in "), "{:?}", heads(&world));
}

#[tokio::test]
async fn a_channel_that_is_disconnected_while_sentry_is_asked_gets_nothing() {
    let world = connected("env:production").await;
    world.tracker.fail_next(Fault::Down);
    happens_in(&world, "production", ChangeKind::New).await;
    world.ana_says("disconnect acme checkout").await;
    world.wait(Duration::from_secs(2)).await;
    assert!(cards(&world).is_empty());
}

#[tokio::test]
async fn what_no_webhook_told_of_is_caught_up_with_only_where_it_fits() {
    let world = connected("env:production").await;
    world.wait(Duration::from_secs(600)).await;
    for (number, environment) in [("7", "production"), ("8", "staging")] {
        let id = IssueId::new(number);
        let first_seen = Some(world.clock.now());
        let issue = Issue { title: format!("Error {number}"), first_seen, ..change(ChangeKind::New).issue };
        world.tracker.list_issue(&project("checkout"), &id, issue);
        world.tracker.happens(&id, of(environment));
    }
    world.wait(Duration::from_secs(3_600)).await;
    let [card] = &cards(&world)[..] else { panic!("one card: {:?}", heads(&world)) };
    assert_eq!(card.notice.lines[0].text, "1 issue changed: 1 new.");
    for _ in 0..3 {
        world.wait(Duration::from_secs(3_600)).await;
    }
    assert_eq!(cards(&world).len(), 1);
}

// === new in an environment ===

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Sentry is asked once it can know.
const SOON: Duration = Duration::from_secs(5);

/// The issue happens in `environment` for the first time, and an alert tells of it; Sentry is asked.
async fn begins_in(world: &World, environment: &str) {
    world.tracker.happened_first(&issue_42().id, environment, world.clock.now(), of(environment));
    fires_in(world, environment).await;
    world.wait(SOON).await;
}

#[tokio::test]
async fn an_issue_that_is_known_from_elsewhere_is_told_of_as_new_in_production() {
    let world = connected("").await;
    world.happens(ChangeKind::New).await;
    begins_in(&world, "dev").await;
    world.clock.advance(9 * DAY);
    begins_in(&world, "production").await;
    let card = cards(&world).pop().expect("the card").notice;
    assert_eq!(card.head, "First in production · [checkout] TimeoutError: pool exhausted");
    assert_eq!(card.lines[0].text, "Seen in dev since 9 days.");
    assert_eq!(cards(&world).len(), 1);
    fires_in(&world, "production").await;
    assert_eq!(cards(&world).pop().expect("the card").notice.head, card.head, "a rule that fires again is no news");
}

#[tokio::test]
async fn a_channel_of_production_is_told_when_what_it_was_spared_gets_there() {
    let world = connected("env:production event:new").await;
    happens_in(&world, "dev", ChangeKind::New).await;
    begins_in(&world, "dev").await;
    assert!(cards(&world).is_empty());
    world.clock.advance(DAY);
    begins_in(&world, "production").await;
    assert_eq!(heads(&world), ["First in production · [checkout] TimeoutError: pool exhausted"]);
}

#[tokio::test]
async fn what_sentry_knows_from_production_for_long_is_not_called_new_there() {
    let world = connected("").await;
    world.tracker.happened_first(&issue_42().id, "production", world.clock.now() - DAY, of("production"));
    world.happens(ChangeKind::New).await;
    fires_in(&world, "dev").await;
    fires_in(&world, "production").await;
    world.wait(EDIT_EVERY).await;
    assert!(heads(&world)[0].starts_with("New · "), "{:?}", heads(&world));
}

#[tokio::test]
async fn a_sentry_that_is_away_for_hours_is_asked_once_it_is_back() {
    let world = connected("").await;
    world.happens(ChangeKind::New).await;
    begins_in(&world, "dev").await;
    world.tracker.happened_first(&issue_42().id, "production", world.clock.now(), of("production"));
    fires_in(&world, "production").await;
    for _ in 0..5 {
        world.tracker.fail_next(Fault::Down);
        world.wait(Duration::from_secs(7_200)).await;
    }
    assert!(heads(&world)[0].starts_with("New · "), "{:?}", heads(&world));
    world.wait(DAY).await;
    assert!(heads(&world)[0].starts_with("First in production · "), "{:?}", heads(&world));
}

#[tokio::test]
async fn configure_says_that_nothing_tells_what_is_new_in_an_environment_until_an_event_does() {
    let world = connected("").await;
    let says_so = async || {
        world.ana_says("configure").await;
        let notice = world.chat.messages_in(&ops().channel).pop().expect("an answer").notice;
        notice
            .lines
            .iter()
            .any(|line| line.text.starts_with("Not told what is new in an environment only: acme / checkout"))
    };
    assert!(says_so().await);
    world.happens(ChangeKind::New).await;
    assert!(says_so().await);
    fires_in(&world, "dev").await;
    assert!(!says_so().await);
    world.wait(EDIT_EVERY).await;
}
