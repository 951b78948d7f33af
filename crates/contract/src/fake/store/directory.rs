//! What the directories of accounts told.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use async_trait::async_trait;
use zentry_domain::directory::{BELIEVED, Enrollment, Rank, Ranked};
use zentry_domain::ports::{Roster, StoreError};
use zentry_domain::{AccountId, ChannelId, DirectoryChange, Person, Timestamp, UserId};

use super::FakeStore;
use super::rows::Rows;

/// Everything that directories told.
#[derive(Clone, Debug, Default)]
pub(super) struct Roll {
    enrollments: BTreeMap<AccountId, Enrollment>,
    ranks: BTreeMap<(AccountId, UserId), Ranked>,
    members: Vec<Members>,
}

#[derive(Clone, Debug)]
struct Members {
    account: AccountId,
    channel: ChannelId,
    users: Vec<UserId>,
    at: Timestamp,
}

impl Rows {
    pub(super) fn directory(&mut self, change: &DirectoryChange, now: Timestamp) -> Result<(), StoreError> {
        match change {
            DirectoryChange::Enroll(account) => {
                let enrollment = Enrollment { since: now, rests_until: now, named: None };
                self.roll.enrollments.insert(account.clone(), enrollment);
            }
            DirectoryChange::Withdraw { account, since } => match self.roll.enrollments.get(account) {
                Some(enrollment) if enrollment.since != *since => return Err(StoreError::Conflict),
                Some(_) => self.roll.forget(account),
                None => {}
            },
            DirectoryChange::Rest { account, until, named } => {
                if let Some(enrollment) = self.roll.enrollments.get_mut(account) {
                    enrollment.rests_until = *until;
                    enrollment.named = if *named { Some(now) } else { enrollment.named };
                }
            }
            DirectoryChange::Name { account, channel, name } => {
                let here = |place: &zentry_domain::Place| place.account == *account && place.channel == *channel;
                let subscriptions = self.subscriptions.iter_mut().filter(|s| here(&s.place));
                subscriptions.for_each(|s| s.place.name = Some(name.clone()));
            }
            DirectoryChange::Called { account, user, name } => {
                let people = self.presence.iter_mut().map(|seen| &mut seen.person);
                let people = people.chain(self.people.iter_mut().map(|linked| &mut linked.person));
                let people = people.chain(self.subscriptions.iter_mut().map(|subscription| &mut subscription.by));
                let people = people.chain(self.wholes.iter_mut().map(|whole| &mut whole.by));
                let people = people.chain(self.cards.iter_mut().map(|card| &mut card.content.by));
                let them = people.filter(|person| person.account == *account && person.user == *user);
                them.for_each(|person| person.name.clone_from(name));
            }
            DirectoryChange::Members { account, channel, users } => {
                self.roll.members.retain(|known| !(known.account == *account && known.channel == *channel));
                let (account, channel, users) = (account.clone(), channel.clone(), users.clone());
                self.roll.members.push(Members { account, channel, users, at: now });
            }
            DirectoryChange::Rank { account, user, rank } => {
                self.roll.ranks.insert((account.clone(), user.clone()), Ranked { rank: *rank, at: now });
            }
        }
        Ok(())
    }
}

impl Roll {
    pub(super) fn forget(&mut self, account: &AccountId) {
        self.enrollments.remove(account);
        self.ranks.retain(|(of, _), _| of != account);
        self.members.retain(|members| members.account != *account);
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.members.retain(|members| now.since(members.at) <= BELIEVED);
        self.ranks.retain(|_, ranked| ranked.rank == Rank::Guest || now.since(ranked.at) <= BELIEVED);
    }
}

#[async_trait]
impl Roster for FakeStore {
    async fn enrolled(&self) -> Result<Vec<AccountId>, StoreError> {
        Ok(self.up()?.rows.roll.enrollments.keys().cloned().collect())
    }

    async fn enrollment(&self, account: &AccountId) -> Result<Option<Enrollment>, StoreError> {
        Ok(self.up()?.rows.roll.enrollments.get(account).copied())
    }

    async fn ranked(&self, account: &AccountId, user: &UserId) -> Result<Option<Ranked>, StoreError> {
        Ok(self.up()?.rows.roll.ranks.get(&(account.clone(), user.clone())).copied())
    }

    async fn administrators(
        &self,
        account: &AccountId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Person>, StoreError> {
        let state = self.up()?;
        let administers = |user: &UserId| {
            let known = state.rows.roll.ranks.get(&(account.clone(), user.clone()));
            known.is_some_and(|known| known.rank == Rank::Administrator && known.at >= since)
        };
        let seen = state.rows.presence.iter().filter(|seen| seen.account == *account && administers(&seen.person.user));
        let mut latest = BTreeMap::new();
        for seen in seen {
            let known = latest.entry(seen.person.user.clone()).or_insert(seen);
            if seen.at > known.at {
                *known = seen;
            }
        }
        let mut known: Vec<_> = latest.into_values().collect();
        known.sort_by_key(|seen| Reverse(seen.at));
        Ok(known.into_iter().take(limit).map(|seen| seen.person.clone()).collect())
    }

    async fn ranks_due(&self, account: &AccountId, now: Timestamp, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let state = self.up()?;
        let ranked = |user: &UserId| state.rows.roll.ranks.get(&(account.clone(), user.clone())).copied();
        let seen = state.rows.presence.iter().filter(|seen| seen.account == *account);
        let mut latest = BTreeMap::new();
        for seen in seen {
            let at = latest.entry(seen.person.user.clone()).or_insert(seen.at);
            *at = (*at).max(seen.at);
        }
        let mut users: Vec<_> = latest.keys().cloned().collect();
        users.retain(|user| ranked(user).is_none_or(|ranked| ranked.is_due(now)));
        users.sort_by_key(|user| Reverse(latest.get(user).copied()));
        users.truncate(limit);
        Ok(users)
    }

    async fn members_read(&self, account: &AccountId) -> Result<Vec<(ChannelId, Timestamp)>, StoreError> {
        let state = self.up()?;
        let of_account = state.rows.roll.members.iter().filter(|members| members.account == *account);
        Ok(of_account.map(|members| (members.channel.clone(), members.at)).collect())
    }

    async fn channels_of(
        &self,
        account: &AccountId,
        user: &UserId,
        since: Timestamp,
    ) -> Result<Vec<ChannelId>, StoreError> {
        let state = self.up()?;
        let theirs =
            |members: &&Members| members.account == *account && members.at >= since && members.users.contains(user);
        Ok(state.rows.roll.members.iter().filter(theirs).map(|members| members.channel.clone()).collect())
    }
}
