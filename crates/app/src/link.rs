//! A browser on its way through linking. The exchange with Sentry in [`App::finish_link`] is the only remote call that
//! is made inside a request: a person is waiting for it.

use std::time::Duration;

use zentry_domain::ports::{Committed, StoreError, TrackerError};
use zentry_domain::{CredentialId, Decision, Identity, Link, Secret, Stage};

use crate::{App, digest_of};

const HOUR: Duration = Duration::from_secs(3_600);

/// What the page of a link's address shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkPage {
    /// The address works: this person would be linked.
    Offer {
        /// The Zoom user's display name.
        person: String,
        /// The Zoom account.
        account: String,
    },
    /// Used or expired.
    Used,
    /// Never existed, or is forgotten.
    Unknown,
}

/// What pressing the page's button leads to.
#[derive(Debug)]
pub enum SentryStart {
    /// On to Sentry, with this cookie.
    Go {
        /// The address at Sentry.
        url: String,
        /// The cookie's value.
        cookie: Secret,
    },
    /// Used or expired.
    Used,
    /// Never existed, or is forgotten.
    Unknown,
}

/// What asking for a new link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Sent to the same person's chat.
    Sent,
    /// Too often within the hour.
    TooOften,
    /// Never existed, or is forgotten.
    Unknown,
}

/// How the browser came back from Sentry.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The `state` that we sent along.
    pub state: Option<Secret>,
    /// The cookie that we set.
    pub cookie: Option<Secret>,
    /// The code to exchange.
    pub code: Option<Secret>,
    /// Sentry's word for why there is none.
    pub error: Option<String>,
}

/// What the page after Sentry shows.
#[derive(Debug)]
pub enum CameBack {
    /// The code to send in the chat, and both identities.
    Code {
        /// Six digits.
        code: Secret,
        /// The Zoom user's display name.
        person: String,
        /// The account at Sentry.
        identity: Identity,
    },
    /// State or cookie missing, wrong, or used already.
    Invalid,
    /// They pressed Deny.
    Cancelled,
    /// Sentry did not answer, or not as it should.
    SentryFailed,
}

