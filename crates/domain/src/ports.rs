//! The ports: what the core needs of the world, and what an adapter promises.
//!
//! An adapter depends on this crate and on no other adapter. It proves itself with the suites of `zentry-contract`.
//! All ports are object-safe and are used as `Arc<dyn Port>`. Absence is `Ok(None)`, never an error; each error enum
//! names its variants for what the caller does next and keeps the cause as its source. Each verb is atomic and says
//! what it guarantees. Time and randomness come in by argument or through [`Clock`] and [`Random`].
//!
//! The storage ports are cut by reader: [`Store`] is the writes and the outbox, [`Facts`] the reads that a decision
//! needs, [`Vault`] the credentials, which only the vendors' adapters hold, so that the core cannot leak a token.

mod directory;
mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::roundup::Gathering;
use crate::wanted::Connections;
use crate::{
    Account, AccountId, Action, Actor, Address, Assignee, AuditEntry, Card, ChannelId, ChannelSettings, CredentialId,
    DeadLetter, Decision, Digest, Handle, Hook, HookId, HookKind, Identity, InstallationId, Issue, IssueId, IssueName,
    IssueRef, JobId, Lane, Ledger, Link, LinkedPerson, MessageId, Notice, Occurrence, Offer, OrgSlug, Organization,
    Outcome, Owner, Pause, Person, Project, ProjectId, ProjectKey, ProjectSlug, Pulse, Queued, Revision, Roundup,
    Secret, Sighting, Subscription, Timestamp, Trace, TriggerId, Undo, UserId, Whole,
};

pub use directory::{Directory, DirectoryError, Page, Profile, Roster};
pub use webhook::{Delivery, Header, Headers, HookError, HookWebhook, Received, Rejected, Webhook};

/// The cause of an error, kept for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

// === storage ===

/// The writes, and the outbox.
///
/// What `commit` and `settle` acknowledge is on stable storage: it survives the process and the power.
#[async_trait]
pub trait Store: Send + Sync {
    /// Applies `decision` whole, once per set of keys. If any of `keys` was committed before, nothing changes and the
    /// answer is [`Committed::Already`]. An empty set is always fresh.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where a row is not at the revision that the decision has seen: read the facts again and
    /// decide again. Nothing was changed then, and the keys are still fresh.
    async fn commit(&self, keys: &[DeliveryKey], decision: &Decision, now: Timestamp) -> Result<Committed, StoreError>;

    /// Leases up to `limit` lanes whose first job is due, each with its first jobs in order, until `until`, fenced by
    /// an epoch. Of the lanes that ask Sentry for nobody in particular at most [`ASKING`] are leased at any time: messages
    /// must not wait for a tracker that is slow. A leased lane is not leased again before it is released or its lease has ended.
    async fn lease(&self, limit: usize, now: Timestamp, until: Timestamp) -> Result<Leased, StoreError>;

    /// Prolongs a lease.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the lane was leased again meanwhile: stop at once.
    async fn renew(&self, lease: &LaneLease, until: Timestamp) -> Result<(), StoreError>;

    /// Ends one job of a lease. A decision inside the outcome is committed with it. Of an outcome that makes the job wait
    /// the lane waits where it was its first job. The ledger counts: `Done` delivers a counted job, `Dead` and `Suppressed`
    /// account for it, everything else leaves it pending.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] as for [`Store::commit`], the job then stays as it is; [`StoreError::Fenced`] where the
    /// lease is not ours any more, or the job is not in its lane.
    async fn settle(&self, lease: &LaneLease, job: &JobId, outcome: &Outcome, now: Timestamp)
    -> Result<(), StoreError>;

    /// Gives a lane back. A lease that is not ours any more is ignored.
    async fn release(&self, lease: LaneLease) -> Result<(), StoreError>;
}

/// See [`Store::lease`].
pub const ASKING: usize = 4;

