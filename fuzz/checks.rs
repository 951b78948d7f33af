//! What holds for any bytes. The fuzz targets call these, and so does the test that replays the corpora.

use std::sync::LazyLock;
use std::time::Duration;

use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
use ring::hmac;
use zentry_domain::command;
use zentry_domain::ports::{Delivery, Header, Headers};
use zentry_domain::{Secret, Timestamp, Webhook};
use zentry_seal::{Keyring, Place};
use zentry_sentry::{SentryConfig, SentryWebhook};
use zentry_zoom::{ZoomConfig, ZoomWebhook};

const SECRET: &str = "secret";
const NOW: Timestamp = Timestamp(1_767_323_045_000);
const STAMP: &str = "1767323045";
const HERE: Place<'_> = Place { owner: "zoom:acc", table: "credential", row: "grant", column: "sealed" };
const KEYS: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Any line is understood, or is refused with words.
pub(crate) fn grammar(data: &[u8]) {
    let line = String::from_utf8_lossy(data);
    if let Err(error) = command::parse(&line, "sentry") {
        assert!(!format!("{error:?}").is_empty());
    }
}

/// Whatever Zoom has signed is taken for something; the same bytes unsigned are refused.
pub(crate) fn zoom_webhook(data: &[u8]) {
    static WEBHOOK: LazyLock<ZoomWebhook> = LazyLock::new(zoom);
    let signature = format!("v0={}", signed(&[b"v0:", STAMP.as_bytes(), b":", data].concat()));
    let sent = |signature| Sent([("x-zm-request-timestamp", STAMP.into()), ("x-zm-signature", signature)]);
    is_told_apart(&*WEBHOOK, data, &sent(signature), &sent(format!("v0={}", signed(data))));
}

/// Whatever Sentry has signed is taken for something; the same bytes unsigned are refused.
pub(crate) fn sentry_webhook(data: &[u8]) {
    static WEBHOOK: LazyLock<SentryWebhook> = LazyLock::new(sentry);
    let sent = |signature| Sent([("sentry-hook-signature", signature), ("sentry-hook-resource", "issue".into())]);
    is_told_apart(&*WEBHOOK, data, &sent(signed(data)), &sent(signed(b"something else, whatever it was")));
}

/// What nobody sealed does not open; what was sealed does, and no byte of it can be left out.
pub(crate) fn envelope(data: &[u8]) {
    static KEYRING: LazyLock<Keyring> = LazyLock::new(|| Keyring::parse(KEYS).expect("a key"));
    assert!(KEYRING.open(HERE, data).is_err(), "opened {data:?}");
    let sealed = KEYRING.seal(HERE, data);
    assert_eq!(KEYRING.open(HERE, &sealed).expect("just sealed").as_slice(), data);
    assert!(KEYRING.open(HERE, &sealed[..sealed.len() - 1]).is_err());
}

/// However Zoom says when to come back, it is a second from now at least.
pub(crate) fn retry_after(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    for name in [RETRY_AFTER.as_str(), "x-ratelimit-reset"] {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.clone());
        if let Some(wait) = zentry_zoom::retry_after(&headers, NOW) {
            assert!(wait >= Duration::from_secs(1), "{data:?}: {wait:?}");
        }
    }
}

fn is_told_apart(webhook: &dyn Webhook, body: &[u8], signed: &Sent, forged: &Sent) {
    assert!(webhook.receive(&Delivery { headers: signed, body }, NOW).is_ok());
    assert!(webhook.receive(&Delivery { headers: forged, body }, NOW).is_err());
}

fn signed(message: &[u8]) -> String {
    HEXLOWER.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message).as_ref())
}

/// Two headers, each once.
struct Sent([(&'static str, String); 2]);

impl Headers for Sent {
    fn get(&self, name: &str) -> Header<'_> {
        let found = self.0.iter().find(|(found, _)| *found == name);
        found.map_or(Header::Missing, |(_, value)| Header::One(value.as_bytes()))
    }
}

fn zoom() -> ZoomWebhook {
    ZoomWebhook::new(&ZoomConfig {
        client_id: "client".into(),
        client_secret: Secret::new("client-secret").into(),
        bot_jid: "v1bot@xmpp.zoom.us".into(),
        secret_tokens: vec![Secret::new(SECRET)].into(),
        api: "https://api.zoom.us".parse().expect("an address"),
        oauth: "https://zoom.us".parse().expect("an address"),
        rate: None,
    })
}

fn sentry() -> SentryWebhook {
    SentryWebhook::new(&SentryConfig {
        base: "https://sentry.example.com".parse().expect("an address"),
        client_secrets: vec![Secret::new(SECRET)].into(),
        integration: None,
        oauth: None,
        app: None,
    })
}
