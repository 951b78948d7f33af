//! Something happened to an issue.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Core;
use super::sift::one_reading;
use crate::roundup::{Crowd, EDIT_EVERY};
use crate::{
    AccountId, Address, Admission, Assignee, AuditEntry, Card, Change, ChangeKind, ChannelId, Content, Decision,
    Handle, Issue, IssueId, Job, JobId, Kind, Lane, Level, Mentions, MessageId, Mute, NewJob, OrgSlug, Pause, Person,
    Place, Pressed, Project, RowChange, Standing, Subscription, Suppression, Trace, Updates, Verdict, say,
};

impl Core<'_> {
    /// The subscriptions in whose channels `change` would post a new message that none waits for yet: whose crowd matters.
    pub fn opens<'s>(&self, change: &Change, subscribers: &'s [Subscription], cards: &[Card]) -> Vec<&'s Subscription> {
        let is_new = |card: &Card| card.message.is_none() && (card.listed.is_some() || card.is_unopened());
        let admits = |s: &&Subscription| !change.is_remark() && s.muted(self.now).is_none() && s.admits(change);
        let opens = |s: &&Subscription| admits(s) && card_in(s, cards).is_none_or(is_new);
        self.wanting(change, subscribers).into_iter().filter(opens).collect()
    }

    /// Brings the cards of every subscribed channel up to date, and opens one where the channel's filter admits the
    /// change. `subscribers` are those that the change concerns, `crowds` tells of the channels of [`Core::opens`]. A
    /// change that alters nothing that is shown (an echo, a repeat under another name) is counted and leaves the cards
    /// alone.
    pub fn changed(&self, change: &Change, subscribers: &[Subscription], cards: &[Card], crowds: &Crowds) -> Decision {
        let each = self.wanting(change, subscribers).into_iter().map(|s| {
            let change = &*heard_by(s, change, subscribers);
            let card = card_in(s, cards).map(|card| match change.is_of_issue() {
                true => Cow::Borrowed(card),
                false => Cow::Owned(card.under(s)),
            });
            let decision = self.changed_for(s, change, card.as_deref(), crowds);
            let verdict = verdict(&decision, s, change, card.as_deref());
            decision.and(self.traced(s, change, verdict))
        });
        let decision = one_reading(each.fold(Decision::nothing(), Decision::with));
        let heard = subscribers.first().map(|s| RowChange::Heard {
            org: s.project.org.clone(),
            issue: change.issue_id.clone(),
            // Nobody can ask Sentry how a metric alert is.
            again: (change.is_of_issue() && !says_nothing_new(change, cards))
                .then(|| self.refresh(&s.project, &change.issue_id)),
        });
        heard.into_iter().fold(decision, Decision::and)
    }

    /// The subscriptions that hear of `change`, one of each channel: of several the one that may post it, and now.
    pub(super) fn wanting<'s>(&self, change: &Change, subscribers: &'s [Subscription]) -> Vec<&'s Subscription> {
        let reluctance = |s: &Subscription| (s.admission(change) == Admission::Refused, s.muted(self.now).is_some());
        let mut wanting: Vec<&Subscription> = Vec::new();
        let mut places = HashMap::new();
        for s in subscribers {
            let at = *places.entry((&s.place.account, &s.place.channel)).or_insert(wanting.len());
            match wanting.get_mut(at) {
                None => wanting.push(s),
                Some(known) if reluctance(s) < reluctance(known) => *known = s,
                Some(_) => {}
            }
        }
        wanting
    }

    fn traced(&self, subscription: &Subscription, change: &Change, verdict: Verdict) -> RowChange {
        let Place { account, channel, .. } = subscription.place.clone();
        RowChange::Trace(Trace {
            account,
            channel,
            issue: change.issue_id.clone(),
            short_id: change.issue.short_id.clone(),
            at: self.now,
            told: Kind::of(&change.kind),
            verdict,
        })
    }

    /// What became of a card's own message, for whoever asks why.
    pub fn trace(&self, card: &Card, verdict: Verdict) -> RowChange {
        let Content { place, issue_id, issue, .. } = card.content.clone();
        let Place { account, channel, .. } = place;
        let (short_id, at) = (issue.short_id, self.now);
        RowChange::Trace(Trace { account, channel, issue: issue_id, short_id, at, told: None, verdict })
    }

    /// Deliveries that come close together, or again, may have come in the wrong order: Sentry is asked how it is.
    pub fn refresh(&self, project: &Project, issue: &IssueId) -> NewJob {
        const SETTLED: Duration = Duration::from_secs(2);
        let job = Job::Refresh { project: project.clone(), issue: issue.clone() };
        self.job(Lane::refresh(issue), job).at(self.now + SETTLED)
    }

    /// Sentry has said how an issue is: its cards say so too.
    pub fn refreshed(&self, project: &Project, cards: &[Card], issue: &Issue) -> Decision {
        let of_project = cards.iter().filter(|card| card.content.project.id == project.id);
        of_project.filter_map(|card| Some((card, card.after_reading(issue, self.now)?))).fold(
            Decision::nothing(),
            |decision, (card, after)| {
                let told = self.follow_up(card, &after);
                decision.with(self.put_again(after)).with(told)
            },
        )
    }

    /// Where a channel wants to hear of changes beside the card, it is told of this one.
    pub(super) fn follow_up(&self, before: &Card, after: &Card) -> Decision {
        let Some(message) = after.message.clone().filter(|_| after.is_news_after(before)) else {
            return Decision::nothing();
        };
        let reply_to = match after.content.settings.updates {
            Updates::Edit => return Decision::nothing(),
            Updates::Thread => Some(message),
            Updates::Channel => None,
        };
        let to = Address { reply_to, ..after.address() };
        // The ledger counts the change with its card.
        Decision::job(self.answer(to, after.content.told_after(&before.content)).uncounted())
    }

    /// Whom the message that has just been posted concerns, by their number at Sentry: whose the issue is, where it came back
    /// or is fatal, and the channel wants it. In a person's own chat nobody needs to be called.
    pub fn calls<'c>(&self, card: &'c Card) -> Option<&'c str> {
        let Content { place, issue, settings, standing, .. } = &card.content;
        let is_urgent = *standing == Standing::CameBack || issue.level == Some(Level::Fatal);
        let is_wanted = !place.direct && settings.mentions == Mentions::Assignee && card.is_open() && is_urgent;
        match &issue.assignee {
            Some(Assignee::User { id, .. }) if is_wanted => Some(id),
            _ => None,
        }
    }

    /// Calls somebody under the message of `card`.
    pub fn call(&self, card: &Card, message: &MessageId, person: &Person) -> Decision {
        let to = Address { reply_to: Some(message.clone()), ..card.address() };
        // The ledger counts the message that it belongs to.
        Decision::job(self.answer(to, say::called(card, person)).uncounted())
    }

    /// What we did or read ourselves alters a message that is there, and posts none.
    pub(super) fn put_again(&self, card: Card) -> Decision {
        let shown = card.message.is_some().then(|| self.show(&card).uncounted());
        Decision { changes: vec![RowChange::put_card(card)], jobs: shown.into_iter().collect() }
    }

    /// Whatever the message of `card` says, it is brought up to date once more.
    pub fn shown_again(&self, card: &Card) -> Decision {
        self.put_again(Card { revision: card.revision.next(), ..card.clone() })
    }

    fn changed_for(
        &self,
        subscription: &Subscription,
        change: &Change,
        card: Option<&Card>,
        crowds: &Crowds,
    ) -> Decision {
        if let ChangeKind::Remark(remark) = &change.kind {
            return self.remarked(subscription, change, remark, card);
        }
        let new = || Card::open(Handle::new(self.random.hex128()), subscription, change, self.now);
        match card {
            None => match subscription.admission(change) {
                Admission::Given => self.open(subscription, new(), crowds),
                Admission::Asks => self.ask_about(subscription, new(), crowds),
                Admission::Refused => suppressed(Suppression::Filtered),
            },
            Some(card) if card.message.is_none() => self.changed_unposted(card, subscription, change, crowds),
            Some(card) => self.changed_posted(card, subscription, change),
        }
    }

    /// A new card: shown by itself, or by the storm's where the channel is over its budget.
    pub(super) fn open(&self, subscription: &Subscription, card: Card, crowds: &Crowds) -> Decision {
        if let Some(mute) = subscription.muted(self.now) {
            return gathered(card, mute);
        }
        match self.storm_over(subscription, crowds) {
            None => self.put(card),
            Some((storm, begun)) => {
                begun.with(suppressed(Suppression::Storm)).and(RowChange::put_card(card.listed_in(&storm)))
            }
        }
    }

    /// A card that waits to be posted, or was never posted: it may post now where the filter admits it, and only then.
    fn changed_unposted(&self, card: &Card, subscription: &Subscription, change: &Change, crowds: &Crowds) -> Decision {
        let after = card.after(change, self.now);
        let put = after.clone().map(RowChange::put_card);
        let kept =
            |reason| suppressed(reason).with(Decision { changes: put.clone().into_iter().collect(), jobs: vec![] });
        let newest = after.as_ref().unwrap_or(card);
        // One that waits to be posted was accepted before the mute, and may be on its way.
        if let (true, Some(mute)) = (subscription.admits(change) && !card.waits(), subscription.muted(self.now)) {
            return match card.listed.as_ref() == Some(&mute.roundup) {
                true => kept(Suppression::Muted),
                false => gathered(newest.opened_after(card, self.now), mute),
            };
        }
        match (subscription.admission(change), &card.listed) {
            (Admission::Refused, _) => kept(Suppression::Merged),
            // The card that lists it told of it first.
            (_, Some(_)) if change.kind == ChangeKind::New && is_told(subscription, crowds) => {
                kept(Suppression::Merged)
            }
            (Admission::Asks, _) => self.ask_about_unposted(subscription, (card, newest), kept, crowds),
            (Admission::Given, Some(listed)) => match self.storm_over(subscription, crowds) {
                None => self.put(newest.on_its_own_after(card)),
                Some((storm, _)) if storm == *listed => kept(Suppression::Storm),
                // The storm that it was listed in is over: this one tells of it.
                Some((storm, begun)) => begun
                    .with(suppressed(Suppression::Storm))
                    .and(RowChange::put_card(newest.on_its_own_after(card).listed_in(&storm))),
            },
            (Admission::Given, None) if card.is_unopened() => {
                self.open(subscription, newest.opened_after(card, self.now), crowds)
            }
            (Admission::Given, None) => Decision { changes: put.into_iter().collect(), jobs: vec![self.show(newest)] },
        }
    }

    /// A posted card is edited; only an issue that comes back, or a metric alert that becomes louder, gets a new message.
    fn changed_posted(&self, card: &Card, subscription: &Subscription, change: &Change) -> Decision {
        let Some(after) = card.after(change, self.now) else { return suppressed(Suppression::Merged) };
        if after.only_counts_on(card) {
            return suppressed(Suppression::Merged)
                .and(RowChange::put_card(after.clone()))
                .then(self.show_later(&after));
        }
        let admission = if card.comes_back_with(change) { subscription.admission(change) } else { Admission::Refused };
        if admission == Admission::Asks {
            // Its old message is edited only where it gets no new one.
            return Decision::job(self.sift(&after, false)).and(RowChange::put_card(after));
        }
        let comes_back = admission == Admission::Given;
        if let (true, Some(mute)) = (comes_back, subscription.muted(self.now)) {
            return gathered(after.clone(), mute).then(self.show(&after).uncounted());
        }
        let anew = comes_back
            .then(|| RowChange::Repost { account: card.content.place.account.clone(), card: card.handle.clone() });
        // It has a message of its own again, whatever stood for it.
        let after = if anew.is_some() { after.on_its_own_after(card) } else { after };
        let told = if anew.is_none() { self.follow_up(card, &after) } else { Decision::nothing() };
        let mut decision = self.put(after).with(told);
        decision.changes.extend(anew);
        decision
    }

    pub(super) fn put(&self, card: Card) -> Decision {
        Decision::job(self.show(&card)).and(RowChange::put_card(card))
    }

    /// Nothing can be sent to a place any more: it is paused, and whoever connected it is told.
    pub fn paused(&self, place: &Place, by: &Person, here: &[Subscription]) -> Decision {
        let told = self.tell(Address::direct(by), &Place::direct(by), say::cannot_post(place, self.now, here));
        let pause = Pause {
            account: place.account.clone(),
            channel: place.channel.clone(),
            since: self.now,
            why: "Zoom refuses messages to this place".into(),
        };
        let audit = AuditEntry::of_itself(self.now, place, "Zoom", "refuse messages", "everything");
        told.and(RowChange::Pause(pause)).and(RowChange::Audit(audit))
    }

    /// Somebody wants to know now whether a place can be sent to again. It is not resumed by that: the first message that goes
    /// through does it.
    pub fn try_again(&self, pressed: &Pressed, place: &Place, standstill: &Standstill) -> Decision {
        let to = Address::privately(&pressed.place, &pressed.by);
        let answer = self.tell(to, &pressed.place, say::trying_again(self.deployment, place, standstill));
        if standstill.paused.is_none() {
            return answer;
        }
        let Place { account, channel, .. } = place.clone();
        let audit = self.audit(place, &pressed.by, "resume", "");
        answer.and(RowChange::TryNow { account, channel }).and(RowChange::Audit(audit))
    }

    /// The message of `card` is brought up to date soon, together with whatever else happens until then.
    fn show_later(&self, card: &Card) -> NewJob {
        let account = card.content.place.account.clone();
        let lane = Lane::figures(&account, &card.handle);
        self.job(lane, Job::ShowLater { account, card: card.handle.clone() }).at(self.now + EDIT_EVERY)
    }

    /// The time for that has come. Whether the message is behind is for the store to say when this is committed: what
    /// happens until then is content with the job that this ends.
    pub fn show_by_now(&self, card: &Card) -> Decision {
        Decision::nothing().and(RowChange::ShowIfBehind {
            account: card.content.place.account.clone(),
            card: card.handle.clone(),
            again: self.show(card).uncounted(),
        })
    }

    /// A card for a place was given up: whoever connected it is told.
    pub fn card_given_up(&self, place: &Place, by: &Person, letter: &JobId, why: &str) -> Decision {
        Decision::job(self.answer(Address::direct(by), say::not_sent(place, letter, why)))
    }

    /// The job that brings the message of `card` up to date with its row.
    pub fn show(&self, card: &Card) -> NewJob {
        let place = &card.content.place;
        let lane = Lane::cards(&place.account, &place.channel);
        self.job(lane, Job::Show { account: place.account.clone(), card: card.handle.clone() })
    }
}

