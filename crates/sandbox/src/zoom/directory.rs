//! `/v2/users` and `/v2/chat`: who and what there is in an account, told to whoever holds a person's grant (Zoom, reading
//! users and channels).

use http::Method;
use serde_json::{Value, json};

use super::{
    grant::Grant,
    refusal::Refusal,
    state::State,
    world::{Account, Channel, Person},
};
use crate::{
    http::{Answer, Request, value_of},
    ids::Ids,
};

/// A token of a further page lives for fifteen minutes.
const PAGE_LIFE_MS: i64 = 900_000;
/// The account of whoever is a guest everywhere.
const ELSEWHERE: &str = "acc-Elsewhere";

/// Answers one call.
pub(super) fn call(state: &mut State, request: &Request, ids: &Ids, now_ms: i64) -> Answer {
    let segments = request.segments();
    let segments: Vec<_> = segments.iter().map(String::as_str).collect();
    let done = match (&request.method, &segments[..]) {
        (&Method::GET, ["v2", "users", id]) => user(state, request, id, now_ms),
        (&Method::GET, ["v2", "chat", "users", "me", "channels"]) => channels(state, request, now_ms),
        (&Method::GET, ["v2", "chat", "channels", id]) => channel(state, request, id, now_ms),
        (&Method::GET, ["v2", "chat", "channels", id, "members"]) => members(state, request, id, now_ms),
        _ => Err(Refusal::unknown_path(&request.path)),
    };
    done.unwrap_or_else(Answer::from).with("x-zm-trackingid", format!("v=2.0;clid=us02;rid=WEB_{}", ids.hex32()))
}

/// Who asks, if their grant holds the scope and their account the app.
fn caller(state: &mut State, request: &Request, scope: &str, now_ms: i64) -> Result<Person, Refusal> {
    // The bot's own token is none of a person: it holds nothing but `imchat:bot`.
    if state.authorize(request, now_ms).is_ok() {
        return Err(Refusal::missing_scope(scope));
    }
    let Grant { person, scopes, .. } = state.grants.of_bearer(request, now_ms)?;
    let is_held = scopes.iter().any(|held| held.trim_end_matches(":admin") == scope);
    let person = person.clone();
    if !is_held {
        return Err(Refusal::missing_scope(scope));
    }
    if state.world.account(&person.account).is_none_or(|account| !account.installed) {
        return Err(Refusal::expired_token());
    }
    state.count_call(&person.account, now_ms)?;
    Ok(person)
}

fn account<'s>(state: &'s State, caller: &Person) -> Result<&'s Account, Refusal> {
    state.world.account(&caller.account).ok_or_else(Refusal::expired_token)
}

fn user(state: &mut State, request: &Request, id: &str, now_ms: i64) -> Result<Answer, Refusal> {
    let caller = caller(state, request, "user:read:user", now_ms)?;
    let wanted = if id == "me" { &caller.user_id } else { id };
    let account = account(state, &caller)?;
    let is_guest = account.guests.contains(wanted);
    let person = account.person_by_id(wanted).filter(|_| !is_guest || state.manners.guests_have_records);
    let person = person.ok_or_else(|| Refusal::no_such_user(wanted))?;
    let mut record = json!({
        "id": person.user_id,
        "jid": person.jid(),
        "account_id": if is_guest { ELSEWHERE } else { &person.account },
        "display_name": person.name,
        "email": format!("{}@example.com", person.user_id.to_lowercase()),
        "type": 2,
    });
    let is_administrator = account.administrators.contains(wanted);
    let (role, role_id) = if is_administrator { ("Admin", "1") } else { ("Member", "2") };
    if !state.manners.users_without_role {
        record["role_name"] = json!(role);
        record["role_id"] = json!(role_id);
    }
    Ok(Answer::json(200, &record))
}

fn channels(state: &mut State, request: &Request, now_ms: i64) -> Result<Answer, Refusal> {
    let caller = caller(state, request, "team_chat:read:list_user_channels", now_ms)?;
    let page = Page::asked(request, now_ms)?;
    let account = account(state, &caller)?;
    let is_member = |channel: &&Channel| account.members(channel).contains(&caller.user_id);
    let theirs: Vec<_> = account.channels().iter().filter(is_member).map(described).collect();
    Ok(page.of("channels", theirs, now_ms))
}

fn channel(state: &mut State, request: &Request, id: &str, now_ms: i64) -> Result<Answer, Refusal> {
    let caller = caller(state, request, "team_chat:read:channel", now_ms)?;
    let account = account(state, &caller)?;
    Ok(Answer::json(200, &described(existing(account, id)?)))
}

