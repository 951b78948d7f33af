//! Taking a change of a channel's connections back, for ten minutes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Button, ChannelSettings, Choice, Filter, Handle, Mute, Place, Press, Project, Subscription, Timestamp, Whole,
};

/// How long a change can be taken back.
pub const UNDO_LIFE: Duration = Duration::from_secs(600);

/// A change that can be taken back, once, by whoever may make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// What its button carries.
    pub handle: Handle,
    /// The channel.
    pub place: Place,
    /// Until when.
    pub expires: Timestamp,
    /// What was changed.
    pub what: Undoing,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undoing {
    /// It was connected.
    Connected(Project),
    /// These were disconnected.
    Disconnected(Vec<Subscription>),
    /// Its filter was this one before.
    Filtered {
        /// The project.
        project: Project,
        /// What could post.
        filter: Filter,
    },
    /// Every project of an organization was connected, these anew.
    ConnectedWhole {
        /// The organization.
        whole: Box<Whole>,
        /// The projects.
        projects: Vec<Project>,
        /// What it was already, where only projects were new.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Box<Whole>>,
    },
    /// These were disconnected, and organizations as a whole.
    DisconnectedWhole {
        /// The organizations.
        wholes: Vec<Whole>,
        /// The projects.
        gone: Vec<Subscription>,
    },
    /// These filters were there before.
    FilteredWhole {
        /// The organization's.
        whole: Box<Whole>,
        /// Those of its projects.
        before: Vec<(Project, Filter)>,
    },
    /// The channel's settings were these before.
    Settings(ChannelSettings),
    /// These were muted like this before.
    Muted(Vec<(Project, Option<Mute>)>),
}

impl Undoing {
    /// The command that is taken back.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Connected(_) | Self::ConnectedWhole { .. } => "connect",
            Self::Disconnected(_) | Self::DisconnectedWhole { .. } => "disconnect",
            Self::Filtered { .. } | Self::FilteredWhole { .. } => "filter",
            Self::Muted(_) => "mute",
            Self::Settings(_) => "settings",
        }
    }
}

impl Undo {
    /// The button that takes it back.
    pub fn button(&self) -> Button {
        let press = Press { card: self.handle.clone(), choice: Choice::Undo };
        Button { label: "Undo (10 min)".into(), press, primary: false }
    }
}
