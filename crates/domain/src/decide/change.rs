//! Something happened to an issue.

use super::Core;
use crate::{Card, Change, Decision, Handle, Job, Lane, RowChange, Subscription};

impl Core<'_> {
    /// Brings the cards of every subscribed channel up to date, and opens one where the channel's filter admits the
    /// change. Nothing at all where nothing that is shown is different: an echo, a repeat, a change nobody asked for.
    pub fn changed(&self, change: &Change, subscribers: &[Subscription], cards: &[Card]) -> Decision {
        subscribers
            .iter()
            .filter_map(|subscription| self.card_for(subscription, change, cards))
            .fold(Decision::nothing(), |decision, card| decision.then(self.show(&card)).and(RowChange::PutCard(card)))
    }

    fn card_for(&self, subscription: &Subscription, change: &Change, cards: &[Card]) -> Option<Card> {
        let place = &subscription.place;
        let there = cards
            .iter()
            .find(|card| card.content.place.account == place.account && card.content.place.channel == place.channel);
        match there {
            Some(card) => card.after(change, self.now),
            None if subscription.admits(change) => {
                Some(Card::open(Handle::new(self.random.hex128()), subscription, change, self.now))
            }
            None => None,
        }
    }

    /// The job that brings the message of `card` up to date with its row.
    pub fn show(&self, card: &Card) -> crate::NewJob {
        let place = &card.content.place;
        let lane = Lane::cards(&place.account, &place.channel);
        self.job(lane, Job::Show { account: place.account.clone(), card: card.handle.clone() })
    }
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
        let card = the_card(&decide(&sample::change(ChangeKind::New), &subscribers, &[]));
        let after = the_card(&decide(&sample::change(ChangeKind::Resolved), &subscribers, std::slice::from_ref(&card)));
        assert_eq!(after.handle, card.handle);
        assert_eq!(after.revision, card.revision.next());
    }

    #[test]
    fn resolving_an_issue_that_was_never_shown_posts_nothing() {
        assert!(decide(&sample::change(ChangeKind::Resolved), &[sample::subscription()], &[]).is_nothing());
    }

    #[test]
    fn a_repeat_of_what_is_shown_is_nothing() {
        let subscribers = [sample::subscription()];
        let card = the_card(&decide(&sample::change(ChangeKind::New), &subscribers, &[]));
        assert!(decide(&sample::change(ChangeKind::New), &subscribers, &[card]).is_nothing());
    }
}
