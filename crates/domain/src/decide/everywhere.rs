//! Every channel of an account, as far as whoever asks may see them: shown in groups, page by page, and changed together.

use std::time::Duration;

use super::Core;
use super::said::SaidFacts;
use crate::{
    Act, Address, Decision, Group, Offered, Pause, Person, Place, Pressed, RowChange, Subscription, Timestamp, Undoing,
    say,
};

/// How a channel is, for whoever looks after many.
#[derive(Clone, Debug)]
pub struct Care {
    /// The channel.
    pub place: Place,
    /// Nothing can be sent there.
    pub paused: Option<Pause>,
    /// The webhooks of an organization that it is connected to are missing.
    pub missing: bool,
    /// How many messages it got within seven days; counting stops somewhere above a thousand.
    pub week: u64,
}

/// So many messages a week are more than a person reads.
const NOISY: u64 = 140;
/// How long "Mute" mutes.
const A_DAY: Duration = Duration::from_secs(24 * 3_600);

impl Care {
    /// Whether something is wrong there.
    pub fn needs_care(&self) -> bool {
        self.paused.is_some() || self.missing
    }

    /// Whether it gets more than anybody reads.
    pub fn is_noisy(&self) -> bool {
        self.week >= NOISY
    }
}

/// Whether a subscription is one of a group.
pub(crate) fn is_in(group: Group, subscription: &Subscription, care: &[Care], now: Timestamp) -> bool {
    let there = care.iter().find(|care| care.place.is_same(&subscription.place));
    match group {
        Group::All => true,
        Group::Care => there.is_some_and(Care::needs_care),
        Group::Noisy => there.is_some_and(Care::is_noisy),
        Group::Muted => subscription.muted(now).is_some(),
    }
}

impl Core<'_> {
    /// What is shown first: what needs care, if anything does.
    pub(super) fn everywhere_said(&self, place: &Place, by: &Person, facts: &SaidFacts) -> Decision {
        let visible = self.visible(place, facts);
        let needs_care = visible.iter().any(|s| is_in(Group::Care, s, &facts.care, self.now));
        let group = if needs_care { Group::Care } else { Group::All };
        let notice = say::configure_all(place, &visible, facts, (group, 0), self.now);
        self.tell(Address::privately(place, by), place, notice)
    }

    /// Another group or page, in place, or something done about all of a group.
    pub fn everywhere_pressed(&self, pressed: &Pressed, what: &Offered, facts: &SaidFacts) -> Decision {
        let visible = self.visible(&pressed.place, facts);
        match what {
            Offered::All { group, page } => {
                let notice = say::configure_all(&pressed.place, &visible, facts, (*group, *page), self.now);
                self.panel(pressed, notice, true)
            }
            Offered::Bulk { .. } if self.is_kept_out(&facts.rights, &visible) => {
                self.keep_out(pressed, "change many", facts)
            }
            Offered::Bulk { group, act } => self.act_on(pressed, *group, *act, &visible, facts),
            _ => Decision::nothing(),
        }
    }

    /// A manager sees every channel of the account, others those that they belong to or in which they have used the bot.
    fn visible(&self, place: &Place, facts: &SaidFacts) -> Vec<Subscription> {
        let may_see = |s: &&Subscription| {
            let channel = &s.place.channel;
            facts.rights.is_manager
                || *channel == place.channel
                || facts.known_channels.contains(channel)
                || facts.rights.manages.contains(&s.project.org)
        };
        facts.everywhere.iter().filter(may_see).cloned().collect()
    }

    /// Each channel is told by itself, and takes it back by itself.
    fn act_on(
        &self,
        pressed: &Pressed,
        group: Group,
        act: Act,
        visible: &[Subscription],
        facts: &SaidFacts,
    ) -> Decision {
        let meant: Vec<_> = visible.iter().filter(|s| is_in(group, s, &facts.care, self.now)).collect();
        let mut places: Vec<&Place> = Vec::new();
        for subscription in &meant {
            if !places.iter().any(|place| place.is_same(&subscription.place)) {
                places.push(&subscription.place);
            }
        }
        let each = places.iter().map(|place| {
            let there = |s: &&&Subscription| s.place.is_same(place);
            let chosen: Vec<_> = meant.iter().filter(there).copied().collect();
            let here: Vec<_> = facts.everywhere.iter().filter(|s| s.place.is_same(place)).cloned().collect();
            self.act_in((place, &pressed.by), act, &chosen, &here)
        });
        let decision = each.fold(Decision::nothing(), Decision::with);
        let notice = say::done_in_many(act, meant.len(), places.len());
        decision.with(self.panel(pressed, notice, true))
    }

    fn act_in(
        &self,
        (place, by): (&Place, &Person),
        act: Act,
        chosen: &[&Subscription],
        here: &[Subscription],
    ) -> Decision {
        match act {
            Act::Mute => self.mute((place, by), chosen, here, self.now + A_DAY),
            Act::Unmute => {
                let muted: Vec<_> = chosen.iter().copied().filter(|s| s.muted(self.now).is_some()).collect();
                if muted.is_empty() { Decision::nothing() } else { self.unmute((place, by), &muted, here) }
            }
            Act::Remove => self.remove((place, by), chosen),
        }
    }

    fn remove(&self, (place, by): (&Place, &Person), gone: &[&Subscription]) -> Decision {
        let taken: Vec<_> = gone.iter().copied().cloned().collect();
        let notice = match &taken[..] {
            [one] => say::disconnected(&one.project.label(), by),
            all => say::disconnected_all(all, by),
        };
        let (undo, can_be_undone) = self.undoable(place, Undoing::Disconnected(taken));
        let told = self.openly(place, by, notice.button(undo.button()));
        gone.iter().fold(Decision::job(told).and(can_be_undone), |decision, gone| {
            let Place { account, channel, .. } = place.clone();
            let audit = self.audit(place, by, "disconnect", &gone.project.label());
            let project = gone.project.id.clone();
            // Also where every project of its organization joins.
            decision
                .and(self.left_out(place, &project))
                .and(RowChange::Unsubscribe { account, channel, project })
                .and(RowChange::Audit(audit))
        })
    }
}
