//! `zentry subscriptions`: what channels are connected to, as a table and as a file that is reviewed before it is carried out.

mod apply;
mod file;
mod table;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use zentry_domain::wanted::{Connections, Step};
use zentry_domain::{Clock, Journal};
use zentry_sqlite::{Sqlite, SqliteStore};

use super::examples;
use super::output::{counted, print};
use crate::config::{StoreConfig, environment};
use crate::exit::Failure;
use crate::log::{self, LogConfig};
use crate::run::runtime;
use crate::settings::{Settings, StoreSettings};
use crate::world::WallClock;

/// What to do about subscriptions.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List them, by account and channel. `last_delivery` is when the newest message of it was opened there.
    #[command(after_help = examples::SUBSCRIPTIONS_LIST)]
    List {
        /// Print JSON: one array of objects with the columns as keys
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Print all of them as a file for `plan` and `apply`
    #[command(after_help = examples::SUBSCRIPTIONS_EXPORT)]
    Export {
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Print what `apply` would change. Nothing is done, and Sentry is not asked.
    #[command(after_help = examples::SUBSCRIPTIONS_PLAN)]
    Plan {
        #[command(flatten)]
        wish: Wish,
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Change subscriptions into what FILE says: all of it or nothing. A running bot follows within a second or so.
    #[command(after_help = examples::SUBSCRIPTIONS_APPLY)]
    Apply {
        #[command(flatten)]
        wish: Wish,
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// What is wanted.
#[derive(Args, Debug)]
struct Wish {
    /// TOML, one `[[subscription]]` each, as `export` prints it
    file: PathBuf,
    /// Also disconnect what FILE does not name
    #[arg(long)]
    prune: bool,
}

/// Works beside the bot, whether it runs or not.
pub(crate) fn carry_out(arguments: &Arguments) -> Result<(), Failure> {
    log::at_once(&LogConfig { filter: "warn".into(), json: false })?;
    match &arguments.command {
        Command::List { json, store } => beside(store, async |store| {
            let table = table::of(store, WallClock.now()).await?;
            print(&if *json { table.json() } else { table.text() })
        }),
        Command::Export { store } => {
            beside(store, async |store| print(file::of(&connections(store).await?)?.trim_end()))
        }
        Command::Plan { wish, store } => {
            let wanted = file::read(&wish.file)?;
            beside(store, async |store| {
                let steps = connections(store).await?.plan(&wanted, wish.prune);
                tell(&steps)?;
                print(&match steps.len() as u64 {
                    0 => "nothing to change".to_owned(),
                    steps => format!("{} to make; nothing was done", counted(steps, "change")),
                })
            })
        }
        Command::Apply { wish, settings } => {
            let wanted = file::read(&wish.file)?;
            apply::carry_out(&wanted, wish.prune, settings)
        }
    }
}

fn beside(
    settings: &StoreSettings,
    work: impl AsyncFnOnce(&SqliteStore) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = StoreConfig::load(settings, &environment)?;
    runtime()?.block_on(async {
        let sqlite =
            Sqlite::open_beside(&config.path, config.keys).map_err(|error| Failure::world("ZENTRY_STORE", &error))?;
        let done = work(&sqlite.store()).await;
        sqlite.close().await;
        done
    })
}

async fn connections(store: &SqliteStore) -> Result<Connections, Failure> {
    store.connections().await.map_err(|error| Failure::world("the subscriptions", &error))
}

/// A line for each step: `+ acme / web in #alerts (…) of acc: level:fatal`.
fn tell(steps: &[Step]) -> Result<(), Failure> {
    steps.iter().try_for_each(|step| print(&file::in_words(step)))
}
