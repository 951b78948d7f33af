//! A backup is made while deliveries keep coming and slows none of them; what is restored from it is whole and adds up,
//! and nothing that was posted is posted again.

use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use zentry_seal::Keyring;
use zentry_sqlite::Sqlite;
use zentry_test_support::{Delays, Dice, Flood, Flooded, Ledger, Square, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const CHANNELS: usize = 8;
const CONNECTIONS: usize = 16;
/// Between two deliveries: 500 a second, or what a build without optimization does with ease.
const EVERY: Duration = Duration::from_millis(if cfg!(debug_assertions) { 8 } else { 2 });
/// What a backup may add to the answers, and ten times the slack.
const ADDED: Duration = Duration::from_millis(10 * 20);
/// How long the posts of a flood may take to be made.
const PATIENCE: Duration = Duration::from_secs(120);
/// What one test measures the other must not disturb.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_slows_no_answer() {
    let _alone = ALONE.lock().await;
    let square = Square::connected(ZENTRY, CHANNELS).await;
    let seconds = (rounds() * 3 / 2).clamp(3, 60);
    let many = u64::try_from(seconds * 1_000).unwrap_or_default() / u64::try_from(EVERY.as_millis()).unwrap_or(1);
    let alone = paced(&square, 1, many).await;

    let (stop, backup) = (Arc::new(AtomicBool::new(false)), Backup::of(&square));
    let backups = spawn_blocking({
        let stop = Arc::clone(&stop);
        move || {
            let mut took = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                took.push(backup.make());
            }
            Delays::of(took)
        }
    });
    let beside = paced(&square, 1 + many, many).await;
    stop.store(true, Ordering::Relaxed);
    let backups = backups.await.expect("every backup is made");
    println!("without backups, {:.0} a second: {}", rate(&alone), alone.answers);
    println!("{} backups, {:.0} a second: {}", backups.count(), rate(&beside), beside.answers);
    println!("a backup took: {backups}");
    let [alone, beside] = [alone, beside].map(|flooded| flooded.answers.per_mille(990));
    println!("a backup adds {:.1?} to the p99", beside.saturating_sub(alone));
    assert!(beside < alone + ADDED, "{beside:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restored_is_whole_and_nothing_is_posted_twice() {
    let _alone = ALONE.lock().await;
    let mut dice = Dice::thrown();
    let mut square = Square::connected(ZENTRY, CHANNELS).await;
    let (mut first, mut held) = (1, 0);
    for _ in 0..rounds() {
        let before = messages(&square);
        let (many, backup) = (100 + dice.below(200) as u64, Backup::of(&square));
        // The backup is begun with so many deliveries still to come.
        let begin = dice.below(100) as u64;
        let made = Arc::new(AtomicU64::new(0));
        let begun = spawn_blocking({
            let made = Arc::clone(&made);
            move || {
                while made.load(Ordering::Relaxed) < begin {
                    std::thread::yield_now();
                }
                backup.make()
            }
        });
        let delivery = square.deliveries();
        let next = move || {
            let number = made.fetch_add(1, Ordering::Relaxed);
            (number < many).then(|| delivery(place(first + number), first + number))
        };
        Flood { connections: CONNECTIONS, every: None }.pour(&square.town, next).await;
        begun.await.expect("the backup is made");
        all_posted_once(&square, first, many).await;
        assert_eq!(messages(&square), before + many as usize);

        square.town.stop();
        restore(&square);
        whole(&square).await;
        square.town.start();
        let ledger = Ledger::settled(&square.town).await;
        assert_eq!(messages(&square), before + many as usize, "something was posted again after a restore: {ledger:?}");
        held = ledger.dead;
        first += many;
        // It goes on: its subscriptions are there, and what comes is posted behind what was held.
        let delivery = square.deliveries();
        let mut after = (first..first + CHANNELS as u64).map(move |number| delivery(place(number), number));
        Flood { connections: 1, every: None }.pour(&square.town, move || after.next()).await;
        all_posted_once(&square, first, CHANNELS as u64).await;
        first += CHANNELS as u64;
        Ledger::settled(&square.town).await;
    }
    println!(
        "{} restores, {} posts, 0 again; {held} jobs that waited at a backup are held",
        rounds(),
        messages(&square)
    );
}

// === the load ===

async fn paced(square: &Square, first: u64, many: u64) -> Flooded {
    let delivery = square.deliveries();
    let mut numbers = first..first + many;
    let next = move || numbers.next().map(|number| delivery(place(number), number));
    let flooded = Flood { connections: CONNECTIONS, every: Some(EVERY) }.pour(&square.town, next).await;
    all_posted_once(square, first, many).await;
    flooded
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default() % CHANNELS
}

fn rate(flooded: &Flooded) -> f64 {
    flooded.acknowledged as f64 / flooded.lasted.as_secs_f64()
}

/// Waits until each issue of these numbers is posted, and insists that none is twice.
async fn all_posted_once(square: &Square, first: u64, many: u64) {
    for here in 0..CHANNELS {
        let awaited = (first..first + many).filter(|number| place(*number) == here).count();
        let posted = square.posted(here, first, awaited, PATIENCE).await;
        assert_eq!(posted.len(), awaited);
        assert!(posted.values().all(|times| times.len() == 1), "posted twice: {posted:?}");
    }
}

/// How many messages there are in all channels.
fn messages(square: &Square) -> usize {
    let (zoom, jane) = (&square.town.sandbox.zoom, &square.town.cast.jane);
    square.places.iter().map(|(channel, _)| zoom.messages(channel, jane).len()).sum()
}

// === the commands ===

/// `zentry backup`, ready to be run beside the bot.
struct Backup {
    setup: zentry_test_support::Setup,
    file: String,
}

impl Backup {
    fn of(square: &Square) -> Self {
        Self { setup: square.town.setup.clone(), file: file(square).display().to_string() }
    }

    /// Makes it, and says how long that took.
    fn make(&self) -> Duration {
        let began = Instant::now();
        let output = self.setup.command(&["backup", &self.file]).output().expect("the binary starts");
        done(&output);
        began.elapsed()
    }
}

fn restore(square: &Square) {
    let file = file(square).display().to_string();
    done(&square.town.setup.command(&["restore", &file]).output().expect("the binary starts"));
    std::fs::remove_file(square.town.folder().join("zentry.db.before-restore")).expect("what was there is kept");
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The restored store opens and shows no damage.
async fn whole(square: &Square) {
    let keys = Keyring::parse(&square.town.setup.settings["ZENTRY_KEYS"]).expect("the keys");
    let sqlite = Sqlite::open(&square.town.folder().join("zentry.db"), keys).expect("the restored store opens");
    sqlite.check().await.expect("a sound store");
    sqlite.close().await;
}

fn file(square: &Square) -> PathBuf {
    square.town.folder().join("zentry.backup")
}
