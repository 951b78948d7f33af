//! The webhooks that Zoom sends to a chatbot's endpoint (Zoom, chatbot events).

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    message::Message,
    state::{ChoiceForm, DirectForm, State},
    unfurl::Posted,
    world::{Person, Place},
};
use crate::{
    clock::{milliseconds, rfc3339},
    ids::Ids,
};

/// Something that a person types to the bot.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub(super) text: Option<String>,
    age: Duration,
    pub(super) thread: Option<String>,
    by_guest: bool,
}

impl Said {
    /// The slash command alone, with nothing after it.
    #[must_use]
    pub fn bare() -> Self {
        Self::default()
    }

    /// Typed this long ago by the sandbox's clock, and delivered only now.
    #[must_use]
    pub fn ago(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// Typed in the thread of this message.
    #[must_use]
    pub fn in_thread(mut self, message: &str) -> Self {
        self.thread = Some(message.to_owned());
        self
    }

    /// Typed by somebody of another account: Zoom names no user id.
    #[must_use]
    pub fn by_a_guest(mut self) -> Self {
        self.by_guest = true;
        self
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..Self::default() }
    }
}

/// Writes the bodies of events as of one moment.
pub(super) struct Events<'s> {
    pub(super) state: &'s State,
    pub(super) ids: &'s Ids,
    pub(super) now_ms: i64,
}

