//! The journal port, and the bodies that nobody could read.

use async_trait::async_trait;
use rusqlite::Row;
use zentry_domain::ports::{Backlog, StoreError};
use zentry_domain::wanted::Connections;
use zentry_domain::{AuditEntry, DeadLetter, Journal, Ledger, Pulse, Timestamp};
use zentry_seal::Place;

use crate::SqliteStore;
use crate::db::Db;
use crate::error::Fault;
use crate::row::{count, unreadable};

#[async_trait]
impl Journal for SqliteStore {
    async fn ledger(&self) -> Result<Ledger, StoreError> {
        Ok(self.0.readers.read(Db::ledger).await?)
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        Ok(self.0.readers.read(Db::backlog).await?)
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(self.0.readers.read(Db::dead_letters).await?)
    }

    async fn connections(&self) -> Result<Connections, StoreError> {
        Ok(self.0.readers.read_long(Db::connections).await?)
    }

    async fn audit(&self) -> Result<Vec<AuditEntry>, StoreError> {
        Ok(self.0.readers.read(Db::audit).await?)
    }

    async fn pulses(&self, limit: usize) -> Result<Vec<Pulse>, StoreError> {
        Ok(self.0.readers.read(move |db| db.pulses(limit)).await?)
    }

    async fn unreadable(&self) -> Result<Vec<(String, Timestamp, Vec<u8>)>, StoreError> {
        Ok(self.0.readers.read(Db::unreadable).await?)
    }
}

const WAITING: &str = "SELECT count(*) FROM outbox";
/// That cards are read again some day is nothing to catch up with.
const SOME_DAY: &str = "SELECT count(*) FROM lane JOIN outbox ON outbox.lane = lane.id WHERE owner = 'sentry:reread'";
const GIVEN_UP: &str = "SELECT count(*) FROM dead";

impl Db {
    fn backlog(&self) -> Result<Backlog, Fault> {
        let read = |row: &Row<'_>| Ok(Backlog { waiting: count(row.get(0)?), dead: count(row.get(1)?) });
        // One statement, and so one transaction.
        Ok(self.first(&format!("SELECT ({WAITING}) - ({SOME_DAY}), ({GIVEN_UP})"), [], read)?.unwrap_or_default())
    }

    /// The body is sealed for its row, which must be there first.
    pub(crate) fn keep_unreadable(&self, source: &str, body: &[u8], now: Timestamp) -> Result<(), Fault> {
        self.change("INSERT INTO unreadable (source, at, body) VALUES (?1, ?2, x'')", (source, now.0))?;
        let id = self.conn.last_insert_rowid();
        let (owner, row) = (owner_of(source), id.to_string());
        let sealed = self.keys.seal(place(&owner, &row), body);
        self.change("UPDATE unreadable SET body = ?2 WHERE id = ?1", (id, sealed)).map(drop)
    }

    fn unreadable(&self) -> Result<Vec<(String, Timestamp, Vec<u8>)>, Fault> {
        self.all("SELECT id, source, at, body FROM unreadable ORDER BY id", [], |row| {
            let (id, source): (i64, String) = (row.get(0)?, row.get(1)?);
            let (owner, id, sealed) = (owner_of(&source), id.to_string(), row.get::<_, Vec<u8>>(3)?);
            let place = place(&owner, &id);
            let body = self.keys.open(place, &sealed).map_err(|source| unreadable(place, source))?;
            Ok((source, Timestamp(row.get(2)?), body.to_vec()))
        })
    }
}

fn owner_of(source: &str) -> String {
    format!("source:{source}")
}

fn place<'a>(owner: &'a str, row: &'a str) -> Place<'a> {
    Place { owner, table: "unreadable", row, column: "body" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backlog_is_counted_from_an_index_alone() {
        let (_dir, db) = crate::open::blank();
        for sql in [WAITING, SOME_DAY, GIVEN_UP] {
            db.assert_covered(sql);
        }
    }
}
