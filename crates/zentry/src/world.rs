//! Time and dice of the real world.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use ring::rand::{SecureRandom, SystemRandom};
use zentry_domain::{Clock, Random, Timestamp};

/// The clock on the wall, read anew each time: after the host was suspended or its time corrected, signatures must still be
/// judged by the right time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock;

#[async_trait]
impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where time enters the program")]
    fn now(&self) -> Timestamp {
        Timestamp(0) + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the Clock port that everybody else sleeps through")]
    async fn sleep_until(&self, until: Timestamp) {
        let left = until.since(self.now());
        if left > Duration::ZERO {
            tokio::time::sleep(left).await;
        }
    }
}

/// The operating system's generator.
#[derive(Debug)]
pub(crate) struct OsRandom(SystemRandom);

impl OsRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the Random port that everybody else draws from")]
    pub(crate) fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness every token would be guessable: better no bot than that one.
        self.0.fill(bytes).expect("the operating system provides random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_at_the_time_asked_or_later() {
        let clock = WallClock;
        let until = clock.now() + Duration::from_millis(5);
        clock.sleep_until(until).await;
        assert!(clock.now() >= until);
    }

    #[test]
    fn two_draws_differ() {
        let random = OsRandom::new();
        assert_ne!(random.hex128(), random.hex128());
    }
}
