//! No secret is anywhere but where it belongs: after a story with everything that uses one, each is looked for in what the
//! program said, answered and stored, in every spelling.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use zentry_seal::new_key;
use zentry_test_support::sandbox::{Fault, Signing};
use zentry_test_support::{Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_log_an_answer_a_metric_the_store_or_a_backup() {
    let mut town = built().await;
    let mut found = Found::default();
    let mut secrets = settings_of(&town);

    // Linking, with an exchange that fails first; installing; a card; a press; an answer that Zoom refuses for good.
    town.start();
    town.sandbox.zoom.log_in(&town.cast.jane);
    // It ends at Zoom, where this browser cannot follow.
    drop(town.sandbox.browser.open(&format!("{}/zoom/install", town.public_url)).await);
    town.jane_types("connect acme web").await;
    let first = town.link_for_jane().await;
    town.sandbox.sentry.oauth_faults().next_times(1, &Fault::status(503));
    found.answers.push(town.jane_signs_in(&first).await.html);
    found.answers.push(town.sandbox.browser.open(&first).await.expect("a page").html);
    town.jane_types("connect acme web").await;
    let links = [first, newest_link(&town).await];
    let page = town.jane_signs_in(&links[1]).await;
    let code = page.element("confirm-code").expect("a code");
    secrets.extend(tokens(&town));
    town.jane_writes(&code).await;
    town.jane_sees("Connected: acme / web").await;
    town.error_in(&town.cast.web, "TimeoutError").await;
    let card = town.jane_sees("New · [web] TimeoutError").await;
    town.jane_presses(&card, "Resolve").await;
    town.jane_sees("Resolved · [web]").await;
    let refused =
        Fault::Answer { status: 400, headers: Vec::new(), body: r#"{"code":300,"message":"Invalid"}"#.into() };
    town.sandbox.zoom.faults().next_times(2, &refused);
    town.jane_writes("help").await;
    town.logged("a job was given up").await;
    secrets.extend(tokens(&town));

    // A token that Zoom does not take any more, one that Sentry does not, a body that nobody can read, a forgery.
    town.sandbox.zoom.expire_tokens();
    town.jane_types("whoami").await;
    town.jane_sees("ana@acme.io").await;
    town.sandbox.sentry.revoke(&town.cast.ana);
    town.jane_types("connect acme api").await;
    town.answers_are_said().await;
    kept(town.sandbox.zoom.deliver_raw("{\"event\":", Signing::Proper).await);
    let forged = Signing::Forged { timestamp: "1740440973".into(), signature: format!("v0={}", "0".repeat(64)) };
    found.answers.push(town.sandbox.zoom.deliver_raw("{}", forged).await.body);
    secrets.extend(tokens(&town));

    // Everything is looked at while it runs, and after it has ended.
    for path in ["/metrics", "/healthz", "/readyz"] {
        found.metrics.push(town.ops(path).await.1);
    }
    for path in ["/", "/privacy", "/terms", "/support", "/zoom/install", "/zoom/callback?code=x", "/link/x"] {
        let page = town.sandbox.browser.open(&format!("{}{path}", town.public_url)).await;
        found.answers.extend(page.ok().map(|page| page.html));
    }
    let messages = [town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.jane)].concat();
    found.answers.extend(messages.iter().map(|message| message.content.to_string()));
    found.read_folder(&town, "while it runs");
    let backup = town.folder().join("zentry.backup").display().to_string();
    for words in
        [&["backup", &backup][..], &["audit"], &["dead", "list"], &["keys", "rotate"], &["dead", "replay", "--all"]]
    {
        let output = town.setup.command(words).output().expect("it starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        found.said.extend([output.stdout, output.stderr]);
    }
    found.said.push(town.log().into_bytes());
    town.stop();
    found.read_folder(&town, "after its end");
    found.said.push(fs::read(standard_output(&town)).expect("written"));

    // What lets somebody in is nowhere at all.
    assert!(secrets.len() >= 10, "{secrets:?}");
    for secret in &secrets {
        found.nowhere(secret);
    }
    // A link is in the chat and its page, and a code in its page: nowhere else.
    let token = |link: &String| link.rsplit('/').next().expect("a token").to_owned();
    for secret in links.iter().map(token).chain([code.clone()]) {
        found.not_said_nor_stored(&secret);
    }
    // Or nothing of this would show anything.
    assert!(found.everything().any(|(_, text)| text.contains("TimeoutError")), "the card is in clear");
    assert!(found.stored.iter().any(|(at, _)| at.contains("-wal")), "the log was looked at");
    println!("{} secrets, {} places", secrets.len() + 3, found.everything().count());
}

#[test]
fn the_search_finds_what_is_spelled_otherwise() {
    let secret = "canary-7Kx/+ü\"";
    let spelled = spellings(secret);
    assert!(spelled.len() >= 12, "{spelled:?}");
    let reversed: String = secret.chars().rev().collect();
    for text in [
        secret.to_owned(),
        reversed,
        HEXLOWER.encode(secret.as_bytes()),
        BASE64.encode(format!("x{secret}y").as_bytes()),
        BASE64URL.encode(format!("xy{secret}z").as_bytes()),
        "%63%61%6e%61%72%79%2d%37%4b%78%2f%2b%c3%bc%22".to_owned(),
        "?token=canary-7Kx%2F%2B%C3%BC%22&x=1".to_owned(),
        serde_json::json!({ "token": secret }).to_string(),
    ] {
        assert!(spelled.iter().any(|spelling| text.contains(spelling.as_str())), "{text}");
    }
    assert!(!spelled.iter().any(|spelling| "canary-7 and others".contains(spelling.as_str())));
}

// === what was found ===

#[derive(Default)]
struct Found {
    said: Vec<Vec<u8>>,
    answers: Vec<String>,
    metrics: Vec<String>,
    stored: Vec<(String, Vec<u8>)>,
}

impl Found {
    /// Everything in the bot's folder, but for what a test has put there.
    fn read_folder(&mut self, town: &Town, when: &str) {
        for file in fs::read_dir(town.folder()).expect("a folder") {
            let path = file.expect("a file").path();
            if path != standard_output(town) {
                self.stored.push((format!("{} {when}", path.display()), fs::read(&path).expect("read")));
            }
        }
    }

    fn said_and_stored(&self) -> impl Iterator<Item = (String, String)> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let said = self.said.iter().map(move |said| ("what was printed".to_owned(), text(said)));
        let metrics = self.metrics.iter().map(|metrics| ("metrics".to_owned(), metrics.clone()));
        said.chain(metrics).chain(self.stored.iter().map(move |(at, bytes)| (at.clone(), text(bytes))))
    }

    fn everything(&self) -> impl Iterator<Item = (String, String)> {
        let answers = self.answers.iter().map(|answer| ("an answer".to_owned(), answer.clone()));
        answers.chain(self.said_and_stored())
    }

    fn nowhere(&self, secret: &str) {
        is_nowhere(secret, self.everything());
    }

    fn not_said_nor_stored(&self, secret: &str) {
        is_nowhere(secret, self.said_and_stored());
    }
}

fn is_nowhere(secret: &str, places: impl Iterator<Item = (String, String)>) {
    let spellings = spellings(secret);
    for (at, text) in places {
        let hit = spellings.iter().find(|spelling| text.contains(spelling.as_str()));
        assert_eq!(hit, None, "{secret} is in {at}");
    }
}

/// A secret as it may be spelled by who hides it from a search, or encodes it without a thought.
fn spellings(secret: &str) -> BTreeSet<String> {
    let bytes = secret.as_bytes();
    let percent = |every: bool, digits: fn(u8) -> String| {
        let kept = |byte: u8| !every && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        bytes.iter().map(|&byte| if kept(byte) { char::from(byte).to_string() } else { digits(byte) }).collect()
    };
    let (lower, upper) = (|byte| format!("%{byte:02x}"), |byte| format!("%{byte:02X}"));
    let mut spellings: BTreeSet<String> = [
        secret.to_owned(),
        secret.chars().rev().collect(),
        HEXLOWER.encode(bytes),
        HEXUPPER.encode(bytes),
        percent(true, lower),
        percent(true, upper),
        percent(false, lower),
        percent(false, upper),
        serde_json::json!(secret).to_string().trim_matches('"').to_owned(),
    ]
    .into();
    // At every offset, without the ends in which its neighbours have a part.
    for before in 0..3 {
        let padded = format!("{}{secret}", "x".repeat(before));
        for encoded in [BASE64.encode(padded.as_bytes()), BASE64URL.encode(padded.as_bytes())] {
            spellings.insert(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    spellings
}

// === the town ===

/// With everything that has a secret: linking, Zoom's directory, a sealing key of its own, and the most talkative log.
async fn built() -> Town {
    let mut town = Town::built(ZENTRY).await;
    let oauth = town.cast.oauth_app.clone();
    town.sandbox.zoom.promote(&town.cast.jane);
    town.setup.settings.extend(
        [
            ("ZENTRY_SENTRY_OAUTH_CLIENT_ID", oauth.client_id),
            ("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", oauth.client_secret),
            ("ZENTRY_ZOOM_DIRECTORY", "on".into()),
            ("ZENTRY_KEYS", format!("k1:{}", *new_key())),
            ("ZENTRY_LOG", "trace".into()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let into = format!("exec \"$@\" >>'{}'", standard_output(&town).display());
    town.setup.through = ["sh", "-c", &into, "sh"].map(str::to_owned).into();
    town
}

fn standard_output(town: &Town) -> PathBuf {
    town.folder().join("stdout")
}

/// The secrets of the settings, and of a key also its bytes.
fn settings_of(town: &Town) -> BTreeSet<String> {
    let is_secret = |name: &str| ["SECRET", "TOKEN", "KEYS"].iter().any(|word| name.contains(word));
    let settings = town.setup.settings.iter().filter(|(name, _)| is_secret(name));
    settings.map(|(_, value)| value.rsplit(':').next().unwrap_or(value).to_owned()).collect()
}

fn tokens(town: &Town) -> Vec<String> {
    [town.sandbox.zoom.tokens_given(), town.sandbox.sentry.tokens_given()].concat()
}

/// The link that came last, once there are two.
async fn newest_link(town: &Town) -> String {
    let links = |messages: &[zentry_test_support::sandbox::zoom::Message]| {
        let links: Vec<_> = messages.iter().flat_map(|message| message.links()).collect();
        (links.len() > 1).then(|| links[links.len() - 1].clone())
    };
    let zoom = &town.sandbox.zoom;
    let jane = &town.cast.jane;
    zoom.wait_until(jane, jane, "a second link", zentry_test_support::PATIENCE, links).await.expect("a second link")
}
