//! SQLite keeps the promises of every store and every vault.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tempfile::TempDir;
use zentry_contract::store::Bench;
use zentry_contract::{store_suite, vault_suite};
use zentry_domain::{Facts, Journal, Roster, Store, Vault};
use zentry_seal::{Keyring, new_key};
use zentry_sqlite::{Sqlite, SqliteVault};

/// A file in a directory of its own. A restart closes it and opens it again.
struct SqliteBench {
    dir: TempDir,
    keys: String,
    open: Mutex<Arc<Sqlite>>,
}

impl SqliteBench {
    fn new() -> Self {
        let (dir, keys) = (tempfile::tempdir().expect("a directory"), format!("k1:{}", *new_key()));
        let open = Mutex::new(open(&dir, &keys));
        Self { dir, keys, open }
    }

    fn sqlite(&self) -> Arc<Sqlite> {
        Arc::clone(&self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn open(dir: &TempDir, keys: &str) -> Arc<Sqlite> {
    let keys = Keyring::parse(keys).expect("keys");
    Arc::new(Sqlite::open(&dir.path().join("zentry.db"), keys).expect("the store opens"))
}

#[async_trait]
impl Bench for SqliteBench {
    fn store(&self) -> Arc<dyn Store> {
        self.sqlite().store()
    }

    fn facts(&self) -> Arc<dyn Facts> {
        self.sqlite().store()
    }

    fn roster(&self) -> Arc<dyn Roster> {
        self.sqlite().store()
    }

    fn journal(&self) -> Arc<dyn Journal> {
        self.sqlite().store()
    }

    fn vault(&self) -> Arc<dyn Vault> {
        self.sqlite().vault()
    }

    async fn restart(&self) {
        self.sqlite().close().await;
        let reopened = open(&self.dir, &self.keys);
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = reopened;
    }
}

store_suite!(SqliteBench::new());

/// A vault, and the directory that it needs for as long.
struct VaultBench(Arc<SqliteVault>, #[expect(dead_code, reason = "is removed when dropped")] TempDir);

impl std::ops::Deref for VaultBench {
    type Target = SqliteVault;

    fn deref(&self) -> &SqliteVault {
        &self.0
    }
}

fn vault() -> VaultBench {
    let SqliteBench { dir, open, .. } = SqliteBench::new();
    VaultBench(open.into_inner().unwrap_or_else(PoisonError::into_inner).vault(), dir)
}

vault_suite!(*vault());
