//! `/oauth/authorize/`: a person signs in, consents or not, and goes back with a code (Sentry, OAuth application).

use std::collections::HashMap;

use http::Method;
use url::Url;

use super::{
    page,
    state::State,
    world::{OAuthApp, SCOPES, User},
};
use crate::{
    http::{Answer, Request, value_of},
    ids::Ids,
};

/// A code lives for ten minutes.
const CODE_LIFE_MS: i64 = 600_000;
const SESSION: &str = "sentrysid";

/// What the authorization server remembers between requests.
#[derive(Default)]
pub(super) struct Memory {
    /// Who is signed in in a browser that has no session of its own.
    pub(super) logged_in: Option<u64>,
    sessions: HashMap<String, u64>,
    consents: HashMap<String, Wish>,
    codes: HashMap<String, Code>,
    /// Person, application and the scopes that were approved.
    pub(super) approvals: Vec<(u64, String, Vec<String>)>,
}

/// What an application asked for, and of whom.
#[derive(Clone)]
pub(super) struct Wish {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) scopes: Vec<String>,
    pub(super) challenge: Option<String>,
    pub(super) user: u64,
    state: Option<String>,
}

pub(super) struct Code {
    pub(super) wish: Wish,
    pub(super) expires_ms: i64,
}

impl Memory {
    /// A code, which is good once.
    pub(super) fn redeem(&mut self, code: &str) -> Option<Code> {
        self.codes.remove(code)
    }
}

pub(super) fn authorize(state: &mut State, request: &Request, ids: &Ids, now_ms: i64) -> Answer {
    match request.method {
        Method::GET => ask(state, request, ids, now_ms),
        Method::POST => decide(state, request, ids, now_ms),
        _ => Answer::empty(405),
    }
}

/// `GET` shows who may sign in, `POST` signs in.
pub(super) fn login(state: &mut State, request: &Request, ids: &Ids) -> Answer {
    if request.method == Method::GET {
        return page::login(&state.world.users, &request.query_value("next").unwrap_or_default());
    }
    let form = request.form();
    let user =
        value_of(&form, "user").and_then(|id| id.parse().ok()).filter(|id| state.world.user_by_id(*id).is_some());
    let next = value_of(&form, "next").filter(|next| next.starts_with('/') && !next.starts_with("//"));
    let (Some(user), Some(next)) = (user, next) else { return page::error(400, "Nobody to sign in.") };
    let session = ids.hex32();
    state.oauth.sessions.insert(session.clone(), user);
    Answer::redirect(&next).with("set-cookie", format!("{SESSION}={session}; Path=/; HttpOnly; SameSite=Lax"))
}

fn ask(state: &mut State, request: &Request, ids: &Ids, now_ms: i64) -> Answer {
    let query = request.query_pairs();
    let (app, redirect_uri) = match client(&state.world.oauth_apps, &query) {
        Ok((app, uri)) => (app.clone(), uri),
        Err(why) => return page::error(400, why),
    };
    let back = |error| back(&redirect_uri, &[("error", error)], value_of(&query, "state").as_deref());
    let scopes = match scopes(&query) {
        Ok(scopes) => scopes,
        Err(unknown) => return back("invalid_scope").because(format!("unknown scope {unknown}")),
    };
    let challenge = match challenge(&query) {
        Ok(challenge) => challenge,
        Err(why) => return back("invalid_request").because(why),
    };
    let again: String =
        form_urlencoded::byte_serialize(format!("{}?{}", request.path, request.query).as_bytes()).collect();
    let Some(user) = signed_in(state, request) else {
        return Answer::redirect(&format!("/auth/login/?next={again}")).because("nobody is signed in");
    };
    let wish = Wish {
        client_id: app.client_id.clone(),
        redirect_uri,
        scopes,
        challenge,
        user: user.id,
        state: value_of(&query, "state"),
    };
    let forced = value_of(&query, "force_prompt").is_some_and(|value| !value.is_empty());
    if !forced && is_approved(state, &wish) {
        return grant(state, wish, ids, now_ms).because("approved before");
    }
    let consent = ids.hex32();
    let page = page::consent(&app.name, &user.email, &wish.scopes, &consent, &again);
    state.oauth.consents.insert(consent, wish);
    page
}

fn decide(state: &mut State, request: &Request, ids: &Ids, now_ms: i64) -> Answer {
    let form = request.form();
    let wish = value_of(&form, "csrfmiddlewaretoken").and_then(|consent| state.oauth.consents.remove(&consent));
    let asked = signed_in(state, request).map(|user| user.id);
    let Some(wish) = wish.filter(|wish| asked == Some(wish.user)) else {
        return page::error(400, "This request was not made on the page that asks for it.");
    };
    match value_of(&form, "op").as_deref() {
        Some("approve") => {
            state.oauth.approvals.push((wish.user, wish.client_id.clone(), wish.scopes.clone()));
            grant(state, wish, ids, now_ms)
        }
        _ => back(&wish.redirect_uri, &[("error", "access_denied")], wish.state.as_deref()),
    }
}

