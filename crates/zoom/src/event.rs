//! What Zoom's events mean (Zoom, chatbot events).

use serde_json::Value;
use zentry_domain::{
    Account, AccountId, ChannelId, Event, MessageId, Person, Place, Pressed, Said, Shared, Timestamp, TriggerId, Typed,
    UserId, UserJid, text,
};

use crate::button;
use crate::wire::{Fields, is_segment};

const NAME_MAX: usize = 200;

/// What an authentic body means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A fact, and what is the same in a repeat of it that Zoom did not write byte for byte alike.
    Fact(Box<Event>, Option<String>),
    /// Nothing to us, and why.
    Nothing(&'static str),
}

/// Reads a body. The error is a reason that quotes nothing of it.
pub(crate) fn decode(body: &Value, client_id: &str) -> Result<Meaning, String> {
    let body = Fields::of(body);
    let (event, payload) = (body.text("event"), body.object("payload"));
    let event = event.as_str();
    match event {
        "" => Err("it names no event".into()),
        "bot_notification" => said(event, payload),
        "interactive_message_actions" | "interactive_message_select" => pressed(event, payload),
        "interactive_message_fields_editable" => typed(event, payload),
        "team_chat.app_mention" => mentioned(event, payload),
        "team_chat.link_shared" => shared(event, payload),
        "bot_installed" => installed(event, payload),
        "app_deauthorized" => deauthorized(event, payload, client_id),
        _ => Ok(Meaning::Nothing("an event that means nothing to the bot")),
    }
}

// === the events ===

fn said(event: &str, payload: Fields<'_>) -> Result<Meaning, String> {
    let by = person(event, payload)?;
    let place = place(event, &payload.text("toJid"), &payload.text("channelName"), &by)?;
    let mark = trigger(event, payload, &by);
    let said = Said { by, place, text: payload.text("cmd"), at: payload.time("timestamp") };
    Ok(fact(Event::Said(said), mark))
}

fn mentioned(event: &str, payload: Fields<'_>) -> Result<Meaning, String> {
    let message = payload.object("object");
    let by = operator(event, payload)?;
    let place = place(event, &to_jid(message), &message.text("channelName"), &by)?;
    let text = without_mention(&message.text("message"), &message.text("robotName"));
    let mark = trigger(event, payload, &by);
    Ok(fact(Event::Said(Said { by, place, text, at: message.time("timestamp") }), mark))
}

/// An address of a trusted domain was posted (Zoom, link unfurling). Where the answer goes is not read: only under which ids.
fn shared(event: &str, payload: Fields<'_>) -> Result<Meaning, String> {
    let message = payload.object("object");
    let by = operator(event, payload)?;
    let links = [message.texts("link"), message.texts("links")].concat();
    let trigger = message.text("triggerId");
    if links.is_empty() || !is_segment(&trigger) {
        return Ok(Meaning::Nothing("a posted address that says not enough"));
    }
    let (to_jid, contact) = (to_jid(message), message.text("contactId"));
    let is_to_contact = message.text("type") == "to_contact" || to_jid.is_empty();
    if is_to_contact && contact.is_empty() {
        // Of another account: like those of others who post.
        return Ok(Meaning::Nothing("an address posted to nobody of the account"));
    }
    let place = match is_to_contact {
        true => between(&by, &contact),
        false => place(event, &to_jid, &message.text("channelName"), &by)?,
    };
    let mark = Some(format!("zoom|{event}|{}|{trigger}", by.account));
    let message = Some(message.text("messageId")).filter(|id| !id.is_empty()).map(MessageId::new);
    Ok(fact(Event::Shared(Shared { by, place, message, links, trigger: TriggerId::new(trigger) }), mark))
}

/// A choice in a drop-down list may come under either event (Zoom, interactive messages).
fn pressed(event: &str, payload: Fields<'_>) -> Result<Meaning, String> {
    let by = person(event, payload)?;
    let place = place(event, &payload.text("toJid"), &payload.text("channelName"), &by)?;
    let button = payload.object("actionItem").text("value");
    let value = if button.is_empty() { payload.first("selectedItems").text("value") } else { button };
    let mark = trigger(event, payload, &by).or_else(|| press_mark(event, payload, &by, &value));
    let press = button::press(&value);
    let message = Some(payload.text("messageId")).filter(|id| !id.is_empty()).map(MessageId::new);
    Ok(fact(Event::Pressed(Pressed { by, place, press, message }), mark))
}

/// What is in a field of a message now. The field says only its name; the message comes with it, and the first of its values that
/// is one of ours says which it is (Zoom, editable fields).
fn typed(event: &str, payload: Fields<'_>) -> Result<Meaning, String> {
    let by = person(event, payload)?;
    let place = place(event, &payload.text("toJid"), &payload.text("channelName"), &by)?;
    let item = [payload.object("fieldEditItem"), payload.object("editItem")];
    let text = item.iter().map(|item| item.text("newValue")).find(|text| !text.is_empty()).unwrap_or_default();
    let mark = trigger(event, payload, &by).or_else(|| press_mark(event, payload, &by, &text));
    let beside = payload.values("original").iter().find_map(|value| button::press(value));
    let message = Some(payload.text("messageId")).filter(|id| !id.is_empty()).map(MessageId::new);
    Ok(fact(Event::Typed(Typed { by, place, beside, message, text }), mark))
}

