//! What people do in the simulated Zoom.

use super::{
    Zoom,
    event::Said,
    message::Message,
    world::{Channel, Person, Place},
};
use crate::deliver::Delivery;

impl Zoom {
    /// Every token that is good now: the bot's and those of people's grants.
    #[must_use]
    pub fn tokens_given(&self) -> Vec<String> {
        self.core().state.read(|state| {
            let people = state.grants.tokens.iter().flat_map(|grant| [grant.access.clone(), grant.refresh.clone()]);
            state.tokens.keys().cloned().chain(people).collect()
        })
    }

    /// `person` types the slash command with this text in a channel, or this text in their own chat with the bot.
    /// Answers what became of the webhook, not what the bot then says.
    pub async fn say(&self, person: &Person, place: impl Into<Place>, said: impl Into<Said>) -> Delivery {
        let (place, said) = (place.into(), said.into());
        let text = said.text.as_deref().unwrap_or_default();
        let text = match place {
            Place::Channel(_) => format!("/sentry {text}").trim_end().to_owned(),
            Place::Direct(_) => text.to_owned(),
        };
        self.note_unnamed(person, &place, &text, said.thread.as_deref());
        self.core().deliver(|events| events.said(person, &place, &said)).await
    }

    /// `person` mentions the bot in a channel; `external` where they belong to another account.
    pub async fn mention(&self, person: &Person, channel: &Channel, text: &str, external: bool) -> Delivery {
        let place = Place::from(channel);
        self.note_unnamed(person, &place, &format!("@Sentry {text}"), None);
        self.core().deliver(|events| events.mentioned(person, &place, text, external)).await
    }

    /// `person` presses the button with this text or value on this message as it now is.
    ///
    /// # Errors
    /// Where the person does not see the message, or it has no such button that can be pressed.
    pub async fn press(&self, person: &Person, message: &Message, button: &str) -> Result<Delivery, NotThere> {
        let message = self.current(person, message)?;
        let enabled = message.buttons().into_iter().filter(|found| found.style != "Disabled");
        let button = find(enabled, button, |found| [&found.text, &found.value])
            .ok_or_else(|| NotThere::new("button", button, &message))?;
        Ok(self.core().deliver(|events| events.pressed(person, &message, &button.text, &button.value)).await)
    }

    /// `person` opens the drop-down list with this text and chooses the option with this text or value.
    ///
    /// # Errors
    /// Where the person does not see the message, or it has no such list or option.
    pub async fn choose(
        &self,
        person: &Person,
        message: &Message,
        select: &str,
        option: &str,
    ) -> Result<Delivery, NotThere> {
        let message = self.current(person, message)?;
        let options =
            message.selects().into_iter().filter(|found| found.text == select).flat_map(|found| found.options);
        let (_, value) = find(options, option, |(text, value)| [text, value])
            .ok_or_else(|| NotThere::new("option", &format!("{select} / {option}"), &message))?;
        Ok(self.core().deliver(|events| events.chosen(person, &message, &value)).await)
    }

    /// `person` types into the editable field of this name.
    ///
    /// # Errors
    /// Where the person does not see the message, or it has no such field.
    pub async fn type_into(
        &self,
        person: &Person,
        message: &Message,
        field: &str,
        text: &str,
    ) -> Result<Delivery, NotThere> {
        let message = self.current(person, message)?;
        if !message.fields().iter().any(|found| found == field) {
            return Err(NotThere::new("field", field, &message));
        }
        Ok(self.core().deliver(|events| events.typed(person, &message, field, text)).await)
    }

    /// An administrator adds the app to their account.
    pub async fn install(&self, by: &Person) -> Delivery {
        self.core().state.change(|state| state.world.set_installed(&by.account, true));
        self.core().deliver(|events| events.installed(by)).await
    }

    /// An administrator removes the app from their account; the bot can no longer send there.
    pub async fn uninstall(&self, by: &Person) -> Delivery {
        self.core().state.change(|state| state.world.set_installed(&by.account, false));
        self.core().deliver(|events| events.deauthorized(by)).await
    }

    /// Deletes a channel; sending there is refused from now on.
    pub fn delete_channel(&self, channel: &Channel) {
        self.core().state.change(|state| state.world.remove_channel(channel));
    }

    /// Gives a channel another name; its JID stays.
    pub fn rename_channel(&self, channel: &Channel, name: &str) {
        self.core().state.change(|state| state.world.rename_channel(channel, name));
    }

