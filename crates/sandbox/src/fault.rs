//! What can go wrong at a simulated service, on purpose.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    http::{Answer, Reply},
    sync::lock,
};

/// One thing that goes wrong with one call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers with this instead; the call is not carried out.
    Answer {
        /// HTTP status.
        status: u16,
        /// Further headers, content type included.
        headers: Vec<(String, String)>,
        /// The body as it goes out.
        body: String,
    },
    /// Accepts the call and never answers.
    Hang {
        /// Whether the call takes effect all the same.
        carried_out: bool,
    },
    /// Accepts the call and closes the connection without a word.
    Close {
        /// Whether the call takes effect all the same.
        carried_out: bool,
    },
    /// Carries the call out and answers after this much real time.
    Late(Duration),
    /// Carries the call out and answers one byte at a time, this far apart.
    Drip(Duration),
    /// Carries the call out and closes the connection in the middle of the answer's body.
    Cut,
    /// Carries the call out and goes on after its answer with blanks: so many bytes, or without end where none is named.
    Flood(Option<u64>),
}

impl Fault {
    /// An answer with this status and an empty body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: String::new() }
    }

    /// A page instead of JSON, as proxies in front of a service send it.
    #[must_use]
    pub fn html(status: u16) -> Self {
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        Self::Answer { status, headers, body: "<!DOCTYPE html><title>Please wait</title>".to_owned() }
    }

    /// Zoom's 429. `retry_after` is seconds, or a date on the daily limit (Zoom, rate limits); it may be missing.
    #[must_use]
    pub fn zoom_throttled(retry_after: Option<&str>) -> Self {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json;charset=UTF-8".to_owned()),
            ("x-ratelimit-category".to_owned(), "Medium".to_owned()),
            ("x-ratelimit-type".to_owned(), "QPS".to_owned()),
        ];
        headers.extend(retry_after.map(|value| ("retry-after".to_owned(), value.to_owned())));
        let message = "You have reached the maximum per-second rate limit for this API. Try again later.";
        let body = serde_json::json!({ "code": 429, "message": message }).to_string();
        Self::Answer { status: 429, headers, body }
    }

    /// Sentry's 429: not declared as JSON and without `Retry-After` (Sentry, rate limits). `reset_s`, where given, is
    /// the moment in Unix seconds at which the window ends.
    #[must_use]
    pub fn sentry_throttled(reset_s: Option<i64>) -> Self {
        let mut headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        if let Some(reset) = reset_s {
            headers.push(("x-sentry-rate-limit-limit".to_owned(), "5".to_owned()));
            headers.push(("x-sentry-rate-limit-remaining".to_owned(), "0".to_owned()));
            headers.push(("x-sentry-rate-limit-reset".to_owned(), reset.to_string()));
        }
        let detail = "You are attempting to use this endpoint too frequently. Limit is 5 requests in 1 seconds";
        Self::Answer { status: 429, headers, body: serde_json::json!({ "detail": detail }).to_string() }
    }
}

/// The faults that wait for the next calls, first come first served, and the outage behind them. Clones share both.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Ahead>>);

#[derive(Debug, Default)]
struct Ahead {
    next: VecDeque<Fault>,
    outage: Option<Fault>,
}

impl Faults {
    /// Lets the next call that no earlier fault waits for go wrong like this.
    pub fn next(&self, fault: Fault) {
        lock(&self.0).next.push_back(fault);
    }

    /// The same for the next `times` calls.
    pub fn next_times(&self, times: usize, fault: &Fault) {
        lock(&self.0).next.extend(std::iter::repeat_n(fault, times).cloned());
    }

    /// Lets every call that no other fault waits for go wrong like this from now on; none at all where it is `None`.
    pub fn outage(&self, fault: Option<Fault>) {
        lock(&self.0).outage = fault;
    }

    /// How many faults still wait for a call.
    #[must_use]
    pub fn left(&self) -> usize {
        lock(&self.0).next.len()
    }

    /// Forgets the faults that still wait.
    pub fn clear(&self) {
        lock(&self.0).next.clear();
    }

    /// Carries the call out, unless the next fault stops it.
    pub(crate) fn around(&self, work: impl FnOnce() -> Answer) -> Reply {
        let fault = {
            let mut ahead = lock(&self.0);
            ahead.next.pop_front().or_else(|| ahead.outage.clone())
        };
        match fault {
            None => Reply::Now(work()),
            Some(fault) => fault.around(work),
        }
    }
}

impl Fault {
    /// Carries the call out as far as this lets it.
    pub(crate) fn around(self, work: impl FnOnce() -> Answer) -> Reply {
        match self {
            Self::Answer { status, headers, body } => {
                Reply::Now(Answer { status, headers, body: body.into(), verdict: "fault".to_owned() })
            }
            Self::Hang { carried_out } => silent(carried_out, work, Reply::Hang),
            Self::Close { carried_out } => silent(carried_out, work, Reply::Close),
            Self::Late(after) => Reply::Late(work(), after),
            Self::Drip(every) => Reply::Drip(work(), every),
            Self::Cut => Reply::Cut(work()),
            Self::Flood(bytes) => Reply::Flood(work(), bytes),
        }
    }
}

fn silent(carried_out: bool, work: impl FnOnce() -> Answer, reply: Reply) -> Reply {
    if carried_out {
        drop(work());
    }
    reply
}
