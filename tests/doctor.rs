//! `zentry doctor` of the real binary, against the doubles and the running bot.

use serde_json::Value;
use zentry_test_support::sandbox::Fault;
use zentry_test_support::sandbox::sentry::Call;
use zentry_test_support::{PATIENCE, Town};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");

/// A town in which everything is as it should be, and Jane has written to the bot.
async fn well(mut town: Town) -> Town {
    if town.bot().is_none() {
        town.start();
    }
    town.jane_writes("help").await;
    town.jane_reads("Sentry for").await;
    let file = town.folder().join("zentry.backup").display().to_string();
    town.setup.run(&["backup", &file]).done();
    town
}

/// What it says of one check.
#[derive(Debug)]
struct Row {
    check: String,
    /// `None` where it was skipped.
    ok: Option<bool>,
    detail: String,
    fix: String,
}

/// Its exit code, and what it says of each check.
fn doctor(town: &Town, words: &[&str], settings: &[(&str, &str)]) -> (i32, Vec<Row>) {
    let mut setup = town.setup.clone();
    setup.settings.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let ran = setup.run(&[&["doctor", "--json"], words].concat());
    let rows: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let text = |row: &Value, name: &str| row[name].as_str().expect("text").to_owned();
    let row = |row: &Value| Row {
        check: text(row, "check"),
        ok: row["ok"].as_bool(),
        detail: text(row, "detail"),
        fix: text(row, "fix"),
    };
    (ran.code, rows.iter().map(row).collect())
}

fn reds(town: &Town, words: &[&str], settings: &[(&str, &str)]) -> Vec<String> {
    let (code, rows) = doctor(town, words, settings);
    let reds: Vec<_> = rows.into_iter().filter(|row| row.ok == Some(false)).collect();
    assert_eq!(code, i32::from(!reds.is_empty()), "{reds:?}");
    reds.into_iter().map(|Row { check, detail, fix, .. }| format!("{check}: {detail}: {fix}")).collect()
}

fn of<'r>(rows: &'r [Row], check: &str) -> &'r Row {
    rows.iter().find(|row| row.check == check).unwrap_or_else(|| panic!("{check}: {rows:#?}"))
}

/// Settings, and how what is red because of them begins.
type Case<'a> = (Vec<(&'a str, &'a str)>, Vec<&'a str>);

