//! Who changed what, when and where, and what came of it.

use crate::{AccountId, Person, Place, Timestamp};

/// One change, or one that was refused. It stays when what it changed is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The account.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// Who: `Ana (U1)`.
    pub actor: String,
    /// What they did: `connect`, `resolve`, …
    pub action: String,
    /// To what, and where: `acme / checkout in #ops`.
    pub object: String,
    /// `done`, or why not.
    pub result: String,
}

impl AuditEntry {
    /// Something that is done.
    pub fn done(at: Timestamp, by: &Person, place: &Place, action: &str, object: &str) -> Self {
        let actor = format!("{} ({})", crate::text::line(&by.name, 80), by.user);
        Self::of_itself(at, place, &actor, action, object)
    }

    /// Something that was not done by a person.
    pub fn of_itself(at: Timestamp, place: &Place, actor: &str, action: &str, object: &str) -> Self {
        let object = format!("{object} in {}", label(place));
        let (actor, action) = (actor.into(), action.into());
        Self { account: place.account.clone(), at, actor, action, object, result: "done".into() }
    }

    /// The same with what it came to: `done: until 16:30 UTC`.
    #[must_use]
    pub fn to(self, what: &str) -> Self {
        Self { result: format!("done: {}", crate::text::line(what, 200)), ..self }
    }

    /// The same, not done.
    #[must_use]
    pub fn refused(self, why: &str) -> Self {
        Self { result: format!("refused: {}", crate::text::line(why, 200)), ..self }
    }
}

/// A place as the operator finds it again.
fn label(place: &Place) -> String {
    match (&place.name, place.direct) {
        (_, true) => format!("the chat with {}", place.channel),
        (Some(name), false) => format!("#{} ({})", crate::text::line(name, 80), place.channel),
        (None, false) => place.channel.to_string(),
    }
}
