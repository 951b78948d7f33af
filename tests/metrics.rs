//! What dashboards and alerts rely on beside the ledger: counters and gauges of the real binary.

use std::time::Duration;

use zentry_test_support::sandbox::{Fault, Signing};
use zentry_test_support::{PATIENCE, Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

#[tokio::test(flavor = "multi_thread")]
async fn the_backlog_and_the_dead_letters_are_read_from_the_store() {
    let mut town = Town::with_integration(ZENTRY).await;
    assert_eq!(value(&town, "zentry_dead_jobs").await, Some(0));
    let idle = value(&town, "zentry_lane_backlog").await.expect("a gauge");
    let refused = Fault::Answer {
        status: 400,
        headers: vec![("content-type".into(), "application/json".into())],
        body: r#"{"code":300,"message":"Invalid body"}"#.into(),
    };
    town.sandbox.zoom.faults().next_times(2, &refused);
    town.jane_writes("help").await;
    becomes(&town, "zentry_dead_jobs", 1).await;
    town.sandbox.zoom.faults().next(Fault::Late(Duration::from_secs(5)));
    town.jane_types("help").await;
    becomes(&town, "zentry_lane_backlog", idle + 1).await;
    town.kill_and_start();
    assert_eq!(value(&town, "zentry_dead_jobs").await, Some(1), "it survives the process");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_an_organization_was_last_heard_of_is_told_also_after_a_restart() {
    let mut town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
    let series = r#"zentry_last_event_timestamp_seconds{org="acme"}"#;
    let last = async |town: &Town| -> Option<f64> {
        let metrics = town.ops("/metrics").await.1;
        metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    };
    assert_eq!(last(&town).await, None);
    town.error_in(&town.cast.web, "TimeoutError").await;
    let heard = last(&town).await.expect("a gauge");
    assert!(heard > 1_700_000_000.0, "seconds since 1970: {heard}");
    town.kill_and_start();
    assert_eq!(last(&town).await, Some(heard));
}

/// Row 24.
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_signed_at_another_time_are_refused_and_counted_and_the_clock_is_suspected_once_a_minute() {
    let town = Town::with_integration(ZENTRY).await;
    for _ in 0..2 {
        let old = town.sandbox.zoom.deliver_raw("{}", Signing::At(1_000)).await;
        assert_eq!(old.status, Some(401));
    }
    let forged = Signing::Forged { timestamp: "1000".into(), signature: format!("v0={}", "0".repeat(64)) };
    assert_eq!(town.sandbox.zoom.deliver_raw("{}", forged).await.status, Some(401));
    assert_eq!(value(&town, r#"zentry_stale_deliveries_total{age="past_days"}"#).await, Some(2), "signed ones alone");
    town.logged("this host's clock may be wrong").await;
    assert_eq!(town.log().matches("this host's clock may be wrong").count(), 1);
}

/// Row 26.
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_header_that_contradicts_the_body_is_counted_and_decides_nothing() {
    let town = Town::with_integration(ZENTRY).await;
    let body = r#"{"action":"created","data":{"issue":{"id":"7","title":"TimeoutError"}}}"#;
    let secret = &town.cast.integration.client_secret;
    for (resource, mismatches) in [("issue", None), ("comment", Some(1)), ("installation", Some(2))] {
        kept(town.sandbox.sentry.deliver_raw(resource, body, secret, Signing::Proper).await);
        assert_eq!(value(&town, "zentry_header_mismatch_total").await, mismatches, "{resource}");
    }
}

/// Row 2.
#[tokio::test(flavor = "multi_thread")]
async fn a_zoom_that_asks_for_more_than_a_day_is_told_of_in_the_log() {
    let town = Town::with_integration(ZENTRY).await;
    town.sandbox.zoom.faults().next(Fault::zoom_throttled(Some("200000")));
    town.jane_types("help").await;
    town.logged("Zoom asks to be left alone for more than a day").await;
    assert!(town.log().contains("hours=55"), "{}", town.log());
}

/// The value of the series that begins like this.
async fn value(town: &Town, series: &str) -> Option<u64> {
    let metrics = town.ops("/metrics").await.1;
    metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

async fn becomes(town: &Town, series: &str, wanted: u64) {
    let waited = async {
        while value(town, series).await != Some(wanted) {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waited).await.is_ok(), "{series} never was {wanted}: {}", town.log());
}
