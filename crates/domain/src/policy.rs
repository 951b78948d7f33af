//! Who may change what a channel gets.

use crate::{OrgSlug, Subscription};

/// What somebody may do in an account, and who may do more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// They manage the account.
    pub is_manager: bool,
    /// The organizations that they manage at Sentry.
    pub manages: Vec<OrgSlug>,
    /// Who does, by name, as far as they were ever seen here. Only where that matters.
    pub managers: Vec<String>,
}

impl Rights {
    /// Whether they manage all of what a channel gets.
    pub fn manage(&self, here: &[Subscription]) -> bool {
        let all = || here.iter().all(|s| self.manages.contains(&s.project.org));
        self.is_manager || !self.manages.is_empty() && all()
    }

    /// Whether they manage the organization of this slug, as somebody typed it.
    pub fn manage_org(&self, typed: &str) -> bool {
        self.is_manager || self.manages.iter().any(|org| org.as_str().eq_ignore_ascii_case(typed))
    }
}