/// Whoever is no user of the account is listed without an id.
fn members(state: &mut State, request: &Request, id: &str, now_ms: i64) -> Result<Answer, Refusal> {
    let caller = caller(state, request, "team_chat:read:list_members", now_ms)?;
    let page = Page::asked(request, now_ms)?;
    let account = account(state, &caller)?;
    let members = account.members(existing(account, id)?).into_iter().map(|user_id| {
        let is_guest = account.guests.contains(&user_id);
        json!({
            "id": if is_guest { "" } else { &user_id },
            "member_id": format!("m-{user_id}"),
            "name": account.person_by_id(&user_id).map_or("", |person| &person.name),
            "role": "member",
            "is_external": is_guest,
        })
    });
    Ok(page.of("members", members.collect(), now_ms))
}

fn existing<'a>(account: &'a Account, id: &str) -> Result<&'a Channel, Refusal> {
    account.channels().iter().find(|channel| channel.id == id).ok_or_else(|| Refusal::no_such_channel(id))
}

fn described(channel: &Channel) -> Value {
    json!({
        "id": channel.id,
        "jid": channel.jid(),
        "name": channel.name,
        "type": 3,
        "channel_settings": { "posting_permissions": 1 },
    })
}

/// Which part of a list is asked for.
struct Page {
    size: usize,
    from: usize,
}

