//! Metric alerts through the real binary, over HTTP, against the doubles.

use zentry_test_support::sandbox::sentry::NewMetricRule;
use zentry_test_support::sandbox::zoom::{Message, Place};
use zentry_test_support::{Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

/// The messages of a place that speak of the rule, the oldest first.
fn about(town: &Town, place: impl Into<Place>, rule: &str) -> Vec<Message> {
    let messages = town.sandbox.zoom.messages(place, &town.cast.jane);
    messages.into_iter().filter(|message| message.to_string().contains(rule)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_alert_of_two_projects_is_one_card_a_channel_that_follows_it_up_and_down() {
    let mut town = Town::with_integration(ZENTRY).await;
    let (zoom, jane, web_team) = (town.sandbox.zoom.clone(), town.cast.jane.clone(), town.cast.web_team.clone());
    for project in ["checkout", "web"] {
        town.jane_types(&format!("connect acme {project}")).await;
        town.jane_sees(&format!("Connected: acme / {project}")).await;
    }
    kept(zoom.say(&jane, &web_team, "connect acme web").await);
    town.sees(&jane, &web_team, "Connected: acme / web").await;
    town.jane_writes("connect acme checkout -event:alert").await;
    town.jane_reads("Connected: acme / checkout").await;

    let title = "Too many 500s";
    let new = NewMetricRule { environment: Some("production".to_owned()), ..NewMetricRule::too_many(title, 100.0) };
    let rule = town.sandbox.sentry.metric_rule(&[&town.cast.checkout, &town.cast.web], new).expect("a rule");
    let measure = async |town: &Town, action: &str, value: &str| {
        kept(town.sandbox.sentry.measure(rule, action, value).await);
    };

    measure(&town, "warning", "60").await;
    let first = town.jane_sees("Warning · [checkout, web · production] Too many 500s").await;
    assert!(first.to_string().contains("Now 60 events (limit 50 events) · last 10 min · started "), "{first}");
    assert!(first.links()[0].starts_with(&format!("{}/organizations/acme/alerts/", town.sandbox.sentry.base())));
    let theirs = town.sees(&jane, &web_team, "Warning · [web · production] Too many 500s").await;
    kept(town.sandbox.sentry.redeliver_last().await.expect("the same once more"));
    town.restart();

    measure(&town, "critical", "120").await;
    let second = town.jane_sees("Critical · [checkout, web · production]").await;
    assert_ne!(second.id, first.id, "it became louder");
    assert!(second.to_string().contains("▁█") && second.to_string().contains("Now 120 events (limit 100 events)"));
    let theirs_now = town.sees(&jane, &web_team, "Critical · [web · production]").await;
    assert_ne!(theirs_now.id, theirs.id);

    measure(&town, "warning", "70").await;
    let edited = town.jane_sees("Now 70 events (limit 50 events)").await;
    assert_eq!(edited.id, second.id, "the same message is edited");
    measure(&town, "resolved", "3").await;
    let over = town.jane_sees("Resolved · [checkout, web · production] Too many 500s").await;
    assert_eq!(over.id, second.id);
    assert!(over.to_string().contains("back under 50 events at "), "{over}");
    assert_eq!((about(&town, &town.cast.alerts, title).len(), about(&town, &web_team, title).len()), (2, 2));

    town.error_in(&town.cast.checkout, "TimeoutError: marker").await;
    town.jane_reads("TimeoutError: marker").await;
    assert_eq!(about(&town, &jane, title).len(), 0, "it did not want alerts");
    let asked = town.sandbox.sentry.calls();
    assert!(
        asked.iter().all(|call| !call.path.contains("alert")),
        "Sentry is not asked for what is no issue: {asked:?}"
    );

    town.jane_types("why ALERT-1").await;
    town.jane_sees("ALERT-1 has a message in #checkout-alerts.").await;
    measure(&town, "critical", "150").await;
    let another = town.jane_sees("ALERT-2").await;
    assert_ne!(another.id, over.id, "another alert is another card");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_filters_by_environment_hears_of_the_rules_of_that_environment_alone() {
    let town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme web env:production level:fatal").await;
    town.jane_sees("Connected: acme / web").await;
    let rule = |name: &str, environment: Option<&str>| {
        let new = NewMetricRule { environment: environment.map(str::to_owned), ..NewMetricRule::too_many(name, 10.0) };
        town.sandbox.sentry.metric_rule(&[&town.cast.web], new).expect("a rule")
    };
    for unwanted in [rule("Staging is slow", Some("staging")), rule("Nowhere is slow", None)] {
        kept(town.sandbox.sentry.measure(unwanted, "critical", "11").await);
    }
    let wanted = rule("Production is slow", Some("production"));
    kept(town.sandbox.sentry.measure(wanted, "critical", "11").await);
    town.jane_sees("Critical · [web · production] Production is slow").await;
    assert!(!town.was_said("Staging is slow") && !town.was_said("Nowhere is slow"));
    town.jane_types("why ALERT-1").await;
    town.jane_sees("left out by the filter env:").await;
}
