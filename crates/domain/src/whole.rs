//! A channel that is connected to every project of an organization, also to those to come.

use serde::{Deserialize, Serialize};

use crate::{Filter, OrgSlug, Person, Place, Timestamp};

/// What is typed for every project.
pub const EVERY: &str = "*";

/// What is typed in the place of a name, to choose it from a list.
pub const CHOOSE: &str = "?";

/// Every project of an organization. Each has a subscription of its own; this is why new ones join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// The channel.
    pub place: Place,
    /// The organization.
    pub org: OrgSlug,
    /// Its display name.
    pub org_name: String,
    /// What may post of a project that joins.
    pub filter: Filter,
    /// Who set it up: a project joins that they may see.
    pub by: Person,
    /// Since when.
    pub since: Timestamp,
}

impl Whole {
    /// Whether somebody means this organization, by slug or name.
    pub fn is_called(&self, typed: &str) -> bool {
        self.org.as_str().eq_ignore_ascii_case(typed) || self.org_name.to_lowercase() == typed.to_lowercase()
    }

    /// As people read it: `every project of acme`.
    pub fn label(&self) -> String {
        format!("every project of {}", self.org)
    }
}
