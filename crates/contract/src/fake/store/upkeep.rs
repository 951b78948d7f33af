//! What has served its time, and what goes with an account.

use std::time::Duration;

use zentry_domain::decide::UNFURL_PAUSE;
use zentry_domain::link::LINK_MEMORY;
use zentry_domain::{AccountId, Card, Content, Hook, Lane, Owner, Suppression, Timestamp};

use super::rows::Rows;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long a repeat of a delivery is recognised.
const KEYS_KEPT: Duration = DAY;
const UNREADABLE_KEPT: Duration = DAY.saturating_mul(7);
const TRACES_KEPT: Duration = DAY.saturating_mul(14);
const SIGHTINGS_KEPT: Duration = DAY.saturating_mul(180);
const DEAD_KEPT: Duration = DAY.saturating_mul(30);
const HOOKS_KEPT: Duration = DAY.saturating_mul(30);

impl Rows {
    pub(super) fn purge(&mut self, account: &AccountId) {
        let owner = Owner::Zoom(account.clone());
        self.subscriptions.retain(|s| s.place.account != *account);
        self.changed.retain(|(owner, _), _| owner != account);
        self.undos.retain(|undo| undo.place.account != *account);
        self.settings.retain(|(of, _), _| of != account);
        self.wholes.retain(|whole| whole.place.account != *account);
        self.apart.retain(|(of, ..)| of != account);
        self.offers.retain(|offer| offer.place.account != *account);
        self.traces.retain(|trace| trace.account != *account);
        self.audit.retain(|entry| entry.account != *account);
        self.cards.retain(|card| card.content.place.account != *account);
        self.roundups.retain(|roundup| roundup.scene.place.account != *account);
        self.links.retain(|link| link.person.account != *account);
        self.people.retain(|linked| linked.person.account != *account);
        self.unmentioned.retain(|(of, _)| of != account);
        self.shared.retain(|(of, ..), _| of != account);
        self.unfurled.retain(|(of, ..), _| of != account);
        let made_by = |hook: &&mut Hook| hook.by.as_ref().is_some_and(|(of, _)| of == account);
        self.hooks.iter_mut().filter(made_by).for_each(|hook| hook.by = None);
        self.presence.retain(|seen| seen.account != *account);
        self.pauses.retain(|pause| pause.account != *account);
        self.accounts.retain(|known| known.id != *account);
        self.roll.forget(account);
        self.throttles.remove(&owner);
        let lanes: Vec<Lane> = self.lanes.keys().filter(|lane| lane.owner == owner).cloned().collect();
        for lane in lanes {
            self.clear_lane(&lane, Suppression::Deauthorized);
        }
        self.drop_dead_where(Suppression::Deauthorized, |letter| letter.lane.owner == owner);
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.keys.retain(|_, at| at.is_none_or(|at| at >= now - KEYS_KEPT));
        self.heard.retain(|_, at| *at >= now - KEYS_KEPT);
        self.pulses.retain(|pulse| self.subscriptions.iter().any(|s| s.project.org == pulse.org));
        self.sighted.retain(|known| {
            known.sighting.at >= now - SIGHTINGS_KEPT && self.subscriptions.iter().any(|s| s.project.org == known.org)
        });
        self.undos.retain(|undo| undo.expires > now);
        self.offers.retain(|offer| offer.expires > now);
        self.traces.retain(|trace| trace.at >= now - TRACES_KEPT);
        self.shared.retain(|_, (_, at)| *at > now - UNFURL_PAUSE);
        self.unfurled.retain(|_, at| *at > now - UNFURL_PAUSE);
        let traces = &self.traces;
        let is_traced = |card: &Card| {
            let Content { place, issue_id, .. } = &card.content;
            traces.iter().any(|t| t.account == place.account && t.channel == place.channel && t.issue == *issue_id)
        };
        self.cards.retain(|card| !card.is_unopened() || card.listed.is_some() || is_traced(card));
        self.roll.sweep(now);
        // An inactive grant must be revoked before its attempt is forgotten.
        self.links.retain(|link| link.expires >= now - LINK_MEMORY || link.credential().is_some());
        self.hooks.retain(|hook| hook.ended.is_none_or(|at| at >= now - HOOKS_KEPT));
        self.unreadable.retain(|(_, at, _)| *at >= now - UNREADABLE_KEPT);
        self.drop_dead_where(Suppression::Held, |letter| letter.at < now - DEAD_KEPT);
    }
}