fn installed(event: &str, payload: Fields<'_>) -> Result<Meaning, String> {
    let by = person(event, payload)?;
    let mark = trigger(event, payload, &by);
    let installer = (!by.is_guest()).then(|| by.user.clone());
    let account = Account { id: by.account.clone(), installer, since: payload.time("timestamp") };
    Ok(fact(Event::Installed { account, by }, mark))
}

fn deauthorized(event: &str, payload: Fields<'_>, client_id: &str) -> Result<Meaning, String> {
    let app = payload.text("clientId");
    if !app.is_empty() && app != client_id {
        return Ok(Meaning::Nothing("the removal of another app"));
    }
    // When it happened comes as an instant in words, unlike every other time (Zoom, app_deauthorized).
    let at = Timestamp::parse(&payload.text("deauthorizationTime"));
    Ok(fact(Event::Deauthorized { account: account(event, payload)?, at }, None))
}

fn fact(event: Event, mark: Option<String>) -> Meaning {
    Meaning::Fact(Box::new(event), mark)
}

// === who, where, and whether it was there before ===

fn account(event: &str, payload: Fields<'_>) -> Result<AccountId, String> {
    let account = payload.text("accountId");
    if account.is_empty() { Err(format!("{event} names no account")) } else { Ok(AccountId::new(account)) }
}

fn person(event: &str, payload: Fields<'_>) -> Result<Person, String> {
    Ok(Person {
        account: account(event, payload)?,
        user: user(payload, "userId"),
        jid: jid(payload, "userJid", "userId"),
        name: name(&payload.text("userName")),
    })
}

/// Whoever did it, in events of Zoom's newer form.
fn operator(event: &str, payload: Fields<'_>) -> Result<Person, String> {
    Ok(Person {
        account: account(event, payload)?,
        user: user(payload, "operatorId"),
        jid: jid(payload, "operatorJid", "operatorId"),
        // The operator is an e-mail address, of which other people need not see the whole.
        name: name(payload.text("operator").split('@').next().unwrap_or_default()),
    })
}

/// People of other accounts may carry a number, but not one of this account: they are guests.
fn user(payload: Fields<'_>, id: &str) -> UserId {
    let is_external = payload.flag("byExternalUser");
    UserId::new(if is_external { String::new() } else { payload.text(id) })
}

/// A person's JID is their number in lower case where it is not there itself (Zoom, user and channel JIDs).
fn jid(payload: Fields<'_>, jid: &str, id: &str) -> UserJid {
    let (jid, id) = (payload.text(jid), payload.text(id));
    UserJid::new(if jid.is_empty() && !id.is_empty() { format!("{}@xmpp.zoom.us", id.to_lowercase()) } else { jid })
}

fn name(raw: &str) -> String {
    text::line(raw, NAME_MAX)
}

/// In a channel one part of `to_jid` is the channel's JID. Everything else that has been seen there (the person's JID,
/// that and the bot's, the bot's) is the bot's own chat, whose "channel name" is the person's.
fn place(event: &str, to_jid: &str, channel_name: &str, by: &Person) -> Result<Place, String> {
    match to_jid.split('/').find(|part| part.contains("@conference.")) {
        Some(channel) => Ok(Place {
            account: by.account.clone(),
            channel: ChannelId::new(channel),
            name: Some(name(channel_name)).filter(|name| !name.is_empty()),
            direct: false,
        }),
        None if by.jid.as_str().is_empty() => Err(format!("{event} names neither a channel nor a person")),
        None => Ok(Place::direct(by)),
    }
}

/// The channel of a message in Zoom's newer form; empty where it is in none.
fn to_jid(message: Fields<'_>) -> String {
    let (to_jid, channel) = (message.text("toJid"), message.text("channelId"));
    let is_by_id = to_jid.is_empty() && !channel.is_empty();
    if is_by_id { format!("{channel}@conference.xmpp.zoom.us") } else { to_jid }
}

/// What two people write to one another. The bot is not there: nothing is ever sent to this place, only remembered of it.
fn between(by: &Person, contact: &str) -> Place {
    let mut both = [by.user.as_str().to_lowercase(), contact.to_lowercase()];
    both.sort_unstable();
    let channel = ChannelId::new(format!("{}@between.{}", both[0], both[1]));
    Place { account: by.account.clone(), channel, name: None, direct: false }
}

fn trigger(event: &str, payload: Fields<'_>, by: &Person) -> Option<String> {
    let id = payload.text("triggerId");
    (!id.is_empty()).then(|| format!("zoom|{event}|{}|{id}", by.account))
}

/// Without its time a press could not be told from the same press an hour later.
fn press_mark(event: &str, payload: Fields<'_>, by: &Person, value: &str) -> Option<String> {
    let at = payload.time("timestamp")?.0;
    let message = payload.text("messageId");
    Some(format!("zoom|{event}|{}|{message}|{}|{at}|{value}", by.account, payload.text("userId")))
}

/// The text without the bot's name. Without knowing the name only a first word can be taken for it.
fn without_mention(message: &str, bot: &str) -> String {
    let mention = format!("@{bot}");
    let text = if !bot.is_empty() && message.contains(&mention) {
        message.replacen(&mention, "", 1)
    } else {
        let (first, rest) = message.trim_start().split_once(char::is_whitespace).unwrap_or((message.trim(), ""));
        if first.starts_with('@') { rest.to_owned() } else { message.to_owned() }
    };
    text.trim().to_owned()
}
