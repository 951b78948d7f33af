//! A copy of the store, consistent while another process serves it, sealed, and proven before it gets its name.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use thiserror::Error;
use zentry_domain::Timestamp;
use zentry_domain::ports::StoreError;
use zentry_seal::{ArchiveError, Keyring, is_archive};

use crate::Sqlite;
use crate::db::Db;
use crate::error::{Fault, OpenError};
use crate::open;
use crate::scratch::{Counted, Progress, Scratch, beside};

/// Bytes read at a time.
const BUFFER: usize = 256 * 1024;

/// When the last backup was made.
const BACKED_UP: &str =
    "INSERT INTO meta (name, value) VALUES ('backed_up', ?1) ON CONFLICT DO UPDATE SET value = excluded.value";

/// What was backed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// How long the sealed file is.
    pub bytes: u64,
}

/// Why nothing was backed up or restored. The message says what to do. Everything is then as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The store, or the copy that a backup holds, cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another process is at it.
    #[error("{}: another backup, restore or command is at work; let it end, then try again", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
    /// What stands where the backup shall go is none.
    #[error("{} is there already and is no backup: name another file", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// The store that an earlier restore has set aside is still there.
    #[error("{} is still there from an earlier restore: move it away or delete it, then try again", path.display())]
    Kept {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no backup, was damaged or cut short, or was sealed with another key.
    #[error("{} cannot be restored", path.display())]
    Archive {
        /// The backup.
        path: PathBuf,
        /// Why.
        #[source]
        source: ArchiveError,
    },
    /// The copy is damaged: SQLite found this first.
    #[error("the copy of {} is damaged: {found}; take another backup", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What SQLite found.
        found: String,
    },
    /// A row of the copy cannot be read or changed.
    #[error("the copy of {} cannot be worked on", path.display())]
    Rows {
        /// The store.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl Sqlite {
    /// Writes a sealed copy of the store at `path` to `to`, in place of an earlier backup there, and proves that it opens
    /// again and is sound. Another process may serve the store meanwhile: the copy is of one moment. Blocks.
    ///
    /// While it works there is a copy in clear beside the store (`<path>.copy`), as private as the store itself.
    ///
    /// # Errors
    /// [`BackupError`], for the operator to read.
    pub fn backup(
        path: &Path,
        keys: Keyring,
        to: &Path,
        now: Timestamp,
        progress: &mut Progress<'_>,
    ) -> Result<BackedUp, BackupError> {
        let keys = Arc::new(keys);
        let store = open::open_beside(path, &keys)?;
        let mut copy = take_copy(path)?;
        let mut sealed = take_target(to)?;
        copy_out(&store.db, &copy, now).map_err(rows(path))?;
        drop(store);

        seal(&keys, &mut copy, &mut sealed, progress).map_err(file(to))?;
        copy.empty().map_err(file(copy.path()))?;
        let from = File::open(sealed.path()).map_err(file(to))?;
        unpack(&keys, from, to, &mut copy, "checking", progress)?;
        check(&open_copy(path, &copy, &keys)?, path)?;

        let bytes = sealed.rewind().map_err(file(to))?;
        sealed.become_file(to).map_err(file(to))?;
        note(path, &keys, now);
        Ok(BackedUp { bytes })
    }
}

/// The file beside the store that holds the copy in clear.
pub(crate) fn take_copy(store: &Path) -> Result<Scratch, BackupError> {
    let path = beside(store, ".copy");
    Scratch::take(path.clone()).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => BackupError::Busy { path: store.into() },
        _ => file(&path)(error),
    })
}

/// The file that becomes the backup. Only another backup is replaced: a slip of the keyboard must not cost the store.
fn take_target(to: &Path) -> Result<Scratch, BackupError> {
    if to.exists() && !begins_as_archive(to).map_err(file(to))? {
        return Err(BackupError::Occupied { path: to.into() });
    }
    let path = beside(to, ".part");
    Scratch::take(path.clone()).map_err(file(&path))
}

