//! HTTP out: the only way by which the program calls anybody.
//!
//! A blocking client ([`ureq`]) on a fixed number of threads, behind one asynchronous function:
//!
//! ```no_run
//! use http::{HeaderValue, Method, header};
//! use zentry_http_client::{HttpClient, HttpConfig, HttpError, Request, Urgency};
//!
//! # async fn example(token: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let client = HttpClient::new(HttpConfig::new("example/1.0"))?;
//!
//! let request = Request::new("zoom", Method::POST, "https://api.zoom.us/v2/im/chat/messages".parse()?)
//!     .header(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?)
//!     .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
//!     .body(r#"{"robot_jid":"…"}"#)
//!     .urgency(Urgency::Awaited);
//!
//! match client.send(request).await {
//!     Ok(answer) => println!("{}", answer.status), // any status: 429 and 500 are answers
//!     Err(HttpError::NotSent(cause)) => println!("{cause}; send it again"),
//!     Err(HttpError::Unknown(cause)) => println!("{cause}; it may have arrived"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! * **An end.** One deadline (10 s unless the request names another) for everything together, from waiting for a
//!   sender to the last byte of the answer; inside of it 3 s to resolve, 3 s to connect, 3 s each to send the head and
//!   the body, 8 s until the head of the answer and 5 s for its body. The head may have 16 KiB, the body 256 KiB.
//! * **The truth about what was sent.** [`HttpError::NotSent`] means that no byte of the request left the process.
//! * **No surprises.** No redirects, no proxy from the environment, no decompression, no retry.
//! * **No way inside.** https to globally routable addresses on port 443, except for what [`Allowance`]s name. Names
//!   are filtered at every look-up, and what was checked is what is connected to. Behind an outbound proxy, which
//!   resolves names itself, only the URL can be checked: there, keeping private addresses closed is the proxy's duty.
//! * **Bounded threads.** 16 senders for [`Urgency::Queued`] and 4 for [`Urgency::Awaited`]. A look-up that hangs in
//!   the system's resolver leaves a thread behind until the resolver gives up; the call itself does not wait for it.
//!
//! Every call is measured as `zentry_outbound_seconds{service, status}`, `status` being `2xx`, `4xx`, `429`, `5xx`,
//! `timeout` or `refused` (any other failure, and redirects, which are not followed).

mod address;
mod agent;
mod error;
mod message;
mod pool;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use ureq::Agent;
use ureq::unversioned::resolver::{DefaultResolver, Resolver};
use url::Url;

use address::{Filter, Way};
use pool::{NotRun, Pool};

pub use address::{Allowance, closed};
pub use error::{Cause, ConfigError, HttpError};
pub use message::{Request, Response, Urgency};

/// How an [`HttpClient`] is made.
#[derive(Clone)]
pub struct HttpConfig {
    /// Sent with every request, and to the proxy.
    pub user_agent: String,
    /// Exceptions from "https, to a globally routable address, on port 443".
    pub allow: Vec<Allowance>,
    /// Root certificates (PEM) that are trusted beside the public ones.
    pub ca_pem: Option<Vec<u8>>,
    /// An `http://` or `https://` proxy through which everything goes but allowed loopback addresses.
    pub proxy: Option<Url>,
    /// Threads for [`Urgency::Queued`], at least one.
    pub senders: usize,
    /// Threads for [`Urgency::Awaited`], at least one.
    pub waiting: usize,
}

impl HttpConfig {
    /// No exceptions, no further roots, no proxy, 16 senders and 4 for those who wait.
    #[must_use]
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self { user_agent: user_agent.into(), allow: Vec::new(), ca_pem: None, proxy: None, senders: 16, waiting: 4 }
    }
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The proxy's address may carry a password.
        f.debug_struct("HttpConfig")
            .field("user_agent", &self.user_agent)
            .field("allow", &self.allow)
            .field("ca_pem", &self.ca_pem.is_some())
            .field("proxy", &self.proxy.as_ref().and_then(Url::host_str))
            .field("senders", &self.senders)
            .field("waiting", &self.waiting)
            .finish()
    }
}

/// Makes calls. Clones share their threads, which end after the last clone is dropped.
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
}

struct Inner {
    filter: Filter,
    agent: Agent,
    queued: Pool,
    awaited: Pool,
}

impl HttpClient {
    /// Starts the threads; calls nobody.
    pub fn new(config: HttpConfig) -> Result<Self, ConfigError> {
        Self::with_resolver(config, DefaultResolver::default())
    }

    fn with_resolver(config: HttpConfig, resolver: impl Resolver) -> Result<Self, ConfigError> {
        let agent = agent::agent(&config, resolver)?;
        let start = |name, threads: usize| Pool::start(name, threads.max(1)).map_err(ConfigError::Threads);
        let inner = Inner {
            agent,
            queued: start("http-queued", config.senders)?,
            awaited: start("http-awaited", config.waiting)?,
            filter: Filter::new(config.allow, config.proxy.as_ref()),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes the call and waits for the whole answer. Any status is `Ok`.
    ///
    /// Dropping the future takes a request that has not begun out of the queue; one that has begun is carried through.
    ///
    /// Needs a Tokio runtime with its timer enabled.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let way = self.inner.filter.check(&request.url)?;
        let began = now();
        let host = request.host().to_owned();
        let deadline = request.deadline;
        let pool = match request.urgency {
            Urgency::Queued => &self.inner.queued,
            Urgency::Awaited => &self.inner.awaited,
        };
        let agent = self.inner.agent.clone();
        let span = tracing::Span::current();
        let work = move || span.in_scope(|| measured(&agent, &request, way, began));
        match pool.run(deadline, work).await {
            Ok(outcome) => outcome,
            Err(NotRun::Closed) => Err(HttpError::Closed),
            Err(NotRun::Busy) => {
                Err(HttpError::NotSent(Cause::new(&host, true, "no sender was free before the deadline")))
            }
            Err(NotRun::Panicked) => Err(HttpError::Unknown(Cause::new(&host, false, "the call panicked"))),
        }
    }

    /// Begins no further call: those that wait and those that come get [`HttpError::Closed`]. Calls that have begun
    /// end by themselves, within their deadline.
    pub fn close(&self) {
        self.inner.queued.close();
        self.inner.awaited.close();
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

/// Runs on a sender's thread.
fn measured(agent: &Agent, request: &Request, way: Way, began: Instant) -> Result<Response, HttpError> {
    let left = request.deadline.saturating_sub(began.elapsed());
    let started = now();
    let outcome = agent::call(agent, request, way, left);
    let (took, status) = (started.elapsed(), label(&outcome));
    metrics::histogram!("zentry_outbound_seconds", "service" => request.service, "status" => status)
        .record(took.as_secs_f64());
    tracing::debug!(service = request.service, host = request.host(), status, ms = took.as_millis(), "called");
    outcome
}

fn label(outcome: &Result<Response, HttpError>) -> &'static str {
    match outcome {
        Ok(answer) => match answer.status {
            429 => "429",
            200..=299 => "2xx",
            300..=399 => "refused",
            400..=499 => "4xx",
            _ => "5xx",
        },
        Err(HttpError::NotSent(cause) | HttpError::Unknown(cause)) if cause.is_timeout() => "timeout",
        Err(_) => "refused",
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures a call against its deadline and for the metric; no decision of the domain depends on it"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
