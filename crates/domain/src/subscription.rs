//! What a channel is connected to.

use serde::{Deserialize, Serialize};

use crate::{Address, Change, Filter, Person, Place, Project, Timestamp};

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
}

impl Subscription {
    /// Whether `change` may post a card in the channel.
    pub fn admits(&self, change: &Change) -> bool {
        self.filter.admits(change)
    }

    /// Where its cards go.
    pub fn address(&self) -> Address {
        Address::everyone(&self.place, &self.by)
    }
}
