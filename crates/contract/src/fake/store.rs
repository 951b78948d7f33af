//! A store in memory: every promise of the real ones but the disk.

mod dead;
mod directory;
mod outbox;
mod reads;
mod rows;
mod upkeep;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use zentry_domain::ports::{Committed, CredentialKey, DeliveryKey, LaneLease, Leased, StoreError};
use zentry_domain::{DeadLetter, Decision, Job, JobId, Lane, Outcome, Owner, RowChange, Store, Timestamp};

use super::FakeVault;
use outbox::Held;
use rows::Rows;

/// Keeps everything for as long as it lives. What it commits it applies to a copy, so that a conflict leaves no trace.
#[derive(Debug, Default)]
pub struct FakeStore {
    state: Mutex<State>,
    vault: Arc<FakeVault>,
}

#[derive(Debug, Default)]
struct State {
    rows: Rows,
    /// Not rows: a restart ends them.
    leases: HashMap<Lane, Held>,
    epoch: u64,
    is_down: bool,
}

impl FakeStore {
    /// A store that purges credentials from `vault`.
    pub fn with_vault(vault: Arc<FakeVault>) -> Self {
        Self { vault, ..Self::default() }
    }

    /// The vault that it purges.
    pub fn vault(&self) -> Arc<FakeVault> {
        Arc::clone(&self.vault)
    }

    /// While `true`, every call answers [`StoreError::Unavailable`], as of a store whose disk is full.
    pub fn set_down(&self, is_down: bool) {
        self.lock().is_down = is_down;
    }

    /// What a restart of the process does: no lane is leased any more, everything else is as it was.
    pub fn restart(&self) {
        self.lock().leases.clear();
    }

    /// Every job that waits, lane by lane, in order.
    pub fn waiting(&self) -> Vec<(Lane, Job)> {
        self.lock().rows.waiting()
    }

    /// The jobs given up, oldest first.
    pub fn dead(&self) -> Vec<DeadLetter> {
        self.lock().rows.dead_letters()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.lock();
        if state.is_down { Err(StoreError::Unavailable("the store is down".into())) } else { Ok(state) }
    }

    /// What `decision` purges from the vault, once it is committed.
    fn purge(&self, decision: &Decision) {
        for change in &decision.changes {
            match change {
                RowChange::PurgeAccount(account) => self.vault.purge(&Owner::Zoom(account.clone())),
                RowChange::LetAccountGo { account, grants } => {
                    self.vault.purge_but(&Owner::Zoom(account.clone()), |key| {
                        grants.iter().any(|grant| *key == CredentialKey::of_person(account, grant))
                    })
                }
                RowChange::RemoveInstallation(installation) => self.vault.purge(&Owner::of_installation(installation)),
                _ => {}
            }
        }
    }
}

#[async_trait]
impl Store for FakeStore {
    async fn commit(&self, keys: &[DeliveryKey], decision: &Decision, now: Timestamp) -> Result<Committed, StoreError> {
        let mut state = self.up()?;
        if keys.iter().any(|key| state.rows.keys.contains_key(key)) {
            return Ok(Committed::Already);
        }
        let mut rows = state.rows.clone();
        rows.apply(decision, now)?;
        let swept_by = (!decision.changes.contains(&RowChange::RememberForEver)).then_some(now);
        rows.keys.extend(keys.iter().map(|key| (*key, swept_by)));
        state.rows = rows;
        self.purge(decision);
        Ok(Committed::Fresh)
    }

    async fn lease(&self, limit: usize, now: Timestamp, until: Timestamp) -> Result<Leased, StoreError> {
        Ok(self.up()?.lease(limit, now, until))
    }

    async fn renew(&self, lease: &LaneLease, until: Timestamp) -> Result<(), StoreError> {
        self.up()?.held(lease)?.until = until;
        Ok(())
    }

    async fn settle(
        &self,
        lease: &LaneLease,
        job: &JobId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.up()?;
        state.held(lease)?;
        let mut rows = state.rows.clone();
        rows.settle(&lease.lane, job, outcome, now)?;
        state.rows = rows;
        if let Outcome::Done(then) | Outcome::Dead { then, .. } | Outcome::Suppressed { then, .. } = outcome {
            self.purge(then);
        }
        Ok(())
    }

    async fn release(&self, lease: LaneLease) -> Result<(), StoreError> {
        let mut state = self.up()?;
        if state.held(&lease).is_ok() {
            state.leases.remove(&lease.lane);
        }
        Ok(())
    }
}
