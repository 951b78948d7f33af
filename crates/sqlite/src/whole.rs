//! Channels that are connected to every project of an organization.

use rusqlite::Params;
use zentry_domain::wanted::Connections;
use zentry_domain::{AccountId, ChannelId, OrgSlug, ProjectId, Whole};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{from_json, to_json};

pub(crate) const OF_ORG: &str = "WHERE org = ?1 ORDER BY account, channel";
pub(crate) const IN_CHANNEL: &str = "WHERE account = ?1 AND channel = ?2 ORDER BY org";
pub(crate) const APART: &str = "SELECT 1 FROM apart WHERE account = ?1 AND channel = ?2 AND project = ?3";
const WHOLE: &str = "SELECT org, body FROM whole";

impl Db {
    pub(crate) fn put_whole(&self, whole: &Whole) -> Result<(), Fault> {
        let Whole { place, org, .. } = whole;
        self.change(
            "INSERT INTO whole (account, channel, org, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account, channel, org) DO UPDATE SET body = excluded.body",
            (place.account.as_str(), place.channel.key(), org.as_str(), to_json(whole)?),
        )
        .map(drop)
    }

    pub(crate) fn drop_whole(&self, account: &AccountId, channel: &ChannelId, org: &OrgSlug) -> Result<(), Fault> {
        let key = (account.as_str(), channel.key(), org.as_str());
        self.change("DELETE FROM whole WHERE account = ?1 AND channel = ?2 AND org = ?3", key).map(drop)
    }

    pub(crate) fn leave_out(&self, account: &AccountId, channel: &ChannelId, project: &ProjectId) -> Result<(), Fault> {
        let key = (account.as_str(), channel.key(), project.as_str());
        self.change("INSERT OR IGNORE INTO apart (account, channel, project) VALUES (?1, ?2, ?3)", key).map(drop)
    }

    /// Whoever connects it again wants it again.
    pub(crate) fn take_in(&self, account: &AccountId, channel: &ChannelId, project: &ProjectId) -> Result<(), Fault> {
        let key = (account.as_str(), channel.key(), project.as_str());
        self.change("DELETE FROM apart WHERE account = ?1 AND channel = ?2 AND project = ?3", key).map(drop)
    }

    /// Within one transaction: a project joins together with its organization.
    pub(crate) fn connections(&self) -> Result<Connections, Fault> {
        let read = self.conn.unchecked_transaction()?;
        let subscriptions = self.subscriptions("ORDER BY account, channel, since, id", [])?;
        let wholes = self.wholes("ORDER BY account, channel, org", [])?;
        read.finish()?;
        Ok(Connections { subscriptions, wholes })
    }

    pub(crate) fn wholes(&self, which: &str, params: impl Params) -> Result<Vec<Whole>, Fault> {
        self.all(&format!("{WHOLE} {which}"), params, |row| {
            from_json("whole", row.get::<_, String>(0)?, &row.get::<_, String>(1)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for which in [OF_ORG, IN_CHANNEL] {
            db.assert_indexed(&format!("{WHOLE} {which}"));
        }
        db.assert_indexed(APART);
    }
}
