//! The ports of the chat platform's directory, for deployments that read it.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::{BoxError, StoreError};
use crate::directory::{Enrollment, Rank, Ranked};
use crate::{AccountId, ChannelId, Person, Secret, Timestamp, UserId};

/// The chat platform's directory, read with the grant of whoever installed the bot in an account.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Exchanges the code of an installation, and seals the grant under the account to which *it* belongs: nothing else says
    /// which one that is. A person waits for it.
    ///
    /// # Errors
    /// [`DirectoryError::Refused`] where the code is not accepted, or the grant may not take the place of the one that is there.
    async fn enroll(&self, code: &Secret) -> Result<AccountId, DirectoryError>;

    /// A page of the channels that the directory lists, with their names.
    async fn channels(
        &self,
        account: &AccountId,
        after: Option<&str>,
    ) -> Result<Page<(ChannelId, String)>, DirectoryError>;

    /// What a channel is called, also one that is not listed.
    async fn name(&self, account: &AccountId, channel: &ChannelId) -> Result<String, DirectoryError>;

    /// A page of the people of the account who belong to a channel.
    async fn members(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        after: Option<&str>,
    ) -> Result<Page<UserId>, DirectoryError>;

    /// What somebody is in the account, and what they are called.
    async fn profile(&self, account: &AccountId, user: &UserId) -> Result<Profile, DirectoryError>;
}

/// Somebody, as the directory knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What they are.
    pub rank: Rank,
    /// What they are called; empty where the directory does not say.
    pub name: String,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// By what the next part is asked for; `None` where this is the last.
    pub next: Option<String>,
}

/// Why the directory did not say it.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// What was asked for does not exist for the grant.
    #[error("not found, or not visible")]
    Gone,
    /// Refused for good, such as for a scope that the app does not have.
    #[error("the directory refused")]
    Refused(#[source] BoxError),
    /// Come back later.
    #[error("too many calls")]
    Throttled {
        /// How much later, where the platform said.
        after: Option<Duration>,
    },
    /// There is no grant, or it has come to its end: it must be given anew. Nothing of it is kept.
    #[error("nobody lets the directory be read")]
    Unauthorized,
    /// Did not answer, or had a fault of its own.
    #[error("the directory is unavailable")]
    Unavailable(#[source] BoxError),
}

/// What is known of accounts' directories: reads. Each sees everything acknowledged before it was called.
#[async_trait]
pub trait Roster: Send + Sync {
    /// The accounts whose directory may be read.
    async fn enrolled(&self) -> Result<Vec<AccountId>, StoreError>;
    /// Whether, and since when, an account's directory may be read.
    async fn enrollment(&self, account: &AccountId) -> Result<Option<Enrollment>, StoreError>;
    /// What somebody is in an account.
    async fn ranked(&self, account: &AccountId, user: &UserId) -> Result<Option<Ranked>, StoreError>;
    /// Who has typed or pressed something in an account and was its administrator when last read, if that was since then; whoever
    /// spoke last first, at most `limit`.
    async fn administrators(
        &self,
        account: &AccountId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Person>, StoreError>;
    /// Who has typed or pressed something in an account and whose rank is [due](Ranked::is_due), those first whose was never
    /// read or longest ago, at most `limit`.
    async fn ranks_due(&self, account: &AccountId, now: Timestamp, limit: usize) -> Result<Vec<UserId>, StoreError>;
    /// When the members of an account's channels were read, where they were.
    async fn members_read(&self, account: &AccountId) -> Result<Vec<(ChannelId, Timestamp)>, StoreError>;
    /// The channels to which somebody belongs, as far as their members were read since then.
    async fn channels_of(
        &self,
        account: &AccountId,
        user: &UserId,
        since: Timestamp,
    ) -> Result<Vec<ChannelId>, StoreError>;
}
