//! What must stay in order.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ChannelId, CredentialId, Digest, Handle, InstallationId, IssueId, IssueRef, OrgSlug, Owner, ProjectId,
};

/// Jobs that must stay in order, and never wait for those of another lane.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lane {
    /// Whose jobs they are.
    pub owner: Owner,
    /// Which of the owner's lanes.
    pub name: String,
}

impl Lane {
    /// A channel's cards.
    pub fn cards(account: &AccountId, channel: &ChannelId) -> Self {
        Self::zoom(account, format!("cards/{}", channel.key()))
    }

    /// A channel's roundups: the card of a storm waits between edits, and no other waits behind it.
    pub fn roundups(account: &AccountId, channel: &ChannelId) -> Self {
        Self::zoom(account, format!("roundups/{}", channel.key()))
    }

    /// What is told of one mute when it ends.
    pub fn mute(account: &AccountId, roundup: &Handle) -> Self {
        Self::zoom(account, format!("mutes/{roundup}"))
    }

    /// The figures of one card, which nothing waits for.
    pub fn figures(account: &AccountId, card: &Handle) -> Self {
        Self::zoom(account, format!("figures/{card}"))
    }

    /// Whether it is one of a channel's messages: the chat platform's limits hold up these, and nothing that is asked of Sentry.
    pub fn is_of_messages(&self) -> bool {
        ["cards/", "roundups/", "mutes/", "answers/", "unfurls/"].iter().any(|prefix| self.name.starts_with(prefix))
    }

    /// Those of a channel's messages.
    pub fn of_channel(account: &AccountId, channel: &ChannelId) -> [Self; 3] {
        [Self::cards(account, channel), Self::roundups(account, channel), Self::answers(account, channel)]
    }

    /// One issue's readings at Sentry.
    pub fn refresh(issue: &IssueId) -> Self {
        Self { owner: Owner::Sentry("refresh".into()), name: issue.to_string() }
    }

    /// One issue's readings while nothing is heard of it: what was heard never waits behind them.
    pub fn reread(issue: &IssueId) -> Self {
        Self { owner: Owner::Sentry("reread".into()), name: issue.to_string() }
    }

    /// Whether what is in it waits for its time, and says nothing of how much there is to do.
    pub fn is_of_rereadings(&self) -> bool {
        self.owner == Owner::Sentry("reread".into())
    }

    /// The latest occurrences of a project's issues: one after the other, so that its cards are posted in the order in which
    /// they were told of.
    pub fn sift(project: &ProjectId) -> Self {
        Self { owner: Owner::Sentry("sift".into()), name: project.to_string() }
    }

    /// One organization's reconciling.
    pub fn reconcile(org: &OrgSlug) -> Self {
        Self { owner: Owner::Sentry("reconcile".into()), name: org.to_string() }
    }

    /// The end of a grant whose account has removed the bot. It is nobody's, so that it does not go with the account.
    pub fn leaving(credential: &CredentialId) -> Self {
        Self { owner: Owner::Sentry("leaving".into()), name: credential.to_string() }
    }

    /// The hooks in projects.
    pub fn hooks() -> Self {
        Self { owner: Owner::Sentry("hooks".into()), name: "tend".into() }
    }

    /// A channel's wishes to be connected, in the order in which they were said.
    pub fn connects(account: &AccountId, channel: &ChannelId) -> Self {
        Self::zoom(account, format!("connects/{}", channel.key()))
    }

    /// A channel's answers to people: never behind its cards.
    pub fn answers(account: &AccountId, channel: &ChannelId) -> Self {
        Self::zoom(account, format!("answers/{}", channel.key()))
    }

    /// What is shown of the addresses that people post in a channel: no answer waits behind it.
    pub fn unfurls(account: &AccountId, channel: &ChannelId) -> Self {
        Self::zoom(account, format!("unfurls/{}", channel.key()))
    }

    /// One issue's changes at Sentry.
    pub fn issue(account: &AccountId, issue: &IssueRef) -> Self {
        Self::zoom(account, format!("issue/{}/{}", issue.org, issue.id))
    }

    /// One grant's token work.
    pub fn credential(account: &AccountId, credential: &CredentialId) -> Self {
        Self::zoom(account, format!("credential/{credential}"))
    }

    /// One installation's token work.
    pub fn installation(installation: &InstallationId) -> Self {
        Self { owner: Owner::of_installation(installation), name: "token".into() }
    }

    /// The end of one attempt to link.
    pub fn link(account: &AccountId, link: &Digest) -> Self {
        Self::zoom(account, format!("link/{}", link.to_hex()))
    }

    /// The reading of an account's directory.
    pub fn directory(account: &AccountId) -> Self {
        Self::zoom(account, "directory".into())
    }

    /// The store's own upkeep.
    pub fn upkeep() -> Self {
        Self { owner: Owner::Sentry("upkeep".into()), name: "sweep".into() }
    }

    fn zoom(account: &AccountId, name: String) -> Self {
        Self { owner: Owner::Zoom(account.clone()), name }
    }
}
