//! Something happened to an issue.

use std::collections::HashSet;

use super::Core;
use crate::{Address, Card, Change, Decision, Handle, Job, Lane, Pause, RowChange, Subscription, Suppression, say};

impl Core<'_> {
    /// Brings the cards of every subscribed channel up to date, and opens one where the channel's filter admits the
    /// change. `subscribers` are those of the change's project. A change that alters nothing that is shown (an echo, a
    /// repeat under another name) is counted and leaves the cards alone.
    pub fn changed(&self, change: &Change, subscribers: &[Subscription], cards: &[Card]) -> Decision {
        let mut places = HashSet::new();
        let once_a_channel = |s: &&Subscription| places.insert((s.place.account.clone(), s.place.channel.clone()));
        let each = subscribers.iter().filter(once_a_channel).map(|s| self.changed_for(s, change, cards));
        each.fold(Decision::nothing(), Decision::with)
    }

    fn changed_for(&self, subscription: &Subscription, change: &Change, cards: &[Card]) -> Decision {
        let place = &subscription.place;
        let there = cards
            .iter()
            .find(|card| card.content.place.account == place.account && card.content.place.channel == place.channel);
        match there {
            None if subscription.admits(change) => {
                self.put(Card::open(Handle::new(self.random.hex128()), subscription, change, self.now))
            }
            None => suppressed(Suppression::Filtered),
            Some(card) if card.message.is_none() => self.changed_unposted(card, subscription, change),
            Some(card) => self.changed_posted(card, subscription, change),
        }
    }

    /// A card that waits to be posted, or was never posted: it may post now where the filter admits it, and only then.
    fn changed_unposted(&self, card: &Card, subscription: &Subscription, change: &Change) -> Decision {
        let after = card.after(change, self.now);
        if subscription.admits(change) {
            let shown = Decision::job(self.show(card));
            return after.map_or(shown.clone(), |after| shown.and(RowChange::PutCard(after)));
        }
        match after {
            Some(after) => suppressed(Suppression::Merged).and(RowChange::PutCard(after)),
            None => suppressed(Suppression::Merged),
        }
    }

    /// A posted card is edited; only an issue that comes back gets a new message.
    fn changed_posted(&self, card: &Card, subscription: &Subscription, change: &Change) -> Decision {
        let Some(after) = card.after(change, self.now) else { return suppressed(Suppression::Merged) };
        let anew = (card.comes_back_with(change) && subscription.admits(change))
            .then(|| RowChange::Repost { account: card.content.place.account.clone(), card: card.handle.clone() });
        let mut decision = self.put(after);
        decision.changes.extend(anew);
        decision
    }

    fn put(&self, card: Card) -> Decision {
        Decision::job(self.show(&card)).and(RowChange::PutCard(card))
    }

    /// Nothing can be sent to the card's place any more: it is paused, and whoever connected the project is told.
    pub fn paused(&self, card: &Card, subscriptions: usize) -> Decision {
        let (place, by) = (&card.content.place, &card.content.by);
        let told = self.answer(Address::direct(by), say::cannot_post(place, self.now, subscriptions));
        let pause = Pause {
            account: place.account.clone(),
            channel: place.channel.clone(),
            since: self.now,
            why: "Zoom refuses messages to this place".into(),
        };
        Decision::job(told).and(RowChange::Pause(pause))
    }

    /// The job that brings the message of `card` up to date with its row.
    pub fn show(&self, card: &Card) -> crate::NewJob {
        let place = &card.content.place;
        let lane = Lane::cards(&place.account, &place.channel);
        self.job(lane, Job::Show { account: place.account.clone(), card: card.handle.clone() })
    }
}

fn suppressed(reason: Suppression) -> Decision {
    Decision::nothing().and(RowChange::Count { reason, notices: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangeKind, Timestamp, sample};

    fn decide(change: &Change, subscribers: &[Subscription], cards: &[Card]) -> Decision {
        let core =
            Core { deployment: &sample::deployment(), now: Timestamp(1_000), random: &sample::Counting::default() };
        core.changed(change, subscribers, cards)
    }

    fn the_card(decision: &Decision) -> Card {
        match decision.changes.as_slice() {
            [RowChange::PutCard(card)] => card.clone(),
            other => panic!("one card, not {other:?}"),
        }
    }

    #[test]
    fn a_new_issue_opens_a_card_in_each_subscribed_channel() {
        let elsewhere = Subscription {
            place: crate::Place { channel: crate::ChannelId::new("web@conference.x"), ..sample::ops() },
            ..sample::subscription()
        };
        let decision = decide(&sample::change(ChangeKind::New), &[sample::subscription(), elsewhere], &[]);
        assert_eq!((decision.changes.len(), decision.jobs.len()), (2, 2));
        assert_ne!(decision.jobs[0].lane, decision.jobs[1].lane);
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
        assert_eq!(decision.changes, [RowChange::Count { reason: Suppression::Filtered, notices: 1 }]);
    }

    #[test]
    fn a_repeat_of_what_is_shown_is_merged() {
        let subscribers = [sample::subscription()];
        let card = posted(the_card(&decide(&sample::change(ChangeKind::New), &subscribers, &[])));
        let decision = decide(&sample::change(ChangeKind::New), &subscribers, &[card]);
        assert!(decision.jobs.is_empty());
        assert_eq!(decision.changes, [RowChange::Count { reason: Suppression::Merged, notices: 1 }]);
    }

    #[test]
    fn a_card_that_was_never_posted_posts_only_what_the_filter_admits() {
        let subscribers = [sample::subscription()];
        let card = the_card(&decide(&sample::change(ChangeKind::New), &subscribers, &[]));
        let cards = std::slice::from_ref(&card);
        assert!(decide(&sample::change(ChangeKind::Resolved), &subscribers, cards).jobs.is_empty());
        let alert = sample::change(ChangeKind::Alert { rule: "any".into() });
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
    fn a_channel_with_two_subscriptions_of_one_slug_gets_one_card() {
        let recreated = Subscription {
            project: crate::Project { id: crate::ProjectId::new("new"), ..sample::project("checkout") },
            ..sample::subscription()
        };
        let decision = decide(&sample::change(ChangeKind::New), &[sample::subscription(), recreated], &[]);
        assert_eq!(decision.jobs.len(), 1);
    }

    fn posted(card: Card) -> Card {
        Card { message: Some(crate::MessageId::new("m")), shown: card.revision, ..card }
    }
}
