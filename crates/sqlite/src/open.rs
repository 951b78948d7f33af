//! Opening the file: lock, identity, settings, schema, keys.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use zentry_domain::ports::StoreError;
use zentry_seal::Keyring;

use crate::db::{Db, unreadable};
use crate::error::OpenError;
use crate::lease::Memory;
use crate::row;
use crate::scratch::beside;
use crate::sealed::check_keys;

/// In the order in which they are applied; `user_version` counts those that were.
const MIGRATIONS: [&str; 12] = [
    include_str!("../migrations/0001_init.sql"),
    include_str!("../migrations/0002_gaps.sql"),
    include_str!("../migrations/0003_channels_and_lanes.sql"),
    include_str!("../migrations/0004_traces_and_audit.sql"),
    include_str!("../migrations/0005_offers.sql"),
    include_str!("../migrations/0006_whole_organizations.sql"),
    include_str!("../migrations/0007_directory.sql"),
    include_str!("../migrations/0008_settings_and_unposted_cards.sql"),
    include_str!("../migrations/0009_mentions.sql"),
    include_str!("../migrations/0010_unfurled.sql"),
    include_str!("../migrations/0011_sightings.sql"),
    include_str!("../migrations/0012_hooks.sql"),
];
const APPLICATION: i64 = 0x5a4e_5452;
/// The first SQLite without the write-ahead log bug.
const OLDEST_SQLITE: i32 = 3_051_003;

/// The writer's connection and what goes with it.
pub(crate) struct Opened {
    pub(crate) db: Db,
    pub(crate) memory: Memory,
    /// Keeps other processes out for as long as it is open. `None` beside the process that has it.
    pub(crate) lock: Option<File>,
}

pub(crate) fn open(path: &Path, keys: &Arc<Keyring>) -> Result<Opened, OpenError> {
    let lock = lock(path)?;
    let (db, starts) = alone(path, keys)?;
    db.hold_keys().map_err(StoreError::from).map_err(unreadable(path))?;
    Ok(Opened { db, memory: Memory::of_start(starts), lock: Some(lock) })
}

/// Opens a file that nobody else has, or makes it, and counts its starts.
pub(crate) fn alone(path: &Path, keys: &Arc<Keyring>) -> Result<(Db, u64), OpenError> {
    check_version()?;
    private(path).map_err(unreadable(path))?;
    let conn = connect(path)?;
    let schema = schema(&conn, path)?;
    let mut db = Db::writer(path, conn, Arc::clone(keys))?;
    let starts = migrate(&mut db.conn, schema).map_err(unreadable(path))?;
    check_keys(&db, keys, path)?;
    // Of a process that was killed, or of the one from which the file was copied.
    db.let_keys_go().map_err(StoreError::from).map_err(unreadable(path))?;
    Ok((db, starts))
}

/// Opens the file as it is, beside the process that has the lock.
pub(crate) fn open_beside(path: &Path, keys: &Arc<Keyring>) -> Result<Opened, OpenError> {
    check_version()?;
    let conn = connect(path)?;
    let (found, known) = (schema(&conn, path)?, MIGRATIONS.len());
    if found != known {
        return Err(OpenError::Older { path: path.into(), found, known });
    }
    let db = Db::beside(path, conn, Arc::clone(keys))?;
    check_keys(&db, keys, path)?;
    Ok(Opened { db, memory: Memory::beside(), lock: None })
}

fn check_version() -> Result<(), OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite { found: rusqlite::version() });
    }
    Ok(())
}

/// A connection to the file, which must be there.
fn connect(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(unreadable(path))
}

/// Keeps every other process out that would serve, restore or move the store, for as long as it is open.
pub(crate) fn lock(path: &Path) -> Result<File, OpenError> {
    let beside = beside(path, ".lock");
    let file = private(&beside).map_err(unreadable(&beside))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(unreadable(&beside)(source)),
    }
}

/// Makes the file for its owner's eyes only, also if it is there already. SQLite gives its side files the same mode.
pub(crate) fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        file.set_permissions(PermissionsExt::from_mode(0o600))?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

/// The schema of the file; 0 if it is new. Changes nothing, for the file may be somebody else's.
fn schema(conn: &Connection, path: &Path) -> Result<usize, OpenError> {
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let read = || Ok::<_, rusqlite::Error>((pragma("page_count")?, pragma("application_id")?, pragma("user_version")?));
    let (pages, application, found) = read().map_err(unreadable(path))?;
    if pages == 0 {
        return Ok(0);
    }
    // A process that died while it made the file may have left settings in it, and nothing else.
    let is_blank = application == 0 && found == 0 && pages == 1;
    if application != APPLICATION && !is_blank {
        return Err(OpenError::Foreign { path: path.into() });
    }
    match usize::try_from(found) {
        Ok(found) if found <= MIGRATIONS.len() => Ok(found),
        found => Err(OpenError::Newer { path: path.into(), found: found.unwrap_or_default(), known: MIGRATIONS.len() }),
    }
}

/// Applies what is missing, all of it or nothing, and counts the start.
fn migrate(conn: &mut Connection, schema: usize) -> rusqlite::Result<u64> {
    if schema < MIGRATIONS.len() {
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        MIGRATIONS.iter().skip(schema).try_for_each(|migration| transaction.execute_batch(migration))?;
        transaction.pragma_update(None, "user_version", i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    let count = "UPDATE meta SET value = value + 1 WHERE name = 'starts' RETURNING value";
    conn.query_row(count, [], |row| Ok(row::count(row.get(0)?)))
}

/// A new store in a directory of its own.
#[cfg(test)]
pub(crate) fn blank() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keyring::parse(&format!("k1:{}", *zentry_seal::new_key())).unwrap();
    let opened = open(&dir.path().join("zentry.db"), &Arc::new(keys)).unwrap();
    (dir, opened.db)
}