/// The reads that a decision needs. Each sees everything acknowledged before it was called.
#[async_trait]
pub trait Facts: Send + Sync {
    /// The subscriptions of one channel, oldest first.
    async fn subscriptions_in(&self, account: &AccountId, channel: &ChannelId)
    -> Result<Vec<Subscription>, StoreError>;
    /// When what a channel is connected to was last changed.
    async fn changed(&self, account: &AccountId, channel: &ChannelId) -> Result<Option<Timestamp>, StoreError>;
    /// The subscriptions of one account, by channel, oldest first.
    async fn subscriptions_of(&self, account: &AccountId) -> Result<Vec<Subscription>, StoreError>;
    /// Every subscription, of any account, to the project that `project` names (see [`ProjectKey::names`]).
    async fn subscribers(&self, project: &ProjectKey) -> Result<Vec<Subscription>, StoreError>;
    /// How a channel wants its cards.
    async fn settings(&self, account: &AccountId, channel: &ChannelId) -> Result<ChannelSettings, StoreError>;
    /// The organizations of which a channel gets every project.
    async fn wholes_in(&self, account: &AccountId, channel: &ChannelId) -> Result<Vec<Whole>, StoreError>;
    /// The channels, of any account, that get every project of an organization.
    async fn wholes_of(&self, org: &OrgSlug) -> Result<Vec<Whole>, StoreError>;
    /// Whether a project does not join a channel: somebody disconnected it there.
    async fn is_apart(&self, account: &AccountId, channel: &ChannelId, project: &ProjectId)
    -> Result<bool, StoreError>;
    /// Every subscription, of any account, to projects of an organization, oldest first.
    async fn subscriptions_to(&self, org: &OrgSlug) -> Result<Vec<Subscription>, StoreError>;
    /// The organizations to which somebody is connected.
    async fn subscribed_orgs(&self) -> Result<Vec<OrgSlug>, StoreError>;
    /// How an organization's webhooks come in; `None` where none has come yet and Sentry was never asked.
    async fn pulse(&self, org: &OrgSlug) -> Result<Option<Pulse>, StoreError>;
    /// How many jobs wait in the lane of a channel's cards, also the one that is under way; counting stops at 1 024.
    async fn waiting_cards(&self, account: &AccountId, channel: &ChannelId) -> Result<u64, StoreError>;
    /// How many messages to a channel were given up since then.
    async fn failed_since(&self, account: &AccountId, channel: &ChannelId, since: Timestamp)
    -> Result<u64, StoreError>;
    /// The cards of one channel that were opened since then, the newest first, at most `limit`.
    async fn cards_in(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Card>, StoreError>;
    /// The cards of one issue in all channels. Issue numbers are unique in one Sentry.
    async fn cards_of(&self, issue: &IssueId) -> Result<Vec<Card>, StoreError>;
    /// One card, looked up under the account of the signed payload.
    async fn card(&self, account: &AccountId, handle: &Handle) -> Result<Option<Card>, StoreError>;
    /// In which environments an issue was seen, in no particular order.
    async fn sightings(&self, issue: &IssueId) -> Result<Vec<Sighting>, StoreError>;
    /// Whether an event ever told where an issue of a project was.
    async fn tells_where(&self, org: &OrgSlug, project: &ProjectId) -> Result<bool, StoreError>;
    /// When something was last heard of an issue.
    async fn heard(&self, issue: &IssueId) -> Result<Option<Timestamp>, StoreError>;
    /// How many cards were opened in a channel since then; counting stops at 1 024.
    async fn opened_since(&self, account: &AccountId, channel: &ChannelId, since: Timestamp)
    -> Result<u64, StoreError>;
    /// The storm that is on in a channel.
    async fn storm_in(&self, account: &AccountId, channel: &ChannelId) -> Result<Option<Roundup>, StoreError>;
    /// One card that stands for many.
    async fn roundup(&self, account: &AccountId, handle: &Handle) -> Result<Option<Roundup>, StoreError>;
    /// What a roundup holds, with its worst issues, at most `top`.
    async fn gathering(&self, account: &AccountId, roundup: &Handle, top: usize) -> Result<Gathering, StoreError>;
    /// What Sentry told of an issue and what became of it in a channel, the newest first, at most `limit`.
    async fn traces(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        issue: &IssueName,
        limit: usize,
    ) -> Result<Vec<Trace>, StoreError>;
    /// A message of an account that was given up.
    async fn dead_letter(&self, account: &AccountId, id: &JobId) -> Result<Option<DeadLetter>, StoreError>;
    /// What the buttons of a message do.
    async fn offer(&self, account: &AccountId, handle: &Handle) -> Result<Option<Offer>, StoreError>;
    /// A change that can be taken back.
    async fn undo(&self, account: &AccountId, handle: &Handle) -> Result<Option<Undo>, StoreError>;
    /// An attempt to link, by the digest of its token.
    async fn link(&self, id: &Digest) -> Result<Option<Link>, StoreError>;
    /// The attempt whose browser is at Sentry with this `state`.
    async fn link_at_sentry(&self, state: &Digest) -> Result<Option<Link>, StoreError>;
    /// The newest attempt of a person that has not ended.
    async fn open_link(&self, account: &AccountId, user: &UserId) -> Result<Option<Link>, StoreError>;
    /// A person's linked Sentry account.
    async fn linked(&self, account: &AccountId, user: &UserId) -> Result<Option<LinkedPerson>, StoreError>;
    /// Who of an account is linked as this user of Sentry, by their number there; of several one, always the same.
    async fn linked_as(&self, account: &AccountId, sentry_user: &str) -> Result<Option<LinkedPerson>, StoreError>;
    /// Whether a person wants to be called where an issue is theirs: everybody does who has not said otherwise.
    async fn wants_mentions(&self, account: &AccountId, user: &UserId) -> Result<bool, StoreError>;
    /// The organization of an installation.
    async fn installation(&self, id: &InstallationId) -> Result<Option<OrgSlug>, StoreError>;
    /// Whether an installation was removed.
    async fn was_removed(&self, id: &InstallationId) -> Result<bool, StoreError>;
    /// The installations of our integration in an organization that are known.
    async fn installations_of(&self, org: &OrgSlug) -> Result<Vec<InstallationId>, StoreError>;
    /// The hook whose address holds the token of this digest, also one that is of no use any more.
    async fn hook(&self, token: &Digest) -> Result<Option<Hook>, StoreError>;
    /// The hooks that have not ended, in no particular order.
    async fn hooks(&self) -> Result<Vec<Hook>, StoreError>;
    /// The grants of an account's people: the active ones, and those that attempts to link hold.
    async fn grants_of(&self, account: &AccountId) -> Result<Vec<CredentialId>, StoreError>;
    /// How often other hooks may have been wanted: see [`RowChange::TendIfBehind`](crate::RowChange::TendIfBehind).
    async fn hook_wishes(&self) -> Result<Revision, StoreError>;
    /// An account that installed the bot.
    async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError>;
    /// How often, since then, a person was sent a link because a page was asked for it.
    async fn links_again(&self, account: &AccountId, user: &UserId, since: Timestamp) -> Result<usize, StoreError>;
    /// Everybody who has typed or pressed something in a channel, the latest first.
    async fn people_in(&self, account: &AccountId, channel: &ChannelId) -> Result<Vec<Person>, StoreError>;
    /// A person of an account, where they have ever typed or pressed something.
    async fn acquaintance(&self, account: &AccountId, user: &UserId) -> Result<Option<Person>, StoreError>;
    /// Whether, and why, nothing can be sent to a place.
    async fn paused(&self, account: &AccountId, channel: &ChannelId) -> Result<Option<Pause>, StoreError>;
    /// How many addresses that we may show more of a message was said to hold.
    async fn links_in(&self, account: &AccountId, channel: &ChannelId, message: &MessageId) -> Result<u64, StoreError>;
    /// When more of an issue was last shown in a channel, because somebody posted its address.
    async fn unfurled(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        issue: &IssueId,
    ) -> Result<Option<Timestamp>, StoreError>;
    /// The channels in which a person has typed or pressed something.
    async fn channels_known_to(&self, account: &AccountId, user: &UserId) -> Result<Vec<ChannelId>, StoreError>;
}

/// What operators look at: what became of every notice, and what was given up.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The ledger, read in one transaction.
    async fn ledger(&self) -> Result<Ledger, StoreError>;
    /// How much waits and how much was given up, notices or not, read in one transaction.
    async fn backlog(&self) -> Result<Backlog, StoreError>;
    /// Every dead letter, oldest first.
    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError>;
    /// What every channel of every account is connected to, read in one transaction.
    async fn connections(&self) -> Result<Connections, StoreError>;
    /// Who changed what, oldest first.
    async fn audit(&self) -> Result<Vec<AuditEntry>, StoreError>;
    /// How the organizations' webhooks come in, at most `limit`, those first that were heard of last.
    async fn pulses(&self, limit: usize) -> Result<Vec<Pulse>, StoreError>;
    /// The unreadable bodies that are kept, oldest first: who sent it, when, and its beginning.
    async fn unreadable(&self) -> Result<Vec<(String, Timestamp, Vec<u8>)>, StoreError>;
}

