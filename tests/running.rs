//! Running the real binary: signals, readiness, metrics.

use std::time::Duration;

use zentry_test_support::sandbox::{Fault, Signing};
use zentry_test_support::{Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_ends_nothing() {
    let town = Town::with_integration(ZENTRY).await;
    town.signal("HUP");
    town.jane_types("help").await;
    town.jane_sees("Sentry for this channel").await;
    town.logged("there is no certificate to read again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_it_says_that_it_is_not_ready_and_then_ends_with_0() {
    let mut town = Town::with_integration(ZENTRY).await;
    town.sandbox.zoom.faults().next(Fault::Late(Duration::from_secs(8)));
    town.jane_types("help").await;
    town.sandbox.wire.wait_for("the slow post", 0, zentry_test_support::PATIENCE, |_| true).await.expect("it began");
    assert_eq!(town.ops("/readyz").await.0, 200);
    town.signal("TERM");
    town.logged("ending: no more requests are taken").await;
    let (status, why) = town.ops("/readyz").await;
    assert_eq!((status, why.as_str()), (503, "not ready: draining\n"));
    assert_eq!(town.ops("/healthz").await.0, 200);
    assert_eq!(town.ended().code(), Some(0));
}

/// Row 46.
#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_reads_the_log_it_goes_on_counts_what_is_lost_and_ends_in_order() {
    let mut town = Town::built(ZENTRY).await;
    town.setup.settings.insert("ZENTRY_LOG".into(), "debug".into());
    let unread = town.setup.start_unread();
    let metric = async |name: &str| {
        let page = town.sandbox.browser.open(&format!("{}/metrics", town.ops_url)).await.ok()?;
        page.html.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
    };
    // More than the pipe holds, and then more than the queue holds.
    let flood = async {
        while metric("zentry_log_lines_dropped_total").await.unwrap_or_default() == 0 {
            let forged = || town.sandbox.zoom.deliver_raw("{}", Signing::Unsigned);
            tokio::join!(forged(), forged(), forged(), forged(), forged(), forged(), forged(), forged());
        }
    };
    tokio::time::timeout(Duration::from_secs(120), flood).await.expect("lines are dropped");
    town.jane_types("help").await;
    town.jane_sees("Sentry for this channel").await;
    let ended = tokio::task::spawn_blocking(move || unread.bot.terminate());
    let ended = tokio::time::timeout(zentry_test_support::PATIENCE, ended).await.expect("it ends").expect("awaited");
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_notice_is_accounted_for() {
    let town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
    let error = town.error_in(&town.cast.web, "TimeoutError").await;
    town.jane_sees("New · [web] TimeoutError").await;
    kept(town.sandbox.sentry.resolve(error, &town.cast.max).await);
    town.jane_sees("Resolved · [web] TimeoutError").await;
    kept(town.sandbox.sentry.redeliver_last().await.expect("issue.resolved"));
    town.cards_are_settled().await;

    let metrics = town.ops("/metrics").await.1;
    let value = |name: &str| -> u64 {
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    let accepted = value("zentry_ledger_accepted_total");
    let ended = value("zentry_ledger_delivered_total") + value("zentry_ledger_suppressed_total");
    assert_eq!(accepted, ended + value("zentry_ledger_pending") + value("zentry_ledger_dead"), "{metrics}");
    assert_eq!(accepted, 4, "one answer, and three changes of cards: {metrics}");
}
