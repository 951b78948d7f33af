//! A vault that watches, and can play another replica.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use zentry_contract::fake::FakeVault;
use zentry_domain::ports::{CredentialKey, VaultError};
use zentry_domain::{Actor, Owner, Revision, Secret, Vault};

/// Remembers every token that it was ever given.
#[derive(Default)]
pub(crate) struct Watched {
    pub(crate) inner: FakeVault,
    first_saves: AtomicUsize,
    loads: AtomicUsize,
    tokens: Mutex<HashSet<String>>,
    known: Mutex<Vec<(CredentialKey, Secret)>>,
    at_save: Mutex<Option<Meddling>>,
    at_load: Mutex<Option<(usize, CredentialKey, Secret)>>,
}

enum Meddling {
    Refuse,
    ReplaceBy(CredentialKey),
}

impl Watched {
    /// Whoever saves next finds that another replica was faster, and has put there what lies under `theirs`.
    pub(crate) fn replace_at_the_next_save(&self, theirs: &Actor) {
        *self.at_save.lock().expect("nobody panicked") = Some(Meddling::ReplaceBy(key(theirs)));
    }

    /// From the `n`th load on, counted from now, what lies under `theirs` lies under `whose` too.
    pub(crate) fn replace_at_load(&self, n: usize, whose: &Actor, theirs: &Actor) {
        let nth = self.loads.load(Ordering::Relaxed) + n;
        *self.at_load.lock().expect("nobody panicked") = Some((nth, key(whose), Secret::new(self.read(theirs))));
    }

    /// What lies there.
    pub(crate) fn read(&self, whose: &Actor) -> String {
        let known = self.known.lock().expect("nobody panicked");
        let found = known.iter().rev().find(|(found, _)| *found == key(whose)).expect("saved");
        found.1.expose().to_owned()
    }

    pub(crate) fn grant(&self, whose: &Actor) -> serde_json::Value {
        serde_json::from_str(&self.read(whose)).expect("a grant")
    }

    pub(crate) fn token(&self, whose: &Actor) -> String {
        self.grant(whose)["access"].as_str().expect("a token").to_owned()
    }

    pub(crate) async fn overwrite(&self, whose: &Actor, json: &str) {
        self.put(&key(whose), Secret::new(json)).await;
    }

    pub(crate) fn refuse_the_next_save(&self) {
        *self.at_save.lock().expect("nobody panicked") = Some(Meddling::Refuse);
    }

    /// How many grants were saved for the first time.
    pub(crate) fn first_saves(&self) -> usize {
        self.first_saves.load(Ordering::Relaxed)
    }

    pub(crate) fn tokens(&self) -> Vec<String> {
        self.tokens.lock().expect("nobody panicked").iter().cloned().collect()
    }

    fn note(&self, key: &CredentialKey, secret: &Secret) {
        // A hook's is no grant.
        if key.name == "hook" {
            return;
        }
        let grant: serde_json::Value = serde_json::from_str(secret.expose()).expect("a grant");
        self.tokens.lock().expect("nobody panicked").insert(grant["access"].as_str().expect("a token").to_owned());
        self.known.lock().expect("nobody panicked").push((key.clone(), secret.clone()));
    }

    async fn put(&self, key: &CredentialKey, secret: Secret) {
        let seen = self.inner.load(key).await.expect("loaded").map(|(_, revision)| revision);
        self.inner.save(key, &secret, seen).await.expect("saved");
        self.note(key, &secret);
    }
}

#[async_trait]
impl Vault for Watched {
    async fn load(&self, key: &CredentialKey) -> Result<Option<(Secret, Revision)>, VaultError> {
        let nth = self.loads.fetch_add(1, Ordering::Relaxed) + 1;
        let due = self.at_load.lock().expect("nobody panicked").take_if(|(at, ..)| *at == nth);
        if let Some((_, key, theirs)) = due {
            self.put(&key, theirs).await;
        }
        self.inner.load(key).await
    }

    async fn save(&self, key: &CredentialKey, secret: &Secret, seen: Option<Revision>) -> Result<Revision, VaultError> {
        self.first_saves.fetch_add(usize::from(seen.is_none()), Ordering::Relaxed);
        let meddling = self.at_save.lock().expect("nobody panicked").take();
        match meddling {
            None => {
                let saved = self.inner.save(key, secret, seen).await?;
                self.note(key, secret);
                Ok(saved)
            }
            Some(Meddling::Refuse) => {
                // The token is known to Sentry all the same.
                self.note(key, secret);
                Err(VaultError::Unavailable("full".into()))
            }
            Some(Meddling::ReplaceBy(theirs)) => {
                let theirs = self.inner.load(&theirs).await?.expect("theirs").0;
                self.put(key, theirs).await;
                Err(VaultError::Conflict)
            }
        }
    }

    async fn delete(&self, key: &CredentialKey) -> Result<(), VaultError> {
        self.inner.delete(key).await
    }
}

fn key(actor: &Actor) -> CredentialKey {
    match actor {
        Actor::Person { account, credential } => {
            CredentialKey { owner: Owner::Zoom(account.clone()), name: format!("person/{credential}") }
        }
        Actor::Installation { installation, .. } => {
            CredentialKey { owner: Owner::of_installation(installation), name: "installation".into() }
        }
        Actor::Integration { .. } => unreachable!("it has no grant"),
    }
}
