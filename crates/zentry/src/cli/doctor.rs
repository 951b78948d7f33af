//! `zentry doctor`: the whole loop, hop by hop.

use clap::Args;
use serde_json::json;
use zentry_domain::{UserJid, text};

use super::output::{Table, counted, print};
use crate::config::{Config, environment};
use crate::doctor::{Check, Verdict, examine};
use crate::exit::Failure;
use crate::log::{self, LogConfig};
use crate::run::runtime;
use crate::settings::Settings;

/// Longest detail and fix that are printed.
const SHOWN: usize = 600;

/// What is looked at, and how it is printed.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Send this person a message, edit it and delete it: their Zoom JID, which `whoami` shows
    #[arg(long, value_name = "ZOOM_USER_JID")]
    to: Option<String>,
    /// Print JSON: one array of objects with `check`, `ok` (null where it was skipped), `detail` and `fix`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Looks at everything; only where all of it is good does this succeed.
pub(crate) fn carry_out(arguments: &Arguments) -> Result<(), Failure> {
    log::at_once(&LogConfig { filter: "off".into(), json: false })?;
    let config = Config::load(&arguments.settings, &environment)?;
    run(config, arguments.to.as_deref(), arguments.json)
}

/// The same with settings that are read already.
pub(super) fn run(config: Config, to: Option<&str>, as_json: bool) -> Result<(), Failure> {
    let to = match to.map(str::trim) {
        Some(jid) if !jid.contains('@') || jid.contains("@conference.") => {
            return Err(Failure::Setting(
                "--to must be a person's JID, such as u1@xmpp.zoom.us; whoami shows yours".into(),
            ));
        }
        to => to.map(UserJid::new),
    };
    let runtime = runtime()?;
    let checks = runtime.block_on(examine(config, to.as_ref()));
    runtime.shutdown_background();
    let checks = checks?;
    print(&if as_json { table(&checks).json() } else { lines(&checks) })?;
    match checks.iter().filter(|check| check.verdict == Verdict::Red).count() as u64 {
        0 => Ok(()),
        red => Err(Failure::World(format!("{} red", counted(red, "check")))),
    }
}

fn table(checks: &[Check]) -> Table<4> {
    let ok = |verdict| match verdict {
        Verdict::Ok => json!(true),
        Verdict::Red => json!(false),
        Verdict::Skipped => json!(null),
    };
    let row = |check: &Check| [json!(check.name), ok(check.verdict), json!(check.detail), json!(check.fix)];
    Table { columns: ["check", "ok", "detail", "fix"], rows: checks.iter().map(row).collect() }
}

/// `red — clock — this host is 400 s away from Zoom's time — set this host's clock`.
fn lines(checks: &[Check]) -> String {
    let line = |check: &Check| {
        let parts = [check.verdict.word(), check.name, &check.detail, &check.fix];
        let parts = parts.into_iter().filter(|part| !part.is_empty()).map(|part| text::line(part, SHOWN));
        parts.collect::<Vec<_>>().join(" — ")
    };
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}
