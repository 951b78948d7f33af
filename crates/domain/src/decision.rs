//! What the core decides: rows to change and jobs to perform, committed whole or not at all.

use crate::{
    Account, AccountId, Card, ChannelId, Digest, Handle, InstallationId, Link, LinkedPerson, MessageId, NewJob,
    OrgSlug, Person, Place, ProjectId, Revision, Subscription, Timestamp, UserId,
};

/// Rows to change and jobs to perform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What changes in the store.
    pub changes: Vec<RowChange>,
    /// What is to be performed.
    pub jobs: Vec<NewJob>,
}

/// One change of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange {
    /// A channel is connected to a project. Conflicts where it is already.
    Subscribe(Subscription),
    /// A channel is no longer connected to a project. Nothing happens where it is not.
    Unsubscribe {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// The project.
        project: ProjectId,
    },
    /// What a card says. Conflicts unless the row's revision is the one before; message and shown revision stay.
    PutCard(Card),
    /// A card's message shows `revision`. Where the row has moved on meanwhile, the store queues the card's `Show`
    /// again, with the id given.
    CardShown {
        /// The account.
        account: AccountId,
        /// The card.
        card: Handle,
        /// The message that shows it; `None` where it can no longer be edited and must be posted anew.
        message: Option<MessageId>,
        /// What it shows.
        revision: Revision,
        /// The job to queue if that is not the newest.
        again: NewJob,
    },
    /// An attempt to link. Conflicts unless the row's revision is the one before.
    PutLink(Link),
    /// Forgets an attempt to link.
    DropLink(Digest),
    /// A person's Sentry account, replacing an earlier one.
    LinkPerson(LinkedPerson),
    /// A person's Sentry account is no longer linked.
    UnlinkPerson {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
    },
    /// An account installed the bot.
    PutAccount(Account),
    /// Everything of an account goes: subscriptions, cards, links, people's accounts, credentials, waiting jobs.
    PurgeAccount(AccountId),
    /// Our integration in an organization.
    PutInstallation {
        /// Which.
        installation: InstallationId,
        /// Whose.
        org: OrgSlug,
    },
    /// Our integration was removed from an organization. Subscriptions stay.
    RemoveInstallation(InstallationId),
    /// A person has typed or pressed something in a place: they belong there, and its name is known.
    Saw {
        /// Where.
        place: Place,
        /// Who.
        person: Person,
    },
    /// Deletes delivery keys and ended links older than this.
    Sweep {
        /// The oldest to keep.
        before: Timestamp,
    },
}

impl Decision {
    /// Nothing to do.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Only a job.
    pub fn job(job: NewJob) -> Self {
        Self { changes: Vec::new(), jobs: vec![job] }
    }

    /// Whether there is nothing to do.
    pub fn is_nothing(&self) -> bool {
        self.changes.is_empty() && self.jobs.is_empty()
    }

    /// Adds a change.
    #[must_use]
    pub fn and(mut self, change: RowChange) -> Self {
        self.changes.push(change);
        self
    }

    /// Adds a job.
    #[must_use]
    pub fn then(mut self, job: NewJob) -> Self {
        self.jobs.push(job);
        self
    }
}