#[tokio::test(flavor = "multi_thread")]
async fn where_everything_is_right_every_hop_is_ok_and_a_message_is_sent_edited_and_deleted() {
    let town = well(Town::with_linking(ZENTRY).await).await;
    let before = town.sandbox.zoom.messages(&town.cast.jane, &town.cast.jane).len();
    let ran = town.setup.run(&["doctor", "--to", &town.cast.jane.jid()]).done();
    for check in [
        "ok — secrets",
        "ok — pages",
        "ok — Zoom's webhooks",
        "ok — Sentry's webhooks",
        "ok — forgeries",
        "ok — clock",
        "ok — Zoom app",
        "ok — Zoom scopes — imchat:bot",
        "ok — Zoom message — posted to Jane Dev, edited and deleted",
        "ok — Sentry read — 3 projects of acme",
        "ok — Sentry integration",
        "ok — Sentry events",
        "ok — Sentry permissions",
        "ok — Sentry accounts",
        "ok — store",
        "ok — keys",
        "ok — backup",
        "ok — dead letters",
    ] {
        assert!(ran.lines().any(|line| line.starts_with(check)), "{check}:\n{ran}");
    }
    assert!(!ran.contains("red — "), "{ran}");
    assert_eq!(town.sandbox.zoom.messages(&town.cast.jane, &town.cast.jane).len(), before, "it is deleted");
    // What was sent to our own endpoints means nothing and is kept nowhere.
    let metrics = town.ops("/metrics").await.1;
    assert!(metrics.contains(r#"zentry_deliveries_total{source="zoom",outcome="ignored"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"zentry_deliveries_total{source="sentry",outcome="ignored"} 1"#), "{metrics}");
    for (_, secret) in town.setup.settings.iter().filter(|(name, _)| name.contains("SECRET") || name.contains("TOKEN"))
    {
        assert!(!ran.contains(secret.as_str()), "a secret is shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_to_nothing_is_sent_and_that_is_said() {
    let town = well(Town::with_integration(ZENTRY).await).await;
    let (code, rows) = doctor(&town, &[], &[]);
    let row = of(&rows, "Zoom message");
    assert_eq!((code, row.ok, row.detail.as_str()), (0, None, "nobody was named: nothing was sent to Zoom"));
    assert!(row.fix.contains("--to"), "{row:?}");
    assert_eq!(
        town.setup.run(&["doctor", "--to", "jane"]).failed(64),
        "zentry: --to must be a person's JID, such as u1@xmpp.zoom.us; whoami shows yours\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_is_red_with_the_setting_or_the_field_to_change() {
    let town = well(Town::with_linking(ZENTRY).await).await;
    let to = town.cast.jane.jid();
    let value = |name: &str| town.setup.settings[name].clone();
    let (client, token) = (value("ZENTRY_ZOOM_CLIENT_SECRET"), value("ZENTRY_ZOOM_SECRET_TOKEN"));
    let sentry = value("ZENTRY_SENTRY_CLIENT_SECRET");
    let to = ["--to", to.as_str()];
    let cases: Vec<Case<'_>> = vec![
        (vec![("ZENTRY_ZOOM_CLIENT_SECRET", "wrong")], vec!["Zoom app: ", "Zoom message: "]),
        (
            vec![("ZENTRY_ZOOM_CLIENT_SECRET", &token), ("ZENTRY_ZOOM_SECRET_TOKEN", &client)],
            vec!["Zoom's webhooks: the bot refuses", "Zoom app: ", "Zoom message: "],
        ),
        (vec![("ZENTRY_ZOOM_SECRET_TOKEN", "another")], vec!["Zoom's webhooks: the bot refuses the signature"]),
        (vec![("ZENTRY_SENTRY_CLIENT_SECRET", "another")], vec!["Sentry's webhooks: the bot refuses the signature"]),
        (
            vec![("ZENTRY_SENTRY_CLIENT_SECRET", &token)],
            vec!["secrets: ZENTRY_ZOOM_SECRET_TOKEN and ZENTRY_SENTRY_CLIENT_SECRET hold", "Sentry's webhooks: "],
        ),
        (
            vec![("ZENTRY_SENTRY_TOKEN", "wrong")],
            vec!["Sentry read: the grant is no longer accepted: set ZENTRY_SENTRY_TOKEN"],
        ),
        (vec![("ZENTRY_SENTRY_TOKEN", &sentry)], vec!["secrets: ", "Sentry read: "]),
        (
            vec![("ZENTRY_ALLOWED_ORGS", "globex")],
            vec!["Sentry read: nobody can connect a project of acme: ZENTRY_ALLOWED_ORGS leaves it out: add it"],
        ),
        (
            vec![("ZENTRY_SENTRY_ORG", "globex")],
            vec!["Sentry read: the token sees no project of globex: set ZENTRY_SENTRY_ORG"],
        ),
        (
            vec![("ZENTRY_ZOOM_BOT_JID", "v1other@xmpp.zoom.us")],
            vec!["Zoom message: a message to Jane Dev is not posted: "],
        ),
        (
            vec![("ZENTRY_SENTRY_OAUTH_CLIENT_SECRET", "wrong")],
            vec!["Sentry accounts: Sentry does not know the OAuth application"],
        ),
        (
            vec![("ZENTRY_ZOOM_DIRECTORY", "on")],
            vec!["Zoom directory: no administrator has allowed it yet: add the scopes"],
        ),
        (vec![("ZENTRY_KEYS", "k2:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE")], vec![]),
        (vec![("ZENTRY_STORE", "sqlite:/nowhere/zentry.db")], vec!["store: "]),
    ];
    for (settings, expected) in cases {
        let reds = reds(&town, &to, &settings);
        assert_eq!(reds.len(), expected.len(), "{settings:?}: {reds:#?}");
        for (red, expected) in reds.iter().zip(&expected) {
            assert!(red.starts_with(expected), "{settings:?}: {reds:#?}");
        }
        if settings.len() == 2 {
            assert!(
                reds[1].contains("ZENTRY_ZOOM_CLIENT_SECRET and ZENTRY_ZOOM_SECRET_TOKEN are swapped"),
                "{reds:#?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_at_sentry_is_told_with_its_field() {
    let town = well(Town::with_integration(ZENTRY).await).await;
    let sentry = &town.sandbox.sentry;
    sentry.subscribe(&["comment"]);
    let found = reds(&town, &[], &[]);
    assert!(found.len() == 1 && found[0].ends_with("the integration, Webhooks: tick issue"), "{found:?}");
    sentry.subscribe(&["issue"]);
    sentry.permit_integrations(&["event:read", "org:read", "project:read"]);
    let found = reds(&town, &[], &[]);
    assert!(found.len() == 1 && found[0].ends_with("Permissions: Issue & Event Read & Write"), "{found:?}");
    sentry.permit_integrations(&["event:read"]);
    let found = reds(&town, &[], &[]);
    assert!(found.len() == 1 && found[0].contains("Permissions: "), "{found:?}");
    sentry.permit_integrations(&["event:read", "event:write", "org:read", "project:read"]);
    sentry.say_disabled();
    let found = reds(&town, &[], &[]);
    assert!(found.len() == 1 && found[0].contains("Sentry has stopped sending"), "{found:?}");
    sentry.set_webhook("https://old.example.com/sentry".parse().expect("an address"));
    let found = reds(&town, &[], &[]);
    let field = format!("the integration, Webhook URL: {}/sentry/webhook", town.public_url);
    assert!(found.len() == 1 && found[0].ends_with(&field), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_at_zoom_and_here_is_told_too() {
    let mut town = Town::with_integration(ZENTRY).await;
    let to = town.cast.jane.jid();
    let found = reds(&town, &["--to", &to], &[]);
    assert!(found.iter().any(|red| red.starts_with("Zoom message: the bot has heard nothing of")), "{found:?}");
    assert!(
        found.iter().any(|red| red.starts_with("backup: none was ever made: run `zentry backup FILE`")),
        "{found:?}"
    );

    town = well(town).await;
    let answer = |status, body: &str| Fault::Answer {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.to_owned(),
    };
    // Also to the other form in which a chat is addressed.
    town.sandbox.zoom.faults().next_times(2, &answer(403, r#"{"code":7004,"message":"Not authorized."}"#));
    let found = reds(&town, &["--to", &to], &[]);
    assert!(
        found.len() == 1 && found[0].contains("7004") && found[0].contains("add the app to this account again"),
        "{found:?}"
    );
    // Also to the question what time it is.
    town.sandbox.zoom.token_faults().next_times(2, &answer(200, r#"{"access_token":"t","scope":"user:read"}"#));
    let found = reds(&town, &[], &[]);
    assert!(found.len() == 1 && found[0].starts_with("Zoom scopes: imchat:bot is missing"), "{found:?}");

    town.stop();
    let found = reds(&town, &[], &[]);
    assert!(
        found.len() == 1 && found[0].starts_with("pages: ") && found[0].contains("start `zentry serve`"),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentry_app_is_looked_at_through_an_installation() {
    let town = well(Town::with_app(ZENTRY).await).await;
    let (code, rows) = doctor(&town, &[], &[]);
    let read = of(&rows, "Sentry read");
    assert_eq!((code, read.ok), (0, None));
    assert!(read.fix.contains("/sentry-apps/zentry/external-install/"), "{read:?}");
    town.sandbox.sentry.install("zentry", &town.cast.acme, &town.cast.max).await.expect("installed");
    let confirms = |call: &Call| call.method == "PUT" && call.status == 200;
    town.sandbox.sentry.wait_for_call("a confirmation", PATIENCE, confirms).await.expect("confirmed");
    let (code, rows) = doctor(&town, &[], &[]);
    assert_eq!(code, 0, "{rows:#?}");
    assert_eq!(of(&rows, "Sentry read").detail, "3 projects of acme");
    for check in ["Sentry read", "Sentry integration", "Sentry events", "Sentry permissions"] {
        assert_eq!(of(&rows, check).ok, Some(true), "{rows:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_trusts_is_told_with_what_to_do() {
    let mut town = Town::built(ZENTRY).await;
    let certs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingress/tests/ingress/certs");
    let own = town.setup.settings["ZENTRY_PUBLIC_URL"].replace("http://127.0.0.1", "https://localhost");
    for (setting, value) in [
        ("ZENTRY_TLS_CERT", certs.join("p256.pem").display().to_string()),
        ("ZENTRY_TLS_KEY", certs.join("p256.key").display().to_string()),
        ("ZENTRY_PUBLIC_URL", own),
    ] {
        town.setup.settings.insert(setting.into(), value);
    }
    town.start();
    let found = reds(&town, &[], &[]);
    let pages = found.iter().find(|red| red.starts_with("pages: ")).unwrap_or_else(|| panic!("{found:?}"));
    assert!(pages.contains("certificate of a known authority that has not run out"), "{pages}");
}
