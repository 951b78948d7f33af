//! A name server that never answers: calls are given up in time, tried again, and nobody else waits. Ignored, aloud, where no
//! name server can be put in place of the host's.

use std::fs;
use std::io;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use zentry_test_support::{PATIENCE, Town};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const SILENT: &str = "127.0.0.91";

fn main() -> ExitCode {
    let unplaceable = placeable().err();
    if let Some(why) = &unplaceable {
        eprintln!("ignored: no name server can be put in place of the host's: {why}");
    }
    let name = "a_name_server_that_never_answers_costs_a_call_three_seconds_and_nobody_else_anything";
    let trial = Trial::test(name, || run(silent)).with_ignored_flag(unplaceable.is_some());
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn run(test: impl AsyncFn()) -> Result<(), Failed> {
    tokio::runtime::Runtime::new()?.block_on(test());
    Ok(())
}

/// Row 15.
async fn silent() {
    let silent = UdpSocket::bind((SILENT, 53)).expect("port 53");
    let mut town = Town::built(ZENTRY).await;
    for setting in ["ZENTRY_ZOOM_API", "ZENTRY_ZOOM_OAUTH"] {
        town.setup.settings.insert(setting.into(), "https://zoom.example".into());
    }
    town.setup.through = through(town.folder());
    town.start();
    town.jane_types("help").await;
    // Who does not need it does not wait for it.
    assert!(town.jane_types("whoami").await.took < Duration::from_secs(2));
    let given_up = async {
        while count(&town, "_count").await < 2.0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, given_up).await.expect("it is given up, and tried again");
    let each = count(&town, "_sum").await / count(&town, "_count").await;
    assert!((2.0..4.5).contains(&each), "{each} s for each call");
    let mut question = [0; 512];
    silent.set_nonblocking(true).expect("a socket");
    assert!(silent.recv(&mut question).is_ok(), "it was asked");
}

/// Of the calls to Zoom that ran out of time.
async fn count(town: &Town, what: &str) -> f64 {
    let metrics = town.ops("/metrics").await.1;
    let series = format!(r#"zentry_outbound_seconds{what}{{service="zoom",status="timeout"}}"#);
    metrics.lines().find_map(|line| line.strip_prefix(&series)?.trim().parse().ok()).unwrap_or_default()
}

/// Starts a program where the silent one is the only name server, for it alone.
fn through(folder: &Path) -> Vec<String> {
    let file = folder.join("resolv.conf");
    fs::write(&file, format!("nameserver {SILENT}\n")).expect("written");
    let place = format!("mount --bind {} /etc/resolv.conf && exec \"$@\"", file.display());
    ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", &place, "sh"].map(str::to_owned).into()
}

fn placeable() -> io::Result<()> {
    UdpSocket::bind((SILENT, 53))?;
    let folder = tempfile::tempdir()?;
    let words = through(folder.path());
    let ran = Command::new(&words[0]).args(&words[1..]).arg("/bin/true").output()?;
    match ran.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&ran.stderr).trim().to_owned())),
    }
}