impl App {
    /// What the page of this address shows. Consumes nothing: previewers open pages too.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn link_page(&self, token: &Secret) -> Result<LinkPage, StoreError> {
        let link = self.ports.facts.link(&digest_of(token)).await?;
        Ok(match link {
            None => LinkPage::Unknown,
            Some(link) if !link.is_offered(self.now()) => LinkPage::Used,
            Some(Link { person, .. }) => LinkPage::Offer { person: person.name, account: person.account.to_string() },
        })
    }

    /// The page's button was pressed: uses the address up, and says where to go.
    ///
    /// # Errors
    /// Where the store does not take it.
    pub async fn start_link(&self, token: &Secret) -> Result<SentryStart, StoreError> {
        let Some(link) = self.ports.facts.link(&digest_of(token)).await? else { return Ok(SentryStart::Unknown) };
        if !link.is_offered(self.now()) {
            return Ok(SentryStart::Used);
        }
        let (state, cookie) = (self.token(), self.token());
        let decision = self.core().sent_to_sentry(&link, digest_of(&state), digest_of(&cookie));
        match self.commit(&decision).await {
            Ok(_) => Ok(SentryStart::Go { url: self.ports.tracker.authorize_url(&state), cookie }),
            // Two tabs: the other one was first.
            Err(StoreError::Conflict) => Ok(SentryStart::Used),
            Err(error) => Err(error),
        }
    }

    /// Sends a new link to the person of a used or expired one.
    ///
    /// # Errors
    /// Where the store does not take it.
    pub async fn link_again(&self, token: &Secret) -> Result<Again, StoreError> {
        let Some(link) = self.ports.facts.link(&digest_of(token)).await? else { return Ok(Again::Unknown) };
        let open = self.ports.facts.open_link(&link.person.account, &link.person.user).await?;
        let since = self.now() - HOUR;
        let sent = self.ports.facts.links_again(&link.person.account, &link.person.user, since).await?;
        let Some(decision) = self.core().link_again(&link, open.as_ref(), sent, &self.fresh_link()) else {
            return Ok(Again::TooOften);
        };
        match self.commit(&decision).await {
            // Pressed twice at once: the other press has sent it.
            Ok(_) | Err(StoreError::Conflict) => Ok(Again::Sent),
            Err(error) => Err(error),
        }
    }

    /// The browser came back from Sentry: burns the state, exchanges the code, and says what to show.
    ///
    /// # Errors
    /// Where the store does not take it.
    pub async fn finish_link(&self, callback: Callback) -> Result<CameBack, StoreError> {
        let Some(link) = self.link_that_waits(&callback).await? else { return Ok(CameBack::Invalid) };
        let Some(code) = callback.code else { return self.no_code(&link, callback.error.as_deref()).await };
        let Some(state) = callback.state else { return Ok(CameBack::Invalid) };
        let (link, credential, burnt) = self.core().came_back(&link);
        match self.commit(&burnt).await {
            Ok(_) => self.exchange(&link, &credential, &code, &state).await,
            Err(StoreError::Conflict) => Ok(CameBack::Invalid),
            Err(error) => Err(error),
        }
    }

    /// The attempt that this browser began: both what it carries and what it keeps must match.
    async fn link_that_waits(&self, callback: &Callback) -> Result<Option<Link>, StoreError> {
        let (Some(state), Some(kept)) = (&callback.state, &callback.cookie) else { return Ok(None) };
        let link = self.ports.facts.link_at_sentry(&digest_of(state)).await?;
        Ok(link.filter(|link| {
            matches!(link.stage, Stage::AtSentry { cookie, .. } if cookie == digest_of(kept))
                && self.now() < link.expires
        }))
    }

    async fn no_code(&self, link: &Link, error: Option<&str>) -> Result<CameBack, StoreError> {
        if error == Some("access_denied") {
            self.commit_unless_moved(&self.core().sign_in_cancelled(link)).await?;
            return Ok(CameBack::Cancelled);
        }
        let word = zentry_domain::text::line(error.unwrap_or("no code and no error"), 60);
        tracing::warn!(error = word, "Sentry sent a browser back without a code; check the OAuth application's scopes");
        self.commit_unless_moved(&self.core().sign_in_failed(link)).await?;
        Ok(CameBack::SentryFailed)
    }

    /// From here on the attempt's row names the grant, so that whatever ends the attempt also revokes it.
    async fn exchange(
        &self,
        link: &Link,
        credential: &CredentialId,
        code: &Secret,
        state: &Secret,
    ) -> Result<CameBack, StoreError> {
        match self.ports.tracker.link(&link.person.account, credential, code, state).await {
            Ok(identity) => self.await_code(link, identity, credential).await,
            Err(error) => {
                log_exchange(&error);
                match self.commit(&self.core().sign_in_failed(link)).await {
                    // The attempt is over: whatever Sentry made of the code is nobody's.
                    Err(StoreError::Conflict) => {
                        self.commit(&self.core().forget_grant(&link.person, credential)).await?
                    }
                    failed => failed?,
                };
                Ok(CameBack::SentryFailed)
            }
        }
    }

    async fn await_code(
        &self,
        link: &Link,
        identity: Identity,
        credential: &CredentialId,
    ) -> Result<CameBack, StoreError> {
        let code = Secret::new(self.ports.random.six_digits());
        let decision = self.core().signed_in(link, &identity, credential, &code);
        match self.commit(&decision).await {
            Ok(_) => Ok(CameBack::Code { code, person: link.person.name.clone(), identity }),
            // A newer attempt has replaced this one while its grant was made.
            Err(StoreError::Conflict) => {
                self.commit(&self.core().forget_grant(&link.person, credential)).await?;
                Ok(CameBack::Invalid)
            }
            Err(error) => Err(error),
        }
    }

    async fn commit(&self, decision: &Decision) -> Result<Committed, StoreError> {
        let committed = self.ports.store.commit(&[], decision, self.now()).await?;
        self.work.notify_one();
        Ok(committed)
    }

    /// A row that has moved on needs this decision no more.
    async fn commit_unless_moved(&self, decision: &Decision) -> Result<(), StoreError> {
        match self.commit(decision).await {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn log_exchange(error: &TrackerError) {
    match error {
        TrackerError::Refused { why } => {
            tracing::warn!(
                why,
                "Sentry refused the code of a browser; check ZENTRY_SENTRY_OAUTH_CLIENT_ID and its secret"
            );
        }
        other => {
            tracing::warn!(error = other as &dyn std::error::Error, "the code of a browser could not be exchanged")
        }
    }
}
