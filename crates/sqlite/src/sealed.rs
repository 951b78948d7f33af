//! Everything sealed: whether the keys open it, and sealing it again with the first of them.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use rusqlite::Row;
use thiserror::Error;
use zentry_domain::ports::StoreError;
use zentry_seal::{Keyring, Place};

use crate::Sqlite;
use crate::db::{Db, unreadable};
use crate::error::{Fault, OpenError};
use crate::scratch::Progress;

/// Values sealed again in one transaction: the process that serves writes to the same file.
const AT_ONCE: usize = 500;
/// How often to ask for the file while the other process writes to it; it is waited for a quarter of a second each time.
const TRIES: usize = 40;
/// How often to look for what was sealed with another key meanwhile.
const PASSES: usize = 5;

/// A column of envelopes.
struct Column {
    table: &'static str,
    column: &'static str,
    /// Owner, row and envelope of each.
    all: &'static str,
    /// The envelope of owner `?1` and row `?2`.
    one: &'static str,
    /// Puts `?3` in its place, if it still is `?4`.
    set: &'static str,
}

const SEALED: [Column; 5] = [
    Column {
        table: "credential",
        column: "sealed",
        all: "SELECT owner, name, sealed FROM credential",
        one: "SELECT sealed FROM credential WHERE owner = ?1 AND name = ?2",
        set: "UPDATE credential SET sealed = ?3 WHERE owner = ?1 AND name = ?2 AND sealed = ?4",
    },
    Column {
        table: "link",
        column: "sealed",
        all: "SELECT 'zoom:' || account, lower(hex(key)), sealed FROM link WHERE sealed IS NOT NULL",
        one: "SELECT sealed FROM link WHERE key = unhex(?2) AND 'zoom:' || account = ?1 AND sealed IS NOT NULL",
        set: "UPDATE link SET sealed = ?3 WHERE key = unhex(?2) AND 'zoom:' || account = ?1 AND sealed = ?4",
    },
    Column {
        table: "outbox",
        column: "sealed",
        all: "SELECT lane.owner, job, sealed FROM outbox JOIN lane ON lane.id = outbox.lane WHERE sealed IS NOT NULL",
        one: "SELECT sealed FROM outbox JOIN lane ON lane.id = outbox.lane
            WHERE job = ?2 AND lane.owner = ?1 AND sealed IS NOT NULL",
        set: "UPDATE outbox SET sealed = ?3 WHERE job = ?2 AND sealed = ?4
            AND lane IN (SELECT id FROM lane WHERE owner = ?1)",
    },
    Column {
        table: "dead",
        column: "sealed",
        all: "SELECT owner, job, sealed FROM dead",
        one: "SELECT sealed FROM dead WHERE job = ?2 AND owner = ?1",
        set: "UPDATE dead SET sealed = ?3 WHERE job = ?2 AND owner = ?1 AND sealed = ?4",
    },
    Column {
        table: "unreadable",
        column: "body",
        all: "SELECT 'source:' || source, CAST(id AS TEXT), body FROM unreadable",
        one: "SELECT body FROM unreadable WHERE id = CAST(?2 AS INTEGER) AND 'source:' || source = ?1",
        set: "UPDATE unreadable SET body = ?3 WHERE id = CAST(?2 AS INTEGER) AND 'source:' || source = ?1 AND body = ?4",
    },
];

/// The keys of the process that serves, each with its mark: see [`Keyring::marks`].
const HELD: &str = "SELECT substr(name, 5), value FROM meta WHERE name GLOB 'key *'";

/// What was sealed again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Values that the first key seals now and did not before.
    pub values: u64,
    /// Values that do not open: table and row of each. They are as they were.
    pub unopened: Vec<String>,
    /// Values that somebody sealed with another key meanwhile.
    pub left: u64,
    /// The keys without which something cannot be opened, apart from the first.
    pub needed: Vec<String>,
}

