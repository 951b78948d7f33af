//! Grants of people and of installations: kept in the vault, refreshed before they end, and by one caller at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex as AsyncMutex;
use zentry_domain::ports::{CredentialKey, VaultError};
use zentry_domain::{AccountId, Clock, CredentialId, InstallationId, Owner, Revision, Secret, Timestamp, Vault};

use crate::answer::Failure;
use crate::installation::Installations;
use crate::oauth::{NoGrant, Oauth};

/// A grant with less life than this is refreshed before it is used.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// One grant as it lies in the vault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// What calls carry.
    #[serde(with = "exposed")]
    pub(crate) access: Secret,
    /// What a new pair is given for, once.
    #[serde(default, with = "maybe_exposed")]
    pub(crate) refresh: Option<Secret>,
    /// When `access` ends, where Sentry said.
    #[serde(default)]
    pub(crate) expires: Option<Timestamp>,
}

impl Grant {
    /// Whether it is worth a refresh now, and can have one.
    fn nears_its_end(&self, now: Timestamp) -> bool {
        self.refresh.is_some() && self.expires.is_some_and(|at| at.since(now) <= MARGIN)
    }

    fn has_ended(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    fn sealable(&self) -> Result<Secret, Failure> {
        let text = serde_json::to_string(self).map_err(|error| Failure::Unavailable(error.into()))?;
        Ok(Secret::new(text))
    }
}

/// Where the grant of one credential lies.
pub(crate) fn key(account: &AccountId, credential: &CredentialId) -> CredentialKey {
    CredentialKey::of_person(account, credential)
}

/// Where the grant of one installation lies.
pub(crate) fn key_of(installation: &InstallationId) -> CredentialKey {
    CredentialKey { owner: Owner::of_installation(installation), name: "installation".into() }
}

/// Who gives grants, and new ones for old.
#[derive(Default)]
pub(crate) struct Issuers {
    /// To people.
    pub(crate) oauth: Option<Arc<Oauth>>,
    /// To installations.
    pub(crate) app: Option<Installations>,
}

/// The grants of people and of installations.
pub(crate) struct Grants {
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
    issuers: Issuers,
    // A refresh ends the tokens before it: of two at once, one would be left with a dead pair.
    turns: Mutex<HashMap<CredentialKey, Weak<AsyncMutex<()>>>>,
}

impl Grants {
    pub(crate) fn new(vault: Arc<dyn Vault>, clock: Arc<dyn Clock>, issuers: Issuers) -> Self {
        Self { vault, clock, issuers, turns: Mutex::default() }
    }

    /// A token to call with, refreshed if it nears its end.
    pub(crate) async fn access(&self, key: &CredentialKey) -> Result<Secret, Failure> {
        let (grant, _) = self.load(key).await?.ok_or(Failure::Unauthorized)?;
        let now = self.clock.now();
        if !grant.nears_its_end(now) {
            return Ok(grant.access);
        }
        match self.renew(key, &grant.access).await {
            // It is still good for a few minutes, which Sentry may need to recover.
            Err(Failure::Unavailable(_) | Failure::Throttled(_)) if !grant.has_ended(now) => Ok(grant.access),
            renewed => renewed,
        }
    }

    /// A token instead of `stale`, which Sentry has refused or which nears its end.
    pub(crate) async fn renew(&self, key: &CredentialKey, stale: &Secret) -> Result<Secret, Failure> {
        let turn = self.turn(key);
        let _turn = turn.lock().await;
        let (grant, seen) = self.load(key).await?.ok_or(Failure::Unauthorized)?;
        if is_other(&grant, stale) {
            return Ok(grant.access);
        }
        match self.fresh(key, &grant).await {
            Ok(fresh) => self.replace(key, fresh, seen).await,
            Err(NoGrant::Refused) => match self.theirs(key, stale).await {
                Err(Failure::Unauthorized) => self.recover(key, seen).await,
                theirs => theirs,
            },
            Err(NoGrant::Failed(Failure::NotFound)) => self.ended(key).await,
            Err(NoGrant::Failed(failure)) => Err(failure),
        }
    }

    /// Keeps the grant of an installation, for its code, where none is kept.
    pub(crate) async fn begin(&self, installation: &InstallationId, code: &Secret) -> Result<(), NoGrant> {
        let Some(app) = &self.issuers.app else {
            return Err(Failure::Closed("no Sentry App is configured here".into()).into());
        };
        let key = key_of(installation);
        let turn = self.turn(&key);
        let _turn = turn.lock().await;
        if self.load(&key).await?.is_some() {
            return Ok(());
        }
        let now = self.clock.now();
        let grant = match app.exchange(installation.as_str(), code, now).await {
            // Perhaps it was exchanged before, and the answer was lost on its way to us.
            Err(NoGrant::Refused) => app.recover(installation.as_str(), now).await?,
            given => given?,
        };
        Ok(self.keep(&key, &grant).await?)
    }

