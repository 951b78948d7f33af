//! Encrypts a value at rest, bound to the row it belongs to.
//!
//! An envelope opens only with a key of the [`Keyring`], only unchanged, and only at the [`Place`] for which it was
//! sealed: whoever can write to the database still cannot move one account's token into another's row.
//!
//! ```
//! use zentry_seal::{Keyring, OpenError, Place, new_key};
//!
//! let keys = Keyring::parse(&format!("k1:{}", *new_key()))?;
//! let place = Place { owner: "zoom:acct-1", table: "credential", row: "jane", column: "grant" };
//!
//! let sealed = keys.seal(place, b"refresh token");
//! assert_eq!(keys.open(place, &sealed)?.as_slice(), b"refresh token");
//!
//! let elsewhere = Place { owner: "zoom:acct-2", ..place };
//! assert_eq!(keys.open(elsewhere, &sealed), Err(OpenError::Forged));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Format
//!
//! `"SZ" | version u8 = 1 | algorithm u8 = 1 | id length u8 | key id | nonce 12 bytes | ciphertext | tag 16 bytes`
//!
//! Algorithm 1 is AES-256-GCM under a key of its own for every owner: HKDF-SHA256 of the named key, without salt, with
//! the info `owner-dek` followed by the owner. The additional data is everything before the nonce, then owner, table,
//! row and column, each after its length as a big-endian `u32`. The nonce is random: a key is good for 2³⁰ values of one
//! owner. GCM does not commit to its key, so only the key that the envelope names is ever tried.
//!
//! A whole file is sealed by [`Keyring::seal_archive`], in a format of its own.
//!
//! # Rotation
//!
//! Put a new key first and keep the old one behind it. Rows for which [`Keyring::is_current`] is false are opened and
//! sealed again; when none is left, here and in the backups, the old key can go.
//!
//! Key bytes are wiped on drop. What `ring` derives from them inside a call (key schedules on the stack) is not.

mod archive;
mod fingerprint;
mod keyring;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use zeroize::Zeroizing;

pub use archive::{ArchiveError, is_archive};
pub use fingerprint::{fingerprint, new_salt};
use keyring::{Key, fill, is_id};
pub use keyring::{Keyring, KeyringError, new_key};

/// Magic, version, algorithm.
const PREFIX: [u8; 4] = *b"SZ\x01\x01";

/// Where a sealed value lives. All four parts are authenticated with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Whose row it is, for example `zoom:<account>`; each owner has a key of their own.
    pub owner: &'a str,
    /// The table.
    pub table: &'a str,
    /// The row's id; for a queued job its delivery id, which exists before the row.
    pub row: &'a str,
    /// The column.
    pub column: &'a str,
}

/// Why an envelope did not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not an envelope, or one of a version that this program does not know.
    #[error("not a sealed value that this version can read")]
    Malformed,
    /// The key that sealed it is not in the keyring: put it back.
    #[error("sealed with key {id}, which is not among the sealing keys given")]
    UnknownKey {
        /// The id in the envelope.
        id: String,
    },
    /// The tag does not match: the value was altered, moved here from another row, or sealed with other key bytes
    /// under the same id.
    #[error("a sealed value was altered, belongs to another row, or was sealed with another key of the same id")]
    Forged,
}

