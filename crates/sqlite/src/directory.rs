//! What the directories of accounts told.

use async_trait::async_trait;
use rusqlite::Row;
use zentry_domain::directory::{BELIEVED, Enrollment, RANK_EVERY, READ_EVERY, Rank, Ranked};
use zentry_domain::ports::{Roster, StoreError};
use zentry_domain::{AccountId, ChannelId, DirectoryChange, Person, Timestamp, UserId};

use crate::SqliteStore;
use crate::db::Db;
use crate::error::Fault;
use crate::row::from_json;

const RANKED: &str = "SELECT rank, at FROM directory_rank WHERE account = ?1 AND user = ?2";
const ENROLLMENT: &str = "SELECT since, rests, named FROM directory WHERE account = ?1";
// As `Ranked::is_due` says. Whoever spoke last waits for their rights.
const DUE: &str =
    "SELECT seen.user FROM (SELECT user, max(at) AS at FROM presence WHERE account = ?1 GROUP BY user) AS seen
    LEFT JOIN directory_rank AS known ON known.account = ?1 AND known.user = seen.user
    WHERE known.at IS NULL OR known.at > ?2 OR known.at <= iif(known.rank = 'guest', ?3, ?4)
    ORDER BY seen.at DESC, seen.user LIMIT ?5";
// Of several rows of one person the latest counts.
const ADMINISTRATORS: &str = "SELECT seen.body, max(seen.at) AS latest FROM presence AS seen
    JOIN directory_rank AS known ON known.account = seen.account AND known.user = seen.user
    WHERE seen.account = ?1 AND known.rank = 'administrator' AND known.at >= ?2
    GROUP BY seen.user ORDER BY latest DESC, seen.user LIMIT ?3";
const READ: &str = "SELECT jid, at FROM directory_channel WHERE account = ?1";
const CHANNELS: &str = "SELECT channel.jid FROM directory_member AS member
    JOIN directory_channel AS channel ON channel.account = member.account AND channel.channel = member.channel
    WHERE member.account = ?1 AND member.user = ?2 AND channel.at >= ?3";
// What somebody is called, wherever it lies.
const SEEN_AS: &str = "UPDATE presence SET body = json_set(body, '$.name', ?3)
    WHERE account = ?1 AND user = ?2 AND body ->> '$.name' IS NOT ?3";
const LINKED_AS: &str = "UPDATE person SET body = json_set(body, '$.person.name', ?3)
    WHERE account = ?1 AND user = ?2 AND body ->> '$.person.name' IS NOT ?3";
const CONNECTED_BY: &str = "UPDATE subscription SET body = json_set(body, '$.by.name', ?3)
    WHERE account = ?1 AND body ->> '$.by.user' = ?2 AND body ->> '$.by.name' IS NOT ?3";
const WHOLE_BY: &str = "UPDATE whole SET body = json_set(body, '$.by.name', ?3)
    WHERE account = ?1 AND body ->> '$.by.user' = ?2 AND body ->> '$.by.name' IS NOT ?3";
const CARDS_BY: &str = "UPDATE card SET body = json_set(body, '$.by.name', ?3)
    WHERE account = ?1 AND body ->> '$.by.user' = ?2 AND body ->> '$.by.name' IS NOT ?3";
const MEMBERS_GO: &str = "DELETE FROM directory_member WHERE account = ?1 AND channel = ?2";
const OF_OLD: &str = "SELECT account, channel FROM directory_channel WHERE at < ?1";
const OLD: [&str; 2] = [
    "DELETE FROM directory_channel WHERE at < ?1",
    // A restriction stays until the directory says otherwise.
    "DELETE FROM directory_rank WHERE at < ?1 AND rank <> 'guest'",
];
/// Everything that a directory told, and that it may be read.
const TABLES: [&str; 4] = ["directory", "directory_channel", "directory_member", "directory_rank"];

#[async_trait]
impl Roster for SqliteStore {
    async fn enrolled(&self) -> Result<Vec<AccountId>, StoreError> {
        let sql = "SELECT account FROM directory";
        let accounts =
            self.0.readers.read(move |db| db.all(sql, [], |row| Ok(AccountId::new(row.get::<_, String>(0)?))));
        Ok(accounts.await?)
    }

    async fn enrollment(&self, account: &AccountId) -> Result<Option<Enrollment>, StoreError> {
        let account = [account.as_str().to_owned()];
        Ok(self.0.readers.read(move |db| db.first(ENROLLMENT, account, read_enrollment)).await?)
    }

    async fn ranked(&self, account: &AccountId, user: &UserId) -> Result<Option<Ranked>, StoreError> {
        let key = (account.as_str().to_owned(), user.as_str().to_owned());
        let ranked = self.0.readers.read(move |db| {
            db.first(RANKED, key, |row| {
                Ok(Ranked { rank: Rank::of_word(&row.get::<_, String>(0)?), at: Timestamp(row.get(1)?) })
            })
        });
        Ok(ranked.await?)
    }

