mod apps;
mod linking;
mod rest;
mod webhooks;

use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::{
    Cast, Fault, Sandbox, Signing,
    ids::{hmac_hex, pkce_challenge},
    testing::{Bot, SOON, Seen, call, stage},
};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A caller of the REST API with one token.
struct Client {
    base: String,
    bearer: String,
}

impl Client {
    fn new(sandbox: &Sandbox, token: &str) -> Self {
        Self { base: format!("{}/api/0", sandbox.sentry.base()), bearer: format!("Bearer {token}") }
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        call(method, &format!("{}{path}", self.base), &[JSON, ("authorization", &self.bearer)], &body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &Value::Null).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, &body).await
    }
}

/// Acme's internal integration.
fn integration(sandbox: &Sandbox, cast: &Cast) -> Client {
    Client::new(sandbox, &cast.integration.token)
}

async fn raised(sandbox: &Sandbox, cast: &Cast) -> (u64, String) {
    let raised = sandbox.sentry.raise(&cast.checkout, NewIssue::error("TypeError: café is undefined")).await;
    assert_eq!(raised.delivery.status, Some(200));
    (raised.issue, format!("/organizations/acme/issues/{}/", raised.issue))
}

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const SCOPES: &str = "org:read project:read event:read event:write member:read team:read";

/// The address that a person is sent to, with these parameters changed.
fn authorize(sandbox: &Sandbox, bot: &Bot, cast: &Cast, changed: &[(&str, &str)]) -> String {
    let redirect_uri = format!("{}/sentry/callback", bot.base);
    let challenge = pkce_challenge(VERIFIER);
    let usual = [
        ("client_id", cast.oauth_app.client_id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", &redirect_uri),
        ("scope", SCOPES),
        ("state", "s1"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).extend_pairs(changed).finish();
    format!("{}/oauth/authorize/?{query}", sandbox.sentry.base())
}

/// What the bot's callback gets in the end.
fn outcome(url: &Url, name: &str) -> Option<String> {
    assert_eq!(url.path(), "/sentry/callback", "{url}");
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

async fn code(sandbox: &Sandbox, bot: &Bot, cast: &Cast) -> String {
    sandbox.sentry.log_in(&cast.ana);
    let page = sandbox.browser.open(&authorize(sandbox, bot, cast, &[("force_prompt", "1")])).await.unwrap();
    let back = sandbox.browser.press(&page, "Approve").await.unwrap();
    outcome(&back.url, "code").unwrap()
}

async fn token_call(sandbox: &Sandbox, path: &str, form: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    call(Method::POST, &format!("{}{path}", sandbox.sentry.base()), &headers, &body).await
}

async fn exchange(sandbox: &Sandbox, bot: &Bot, cast: &Cast, code: &str, changed: &[(&str, &str)]) -> Answer {
    let redirect_uri = format!("{}/sentry/callback", bot.base);
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", VERIFIER),
        ("client_id", &cast.oauth_app.client_id),
        ("client_secret", &cast.oauth_app.client_secret),
    ];
    let kept = usual.iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    let form: Vec<_> = kept.chain(changed).copied().collect();
    token_call(sandbox, "/oauth/token/", &form).await
}

async fn linked(sandbox: &Sandbox, bot: &Bot, cast: &Cast) -> Value {
    let code = code(sandbox, bot, cast).await;
    let answer = exchange(sandbox, bot, cast, &code, &[]).await;
    assert_eq!(answer.status, 200);
    answer.value()
}

async fn refresh(sandbox: &Sandbox, cast: &Cast, token: &Value) -> Answer {
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.as_str().unwrap()),
        ("client_id", &cast.oauth_app.client_id),
        ("client_secret", &cast.oauth_app.client_secret),
    ];
    token_call(sandbox, "/oauth/token/", &form).await
}

fn as_person(sandbox: &Sandbox, token: &Value) -> Client {
    Client::new(sandbox, token["access_token"].as_str().unwrap())
}
