//! `/oauth/token/` and `/oauth/revoke/` (Sentry, OAuth application).

use http::Method;
use serde_json::{Value, json};

use super::{
    oauth::Code,
    refusal::no_page,
    state::{Caller, State, Token},
};
use crate::{
    clock::rfc3339,
    http::{Answer, Request, value_of},
    ids::{Ids, pkce_challenge},
};

/// A token lives for 30 days.
const LIFE_MS: i64 = 30 * 24 * 3_600_000;

type Form = [(String, String)];

pub(super) fn token(state: &mut State, request: &Request, ids: &Ids, now_ms: i64) -> Answer {
    if request.method != Method::POST {
        return no_page("only POST");
    }
    let form = request.form();
    let client_id = match client(state, request, &form) {
        Ok(client_id) => client_id,
        Err(answer) => return answer,
    };
    match value_of(&form, "grant_type").as_deref() {
        Some("authorization_code") => exchange(state, &form, &client_id, ids, now_ms),
        Some("refresh_token") => refresh(state, &form, &client_id, ids, now_ms),
        _ => error(400, "unsupported_grant_type", "the grant type is missing or unknown"),
    }
}

/// Answers 200 whether or not there was such a token.
pub(super) fn revoke(state: &mut State, request: &Request) -> Answer {
    if request.method != Method::POST {
        return no_page("only POST");
    }
    let form = request.form();
    let describe = |status, error: &str| {
        Answer::json(status, &json!({ "error": error, "error_description": "The request was refused." }))
    };
    let (Some(token), Some(client_id), Some(secret)) =
        (value_of(&form, "token"), value_of(&form, "client_id"), value_of(&form, "client_secret"))
    else {
        return describe(400, "invalid_request").because("token, client_id and client_secret are needed");
    };
    if !is_client(state, &client_id, &secret) {
        return describe(401, "invalid_credentials").because("unknown client");
    }
    let named = |found: &Token| found.access == token || found.refresh.as_deref() == Some(&token);
    state.tokens.retain(|found| found.client_id != client_id || !named(found));
    Answer::empty(200)
}

/// The client, by form or by header, never both.
fn client(state: &State, request: &Request, form: &Form) -> Result<String, Answer> {
    let in_form = value_of(form, "client_id").map(|id| (id, value_of(form, "client_secret").unwrap_or_default()));
    let (id, secret) = match (in_form, request.basic()) {
        (Some(_), Some(_)) => return Err(error(400, "invalid_request", "the client is named twice")),
        (Some(client), None) | (None, Some(client)) => client,
        (None, None) => {
            let why = format!("no client in a body of type {:?}", request.media_type());
            return Err(invalid_client(&why));
        }
    };
    if is_client(state, &id, &secret) { Ok(id) } else { Err(invalid_client("unknown client")) }
}

fn is_client(state: &State, id: &str, secret: &str) -> bool {
    state.world.oauth_apps.iter().any(|app| app.client_id == id && app.client_secret == secret)
}

fn exchange(state: &mut State, form: &Form, client_id: &str, ids: &Ids, now_ms: i64) -> Answer {
    let Some(code) = value_of(form, "code") else {
        return error(400, "invalid_request", "the code is missing");
    };
    let code = state.oauth.redeem(&code).ok_or("the code is unknown or was used before");
    let wish = match code.and_then(|code| check(code, form, client_id, now_ms)) {
        Ok(code) => code.wish,
        Err(why) => return error(400, "invalid_grant", why),
    };
    let token = Token {
        access: ids.hex64(),
        refresh: Some(ids.hex64()),
        caller: Caller::User(wish.user),
        client_id: client_id.to_owned(),
        scopes: wish.scopes,
        expires_ms: now_ms + LIFE_MS,
    };
    let answer = issued(state, &token, now_ms);
    state.tokens.push(token);
    answer
}

fn check(code: Code, form: &Form, client_id: &str, now_ms: i64) -> Result<Code, &'static str> {
    if code.wish.client_id != client_id {
        return Err("the code was issued to another client");
    }
    if code.expires_ms <= now_ms {
        return Err("the code has expired");
    }
    if value_of(form, "redirect_uri").is_none_or(|uri| uri != code.wish.redirect_uri) {
        return Err("redirect_uri is not the one that the person was asked with");
    }
    let verifier = value_of(form, "code_verifier");
    match &code.wish.challenge {
        Some(challenge) if verifier.is_none_or(|verifier| pkce_challenge(&verifier) != *challenge) => {
            Err("the code verifier does not fit the challenge")
        }
        _ => Ok(code),
    }
}

/// Both tokens change, and the old ones are dead at once. Works after the access token has expired.
fn refresh(state: &mut State, form: &Form, client_id: &str, ids: &Ids, now_ms: i64) -> Answer {
    if value_of(form, "scope").is_some() {
        return error(400, "invalid_request", "a refresh names no scope");
    }
    let Some(wanted) = value_of(form, "refresh_token") else {
        return error(400, "invalid_request", "the refresh token is missing");
    };
    let of_client = |token: &&mut Token| token.client_id == client_id && token.refresh.as_deref() == Some(&wanted);
    let Some(token) = state.tokens.iter_mut().find(of_client) else {
        return error(400, "invalid_grant", "the refresh token is unknown or was used before");
    };
    token.access = ids.hex64();
    token.refresh = Some(ids.hex64());
    token.expires_ms = now_ms + LIFE_MS;
    let access = token.access.clone();
    state.token(&access).map_or_else(|| Answer::empty(500), |token| issued(state, token, now_ms))
}

fn issued(state: &State, token: &Token, now_ms: i64) -> Answer {
    let user = match token.caller {
        Caller::User(id) => state.world.user_by_id(id),
        _ => None,
    };
    let user = user.map(|user| json!({ "id": user.id.to_string(), "name": user.name, "email": user.email }));
    let body = json!({
        "access_token": token.access,
        "refresh_token": token.refresh,
        "expires_in": (token.expires_ms - now_ms) / 1000 - 1,
        "expires_at": rfc3339(token.expires_ms),
        "token_type": "Bearer",
        "scope": token.scopes.join(" "),
        "user": user.unwrap_or(Value::Null),
    });
    Answer::json(200, &body).with("cache-control", "no-store").with("pragma", "no-cache")
}

fn invalid_client(why: &str) -> Answer {
    error(401, "invalid_client", why).with("www-authenticate", "Basic realm=\"oauth\"")
}

fn error(status: u16, name: &str, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": name })).with("cache-control", "no-store").because(why)
}
