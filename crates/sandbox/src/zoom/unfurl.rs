//! Addresses that people post, and what the bot shows of them (Zoom, link unfurling).

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Zoom, card,
    chat::body,
    message::Message,
    refusal::Refusal,
    state::State,
    world::{Channel, Person, Place},
};
use crate::{
    deliver::Delivery,
    http::{Answer, Request},
    ids::Ids,
};

/// How long more can be shown of an address. Zoom names no time; its one-time addresses for cards work as long.
const TRIGGER_MS: i64 = 30 * 60 * 1000;

/// An address that somebody posted, until more of it is shown.
#[derive(Clone)]
pub(super) struct Posted {
    pub(super) person: Person,
    pub(super) channel: Channel,
    pub(super) message: String,
    pub(super) link: String,
    pub(super) trigger: String,
    end_ms: i64,
}

impl Zoom {
    /// `person` posts one message with these addresses in a channel, all of domains on the app's Trust Domain List, and the
    /// bot is told of each; `external` where the person belongs to another account. Answers what became of the webhooks.
    pub async fn share(&self, person: &Person, channel: &Channel, links: &[&str], external: bool) -> Vec<Delivery> {
        let message = self.core().ids.uuid().to_uppercase();
        self.note(&message, person, &Place::from(channel), &links.join(" "), None);
        self.tell_of(person, channel, &message, links, external).await
    }

    /// Tells the bot of the addresses in a message.
    pub(super) async fn tell_of(
        &self,
        person: &Person,
        channel: &Channel,
        message: &str,
        links: &[&str],
        external: bool,
    ) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for link in links {
            let posted = self.post_address(person, channel, message, link);
            deliveries.push(self.core().deliver(|events| events.shared(&posted, external)).await);
        }
        deliveries
    }

    /// `person` posts an address of which the bot is not told: the trigger under which it could show more.
    #[must_use]
    pub fn new_trigger(&self, person: &Person, channel: &Channel, link: &str) -> String {
        let message = self.core().ids.uuid().to_uppercase();
        self.post_address(person, channel, &message, link).trigger
    }

    fn post_address(&self, person: &Person, channel: &Channel, message: &str, link: &str) -> Posted {
        let posted = Posted {
            person: person.clone(),
            channel: channel.clone(),
            message: message.to_owned(),
            link: link.to_owned(),
            trigger: self.core().ids.hex32(),
            end_ms: self.core().clock.now_ms() + TRIGGER_MS,
        };
        self.core().state.change(|state| state.posted.push(posted.clone()));
        posted
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unfurl {
    /// JSON within JSON, unlike that of a message.
    content: String,
}

/// Answers one call of `/v2/im/chat/users/{user}/unfurls/{trigger}`.
pub(super) fn call(state: &mut State, request: &Request, at: (&str, &str), ids: &Ids, now_ms: i64) -> Answer {
    let done = state.authorize(request, now_ms).and_then(|()| match request.method {
        Method::POST => unfurl(state, request, at, now_ms),
        _ => Err(Refusal::unknown_path(&request.path)),
    });
    done.unwrap_or_else(Answer::from).with("x-zm-trackingid", format!("v=2.0;clid=us02;rid=WEB_{}", ids.hex32()))
}

fn unfurl(state: &mut State, request: &Request, (user, trigger): (&str, &str), now_ms: i64) -> Result<Answer, Refusal> {
    let unfurl: Unfurl = body(request)?;
    let content: Value = serde_json::from_str(&unfurl.content).map_err(|e| Refusal::bad_body(e.to_string()))?;
    card::check(&content).map_err(Refusal::bad_body)?;
    let is_it = |posted: &Posted| posted.trigger == trigger && posted.person.user_id == user && posted.end_ms > now_ms;
    let place = state.posted.iter().position(is_it).ok_or_else(|| Refusal::unknown_unfurl(trigger))?;
    state.count_call(&state.posted[place].person.account.clone(), now_ms)?;
    let posted = state.posted.remove(place);
    let account = state.world.account(&posted.person.account).filter(|account| account.installed);
    account.ok_or_else(|| Refusal::not_authorized("the account does not have the app"))?;
    state.messages.push(Message {
        id: posted.trigger,
        place: Place::Channel(posted.channel),
        content,
        history: Vec::new(),
        markdown: false,
        visible_to: None,
        reply_to: Some(posted.message),
        on_behalf_of: posted.person,
        sent_ms: now_ms,
        unfurls: Some(posted.link),
        deleted: false,
    });
    Ok(Answer::empty(204))
}
