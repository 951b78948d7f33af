//! `zentry init` of the real binary, answered from a pipe.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use zentry_test_support::{Ran, Setup, Town};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

/// Runs it with these lines as answers.
fn init(setup: &Setup, words: &[&str], answers: &str) -> Ran {
    let mut command = setup.command(&[&["init"], words].concat());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut answering = child.stdin.take().expect("a pipe");
    // It may have ended before the last one.
    let _ = answering.write_all(answers.as_bytes());
    drop(answering);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_make_manifests_a_key_and_a_file_with_which_the_bot_runs() {
    let mut town = Town::built(ZENTRY).await;
    let known = town.setup.settings.clone();
    let value = |name: &str| known[name].clone();
    let file = town.folder().join("zentry.env");
    let name = file.display().to_string();
    // What nobody is asked, because nobody else has it: where the doubles are.
    town.setup.settings.retain(|name, _| {
        ["ZENTRY_LISTEN", "ZENTRY_OPS_LISTEN", "ZENTRY_ZOOM_API", "ZENTRY_ZOOM_OAUTH", "ZENTRY_STORE"]
            .contains(&name.as_str())
    });
    let answers = [
        value("ZENTRY_PUBLIC_URL"),
        String::new(),
        value("ZENTRY_SENTRY_URL"),
        "no".into(),
        "no".into(),
        value("ZENTRY_ZOOM_CLIENT_ID"),
        value("ZENTRY_ZOOM_CLIENT_SECRET"),
        value("ZENTRY_ZOOM_BOT_JID"),
        value("ZENTRY_ZOOM_SECRET_TOKEN"),
        value("ZENTRY_SENTRY_ORG"),
        value("ZENTRY_SENTRY_TOKEN"),
        value("ZENTRY_SENTRY_CLIENT_SECRET"),
        "no".into(),
        String::new(),
    ];
    let answers = answers.join("\n") + "\n";
    let ran = init(&town.setup, &[&name], &answers);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for words in [
        "\"display_information\"",
        "\"isInternal\": true",
        "ok — Zoom app",
        "ok — Sentry read",
        "red — pages",
        "start `zentry serve`",
    ] {
        assert!(ran.stdout.contains(words), "{words}:\n{}", ran.stdout);
    }
    assert!(ran.stderr.contains("zentry serve"), "{}", ran.stderr);

    assert_eq!(std::fs::metadata(&file).expect("written").permissions().mode() & 0o777, 0o600);
    let written = std::fs::read_to_string(&file).expect("text");
    let settings =
        written.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| name.starts_with("ZENTRY_"));
    town.setup.settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert!(town.setup.settings["ZENTRY_KEYS"].starts_with("k1:"));
    town.start();
    town.jane_writes("help").await;
    town.jane_reads("Sentry for").await;

    // Nothing that is there is touched, and nobody answers twenty questions for nothing.
    let again = init(&town.setup, &[&name], &answers);
    assert_eq!((again.code, again.stdout.as_str()), (1, ""));
    assert!(again.stderr.contains("is there already: name another file"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&file).expect("text"), written);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_end_too_early_write_nothing() {
    let mut town = Town::built(ZENTRY).await;
    town.setup.settings.clear();
    let file = town.folder().join("zentry.env");
    for (answers, why) in [
        ("", "zentry: ZENTRY_PUBLIC_URL is not answered; the answers ended here"),
        ("bot.example.com\n", "zentry: ZENTRY_PUBLIC_URL is no address"),
        ("https://bot.example.com\n\n\n\n\n\n", "zentry: ZENTRY_ZOOM_CLIENT_ID: it cannot be left out; "),
    ] {
        let ran = init(&town.setup, &[&file.display().to_string()], answers);
        assert_eq!(ran.code, 64, "{}", ran.stderr);
        assert!(ran.stderr.lines().last().expect("a line").starts_with(why), "{}", ran.stderr);
    }
    assert!(!file.exists());
}
