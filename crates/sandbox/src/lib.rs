//! A strict simulated Zoom and a strict simulated Sentry, spoken to over HTTP on loopback and over nothing else.
//!
//! It is a second reading of the two protocols, written without the bot's adapters and never importing them: where the
//! readings differ, a test fails aloud. What the real services would refuse is refused here, with their status and body;
//! what they leave open (three forms of a bot chat's JID, two answers to an edit, …) can be chosen ([`zoom::Manners`]).
//!
//! *Simulated at Zoom*: the token endpoint, sending, editing and deleting messages with every check of cards that is
//! documented, showing more of addresses that are posted, signed webhooks with their three redeliveries, URL validation,
//! installing and removing the app, people's grants, and as much of the directory as is read with them. *At
//! Sentry*: the consent pages, OAuth tokens with rotation, the REST calls about organizations, projects, people,
//! teams, issues, installations, service hooks and metric alert rules, and signed webhooks. *Between them*: a small
//! [`browser`]. *On top of them*: a [`Page`] on which a person plays both. *Not simulated*: TLS, the redeliveries of Sentry's service hooks, regions, device flow and rate limiter (a
//! [`Fault`] stands in for the last). Every token and id is the same in every run and guards nothing.
//!
//! Schedules and lifetimes follow a [`Clock`] that may run fast or be pushed; the time a receiver has for an answer is
//! always real. Everything that goes over the wire is in the [`Wire`]'s log.

pub mod browser;
mod client;
mod clock;
mod deliver;
mod fault;
mod http;
mod ids;
mod page;
mod play;
pub mod sentry;
mod sync;
#[cfg(test)]
mod testing;
mod wire;
pub mod zoom;

use std::io;

use url::Url;

use self::{browser::Browser, sentry::Sentry, zoom::Zoom};
pub use self::{
    client::NoAnswer,
    clock::Clock,
    deliver::{Delivery, Signing},
    fault::{Fault, Faults},
    page::{BotAt, Page},
    play::Cast,
    wire::{Direction, Entry, NotOnTheWire, Service, Wire},
};

/// Both services, a browser, and what they share. Clones share everything.
#[derive(Clone)]
pub struct Sandbox {
    /// The time of all of them.
    pub clock: Clock,
    /// The log of all of them.
    pub wire: Wire,
    /// The simulated Zoom.
    pub zoom: Zoom,
    /// The simulated Sentry.
    pub sentry: Sentry,
    /// A browser without cookies.
    pub browser: Browser,
}

impl Sandbox {
    /// Starts both services on free ports of 127.0.0.1. Needs a tokio runtime with time and I/O.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn start(clock: Clock, zoom: zoom::World, sentry: sentry::World) -> io::Result<Self> {
        let wire = Wire::new();
        Ok(Self {
            zoom: Zoom::start(zoom, &clock, &wire).await?,
            sentry: Sentry::start(sentry, &clock, &wire).await?,
            browser: Browser::new(&clock, &wire),
            clock,
            wire,
        })
    }

    /// Tells both services where the bot is: `public_url` is its public listener's address, with the path that all of its
    /// links keep, if any.
    ///
    /// # Errors
    /// Where no address can be made of it.
    pub fn point_at(&self, public_url: &str) -> Result<(), url::ParseError> {
        let base = public_url.trim_end_matches('/');
        self.zoom.set_endpoint(Url::parse(&format!("{base}/zoom/events"))?);
        self.zoom.allow_redirect(&format!("{base}/zoom/callback"));
        self.sentry.set_webhook(Url::parse(&format!("{base}/sentry/webhook"))?);
        self.sentry.allow_redirect(&format!("{base}/sentry/callback"));
        self.sentry.redirect_installs(&format!("{base}/sentry/setup"));
        Ok(())
    }
}
