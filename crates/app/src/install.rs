//! Installations of our Sentry App: their codes are exchanged for tokens by a job, whoever brings them.

use std::net::IpAddr;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use zentry_domain::ports::{DeliveryKey, StoreError};
use zentry_domain::{Decision, InstallationId, OrgSlug, Queued, RowChange, Secret};

use crate::App;
use crate::perform::{Effect, Setback};

/// A code is good for so long (Sentry, Sentry App: code exchange).
const CODE_LIFE: Duration = Duration::from_secs(600);
const CODE_MAX: usize = 128;
/// The length of a UUID with its hyphens.
const UUID: usize = 36;

impl App {
    /// A browser came back from installing our Sentry App, with what anybody may put into an address. So it only queues the
    /// exchange of the code, which proves itself: Sentry takes it for that very installation of our own app and once, and a
    /// grant that is there already stays. Whose installation it is, Sentry says. The webhook brings the same code; what is
    /// turned away here is not lost.
    ///
    /// # Errors
    /// Where it could not be stored.
    pub async fn set_up(&self, installation: &str, code: &Secret, from: IpAddr) -> Result<(), StoreError> {
        if self.deployment.install_url.is_none() || !is_uuid(installation) || !is_code(code) {
            return Ok(());
        }
        if !self.setups.admit(from, self.now()) {
            tracing::warn!("too many browsers come back from Sentry with a code; this one's is left to the webhook");
            return Ok(());
        }
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, format!("setup|{installation}|{}", code.expose()).as_bytes()).as_ref());
        let install = self.core().install(&InstallationId::new(installation), code);
        self.ports.store.commit(&[DeliveryKey(key)], &Decision::job(install), self.now()).await?;
        self.work.notify_one();
        Ok(())
    }

    /// Exchanges and confirms, where that is still of use.
    pub(crate) async fn install(
        &self,
        queued: &Queued,
        installation: &InstallationId,
        code: &Secret,
    ) -> Result<Effect, Setback> {
        match self.ports.facts.installation(installation).await? {
            Some(org) if !self.deployment.accepts(&org) => return Ok(Effect::Due),
            // Anybody may have brought it, and by now it is worth nothing.
            None if self.now().since(queued.since) >= CODE_LIFE => return Ok(Effect::Due),
            _ => {}
        }
        Ok(Effect::Installed(self.ports.tracker.install(installation, code).await?))
    }

    /// The installation has a token. Where no webhook has told of it, Sentry has now; where one has told of its removal
    /// meanwhile, or where its organization is not accepted here, the token goes again.
    pub(crate) async fn installed(
        &self,
        installation: &InstallationId,
        org: Option<&OrgSlug>,
    ) -> Result<Decision, StoreError> {
        let facts = &self.ports.facts;
        if facts.was_removed(installation).await? || org.is_some_and(|org| !self.deployment.accepts(org)) {
            return Ok(Decision::nothing().and(RowChange::RemoveInstallation(installation.clone())));
        }
        match (facts.installation(installation).await?, org) {
            (None, Some(org)) => self.decide_integration_installed(installation, org, None).await,
            _ => Ok(Decision::nothing()),
        }
    }

    /// A stranger may have made it up; but what Sentry itself has told of stays without a token.
    pub(crate) async fn not_installed(&self, installation: &InstallationId, why: &str) -> Result<Decision, StoreError> {
        match self.ports.facts.installation(installation).await? {
            Some(org) => tracing::warn!(
                %installation, %org, why,
                "an installation could not be exchanged for a token; where Sentry shows it as pending, remove it there and \
                 install it again"
            ),
            None => tracing::info!(%installation, why, "a code from a browser was not exchanged"),
        }
        Ok(Decision::nothing())
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == UUID && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn is_code(code: &Secret) -> bool {
    (1..=CODE_MAX).contains(&code.expose().len()) && code.expose().bytes().all(|b| b.is_ascii_alphanumeric())
}
