//! The store port: each verb is one task of the writer.

use std::sync::Arc;

use async_trait::async_trait;
use zentry_domain::ports::{Committed, DeliveryKey, LaneLease, Leased, StoreError};
use zentry_domain::{Decision, JobId, Outcome, RowChange, Store, Timestamp};

use crate::Engine;
use crate::db::Db;
use crate::error::Fault;
use crate::lease::Memory;

/// The writes, the outbox, the reads and the journal of one file.
#[derive(Debug)]
pub struct SqliteStore(pub(crate) Arc<Engine>);

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, keys: &[DeliveryKey], decision: &Decision, now: Timestamp) -> Result<Committed, StoreError> {
        let (keys, decision) = (keys.to_vec(), decision.clone());
        // The one verb that strangers cause: they are refused where the others wait for their turn.
        Ok(self.0.writer.run_unless_busy(move |db, memory| db.commit(memory, &keys, &decision, now)).await?)
    }

    async fn lease(&self, limit: usize, now: Timestamp, until: Timestamp) -> Result<Leased, StoreError> {
        Ok(self.0.writer.run(move |db, memory| db.lease(memory, limit, now, until)).await?)
    }

    async fn renew(&self, lease: &LaneLease, until: Timestamp) -> Result<(), StoreError> {
        let lease = lease.clone();
        Ok(self.0.writer.run(move |_, memory| memory.renew(&lease, until)).await?)
    }

    async fn settle(
        &self,
        lease: &LaneLease,
        job: &JobId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (lease, job, outcome) = (lease.clone(), job.clone(), outcome.clone());
        let settle = move |db: &Db, memory: &mut Memory| {
            memory.check(&lease)?;
            db.settle(memory, &lease.lane, &job, &outcome, now)
        };
        Ok(self.0.writer.run(settle).await?)
    }

    async fn release(&self, lease: LaneLease) -> Result<(), StoreError> {
        let release = move |_: &Db, memory: &mut Memory| {
            memory.release(&lease);
            Ok(())
        };
        Ok(self.0.writer.run(release).await?)
    }
}

impl Db {
    fn commit(
        &self,
        memory: &mut Memory,
        keys: &[DeliveryKey],
        decision: &Decision,
        now: Timestamp,
    ) -> Result<Committed, Fault> {
        for key in keys {
            if self.finds("SELECT 1 FROM delivery WHERE key = ?1", [&key.0])? {
                return Ok(Committed::Already);
            }
        }
        self.apply(memory, decision, now)?;
        let swept_by = (!decision.changes.contains(&RowChange::RememberForEver)).then_some(now.0);
        for key in keys {
            // A set may name a key twice.
            self.change("INSERT OR IGNORE INTO delivery (key, at) VALUES (?1, ?2)", (&key.0, swept_by))?;
        }
        Ok(Committed::Fresh)
    }
}
