//! Told to end under load, the bot ends in order: nothing acknowledged is lost, and nothing is posted twice.

use std::time::Duration;

use tokio::time::Instant;
use zentry_test_support::sandbox::Fault;
use zentry_test_support::{Dice, Ledger, Load, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// Two seconds for requests, ten for sends that have begun.
const PROMISED: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn after_each_sigterm_under_load_nothing_is_lost_and_nothing_comes_twice() {
    let mut dice = Dice::thrown();
    let (mut town, mut load) = Load::town(ZENTRY, &mut dice).await;
    town.start();
    load.connect(&town).await;
    let mut longest = Duration::ZERO;
    for _ in 0..rounds() {
        let enough = load.tally().acknowledged + 1 + dice.below(200);
        let mut running = load.run();
        running.until(|tally| tally.acknowledged >= enough).await;
        let told = Instant::now();
        let ended = town.stop();
        longest = longest.max(told.elapsed());
        running.stop().await;
        assert_eq!(ended.code(), Some(0), "an orderly end");
        assert!(longest < PROMISED, "{longest:?}");
        town.start();
    }
    let verdict = load.verdict(&town, 0).await;
    println!("{} SIGTERMs, the longest end took {longest:?}: {:?}, {verdict:?}", rounds(), load.tally());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zoom_that_hangs_does_not_hold_up_the_end() {
    let mut dice = Dice::thrown();
    let (mut town, mut load) = Load::town(ZENTRY, &mut dice).await;
    town.start();
    load.connect(&town).await;
    town.sandbox.zoom.faults().next_times(8, &Fault::Hang { carried_out: false });
    let mut running = load.run();
    running.until(|tally| tally.acknowledged >= 100).await;
    let told = Instant::now();
    let ended = town.stop();
    let took = told.elapsed();
    running.stop().await;
    assert_eq!((ended.code(), took < PROMISED), (Some(0), true), "{took:?}");

    town.start();
    let ledger = Ledger::of(&town).await;
    let acknowledged = load.tally().acknowledged as u64;
    assert!(ledger.accepted >= acknowledged && ledger.dead == 0, "{acknowledged}: {ledger:?}");
}
