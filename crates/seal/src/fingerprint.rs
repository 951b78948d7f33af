use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};

use crate::keyring::{fill, system_random};

/// A fresh salt for [`fingerprint`]: 256 random bits in hex.
///
/// # Panics
/// If the operating system gives no random bytes.
#[must_use]
pub fn new_salt() -> String {
    let mut bytes = [0; 32];
    fill(&system_random(), &mut bytes);
    HEXLOWER.encode(&bytes)
}

/// By which a value is recognised that must not be kept: SHA-256 of salt and value in lower-case hex.
#[must_use]
pub fn fingerprint(salt: &str, value: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, [salt, value].concat().as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_recognised_under_its_salt_only() {
        let (one, other) = (new_salt(), new_salt());
        assert_eq!(fingerprint(&one, "acc"), fingerprint(&one, "acc"));
        assert_ne!(fingerprint(&one, "acc"), fingerprint(&other, "acc"));
        assert_ne!(fingerprint(&one, "acc"), fingerprint(&one, "acd"));
        // The vector of the standard (SHA-256, "abc").
        assert_eq!(fingerprint("a", "bc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
