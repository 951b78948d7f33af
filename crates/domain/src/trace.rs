//! What became of each thing that Sentry told, channel by channel: why a message is there, and why one is not.

use serde::{Deserialize, Serialize};

use crate::{AccountId, ChannelId, IssueId, Kind, Level, Timestamp};

/// One thing that was told of an issue, or done about it, in one channel. Ids and verdicts, nothing that Sentry wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The account.
    pub account: AccountId,
    /// The channel.
    pub channel: ChannelId,
    /// The issue's number.
    pub issue: IssueId,
    /// `WEB-7`, where it was told.
    pub short_id: Option<String>,
    /// When.
    pub at: Timestamp,
    /// What was told; `None` where it is no kind that people can ask for.
    pub told: Option<Kind>,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of something that Sentry told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A message of its own was queued.
    Queued,
    /// The message that is there was to say so.
    Edit,
    /// The message that is there, or that waits, says it already or will.
    Merged,
    /// Sentry is asked where it happened, because the channel's filter needs to know.
    Asked,
    /// Sentry was asked, and the filter wants it.
    Fits,
    /// Sentry was asked, and the filter does not want it.
    LeftOut(Refusal),
    /// Sentry could not say where it happened: it is wanted.
    Unsaid,
    /// The channel's filter does not want it.
    Filtered(Refusal),
    /// The channel is muted; what tells of it when that ends has it.
    Muted,
    /// A storm's message stands for it.
    Storm,
    /// No webhook told of it: it was found by asking Sentry, and a catch-up message has it.
    CaughtUp,
    /// Zoom took its message.
    Posted,
    /// It waited for its message when the channel was disconnected.
    Disconnected,
    /// Its message was given up.
    GivenUp,
}

/// What of a filter does not want something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// `event:`
    Event,
    /// `level:`, with the level that it had.
    Level(Level),
    /// `title:`
    Title,
    /// `env:`
    Environment,
    /// `tag:`
    Tag,
}

/// Which issue somebody means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueName {
    /// By its number, as in the address of its page.
    Number(IssueId),
    /// `WEB-7`, in any case.
    Short(String),
}

impl IssueName {
    /// As people read it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Number(id) => id.as_str(),
            Self::Short(short) => short,
        }
    }
}
