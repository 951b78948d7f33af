//! Nobody who does not hold a secret is believed: authentic deliveries, changed in every way that a forger has, given to both
//! webhooks; and a part of them to the real binary.

use std::fmt::Write;

use data_encoding::HEXLOWER;
use ring::hmac;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zentry_domain::ports::{Delivery, Header, Headers, Received};
use zentry_domain::{Secret, Timestamp, Webhook};
use zentry_sentry::{SentryConfig, SentryWebhook};
use zentry_test_support::{Dice, Town, rounds};
use zentry_zoom::{ZoomConfig, ZoomWebhook};

const ZENTRY: &str = env!("CARGO_BIN_EXE_zentry");
/// Forgeries a round, of each vendor.
const FORGERIES: usize = 5_000;
/// Of these to the real binary.
const OVER_HTTP: usize = 100;

const ZOOM: &[&str] = &[
    r#"{"event":"bot_notification","event_ts":1740440972844,"payload":{"accountId":"acc-Acme1","cmd":"disconnect","robotJid":"v1bot@xmpp.zoom.us","timestamp":1740440972844,"toJid":"abc@conference.xmpp.zoom.us","triggerId":"trig1","userId":"U1","userJid":"u1@xmpp.zoom.us","userName":"Jane Dev"}}"#,
    r#"{"event":"interactive_message_actions","payload":{"accountId":"acc-Acme1","actionItem":{"text":"Resolve","value":"00112233445566778899aabbccddeeff.resolve"},"messageId":"m1","timestamp":1740440972844,"toJid":"abc@conference.xmpp.zoom.us","userId":"U1","userJid":"u1@xmpp.zoom.us"}}"#,
    r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#,
    r#"{"event":"app_deauthorized","payload":{"account_id":"acc-Acme1","user_id":"U1"}}"#,
];
const SENTRY: &[&str] = &[
    include_str!("../crates/sentry/tests/deliveries/issue_created.json"),
    include_str!("../crates/sentry/tests/deliveries/issue_resolved.json"),
    include_str!("../crates/sentry/tests/deliveries/installation_deleted.json"),
    include_str!("../crates/sentry/tests/deliveries/event_alert_triggered.json"),
];

#[test]
fn no_forgery_is_accepted_however_an_authentic_delivery_is_changed() {
    let mut dice = Dice::thrown();
    let now = Timestamp(1_740_440_973_000);
    let (zoom, sentry) = (zoom("zoom-secret-token"), sentry("sentry-client-secret"));
    let (zoom, sentry): (&dyn Webhook, &dyn Webhook) = (&zoom, &sentry);
    let mut kinds = [[0_usize; 2]; KINDS];
    for _ in 0..rounds() * FORGERIES {
        for (n, vendor, webhook, secret) in
            [(0, Vendor::Zoom, zoom, "zoom-secret-token"), (1, Vendor::Sentry, sentry, "sentry-client-secret")]
        {
            let authentic = vendor.authentic(secret, now, &mut dice);
            // Or nothing would be shown.
            assert!(is_accepted(webhook, &authentic, now), "{authentic:?}");
            let (kind, forged) = vendor.forged(&authentic, secret, now, &mut dice);
            assert!(!is_accepted(webhook, &forged, now), "kind {kind}: {forged:?}");
            kinds[kind][n] += 1;
        }
    }
    println!("{} forgeries of each vendor, none accepted: {kinds:?}", rounds() * FORGERIES);
    assert!(rounds() * FORGERIES < 1_000 || kinds.iter().all(|both| both.iter().sum::<usize>() > 0), "{kinds:?}");
}

