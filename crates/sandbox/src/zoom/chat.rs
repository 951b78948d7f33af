//! `/v2/im/chat/messages`: send, edit and delete (Zoom, chatbot API).

use http::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    card,
    message::Message,
    refusal::Refusal,
    state::State,
    world::{Account, Person, Place},
};
use crate::{
    clock::zoom_time,
    http::{Answer, Request, value_of},
    ids::Ids,
};

/// The longest body, in bytes (Zoom, message limits).
const BODY: usize = 20 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    robot_jid: String,
    to_jid: String,
    account_id: String,
    user_jid: String,
    content: Value,
    visible_to_user: Option<String>,
    reply_to: Option<String>,
    #[serde(default)]
    is_markdown_support: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    robot_jid: String,
    account_id: String,
    content: Value,
    user_jid: Option<String>,
    #[serde(default)]
    is_markdown_support: bool,
}

/// Answers one call below `/v2/im/chat/messages`; `id` is what follows in the path.
pub(super) fn call(state: &mut State, request: &Request, id: Option<&str>, ids: &Ids, now_ms: i64) -> Answer {
    let done = state.authorize(request, now_ms).and_then(|()| match (&request.method, id) {
        (&Method::POST, None) => send(state, request, ids, now_ms),
        (&Method::PUT, Some(id)) => edit(state, request, id, now_ms),
        (&Method::DELETE, Some(id)) => delete(state, request, id, now_ms),
        _ => Err(Refusal::unknown_path(&request.path)),
    });
    done.unwrap_or_else(Answer::from).with("x-zm-trackingid", format!("v=2.0;clid=us02;rid=WEB_{}", ids.hex32()))
}

fn send(state: &mut State, request: &Request, ids: &Ids, now_ms: i64) -> Result<Answer, Refusal> {
    let send: Send = body(request)?;
    card::check(&send.content).map_err(Refusal::bad_body)?;
    state.count_call(&send.account_id, now_ms)?;
    let account = bot_in(state, &send.robot_jid, &send.account_id)?;
    let place = destination(state, account, &send.to_jid)?;
    let on_behalf_of = person(account, &send.user_jid)?;
    let visible_to = send.visible_to_user.as_deref().map(|id| only_viewer(account, id)).transpose()?;
    let message = Message {
        id: String::new(),
        place,
        content: send.content,
        history: Vec::new(),
        markdown: send.is_markdown_support,
        visible_to,
        reply_to: send.reply_to,
        on_behalf_of,
        sent_ms: now_ms,
        unfurls: None,
        deleted: false,
    };
    let message = Message { id: state.new_message_id(ids, now_ms), ..message };
    let answer = Answer::json(201, &described(state, &message, now_ms));
    state.messages.push(message);
    Ok(answer)
}

fn edit(state: &mut State, request: &Request, id: &str, now_ms: i64) -> Result<Answer, Refusal> {
    let edit: Edit = body(request)?;
    card::check(&edit.content).map_err(Refusal::bad_body)?;
    state.count_call(&edit.account_id, now_ms)?;
    let account = bot_in(state, &edit.robot_jid, &edit.account_id)?;
    edit.user_jid.as_deref().map(|jid| person(account, jid)).transpose()?;
    let place = state.message(&edit.account_id, id)?.place.clone();
    still_reachable(state, &place)?;
    let message = state.message(&edit.account_id, id)?;
    let before = std::mem::replace(&mut message.content, edit.content);
    message.history.push(before);
    message.markdown = edit.is_markdown_support;
    let message = message.clone();
    if state.manners.edit_answers_empty {
        return Ok(Answer::empty(204));
    }
    Ok(Answer::json(200, &described(state, &message, now_ms)))
}

fn delete(state: &mut State, request: &Request, id: &str, now_ms: i64) -> Result<Answer, Refusal> {
    let query = request.query_pairs();
    if let Some((name, _)) =
        query.iter().find(|(name, _)| !["account_id", "robot_jid", "user_jid"].contains(&name.as_str()))
    {
        return Err(Refusal::bad_body(format!("there is no query parameter {name}")));
    }
    let parameter = |name: &str| {
        value_of(&query, name).ok_or_else(|| Refusal::bad_body(format!("the query parameter {name} is missing")))
    };
    let (account_id, robot_jid) = (parameter("account_id")?, parameter("robot_jid")?);
    state.count_call(&account_id, now_ms)?;
    let account = bot_in(state, &robot_jid, &account_id)?;
    value_of(&query, "user_jid").map(|jid| person(account, &jid)).transpose()?;
    let message = state.message(&account_id, id)?;
    message.deleted = true;
    let message = message.clone();
    Ok(Answer::json(200, &described(state, &message, now_ms)))
}

pub(super) fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    if request.media_type() != "application/json" {
        return Err(Refusal::bad_body(format!("the content type is {:?}", request.media_type())));
    }
    if request.body.len() > BODY {
        return Err(Refusal::bad_body(format!("{} bytes, at most {BODY}", request.body.len())));
    }
    serde_json::from_slice(&request.body).map_err(|e| Refusal::bad_body(e.to_string()))
}

fn bot_in<'s>(state: &'s State, robot_jid: &str, account_id: &str) -> Result<&'s Account, Refusal> {
    if !state.world.app.bot_jid.eq_ignore_ascii_case(robot_jid) {
        return Err(Refusal::wrong_robot(robot_jid));
    }
    let account = state.world.account(account_id).filter(|account| account.installed);
    account.ok_or_else(|| Refusal::not_authorized(format!("account {account_id} does not have the app")))
}

fn destination(state: &State, account: &Account, to_jid: &str) -> Result<Place, Refusal> {
    let place = account
        .place(to_jid, &state.world.app.bot_jid)
        .ok_or_else(|| Refusal::unknown_destination(format!("to_jid {to_jid} is nobody's")))?;
    match &place {
        Place::Direct(_) if state.manners.directs_by_full_form_only && !to_jid.contains('/') => {
            Err(Refusal::unknown_destination(format!("to_jid {to_jid} is no bot chat's form here")))
        }
        Place::Direct(person) if state.refused_directs.contains(&person.user_id) => {
            Err(Refusal::not_authorized(format!("{} takes no messages from the bot", person.user_id)))
        }
        _ => Ok(place),
    }
}

fn still_reachable(state: &State, place: &Place) -> Result<(), Refusal> {
    let account = state.world.account(place.account());
    account.map_or(Ok(()), |account| destination(state, account, &place.jid()).map(drop))
}

fn person(account: &Account, jid: &str) -> Result<Person, Refusal> {
    let person = account.person_by_jid(jid).cloned();
    person.ok_or_else(|| Refusal::bad_body(format!("user_jid {jid} is no person's JID in account {}", account.id)))
}

fn only_viewer(account: &Account, user_id: &str) -> Result<Person, Refusal> {
    let person = account.person_by_id(user_id).cloned();
    person.ok_or_else(|| Refusal::bad_body(format!("visible_to_user {user_id} is no person's user id")))
}

fn described(state: &State, message: &Message, now_ms: i64) -> Value {
    json!({
        "robot_jid": state.world.app.bot_jid,
        "to_jid": message.place.jid(),
        "sent_time": zoom_time(now_ms),
        "message_id": message.id,
        "user_jid": message.on_behalf_of.jid(),
    })
}
