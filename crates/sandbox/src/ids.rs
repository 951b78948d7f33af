//! Identifiers, tokens and keyed digests.

use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ring::{digest, hmac};

/// A source of identifiers that never repeats and is the same in every run, so that transcripts can be compared.
/// Nothing here guards anything real: both services are simulated and listen on loopback.
#[derive(Debug)]
pub(crate) struct Ids {
    label: &'static str,
    next: AtomicU64,
}

impl Ids {
    pub(crate) const fn new(label: &'static str) -> Self {
        Self { label, next: AtomicU64::new(1) }
    }

    /// 64 lower-case hexadecimal digits.
    pub(crate) fn hex64(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        sha256_hex(&format!("{}:{number}", self.label))
    }

    /// 32 lower-case hexadecimal digits.
    pub(crate) fn hex32(&self) -> String {
        let mut hex = self.hex64();
        hex.truncate(32);
        hex
    }

    /// A UUID with hyphens.
    pub(crate) fn uuid(&self) -> String {
        uuid(&self.hex64())
    }
}

/// 64 lower-case hexadecimal digits that depend on `text` alone.
pub(crate) fn sha256_hex(text: &str) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// The PKCE challenge of a verifier (RFC 7636, S256).
pub(crate) fn pkce_challenge(verifier: &str) -> String {
    BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}

/// Lower-case hexadecimal HMAC-SHA256 of the concatenated `parts`.
pub(crate) fn hmac_hex(key: &str, parts: &[&[u8]]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()));
    parts.iter().for_each(|part| context.update(part));
    HEXLOWER.encode(context.sign().as_ref())
}

/// The signature of a JSON web token (RFC 7515, HS256).
pub(crate) fn hmac_base64(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    BASE64URL_NOPAD.encode(hmac::sign(&key, text.as_bytes()).as_ref())
}

/// Shapes the first 32 of a row of hexadecimal digits as a version 4 UUID.
pub(crate) fn uuid(hex: &str) -> String {
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_do_not_repeat() {
        let ids = Ids::new("test");
        assert_ne!(ids.uuid(), ids.uuid());
        assert_eq!(ids.hex32().len(), 32);
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        assert_eq!(
            pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
