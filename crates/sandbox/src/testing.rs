//! A stand-in for the bot, and a stand-in for its HTTP client.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::Method;
use url::Url;

use crate::{
    Cast, Clock, Sandbox,
    client::{NoAnswer, Outbound, exchange},
    http::{Answer, Bound, Reply, Request, Server},
    sync::{Watched, lock},
};

/// Long enough for anything that happens at all.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// What the bot received.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A bot that keeps what it receives and answers as told, else 200.
pub(crate) struct Bot {
    pub(crate) base: String,
    seen: Arc<Watched<Vec<Seen>>>,
    script: Arc<Mutex<VecDeque<Reply>>>,
    _server: Server,
}

impl Bot {
    pub(crate) async fn start() -> Self {
        Self::answering(|_| Answer::empty(200)).await
    }

    pub(crate) async fn answering(usual: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let bound = Bound::new().await.unwrap();
        let (seen, script) = (Arc::new(Watched::new(Vec::new())), Arc::new(Mutex::new(VecDeque::new())));
        let (base, log, next) = (bound.base().to_owned(), Arc::clone(&seen), Arc::clone(&script));
        let server = bound.serve(move |request| {
            log.change(|log: &mut Vec<Seen>| log.push(record(request)));
            lock(&next).pop_front().unwrap_or_else(|| Reply::Now(usual(request)))
        });
        Self { base, seen, script, _server: server }
    }

    pub(crate) fn next(&self, reply: Reply) {
        lock(&self.script).push_back(reply);
    }

    pub(crate) fn next_status(&self, status: u16) {
        self.next(Reply::Now(Answer::empty(status)));
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.read(Clone::clone)
    }

    /// Waits until the bot has received `count` requests.
    pub(crate) async fn received(&self, count: usize) -> Vec<Seen> {
        let all = self.seen.until(SOON, |seen| (seen.len() >= count).then(|| seen.clone())).await;
        all.unwrap_or_else(|| panic!("the bot received {} of {count} requests", self.seen().len()))
    }
}

fn record(request: &Request) -> Seen {
    let headers = request.headers.iter();
    Seen {
        path: request.path.clone(),
        headers: headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect(),
        body: String::from_utf8(request.body.to_vec()).unwrap(),
    }
}

/// The story's stage with a stand-in for the bot.
pub(crate) async fn stage(clock: Clock) -> (Cast, Sandbox, Bot) {
    let (cast, zoom, sentry) = Cast::assemble();
    let (sandbox, bot) = (Sandbox::start(clock, zoom, sentry).await.unwrap(), Bot::start().await);
    sandbox.point_at(&bot.base).unwrap();
    (cast, sandbox, bot)
}

/// A request as the bot would make it.
pub(crate) async fn try_call(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer, NoAnswer> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let body = Bytes::from(body.to_owned());
    exchange(Outbound { method, url: Url::parse(url).unwrap(), headers, body }, Duration::from_millis(500)).await
}

pub(crate) async fn call(method: Method, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    try_call(method, url, headers, body).await.unwrap()
}

impl Answer {
    pub(crate) fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}
