//! Who speaks, and where.

use serde::{Deserialize, Serialize};

use crate::text::line;
use crate::{AccountId, ChannelId, CredentialId, InstallationId, MessageId, OrgSlug, Timestamp, UserId, UserJid};

/// A person in the chat platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The account in whose channels they speak.
    pub account: AccountId,
    /// Their number; empty for guests and people of other accounts.
    pub user: UserId,
    /// Their address.
    pub jid: UserJid,
    /// Their display name, for messages only.
    pub name: String,
}

impl Person {
    /// Guests may ask for help and nothing else.
    pub fn is_guest(&self) -> bool {
        self.user.as_str().is_empty()
    }
}

/// Where something was said or pressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The account.
    pub account: AccountId,
    /// The channel; for the bot's own chat the person's JID.
    pub channel: ChannelId,
    /// The channel's name as the webhook said it. Names go stale on a rename.
    pub name: Option<String>,
    /// The bot's own chat with one person.
    pub direct: bool,
}

impl Place {
    /// The bot's own chat with `person`.
    pub fn direct(person: &Person) -> Self {
        Self { account: person.account.clone(), channel: ChannelId::new(person.jid.as_str()), name: None, direct: true }
    }

    /// Whether this is the same channel, whatever it was called when.
    pub fn is_same(&self, other: &Self) -> bool {
        self.account == other.account && self.channel == other.channel
    }

    /// How people see it: `#ops`, or `this chat`. Whoever may rename a channel chooses its name.
    pub fn label(&self) -> String {
        const SHOWN: usize = 80;
        let name = self.name.as_deref().map_or_else(String::new, |name| line(name.trim_start_matches('#'), SHOWN));
        match (name.as_str(), self.direct) {
            (_, true) => "this chat".into(),
            ("", false) => "this channel".into(),
            (name, false) => format!("#{name}"),
        }
    }
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The account on whose behalf the bot speaks.
    pub account: AccountId,
    /// A channel, or a person's own chat with the bot.
    pub to: ChannelId,
    /// The only person who sees it, in a channel.
    pub visible_to: Option<UserId>,
    /// The person on whose behalf it is sent: who typed the command, or who connected the project.
    pub on_behalf_of: UserJid,
    /// The message that it answers, for a thread.
    pub reply_to: Option<MessageId>,
}

impl Address {
    /// Everyone in `place` sees it.
    pub fn everyone(place: &Place, by: &Person) -> Self {
        Self {
            account: place.account.clone(),
            to: place.channel.clone(),
            visible_to: None,
            on_behalf_of: by.jid.clone(),
            reply_to: None,
        }
    }

    /// Only `person` sees it, in `place`; in the bot's own chat nobody else is there anyway.
    pub fn privately(place: &Place, person: &Person) -> Self {
        let visible_to = (!place.direct && !person.is_guest()).then(|| person.user.clone());
        Self { visible_to, ..Self::everyone(place, person) }
    }

    /// The bot's own chat with `person`.
    pub fn direct(person: &Person) -> Self {
        Self::everyone(&Place::direct(person), person)
    }
}

/// Who a person is at Sentry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Sentry's number of the user.
    pub id: String,
    /// Display name.
    pub name: String,
    /// E-mail address, which is how people recognise their account; empty where Sentry did not say.
    pub email: String,
}

impl Identity {
    /// How people recognise it: the address, else the name.
    pub fn label(&self) -> &str {
        if self.email.is_empty() { &self.name } else { &self.email }
    }
}

/// A person's Sentry account, proved by the code typed back in the chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedPerson {
    /// The person in the chat.
    pub person: Person,
    /// The account at Sentry.
    pub identity: Identity,
    /// The grant to act as that account.
    pub credential: CredentialId,
    /// Since when.
    pub since: Timestamp,
    /// The organizations that they manage there, as it was last read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manages: Vec<OrgSlug>,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles_read: Option<Timestamp>,
}

/// As whom Sentry is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// With a linked person's own grant and rights.
    Person {
        /// The account whose vault holds the grant.
        account: AccountId,
        /// Which grant.
        credential: CredentialId,
    },
    /// As the integration of one organization.
    Integration {
        /// Which organization.
        org: OrgSlug,
    },
    /// With the token of our Sentry App's installation in one organization: to read, never for a person.
    Installation {
        /// Which installation.
        installation: InstallationId,
        /// Its organization.
        org: OrgSlug,
    },
}

impl Actor {
    /// Acts as `linked`.
    pub fn person(linked: &LinkedPerson) -> Self {
        Self::Person { account: linked.person.account.clone(), credential: linked.credential.clone() }
    }
}

/// An account that installed the bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// Who installed it, and so may manage it.
    pub installer: Option<UserId>,
    /// When it was installed: a removal of an earlier installation may be told of later.
    #[serde(default)]
    pub since: Option<Timestamp>,
}