/// Why not everything was sealed again. What was stays so: do it again. The message says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ResealError {
    /// The process that serves could not open what this one seals.
    #[error(
        "the running bot does not have sealing key {id}: put it first in its ZENTRY_KEYS too, keep the old one behind it, \
         restart it (or send SIGHUP where ZENTRY_KEYS_FILE is set), then try again; a bot that was killed must be started once"
    )]
    NotHeld {
        /// The key's id.
        id: String,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Fault> for ResealError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.into())
    }
}

/// Where a sealed value is.
#[derive(Clone)]
struct Spot {
    column: &'static Column,
    owner: String,
    row: String,
    key: String,
}

/// A value and what shall take its place.
struct Fresh {
    spot: Spot,
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Sqlite {
    /// Seals everything again that another key than the first has sealed, while another process may serve the store. Where
    /// it is interrupted, what was done stays; doing it again does the rest.
    ///
    /// # Errors
    /// [`ResealError`], for the operator to read.
    pub async fn reseal(&self, progress: &mut Progress<'_>) -> Result<Resealed, ResealError> {
        self.insist_that_the_other_has_the_key().await?;
        let mut done = Resealed::default();
        for _ in 0..PASSES {
            let stale = self.engine.readers.read(Db::stale).await?;
            let changed = self.reseal_all(&stale, &mut done, progress).await?;
            if changed == 0 {
                break;
            }
        }
        let stale = self.engine.readers.read(Db::stale).await?;
        done.left = (stale.len() as u64).saturating_sub(done.unopened.len() as u64);
        let needed: HashSet<_> = stale.into_iter().map(|spot| spot.key).collect();
        done.needed = needed.into_iter().collect();
        done.needed.sort();
        Ok(done)
    }

    async fn insist_that_the_other_has_the_key(&self) -> Result<(), ResealError> {
        let held = self.engine.readers.read(Db::held_keys).await?;
        match self.engine.keys.marks().into_iter().next() {
            Some(first) if !held.is_empty() && !held.contains(&first) => Err(ResealError::NotHeld { id: first.0 }),
            _ => Ok(()),
        }
    }

    /// Returns how many have changed.
    async fn reseal_all(
        &self,
        stale: &[Spot],
        done: &mut Resealed,
        progress: &mut Progress<'_>,
    ) -> Result<u64, ResealError> {
        done.unopened.clear();
        let mut changed = 0;
        for (n, some) in stale.chunks(AT_ONCE).enumerate() {
            let spots = some.to_vec();
            // Beside the writer: nobody else waits while this is opened and sealed.
            let (fresh, unopened) = self.engine.readers.read(move |db| db.freshen(spots)).await?;
            done.unopened.extend(unopened);
            let replaced = self.replace(fresh).await?;
            (changed, done.values) = (changed + replaced, done.values + replaced);
            progress("re-sealing", (n * AT_ONCE + some.len()) as u64, stale.len() as u64);
        }
        Ok(changed)
    }

    /// The other process may be writing at the same moment: it is waited for.
    async fn replace(&self, fresh: Vec<Fresh>) -> Result<u64, Fault> {
        let fresh = Arc::new(fresh);
        let mut tries = 1;
        loop {
            let some = Arc::clone(&fresh);
            match self.engine.writer.run(move |db, _| db.replace_all(&some)).await {
                Err(Fault::Unavailable(_)) if tries < TRIES && self.is_well() => tries += 1,
                replaced => return replaced,
            }
        }
    }
}

impl Db {
    /// Everything that another key than the first has sealed.
    fn stale(&self) -> Result<Vec<Spot>, Fault> {
        let mut stale = Vec::new();
        for column in &SEALED {
            let read = |row: &Row<'_>| {
                let sealed = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
                // What is no envelope at all is named where it is opened.
                if !self.keys.is_current(sealed).unwrap_or_default() {
                    let key = zentry_seal::key_id(sealed).unwrap_or_default().to_owned();
                    stale.push(Spot { column, owner: row.get(0)?, row: row.get(1)?, key });
                }
                Ok(())
            };
            self.all(column.all, [], read)?;
        }
        Ok(stale)
    }

