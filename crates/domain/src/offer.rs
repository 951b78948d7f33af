//! Commands that a message offers as buttons: whoever presses one has typed it, with their own rights.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Assignee, Handle, Kind, Level, Pending, Place, ProjectId, Setting, Timestamp};

/// How long its buttons work.
pub const OFFER_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What the buttons of one message do. They carry only its handle and a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What its buttons carry.
    pub handle: Handle,
    /// Where the message is; elsewhere they do nothing.
    pub place: Place,
    /// Until when.
    pub expires: Timestamp,
    /// What each of them does.
    pub what: Vec<Offered>,
}

/// What one button does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offered {
    /// As if whoever presses it had typed this line.
    Line(String),
    /// Shows the channel's settings.
    Settings,
    /// Changes one of them.
    Set(Setting),
    /// Shows what a project may post.
    Project(ProjectId),
    /// Another lowest level may post.
    Level {
        /// Of which project.
        project: ProjectId,
        /// The level.
        level: Level,
    },
    /// One kind of change may post, or not.
    Event {
        /// Of which project.
        project: ProjectId,
        /// The kind.
        kind: Kind,
        /// Whether.
        on: bool,
    },
    /// Shows the channels of the account.
    All {
        /// Which of them.
        group: Group,
        /// Which page, from 0.
        page: u16,
    },
    /// Does something about all subscriptions of a group that whoever presses may see.
    Bulk {
        /// Which.
        group: Group,
        /// What.
        act: Act,
    },
    /// Gives the issue of a card to somebody.
    Assign {
        /// Which card.
        card: Handle,
        /// To whom.
        to: Assignee,
    },
    /// Shows again to whom the issue of a card can be given.
    Assignees {
        /// Which card.
        card: Handle,
    },
    /// A place to which nothing comes is tried again now.
    Resume(Place),
    /// Links another Sentry account, and then goes on.
    Switch {
        /// Where.
        place: Place,
        /// With what.
        then: Box<Pending>,
    },
}

/// A button that becomes one when its message is sent: see [`crate::Notice::offer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What it says.
    pub label: String,
    /// What it does.
    pub what: Offered,
}

/// Which subscriptions of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Nothing can be sent to their channel, or webhooks are missing.
    Care,
    /// Their channel gets more than anybody reads.
    Noisy,
    /// They are muted.
    Muted,
    /// All of them.
    All,
}

/// What is done about many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// They are muted for a day.
    Mute,
    /// They are not muted any more.
    Unmute,
    /// They are disconnected.
    Remove,
}
