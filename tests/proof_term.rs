//! Told to end under load, the bot ends in order: nothing acknowledged is lost, and nothing is posted twice.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use zentry_test_support::sandbox::Fault;
use zentry_test_support::{Delays, Dice, Ledger, Load, Town, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// Two seconds for requests, ten for sends that have begun.
const PROMISED: Duration = Duration::from_secs(12);
/// Figures of a release build, with ten times the slack: until nothing more is taken, and until the next process listens.
const REFUSES: Duration = Duration::from_millis(10 * 50);
const CLOSED: Duration = Duration::from_millis(10 * 300);
/// From the start of the next process to its first message, likewise.
const TAKES_OVER: Duration = Duration::from_millis(10 * 1_000);

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

    println!("while Zoom hangs the end took {took:.1?}");
    town.start();
    let ledger = Ledger::of(&town).await;
    let acknowledged = load.tally().acknowledged as u64;
    assert!(ledger.accepted >= acknowledged && ledger.dead == 0, "{acknowledged}: {ledger:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_closes_the_port_for_a_moment_only() {
    let mut dice = Dice::thrown();
    let (mut town, mut load) = Load::town(ZENTRY, &mut dice).await;
    town.start();
    load.connect(&town).await;
    let (mut refused, mut closed, mut taken_over) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 * rounds() {
        let enough = load.tally().acknowledged + 1 + dice.below(50);
        let mut running = load.run();
        running.until(|tally| tally.acknowledged >= enough).await;
        let mut door = Door::watched(&town);
        let told = Instant::now();
        town.signal("TERM");
        let shut = door.turns(false).await;
        assert_eq!(town.ended().code(), Some(0), "an orderly end");
        let (sent, started) = (messages(&town), Instant::now());
        town.start();
        let open = door.turns(true).await;
        // Those whose connection was broken by the end have all left.
        running.stop().await;
        let mut running = load.run();
        while messages(&town) == sent {
            assert!(started.elapsed() < TAKES_OVER, "nothing was sent after a start");
            tokio::task::yield_now().await;
        }
        taken_over.push(started.elapsed());
        running.until(|tally| tally.acknowledged > enough).await;
        running.stop().await;
        refused.push(shut - told);
        closed.push(open - shut);
    }
    let [refused, closed, taken_over] = [refused, closed, taken_over].map(Delays::of);
    println!("{} restarts; from SIGTERM to the first refusal: {refused}", refused.count());
    println!("the port was closed: {closed}\nfrom the start to the next message: {taken_over}");
    assert!(refused.longest() < REFUSES, "{refused}");
    assert!(closed.longest() < CLOSED, "{closed}");
    load.verdict(&town, 0).await;
}

/// How many messages Zoom was sent.
fn messages(town: &Town) -> usize {
    let calls = town.sandbox.wire.entries();
    calls.iter().filter(|call| call.method == "POST" && call.path.ends_with("/messages")).count()
}

/// The public port, tried again and again.
struct Door {
    is_open: watch::Receiver<(bool, Instant)>,
    knocking: JoinHandle<()>,
}

impl Door {
    fn watched(town: &Town) -> Self {
        let address = town.public_url.trim_start_matches("http://").to_owned();
        let (seen, is_open) = watch::channel((true, Instant::now()));
        let knocking = tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_millis(1));
            loop {
                every.tick().await;
                let is_open = TcpStream::connect(&address).await.is_ok();
                seen.send_if_modified(|(was_open, at)| {
                    let has_turned = *was_open != is_open;
                    (*was_open, *at) = if has_turned { (is_open, Instant::now()) } else { (*was_open, *at) };
                    has_turned
                });
            }
        });
        Self { is_open, knocking }
    }

    /// When it was first found open, or closed.
    async fn turns(&mut self, open: bool) -> Instant {
        let turned = tokio::time::timeout(PROMISED, self.is_open.wait_for(|(is_open, _)| *is_open == open)).await;
        turned.expect("in time").expect("it is being tried").1
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.knocking.abort();
    }
}
