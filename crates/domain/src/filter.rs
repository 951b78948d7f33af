//! Which changes of a project a channel wants to hear of.

use serde::{Deserialize, Serialize};

use crate::{Change, ChangeKind, Level};

/// What may post a card. A card that is there is always brought up to date, whatever the filter says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// The kinds of change that may post.
    pub events: Vec<Kind>,
    /// The lowest level that may post.
    pub level: Level,
}

/// The kinds of change, as people name them in a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `new`.
    New,
    /// `regressed`.
    Regressed,
    /// `escalating`.
    Escalating,
    /// `alert`.
    Alert,
}

impl Default for Filter {
    /// New, regressed, escalating and alerts, of level error and above.
    fn default() -> Self {
        Self { events: vec![Kind::New, Kind::Regressed, Kind::Escalating, Kind::Alert], level: Level::Error }
    }
}

impl Filter {
    /// Whether `change` may post a card. A change that does not tell a level counts as an error.
    pub fn admits(&self, change: &Change) -> bool {
        let kind = match change.kind {
            ChangeKind::New => Kind::New,
            ChangeKind::Regressed => Kind::Regressed,
            ChangeKind::Escalating => Kind::Escalating,
            ChangeKind::Alert { .. } => Kind::Alert,
            ChangeKind::Resolved | ChangeKind::Archived { .. } | ChangeKind::Reopened | ChangeKind::Assigned => {
                return false;
            }
        };
        self.events.contains(&kind) && change.issue.level.unwrap_or_default() >= self.level
    }

    /// In plain words, for people: `new issues, issues that come back, alerts`.
    pub fn events_in_words(&self) -> String {
        let words: Vec<_> = self.events.iter().map(|kind| kind.in_words()).collect();
        words.join(", ")
    }

    /// In plain words: `error and above`.
    pub fn level_in_words(&self) -> String {
        match self.level {
            Level::Debug => "all".into(),
            Level::Fatal => "fatal only".into(),
            level => format!("{} and above", level.word()),
        }
    }
}

impl Kind {
    fn in_words(self) -> &'static str {
        match self {
            Self::New => "new issues",
            Self::Regressed => "issues that come back",
            Self::Escalating => "issues that escalate",
            Self::Alert => "alerts",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Issue, IssueId, ProjectKey};

    fn change(kind: ChangeKind, level: Level) -> Change {
        Change {
            installation: None,
            project: ProjectKey::default(),
            issue_id: IssueId::new("1"),
            issue: Issue { level: Some(level), ..Issue::default() },
            kind,
            by: None,
        }
    }

    #[test]
    fn by_default_new_errors_post_and_warnings_do_not() {
        let filter = Filter::default();
        assert!(filter.admits(&change(ChangeKind::New, Level::Error)));
        assert!(filter.admits(&change(ChangeKind::Alert { rule: "r".into() }, Level::Fatal)));
        assert!(!filter.admits(&change(ChangeKind::New, Level::Warning)));
    }

    #[test]
    fn resolving_never_posts_a_card() {
        assert!(!Filter::default().admits(&change(ChangeKind::Resolved, Level::Fatal)));
    }
}
