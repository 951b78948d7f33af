//! What jobs carry. Stored with them.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Action, Actor, Address, Filter, Handle, Identity, IssueId, IssueRef, MessageId, Notice, OrgSlug, Person,
    Place, Project, ProjectId, ProjectSlug, Remark, TriggerId,
};

/// A card that is posted where its channel's filter admits what Sentry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The account whose card it is.
    pub account: AccountId,
    /// The card.
    pub card: Handle,
    /// Its message when it became one: of an issue that came back, which is posted anew. Where the card has another one by
    /// now it was posted meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<MessageId>,
    /// Another card had told of it by then; where one has only since, nothing is left to tell.
    #[serde(default)]
    pub told: bool,
}

/// A message to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Where to.
    pub to: Address,
    /// What.
    pub notice: Notice,
    /// The message that says it from now on, instead of a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<MessageId>,
    /// What to say where, if this one is refused for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Box<Self>>,
}

/// A wish to connect a place to a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// Who wishes it.
    pub by: Person,
    /// Where.
    pub place: Place,
    /// The organization as typed: slug or display name.
    pub org: String,
    /// The project as typed: slug or display name.
    pub project: String,
    /// What may post.
    #[serde(default)]
    pub filter: Filter,
    /// As whom Sentry is asked.
    pub actor: Actor,
    /// The account at Sentry that is asked, for answers; `None` for the integration.
    pub identity: Option<Identity>,
    /// The person has just linked that account and waits for word in their own chat.
    #[serde(default)]
    pub just_linked: bool,
}

/// A project may join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Where.
    pub place: Place,
    /// Its organization.
    pub org: OrgSlug,
    /// The project.
    pub project: ProjectId,
    /// What it is called in addresses.
    pub slug: ProjectSlug,
    /// The issue that told of it.
    pub issue: IssueId,
}

/// A wish to see that messages come through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// Who wishes it.
    pub by: Person,
    /// Where.
    pub place: Place,
}

/// A wish to change an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// On which card it was pressed.
    pub card: Handle,
    /// Which issue.
    pub issue: IssueRef,
    /// What to do.
    pub action: Action,
    /// Who wishes it.
    pub by: Person,
    /// Where, for a private answer if it fails.
    pub place: Place,
    /// As whom Sentry is asked.
    pub actor: Actor,
}

/// Something that was said about an issue, for one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tell {
    /// Where it is said.
    pub place: Place,
    /// On whose behalf.
    pub by: Person,
    /// The issue's project.
    pub project: Project,
    /// The issue.
    pub issue: IssueId,
    /// What was said.
    pub remark: Remark,
}

/// A wish to give an issue to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskWhom {
    /// On which card it was pressed.
    pub card: Handle,
    /// Who wishes it.
    pub by: Person,
    /// Where.
    pub place: Place,
    /// As whom Sentry is asked.
    pub actor: Actor,
    /// Who they are at Sentry, where they have linked an account.
    pub me: Option<Identity>,
    /// A part of the name that they look for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// The message that says it from now on, instead of a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<MessageId>,
}

/// The address of an issue's page, posted by somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfurl {
    /// Who posted it: with their rights Sentry is asked.
    pub by: Person,
    /// Where.
    pub place: Place,
    /// In which message.
    pub message: Option<MessageId>,
    /// Which issue.
    pub issue: IssueRef,
    /// Under which more of it is shown.
    pub trigger: TriggerId,
}