    /// The values that are still there, sealed again, and the names of those that do not open.
    fn freshen(&self, spots: Vec<Spot>) -> Result<(Vec<Fresh>, Vec<String>), Fault> {
        let (mut fresh, mut unopened) = (Vec::new(), Vec::new());
        for spot in spots {
            let Column { table, column, one, .. } = *spot.column;
            let found = self.first(one, (&spot.owner, &spot.row), |row| Ok(row.get::<_, Vec<u8>>(0)?))?;
            let Some(old) = found else { continue };
            let place = Place { owner: &spot.owner, table, row: &spot.row, column };
            match self.keys.open(place, &old) {
                Ok(plain) => {
                    let new = self.keys.seal(place, &plain);
                    fresh.push(Fresh { spot, old, new });
                }
                Err(_) => unopened.push(format!("{table} {}", spot.row)),
            }
        }
        Ok((fresh, unopened))
    }

    /// What has changed or gone meanwhile stays as it is. Returns how many were replaced.
    fn replace_all(&self, fresh: &[Fresh]) -> Result<u64, Fault> {
        let replace =
            |Fresh { spot, old, new }: &Fresh| self.change(spot.column.set, (&spot.owner, &spot.row, new, old));
        fresh.iter().map(|one| replace(one).map(|changed| changed as u64)).sum()
    }

    // === whose keys ===

    /// Tells other processes which keys this one has.
    pub(crate) fn hold_keys(&self) -> Result<(), Fault> {
        self.let_keys_go()?;
        for (id, mark) in self.keys.marks() {
            self.change("INSERT INTO meta (name, value) VALUES ('key ' || ?1, ?2)", (id, mark))?;
        }
        Ok(())
    }

    pub(crate) fn let_keys_go(&self) -> Result<(), Fault> {
        self.change("DELETE FROM meta WHERE name GLOB 'key *'", []).map(drop)
    }

    fn held_keys(&self) -> Result<Vec<(String, i64)>, Fault> {
        self.all(HELD, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

/// Every key id in the file must open something: of each, one value is tried, and more only while none opens, for a
/// single damaged value is no reason to stay down.
pub(crate) fn check_keys(db: &Db, keys: &Keyring, path: &Path) -> Result<(), OpenError> {
    let mut proven = HashSet::new();
    let mut failed = HashMap::new();
    for Column { table, column, all, .. } in SEALED {
        let check = |row: &Row<'_>| {
            let (owner, id, sealed): (String, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if let Ok(key) = zentry_seal::key_id(&sealed)
                && !proven.contains(key)
            {
                match keys.open(Place { owner: &owner, table, row: &id, column }, &sealed) {
                    Ok(_) => drop(proven.insert(key.to_owned())),
                    Err(error) => drop(failed.insert(key.to_owned(), error)),
                }
            }
            Ok(())
        };
        db.all(all, [], check).map_err(StoreError::from).map_err(unreadable(path))?;
    }
    match failed.into_iter().find(|(key, _)| !proven.contains(key)) {
        Some((id, source)) => Err(OpenError::Key { path: path.into(), id, source: source.into() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_bytes_is_sealed_and_known_here_or_holds_a_digest() {
        const DIGESTS: [(&str, &str); 5] =
            [("delivery", "key"), ("link", "key"), ("link", "state"), ("link", "cookie"), ("hook", "token")];
        let (_dir, db) = crate::open::blank();
        let sql = "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
            WHERE m.type = 'table' AND c.type = 'BLOB'";
        let columns = db.all(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
        let known = |table: &str, name: &str| {
            SEALED.iter().any(|sealed| (sealed.table, sealed.column) == (table, name))
                || DIGESTS.contains(&(table, name))
        };
        let unknown: Vec<_> = columns.iter().filter(|(table, name)| !known(table, name)).collect();
        assert!(unknown.is_empty() && columns.len() == SEALED.len() + DIGESTS.len(), "{unknown:?} of {columns:?}");
    }

    #[test]
    fn every_look_up_uses_an_index() {
        let (_dir, db) = crate::open::blank();
        for column in &SEALED {
            db.assert_indexed(column.one);
            db.assert_indexed(column.set);
        }
    }
}
