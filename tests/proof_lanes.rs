//! Channels that hang, fail or drip delay nobody else: posts to all the others come as soon, and as many, as without them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use zentry_test_support::sandbox::Fault;
use zentry_test_support::{Delays, Dice, Flood, Flooded, Square, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// Channels of one account, each with a project of its own.
const CHANNELS: usize = 200;
/// The first of them have trouble.
const TROUBLED: usize = 3;
/// Between two deliveries.
const EVERY: Duration = Duration::from_millis(5);
/// What a post may take while others are in trouble, and ten times the slack.
const PROMISED: Duration = Duration::from_secs(10 * 2);

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_hangs_one_that_fails_and_one_that_drips_delay_no_other() {
    let mut dice = Dice::thrown();
    // Side by side, so that whatever else the machine does slows both.
    let calm = Square::connected(ZENTRY, CHANNELS).await;
    let troubled = Square::connected(ZENTRY, CHANNELS).await;
    let [hangs, fails, drips] = [0, 1, 2].map(|place| &troubled.places[place].0);
    let zoom = &troubled.town.sandbox.zoom;
    zoom.trouble(hangs, Fault::Hang { carried_out: false });
    zoom.trouble(fails, Fault::status(503));
    zoom.trouble(drips, Fault::Drip(Duration::from_secs(1)));

    let seconds = (rounds() * 3 / 2).clamp(3, 60);
    let (mut one, mut other) = (dice.more(), dice.more());
    let (alone, among) =
        tokio::join!(posts(&calm, seconds * 200, &mut one), posts(&troubled, seconds * 200, &mut other));
    for trouble in ["left without an answer", "fault", "slow drip"] {
        let calls = troubled.town.sandbox.wire.entries();
        assert!(calls.iter().any(|call| call.verdict == trouble), "no call met {trouble:?}");
    }
    let slower = among.took().as_secs_f64() / alone.took().as_secs_f64();
    println!("nobody in trouble, {seconds} s: {alone}");
    println!("{TROUBLED} of {CHANNELS} in trouble, {seconds} s: {among}");
    println!(
        "their p99 is {slower:.2} times that of the others; {:.2} times as many in time",
        among.share() / alone.share()
    );
    assert!(among.took() < PROMISED, "{among}");
    assert!(among.share() > alone.share() / 2.0, "{among}");
}

/// When what was accepted was posted, in the channels without trouble.
struct Posts {
    delays: Delays,
    /// So many should be posted.
    due: usize,
    /// So many were, before the last delivery was accepted.
    in_time: usize,
    flooded: Flooded,
}

/// Tells of so many new issues, each of a project that the dice choose, and waits for the posts.
async fn posts(square: &Square, deliveries: usize, dice: &mut Dice) -> Posts {
    let (clock, delivery) = (square.town.sandbox.clock.clone(), square.deliveries());
    // Each trouble is met at once.
    let turns: Vec<_> = (0..TROUBLED).chain((TROUBLED..deliveries).map(|_| dice.below(CHANNELS))).collect();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let next = {
        let (turns, sent, mut number) = (turns.clone(), Arc::clone(&sent), 0);
        move || {
            let raw = delivery(*turns.get(number)?, 1 + number as u64);
            number += 1;
            sent.lock().expect("nobody panicked").push(clock.now_ms());
            Some(raw)
        }
    };
    let flooded = Flood { connections: 16, every: Some(EVERY) }.pour(&square.town, next).await;
    let ended = square.town.sandbox.clock.now_ms();
    let sent = sent.lock().expect("nobody panicked").clone();
    let (mut delays, mut in_time) = (Vec::new(), 0);
    for place in TROUBLED..CHANNELS {
        let awaited: Vec<_> = (0..deliveries).filter(|n| turns[*n] == place).collect();
        let posted = square.posted(place, 1, awaited.len(), 3 * PROMISED).await;
        for number in awaited {
            let at = posted[&(1 + number as u64)][0];
            in_time += usize::from(at <= ended);
            delays.push(Duration::from_millis(u64::try_from(at - sent[number]).unwrap_or_default()));
        }
    }
    Posts { due: delays.len(), delays: Delays::of(delays), in_time, flooded }
}

impl Posts {
    fn took(&self) -> Duration {
        self.delays.per_mille(990)
    }

    /// How much of what was due was posted in time. What was accepted last may be posted a moment later.
    fn share(&self) -> f64 {
        self.in_time as f64 / self.due as f64
    }
}

impl std::fmt::Display for Posts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { delays, due, in_time, flooded } = self;
        let rate = flooded.acknowledged as f64 / flooded.lasted.as_secs_f64();
        write!(f, "{rate:.0} accepted a second; {due} to the others posted: {delays}; {in_time} in time")
    }
}
