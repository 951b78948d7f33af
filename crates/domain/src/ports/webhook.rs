//! Deliveries: proven, then read.

use async_trait::async_trait;
use thiserror::Error;

use super::{BoxError, DeliveryKey};
use crate::{Event, Hook, Timestamp};

/// One vendor's dialect of webhooks.
pub trait Webhook: Send + Sync {
    /// Verifies the raw bytes, then reads them. Never looks into an unverified body.
    ///
    /// # Errors
    /// [`Rejected`] where the signature does not prove the sender: nothing else is told.
    fn receive(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Received, Rejected>;
}

/// One signed webhook request, as it came.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// Its headers.
    pub headers: &'a dyn Headers,
    /// Its raw body.
    pub body: &'a [u8],
}

/// Looks headers up without copying them.
pub trait Headers: Send + Sync {
    /// The header of this lower-case name.
    fn get(&self, name: &str) -> Header<'_>;
}

/// What a look-up of a header found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header<'a> {
    /// It is not there.
    Missing,
    /// It is there once.
    One(&'a [u8]),
    /// It is there more than once, so that two readers could disagree.
    Doubled,
}

impl<'a> Header<'a> {
    /// The value, if it is there exactly once.
    pub fn one(self) -> Option<&'a [u8]> {
        match self {
            Self::One(value) => Some(value),
            Self::Missing | Self::Doubled => None,
        }
    }
}

/// The signature does not prove the sender. Why is for the log and the counter, never for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Rejected(pub &'static str);

/// What a verified delivery holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A fact, and what makes a repeat of it recognisable.
    Event {
        /// Any of these known: it is a repeat.
        keys: Vec<DeliveryKey>,
        /// The fact.
        event: Box<Event>,
    },
    /// The platform checks that we hold the secret: answer with this JSON at once.
    Challenge(String),
    /// Authentic, and knowingly ignored.
    Ignored(&'static str),
    /// Authentic, but it cannot be read.
    Unreadable(String),
}

/// The deliveries of hooks, each to an address of its own and signed with a secret of its own.
#[async_trait]
pub trait HookWebhook: Send + Sync {
    /// Verifies the raw bytes with the hook's own secret, then reads them. Never looks into an unverified body.
    ///
    /// # Errors
    /// [`HookError::Rejected`] where the signature does not prove the sender, [`HookError::Unavailable`] where the secret
    /// cannot be had now.
    async fn receive(&self, hook: &Hook, delivery: &Delivery<'_>) -> Result<Received, HookError>;
}

/// Why a hook's delivery was not read.
#[derive(Debug, Error)]
pub enum HookError {
    /// It does not come from this hook.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// Nobody can say now whether it does.
    #[error("the secret of a hook cannot be had now")]
    Unavailable(#[source] BoxError),
}
