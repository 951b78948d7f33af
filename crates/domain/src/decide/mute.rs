//! Muting a channel's projects, and unmuting them.

use std::time::Duration;

use super::Core;
use super::said::{chosen, typed};
use crate::roundup::{Cause, Scene};
use crate::{
    Address, Choice, Decision, Handle, LONGEST_MUTE, Mute, Notice, Person, Place, Pressed, Project, Rights, Roundup,
    RowChange, Said, Subscription, Timestamp, Undoing, say,
};

/// What a press on a mute's message needs to know.
#[derive(Clone, Debug)]
pub struct MuteFacts {
    /// The card that tells of what came meanwhile.
    pub roundup: Roundup,
    /// What its channel is connected to now.
    pub here: Vec<Subscription>,
    /// What the presser may do.
    pub rights: Rights,
}

/// How much longer "+1 h" mutes.
const LONGER: Duration = Duration::from_secs(3_600);

impl Core<'_> {
    /// Posts nothing of what is meant for a while.
    pub(super) fn mute_said(
        &self,
        said: &Said,
        time: Duration,
        named: Option<&(String, String)>,
        here: &[Subscription],
    ) -> Decision {
        match chosen(here, named, |project| typed(&format!("mute {}m", time.as_secs() / 60), project)) {
            Ok(chosen) => self.mute((&said.place, &said.by), &chosen, here, self.now + time),
            Err(notice) => self.tell(Address::privately(&said.place, &said.by), &said.place, *notice),
        }
    }

    /// Posts again.
    pub(super) fn unmute_said(&self, said: &Said, named: Option<&(String, String)>, here: &[Subscription]) -> Decision {
        let privately = |notice| Decision::job(self.privately(&said.place, &said.by, notice));
        let muted: Vec<_> = match chosen(here, named, |project| typed("unmute", project)) {
            Ok(chosen) => chosen.into_iter().filter(|s| s.muted(self.now).is_some()).collect(),
            Err(notice) => return self.tell(Address::privately(&said.place, &said.by), &said.place, *notice),
        };
        match (&muted[..], named) {
            ([], named) => privately(say::not_muted(named)),
            _ => self.unmute((&said.place, &said.by), &muted, here),
        }
    }

    /// "Unmute" or "+1 h" under the message that told of a mute.
    pub(super) fn mute_pressed(&self, pressed: &Pressed, choice: &Choice, facts: Option<&MuteFacts>) -> Decision {
        let (by, place) = (&pressed.by, &pressed.place);
        let privately = |notice: Notice| Decision::job(self.privately(place, by, notice));
        let Some(MuteFacts { roundup, here, rights }) = facts.filter(|f| f.roundup.scene.place.is_same(place)) else {
            return privately(say::card_expired());
        };
        if self.is_kept_out(rights, here) {
            let notice = say::not_allowed(self.deployment, &rights.managers);
            let audit = self.audit(place, by, choice.word(), "").refused(&notice.head);
            return privately(notice).and(RowChange::Audit(audit));
        }
        let is_of_it = |s: &&Subscription| s.muted(self.now).is_some_and(|mute| mute.roundup == roundup.handle);
        let muted: Vec<_> = here.iter().filter(is_of_it).collect();
        let until = muted.iter().filter_map(|s| s.muted(self.now)).map(|mute| mute.until).max();
        match (until, choice) {
            (None, _) => privately(say::mute_is_over()),
            (Some(until), Choice::MuteLonger) => {
                self.mute((place, by), &muted, here, (until + LONGER).min(self.now + LONGEST_MUTE))
            }
            (Some(_), _) => self.unmute((place, by), &muted, here),
        }
    }

    /// Mutes are again as they were `before` somebody changed them.
    pub(super) fn mute_again(
        &self,
        pressed: &Pressed,
        before: &[(Project, Option<Mute>)],
        here: &[Subscription],
    ) -> Decision {
        let (by, place) = (&pressed.by, &pressed.place);
        let was = |s: &Subscription| before.iter().find(|(project, _)| project.id == s.project.id);
        let changed: Vec<_> = here.iter().filter(|s| was(s).is_some()).collect();
        let until = |s: &Subscription| {
            let mute = was(s).and_then(|(_, mute)| mute.as_ref());
            mute.map(|mute| mute.until).filter(|until| self.now < *until)
        };
        let (muted, unmuted): (Vec<_>, Vec<_>) = changed.into_iter().partition(|s| until(s).is_some());
        let mut decision = Decision::nothing();
        for subscription in &muted {
            // The card of that time may have been posted: what comes from now on is told by one of its own.
            let until = until(subscription).unwrap_or(self.now);
            decision = decision.with(self.mute_until(place, &[subscription], until, None).0);
        }
        let muted_now: Vec<_> = unmuted.into_iter().filter(|s| s.muted(self.now).is_some()).collect();
        decision = decision.with(self.end_mutes(&muted_now, here));
        let labels =
            |subscriptions: &[&Subscription]| subscriptions.iter().map(|s| s.project.label()).collect::<Vec<_>>();
        if !muted.is_empty() {
            let latest = muted.iter().filter_map(|s| until(s)).max().unwrap_or(self.now);
            let notice = say::muted(&labels(&muted), here, latest, self.now, by);
            decision = decision.then(self.openly(place, by, notice));
        }
        if !muted_now.is_empty() {
            decision = decision.then(self.openly(place, by, say::unmuted(&labels(&muted_now), here.len(), by)));
        }
        match decision.is_nothing() {
            true => Decision::job(self.privately(place, by, say::undo_expired())),
            false => decision,
        }
    }

    pub(super) fn mute(
        &self,
        (place, by): (&Place, &Person),
        chosen: &[&Subscription],
        here: &[Subscription],
        until: Timestamp,
    ) -> Decision {
        let reused = self.same_mute(chosen, here);
        let (decision, roundup) = self.mute_until(place, chosen, until, reused);
        let labels: Vec<_> = chosen.iter().map(|s| s.project.label()).collect();
        let notice = say::muted(&labels, here, until, self.now, by).with_mute_buttons(&roundup);
        let (undo, can_be_undone) = self.undoable(place, self.muted_before(chosen));
        let audit = self.audit(place, by, "mute", &labels.join(", ")).to(&format!("until {until}"));
        let told = self.openly(place, by, notice.button(undo.button()));
        decision.and(can_be_undone).and(RowChange::Audit(audit)).then(told)
    }

    pub(super) fn unmute(
        &self,
        (place, by): (&Place, &Person),
        muted: &[&Subscription],
        here: &[Subscription],
    ) -> Decision {
        let labels: Vec<_> = muted.iter().map(|s| s.project.label()).collect();
        let (undo, can_be_undone) = self.undoable(place, self.muted_before(muted));
        let notice = say::unmuted(&labels, here.len(), by).button(undo.button());
        let audit = RowChange::Audit(self.audit(place, by, "unmute", &labels.join(", ")));
        let told = self.openly(place, by, notice);
        Decision::job(told).and(can_be_undone).and(audit).with(self.end_mutes(muted, here))
    }

    fn muted_before(&self, chosen: &[&Subscription]) -> Undoing {
        let before = |s: &&Subscription| (s.project.clone(), s.muted(self.now).cloned());
        Undoing::Muted(chosen.iter().map(before).collect())
    }

    /// The card that tells of these and of no others, if they are muted already: a longer mute does not begin anew.
    fn same_mute(&self, chosen: &[&Subscription], here: &[Subscription]) -> Option<Handle> {
        let roundup = |s: &Subscription| s.muted(self.now).map(|mute| mute.roundup.clone());
        let first = chosen.first().and_then(|s| roundup(s))?;
        let told = here.iter().filter(|s| roundup(s).as_ref() == Some(&first)).count();
        (told == chosen.len() && chosen.iter().all(|s| roundup(s).as_ref() == Some(&first))).then_some(first)
    }

    /// The rows, and the job that tells of what came meanwhile.
    fn mute_until(
        &self,
        place: &Place,
        chosen: &[&Subscription],
        until: Timestamp,
        reused: Option<Handle>,
    ) -> (Decision, Handle) {
        let by = chosen.first().map(|s| s.by.clone());
        let (roundup, begun) = match (reused, by) {
            (None, Some(by)) => {
                let scene = Scene { place: place.clone(), by, cause: Cause::Mute };
                let new = Roundup::begin(Handle::new(self.random.hex128()), scene, self.now);
                let new = Roundup { ended: Some(until), ..new };
                (new.handle.clone(), RowChange::PutRoundup(new))
            }
            (reused, _) => {
                let roundup = reused.unwrap_or_else(|| Handle::new(self.random.hex128()));
                (roundup.clone(), RowChange::EndRoundup { account: place.account.clone(), roundup, at: until })
            }
        };
        let mute = Mute { until, roundup: roundup.clone() };
        let puts = chosen.iter().map(|s| put(s, &mute));
        let show = self.show_after_mute(place, &roundup).at(until);
        (puts.fold(Decision::job(show).and(begun), Decision::and), roundup)
    }

    /// Mutes end now. A card that tells of others too waits for the last of them.
    fn end_mutes(&self, muted: &[&Subscription], here: &[Subscription]) -> Decision {
        let mut decision = Decision::nothing();
        let mut told: Vec<&Handle> = Vec::new();
        for subscription in muted {
            let Some(mute) = subscription.muted(self.now) else { continue };
            decision = decision.and(put(subscription, &Mute { until: self.now, ..mute.clone() }));
            let stays = |s: &&Subscription| {
                s.muted(self.now).is_some_and(|other| other.roundup == mute.roundup)
                    && !muted.iter().any(|ended| ended.project.id == s.project.id)
            };
            if !told.contains(&&mute.roundup) && !here.iter().any(|s| stays(&s)) {
                told.push(&mute.roundup);
                let place = &subscription.place;
                let (account, roundup) = (place.account.clone(), mute.roundup.clone());
                let show = self.show_after_mute(place, &roundup);
                decision = decision.and(RowChange::EndRoundup { account, roundup, at: self.now }).then(show);
            }
        }
        decision
    }
}

fn put(subscription: &Subscription, mute: &Mute) -> RowChange {
    let Place { account, channel, .. } = subscription.place.clone();
    RowChange::PutMute { account, channel, project: subscription.project.id.clone(), mute: mute.clone() }
}
