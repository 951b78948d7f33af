//! One attempt of a person to link a Sentry account.
//!
//! PKCE and `state` alone do not stop a forwarded link: whoever opens it would be linked to whoever asked for it. So the
//! proof goes from the browser back into the chat: the page shows a code, and only the person who asked can send it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Action, CredentialId, Digest, Filter, Handle, Identity, Person, Place, Revision, Secret, Timestamp};

/// How long a link works, and how long the code is awaited.
pub const LINK_LIFE: Duration = Duration::from_secs(10 * 60);
/// No exchange of a code takes longer.
pub const EXCHANGE_LIFE: Duration = Duration::from_secs(60);
/// How many wrong codes end the attempt.
pub const CODE_TRIES: u8 = 5;
/// How often an hour the page sends a new link to the same person.
pub const RESENDS_PER_HOUR: usize = 3;
/// How long an ended attempt is remembered, so that its page says "expired" rather than "unknown".
pub const LINK_MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// One attempt. The token in its address is not kept, only the digest that recognises it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// SHA-256 of the token in the address.
    pub id: Digest,
    /// Who asked, and so the only one who may finish.
    pub person: Person,
    /// Where they asked.
    pub place: Place,
    /// What to do once linked.
    pub then: Pending,
    /// When the address, or the wait for the code, ends.
    pub expires: Timestamp,
    /// How far it has come.
    pub stage: Stage,
    /// When it was offered.
    pub offered: Timestamp,
    /// It was sent because the page of an earlier one was asked for it.
    pub again: bool,
    /// Counts changes; a writer names the one it has seen.
    pub revision: Revision,
}

/// What waits for the link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pending {
    /// Connect the place to a project, by the names typed.
    Connect {
        /// The organization as typed.
        org: String,
        /// The project as typed.
        project: String,
        /// What may post.
        #[serde(default)]
        filter: Filter,
    },
    /// Nothing: somebody changes the account that they have linked.
    Nothing,
    /// Carry out a press.
    Press {
        /// On which card.
        card: Handle,
        /// Which action.
        action: Action,
    },
    /// Show to whom an issue can be given.
    Assign {
        /// On which card it was pressed.
        card: Handle,
    },
}

/// How far an attempt has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The address was sent; nobody has pressed the page's button.
    Offered,
    /// The browser is at Sentry. Both digests must match when it comes back.
    AtSentry {
        /// SHA-256 of the OAuth `state`.
        state: Digest,
        /// SHA-256 of the cookie.
        cookie: Digest,
    },
    /// The browser came back; the code is being exchanged. `state` is burnt.
    Exchanging {
        /// Under which the grant is sealed, should there be one: known before it exists, so that none is left behind.
        credential: CredentialId,
    },
    /// The grant is sealed and inactive until the person sends the code.
    AwaitingCode {
        /// Six digits, shown in the browser only.
        code: Secret,
        /// How many wrong ones are left.
        tries_left: u8,
        /// Who signed in at Sentry.
        identity: Identity,
        /// The inactive grant.
        credential: CredentialId,
    },
    /// Finished: linked, cancelled, failed, expired, or replaced by a newer attempt.
    Ended,
}

impl Link {
    /// Whether the page's button still works.
    pub fn is_offered(&self, now: Timestamp) -> bool {
        self.stage == Stage::Offered && now < self.expires
    }

    /// Whether a code is awaited.
    pub fn awaits_code(&self, now: Timestamp) -> bool {
        matches!(self.stage, Stage::AwaitingCode { .. }) && now < self.expires
    }

    /// Moves on to `stage`.
    #[must_use]
    pub fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self.revision = self.revision.next();
        self
    }

    /// The inactive grant, if one is held or may be.
    pub fn credential(&self) -> Option<&CredentialId> {
        match &self.stage {
            Stage::Exchanging { credential } | Stage::AwaitingCode { credential, .. } => Some(credential),
            _ => None,
        }
    }
}

/// What somebody typed, as a code: digits, with spaces and hyphens left out.
pub fn code_digits(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_with_its_spaces_and_hyphens() {
        assert_eq!(code_digits(" 482 913"), "482913");
        assert_eq!(code_digits("482-913"), "482913");
        assert_eq!(code_digits("482\u{a0}\u{2013}913"), "482913");
    }
}
