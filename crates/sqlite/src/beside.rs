//! Noticing what operators' commands have changed, from within the process that serves.

use std::sync::atomic::Ordering;
use std::time::Duration;

use zentry_domain::Clock;
use zentry_domain::ports::StoreError;

use crate::SqliteStore;
use crate::db::Db;
use crate::error::Fault;

/// How often to look. An operator who has replayed a letter waits that long.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl SqliteStore {
    /// Returns when another process has changed something since this was last asked, or since the first call. For one
    /// caller at a time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] once the store takes nothing any more.
    pub async fn changed_beside(&self, clock: &dyn Clock) -> Result<(), StoreError> {
        loop {
            // Of the writer's connection, because only what others commit changes it there.
            let version = self.0.writer.run(|db, _| db.data_version()).await;
            match version {
                Ok(version) => {
                    let seen = self.0.data_version.swap(version, Ordering::Relaxed);
                    if seen != 0 && seen != version {
                        return Ok(());
                    }
                }
                // The other process is at it: it is asked again.
                Err(fault) if self.0.writer.is_well() => drop(fault),
                Err(fault) => return Err(fault.into()),
            }
            clock.sleep_until(clock.now() + LOOK_EVERY).await;
        }
    }
}

impl Db {
    /// Changes when another connection has committed. Never 0.
    fn data_version(&self) -> Result<i64, Fault> {
        Ok(self.conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }
}
