//! The grants by which directories are read: one an account, sealed in the vault, refreshed before it ends, and by one caller
//! at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex as AsyncMutex;
use zentry_domain::ports::{CredentialKey, VaultError};
use zentry_domain::{AccountId, Clock, Owner, Revision, Secret, Timestamp, Vault};

use crate::answer::{Failure, Kind};
use crate::oauth::{NoGrant, Oauth};
use crate::token::header_value;

/// A grant with less life than this is refreshed before it is used.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// How often a grant is put in the place of one that changes meanwhile.
const TRIES: usize = 4;

/// One grant as it lies in the vault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// What calls carry.
    #[serde(with = "exposed")]
    pub(crate) access: Secret,
    /// What a new pair is given for, once.
    #[serde(with = "exposed")]
    pub(crate) refresh: Secret,
    /// When `access` ends.
    pub(crate) expires: Timestamp,
    /// Who gave it.
    #[serde(default)]
    pub(crate) user: String,
}

impl Grant {
    fn bearer(&self) -> Result<HeaderValue, Failure> {
        header_value("Bearer", self.access.expose())
            .ok_or_else(|| Failure::new(Kind::Unavailable, "Zoom's token cannot be sent in a header"))
    }

    fn sealable(&self) -> Result<Secret, Failure> {
        let text = serde_json::to_string(self);
        text.map(Secret::new).map_err(|_| Failure::new(Kind::Unavailable, "a grant cannot be written as JSON"))
    }
}

/// Why there is no token to call with.
#[derive(Debug)]
pub(crate) enum NoToken {
    /// There is no grant any more, or none was ever given.
    Ended,
    Failed(Failure),
}

impl From<Failure> for NoToken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<VaultError> for NoToken {
    fn from(error: VaultError) -> Self {
        Self::Failed(Failure::new(Kind::Unavailable, format!("the vault: {error}")))
    }
}

/// Everybody's grants.
pub(crate) struct Grants {
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
    oauth: Arc<Oauth>,
    // A refresh ends the refresh token before it: of two at once, one would be left with a dead pair.
    turns: Mutex<HashMap<AccountId, Weak<AsyncMutex<()>>>>,
}

impl Grants {
    pub(crate) fn new(vault: Arc<dyn Vault>, clock: Arc<dyn Clock>, oauth: Arc<Oauth>) -> Self {
        Self { vault, clock, oauth, turns: Mutex::default() }
    }

    /// The value of the `Authorization` header of calls for this account, other than `refused`.
    pub(crate) async fn bearer(
        &self,
        account: &AccountId,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, NoToken> {
        let turn = self.turn(account);
        let _turn = turn.lock().await;
        let (grant, seen) = self.load(account).await?.ok_or(NoToken::Ended)?;
        let bearer = grant.bearer()?;
        let now = self.clock.now();
        if Some(&bearer) != refused && grant.expires.since(now) > MARGIN {
            return Ok(bearer);
        }
        match self.oauth.refresh(&grant.refresh, now).await {
            Ok(fresh) => self.replace(account, Grant { user: grant.user, ..fresh }, seen).await,
            Err(NoGrant::Refused) => self.ended(account, &grant).await,
            // It is still good for a few minutes, which Zoom may need to recover.
            Err(NoGrant::Failed(_)) if Some(&bearer) != refused && grant.expires > now => Ok(bearer),
            Err(NoGrant::Failed(failure)) => Err(failure.into()),
        }
    }

    /// Keeps a grant in the place of an earlier one, unless `stays` says that the earlier one does.
    pub(crate) async fn keep(
        &self,
        account: &AccountId,
        grant: &Grant,
        stays: impl Fn(&Grant) -> bool,
    ) -> Result<bool, NoToken> {
        let turn = self.turn(account);
        let _turn = turn.lock().await;
        for _ in 0..TRIES {
            let there = self.vault.load(&key(account)).await?;
            // What cannot be read is of use to nobody.
            let earlier = there.as_ref().and_then(|(sealed, _)| read(sealed).ok());
            if earlier.is_some_and(|earlier| stays(&earlier)) {
                return Ok(false);
            }
            let seen = there.map(|(_, revision)| revision);
            match self.vault.save(&key(account), &grant.sealable()?, seen).await {
                Ok(_) => return Ok(true),
                Err(VaultError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(VaultError::Conflict.into())
    }

    /// Saves a new pair before anybody uses it.
    async fn replace(&self, account: &AccountId, fresh: Grant, seen: Revision) -> Result<HeaderValue, NoToken> {
        match self.vault.save(&key(account), &fresh.sealable()?, Some(seen)).await {
            Ok(_) => Ok(fresh.bearer()?),
            // Another process was faster, the grant was given anew, or its account has left: what lies there is what counts.
            Err(VaultError::Conflict) => {
                let (theirs, _) = self.load(account).await?.ok_or(NoToken::Ended)?;
                Ok(theirs.bearer()?)
            }
            Err(error) => {
                tracing::warn!(%account, "a refreshed grant of Zoom could not be saved and is lost; open /zoom/install again");
                Err(error.into())
            }
        }
    }

    /// Zoom has refused the refresh token for good. Where somebody else has put another grant there meanwhile, it was they
    /// who used it up.
    async fn ended(&self, account: &AccountId, refused: &Grant) -> Result<HeaderValue, NoToken> {
        match self.load(account).await? {
            Some((theirs, _)) if theirs.refresh.expose() != refused.refresh.expose() => Ok(theirs.bearer()?),
            Some(_) => {
                self.vault.delete(&key(account)).await?;
                Err(NoToken::Ended)
            }
            None => Err(NoToken::Ended),
        }
    }

    async fn load(&self, account: &AccountId) -> Result<Option<(Grant, Revision)>, NoToken> {
        let Some((sealed, revision)) = self.vault.load(&key(account)).await? else { return Ok(None) };
        Ok(Some((read(&sealed)?, revision)))
    }

    fn turn(&self, account: &AccountId) -> Arc<AsyncMutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let waiting = turns.get(account).and_then(Weak::upgrade);
        waiting.unwrap_or_else(|| {
            let turn = Arc::new(AsyncMutex::new(()));
            turns.insert(account.clone(), Arc::downgrade(&turn));
            turn
        })
    }
}

/// Where an account's grant lies: it goes with everything else of the account.
pub(crate) fn key(account: &AccountId) -> CredentialKey {
    CredentialKey { owner: Owner::Zoom(account.clone()), name: "directory".into() }
}

fn read(sealed: &Secret) -> Result<Grant, Failure> {
    // The cause would quote what it could not read.
    serde_json::from_str(sealed.expose())
        .map_err(|_| Failure::new(Kind::Unavailable, "a sealed grant of Zoom cannot be read"))
}

/// Grants are JSON only on their way into the vault and out of it.
mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};
    use zentry_domain::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}
