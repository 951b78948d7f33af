//! Storms: when single cards stop, and what the one that stands for them says.

use super::Core;
use super::change::Crowds;
use crate::storm::{Cause, EDIT_EVERY, Gathering, Scene};
use crate::{Decision, Handle, Job, Lane, MessageId, NewJob, RowChange, Storm, Subscription};

impl Core<'_> {
    /// The storm that a new card of `subscription` falls into, with what begins it if it is new; `None` where the channel
    /// is within its budget.
    pub(super) fn storm_over(&self, subscription: &Subscription, crowds: &Crowds) -> Option<(Handle, Decision)> {
        let (place, budget) = (&subscription.place, self.deployment.storm_budget);
        let crowd = crowds.get(&(place.account.clone(), place.channel.clone()))?;
        if let Some(storm) = &crowd.storm {
            return Some((storm.handle.clone(), Decision::nothing()));
        }
        if budget == 0 || crowd.opened < budget {
            return None;
        }
        let scene = Scene { place: place.clone(), by: subscription.by.clone(), cause: Cause::Storm };
        let storm = Storm::begin(Handle::new(self.random.hex128()), scene, self.now);
        let show = self.show_storm(&storm);
        Some((storm.handle.clone(), Decision::job(show).and(RowChange::PutStorm(storm))))
    }

    /// The job that brings the storm's card up to date.
    pub(super) fn show_storm(&self, storm: &Storm) -> NewJob {
        let place = &storm.scene.place;
        let job = Job::ShowStorm { account: place.account.clone(), storm: storm.handle.clone() };
        self.job(Lane::storm(&place.account, &place.channel), job)
    }

    /// The storm as it stands when so many cards came within the window, and what its card then says.
    pub fn storm_now(&self, storm: &Storm, opened: u64, holds: &Gathering) -> (Storm, crate::Notice) {
        let storm = storm.at(opened, self.deployment.storm_budget, self.now);
        let notice = storm.notice(holds, self.now);
        (storm, notice)
    }

    /// The storm's card says `said`; while the storm lasts it is looked at again, and once more when it is over, for cards
    /// that were decided on while it was still on.
    pub fn storm_shown(&self, storm: &Storm, message: Option<MessageId>, said: String) -> Decision {
        let shown = Storm { message, said: Some(said), ..storm.clone() };
        let is_on = shown.ended.is_none_or(|over| self.now < over + EDIT_EVERY);
        let again = is_on.then(|| self.show_storm(&shown).at(self.now + EDIT_EVERY));
        Decision { changes: vec![RowChange::PutStorm(shown)], jobs: again.into_iter().collect() }
    }

    /// The storm's card cannot be sent: the storm is over, so that the channel's next cards come by themselves.
    pub fn storm_lost(&self, storm: &Storm) -> Decision {
        let over = Storm { ended: storm.ended.or(Some(self.now)), ..storm.clone() };
        Decision::nothing().and(RowChange::PutStorm(over))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::Crowd;
    use crate::{Card, ChangeKind, Suppression, Timestamp, sample};

    fn crowded(opened: u64, storm: Option<Storm>) -> Crowds {
        let place = sample::ops();
        Crowds::from([((place.account, place.channel), Crowd { opened, storm, is_told: false })])
    }

    fn decide(crowds: &Crowds) -> Decision {
        let core =
            Core { deployment: &sample::deployment(), now: Timestamp(1_000), random: &sample::Counting::default() };
        core.changed(&sample::change(ChangeKind::New), &[sample::subscription()], &[], crowds)
    }

    fn card(decision: &Decision) -> Card {
        let put = decision.changes.iter().find_map(|change| match change {
            RowChange::PutCard(card) => Some(card.clone()),
            _ => None,
        });
        put.expect("a card")
    }

    #[test]
    fn within_its_budget_a_channel_gets_each_card() {
        assert_eq!(card(&decide(&crowded(5, None))).listed, None);
    }

    #[test]
    fn the_card_over_the_budget_begins_a_storm_and_is_kept_behind_it() {
        let decision = decide(&crowded(6, None));
        let begun = decision.changes.iter().find_map(|change| match change {
            RowChange::PutStorm(storm) => Some(storm.handle.clone()),
            _ => None,
        });
        assert!(begun.is_some() && card(&decision).listed == begun);
        assert!(matches!(&decision.jobs[..], [job] if matches!(job.job, Job::ShowStorm { .. })));
        assert!(decision.changes.contains(&RowChange::Count { reason: Suppression::Storm, notices: 1 }));
    }

    #[test]
    fn a_storm_that_is_on_takes_further_cards_without_a_word() {
        let scene = Scene { place: sample::ops(), by: sample::ana(), cause: Cause::Storm };
        let storm = Storm::begin(Handle::new("s"), scene, Timestamp(0));
        let decision = decide(&crowded(0, Some(storm)));
        assert_eq!(card(&decision).listed, Some(Handle::new("s")));
        assert!(decision.jobs.is_empty());
    }

    #[test]
    fn a_storm_is_over_when_a_minute_passes_under_the_budget() {
        let (deployment, random) = (sample::deployment(), sample::Counting::default());
        let at = |now| Core { deployment: &deployment, now: Timestamp(now), random: &random };
        let scene = Scene { place: sample::ops(), by: sample::ana(), cause: Cause::Storm };
        let storm = Storm::begin(Handle::new("s"), scene, Timestamp(0));
        let (on, _) = at(70_000).storm_now(&storm, 6, &Gathering::default());
        let (over, notice) = at(70_000).storm_now(&storm, 5, &Gathering::default());
        assert_eq!((on.ended, over.ended), (None, Some(Timestamp(70_000))));
        assert!(notice.head.starts_with("Storm over"));
        assert_eq!(at(70_000).storm_shown(&over, None, String::new()).jobs[0].due, Some(Timestamp(80_000)));
        assert!(at(80_000).storm_shown(&over, None, String::new()).jobs.is_empty());
        assert_eq!(at(70_000).storm_shown(&on, None, String::new()).jobs[0].due, Some(Timestamp(80_000)));
    }
}
