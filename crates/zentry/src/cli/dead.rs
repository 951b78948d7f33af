//! `zentry dead`: what was given up, and what an operator decides about it.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{Args, Subcommand};
use zentry_domain::ports::StoreError;
use zentry_domain::{Clock, DeadLetter, Decision, JobId, Journal, RowChange, Store, Timestamp};
use zentry_sqlite::{Sqlite, SqliteStore};

use super::output::{Bar, counted, print};
use super::{examples, letter};
use crate::config::{StoreConfig, environment};
use crate::exit::Failure;
use crate::log::{self, LogConfig};
use crate::run::runtime;
use crate::settings::StoreSettings;
use crate::world::WallClock;

/// Letters decided about in one transaction: the bot writes to the same file.
const AT_ONCE: usize = 100;
/// How often to ask for the file while the bot writes to it; it is waited for a quarter of a second each time.
const TRIES: usize = 40;

/// What to do about dead letters.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreSettings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List them, the oldest first. `since` is when a letter was given up.
    #[command(after_help = examples::DEAD_LIST)]
    List {
        /// Print JSON: one array of objects with the columns as keys
        #[arg(long)]
        json: bool,
    },
    /// Show one of them, with its job, as JSON. Tokens are left out.
    #[command(after_help = examples::DEAD_SHOW)]
    Show {
        /// Its id
        id: String,
    },
    /// Try them again, each under its own id, behind whatever its channel is waiting for now
    #[command(after_help = examples::DEAD_REPLAY)]
    Replay(Which),
    /// Delete them. The ledger counts them as suppressed (`held`).
    #[command(after_help = examples::DEAD_DROP)]
    Drop(Which),
}

/// Which dead letters.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Which {
    /// Those with these ids
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All of them
    #[arg(long)]
    all: bool,
    /// Those given up within this time: a number and m, h or d
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    since: Option<Duration>,
}

/// Works beside the bot, whether it runs or not.
pub(crate) fn carry_out(arguments: &Arguments) -> Result<(), Failure> {
    let config = StoreConfig::load(&arguments.store, &environment)?;
    log::at_once(&LogConfig { filter: "warn".into(), json: false })?;
    runtime()?.block_on(async {
        let sqlite =
            Sqlite::open_beside(&config.path, config.keys).map_err(|error| Failure::world("ZENTRY_STORE", &error))?;
        let done = command(&arguments.command, &sqlite.store(), WallClock.now()).await;
        sqlite.close().await;
        done
    })
}

async fn command(command: &Command, store: &SqliteStore, now: Timestamp) -> Result<(), Failure> {
    let letters = store.dead_letters().await.map_err(|error| Failure::world("dead letters", &error))?;
    match command {
        Command::List { json: true } => print(&letter::table(&letters).json()),
        Command::List { json: false } => print(&letter::table(&letters).text()),
        Command::Show { id } => match letters.iter().find(|letter| letter.id.as_str() == id) {
            Some(found) => print(&letter::whole(found)?),
            None => Err(unknown(id)),
        },
        Command::Replay(which) => {
            let decided = decide(store, &which.of(&letters, now)?, RowChange::Replay, "replaying", now).await?;
            print(&format!("{} replayed", counted(decided, "dead letter")))
        }
        Command::Drop(which) => {
            let decided = decide(store, &which.of(&letters, now)?, RowChange::DropDead, "dropping", now).await?;
            print(&format!("{} dropped", counted(decided, "dead letter")))
        }
    }
}

impl Which {
    /// The ids of those that are meant, the oldest first.
    fn of(&self, letters: &[DeadLetter], now: Timestamp) -> Result<Vec<JobId>, Failure> {
        let named: BTreeSet<&str> = self.ids.iter().map(String::as_str).collect();
        // All or none: a slip in one id must not leave the rest half done.
        if let Some(id) = named.iter().find(|id| letters.iter().all(|letter| letter.id.as_str() != **id)) {
            return Err(unknown(id));
        }
        let is_meant = |letter: &&DeadLetter| match self.since {
            Some(age) => letter.at >= now - age,
            None => self.all || named.contains(letter.id.as_str()),
        };
        Ok(letters.iter().filter(is_meant).map(|letter| letter.id.clone()).collect())
    }
}