    /// Keeps a new grant.
    pub(crate) async fn keep(&self, key: &CredentialKey, grant: &Grant) -> Result<(), Failure> {
        self.vault.save(key, &grant.sealable()?, None).await?;
        Ok(())
    }

    /// Revokes a grant, then deletes it; keeps it where it cannot be revoked now. Waits for a refresh under way, or the
    /// pair that this brings would stay alive at Sentry.
    pub(crate) async fn forget(&self, key: &CredentialKey, deadline: Duration) -> Result<(), Failure> {
        let turn = self.turn(key);
        let _turn = turn.lock().await;
        let sealed = self.vault.load(key).await?;
        // What cannot be read can be deleted all the same.
        if let Some(grant) = sealed.and_then(|(sealed, _)| serde_json::from_str(sealed.expose()).ok()) {
            self.revoke(&grant, deadline).await?;
        }
        self.abandon(key).await
    }

    /// Deletes a grant without a word to Sentry.
    pub(crate) async fn abandon(&self, key: &CredentialKey) -> Result<(), Failure> {
        Ok(self.vault.delete(key).await?)
    }

    /// Ends a grant at Sentry. What Sentry refuses for good counts as ended: asking again would change nothing.
    pub(crate) async fn revoke(&self, grant: &Grant, deadline: Duration) -> Result<(), Failure> {
        let Some(oauth) = &self.issuers.oauth else { return Ok(()) };
        match oauth.revoke(grant, self.clock.now(), deadline).await {
            Err(failure @ (Failure::Unavailable(_) | Failure::Throttled(_))) => Err(failure),
            // Sentry was not even asked, and the operator can open the way.
            Err(Failure::Closed(why)) => Err(Failure::unavailable(why)),
            Err(failure) => {
                tracing::info!(
                    error = &failure as &dyn std::error::Error,
                    "Sentry does not revoke a grant; its person can end it there under Authorized Applications"
                );
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// A new pair for an old one, from whoever gave that.
    async fn fresh(&self, key: &CredentialKey, grant: &Grant) -> Result<Grant, NoGrant> {
        let (refresh, now) = (grant.refresh.as_ref().ok_or(NoGrant::Refused)?, self.clock.now());
        match (&key.owner, &self.issuers) {
            (Owner::Zoom(_), Issuers { oauth: Some(oauth), .. }) => oauth.refresh(refresh, now).await,
            (Owner::Sentry(installation), Issuers { app: Some(app), .. }) => {
                app.refresh(installation, refresh, now).await
            }
            _ => Err(Failure::Unauthorized.into()),
        }
    }

    /// The refresh token is not accepted: people link anew, an installation may be given new tokens for our signature.
    async fn recover(&self, key: &CredentialKey, seen: Revision) -> Result<Secret, Failure> {
        let (Owner::Sentry(installation), Some(app)) = (&key.owner, &self.issuers.app) else {
            return Err(Failure::Unauthorized);
        };
        match app.recover(installation, self.clock.now()).await {
            Ok(fresh) => self.replace(key, fresh, seen).await,
            Err(NoGrant::Refused | NoGrant::Failed(Failure::NotFound)) => self.ended(key).await,
            Err(NoGrant::Failed(failure)) => Err(failure),
        }
    }

    /// Sentry knows neither the tokens of an installation nor perhaps the installation itself: nothing is asked with them
    /// again.
    async fn ended(&self, key: &CredentialKey) -> Result<Secret, Failure> {
        self.abandon(key).await?;
        tracing::warn!(
            owner = %key.owner,
            "Sentry gives no more tokens for an installation, and its token was deleted: its organization is read with \
             people's grants only. Where it is still installed there, remove it and install it again"
        );
        Err(Failure::Unauthorized)
    }

    /// Saves a new pair before anybody uses it.
    async fn replace(&self, key: &CredentialKey, fresh: Grant, seen: Revision) -> Result<Secret, Failure> {
        match self.vault.save(key, &fresh.sealable()?, Some(seen)).await {
            Ok(_) => Ok(fresh.access),
            // Another replica was faster, the person has linked anew, or the installation was removed: what lies there is
            // what counts.
            Err(VaultError::Conflict) => {
                let (theirs, _) = self.load(key).await?.ok_or(Failure::Unauthorized)?;
                Ok(theirs.access)
            }
            Err(error) => {
                tracing::warn!(
                    "a refreshed grant could not be saved and is lost; its person must link, its organization install anew"
                );
                Err(error.into())
            }
        }
    }

    /// The token that somebody else has put in place of `stale`, if somebody has: then it was they who used up the
    /// refresh token that we were refused with.
    async fn theirs(&self, key: &CredentialKey, stale: &Secret) -> Result<Secret, Failure> {
        let now_there = self.load(key).await?.map(|(grant, _)| grant);
        now_there.filter(|grant| is_other(grant, stale)).map(|grant| grant.access).ok_or(Failure::Unauthorized)
    }

    async fn load(&self, key: &CredentialKey) -> Result<Option<(Grant, Revision)>, Failure> {
        let Some((sealed, revision)) = self.vault.load(key).await? else { return Ok(None) };
        // The cause would quote what it could not read.
        let unreadable =
            |_| Failure::unavailable(format!("the credential {} of {} cannot be read", key.name, key.owner));
        Ok(Some((serde_json::from_str(sealed.expose()).map_err(unreadable)?, revision)))
    }

    fn turn(&self, key: &CredentialKey) -> Arc<AsyncMutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let waiting = turns.get(key).and_then(Weak::upgrade);
        waiting.unwrap_or_else(|| {
            let turn = Arc::new(AsyncMutex::new(()));
            turns.insert(key.clone(), Arc::downgrade(&turn));
            turn
        })
    }
}

fn is_other(grant: &Grant, stale: &Secret) -> bool {
    grant.access.expose() != stale.expose()
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

mod maybe_exposed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use zentry_domain::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

#[cfg(test)]
mod tests {
    use zentry_contract::fake::{FakeClock, FakeVault};
    use zentry_contract::sample::START;

    use super::*;

    fn grant(minutes: Option<u64>, refresh: Option<&str>) -> Grant {
        Grant {
            access: Secret::new("access"),
            refresh: refresh.map(Secret::new),
            expires: minutes.map(|minutes| START + Duration::from_secs(60 * minutes)),
        }
    }

    #[test]
    fn a_grant_survives_the_vault() {
        let sealed = grant(Some(9), Some("refresh")).sealable().unwrap();
        let back: Grant = serde_json::from_str(sealed.expose()).unwrap();
        assert_eq!(back.access.expose(), "access");
        assert_eq!(back.refresh.unwrap().expose(), "refresh");
        assert_eq!(back.expires, Some(START + Duration::from_secs(540)));
        assert!(serde_json::from_str::<Grant>(r#"{"access":"a"}"#).is_ok());
    }

    #[test]
    fn a_grant_is_refreshed_five_minutes_before_its_end() {
        assert!(grant(Some(5), Some("refresh")).nears_its_end(START));
        assert!(!grant(Some(6), Some("refresh")).nears_its_end(START));
        assert!(!grant(Some(5), None).nears_its_end(START), "there is nothing to refresh it with");
        assert!(!grant(None, Some("refresh")).nears_its_end(START), "it has no end");
    }

    #[tokio::test]
    async fn without_an_oauth_application_a_refused_grant_is_unauthorized() {
        let vault = Arc::new(FakeVault::default());
        let grants =
            Grants::new(Arc::clone(&vault) as Arc<dyn Vault>, Arc::new(FakeClock::at(START)), Issuers::default());
        let key = key(&AccountId::new("acc"), &CredentialId::new("c"));
        assert!(matches!(grants.access(&key).await, Err(Failure::Unauthorized)));
        grants.keep(&key, &grant(None, Some("refresh"))).await.unwrap();
        let token = grants.access(&key).await.unwrap();
        assert!(matches!(grants.renew(&key, &token).await, Err(Failure::Unauthorized)));
    }

    #[tokio::test]
    async fn what_lies_in_the_vault_is_not_quoted_where_it_cannot_be_read() {
        let vault = Arc::new(FakeVault::default());
        let key = key(&AccountId::new("acc"), &CredentialId::new("c"));
        vault.save(&key, &Secret::new("\"hunter2\""), None).await.unwrap();
        let grants = Grants::new(vault, Arc::new(FakeClock::at(START)), Issuers::default());
        let Err(Failure::Unavailable(cause)) = grants.access(&key).await else { panic!("unavailable") };
        assert!(!cause.to_string().contains("hunter2"), "{cause}");
    }
}
