//! Reading.

use std::cmp::Reverse;

use async_trait::async_trait;
use zentry_domain::ports::{Backlog, StoreError};
use zentry_domain::roundup::Gathering;
use zentry_domain::wanted::Connections;
use zentry_domain::{
    Account, AccountId, AuditEntry, Card, ChannelId, ChannelSettings, CredentialId, DeadLetter, Digest, Facts, Handle,
    Hook, InstallationId, IssueId, IssueName, JobId, Journal, Lane, Ledger, Link, LinkedPerson, MessageId, Offer,
    OrgSlug, Owner, Pause, Person, ProjectId, ProjectKey, Pulse, Revision, Roundup, Sighted, Sighting, Stage,
    Subscription, Timestamp, Trace, Undo, UserId, Whole,
};

use super::FakeStore;
use super::rows::Seen;

#[async_trait]
impl Facts for FakeStore {
    async fn subscriptions_in(
        &self,
        account: &AccountId,
        channel: &ChannelId,
    ) -> Result<Vec<Subscription>, StoreError> {
        let mut found =
            all(&self.up()?.rows.subscriptions, |s| s.place.account == *account && s.place.channel == *channel);
        found.sort_by_key(|s| s.since);
        Ok(found)
    }

    async fn subscriptions_of(&self, account: &AccountId) -> Result<Vec<Subscription>, StoreError> {
        let mut found = all(&self.up()?.rows.subscriptions, |s| s.place.account == *account);
        found.sort_by_key(|s| (s.place.channel.key(), s.since));
        Ok(found)
    }

    async fn subscribers(&self, project: &ProjectKey) -> Result<Vec<Subscription>, StoreError> {
        Ok(all(&self.up()?.rows.subscriptions, |s| project.names(&s.project)))
    }

    async fn settings(&self, account: &AccountId, channel: &ChannelId) -> Result<ChannelSettings, StoreError> {
        let key = (account.clone(), channel.clone());
        Ok(self.up()?.rows.settings.get(&key).copied().unwrap_or_default())
    }

    async fn wholes_in(&self, account: &AccountId, channel: &ChannelId) -> Result<Vec<Whole>, StoreError> {
        let mut found = all(&self.up()?.rows.wholes, |w| w.place.account == *account && w.place.channel == *channel);
        found.sort_by(|a, b| a.org.as_str().cmp(b.org.as_str()));
        Ok(found)
    }

    async fn wholes_of(&self, org: &OrgSlug) -> Result<Vec<Whole>, StoreError> {
        let mut found = all(&self.up()?.rows.wholes, |w| w.org == *org);
        found.sort_by_key(|w| (w.place.account.as_str().to_owned(), w.place.channel.key()));
        Ok(found)
    }

    async fn is_apart(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        project: &ProjectId,
    ) -> Result<bool, StoreError> {
        Ok(self.up()?.rows.apart.contains(&(account.clone(), channel.clone(), project.clone())))
    }

    async fn subscriptions_to(&self, org: &OrgSlug) -> Result<Vec<Subscription>, StoreError> {
        let mut found = all(&self.up()?.rows.subscriptions, |s| s.project.org == *org);
        found.sort_by_key(|s| s.since);
        Ok(found)
    }

    async fn subscribed_orgs(&self) -> Result<Vec<OrgSlug>, StoreError> {
        let mut orgs: Vec<_> = self.up()?.rows.subscriptions.iter().map(|s| s.project.org.clone()).collect();
        orgs.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        orgs.dedup();
        Ok(orgs)
    }

    async fn pulse(&self, org: &OrgSlug) -> Result<Option<Pulse>, StoreError> {
        Ok(self.up()?.rows.pulses.iter().find(|pulse| pulse.org == *org).cloned())
    }

