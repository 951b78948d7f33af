//! What is said about an issue, and changes nothing of it.

use serde::{Deserialize, Serialize};

use crate::Kind;

/// Something that was said about an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What it is.
    pub what: Remarked,
    /// What it says; a stranger's words.
    pub text: String,
    /// Who said it, by display name, where it was a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remarked {
    /// A comment.
    Comment,
    /// Another text for a comment.
    CommentChanged,
    /// What Sentry's analysis found or did.
    Seer,
}

impl Remarked {
    /// The kind that people name in a filter.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Comment | Self::CommentChanged => Kind::Comment,
            Self::Seer => Kind::Seer,
        }
    }

    /// What the head's first word says.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Comment => "Comment",
            Self::CommentChanged => "Comment changed",
            Self::Seer => "Seer",
        }
    }
}
