//! The page on which a person plays both sides against the bot: a Zoom Team Chat, a Sentry, and what goes over the wire
//! between them and the bot.
//!
//! It only ever does what the controls of the simulated services do, and shows what they show; the bot does not know that
//! it is there. Everything goes on when the page is closed.

mod deed;
mod meter;
mod outage;
mod scene;
mod serve;
mod story;
#[cfg(test)]
mod tests;
mod view;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::{net::TcpListener, task::JoinHandle};

use self::{meter::Meter, outage::Outages, story::Story};
use crate::{
    Cast, Sandbox,
    sync::{Tasks, Watched},
    zoom::{Channel, Person, Place},
};

/// Where the bot is.
#[derive(Clone, Debug)]
pub struct BotAt {
    /// `http://127.0.0.1:PORT` of its public listener.
    pub public_url: String,
    /// `http://127.0.0.1:PORT` of its operations listener.
    pub ops_url: String,
}

/// A served page; dropping it closes the port, and nothing else.
#[derive(Debug)]
pub struct Page(Vec<JoinHandle<()>>);

impl Page {
    /// Serves the page on a bound port. Needs a tokio runtime with time and I/O.
    #[must_use]
    pub fn open(listener: TcpListener, sandbox: &Sandbox, cast: &Cast, bot: BotAt) -> Self {
        // Ben runs the Zoom account.
        sandbox.zoom.promote(&cast.ben);
        let stage = Arc::new(Stage {
            sandbox: sandbox.clone(),
            cast: cast.clone(),
            bot,
            meter: Watched::default(),
            outages: Watched::default(),
            story: Watched::default(),
            rules: Mutex::default(),
            tasks: Tasks::default(),
        });
        let read = tokio::spawn(meter::read(Arc::clone(&stage)));
        Self(vec![tokio::spawn(serve::accept(listener, stage)), read])
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// What the page shows and plays with.
struct Stage {
    sandbox: Sandbox,
    cast: Cast,
    bot: BotAt,
    meter: Watched<Meter>,
    outages: Watched<Outages>,
    story: Watched<Story>,
    /// The metric alert rule of a project, by its id, once there is one.
    rules: Mutex<HashMap<u64, u64>>,
    tasks: Tasks,
}

/// Somebody whom whoever looks at the page can be.
struct Role<'s> {
    key: &'static str,
    person: &'s Person,
    about: &'static str,
}

impl Stage {
    fn roles(&self) -> [Role<'_>; 3] {
        [
            Role { key: "jane", person: &self.cast.jane, about: "Developer" },
            Role { key: "ben", person: &self.cast.ben, about: "Administrator" },
            Role { key: "gia", person: &self.cast.gia, about: "Guest from another company" },
        ]
    }

    /// Jane where there is nobody under this name.
    fn person(&self, key: &str) -> &Person {
        let found = self.roles().into_iter().find(|role| role.key == key);
        found.map_or(&self.cast.jane, |role| role.person)
    }

    fn channels(&self) -> [&Channel; 2] {
        [&self.cast.alerts, &self.cast.web_team]
    }

    /// Every place that this person can go to, under the name by which the page asks for it.
    fn places(&self, viewer: &Person) -> Vec<(String, Place)> {
        let channels = self.channels().map(|channel| (channel.name.clone(), Place::from(channel)));
        channels.into_iter().chain([("direct".to_owned(), Place::from(viewer))]).collect()
    }

    fn place(&self, viewer: &Person, key: &str) -> Option<Place> {
        self.places(viewer).into_iter().find_map(|(known, place)| (known == key).then_some(place))
    }
}
