//! What the bot **does**, over ports: [`App::accept`] turns what came in into a committed decision, the link verbs
//! carry a browser through linking, and [`App::run`] performs what was committed.
//!
//! Everything that comes in is verified → decided → committed, then answered. Everything that goes out is leased →
//! performed → settled. Both halves meet in the outbox and in one type, [`zentry_domain::Decision`].

mod accept;
mod breaker;
mod codes;
mod conclude;
mod crowd;
mod deliver;
mod directory;
mod first;
mod hook;
mod install;
mod link;
mod perform;
mod reconcile;
mod reread;
mod sift;
mod unfurl;

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use tokio::sync::{Notify, Semaphore};
use zentry_domain::decide::{Core, FreshLink};
use zentry_domain::{Chat, Clock, Deployment, Digest, Facts, Random, Secret, Store, Timestamp, Tracker};

pub use accept::Accepted;
pub use directory::{DirectoryPorts, Installed};
pub use link::{Again, Callback, CameBack, LinkPage, SentryStart};

/// The world that the app works on.
#[derive(Clone)]
pub struct Ports {
    /// Writes and the outbox.
    pub store: Arc<dyn Store>,
    /// Reads.
    pub facts: Arc<dyn Facts>,
    /// The chat platform.
    pub chat: Arc<dyn Chat>,
    /// The issue tracker.
    pub tracker: Arc<dyn Tracker>,
    /// The chat platform's directory, where the deployment reads it.
    pub directory: Option<DirectoryPorts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Dice.
    pub random: Arc<dyn Random>,
}

/// The bot. One per process; all of its state is in the ports.
pub struct App {
    ports: Ports,
    deployment: Deployment,
    /// Rung when there may be something to perform.
    work: Notify,
    /// What came in before that may have been missed.
    started: Timestamp,
    refused: accept::Refused,
    /// Taken while an organization is being asked about.
    asking: Semaphore,
    /// When each organization's next open card may be read again.
    turns: reread::Turns,
    /// Taken while an account's directory is being read.
    reading: Semaphore,
    codes: codes::Codes,
    /// Those from Sentry.
    setups: codes::Codes,
    unsettled: deliver::Unsettled,
    openings: crowd::Openings,
    silent: sift::Silent,
}

impl App {
    /// The bot over `ports`.
    pub fn new(mut ports: Ports, deployment: Deployment) -> Self {
        ports.chat = Arc::new(breaker::Guarded::new(ports.chat, Arc::clone(&ports.clock)));
        Self {
            started: ports.clock.now(),
            ports,
            deployment,
            work: Notify::new(),
            refused: accept::Refused::default(),
            asking: Semaphore::new(reconcile::ASKED),
            turns: reread::Turns::default(),
            reading: Semaphore::new(directory::READ_AT_ONCE),
            codes: codes::Codes::default(),
            setups: codes::Codes::default(),
            unsettled: deliver::Unsettled::default(),
            openings: crowd::Openings::default(),
            silent: sift::Silent::default(),
        }
    }

    /// The settings that decisions depend on.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Somebody else has put something into the outbox: it is looked at now.
    pub fn wake(&self) {
        self.work.notify_one();
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    fn core(&self) -> Core<'_> {
        Core { deployment: &self.deployment, now: self.now(), random: &*self.ports.random }
    }

    fn token(&self) -> Secret {
        let mut bytes = [0; 32];
        self.ports.random.fill(&mut bytes);
        Secret::new(data_encoding::BASE64URL_NOPAD.encode(&bytes))
    }

    fn fresh_link(&self) -> FreshLink {
        let token = self.token();
        FreshLink { id: digest_of(&token), token }
    }
}

/// Under which a secret is recognised without being kept.
fn digest_of(secret: &Secret) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, secret.expose().as_bytes()).as_ref());
    Digest(bytes)
}
