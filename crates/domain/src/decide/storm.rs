//! Storms: when single cards stop, and what the one that stands for them says.

use super::Core;
use super::change::Crowds;
use crate::roundup::{Cause, EDIT_EVERY, Gathering, Scene};
use crate::{Decision, Handle, Job, Lane, MessageId, NewJob, Place, Roundup, RowChange, Subscription, Zone};

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
        let storm = Roundup::begin(Handle::new(self.random.hex128()), scene, self.now);
        let show = self.show_roundup(&storm);
        Some((storm.handle.clone(), Decision::job(show).and(RowChange::PutRoundup(storm))))
    }

    /// The job that brings a card that stands for many up to date.
    pub(super) fn show_roundup(&self, roundup: &Roundup) -> NewJob {
        let place = &roundup.scene.place;
        if roundup.scene.cause == Cause::Mute {
            return self.show_after_mute(place, &roundup.handle);
        }
        let job = Job::ShowRoundup { account: place.account.clone(), roundup: roundup.handle.clone() };
        self.job(Lane::roundups(&place.account, &place.channel), job)
    }

    /// The same after a mute, which may last for days: no storm's card waits behind it.
    pub(super) fn show_after_mute(&self, place: &Place, roundup: &Handle) -> NewJob {
        let job = Job::ShowRoundup { account: place.account.clone(), roundup: roundup.clone() };
        self.job(Lane::mute(&place.account, roundup), job)
    }

    /// A card's time to tell has not come.
    pub fn roundup_later(&self, roundup: &Roundup) -> Decision {
        let due = roundup.ended.unwrap_or(self.now);
        Decision::job(self.show_roundup(roundup).at(due))
    }

    /// The roundup as it stands when so many cards came within the window, and what its card then says.
    /// `back` are the projects whose mute it ends.
    pub fn roundup_now(
        &self,
        roundup: &Roundup,
        opened: u64,
        holds: &Gathering,
        back: &[String],
        zone: Zone,
    ) -> (Roundup, crate::Notice) {
        let roundup = roundup.at(opened, self.deployment.storm_budget, self.now);
        let notice = roundup.notice(holds, back, self.now, zone);
        (roundup, notice)
    }

    /// The card says `said`; while its storm lasts it is looked at again, and once more when it is over, for cards
    /// that were decided on while it was still on.
    pub fn roundup_shown(&self, roundup: &Roundup, message: Option<MessageId>, said: String) -> Decision {
        let shown = Roundup { message, said: Some(said), ..roundup.clone() };
        let is_on = shown.ended.is_none_or(|over| self.now < over + EDIT_EVERY);
        let again = is_on.then(|| self.show_roundup(&shown).at(self.now + EDIT_EVERY));
        Decision { changes: vec![RowChange::PutRoundup(shown)], jobs: again.into_iter().collect() }
    }

    /// The card cannot be sent: its storm is over, so that the channel's next cards come by themselves.
    pub fn roundup_lost(&self, roundup: &Roundup) -> Decision {
        let over = Roundup { ended: roundup.ended.or(Some(self.now)), ..roundup.clone() };
        Decision::nothing().and(RowChange::PutRoundup(over))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roundup::Crowd;
    use crate::{Card, ChangeKind, Suppression, Timestamp, sample};

    fn crowded(opened: u64, storm: Option<Roundup>) -> Crowds {
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
            RowChange::PutCard(card) => Some(Card::clone(card)),
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
            RowChange::PutRoundup(storm) => Some(storm.handle.clone()),
            _ => None,
        });
        assert!(begun.is_some() && card(&decision).listed == begun);
        assert!(matches!(&decision.jobs[..], [job] if matches!(job.job, Job::ShowRoundup { .. })));
        assert!(decision.changes.contains(&RowChange::Count { reason: Suppression::Storm, notices: 1 }));
    }

    #[test]
    fn a_storm_that_is_on_takes_further_cards_without_a_word() {
        let scene = Scene { place: sample::ops(), by: sample::ana(), cause: Cause::Storm };
        let storm = Roundup::begin(Handle::new("s"), scene, Timestamp(0));
        let decision = decide(&crowded(0, Some(storm)));
        assert_eq!(card(&decision).listed, Some(Handle::new("s")));
        assert!(decision.jobs.is_empty());
    }

    #[test]
    fn a_storm_is_over_when_a_minute_passes_under_the_budget() {
        let (deployment, random) = (sample::deployment(), sample::Counting::default());
        let at = |now| Core { deployment: &deployment, now: Timestamp(now), random: &random };
        let scene = Scene { place: sample::ops(), by: sample::ana(), cause: Cause::Storm };
        let storm = Roundup::begin(Handle::new("s"), scene, Timestamp(0));
        let (on, _) = at(70_000).roundup_now(&storm, 6, &Gathering::default(), &[], Zone::UTC);
        let (over, notice) = at(70_000).roundup_now(&storm, 5, &Gathering::default(), &[], Zone::UTC);
        assert_eq!((on.ended, over.ended), (None, Some(Timestamp(70_000))));
        assert!(notice.head.starts_with("Storm over"));
        assert_eq!(at(70_000).roundup_shown(&over, None, String::new()).jobs[0].due, Some(Timestamp(80_000)));
        assert!(at(80_000).roundup_shown(&over, None, String::new()).jobs.is_empty());
        assert_eq!(at(70_000).roundup_shown(&on, None, String::new()).jobs[0].due, Some(Timestamp(80_000)));
    }
}
