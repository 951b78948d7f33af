//! `zentry keys rotate` beside the running bot: it loses nothing, whenever it is killed, and the bot goes on meanwhile.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use zentry_domain::ports::CredentialKey;
use zentry_domain::{AccountId, Owner, Secret, Vault};
use zentry_seal::{Keyring, new_key};
use zentry_sqlite::Sqlite;
use zentry_test_support::{Dice, Town, rounds};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// Credentials beside those that the bot has by itself: more than one transaction seals again.
const MANY: usize = 6_000;
const READ: &str = "the secrets were read again and hold";

#[tokio::test(flavor = "multi_thread")]
async fn however_often_it_is_killed_everything_opens_and_in_the_end_with_the_new_key_alone() {
    let mut dice = Dice::thrown();
    let mut town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("web").await;
    town.stop();
    let mut key = town.setup.settings.remove("ZENTRY_KEYS").expect("a key");
    let (store, keys) = (town.folder().join("zentry.db"), town.folder().join("keys"));
    fill(&store, &key).await;
    let settings = [("ZENTRY_KEYS_FILE", keys.display().to_string()), ("ZENTRY_STORM_BUDGET", "0".into())];
    town.setup.settings.extend(settings.map(|(name, value)| (name.to_owned(), value)));
    fs::write(&keys, &key).expect("written");
    town.start();

    // The first one is left alone: so long it takes.
    let (mut whole, mut kills, mut undone) = (Duration::ZERO, 0, 0);
    for round in 0..=rounds() {
        let new = format!("r{round}:{}", *new_key());
        fs::write(&keys, format!("{new},{key}")).expect("written");
        let said = town.log().len();
        town.signal("HUP");
        town.logged_after(said, READ).await;
        for _ in 0..if round == 0 { 0 } else { 1 + dice.below(3) } {
            let (rotating, began) = (rotate(&town), Instant::now());
            let enough = whole.mul_f64(dice.below(1_000) as f64 / 1_000.0);
            // What the bot does meanwhile is done all the same.
            let resolved = format!("Error of round {round} {kills}");
            town.error_in(&town.cast.web, &resolved).await;
            while began.elapsed() < enough {
                tokio::task::yield_now().await;
            }
            undone += usize::from(!is_killed_too_late(rotating));
            kills += 1;
            if dice.one_in(4) {
                town.kill_and_start();
            }
            all_open(&store, &format!("{new},{key}")).await;
            town.jane_sees(&resolved).await;
        }
        let began = Instant::now();
        let output = rotate(&town).wait_with_output().expect("it ends");
        if round == 0 {
            whole = began.elapsed();
        }
        is_done(&output, &new);
        key = new;
        all_open(&store, &key).await;
        town.cards_are_settled().await;
    }
    town.stop();
    fs::write(&keys, &key).expect("written");
    town.start();
    town.jane_types("whoami").await;
    town.jane_sees("ana@acme.io").await;
    println!("{MANY} values: {whole:?}; {kills} kills, of them {undone} in the middle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_running_bot_lacks_seals_nothing_and_a_lost_one_is_named_at_the_start() {
    let mut town = Town::with_linking(ZENTRY).await;
    town.jane_connects_and_links("web").await;
    let old = town.setup.settings["ZENTRY_KEYS"].clone();
    let new = format!("k2:{}", *new_key());
    town.setup.settings.insert("ZENTRY_KEYS".into(), format!("{new},{old}"));
    let output = rotate(&town).wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{stderr}");
    assert!(stderr.contains("does not have sealing key k2: put it first in its ZENTRY_KEYS too"), "{stderr}");

    // Started with both.
    town.restart();
    let output = rotate(&town).wait_with_output().expect("it ends");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(stdout.contains(" sealed again with key k2\n"), "{stdout}");
    assert!(stdout.contains("no longer needed, except for backups made before: k1"), "{stdout}");
    town.stop();

    let wrong = format!("k2:{}", *new_key());
    for (keys, named) in [(&old, "k2"), (&wrong, "k2")] {
        town.setup.settings.insert("ZENTRY_KEYS".into(), keys.clone());
        let (code, stderr) = town.setup.refused();
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.contains(named), "{stderr}");
        let value = keys.split_once(':').expect("an id").1;
        assert!(!stderr.contains(value) && !stderr.contains(&new[3..]), "{stderr}");
    }
    town.setup.settings.insert("ZENTRY_KEYS".into(), new);
    town.start();
    town.jane_types("whoami").await;
    town.jane_sees("ana@acme.io").await;
}

fn rotate(town: &Town) -> Child {
    let mut command: Command = town.setup.command(&["keys", "rotate"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// Kills it. Whether it had come to its end by itself.
fn is_killed_too_late(mut rotating: Child) -> bool {
    let ended = rotating.try_wait().expect("it can be asked").is_some();
    let _ = rotating.kill();
    rotating.wait().expect("it ends");
    ended
}

fn is_done(output: &Output, key: &str) {
    let id = key.split_once(':').expect("an id").0;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stdout.contains(&format!(" sealed again with key {id}\n")), "{stdout}");
    // No terminal: plain lines, and none where there was little left to do.
    assert!(stderr.lines().all(|line| line.starts_with("re-sealing: ") && line.ends_with(" %")), "{stderr}");
}

async fn fill(store: &Path, keys: &str) {
    let sqlite = Sqlite::open(store, Keyring::parse(keys).expect("keys")).expect("it opens");
    let vault = sqlite.vault();
    let saves = (0..MANY).map(|n| {
        let vault = Arc::clone(&vault);
        tokio::spawn(async move { vault.save(&credential(n), &Secret::new(grant(n)), None).await })
    });
    for saved in saves.collect::<Vec<_>>() {
        saved.await.expect("no panic").expect("saved");
    }
    sqlite.close().await;
}

/// Every credential opens with these keys and is what it was.
async fn all_open(store: &Path, keys: &str) {
    let sqlite = Sqlite::open_beside(store, Keyring::parse(keys).expect("keys")).expect("it opens");
    for n in 0..MANY {
        let loaded = sqlite.vault().load(&credential(n)).await.expect("it opens").expect("it is there");
        assert_eq!(loaded.0.expose(), grant(n));
    }
    sqlite.close().await;
}

fn credential(n: usize) -> CredentialKey {
    CredentialKey { owner: Owner::Zoom(AccountId::new(format!("filled-{}", n % 7))), name: format!("grant-{n}") }
}

fn grant(n: usize) -> String {
    format!("token-{n}")
}
