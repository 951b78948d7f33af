//! Killed at random moments under load, the bot loses nothing that it acknowledged.

use std::time::Duration;

use tokio::time::Instant;
use zentry_test_support::{Dice, Load, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_kill_is_posted_after_it_in_order_and_at_most_what_was_under_way_twice() {
    let mut dice = Dice::thrown();
    let (mut town, mut load) = Load::town(ZENTRY, &mut dice).await;
    town.start();
    load.connect(&town).await;
    let (mut kills, mut loaded) = (0, Duration::ZERO);
    for _ in 0..rounds() {
        let enough = load.tally().acknowledged + 1 + dice.below(400);
        let began = Instant::now();
        let mut running = load.run();
        running.until(|tally| tally.acknowledged >= enough).await;
        // Somewhere between that answer and the next few.
        for _ in 0..dice.below(1_000) {
            tokio::task::yield_now().await;
        }
        town.kill();
        (kills, loaded) = (kills + 1, loaded + began.elapsed());
        running.stop().await;
        if dice.one_in(4) {
            // And once more while it reads what the first kill has left.
            let (starting, _) = town.setup.launch();
            for _ in 0..dice.below(20_000) {
                tokio::task::yield_now().await;
            }
            starting.kill();
            kills += 1;
        }
        town.start();
    }
    let (tally, verdict) = (load.tally(), load.verdict(&town, kills).await);
    assert!(!town.log().contains("damaged"), "{}", town.log());
    println!("{kills} kills in {loaded:?} of load: {tally:?}, {verdict:?}");
}
