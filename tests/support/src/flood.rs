//! Many deliveries over several connections, as fast as the answers come or at a pace, and how long each answer took.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval};

use crate::Town;
use crate::delivery::exchange;

/// How often one delivery is sent again before the flood fails.
const TRIES: usize = 1_000;

/// How deliveries are sent.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// Over so many connections.
    pub connections: usize,
    /// One after each of these; as fast as the answers come where none.
    pub every: Option<Duration>,
}

/// What came of a flood.
#[derive(Debug, Default)]
pub struct Flooded {
    /// Deliveries that were answered 2xx: all of them.
    pub acknowledged: usize,
    /// How often one of them had been refused or left without an answer before.
    pub again: usize,
    /// From the first to the last.
    pub lasted: Duration,
    /// When each delivery was to be sent, whether the connections were free or not, and how long after that it was
    /// acknowledged.
    pub answers: Vec<(Instant, Duration)>,
}

impl Flooded {
    /// How long the answers took.
    pub fn delays(&self) -> Delays {
        self.delays_of(|_| true)
    }

    /// How long those took whose deliveries were to be sent at moments of this kind.
    pub fn delays_of(&self, kind: impl Fn(Instant) -> bool) -> Delays {
        Delays::of(self.answers.iter().filter(|(due, _)| kind(*due)).map(|(_, took)| *took))
    }
}

impl Flood {
    /// Sends what `next` gives, until that is nothing, and each until it is acknowledged.
    ///
    /// # Panics
    /// Where one never is.
    pub async fn pour(self, town: &Town, next: impl FnMut() -> Option<Vec<u8>> + Send + 'static) -> Flooded {
        let address = town.public_url.trim_start_matches("http://").to_owned();
        let source = Arc::new(Mutex::new(next));
        let pace = self.every.map(|every| Arc::new(tokio::sync::Mutex::new(tokio::time::interval(every))));
        let began = now();
        let mut tasks = JoinSet::new();
        for _ in 0..self.connections {
            let (address, source, pace) = (address.clone(), Arc::clone(&source), pace.clone());
            tasks.spawn(async move {
                let mut line = Line { address, stream: None, again: 0, took: Vec::new() };
                loop {
                    let due = on_time(pace.as_deref()).await;
                    let Some(raw) = source.lock().unwrap_or_else(PoisonError::into_inner)() else { return line };
                    line.send(&raw).await;
                    line.took.push((due, due.elapsed()));
                }
            });
        }
        let mut all = Flooded::default();
        for line in tasks.join_all().await {
            all.again += line.again;
            all.answers.extend(line.took);
        }
        Flooded { acknowledged: all.answers.len(), lasted: began.elapsed(), ..all }
    }
}

/// When the next delivery is to be sent.
async fn on_time(pace: Option<&tokio::sync::Mutex<Interval>>) -> Instant {
    match pace {
        // Where the connections were busy this is in the past.
        Some(pace) => pace.lock().await.tick().await,
        None => now(),
    }
}

struct Line {
    address: String,
    stream: Option<TcpStream>,
    again: usize,
    took: Vec<(Instant, Duration)>,
}

impl Line {
    async fn send(&mut self, raw: &[u8]) {
        for _ in 0..TRIES {
            if self.stream.is_none() {
                self.stream = TcpStream::connect(&self.address).await.ok();
            }
            if let Some(stream) = &mut self.stream {
                if matches!(exchange(stream, raw).await, Ok(200..300)) {
                    return;
                }
                self.stream = None;
            }
            self.again += 1;
            tokio::task::yield_now().await;
        }
        panic!("a delivery was not acknowledged in {TRIES} times");
    }
}

/// How long things took, the shortest first.
#[derive(Debug, Default)]
pub struct Delays(Vec<Duration>);

impl Delays {
    /// Of these, in any order.
    pub fn of(delays: impl IntoIterator<Item = Duration>) -> Self {
        let mut delays: Vec<_> = delays.into_iter().collect();
        delays.sort_unstable();
        Self(delays)
    }

    /// So many per mille of them took this long at most.
    pub fn per_mille(&self, share: usize) -> Duration {
        let last = (self.0.len() * share).div_ceil(1_000).saturating_sub(1);
        self.0.get(last).copied().unwrap_or_default()
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Display for Delays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (half, most, nearly) = (self.per_mille(500), self.per_mille(990), self.per_mille(999));
        write!(f, "p50 {half:.1?}, p99 {most:.1?}, p99.9 {nearly:.1?}, longest {:.1?}", self.longest())
    }
}

fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_all_delays_took_at_most_that_long() {
        let delays = Delays::of((1..=200).rev().map(Duration::from_millis));
        let found = [500, 990, 999, 1_000].map(|share| delays.per_mille(share).as_millis());
        assert_eq!(found, [100, 198, 200, 200]);
        assert_eq!(Delays::default().per_mille(990), Duration::ZERO);
    }
}
