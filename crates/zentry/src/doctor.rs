//! `zentry doctor`: the whole loop, hop by hop. Each check says what it found and, where that is not good, which field of
//! which console, or which setting, to change.

mod clock;
mod door;
mod secrets;
mod sentry;
mod store;
mod zoom;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;
use zentry_domain::{Clock, Timestamp, UserJid};
use zentry_http_client::{Allowance, HttpClient, HttpError, Request, Urgency};
use zentry_sqlite::Sqlite;

use crate::config::{Config, Deployment, Outbound, Sentry, Zoom};
use crate::exit::Failure;
use crate::wire;
use crate::world::WallClock;

/// One hop of the loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// Which.
    pub(crate) name: &'static str,
    /// Whether it is good.
    pub(crate) verdict: Verdict,
    /// What was found.
    pub(crate) detail: String,
    /// What to change, and where; empty where nothing is to be changed.
    pub(crate) fix: String,
}

/// Whether a hop is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is.
    Ok,
    /// It is not.
    Red,
    /// It was not looked at.
    Skipped,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, detail: detail.into(), fix: String::new() }
    }

    fn red(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Red, detail: detail.into(), fix: fix.into() }
    }

    fn skipped(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Skipped, detail: detail.into(), fix: fix.into() }
    }
}

impl Verdict {
    /// One word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Red => "red",
            Self::Skipped => "skipped",
        }
    }
}

/// What the checks look at.
struct Patient<'a> {
    public_url: &'a Url,
    zoom: &'a Zoom,
    sentry: &'a Sentry,
    outbound: &'a Outbound,
    deployment: &'a Deployment,
    http: &'a HttpClient,
}

/// Looks at everything. `to` is whom a message is sent, if anybody.
///
/// # Errors
/// Where nothing can be called at all.
pub(crate) async fn examine(config: Config, to: Option<&UserJid>) -> Result<Vec<Check>, Failure> {
    let Config { store: path, keys, zoom, sentry, outbound, deployment, public_url, .. } = config;
    let mut calls = wire::http_config(&zoom, &sentry, &outbound);
    calls.allow.extend(Allowance::loopback(&public_url));
    // The public address may be a private one here, inside, and another one for the world.
    let anywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()).collect();
    calls.allow.extend(public_url.host_str().map(|host| Allowance::host(host, anywhere)));
    let http = wire::client(calls)?;
    let patient = Patient {
        public_url: &public_url,
        zoom: &zoom,
        sentry: &sentry,
        outbound: &outbound,
        deployment: &deployment,
        http: &http,
    };

    let mut checks = vec![secrets::check(&patient, &keys)];
    checks.extend(door::check(&patient).await);
    checks.push(clock::check(&patient).await);
    checks.extend(zoom::check(&patient).await);
    let key_ids = keys.ids();
    let store = Sqlite::open_beside(&path, keys);
    let sqlite = store.as_ref().ok();
    checks.push(zoom::message(&patient, sqlite, to).await);
    checks.push(zoom::directory(&patient, sqlite).await);
    checks.extend(sentry::check(&patient, sqlite).await);
    match &store {
        Ok(sqlite) => {
            checks.extend(store::check(&path, &key_ids, sqlite).await);
            sqlite.close().await;
        }
        Err(error) => checks.push(store::closed(&path, error)),
    }
    http.close();
    Ok(checks)
}

/// What cannot be looked at where the store does not open.
fn without_store(name: &'static str) -> Check {
    Check::skipped(name, "the store does not open", "see below")
}

/// What somebody answered, and how soon.
struct Answer {
    status: u16,
    headers: HeaderMap,
    took: Duration,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Patient<'_> {
    /// An address of the public listener.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }

    async fn get(&self, service: &'static str, address: &str) -> Result<Answer, String> {
        self.call(service, Method::GET, address, &[], Vec::new()).await
    }

    /// Calls an address; the error is a line for the operator.
    async fn call(
        &self,
        service: &'static str,
        method: Method,
        address: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<Answer, String> {
        let url = Url::parse(address).map_err(|error| error.to_string())?;
        let mut request = Request::new(service, method, url).body(body).urgency(Urgency::Awaited);
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|_| format!("{name} holds what no header can carry"))?;
            request = request.header(HeaderName::from_static(name), value);
        }
        let began = WallClock.now();
        let answer = self.http.send(request).await.map_err(|error| in_words(&error))?;
        Ok(Answer { status: answer.status, headers: answer.headers, took: since(began) })
    }
}

fn since(began: Timestamp) -> Duration {
    WallClock.now().since(began)
}

/// An error of the transport, with its cause.
fn in_words(error: &HttpError) -> String {
    match error {
        HttpError::NotSent(cause) | HttpError::Unknown(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

/// An error with all its causes.
fn whole(error: &dyn std::error::Error) -> String {
    let (mut words, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
