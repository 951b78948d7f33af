//! What the chat platform's directory tells of an account: who belongs to a channel, who administers, who is a guest.
//!
//! It is read only where the deployment asks for it, with the grant of whoever installed the bot. What it tells goes stale:
//! every fact is kept with the time at which it was read.

use std::time::Duration;

use crate::{AccountId, ChannelId, Timestamp, UserId};

/// How often an account's directory is read.
pub const READ_EVERY: Duration = Duration::from_secs(2 * 3_600);
/// How often somebody's rank is: it changes rarely, and each takes a call.
pub const RANK_EVERY: Duration = Duration::from_secs(12 * 3_600);
/// No sooner again than this, whoever asks.
pub const READ_APART: Duration = Duration::from_secs(10 * 60);
/// A right that was read longer ago than this is nobody's any more: the directory may have been closed to us.
pub const BELIEVED: Duration = Duration::from_secs(48 * 3_600);
/// No rest is longer, even if a clock says so that was wrong.
const LONGEST_REST: Duration = Duration::from_secs(25 * 3_600);

/// What somebody is in an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rank {
    /// Owner or administrator of the account, and so its manager.
    Administrator,
    /// Of the account. Also who the directory was not asked about, or did not say.
    #[default]
    Member,
    /// Of another account.
    Guest,
}

impl Rank {
    /// The closed word for the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Member => "member",
            Self::Guest => "guest",
        }
    }

    /// Reads [`Rank::word`]. What it cannot read gives no right.
    pub fn of_word(word: &str) -> Self {
        match word {
            "administrator" => Self::Administrator,
            "guest" => Self::Guest,
            _ => Self::Member,
        }
    }
}

/// What the directory last said of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// What they were.
    pub rank: Rank,
    /// When it was read.
    pub at: Timestamp,
}

impl Ranked {
    /// What they count as now: a right runs out, a restriction does not.
    pub fn now(self, now: Timestamp) -> Rank {
        match self.rank {
            Rank::Administrator if now.since(self.at) > BELIEVED => Rank::Member,
            rank => rank,
        }
    }

    /// Whether it is to be read again. Whoever is taken for a guest does not wait as long for a mistake to be mended.
    pub fn is_due(self, now: Timestamp) -> bool {
        is_due(self.at, if self.rank == Rank::Guest { READ_EVERY } else { RANK_EVERY }, now)
    }
}

/// Whether what was read then and is to be read so often is due. What was read by a clock that was wrong is.
pub fn is_due(at: Timestamp, every: Duration, now: Timestamp) -> bool {
    at > now || now.since(at) >= every
}

/// An account whose directory may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrollment {
    /// When the grant was given.
    pub since: Timestamp,
    /// It is left alone until then, unless the grant is given anew.
    pub rests_until: Timestamp,
    /// When the names of its channels were last read.
    pub named: Option<Timestamp>,
}

impl Enrollment {
    /// Whether somebody's question may have it read now.
    pub fn may_be_asked(&self, now: Timestamp) -> bool {
        self.rests_until <= now || self.rests_until.since(now) > LONGEST_REST
    }

    /// Whether the names of its channels are to be read again.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.named.is_none_or(|at| is_due(at, READ_APART, now))
    }
}

/// What changes in what is known of an account's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryChange {
    /// The account's directory may be read from now on, with a grant given now.
    Enroll(AccountId),
    /// It may no longer be read: everything that it told goes. Conflicts where it was given anew since; nothing happens where it
    /// was not enrolled.
    Withdraw {
        /// The account.
        account: AccountId,
        /// The grant that came to its end, by when it was given.
        since: Timestamp,
    },
    /// It was read, and is left alone for a while. Nothing happens where it is not enrolled.
    Rest {
        /// The account.
        account: AccountId,
        /// How long.
        until: Timestamp,
        /// The channels' names were read.
        named: bool,
    },
    /// What a channel is called now: its subscriptions say so.
    Name {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// Its name.
        name: String,
    },
    /// What somebody is called now: where they were seen, linked an account or connected something, it says so. Nothing happens
    /// where they were never seen.
    Called {
        /// The account.
        account: AccountId,
        /// Who.
        user: UserId,
        /// Their name.
        name: String,
    },
    /// Everybody who belongs to a channel now, instead of those who did.
    Members {
        /// The account.
        account: AccountId,
        /// The channel.
        channel: ChannelId,
        /// Those of the account.
        users: Vec<UserId>,
    },
    /// What somebody is in the account.
    Rank {
        /// The account.
        account: AccountId,
        /// Who.
        user: UserId,
        /// What.
        rank: Rank,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn ranked(rank: Rank, ago: Duration) -> Ranked {
        Ranked { rank, at: NOW - ago }
    }

    #[test]
    fn an_administrator_is_believed_for_two_days_and_a_guest_for_ever() {
        let second = Duration::from_secs(1);
        assert_eq!(ranked(Rank::Administrator, BELIEVED).now(NOW), Rank::Administrator);
        assert_eq!(ranked(Rank::Administrator, BELIEVED + second).now(NOW), Rank::Member);
        assert_eq!(ranked(Rank::Guest, BELIEVED * 100).now(NOW), Rank::Guest);
    }

    #[test]
    fn a_guest_is_looked_at_again_sooner_than_others() {
        assert!(ranked(Rank::Guest, READ_EVERY).is_due(NOW));
        assert!(!ranked(Rank::Member, READ_EVERY).is_due(NOW));
        assert!(ranked(Rank::Member, RANK_EVERY).is_due(NOW));
        assert!(Ranked { rank: Rank::Member, at: NOW + RANK_EVERY }.is_due(NOW), "read by a clock that was wrong");
    }

    #[test]
    fn every_rank_is_read_as_it_was_written_and_any_other_word_gives_no_right() {
        for rank in [Rank::Administrator, Rank::Member, Rank::Guest] {
            assert_eq!(Rank::of_word(rank.word()), rank);
        }
        assert_eq!(Rank::of_word("owner"), Rank::Member);
    }

    #[test]
    fn a_rest_that_a_wrong_clock_made_endless_is_none() {
        let rests = |until| Enrollment { since: NOW, rests_until: until, named: None };
        assert!(!rests(NOW + READ_APART).may_be_asked(NOW));
        assert!(rests(NOW).may_be_asked(NOW));
        assert!(rests(NOW + LONGEST_REST * 10).may_be_asked(NOW));
    }
}
