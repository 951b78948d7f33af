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
