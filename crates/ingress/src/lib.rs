//! HTTP in: limits, routes, pages, answers. Knows no vendor: a webhook is a [`Door`] with somebody else's
//! [`Webhook`] behind it.
//!
//! * [`serve_public`] is the listener that Zoom, Sentry and browsers reach: webhook deliveries are read whole under a
//!   cap, verified, decided, committed, and only then answered; pages carry a person through linking.
//! * [`serve_ops`] is the listener of health and metrics, which is never public.
//! * [`Tls`] terminates TLS in process where no proxy does.
//!
//! Both listeners speak HTTP/1.1 only, hold every [`Limits`] value, and end when they are told to.

mod answer;
mod install;
mod limit;
mod link;
mod ops;
mod origin;
mod pages;
mod route;
mod serve;
mod tls;
mod webhook;

use std::sync::Arc;

use ipnet::IpNet;
use tokio::sync::Semaphore;
use url::Url;
use zentry_app::App;
use zentry_domain::{Clock, HookWebhook, Random, Webhook};

use crate::answer::Frame;
pub use crate::limit::Limits;
pub use crate::ops::{Ops, serve_ops};
pub use crate::route::places;
pub use crate::serve::serve_public;
pub use crate::tls::{Tls, TlsError};

/// What the public pages say and where they lead.
#[derive(Clone, Debug)]
pub struct Site {
    /// How browsers reach the public listener. A path in it is kept in every link; requests are answered with and
    /// without it, because some proxies strip it.
    pub public_url: Url,
    /// Where the link page's form may end up: Sentry's origins, as sources of a Content-Security-Policy.
    pub sentry_origins: Vec<String>,
    /// Where "Open the chat in Zoom" leads.
    pub chat_url: String,
    /// Where an administrator installs the app in Zoom, without `state`.
    pub zoom_authorize_url: Url,
    /// The slash command's name without the slash.
    pub command: String,
}

/// Where a vendor's deliveries come in.
#[derive(Clone)]
pub struct Door {
    /// What the metrics call it.
    pub source: &'static str,
    /// The path, with a slash before it and none behind it.
    pub path: &'static str,
    /// The largest body, in bytes; a larger one is answered 413.
    pub cap: usize,
    /// Verifies and reads what comes.
    pub webhook: Arc<dyn Webhook>,
}

/// Where the deliveries of hooks come in, each at an address of its own.
#[derive(Clone)]
pub struct HookDoor {
    /// What the metrics call them.
    pub source: &'static str,
    /// What comes before the token in the path, with a slash at either end.
    pub path: &'static str,
    /// The largest body, in bytes; a larger one is answered 413.
    pub cap: usize,
    /// Verifies and reads what comes.
    pub webhook: Arc<dyn HookWebhook>,
}

/// The public listener's answers: everything that a request needs but the request.
pub struct Public {
    app: Arc<App>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    site: Site,
    doors: Vec<Door>,
    hooks: Option<HookDoor>,
    frame: Frame,
    limits: Limits,
    /// Whose word is taken for whom they ask.
    proxies: Vec<IpNet>,
    /// A permit for each byte of a body that may still be held.
    room: Semaphore,
}

impl Public {
    /// Answers for `app`, under the limits of production.
    pub fn new(app: Arc<App>, clock: Arc<dyn Clock>, random: Arc<dyn Random>, site: Site, doors: Vec<Door>) -> Self {
        let limits = Limits::default();
        let (frame, room) = (Frame::new(&site), Semaphore::new(limits.body_bytes));
        Self { app, clock, random, site, doors, hooks: None, frame, limits, proxies: Vec::new(), room }
    }

    /// Takes in what hooks send, too.
    #[must_use]
    pub fn with_hooks(self, hooks: HookDoor) -> Self {
        Self { hooks: Some(hooks), ..self }
    }

    /// Behind proxies of these networks.
    #[must_use]
    pub fn behind(self, proxies: Vec<IpNet>) -> Self {
        Self { proxies, ..self }
    }

    /// Under other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, room: Semaphore::new(limits.body_bytes), ..self }
    }
}
