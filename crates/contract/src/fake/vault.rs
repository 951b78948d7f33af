//! A vault in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use zentry_domain::ports::{CredentialKey, VaultError};
use zentry_domain::{Owner, Revision, Secret, Vault};

/// Keeps credentials for as long as it lives.
#[derive(Debug, Default)]
pub struct FakeVault(Mutex<HashMap<CredentialKey, (Secret, Revision)>>);

impl FakeVault {
    /// Forgets every credential of `owner`, as a store does that purges an account.
    pub fn purge(&self, owner: &Owner) {
        self.lock().retain(|key, _| key.owner != *owner);
    }

    /// The same, but for what stays.
    pub fn purge_but(&self, owner: &Owner, stays: impl Fn(&CredentialKey) -> bool) {
        self.lock().retain(|key, _| key.owner != *owner || stays(key));
    }

    /// What is kept, in no order.
    pub fn keys(&self) -> Vec<CredentialKey> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CredentialKey, (Secret, Revision)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Vault for FakeVault {
    async fn load(&self, key: &CredentialKey) -> Result<Option<(Secret, Revision)>, VaultError> {
        Ok(self.lock().get(key).cloned())
    }

    async fn save(&self, key: &CredentialKey, secret: &Secret, seen: Option<Revision>) -> Result<Revision, VaultError> {
        let mut kept = self.lock();
        if kept.get(key).map(|(_, revision)| *revision) != seen {
            return Err(VaultError::Conflict);
        }
        let revision = seen.unwrap_or_default().next();
        kept.insert(key.clone(), (secret.clone(), revision));
        Ok(revision)
    }

    async fn delete(&self, key: &CredentialKey) -> Result<(), VaultError> {
        self.lock().remove(key);
        Ok(())
    }
}
