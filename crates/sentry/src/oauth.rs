//! The OAuth application: where people approve, and what their approval is exchanged for.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use form_urlencoded::Serializer;
use http::{HeaderValue, Method, header};
use ring::{digest, hmac};
use serde::Deserialize;
use zentry_domain::{Identity, Secret, Timestamp, text};
use zentry_http_client::{HttpClient, Request, Response, Urgency};

use crate::OauthApp;
use crate::address::Site;
use crate::answer::{Failure, accepted, json};
use crate::token::Grant;
use crate::wire::{Text, lenient};

const SCOPES: &str = "org:read project:read event:read event:write member:read team:read";
const HOOK_SCOPES: &str = "project:write project:admin";
/// In UTF-16 units: for names and addresses of people.
const NAME_MAX: usize = 120;

/// Speaks to the authorization server, which is the configured Sentry itself, never a region or another host that an
/// answer names.
#[derive(Debug)]
pub(crate) struct Oauth {
    app: OauthApp,
    site: Site,
    http: HttpClient,
}

/// Why no tokens came.
#[derive(Debug)]
pub(crate) enum NoGrant {
    /// The code or the refresh token is not accepted, for good.
    Refused,
    /// Something else; it may pass.
    Failed(Failure),
}

impl Oauth {
    pub(crate) fn new(app: OauthApp, site: Site, http: HttpClient) -> Self {
        Self { app, site, http }
    }

    /// Where a person logs in and approves. The prompt is forced: an approval of long ago would otherwise send whoever
    /// opens the address on without a question.
    pub(crate) fn authorize_url(&self, state: &Secret) -> String {
        let mut url = self.site.at(&["oauth", "authorize"]);
        let scope = if self.app.service_hooks { &format!("{SCOPES} {HOOK_SCOPES}") } else { SCOPES };
        url.query_pairs_mut()
            .append_pair("client_id", &self.app.client_id)
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", &self.app.redirect_uri)
            .append_pair("scope", scope)
            .append_pair("state", state.expose())
            .append_pair("code_challenge", &challenge(&self.verifier(state)))
            .append_pair("code_challenge_method", "S256")
            .append_pair("force_prompt", "1");
        url.into()
    }

    /// Exchanges a code; also says who approved, where Sentry says so here.
    pub(crate) async fn exchange(
        &self,
        code: &Secret,
        state: &Secret,
        now: Timestamp,
        deadline: Duration,
    ) -> Result<(Grant, Option<Identity>), NoGrant> {
        let verifier = self.verifier(state);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &self.app.redirect_uri),
            ("code_verifier", verifier.expose()),
        ];
        let tokens = self.tokens(&form, now, deadline).await?;
        let identity = tokens.user.as_ref().and_then(User::identity);
        Ok((tokens.grant(now)?, identity))
    }

    /// Exchanges a refresh token. The tokens before are dead as soon as Sentry has acted.
    pub(crate) async fn refresh(&self, refresh: &Secret, now: Timestamp) -> Result<Grant, NoGrant> {
        // Naming scopes here is an error (Sentry, OAuth refresh).
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose())];
        self.tokens(&form, now, Duration::from_secs(10)).await?.grant(now)
    }

    /// Ends a grant at Sentry. A server too old to know how answers [`Failure::NotFound`]; a grant that it does not know
    /// is ended already (Sentry, OAuth revoke).
    pub(crate) async fn revoke(&self, grant: &Grant, now: Timestamp, deadline: Duration) -> Result<(), Failure> {
        let form = [("token", grant.access.expose()), ("token_type_hint", "access_token")];
        accepted(self.post("revoke", &form, Urgency::Queued, deadline).await?, now).map(drop)
    }

    async fn tokens(&self, form: &[(&str, &str)], now: Timestamp, deadline: Duration) -> Result<Tokens, NoGrant> {
        let answer = self.post("token", form, Urgency::Awaited, deadline).await?;
        // Here 404 does not mean that what the actor asked for is not there, nor 403 that they may not see it.
        let is_verdict = (400..=499).contains(&answer.status) && !matches!(answer.status, 408 | 429);
        if is_verdict {
            return Err(refusal(&answer));
        }
        Ok(json(&accepted(answer, now)?)?)
    }

    pub(crate) async fn post(
        &self,
        endpoint: &str,
        form: &[(&str, &str)],
        urgency: Urgency,
        deadline: Duration,
    ) -> Result<Response, Failure> {
        // The client goes into the form. Into the header as well would be an error (Sentry, OAuth token).
        let body = Serializer::new(String::new())
            .extend_pairs(form)
            .append_pair("client_id", &self.app.client_id)
            .append_pair("client_secret", self.app.client_secret.get().expose())
            .finish();
        let request = Request::new("sentry", Method::POST, self.site.at(&["oauth", endpoint]))
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .header(header::ACCEPT, HeaderValue::from_static("application/json"))
            .body(body)
            .urgency(urgency)
            .deadline(deadline);
        Ok(self.http.send(request).await?)
    }

    // The verifier is derived, not stored. So there is nothing to keep between the two requests of one browser and
    // nothing to share between replicas, it is as fresh as the state it hangs on, and whoever sees the state in a
    // browser's history still cannot make it without the client secret.
    fn verifier(&self, state: &Secret) -> Secret {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.app.client_secret.get().expose().as_bytes());
        let mut context = hmac::Context::with_key(&key);
        context.update(b"pkce\0");
        context.update(state.expose().as_bytes());
        Secret::new(BASE64URL_NOPAD.encode(context.sign().as_ref()))
    }
}

