//! What goes wrong, as the ports and the operator see it.

use std::path::PathBuf;

use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
use rusqlite::{Error as SqliteError, ErrorCode};
use thiserror::Error;
use zentry_domain::ports::{BoxError, StoreError, VaultError};
use zentry_seal::KeyringError;

/// Why the file was not opened. The message says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another process: stop that one first, or name another file", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written, or is damaged.
    #[error("{} cannot be opened as a store: check its path and permissions, or restore a backup", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// It is some other program's SQLite file.
    #[error("{} is an SQLite file, but no store of this program: name another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer build wrote it.
    #[error("{} has schema {found}, and this build knows {known}: run the newer build, or restore a backup", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// The newest schema that this build knows.
        known: usize,
    },
    /// It was opened beside the process that serves, and an older build wrote it: that is left alone.
    #[error("{} has schema {found}, and this build needs {known}: start this build's `serve` once, which brings it up to date", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema; 0 where it has none.
        found: usize,
        /// The schema that this build needs.
        known: usize,
    },
    /// A setting that durability or secrecy rests on does not hold here.
    #[error("SQLite keeps {name} at {found} instead of {wanted} for {}: is it on a local disk?", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The pragma.
        name: &'static str,
        /// What was asked for.
        wanted: &'static str,
        /// What SQLite says.
        found: String,
    },
    /// The SQLite that is linked in can damage the file.
    #[error("SQLite {found} can damage a write-ahead log: build with 3.51.3 or newer")]
    OldSqlite {
        /// Its version.
        found: &'static str,
    },
    /// A sealing key is missing, or is another one under the same id.
    #[error("{} holds values sealed with key {id}, which the keys given do not open: put that key back", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The key's id.
        id: String,
        /// Why they do not open.
        #[source]
        source: BoxError,
    },
}

/// Why the sealing keys stay as they were. The message says what to do.
#[derive(Debug, Error)]
pub enum RekeyError {
    /// What is in the file does not open with them, or cannot be read.
    #[error(transparent)]
    File(#[from] OpenError),
    /// The key that seals now is not among them.
    #[error(transparent)]
    Keys(#[from] KeyringError),
}

/// Everything that can happen inside, before it is a port's error.
#[derive(Debug)]
pub(crate) enum Fault {
    Conflict,
    Fenced,
    /// Not now, and why.
    Unavailable(BoxError),
    Corrupt {
        at: String,
        source: BoxError,
    },
    Sqlite(SqliteError),
}

impl Fault {
    /// What is stored at `table`, `row`, `column` cannot be read.
    pub(crate) fn corrupt(table: &str, row: impl std::fmt::Display, column: &str, source: impl Into<BoxError>) -> Self {
        Self::Corrupt { at: format!("table {table}, row {row}, column {column}"), source: source.into() }
    }

    /// As found by whoever looked through the whole file: where that is damaged, or its disk fails.
    pub(crate) fn of_check(&self) -> Option<Loss> {
        match self {
            Self::Corrupt { source, .. } => Some(Loss { disk: Some(DiskFault::Damaged), why: source.to_string() }),
            _ => self.of_disk(),
        }
    }

    /// The disk or the file itself failed, so that nothing else of the transaction can be trusted either.
    pub(crate) fn of_disk(&self) -> Option<Loss> {
        match self {
            Self::Sqlite(error) => Some(Loss::of(error)).filter(|loss| loss.disk.is_some()),
            _ => None,
        }
    }
}

/// Why nothing of a transaction was kept.
#[derive(Debug)]
pub(crate) struct Loss {
    pub(crate) disk: Option<DiskFault>,
    pub(crate) why: String,
}

impl Loss {
    pub(crate) fn of(error: &SqliteError) -> Self {
        let disk = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Some(DiskFault::Full),
            Some(ErrorCode::SystemIoFailure) => Some(DiskFault::Broken),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Some(DiskFault::Damaged),
            _ => None,
        };
        Self { disk, why: error.to_string() }
    }
}

/// How the disk failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiskFault {
    /// No room: works again once there is.
    Full,
    /// A read, write or sync failed. After a failed sync nobody knows what is stored, and asking again may lie: only
    /// reading everything anew, in a new process, tells.
    Broken,
    /// The file holds nonsense.
    Damaged,
}

impl DiskFault {
    /// Whether nothing of the file can be trusted any more.
    pub(crate) fn is_fatal(self) -> bool {
        self != Self::Full
    }
}

impl From<SqliteError> for Fault {
    fn from(error: SqliteError) -> Self {
        match error.sqlite_error().map(|e| e.extended_code) {
            Some(SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY) => Self::Conflict,
            _ => match &error {
                SqliteError::InvalidColumnType(_, column, _) => {
                    Self::Corrupt { at: column.clone(), source: error.into() }
                }
                SqliteError::FromSqlConversionFailure(column, ..) | SqliteError::IntegralValueOutOfRange(column, _) => {
                    Self::Corrupt { at: format!("column {column} of a query"), source: error.into() }
                }
                _ => Self::Sqlite(error),
            },
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict => Self::Conflict,
            Fault::Fenced => Self::Fenced,
            Fault::Unavailable(why) => Self::Unavailable(why),
            Fault::Corrupt { at, source } => Self::Corrupt { at, source },
            Fault::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                Self::Corrupt { at: "the file itself".into(), source: error.into() }
            }
            Fault::Sqlite(error) => Self::Unavailable(error.into()),
        }
    }
}

impl From<Fault> for VaultError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict => Self::Conflict,
            Fault::Fenced => Self::Unavailable("the lease has ended".into()),
            Fault::Unavailable(why) => Self::Unavailable(why),
            Fault::Corrupt { at, source } => Self::Sealed(format!("{at}: {source}").into()),
            Fault::Sqlite(error) => Self::Unavailable(error.into()),
        }
    }
}
