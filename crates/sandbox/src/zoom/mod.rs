//! A strict simulated Zoom: the token endpoint, the chatbot API, and signed webhooks to the bot.
//!
//! [`Zoom::start`] serves the two bases that a bot calls at one address, [`Zoom::base`]. What people do is in the
//! methods named for it ([`Zoom::say`], [`Zoom::press`], [`Zoom::install`], …); what they then see is read with
//! [`Zoom::messages`] and [`Zoom::wait_for`].

mod card;
mod chat;
mod control;
mod directory;
mod event;
mod grant;
mod message;
mod oauth;
mod reading;
mod refusal;
mod render;
mod spoken;
mod state;
#[cfg(test)]
mod tests;
mod unfurl;
mod webhook;
mod world;

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use url::Url;

pub use self::{
    control::NotThere,
    event::Said,
    message::{Button, Message, Select},
    reading::NotSeen,
    spoken::Spoken,
    state::{ChoiceForm, DirectForm, Manners},
    webhook::UrlCheck,
    world::{App, Channel, Person, Place, World},
};
use self::{refusal::Refusal, state::State};
use crate::{
    clock::{Clock, Stopwatch},
    deliver::{Parcel, Post},
    fault::{Fault, Faults},
    http::{Answer, Bound, Reply, Request, Server},
    ids::Ids,
    sync::{Tasks, Watched},
    wire::{Service, Wire},
};

/// Zoom waits 3 s for the answer to a webhook (Zoom, using webhooks).
const PATIENCE: Duration = Duration::from_secs(3);

/// A running simulated Zoom. Clones share it; the server stops when the last one is dropped.
#[derive(Clone)]
pub struct Zoom(Arc<Running>);

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
    endpoint: Watched<Option<Url>>,
    last: Watched<Option<Parcel>>,
    chat_faults: Faults,
    token_faults: Faults,
    directory_faults: Faults,
    /// By the JID of the channel.
    troubles: Watched<HashMap<String, Fault>>,
    tasks: Tasks,
    post: Post,
}

impl Zoom {
    /// Serves `world` on a free port of 127.0.0.1. Needs a tokio runtime with time and I/O.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn start(world: World, clock: &Clock, wire: &Wire) -> io::Result<Self> {
        let bound = Bound::new().await?;
        let post = Post { service: Service::Zoom, clock: clock.clone(), wire: wire.clone(), patience: PATIENCE };
        let core = Arc::new(Core {
            base: bound.base().to_owned(),
            clock: clock.clone(),
            wire: wire.clone(),
            ids: Ids::new("zoom"),
            state: Watched::new(State::new(world)),
            endpoint: Watched::default(),
            last: Watched::default(),
            chat_faults: Faults::default(),
            token_faults: Faults::default(),
            directory_faults: Faults::default(),
            troubles: Watched::default(),
            tasks: Tasks::default(),
            post,
        });
        let served = Arc::clone(&core);
        let server = bound.serve(move |request| served.serve(request));
        Ok(Self(Arc::new(Running { core, _server: server })))
    }

    /// The base of both the OAuth and the API addresses, without a slash at the end: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.0.core.base
    }

    /// Sets the Bot Endpoint URL, to which webhooks go.
    pub fn set_endpoint(&self, url: Url) {
        self.core().endpoint.change(|endpoint| *endpoint = Some(url));
    }

    /// What goes wrong with the next calls of the chatbot API.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.core().chat_faults
    }

    /// What goes wrong with every message that is sent to this channel from now on; edits and deletions go well.
    pub fn trouble(&self, channel: &Channel, fault: Fault) {
        self.core().troubles.change(|troubles| troubles.insert(channel.jid(), fault));
    }

    /// What goes wrong with the next requests for a token.
    #[must_use]
    pub fn token_faults(&self) -> &Faults {
        &self.core().token_faults
    }

    /// What goes wrong with the next calls of the directory.
    #[must_use]
    pub fn directory_faults(&self) -> &Faults {
        &self.core().directory_faults
    }

    /// Changes how this Zoom behaves where the documentation leaves a choice.
    pub fn behave(&self, change: impl FnOnce(&mut Manners)) {
        self.core().state.change(|state| change(&mut state.manners));
    }

    fn core(&self) -> &Arc<Core> {
        &self.0.core
    }
}

impl Core {
    fn serve(&self, request: &Request) -> Reply {
        let watch = Stopwatch::start();
        let reply = match request.path.as_str() {
            "/oauth/token" => self.token_faults.around(|| self.token(request)),
            "/oauth/authorize" => Reply::Now(self.authorize(request)),
            path if path.starts_with("/v2/users/") || path.starts_with("/v2/chat/") => {
                self.directory_faults.around(|| self.directory(request))
            }
            _ => match self.trouble(request) {
                Some(trouble) => trouble.around(|| self.chat(request)),
                None => self.chat_faults.around(|| self.chat(request)),
            },
        };
        self.wire.received(Service::Zoom, &self.clock, watch, request, &reply);
        reply
    }

    fn trouble(&self, request: &Request) -> Option<Fault> {
        self.troubles.read(|troubles| {
            let body = std::str::from_utf8(&request.body).unwrap_or_default();
            let (_, fault) = troubles.iter().find(|(jid, _)| body.contains(jid.as_str()))?;
            Some(fault.clone())
        })
    }

    fn token(&self, request: &Request) -> Answer {
        self.state.change(|state| oauth::token(state, request, &self.base, &self.ids, self.clock.now_ms()))
    }

    fn authorize(&self, request: &Request) -> Answer {
        self.state.change(|state| grant::authorize(state, request, &self.ids, self.clock.now_ms()))
    }

    fn directory(&self, request: &Request) -> Answer {
        self.state.change(|state| directory::call(state, request, &self.ids, self.clock.now_ms()))
    }

    fn chat(&self, request: &Request) -> Answer {
        let segments = request.segments();
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        let id = match segments[..] {
            ["v2", "im", "chat", "messages"] => None,
            ["v2", "im", "chat", "messages", id] => Some(id),
            ["v2", "im", "chat", "users", user, "unfurls", trigger] => {
                let at = (user, trigger);
                return self.state.change(|state| unfurl::call(state, request, at, &self.ids, self.clock.now_ms()));
            }
            _ => return Refusal::unknown_path(&request.path).into(),
        };
        self.state.change(|state| chat::call(state, request, id, &self.ids, self.clock.now_ms()))
    }
}
