//! A sync that fails: nobody knows what is stored, and asking again may lie. So nothing is acknowledged any more, no second
//! sync is tried, and the bot ends. Ignored, aloud, where no process may be traced.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use zentry_test_support::{PATIENCE, Town, trace};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// Syncs that succeed: some for the start, one for each delivery and each thing done.
const GOOD: usize = 40;

fn main() -> ExitCode {
    let unavailable = trace::unavailable();
    if let Some(why) = &unavailable {
        eprintln!("ignored: {why}");
    }
    let trial = Trial::test("a_sync_that_fails_is_not_repeated_and_ends_the_bot_with_1", || run(failing));
    libtest_mimic::run(&Arguments::from_args(), vec![trial.with_ignored_flag(unavailable.is_some())]).exit_code()
}

fn run(test: impl AsyncFn()) -> Result<(), Failed> {
    tokio::runtime::Runtime::new()?.block_on(test());
    Ok(())
}

/// Row 31.
async fn failing() {
    let mut town = Town::built(ZENTRY).await;
    let calls = town.folder().join("syncs");
    town.setup.settings.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
    town.setup.through = failing_syncs(&calls);
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
    for _ in 0..3 {
        let later = town.sandbox.zoom.say(&town.cast.jane, &town.cast.alerts, "help").await;
        assert_eq!(later.status, Some(500));
    }
    town.logged("check the disk, then restart").await;
    let bot = town.take();
    let process = bot.id();
    let ended = tokio::task::spawn_blocking(move || bot.wait());
    let ended = tokio::time::timeout(PATIENCE, ended).await.expect("it ends by itself").expect("awaited");
    assert_eq!(ended.code(), Some(1));
    trace::of_ended(process, &calls).await;
    let calls = fs::read_to_string(&calls).expect("a trace");
    assert_eq!(calls.matches("EIO").count(), 1, "{calls}");

    town.setup.through.clear();
    town.start();
    let all = |messages: &[_]| (messages.len() >= acknowledged).then_some(());
    let zoom = &town.sandbox.zoom;
    zoom.wait_until(&town.cast.alerts, &town.cast.jane, "every answer", PATIENCE, all).await.expect("all are said");
    town.stop();
}

/// Lets every sync but the first ones fail, and writes them down.
fn failing_syncs(calls: &Path) -> Vec<String> {
    let inject = format!("inject=fsync,fdatasync:error=EIO:when={}+", GOOD + 1);
    let words = ["strace", "-D", "-f", "-e", "trace=fsync,fdatasync", "-e", &inject, "-e", "signal=none", "-o"];
    words.map(str::to_owned).into_iter().chain([calls.display().to_string()]).collect()
}