/// Credentials, sealed at rest and bound to their owner and name.
#[async_trait]
pub trait Vault: Send + Sync {
    /// The credential of this name, opened, with its revision.
    async fn load(&self, key: &CredentialKey) -> Result<Option<(Secret, Revision)>, VaultError>;

    /// Saves a credential where `seen` is still its revision (`None`: where there is none).
    ///
    /// # Errors
    /// [`VaultError::Conflict`] where somebody else saved meanwhile: load again, and use what they saved.
    async fn save(&self, key: &CredentialKey, secret: &Secret, seen: Option<Revision>) -> Result<Revision, VaultError>;

    /// Deletes a credential; one that is not there is deleted already.
    async fn delete(&self, key: &CredentialKey) -> Result<(), VaultError>;
}

/// What makes a delivery the same as an earlier one: digests of signed bytes, never of headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryKey(pub [u8; 32]);

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Applied, and on stable storage.
    Fresh,
    /// The delivery was committed before; nothing changed.
    Already,
}

/// A lane in our hands, with its first jobs in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneLease {
    /// Which lane.
    pub lane: Lane,
    /// Rises with every lease of the lane; an older one is fenced off.
    pub epoch: u64,
    /// When it ends unless renewed.
    pub until: Timestamp,
    /// The lane's first jobs, in order.
    pub jobs: Vec<Queued>,
}

