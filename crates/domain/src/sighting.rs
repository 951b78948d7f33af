//! In which environments an issue was seen, and when first there.

use serde::{Deserialize, Serialize};

use crate::{IssueId, OrgSlug, Project, ProjectId, Timestamp};

/// Where an issue was first seen by us, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The environment.
    pub environment: String,
    /// When an event first told of it.
    pub at: Timestamp,
}

/// An event told of an issue in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// Whose issue.
    pub org: OrgSlug,
    /// Its project.
    pub project: ProjectId,
    /// Which issue.
    pub issue: IssueId,
    /// Where and when.
    pub sighting: Sighting,
}

/// An issue that is known from one environment was told of in another: whether it is new there is for Sentry to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskFirst {
    /// Its project.
    pub project: Project,
    /// The issue.
    pub issue: IssueId,
    /// Where it was told of.
    pub environment: String,
    /// Where it was seen first.
    pub elsewhere: Sighting,
}

/// An issue that is known from one environment is new in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstIn {
    /// Where it is new.
    pub environment: String,
    /// Where it was seen first.
    pub elsewhere: Sighting,
}
