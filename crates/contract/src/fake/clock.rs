//! Time that moves when it is told to.

use async_trait::async_trait;
use tokio::sync::watch;
use zentry_domain::{Clock, Timestamp};

/// A clock that stands still until [`FakeClock::set`] or [`FakeClock::advance`].
#[derive(Debug)]
pub struct FakeClock(watch::Sender<Timestamp>);

impl FakeClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(watch::Sender::new(now))
    }

    /// Moves to `now`; sleepers due by then wake.
    pub fn set(&self, now: Timestamp) {
        self.0.send_replace(now);
    }

    /// Moves on by `by`.
    pub fn advance(&self, by: std::time::Duration) {
        self.0.send_modify(|now| *now = *now + by);
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep_until(&self, until: Timestamp) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|now| *now >= until).await;
    }
}
