//! Channels that hang, fail or drip delay nobody else: posts to all the others come as soon, and as many, as without them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use zentry_test_support::sandbox::sentry::Project;
use zentry_test_support::sandbox::zoom::Channel;
use zentry_test_support::sandbox::{Cast, Fault};
use zentry_test_support::{Delays, Dice, Flood, Flooded, NewIssue, Signer, Town, kept, rounds};

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
    let mut square = Square::built().await;
    square.connect().await;
    let seconds = (rounds() * 3 / 2).clamp(3, 60);
    let deliveries = seconds * 200;

    let alone = square.posts(deliveries, &mut dice).await;
    println!("nobody in trouble, {seconds} s: {alone}");
    let [hangs, fails, drips] = [0, 1, 2].map(|channel| &square.places[channel].0);
    let zoom = &square.town.sandbox.zoom;
    zoom.trouble(hangs, Fault::Hang { carried_out: false });
    zoom.trouble(fails, Fault::status(503));
    zoom.trouble(drips, Fault::Drip(Duration::from_secs(1)));
    let among = square.posts(deliveries, &mut dice).await;
    println!("{TROUBLED} of {CHANNELS} in trouble, {seconds} s: {among}");

    for trouble in ["left without an answer", "fault", "slow drip"] {
        let calls = square.town.sandbox.wire.entries();
        assert!(calls.iter().any(|call| call.verdict == trouble), "no call met {trouble:?}");
    }
    let slower = among.took().as_secs_f64() / alone.took().as_secs_f64();
    let share = among.in_time as f64 / among.due as f64;
    println!("p99 is {slower:.2} times what it was; {:.1} % were posted while deliveries came", 100.0 * share);
    assert!(among.took() < PROMISED, "{among}");
    // What was accepted last may be posted a moment later.
    assert!(share > 0.9, "{among}");
}

/// A town with many channels.
struct Square {
    town: Town,
    places: Vec<(Channel, Project)>,
    next: u64,
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

impl Square {
    async fn built() -> Self {
        let (cast, mut zoom, mut sentry) = Cast::assemble();
        let name = |channel: usize| format!("lane-{channel}");
        let account = cast.alerts.account.clone();
        let places = (0..CHANNELS)
            .map(|n| (zoom.channel(&account, &name(n)), sentry.project(&cast.acme, &name(n), &name(n))))
            .collect();
        let mut town = Town::of(ZENTRY, cast, zoom, sentry).await;
        for setting in ["ZENTRY_STORM_BUDGET", "ZENTRY_ZOOM_RATE"] {
            town.setup.settings.insert(setting.into(), "0".into());
        }
        Self { town, places, next: 1 }
    }

    async fn connect(&mut self) {
        self.town.start();
        let (town, jane) = (&self.town, &self.town.cast.jane);
        for (channel, project) in &self.places {
            let words = format!("connect acme {}", project.slug);
            kept(town.sandbox.zoom.say(jane, channel, words.as_str()).await);
        }
        for (channel, project) in &self.places {
            town.sees(jane, channel, &format!("Connected: acme / {}", project.slug)).await;
        }
    }

    /// Tells of so many new issues, of each project in turn in an order that the dice choose, and waits for the posts.
    async fn posts(&mut self, deliveries: usize, dice: &mut Dice) -> Posts {
        let (signer, clock, first) = (Signer::of(&self.town), self.town.sandbox.clock.clone(), self.next);
        self.next += deliveries as u64;
        let turns: Vec<_> = (0..deliveries).map(|_| dice.below(CHANNELS)).collect();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let next = {
            let (places, turns, sent) = (self.places.clone(), turns.clone(), Arc::clone(&sent));
            let mut number = 0;
            move || {
                let (_, project) = &places[*turns.get(number)?];
                let (id, title) = (first + number as u64, title(first + number as u64));
                number += 1;
                sent.lock().expect("nobody panicked").push(clock.now_ms());
                Some(signer.created(&NewIssue { project, id, title: &title, events: 1 }))
            }
        };
        let flooded = Flood { connections: 16, every: Some(EVERY) }.pour(&self.town, next).await;
        let ended = self.town.sandbox.clock.now_ms();
        let sent = sent.lock().expect("nobody panicked").clone();
        let (mut delays, mut in_time) = (Vec::new(), 0);
        for channel in TROUBLED..CHANNELS {
            let awaited: Vec<_> = (0..deliveries).filter(|n| turns[*n] == channel).collect();
            let posted = self.posted(channel, first, awaited.len()).await;
            for number in awaited {
                let at = posted[&(first + number as u64)];
                in_time += usize::from(at <= ended);
                delays.push(Duration::from_millis(u64::try_from(at - sent[number]).unwrap_or_default()));
            }
        }
        Posts { due: delays.len(), delays: Delays::of(delays), in_time, flooded }
    }

    /// When each issue from `first` on was posted in a channel, once there are so many.
    async fn posted(&self, channel: usize, first: u64, many: usize) -> HashMap<u64, i64> {
        let (town, (channel, _)) = (&self.town, &self.places[channel]);
        let all = |messages: &[zentry_test_support::sandbox::zoom::Message]| {
            let posted: HashMap<_, _> = messages
                .iter()
                .filter_map(|message| Some((number_in(&message.to_string())?, message.sent_ms)))
                .filter(|(number, _)| *number >= first)
                .collect();
            (posted.len() >= many).then_some(posted)
        };
        let seen = town.sandbox.zoom.wait_until(channel, &town.cast.jane, "every card", 3 * PROMISED, all).await;
        seen.unwrap_or_else(|error| panic!("{error}\n{}", town.log()))
    }
}

impl Posts {
    fn took(&self) -> Duration {
        self.delays.per_mille(990)
    }
}

impl std::fmt::Display for Posts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { delays, due, in_time, flooded } = self;
        let rate = flooded.acknowledged as f64 / flooded.lasted.as_secs_f64();
        write!(f, "{rate:.0} accepted a second; {due} to the others posted: {delays}; {in_time} in time")
    }
}

fn title(number: u64) -> String {
    format!("Lane error {number:07}")
}

/// The number of the issue that a card tells of.
fn number_in(card: &str) -> Option<u64> {
    card.split_once("Lane error ")?.1.get(..7)?.parse().ok()
}