    async fn changed(&self, account: &AccountId, channel: &ChannelId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.up()?.rows.changed.get(&(account.clone(), channel.clone())).copied())
    }

    async fn waiting_cards(&self, account: &AccountId, channel: &ChannelId) -> Result<u64, StoreError> {
        let waiting = self.up()?.rows.lanes.get(&Lane::cards(account, channel)).map_or(0, Vec::len);
        Ok(waiting.min(1_024) as u64)
    }

    async fn failed_since(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        let lanes = Lane::of_channel(account, channel);
        let here = |letter: &&DeadLetter| letter.at >= since && lanes.contains(&letter.lane);
        Ok(self.up()?.rows.dead_letters().iter().filter(here).count() as u64)
    }

    async fn cards_in(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Card>, StoreError> {
        let mut found = all(&self.up()?.rows.cards, |card| {
            let place = &card.content.place;
            place.account == *account && place.channel == *channel && card.opened >= since
        });
        found.reverse();
        found.sort_by_key(|card| Reverse(card.opened));
        found.truncate(limit);
        Ok(found)
    }

    async fn cards_of(&self, issue: &IssueId) -> Result<Vec<Card>, StoreError> {
        Ok(all(&self.up()?.rows.cards, |card| card.content.issue_id == *issue))
    }

    async fn card(&self, account: &AccountId, handle: &Handle) -> Result<Option<Card>, StoreError> {
        let mine = |card: &&Card| card.content.place.account == *account && card.handle == *handle;
        Ok(self.up()?.rows.cards.iter().find(mine).cloned())
    }

    async fn sightings(&self, issue: &IssueId) -> Result<Vec<Sighting>, StoreError> {
        let of_it = |known: &&Sighted| known.issue == *issue;
        Ok(self.up()?.rows.sighted.iter().filter(of_it).map(|known| known.sighting.clone()).collect())
    }

    async fn tells_where(&self, org: &OrgSlug, project: &ProjectId) -> Result<bool, StoreError> {
        Ok(self.up()?.rows.sighted.iter().any(|known| known.org == *org && known.project == *project))
    }

    async fn heard(&self, issue: &IssueId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.up()?.rows.heard.get(issue).copied())
    }

    async fn opened_since(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        let here = |card: &&Card| {
            let place = &card.content.place;
            place.account == *account && place.channel == *channel && card.opened >= since
        };
        Ok(self.up()?.rows.cards.iter().filter(here).take(1_024).count() as u64)
    }

    async fn storm_in(&self, account: &AccountId, channel: &ChannelId) -> Result<Option<Roundup>, StoreError> {
        let on = |roundup: &&Roundup| {
            let place = &roundup.scene.place;
            place.account == *account && place.channel == *channel && roundup.ended.is_none()
        };
        Ok(self.up()?.rows.roundups.iter().find(on).cloned())
    }

    async fn roundup(&self, account: &AccountId, handle: &Handle) -> Result<Option<Roundup>, StoreError> {
        let mine = |roundup: &&Roundup| roundup.scene.place.account == *account && roundup.handle == *handle;
        Ok(self.up()?.rows.roundups.iter().find(mine).cloned())
    }

    async fn gathering(&self, account: &AccountId, roundup: &Handle, top: usize) -> Result<Gathering, StoreError> {
        let state = self.up()?;
        let behind = |card: &&Card| card.content.place.account == *account && card.listed.as_ref() == Some(roundup);
        Ok(Gathering::of(state.rows.cards.iter().filter(behind), top))
    }

    async fn traces(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        issue: &IssueName,
        limit: usize,
    ) -> Result<Vec<Trace>, StoreError> {
        let mut here = all(&self.up()?.rows.traces, |t| t.account == *account && t.channel == *channel);
        let is_called = |trace: &&Trace, short: &str| {
            trace.short_id.as_ref().is_some_and(|own| own.to_uppercase() == short.to_uppercase())
        };
        let number = match issue {
            IssueName::Number(id) => Some(id.clone()),
            IssueName::Short(short) => here.iter().find(|t| is_called(t, short)).map(|trace| trace.issue.clone()),
        };
        here.retain(|trace| Some(&trace.issue) == number.as_ref());
        Ok(here.into_iter().rev().take(limit).collect())
    }

    async fn dead_letter(&self, account: &AccountId, id: &JobId) -> Result<Option<DeadLetter>, StoreError> {
        let owner = Owner::Zoom(account.clone());
        Ok(self.up()?.rows.dead_letters().into_iter().find(|l| l.id == *id && l.lane.owner == owner))
    }

    async fn offer(&self, account: &AccountId, handle: &Handle) -> Result<Option<Offer>, StoreError> {
        let is_it = |offer: &Offer| offer.place.account == *account && offer.handle == *handle;
        Ok(all(&self.up()?.rows.offers, is_it).pop())
    }

    async fn undo(&self, account: &AccountId, handle: &Handle) -> Result<Option<Undo>, StoreError> {
        let is_it = |undo: &&Undo| undo.place.account == *account && undo.handle == *handle;
        Ok(self.up()?.rows.undos.iter().find(is_it).cloned())
    }

    async fn link(&self, id: &Digest) -> Result<Option<Link>, StoreError> {
        Ok(self.up()?.rows.links.iter().find(|link| link.id == *id).cloned())
    }

    async fn link_at_sentry(&self, state: &Digest) -> Result<Option<Link>, StoreError> {
        let at_sentry = |link: &&Link| matches!(&link.stage, Stage::AtSentry { state: known, .. } if known == state);
        Ok(self.up()?.rows.links.iter().find(at_sentry).cloned())
    }

    async fn open_link(&self, account: &AccountId, user: &UserId) -> Result<Option<Link>, StoreError> {
        let open =
            |link: &&Link| link.person.account == *account && link.person.user == *user && link.stage != Stage::Ended;
        Ok(self.up()?.rows.links.iter().rfind(open).cloned())
    }

    async fn linked(&self, account: &AccountId, user: &UserId) -> Result<Option<LinkedPerson>, StoreError> {
        let theirs = |linked: &&LinkedPerson| linked.person.account == *account && linked.person.user == *user;
        Ok(self.up()?.rows.people.iter().find(theirs).cloned())
    }

    async fn linked_as(&self, account: &AccountId, sentry_user: &str) -> Result<Option<LinkedPerson>, StoreError> {
        let theirs = |linked: &&LinkedPerson| linked.person.account == *account && linked.identity.id == sentry_user;
        let rows = &self.up()?.rows;
        Ok(rows.people.iter().filter(theirs).min_by(|a, b| a.person.user.cmp(&b.person.user)).cloned())
    }

    async fn wants_mentions(&self, account: &AccountId, user: &UserId) -> Result<bool, StoreError> {
        Ok(!self.up()?.rows.unmentioned.contains(&(account.clone(), user.clone())))
    }

    async fn links_in(&self, account: &AccountId, channel: &ChannelId, message: &MessageId) -> Result<u64, StoreError> {
        let key = (account.clone(), channel.clone(), message.clone());
        Ok(self.up()?.rows.shared.get(&key).map_or(0, |(links, _)| *links))
    }

    async fn unfurled(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        issue: &IssueId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let key = (account.clone(), channel.clone(), issue.clone());
        Ok(self.up()?.rows.unfurled.get(&key).copied())
    }

    async fn installation(&self, id: &InstallationId) -> Result<Option<OrgSlug>, StoreError> {
        Ok(self.up()?.rows.installations.iter().find(|(known, _)| known == id).map(|(_, org)| org.clone()))
    }

    async fn was_removed(&self, id: &InstallationId) -> Result<bool, StoreError> {
        Ok(self.up()?.rows.removed.contains(id))
    }

    async fn installations_of(&self, org: &OrgSlug) -> Result<Vec<InstallationId>, StoreError> {
        let of_org = all(&self.up()?.rows.installations, |(_, known)| known == org);
        Ok(of_org.into_iter().map(|(id, _)| id).collect())
    }

    async fn hook(&self, token: &Digest) -> Result<Option<Hook>, StoreError> {
        Ok(self.up()?.rows.hooks.iter().find(|hook| hook.token == *token).cloned())
    }

    async fn hooks(&self) -> Result<Vec<Hook>, StoreError> {
        Ok(all(&self.up()?.rows.hooks, |hook| hook.ended.is_none()))
    }

    async fn grants_of(&self, account: &AccountId) -> Result<Vec<CredentialId>, StoreError> {
        let rows = &self.up()?.rows;
        let people = rows.people.iter().filter(|linked| linked.person.account == *account);
        let links = rows.links.iter().filter(|link| link.person.account == *account);
        Ok(people.map(|linked| &linked.credential).chain(links.filter_map(Link::credential)).cloned().collect())
    }

    async fn hook_wishes(&self) -> Result<Revision, StoreError> {
        Ok(self.up()?.rows.hook_wishes)
    }

    async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.up()?.rows.accounts.iter().find(|known| known.id == *id).cloned())
    }

    async fn links_again(&self, account: &AccountId, user: &UserId, since: Timestamp) -> Result<usize, StoreError> {
        let again = |link: &&Link| {
            link.person.account == *account && link.person.user == *user && link.again && link.offered >= since
        };
        Ok(self.up()?.rows.links.iter().filter(again).count())
    }

    async fn people_in(&self, account: &AccountId, channel: &ChannelId) -> Result<Vec<Person>, StoreError> {
        let mut here = all(&self.up()?.rows.presence, |seen| seen.account == *account && seen.channel == *channel);
        here.sort_by(|a, b| (Reverse(a.at), &a.person.user).cmp(&(Reverse(b.at), &b.person.user)));
        Ok(here.into_iter().map(|seen| seen.person).collect())
    }

    async fn acquaintance(&self, account: &AccountId, user: &UserId) -> Result<Option<Person>, StoreError> {
        let theirs = |seen: &&Seen| seen.account == *account && seen.person.user == *user;
        Ok(self.up()?.rows.presence.iter().rfind(theirs).map(|seen| seen.person.clone()))
    }

    async fn paused(&self, account: &AccountId, channel: &ChannelId) -> Result<Option<Pause>, StoreError> {
        let here = |pause: &&Pause| pause.account == *account && pause.channel == *channel;
        Ok(self.up()?.rows.pauses.iter().find(here).cloned())
    }

    async fn channels_known_to(&self, account: &AccountId, user: &UserId) -> Result<Vec<ChannelId>, StoreError> {
        let theirs = all(&self.up()?.rows.presence, |seen| seen.account == *account && seen.person.user == *user);
        Ok(theirs.into_iter().map(|seen| seen.channel).collect())
    }
}