impl Events<'_> {
    pub(super) fn said(&self, person: &Person, place: &Place, said: &Said) -> Value {
        let mut payload = self.who_and_where(person, place);
        let typed_ms = self.now_ms - milliseconds(said.age);
        payload.insert("timestamp".into(), typed_ms.into());
        payload.insert("triggerId".into(), self.ids.hex32().into());
        payload.insert("userMemberId".into(), format!("m-{}", person.user_id).into());
        payload.insert("userStatus".into(), "authorized".into());
        if said.by_guest {
            payload.insert("userId".into(), "".into());
        }
        match &said.text {
            Some(text) => drop(payload.insert("cmd".into(), text.as_str().into())),
            None if self.state.manners.bare_without_cmd => {}
            None => drop(payload.insert("cmd".into(), "".into())),
        }
        payload.extend(said.thread.iter().map(|id| ("replyMainMessageId".to_owned(), id.as_str().into())));
        json!({ "event": "bot_notification", "event_ts": typed_ms, "payload": payload })
    }

    pub(super) fn pressed(&self, person: &Person, message: &Message, text: &str, value: &str) -> Value {
        let mut payload = self.on_card(person, message);
        payload.insert("actionItem".into(), json!({ "text": text, "value": value }));
        self.actions(payload)
    }

    pub(super) fn chosen(&self, person: &Person, message: &Message, value: &str) -> Value {
        let mut payload = self.on_card(person, message);
        payload.insert("selectedItems".into(), json!([{ "value": value }]));
        match self.state.manners.choice_form {
            ChoiceForm::Actions => self.actions(payload),
            ChoiceForm::Select => {
                json!({ "event": "interactive_message_select", "event_ts": self.now_ms, "payload": payload })
            }
        }
    }

    pub(super) fn typed(&self, person: &Person, message: &Message, field: &str, text: &str) -> Value {
        let mut payload = self.on_card(person, message);
        let item = json!({ "key": field, "currentValue": " ", "newValue": text });
        payload.insert("fieldEditItem".into(), item);
        json!({
            "event": "interactive_message_fields_editable",
            "event_ts": self.now_ms,
            "callback_url": format!("https://api.zoom.us/v2/im/chat/callback/{}", self.ids.hex32()),
            "callback_token": self.ids.hex64(),
            "payload": payload,
        })
    }

    fn actions(&self, payload: Map<String, Value>) -> Value {
        json!({
            "event": "interactive_message_actions",
            "event_ts": self.now_ms,
            "callback_url": format!("https://api.zoom.us/v2/im/chat/callback/{}", self.ids.hex32()),
            "callback_token": self.ids.hex64(),
            "payload": payload,
        })
    }

    /// A mention of the bot in a channel; snake case, unlike the chatbot's older events.
    pub(super) fn mentioned(&self, person: &Person, place: &Place, text: &str, external: bool) -> Value {
        let channel = match place {
            Place::Channel(channel) => channel.id.clone(),
            Place::Direct(_) => String::new(),
        };
        json!({
            "event": "team_chat.app_mention",
            "event_ts": self.now_ms,
            "payload": {
                "account_id": person.account,
                "operator": "",
                "operator_id": if external { "" } else { self.state.world.named_id(person) },
                "operator_jid": person.jid(),
                "operator_member_id": format!("m-{}", person.user_id),
                "by_external_user": external || self.state.world.is_outsider(person),
                "object": {
                    "message_id": self.ids.uuid().to_uppercase(),
                    "type": "to_channel",
                    "channel_id": channel,
                    "channel_name": place.name(),
                    "to_jid": place.jid(),
                    "robot_jid": self.state.world.app.bot_jid,
                    "robot_name": "Sentry",
                    "message": format!("@Sentry {text}"),
                    "date_time": rfc3339(self.now_ms),
                    "timestamp": self.now_ms,
                    "files": [],
                    "rich_text": [],
                },
            },
        })
    }

    /// One address of a message; Zoom names where it wants the answer.
    pub(super) fn shared(&self, posted: &Posted, external: bool) -> Value {
        let Posted { person, channel, message, link, trigger, .. } = posted;
        json!({
            "event": "team_chat.link_shared",
            "event_ts": self.now_ms,
            "response_url": format!("https://api.zoom.us/v2/im/chat/users/{}/unfurls/{trigger}", person.user_id),
            "payload": {
                "account_id": person.account,
                "operator": "",
                "operator_id": if external { "" } else { self.state.world.named_id(person) },
                "operator_member_id": format!("m-{}", person.user_id),
                "by_external_user": external || self.state.world.is_outsider(person),
                "object": {
                    "type": "to_channel",
                    "channel_id": channel.id,
                    "channel_name": self.state.world.current(channel).name,
                    "link": link,
                    "trigger_id": trigger,
                    "message_id": message,
                    "date_time": rfc3339(self.now_ms),
                    "timestamp": self.now_ms,
                },
            },
        })
    }

    pub(super) fn installed(&self, by: &Person) -> Value {
        json!({
            "event": "bot_installed",
            "payload": {
                "accountId": by.account,
                "robotJid": self.state.world.app.bot_jid,
                "timestamp": self.now_ms,
                "userId": by.user_id,
                "userJid": by.jid(),
                "userName": by.name,
            },
        })
    }

    pub(super) fn deauthorized(&self, by: &Person) -> Value {
        let at = rfc3339(self.now_ms);
        json!({
            "event": "app_deauthorized",
            "payload": {
                "account_id": by.account,
                "user_id": by.user_id,
                "signature": self.ids.hex64(),
                "deauthorization_time": at,
                "client_id": self.state.world.app.client_id,
                "event_ts": crate::clock::zoom_time(self.now_ms),
            },
        })
    }

    pub(super) fn url_validation(&self, plain_token: &str) -> Value {
        json!({
            "event": "endpoint.url_validation",
            "event_ts": self.now_ms,
            "payload": { "plainToken": plain_token },
        })
    }

    fn on_card(&self, person: &Person, message: &Message) -> Map<String, Value> {
        let mut payload = self.who_and_where(person, &message.place);
        payload.insert("messageId".into(), message.id.as_str().into());
        payload.insert("original".into(), message.content.clone());
        payload.insert("timestamp".into(), self.now_ms.into());
        payload
    }

    fn who_and_where(&self, person: &Person, place: &Place) -> Map<String, Value> {
        let name = match place {
            Place::Channel(channel) => self.state.world.current(channel).name,
            Place::Direct(person) => person.name.clone(),
        };
        let pairs = [
            ("accountId", person.account.clone()),
            ("channelName", name),
            ("robotJid", self.state.world.app.bot_jid.clone()),
            ("toJid", self.to_jid(place)),
            ("userId", self.state.world.named_id(person).to_owned()),
            ("userJid", person.jid()),
            ("userName", person.name.clone()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
    }

    fn to_jid(&self, place: &Place) -> String {
        let robot = &self.state.world.app.bot_jid;
        match (place, self.state.manners.direct_form) {
            (Place::Channel(channel), _) => channel.jid(),
            (Place::Direct(person), DirectForm::PersonAndRobot) => format!("{}/robot_{robot}", person.jid()),
            (Place::Direct(person), DirectForm::Person) => person.jid(),
            (Place::Direct(_), DirectForm::Robot) => robot.clone(),
        }
    }
}
