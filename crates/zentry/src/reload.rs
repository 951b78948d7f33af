//! SIGHUP: the certificate and every secret are read again, so that they can be rotated without a restart. What is missing,
//! malformed or of no use leaves everything as it was.

use std::iter;
use std::sync::Arc;

use tokio::signal::unix::Signal;
use zentry_domain::{Rotating, Secret};
use zentry_ingress::Tls;
use zentry_sqlite::Sqlite;

use crate::config::{self, Config};
use crate::exit::Failure;
use crate::settings::Settings;

/// What is read again, and who has it.
pub(crate) struct Reload {
    pub(crate) settings: Settings,
    pub(crate) secrets: Secrets,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) store: Arc<Sqlite>,
}

/// The secrets of a configuration, as the adapters share them; the sealing keys are the store's.
pub(crate) struct Secrets {
    single: Vec<(&'static str, Rotating<Secret>)>,
    lists: Vec<(&'static str, Rotating<Vec<Secret>>)>,
}

impl Secrets {
    pub(crate) fn of(config: &Config) -> Self {
        let (zoom, sentry) = (&config.zoom, &config.sentry);
        let client = ("ZENTRY_ZOOM_CLIENT_SECRET", zoom.client_secret.clone());
        let oauth = sentry.oauth.as_ref().map(|(_, secret)| ("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", secret.clone()));
        let token = sentry.internal.as_ref().map(|(_, token)| ("ZENTRY_SENTRY_TOKEN", token.clone()));
        Self {
            single: iter::once(client).chain(oauth).chain(token).collect(),
            lists: vec![
                ("ZENTRY_ZOOM_SECRET_TOKEN", zoom.secret_tokens.clone()),
                ("ZENTRY_SENTRY_CLIENT_SECRET", sentry.client_secrets.clone()),
            ],
        }
    }

    /// Takes the values of `new`, and returns the settings that have changed. Both come from the same settings, so that
    /// the same secrets are in them.
    fn follow(&self, new: &Self) -> Vec<&'static str> {
        let single = self.single.iter().zip(&new.single).filter(|((_, held), (_, new))| held.follow(new));
        let lists = self.lists.iter().zip(&new.lists).filter(|((_, held), (_, new))| held.follow(new));
        single.map(|((setting, _), _)| *setting).chain(lists.map(|((setting, _), _)| *setting)).collect()
    }
}

impl Reload {
    /// Reads everything again at each of `hangups`.
    pub(crate) async fn on(self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            self.certificate();
            match self.secrets().await {
                Ok(changed) if changed.is_empty() => tracing::info!("the secrets were read again and are the same"),
                Ok(changed) => tracing::info!(changed = changed.join(", "), "the secrets were read again and hold"),
                Err(failure) => {
                    tracing::error!(%failure, "every secret stays as it was; mend this, then send SIGHUP again")
                }
            }
        }
    }

    fn certificate(&self) {
        match self.tls.as_ref().map(|tls| tls.reload()) {
            None => tracing::info!("there is no certificate to read again"),
            Some(Ok(())) => tracing::info!("the certificate was read again"),
            Some(Err(error)) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the certificate stays as it was; mend this, then send SIGHUP again"
            ),
        }
    }

    /// Nothing is replaced before everything is proven.
    async fn secrets(&self) -> Result<Vec<&'static str>, Failure> {
        let new = Config::load(&self.settings, &config::environment)?;
        let secrets = Secrets::of(&new);
        let rekeyed = self.store.rekey(new.keys).await.map_err(|error| Failure::world("ZENTRY_KEYS", &error))?;
        let mut changed = self.secrets.follow(&secrets);
        changed.extend(rekeyed.then_some("ZENTRY_KEYS"));
        Ok(changed)
    }
}
