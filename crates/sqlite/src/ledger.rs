//! What became of every notice.
//!
//! What has ended is counted in a row for each entry, changed in the transaction in which it ends. What waits or is dead
//! is counted where it is, from an index that holds nothing else.

use std::collections::BTreeMap;

use rusqlite::Params;
use zentry_domain::{Ledger, Suppression};

use crate::db::Db;
use crate::error::Fault;
use crate::row::{count, stored};

const ACCEPTED: &str = "accepted";
const DELIVERED: &str = "delivered";
const PENDING: &str = "pending";
const DEAD: &str = "dead";

const ENTRIES: &str = "SELECT entry, notices FROM ledger";
const ALL_PENDING: &str = "SELECT 'pending', count(*) FROM outbox WHERE counted = 1";
const ALL_DEAD: &str = "SELECT 'dead', count(*) FROM dead WHERE counted = 1";
const ADD: &str = "INSERT INTO ledger (entry, notices) VALUES (?1, ?2)
    ON CONFLICT (entry) DO UPDATE SET notices = notices + excluded.notices";

impl Db {
    pub(crate) fn accepted(&self, notices: u64) -> Result<(), Fault> {
        self.add(ACCEPTED, notices)
    }

    pub(crate) fn delivered(&self, notices: u64) -> Result<(), Fault> {
        self.add(DELIVERED, notices)
    }

    pub(crate) fn suppressed(&self, reason: Suppression, notices: u64) -> Result<(), Fault> {
        self.add(reason.word(), notices)
    }

    pub(crate) fn suppressed_at_once(&self, reason: Suppression, notices: u64) -> Result<(), Fault> {
        self.accepted(notices)?;
        self.suppressed(reason, notices)
    }

    /// Runs `removal`, which returns of each row whether it is counted, and suppresses those that are.
    pub(crate) fn remove_as(&self, reason: Suppression, removal: &str, params: impl Params) -> Result<(), Fault> {
        let removed = self.all(removal, params, |row| Ok(row.get::<_, bool>(0)?))?;
        self.suppressed(reason, removed.into_iter().map(u64::from).sum())
    }

    fn add(&self, entry: &str, notices: u64) -> Result<(), Fault> {
        if notices == 0 {
            return Ok(());
        }
        self.change(ADD, (entry, stored(notices))).map(drop)
    }

    /// One statement, and so one transaction.
    pub(crate) fn ledger(&self) -> Result<Ledger, Fault> {
        let all = format!("{ENTRIES} UNION ALL {ALL_PENDING} UNION ALL {ALL_DEAD}");
        let entries = self.all(&all, [], |row| Ok((row.get::<_, String>(0)?, count(row.get(1)?))))?;
        let mut entries: BTreeMap<String, u64> = entries.into_iter().collect();
        let mut take = |entry: &str| entries.remove(entry);
        let ledger = Ledger {
            accepted: take(ACCEPTED).unwrap_or_default(),
            delivered: take(DELIVERED).unwrap_or_default(),
            suppressed: Suppression::ALL.into_iter().filter_map(|r| Some((r, take(r.word())?))).collect(),
            pending: take(PENDING).unwrap_or_default(),
            dead: take(DEAD).unwrap_or_default(),
        };
        match entries.pop_first() {
            Some((unknown, _)) => Err(Fault::corrupt("ledger", unknown, "entry", "this build knows no such entry")),
            None => Ok(ledger),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_or_is_dead_is_counted_from_an_index_alone() {
        let (_dir, db) = crate::open::blank();
        for sql in [ALL_PENDING, ALL_DEAD] {
            db.assert_indexed(sql);
            db.assert_covered(sql);
        }
    }
}