impl Keyring {
    /// Seals `plaintext` for `place` with the first key. The envelope is 33 bytes and the key's id longer.
    ///
    /// # Panics
    /// If the operating system gives no random bytes; nothing can be sealed then.
    #[must_use]
    pub fn seal(&self, place: Place<'_>, plaintext: &[u8]) -> Vec<u8> {
        let keys = self.keys();
        let key = &keys[0];
        let mut nonce = [0; NONCE_LEN];
        fill(&self.random, &mut nonce);

        let header = header(&key.id);
        let start = header.len() + NONCE_LEN;
        // Reserved whole: growing later would leave a copy of the plaintext behind.
        let mut sealed = Vec::with_capacity(start + plaintext.len() + MAX_TAG_LEN);
        sealed.extend_from_slice(&header);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let tag = owner_key(key, place.owner)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(additional_data(&header, place)),
                &mut sealed[start..],
            )
            .expect("a value is shorter than the 64 GiB that GCM can seal");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what [`Keyring::seal`] made for the same `place`. The plaintext is wiped when it is dropped.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let envelope = Envelope::parse(sealed)?;
        let keys = self.keys();
        let key = keys.iter().find(|key| key.id == envelope.key_id);
        let key = key.ok_or_else(|| OpenError::UnknownKey { id: envelope.key_id.to_owned() })?;
        let mut buffer = Zeroizing::new(envelope.ciphertext_and_tag.to_vec());
        let length = owner_key(key, place.owner)
            .open_in_place(
                Nonce::assume_unique_for_key(envelope.nonce),
                Aad::from(additional_data(envelope.header, place)),
                &mut buffer,
            )
            .map_err(|_| OpenError::Forged)?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }

    /// Whether the first key sealed this envelope. Reads the header only; it does not authenticate.
    pub fn is_current(&self, sealed: &[u8]) -> Result<bool, OpenError> {
        Ok(key_id(sealed)? == self.keys()[0].id)
    }
}

/// The id of the key that an envelope names. Reads the header only; it does not authenticate.
pub fn key_id(sealed: &[u8]) -> Result<&str, OpenError> {
    Envelope::parse(sealed).map(|envelope| envelope.key_id)
}

struct Envelope<'a> {
    header: &'a [u8],
    key_id: &'a str,
    nonce: [u8; NONCE_LEN],
    ciphertext_and_tag: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn parse(sealed: &'a [u8]) -> Result<Self, OpenError> {
        Self::split(sealed).ok_or(OpenError::Malformed)
    }

    fn split(sealed: &'a [u8]) -> Option<Self> {
        let (&id_len, rest) = sealed.strip_prefix(&PREFIX)?.split_first()?;
        let (id, rest) = rest.split_at_checked(id_len.into())?;
        let key_id = str::from_utf8(id).ok().filter(|id| is_id(id))?;
        let (&nonce, ciphertext_and_tag) = rest.split_first_chunk()?;
        if ciphertext_and_tag.len() < MAX_TAG_LEN {
            return None;
        }
        let header = &sealed[..sealed.len() - rest.len()];
        Some(Self { header, key_id, nonce, ciphertext_and_tag })
    }
}

fn header(id: &str) -> Vec<u8> {
    // An id has at most 32 characters.
    [&PREFIX[..], &[id.len() as u8], id.as_bytes()].concat()
}

