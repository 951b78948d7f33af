//! Zoom's webhooks: the promises of every webhook, and what is Zoom's own.

use std::time::Duration;

use data_encoding::HEXLOWER;
use ring::hmac;
use zentry_contract::webhook::{Bench, HeaderList};
use zentry_contract::{sample, webhook_suite};
use zentry_domain::ports::{Delivery, Received, Rejected};
use zentry_domain::{Secret, Timestamp, Webhook};
use zentry_zoom::{ZoomConfig, ZoomWebhook};

const SECRET: &str = "test-secret-token";
const STAMP: &str = "x-zm-request-timestamp";
const SIGNATURE: &str = "x-zm-signature";

const COMMAND: &str = r#"{"event":"bot_notification","event_ts":1740440972844,"payload":{"accountId":"acc1","channelName":"Marketing","cmd":"help","robotJid":"v1bot@xmpp.zoom.us","timestamp":1740440972844,"toJid":"abc@conference.xmpp.zoom.us","triggerId":"trig1","userId":"U1","userJid":"u1@xmpp.zoom.us","userName":"Jane Dev","userStatus":"authorized"}}"#;
const PRESS: &str = r#"{"event":"interactive_message_actions","event_ts":1740440972844,"payload":{"accountId":"acc1","actionItem":{"text":"Resolve","value":"00112233445566778899aabbccddeeff.resolve"},"channelName":"Marketing","messageId":"m1","original":{"head":{"text":"New"},"body":[]},"robotJid":"v1bot@xmpp.zoom.us","timestamp":1740440972844,"toJid":"abc@conference.xmpp.zoom.us","userId":"U1","userJid":"u1@xmpp.zoom.us","userName":"Jane Dev"}}"#;
const INSTALLED: &str = r#"{"event":"bot_installed","payload":{"accountId":"acc1","robotJid":"v1bot@xmpp.zoom.us","timestamp":1740440972844,"userId":"U1","userJid":"u1@xmpp.zoom.us","userName":"Jane Dev"}}"#;
const DEAUTHORIZED: &str = r#"{"event":"app_deauthorized","payload":{"account_id":"acc1","user_id":"U1","signature":"827edc34","deauthorization_time":"2026-01-02T03:04:05.632Z","client_id":"client","event_ts":"2026-01-02 03:04:05"}}"#;
const MENTION: &str = r#"{"event":"team_chat.app_mention","event_ts":1740440972844,"payload":{"account_id":"acc1","operator":"jane@example.com","operator_id":"U1","operator_member_id":"M1","by_external_user":false,"object":{"message_id":"m2","type":"to_channel","channel_id":"abc","channel_name":"Marketing","message":"@Sentry help","date_time":"2026-01-02T03:04:05Z","timestamp":1740440972844,"files":[],"rich_text":[]}}}"#;

fn webhook(secrets: &[&str]) -> ZoomWebhook {
    ZoomWebhook::new(&ZoomConfig {
        client_id: "client".into(),
        client_secret: Secret::new("client-secret").into(),
        bot_jid: "v1bot@xmpp.zoom.us".into(),
        secret_tokens: secrets.iter().map(|secret| Secret::new(*secret)).collect::<Vec<_>>().into(),
        api: "https://api.zoom.us".parse().expect("an address"),
        oauth: "https://zoom.us".parse().expect("an address"),
        rate: None,
    })
}

fn signature(secret: &str, stamp: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &[b"v0:", stamp.as_bytes(), b":", body].concat());
    format!("v0={}", HEXLOWER.encode(tag.as_ref()))
}

/// The headers of a body that was signed with this time stamp.
fn stamped(secret: &str, stamp: &str, body: &[u8]) -> HeaderList {
    HeaderList::new().with(STAMP, stamp).with(SIGNATURE, signature(secret, stamp, body))
}

fn receive(headers: &HeaderList, body: &[u8], now: Timestamp) -> Result<Received, Rejected> {
    webhook(&[SECRET]).receive(&Delivery { headers, body }, now)
}

// === the promises of every webhook ===

struct ZoomBench(ZoomWebhook);

impl Bench for ZoomBench {
    fn webhook(&self) -> &dyn Webhook {
        &self.0
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into(), "the-secret-before".into()]
    }

    fn sign(&self, secret: &str, body: &[u8], at: Timestamp) -> HeaderList {
        stamped(secret, &(at.0 / 1_000).to_string(), body)
            .with("x-zm-request-id", "6009d653_d487_445d_8406_42b654974899")
            .with("x-zm-trackingid", "v=2.0;clid=us02;rid=WEB_1")
            .with("clientid", "client")
    }

    fn signature_header(&self) -> &'static str {
        SIGNATURE
    }

    fn unsigned_headers(&self) -> Vec<&'static str> {
        vec!["x-zm-request-id", "x-zm-trackingid", "clientid", "authorization"]
    }

    fn samples(&self) -> Vec<Vec<u8>> {
        [COMMAND, PRESS, INSTALLED, DEAUTHORIZED, MENTION].map(|body| body.as_bytes().to_vec()).into()
    }

    fn unknown(&self) -> Vec<Vec<u8>> {
        [
            r#"{"event":"team_chat.link_shared","event_ts":1,"payload":{"account_id":"acc1"}}"#,
            r#"{"event":"interactive_message_editable","payload":{"accountId":"acc1"}}"#,
            r#"{"event":"chat_message.submit","payload":{"account_id":"acc1","object":{}}}"#,
            r#"{"event":"something.new"}"#,
        ]
        .map(|body| body.as_bytes().to_vec())
        .into()
    }
}

