//! No more calls than Zoom allows an account (Zoom, rate limits).

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use zentry_domain::{AccountId, Clock, Timestamp};

use crate::answer::{Failure, Kind};

/// For a turn further off than this the caller is better told to come back.
const PATIENCE: Duration = Duration::from_secs(2);

/// Gives every account a turn so often: a bucket for a second's calls each, full at first.
pub(crate) struct Rate {
    per_second: Option<NonZeroU32>,
    clock: Arc<dyn Clock>,
    // A full bucket is as good as none, so only accounts that were called a moment ago are in here.
    buckets: Mutex<HashMap<AccountId, Bucket>>,
}

impl Rate {
    /// `per_second`: calls a second and account; `None`, like 0, for no limit.
    pub(crate) fn new(per_second: Option<u32>, clock: Arc<dyn Clock>) -> Self {
        Self { per_second: per_second.and_then(NonZeroU32::new), clock, buckets: Mutex::default() }
    }

    /// Waits until the account may be called. Turns come in the order in which they were asked for.
    pub(crate) async fn turn(&self, account: &AccountId) -> Result<(), Failure> {
        let Some(per_second) = self.per_second else { return Ok(()) };
        let now = self.clock.now();
        let turn = self.take(account, per_second, now)?;
        if turn > now {
            self.clock.sleep_until(turn).await;
        }
        Ok(())
    }

    fn take(&self, account: &AccountId, per_second: NonZeroU32, now: Timestamp) -> Result<Timestamp, Failure> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|_, bucket| !bucket.is_full(per_second, now));
        let bucket = buckets.entry(account.clone()).or_insert(Bucket { since: now, taken: 0 });
        bucket.take(per_second, now).map_err(|after| {
            let why = format!("account {account} has had its {per_second} calls a second (ZENTRY_ZOOM_RATE)");
            tracing::debug!(?after, "a call is put off: {why}");
            Failure::new(Kind::Throttled(Some(after)), why)
        })
    }
}

/// What was taken of one account's turns since its bucket was full. It lives no longer than until it is full again, so
/// it never holds more than it may.
#[derive(Debug)]
struct Bucket {
    since: Timestamp,
    taken: u64,
}

impl Bucket {
    /// The next turn, or how long it is off where that is too long to wait.
    fn take(&mut self, per_second: NonZeroU32, now: Timestamp) -> Result<Timestamp, Duration> {
        // A clock that was set back must not let people wait until it has caught up.
        self.since = self.since.min(now);
        let beyond = (self.taken + 1).saturating_sub(u64::from(per_second.get()));
        let turn = (self.since + refilled(beyond, per_second)).max(now);
        let wait = turn.since(now);
        if wait > PATIENCE {
            return Err(wait);
        }
        self.taken += 1;
        Ok(turn)
    }

    fn is_full(&self, per_second: NonZeroU32, now: Timestamp) -> bool {
        now >= self.since + refilled(self.taken, per_second)
    }
}

