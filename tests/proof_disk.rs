//! A disk that is full, fails, may not be written or is damaged: a clear error, nothing acknowledged that is not kept,
//! nothing deleted, and work goes on once the disk is well. Ignored, aloud, where no small disk can be mounted.

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use zentry_domain::{Facts, IssueId};
use zentry_seal::Keyring;
use zentry_sqlite::Sqlite;
use zentry_test_support::{Bot, Dice, Load, PATIENCE, Town, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// `nobody`, whom permissions bind.
const NOBODY: u32 = 65_534;
/// What the database writes at once.
const PAGE: u64 = 4096;
/// Refusals after which every connection has had several.
const MANY: usize = 40;
/// Deliveries that fill a store before its pages are damaged.
const FILLING: usize = 300;

fn main() -> ExitCode {
    let unmountable = mountable().err();
    if let Some(why) = &unmountable {
        eprintln!("ignored: no small disk can be mounted: {why}");
    }
    let full = Trial::test("a_full_disk_is_answered_500_until_there_is_room", || run(full));
    let trials = vec![
        full.with_ignored_flag(unmountable.is_some()),
        Trial::test("a_disk_that_fails_ends_every_acknowledgement_until_the_next_start", || run(failing)),
        Trial::test("a_store_that_may_not_be_written_is_refused_and_left_as_it_is", || run(read_only)),
        Trial::test("a_damaged_store_is_named_and_nothing_of_it_is_deleted", || run(damaged)),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Plays a test in a town whose channels are connected and whose bot is stopped.
fn run(test: impl AsyncFn(&mut Town, &mut Load, &mut Dice)) -> Result<(), Failed> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut dice = Dice::thrown();
        let (mut town, mut load) = Load::town(ZENTRY, &mut dice).await;
        town.start();
        load.connect(&town).await;
        town.stop();
        test(&mut town, &mut load, &mut dice).await;
    });
    Ok(())
}

async fn full(town: &mut Town, load: &mut Load, dice: &mut Dice) {
    let disk = Mount::new(&town.folder().join("disk"), &format!("{}m", 12 + rounds())).expect("mounted");
    fs::copy(database(town), disk.0.join("zentry.db")).expect("moved");
    town.setup.settings.insert("ZENTRY_STORE".into(), format!("sqlite:{}", disk.0.join("zentry.db").display()));
    town.start();
    for _ in 0..rounds() {
        let before = load.tally();
        let mut running = load.run();
        let some = before.acknowledged + 1 + dice.below(200);
        running.until(|tally| tally.acknowledged >= some).await;
        let said = town.log().len();
        let ballast = Ballast::fill(&disk.0);
        running.until(|tally| tally.refused >= before.refused + MANY).await;
        town.logged_after(said, "disk is full").await;
        drop(ballast);
        let acknowledged = running.until(|_| true).await.acknowledged;
        running.until(|tally| tally.acknowledged >= acknowledged + MANY).await;
        running.stop().await;
    }
    // It has never been restarted: nothing was under way at an end, and nothing comes twice.
    let verdict = load.verdict(town, 0).await;
    println!("{} times full: {:?}, {verdict:?}", rounds(), load.tally());
}

async fn failing(town: &mut Town, load: &mut Load, _: &mut Dice) {
    for _ in 0..rounds() {
        // A file may not grow beyond this: neither full nor well, as a broken disk.
        let blocks = (fs::metadata(database(town)).expect("the database").len() + (1 << 20)) / 512;
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        town.setup.through = ["/bin/sh", "-c", &limited, "sh"].map(str::to_owned).into();
        town.start();
        let running = load.run();
        town.logged("check the disk, then restart").await;
        // With the last answer on every connection: from here on nobody is acknowledged any more.
        running.stop().await;
        let failed = load.tally();
        let mut running = load.run();
        let later = running.until(|tally| tally.refused >= failed.refused + MANY).await;
        assert_eq!(failed.acknowledged, later.acknowledged, "acknowledged on a broken disk");
        assert_eq!(town.ops("/readyz").await.0, 503);
        town.kill();
        running.stop().await;

        town.setup.through.clear();
        town.start();
        let mut running = load.run();
        running.until(|tally| tally.acknowledged >= later.acknowledged + MANY).await;
        running.stop().await;
        town.stop();
    }
    town.start();
    let verdict = load.verdict(town, rounds()).await;
    println!("{} failures: {:?}, {verdict:?}", rounds(), load.tally());
}

