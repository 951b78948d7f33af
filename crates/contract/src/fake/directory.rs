//! A chat platform's directory in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use zentry_domain::directory::Rank;
use zentry_domain::ports::{CredentialKey, DirectoryError, Page, Profile};
use zentry_domain::{AccountId, ChannelId, Directory, Owner, Secret, UserId, Vault};

use super::FakeVault;
use crate::directory::{Fault, THROTTLED_FOR};

const PAGE: usize = 100;

/// One account's people and channels, and who let them be read. A grant in the vault is `user number`; only each one's newest
/// number is good.
#[derive(Debug)]
pub struct FakeDirectory {
    vault: Arc<FakeVault>,
    account: AccountId,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    people: BTreeMap<UserId, Rank>,
    names: BTreeMap<UserId, String>,
    channels: BTreeMap<String, (String, BTreeSet<UserId>)>,
    codes: BTreeMap<String, UserId>,
    /// The newest grant of each person.
    grants: BTreeMap<UserId, u64>,
    made: u64,
    is_expired: bool,
    refreshes: usize,
    faults: VecDeque<Fault>,
    forbids_channels: bool,
    calls: usize,
}

impl FakeDirectory {
    /// The directory of an account without people.
    pub fn new(account: &AccountId, vault: Arc<FakeVault>) -> Self {
        Self { vault, account: account.clone(), state: Mutex::default() }
    }

    /// Somebody is this, from now on.
    pub fn set_rank(&self, user: &UserId, rank: Rank) {
        self.lock().people.insert(user.clone(), rank);
    }

    /// Somebody is called this, from now on.
    pub fn name_person(&self, user: &UserId, name: &str) {
        self.lock().names.insert(user.clone(), name.to_owned());
    }

    /// A channel is called this, from now on.
    pub fn name_channel(&self, channel: &ChannelId, name: &str) {
        name.clone_into(&mut self.lock().channels.entry(channel.key()).or_default().0);
    }

    /// Somebody joins a channel.
    pub fn join(&self, user: &UserId, channel: &ChannelId) {
        self.lock().channels.entry(channel.key()).or_default().1.insert(user.clone());
    }

    /// Somebody leaves a channel.
    pub fn leave(&self, user: &UserId, channel: &ChannelId) {
        self.lock().channels.entry(channel.key()).or_default().1.remove(user);
    }

    /// Somebody installs the bot: the code of their browser.
    pub fn consent(&self, by: &UserId) -> Secret {
        let mut state = self.lock();
        state.made += 1;
        let code = format!("code-{}", state.made);
        state.codes.insert(code.clone(), by.clone());
        Secret::new(code)
    }

    /// Somebody ends their grants.
    pub fn revoke(&self, by: &UserId) {
        self.lock().grants.remove(by);
    }

    /// Every token needs a refresh.
    pub fn expire(&self) {
        self.lock().is_expired = true;
    }

    /// How many refreshes there were.
    pub fn refreshes(&self) -> usize {
        self.lock().refreshes
    }

    /// The next call goes wrong like this.
    pub fn fail_next(&self, fault: Fault) {
        self.lock().faults.push_back(fault);
    }

