//! What the real binary refuses: forgeries, oversize bodies, unknown paths, and settings that make no sense.

use zentry_test_support::sandbox::Signing;
use zentry_test_support::{Town, kept};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
const BODY: &str = r#"{"event":"bot_notification","payload":{"accountId":"acc-Acme1","cmd":"help","toJid":"x@conference.xmpp.zoom.us","userId":"U1","userJid":"u1@xmpp.zoom.us","userName":"Jane"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_delivery_is_answered_401_and_leaves_a_counter_only() {
    let town = Town::with_integration(ZENTRY).await;
    let forged = Signing::Forged { timestamp: "1740440973".into(), signature: format!("v0={}", "0".repeat(64)) };
    for signing in [forged.clone(), Signing::Unsigned, Signing::At(1_000)] {
        let delivery = town.sandbox.zoom.deliver_raw(BODY, signing).await;
        assert_eq!((delivery.status, delivery.body.as_str()), (Some(401), ""));
    }
    for signing in [forged, Signing::Unsigned] {
        let secret = &town.cast.integration.client_secret;
        let delivery = town.sandbox.sentry.deliver_raw("issue", "{}", secret, signing).await;
        assert_eq!((delivery.status, delivery.body.as_str()), (Some(401), ""));
    }
    let metrics = town.sandbox.browser.open(&format!("{}/metrics", town.ops_url)).await.expect("metrics").html;
    assert!(metrics.contains(r#"zentry_deliveries_total{source="zoom",outcome="unsigned"} 3"#), "{metrics}");
    assert!(metrics.contains(r#"zentry_deliveries_total{source="sentry",outcome="unsigned"} 2"#), "{metrics}");
    assert_eq!(town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.jane).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn zooms_validation_is_answered_and_is_no_oracle() {
    let town = Town::with_integration(ZENTRY).await;
    let check = town.sandbox.zoom.validate_url().await;
    assert_eq!(check.complaint, None);
    let forging = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"v0:1740440973:{\"event\":\"bot_notification\"}"}}"#;
    let delivery = kept(town.sandbox.zoom.deliver_raw(forging, Signing::Proper).await);
    assert!(!delivery.body.contains("encryptedToken"), "{}", delivery.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn authentic_nonsense_is_answered_200_and_changes_nothing() {
    let town = Town::with_integration(ZENTRY).await;
    for body in ["not json", "{}", "[[[[[[", r#"{"event":"something.new","payload":{}}"#, "\u{feff}{}"] {
        kept(town.sandbox.zoom.deliver_raw(body, Signing::Proper).await);
        let secret = &town.cast.integration.client_secret;
        kept(town.sandbox.sentry.deliver_raw("issue", body, secret, Signing::Proper).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_its_limit_is_answered_413() {
    let town = Town::with_integration(ZENTRY).await;
    let delivery = town.sandbox.zoom.deliver_raw(" ".repeat(256 * 1024 + 1), Signing::Proper).await;
    assert_eq!(delivery.status, Some(413));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_listener_shows_nothing_of_the_operations_listener() {
    let town = Town::with_integration(ZENTRY).await;
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(town.ops(path).await.0, 200, "{path}");
        let page = town.sandbox.browser.open(&format!("{}{path}", town.public_url)).await.expect("an answer");
        assert_eq!(page.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_is_missing_or_malformed_ends_it_with_64_and_names_itself() {
    let town = Town::built(ZENTRY).await;
    for (setting, value) in [
        ("ZENTRY_PUBLIC_URL", ""),
        ("ZENTRY_PUBLIC_URL", "http://bot.example.com"),
        ("ZENTRY_LISTEN", "8080"),
        ("ZENTRY_KEYS", ""),
        ("ZENTRY_KEYS", "k1:tooshort"),
        ("ZENTRY_STORE", "mysql://x"),
        ("ZENTRY_ZOOM_CLIENT_ID", ""),
        ("ZENTRY_ZOOM_CLIENT_SECRET", ""),
        ("ZENTRY_ZOOM_BOT_JID", ""),
        ("ZENTRY_ZOOM_SECRET_TOKEN", ""),
        ("ZENTRY_SENTRY_TOKEN", ""),
        ("ZENTRY_SENTRY_CLIENT_SECRET", ""),
        ("ZENTRY_SENTRY_URL", "sentry.io"),
        ("ZENTRY_POLICY_CONNECT", "linked"),
        ("ZENTRY_LOG_FORMAT", "xml"),
        ("ZENTRY_STORM_BUDGET", "-1"),
        ("ZENTRY_ZOOM_RATE", "fast"),
        ("ZENTRY_ZOOM_DIRECTORY", "maybe"),
        ("ZENTRY_SENTRY_SERVICE_HOOKS", "on"),
        ("ZENTRY_ZOOM_BOT_JID", "no-jid"),
        ("ZENTRY_LOG", "=/="),
    ] {
        let mut setup = town.setup.clone();
        setup.settings.insert(setting.into(), value.into());
        let (code, said) = setup.refused();
        assert_eq!(code, 64, "{setting}={value}: {said}");
        assert!(said.starts_with(&format!("zentry: {setting}")), "{setting}={value}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_that_refuses_ends_it_with_1_and_says_what() {
    let town = Town::with_integration(ZENTRY).await;
    let (code, said) = town.setup.refused();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("ZENTRY_LISTEN"), "the port is taken: {said}");

    let other = Town::built(ZENTRY).await;
    let mut setup = other.setup.clone();
    setup.settings.insert("ZENTRY_STORE".into(), format!("sqlite:{}/zentry.db", town.folder().display()));
    let (code, said) = setup.refused();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("ZENTRY_STORE"), "another process has the store: {said}");
}

#[test]
fn bad_usage_ends_with_64() {
    let bad = std::process::Command::new(ZENTRY).args(["serve", "--no-such-flag"]).output().expect("runs");
    assert_eq!(bad.status.code(), Some(64));
    let help = std::process::Command::new(ZENTRY).arg("--help").output().expect("runs");
    assert_eq!(help.status.code(), Some(0));
}
