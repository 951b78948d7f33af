//! The vault port. A credential is sealed for its owner and name before it reaches the writer.

use std::sync::Arc;

use async_trait::async_trait;
use zentry_domain::ports::{CredentialKey, VaultError};
use zentry_domain::{Revision, Secret, Vault};

use crate::Engine;
use crate::db::Db;
use crate::error::Fault;
use crate::row::{place, revision, stored, unreadable};

/// The credentials of one file.
#[derive(Debug)]
pub struct SqliteVault(pub(crate) Arc<Engine>);

#[async_trait]
impl Vault for SqliteVault {
    async fn load(&self, key: &CredentialKey) -> Result<Option<(Secret, Revision)>, VaultError> {
        let (owner, name) = (key.owner.to_string(), key.name.clone());
        Ok(self.0.readers.read(move |db| db.credential(&owner, &name)).await?)
    }

    async fn save(&self, key: &CredentialKey, secret: &Secret, seen: Option<Revision>) -> Result<Revision, VaultError> {
        let (owner, name) = (key.owner.to_string(), key.name.clone());
        let sealed = self.0.keys.seal(place("credential", &owner, &name), secret.expose().as_bytes());
        Ok(self.0.writer.run(move |db, _| db.save_credential(&owner, &name, &sealed, seen)).await?)
    }

    async fn delete(&self, key: &CredentialKey) -> Result<(), VaultError> {
        let key = (key.owner.to_string(), key.name.clone());
        let sql = "DELETE FROM credential WHERE owner = ?1 AND name = ?2";
        Ok(self.0.writer.run(move |db, _| db.change(sql, key).map(drop)).await?)
    }
}

impl Db {
    fn credential(&self, owner: &str, name: &str) -> Result<Option<(Secret, Revision)>, Fault> {
        let sql = "SELECT sealed, revision FROM credential WHERE owner = ?1 AND name = ?2";
        self.first(sql, (owner, name), |row| {
            let sealed: Vec<u8> = row.get(0)?;
            let place = place("credential", owner, name);
            let opened = self.keys.open(place, &sealed).map_err(|source| unreadable(place, source))?;
            let secret = std::str::from_utf8(&opened).map_err(|source| unreadable(place, source))?;
            Ok((Secret::new(secret), revision(row.get(1)?)))
        })
    }

    fn save_credential(
        &self,
        owner: &str,
        name: &str,
        sealed: &[u8],
        seen: Option<Revision>,
    ) -> Result<Revision, Fault> {
        let next = seen.unwrap_or_default().next();
        let saved = match seen {
            None => self.change(
                "INSERT INTO credential (owner, name, revision, sealed) VALUES (?1, ?2, ?3, ?4)",
                (owner, name, stored(next.0), sealed),
            )?,
            Some(_) => self.change(
                "UPDATE credential SET revision = ?3, sealed = ?4 WHERE owner = ?1 AND name = ?2 AND revision = ?3 - 1",
                (owner, name, stored(next.0), sealed),
            )?,
        };
        if saved == 1 { Ok(next) } else { Err(Fault::Conflict) }
    }
}