/// How long it takes until so many turns are there again.
fn refilled(turns: u64, per_second: NonZeroU32) -> Duration {
    Duration::from_millis(turns.saturating_mul(1_000).div_ceil(u64::from(per_second.get())))
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use zentry_contract::fake::FakeClock;
    use zentry_contract::sample::START;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn rate(per_second: u32) -> (Rate, Arc<FakeClock>) {
        let clock = Arc::new(FakeClock::at(START));
        (Rate::new(Some(per_second), Arc::<FakeClock>::clone(&clock)), clock)
    }

    fn acc() -> AccountId {
        AccountId::new("acc")
    }

    fn poll<T>(turn: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        turn.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// When each of so many turns asked for at once comes; after how long to come back where it does not.
    fn taken_at_once(rate: &Rate, account: &AccountId, calls: usize) -> Vec<Result<Duration, Duration>> {
        let now = rate.clock.now();
        let take = |_| rate.take(account, rate.per_second.expect("a limit"), now);
        let turns = (0..calls).map(take);
        turns
            .map(|turn| match turn {
                Ok(turn) => Ok(turn.since(now)),
                Err(Failure { kind: Kind::Throttled(Some(after)), .. }) => Err(after),
                Err(other) => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn after_a_burst_turns_come_evenly_and_those_too_far_off_are_refused() {
        let (rate, _) = rate(2);
        let ms = Duration::from_millis;
        let expected = [Ok(0), Ok(0), Ok(500), Ok(1_000), Ok(1_500), Ok(2_000), Err(2_500), Err(2_500)];
        assert_eq!(taken_at_once(&rate, &acc(), 8), expected.map(|turn| turn.map(ms).map_err(ms)));
    }

    #[test]
    fn no_second_holds_more_than_its_calls_and_the_burst() {
        for per_second in [1, 3, 20, 30, 80, 7_000] {
            let (rate, clock) = rate(per_second);
            let mut turns: Vec<Timestamp> = Vec::new();
            for _ in 0..40 {
                let asked = taken_at_once(&rate, &acc(), per_second as usize);
                turns.extend(asked.into_iter().flatten().map(|wait| clock.now() + wait));
                clock.advance(130 * MS);
            }
            assert!(turns.is_sorted(), "turns come in the order in which they were asked for");
            let one_too_many = 2 * per_second as usize + 1;
            assert!(turns.len() >= one_too_many);
            let mut crowds = turns.windows(one_too_many);
            assert!(crowds.all(|crowd| crowd[one_too_many - 1].since(crowd[0]) >= 1_000 * MS), "{per_second}");
            let last = turns.last().expect("a turn").since(START).as_millis() as usize;
            let expected = per_second as usize * (last + 1_000) / 1_000;
            assert!(turns.len().abs_diff(expected) <= 1, "{per_second}: nothing is lost: {} turns", turns.len());
        }
    }

    #[test]
    fn a_turn_is_waited_for_by_the_clock() {
        let (rate, clock) = rate(1);
        let account = acc();
        assert!(poll(pin!(rate.turn(&account))).is_ready());
        let (mut second, mut third) = (pin!(rate.turn(&account)), pin!(rate.turn(&account)));
        assert!(poll(second.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
        clock.advance(999 * MS);
        assert!(poll(second.as_mut()).is_pending());
        clock.advance(MS);
        assert!(poll(second.as_mut()).is_ready());
        assert!(poll(third.as_mut()).is_pending());
        clock.advance(1_000 * MS);
        assert!(poll(third.as_mut()).is_ready());
    }

    #[test]
    fn accounts_do_not_wait_for_each_other() {
        let (rate, _) = rate(1);
        assert!(taken_at_once(&rate, &acc(), 9).last().is_some_and(Result::is_err));
        assert!(poll(pin!(rate.turn(&AccountId::new("other")))).is_ready());
    }

    #[test]
    fn idle_accounts_are_forgotten() {
        let (rate, clock) = rate(20);
        for n in 0..100 {
            taken_at_once(&rate, &AccountId::new(format!("acc-{n}")), 20);
        }
        assert_eq!(rate.buckets.lock().unwrap().len(), 100);
        clock.advance(1_000 * MS);
        taken_at_once(&rate, &acc(), 1);
        assert_eq!(rate.buckets.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nobody() {
        let (rate, clock) = rate(2);
        taken_at_once(&rate, &acc(), 3);
        clock.set(START - Duration::from_secs(3_600));
        assert_eq!(taken_at_once(&rate, &acc(), 1), [Ok(1_000 * MS)]);
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        for none in [None, Some(0)] {
            let rate = Rate::new(none, Arc::new(FakeClock::at(START)));
            for _ in 0..1_000 {
                assert!(poll(pin!(rate.turn(&acc()))).is_ready());
            }
        }
    }
}