#[test]
fn a_challenge_signs_nothing_that_opens_the_door() {
    let (secret, now) = ("zoom-secret-token", Timestamp(1_740_440_973_000));
    let (webhook, mut dice) = (zoom(secret), Dice::thrown());
    let answered = |plain: &str| {
        let body =
            serde_json::json!({"event": "endpoint.url_validation", "payload": {"plainToken": plain}}).to_string();
        let signed = Vendor::Zoom.signed(secret, body.as_bytes(), now);
        match webhook.receive(&signed.delivery(), now) {
            Ok(Received::Challenge(answer)) => serde_json::from_str::<serde_json::Value>(&answer).expect("JSON"),
            other => panic!("{other:?}"),
        }
    };
    for _ in 0..rounds() * 500 {
        let body = change(ZOOM[dice.below(ZOOM.len())].as_bytes(), &mut dice);
        let message = format!("v0:{}:{}", now.0 / 1_000, String::from_utf8_lossy(&body));
        for cut in [message.len(), dice.below(message.len()).max(4)] {
            let plain: String = message.chars().take(cut).collect();
            assert_eq!(answered(&plain)["encryptedToken"], serde_json::Value::Null, "{plain}");
        }
        // What it does sign is no signature of anything that it would take.
        let harmless: String = (0..=dice.below(128)).map(|_| *one_of(b"azAZ09_-", &mut dice) as char).collect();
        let tag = answered(&harmless)["encryptedToken"].as_str().expect("signed").to_owned();
        for body in [harmless.as_bytes(), &body] {
            let signature = Some(format!("v0={tag}").into_bytes());
            let forged =
                Request { body: body.to_vec(), ..Vendor::Zoom.signed(secret, body, now) }.with(SIGNATURE, signature);
            assert!(!is_accepted(&webhook, &forged, now), "{forged:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_every_forgery_gets_the_same_401_and_leaves_nothing_but_a_counter() {
    let mut dice = Dice::thrown();
    let town = Town::with_integration(ZENTRY).await;
    let (zoom, sentry) = (town.cast.zoom_app.secret_token.clone(), town.cast.integration.client_secret.clone());
    let now = Timestamp(town.sandbox.clock.now_ms());
    let address = town.public_url.trim_start_matches("http://").to_owned();
    let mut sent = [0_usize; 2];
    for _ in 0..rounds() * OVER_HTTP {
        for (n, vendor, secret) in [(0, Vendor::Zoom, &zoom), (1, Vendor::Sentry, &sentry)] {
            let authentic = vendor.authentic(secret, now, &mut dice);
            let (kind, forged) = vendor.forged(&authentic, secret, now, &mut dice);
            if !forged.fits_http() {
                continue;
            }
            let answer = forged.sent_to(&address, vendor.path()).await;
            assert!(answer.starts_with("HTTP/1.1 401 ") && answer.ends_with("\r\n\r\n"), "kind {kind}: {answer}");
            sent[n] += 1;
        }
    }
    let metrics = town.ops("/metrics").await.1;
    for (source, sent) in [("zoom", sent[0]), ("sentry", sent[1])] {
        let line = format!("zentry_deliveries_total{{source=\"{source}\",outcome=\"unsigned\"}} {sent}\n");
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
    assert!(!metrics.contains(r#"outcome="kept""#), "{metrics}");
    assert!(town.sandbox.zoom.messages(&town.cast.alerts, &town.cast.jane).is_empty());
    println!("{sent:?} forgeries over HTTP");
}

// === forging ===

/// How many ways there are.
const KINDS: usize = 20;
/// The name of the signature's header in a [`Request`]; the vendor says what it is called.
const SIGNATURE: usize = 0;
const STAMP: usize = 1;

#[derive(Clone, Copy, Debug)]
enum Vendor {
    Zoom,
    Sentry,
}

impl Vendor {
    fn path(self) -> &'static str {
        match self {
            Self::Zoom => "/zoom/events",
            Self::Sentry => "/sentry/webhook",
        }
    }

    /// What each header is called, by its place.
    fn headers(self) -> [&'static str; 2] {
        match self {
            Self::Zoom => ["x-zm-signature", "x-zm-request-timestamp"],
            Self::Sentry => ["sentry-hook-signature", "sentry-hook-timestamp"],
        }
    }

    fn signature(self, secret: &[u8], stamp: &[u8], body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        match self {
            Self::Zoom => {
                let message = [b"v0:", stamp, b":", body].concat();
                format!("v0={}", HEXLOWER.encode(hmac::sign(&key, &message).as_ref()))
            }
            Self::Sentry => HEXLOWER.encode(hmac::sign(&key, body).as_ref()),
        }
    }

    fn signed(self, secret: &str, body: &[u8], at: Timestamp) -> Request {
        let stamp = (at.0 / 1_000).to_string();
        let signature = self.signature(secret.as_bytes(), stamp.as_bytes(), body);
        let [name, stamped] = self.headers();
        let headers = vec![(name, signature.into_bytes()), (stamped, stamp.into_bytes())];
        Request { vendor: self, headers, body: body.to_vec() }
    }

    fn authentic(self, secret: &str, now: Timestamp, dice: &mut Dice) -> Request {
        let bodies = match self {
            Self::Zoom => ZOOM,
            Self::Sentry => SENTRY,
        };
        let body = one_of(bodies, dice).as_bytes().to_vec();
        self.signed(secret, &body, now)
    }

    /// A request that nobody signed, made from one that somebody did.
    fn forged(self, authentic: &Request, secret: &str, now: Timestamp, dice: &mut Dice) -> (usize, Request) {
        loop {
            let kind = dice.below(KINDS);
            let forged = self.forge(kind, authentic, secret, now, dice);
            if forged != *authentic {
                return (kind, forged);
            }
        }
    }

    fn forge(self, kind: usize, authentic: &Request, secret: &str, now: Timestamp, dice: &mut Dice) -> Request {
        let Request { body, .. } = authentic;
        let (signature, stamp) = (authentic.value(SIGNATURE), authentic.value(STAMP));
        let text = String::from_utf8_lossy(&signature).into_owned();
        let hex = text.trim_start_matches("v0=").to_owned();
        let prefix = if hex.len() < text.len() { "v0=" } else { "" };
        let signed_by = |secret: &[u8]| self.signature(secret, &stamp, body).into_bytes();
        let body_of = |body: Vec<u8>| Request { body, ..authentic.clone() };
        let signed_as = |signature: Option<Vec<u8>>| authentic.clone().with(SIGNATURE, signature);
        match kind {
            // Another body under the signature.
            0..=4 => body_of(change(body, dice)),
            5 => body_of(Vec::new()),
            6 => {
                let other = self.authentic(secret, now, dice);
                if other.body == *body { body_of(change(body, dice)) } else { body_of(other.body) }
            }
            // Another signature over the body.
            7 => signed_as(None),
            8 => signed_as(Some(flipped(&signature, dice))),
            9 => signed_as(Some(signature[..dice.below(signature.len())].to_vec())),
            10 => {
                let more = one_of(&["0", "00", " ", ",", "\t"], dice).as_bytes();
                signed_as(Some([&signature[..], more].concat()))
            }
            11 => signed_as(Some(format!("{prefix}{}", hex.to_uppercase()).into_bytes())),
            12 => signed_as(Some(one_of(&["", "v0=", "v1=", "0", "null", "undefined"], dice).as_bytes().to_vec())),
            13 => {
                let odd = *one_of(&["v1=", "V0=", "v0:", "sha256=", "v0=v0=", "="], dice);
                signed_as(Some(format!("{odd}{hex}").into_bytes()))
            }
            // A key that only ends in zeros is the same key to HMAC.
            14 => {
                let prefix = &secret.as_bytes()[..dice.below(secret.len())];
                let wrong = one_of(&[flipped(secret.as_bytes(), dice), prefix.to_vec()], dice).clone();
                signed_as(Some(signed_by(&wrong)))
            }
            15 => signed_as(Some(signed_by(b""))),
            16 => signed_as(Some(format!("{prefix}{}", "0".repeat(64)).into_bytes())),
            // Two of them, one of which is right.
            17 => {
                let mut both = authentic.clone();
                let more =
                    (self.headers()[SIGNATURE], one_of(&[signature.clone(), flipped(&signature, dice)], dice).clone());
                both.headers.insert(dice.below(3), more);
                both
            }
            // As the other vendor signs.
            18 => {
                let other = match self {
                    Self::Zoom => Self::Sentry,
                    Self::Sentry => Self::Zoom,
                };
                signed_as(Some(other.signature(secret.as_bytes(), &stamp, body).into_bytes()))
            }
            // What Zoom signs beside the body. Sentry's time stamp is not signed and decides nothing.
            _ => match self {
                Self::Sentry => signed_as(Some(flipped(&signature, dice))),
                Self::Zoom => self.restamped(authentic, secret, now, dice),
            },
        }
    }

    fn restamped(self, authentic: &Request, secret: &str, now: Timestamp, dice: &mut Dice) -> Request {
        let Request { body, .. } = authentic;
        let stamp = authentic.value(STAMP);
        match dice.below(6) {
            0 => authentic.clone().with(STAMP, None),
            1 => authentic.clone().with(STAMP, Some(flipped(&stamp, dice))),
            // Signed, and too old or from the future: a replay.
            2 => self.signed(secret, body, Timestamp(now.0 - 6_001_000 - dice.below(1_000_000_000) as i64)),
            3 => self.signed(secret, body, Timestamp(now.0 + 301_000 + dice.below(1_000_000_000) as i64)),
            // Signed, and no number; what is signed is `v0:stamp:body`, so that a stamp may borrow from the body.
            4 => {
                let odd = *one_of(&["", "-1", "1e9", "abc", "99999999999999999999"], dice);
                let signature = self.signature(secret.as_bytes(), odd.as_bytes(), body).into_bytes();
                authentic.clone().with(STAMP, Some(odd.into())).with(SIGNATURE, Some(signature))
            }
            _ => {
                let cut = body.iter().position(|byte| *byte == b':').unwrap_or_default();
                let borrowed = [&stamp[..], b":", &body[..cut]].concat();
                let rest = body[cut + 1..].to_vec();
                Request { body: rest, ..authentic.clone() }.with(STAMP, Some(borrowed))
            }
        }
    }
}

/// A request as somebody sends it.
#[derive(Clone, Debug, PartialEq)]
struct Request {
    vendor: Vendor,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl PartialEq for Vendor {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path()
    }
}

impl Request {
    fn value(&self, header: usize) -> Vec<u8> {
        let name = self.vendor.headers()[header];
        self.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn with(mut self, header: usize, value: Option<Vec<u8>>) -> Self {
        let name = self.vendor.headers()[header];
        self.headers.retain(|(found, _)| *found != name);
        self.headers.extend(value.map(|value| (name, value)));
        self
    }

    fn delivery(&self) -> Delivery<'_> {
        Delivery { headers: self, body: &self.body }
    }

    /// Whether a header can hold it; the rest no server even reads.
    fn fits_http(&self) -> bool {
        let fits = |value: &[u8]| value.trim_ascii() == value && value.iter().all(|byte| (0x20..0x7f).contains(byte));
        self.headers.iter().all(|(_, value)| fits(value))
    }

    async fn sent_to(&self, address: &str, path: &str) -> String {
        let mut head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n", self.body.len());
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value));
        }
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(&[head.as_bytes(), b"\r\n", &self.body].concat()).await.expect("it reads");
        let mut answer = String::new();
        // It closes the connection after a refusal.
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }
}

impl Headers for Request {
    fn get(&self, name: &str) -> Header<'_> {
        let mut found = self.headers.iter().filter(|(found, _)| *found == name);
        match (found.next(), found.next()) {
            (None, _) => Header::Missing,
            (Some((_, value)), None) => Header::One(value),
            (Some(_), Some(_)) => Header::Doubled,
        }
    }
}

fn is_accepted(webhook: &dyn Webhook, request: &Request, now: Timestamp) -> bool {
    webhook.receive(&request.delivery(), now).is_ok()
}

/// Some bytes more, fewer or others; never the same.
fn change(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let at = dice.below(bytes.len().max(1));
    match dice.below(6) {
        0 => return flipped(bytes, dice),
        1 => changed.insert(at, dice.below(256) as u8),
        2 => drop(changed.remove(at)),
        3 => changed.truncate(at),
        4 => changed.push(*one_of(b"\n \0}", dice)),
        _ => changed.splice(0..0, [b' ', 0xef, 0xbb, 0xbf][..=dice.below(4)].iter().copied()).for_each(drop),
    }
    if changed == bytes { flipped(bytes, dice) } else { changed }
}

fn flipped(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    let at = dice.below(bytes.len());
    flipped[at] ^= 1 << dice.below(8);
    flipped
}

fn one_of<'a, T>(all: &'a [T], dice: &mut Dice) -> &'a T {
    &all[dice.below(all.len())]
}

// === the vendors ===

fn zoom(secret: &str) -> ZoomWebhook {
    ZoomWebhook::new(&ZoomConfig {
        client_id: "client".into(),
        client_secret: Secret::new("client-secret").into(),
        bot_jid: "v1bot@xmpp.zoom.us".into(),
        // An empty one must not let everybody in.
        secret_tokens: vec![Secret::new(""), Secret::new(secret)].into(),
        api: "https://api.zoom.us".parse().expect("an address"),
        oauth: "https://zoom.us".parse().expect("an address"),
        rate: None,
    })
}

fn sentry(secret: &str) -> SentryWebhook {
    SentryWebhook::new(&SentryConfig {
        base: "https://sentry.example.com".parse().expect("an address"),
        client_secrets: vec![Secret::new(""), Secret::new(secret)].into(),
        integration: None,
        oauth: None,
        app: None,
    })
}