#[async_trait]
impl Journal for FakeStore {
    async fn ledger(&self) -> Result<Ledger, StoreError> {
        Ok(self.up()?.rows.ledger())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let rows = &self.up()?.rows;
        let others = rows.lanes.iter().filter(|(lane, _)| !lane.is_of_rereadings());
        let waiting = others.map(|(_, jobs)| jobs.len() as u64).sum();
        Ok(Backlog { waiting, dead: rows.dead.len() as u64 })
    }

    async fn connections(&self) -> Result<Connections, StoreError> {
        let state = self.up()?;
        let (mut subscriptions, mut wholes) = (state.rows.subscriptions.clone(), state.rows.wholes.clone());
        subscriptions.sort_by_key(|s| (s.place.account.clone(), s.place.channel.key(), s.since));
        wholes.sort_by_key(|w| (w.place.account.clone(), w.place.channel.key(), w.org.as_str().to_owned()));
        Ok(Connections { subscriptions, wholes })
    }

    async fn audit(&self) -> Result<Vec<AuditEntry>, StoreError> {
        Ok(self.up()?.rows.audit.clone())
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(self.up()?.rows.dead_letters())
    }

    async fn pulses(&self, limit: usize) -> Result<Vec<Pulse>, StoreError> {
        let mut pulses = self.up()?.rows.pulses.clone();
        pulses.sort_by_key(|pulse| Reverse(pulse.last));
        pulses.truncate(limit);
        Ok(pulses)
    }

    async fn unreadable(&self) -> Result<Vec<(String, Timestamp, Vec<u8>)>, StoreError> {
        Ok(self.up()?.rows.unreadable.clone())
    }
}

fn all<T: Clone>(rows: &[T], wanted: impl Fn(&T) -> bool) -> Vec<T> {
    rows.iter().filter(|row| wanted(row)).cloned().collect()
}
