//! What the proofs share: how many rounds they run, and dice that can be thrown again.

use std::hash::{BuildHasher, Hasher, RandomState};

/// How many rounds a proof runs: `ZENTRY_PROOF`, 1 where it is not set.
///
/// # Panics
/// Where it is no number.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests themselves")]
pub fn rounds() -> usize {
    std::env::var("ZENTRY_PROOF").map_or(1, |rounds| rounds.parse().expect("ZENTRY_PROOF is a number of rounds"))
}

/// What the dice of this run begin with: `ZENTRY_SEED`, or a number that no other run has.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests themselves")]
pub fn seed() -> u64 {
    std::env::var("ZENTRY_SEED").map_or_else(
        |_| RandomState::new().build_hasher().finish(),
        |seed| seed.parse().expect("ZENTRY_SEED is a number"),
    )
}

/// Dice: the same seed throws the same numbers (`SplitMix64`). What the machine does between the throws is not repeated.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice of [`seed`], which is printed: the output of a test is shown where it fails.
    pub fn thrown() -> Self {
        let seed = seed();
        eprintln!("ZENTRY_SEED={seed} throws the same dice again");
        Self(seed)
    }

    /// Dice of this seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Further dice, independent of these.
    #[must_use]
    pub fn more(&mut self) -> Self {
        Self(self.throw())
    }

    /// A number below `limit`, which must not be 0.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.throw() % limit as u64).unwrap_or_default()
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_throws_the_same_numbers_again() {
        let throw = |seed| {
            let mut dice = Dice::of(seed);
            [(); 8].map(|()| dice.below(1000))
        };
        assert_eq!(throw(7), throw(7));
        assert_ne!(throw(7), throw(8));
    }
}