    async fn administrators(
        &self,
        account: &AccountId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Person>, StoreError> {
        let key = (account.as_str().to_owned(), since.0, i64::try_from(limit).unwrap_or(i64::MAX));
        let read = |row: &Row<'_>| from_json("presence", "administrator", &row.get::<_, String>(0)?);
        Ok(self.0.readers.read(move |db| db.all(ADMINISTRATORS, key, read)).await?)
    }

    async fn ranks_due(&self, account: &AccountId, now: Timestamp, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let (guests, others) = ((now - READ_EVERY).0, (now - RANK_EVERY).0);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let key = (account.as_str().to_owned(), now.0, guests, others, limit);
        let due = self.0.readers.read(move |db| db.all(DUE, key, |row| Ok(UserId::new(row.get::<_, String>(0)?))));
        Ok(due.await?)
    }

    async fn members_read(&self, account: &AccountId) -> Result<Vec<(ChannelId, Timestamp)>, StoreError> {
        let account = [account.as_str().to_owned()];
        let read = self.0.readers.read(move |db| {
            db.all(READ, account, |row| Ok((ChannelId::new(row.get::<_, String>(0)?), Timestamp(row.get(1)?))))
        });
        Ok(read.await?)
    }

    async fn channels_of(
        &self,
        account: &AccountId,
        user: &UserId,
        since: Timestamp,
    ) -> Result<Vec<ChannelId>, StoreError> {
        let key = (account.as_str().to_owned(), user.as_str().to_owned(), since.0);
        let theirs =
            self.0.readers.read(move |db| db.all(CHANNELS, key, |row| Ok(ChannelId::new(row.get::<_, String>(0)?))));
        Ok(theirs.await?)
    }
}

fn read_enrollment(row: &Row<'_>) -> Result<Enrollment, Fault> {
    Ok(Enrollment {
        since: Timestamp(row.get(0)?),
        rests_until: Timestamp(row.get(1)?),
        named: row.get::<_, Option<i64>>(2)?.map(Timestamp),
    })
}

impl Db {
    pub(crate) fn directory(&self, change: &DirectoryChange, now: Timestamp) -> Result<(), Fault> {
        match change {
            DirectoryChange::Enroll(account) => self
                .change(
                    "INSERT INTO directory (account, since, rests) VALUES (?1, ?2, ?2)
                     ON CONFLICT (account) DO UPDATE SET since = ?2, rests = ?2, named = NULL",
                    (account.as_str(), now.0),
                )
                .map(drop),
            DirectoryChange::Withdraw { account, since } => self.withdraw(account, *since),
            DirectoryChange::Rest { account, until, named } => self
                .change(
                    "UPDATE directory SET rests = ?2, named = iif(?3, ?4, named) WHERE account = ?1",
                    (account.as_str(), until.0, named, now.0),
                )
                .map(drop),
            DirectoryChange::Name { account, channel, name } => self.name_channel(account, channel, name),
            DirectoryChange::Called { account, user, name } => self.call(account, user, name),
            DirectoryChange::Members { account, channel, users } => self.put_members(account, channel, users, now),
            DirectoryChange::Rank { account, user, rank } => self
                .change(
                    "INSERT INTO directory_rank (account, user, rank, at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (account, user) DO UPDATE SET rank = excluded.rank, at = excluded.at",
                    (account.as_str(), user.as_str(), rank.word(), now.0),
                )
                .map(drop),
        }
    }

    fn withdraw(&self, account: &AccountId, since: Timestamp) -> Result<(), Fault> {
        let known = self.first(ENROLLMENT, [account.as_str()], read_enrollment)?;
        if known.is_some_and(|known| known.since != since) {
            return Err(Fault::Conflict);
        }
        TABLES.iter().try_for_each(|table| {
            self.change(&format!("DELETE FROM {table} WHERE account = ?1"), [account.as_str()]).map(drop)
        })
    }

    /// A channel's name lies in its subscriptions.
    pub(crate) fn name_channel(&self, account: &AccountId, channel: &ChannelId, name: &str) -> Result<(), Fault> {
        self.change(
            "UPDATE subscription SET body = json_set(body, '$.place.name', ?3)
             WHERE account = ?1 AND channel = ?2 AND body ->> '$.place.name' IS NOT ?3",
            (account.as_str(), channel.key(), name),
        )
        .map(drop)
    }

    fn call(&self, account: &AccountId, user: &UserId, name: &str) -> Result<(), Fault> {
        let who = (account.as_str(), user.as_str(), name);
        self.change(SEEN_AS, who)?;
        self.change(LINKED_AS, who)?;
        self.change(WHOLE_BY, who)?;
        // Only who has connected something is named by cards: of the others they need not be read.
        if self.change(CONNECTED_BY, who)? > 0 {
            self.change(CARDS_BY, who)?;
        }
        Ok(())
    }

    fn put_members(
        &self,
        account: &AccountId,
        channel: &ChannelId,
        users: &[UserId],
        now: Timestamp,
    ) -> Result<(), Fault> {
        let (account, key) = (account.as_str(), channel.key());
        self.change(MEMBERS_GO, (account, &key))?;
        self.change(
            "INSERT INTO directory_channel (account, channel, jid, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account, channel) DO UPDATE SET jid = excluded.jid, at = excluded.at",
            (account, &key, channel.as_str(), now.0),
        )?;
        let insert = "INSERT OR IGNORE INTO directory_member (account, channel, user) VALUES (?1, ?2, ?3)";
        users.iter().try_for_each(|user| self.change(insert, (account, &key, user.as_str())).map(drop))
    }

    pub(crate) fn sweep_directory(&self, now: Timestamp) -> Result<(), Fault> {
        let before = (now - BELIEVED).0;
        let old = self.all(OF_OLD, [before], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        for channel in old {
            self.change(MEMBERS_GO, channel)?;
        }
        OLD.iter().try_for_each(|sql| self.change(sql, [before]).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for sql in
            [RANKED, ENROLLMENT, ADMINISTRATORS, READ, CHANNELS, MEMBERS_GO, OF_OLD, OLD[0], OLD[1], SEEN_AS, LINKED_AS]
        {
            db.assert_indexed(sql);
        }
        for sql in [CONNECTED_BY, WHOLE_BY, CARDS_BY] {
            db.assert_indexed(sql);
        }
        for table in TABLES {
            db.assert_indexed(&format!("DELETE FROM {table} WHERE account = ?1"));
        }
    }
}