/// The challenge of a verifier: S256 (RFC 7636).
fn challenge(verifier: &Secret) -> String {
    let digest = digest::digest(&digest::SHA256, verifier.expose().as_bytes());
    BASE64URL_NOPAD.encode(digest.as_ref())
}

/// Tells a refused code or token from a refused application, which only the operator can put right.
fn refusal(answer: &Response) -> NoGrant {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        error: Text,
    }
    let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
    match refusal.error.get() {
        Some("invalid_grant") => NoGrant::Refused,
        Some("invalid_client" | "unauthorized_client" | "invalid_credentials") => {
            let why = "Sentry does not accept the OAuth application: check ZENTRY_SENTRY_OAUTH_CLIENT_ID and \
                       ZENTRY_SENTRY_OAUTH_CLIENT_SECRET";
            tracing::error!("{why}");
            NoGrant::Failed(Failure::unavailable(why))
        }
        other => {
            let error = text::line(other.unwrap_or("no reason"), 60);
            NoGrant::Failed(Failure::unavailable(format!(
                "Sentry's token endpoint answered {} ({error})",
                answer.status
            )))
        }
    }
}

impl From<Failure> for NoGrant {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

// === the wire ===

/// The answer of the token endpoint.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    access_token: Text,
    refresh_token: Text,
    token_type: Text,
    expires_in: Text,
    expires_at: Text,
    #[serde(deserialize_with = "lenient")]
    user: Option<User>,
}

impl Tokens {
    fn grant(self, now: Timestamp) -> Result<Grant, NoGrant> {
        // `bearer` on older servers.
        let is_bearer = self.token_type.get().is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        let access = self.access_token.get().filter(|_| is_bearer);
        let access = access.ok_or_else(|| Failure::unavailable("Sentry's token endpoint gave no bearer token"))?;
        let lasts = self.expires_in.number().map(|seconds| now + Duration::from_secs(seconds));
        Ok(Grant {
            access: Secret::new(access),
            refresh: self.refresh_token.get().map(Secret::new),
            expires: lasts.or_else(|| self.expires_at.time()),
        })
    }
}

/// A person, in the answer of the token endpoint or from the API.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    id: Text,
    name: Text,
    email: Text,
    username: Text,
}

impl User {
    /// Who it is, if there is anything by which the person could recognise the account.
    pub(crate) fn identity(&self) -> Option<Identity> {
        let clean = |text: &Text| text.get().map(|raw| text::line(raw, NAME_MAX)).filter(|clean| !clean.is_empty());
        let email = clean(&self.email).unwrap_or_default();
        let name = clean(&self.name).or_else(|| clean(&self.username)).unwrap_or_else(|| email.clone());
        let id = clean(&self.id)?;
        (!name.is_empty()).then_some(Identity { id, name, email })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use url::Url;
    use zentry_http_client::HttpConfig;

    use super::*;

    const NOW: Timestamp = Timestamp(1_767_323_045_000);

    fn oauth(service_hooks: bool) -> Oauth {
        let app = OauthApp {
            client_id: "the-client".into(),
            client_secret: Secret::new("the-secret").into(),
            redirect_uri: "https://bot.example.com/sentry/callback".into(),
            service_hooks,
        };
        let site = Site::new(&"https://sentry.example.com/tools/".parse().unwrap());
        Oauth::new(app, site, HttpClient::new(HttpConfig::new("test/1")).unwrap())
    }

    fn query(address: &str) -> HashMap<String, String> {
        Url::parse(address).unwrap().query_pairs().into_owned().collect()
    }

    fn tokens(json: &str) -> Result<Grant, NoGrant> {
        serde_json::from_str::<Tokens>(json).unwrap().grant(NOW)
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn the_address_asks_for_what_is_needed_and_no_more() {
        let address = oauth(false).authorize_url(&Secret::new("a state"));
        assert!(address.starts_with("https://sentry.example.com/tools/oauth/authorize/?"), "{address}");
        let asked = query(&address);
        assert_eq!(asked["client_id"], "the-client");
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["redirect_uri"], "https://bot.example.com/sentry/callback");
        assert_eq!(asked["scope"], "org:read project:read event:read event:write member:read team:read");
        assert_eq!(asked["state"], "a state");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked["force_prompt"], "1");
        assert!(!address.contains("the-secret"));
    }

