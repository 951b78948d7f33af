//! What was observed in a history: enough to say at any time what must be, and at its end what must have been.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use zentry_contract::fake::ChatFault;
use zentry_contract::tracker::Fault;
use zentry_domain::ports::{DeliveryKey, LaneLease};
use zentry_domain::{
    AccountId, Address, Card, Change, ChangeKind, CredentialId, Decision, Event, Facts, Handle, Identity, Job, JobId,
    Lane, MessageId, Outcome, Owner, Place, Press, ProjectId, Queued, Revision, RowChange, Secret, Stage, Subscription,
    Suppression, Timestamp,
};

use crate::gaps::Gaps;
use crate::ports::Watched;
use crate::{checks, people};

/// A channel and a project.
pub(crate) type Feed = (AccountId, String, ProjectId);
/// Where something was said, to whom, and its words.
pub(crate) type Words = (AccountId, String, String, String);

/// Everything observed. Instants are numbered, because the clock stands still while much happens.
#[derive(Default)]
pub(crate) struct Record {
    instant: u64,
    /// The laws that were broken, and how.
    pub(crate) broken: Vec<String>,
    /// How often what happened, to know what a run has put to the test.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) chat_faults: VecDeque<ChatFault>,
    pub(crate) tracker_faults: VecDeque<Fault>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) connected: BTreeMap<Feed, u64>,
    pub(crate) ended: BTreeMap<Feed, u64>,
    /// When a card's row came to be.
    pub(crate) opened: BTreeMap<Handle, u64>,
    /// When a change that may post a card was last accepted.
    pub(crate) admitted: BTreeMap<Handle, u64>,
    pub(crate) purged: BTreeMap<AccountId, u64>,
    /// When somebody of an account last did something.
    pub(crate) active: BTreeMap<AccountId, u64>,
    pub(crate) queued: BTreeMap<JobId, u64>,
    pub(crate) leases: BTreeMap<Lane, u64>,
    pub(crate) jobs: BTreeMap<JobId, Queued>,
    pub(crate) last_ended: BTreeMap<Lane, u64>,
    pub(crate) cards: BTreeMap<MessageId, Sent>,
    pub(crate) words: BTreeMap<Words, Said>,
    pub(crate) sent_to: BTreeMap<(AccountId, String), Timestamp>,
    pub(crate) lost: BTreeSet<MessageId>,
    /// What was last said under a card that took no edit; `None` where it is not known whether it was.
    pub(crate) below: BTreeMap<MessageId, Option<String>>,
    /// Links' addresses as they were sent, and the presses that were ever offered.
    pub(crate) addresses: Vec<(Address, Secret)>,
    pub(crate) buttons: Vec<(Address, MessageId, Press)>,
    pub(crate) awaited: BTreeMap<CredentialId, (Secret, Identity, Timestamp)>,
    pub(crate) linked: BTreeSet<CredentialId>,
    pub(crate) grants: BTreeMap<CredentialId, (AccountId, usize)>,
    /// How many messages the chat has ever taken.
    pub(crate) posts: usize,
    pub(crate) gaps: Gaps,
    /// Lanes that were taken over while somebody was about their work: what that brought about is not known.
    pub(crate) overtaken: BTreeSet<Lane>,
    held: BTreeSet<Lane>,
}

/// One webhook request, which may come more than once.
pub(crate) struct Delivery {
    pub(crate) event: Event,
    /// When the attempt that is under way began.
    pub(crate) begun: Option<u64>,
    /// When it was first committed.
    pub(crate) committed: Option<Timestamp>,
}

/// What is known of a message that shows a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The store does not know of it yet.
    InFlight,
    /// The store has it.
    Kept,
    /// The answer was lost, the process died, or the job was cleared away before the store could know of it.
    Unknown,
}

/// What is known of an answer's words.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    pub(crate) posted: u64,
    pub(crate) settled: u64,
    pub(crate) unknown: u64,
}

