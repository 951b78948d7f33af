//! Addresses that people post, and of which we show more.

use zentry_domain::{AccountId, ChannelId, IssueId, MessageId, Timestamp};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{count, stored};

pub(crate) const LINKS: &str = "SELECT links FROM shared WHERE account = ?1 AND channel = ?2 AND message = ?3";
pub(crate) const UNFURLED: &str = "SELECT at FROM unfurled WHERE account = ?1 AND channel = ?2 AND issue = ?3";

impl Db {
    pub(crate) fn share(
        &self,
        (account, channel): (&AccountId, &ChannelId),
        message: &MessageId,
        links: u64,
        at: Timestamp,
    ) -> Result<(), Fault> {
        self.change(
            "INSERT INTO shared (account, channel, message, links, at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET links = links + excluded.links, at = excluded.at",
            (account.as_str(), channel.key(), message.as_str(), stored(links), at.0),
        )
        .map(drop)
    }

    pub(crate) fn unfurl(
        &self,
        (account, channel): (&AccountId, &ChannelId),
        issue: &IssueId,
        at: Timestamp,
    ) -> Result<(), Fault> {
        self.change(
            "INSERT INTO unfurled (account, channel, issue, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET at = excluded.at",
            (account.as_str(), channel.key(), issue.as_str(), at.0),
        )
        .map(drop)
    }

    pub(crate) fn links_in(&self, key: (String, String, String)) -> Result<u64, Fault> {
        Ok(self.first(LINKS, key, |row| Ok(count(row.get(0)?)))?.unwrap_or(0))
    }
}
