//! What a restart keeps, and what a decision changes in it.

use std::collections::{BTreeMap, HashMap};

use zentry_domain::ports::{DeliveryKey, StoreError};
use zentry_domain::{
    Account, AccountId, Card, ChannelId, Decision, Handle, InstallationId, Lane, Link, LinkedPerson, NewJob, OrgSlug,
    Owner, Person, Place, Revision, RowChange, Subscription, Timestamp, UserId,
};

use super::DeadJob;
use super::outbox::Waiting;

/// Everything stored. Lists are in the order of arrival; no lane is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) keys: HashMap<DeliveryKey, Timestamp>,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) cards: Vec<Card>,
    pub(super) links: Vec<Link>,
    pub(super) people: Vec<LinkedPerson>,
    pub(super) accounts: Vec<Account>,
    pub(super) installations: Vec<(InstallationId, OrgSlug)>,
    pub(super) presence: Vec<(AccountId, UserId, ChannelId)>,
    pub(super) lanes: BTreeMap<Lane, Vec<Waiting>>,
    pub(super) pauses: HashMap<Owner, Timestamp>,
    pub(super) dead: Vec<DeadJob>,
}

impl Rows {
    /// Applies `decision`. After an error the rows are of no use: the caller works on a copy.
    pub(super) fn apply(&mut self, decision: &Decision, now: Timestamp) -> Result<(), StoreError> {
        for change in &decision.changes {
            self.change(change, now)?;
        }
        decision.jobs.iter().try_for_each(|job| self.enqueue(job, now))
    }

    fn change(&mut self, change: &RowChange, now: Timestamp) -> Result<(), StoreError> {
        match change {
            RowChange::Subscribe(subscription) => self.subscribe(subscription)?,
            RowChange::Unsubscribe { account, channel, project } => self
                .subscriptions
                .retain(|s| !(s.place.account == *account && s.place.channel == *channel && s.project.id == *project)),
            RowChange::PutCard(card) => self.put_card(card)?,
            RowChange::CardShown { account, card, message, revision, again } => {
                let Some(row) = self.cards.iter_mut().find(|row| is_card(row, account, card)) else { return Ok(()) };
                row.message.clone_from(message);
                row.shown = *revision;
                if row.revision != *revision {
                    self.enqueue(again, now)?;
                }
            }
            RowChange::PutLink(link) => self.put_link(link)?,
            RowChange::DropLink(id) => self.links.retain(|link| link.id != *id),
            RowChange::LinkPerson(linked) => {
                self.unlink(&linked.person.account, &linked.person.user);
                self.people.push(linked.clone());
            }
            RowChange::UnlinkPerson { account, user } => self.unlink(account, user),
            RowChange::PutAccount(account) => {
                self.accounts.retain(|known| known.id != account.id);
                self.accounts.push(account.clone());
            }
            RowChange::PurgeAccount(account) => self.purge(account),
            RowChange::PutInstallation { installation, org } => {
                self.installations.retain(|(id, _)| id != installation);
                self.installations.push((installation.clone(), org.clone()));
            }
            RowChange::RemoveInstallation(installation) => self.installations.retain(|(id, _)| id != installation),
            RowChange::Saw { place, person } => self.saw(place, person),
            RowChange::Sweep { before } => self.sweep(*before),
        }
        Ok(())
    }

    fn subscribe(&mut self, new: &Subscription) -> Result<(), StoreError> {
        let same = |s: &Subscription| {
            s.place.account == new.place.account
                && s.place.channel == new.place.channel
                && s.project.id == new.project.id
        };
        if self.subscriptions.iter().any(same) {
            return Err(StoreError::Conflict);
        }
        self.subscriptions.push(new.clone());
        Ok(())
    }

    fn put_card(&mut self, card: &Card) -> Result<(), StoreError> {
        let place = &card.content.place;
        let is_rival = |row: &Card| {
            row.handle != card.handle
                && row.content.place.account == place.account
                && row.content.place.channel == place.channel
                && row.content.issue_id == card.content.issue_id
        };
        if self.cards.iter().any(is_rival) {
            return Err(StoreError::Conflict);
        }
        let row = self.cards.iter_mut().find(|row| is_card(row, &place.account, &card.handle));
        follows(card.revision, row.as_ref().map(|row| row.revision))?;
        match row {
            Some(row) => {
                row.content = card.content.clone();
                row.revision = card.revision;
            }
            None => self.cards.push(card.clone()),
        }
        Ok(())
    }

    fn put_link(&mut self, link: &Link) -> Result<(), StoreError> {
        let row = self.links.iter_mut().find(|row| row.id == link.id);
        follows(link.revision, row.as_ref().map(|row| row.revision))?;
        match row {
            Some(row) => *row = link.clone(),
            None => self.links.push(link.clone()),
        }
        Ok(())
    }

    fn unlink(&mut self, account: &AccountId, user: &UserId) {
        self.people.retain(|linked| !(linked.person.account == *account && linked.person.user == *user));
    }

    fn saw(&mut self, place: &Place, person: &Person) {
        if place.name.is_some() {
            let here = |s: &&mut Subscription| s.place.account == place.account && s.place.channel == place.channel;
            self.subscriptions.iter_mut().filter(here).for_each(|s| s.place.name.clone_from(&place.name));
        }
        let seen = (place.account.clone(), person.user.clone(), place.channel.clone());
        // Guests have no number: what one of them knows must not be known to all.
        if !person.is_guest() && !self.presence.contains(&seen) {
            self.presence.push(seen);
        }
    }

    fn purge(&mut self, account: &AccountId) {
        let owner = Owner::Zoom(account.clone());
        self.subscriptions.retain(|s| s.place.account != *account);
        self.cards.retain(|card| card.content.place.account != *account);
        self.links.retain(|link| link.person.account != *account);
        self.people.retain(|linked| linked.person.account != *account);
        self.presence.retain(|(of, _, _)| of != account);
        self.accounts.retain(|known| known.id != *account);
        self.lanes.retain(|lane, _| lane.owner != owner);
        self.pauses.remove(&owner);
        self.dead.retain(|dead| dead.lane.owner != owner);
    }

    fn sweep(&mut self, before: Timestamp) {
        self.keys.retain(|_, at| *at >= before);
        // An inactive grant must be revoked before its attempt is forgotten.
        self.links.retain(|link| link.expires >= before || link.credential().is_some());
    }

    /// Queues `new` at the end of its lane.
    pub(super) fn enqueue(&mut self, new: &NewJob, now: Timestamp) -> Result<(), StoreError> {
        if self.lanes.values().flatten().any(|waiting| waiting.queued.id == new.id) {
            return Err(StoreError::Conflict);
        }
        let is_waiting = |lane: &Vec<Waiting>| lane.iter().any(|waiting| waiting.queued.job == new.job);
        if new.unless_waiting && self.lanes.get(&new.lane).is_some_and(is_waiting) {
            return Ok(());
        }
        self.lanes.entry(new.lane.clone()).or_default().push(Waiting::new(new, now));
        Ok(())
    }
}

fn is_card(row: &Card, account: &AccountId, handle: &Handle) -> bool {
    row.content.place.account == *account && row.handle == *handle
}

/// A row that is not there is at revision 0.
fn follows(new: Revision, row: Option<Revision>) -> Result<(), StoreError> {
    if new == row.unwrap_or_default().next() { Ok(()) } else { Err(StoreError::Conflict) }
}
