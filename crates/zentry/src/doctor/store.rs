//! The store: whether it opens with these keys, how much waits, and when it was last backed up.

use std::path::Path;
use std::time::Duration;

use zentry_domain::{Clock, Journal};
use zentry_sqlite::{OpenError, Sqlite};

use super::{Check, whole};
use crate::world::WallClock;

const STORE: &str = "store";
const KEYS: &str = "keys";
const BACKUP: &str = "backup";
const DEAD: &str = "dead letters";

/// Nobody wants to lose more than that.
const OLD: Duration = Duration::from_secs(2 * 86_400);

/// It does not open.
pub(super) fn closed(path: &Path, error: &OpenError) -> Check {
    let fix = match error {
        OpenError::Key { .. } => "add the key of that name to ZENTRY_KEYS again, behind the first",
        _ if !path.exists() => "start `zentry serve` once, which makes it; check the path of ZENTRY_STORE",
        _ => "check the path of ZENTRY_STORE, and that it belongs to the user whom the bot runs as",
    };
    Check::red(STORE, whole(error), fix)
}

/// It opened, and so every key that it needs is there.
pub(super) async fn check(path: &Path, keys: &[String], sqlite: &Sqlite) -> Vec<Check> {
    let store = match sqlite.check().await {
        Ok(()) => Check::ok(STORE, format!("{} is sound", path.display())),
        Err(error) => Check::red(
            STORE,
            whole(&error),
            "stop the bot, keep the file, and restore the last backup: `zentry restore`",
        ),
    };
    let keys = Check::ok(
        KEYS,
        format!("{} opens what is sealed; {} seals", keys.join(", "), keys.first().map_or("none", String::as_str)),
    );
    vec![store, keys, backup(sqlite).await, dead(sqlite).await]
}

async fn backup(sqlite: &Sqlite) -> Check {
    let fix = "run `zentry backup FILE` every night, and keep FILE and the keys apart from this host";
    match sqlite.last_backup().await {
        Err(error) => Check::red(BACKUP, whole(&error), "look at ZENTRY_STORE"),
        Ok(None) => Check::red(BACKUP, "none was ever made", fix),
        Ok(Some(made)) => {
            let age = WallClock.now().since(made);
            let detail = format!("the last one is of {made}, {} hours ago", age.as_secs() / 3_600);
            if age > OLD { Check::red(BACKUP, detail, fix) } else { Check::ok(BACKUP, detail) }
        }
    }
}

async fn dead(sqlite: &Sqlite) -> Check {
    match sqlite.store().backlog().await {
        Err(error) => Check::red(DEAD, whole(&error), "look at ZENTRY_STORE"),
        Ok(backlog) if backlog.dead > 0 => Check::red(
            DEAD,
            format!("{} could not be done", backlog.dead),
            "see `zentry dead list`; mend the reason, then `zentry dead replay` or `drop`",
        ),
        Ok(backlog) => Check::ok(DEAD, format!("none; {} jobs wait", backlog.waiting)),
    }
}
