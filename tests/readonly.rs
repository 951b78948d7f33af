//! A file system that turns read-only under the running bot, as Linux does it after an error: what comes is refused, the bot
//! ends by itself, stays down while nothing can be written, and then goes on with everything that it has acknowledged. Ignored,
//! aloud, where no file system can be mounted.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use zentry_test_support::{PATIENCE, Town};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const SIZE: u64 = 32 * 1024 * 1024;

fn main() -> ExitCode {
    let unmountable = mountable().err();
    if let Some(why) = &unmountable {
        eprintln!("ignored: no file system can be mounted: {why}");
    }
    let name = "a_file_system_that_turns_read_only_is_answered_500_and_nothing_acknowledged_is_lost";
    let trial = Trial::test(name, || run(turned_read_only)).with_ignored_flag(unmountable.is_some());
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn run(test: impl AsyncFn()) -> Result<(), Failed> {
    tokio::runtime::Runtime::new()?.block_on(test());
    Ok(())
}

/// Row 33.
async fn turned_read_only() {
    let mut town = Town::built(ZENTRY).await;
    let disk = Disk::new(town.folder()).expect("mounted");
    let store = format!("sqlite:{}", disk.at.join("zentry.db").display());
    town.setup.settings.insert("ZENTRY_STORE".into(), store);
    town.start();
    let mut acknowledged = 0;
    for _ in 0..10 {
        town.jane_types("help").await;
        acknowledged += 1;
    }
    disk.abort();
    let refused = loop {
        // What was under way may still be answered.
        let delivery = town.sandbox.zoom.say(&town.cast.jane, &town.cast.alerts, "help").await;
        match delivery.status {
            Some(200) => acknowledged += 1,
            other => break other,
        }
    };
    assert_eq!(refused, Some(500));
    town.logged("check the disk, then restart").await;
    let bot = town.take();
    let ended = tokio::task::spawn_blocking(move || bot.wait());
    let ended = tokio::time::timeout(PATIENCE, ended).await.expect("it ends by itself").expect("awaited");
    assert_eq!(ended.code(), Some(1));
    let (code, said) = town.setup.refused();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("zentry.db") && said.contains("check its path and permissions"), "{said}");

    disk.mend();
    town.start();
    town.jane_types("help").await;
    let all = |messages: &[_]| (messages.len() > acknowledged).then_some(());
    let zoom = &town.sandbox.zoom;
    zoom.wait_until(&town.cast.alerts, &town.cast.jane, "every answer", PATIENCE, all).await.expect("all are said");
    town.stop();
}

/// A small ext4 in a file, gone when dropped.
struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    fn new(folder: &Path) -> io::Result<Self> {
        let disk = Self { image: folder.join("disk.img"), at: folder.join("disk") };
        fs::create_dir(&disk.at)?;
        fs::File::create(&disk.image)?.set_len(SIZE)?;
        let us = fs::metadata("/proc/self")?;
        let owner = format!("root_owner={}:{}", us.uid(), us.gid());
        as_root("mkfs.ext4", &["-q", "-E", &owner, &disk.image.display().to_string()])?;
        disk.mount()?;
        Ok(disk)
    }

    fn mount(&self) -> io::Result<()> {
        as_root("mount", &["-o", "loop", &self.image.display().to_string(), &self.at.display().to_string()])
    }

    /// Makes it read-only at once, whoever has files open, as after an error.
    fn abort(&self) {
        as_root("mount", &["-o", "remount,abort", &self.at.display().to_string()]).expect("aborted");
    }

    /// Mounts it anew, as after a reboot.
    fn mend(&self) {
        as_root("umount", &[&self.at.display().to_string()]).expect("nobody holds it");
        self.mount().expect("mounted again");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the bot may still have its files open.
        let _ = as_root("umount", &["-l", &self.at.display().to_string()]);
    }
}

fn as_root(program: &str, arguments: &[&str]) -> io::Result<()> {
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    let mut words = ["sudo", "-n", program].into_iter().skip(if is_root { 2 } else { 0 });
    let ran = Command::new(words.next().unwrap_or_default()).args(words).args(arguments).output()?;
    match ran.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{program}: {}", String::from_utf8_lossy(&ran.stderr).trim()))),
    }
}

fn mountable() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    Disk::new(folder.path()).map(drop)
}
