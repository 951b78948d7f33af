//! How failed deliveries come back: spread evenly up to each rung's cap, never sooner than a vendor asked, and not for ever.

use std::time::Duration;

use zentry_domain::job::{GIVE_UP_AFTER, LONGEST_WAIT, next};
use zentry_domain::{AccountId, Failure, Handle, Job, JobId, Outcome, Queued, Timestamp};

/// Throws of each test of a distribution.
const THROWS: usize = 10_000;
/// A sample of an even distribution goes beyond this in one of a thousand (Kolmogorov-Smirnov, many throws). The dice are
/// seeded, so that it does always or never.
const CRITICAL: f64 = 1.95;
/// The longest wait after so many failures, in seconds; after more it is the last one.
const CAPS: [u64; 12] = [1, 5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 21_600, 21_600];

#[test]
fn on_each_rung_the_wait_is_spread_evenly_from_nothing_to_its_cap() {
    for (attempts, cap) in (0..).zip(CAPS) {
        let mut dice = Dice(100 + u64::from(attempts));
        let waits = (0..THROWS).map(|_| retried(attempts, dice.unit()).0 as f64 / (1_000 * cap) as f64);
        let distance = from_even(waits.collect());
        assert!(distance < CRITICAL, "after {attempts} failures, up to {cap} s: {distance}");
    }
    assert_eq!(retried(1_000, 1.0), Timestamp(21_600_000), "there is no rung beyond the last");
}

#[test]
fn the_extremes_of_the_dice_are_nothing_and_the_cap() {
    for (attempts, cap) in (0..).zip(CAPS) {
        assert_eq!(retried(attempts, 0.0), Timestamp(0));
        assert_eq!(retried(attempts, 1.0), Timestamp(1_000 * i64::try_from(cap).unwrap()));
    }
}

#[test]
fn the_measure_tells_an_even_distribution_from_the_others_that_are_in_use() {
    let spread = |shape: fn(f64) -> f64| {
        let mut dice = Dice(7);
        from_even((0..THROWS).map(|_| shape(dice.unit())).collect())
    };
    assert!(spread(|even| even) < CRITICAL);
    for (name, other) in [
        ("half of it fixed", (|even| 0.5 + even / 2.0) as fn(f64) -> f64),
        ("a fifth to either side", |even| 0.8 + 0.4 * even),
        ("none", |_| 1.0),
        ("a little too short", |even| 0.95 * even),
        ("the lower half more often", |even| even * even.sqrt()),
    ] {
        assert!(spread(other) > CRITICAL, "{name}");
    }
}

#[test]
fn nobody_comes_back_sooner_than_asked_nor_much_later() {
    let mut dice = Dice(72);
    for _ in 0..THROWS {
        let asked = Duration::from_millis(dice.below(1_000 * 86_400));
        let now = Timestamp(i64::try_from(dice.below(1 << 41)).unwrap());
        let queued = Queued { since: now, ..card(u32::try_from(dice.below(20)).unwrap()) };
        let throttled = Failure::Throttled { after: Some(asked) };
        let Ok(Outcome::Throttled { until }) = next(&queued, &throttled, now, dice.unit()) else {
            panic!("the account waits");
        };
        let waited = until.since(now);
        assert!(waited >= asked, "asked for {asked:?}, back after {waited:?}");
        assert!(waited <= asked.mul_f64(1.1) + Duration::from_secs(5), "asked for {asked:?}, back after {waited:?}");
    }
}

#[test]
fn a_vendor_that_asks_for_more_than_a_day_is_asked_again_after_a_day() {
    for days in [1, 2, 365, 365_000] {
        let throttled = Failure::Throttled { after: Some(Duration::from_secs(days * 86_400)) };
        let outcome = next(&card(0), &throttled, Timestamp(0), 1.0);
        assert_eq!(outcome, Ok(Outcome::Throttled { until: Timestamp(0) + LONGEST_WAIT }), "{days} days");
    }
}

#[test]
fn a_delivery_that_always_fails_is_tried_for_72_hours_and_then_given_up() {
    let mut dice = Dice(3);
    let longest_wait = Duration::from_secs(CAPS[11]);
    for _ in 0..1_000 {
        let (mut now, mut attempts) = (Timestamp(0), 0);
        let given_up = loop {
            match next(&card(attempts), &Failure::Unavailable("503".into()), now, dice.unit()) {
                Ok(Outcome::Retry { at }) => (now, attempts) = (at, attempts + 1),
                Err(why) => break why,
                Ok(other) => panic!("{other:?}"),
            }
            assert!(attempts < 1_000, "it is tried for ever");
        };
        let age = now.since(Timestamp(0));
        assert!(age >= GIVE_UP_AFTER && age < GIVE_UP_AFTER + longest_wait, "given up after {age:?}");
        assert_eq!(given_up, format!("503 ({} tries)", attempts + 1));
    }
    assert_eq!(GIVE_UP_AFTER, Duration::from_secs(72 * 3_600));
}

/// When a card that has failed so often is tried again, if it fails once more at the beginning of time.
fn retried(attempts: u32, jitter: f64) -> Timestamp {
    match next(&card(attempts), &Failure::Unavailable("503".into()), Timestamp(0), jitter) {
        Ok(Outcome::Retry { at }) => at,
        other => panic!("{other:?}"),
    }
}

fn card(attempts: u32) -> Queued {
    let job = Job::Show { account: AccountId::new("a"), card: Handle::new("h") };
    Queued { id: JobId::new("j"), job, attempts, unknown: false, since: Timestamp(0) }
}

/// How far a sample is from the even distribution on 0 to 1: the greatest distance between their distribution functions,
/// times the root of its size (Kolmogorov and Smirnov).
fn from_even(mut sample: Vec<f64>) -> f64 {
    sample.sort_by(f64::total_cmp);
    let size = sample.len() as f64;
    let distances = (0..).zip(&sample).map(|(before, value)| {
        let (below, with_it) = (f64::from(before) / size, f64::from(before + 1) / size);
        (value - below).abs().max((value - with_it).abs())
    });
    distances.fold(0.0, f64::max) * size.sqrt()
}

/// Dice that always throw the same (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.throw() % limit
    }

    /// From 0 to 1, as the port of random things gives it.
    fn unit(&mut self) -> f64 {
        (self.throw() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
