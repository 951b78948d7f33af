//! How channels want their cards.

use zentry_domain::{AccountId, ChannelId, ChannelSettings};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{from_json, to_json};

const SETTINGS: &str = "SELECT body FROM settings WHERE account = ?1 AND channel = ?2";
const OF_SUBSCRIPTIONS: &str = "UPDATE subscription SET body = json_set(body, '$.settings', json(?3))
    WHERE account = ?1 AND channel = ?2";
const OF_CARDS: &str = "UPDATE card SET body = json_set(body, '$.settings', json(?3))
    WHERE account = ?1 AND channel = ?2";

impl Db {
    pub(crate) fn put_settings(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        settings: ChannelSettings,
    ) -> Result<(), Fault> {
        let key = (account.as_str(), channel.key(), to_json(&settings)?);
        self.change(
            "INSERT INTO settings (account, channel, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, channel) DO UPDATE SET body = excluded.body",
            (key.0, &key.1, &key.2),
        )?;
        self.change(OF_SUBSCRIPTIONS, (key.0, &key.1, &key.2))?;
        self.change(OF_CARDS, (key.0, &key.1, &key.2)).map(drop)
    }

    pub(crate) fn channel_settings(&self, account: &AccountId, channel: &ChannelId) -> Result<ChannelSettings, Fault> {
        let found = self.first(SETTINGS, (account.as_str(), channel.key()), |row| {
            from_json("settings", channel, &row.get::<_, String>(0)?)
        })?;
        Ok(found.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for sql in [SETTINGS, OF_SUBSCRIPTIONS, OF_CARDS] {
            db.assert_indexed(sql);
        }
    }
}