impl Record {
    pub(crate) fn instant(&mut self) -> u64 {
        self.instant += 1;
        self.instant
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(crate) fn must(&mut self, verdict: Result<(), String>) {
        self.broken.extend(verdict.err());
    }

    pub(crate) fn delivery(&mut self, event: Event) -> usize {
        self.deliveries.push(Delivery { event, begun: None, committed: None });
        self.deliveries.len() - 1
    }

    // === what the store was told ===

    pub(crate) fn committed(&mut self, world: &Watched, keys: &[DeliveryKey], decision: &Decision) {
        let event = keys.first().map(|key| self.delivered(world, number(key)));
        self.decided(world, decision, event.as_ref().map(|(event, _)| event));
        let Some((event, begun)) = event else { return };
        self.must(checks::who_speaks_is_answered(&event, decision));
        if let Some(account) = of_account(&event) {
            let now = self.instant();
            self.active.insert(account.clone(), now);
        }
        match &event {
            Event::Changed(change) => {
                self.change_accepted(world, change, begun);
                keys.iter().for_each(|key| self.heard_of(world, change, number(key)));
            }
            Event::Deauthorized { account, .. } => self.must(people::nothing_of_a_purged_account_stays(world, account)),
            _ => {}
        }
    }

    fn delivered(&mut self, world: &Watched, number: usize) -> (Event, u64) {
        self.must(checks::repeats_change_nothing(self, world, number));
        let delivery = &mut self.deliveries[number];
        delivery.committed = Some(world.now());
        (delivery.event.clone(), delivery.begun.unwrap_or_default())
    }

    fn change_accepted(&mut self, world: &Watched, change: &Change, begun: u64) {
        if matches!(change.kind, ChangeKind::Remark(_)) {
            return self.count("remarks");
        }
        self.must(checks::accepted_changes_are_in_their_cards(self, world, change, begun));
        let now = self.instant();
        for subscription in self.hearing(world, change, begun).iter().filter(|s| s.admits(change)) {
            let handle = checks::card_in(world, &subscription.place, &change.issue_id).map(|card| card.handle);
            self.admitted.extend(handle.map(|handle| (handle, now)));
        }
    }

    /// Who was connected to a change's project all the time from `begun` until now.
    pub(crate) fn hearing(&self, world: &Watched, change: &Change, begun: u64) -> Vec<Subscription> {
        let project = crate::cast::project_of(&change.issue_id);
        let key = zentry_domain::ProjectKey { id: Some(project.id), ..Default::default() };
        let mut hearing = world.read(world.store.subscribers(&key));
        hearing.retain(|s| self.connected.get(&feed(&s.place, &s.project.id)).is_some_and(|since| *since < begun));
        hearing
    }

    fn decided(&mut self, world: &Watched, decision: &Decision, event: Option<&Event>) {
        let now = self.instant();
        for change in &decision.changes {
            match change {
                RowChange::Subscribe(s) => drop(self.connected.insert(feed(&s.place, &s.project.id), now)),
                // What another filter admits counts from then on.
                RowChange::PutFilter { account, channel, project, .. }
                | RowChange::PutMute { account, channel, project, .. } => {
                    let feed = (account.clone(), channel.key(), project.clone());
                    self.connected.entry(feed).and_modify(|since| *since = now);
                }
                RowChange::Unsubscribe { account, channel, project } => {
                    self.ended.insert((account.clone(), channel.key(), project.clone()), now);
                }
                RowChange::PutCard(card) if card.revision == Revision(1) => {
                    self.opened.insert(card.handle.clone(), now);
                }
                RowChange::PutLink(link) => {
                    if let Stage::AwaitingCode { code, identity, credential, .. } = &link.stage {
                        self.awaited.insert(credential.clone(), (code.clone(), identity.clone(), link.expires));
                    }
                }
                RowChange::LinkPerson(linked) => {
                    self.count("links");
                    self.must(people::only_the_right_code_links(self, world, linked, event));
                    self.linked.insert(linked.credential.clone());
                }
                RowChange::PutRoundup(storm) => self.kept(storm.message.as_ref()),
                RowChange::PurgeAccount(account) | RowChange::LetAccountGo { account, .. } => {
                    self.account_left(account, now)
                }
                RowChange::CardShown { again, .. }
                | RowChange::ShowIfBehind { again, .. }
                | RowChange::TendIfBehind { again, .. }
                | RowChange::Heard { again: Some(again), .. } => {
                    self.queued.insert(again.id.clone(), now);
                }
                RowChange::Repost { .. } => self.count("cards that came back"),
                _ => {}
            }
        }
        self.queued.extend(decision.jobs.iter().map(|job| (job.id.clone(), now)));
    }

    fn account_left(&mut self, account: &AccountId, now: u64) {
        self.count("accounts that left");
        self.purged.insert(account.clone(), now);
        let theirs = self.connected.keys().filter(|feed| feed.0 == *account);
        self.ended.extend(theirs.map(|feed| (feed.clone(), now)));
        // They went with the account, which is the account's own wish.
        self.grants.retain(|_, (owner, _)| owner != account);
        self.gaps.forget(account);
    }

    // === what became of jobs ===

    pub(crate) fn leased(&mut self, lease: &LaneLease) {
        let now = self.instant();
        if !self.held.insert(lease.lane.clone()) {
            self.count("lanes taken over");
            self.overtaken.insert(lease.lane.clone());
        }
        self.leases.insert(lease.lane.clone(), now);
        self.jobs.extend(lease.jobs.iter().map(|job| (job.id.clone(), job.clone())));
    }

    pub(crate) fn released(&mut self, lane: &Lane) {
        self.held.remove(lane);
    }

    /// Whether two workers were at once about what is sent to a channel.
    pub(crate) fn is_overtaken(&self, account: &AccountId, channel: &str) -> bool {
        let of_channel = |lane: &Lane| lane.name.ends_with(&format!("s/{channel}"));
        self.overtaken.iter().any(|lane| lane.owner == Owner::Zoom(account.clone()) && of_channel(lane))
    }

    /// The card that an outcome says is shown, as it is now.
    pub(crate) fn shown_card(world: &Watched, outcome: &Outcome) -> Option<Card> {
        let (account, card, _) = shown_in(outcome)?;
        world.read(world.store.card(account, card))
    }

    pub(crate) fn settled(
        &mut self,
        world: &Watched,
        lease: &LaneLease,
        id: &JobId,
        outcome: &Outcome,
        before: Option<&Card>,
    ) {
        let queued = self.jobs[id].clone();
        if let Some((account, handle, _)) = shown_in(outcome) {
            let after = world.read(world.store.card(account, handle));
            self.must(checks::a_card_has_one_message(self, before, after.as_ref(), outcome));
            // Where two were at it at once it is shown once more.
            if !self.overtaken.contains(&lease.lane) {
                self.must(checks::what_is_called_shown_is_shown(self, world, after.as_ref()));
            }
            self.kept(after.as_ref().and_then(|card| card.message.as_ref()));
        }
        match outcome {
            Outcome::Done(then) | Outcome::Suppressed { then, .. } | Outcome::Dead { then, .. } => {
                self.must(checks::a_lane_keeps_its_order(self, lease, &queued));
                let order = self.queued.get(id).copied().unwrap_or_default();
                let last = self.last_ended.entry(lease.lane.clone()).or_default();
                *last = order.max(*last);
                self.decided(world, then, None);
            }
            _ => {}
        }
        self.told(world, &queued, outcome);
        self.reconciled(world, &queued, outcome);
    }

    fn told(&mut self, world: &Watched, queued: &Queued, outcome: &Outcome) {
        match (outcome, &queued.job) {
            (Outcome::Done(_), Job::Answer(answer)) => {
                self.count("answers");
                self.said(&answer.to, &answer.notice).settled += 1;
            }
            (Outcome::Done(then), Job::Sift { .. }) => {
                self.count("siftings");
                let left_out = RowChange::Count { reason: Suppression::Filtered, notices: 1 };
                if then.changes.contains(&left_out) {
                    self.count("cards left out");
                }
            }
            (Outcome::Dead { why, .. }, _) => {
                self.count("dead letters");
                self.must(checks::what_is_given_up_has_a_reason(self, world, queued, why));
            }
            _ => {}
        }
    }

    fn kept(&mut self, message: Option<&MessageId>) {
        if let Some(sent) = message.and_then(|id| self.cards.get_mut(id)) {
            *sent = Sent::Kept;
        }
    }

    /// A result comes too late: the job was cleared away while it was performed.
    pub(crate) fn lost_its_lease(&mut self, lease: &LaneLease, id: &JobId, outcome: &Outcome) {
        self.must(checks::only_cleared_jobs_lose_their_lease(self, &lease.lane));
        self.held.remove(&lease.lane);
        let storms = match outcome {
            Outcome::Done(then) => then.changes.iter().find_map(|change| match change {
                RowChange::PutRoundup(storm) => storm.message.as_ref(),
                _ => None,
            }),
            _ => None,
        };
        let message = shown_in(outcome).and_then(|(_, _, message)| message).or(storms);
        if let Some(sent @ Sent::InFlight) = message.and_then(|id| self.cards.get_mut(id)) {
            *sent = Sent::Unknown;
        }
        if let (Outcome::Done(_), Job::Answer(answer)) = (outcome, &self.jobs[id].job.clone()) {
            self.said(&answer.to, &answer.notice).unknown += 1;
        }
    }

    /// The process has died: whatever the store does not know, nobody knows.
    pub(crate) fn died(&mut self) {
        self.count("deaths");
        self.held.clear();
        self.deliveries.iter_mut().for_each(|delivery| delivery.begun = None);
        self.cards.values_mut().filter(|sent| **sent == Sent::InFlight).for_each(|sent| *sent = Sent::Unknown);
        self.words.values_mut().for_each(|said| said.unknown = said.posted - said.settled);
    }
}

pub(crate) fn feed(place: &Place, project: &ProjectId) -> Feed {
    (place.account.clone(), place.channel.key(), project.clone())
}

/// The key of a delivery holds its number.
pub(crate) fn key(number: usize) -> DeliveryKey {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_le_bytes());
    DeliveryKey(key)
}

fn number(key: &DeliveryKey) -> usize {
    let mut number = [0; 8];
    number.copy_from_slice(&key.0[..8]);
    usize::from_le_bytes(number)
}

fn of_account(event: &Event) -> Option<&AccountId> {
    match event {
        Event::Said(said) => Some(&said.by.account),
        Event::Pressed(pressed) => Some(&pressed.by.account),
        Event::Installed { account, .. } => Some(&account.id),
        _ => None,
    }
}

fn shown_in(outcome: &Outcome) -> Option<(&AccountId, &Handle, Option<&MessageId>)> {
    let (Outcome::Done(then) | Outcome::Suppressed { then, .. }) = outcome else { return None };
    then.changes.iter().find_map(|change| match change {
        RowChange::CardShown { account, card, message, .. } => Some((account, card, message.as_ref())),
        _ => None,
    })
}