async fn read_only(town: &mut Town, load: &mut Load, _: &mut Dice) {
    become_nobody(town);
    let (folder, file) = (town.folder().to_owned(), database(town));
    let before = fs::read(&file).expect("the database");
    for (of_folder, of_file) in [(0o500, 0o600), (0o500, 0o400), (0o700, 0o400)] {
        permit(&folder, of_folder);
        permit(&file, of_file);
        let (code, said) = town.setup.refused();
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("zentry.db") && said.contains("check its path and permissions"), "{said}");
        assert!(fs::read(&file).expect("still there") == before, "it was changed");
    }
    permit(&folder, 0o700);
    permit(&file, 0o600);
    town.start();
    let mut running = load.run();
    running.until(|tally| tally.acknowledged >= MANY).await;
    running.stop().await;
    load.verdict(town, 0).await;
}

async fn damaged(town: &mut Town, load: &mut Load, dice: &mut Dice) {
    let file = database(town);
    town.start();
    let mut running = load.run();
    running.until(|tally| tally.acknowledged >= FILLING).await;
    running.stop().await;
    load.verdict(town, 0).await;
    town.stop();
    let sound = fs::read(&file).expect("the database");
    let holds_nothing = free_pages(&sound);
    let (mut refused, mut named, mut unharmed) = (0, 0, 0);
    for round in 0..6 * rounds() {
        fs::write(&file, &sound).expect("restored");
        for side in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{side}", file.display()));
        }
        // The first page says what the file is; each other one holds some table or index, or nothing.
        let page = if round == 0 { 0 } else { dice.below(sound.len()) as u64 / PAGE };
        let nonsense = overwrite(&file, page, dice);
        let (bot, lines) = town.setup.launch();
        if lines.iter().any(|line| line.contains("ready")) {
            if holds_nothing.contains(&page) {
                unharmed += 1;
            } else {
                let mut said = std::iter::from_fn(|| lines.recv_timeout(PATIENCE).ok());
                let is_told = said.any(|line| line.contains("is damaged") && line.contains("restore a backup"));
                assert!(is_told, "page {page}: {}", bot.log());
                named += 1;
            }
            send_some_to(town, load, bot).await;
        } else {
            let said = bot.log();
            assert_eq!(bot.wait().code(), Some(1), "page {page}: {said}");
            assert!(said.contains("zentry.db") && said.contains("restore a backup"), "page {page}: {said}");
            assert!(!holds_nothing.contains(&page), "refused because of page {page}, which holds nothing: {said}");
            assert!(fs::read(&file).expect("it is still there").len() >= sound.len(), "page {page} was cut off");
            assert_eq!(page_of(&file, page), nonsense, "page {page} was tampered with");
            refused += 1;
        }
    }
    println!(
        "{} damaged pages of {}: {refused} refused at the start, {named} named while running, {unharmed} held nothing",
        refused + named + unharmed,
        sound.len() as u64 / PAGE
    );
}

