//! The Sentry App: what is exchanged for the tokens of its installations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use http::{HeaderValue, Method, header};
use ring::{digest, hmac};
use serde::Deserialize;
use serde_json::{Value, json};
use zentry_domain::{OrgSlug, Rotating, Secret, Timestamp};
use zentry_http_client::{HttpClient, Request, Response};

use crate::address::{Site, is_slug};
use crate::answer::{Failure, accepted, json as read, said};
use crate::oauth::NoGrant;
use crate::token::Grant;
use crate::wire::{self, Text, lenient};

/// Asks for new tokens with nothing but our signature (Sentry, Sentry App: manual refresh).
const BY_SIGNATURE: &str = "urn:sentry:params:oauth:grant-type:jwt-bearer";
/// A signature is good for so long.
const SIGNED_FOR: Duration = Duration::from_secs(300);
/// And from a little before now: what was signed in Sentry's future it refuses.
const SKEW: Duration = Duration::from_secs(60);

/// Speaks to the configured Sentry itself, which alone knows of Sentry Apps, never to a region.
#[derive(Debug)]
pub(crate) struct Installations {
    client_id: String,
    client_secrets: Rotating<Vec<Secret>>,
    site: Site,
    http: HttpClient,
    signed: AtomicU64,
}

impl Installations {
    pub(crate) fn new(client_id: String, client_secrets: Rotating<Vec<Secret>>, site: Site, http: HttpClient) -> Self {
        Self { client_id, client_secrets, site, http, signed: AtomicU64::new(0) }
    }

    /// Exchanges the code that came with an installation. Each is taken once, for ten minutes.
    pub(crate) async fn exchange(&self, installation: &str, code: &Secret, now: Timestamp) -> Result<Grant, NoGrant> {
        self.by_secret(installation, ("authorization_code", "code", code), now).await
    }

    /// Exchanges a refresh token. The tokens before are dead as soon as Sentry has acted.
    pub(crate) async fn refresh(&self, installation: &str, refresh: &Secret, now: Timestamp) -> Result<Grant, NoGrant> {
        self.by_secret(installation, ("refresh_token", "refresh_token", refresh), now).await
    }

    /// Tokens for our signature alone, where the last ones were lost. Only where Sentry has given some before, and only
    /// newer servers and some organizations know of it.
    pub(crate) async fn recover(&self, installation: &str, now: Timestamp) -> Result<Grant, NoGrant> {
        for secret in self.client_secrets.get().iter() {
            let body = json!({ "grant_type": BY_SIGNATURE });
            match self.tokens(installation, &body, Some(self.signature(secret, now)), now).await {
                Err(NoGrant::Refused | NoGrant::Failed(Failure::Unauthorized)) => {}
                answer => return answer,
            }
        }
        Err(NoGrant::Refused)
    }

    /// Several secrets sign webhooks, of which Sentry may take one.
    async fn by_secret(
        &self,
        installation: &str,
        (grant_type, name, value): (&str, &str, &Secret),
        now: Timestamp,
    ) -> Result<Grant, NoGrant> {
        for secret in self.client_secrets.get().iter() {
            let body = json!({
                "grant_type": grant_type,
                name: value.expose(),
                "client_id": self.client_id,
                "client_secret": secret.expose(),
            });
            match self.tokens(installation, &body, None, now).await {
                Err(NoGrant::Failed(Failure::Unauthorized)) => {}
                answer => return answer,
            }
        }
        tracing::error!(
            "Sentry does not accept the Sentry App: check ZENTRY_SENTRY_CLIENT_ID and ZENTRY_SENTRY_CLIENT_SECRET"
        );
        Err(NoGrant::Failed(Failure::Unauthorized))
    }

    async fn tokens(
        &self,
        installation: &str,
        body: &Value,
        signature: Option<Secret>,
        now: Timestamp,
    ) -> Result<Grant, NoGrant> {
        // A path is made of it.
        if !is_slug(installation) {
            return Err(NoGrant::Failed(Failure::NotFound));
        }
        let url = self.site.api(&["sentry-app-installations", installation, "authorizations"]);
        let mut request = Request::new("sentry", Method::POST, url)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(header::ACCEPT, HeaderValue::from_static("application/json"))
            .body(body.to_string());
        if let Some(signature) = signature {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", signature.expose()))
                .map_err(|_| Failure::unavailable("a signature that no header can carry"))?;
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let answer = self.http.send(request).await.map_err(Failure::from)?;
        verdict(answer, now)
    }

    /// A JSON web token (RFC 7519), signed with the client secret.
    fn signature(&self, secret: &Secret, now: Timestamp) -> Secret {
        let nth = self.signed.fetch_add(1, Ordering::Relaxed);
        let number = digest::digest(&digest::SHA256, format!("{}|{}|{nth}", self.client_id, now.0).as_bytes());
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "iat": seconds(now - SKEW),
            "exp": seconds(now + SIGNED_FOR),
            "jti": &HEXLOWER.encode(number.as_ref())[..32],
        });
        let encoded = |part: &str| BASE64URL_NOPAD.encode(part.as_bytes());
        let signed = format!("{}.{}", encoded(r#"{"alg":"HS256","typ":"JWT"}"#), encoded(&claims.to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let tag = hmac::sign(&key, signed.as_bytes());
        Secret::new(format!("{signed}.{}", BASE64URL_NOPAD.encode(tag.as_ref())))
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000)
}

/// Tells a code or token that is not accepted from an app that is not, which only the operator can put right, and both
/// from a page in front of Sentry, which says nothing of either.
fn verdict(answer: Response, now: Timestamp) -> Result<Grant, NoGrant> {
    let (status, words) = (answer.status, said(&answer.body));
    let is_of_the_grant = ["grant", "refresh token"].iter().any(|word| words.to_ascii_lowercase().contains(word));
    match accepted(answer, now) {
        Ok(answer) => read::<Tokens>(&answer)?.grant(),
        Err(failure @ (Failure::Unavailable(_) | Failure::Throttled(_))) => Err(failure.into()),
        Err(_) if words.is_empty() => {
            Err(Failure::unavailable(format!("Sentry answered {status} and did not say why")).into())
        }
        Err(Failure::Unauthorized) if !is_of_the_grant => Err(Failure::Unauthorized.into()),
        Err(Failure::NotFound) => Err(Failure::NotFound.into()),
        Err(_) => {
            tracing::debug!(status, words, "Sentry gives no tokens for an installation");
            Err(NoGrant::Refused)
        }
    }
}

// === the wire ===

/// The answer of the endpoint.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Tokens {
    token: Text,
    refresh_token: Text,
    expires_at: Text,
}

