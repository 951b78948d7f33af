//! `zentry audit`: who changed what, when, where, and what came of it.

use clap::Args;
use serde_json::json;
use zentry_domain::{AuditEntry, Journal};
use zentry_sqlite::Sqlite;

use super::output::{Table, print};
use crate::config::{StoreConfig, environment};
use crate::exit::Failure;
use crate::log::{self, LogConfig};
use crate::run::runtime;
use crate::settings::StoreSettings;

/// How to print it.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: StoreSettings,
    /// Print JSON: one array of objects with the columns as keys
    #[arg(long)]
    json: bool,
}

/// Works beside the bot, whether it runs or not.
pub(crate) fn carry_out(arguments: &Arguments) -> Result<(), Failure> {
    let config = StoreConfig::load(&arguments.store, &environment)?;
    log::at_once(&LogConfig { filter: "warn".into(), json: false })?;
    let entries = runtime()?.block_on(async {
        let sqlite =
            Sqlite::open_beside(&config.path, config.keys).map_err(|error| Failure::world("ZENTRY_STORE", &error))?;
        let read = sqlite.store().audit().await.map_err(|error| Failure::world("the audit", &error));
        sqlite.close().await;
        read
    })?;
    let table = table(&entries);
    print(&if arguments.json { table.json() } else { table.text() })
}

fn table(entries: &[AuditEntry]) -> Table<6> {
    let row = |entry: &AuditEntry| {
        let AuditEntry { account, at, actor, action, object, result } = entry;
        [json!(at.to_string()), json!(account.as_str()), json!(actor), json!(action), json!(object), json!(result)]
    };
    Table { columns: ["at", "account", "actor", "action", "object", "result"], rows: entries.iter().map(row).collect() }
}
