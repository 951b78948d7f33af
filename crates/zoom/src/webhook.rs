//! Verifying and reading what Zoom sends (Zoom, using webhooks).

use data_encoding::HEXLOWER;
use ring::{digest, hmac};
use serde_json::{Value, json};
use zentry_domain::ports::{Delivery, DeliveryKey, Header, Received, Rejected};
use zentry_domain::{Rotating, Secret, Timestamp, Webhook};

use crate::ZoomConfig;
use crate::event::{Meaning, decode};
use crate::stale::{Stale, StaleLog};
use crate::wire::{self, Fields};

const SIGNATURE: &str = "x-zm-signature";
const TIMESTAMP: &str = "x-zm-request-timestamp";

/// The longest token of a URL validation that is answered.
const PLAIN_TOKEN_MAX: usize = 128;

/// Zoom's dialect of webhooks.
pub struct ZoomWebhook {
    secret_tokens: Rotating<Vec<Secret>>,
    client_id: String,
    stale: StaleLog,
}

impl ZoomWebhook {
    /// Accepts what any of the secret tokens has signed.
    pub fn new(config: &ZoomConfig) -> Self {
        Self {
            secret_tokens: config.secret_tokens.clone(),
            client_id: config.client_id.clone(),
            stale: StaleLog::default(),
        }
    }

    /// The headers that Zoom would send with `body` now, once for each secret token: for an operator's check of the way here.
    pub fn signed(&self, body: &[u8], now: Timestamp) -> Vec<Vec<(&'static str, String)>> {
        let stamp = (now.0 / 1_000).to_string();
        let message = [b"v0:", stamp.as_bytes(), b":", body].concat();
        let headers = |token: &Secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose().as_bytes());
            let tag = HEXLOWER.encode(hmac::sign(&key, &message).as_ref());
            vec![(TIMESTAMP, stamp.clone()), (SIGNATURE, format!("v0={tag}"))]
        };
        self.secret_tokens.get().iter().map(headers).collect()
    }

    /// The key that signed `message`.
    fn signer(&self, message: &[u8], tag: &[u8]) -> Option<hmac::Key> {
        let tokens = self.secret_tokens.get();
        // Anybody can sign with an empty one.
        let tokens = tokens.iter().map(|token| token.expose().as_bytes()).filter(|token| !token.is_empty());
        let mut keys = tokens.map(|token| hmac::Key::new(hmac::HMAC_SHA256, token));
        keys.find(|key| hmac::verify(key, message, tag).is_ok())
    }

    /// The key that signed the delivery.
    fn verify(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<hmac::Key, Rejected> {
        let signature = only(delivery.headers.get(SIGNATURE), "no signature", "two signatures")?;
        let stamp = only(delivery.headers.get(TIMESTAMP), "no time stamp", "two time stamps")?;
        let sent = sent_at(stamp).ok_or(Rejected("a time stamp that is no number"))?;
        let tag = tag(signature).ok_or(Rejected("a signature of another form"))?;
        let message = [b"v0:", stamp, b":", delivery.body].concat();
        let signer = self.signer(&message, &tag).ok_or(Rejected("a wrong signature"))?;
        if let Some(stale) = Stale::of(sent, now) {
            self.stale.take(&stale, now);
            return Err(Rejected("a time stamp outside of the window; is this host's clock right?"));
        }
        Ok(signer)
    }
}

impl Webhook for ZoomWebhook {
    fn receive(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Received, Rejected> {
        let key = self.verify(delivery, now)?;
        let body = match wire::read(delivery.body) {
            Ok(body) => body,
            Err(why) => return Ok(Received::Unreadable(why)),
        };
        if Fields::of(&body).text("event") == "endpoint.url_validation" {
            return Ok(Received::Challenge(challenge(&key, &body)));
        }
        Ok(match decode(&body, &self.client_id) {
            Ok(Meaning::Fact(event, mark)) => {
                let marks = mark.iter().map(|mark| delivery_key(mark.as_bytes()));
                let keys = std::iter::once(delivery_key(delivery.body)).chain(marks).collect();
                Received::Event { keys, event }
            }
            Ok(Meaning::Nothing(why)) => Received::Ignored(why),
            Err(why) => Received::Unreadable(why),
        })
    }
}

fn only<'h>(header: Header<'h>, missing: &'static str, doubled: &'static str) -> Result<&'h [u8], Rejected> {
    match header {
        Header::One(value) => Ok(value),
        Header::Missing => Err(Rejected(missing)),
        Header::Doubled => Err(Rejected(doubled)),
    }
}

/// Unix seconds. Thirteen digits are milliseconds; what is signed is the header as it came.
fn sent_at(stamp: &[u8]) -> Option<Timestamp> {
    let is_number = !stamp.is_empty() && stamp.iter().all(u8::is_ascii_digit);
    let number: i64 = std::str::from_utf8(stamp).ok().filter(|_| is_number)?.parse().ok()?;
    Some(Timestamp(if stamp.len() == 13 { number } else { number.saturating_mul(1_000) }))
}

/// The tag of `v0=` and lower-case hex; of exactly that, so that a signature has one spelling.
fn tag(signature: &[u8]) -> Option<Vec<u8>> {
    HEXLOWER.decode(signature.strip_prefix(b"v0=")?).ok().filter(|tag| tag.len() == digest::SHA256_OUTPUT_LEN)
}

/// The answer that proves that we hold the secret, by the same key that signs webhooks. A token with a colon in it
/// could be a message to be signed, `v0:…:…`, so only harmless ones are signed.
fn challenge(key: &hmac::Key, body: &Value) -> String {
    let plain = Fields::of(body).object("payload").text("plainToken");
    let is_harmless = (1..=PLAIN_TOKEN_MAX).contains(&plain.len())
        && plain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !is_harmless {
        return "{}".into();
    }
    let encrypted = HEXLOWER.encode(hmac::sign(key, plain.as_bytes()).as_ref());
    json!({ "plainToken": plain, "encryptedToken": encrypted }).to_string()
}

fn delivery_key(bytes: &[u8]) -> DeliveryKey {
    let mut key = [0; digest::SHA256_OUTPUT_LEN];
    key.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    DeliveryKey(key)
}
