//! Operators' commands of the real binary, beside the running bot and without it.

use std::path::PathBuf;
use std::time::Duration;

use zentry_test_support::sandbox::Fault;
use zentry_test_support::{PATIENCE, Setup, Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const HEADER: &str = "id  account  channel  reason  attempts  since\n";

// === dead letters ===

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_answer_is_listed_shown_and_replayed_beside_the_running_bot() {
    let town = Town::with_integration(ZENTRY).await;
    assert_eq!(done(&town, &["dead", "list"]), HEADER);
    assert_eq!(done(&town, &["dead", "list", "--json"]), "[]\n");

    let id = refused_help(&town).await;
    let list = done(&town, &["dead", "list"]);
    assert!(
        list.lines().nth(1).expect("one letter").contains("refused: Zoom answered 400/300: Invalid body"),
        "{list}"
    );
    let letter = letters(&town).remove(0);
    let keys: Vec<_> = letter.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["account", "attempts", "channel", "id", "reason", "since"]);
    assert_eq!(letter["account"], town.cast.jane.account);
    assert_eq!(letter["channel"], town.cast.jane.jid());

    let shown: serde_json::Value = serde_json::from_str(&done(&town, &["dead", "show", &id])).expect("JSON");
    assert_eq!(shown["job"]["job"], "answer", "{shown}");
    assert!(shown["job"]["notice"]["head"].as_str().expect("words").contains("Sentry for this channel"), "{shown}");

    assert_eq!(done(&town, &["dead", "replay", &id]), "1 dead letter replayed\n");
    // Sooner than the bot would have looked by itself.
    town.jane_reads("Sentry for this channel").await;
    assert_eq!(done(&town, &["dead", "list"]), HEADER);
    assert_eq!(town.sandbox.zoom.messages(&town.cast.jane, &town.cast.jane).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_is_accounted_for_and_never_sent() {
    let town = Town::with_integration(ZENTRY).await;
    refused_help(&town).await;
    assert_eq!(done(&town, &["dead", "drop", "--since", "1h"]), "1 dead letter dropped\n");
    assert_eq!(done(&town, &["dead", "drop", "--all"]), "0 dead letters dropped\n");
    town.answers_are_said().await;
    assert_eq!(town.sandbox.zoom.messages(&town.cast.jane, &town.cast.jane).len(), 0);
    let metrics = town.ops("/metrics").await.1;
    assert!(metrics.contains(r#"zentry_ledger_suppressed_total{reason="held"} 1"#), "{metrics}");
    assert!(metrics.contains("zentry_ledger_dead 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replayed_while_the_bot_is_down_is_sent_when_it_is_back() {
    let mut town = Town::with_integration(ZENTRY).await;
    refused_help(&town).await;
    town.stop();
    assert_eq!(letters(&town).len(), 1);
    assert_eq!(done(&town, &["dead", "replay", "--all"]), "1 dead letter replayed\n");
    town.start();
    town.jane_reads("Sentry for this channel").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_not_there_is_named_and_nothing_else_is_touched() {
    let town = Town::with_integration(ZENTRY).await;
    let id = refused_help(&town).await;
    for command in ["show", "replay", "drop"] {
        let ran = run(&town.setup, &["dead", command, "0123"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("there is no dead letter 0123; `zentry dead list` shows"), "{}", ran.stderr);
    }
    assert_eq!(run(&town.setup, &["dead", "drop", &id, "0123"]).code, 1);
    assert_eq!(letters(&town).len(), 1);
}

// === audit ===

#[tokio::test(flavor = "multi_thread")]
async fn who_changed_what_is_read_beside_the_running_bot_and_stays_when_the_subscription_goes() {
    let town = Town::with_integration(ZENTRY).await;
    assert_eq!(done(&town, &["audit"]), "at  account  actor  action  object  result\n");
    assert_eq!(done(&town, &["audit", "--json"]), "[]\n");
    town.jane_types("connect acme checkout").await;
    town.jane_sees("Connected: acme / checkout").await;
    town.jane_types("disconnect").await;
    town.jane_sees("Disconnected everything here").await;
    let entries: Vec<serde_json::Value> = serde_json::from_str(&done(&town, &["audit", "--json"])).expect("JSON");
    let of = |entry: &serde_json::Value| (entry["action"].clone(), entry["account"].clone());
    let account = serde_json::json!(town.cast.jane.account);
    assert_eq!(
        entries.iter().map(of).collect::<Vec<_>>(),
        [("connect".into(), account.clone()), ("disconnect".into(), account)]
    );
    assert!(entries[1]["actor"].as_str().expect("words").starts_with("Jane Dev ("), "{}", entries[1]);
    assert!(entries[1]["object"].as_str().expect("words").starts_with("acme / checkout in #"), "{}", entries[1]);
    assert_eq!(entries[1]["result"], "done");
}

// === usage ===

#[tokio::test(flavor = "multi_thread")]
async fn bad_usage_and_missing_settings_end_with_64_and_touch_nothing() {
    let town = Town::built(ZENTRY).await;
    for words in [
        &["dead", "replay"][..],
        &["dead", "replay", "--all", "0123"],
        &["dead", "drop", "--since", "5x"],
        &["dead", "list", "--yaml"],
        &["backup"],
        &["restore"],
    ] {
        let ran = run(&town.setup, words);
        assert_eq!((ran.code, ran.stdout.as_str()), (64, ""), "{words:?}: {}", ran.stderr);
    }
    let file = beside(&town, "zentry.backup");
    for words in [&["dead", "list"][..], &["backup", &file], &["restore", &file]] {
        for (setting, value) in [("ZENTRY_KEYS", ""), ("ZENTRY_KEYS", "k1:canary"), ("ZENTRY_STORE", "zentry.db")] {
            let mut setup = town.setup.clone();
            setup.settings.insert(setting.into(), value.into());
            let ran = run(&setup, words);
            assert_eq!((ran.code, ran.stdout.as_str()), (64, ""), "{words:?}: {}", ran.stderr);
            assert!(ran.stderr.starts_with(&format!("zentry: {setting}")), "{}", ran.stderr);
            assert!(ran.stderr.lines().count() == 1 && !ran.stderr.contains("canary"), "{}", ran.stderr);
        }
    }
    assert!(std::fs::read_dir(town.folder()).expect("a folder").next().is_none(), "not even a file was made");

    let mut setup = town.setup.clone();
    setup.settings.insert("ZENTRY_STORE".into(), "postgres://bot@db.example.com/zentry".into());
    let ran = run(&setup, &["backup", &file]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("pg_dump"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_need_no_setting_but_the_store_and_the_keys() {
    let mut town = Town::with_integration(ZENTRY).await;
    let file = beside(&town, "zentry.backup");
    let mut setup = town.setup.clone();
    setup.settings.retain(|name, _| name == "ZENTRY_KEYS");
    let store = format!("sqlite:{}", town.folder().join("zentry.db").display());
    assert_eq!(run(&setup, &["dead", "list", "--store", &store]).stdout, HEADER);
    assert_eq!(run(&setup, &["backup", &file, "--store", &store]).code, 0);
    town.stop();
    assert_eq!(run(&setup, &["--store", &store, "restore", &file]).code, 64, "it is the command's flag");
    assert_eq!(run(&setup, &["restore", "--store", &store, &file]).code, 0);
}

// === backup and restore ===

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_bot_goes_on_and_posts_nothing_twice() {
    let mut town = Town::with_integration(ZENTRY).await;
    town.jane_types("connect acme web").await;
    town.jane_sees("Connected: acme / web").await;
    town.cards_are_settled().await;
    // Zoom shows the card, and lets the bot wait for its answer: meanwhile nobody knows whether it was sent.
    town.sandbox.zoom.faults().next(Fault::Late(Duration::from_secs(5)));
    town.error_in(&town.cast.web, "TimeoutError").await;
    town.jane_sees("New · [web] TimeoutError").await;
    let file = beside(&town, "zentry.backup");
    let said = done(&town, &["backup", &file]);
    assert!(said.starts_with(&file) && said.ends_with("sealed with key k1, checked\n"), "{said}");

    let ran = run(&town.setup, &["restore", &file]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("is in use by another process: stop that one first"), "{}", ran.stderr);
    town.stop();
    let said = done(&town, &["restore", &file]);
    assert!(said.contains("held: 1 job that had not been done when it was made"), "{said}");
    assert!(said.contains("zentry.db.before-restore; delete it in the end"), "{said}");

    town.start();
    town.cards_are_settled().await;
    assert_eq!(times(&town, "TimeoutError"), 1, "its subscription is there, and nothing was posted again");
    let letters = letters(&town);
    assert_eq!((letters.len(), &letters[0]["reason"]), (1, &"held after a restore".into()), "{letters:?}");
    assert_eq!(letters[0]["channel"], town.cast.alerts.jid().to_lowercase());
    assert_eq!(done(&town, &["dead", "drop", "--all"]), "1 dead letter dropped\n");
    town.cards_are_settled().await;
    assert_eq!(times(&town, "TimeoutError"), 1);

    let metrics = town.ops("/metrics").await.1;
    let value = |name: &str| -> u64 {
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    let ended = value("zentry_ledger_delivered_total") + value("zentry_ledger_suppressed_total");
    assert_eq!(value("zentry_ledger_accepted_total"), ended + value("zentry_ledger_pending"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_held_is_shown_to_nobody() {
    let mut town = Town::with_linking(ZENTRY).await;
    // Of the link to Jane and the word to the channel neither is known to be sent when the backup is made.
    town.sandbox.zoom.faults().next_times(2, &Fault::Late(Duration::from_secs(5)));
    town.jane_types("connect acme web").await;
    let link = town.link_for_jane().await;
    let file = beside(&town, "zentry.backup");
    done(&town, &["backup", &file]);
    town.stop();
    done(&town, &["restore", &file]);

    let letters = letters(&town);
    let show = |letter: &serde_json::Value| done(&town, &["dead", "show", letter["id"].as_str().expect("an id")]);
    let shown: String = letters.iter().map(show).collect();
    assert!(shown.contains("Link Sentry account") && shown.contains("/link/…\""), "{shown}");
    assert!(!shown.contains(link.rsplit('/').next().expect("a token")), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_removed_the_bot_does_not_come_back_from_a_backup() {
    let mut town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("web").await;
    town.error_in(&town.cast.web, "TimeoutError").await;
    town.jane_sees("New · [web] TimeoutError").await;
    let file = beside(&town, "zentry.backup");
    done(&town, &["backup", &file]);
    let account = town.cast.jane.account.clone();
    town.stop();
    assert!(holds(&town, &account), "it is there in clear, or this test shows nothing");

    town.start();
    kept(town.sandbox.zoom.uninstall(&town.cast.jane).await);
    let revoked = tokio::time::timeout(PATIENCE, async {
        while town.sandbox.sentry.tokens_of(&town.cast.ana) > 0 {
            tokio::task::yield_now().await;
        }
    });
    assert!(revoked.await.is_ok(), "{}", town.log());
    town.stop();
    assert!(!holds(&town, &account));
    let said = done(&town, &["restore", &file]);
    assert!(said.contains("deleted again: 1 account that left since"), "{said}");
    for words in [account.as_str(), "TimeoutError", "Jane Dev", "ana@acme.io"] {
        assert!(!holds(&town, words), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_sound_backup_is_refused_with_1_and_the_store_stays() {
    let mut town = Town::with_integration(ZENTRY).await;
    let file = beside(&town, "zentry.backup");
    let store = beside(&town, "zentry.db");
    assert_eq!(run(&town.setup, &["backup", &store]).code, 1, "a slip must not cost the store");
    done(&town, &["backup", &file]);
    town.stop();

    let (before, good) = (std::fs::read(&store).expect("the store"), std::fs::read(&file).expect("the backup"));
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for (bytes, why) in [
        (&good[..good.len() / 2], "altered or cut short"),
        (&flipped, "altered or cut short"),
        (&b"notes"[..], "not a sealed archive"),
    ] {
        std::fs::write(&file, bytes).expect("written");
        let ran = run(&town.setup, &["restore", &file]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.starts_with("zentry: nothing was restored: ") && ran.stderr.contains(why), "{}", ran.stderr);
    }
    std::fs::write(&file, good).expect("written");
    let mut setup = town.setup.clone();
    setup.settings.insert("ZENTRY_KEYS".into(), "k2:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE".into());
    let ran = run(&setup, &["restore", &file]);
    assert!(ran.code == 1 && ran.stderr.contains("sealed with key k1, which is not among"), "{}", ran.stderr);
    assert_eq!(std::fs::read(&store).expect("the store"), before);
    assert!(!PathBuf::from(format!("{store}.before-restore")).exists());
}

// === helpers ===

/// A command that has ended.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(setup: &Setup, words: &[&str]) -> Ran {
    let output = setup.command(words).output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What a command that succeeds prints; it says nothing else.
fn done(town: &Town, words: &[&str]) -> String {
    let ran = run(&town.setup, words);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{words:?}: {}", ran.stdout);
    ran.stdout
}

fn letters(town: &Town) -> Vec<serde_json::Value> {
    let listed = done(town, &["dead", "list", "--json"]);
    serde_json::from_str(&listed).expect("an array")
}

/// Jane asks for help in her own chat, and Zoom refuses the answer for good, as a card and as plain text. Returns the letter's id.
async fn refused_help(town: &Town) -> String {
    let refused = Fault::Answer {
        status: 400,
        headers: vec![("content-type".into(), "application/json".into())],
        body: r#"{"code":300,"message":"Invalid body"}"#.into(),
    };
    town.sandbox.zoom.faults().next_times(2, &refused);
    town.jane_writes("help").await;
    town.logged("a job was given up").await;
    letters(town).remove(0)["id"].as_str().expect("an id").to_owned()
}

fn beside(town: &Town, name: &str) -> String {
    town.folder().join(name).display().to_string()
}

/// How many messages of the channel hold these words.
fn times(town: &Town, words: &str) -> usize {
    let seen = town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.jane);
    seen.iter().filter(|message| message.to_string().contains(words)).count()
}

/// Whether any file of the bot's folder holds these words.
fn holds(town: &Town, words: &str) -> bool {
    let files = std::fs::read_dir(town.folder()).expect("a folder");
    let mut contents = files.map(|file| std::fs::read(file.expect("a file").path()).expect("read"));
    contents.any(|bytes| bytes.windows(words.len()).any(|window| window == words.as_bytes()))
}