webhook_suite!(ZoomBench(webhook(&[SECRET, "the-secret-before"])));

// === the signature ===

#[test]
fn the_documented_scheme_gives_the_known_signatures() {
    let emoji = r#"{"event":"bot_notification","payload":{"cmd":"“hi” 😀"}}"#;
    let table = [
        (COMMAND, "v0=75009acca6517f44b208ea1cbfacc8886032445e9ed8fdfce0a0df531c72d875"),
        (emoji, "v0=3e43ef3d05a7e063f1d41b0852d8d59367af426e7766c68c2d0d45467cafedec"),
    ];
    for (body, signature) in table {
        let headers = HeaderList::new().with(STAMP, "1740440973").with(SIGNATURE, signature);
        assert!(receive(&headers, body.as_bytes(), Timestamp(1_740_440_974_000)).is_ok(), "{body}");
        let upper = format!("v0={}", signature[3..].to_uppercase());
        let headers = headers.without(SIGNATURE).with(SIGNATURE, upper);
        assert!(receive(&headers, body.as_bytes(), Timestamp(1_740_440_974_000)).is_err(), "{body}");
    }
}

#[test]
fn the_time_stamp_is_signed_as_it_was_written() {
    let now = sample::START;
    let stamp = (now.0 / 1_000).to_string();
    let body = COMMAND.as_bytes();
    assert!(receive(&stamped(SECRET, &stamp, body), body, now).is_ok());
    let moved = stamped(SECRET, &stamp, body).without(STAMP).with(STAMP, ((now.0 / 1_000) + 1).to_string());
    assert!(receive(&moved, body, now).is_err());
    let padded = stamped(SECRET, &stamp, body).without(STAMP).with(STAMP, format!("0{stamp}"));
    assert!(receive(&padded, body, now).is_err());
}

#[test]
fn the_window_is_100_minutes_back_and_5_minutes_ahead() {
    let now = sample::START;
    let at = |seconds: i64| (now.0 / 1_000 + seconds).to_string();
    let table = [
        (at(0), true),
        (at(-6_000), true),
        (at(-6_001), false),
        (at(300), true),
        (at(301), false),
        (format!("{}000", at(-6_000)), true),
        (format!("{}999", at(-6_001)), false),
        (format!("{}000", at(300)), true),
        (format!("{}001", at(300)), false),
        ("0".into(), false),
        ("9".repeat(30), false),
    ];
    for (stamp, accepted) in table {
        let received = receive(&stamped(SECRET, &stamp, COMMAND.as_bytes()), COMMAND.as_bytes(), now);
        assert_eq!(received.is_ok(), accepted, "{stamp}: {received:?}");
    }
}

#[test]
fn a_time_stamp_that_is_missing_doubled_or_no_number_is_refused() {
    let now = sample::START;
    let body = COMMAND.as_bytes();
    let right = (now.0 / 1_000).to_string();
    for stamp in ["", " ", "now", "-1", "+1767323045", "1767323045.0", "1767323045 ", "v0:1767323045", "\u{661}"] {
        assert!(receive(&stamped(SECRET, stamp, body), body, now).is_err(), "{stamp:?}");
    }
    let signed = stamped(SECRET, &right, body);
    assert!(receive(&signed.clone().without(STAMP), body, now).is_err());
    assert!(receive(&signed.with(STAMP, right), body, now).is_err());
}

#[test]
fn an_empty_secret_signs_nothing() {
    let body = COMMAND.as_bytes();
    let headers = stamped("", &(sample::START.0 / 1_000).to_string(), body);
    let delivery = Delivery { headers: &headers, body };
    assert!(webhook(&["", SECRET]).receive(&delivery, sample::START).is_err());
    assert!(webhook(&[]).receive(&delivery, sample::START).is_err());
}

#[test]
fn a_tampered_time_stamp_cannot_borrow_from_the_body() {
    // "v0:1:2:x" is stamp "1" and body "2:x", and never stamp "1:2" and body "x".
    let stamp = (sample::START.0 / 1_000).to_string();
    let body = format!("{stamp}:{COMMAND}");
    let signed = signature(SECRET, &stamp, body.as_bytes());
    let headers = HeaderList::new().with(STAMP, format!("{stamp}:{stamp}")).with(SIGNATURE, signed);
    assert!(receive(&headers, COMMAND.as_bytes(), sample::START).is_err());
}

// === URL validation ===

