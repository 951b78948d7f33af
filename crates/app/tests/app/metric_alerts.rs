//! Metric alerts: cards that are about no issue, and are like any other beyond that.

use std::time::Duration;

use zentry_contract::fake::FakeMessage;
use zentry_contract::sample::{ana, channel, ops, project};
use zentry_domain::{
    Alarm, Amount, Change, ChangeKind, Choice, Event, Issue, IssueId, Job, Metric, Occurrence, Place, ProjectKey,
    ProjectSlug, Side, Timestamp,
};

use crate::world::{World, key};

const MINUTE: Duration = Duration::from_secs(60);

/// Alert `number` of a rule about checkout and web.
fn metric_alert(number: u32, alarm: Alarm, value: &str) -> Change {
    let metric = Metric {
        alarm,
        projects: ["checkout", "web"].map(ProjectSlug::new).into(),
        description: Some(format!("{value} s in the last 10 minutes")),
        value: Amount::parse(value),
        unit: Some("s".into()),
        limit: Amount::parse("2.0"),
        side: Some(Side::Above),
        window: Some(10),
        started: Timestamp::parse("2026-01-02T02:50:00Z"),
        ..Metric::default()
    };
    Change {
        installation: None,
        project: ProjectKey { org: Some(project("checkout").org), ..ProjectKey::default() },
        issue_id: IssueId::of_alert(&number.to_string()),
        issue: Issue {
            short_id: Some(Metric::short_id(&number.to_string())),
            title: format!("Latency {number}"),
            status: Some(alarm.status()),
            ..Issue::default()
        },
        occurrence: Some(Box::new(Occurrence::default())),
        kind: ChangeKind::Metric(Box::new(metric)),
        by: None,
    }
}

async fn tell(world: &World, alarm: Alarm, value: &str) {
    world.app.accept(&[], &Event::Changed(metric_alert(1, alarm, value))).await.expect("kept");
    world.settle().await;
}

fn cards_in(world: &World, place: &Place) -> Vec<FakeMessage> {
    world.chat.messages_in(&place.channel).into_iter().filter(|m| m.notice.tone.is_some()).collect()
}

fn heads(world: &World, place: &Place) -> Vec<String> {
    cards_in(world, place).into_iter().map(|card| card.notice.head).collect()
}

async fn connected() -> World {
    let world = World::with_integration();
    world.ana_says("connect acme checkout").await;
    world.ana_says("connect acme web").await;
    world
}

#[tokio::test]
async fn it_is_told_once_a_channel_and_anew_only_where_it_becomes_louder() {
    let world = connected().await;
    let dev = channel("acc", "dev");
    world.say(ana(), dev.clone(), "connect acme web").await;
    for (alarm, value) in [(Alarm::Warning, "2.1"), (Alarm::Critical, "3.4"), (Alarm::Warning, "2.2")] {
        tell(&world, alarm, value).await;
    }
    assert_eq!(heads(&world, &ops()), ["Warning · [checkout, web] Latency 1", "Warning · [checkout, web] Latency 1"]);
    assert_eq!(heads(&world, &dev), ["Warning · [web] Latency 1"; 2]);
    tell(&world, Alarm::Resolved, "1.2").await;
    let cards = cards_in(&world, &ops());
    assert_eq!(cards[0].notice.lines[0].text, "Now 2.1 s (limit 2.0 s) · last 10 min · started 02:50 UTC");
    assert_eq!(cards[1].notice.lines[0].text, "back under 2.0 s at 03:04 UTC (14 min)");
    assert_eq!(cards[1].notice.lines[1].text, "▄█▄▁");
    assert_eq!((cards[0].edits, cards[1].edits), (0, 2));
}

#[tokio::test]
async fn sentry_is_never_asked_how_it_is() {
    let world = connected().await;
    let told = Event::Changed(metric_alert(1, Alarm::Critical, "3.4"));
    world.app.accept(&[key(1)], &told).await.expect("kept");
    tell(&world, Alarm::Resolved, "1.2").await;
    // For an issue that would be a reason.
    world.app.accept(&[key(1)], &told).await.expect("a repeat");
    world.settle().await;
    assert!(!world.store.waiting().iter().any(|(_, job)| matches!(job, Job::Refresh { .. } | Job::Sift { .. })));
    assert!(heads(&world, &ops())[0].starts_with("Resolved · "), "a repeat of old changes nothing");
    world.wait(Duration::from_secs(3_700)).await;
    assert_eq!(cards_in(&world, &ops()).len(), 1);
    assert_eq!(world.tracker.latest_asked(), 0);
}

#[tokio::test]
async fn it_counts_in_a_storm_and_waits_for_the_end_of_a_mute() {
    let world = connected().await;
    for number in 1..9 {
        let told = metric_alert(number, Alarm::Warning, "2.1");
        world.app.accept(&[], &Event::Changed(told)).await.expect("kept");
    }
    world.settle().await;
    world.wait(Duration::from_secs(11)).await;
    let storm = cards_in(&world, &ops()).pop().expect("a card");
    assert_eq!(storm.notice.head, "Storm · [checkout] 2 new issues in under a minute");
    assert_eq!(storm.notice.buttons[0].press.choice, Choice::ShowAll);
    world.wait(2 * MINUTE).await;

    world.ana_says("mute 5m").await;
    let before = cards_in(&world, &ops()).len();
    tell(&world, Alarm::Critical, "3.4").await;
    assert_eq!(cards_in(&world, &ops()).len(), before, "also where it becomes louder");
    world.wait(5 * MINUTE).await;
    assert!(world.last().contains("While muted: 1 issue, 1 still open, worst: Latency 1."), "{}", world.last());
    world.wait(MINUTE).await;
}

#[tokio::test]
async fn a_channel_that_left_the_project_it_was_posted_for_hears_of_it_by_the_other_one() {
    let world = connected().await;
    tell(&world, Alarm::Warning, "2.1").await;
    world.ana_says("disconnect acme checkout").await;
    tell(&world, Alarm::Critical, "3.4").await;
    assert_eq!(heads(&world, &ops())[1], "Critical · [web] Latency 1");
    world.ana_says("disconnect").await;
    tell(&world, Alarm::Resolved, "1.2").await;
    assert_eq!(heads(&world, &ops()).len(), 2);
}

#[tokio::test]
async fn why_tells_of_it_by_its_short_name_and_its_page() {
    let world = World::with_integration();
    world.ana_says("connect acme web -event:alert").await;
    tell(&world, Alarm::Critical, "3.4").await;
    for name in ["alert-1", "https://acme.sentry.io/alerts/rules/details/7/?alert=1"] {
        world.ana_says(&format!("why {name}")).await;
        let answer = world.chat.messages_in(&ops().channel).pop().expect("an answer").notice;
        assert_eq!(answer.head, "ALERT-1 was not posted in #ops.");
        assert!(answer.lines[0].text.ends_with("alert · received, left out by the filter event:"), "{answer:?}");
    }
}