/// The pages of a file that hold nothing, counted from 0: the leaves of its list of free pages (SQLite, file format,
/// 1.5). The pages that hold the list itself are not among them.
fn free_pages(file: &[u8]) -> HashSet<u64> {
    let number = |at: u64| {
        let at = usize::try_from(at).expect("within the file");
        u64::from(u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes")))
    };
    let mut free = HashSet::new();
    let mut trunk = number(32);
    while trunk != 0 {
        let start = (trunk - 1) * PAGE;
        free.extend((0..number(start + 4)).map(|leaf| number(start + 8 + 4 * leaf) - 1));
        trunk = number(start);
    }
    free
}

fn keys(town: &Town) -> Keyring {
    Keyring::parse(&town.setup.settings["ZENTRY_KEYS"]).expect("the keys")
}

/// Sends some deliveries to a bot on a damaged store, kills it, and looks for those that it acknowledged.
async fn send_some_to(town: &Town, load: &mut Load, bot: Bot) {
    let (before, known) = (load.tally().answered(), load.acknowledged().collect::<HashSet<_>>());
    let mut running = load.run();
    running.until(|tally| tally.answered() >= before + MANY).await;
    bot.kill();
    running.stop().await;
    let sqlite = Sqlite::open_beside(&database(town), keys(town)).expect("it could be opened before");
    let store = sqlite.store();
    for issue in load.acknowledged().filter(|issue| !known.contains(issue)) {
        let cards = store.cards_of(&IssueId::new(issue.to_string())).await.expect("read");
        assert_eq!(cards.len(), 1, "issue {issue} was acknowledged on a damaged store and is lost");
    }
    // Whole, before the file is replaced.
    sqlite.close().await;
}

// === the disk ===

fn database(town: &Town) -> PathBuf {
    town.folder().join("zentry.db")
}

/// Overwrites a page with nonsense, and returns that.
fn overwrite(file: &Path, page: u64, dice: &mut Dice) -> Vec<u8> {
    let nonsense: Vec<_> = (0..PAGE).map(|_| u8::try_from(dice.below(256)).unwrap_or_default()).collect();
    let file = File::options().write(true).open(file).expect("the database");
    file.write_all_at(&nonsense, page * PAGE).expect("overwritten");
    nonsense
}

fn page_of(file: &Path, page: u64) -> Vec<u8> {
    let mut content = vec![0; usize::try_from(PAGE).unwrap_or_default()];
    File::open(file).and_then(|file| file.read_exact_at(&mut content, page * PAGE)).expect("a page");
    content
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own file");
}

/// Permissions do not bind root: there, the bot and its folder become somebody else's.
fn become_nobody(town: &mut Town) {
    let folder = town.folder().to_owned();
    if our_uid() != 0 {
        return;
    }
    let program = folder.join("zentry");
    fs::copy(&town.setup.program, &program).expect("a copy that nobody may run");
    permit(&program, 0o755);
    for entry in fs::read_dir(&folder).expect("the folder") {
        chown(entry.expect("a file").path(), Some(NOBODY), Some(NOBODY)).expect("root may");
    }
    chown(&folder, Some(NOBODY), Some(NOBODY)).expect("root may");
    town.setup.program = program;
    let words = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    town.setup.through = words.map(str::to_owned).into();
}

/// A small disk in memory, gone when dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(at: &Path, size: &str) -> io::Result<Self> {
        fs::create_dir_all(at)?;
        let options = format!("size={size},mode=700,uid={}", our_uid());
        let mount = as_root("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output()?;
        match mount.status.success() {
            true => Ok(Self(at.to_owned())),
            false => Err(io::Error::other(String::from_utf8_lossy(&mount.stderr).trim().to_owned())),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: the bot may still have its files open.
        let _ = as_root("umount").arg("-l").arg(&self.0).status();
    }
}

fn as_root(program: &str) -> Command {
    let mut words = ["sudo", "-n", program].into_iter().skip(if our_uid() == 0 { 2 } else { 0 });
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

fn our_uid() -> u32 {
    fs::metadata("/proc/self").expect("ourselves").uid()
}

fn mountable() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    Mount::new(&folder.path().join("disk"), "1m").map(drop)
}

/// A file that takes all the room that is left, until dropped.
struct Ballast(PathBuf);

impl Ballast {
    fn fill(disk: &Path) -> Self {
        let ballast = Self(disk.join("ballast"));
        let mut file = File::create(&ballast.0).expect("a file");
        for piece in [&[0; 65_536][..], &[0; 512]] {
            while file.write_all(piece).is_ok() {}
        }
        ballast
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
