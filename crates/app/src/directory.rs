//! The chat platform's directory, where the deployment reads it: who belongs to a channel, who administers, who is a guest.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use zentry_domain::command::{Command, CommandError};
use zentry_domain::decide::{DirectoryReading, Ended};
use zentry_domain::directory::{BELIEVED, READ_EVERY, is_due};
use zentry_domain::ports::{DirectoryError, Page, Profile, StoreError};
use zentry_domain::{
    AccountId, ChannelId, Decision, Directory, DirectoryChange, Person, Rank, Roster, Secret, Timestamp, UserId,
};

use crate::perform::{Effect, Setback};
use crate::{App, digest_of};

/// At most so many calls a reading.
const CALLS: u32 = 50;
/// At most so many pages of one list: what is behind them is not known.
const PAGES: u32 = 10;
/// At most so many people's ranks a reading, so that the channels have their turn too.
const RANKS: usize = 20;
/// So many refusals in a row concern everything of a kind, not the one that was asked for.
const REFUSALS: usize = 3;
/// No further call is begun after so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// At most so many directories are read at a time: messages must find a worker.
pub(crate) const READ_AT_ONCE: usize = 2;
/// How long one waits for its turn that found so many before it.
const TURN: Duration = Duration::from_secs(60);
/// So many are queued in one commit, so that a delivery never waits for all of them.
const AT_ONCE: usize = 256;
/// At most so many administrators are named, or told of what is wrong.
const ADMINISTRATORS: usize = 3;
const CODE_MAX: usize = 1_024;

/// The ports of the chat platform's directory.
#[derive(Clone)]
pub struct DirectoryPorts {
    /// The directory.
    pub directory: Arc<dyn Directory>,
    /// What it told.
    pub roster: Arc<dyn Roster>,
}

/// How a browser came back from installing the bot.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The `state` that we sent along. The Marketplace sends none.
    pub state: Option<Secret>,
    /// The cookie that we set.
    pub cookie: Option<Secret>,
    /// The code to exchange.
    pub code: Option<Secret>,
    /// From where.
    pub from: IpAddr,
}

// === installing ===

impl App {
    /// Whether the directory is read at all.
    pub fn reads_directory(&self) -> bool {
        self.ports.directory.is_some()
    }

    /// A browser came back from installing the bot. Where the directory is read its code is exchanged; whatever comes of that,
    /// the browser goes on to the chat, because the bot itself is installed.
    ///
    /// Anybody may open this address, with any code. That is harmless, because the code alone decides: it is exchanged with our
    /// client secret, so that no other app's code is taken, only once, so that a repeat is refused, and the grant is kept under
    /// the account that the platform names as its owner, never under one from the query. A forged code is refused; somebody's
    /// own code, fed to another person's browser, enrolls their own account and touches nothing of that person's; a stolen one
    /// does for its account what its owner was about to do. So a missing `state`, as the Marketplace sends it, is taken. One that
    /// is there must be this browser's own: then this browser began, and anything else is an attack or an accident.
    pub async fn finish_install(&self, installed: Installed) {
        let Some(DirectoryPorts { directory, .. }) = &self.ports.directory else { return };
        let Some(code) = installed.code.as_ref().filter(|code| is_code(code)) else { return };
        let began_here = |state: &Secret| installed.cookie.as_ref().map(digest_of) == Some(digest_of(state));
        if !installed.state.as_ref().is_none_or(began_here) {
            tracing::warn!("a browser came back from Zoom with a state that is not its own; nothing was kept of it");
            return;
        }
        if !self.codes.admit(installed.from, self.now()) {
            tracing::warn!(
                "too many browsers come back from Zoom with a code; this one's is not exchanged. Install again later"
            );
            return;
        }
        match directory.enroll(code).await {
            Ok(account) => self.enrolled(&account).await,
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a code from Zoom was not exchanged: the bot is installed, but the directory is not read with it. Open \
                 /zoom/install again"
            ),
        }
    }

    async fn enrolled(&self, account: &AccountId) {
        match self.ports.store.commit(&[], &self.core().enrolled(account), self.now()).await {
            Ok(_) => {
                tracing::info!(%account, "the directory of this account is read from now on");
                self.work.notify_one();
            }
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "a grant is kept, but its directory is not read; open /zoom/install again"
            ),
        }
    }
}

fn is_code(code: &Secret) -> bool {
    (1..=CODE_MAX).contains(&code.expose().len()) && code.expose().bytes().all(|b| b.is_ascii_graphic())
}

// === what a decision needs ===

