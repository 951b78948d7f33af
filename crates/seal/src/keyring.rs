use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// Bytes of a sealing key.
const KEY_LEN: usize = 32;
/// Longest key id, in characters.
const MAX_ID_LEN: usize = 32;

/// The sealing keys of a deployment, in the order in which they were named: the first seals, all open.
///
/// The keys can be [replaced](Keyring::replace) while others hold the ring. The bytes of a key are wiped when nobody uses it
/// any more, and `Debug` shows ids only.
pub struct Keyring {
    keys: RwLock<Arc<[Key]>>,
    pub(crate) random: SystemRandom,
}

#[derive(PartialEq)]
pub(crate) struct Key {
    pub(crate) id: String,
    // On the heap, so that moving the key leaves no copy behind.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// Why a list of keys was refused. Names the key id where there is one, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The list is empty.
    #[error("no sealing key is given")]
    Empty,
    /// An entry is not `id:key`. It may be a bare key, so only its place in the list is named.
    #[error("sealing key number {entry} is not written as id:key")]
    NoId {
        /// Counted from 1.
        entry: usize,
    },
    /// What stands before the colon is no id. It may be a key, so only its place is named.
    #[error("the id of sealing key number {entry} must be 1 to 32 letters, digits, - or _")]
    BadId {
        /// Counted from 1.
        entry: usize,
    },
    /// The value is not base64url.
    #[error("sealing key {id} is not base64url (which has - and _ where base64 has + and /)")]
    NotBase64Url {
        /// The key's id.
        id: String,
    },
    /// The value is base64url of another length.
    #[error("sealing key {id} has {len} bytes, but must have 32")]
    WrongLength {
        /// The key's id.
        id: String,
        /// Bytes found.
        len: usize,
    },
    /// The key that seals is not among the keys that should take its place, so what it has just sealed would not open.
    #[error("sealing key {id} is in use: put the new key before it, and keep it behind")]
    InUse {
        /// The key's id.
        id: String,
    },
    /// Two keys have one id, so an envelope could not say which of them sealed it.
    #[error("sealing key {id} is given twice")]
    Duplicate {
        /// The id that both have.
        id: String,
    },
}

impl Keyring {
    /// Reads `id:base64url,id:base64url,…`. Ids are 1 to 32 of `[A-Za-z0-9_-]`; a value is 32 bytes, with or
    /// without `=` padding; white space around an entry is dropped.
    pub fn parse(list: &str) -> Result<Self, KeyringError> {
        if list.trim().is_empty() {
            return Err(KeyringError::Empty);
        }
        let mut keys: Vec<Key> = Vec::new();
        for (at, entry) in list.split(',').enumerate() {
            let key = parse_key(at + 1, entry.trim())?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(KeyringError::Duplicate { id: key.id });
            }
            keys.push(key);
        }
        Ok(Self { keys: RwLock::new(Arc::from(keys)), random: system_random() })
    }

    /// The ids, the sealing key's first.
    pub fn ids(&self) -> Vec<String> {
        self.keys().iter().map(|key| key.id.clone()).collect()
    }

    /// The ids, each with a number by which two processes see that they mean the same key. It says nothing about the key.
    pub fn marks(&self) -> Vec<(String, i64)> {
        self.keys().iter().map(|key| (key.id.clone(), mark(key))).collect()
    }

    /// Takes the keys of `new` instead of its own; says whether they are others. Whoever holds the ring seals with the
    /// first of them from now on.
    ///
    /// # Errors
    /// [`KeyringError::InUse`] where the key that seals is not among them; the ring is then as it was.
    pub fn replace(&self, new: &Self) -> Result<bool, KeyringError> {
        let new = new.keys();
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        // `parse` refuses an empty list.
        if !new.contains(&keys[0]) {
            return Err(KeyringError::InUse { id: keys[0].id.clone() });
        }
        let old = std::mem::replace(&mut *keys, Arc::clone(&new));
        Ok(old != new)
    }

    /// The keys as they are now, the sealing one first. There is always one.
    pub(crate) fn keys(&self) -> Arc<[Key]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring ")?;
        f.debug_list().entries(self.ids()).finish()
    }
}

/// A fresh 32-byte key in base64url without padding: the value of an `id:value` entry.
///
/// # Panics
/// If the operating system gives no random bytes; nothing can be sealed then.
#[must_use]
pub fn new_key() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    fill(&system_random(), bytes.as_mut());
    Zeroizing::new(BASE64URL_NOPAD.encode(bytes.as_ref()))
}

pub(crate) fn fill(random: &SystemRandom, bytes: &mut [u8]) {
    random.fill(bytes).expect("the operating system gives random bytes");
}

fn mark(key: &Key) -> i64 {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.bytes), b"which key this is");
    tag.as_ref().first_chunk().map_or(0, |first| i64::from_be_bytes(*first))
}