fn unknown(id: &str) -> Failure {
    Failure::World(format!("there is no dead letter {id}; `zentry dead list` shows those that there are"))
}

async fn decide(
    store: &SqliteStore,
    letters: &[JobId],
    change: fn(JobId) -> RowChange,
    doing: &'static str,
    now: Timestamp,
) -> Result<u64, Failure> {
    let mut bar = Bar::beyond(AT_ONCE as u64);
    let mut decided = 0;
    for some in letters.chunks(AT_ONCE) {
        let decision = Decision { changes: some.iter().cloned().map(change).collect(), jobs: Vec::new() };
        commit(store, &decision, now).await.map_err(|error| {
            Failure::world(&format!("{decided} of {} are done, then the store refused", letters.len()), &error)
        })?;
        decided += some.len() as u64;
        bar.at(doing, decided, letters.len() as u64);
    }
    Ok(decided)
}

/// The bot may be writing at the same moment: it is waited for.
pub(super) async fn commit(store: &SqliteStore, decision: &Decision, now: Timestamp) -> Result<(), StoreError> {
    let mut tries = 1;
    loop {
        match store.commit(&[], decision, now).await {
            Err(StoreError::Unavailable(_)) if tries < TRIES => tries += 1,
            committed => return committed.map(drop),
        }
    }
}

/// A number and `m`, `h` or `d`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "it is a number and m, h or d, such as 90m or 2d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use zentry_domain::{Job, Lane};

    use super::*;
    use crate::cli::Cli;

    fn letters() -> Vec<DeadLetter> {
        let letter = |(id, at): (&str, i64)| DeadLetter {
            id: JobId::new(id),
            lane: Lane::upkeep(),
            job: Some(Job::Sweep),
            why: "refused".into(),
            attempts: 0,
            since: Timestamp(0),
            at: Timestamp(at * 3_600_000),
        };
        [("a", 1), ("b", 2), ("c", 3)].map(letter).into()
    }

    fn chosen(which: &Which) -> Result<Vec<JobId>, Failure> {
        which.of(&letters(), Timestamp(4 * 3_600_000))
    }

    fn names(names: &[&str]) -> Vec<JobId> {
        names.iter().copied().map(JobId::new).collect()
    }

    #[test]
    fn letters_are_chosen_by_id_by_age_or_all() {
        let none = || Which { ids: Vec::new(), all: false, since: None };
        let by_id = Which { ids: vec!["c".into(), "a".into(), "c".into()], ..none() };
        assert_eq!(chosen(&by_id).expect("known"), names(&["a", "c"]));
        assert_eq!(chosen(&Which { all: true, ..none() }).expect("all"), names(&["a", "b", "c"]));
        let young = Which { since: Some(Duration::from_secs(2 * 3_600)), ..none() };
        assert_eq!(chosen(&young).expect("some"), names(&["b", "c"]));
        let slip = Which { ids: vec!["a".into(), "x".into()], ..none() };
        assert!(chosen(&slip).expect_err("unknown").to_string().contains("no dead letter x"));
    }

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(duration("90m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(duration("30d"), Ok(Duration::from_secs(2_592_000)));
        for wrong in ["", "m", "5", "5s", "-5m", "1.5h", "5 m", "99999999999d", "5é"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn which_ones_must_be_said_and_only_one_way() {
        let parse = |words: &str| Cli::try_parse_from(words.split(' '));
        for good in
            ["zentry dead replay a b", "zentry dead drop --all", "zentry dead replay --since 2h --store sqlite:z"]
        {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in
            ["zentry dead replay", "zentry dead drop a --all", "zentry dead drop --all --since 2h", "zentry dead"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