/// What the directory says of whoever speaks.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) rank: Rank,
    /// A reading, where one is due.
    pub(crate) ask: Decision,
}

impl App {
    /// What the directory says of somebody. `asks` for the channels: then their names are to be fresh.
    pub(crate) async fn listed(&self, person: &Person, asks: bool) -> Result<Listed, StoreError> {
        let Some(DirectoryPorts { roster, .. }) = &self.ports.directory else { return Ok(Listed::default()) };
        if person.is_guest() {
            return Ok(Listed { rank: Rank::Guest, ask: Decision::nothing() });
        }
        let (account, now) = (&person.account, self.now());
        let Some(enrollment) = roster.enrollment(account).await? else { return Ok(Listed::default()) };
        let ranked = roster.ranked(account, &person.user).await?;
        let is_due = ranked.is_none_or(|ranked| ranked.is_due(now)) || (asks && enrollment.is_due(now));
        let ask = match is_due && enrollment.may_be_asked(now) {
            true => Decision::job(self.core().read_directory(account)),
            false => Decision::nothing(),
        };
        Ok(Listed { rank: ranked.map(|ranked| ranked.now(now)).unwrap_or_default(), ask })
    }

    /// Who manages an account, as far as they were ever seen: those of the settings, whoever installed the bot, and some of those
    /// whom the directory knows as administrators.
    pub(crate) async fn managers_of(&self, account: &AccountId) -> Result<Vec<Person>, StoreError> {
        let facts = &self.ports.facts;
        let installer = facts.account(account).await?.and_then(|account| account.installer);
        let mut managers = Vec::new();
        for user in self.deployment.managers.iter().chain(&installer) {
            managers.extend(facts.acquaintance(account, user).await?);
        }
        if let Some(DirectoryPorts { roster, .. }) = &self.ports.directory {
            managers.extend(roster.administrators(account, self.now() - BELIEVED, ADMINISTRATORS).await?);
        }
        let mut users = HashSet::new();
        managers.retain(|manager| users.insert(manager.user.clone()));
        Ok(managers)
    }

    /// The channels to which somebody belongs.
    pub(crate) async fn channels_listed_for(&self, person: &Person) -> Result<Vec<ChannelId>, StoreError> {
        match &self.ports.directory {
            Some(ports) => ports.roster.channels_of(&person.account, &person.user, self.now() - BELIEVED).await,
            None => Ok(Vec::new()),
        }
    }
}

/// Whoever the directory knows as a guest is one everywhere: like those whom the platform sends without a number.
pub(crate) fn as_listed(person: &Person, rank: Rank) -> Person {
    let user = if rank == Rank::Guest { UserId::new("") } else { person.user.clone() };
    Person { user, ..person.clone() }
}

/// Whether a command is answered with the channels' names.
pub(crate) fn shows_channels(command: &Result<Command, CommandError>) -> bool {
    matches!(command, Ok(Command::Configure | Command::ConfigureAll))
}

// === reading ===

impl App {
    /// Queues the reading of every account that lets its directory be read, spread over one round; one that waits already
    /// stays.
    pub(crate) async fn begin_reading_directories(&self) -> Result<(), StoreError> {
        let Some(DirectoryPorts { roster, .. }) = &self.ports.directory else { return Ok(()) };
        let (accounts, now) = (roster.enrolled().await?, self.now());
        for accounts in accounts.chunks(AT_ONCE) {
            let jobs = accounts.iter().map(|account| {
                let wait = READ_EVERY.mul_f64(self.ports.random.unit());
                self.core().read_directory(account).at(now + wait)
            });
            let decision = Decision { changes: Vec::new(), jobs: jobs.collect() };
            self.ports.store.commit(&[], &decision, now).await?;
        }
        Ok(())
    }

    /// Reads what is due of an account's directory.
    pub(crate) async fn ask_directory(&self, account: &AccountId) -> Result<Effect, Setback> {
        let Some(DirectoryPorts { directory, roster }) = &self.ports.directory else { return Ok(Effect::Due) };
        let Some(enrollment) = roster.enrollment(account).await? else { return Ok(Effect::Due) };
        let Ok(_turn) = self.reading.try_acquire() else { return Ok(Effect::Crowded) };
        let now = self.now();
        let places = self.ports.facts.subscriptions_of(account).await?.into_iter().map(|s| s.place);
        let connected: HashSet<_> = places.filter(|place| !place.direct).map(|place| place.channel).collect();
        let mut people = Vec::new();
        for user in roster.ranks_due(account, now, RANKS).await? {
            let known = roster.ranked(account, &user).await?;
            people.push((user, known.map(|ranked| ranked.rank).unwrap_or_default()));
        }
        let read: HashMap<_, _> = roster.members_read(account).await?.into_iter().collect();
        let mut reader = Reader::new(self, &**directory, account);
        let names_due = enrollment.is_due(now);
        let ended = reader.read(&Due { names: names_due, people, channels: oldest_first(connected, &read, now) }).await;
        let Reader { changes, named, .. } = reader;
        let (account, since) = (account.clone(), enrollment.since);
        Ok(Effect::DirectoryRead(Box::new(DirectoryReading { account, since, changes, named, ended })))
    }