pub(crate) fn is_id(text: &str) -> bool {
    (1..=MAX_ID_LEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn parse_key(entry: usize, text: &str) -> Result<Key, KeyringError> {
    let (id, value) = text.split_once(':').ok_or(KeyringError::NoId { entry })?;
    if !is_id(id) {
        return Err(KeyringError::BadId { entry });
    }
    let id = id.to_owned();
    let Ok(bytes) = BASE64URL_NOPAD.decode(value.trim_end_matches('=').as_bytes()) else {
        return Err(KeyringError::NotBase64Url { id });
    };
    let bytes = Zeroizing::new(bytes);
    if bytes.len() != KEY_LEN {
        let len = bytes.len();
        return Err(KeyringError::WrongLength { id, len });
    }
    Ok(Key { id, bytes })
}

#[expect(
    clippy::disallowed_methods,
    reason = "keys and nonces must never come from a seeded simulator: a repeated nonce reveals the plaintext"
)]
pub(crate) fn system_random() -> SystemRandom {
    SystemRandom::new()
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const ONES: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

    fn refusal(list: &str) -> KeyringError {
        Keyring::parse(list).expect_err(list)
    }

    #[test]
    fn keys_are_read_with_or_without_padding_and_keep_their_order() {
        let ring = Keyring::parse(&format!(" new-1:{ZEROS}= ,\n old_1:{ONES}")).unwrap();
        assert_eq!(ring.ids(), ["new-1", "old_1"]);
        assert_eq!(ring.keys()[0].bytes[..], [0; 32]);
        assert_eq!(ring.keys()[1].bytes[..], [1; 32]);
    }

    #[test]
    fn a_list_that_cannot_be_meant_is_refused_by_name() {
        let id = "k1".to_owned();
        let too_long = "i".repeat(33);
        assert_eq!(refusal(""), KeyringError::Empty);
        assert_eq!(refusal(" \n"), KeyringError::Empty);
        assert_eq!(refusal(ZEROS), KeyringError::NoId { entry: 1 });
        assert_eq!(refusal(&format!("k1:{ZEROS},")), KeyringError::NoId { entry: 2 });
        assert_eq!(refusal(&format!(":{ZEROS}")), KeyringError::BadId { entry: 1 });
        assert_eq!(refusal(&format!("k 1:{ZEROS}")), KeyringError::BadId { entry: 1 });
        assert_eq!(refusal(&format!("{too_long}:{ZEROS}")), KeyringError::BadId { entry: 1 });
        assert_eq!(refusal("k1:a+b/"), KeyringError::NotBase64Url { id: id.clone() });
        assert_eq!(refusal("k1:AAAA"), KeyringError::WrongLength { id: id.clone(), len: 3 });
        assert_eq!(refusal("k1:"), KeyringError::WrongLength { id: id.clone(), len: 0 });
        assert_eq!(refusal(&format!("k1:{ZEROS},k1:{ONES}")), KeyringError::Duplicate { id });
    }

    #[test]
    fn a_key_and_its_id_swapped_by_mistake_are_not_repeated_in_the_error() {
        for list in [format!("{ONES}:k1"), ONES.to_owned(), format!("k1:{ONES}{ONES}"), format!("k1:{ONES}+")] {
            let text = format!("{0} {0:?}", refusal(&list));
            assert!(!text.contains(ONES), "{text}");
        }
    }

    #[test]
    fn keys_are_replaced_under_those_who_hold_them_and_the_one_in_use_must_stay() {
        let ring = Keyring::parse(&format!("k1:{ZEROS}")).unwrap();
        let replace = |list: &str| ring.replace(&Keyring::parse(list).unwrap());
        assert_eq!(replace(&format!("k2:{ONES}")), Err(KeyringError::InUse { id: "k1".to_owned() }));
        assert_eq!(replace(&format!("k1:{ONES}")), Err(KeyringError::InUse { id: "k1".to_owned() }));
        assert_eq!(replace(&format!("k1:{ZEROS}")), Ok(false));
        assert_eq!(replace(&format!("k2:{ONES},k1:{ZEROS}")), Ok(true));
        assert_eq!(ring.ids(), ["k2", "k1"]);
        assert_eq!(replace(&format!("k2:{ONES}")), Ok(true));
    }

    #[test]
    fn a_mark_tells_keys_apart_that_have_one_id() {
        let marks = |list: &str| Keyring::parse(list).unwrap().marks();
        let (zeros, ones) = (marks(&format!("k1:{ZEROS}")), marks(&format!("k1:{ONES}")));
        assert_eq!(zeros, marks(&format!("k1:{ZEROS}=")));
        assert_eq!(zeros[0].0, "k1");
        assert_ne!(zeros, ones);
    }

    #[test]
    fn debug_shows_ids_only() {
        let ring = Keyring::parse(&format!("k2:{ZEROS},k1:{ONES}")).unwrap();
        assert_eq!(format!("{ring:?}"), r#"Keyring ["k2", "k1"]"#);
    }

    #[test]
    fn key_bytes_are_wiped_on_drop() {
        fn wiped<T: ZeroizeOnDrop>(_: &T) {}
        let ring = Keyring::parse(&format!("k1:{ONES}")).unwrap();
        wiped(&ring.keys()[0].bytes);
        wiped(&new_key());
    }

    #[test]
    fn a_new_key_is_a_valid_one_and_never_the_same() {
        let (one, other) = (new_key(), new_key());
        assert_ne!(one, other);
        assert!(Keyring::parse(&format!("a:{},b:{}", *one, *other)).is_ok());
    }
}
