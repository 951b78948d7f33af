//! What people see in the simulated Zoom.

use std::time::Duration;

use tokio::sync::futures::Notified;

use super::{
    Zoom,
    message::Message,
    state::State,
    world::{Person, Place},
};

impl Zoom {
    /// The bot's messages in a place as `viewer` sees them, oldest first.
    #[must_use]
    pub fn messages(&self, place: impl Into<Place>, viewer: &Person) -> Vec<Message> {
        let place = place.into();
        self.core().state.read(|state| seen(state, &place, viewer))
    }

    /// The message of this id, if `viewer` sees it.
    #[must_use]
    pub fn message(&self, viewer: &Person, id: &str) -> Option<Message> {
        let is_it = |message: &&Message| message.id == id && message.is_seen_by(viewer);
        self.core().state.read(|state| state.messages.iter().find(is_it).cloned())
    }

    pub(crate) fn changed(&self) -> Notified<'_> {
        self.core().state.changed()
    }

    /// Waits at most `limit` of real time until `viewer` sees a message that `wanted` accepts, and answers the oldest.
    ///
    /// # Errors
    /// What there was instead, for a person to read.
    pub async fn wait_for(
        &self,
        place: impl Into<Place>,
        viewer: &Person,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&Message) -> bool,
    ) -> Result<Message, NotSeen> {
        let first = |messages: &[Message]| messages.iter().find(|message| wanted(message)).cloned();
        self.wait_until(place, viewer, what, limit, first).await
    }

    /// Waits at most `limit` of real time until `look` finds something in all that `viewer` sees in a place.
    ///
    /// # Errors
    /// What there was instead, for a person to read.
    pub async fn wait_until<T>(
        &self,
        place: impl Into<Place>,
        viewer: &Person,
        what: &str,
        limit: Duration,
        look: impl Fn(&[Message]) -> Option<T>,
    ) -> Result<T, NotSeen> {
        let place = place.into();
        let found = self.core().state.until(limit, |state| look(&seen(state, &place, viewer))).await;
        found.ok_or_else(|| NotSeen {
            what: what.to_owned(),
            place: place.name().to_owned(),
            viewer: viewer.name.clone(),
            instead: self.messages(&place, viewer).iter().map(|message| format!("\n\n{message}")).collect(),
        })
    }
}

fn seen(state: &State, place: &Place, viewer: &Person) -> Vec<Message> {
    let here = |message: &&Message| message.place.jid() == place.jid() && message.is_seen_by(viewer);
    state.messages.iter().filter(here).cloned().collect()
}

/// A message that was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {viewer} did not see it in {place}; there was{}", if instead.is_empty() { " nothing" } else { instead })]
pub struct NotSeen {
    what: String,
    place: String,
    viewer: String,
    instead: String,
}