    /// What follows from a reading.
    pub(crate) async fn directory_read(&self, reading: &DirectoryReading) -> Result<Decision, StoreError> {
        let Some(DirectoryPorts { roster, .. }) = &self.ports.directory else { return Ok(Decision::nothing()) };
        let known = roster.enrollment(&reading.account).await?;
        if reading.ended == Ended::Unauthorized {
            tracing::warn!(
                account = %reading.account,
                "Zoom no longer lets the directory of this account be read: what it told is forgotten, and everything goes on \
                 without it. An administrator can open /zoom/install again"
            );
        }
        Ok(self.core().directory_read(reading, known.as_ref()))
    }

    /// Too many others are being read.
    pub(crate) fn read_directory_in_turn(&self, account: &AccountId) -> Decision {
        let wait = TURN.mul_f64(0.5 + self.ports.random.unit() / 2.0);
        Decision::job(self.core().read_directory(account).at(self.now() + wait))
    }
}

/// The connected channels with whether each is due, those first whose members were never read or longest ago.
fn oldest_first(
    connected: HashSet<ChannelId>,
    read: &HashMap<ChannelId, Timestamp>,
    now: Timestamp,
) -> Vec<(ChannelId, bool)> {
    let mut channels: Vec<_> = connected.into_iter().collect();
    channels.sort_by_key(|channel| (read.get(channel).copied(), channel.key()));
    let with_due = |channel: ChannelId| {
        let due = read.get(&channel).is_none_or(|at| is_due(*at, READ_EVERY, now));
        (channel, due)
    };
    channels.into_iter().map(with_due).collect()
}

/// What is to be read.
struct Due {
    names: bool,
    /// With what they were.
    people: Vec<(UserId, Rank)>,
    /// Every connected channel, and whether its members are due.
    channels: Vec<(ChannelId, bool)>,
}

/// Why a reading goes no further.
enum Stop {
    Tired,
    Failed(DirectoryError),
}

/// One reading under way.
struct Reader<'a> {
    app: &'a App,
    directory: &'a dyn Directory,
    account: &'a AccountId,
    calls: u32,
    until: Timestamp,
    /// What it has told so far, which is kept however it ends.
    changes: Vec<DirectoryChange>,
    /// More people are due than one reading asks about.
    is_behind: bool,
    /// So many things could not be read: one of them alone must not keep the others from being read.
    failed: usize,
    named: bool,
}

impl<'a> Reader<'a> {
    fn new(app: &'a App, directory: &'a dyn Directory, account: &'a AccountId) -> Self {
        let until = app.now() + PATIENCE;
        Self {
            app,
            directory,
            account,
            calls: CALLS,
            until,
            changes: Vec::new(),
            is_behind: false,
            failed: 0,
            named: false,
        }
    }

    async fn read(&mut self, due: &Due) -> Ended {
        match self.read_all(due).await {
            Ok(()) if self.is_behind => Ended::Tired,
            Ok(()) => Ended::Whole,
            Err(Stop::Tired) => Ended::Tired,
            Err(Stop::Failed(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    account = %self.account,
                    "the directory was read in part; the rest is read later"
                );
                match error {
                    DirectoryError::Throttled { after } => Ended::Throttled(after),
                    DirectoryError::Unauthorized => Ended::Unauthorized,
                    _ => Ended::Broken,
                }
            }
        }
    }

    /// What is refused for good costs its own part and nothing else.
    async fn read_all(&mut self, due: &Due) -> Result<(), Stop> {
        let listed = if due.names { Some(self.names(&due.channels).await?) } else { None };
        self.ranks(&due.people).await?;
        let of_channels = due.channels.iter().filter(|(_, is_due)| *is_due).map(|(channel, _)| channel);
        let mut refused = 0;
        for channel in of_channels {
            refused += match self.channel(channel, listed.as_ref()).await {
                Ok(is_refused) => usize::from(is_refused),
                Err(Stop::Failed(error)) => {
                    self.failed(error)?;
                    0
                }
                Err(stop) => return Err(stop),
            };
            if refused == REFUSALS {
                break;
            }
        }
        Ok(())
    }

