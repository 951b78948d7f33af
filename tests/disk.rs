//! A disk that fails, and a database that turns out to be damaged while the bot runs: it ends by itself, so that its
//! supervisor restarts it or somebody restores a backup.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use zentry_domain::ports::StoreError;
use zentry_seal::Keyring;
use zentry_sqlite::Sqlite;
use zentry_test_support::{PATIENCE, Town};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const PAGE: u64 = 4096;

/// Row 31.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_ends_the_bot_with_1_and_what_was_acknowledged_is_done_after_the_restart() {
    let mut town = Town::with_integration(ZENTRY).await;
    town.stop();
    // A file may not grow beyond this: neither full nor well, as a broken disk.
    let blocks = (fs::metadata(database(&town)).expect("the database").len() + (1 << 18)) / 512;
    town.setup.through =
        ["/bin/sh", "-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"].map(str::to_owned).into();
    town.start();
    let mut acknowledged = 0;
    let refused = loop {
        let delivery = town.sandbox.zoom.say(&town.cast.jane, &town.cast.alerts, "help").await;
        match delivery.status {
            Some(200) => acknowledged += 1,
            other => break other,
        }
    };
    assert_eq!(refused, Some(500));
    assert_eq!(town.ops("/readyz").await.0, 503);
    town.logged("check the disk, then restart").await;
    assert_eq!(ended(&mut town).await, Some(1));

    town.setup.through.clear();
    town.start();
    let all = |messages: &[_]| (messages.len() >= acknowledged).then_some(());
    let zoom = &town.sandbox.zoom;
    zoom.wait_until(&town.cast.alerts, &town.cast.jane, "every answer", PATIENCE, all).await.expect("all are said");
}

/// Row 32.
#[tokio::test(flavor = "multi_thread")]
async fn damage_that_is_found_while_it_runs_ends_the_bot_with_1_and_says_how_to_restore() {
    let mut town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
    town.stop();
    damage(&town).await;
    let damaged = fs::read(database(&town)).expect("the database");
    town.start();
    town.logged("the database is damaged").await;
    assert!(town.log().contains("`zentry restore FILE`"), "{}", town.log());
    let told = async {
        let mut why = town.ops("/readyz").await;
        while !why.1.contains("restore a backup") {
            why = town.ops("/readyz").await;
        }
        why.0
    };
    assert_eq!(tokio::time::timeout(PATIENCE, told).await.expect("probes are told"), 503);
    assert_eq!(ended(&mut town).await, Some(1));
    assert!(fs::read(database(&town)).expect("still there").len() >= damaged.len(), "nothing of it is deleted");
}

fn database(town: &Town) -> PathBuf {
    town.folder().join("zentry.db")
}

async fn ended(town: &mut Town) -> Option<i32> {
    let bot = town.take();
    let ended = tokio::task::spawn_blocking(move || bot.wait());
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends by itself").expect("awaited").code()
}

/// Overwrites the last page with which the store still opens, and in which a look through the whole file finds damage.
async fn damage(town: &Town) {
    let sound = fs::read(database(town)).expect("the database");
    for page in (1..sound.len() as u64 / PAGE).rev() {
        overwrite(&database(town), page, &[0x5a; PAGE as usize]);
        let copy = town.folder().join("copy.db");
        fs::copy(database(town), &copy).expect("a copy");
        if is_found_later(&copy, &town.setup.settings["ZENTRY_KEYS"]).await {
            return;
        }
        let at = usize::try_from(page * PAGE).expect("a small file");
        overwrite(&database(town), page, &sound[at..at + PAGE as usize]);
    }
    panic!("no page can be damaged unnoticed");
}

async fn is_found_later(copy: &Path, keys: &str) -> bool {
    let Ok(sqlite) = Sqlite::open(copy, Keyring::parse(keys).expect("the keys")) else { return false };
    let is_found = matches!(sqlite.check().await, Err(StoreError::Corrupt { .. }));
    sqlite.close().await;
    is_found
}

fn overwrite(file: &Path, page: u64, content: &[u8]) {
    let file = fs::File::options().write(true).open(file).expect("the database");
    file.write_all_at(content, page * PAGE).expect("overwritten");
}