    /// Nobody reads channels any more.
    pub fn forbid_channels(&self) {
        self.lock().forbids_channels = true;
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.lock().calls
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(account: &AccountId) -> CredentialKey {
        CredentialKey { owner: Owner::Zoom(account.clone()), name: "directory".into() }
    }

    async fn granter(&self, account: &AccountId) -> Result<Option<(UserId, u64)>, DirectoryError> {
        let kept =
            self.vault.load(&Self::key(account)).await.map_err(|error| DirectoryError::Unavailable(error.into()))?;
        let (user, number) = match kept.as_ref().and_then(|(grant, _)| grant.expose().split_once(' ')) {
            Some((user, number)) => (UserId::new(user), number.parse().unwrap_or_default()),
            None => return Ok(None),
        };
        Ok(Some((user, number)))
    }

    /// Who asks, with a grant that is good.
    async fn caller(&self, account: &AccountId) -> Result<UserId, DirectoryError> {
        let (user, number) = self.granter(account).await?.ok_or(DirectoryError::Unauthorized)?;
        if self.lock().grants.get(&user) != Some(&number) {
            self.vault.purge(&Owner::Zoom(account.clone()));
            return Err(DirectoryError::Unauthorized);
        }
        let mut state = self.lock();
        state.refreshes += usize::from(state.is_expired);
        state.is_expired = false;
        state.calls += 1;
        match state.faults.pop_front() {
            Some(Fault::Down) => Err(DirectoryError::Unavailable("down".into())),
            Some(Fault::Throttled) => Err(DirectoryError::Throttled { after: Some(THROTTLED_FOR) }),
            None => Ok(user),
        }
    }

    async fn reader_of_channels(&self, account: &AccountId) -> Result<UserId, DirectoryError> {
        let caller = self.caller(account).await?;
        let refused = self.lock().forbids_channels;
        if refused { Err(DirectoryError::Refused("no scope".into())) } else { Ok(caller) }
    }
}

#[async_trait]
impl Directory for FakeDirectory {
    async fn enroll(&self, code: &Secret) -> Result<AccountId, DirectoryError> {
        let earlier = self.granter(&self.account).await?.map(|(user, _)| user);
        let grant = {
            let mut state = self.lock();
            let user =
                state.codes.remove(code.expose()).ok_or_else(|| DirectoryError::Refused("no such code".into()))?;
            state.made += 1;
            let number = state.made;
            state.grants.insert(user.clone(), number);
            let sees_less = state.people.get(&user) == Some(&Rank::Member);
            if sees_less && earlier.is_some_and(|earlier| earlier != user) {
                return Err(DirectoryError::Refused("sees less".into()));
            }
            format!("{user} {number}")
        };
        let unavailable = |error| DirectoryError::Unavailable(Box::new(error));
        let key = Self::key(&self.account);
        let seen = self.vault.load(&key).await.map_err(unavailable)?.map(|(_, revision)| revision);
        self.vault.save(&key, &Secret::new(grant), seen).await.map_err(unavailable)?;
        Ok(self.account.clone())
    }

    async fn channels(
        &self,
        account: &AccountId,
        after: Option<&str>,
    ) -> Result<Page<(ChannelId, String)>, DirectoryError> {
        let caller = self.reader_of_channels(account).await?;
        let state = self.lock();
        let theirs = state.channels.iter().filter(|(_, (_, members))| members.contains(&caller));
        Ok(page(theirs.map(|(channel, (name, _))| (ChannelId::new(channel.clone()), name.clone())).collect(), after))
    }

    async fn name(&self, account: &AccountId, channel: &ChannelId) -> Result<String, DirectoryError> {
        self.reader_of_channels(account).await?;
        let state = self.lock();
        state.channels.get(&channel.key()).map(|(name, _)| name.clone()).ok_or(DirectoryError::Gone)
    }

    async fn members(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        after: Option<&str>,
    ) -> Result<Page<UserId>, DirectoryError> {
        self.reader_of_channels(account).await?;
        let state = self.lock();
        let (_, members) = state.channels.get(&channel.key()).ok_or(DirectoryError::Gone)?;
        let of_account = members.iter().filter(|user| state.people.get(user) != Some(&Rank::Guest));
        Ok(page(of_account.cloned().collect(), after))
    }

    async fn profile(&self, account: &AccountId, user: &UserId) -> Result<Profile, DirectoryError> {
        self.caller(account).await?;
        let state = self.lock();
        let rank = state.people.get(user).copied().unwrap_or(Rank::Guest);
        Ok(Profile { rank, name: state.names.get(user).cloned().unwrap_or_default() })
    }
}

fn page<T>(all: Vec<T>, after: Option<&str>) -> Page<T> {
    let from: usize = after.and_then(|after| after.parse().ok()).unwrap_or_default();
    let next = (all.len() > from + PAGE).then(|| (from + PAGE).to_string());
    Page { items: all.into_iter().skip(from).take(PAGE).collect(), next }
}