impl Tokens {
    fn grant(&self) -> Result<Grant, NoGrant> {
        let access = self.token.get().ok_or_else(|| Failure::unavailable("Sentry gave no token of an installation"))?;
        Ok(Grant {
            access: Secret::new(access),
            refresh: self.refresh_token.get().map(Secret::new),
            expires: self.expires_at.time(),
        })
    }
}

/// An installation, as Sentry shows it to the app.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Shown {
    #[serde(deserialize_with = "lenient")]
    organization: Option<wire::Organization>,
}

impl Shown {
    /// Whose it is.
    pub(crate) fn org(&self) -> Option<OrgSlug> {
        Some(self.organization.as_ref()?.known()?.slug)
    }
}

#[cfg(test)]
mod tests {
    use zentry_http_client::HttpConfig;

    use super::*;

    const NOW: Timestamp = Timestamp(1_767_323_045_000);

    fn answered(status: u16, body: &str) -> Result<Grant, NoGrant> {
        verdict(Response { status, headers: http::HeaderMap::new(), body: body.into() }, NOW)
    }

    #[test]
    fn the_tokens_of_an_installation_are_read() {
        let body = r#"{"id":38,"token":"t","refreshToken":"r","expiresAt":"2026-01-02T11:04:05+00:00","scopes":null}"#;
        let grant = answered(201, body).unwrap();
        assert_eq!((grant.access.expose(), grant.refresh.unwrap().expose()), ("t", "r"));
        assert_eq!(grant.expires, Some(Timestamp(NOW.0 + 8 * 3_600_000)));
        let bare = answered(200, r#"{"token":"t","refreshToken":null,"expiresAt":null}"#).unwrap();
        assert!(bare.refresh.is_none() && bare.expires.is_none());
        assert!(matches!(answered(201, "{}"), Err(NoGrant::Failed(Failure::Unavailable(_)))));
    }

    #[test]
    fn a_code_that_is_refused_is_told_from_everything_else_in_every_shape() {
        for (status, body) in [
            (401, r#"{"detail":"Could not find grant for given code","context":{}}"#),
            (401, r#"{"error":"Grant has already expired"}"#),
            (401, r#"{"detail":"Given refresh token does not exist"}"#),
            (403, r#"{"detail":"Invalid grant_type"}"#),
            (403, r#"{"detail":"Manual token refresh is not enabled for this organization"}"#),
            (400, r#"{"code":["This field is required."]}"#),
        ] {
            assert!(matches!(answered(status, body), Err(NoGrant::Refused)), "{body}");
        }
        for body in [r#"{"detail":"Invalid Client ID / Secret pair"}"#, r#"{"detail":"Unauthorized"}"#] {
            assert!(matches!(answered(401, body), Err(NoGrant::Failed(Failure::Unauthorized))), "{body}");
        }
        let unknown = answered(404, r#"{"detail":"The requested resource does not exist"}"#);
        assert!(matches!(unknown, Err(NoGrant::Failed(Failure::NotFound))));
        for (status, body) in [(404, "<html>"), (403, "<html>"), (401, ""), (500, "{}"), (200, "<html>"), (408, "")] {
            assert!(matches!(answered(status, body), Err(NoGrant::Failed(Failure::Unavailable(_)))), "{status} {body}");
        }
        assert!(matches!(answered(429, "{}"), Err(NoGrant::Failed(Failure::Throttled(None)))));
    }

    #[test]
    fn a_signature_names_the_app_and_is_good_once_and_for_minutes() {
        let http = HttpClient::new(HttpConfig::new("test/1")).unwrap();
        let site = Site::new(&"https://sentry.io".parse().unwrap());
        let installations = Installations::new("the-client".into(), Vec::new().into(), site, http);
        let secret = Secret::new("the-secret");
        let token = installations.signature(&secret, NOW);
        let (signed, tag) = token.expose().rsplit_once('.').unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"the-secret");
        hmac::verify(&key, signed.as_bytes(), &BASE64URL_NOPAD.decode(tag.as_bytes()).unwrap()).unwrap();
        let claims = BASE64URL_NOPAD.decode(signed.split('.').nth(1).unwrap().as_bytes()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!((claims["iss"].as_str(), claims["sub"].as_str()), (Some("the-client"), Some("the-client")));
        let (from, until) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        assert!(from < NOW.0 / 1_000 && until - from < 600, "{claims}");
        assert_ne!(installations.signature(&secret, NOW).expose(), token.expose());
    }
}