/// Remembers in the store when it was last backed up. The backup is as good without.
fn note(path: &Path, keys: &Arc<Keyring>, now: Timestamp) {
    let noted = open::open_beside(path, keys).map_err(|error| error.to_string());
    let noted = noted.and_then(|store| store.db.change(BACKED_UP, [now.0]).map_err(|_| "it is busy".to_owned()));
    if let Err(why) = noted {
        tracing::warn!(why, "the backup is good, but the store could not be told when it was made");
    }
}

fn begins_as_archive(path: &Path) -> io::Result<bool> {
    let mut beginning = Vec::new();
    File::open(path)?.take(8).read_to_end(&mut beginning)?;
    Ok(is_archive(&beginning))
}

/// Copies the store as it is at this moment. Free pages stay behind.
fn copy_out(db: &Db, copy: &Scratch, now: Timestamp) -> Result<(), Fault> {
    let path = copy.path().to_str().ok_or_else(|| Fault::Unavailable("its path is not UTF-8".into()))?;
    // Nobody needs the copy after a crash, and a sync of all of it would hold up those of the process that serves.
    db.conn.pragma_update(None, "synchronous", "off")?;
    db.conn.execute("VACUUM INTO ?1", [path])?;
    let conn = Connection::open(copy.path())?;
    // Nobody else has it, and where this fails it is thrown away.
    conn.pragma_update(None, "journal_mode", "off")?;
    conn.execute(BACKED_UP, [now.0])?;
    Ok(())
}

fn seal(keys: &Keyring, copy: &mut Scratch, to: &mut Scratch, progress: &mut Progress<'_>) -> io::Result<()> {
    let total = copy.rewind()?;
    let mut from = Counted { from: copy, doing: "sealing", done: 0, total, progress };
    let mut to = BufWriter::with_capacity(BUFFER, Paced { to, unsynced: 0 });
    keys.seal_archive(&mut from, &mut to)?;
    to.flush()?;
    to.get_ref().to.sync()
}

/// Syncs what it writes a piece at a time: the disk is also that of the process that serves, whose answers wait for syncs.
struct Paced<'a> {
    to: &'a mut Scratch,
    unsynced: usize,
}

impl Write for Paced<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const PIECE: usize = 4 << 20;
        let written = self.to.write(bytes)?;
        self.unsynced += written;
        if self.unsynced >= PIECE {
            self.to.sync()?;
            self.unsynced = 0;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Opens the sealed file `from`, which is named `name` for the operator, into `copy`.
pub(crate) fn unpack(
    keys: &Keyring,
    from: File,
    name: &Path,
    copy: &mut Scratch,
    doing: &'static str,
    progress: &mut Progress<'_>,
) -> Result<(), BackupError> {
    let total = from.metadata().map_err(file(name))?.len();
    let mut from = Counted { from, doing, done: 0, total, progress };
    let path = copy.path().to_owned();
    let mut to = BufWriter::with_capacity(BUFFER, copy);
    keys.open_archive(&mut from, &mut to).map_err(|source| match source {
        ArchiveError::Write(source) => file(&path)(source),
        ArchiveError::Read(source) => file(name)(source),
        source => BackupError::Archive { path: name.into(), source },
    })?;
    to.flush().map_err(file(&path))
}

/// The unpacked copy, as it is.
fn open_copy(store: &Path, copy: &Scratch, keys: &Arc<Keyring>) -> Result<Db, BackupError> {
    let conn = Connection::open(copy.path()).map_err(Fault::from).map_err(rows(store))?;
    Ok(Db { conn, keys: Arc::clone(keys) })
}

/// Looks through the whole of a copy of `store`.
pub(crate) fn check(copy: &Db, store: &Path) -> Result<(), BackupError> {
    let check = |db: &Db| Ok(db.conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))?);
    let found = check(copy).map_err(rows(store))?;
    if found != "ok" {
        return Err(BackupError::Damaged { path: store.into(), found });
    }
    let ledger = copy.ledger().map_err(rows(store))?;
    if !ledger.adds_up() {
        tracing::warn!(?ledger, "the ledger of this copy does not add up; the copy is sound all the same");
    }
    Ok(())
}

pub(crate) fn file(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::File { path: path.into(), source }
}

pub(crate) fn rows(path: &Path) -> impl Fn(Fault) -> BackupError {
    move |fault| BackupError::Rows { path: path.into(), source: fault.into() }
}