/// Why nothing comes to a place.
#[derive(Clone, Debug, Default)]
pub struct Standstill {
    /// The platform refuses messages there, since when and why.
    pub paused: Option<Pause>,
    /// Organizations it is connected to that have not installed our integration, as far as we have heard.
    pub removed: Vec<OrgSlug>,
}

/// The channels' crowds, by account and channel.
pub type Crowds = HashMap<(AccountId, ChannelId), Crowd>;

/// The change as the channel of `subscription` hears of it: of the projects of a metric alert only those that it is connected
/// to.
fn heard_by<'c>(subscription: &Subscription, change: &'c Change, subscribers: &[Subscription]) -> Cow<'c, Change> {
    let ChangeKind::Metric(told) = &change.kind else { return Cow::Borrowed(change) };
    let mut told = told.clone();
    let here = subscribers.iter().filter(|s| s.place.is_same(&subscription.place));
    let here: HashSet<_> = here.map(|s| &s.project.slug).collect();
    told.projects.retain(|slug| here.contains(slug));
    Cow::Owned(Change { kind: ChangeKind::Metric(told), ..change.clone() })
}

/// A channel is told once, however often it is connected.
pub(super) fn once_a_channel(subscribers: &[Subscription]) -> impl Iterator<Item = &Subscription> {
    let mut places = HashSet::new();
    subscribers.iter().filter(move |s| places.insert((&s.place.account, &s.place.channel)))
}

