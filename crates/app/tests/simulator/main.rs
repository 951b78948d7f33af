//! A seeded simulator: the real app over fakes runs thousands of random histories of two Zoom accounts, with faults of every
//! kind, webhooks that never come or come late, processes that die between any two calls or are overtaken, and clocks that
//! leap; then all is made well, and the laws of `checks`, `people` and `gaps` must hold. A history
//! that breaks one is shrunk and printed with its seed.
//!
//! `ZENTRY_PROOF` says how many times 300 histories are run (1 where it is not set); `ZENTRY_SEED` replays one.

mod actions;
mod cast;
mod checks;
mod events;
mod gaps;
mod histories;
mod outside;
mod people;
mod ports;
mod record;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use actions::Action;
use world::World;

const HISTORIES: u64 = 300;
/// How many shorter histories are tried to explain a failure.
const SHRINKS: usize = 2_000;

type Counts = BTreeMap<&'static str, u64>;

#[test]
fn no_history_loses_doubles_mixes_up_or_forgets_anything() {
    if let Some(seed) = setting("ZENTRY_SEED") {
        return explain(seed);
    }
    let rounds = HISTORIES * setting("ZENTRY_PROOF").unwrap_or(1);
    #[expect(clippy::disallowed_methods, reason = "how long the histories took is measured, not decided on")]
    let begun = std::time::Instant::now();
    let mut counts = Counts::new();
    for seed in 1..=rounds {
        match run(seed, &histories::history(seed)) {
            Ok(seen) => seen.into_iter().for_each(|(what, n)| *counts.entry(what).or_default() += n),
            Err(law) => {
                explain(seed);
                panic!("seed {seed} broke a law, but not when it was replayed: {law}");
            }
        }
    }
    println!("{rounds} histories in {:.1} s: {counts:?}", begun.elapsed().as_secs_f64());
    let needed = ["cards", "edits", "answers", "links", "grants", "deaths", "repeats", "lost answers", "dead letters"];
    for what in
        needed.into_iter().chain(["readings", "siftings", "cards left out", "catch-ups", "alarms", "lanes taken over"])
    {
        assert!(counts.contains_key(what), "the histories hold no {what}: they prove nothing about them");
    }
}

/// Runs a history to its end. What it put to the test, or the laws that it broke.
fn run(seed: u64, history: &[Action]) -> Result<Counts, String> {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed);
        for action in history {
            world.perform(action);
            let broken = world.watched.record(|record| record.broken.join("\n"));
            if !broken.is_empty() {
                return Err(broken);
            }
        }
        world.comes_to_rest();
        world.watched.record(|record| match record.broken.join("\n") {
            broken if broken.is_empty() => Ok(std::mem::take(&mut record.counts)),
            broken => Err(broken),
        })
    }));
    ran.unwrap_or_else(|_| Err("it panicked".into()))
}

/// Replays a seed; where a law is broken, fails with the shortest history found that breaks one.
fn explain(seed: u64) {
    let whole = histories::history(seed);
    let Err(mut broken) = run(seed, &whole) else {
        println!("seed {seed} breaks no law:\n{}", listed(&whole));
        return;
    };
    let mut short = whole;
    let mut tries = SHRINKS;
    let mut size = short.len().div_ceil(2);
    while size > 0 && tries > 0 {
        let mut at = 0;
        while at < short.len() && tries > 0 {
            tries -= 1;
            let mut shorter = short.clone();
            shorter.drain(at..(at + size).min(short.len()));
            match run(seed, &shorter) {
                Err(law) => (short, broken) = (shorter, law),
                Ok(_) => at += size,
            }
        }
        size /= 2;
    }
    panic!("seed {seed} breaks a law (ZENTRY_SEED={seed} replays it)\n{}\n{broken}", listed(&short));
}

/// One line an action.
fn listed(history: &[Action]) -> String {
    history.iter().fold(String::new(), |mut list, action| {
        let _ = writeln!(list, "  {action:?}");
        list
    })
}

#[expect(clippy::disallowed_methods, reason = "a test's own settings; the program's are read in its config.rs")]
fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}
