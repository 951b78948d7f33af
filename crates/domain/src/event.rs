//! Everything that can come in, in the past tense. Closed: the adapters decode into it, the core decides on it.

use crate::{
    Account, AccountId, Change, InstallationId, MessageId, OrgSlug, Person, Place, Press, Secret, Timestamp, TriggerId,
};

/// A fact that came in with a verified delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is a change: a box would cost each delivery an allocation"
)]
pub enum Event {
    /// Somebody typed a command, or wrote to the bot.
    Said(Said),
    /// Somebody pressed a button or chose an option.
    Pressed(Pressed),
    /// Somebody typed into the field of a message.
    Typed(Typed),
    /// Somebody posted addresses of which the platform lets us show more.
    Shared(Shared),
    /// An account installed the bot.
    Installed {
        /// The account, and who installed it.
        account: Account,
        /// Whom to welcome.
        by: Person,
    },
    /// An account removed the bot: everything of it goes.
    Deauthorized {
        /// Which account.
        account: AccountId,
        /// When it did, where the platform says so.
        at: Option<Timestamp>,
    },
    /// Something happened to an issue.
    Changed(Change),
    /// A Sentry organization installed our integration.
    IntegrationInstalled {
        /// The installation.
        installation: InstallationId,
        /// Its organization.
        org: OrgSlug,
        /// What its token is given for, once and soon.
        code: Option<Secret>,
    },
    /// A Sentry organization removed our integration.
    IntegrationRemoved {
        /// The installation.
        installation: InstallationId,
        /// Its organization, where it is named: that it was installed may never have been heard.
        org: Option<OrgSlug>,
    },
}

/// Somebody typed a command, or wrote to the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub by: Person,
    /// Where.
    pub place: Place,
    /// The text after the slash command, or the whole message.
    pub text: String,
    /// When it was typed, where the platform says so.
    pub at: Option<Timestamp>,
}

/// Somebody pressed a button or chose an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Who.
    pub by: Person,
    /// Where.
    pub place: Place,
    /// What; `None` where the value is none of ours.
    pub press: Option<Press>,
    /// On which message, where the platform says so.
    pub message: Option<MessageId>,
}

/// Somebody typed into the field of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// Who.
    pub by: Person,
    /// Where.
    pub place: Place,
    /// Something that can be pressed on the same message: it says which one it is. The platform sends it back, and it is
    /// believed no more than a press.
    pub beside: Option<Press>,
    /// On which message, where the platform says so.
    pub message: Option<MessageId>,
    /// What is in the field now.
    pub text: String,
}

/// Somebody posted addresses of which the platform lets us show more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Who.
    pub by: Person,
    /// Where.
    pub place: Place,
    /// In which message, where the platform says so: it may tell of each of its addresses apart.
    pub message: Option<MessageId>,
    /// The addresses.
    pub links: Vec<String>,
    /// Under which more of one of them can be shown.
    pub trigger: TriggerId,
}
