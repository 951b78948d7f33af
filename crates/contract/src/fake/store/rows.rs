//! What a restart keeps, and what a decision changes in it.

use std::collections::{BTreeMap, HashMap, HashSet};

use zentry_domain::ports::{DeliveryKey, StoreError};
use zentry_domain::{
    Account, AccountId, AuditEntry, CLOSE_TOGETHER, Card, ChannelId, ChannelSettings, Content, Decision, Handle, Hook,
    InstallationId, IssueId, Job, Lane, Ledger, Link, LinkedPerson, MessageId, Offer, OrgSlug, Owner, Pause, Person,
    Place, ProjectId, Pulse, Revision, Roundup, RowChange, Sighted, Stage, Subscription, Suppression, Timestamp, Trace,
    Undo, UserId, Whole,
};

use super::dead::Dead;
use super::directory::Roll;
use super::outbox::Waiting;

/// Everything stored. Lists are in the order of arrival; no lane is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// Since when each is known; `None` where it is never swept.
    pub(super) keys: HashMap<DeliveryKey, Option<Timestamp>>,
    pub(super) subscriptions: Vec<Subscription>,
    /// When what a channel is connected to was last changed.
    pub(super) changed: HashMap<(AccountId, ChannelId), Timestamp>,
    pub(super) settings: HashMap<(AccountId, ChannelId), ChannelSettings>,
    pub(super) wholes: Vec<Whole>,
    pub(super) apart: HashSet<(AccountId, ChannelId, ProjectId)>,
    pub(super) cards: Vec<Card>,
    pub(super) roundups: Vec<Roundup>,
    pub(super) heard: HashMap<IssueId, Timestamp>,
    pub(super) pulses: Vec<Pulse>,
    pub(super) traces: Vec<Trace>,
    pub(super) audit: Vec<AuditEntry>,
    /// How many addresses a message holds that we may show more of, and since when.
    pub(super) shared: HashMap<(AccountId, ChannelId, MessageId), (u64, Timestamp)>,
    pub(super) unfurled: HashMap<(AccountId, ChannelId, IssueId), Timestamp>,
    pub(super) hooks: Vec<Hook>,
    pub(super) hook_wishes: Revision,
    pub(super) sighted: Vec<Sighted>,
    pub(super) offers: Vec<Offer>,
    pub(super) undos: Vec<Undo>,
    pub(super) links: Vec<Link>,
    pub(super) people: Vec<LinkedPerson>,
    pub(super) unmentioned: HashSet<(AccountId, UserId)>,
    pub(super) accounts: Vec<Account>,
    pub(super) installations: Vec<(InstallationId, OrgSlug)>,
    pub(super) removed: Vec<InstallationId>,
    pub(super) presence: Vec<Seen>,
    pub(super) pauses: Vec<Pause>,
    pub(super) roll: Roll,
    pub(super) lanes: BTreeMap<Lane, Vec<Waiting>>,
    pub(super) throttles: HashMap<Owner, Timestamp>,
    pub(super) dead: Vec<Dead>,
    pub(super) unreadable: Vec<(String, Timestamp, Vec<u8>)>,
    /// What has an end; what waits or is dead is counted where it is.
    pub(super) tally: Ledger,
}

