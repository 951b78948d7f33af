//! The sandbox's time, which may run faster than the wall's and may be pushed forward.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;
use tokio::sync::watch;

/// A clock that starts at the wall's time and runs `pace` times as fast. Clones share one time.
///
/// Lifetimes and schedules (tokens, codes, redeliveries) follow this clock. The time that a receiver has for an
/// answer is always real time, because a network does not run faster when a story does.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    course: watch::Sender<Course>,
}

/// From a moment on, this clock runs so fast.
#[derive(Clone, Copy, Debug)]
struct Course {
    /// What it showed then.
    from_ms: i64,
    /// When that was, after its start and in real time.
    since: Duration,
    pace: u32,
}

impl Course {
    fn at(self, elapsed: Duration) -> i64 {
        self.from_ms + milliseconds(elapsed.saturating_sub(self.since).saturating_mul(self.pace))
    }
}

impl Clock {
    /// A clock that keeps the wall's time.
    #[must_use]
    pub fn real() -> Self {
        Self::paced(1)
    }

    /// A clock that runs `pace` times as fast as the wall's; 0 counts as 1.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the sandbox's one source of time")]
    pub fn paced(pace: u32) -> Self {
        let origin = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let course = Course { from_ms: milliseconds(origin), since: Duration::ZERO, pace: pace.max(1) };
        Self(Arc::new(Inner { started: Instant::now(), course: watch::Sender::new(course) }))
    }

    /// Milliseconds since the Unix epoch, by this clock.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let course = *self.0.course.borrow();
        course.at(self.0.started.elapsed())
    }

    /// How many times as fast as the wall's time this clock runs.
    #[must_use]
    pub fn pace(&self) -> u32 {
        self.0.course.borrow().pace
    }

    /// Runs so fast from now on; 0 counts as 1. The time that it shows does not jump.
    pub fn set_pace(&self, pace: u32) {
        let elapsed = self.0.started.elapsed();
        self.0.course.send_modify(|course| {
            *course = Course { from_ms: course.at(elapsed), since: elapsed, pace: pace.max(1) };
        });
    }

    /// Pushes the time forward by `by` and wakes everybody who waits for a moment that is now past.
    pub fn advance(&self, by: Duration) {
        self.0.course.send_modify(|course| course.from_ms += milliseconds(by));
    }

    /// Waits until this clock shows `at_ms` or later.
    pub async fn until(&self, at_ms: i64) {
        let mut changes = self.0.course.subscribe();
        loop {
            changes.borrow_and_update();
            let Some(left) = u64::try_from(at_ms - self.now_ms()).ok().filter(|left| *left > 0) else {
                return;
            };
            let wait = Duration::from_millis(left) / self.pace();
            // Another pace, or a push, ends the wait early; the loop looks at the clock again.
            drop(tokio::time::timeout(wait, changes.changed()).await);
        }
    }
}

/// How long something really took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "measures how long an answer really took")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn read(self) -> Duration {
        self.0.elapsed()
    }
}

/// Lets real time pass: the substance of a slow answer.
#[expect(clippy::disallowed_methods, reason = "a simulated slow server has to be slow")]
pub(crate) async fn linger(real: Duration) {
    tokio::time::sleep(real).await;
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// `2026-01-02T03:04:05.678000Z`: six digits, as Sentry writes times.
pub(crate) fn rfc3339(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// `2026-01-02 03:04:05`: as Zoom writes the time at which it sent a message.
pub(crate) fn zoom_time(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_pace_wakes_whoever_waits_and_never_turns_time_back() {
        let clock = Clock::real();
        let before = clock.now_ms();
        let waits = tokio::spawn({
            let clock = clock.clone();
            async move { clock.until(before + 3_600_000).await }
        });
        tokio::task::yield_now().await;
        clock.set_pace(1_000_000);
        waits.await.unwrap();
        clock.set_pace(1);
        assert!(clock.now_ms() >= before + 3_600_000);
        assert_eq!(clock.pace(), 1);
    }

    #[tokio::test]
    async fn a_paced_clock_reaches_the_next_hour_in_a_moment() {
        let clock = Clock::paced(1_000_000);
        let start = clock.now_ms();
        let real = Stopwatch::start();
        clock.until(start + 3_600_000).await;
        assert!(clock.now_ms() >= start + 3_600_000);
        assert!(real.read() < Duration::from_secs(2));
    }

    #[tokio::test]
    async fn advancing_wakes_those_who_wait() {
        let clock = Clock::real();
        let waiter = tokio::spawn({
            let clock = clock.clone();
            async move { clock.until(clock.now_ms() + 3_600_000).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(3601));
        tokio::time::timeout(Duration::from_secs(2), waiter).await.expect("the waiter woke").unwrap();
    }

    #[test]
    fn times_are_written_as_each_service_writes_them() {
        assert_eq!(rfc3339(1_767_323_045_678), "2026-01-02T03:04:05.678000Z");
        assert_eq!(zoom_time(1_767_323_045_678), "2026-01-02 03:04:05");
    }
}