impl Page {
    fn asked(request: &Request, now_ms: i64) -> Result<Self, Refusal> {
        let query = request.query_pairs();
        let known = ["page_size", "next_page_token"];
        if let Some((name, _)) = query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(Refusal::invalid(format!("there is no query parameter {name}")));
        }
        let size = match value_of(&query, "page_size").map(|size| size.parse()) {
            None => 10,
            Some(Ok(size @ 1..=1_000)) => size,
            Some(_) => return Err(Refusal::invalid("page_size is 1 to 1000")),
        };
        let from = match value_of(&query, "next_page_token").filter(|token| !token.is_empty()) {
            None => 0,
            Some(token) => Self::place(&token, now_ms).ok_or_else(Refusal::ended_page)?,
        };
        Ok(Self { size, from })
    }

    fn place(token: &str, now_ms: i64) -> Option<usize> {
        let (from, end) = token.strip_prefix("page-")?.split_once('-')?;
        let end: i64 = end.parse().ok()?;
        from.parse().ok().filter(|_| end > now_ms)
    }

    fn of(&self, name: &str, all: Vec<Value>, now_ms: i64) -> Answer {
        let (total, next) = (all.len(), self.from + self.size);
        let items: Vec<_> = all.into_iter().skip(self.from).take(self.size).collect();
        let token = if next < total { format!("page-{next}-{}", now_ms + PAGE_LIFE_MS) } else { String::new() };
        let body = json!({ name: items, "next_page_token": token, "page_size": self.size, "total_records": total });
        Answer::json(200, &body)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Cast, Clock, Sandbox,
        testing::{call, stage},
    };

    const BACK: &str = "https://bot.example.com/zoom/callback";

    /// Jane administers the account and belongs to every channel.
    async fn directory() -> (Cast, Sandbox) {
        let (cast, sandbox, _bot) = stage(Clock::real()).await;
        sandbox.zoom.allow_redirect(BACK);
        sandbox.zoom.promote(&cast.jane);
        for channel in [&cast.alerts, &cast.web_team] {
            sandbox.zoom.join_channel(&cast.jane, channel);
        }
        (cast, sandbox)
    }

    async fn tokens(sandbox: &Sandbox, form: &str) -> Answer {
        let basic = data_encoding::BASE64.encode(b"sandboxZoomClient:sandbox-zoom-client-secret");
        let headers = [
            ("authorization", format!("Basic {basic}")),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        call(Method::POST, &format!("{}/oauth/token", sandbox.zoom.base()), &headers, form).await
    }

    async fn exchanged(sandbox: &Sandbox, code: &str) -> Answer {
        let redirect: String = form_urlencoded::byte_serialize(sandbox_redirect(sandbox).as_bytes()).collect();
        tokens(sandbox, &format!("grant_type=authorization_code&code={code}&redirect_uri={redirect}")).await
    }

    fn sandbox_redirect(sandbox: &Sandbox) -> String {
        sandbox.zoom.core().state.read(|state| state.grants.redirects[0].clone())
    }

    async fn get(sandbox: &Sandbox, token: &str, path: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        call(Method::GET, &format!("{}{path}", sandbox.zoom.base()), &[("authorization", &bearer)], "").await
    }

    fn text(answer: &Answer, name: &str) -> String {
        answer.value()[name].as_str().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn a_code_is_good_once_and_a_refresh_token_too() {
        let (cast, sandbox) = directory().await;
        let code = sandbox.zoom.consent(&cast.jane);
        let first = exchanged(&sandbox, &code).await;
        assert_eq!((first.status, exchanged(&sandbox, &code).await.status), (200, 400));
        let refresh = format!("grant_type=refresh_token&refresh_token={}", text(&first, "refresh_token"));
        let second = tokens(&sandbox, &refresh).await;
        assert_ne!(text(&first, "refresh_token"), text(&second, "refresh_token"));
        assert_eq!(tokens(&sandbox, &refresh).await.status, 400, "it has rotated");
        assert_eq!(get(&sandbox, &text(&second, "access_token"), "/v2/users/me").await.status, 200);
    }

    #[tokio::test]
    async fn a_newer_consent_ends_the_grants_before_and_a_code_lives_for_five_minutes() {
        let (cast, sandbox) = directory().await;
        let first = exchanged(&sandbox, &sandbox.zoom.consent(&cast.jane)).await;
        exchanged(&sandbox, &sandbox.zoom.consent(&cast.jane)).await;
        assert_eq!(get(&sandbox, &text(&first, "access_token"), "/v2/users/me").await.status, 401);
        let late = sandbox.zoom.consent(&cast.jane);
        sandbox.clock.advance(Duration::from_secs(301));
        assert_eq!(exchanged(&sandbox, &late).await.status, 400);
    }

    #[tokio::test]
    async fn a_persons_token_posts_nothing_and_the_bots_reads_nobody() {
        let (cast, sandbox) = directory().await;
        let person = text(&exchanged(&sandbox, &sandbox.zoom.consent(&cast.jane)).await, "access_token");
        let bot = text(&tokens(&sandbox, "grant_type=client_credentials").await, "access_token");
        let url = format!("{}/v2/im/chat/messages", sandbox.zoom.base());
        let headers = [("authorization", &*format!("Bearer {person}")), ("content-type", "application/json")];
        let posted = call(Method::POST, &url, &headers, "{}").await;
        assert_eq!((posted.status, posted.value()["code"].as_i64()), (401, Some(7010)));
        let read = get(&sandbox, &bot, "/v2/users/me").await;
        assert_eq!((read.status, read.value()["code"].as_i64()), (400, Some(4711)));
        assert!(text(&read, "message").contains("scopes:[user:read:user, user:read:user:admin]"));
    }

    #[tokio::test]
    async fn pages_are_as_long_as_asked_for_and_their_tokens_end() {
        let (cast, sandbox) = directory().await;
        let token = text(&exchanged(&sandbox, &sandbox.zoom.consent(&cast.jane)).await, "access_token");
        let listed = "/v2/chat/users/me/channels";
        let first = get(&sandbox, &token, &format!("{listed}?page_size=1")).await;
        assert_eq!(first.value()["channels"].as_array().map(Vec::len), Some(1));
        let next = format!("{listed}?page_size=1&next_page_token={}", text(&first, "next_page_token"));
        let last = get(&sandbox, &token, &next).await;
        assert_eq!(text(&last, "next_page_token"), "");
        for wrong in ["?page_size=0", "?page_size=1001", "?next_page_token=made-up", "?pagesize=1"] {
            assert_eq!(get(&sandbox, &token, &format!("{listed}{wrong}")).await.status, 400, "{wrong}");
        }
        sandbox.clock.advance(Duration::from_secs(901));
        assert_eq!(get(&sandbox, &token, &next).await.value()["code"].as_i64(), Some(300));
    }

    #[tokio::test]
    async fn only_an_administrator_consents_and_only_to_a_registered_address() {
        let (cast, sandbox) = directory().await;
        let address = |redirect: &str| {
            let redirect: String = form_urlencoded::byte_serialize(redirect.as_bytes()).collect();
            let base = sandbox.zoom.base();
            format!("{base}/oauth/authorize?response_type=code&client_id=sandboxZoomClient&redirect_uri={redirect}")
        };
        let open = async |redirect: &str| call(Method::GET, &address(redirect), &[], "").await;
        assert_eq!(open(BACK).await.status, 401, "nobody is signed in");
        sandbox.zoom.log_in(&cast.ben);
        assert_eq!(open(BACK).await.status, 403);
        sandbox.zoom.log_in(&cast.jane);
        assert_eq!(open("https://evil.example.com/").await.status, 400);
        let back = open(BACK).await;
        assert!(back.header("location").is_some_and(|to| to.starts_with(&format!("{BACK}?code="))), "{back:?}");
    }
}