fn additional_data(header: &[u8], place: Place<'_>) -> Vec<u8> {
    let mut data = header.to_vec();
    for part in [place.owner, place.table, place.row, place.column] {
        data.extend_from_slice(&(part.len() as u32).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}

fn owner_key(key: &Key, owner: &str) -> LessSafeKey {
    let info = [b"owner-dek".as_slice(), owner.as_bytes()];
    let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&key.bytes);
    let derived = secret.expand(&info, &AES_256_GCM).expect("HKDF-SHA256 can give 32 bytes");
    LessSafeKey::new(UnboundKey::from(derived))
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    // Made with another implementation of HKDF and GCM, from the format as documented above.
    const GOLDEN: &str =
        "535a0101036f6c64000102030405060708090a0b1627bc29c6fe66b76f9888062b6c037d9b830f389ae765101dd491d2a7";
    const HERE: Place<'_> = Place { owner: "zoom:a", table: "credential", row: "7", column: "grant" };

    fn ring(list: &str) -> Keyring {
        Keyring::parse(list).unwrap()
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_at_its_place(
            parts in prop::array::uniform4(".{0,20}"),
            plaintext in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let keys = ring(NEW);
            let [owner, table, row, column] = &parts;
            let place = Place { owner, table, row, column };
            let sealed = keys.seal(place, &plaintext);
            prop_assert_eq!(sealed.len(), plaintext.len() + 33 + "new".len());
            let opened = keys.open(place, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
        }

        #[test]
        fn no_other_place_opens_it(
            sealed_at in prop::array::uniform4("[ab]{0,2}"),
            opened_at in prop::array::uniform4("[ab]{0,2}"),
        ) {
            prop_assume!(sealed_at != opened_at);
            let keys = ring(NEW);
            let [owner, table, row, column] = &sealed_at;
            let sealed = keys.seal(Place { owner, table, row, column }, b"token");
            let [owner, table, row, column] = &opened_at;
            let elsewhere = Place { owner, table, row, column };
            prop_assert_eq!(keys.open(elsewhere, &sealed), Err(OpenError::Forged));
        }

        #[test]
        fn arbitrary_bytes_never_open(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(ring(NEW).open(HERE, &bytes).is_err());
            let named = [header("new"), bytes].concat();
            prop_assert!(ring(NEW).open(HERE, &named).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let keys = ring(&format!("{NEW},{OLD}"));
        let sealed = keys.seal(HERE, b"token");
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(keys.open(HERE, &altered).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_truncation_and_every_addition_is_noticed() {
        let keys = ring(NEW);
        let mut sealed = keys.seal(HERE, b"token");
        for length in 0..sealed.len() {
            assert!(keys.open(HERE, &sealed[..length]).is_err(), "{length} bytes");
        }
        sealed.push(0);
        assert_eq!(keys.open(HERE, &sealed), Err(OpenError::Forged));
    }

    #[test]
    fn two_parts_swapped_are_another_place() {
        let keys = ring(NEW);
        let sealed = keys.seal(HERE, b"token");
        let parts = [HERE.owner, HERE.table, HERE.row, HERE.column];
        for (i, j) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            let mut swapped = parts;
            swapped.swap(i, j);
            let [owner, table, row, column] = swapped;
            let elsewhere = Place { owner, table, row, column };
            assert_eq!(keys.open(elsewhere, &sealed), Err(OpenError::Forged));
        }
    }

    #[test]
    fn a_key_that_went_missing_is_named() {
        let sealed = ring(OLD).seal(HERE, b"token");
        let error = ring(NEW).open(HERE, &sealed).unwrap_err();
        assert_eq!(error, OpenError::UnknownKey { id: "old".to_owned() });
        assert!(error.to_string().contains("key old"), "{error}");
    }

    #[test]
    fn a_renamed_key_is_not_tried() {
        let sealed = ring(OLD).seal(HERE, b"token");
        let renamed = [header("new"), sealed[header("old").len()..].to_vec()].concat();
        let keys = ring(&format!("{NEW},{OLD}"));
        assert_eq!(keys.open(HERE, &renamed), Err(OpenError::Forged));
    }

    #[test]
    fn rotation_opens_the_old_and_seals_with_the_new() {
        let before = ring(OLD).seal(HERE, b"token");
        let keys = ring(&format!("{NEW},{OLD}"));
        assert_eq!(key_id(&before), Ok("old"));
        assert_eq!(keys.is_current(&before), Ok(false));

        let after = keys.seal(HERE, &keys.open(HERE, &before).unwrap());
        assert_eq!(keys.is_current(&after), Ok(true));
        assert_eq!(ring(NEW).open(HERE, &after).unwrap().as_slice(), b"token");
    }

    #[test]
    fn the_same_value_never_gives_the_same_envelope() {
        let keys = ring(NEW);
        assert_ne!(keys.seal(HERE, b"token"), keys.seal(HERE, b"token"));
    }

    #[test]
    fn what_is_no_envelope_is_malformed() {
        let keys = ring(NEW);
        let another_version = [b"SZ\x02\x01".as_slice(), &keys.seal(HERE, b"token")[4..]].concat();
        for bytes in [b"".as_slice(), b"SZ", b"plain text that was never sealed at all", &another_version] {
            assert_eq!(keys.open(HERE, bytes), Err(OpenError::Malformed));
            assert_eq!(keys.is_current(bytes), Err(OpenError::Malformed));
        }
    }

    #[test]
    fn an_envelope_of_the_first_release_still_opens() {
        let stored = HEXLOWER.decode(GOLDEN.as_bytes()).unwrap();
        assert_eq!(ring(OLD).open(HERE, &stored).unwrap().as_slice(), b"refresh token");
    }
}
