//! Grants of people: consent, the exchange of a code, and refresh tokens that rotate (Zoom, OAuth).

use std::collections::HashMap;

use serde_json::json;
use url::Url;

use super::{
    refusal::{Refusal, refuse_grant},
    state::State,
    world::Person,
};
use crate::{
    http::{Answer, Request, value_of},
    ids::Ids,
};

/// A code lives for five minutes.
const CODE_LIFE_MS: i64 = 300_000;
/// An access token lives for an hour.
const ACCESS_LIFE_MS: i64 = 3_600_000;
/// A refresh token lives for ninety days.
const REFRESH_LIFE_MS: i64 = 90 * 24 * 3_600_000;
/// What the app asks for, unless it is told otherwise.
const SCOPES: [&str; 5] = [
    "imchat:bot",
    "team_chat:read:list_user_channels:admin",
    "team_chat:read:channel:admin",
    "team_chat:read:list_members:admin",
    "user:read:user:admin",
];

/// What the authorization server remembers.
pub(super) struct Grants {
    /// What the app asks for.
    pub(super) scopes: Vec<String>,
    /// Who sits at the browser.
    pub(super) logged_in: Option<Person>,
    /// Addresses to which a browser may be sent back.
    pub(super) redirects: Vec<String>,
    codes: HashMap<String, Code>,
    pub(super) tokens: Vec<Grant>,
}

struct Code {
    person: Person,
    redirect_uri: String,
    scopes: Vec<String>,
    end_ms: i64,
}

/// One person's grant.
pub(super) struct Grant {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) person: Person,
    pub(super) scopes: Vec<String>,
    pub(super) access_end_ms: i64,
    refresh_end_ms: i64,
}

impl Default for Grants {
    fn default() -> Self {
        Self {
            scopes: SCOPES.map(str::to_owned).into(),
            logged_in: None,
            redirects: Vec::new(),
            codes: HashMap::new(),
            tokens: Vec::new(),
        }
    }
}

impl Grants {
    /// A code as the consent of `person` makes it.
    pub(super) fn new_code(&mut self, person: &Person, redirect_uri: &str, ids: &Ids, now_ms: i64) -> String {
        let code = ids.hex64();
        let made = Code {
            person: person.clone(),
            redirect_uri: redirect_uri.to_owned(),
            scopes: self.scopes.clone(),
            end_ms: now_ms + CODE_LIFE_MS,
        };
        self.codes.insert(code.clone(), made);
        code
    }

    /// The grant of a bearer token.
    pub(super) fn of_bearer(&self, request: &Request, now_ms: i64) -> Result<&Grant, Refusal> {
        let bearer = request.bearer().ok_or_else(Refusal::no_access_token)?;
        let grant = self.tokens.iter().find(|grant| grant.access == bearer);
        grant.filter(|grant| grant.access_end_ms > now_ms).ok_or_else(Refusal::expired_token)
    }
}

/// `GET /oauth/authorize`: whoever sits at the browser consents, if they administer their account. Whoever asks wrongly is
/// never sent back.
pub(super) fn authorize(state: &mut State, request: &Request, ids: &Ids, now_ms: i64) -> Answer {
    let page = |status, text: &str| Answer::html(status, format!("<!DOCTYPE html><p>{text}</p>")).because(text);
    let query = request.query_pairs();
    let parameter = |name: &str| value_of(&query, name);
    if request.method != http::Method::GET || parameter("response_type").as_deref() != Some("code") {
        return page(400, "Invalid request (4700)");
    }
    if parameter("client_id").as_ref() != Some(&state.world.app.client_id) {
        return page(400, "Invalid client id (4702)");
    }
    let Some(redirect_uri) = parameter("redirect_uri").filter(|uri| state.grants.redirects.contains(uri)) else {
        return page(400, "Invalid redirect (4709)");
    };
    let Some(person) = state.grants.logged_in.clone() else { return page(401, "Nobody is signed in.") };
    if !state.world.is_administrator(&person) {
        return page(403, "Only an administrator can add this app.");
    }
    state.world.set_installed(&person.account, true);
    let code = state.grants.new_code(&person, &redirect_uri, ids, now_ms);
    let Ok(mut back) = Url::parse(&redirect_uri) else { return page(400, "Invalid redirect (4709)") };
    back.query_pairs_mut().append_pair("code", &code).extend_pairs(parameter("state").map(|state| ("state", state)));
    Answer::redirect(back.as_str())
}

/// `grant_type=authorization_code`: a code is good once. A newer authorization ends the person's earlier grants.
pub(super) fn exchange(state: &mut State, form: &[(String, String)], base: &str, ids: &Ids, now_ms: i64) -> Answer {
    let by_code = state.manners.oauth_errors_by_code;
    let code = value_of(form, "code").and_then(|code| state.grants.codes.remove(&code));
    let code = match code {
        None => return refuse_grant(by_code, 4734, "the code is unknown or was used before"),
        Some(code) if code.end_ms <= now_ms => return refuse_grant(by_code, 4733, "the code has expired"),
        Some(code) => code,
    };
    if value_of(form, "redirect_uri").as_ref() != Some(&code.redirect_uri) {
        return refuse_grant(by_code, 4709, "redirect_uri is not the one that the person was asked with");
    }
    state.grants.tokens.retain(|grant| grant.person != code.person);
    let grant = Grant {
        access: format!("user-{}", ids.hex64()),
        refresh: format!("refresh-{}", ids.hex64()),
        person: code.person,
        scopes: code.scopes,
        access_end_ms: now_ms + ACCESS_LIFE_MS,
        refresh_end_ms: now_ms + REFRESH_LIFE_MS,
    };
    let answer = issued(&grant, base);
    state.grants.tokens.push(grant);
    answer
}

/// `grant_type=refresh_token`: both tokens change, and the refresh token before is dead.
pub(super) fn refresh(state: &mut State, form: &[(String, String)], base: &str, ids: &Ids, now_ms: i64) -> Answer {
    let by_code = state.manners.oauth_errors_by_code;
    let wanted = value_of(form, "refresh_token").unwrap_or_default();
    let is_good = |grant: &&mut Grant| grant.refresh == wanted && grant.refresh_end_ms > now_ms;
    let Some(grant) = state.grants.tokens.iter_mut().find(is_good) else {
        return refuse_grant(
            by_code,
            4741,
            "the refresh token is unknown, was used before, or a newer one replaced it",
        );
    };
    grant.access = format!("user-{}", ids.hex64());
    grant.refresh = format!("refresh-{}", ids.hex64());
    grant.access_end_ms = now_ms + ACCESS_LIFE_MS;
    grant.refresh_end_ms = now_ms + REFRESH_LIFE_MS;
    issued(grant, base)
}

fn issued(grant: &Grant, base: &str) -> Answer {
    let body = json!({
        "access_token": grant.access,
        "token_type": "bearer",
        "refresh_token": grant.refresh,
        "expires_in": ACCESS_LIFE_MS / 1000,
        "scope": grant.scopes.join(" "),
        "api_url": base,
    });
    Answer::json(200, &body)
}
