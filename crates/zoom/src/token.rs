//! The bot's own token: one for the whole app, kept in memory (Zoom, chatbot authorization).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method, header};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;
use zentry_domain::{Clock, Rotating, Secret, Timestamp};
use zentry_http_client::{HttpClient, Request};

use crate::answer::{Failure, Kind, Verb, verdict};
use crate::oauth::basic;
use crate::wire;

/// A token is renewed when no more than this is left of its life.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// A token's life in seconds where Zoom does not say.
pub(crate) const LIFE: u64 = 3_600;

/// Fetches tokens, one call at a time, and keeps the latest.
pub(crate) struct Tokens {
    http: HttpClient,
    clock: Arc<dyn Clock>,
    endpoint: Url,
    client_id: String,
    client_secret: Rotating<Secret>,
    latest: Mutex<Option<Result<Token, Failure>>>,
    fetches: AtomicU64,
}

#[derive(Clone)]
struct Token {
    bearer: HeaderValue,
    until: Timestamp,
    scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
    scope: Option<String>,
}

impl Tokens {
    pub(crate) fn new(
        http: HttpClient,
        clock: Arc<dyn Clock>,
        oauth: &Url,
        client_id: String,
        client_secret: Rotating<Secret>,
    ) -> Self {
        let endpoint = wire::under(oauth, &["oauth", "token"]);
        Self { http, clock, endpoint, client_id, client_secret, latest: Mutex::default(), fetches: AtomicU64::new(0) }
    }

    /// The value of the `Authorization` header of calls.
    pub(crate) async fn current(&self) -> Result<HeaderValue, Failure> {
        self.other_than(None).await
    }

    /// The same, after Zoom has refused `refused`.
    pub(crate) async fn instead_of(&self, refused: &HeaderValue) -> Result<HeaderValue, Failure> {
        self.other_than(Some(refused)).await
    }

    /// What a new token may do.
    pub(crate) async fn scopes(&self) -> Result<Vec<String>, Failure> {
        Ok(self.fetch().await?.scopes)
    }

    async fn other_than(&self, refused: Option<&HeaderValue>) -> Result<HeaderValue, Failure> {
        let asked = self.fetches.load(Ordering::Acquire);
        let mut latest = self.latest.lock().await;
        match &*latest {
            Some(Ok(token)) if Some(&token.bearer) != refused && token.lasts(self.clock.now()) => {
                return Ok(token.bearer.clone());
            }
            // Who waited for a fetch that failed shares its failure: sixteen senders trying one after the other would
            // wait sixteen time-outs.
            Some(Err(failure)) if self.fetches.load(Ordering::Acquire) != asked => return Err(failure.clone()),
            _ => {}
        }
        let fetched = self.fetch().await;
        self.fetches.fetch_add(1, Ordering::Release);
        let bearer = fetched.clone().map(|token| token.bearer);
        *latest = Some(fetched);
        bearer
    }

    async fn fetch(&self) -> Result<Token, Failure> {
        let asked_at = self.clock.now();
        let request = Request::new("zoom", Method::POST, self.endpoint.clone())
            .header(header::AUTHORIZATION, basic(&self.client_id, &self.client_secret.get())?)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body("grant_type=client_credentials");
        let sent = self.http.send(request).await;
        let response = sent.map_err(|error| Failure::of_transport(Verb::Token, &error))?;
        verdict(Verb::Token, &response, self.clock.now()).inspect_err(|failure| {
            if failure.kind == Kind::Unauthorized {
                tracing::error!(why = failure.why, "Zoom gives the bot no token: nothing is sent until that is mended");
            }
        })?;
        let token = read(&response.body, asked_at).ok_or_else(|| {
            Failure::new(Kind::Unavailable, "Zoom's answer to the request for a token holds no token")
        })?;
        tracing::debug!(until = %token.until, "fetched a new Zoom token");
        Ok(token)
    }
}

impl Token {
    fn lasts(&self, now: Timestamp) -> bool {
        self.until.since(now) > MARGIN
    }
}

fn read(body: &[u8], asked_at: Timestamp) -> Option<Token> {
    let granted: Granted = serde_json::from_slice(body).ok()?;
    let bearer = header_value("Bearer", &granted.access_token).filter(|_| !granted.access_token.is_empty())?;
    let life = Duration::from_secs(granted.expires_in.unwrap_or(LIFE));
    let scopes = granted.scope.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    Some(Token { bearer, until: asked_at + life, scopes })
}

pub(crate) fn header_value(scheme: &str, credentials: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{scheme} {credentials}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use zentry_contract::sample::START;

    use super::*;

    #[test]
    fn a_token_is_renewed_five_minutes_before_its_end() {
        let token = read(br#"{"access_token":"t","expires_in":3600}"#, START).expect("a token");
        assert!(token.lasts(START + Duration::from_secs(54 * 60 + 59)));
        assert!(!token.lasts(START + Duration::from_secs(55 * 60)));
        assert!(!token.lasts(START + Duration::from_secs(2 * 3_600)));
    }

    #[test]
    fn an_answer_without_a_usable_token_is_none() {
        for body in
            ["", "<html>", "{}", r#"{"access_token":""}"#, r#"{"access_token":"a\nb"}"#, r#"{"access_token":1}"#]
        {
            assert!(read(body.as_bytes(), START).is_none(), "{body}");
        }
    }

    #[test]
    fn a_token_is_never_printed() {
        let token = read(br#"{"access_token":"hunter2"}"#, START).expect("a token");
        assert!(!format!("{:?}", token.bearer).contains("hunter2"));
    }
}
