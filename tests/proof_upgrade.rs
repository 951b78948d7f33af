//! Killed while it makes its store or brings an older one up to date, the bot leaves either what was there or the whole
//! new one, and the next start goes on from there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tokio::time::Instant;
use zentry_test_support::{Bot, Dice, Town, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// Stores of earlier builds, `schema_N.sql`.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sqlite/tests/fixtures");

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_the_first_start_leaves_no_store_or_a_whole_one() {
    let mut town = Town::built(ZENTRY).await;
    survives(&mut town, "no store", None).await;
    town.start();
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_during_an_upgrade_leaves_the_old_store_or_the_new_one() {
    let mut fixtures: Vec<_> =
        fs::read_dir(FIXTURES).expect("the fixtures").map(|file| file.expect("a file").path()).collect();
    fixtures.sort();
    assert!(!fixtures.is_empty());
    for fixture in fixtures {
        let mut town = Town::built(ZENTRY).await;
        let old = town.folder().join("old.db");
        let sql = fs::read_to_string(&fixture).expect("a fixture");
        Connection::open(&old).and_then(|file| file.execute_batch(&sql)).expect("a store of an earlier build");
        survives(&mut town, &fixture.file_name().expect("a name").to_string_lossy(), Some(&old)).await;
    }
}

/// Starts the bot again and again on the same old store, or on none, and kills it at any moment until it is ready.
async fn survives(town: &mut Town, name: &str, old: Option<&Path>) {
    let mut dice = Dice::thrown();
    let before = old.map(Store::read);
    let (after, took) = started(town, old);
    let (mut found, kills) = ([0, 0, 0], 20 * rounds().div_ceil(10));
    for _ in 0..kills {
        put(old, &database(town));
        let (bot, _) = town.setup.launch();
        // From there on it matters.
        touched(town, took).await;
        passed(took.mul_f64(dice.below(1_000) as f64 / 1_000.0)).await;
        bot.kill();
        match left(town) {
            None => {
                assert!(before.is_none(), "{name}: the store is gone");
                found[0] += 1;
            }
            Some(store) if Some(&store) == before.as_ref() => found[1] += 1,
            Some(store) => {
                assert_eq!(store, after, "{name}: neither what was there nor the new store");
                found[2] += 1;
            }
        }
        // Whatever was left, the next start makes it whole.
        town.setup.start().kill();
        assert_eq!(left(town).expect("it is there"), after, "{name}: after the next start");
    }
    let [absent, unchanged, whole] = found;
    println!(
        "{name}: {kills} kills within {took:.1?}: {absent} left none, {unchanged} what was there, {whole} a whole one"
    );
    put(old, &database(town));
}

/// Waits until the bot has begun to write, or would have.
async fn touched(town: &Town, took: Duration) {
    let began = Instant::now();
    let sides = ["-wal", "-journal"].map(|side| format!("{}{side}", database(town).display()));
    while began.elapsed() < took && !sides.iter().any(|side| Path::new(side).exists()) {
        tokio::task::yield_now().await;
    }
}

/// Waits until so much time has passed, to the microsecond.
async fn passed(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        tokio::task::yield_now().await;
    }
}

/// The store after an undisturbed start, and how long that takes.
fn started(town: &Town, old: Option<&Path>) -> (Store, Duration) {
    put(old, &database(town));
    let began = Instant::now();
    let bot: Bot = town.setup.start();
    let took = began.elapsed();
    bot.kill();
    (left(town).expect("a store"), took)
}

/// Puts an old store in place of what is there.
fn put(old: Option<&Path>, database: &Path) {
    for side in ["", "-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(format!("{}{side}", database.display()));
    }
    if let Some(old) = old {
        fs::copy(old, database).expect("a copy");
    }
}

/// What a kill has left, read from a copy; nothing where there is no schema in it yet.
fn left(town: &Town) -> Option<Store> {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("zentry.db");
    for side in ["", "-wal", "-journal"] {
        let file = format!("{}{side}", database(town).display());
        if Path::new(&file).exists() {
            fs::copy(file, format!("{}{side}", copy.display())).expect("a copy");
        }
    }
    let store = copy.exists().then(|| Store::read(&copy))?;
    (store.version > 0 || !store.schema.is_empty()).then_some(store)
}

/// What kind of store it is, and what it holds that a start leaves alone.
#[derive(Debug, PartialEq)]
struct Store {
    version: i64,
    /// How each table and index was made.
    schema: Vec<String>,
    rows: Vec<(&'static str, i64)>,
}

impl Store {
    fn read(path: &Path) -> Self {
        let file = Connection::open(path).expect("opened");
        let check: String = file.pragma_query_value(None, "integrity_check", |row| row.get(0)).expect("checked");
        assert_eq!(check, "ok");
        let version = file.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a version");
        let sql = "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name";
        let mut statement = file.prepare(sql).expect("understood");
        let schema = statement.query_map([], |row| row.get(0)).expect("read").map(Result::unwrap).collect();
        let count = |table| {
            let counted = file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
            counted.ok().map(|rows| (table, rows))
        };
        let rows = ["subscription", "card", "person", "credential", "link"].into_iter().filter_map(count).collect();
        Self { version, schema, rows }
    }
}

fn database(town: &Town) -> PathBuf {
    town.folder().join("zentry.db")
}
