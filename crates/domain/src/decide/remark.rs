//! Somebody said something about an issue: channels that want it hear it under the issue's message.

use super::Core;
use super::change::suppressed;
use crate::{
    Address, Card, Change, ChannelSettings, Decision, Filter, Issue, Job, Lane, Place, Remark, Subscription,
    Suppression, Tell, say,
};

impl Core<'_> {
    /// Says it in the channel of `subscription`, if it wants it. What the issue is called its card knows; else Sentry is asked.
    pub(super) fn remarked(
        &self,
        subscription: &Subscription,
        change: &Change,
        remark: &Remark,
        card: Option<&Card>,
    ) -> Decision {
        if !wants(&subscription.filter, remark) {
            return suppressed(Suppression::Filtered);
        }
        if subscription.muted(self.now).is_some() {
            return suppressed(Suppression::Muted);
        }
        let tell = Tell {
            place: subscription.place.clone(),
            by: subscription.by.clone(),
            project: subscription.project.clone(),
            issue: change.issue_id.clone(),
            remark: remark.clone(),
        };
        match card {
            // Its message is on the way: what is said goes under it.
            Some(card) if card.waits() => {
                let Place { account, channel, .. } = &tell.place;
                Decision::job(self.job(Lane::cards(account, channel), Job::Tell(tell)))
            }
            Some(card) => self.tell_of(&tell, Some(card), &card.content.issue, card.content.settings),
            None => Decision::job(self.job(Lane::refresh(&change.issue_id), Job::Tell(tell))),
        }
    }

    /// Says it, with what is known of the issue, in the thread of its card where there is one.
    pub fn tell_of(&self, tell: &Tell, card: Option<&Card>, issue: &Issue, settings: ChannelSettings) -> Decision {
        let reply_to = card.and_then(|card| card.message.clone());
        let to = Address { reply_to, ..Address::everyone(&tell.place, &tell.by) };
        Decision::job(self.answer(to, say::remarked(tell, issue, settings)))
    }
}

/// Nothing but `event:` speaks of what people say.
fn wants(filter: &Filter, remark: &Remark) -> bool {
    filter.events.contains(&remark.what.kind())
}