pub(super) fn card_in<'c>(subscription: &Subscription, cards: &'c [Card]) -> Option<&'c Card> {
    let place = &subscription.place;
    cards.iter().find(|card| card.content.place.is_same(place))
}

/// An issue's beginning and its alerts come together, as often as not in the wrong order. Where every card knows that the
/// issue is open, neither can be a lie. A remark says nothing of how it is.
fn says_nothing_new(change: &Change, cards: &[Card]) -> bool {
    let tells_of_an_open_issue =
        matches!(change.kind, ChangeKind::New | ChangeKind::Seen | ChangeKind::Alert { .. } | ChangeKind::FirstIn(_));
    change.is_remark() || tells_of_an_open_issue && !cards.is_empty() && cards.iter().all(Card::is_open)
}

/// Whether another card that stands for the issue was posted in the channel.
pub(super) fn is_told(subscription: &Subscription, crowds: &Crowds) -> bool {
    let place = &subscription.place;
    crowds.get(&(place.account.clone(), place.channel.clone())).is_some_and(|crowd| crowd.is_told)
}

/// The card is told of when the mute ends.
pub(super) fn gathered(card: Card, mute: &Mute) -> Decision {
    suppressed(Suppression::Muted).and(RowChange::put_card(card.listed_in(&mute.roundup)))
}

