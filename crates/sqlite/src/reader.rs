//! The connections that answer reads, on the runtime's blocking threads.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zentry_domain::ports::StoreError;
use zentry_seal::Keyring;

use crate::db::{Db, unreadable};
use crate::error::{Fault, Loss, OpenError};
use crate::health::Health;
use crate::sealed;

/// Reads at the same time. More would only wait for the same two cores and the same disk.
const READERS: u32 = 4;

pub(crate) struct Readers(Arc<Pool>);

struct Pool {
    path: PathBuf,
    keys: Arc<Keyring>,
    health: Arc<Health>,
    permits: Arc<Semaphore>,
    long: Semaphore,
    idle: Mutex<Vec<Db>>,
}

impl Readers {
    pub(crate) fn open(path: &Path, keys: Arc<Keyring>, health: Arc<Health>) -> Result<Self, OpenError> {
        let idle = (0..READERS).map(|_| Db::reader(path, Arc::clone(&keys))).collect::<Result<_, _>>()?;
        let permits = Arc::new(Semaphore::new(READERS as usize));
        let long = Semaphore::new(1);
        Ok(Self(Arc::new(Pool { path: path.into(), keys, health, permits, long, idle: Mutex::new(idle) })))
    }

    /// Runs `work` on a connection of its own. It sees everything acknowledged before.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Db) -> Result<T, Fault> + Send + 'static,
    {
        let closed = || Fault::Unavailable("the store is closed".into());
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|_| closed())?;
        let pool = Arc::clone(&self.0);
        let read = spawn_blocking(move || {
            let db = pool.take()?;
            let result = work(&db);
            pool.idle().push(db);
            if let Err(fault) = &result {
                pool.look_into(fault);
            }
            drop(permit);
            result
        });
        read.await.map_err(|error| Fault::Unavailable(error.into()))?
    }

    /// The same for work that takes long: one at a time, so that the others are free for those that wait for an answer.
    pub(crate) async fn read_long<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Db) -> Result<T, Fault> + Send + 'static,
    {
        let _turn = self.0.long.acquire().await.map_err(|_| Fault::Unavailable("the store is closed".into()))?;
        self.read(work).await
    }

    /// Whether `keys` open what is in the file.
    pub(crate) async fn check_keys(&self, keys: Arc<Keyring>) -> Result<(), OpenError> {
        let path = self.0.path.clone();
        let checked = self.read(move |db| Ok(sealed::check_keys(db, &keys, &path))).await;
        checked.map_err(StoreError::from).map_err(unreadable(&self.0.path))?
    }

    /// Waits for the reads under way and closes every connection.
    pub(crate) async fn close(&self) {
        let all = self.0.permits.acquire_many(READERS).await;
        self.0.permits.close();
        self.0.idle().clear();
        drop(all);
    }
}

impl Pool {
    /// An idle connection. There are as many as permits, unless a read has panicked.
    fn take(&self) -> Result<Db, Fault> {
        if let Some(why) = self.health.broken() {
            return Err(Fault::Unavailable(why.into()));
        }
        match self.idle().pop() {
            Some(db) => Ok(db),
            None => Db::reader(&self.path, Arc::clone(&self.keys)).map_err(|error| Fault::Unavailable(error.into())),
        }
    }

    /// A disk that fails a read, or damage that one meets, is as much the end as with a write.
    fn look_into(&self, fault: &Fault) {
        if let Some(Loss { disk: Some(disk), why }) = fault.of_disk()
            && disk.is_fatal()
        {
            self.health.break_down(disk, &why);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Db>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("path", &self.0.path).finish_non_exhaustive()
    }
}
