//! How many new cards each channel got lately. The store knows what is committed; many decisions may be on their way there
//! at once, and each must see the others, or a burst would slip through the budget.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use zentry_domain::roundup::WINDOW;
use zentry_domain::{AccountId, ChannelId, Timestamp};

/// Channels that are remembered before the quiet ones are forgotten.
const CHANNELS: usize = 4_096;
/// No budget is larger than what is remembered of a channel.
const REMEMBERED: usize = 1_024;

/// New cards decided in this process within the window.
#[derive(Debug, Default)]
pub(crate) struct Openings(Mutex<HashMap<(AccountId, ChannelId), VecDeque<Timestamp>>>);

impl Openings {
    /// Counts one more new card in a channel, and returns how many there were before it. `known` is what the store knows.
    pub(crate) fn one_more(&self, account: &AccountId, channel: &ChannelId, known: u64, now: Timestamp) -> u64 {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.len() > CHANNELS {
            channels.retain(|_, opened| opened.back().is_some_and(|at| now.since(*at) < WINDOW));
        }
        let opened = channels.entry((account.clone(), channel.clone())).or_default();
        // A clock that was set back must not keep a channel crowded until it has caught up.
        opened.retain(|at| *at <= now);
        while opened.len() >= REMEMBERED || opened.front().is_some_and(|at| now.since(*at) >= WINDOW) {
            opened.pop_front();
        }
        let before = opened.len() as u64;
        opened.push_back(now);
        before.max(known)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn decisions_on_their_way_see_each_other() {
        let openings = Openings::default();
        let (account, channel) = (AccountId::new("a"), ChannelId::new("c"));
        let one_more = |known, now| openings.one_more(&account, &channel, known, now);
        assert_eq!((one_more(0, Timestamp(0)), one_more(0, Timestamp(0))), (0, 1));
        assert_eq!(one_more(9, Timestamp(1)), 9, "the store may know of more, from before a restart");
        assert_eq!(one_more(0, Timestamp(1) + Duration::from_secs(60)), 0);
    }
}
