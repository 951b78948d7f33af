//! What people write, whether or not the bot hears of it.

use super::{
    Zoom,
    world::{Channel, Person, Place},
};
use crate::deliver::Delivery;

/// One message of a person.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub person: Person,
    /// Where.
    pub place: Place,
    /// What it says; of a slash command in a channel, all of it.
    pub text: String,
    /// The message in whose thread it is.
    pub thread: Option<String>,
    /// When it was sent, in milliseconds since the Unix epoch by the sandbox's clock.
    pub sent_ms: i64,
    /// Whether it is a slash command in a channel, which nobody else sees.
    pub is_command: bool,
}

impl Spoken {
    /// Whether this person sees it.
    #[must_use]
    pub fn is_seen_by(&self, viewer: &Person) -> bool {
        let inside = match &self.place {
            Place::Channel(channel) => channel.account == viewer.account,
            Place::Direct(person) => person == viewer,
        };
        inside && (!self.is_command || self.person == *viewer)
    }
}

impl Zoom {
    /// What people have written in a place, as `viewer` sees it, oldest first.
    #[must_use]
    pub fn spoken(&self, place: impl Into<Place>, viewer: &Person) -> Vec<Spoken> {
        let place = place.into();
        let here = |spoken: &&Spoken| spoken.place.jid() == place.jid() && spoken.is_seen_by(viewer);
        self.core().state.read(|state| state.spoken.iter().filter(here).cloned().collect())
    }

    /// `person` writes an ordinary message in a channel. The bot hears of it only where it is mentioned, and of addresses
    /// that begin with `trusted`, which is on the app's Trust Domain List. Answers what became of the webhooks.
    pub async fn write(&self, person: &Person, channel: &Channel, text: &str, trusted: &str) -> Vec<Delivery> {
        let links: Vec<_> = text.split_whitespace().filter(|word| word.starts_with(trusted)).collect();
        if let Some(words) = text.strip_prefix("@Sentry") {
            return vec![self.mention(person, channel, words.trim_start(), false).await];
        }
        let message = self.core().ids.uuid().to_uppercase();
        self.note(&message, person, &Place::from(channel), text, None);
        self.tell_of(person, channel, &message, &links, false).await
    }

    /// Keeps what somebody wrote.
    pub(super) fn note(&self, id: &str, person: &Person, place: &Place, text: &str, thread: Option<&str>) {
        let is_command = matches!(place, Place::Channel(_)) && text.starts_with('/');
        let spoken = Spoken {
            id: id.to_owned(),
            person: person.clone(),
            place: place.clone(),
            text: text.to_owned(),
            thread: thread.map(str::to_owned),
            sent_ms: self.core().clock.now_ms(),
            is_command,
        };
        self.core().state.change(|state| state.spoken.push(spoken));
    }

    /// The same, under an id that is made up: the bot never learns it.
    pub(super) fn note_unnamed(&self, person: &Person, place: &Place, text: &str, thread: Option<&str>) {
        let id = self.core().state.read(|state| format!("said-{}", state.spoken.len()));
        self.note(&id, person, place, text, thread);
    }
}
