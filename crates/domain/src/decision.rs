//! What the core decides: rows to change and jobs to perform, committed whole or not at all.

use std::time::Duration;

use crate::{
    Account, AccountId, AuditEntry, Card, ChannelId, ChannelSettings, CredentialId, Digest, DirectoryChange, Filter,
    Handle, Hook, InstallationId, IssueId, JobId, Lane, Link, LinkedPerson, MessageId, Mute, NewJob, Offer, OrgSlug,
    Person, Place, ProjectId, Revision, Roundup, Sighted, Subscription, Suppression, Timestamp, Trace, Undo, UserId,
    Whole,
};

/// Deliveries of one issue that come closer than this may have come in the wrong order (Sentry, response and retries).
pub const CLOSE_TOGETHER: Duration = Duration::from_secs(60);

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
    /// A channel is connected to every project of an organization, or something else may post of those that join.
    PutWhole(Whole),
    /// Projects of an organization do not join a channel any more.
    DropWhole {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// The organization.
        org: OrgSlug,
    },
    /// A project does not join a channel until somebody connects it.
    LeaveOut {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// The project.
        project: ProjectId,
    },
    /// Something else may post in a channel of a project. Nothing happens where it is not connected.
    PutFilter {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// The project.
        project: ProjectId,
        /// What may post from now on.
        filter: Filter,
    },
    /// How a channel wants its cards: of its subscriptions, those to come, and the cards that are there.
    PutSettings {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// The settings.
        settings: ChannelSettings,
    },
    /// What a channel gets of a project is muted, or its mute ends at another time. Nothing happens where it is not
    /// connected.
    PutMute {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// The project.
        project: ProjectId,
        /// Until when, and what tells of it then.
        mute: Mute,
    },
    /// What a card says. Conflicts unless the row's revision is the one before and its message the one seen: what is to
    /// be done about a card depends on whether it is posted. A new one conflicts where its place is not connected to its
    /// project any more. Message and shown revision stay.
    PutCard(Box<Card>),
    /// A card's message shows `revision`. Where the row has moved on meanwhile, the store queues the card's `Show`
    /// again, with the id given. Where the row's message is not the one `seen` any more, the row stays as it is: an edit
    /// that ends late does not bring back a message that was replaced.
    CardShown {
        /// The account.
        account: AccountId,
        /// The card.
        card: Handle,
        /// The row's message when the card was read.
        seen: Option<MessageId>,
        /// The message that shows it; `None` where it can no longer be edited and must be posted anew.
        message: Option<MessageId>,
        /// What it shows.
        revision: Revision,
        /// The job to queue if that is not the newest.
        again: NewJob,
    },
    /// Queues `again` where a card's message does not show its newest revision.
    ShowIfBehind {
        /// The account.
        account: AccountId,
        /// The card.
        card: Handle,
        /// Its `Show`.
        again: NewJob,
    },
    /// Other hooks may be wanted from now on: see [`Self::TendIfBehind`].
    WishForHooks,
    /// Queues `again` where other hooks may be wanted than those that were seen. The store decides, because what is queued
    /// while hooks are tended is content with the job that this ends.
    TendIfBehind {
        /// How often others were wished for when somebody looked.
        seen: Revision,
        /// Whoever tends the hooks.
        again: NewJob,
    },
    /// Something was heard of an issue of an organization.
    Heard {
        /// Whose issue.
        org: OrgSlug,
        /// Which.
        issue: IssueId,
        /// The job to queue where something was heard of it less than [`CLOSE_TOGETHER`] ago: deliveries that close may have
        /// come in the wrong order. The store decides, because two of them may be decided on at once. `None` where the
        /// order makes no difference.
        again: Option<NewJob>,
    },
    /// Whatever happened in an organization until then has arrived, or was read at Sentry.
    Reconciled {
        /// Which organization.
        org: OrgSlug,
        /// Until when.
        until: Timestamp,
        /// People have been told that webhooks are missing, and some still are.
        told: bool,
    },
    /// Every card of a channel that has no message, whose `Show` waits, and that no other card stands for, is listed in
    /// `roundup` from now on, as its next revision.
    Gather {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// What stands for them.
        roundup: Handle,
    },
    /// A card that stands for many. Conflicts where it is a new storm's and another storm is on in its channel.
    PutRoundup(Roundup),
    /// A card that stands for many is over at another time than was thought. Nothing happens where there is none.
    EndRoundup {
        /// The account.
        account: AccountId,
        /// Which.
        roundup: Handle,
        /// When it is over.
        at: Timestamp,
    },
    /// A card gets a new message: the old one stays behind as it is, and the next `Show` posts.
    Repost {
        /// The account.
        account: AccountId,
        /// The card.
        card: Handle,
    },
    /// What became of something that Sentry told, in one channel. Kept for fourteen days.
    Trace(Trace),
    /// Somebody changed something, or was not let.
    Audit(AuditEntry),
    /// Notices that were accepted and at once suppressed.
    Count {
        /// Why.
        reason: Suppression,
        /// How many.
        notices: u64,
    },
    /// Whatever waits in a channel to be posted of an organization's issues is not posted any more, and where it waits for
    /// Sentry to be asked whether it may be, that is not asked; what is counted of it is suppressed as `deauthorized`, and so is
    /// each card in question.
    Forsake {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// The organization.
        org: OrgSlug,
    },
    /// Empties a lane; what is counted of it is suppressed as `disconnected`.
    ClearLane(Lane),
    /// The keys of this commit are never swept: what they stand for happens once.
    RememberForEver,
    /// An authentic body that cannot be read, sealed and kept for seven days. Owned by `source`.
    KeepUnreadable {
        /// Who sent it: the metrics' word.
        source: String,
        /// Its beginning.
        body: Vec<u8>,
    },
    /// A dead letter goes back to the end of its lane, under its own name, with a fresh series of attempts. Nothing happens
    /// where it is not there.
    Replay(JobId),
    /// A dead letter is dropped; what is counted of it is suppressed as `held`.
    DropDead(JobId),
    /// Nothing can be sent to a place. Nothing happens where that is known.
    Pause(Pause),
    /// Something was sent to a place again.
    Resume {
        /// The account.
        account: AccountId,
        /// The place.
        channel: ChannelId,
    },
    /// What waits for a place and has failed before is tried now. What was never tried keeps its time.
    TryNow {
        /// The account.
        account: AccountId,
        /// The place.
        channel: ChannelId,
    },
    /// Somebody posted addresses that we may show more of, perhaps after others in the same message. Kept for
    /// [`UNFURL_PAUSE`](crate::decide::UNFURL_PAUSE).
    Shared {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// The message.
        message: MessageId,
        /// How many.
        links: u64,
        /// When.
        at: Timestamp,
    },
    /// More of an issue was shown, because somebody posted its address. Kept as long.
    Unfurled {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// Which issue.
        issue: IssueId,
        /// When.
        at: Timestamp,
    },
    /// An event told of an issue in an environment. Nothing happens where that is known. Kept for 180 days.
    Sighted(Sighted),
    /// What the buttons of a message do.
    PutOffer(Offer),
    /// A change that can be taken back.
    PutUndo(Undo),
    /// It was taken back, and cannot be again. Conflicts where it is not there any more.
    DropUndo {
        /// The account.
        account: AccountId,
        /// Which.
        undo: Handle,
    },
    /// An attempt to link. Conflicts unless the row's revision is the one before, and where the person has another one
    /// that has not ended.
    PutLink(Link),
    /// Forgets an attempt to link.
    DropLink(Digest),
    /// A person's Sentry account, replacing an earlier one.
    LinkPerson(LinkedPerson),
    /// What a linked person manages at Sentry, as it was just read. Nothing happens where they are linked by another grant.
    PutRoles {
        /// Their account.
        linked: Box<LinkedPerson>,
    },
    /// A person's Sentry account is no longer linked.
    UnlinkPerson {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
    },
    /// Whether a person is to be called where an issue is theirs.
    PutMentions {
        /// The account.
        account: AccountId,
        /// The person.
        user: UserId,
        /// Whether.
        on: bool,
    },
    /// An account installed the bot.
    PutAccount(Account),
    /// Everything of an account goes: subscriptions, cards, links, people's accounts, credentials, waiting jobs.
    PurgeAccount(AccountId),
    /// The same, but for these grants, which are revoked before they go.
    LetAccountGo {
        /// The account.
        account: AccountId,
        /// The grants.
        grants: Vec<CredentialId>,
    },
    /// Our integration in an organization.
    PutInstallation {
        /// Which.
        installation: InstallationId,
        /// Whose.
        org: OrgSlug,
    },
    /// Our integration was removed from an organization, and its token goes. Subscriptions stay.
    RemoveInstallation(InstallationId),
    /// A hook of ours is in a project.
    PutHook(Box<Hook>),
    /// A hook is of no use any more. It is known for another thirty days. Nothing happens where there is none.
    EndHook {
        /// Which: see [`Hook::token`].
        token: Digest,
        /// Since when.
        at: Timestamp,
        /// Whether nobody can delete it: see [`Hook::is_stranded`].
        is_stranded: bool,
    },
    /// A person has typed or pressed something in a place: they belong there, and its name is known.
    Saw {
        /// Where.
        place: Place,
        /// Who.
        person: Person,
    },
    /// What an account's directory tells.
    Directory(DirectoryChange),
    /// The host's clock was set back: whatever waits for a time to come waits that much less, and what seems still to come
    /// was that much earlier, as if it had been right all along.
    ClockSetBack {
        /// By how much.
        by: Duration,
    },
    /// Deletes what has served its time by `now`: what can no longer be taken back, delivery keys and ended links after a day, unreadable bodies after
    /// seven, traces after fourteen, dead letters after thirty (suppressed as `held`).
    Sweep {
        /// When it is.
        now: Timestamp,
    },
}

impl RowChange {
    /// Whether other projects may need hooks from now on, or other hooks.
    pub fn concerns_hooks(&self) -> bool {
        matches!(
            self,
            Self::Subscribe(_)
                | Self::Unsubscribe { .. }
                | Self::PutFilter { .. }
                | Self::PutInstallation { .. }
                | Self::RemoveInstallation(_)
                | Self::PurgeAccount(_)
                | Self::LetAccountGo { .. }
        )
    }

    /// A card is opened, or says something else.
    pub fn put_card(card: Card) -> Self {
        Self::PutCard(Box::new(card))
    }
}

/// A place to which nothing can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The account.
    pub account: AccountId,
    /// The place.
    pub channel: ChannelId,
    /// Since when.
    pub since: Timestamp,
    /// What the platform said.
    pub why: String,
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

    /// Adds another decision, behind this one.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.changes.extend(other.changes);
        self.jobs.extend(other.jobs);
        self
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
