//! A strict simulated Sentry: OAuth with consent pages, the REST API, and signed webhooks to the bot.
//!
//! [`Sentry::start`] serves everything at one address, [`Sentry::base`]. What happens at Sentry is in the methods
//! named for it ([`Sentry::raise`], [`Sentry::resolve`], [`Sentry::install`], …); what the bot did there is read with
//! [`Sentry::calls`] and [`Sentry::issue`].

mod apps;
mod control;
mod hooks;
mod installation;
mod issue;
mod issues;
mod metric;
mod oauth;
mod organizations;
mod page;
mod refusal;
mod rest;
mod shown;
mod state;
#[cfg(test)]
mod tests;
mod token;
mod update;
mod webhook;
mod world;

use std::{io, sync::Arc, time::Duration};

use url::Url;

pub use self::{
    control::{Installed, NotCalled, Raised},
    hooks::ServiceHook,
    issue::NewIssue,
    metric::NewMetricRule,
    shown::{Comment, Shown},
    state::{Call, Caller},
    webhook::Actor,
    world::{Integration, OAuthApp, Organization, Project, Role, SentryApp, Team, User, World},
};
use self::{rest::Rest, state::State};
use crate::{
    clock::{Clock, Stopwatch},
    deliver::{Parcel, Post},
    fault::Faults,
    http::{Answer, Bound, Reply, Request, Server},
    ids::Ids,
    sync::{Tasks, Watched},
    wire::{Service, Wire},
};

/// Sentry waits 1 s for the answer to a webhook (Sentry, webhooks).
const PATIENCE: Duration = Duration::from_secs(1);

/// A running simulated Sentry. Clones share it; the server stops when the last one is dropped.
#[derive(Clone)]
pub struct Sentry(Arc<Running>);

struct Running {
    core: Arc<Core>,
    _server: Server,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.core.tasks.abort();
    }
}

/// What the server, the handles and the redeliveries share.
struct Core {
    base: String,
    clock: Clock,
    wire: Wire,
    ids: Ids,
    state: Watched<State>,
    webhook: Watched<Option<Url>>,
    last: Watched<Option<Parcel>>,
    rest_faults: Faults,
    oauth_faults: Faults,
    tasks: Tasks,
    post: Post,
}

impl Sentry {
    /// Serves `world` on a free port of 127.0.0.1. Needs a tokio runtime with time and I/O.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn start(world: World, clock: &Clock, wire: &Wire) -> io::Result<Self> {
        let bound = Bound::new().await?;
        let post = Post { service: Service::Sentry, clock: clock.clone(), wire: wire.clone(), patience: PATIENCE };
        let core = Arc::new(Core {
            base: bound.base().to_owned(),
            clock: clock.clone(),
            wire: wire.clone(),
            ids: Ids::new("sentry"),
            state: Watched::new(State::new(world)),
            webhook: Watched::default(),
            last: Watched::default(),
            rest_faults: Faults::default(),
            oauth_faults: Faults::default(),
            tasks: Tasks::default(),
            post,
        });
        let served = Arc::clone(&core);
        let server = bound.serve(move |request| served.serve(request));
        Ok(Self(Arc::new(Running { core, _server: server })))
    }

    /// The address of this Sentry, without a slash at the end: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.0.core.base
    }

    /// Sets the webhook URL of every integration and app.
    pub fn set_webhook(&self, url: Url) {
        self.core().state.change(|state| state.setup.webhook_url = Some(url.to_string()));
        self.core().webhook.change(|webhook| *webhook = Some(url));
    }

    /// What goes wrong with the next calls of the REST API.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.core().rest_faults
    }

    /// What goes wrong with the next requests for, or against, an OAuth token.
    #[must_use]
    pub fn oauth_faults(&self) -> &Faults {
        &self.core().oauth_faults
    }

    fn core(&self) -> &Arc<Core> {
        &self.0.core
    }
}

impl Core {
    fn serve(self: &Arc<Self>, request: &Request) -> Reply {
        let watch = Stopwatch::start();
        let reply = match request.path.as_str() {
            "/oauth/authorize/" => {
                Reply::Now(self.with_state(|state, now_ms| oauth::authorize(state, request, &self.ids, now_ms)))
            }
            "/auth/login/" => Reply::Now(self.with_state(|state, _| oauth::login(state, request, &self.ids))),
            "/oauth/token/" => self
                .oauth_faults
                .around(|| self.with_state(|state, now_ms| token::token(state, request, &self.ids, now_ms))),
            "/oauth/revoke/" => self.oauth_faults.around(|| self.with_state(|state, _| token::revoke(state, request))),
            path if path.starts_with("/api/0/") => self.rest_faults.around(|| self.rest(request)),
            path if path.starts_with("/organizations/") => Reply::Now(self.with_state(|state, _| {
                let issue = shown::issue_of(path).and_then(|id| state.issue(id));
                issue.map_or_else(page::missing, |issue| page::issue(&state.shown(issue, &self.base)))
            })),
            page::STYLE_PATH => Reply::Now(page::style()),
            path => Reply::Now(refusal::no_page(format!("there is no page {path}"))),
        };
        self.wire.received(Service::Sentry, &self.clock, watch, request, &reply);
        reply
    }

    fn with_state(&self, answer: impl FnOnce(&mut State, i64) -> Answer) -> Answer {
        self.state.change(|state| answer(state, self.clock.now_ms()))
    }

    fn rest(self: &Arc<Self>, request: &Request) -> Answer {
        let (answer, fired) = self.state.change(|state| {
            let now_ms = self.clock.now_ms();
            let (base, ids) = (self.base.as_str(), &self.ids);
            let mut rest = Rest { state, request, base, ids, now_ms, session: None, fired: Vec::new() };
            let answer = rest.answer().unwrap_or_else(|refusal| refusal);
            let (caller, fired) = (rest.caller(), rest.fired);
            state.calls.push(Call::new(request, caller, answer.status));
            (answer, fired)
        });
        if !fired.is_empty() {
            let core = Arc::clone(self);
            // In one task, so that they leave in the order of the changes, and after the answer has been decided.
            self.tasks.spawn(async move {
                for hook in fired {
                    core.fire(Some(hook)).await;
                }
            });
        }
        answer
    }
}
