//! The store and the vault on one SQLite file.
//!
//! One thread writes, with group commit: what several callers want at the same time goes to the disk in one
//! transaction, and each is told only after it is there. A few read-only connections answer the reads. What people
//! wrote and what opens doors (jobs with words in them, dead letters, codes, credentials) is sealed, bound to its row.
//! Leases live in memory: they would be void after a restart anyway.

mod backup;
mod beside;
mod change;
mod db;
mod dead;
mod deleted;
mod directory;
mod error;
mod facts;
mod health;
mod hook;
mod journal;
mod lease;
mod ledger;
mod link;
mod offer;
mod open;
mod outbox;
mod pulse;
mod reader;
mod restore;
mod roundup;
mod row;
mod scratch;
mod sealed;
mod settings;
mod sighting;
mod store;
mod trace;
mod undo;
mod unfurl;
mod upkeep;
mod vault;
mod whole;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use zentry_domain::ports::StoreError;
use zentry_domain::{OrgSlug, Person, Timestamp, UserJid};
use zentry_seal::Keyring;

pub use backup::{BackedUp, BackupError};
pub use error::{OpenError, RekeyError};
pub use restore::Restored;
pub use scratch::Progress;
pub use sealed::{ResealError, Resealed};
pub use store::SqliteStore;
pub use vault::SqliteVault;

use error::{Fault, Loss};
use open::Opened;
use reader::Readers;
use writer::Writer;

/// An open file.
#[derive(Debug)]
pub struct Sqlite {
    store: Arc<SqliteStore>,
    vault: Arc<SqliteVault>,
    engine: Arc<Engine>,
}

/// What store and vault share.
#[derive(Debug)]
struct Engine {
    writer: Writer,
    readers: Readers,
    keys: Arc<Keyring>,
    /// As it was when it was last looked at; 0 before that.
    data_version: AtomicI64,
}

impl Sqlite {
    /// Opens the file at `path`, or makes it (mode 0600), and brings its schema up to date. Blocks.
    ///
    /// A lock beside it (`<path>.lock`) keeps a second process out until this one has closed the file or ended. Every
    /// sealing key that the file needs must be in `keys`: of each, one value is opened here.
    ///
    /// # Errors
    /// [`OpenError`], for the operator to read. The file is then as it was.
    pub fn open(path: &Path, keys: Keyring) -> Result<Self, OpenError> {
        let keys = Arc::new(keys);
        let opened = open::open(path, &keys)?;
        Self::start(path, opened, keys)
    }

    /// Opens the file at `path` beside a process that has it open and serves: for operators' commands. Blocks.
    ///
    /// It takes no lock, makes no file and changes no schema. Everything is as with [`Sqlite::open`], except that it
    /// leases nothing ([`StoreError::Unavailable`]): two processes do not see each other's leases, and would both
    /// perform the same jobs. Of two that write at the same moment one waits up to 250 ms and is then refused.
    ///
    /// # Errors
    /// [`OpenError`], for the operator to read; [`OpenError::Older`] also where the file is empty.
    pub fn open_beside(path: &Path, keys: Keyring) -> Result<Self, OpenError> {
        let keys = Arc::new(keys);
        let opened = open::open_beside(path, &keys)?;
        Self::start(path, opened, keys)
    }

    fn start(path: &Path, opened: Opened, keys: Arc<Keyring>) -> Result<Self, OpenError> {
        let writer = Writer::start(opened).map_err(db::unreadable(path))?;
        let readers = Readers::open(path, Arc::clone(&keys), writer.health())?;
        let engine = Arc::new(Engine { writer, readers, keys, data_version: AtomicI64::new(0) });
        let store = Arc::new(SqliteStore(Arc::clone(&engine)));
        let vault = Arc::new(SqliteVault(Arc::clone(&engine)));
        Ok(Self { store, vault, engine })
    }

    /// The writes, the outbox, the reads and the journal.
    pub fn store(&self) -> Arc<SqliteStore> {
        Arc::clone(&self.store)
    }

    /// The credentials.
    pub fn vault(&self) -> Arc<SqliteVault> {
        Arc::clone(&self.vault)
    }

    /// Whether writes are taken. `false` after [`Sqlite::close`], and for good once the disk has failed: restart the
    /// process then. A full disk refuses too, but works again once there is room.
    pub fn is_well(&self) -> bool {
        self.engine.writer.is_well()
    }

    /// Ends all work, moves the write-ahead log into the file, and gives up the lock. What store and vault are asked
    /// afterwards they answer with `Unavailable`.
    pub async fn close(&self) {
        self.engine.readers.close().await;
        self.engine.writer.close().await;
    }

    /// Looks through the whole file for damage. Takes seconds on a large one; nobody waits for it. Where there is some,
    /// nothing is taken any more.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with what SQLite found first.
    pub async fn check(&self) -> Result<(), StoreError> {
        let found = self.engine.readers.read(db::Db::quick_check).await;
        if let Err(Some(Loss { disk: Some(fault), why })) = found.as_ref().map_err(Fault::of_check)
            && fault.is_fatal()
        {
            self.engine.writer.health().break_down(fault, &why);
        }
        Ok(found?)
    }

    /// Returns when nothing is taken any more because the disk has failed or the file is damaged, and says what to do. Only a
    /// new process tells what is stored.
    pub async fn breakdown(&self) -> String {
        self.engine.writer.health().breakdown().await
    }

    /// Takes other sealing keys while it runs: the first of `keys` seals from now on. Of each key that the file needs one
    /// value is opened before. Says whether anything has changed.
    ///
    /// # Errors
    /// [`RekeyError`], for the operator to read. The keys are then as they were.
    pub async fn rekey(&self, keys: Keyring) -> Result<bool, RekeyError> {
        let keys = Arc::new(keys);
        self.engine.readers.check_keys(Arc::clone(&keys)).await?;
        let is_new = self.engine.keys.replace(&keys)?;
        if let Err(fault) = self.engine.writer.run(|db, _| db.hold_keys()).await {
            let error = StoreError::from(fault);
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "`zentry keys rotate` cannot see the new keys yet"
            );
        }
        Ok(is_new)
    }

    /// When the last backup was made.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn last_backup(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.engine.readers.read(db::Db::made).await?)
    }

    /// The organizations in which an installation of ours is known.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn installed_orgs(&self) -> Result<Vec<OrgSlug>, StoreError> {
        Ok(self.engine.readers.read(db::Db::installed_orgs).await?)
    }

    /// Who was last seen under this address, in whatever account.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn person_at(&self, jid: &UserJid) -> Result<Option<Person>, StoreError> {
        let jid = jid.key();
        Ok(self.engine.readers.read_long(move |db| db.person_at(&jid)).await?)
    }

    /// The settings under which the writer runs, read back from SQLite: pragma and value.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] after [`Sqlite::close`].
    pub async fn settings(&self) -> Result<Vec<(&'static str, String)>, StoreError> {
        Ok(self.engine.writer.run(|db, _| Ok(db.settings()?)).await?)
    }
}
