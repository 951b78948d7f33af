//! A chat platform that is down is left alone, but for one call every ten seconds that finds out when it is back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use zentry_domain::ports::ChatError;
use zentry_domain::{Address, Chat, Clock, MessageId, Notice, Person, Timestamp, TriggerId};

/// Calls are judged over this long.
const WINDOW: Duration = Duration::from_secs(60);
/// Fewer calls say nothing.
const ENOUGH: u64 = 50;
/// How often a platform that is down is tried.
const PROBE_EVERY: Duration = Duration::from_secs(10);

/// A chat platform behind a breaker: where half of at least fifty calls within a minute came to nothing, whoever it was for,
/// every further one is told to come back later, and the attempt is not counted.
pub(crate) struct Guarded {
    chat: Arc<dyn Chat>,
    clock: Arc<dyn Clock>,
    breaker: Mutex<Breaker>,
}

impl Guarded {
    pub(crate) fn new(chat: Arc<dyn Chat>, clock: Arc<dyn Clock>) -> Self {
        Self { chat, clock, breaker: Mutex::default() }
    }

    async fn call<T>(&self, call: impl Future<Output = Result<T, ChatError>>) -> Result<T, ChatError> {
        if let Some(wait) = self.breaker().wait(self.clock.now()) {
            return Err(ChatError::Throttled { after: Some(wait) });
        }
        let answer = call.await;
        let came_to_nothing = matches!(answer, Err(ChatError::Unavailable(_) | ChatError::Unknown(_)));
        self.breaker().called(!came_to_nothing, self.clock.now());
        answer
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Chat for Guarded {
    async fn post(&self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError> {
        self.call(self.chat.post(to, notice)).await
    }

    async fn edit(&self, to: &Address, message: &MessageId, notice: &Notice) -> Result<(), ChatError> {
        self.call(self.chat.edit(to, message, notice)).await
    }

    async fn delete(&self, to: &Address, message: &MessageId) -> Result<(), ChatError> {
        self.call(self.chat.delete(to, message)).await
    }

    async fn unfurl(&self, by: &Person, trigger: &TriggerId, notice: &Notice) -> Result<(), ChatError> {
        self.call(self.chat.unfurl(by, trigger, notice)).await
    }
}

#[derive(Debug, Default)]
struct Breaker {
    /// Calls that ended in one second: how many were answered, and how many came to nothing.
    seconds: VecDeque<(Timestamp, u64, u64)>,
    /// It is open: when the next call may find out whether the platform is back.
    probe_at: Option<Timestamp>,
}

impl Breaker {
    /// How long a call must wait; `None` where it may be made.
    fn wait(&mut self, now: Timestamp) -> Option<Duration> {
        match self.probe_at {
            Some(at) if now < at => Some(at.since(now)),
            Some(_) => {
                self.probe_at = Some(now + PROBE_EVERY);
                None
            }
            None => None,
        }
    }

    fn called(&mut self, answered: bool, now: Timestamp) {
        if answered && self.probe_at.take().is_some() {
            tracing::info!("the chat platform answers again");
            self.seconds.clear();
        }
        let second = Timestamp(now.0 - now.0.rem_euclid(1_000));
        if self.seconds.back().is_none_or(|(last, ..)| *last != second) {
            self.seconds.push_back((second, 0, 0));
        }
        if let Some((_, good, bad)) = self.seconds.back_mut() {
            *(if answered { good } else { bad }) += 1;
        }
        self.seconds.retain(|(at, ..)| *at <= now && now.since(*at) < WINDOW);
        let (good, bad) = self.seconds.iter().fold((0, 0), |(g, b), (_, good, bad)| (g + good, b + bad));
        if self.probe_at.is_none() && good + bad >= ENOUGH && bad >= good {
            tracing::error!(
                failed = bad,
                calls = good + bad,
                "the chat platform is down: within a minute half of all calls came to nothing; one call every ten seconds \
                 is made until one is answered, everything else waits"
            );
            self.probe_at = Some(now + PROBE_EVERY);
        }
        metrics::gauge!("zentry_breaker_open").set(if self.probe_at.is_some() { 1.0 } else { 0.0 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(calls: &[(usize, bool)]) -> Breaker {
        let mut breaker = Breaker::default();
        let mut now = 0;
        for (times, answered) in calls {
            for _ in 0..*times {
                now += 100;
                breaker.called(*answered, Timestamp(now));
            }
        }
        breaker
    }

    #[test]
    fn half_of_fifty_calls_that_came_to_nothing_open_it() {
        assert_eq!(after(&[(24, true), (25, false)]).wait(Timestamp(5_000)), None, "49 calls say nothing");
        assert_eq!(after(&[(26, true), (24, false)]).wait(Timestamp(5_000)), None, "less than half");
        assert!(after(&[(25, true), (25, false)]).wait(Timestamp(5_000)).is_some());
    }

    #[test]
    fn what_is_longer_ago_than_a_minute_is_forgotten() {
        let mut breaker = after(&[(49, false)]);
        breaker.called(false, Timestamp(70_000));
        assert_eq!(breaker.wait(Timestamp(70_000)), None);
    }

    #[test]
    fn one_call_every_ten_seconds_finds_out_whether_the_platform_is_back() {
        let mut breaker = after(&[(50, false)]);
        assert_eq!(breaker.wait(Timestamp(5_000)), Some(PROBE_EVERY));
        assert_eq!(breaker.wait(Timestamp(15_000)), None, "the probe");
        assert_eq!(breaker.wait(Timestamp(15_000)), Some(PROBE_EVERY), "only one");
        breaker.called(false, Timestamp(16_000));
        assert!(breaker.wait(Timestamp(24_999)).is_some());
        assert_eq!(breaker.wait(Timestamp(25_000)), None);
        breaker.called(true, Timestamp(26_000));
        assert_eq!((breaker.wait(Timestamp(26_000)), breaker.wait(Timestamp(26_000))), (None, None));
    }
}
