//! What a channel is connected to.

use serde::{Deserialize, Serialize};

use crate::{Address, Admission, Change, ChannelSettings, Filter, Mute, Person, Place, Project, Timestamp, Zone};

/// A channel receives a project's changes. The channel owns it, not the person who set it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The channel.
    pub place: Place,
    /// The project.
    pub project: Project,
    /// What may post a card.
    pub filter: Filter,
    /// Who set it up; messages are sent on their behalf.
    pub by: Person,
    /// Since when.
    pub since: Timestamp,
    /// How the channel wants its cards. The store keeps it as the channel has it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: ChannelSettings,
    /// For how long it posts nothing. One that is over stays until the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mute: Option<Mute>,
}

/// Rows are small where nothing was set.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Subscription {
    /// Whether `change` may post a card in the channel, without a question.
    pub fn admits(&self, change: &Change) -> bool {
        self.admission(change) == Admission::Given
    }

    /// Whether `change` may post a card in the channel.
    pub fn admission(&self, change: &Change) -> Admission {
        self.filter.admission(change)
    }

    /// The mute that is on.
    pub fn muted(&self, now: Timestamp) -> Option<&Mute> {
        self.mute.as_ref().filter(|mute| now < mute.until)
    }

    /// Where its cards go.
    pub fn address(&self) -> Address {
        Address::everyone(&self.place, &self.by)
    }
}
/// In which zone a channel of these subscriptions reads the clock.
pub(crate) fn zone_of(here: &[Subscription]) -> Zone {
    here.first().map_or(Zone::UTC, |subscription| subscription.settings.zone)
}