    /// Gives a person another name.
    pub fn rename(&self, person: &Person, name: &str) {
        self.core().state.change(|state| state.world.rename(person, name));
    }

    /// Deactivates a person: their JID and user id are nobody's from now on.
    pub fn deactivate(&self, person: &Person) {
        self.core().state.change(|state| state.world.remove_person(person));
    }

    /// Lets Zoom refuse (403, code 7004) every message to this person's own chat with the bot.
    pub fn refuse_direct(&self, person: &Person) {
        self.core().state.change(|state| state.refused_directs.insert(person.user_id.clone()));
    }

    /// Takes back [`Self::refuse_direct`].
    pub fn allow_direct(&self, person: &Person) {
        self.core().state.change(|state| state.refused_directs.remove(&person.user_id));
    }

    /// Who sits at every browser from now on.
    pub fn log_in(&self, person: &Person) {
        self.core().state.change(|state| state.grants.logged_in = Some(person.clone()));
    }

    /// An administrator adds the app on the Marketplace's page: the code with which it sends the browser back.
    ///
    /// # Panics
    /// Where the app has no redirect address.
    #[must_use]
    pub fn consent(&self, by: &Person) -> String {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        core.state.change(|state| {
            let redirect = state.grants.redirects.first().cloned().expect("the app has a redirect address");
            state.grants.new_code(by, &redirect, &core.ids, now_ms)
        })
    }

    /// Sends browsers back to this address too.
    pub fn allow_redirect(&self, address: &str) {
        self.core().state.change(|state| state.grants.redirects.push(address.to_owned()));
    }

    /// What the app asks for from now on.
    pub fn ask_for(&self, scopes: &[&str]) {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.core().state.change(|state| state.grants.scopes = scopes);
    }

    /// Ends every grant of a person, as on their own page of apps.
    pub fn revoke_grants(&self, person: &Person) {
        self.core().state.change(|state| state.grants.tokens.retain(|grant| grant.person != *person));
    }

    /// Makes somebody an administrator of their account.
    pub fn promote(&self, person: &Person) {
        self.core().state.change(|state| state.world.promote(person));
    }

    /// Takes that back.
    pub fn demote(&self, person: &Person) {
        self.core().state.change(|state| state.world.demote(person));
    }

    /// Makes somebody a guest: of another account, and no user of this one.
    pub fn make_guest(&self, person: &Person) {
        self.core().state.change(|state| state.world.make_guest(person));
    }

    /// Somebody joins a channel.
    pub fn join_channel(&self, person: &Person, channel: &Channel) {
        self.core().state.change(|state| state.world.join(person, channel));
    }

    /// Somebody leaves a channel.
    pub fn leave_channel(&self, person: &Person, channel: &Channel) {
        self.core().state.change(|state| state.world.leave(person, channel));
    }

    /// Ends every token that was issued so far, as if its hour were over.
    pub fn expire_tokens(&self) {
        let now_ms = self.core().clock.now_ms();
        self.core().state.change(|state| {
            state.tokens.values_mut().for_each(|end| *end = now_ms);
            state.grants.tokens.iter_mut().for_each(|grant| grant.access_end_ms = now_ms);
        });
    }

    /// The message as it now is, if this person sees it.
    fn current(&self, person: &Person, message: &Message) -> Result<Message, NotThere> {
        let visible = |found: &&Message| found.id == message.id && found.is_seen_by(person);
        let found = self.core().state.read(|state| state.messages.iter().find(visible).cloned());
        found.ok_or_else(|| NotThere::new("message", &message.id, message))
    }
}

fn find<T>(items: impl Iterator<Item = T>, wanted: &str, names: impl Fn(&T) -> [&String; 2]) -> Option<T> {
    let mut items = items;
    items.find(|item| names(item).into_iter().any(|name| name == wanted))
}

/// What a person wanted to press, choose or see is not there.
#[derive(Debug, thiserror::Error)]
#[error("there is no {kind} {wanted:?} for this person; the card is\n{card}")]
pub struct NotThere {
    kind: &'static str,
    wanted: String,
    card: String,
}

impl NotThere {
    fn new(kind: &'static str, wanted: &str, message: &Message) -> Self {
        Self { kind, wanted: wanted.to_owned(), card: message.to_string() }
    }
}
