//! The log of everything that went over the simulated network.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::futures::Notified;

use crate::{
    clock::{Clock, Stopwatch},
    deliver::Delivery,
    http::{Reply, Request},
    sync::Watched,
};

/// Which simulated party sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The simulated Zoom.
    Zoom,
    /// The simulated Sentry.
    Sentry,
    /// The simulated browser.
    Browser,
}

/// Which way a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The party received it.
    Received,
    /// The party sent it.
    Sent,
}

/// One request and what became of it. Bodies and secrets are not kept here.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When it ended, in milliseconds since the Unix epoch by the sandbox's clock.
    pub at_ms: i64,
    /// The simulated party.
    pub service: Service,
    /// Which way it went.
    pub direction: Direction,
    /// HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// What it was about, such as `bot_notification` or `issue.created, attempt 2`; may be empty.
    pub about: String,
    /// The status of the answer; none where there was no answer.
    pub status: Option<u16>,
    /// Why it was answered like that: the reason of a refusal, or of a missing answer; else empty.
    pub verdict: String,
    /// How long it really took.
    pub took: Duration,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = if self.direction == Direction::Sent { "->" } else { "<-" };
        let status = self.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
        let took = self.took.as_millis();
        write!(f, "{:?} {arrow} {} {} {status} {took} ms", self.service, self.method, self.path)?;
        [&self.about, &self.verdict]
            .into_iter()
            .filter(|text| !text.is_empty())
            .try_for_each(|text| write!(f, "  {text}"))
    }
}

/// The log itself. Clones share one log.
#[derive(Clone, Debug, Default)]
pub struct Wire(Arc<Watched<Vec<Entry>>>);

impl Wire {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything so far, in the order in which it ended.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.0.read(Clone::clone)
    }

    /// How many entries there are, and the last `count` of them, oldest first.
    pub(crate) fn tail(&self, count: usize) -> (usize, Vec<Entry>) {
        self.0.read(|entries| (entries.len(), entries[entries.len().saturating_sub(count)..].to_vec()))
    }

    pub(crate) fn changed(&self) -> Notified<'_> {
        self.0.changed()
    }

    /// Waits at most `limit` of real time for the `count`th entry that `wanted` accepts.
    ///
    /// # Errors
    /// The log as it then is, where it did not come.
    pub async fn wait_for(
        &self,
        what: &str,
        count: usize,
        limit: Duration,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Entry, NotOnTheWire> {
        let nth =
            |entries: &Vec<Entry>| entries.iter().filter(|entry| wanted(entry)).nth(count.saturating_sub(1)).cloned();
        self.0.until(limit, nth).await.ok_or_else(|| NotOnTheWire {
            what: what.to_owned(),
            log: self.entries().iter().map(|entry| format!("\n  {entry}")).collect(),
        })
    }

    pub(crate) fn received(&self, service: Service, clock: &Clock, took: Stopwatch, request: &Request, reply: &Reply) {
        let (status, verdict) = match reply {
            Reply::Now(answer) => (Some(answer.status), answer.verdict.clone()),
            Reply::Late(answer, _) => (Some(answer.status), "late".to_owned()),
            Reply::Drip(answer, _) => (Some(answer.status), "slow drip".to_owned()),
            Reply::Cut(answer) => (Some(answer.status), "cut off".to_owned()),
            Reply::Flood(answer, _) => (Some(answer.status), "too much".to_owned()),
            Reply::Close => (None, "closed without an answer".to_owned()),
            Reply::Hang => (None, "left without an answer".to_owned()),
        };
        self.note(Entry {
            at_ms: clock.now_ms(),
            service,
            direction: Direction::Received,
            method: request.method.to_string(),
            path: request.path.clone(),
            about: String::new(),
            status,
            verdict,
            took: took.read(),
        });
    }

    pub(crate) fn sent(&self, service: Service, clock: &Clock, path: &str, about: &str, delivery: &Delivery) {
        self.note(Entry {
            at_ms: clock.now_ms(),
            service,
            direction: Direction::Sent,
            method: "POST".to_owned(),
            path: path.to_owned(),
            about: about.to_owned(),
            status: delivery.status,
            verdict: delivery.failure.clone().unwrap_or_default(),
            took: delivery.took,
        });
    }

    pub(crate) fn note(&self, entry: Entry) {
        self.0.change(|entries| entries.push(entry));
    }
}

/// What was waited for did not go over the wire.
#[derive(Debug, thiserror::Error)]
#[error("{what}: did not go over the wire; there was{log}")]
pub struct NotOnTheWire {
    what: String,
    log: String,
}