/// What a look into the outbox found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leased {
    /// The lanes leased.
    pub lanes: Vec<LaneLease>,
    /// When the next lane that is not leased falls due, if it is not due already.
    pub next_due: Option<Timestamp>,
}

/// Jobs that are not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// In all lanes, due or not, housekeeping among them; but not that open cards are read again some day.
    pub waiting: u64,
    /// Dead letters.
    pub dead: u64,
}

/// Names a credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialKey {
    /// Whose it is; its key derives from this.
    pub owner: Owner,
    /// Which of the owner's.
    pub name: String,
}

impl CredentialKey {
    /// The one of a person's grant.
    pub fn of_person(account: &AccountId, credential: &CredentialId) -> Self {
        Self { owner: Owner::Zoom(account.clone()), name: format!("person/{credential}") }
    }
}

/// Why the store did not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A row has moved on: read again, decide again.
    #[error("a row has changed since it was read")]
    Conflict,
    /// The lease is somebody else's by now.
    #[error("the lease has ended")]
    Fenced,
    /// Full, locked, or overloaded: refuse the delivery, so that its sender keeps it.
    #[error("the store cannot take it now")]
    Unavailable(#[source] BoxError),
    /// What is stored cannot be read: names table, row and column.
    #[error("stored data cannot be read: {at}")]
    Corrupt {
        /// Table, row and column.
        at: String,
        /// What is wrong.
        #[source]
        source: BoxError,
    },
}

