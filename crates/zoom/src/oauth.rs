//! The token endpoint, as people's grants need it (Zoom, OAuth).

use std::time::Duration;

use data_encoding::BASE64;
use form_urlencoded::Serializer;
use http::{HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use zentry_domain::{Rotating, Secret, Timestamp};
use zentry_http_client::{HttpClient, Request, Response, Urgency};

use crate::answer::{Failure, Kind, Verb, verdict};
use crate::grant::Grant;
use crate::token::{LIFE, header_value};

/// A person waits for the exchange.
pub(crate) const EXCHANGE_PATIENCE: Duration = Duration::from_secs(3);
const REFRESH_PATIENCE: Duration = Duration::from_secs(10);
/// Codes by which Zoom says that a code or refresh token is not good: expired, bad, its owner gone, not found, disabled by an
/// administrator, used before, replaced by a newer authorization (Zoom, OAuth error codes).
const NOT_GOOD: [i64; 7] = [4733, 4734, 4735, 4737, 4738, 4740, 4741];

/// What is known of the app to the token endpoint.
pub(crate) struct Oauth {
    pub(crate) http: HttpClient,
    pub(crate) endpoint: Url,
    pub(crate) client_id: String,
    pub(crate) client_secret: Rotating<Secret>,
    /// Where browsers come back to, exactly as registered.
    pub(crate) redirect_uri: String,
}

/// Why no tokens came.
#[derive(Debug)]
pub(crate) enum NoGrant {
    /// The code or refresh token is not accepted, for good.
    Refused,
    /// Something else; it may pass.
    Failed(Failure),
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
    expires_in: Option<u64>,
}

impl Oauth {
    pub(crate) async fn exchange(&self, code: &Secret, now: Timestamp) -> Result<Grant, NoGrant> {
        let form =
            [("grant_type", "authorization_code"), ("code", code.expose()), ("redirect_uri", &self.redirect_uri)];
        self.tokens(&form, now, Urgency::Awaited, EXCHANGE_PATIENCE).await
    }

    /// The refresh token before is dead as soon as Zoom has acted.
    pub(crate) async fn refresh(&self, refresh: &Secret, now: Timestamp) -> Result<Grant, NoGrant> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose())];
        self.tokens(&form, now, Urgency::Queued, REFRESH_PATIENCE).await
    }

    async fn tokens(
        &self,
        form: &[(&str, &str)],
        now: Timestamp,
        urgency: Urgency,
        patience: Duration,
    ) -> Result<Grant, NoGrant> {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::new("zoom", Method::POST, self.endpoint.clone())
            .header(header::AUTHORIZATION, basic(&self.client_id, &self.client_secret.get()).map_err(NoGrant::Failed)?)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body(body)
            .urgency(urgency)
            .deadline(patience);
        let sent = self.http.send(request).await;
        let response = sent.map_err(|error| NoGrant::Failed(Failure::of_transport(Verb::Token, &error)))?;
        match verdict(Verb::Token, &response, now) {
            Ok(()) => grant(&response, now).ok_or_else(|| {
                NoGrant::Failed(Failure::new(Kind::Unavailable, "Zoom's token endpoint gave no pair of tokens"))
            }),
            Err(_) if is_refused(&response) => Err(NoGrant::Refused),
            Err(failure) => Err(NoGrant::Failed(failure)),
        }
    }
}

/// Tells a code or token that is not good from an app that is not accepted, and from a page that a proxy sent: a grant is thrown
/// away only on Zoom's own word.
fn is_refused(response: &Response) -> bool {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    matches!(response.status, 400..=403)
        && (body["error"] == "invalid_grant" || body["code"].as_i64().is_some_and(|code| NOT_GOOD.contains(&code)))
}

fn grant(response: &Response, now: Timestamp) -> Option<Grant> {
    let tokens: Tokens = serde_json::from_slice(&response.body).ok()?;
    let is_whole = !tokens.access_token.is_empty() && !tokens.refresh_token.is_empty();
    let life = Duration::from_secs(tokens.expires_in.unwrap_or(LIFE));
    is_whole.then(|| Grant {
        access: Secret::new(tokens.access_token),
        refresh: Secret::new(tokens.refresh_token),
        expires: now + life,
        user: String::new(),
    })
}

/// How the app names itself to the token endpoint.
pub(crate) fn basic(client_id: &str, client_secret: &Secret) -> Result<HeaderValue, Failure> {
    let credentials = format!("{client_id}:{}", client_secret.expose());
    header_value("Basic", &BASE64.encode(credentials.as_bytes()))
        .ok_or_else(|| Failure::new(Kind::Refused, "ZENTRY_ZOOM_CLIENT_ID cannot be sent in a header"))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use zentry_contract::sample::START;

    use super::*;

    fn response(status: u16, body: &str) -> Response {
        Response { status, headers: HeaderMap::new(), body: body.into() }
    }

    #[test]
    fn a_grant_is_thrown_away_only_on_zooms_own_word() {
        for (status, body, expected) in [
            (400, r#"{"reason":"Invalid Token!","error":"invalid_grant"}"#, true),
            (401, r#"{"code":4741,"message":"The token has been revoked."}"#, true),
            (400, r#"{"code":4735}"#, true),
            (401, r#"{"reason":"Invalid client_id or client_secret","error":"invalid_client"}"#, false),
            (400, r#"{"code":4702}"#, false),
            (400, r#"{"code":4709}"#, false),
            (403, "<html>", false),
            (429, r#"{"error":"invalid_grant"}"#, false),
            (503, r#"{"error":"invalid_grant"}"#, false),
        ] {
            assert_eq!(is_refused(&response(status, body)), expected, "{status} {body}");
        }
    }

    #[test]
    fn half_a_pair_of_tokens_is_none() {
        let good = r#"{"access_token":"a","refresh_token":"r","expires_in":60}"#;
        assert_eq!(grant(&response(200, good), START).unwrap().expires, START + Duration::from_secs(60));
        for body in ["", "{}", r#"{"access_token":"a"}"#, r#"{"access_token":"a","refresh_token":""}"#] {
            assert!(grant(&response(200, body), START).is_none(), "{body}");
        }
    }
}