fn grant(state: &mut State, wish: Wish, ids: &Ids, now_ms: i64) -> Answer {
    let code = ids.hex64();
    let answer = back(&wish.redirect_uri, &[("code", &code)], wish.state.as_deref());
    state.oauth.codes.insert(code, Code { wish, expires_ms: now_ms + CODE_LIFE_MS });
    answer
}

/// The application and where the person goes back to; whoever asks wrongly here is never redirected.
fn client<'w>(apps: &'w [OAuthApp], query: &[(String, String)]) -> Result<(&'w OAuthApp, String), &'static str> {
    let client_id = value_of(query, "client_id").unwrap_or_default();
    let app = apps.iter().find(|app| app.client_id == client_id).ok_or("Missing or invalid client_id parameter.")?;
    let redirect_uri = match (value_of(query, "redirect_uri"), &app.redirect_uris[..]) {
        (Some(uri), registered) if registered.iter().any(|known| is_same_address(known, &uri)) => uri,
        (None, [only]) => only.clone(),
        _ => return Err("Missing or invalid redirect_uri parameter."),
    };
    match value_of(query, "response_type").as_deref() {
        Some("code") => Ok((app, redirect_uri)),
        _ => Err("Missing or invalid response_type parameter."),
    }
}

/// Whole addresses are compared; a registered loopback address without port stands for every port.
fn is_same_address(registered: &str, uri: &str) -> bool {
    let any_port = || {
        let (registered, mut uri) = (Url::parse(registered).ok()?, Url::parse(uri).ok()?);
        let loopback =
            registered.scheme() == "http" && matches!(registered.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        uri.set_port(None).ok()?;
        Some(loopback && registered.port().is_none() && registered == uri)
    };
    registered == uri || any_port().unwrap_or(false)
}

fn scopes(query: &[(String, String)]) -> Result<Vec<String>, String> {
    let mut scopes: Vec<_> =
        value_of(query, "scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if let Some(unknown) = scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
        return Err(unknown.clone());
    }
    scopes.sort();
    scopes.dedup();
    Ok(scopes)
}

/// PKCE is optional, S256 only, 43 to 128 characters.
fn challenge(query: &[(String, String)]) -> Result<Option<String>, &'static str> {
    let Some(challenge) = value_of(query, "code_challenge") else { return Ok(None) };
    if value_of(query, "code_challenge_method").as_deref() != Some("S256") {
        return Err("the code challenge's method is not S256");
    }
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if (43..=128).contains(&challenge.len()) && challenge.bytes().all(known) {
        Ok(Some(challenge))
    } else {
        Err("the code challenge is malformed")
    }
}

fn is_approved(state: &State, wish: &Wish) -> bool {
    let approved: Vec<_> = state
        .oauth
        .approvals
        .iter()
        .filter(|(user, client, _)| *user == wish.user && *client == wish.client_id)
        .collect();
    let covered = |scope: &String| approved.iter().any(|(_, _, scopes)| scopes.contains(scope));
    !approved.is_empty() && wish.scopes.iter().all(covered)
}

/// Who sits at the browser: by its session, else whoever is signed in everywhere.
fn signed_in(state: &State, request: &Request) -> Option<User> {
    let cookies = request.header("cookie").unwrap_or_default().split("; ");
    let session = cookies.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == SESSION);
    let own = session.and_then(|(_, session)| state.oauth.sessions.get(session)).copied();
    state.world.user_by_id(own.or(state.oauth.logged_in)?).cloned()
}

fn back(redirect_uri: &str, outcome: &[(&str, &str)], state: Option<&str>) -> Answer {
    let Ok(mut url) = Url::parse(redirect_uri) else {
        return page::error(400, "Missing or invalid redirect_uri parameter.");
    };
    url.query_pairs_mut().extend_pairs(outcome).extend_pairs(state.map(|state| ("state", state)));
    Answer::redirect(url.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_whole_but_for_a_loopback_port() {
        assert!(is_same_address("https://bot.example.com/sentry/callback", "https://bot.example.com/sentry/callback"));
        assert!(!is_same_address("https://bot.example.com/", "https://bot.example.com/sentry/callback"));
        assert!(is_same_address("http://127.0.0.1/sentry/callback", "http://127.0.0.1:8480/sentry/callback"));
        assert!(!is_same_address("http://127.0.0.1/sentry/callback", "http://127.0.0.1:8480/other"));
        assert!(!is_same_address("https://bot.example.com/", "https://bot.example.com:8443/"));
    }
}
