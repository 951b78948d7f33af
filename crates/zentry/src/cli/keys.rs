//! `zentry keys`: new sealing keys, and sealing everything with the first one.

use clap::{Args, Subcommand};
use zentry_sqlite::{Resealed, Sqlite};

use super::examples;
use super::output::{Bar, counted, print};
use crate::config::{StoreConfig, environment};
use crate::exit::Failure;
use crate::log::{self, LogConfig};
use crate::run::runtime;
use crate::settings::StoreSettings;

/// Values that take long enough for somebody to wonder.
const LONG: u64 = 1_000;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a new sealing key, ready for ZENTRY_KEYS.
    #[command(after_help = examples::KEYS_NEW)]
    New {
        /// The key's name, by which sealed values remember it.
        #[arg(long, default_value = "k1")]
        id: String,
    },
    /// Seal everything again with the first key, so that the others can go. Works while the bot runs and while it does not.
    #[command(after_help = examples::KEYS_ROTATE)]
    Rotate(Arguments),
}

/// Where the store is.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreSettings,
}

/// Does it.
pub(crate) fn carry_out(command: &Command) -> Result<(), Failure> {
    match command {
        Command::New { id } => print(&format!("{id}:{}", *zentry_seal::new_key())),
        Command::Rotate(arguments) => rotate(arguments),
    }
}

fn rotate(arguments: &Arguments) -> Result<(), Failure> {
    let StoreConfig { path, keys } = StoreConfig::load(&arguments.store, &environment)?;
    log::at_once(&LogConfig { filter: "warn".into(), json: false })?;
    let ids = keys.ids();
    let first = ids.first().cloned().unwrap_or_default();
    let mut bar = Bar::beyond(LONG);
    let done = runtime()?.block_on(async {
        let sqlite = Sqlite::open_beside(&path, keys).map_err(|error| Failure::world("ZENTRY_STORE", &error))?;
        let done = sqlite.reseal(&mut |doing, done, total| bar.at(doing, done, total)).await;
        sqlite.close().await;
        done.map_err(|error| Failure::world("not everything is sealed with the first key", &error))
    })?;
    drop(bar);
    print(&format!("{} sealed again with key {first}", counted(done.values, "value")))?;
    finished(&done, &first, &ids)
}

/// Which keys can go, or why none can.
fn finished(done: &Resealed, first: &str, ids: &[String]) -> Result<(), Failure> {
    let needed = done.needed.join(", ");
    if done.left > 0 {
        let were = if done.left == 1 { "was" } else { "were" };
        return Err(Failure::World(format!(
            "{} {were} sealed with {needed} meanwhile: put {first} first in the running bot's ZENTRY_KEYS too, then rotate \
             again",
            counted(done.left, "value")
        )));
    }
    if !done.unopened.is_empty() {
        return Err(Failure::World(format!(
            "{} would not open and stayed as it was: {}; until that is gone, {needed} must stay among the keys",
            counted(done.unopened.len() as u64, "value"),
            done.unopened.join(", ")
        )));
    }
    let others: Vec<_> = ids.iter().skip(1).map(String::as_str).collect();
    if others.is_empty() {
        return Ok(());
    }
    print(&format!("no longer needed, except for backups made before: {}", others.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(done: &Resealed) -> String {
        finished(done, "k2", &["k2".into()]).map_or_else(|failure| failure.to_string(), |()| String::new())
    }

    #[test]
    fn what_stays_behind_is_named_with_what_to_do() {
        let done = || Resealed { needed: vec!["k1".into()], ..Resealed::default() };
        assert_eq!(said(&Resealed::default()), "");
        assert_eq!(
            said(&Resealed { left: 2, ..done() }),
            "2 values were sealed with k1 meanwhile: put k2 first in the running bot's ZENTRY_KEYS too, then rotate again"
        );
        assert!(said(&Resealed { left: 1, ..done() }).starts_with("1 value was sealed with k1 meanwhile"));
        assert_eq!(
            said(&Resealed { unopened: vec!["dead a".into()], ..done() }),
            "1 value would not open and stayed as it was: dead a; until that is gone, k1 must stay among the keys"
        );
    }
}