/// What a channel's part of a decision means for the change.
fn verdict(decision: &Decision, subscription: &Subscription, change: &Change, card: Option<&Card>) -> Verdict {
    let counted = decision.changes.iter().find_map(|change| match change {
        RowChange::Count { reason, .. } => Some(*reason),
        _ => None,
    });
    let is_posted = card.is_some_and(|card| card.message.is_some());
    let is_reposted = decision.changes.iter().any(|change| matches!(change, RowChange::Repost { .. }));
    let is_asked = decision.jobs.iter().any(|job| matches!(job.job, Job::Sift { .. }));
    match (counted, subscription.filter.refuses(change)) {
        (None, _) if is_asked => Verdict::Asked,
        (None, _) if is_posted && !is_reposted => Verdict::Edit,
        (None, _) => Verdict::Queued,
        (Some(Suppression::Muted), _) => Verdict::Muted,
        (Some(Suppression::Storm), _) => Verdict::Storm,
        (Some(_), Some(refusal)) if !is_posted => Verdict::Filtered(refusal),
        (Some(_), _) => Verdict::Merged,
    }
}

pub(super) fn suppressed(reason: Suppression) -> Decision {
    Decision::nothing().and(RowChange::Count { reason, notices: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangeKind, Filter, Timestamp, sample};

    fn decide(change: &Change, subscribers: &[Subscription], cards: &[Card]) -> Decision {
        let core =
            Core { deployment: &sample::deployment(), now: Timestamp(1_000), random: &sample::Counting::default() };
        core.changed(change, subscribers, cards, &Crowds::new())
    }

    fn the_card(decision: &Decision) -> Card {
        match decision.changes.as_slice() {
            [RowChange::PutCard(card), RowChange::Trace(_), RowChange::Heard { .. }] => Card::clone(card),
            other => panic!("one card, not {other:?}"),
        }
    }

    #[test]
    fn a_new_issue_opens_a_card_in_each_subscribed_channel() {
        let elsewhere = Subscription {
            place: Place { channel: ChannelId::new("web@conference.x"), ..sample::ops() },
            ..sample::subscription()
        };
        let decision = decide(&sample::change(ChangeKind::New), &[sample::subscription(), elsewhere], &[]);
        assert_eq!((decision.changes.len(), decision.jobs.len()), (5, 2));
        assert_ne!(decision.jobs[0].lane, decision.jobs[1].lane);
    }

    #[test]
    fn an_alert_that_comes_with_its_issue_needs_no_question_and_one_that_follows_its_end_does() {
        let subscribers = [sample::subscription()];
        let card = posted(the_card(&decide(&sample::change(ChangeKind::New), &subscribers, &[])));
        let asks = |card: &Card, kind| {
            let decision = decide(&sample::change(kind), &subscribers, std::slice::from_ref(card));
            decision.changes.iter().any(|change| matches!(change, RowChange::Heard { again: Some(_), .. }))
        };
        let alert = || ChangeKind::Alert { rule: "any".into(), page: None };
        assert!(!asks(&card, alert()) && asks(&card, ChangeKind::Resolved));
        let resolved = card.after(&sample::change(ChangeKind::Resolved), Timestamp(2_000)).expect("resolved");
        assert!(asks(&resolved, alert()) && asks(&resolved, ChangeKind::New));
    }

    #[test]
    fn a_change_of_a_shown_issue_alters_its_card() {
        let subscribers = [sample::subscription()];
        let card = posted(the_card(&decide(&sample::change(ChangeKind::New), &subscribers, &[])));
        let after = the_card(&decide(&sample::change(ChangeKind::Resolved), &subscribers, std::slice::from_ref(&card)));
        assert_eq!(after.handle, card.handle);
        assert_eq!(after.revision, card.revision.next());
    }

    #[test]
    fn resolving_an_issue_that_was_never_shown_posts_nothing() {
        let decision = decide(&sample::change(ChangeKind::Resolved), &[sample::subscription()], &[]);
        assert!(decision.jobs.is_empty());
        assert_eq!(decision.changes[0], RowChange::Count { reason: Suppression::Filtered, notices: 1 });
    }

    #[test]
    fn a_repeat_of_what_is_shown_is_merged() {
        let subscribers = [sample::subscription()];
        let card = posted(the_card(&decide(&sample::change(ChangeKind::New), &subscribers, &[])));
        let decision = decide(&sample::change(ChangeKind::New), &subscribers, &[card]);
        assert!(decision.jobs.is_empty());
        assert_eq!(decision.changes[0], RowChange::Count { reason: Suppression::Merged, notices: 1 });
    }

    #[test]
    fn a_card_that_was_never_posted_posts_only_what_the_filter_admits() {
        let subscribers = [sample::subscription()];
        let card = the_card(&decide(&sample::change(ChangeKind::New), &subscribers, &[]));
        let cards = std::slice::from_ref(&card);
        assert!(decide(&sample::change(ChangeKind::Resolved), &subscribers, cards).jobs.is_empty());
        let alert = sample::change(ChangeKind::Alert { rule: "any".into(), page: None });
        assert_eq!(decide(&alert, &subscribers, cards).jobs.len(), 1);
    }

    #[test]
    fn an_issue_that_comes_back_gets_a_new_message() {
        let subscribers = [sample::subscription()];
        let card = posted(the_card(&decide(&sample::change(ChangeKind::New), &subscribers, &[])));
        let resolved = card.after(&sample::change(ChangeKind::Resolved), Timestamp(2_000)).expect("resolved");
        let decision = decide(&sample::change(ChangeKind::Regressed), &subscribers, &[resolved]);
        assert!(decision.changes.iter().any(|change| matches!(change, RowChange::Repost { .. })));
    }

    #[test]
    fn an_issue_that_comes_back_after_a_gap_gets_a_message_of_its_own() {
        let subscribers = [sample::subscription()];
        let card = posted(the_card(&decide(&sample::change(ChangeKind::New), &subscribers, &[])));
        let resolved = card.after(&sample::change(ChangeKind::Resolved), Timestamp(2_000)).expect("resolved");
        let listed = resolved.listed_in(&Handle::new("gap"));
        let decision = decide(&sample::change(ChangeKind::Regressed), &subscribers, &[listed]);
        assert!(
            decision.changes.iter().any(|change| matches!(change, RowChange::PutCard(card) if card.listed.is_none()))
        );
    }

    #[test]
    fn a_channel_with_two_subscriptions_of_one_slug_gets_one_card() {
        let recreated = Subscription {
            project: Project { id: crate::ProjectId::new("new"), ..sample::project("checkout") },
            ..sample::subscription()
        };
        let decision = decide(&sample::change(ChangeKind::New), &[sample::subscription(), recreated], &[]);
        assert_eq!(decision.jobs.len(), 1);
    }

    fn metric(alarm: crate::Alarm, value: &str) -> Change {
        sample::change(ChangeKind::Metric(Box::new(sample::metric(alarm, value))))
    }

    fn puts(decision: &Decision) -> Vec<&Card> {
        let put = decision.changes.iter().map(|change| match change {
            RowChange::PutCard(card) => Some(card.as_ref()),
            _ => None,
        });
        put.flatten().collect()
    }

    fn reposts(decision: &Decision) -> bool {
        decision.changes.iter().any(|change| matches!(change, RowChange::Repost { .. }))
    }

    #[test]
    fn a_metric_alert_gets_a_new_message_where_it_becomes_louder_and_an_edit_where_it_does_not() {
        use crate::Alarm::{Critical, Open, Resolved, Warning};
        let subscribers = [sample::subscription()];
        for (before, after, is_new) in [
            (Warning, Critical, true),
            (Open, Critical, true),
            (Resolved, Warning, true),
            (Critical, Warning, false),
            (Critical, Resolved, false),
            (Warning, Resolved, false),
        ] {
            let card = posted(Card::open(Handle::new("h"), &subscribers[0], &metric(before, "3"), Timestamp(0)));
            let decision = decide(&metric(after, "4"), &subscribers, std::slice::from_ref(&card));
            assert_eq!(reposts(&decision), is_new, "{before:?} to {after:?}");
            assert_eq!(puts(&decision)[0].handle, card.handle);
            assert!(decision.jobs.iter().all(|job| matches!(job.job, Job::Show { .. })), "Sentry is not asked");
        }
        let card = posted(Card::open(Handle::new("h"), &subscribers[0], &metric(Warning, "3"), Timestamp(0)));
        let counted = decide(&metric(Warning, "4"), &subscribers, &[card]);
        assert!(matches!(counted.jobs[0].job, Job::ShowLater { .. }), "another number can wait a moment");
        let never_shown = decide(&metric(Resolved, "1"), &subscribers, &[]);
        assert!(never_shown.jobs.is_empty() && puts(&never_shown).is_empty());
    }

    #[test]
    fn a_channel_gets_a_metric_alert_once_with_those_of_its_projects_that_it_is_connected_to() {
        let to = |slug, filter| Subscription { project: sample::project(slug), filter, ..sample::subscription() };
        let deaf = Filter { events: vec![Kind::New], ..Filter::default() };
        let place = Place { channel: ChannelId::new("web@conference.x"), ..sample::ops() };
        let subscribers = [
            to("checkout", deaf.clone()),
            to("web", Filter::default()),
            Subscription { place: place.clone(), ..to("web", Filter::default()) },
            Subscription { place: Place { channel: ChannelId::new("deaf@conference.x"), ..place }, ..to("web", deaf) },
        ];
        let decision = decide(&metric(crate::Alarm::Critical, "3.4"), &subscribers, &[]);
        let heads: Vec<_> = puts(&decision).iter().map(|card| card.notice().head).collect();
        assert_eq!(
            heads,
            [
                "Critical · [checkout, web · production] p95 latency above 2 s",
                "Critical · [web · production] p95 latency above 2 s"
            ]
        );
        assert_eq!(decision.jobs.len(), 2);
        let again =
            decide(&metric(crate::Alarm::Critical, "3.4"), &subscribers[1..2], &[posted(puts(&decision)[0].clone())]);
        assert_eq!(puts(&again)[0].notice().head, heads[1], "it is not connected to the other one any more");
        assert_eq!(puts(&again)[0].content.project, sample::project("web"));
    }

    fn posted(card: Card) -> Card {
        Card { message: Some(MessageId::new("m")), shown: card.revision, ..card }
    }
}
