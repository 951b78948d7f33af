//! `zentry backup` and `zentry restore`.

use std::path::PathBuf;

use clap::Args;
use zentry_domain::Clock;
use zentry_sqlite::{Restored, Sqlite};

use super::output::{Bar, counted, print};
use crate::config::{StoreConfig, environment};
use crate::exit::Failure;
use crate::log::{self, LogConfig};
use crate::settings::StoreSettings;
use crate::world::WallClock;

/// Bytes that take long enough for somebody to wonder.
const LONG: u64 = 32 * 1024 * 1024;

/// Where the store is, and where the backup.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    store: StoreSettings,
}

/// Writes a backup, whether the bot runs or not.
pub(crate) fn back_up(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.store.store.as_deref().is_some_and(|store| store.trim_start().starts_with("postgres")) {
        return Err(Failure::World("ZENTRY_STORE names PostgreSQL: back it up with pg_dump".into()));
    }
    let StoreConfig { path, keys } = load(arguments)?;
    let key = keys.ids().into_iter().next().unwrap_or_default();
    let (mut bar, file) = (Bar::beyond(LONG), &arguments.file);
    let done = Sqlite::backup(&path, keys, file, WallClock.now(), &mut |doing, done, total| bar.at(doing, done, total))
        .map_err(|error| Failure::world("no backup was made", &error))?;
    drop(bar);
    print(&format!("{}: {} bytes, sealed with key {key}, checked", file.display(), done.bytes))
}

/// Puts a backup in the store's place. The bot must not run.
pub(crate) fn restore(arguments: &Arguments) -> Result<(), Failure> {
    let StoreConfig { path, keys } = load(arguments)?;
    let (mut bar, file) = (Bar::beyond(LONG), &arguments.file);
    let done =
        Sqlite::restore(&path, keys, file, WallClock.now(), &mut |doing, done, total| bar.at(doing, done, total))
            .map_err(|error| Failure::world("nothing was restored", &error))?;
    drop(bar);
    print(&format!("{} is {} again", path.display(), file.display()))?;
    tell(&done)
}

/// What has become of it, and what is left to decide.
fn tell(done: &Restored) -> Result<(), Failure> {
    if let Some(made) = done.made {
        print(&format!("made: {made}; Sentry's and Zoom's news since then are not in it"))?;
    }
    print(&match done.held {
        0 => "held: nothing was waiting to be sent".to_owned(),
        held => format!(
            "held: {} that had not been done when it was made; see `zentry dead list`, then replay or drop",
            counted(held, "job")
        ),
    })?;
    if done.purged > 0 {
        print(&format!("deleted again: {} that left since", counted(done.purged, "account")))?;
    }
    match &done.kept {
        Some(kept) => print(&format!("kept: what was there before, as {}; delete it in the end", kept.display())),
        None => Ok(()),
    }
}

fn load(arguments: &Arguments) -> Result<StoreConfig, Failure> {
    let config = StoreConfig::load(&arguments.store, &environment)?;
    log::at_once(&LogConfig { filter: "warn".into(), json: false })?;
    Ok(config)
}
