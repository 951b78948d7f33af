//! A backup is made while deliveries keep coming and slows none of them; what is restored from it is whole and adds up,
//! and nothing that was posted is posted again.

use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use zentry_seal::Keyring;
use zentry_sqlite::Sqlite;
use zentry_test_support::sandbox::zoom::Message;
use zentry_test_support::{Delays, Dice, Flood, Ledger, Setup, Square, rounds};

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
    let seconds = (rounds() * 3 / 2).clamp(5, 120);
    let many = u64::try_from(seconds * 1_000).unwrap_or_default() / u64::try_from(EVERY.as_millis()).unwrap_or(1);
    let (made, told) = watch::channel(0);
    let backups = tokio::spawn(again_and_again(Backup::of(&square), told, many));
    let delivery = square.deliveries();
    let next = move || {
        let number = *made.borrow();
        made.send_replace(number + 1);
        (number < many).then(|| delivery(place(1 + number), 1 + number))
    };
    let flooded = Flood { connections: CONNECTIONS, every: Some(EVERY) }.pour(&square.town, next).await;
    let backups = backups.await.expect("every backup is made");
    all_posted_once(&square, 1, many).await;

    let is_beside = |due: Instant| backups.iter().any(|(began, ended)| (*began..*ended).contains(&due));
    let (alone, beside) = (flooded.delays_of(|due| !is_beside(due)), flooded.delays_of(is_beside));
    let rate = many as f64 / flooded.lasted.as_secs_f64();
    println!("{many} deliveries, {rate:.0} a second; {} of them without a backup: {alone}", alone.count());
    println!("{} beside one: {beside}", beside.count());
    let took = Delays::of(backups.iter().map(|(began, ended)| *ended - *began));
    println!("{} backups, the last of {} bytes: {took}", took.count(), size(&square));
    let (alone, beside) = (alone.per_mille(990), beside.per_mille(990));
    println!("a backup adds {:.1?} to the p99", beside.saturating_sub(alone));
    assert!(beside < alone + ADDED, "{beside:?}");
}

/// Makes one backup after the other until so many deliveries are made, with as much time between two as one took: whatever
/// else the machine does then slows the answers with and without a backup.
async fn again_and_again(backup: Backup, mut made: watch::Receiver<u64>, many: u64) -> Vec<(Instant, Instant)> {
    let (backup, mut times) = (Arc::new(backup), Vec::new());
    while *made.borrow() < many {
        let (began, backup) = (Instant::now(), Arc::clone(&backup));
        let took = spawn_blocking(move || backup.make()).await.expect("the backup is made");
        times.push((began, began + took));
        let meanwhile = u64::try_from(took.as_millis() / EVERY.as_millis()).unwrap_or_default();
        let enough = many.min(*made.borrow() + meanwhile);
        made.wait_for(|made| *made >= enough).await.expect("deliveries are made");
    }
    times
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
        // The backup is begun with so many deliveries made, and the others still to come.
        let begin = dice.below(100) as u64;
        let (made, mut told) = watch::channel(0);
        let begun = tokio::spawn(async move {
            told.wait_for(|made| *made >= begin).await.expect("deliveries are made");
            spawn_blocking(move || backup.make()).await.expect("the backup is made")
        });
        let delivery = square.deliveries();
        let next = move || {
            let number = *made.borrow();
            made.send_replace(number + 1);
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

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default() % CHANNELS
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

/// How many messages there are in all channels, but for the one that says that some are held back.
fn messages(square: &Square) -> usize {
    let (zoom, jane) = (&square.town.sandbox.zoom, &square.town.cast.jane);
    let is_news = |message: &Message| !message.to_string().contains("Restored from a backup of");
    let news = |channel| zoom.messages(channel, jane).iter().filter(|message| is_news(message)).count();
    square.places.iter().map(|(channel, _)| news(channel)).sum()
}

// === the commands ===

/// `zentry backup`, ready to be run beside the bot.
struct Backup {
    setup: Setup,
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

/// How long the last backup is, in bytes.
fn size(square: &Square) -> u64 {
    std::fs::metadata(file(square)).expect("a backup").len()
}

fn file(square: &Square) -> PathBuf {
    square.town.folder().join("zentry.backup")
}