    #[test]
    fn hooks_need_more_rights() {
        let asked = query(&oauth(true).authorize_url(&Secret::new("s")));
        assert!(asked["scope"].ends_with(" project:write project:admin"));
    }

    #[test]
    fn the_verifier_hangs_on_the_state_and_on_the_client_secret() {
        let verifier = |state| oauth(false).verifier(&Secret::new(state)).expose().to_owned();
        assert_eq!(verifier("one"), verifier("one"));
        assert_ne!(verifier("one"), verifier("two"));
        assert_eq!(verifier("one").len(), 43);
        let mut other = oauth(false);
        other.app.client_secret = Secret::new("another").into();
        assert_ne!(other.verifier(&Secret::new("one")).expose(), verifier("one"));
    }

    #[test]
    fn the_life_of_a_grant_is_kept_as_a_moment() {
        let life = |json| tokens(json).unwrap().expires;
        assert_eq!(life(r#"{"access_token":"t","expires_in":3600}"#), Some(Timestamp(NOW.0 + 3_600_000)));
        assert_eq!(life(r#"{"access_token":"t","expires_in":"3600"}"#), Some(Timestamp(NOW.0 + 3_600_000)));
        let at = r#"{"access_token":"t","expires_in":null,"expires_at":"2026-01-02T03:04:05.678901Z"}"#;
        assert_eq!(life(at), Some(Timestamp(NOW.0 + 678)));
        assert_eq!(life(r#"{"access_token":"t","refresh_token":null,"expires_in":null,"expires_at":null}"#), None);
    }

    #[test]
    fn the_type_of_a_token_is_compared_in_any_case() {
        for kind in [r#","token_type":"Bearer""#, r#","token_type":"bearer""#, r#","token_type":null"#, ""] {
            assert!(tokens(&format!(r#"{{"access_token":"t"{kind}}}"#)).is_ok(), "{kind}");
        }
        assert!(tokens(r#"{"access_token":"t","token_type":"mac"}"#).is_err());
        assert!(tokens(r#"{"access_token":""}"#).is_err());
    }

    #[test]
    fn a_person_is_known_by_a_number_and_a_name() {
        let identity = |json| serde_json::from_str::<User>(json).unwrap().identity();
        let ana = Identity { id: "7".into(), name: "Ana".into(), email: "ana@example.com".into() };
        assert_eq!(identity(r#"{"id":7,"name":"Ana","email":"ana@example.com"}"#), Some(ana));
        assert_eq!(identity(r#"{"id":"7","name":"","username":"ana"}"#).unwrap().name, "ana");
        assert_eq!(identity(r#"{"id":"7","name":null,"email":"a@example.com"}"#).unwrap().name, "a@example.com");
        assert_eq!(identity(r#"{"id":"7","name":"\u202e"}"#), None);
        assert_eq!(identity("{}"), None);
    }

    #[test]
    fn a_refused_code_is_told_from_a_refused_application() {
        let refusal = |body: &str| {
            let answer = Response { status: 400, headers: http::HeaderMap::new(), body: body.into() };
            refusal(&answer)
        };
        assert!(matches!(refusal(r#"{"error":"invalid_grant"}"#), NoGrant::Refused));
        for body in [r#"{"error":"invalid_client"}"#, r#"{"error":["x"]}"#, "<html>", ""] {
            assert!(matches!(refusal(body), NoGrant::Failed(Failure::Unavailable(_))), "{body}");
        }
    }
}
