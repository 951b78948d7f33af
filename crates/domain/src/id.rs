//! Identifiers. All are opaque: stored as received, never taken apart.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the identifier as it came.
            pub fn new(raw: impl Into<String>) -> Self {
                Self(raw.into())
            }

            /// The identifier as it came.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! jid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// JIDs are compared without regard to ASCII case, but sent back as they came.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the JID as it came.
            pub fn new(raw: impl Into<String>) -> Self {
                Self(raw.into())
            }

            /// The JID as it came.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The form in which two spellings of one JID are equal: for keys and look-ups.
            pub fn key(&self) -> String {
                self.0.to_ascii_lowercase()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.key().hash(state);
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque_id!(
    /// A Zoom account: the tenant. Taken from signed bodies only.
    AccountId
);
opaque_id!(
    /// A Zoom user. Empty for guests, who may do nothing but ask for help.
    UserId
);
opaque_id!(
    /// A message that the chat platform keeps for us.
    MessageId
);
opaque_id!(
    /// Under which the chat platform takes, once and for a while, what is to be shown of an address that somebody posted.
    TriggerId
);
opaque_id!(
    /// Our integration in one Sentry organization (a UUID).
    InstallationId
);
opaque_id!(
    /// A hook of ours in a Sentry project.
    HookId
);
opaque_id!(
    /// A Sentry issue ("group"): a decimal number, unique in one Sentry. Also what a card is about that is none: see
    /// [`IssueId::of_alert`].
    IssueId
);

impl IssueId {
    /// A metric alert, from its first webhook until it is resolved. An issue's is nothing but digits, so that none is
    /// mistaken for the other. The number must be unique in one Sentry.
    pub fn of_alert(number: &str) -> Self {
        Self(format!("alert-{number}"))
    }
}

opaque_id!(
    /// A Sentry project's number. It outlives a change of slug.
    ProjectId
);
opaque_id!(
    /// The canonical slug of a Sentry organization, as Sentry answered it.
    OrgSlug
);
opaque_id!(
    /// The canonical slug of a Sentry project, as Sentry answered it. Unique in its organization only.
    ProjectSlug
);
opaque_id!(
    /// 128 random bits in hex that stand for a card in button values, so that a button carries no facts.
    Handle
);
opaque_id!(
    /// 128 random bits in hex: one grant of one person, from the exchange of the code to its revocation.
    CredentialId
);
opaque_id!(
    /// 128 random bits in hex: one queued job. It exists before the row does, and a replay keeps it.
    JobId
);
jid!(
    /// Where messages live: a channel, a group chat, or a person's own chat with the bot.
    ChannelId
);
jid!(
    /// A person's address in the chat platform.
    UserJid
);

/// SHA-256 of something that must be recognised but not kept: a link token, a cookie, an OAuth `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Lower-case hex, 64 characters.
    pub fn to_hex(&self) -> String {
        use fmt::Write;
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Counts the changes of a row; a writer names the one it has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision that the next change makes.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Whose row it is. Isolation, key derivation and purging go by owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Owner {
    /// Everything of one Zoom account.
    Zoom(AccountId),
    /// Tokens and secrets of one Sentry installation or hook.
    Sentry(String),
}

impl Owner {
    /// Whose the token of an installation is.
    pub fn of_installation(installation: &InstallationId) -> Self {
        Self::Sentry(installation.as_str().to_owned())
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zoom(account) => write!(f, "zoom:{account}"),
            Self::Sentry(installation) => write!(f, "sentry:{installation}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_one_jid_are_one_channel() {
        let typed = ChannelId::new("ABC@conference.xmpp.zoom.us");
        assert_eq!(typed, ChannelId::new("abc@conference.xmpp.zoom.us"));
        assert_eq!(typed.as_str(), "ABC@conference.xmpp.zoom.us");
    }
}