/// Somebody was seen somewhere.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) account: AccountId,
    pub(super) channel: ChannelId,
    pub(super) person: Person,
    pub(super) at: Timestamp,
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
            RowChange::Subscribe(subscription) => {
                self.subscribe(subscription)?;
                let place = &subscription.place;
                self.changed.insert((place.account.clone(), place.channel.clone()), now);
            }
            RowChange::Unsubscribe { account, channel, project } => {
                self.subscriptions.retain(|s| {
                    !(s.place.account == *account && s.place.channel == *channel && s.project.id == *project)
                });
                self.changed.insert((account.clone(), channel.clone()), now);
            }
            RowChange::PutWhole(whole) => {
                self.drop_whole(&whole.place.account, &whole.place.channel, &whole.org);
                self.wholes.push(whole.clone());
                self.changed.insert((whole.place.account.clone(), whole.place.channel.clone()), now);
            }
            RowChange::DropWhole { account, channel, org } => {
                self.drop_whole(account, channel, org);
                self.changed.insert((account.clone(), channel.clone()), now);
            }
            RowChange::LeaveOut { account, channel, project } => {
                self.apart.insert((account.clone(), channel.clone(), project.clone()));
            }
            RowChange::PutFilter { account, channel, project, filter } => {
                self.put_in((account, channel, project), |there| there.filter = filter.clone(), now);
            }
            RowChange::PutSettings { account, channel, settings } => {
                self.settings.insert((account.clone(), channel.clone()), *settings);
                let is_of = |place: &Place| place.account == *account && place.channel == *channel;
                self.subscriptions.iter_mut().filter(|s| is_of(&s.place)).for_each(|s| s.settings = *settings);
                let contents = self.cards.iter_mut().map(|card| &mut card.content);
                contents.filter(|content| is_of(&content.place)).for_each(|content| content.settings = *settings);
                self.changed.insert((account.clone(), channel.clone()), now);
            }
            RowChange::PutMute { account, channel, project, mute } => {
                self.put_in((account, channel, project), |there| there.mute = Some(mute.clone()), now);
            }
            RowChange::PutCard(card) => self.put_card(card)?,
            RowChange::CardShown { account, card, seen, message, revision, again } => {
                let Some(row) = self.cards.iter_mut().find(|row| is_card(row, account, card)) else { return Ok(()) };
                let is_as_seen = row.message == *seen;
                if is_as_seen {
                    row.message.clone_from(message);
                    row.shown = *revision;
                }
                if !is_as_seen || row.revision != *revision {
                    self.enqueue(again, now)?;
                }
            }
            RowChange::ShowIfBehind { account, card, again } => {
                if self.cards.iter().any(|row| is_card(row, account, card) && !row.is_shown()) {
                    self.enqueue(again, now)?;
                }
            }
            RowChange::Heard { org, issue, again } => {
                self.put_pulse(self.pulse(org).beat(now));
                let before = self.heard.insert(issue.clone(), now);
                if let Some(again) = again.as_ref().filter(|_| before.is_some_and(|at| now.since(at) < CLOSE_TOGETHER))
                {
                    self.enqueue(again, now)?;
                }
            }
            RowChange::Reconciled { org, until, told } => {
                let pulse = self.pulse(org);
                self.put_pulse(Pulse { reconciled: pulse.reconciled.max(Some(*until)), told: *told, ..pulse });
            }
            RowChange::Gather { account, channel, roundup } => self.gather(account, channel, roundup),
            RowChange::PutRoundup(roundup) => self.put_roundup(roundup)?,
            RowChange::EndRoundup { account, roundup, at } => {
                let is_it = |row: &&mut Roundup| row.scene.place.account == *account && row.handle == *roundup;
                if let Some(row) = self.roundups.iter_mut().find(is_it) {
                    row.ended = Some(*at);
                }
            }
            RowChange::Repost { account, card } => {
                if let Some(row) = self.cards.iter_mut().find(|row| is_card(row, account, card)) {
                    row.message = None;
                    row.shown = Revision::default();
                }
            }
            RowChange::Trace(trace) => self.traces.push(trace.clone()),
            RowChange::Audit(entry) => self.audit.push(entry.clone()),
            RowChange::Count { reason, notices } => {
                self.tally.accepted += notices;
                self.suppress(*reason, *notices);
            }
            RowChange::Forsake { account, channel, org } => self.forsake(account, channel, org),
            RowChange::ClearLane(lane) => self.clear_lane(lane, Suppression::Disconnected),
            // It concerns the keys, which the commit writes.
            RowChange::RememberForEver => {}
            RowChange::KeepUnreadable { source, body } => self.unreadable.push((source.clone(), now, body.clone())),
            RowChange::Replay(id) => self.replay(id, now),
            RowChange::DropDead(id) => self.drop_dead(id),
            RowChange::Pause(pause) => self.pause(pause),
            RowChange::Resume { account, channel } => {
                self.pauses.retain(|pause| !(pause.account == *account && pause.channel == *channel));
            }
            RowChange::TryNow { account, channel } => self.try_now(account, channel, now),
            RowChange::Shared { account, channel, message, links, at } => {
                let key = (account.clone(), channel.clone(), message.clone());
                let before = self.shared.get(&key).map_or(0, |(before, _)| *before);
                self.shared.insert(key, (before + links, *at));
            }
            RowChange::Unfurled { account, channel, issue, at } => {
                self.unfurled.insert((account.clone(), channel.clone(), issue.clone()), *at);
            }
            RowChange::WishForHooks => self.hook_wishes = self.hook_wishes.next(),
            RowChange::TendIfBehind { seen, again } => {
                if self.hook_wishes != *seen {
                    self.enqueue(again, now)?;
                }
            }
            RowChange::PutHook(hook) => {
                self.hooks.retain(|known| known.token != hook.token);
                self.hooks.push(Hook::clone(hook));
            }
            RowChange::EndHook { token, at, is_stranded } => {
                for hook in self.hooks.iter_mut().filter(|hook| hook.token == *token) {
                    (hook.ended, hook.is_stranded) = (Some(*at), *is_stranded);
                }
            }
            RowChange::Sighted(sighted) => {
                let is_it = |known: &Sighted| {
                    known.issue == sighted.issue && known.sighting.environment == sighted.sighting.environment
                };
                if !self.sighted.iter().any(is_it) {
                    self.sighted.push(sighted.clone());
                }
            }
            RowChange::PutOffer(offer) => self.offers.push(offer.clone()),
            RowChange::PutUndo(undo) => self.undos.push(undo.clone()),
            RowChange::DropUndo { account, undo } => {
                let is_it = |row: &Undo| row.place.account == *account && row.handle == *undo;
                let place = self.undos.iter().position(is_it).ok_or(StoreError::Conflict)?;
                self.undos.remove(place);
            }
            RowChange::PutLink(link) => self.put_link(link)?,
            RowChange::DropLink(id) => self.links.retain(|link| link.id != *id),
            RowChange::LinkPerson(linked) => {
                self.unlink(&linked.person.account, &linked.person.user);
                self.people.push(linked.clone());
            }
            RowChange::PutMentions { account, user, on } => {
                let key = (account.clone(), user.clone());
                if *on {
                    self.unmentioned.remove(&key);
                } else {
                    self.unmentioned.insert(key);
                }
            }
            RowChange::PutRoles { linked } => {
                let is_it = |known: &&mut LinkedPerson| {
                    known.person.account == linked.person.account
                        && known.person.user == linked.person.user
                        && known.credential == linked.credential
                };
                if let Some(known) = self.people.iter_mut().find(is_it) {
                    known.clone_from(linked);
                }
            }
            RowChange::UnlinkPerson { account, user } => self.unlink(account, user),
            RowChange::PutAccount(account) => {
                self.accounts.retain(|known| known.id != account.id);
                self.accounts.push(account.clone());
            }
            RowChange::PurgeAccount(account) | RowChange::LetAccountGo { account, .. } => self.purge(account),
            RowChange::PutInstallation { installation, org } => {
                self.installations.retain(|(id, _)| id != installation);
                self.removed.retain(|id| id != installation);
                self.installations.push((installation.clone(), org.clone()));
            }
            RowChange::RemoveInstallation(installation) => {
                self.installations.retain(|(id, _)| id != installation);
                self.removed.push(installation.clone());
            }
            RowChange::Saw { place, person } => self.saw(place, person, now),
            RowChange::Directory(change) => self.directory(change, now)?,
            RowChange::ClockSetBack { by } => self.clock_set_back(*by, now),
            RowChange::Sweep { now } => self.sweep(*now),
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
        let Place { account, channel, .. } = new.place.clone();
        self.apart.remove(&(account, channel, new.project.id.clone()));
        let settings = self.settings.get(&(new.place.account.clone(), new.place.channel.clone()));
        let settings = settings.copied().unwrap_or_default();
        self.subscriptions.push(Subscription { settings, ..new.clone() });
        Ok(())
    }

    fn drop_whole(&mut self, account: &AccountId, channel: &ChannelId, org: &OrgSlug) {
        self.wholes.retain(|w| !(w.place.account == *account && w.place.channel == *channel && w.org == *org));
    }

    /// Replaces one thing that a subscription says.
    fn put_in(
        &mut self,
        (account, channel, project): (&AccountId, &ChannelId, &ProjectId),
        put: impl FnOnce(&mut Subscription),
        now: Timestamp,
    ) {
        let is_it = |s: &&mut Subscription| {
            s.place.account == *account && s.place.channel == *channel && s.project.id == *project
        };
        if let Some(there) = self.subscriptions.iter_mut().find(is_it) {
            put(there);
            self.changed.insert((account.clone(), channel.clone()), now);
        }
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
        let is_wanted = self.is_wanted(card);
        let row = self.cards.iter_mut().find(|row| is_card(row, &place.account, &card.handle));
        follows(card.revision, row.as_ref().map(|row| row.revision))?;
        match row {
            Some(row) if row.message != card.message => return Err(StoreError::Conflict),
            Some(row) => {
                row.content = card.content.clone();
                row.revision = card.revision;
                row.listed.clone_from(&card.listed);
                row.opened = card.opened;
            }
            None if !is_wanted => return Err(StoreError::Conflict),
            None => self.cards.push(card.clone()),
        }
        Ok(())
    }

    /// Whether the card's place is connected to its project.
    fn is_wanted(&self, card: &Card) -> bool {
        let Content { place, project, .. } = &card.content;
        let connects = |s: &Subscription| s.place.is_same(place) && s.project.id == project.id;
        self.subscriptions.iter().any(connects)
    }

    fn put_roundup(&mut self, roundup: &Roundup) -> Result<(), StoreError> {
        let place = &roundup.scene.place;
        let here = |row: &Roundup| row.scene.place.is_same(place);
        let is_rival = |row: &Roundup| row.handle != roundup.handle && row.ended.is_none() && here(row);
        if roundup.ended.is_none() && self.roundups.iter().any(is_rival) {
            return Err(StoreError::Conflict);
        }
        self.roundups.retain(|row| !(row.handle == roundup.handle && row.scene.place.account == place.account));
        self.roundups.push(roundup.clone());
        Ok(())
    }

    pub(super) fn pulse(&self, org: &OrgSlug) -> Pulse {
        let known = self.pulses.iter().find(|pulse| pulse.org == *org);
        known.cloned().unwrap_or_else(|| Pulse::silent(org.clone()))
    }

    fn put_pulse(&mut self, pulse: Pulse) {
        self.pulses.retain(|known| known.org != pulse.org);
        self.pulses.push(pulse);
    }

    fn gather(&mut self, account: &AccountId, channel: &ChannelId, roundup: &Handle) {
        let waiting = self.lanes.get(&Lane::cards(account, channel)).cloned().unwrap_or_default();
        let waits = |card: &Card| {
            waiting.iter().any(|w| matches!(&w.queued.job, Job::Show { card: shown, .. } if *shown == card.handle))
        };
        for card in self.cards.iter_mut().filter(|card| card.content.place.account == *account) {
            if card.message.is_none() && card.listed.is_none() && waits(card) {
                card.listed = Some(roundup.clone());
                card.revision = card.revision.next();
            }
        }
    }

    fn forsake(&mut self, account: &AccountId, channel: &ChannelId, org: &OrgSlug) {
        let unposted = |card: &&Card| {
            let Content { place, project, .. } = &card.content;
            place.account == *account && place.channel == *channel && project.org == *org && card.message.is_none()
        };
        let cards: Vec<_> = self.cards.iter().filter(unposted).map(|card| card.handle.clone()).collect();
        self.drop_waiting(
            &Lane::cards(account, channel),
            Suppression::Deauthorized,
            |job| matches!(job, Job::Show { card, .. } if cards.contains(card)),
        );
        let connected =
            self.subscriptions.iter().filter(|s| s.place.account == *account && s.place.channel == *channel);
        let lanes: Vec<_> = connected.filter(|s| s.project.org == *org).map(|s| Lane::sift(&s.project.id)).collect();
        for lane in lanes {
            let waiting = self.lanes.get_mut(&lane).into_iter().flatten();
            let asked = waiting.filter_map(|waiting| match &mut waiting.queued.job {
                Job::Sift { cards, .. } => Some(cards),
                _ => None,
            });
            let mut forsaken = 0;
            for asked in asked {
                let before = asked.len();
                asked.retain(|one| one.account != *account || one.seen.is_some() || !cards.contains(&one.card));
                forsaken += before - asked.len();
            }
            self.drop_waiting(
                &lane,
                Suppression::Deauthorized,
                |job| matches!(job, Job::Sift { cards, .. } if cards.is_empty()),
            );
            self.tally.accepted += forsaken as u64;
            self.suppress(Suppression::Deauthorized, forsaken as u64);
        }
    }

    fn put_link(&mut self, link: &Link) -> Result<(), StoreError> {
        let is_rival = |row: &Link| {
            row.id != link.id
                && row.stage != Stage::Ended
                && row.person.account == link.person.account
                && row.person.user == link.person.user
        };
        if link.stage != Stage::Ended && self.links.iter().any(is_rival) {
            return Err(StoreError::Conflict);
        }
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

    fn saw(&mut self, place: &Place, person: &Person, at: Timestamp) {
        let (account, channel) = (&place.account, &place.channel);
        if place.name.is_some() {
            let here = |s: &&mut Subscription| s.place.account == *account && s.place.channel == *channel;
            self.subscriptions.iter_mut().filter(here).for_each(|s| s.place.name.clone_from(&place.name));
        }
        // Guests have no number: what one of them knows must not be known to all.
        if !person.is_guest() {
            self.presence.retain(|seen| {
                !(seen.account == *account && seen.channel == *channel && seen.person.user == person.user)
            });
            let (account, channel) = (account.clone(), channel.clone());
            self.presence.push(Seen { account, channel, person: person.clone(), at });
        }
    }

    fn pause(&mut self, new: &Pause) {
        if !self.pauses.iter().any(|known| known.account == new.account && known.channel == new.channel) {
            self.pauses.push(new.clone());
        }
    }

    // === the ledger ===

    pub(super) fn suppress(&mut self, reason: Suppression, notices: u64) {
        if notices > 0 {
            *self.tally.suppressed.entry(reason).or_default() += notices;
        }
    }

    pub(super) fn ledger(&self) -> Ledger {
        let pending = self.lanes.values().flatten().map(|waiting| u64::from(waiting.counted)).sum();
        let dead = self.dead.iter().map(|dead| u64::from(dead.counted)).sum();
        Ledger { pending, dead, ..self.tally.clone() }
    }
}

fn is_card(row: &Card, account: &AccountId, handle: &Handle) -> bool {
    row.content.place.account == *account && row.handle == *handle
}

/// A row that is not there is at revision 0.
fn follows(new: Revision, row: Option<Revision>) -> Result<(), StoreError> {
    if new == row.unwrap_or_default().next() { Ok(()) } else { Err(StoreError::Conflict) }
}
