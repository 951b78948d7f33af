//! A connection, its settings, and how it is asked.

use std::path::Path;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Params, Row};
use zentry_domain::ports::BoxError;
use zentry_seal::Keyring;

use crate::error::{Fault, OpenError};

/// Pragma, what is asked for, and what SQLite answers where it holds.
type Setting = (&'static str, &'static str, &'static str);

/// Kept in the file. `auto_vacuum` comes first: it must be set before a new file has a page.
const OF_FILE: [Setting; 2] = [("auto_vacuum", "incremental", "2"), ("journal_mode", "wal", "wal")];
const OF_CONNECTION: [Setting; 9] = [
    // Every commit is synced before it is acknowledged; NORMAL would sync at checkpoints only.
    ("synchronous", "full", "2"),
    ("busy_timeout", "250", "250"),
    ("foreign_keys", "on", "1"),
    ("trusted_schema", "off", "0"),
    // What is deleted is overwritten: a purged account leaves no trace in free pages.
    ("secure_delete", "on", "1"),
    ("temp_store", "memory", "2"),
    ("mmap_size", "0", "0"),
    // The writer checkpoints when nobody waits for it.
    ("wal_autocheckpoint", "0", "0"),
    ("journal_size_limit", "67108864", "67108864"),
];
const STATEMENTS_KEPT: usize = 128;

/// A connection, with the keys that seal what it stores.
pub(crate) struct Db {
    pub(crate) conn: Connection,
    pub(crate) keys: Arc<Keyring>,
}

impl Db {
    /// The connection that writes, with every setting set and insisted on.
    pub(crate) fn writer(path: &Path, conn: Connection, keys: Arc<Keyring>) -> Result<Self, OpenError> {
        Self::settled(path, conn, keys, &[&OF_FILE[..], &OF_CONNECTION].concat())
    }

    /// A connection that writes beside another process, and so leaves the file's own settings alone.
    pub(crate) fn beside(path: &Path, conn: Connection, keys: Arc<Keyring>) -> Result<Self, OpenError> {
        Self::settled(path, conn, keys, &OF_CONNECTION)
    }

    /// A further connection, that can only read.
    pub(crate) fn reader(path: &Path, keys: Arc<Keyring>) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(unreadable(path))?;
        Self::settled(path, conn, keys, &OF_CONNECTION)
    }

    fn settled(path: &Path, conn: Connection, keys: Arc<Keyring>, settings: &[Setting]) -> Result<Self, OpenError> {
        conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        for (name, wanted, _) in settings {
            conn.execute_batch(&format!("PRAGMA {name} = {wanted}")).map_err(unreadable(path))?;
        }
        let db = Self { conn, keys };
        let found = db.settings().map_err(unreadable(path))?;
        for ((name, wanted, expected), (_, found)) in all_settings().zip(found) {
            if found != expected {
                return Err(OpenError::Setting { path: path.into(), name, wanted, found });
            }
        }
        Ok(db)
    }

    /// The settings as SQLite answers them.
    pub(crate) fn settings(&self) -> rusqlite::Result<Vec<(&'static str, String)>> {
        let read = |name| self.conn.pragma_query_value(None, name, |row| Ok(word(row.get_ref(0)?)));
        all_settings().map(|(name, ..)| Ok((name, read(name)?))).collect()
    }

    pub(crate) fn quick_check(&self) -> Result<(), Fault> {
        let found: String = self.conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" { Ok(()) } else { Err(Fault::Corrupt { at: "the file itself".into(), source: found.into() }) }
    }

    // === asking ===

    /// Changes rows and says how many.
    pub(crate) fn change(&self, sql: &str, params: impl Params) -> Result<usize, Fault> {
        Ok(self.conn.prepare_cached(sql)?.execute(params)?)
    }

    /// Every row that `sql` finds.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    /// The first row that `sql` finds.
    pub(crate) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(read).transpose()
    }

    /// Whether `sql` finds anything.
    pub(crate) fn finds(&self, sql: &str, params: impl Params) -> Result<bool, Fault> {
        Ok(self.conn.prepare_cached(sql)?.exists(params)?)
    }
}

#[cfg(test)]
impl Db {
    /// Insists that `sql` walks through no whole table and no whole index.
    pub(crate) fn assert_indexed(&self, sql: &str) {
        let steps = self.explain(sql);
        assert!(!steps.is_empty() && steps.iter().all(|step| !step.starts_with("SCAN")), "{sql}: {steps:?}");
    }

    /// Insists that `sql` reads no table, only indexes.
    pub(crate) fn assert_covered(&self, sql: &str) {
        let steps = self.explain(sql);
        assert!(steps.iter().all(|step| step.contains("USING COVERING INDEX")), "{sql}: {steps:?}");
    }

    fn explain(&self, sql: &str) -> Vec<String> {
        let mut explained = self.conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        explained.raw_query().mapped(|row| row.get(3)).map(Result::unwrap).collect()
    }
}

fn all_settings() -> impl Iterator<Item = Setting> {
    OF_FILE.into_iter().chain(OF_CONNECTION)
}

/// What an error means while the file at `path` is opened.
pub(crate) fn unreadable<E: Into<BoxError>>(path: &Path) -> impl Fn(E) -> OpenError {
    move |source| OpenError::Unreadable { path: path.into(), source: source.into() }
}

fn word(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    }
}
