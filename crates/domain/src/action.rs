//! What can be done about an issue at Sentry.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Archive, Assignee, Fix, Status, Timestamp};

/// What can be done about an issue at Sentry (Sentry, update an issue).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Resolve the issue now.
    Resolve,
    /// Resolve it from a release on: earlier ones may still tell of it.
    ResolveIn(Release),
    /// Archive it until it escalates.
    Archive,
    /// Archive it until something else.
    ArchiveUntil(Limit),
    /// Open it again.
    Reopen,
    /// Give it to somebody, or to nobody.
    Assign(Assignee),
}

/// From which release on an issue is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// The one that comes after the latest.
    Next,
    /// The latest one.
    Current,
}

/// Until when an issue is put away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// For an hour.
    Hour,
    /// For a day.
    Day,
    /// Until it has happened 10 times more.
    Ten,
    /// Until it has happened 100 times more.
    Hundred,
    /// Until it has happened 1000 times more.
    Thousand,
    /// For good.
    Forever,
}

impl Limit {
    /// For how long, where it is a time.
    pub fn time(self) -> Option<Duration> {
        match self {
            Self::Hour => Some(Duration::from_secs(3_600)),
            Self::Day => Some(Duration::from_secs(24 * 3_600)),
            Self::Ten | Self::Hundred | Self::Thousand | Self::Forever => None,
        }
    }

    /// Until how many more events, where it is that.
    pub fn events(self) -> Option<u32> {
        match self {
            Self::Ten => Some(10),
            Self::Hundred => Some(100),
            Self::Thousand => Some(1_000),
            Self::Hour | Self::Day | Self::Forever => None,
        }
    }

    /// What Sentry will say of an issue that is archived with it at `now`.
    pub(crate) fn since(self, now: Timestamp) -> Archive {
        match (self.time(), self.events()) {
            (Some(time), _) => Archive::Until(now + time),
            (_, Some(events)) => Archive::Events(events.into()),
            _ => Archive::Forever,
        }
    }
}

impl Action {
    /// The ways to resolve an issue, with what a list calls them.
    pub(crate) const RESOLVING: [(&str, Self); 3] = [
        ("now", Self::Resolve),
        ("in the next release", Self::ResolveIn(Release::Next)),
        ("in the current release", Self::ResolveIn(Release::Current)),
    ];

    /// The ways to put it away.
    pub(crate) const ARCHIVING: [(&str, Self); 7] = [
        ("until it escalates", Self::Archive),
        ("for 1 hour", Self::ArchiveUntil(Limit::Hour)),
        ("for 24 hours", Self::ArchiveUntil(Limit::Day)),
        ("for 10 events", Self::ArchiveUntil(Limit::Ten)),
        ("for 100 events", Self::ArchiveUntil(Limit::Hundred)),
        ("for 1000 events", Self::ArchiveUntil(Limit::Thousand)),
        ("for ever", Self::ArchiveUntil(Limit::Forever)),
    ];

    /// The status that it brings an issue to; `None` where it leaves that alone.
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Resolve | Self::ResolveIn(_) => Some(Status::Resolved),
            Self::Archive | Self::ArchiveUntil(_) => Some(Status::Archived),
            Self::Reopen => Some(Status::Unresolved),
            Self::Assign(_) => None,
        }
    }

    /// In what it resolves the issue, where that is no single moment.
    pub(crate) fn fix(&self) -> Option<Fix> {
        match self {
            Self::ResolveIn(release) => Some(Fix::In(*release)),
            _ => None,
        }
    }

    /// The word that stands for it in a button's value and in the audit.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::ResolveIn(Release::Next) => "resolve-next",
            Self::ResolveIn(Release::Current) => "resolve-current",
            Self::Archive => "archive",
            Self::ArchiveUntil(Limit::Hour) => "archive-1h",
            Self::ArchiveUntil(Limit::Day) => "archive-24h",
            Self::ArchiveUntil(Limit::Ten) => "archive-10",
            Self::ArchiveUntil(Limit::Hundred) => "archive-100",
            Self::ArchiveUntil(Limit::Thousand) => "archive-1000",
            Self::ArchiveUntil(Limit::Forever) => "archive-forever",
            Self::Reopen => "reopen",
            Self::Assign(_) => "assign",
        }
    }

    /// As something that is done.
    pub(crate) fn done(&self) -> &'static str {
        match self {
            Self::Resolve | Self::ResolveIn(_) => "resolved",
            Self::Archive | Self::ArchiveUntil(_) => "archived",
            Self::Reopen => "reopened",
            Self::Assign(_) => "assigned",
        }
    }

    /// As something that is being done.
    pub(crate) fn doing(&self) -> &'static str {
        match self {
            Self::Resolve | Self::ResolveIn(_) => "Resolving",
            Self::Archive | Self::ArchiveUntil(_) => "Archiving",
            Self::Reopen => "Reopening",
            Self::Assign(_) => "Assigning",
        }
    }
}