    /// The names of the connected channels that are listed, and which those are.
    async fn names(&mut self, connected: &[(ChannelId, bool)]) -> Result<HashSet<ChannelId>, Stop> {
        let connected: HashSet<_> = connected.iter().map(|(channel, _)| channel).collect();
        let (mut listed, mut after) = (HashSet::new(), None);
        for _ in 0..PAGES {
            self.one_call()?;
            let page = match self.directory.channels(self.account, after.as_deref()).await {
                Ok(page) => page,
                Err(DirectoryError::Refused(_) | DirectoryError::Gone) => break,
                Err(error) => return Err(Stop::Failed(error)),
            };
            for (channel, name) in page.items {
                if connected.contains(&channel) {
                    listed.insert(channel.clone());
                    self.name(channel, name);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.named = true;
        Ok(listed)
    }

    fn name(&mut self, channel: ChannelId, name: String) {
        if !name.is_empty() {
            self.changes.push(DirectoryChange::Name { account: self.account.clone(), channel, name });
        }
    }

    fn call(&mut self, user: UserId, name: String) {
        if !name.is_empty() {
            self.changes.push(DirectoryChange::Called { account: self.account.clone(), user, name });
        }
    }

    async fn ranks(&mut self, people: &[(UserId, Rank)]) -> Result<(), Stop> {
        let mut refused = 0;
        for (user, known) in people {
            self.one_call()?;
            let rank = match self.directory.profile(self.account, user).await {
                Ok(Profile { rank, name }) => {
                    self.call(user.clone(), name);
                    rank
                }
                // Written down, so that the others have their turn. It takes a right away, and no restriction.
                Err(DirectoryError::Refused(_) | DirectoryError::Gone) => {
                    refused += 1;
                    if *known == Rank::Guest { Rank::Guest } else { Rank::Member }
                }
                Err(error) => {
                    self.failed(error)?;
                    continue;
                }
            };
            self.changes.push(DirectoryChange::Rank { account: self.account.clone(), user: user.clone(), rank });
            if refused == REFUSALS {
                break;
            }
        }
        self.is_behind |= people.len() == RANKS;
        Ok(())
    }

    /// One channel's members, and its name where whoever installed the bot does not belong to it. Says whether its members were
    /// refused.
    async fn channel(&mut self, channel: &ChannelId, listed: Option<&HashSet<ChannelId>>) -> Result<bool, Stop> {
        if listed.is_some_and(|listed| !listed.contains(channel)) {
            self.one_call()?;
            match self.directory.name(self.account, channel).await {
                Ok(name) => self.name(channel.clone(), name),
                Err(DirectoryError::Gone | DirectoryError::Refused(_)) => {}
                Err(error) => return Err(Stop::Failed(error)),
            }
        }
        let (users, is_refused) = match self.members_of(channel).await {
            Ok(users) => (users, false),
            // Nobody belongs to what is not there, and nobody is told of what may not be seen. Written down, so that the
            // others have their turn.
            Err(Stop::Failed(DirectoryError::Gone)) => (Vec::new(), false),
            Err(Stop::Failed(DirectoryError::Refused(_))) => (Vec::new(), true),
            Err(stop) => return Err(stop),
        };
        let (account, channel) = (self.account.clone(), channel.clone());
        self.changes.push(DirectoryChange::Members { account, channel, users });
        Ok(is_refused)
    }

    async fn members_of(&mut self, channel: &ChannelId) -> Result<Vec<UserId>, Stop> {
        let (mut users, mut after) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            self.one_call()?;
            let read = self.directory.members(self.account, channel, after.as_deref()).await;
            let Page { items, next } = read.map_err(Stop::Failed)?;
            users.extend(items);
            after = next;
            if after.is_none() {
                break;
            }
        }
        Ok(users)
    }

    /// One thing could not be read. The others may be, unless it is not the only one, or Zoom speaks of the grant or its limits.
    fn failed(&mut self, error: DirectoryError) -> Result<(), Stop> {
        self.failed += 1;
        match error {
            DirectoryError::Unavailable(_) if self.failed < REFUSALS => Ok(()),
            error => Err(Stop::Failed(error)),
        }
    }

    fn one_call(&mut self) -> Result<(), Stop> {
        if self.calls == 0 || self.app.now() > self.until {
            return Err(Stop::Tired);
        }
        self.calls -= 1;
        Ok(())
    }
}
