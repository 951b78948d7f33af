//! `POST /oauth/token`: the bot's own token (Zoom, chatbot authorization), and people's grants.

use serde_json::json;

use super::{grant, state::State};
use crate::{
    http::{Answer, Request, value_of},
    ids::Ids,
};

/// A token lives for 3600 s.
const LIFE_MS: i64 = 3_600_000;

pub(super) fn token(state: &mut State, request: &Request, base: &str, ids: &Ids, now_ms: i64) -> Answer {
    if request.method != http::Method::POST {
        return Answer::empty(405).because("only POST");
    }
    let app = &state.world.app;
    let known = request.basic().is_some_and(|(id, secret)| id == app.client_id && secret == app.client_secret);
    if !known {
        return refuse(401, "invalid_client", "Invalid client_id or client_secret");
    }
    // The documentation shows the grant type both in a form and in the query.
    let form = request.form();
    match value_of(&form, "grant_type").or_else(|| request.query_value("grant_type")).as_deref() {
        Some("client_credentials") => {}
        Some("authorization_code") => return grant::exchange(state, &form, base, ids, now_ms),
        Some("refresh_token") => return grant::refresh(state, &form, base, ids, now_ms),
        Some(_) => return refuse(400, "unsupported_grant_type", "unsupported grant type"),
        None => return refuse(400, "invalid_request", "The grant_type is missing"),
    }
    let token = format!("zoom-{}", ids.hex64());
    state.tokens.insert(token.clone(), now_ms + LIFE_MS);
    let body = json!({
        "access_token": token,
        "token_type": "bearer",
        "expires_in": LIFE_MS / 1000,
        "scope": "imchat:bot",
        "api_url": base,
    });
    Answer::json(200, &body)
}

fn refuse(status: u16, error: &str, reason: &str) -> Answer {
    Answer::json(status, &json!({ "reason": reason, "error": error })).because(reason)
}