/// Why the vault did not do it.
#[derive(Debug, Error)]
pub enum VaultError {
    /// Somebody else saved meanwhile.
    #[error("the credential has changed since it was read")]
    Conflict,
    /// Not now.
    #[error("the vault cannot be reached now")]
    Unavailable(#[source] BoxError),
    /// The sealed value does not open: wrong key, or tampered with.
    #[error("the credential cannot be opened")]
    Sealed(#[source] BoxError),
}

// === vendors ===

/// The chat platform.
#[async_trait]
pub trait Chat: Send + Sync {
    /// Posts a message. Cannot be idempotent: a lost answer is [`ChatError::Unknown`].
    async fn post(&self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError>;

    /// Replaces a message's content. Idempotent.
    ///
    /// # Errors
    /// [`ChatError::MessageGone`] where the message no longer exists.
    async fn edit(&self, to: &Address, message: &MessageId, notice: &Notice) -> Result<(), ChatError>;

    /// Deletes a message; one that is gone is deleted already. Idempotent.
    async fn delete(&self, to: &Address, message: &MessageId) -> Result<(), ChatError>;

    /// Shows `notice` beside an address that `by` posted. It works once, so a lost answer may be tried again.
    ///
    /// # Errors
    /// [`ChatError::MessageGone`] where nothing can be shown there, or not any more.
    async fn unfurl(&self, by: &Person, trigger: &TriggerId, notice: &Notice) -> Result<(), ChatError>;
}

/// Why a message was not sent.
#[derive(Debug, Error)]
pub enum ChatError {
    /// The destination does not exist for us.
    #[error("the destination is gone")]
    Gone(#[source] BoxError),
    /// What the call is about, such as the message to edit, does not exist any more.
    #[error("the message is gone")]
    MessageGone(#[source] BoxError),
    /// Refused for good.
    #[error("the message was refused")]
    Refused(#[source] BoxError),
    /// Come back later.
    #[error("too many calls")]
    Throttled {
        /// How much later, where the platform said.
        after: Option<Duration>,
    },
    /// Our credential is not accepted, also after a new one was fetched.
    #[error("the chat platform does not accept our credentials")]
    Unauthorized(#[source] BoxError),
    /// Nothing was sent, or the platform had a fault of its own.
    #[error("the chat platform is unavailable")]
    Unavailable(#[source] BoxError),
    /// It was sent, and no verdict came back.
    #[error("no verdict on the message came back")]
    Unknown(#[source] BoxError),
}

/// The issue tracker, by a person or as the integration: said by [`Actor`].
#[async_trait]
pub trait Tracker: Send + Sync {
    /// The organizations that the actor may see.
    async fn organizations(&self, actor: &Actor) -> Result<Vec<Organization>, TrackerError>;

    /// The projects of an organization that the actor may see; none where it may not see the organization.
    async fn projects(&self, actor: &Actor, org: &OrgSlug) -> Result<Vec<Project>, TrackerError>;

    /// The organizations in which the person behind a grant is an owner or a manager, as far as the tracker says so; some of
    /// many may be left out.
    async fn manages(&self, actor: &Actor, identity: &Identity) -> Result<Vec<OrgSlug>, TrackerError>;

    /// One project by the slugs that somebody typed, in any case: one call where people type slugs, as most do. `None`
    /// where there is none under these slugs, where the actor may not see it, and where a name is no slug at all.
    async fn project(&self, actor: &Actor, org: &str, project: &str) -> Result<Option<Project>, TrackerError>;

    /// One issue; `None` where there is none or the actor may not see it.
    async fn issue(&self, actor: &Actor, issue: &IssueRef) -> Result<Option<Issue>, TrackerError>;

    /// The same with its project's slug, for whoever knows neither.
    async fn issue_in_project(
        &self,
        actor: &Actor,
        issue: &IssueRef,
    ) -> Result<Option<(ProjectSlug, Issue)>, TrackerError>;

    /// The latest occurrence of an issue, from Sentry's own answer for it (Sentry, endpoints: latest event): a webhook
    /// about an issue says nothing of it. `None` where there is none, where the actor may not see the issue, and where
    /// the answer does not tell its tags.
    async fn latest(&self, actor: &Actor, issue: &IssueRef) -> Result<Option<Occurrence>, TrackerError>;

    /// The first occurrence of an issue in an environment, and when it was (Sentry, endpoints: oldest event). `None` as with
    /// [`Tracker::latest`].
    async fn first_in(
        &self,
        actor: &Actor,
        issue: &IssueRef,
        environment: &str,
    ) -> Result<Option<(Timestamp, Occurrence)>, TrackerError>;

    /// The issues of a project that were first seen since then, the newest first, with their numbers; thousands may be cut
    /// short. `None` where the actor may not see the project.
    async fn issues_since(
        &self,
        actor: &Actor,
        project: &Project,
        since: Timestamp,
    ) -> Result<Option<Vec<(IssueId, Issue)>>, TrackerError>;

    /// The teams of a project and the people in them, to whom its issues can be given, in no particular order; thousands may
    /// be cut short. What the actor may not see is left out.
    async fn assignees(&self, actor: &Actor, project: &Project) -> Result<Vec<Assignee>, TrackerError>;

    /// Carries out an action and returns the issue as it then is. Idempotent.
    ///
    /// # Errors
    /// [`TrackerError::Gone`] where there is no such issue for the actor, [`TrackerError::Refused`] with the reason.
    async fn update(&self, actor: &Actor, issue: &IssueRef, action: &Action) -> Result<Issue, TrackerError>;

    /// Makes a hook in a project that calls `url`, and seals its secret in the vault. Idempotent: a hook with that address is
    /// taken as it is.
    ///
    /// # Errors
    /// [`TrackerError::NoFeature`] where nobody can have any there, [`TrackerError::Refused`] where the actor may not make it.
    async fn make_hook(
        &self,
        actor: &Actor,
        project: &Project,
        kind: HookKind,
        url: &str,
    ) -> Result<HookId, TrackerError>;

    /// Deletes a hook, where somebody is there to do it, and then its secret. One that is gone, or that the actor may not
    /// delete, is only forgotten here. Idempotent.
    async fn drop_hook(&self, actor: Option<&Actor>, project: &Project, hook: &HookId) -> Result<(), TrackerError>;

    /// The page of an issue, for browsers. Calls nobody.
    fn issue_page(&self, project: &Project, issue: &IssueId) -> String;

    /// The page of a project's alert rules, for browsers. Calls nobody.
    fn rules_page(&self, project: &Project) -> String;

    /// The address at which a person logs in and approves, carrying `state`. Calls nobody.
    fn authorize_url(&self, state: &Secret) -> String;

    /// Exchanges the code that came back with `state`, and seals the grant as `credential` of `account`.
    ///
    /// # Errors
    /// [`TrackerError::Refused`] where the code is not accepted.
    async fn link(
        &self,
        account: &AccountId,
        credential: &CredentialId,
        code: &Secret,
        state: &Secret,
    ) -> Result<Identity, TrackerError>;

    /// Revokes a grant, then deletes it from the vault. Idempotent.
    ///
    /// # Errors
    /// [`TrackerError::Unavailable`] where it could not be revoked now; it is kept then, to be revoked later.
    async fn unlink(&self, account: &AccountId, credential: &CredentialId) -> Result<(), TrackerError>;

    /// Exchanges the code of an installation of our app for its token, unless that was done, seals the token, and tells the
    /// tracker that the installation is taken note of: until then it sends no alerts. Says whose installation it is, where
    /// the tracker does. Idempotent.
    ///
    /// # Errors
    /// [`TrackerError::Refused`] where the code is not accepted and nothing was exchanged before; [`TrackerError::Gone`]
    /// where there is no such installation of ours.
    async fn install(&self, installation: &InstallationId, code: &Secret) -> Result<Option<OrgSlug>, TrackerError>;

    /// Deletes a grant from the vault that cannot be revoked. Calls nobody.
    async fn abandon(&self, account: &AccountId, credential: &CredentialId) -> Result<(), TrackerError>;
}

/// Why the tracker did not do it.
#[derive(Debug, Error)]
pub enum TrackerError {
    /// It does not exist for the actor.
    #[error("not found, or not visible")]
    Gone,
    /// Refused for good, with a reason for people.
    #[error("refused: {why}")]
    Refused {
        /// One clean line.
        why: String,
    },
    /// The organization's plan, or the tracker itself, does not have what was asked for.
    #[error("the tracker does not have this feature")]
    NoFeature,
    /// Come back later.
    #[error("too many calls")]
    Throttled {
        /// How much later, where the tracker said.
        after: Option<Duration>,
    },
    /// The grant is not accepted, also after a refresh: it must be given anew.
    #[error("the grant is no longer accepted")]
    Unauthorized,
    /// Did not answer, or had a fault of its own.
    #[error("the tracker is unavailable")]
    Unavailable(#[source] BoxError),
}

// === the rest of the world ===

/// Time, and waiting for it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Returns at `until` or later.
    async fn sleep_until(&self, until: Timestamp);
}

/// Randomness for tokens, handles, codes and jitter.
pub trait Random: Send + Sync {
    /// Fills `bytes`. Cryptographically strong in production, seeded in simulations.
    fn fill(&self, bytes: &mut [u8]);

    /// 128 random bits as 32 lower-case hex digits.
    fn hex128(&self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        format!("{:032x}", u128::from_be_bytes(bytes))
    }

    /// Six random digits, every code equally likely.
    fn six_digits(&self) -> String {
        const ALL: u64 = 1_000_000;
        loop {
            let mut bytes = [0; 8];
            self.fill(&mut bytes);
            let n = u64::from_be_bytes(bytes);
            // The last, incomplete million would make small codes likelier.
            if n < u64::MAX - u64::MAX % ALL {
                return format!("{:06}", n % ALL);
            }
        }
    }

    /// A number in `0.0..=1.0`.
    fn unit(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX)
    }
}