fn validation(secret: &str, accepted: &[&str], plain_token: &str) -> serde_json::Value {
    let body = serde_json::json!({
        "payload": { "plainToken": plain_token }, "event_ts": 1_654_503_849_680_i64, "event": "endpoint.url_validation",
    });
    let body = body.to_string().into_bytes();
    let headers = stamped(secret, &(sample::START.0 / 1_000).to_string(), &body);
    match webhook(accepted).receive(&Delivery { headers: &headers, body: &body }, sample::START) {
        Ok(Received::Challenge(answer)) => serde_json::from_str(&answer).expect("JSON"),
        other => panic!("not a challenge: {other:?}"),
    }
}

#[test]
fn a_challenge_is_answered_with_the_known_token() {
    let answer = validation(SECRET, &[SECRET], "qgg8vlvZRS6UYooatFL8Aw");
    let encrypted = "9c8ad56737c19db2904b301c0781e86857e999f39f07727668cf62a5e7e298c8";
    assert_eq!(answer, serde_json::json!({ "plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": encrypted }));
}

#[test]
fn while_secrets_are_replaced_a_challenge_is_answered_with_the_one_that_signed_it() {
    let alone = validation("old", &["old"], "token");
    assert_eq!(validation("old", &["new", "old"], "token"), alone);
    assert_ne!(validation("new", &["new", "old"], "token"), alone);
}

#[test]
fn an_unsigned_challenge_is_refused() {
    let body = br#"{"event":"endpoint.url_validation","payload":{"plainToken":"abc"}}"#;
    assert!(receive(&HeaderList::new(), body, sample::START).is_err());
    let stamp = (sample::START.0 / 1_000).to_string();
    assert!(receive(&stamped("another", &stamp, body), body, sample::START).is_err());
}

#[test]
fn the_challenge_never_signs_what_could_be_a_webhook() {
    let stamp = sample::START.0 / 1_000;
    let oracle = format!("v0:{stamp}:{COMMAND}");
    let long = "a".repeat(129);
    for plain_token in [&oracle, "v0:1:{}", "", " ", "a b", "a:b", "a.b", "a=", "a\n", "é", "\u{0}", &long] {
        let answer = validation(SECRET, &[SECRET], plain_token).to_string();
        let forged = signature(SECRET, &stamp.to_string(), COMMAND.as_bytes());
        assert!(!answer.contains("encryptedToken") && !answer.contains(&forged[3..]), "{answer}");
    }
    let longest = "a".repeat(128);
    assert!(validation(SECRET, &[SECRET], &longest)["encryptedToken"].is_string());
}

// === repeats ===

fn keys(body: &str) -> Vec<zentry_domain::ports::DeliveryKey> {
    let headers = stamped(SECRET, &(sample::START.0 / 1_000).to_string(), body.as_bytes());
    match receive(&headers, body.as_bytes(), sample::START) {
        Ok(Received::Event { keys, .. }) => keys,
        other => panic!("not an event: {other:?}"),
    }
}

fn are_the_same(one: &str, other: &str) -> bool {
    keys(one).iter().any(|key| keys(other).contains(key))
}

#[test]
fn a_command_delivered_twice_with_other_bytes_is_one_command() {
    let again = COMMAND.replace("\"event_ts\":1740440972844", "\"event_ts\":1740440972999");
    assert_ne!(COMMAND, again);
    assert!(are_the_same(COMMAND, &again));
}

#[test]
fn the_same_command_typed_again_is_another_one() {
    assert!(!are_the_same(COMMAND, &COMMAND.replace("trig1", "trig2")));
    assert!(!are_the_same(COMMAND, &COMMAND.replace("acc1", "acc2")));
    let untriggered = COMMAND.replace("triggerId", "somethingElse");
    assert!(!are_the_same(&untriggered, &untriggered.replace("1740440972844", "1740440979999")));
}

#[test]
fn a_press_is_recognised_by_who_pressed_what_and_when() {
    assert!(are_the_same(PRESS, &PRESS.replace("\"event_ts\":1740440972844", "\"event_ts\":1")));
    for (from, to) in [
        ("\"timestamp\":1740440972844", "\"timestamp\":1740440972845"),
        (".resolve", ".archive"),
        ("\"userId\":\"U1\"", "\"userId\":\"U2\""),
        ("\"messageId\":\"m1\"", "\"messageId\":\"m2\""),
    ] {
        assert!(!are_the_same(PRESS, &PRESS.replace(from, to)), "{from}");
    }
    let timeless = PRESS.replace("\"timestamp\":1740440972844,", "");
    assert!(!are_the_same(&timeless, &timeless.replace("\"event_ts\":1740440972844", "\"event_ts\":1")));
}

#[test]
fn time_does_not_change_the_keys() {
    let headers = stamped(SECRET, &(sample::START.0 / 1_000).to_string(), COMMAND.as_bytes());
    let later = sample::START + Duration::from_secs(3_600);
    let delivery = Delivery { headers: &headers, body: COMMAND.as_bytes() };
    let received = webhook(&[SECRET]).receive(&delivery, later);
    assert!(matches!(received, Ok(Received::Event { keys: again, .. }) if again == keys(COMMAND)));
}
