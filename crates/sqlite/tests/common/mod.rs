//! A store on disk, opened as often as a test likes.

use std::path::PathBuf;

use tempfile::TempDir;
use zentry_contract::sample::START;
use zentry_domain::ports::{CredentialKey, StoreError};
use zentry_domain::{AccountId, Decision, Owner, Store};
use zentry_seal::{Keyring, new_key};
use zentry_sqlite::{OpenError, Sqlite};

/// A directory with a store in it.
pub(crate) struct Disk {
    dir: TempDir,
    pub(crate) keys: String,
}

impl Disk {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory"), keys: format!("k1:{}", *new_key()) }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("zentry.db")
    }

    /// The file beside the store whose name ends so.
    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        self.dir.path().join(format!("zentry.db{suffix}"))
    }

    pub(crate) fn open(&self) -> Sqlite {
        self.try_open(&self.keys).expect("the store opens")
    }

    pub(crate) fn try_open(&self, keys: &str) -> Result<Sqlite, OpenError> {
        Sqlite::open(&self.path(), Keyring::parse(keys).expect("keys"))
    }

    /// A store with what is on disk at this moment, as a crash would leave it.
    pub(crate) fn image(&self) -> Self {
        let image = Self { dir: tempfile::tempdir().expect("a directory"), keys: self.keys.clone() };
        for suffix in ["", "-wal"] {
            if self.beside(suffix).exists() {
                std::fs::copy(self.beside(suffix), image.beside(suffix)).expect("copied");
            }
        }
        image
    }

    /// Everything on disk.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.dir.path()).expect("a directory");
        files.flat_map(|file| std::fs::read(file.expect("a file").path()).expect("read")).collect()
    }

    /// The names of everything on disk.
    pub(crate) fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.dir.path()).expect("a directory");
        let names = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// Changes the closed file behind the store's back.
    pub(crate) fn tamper(&self, sql: &str) {
        let conn = rusqlite::Connection::open(self.path()).expect("opened");
        conn.execute_batch(sql).expect("changed");
    }
}

pub(crate) async fn commit(sqlite: &Sqlite, decision: Decision) {
    try_commit(sqlite, decision).await.expect("committed");
}

pub(crate) async fn try_commit(sqlite: &Sqlite, decision: Decision) -> Result<(), StoreError> {
    sqlite.store().commit(&[], &decision, START).await.map(drop)
}

pub(crate) fn credential(account: &str) -> CredentialKey {
    CredentialKey { owner: Owner::Zoom(AccountId::new(account)), name: "grant".into() }
}
