//! Seals a whole file chunk by chunk, so that neither side needs room for it in memory.
//!
//! # Format
//!
//! `"SZAR" | version u8 = 1 | algorithm u8 = 1 | id length u8 | key id | salt 32 bytes`, then the chunks: 64 KiB of the file
//! each, the last one what is left, and each followed by a tag of 16 bytes.
//!
//! Algorithm 1 is AES-256-GCM under a key of its own for every archive: HKDF-SHA256 of the named key with the salt and the
//! info `archive`. The nonce is three zero bytes, the chunk's number as a big-endian `u64`, and 1 for the last chunk or 0; the
//! additional data is everything before the chunks. So a chunk that is altered, moved, missing or added does not open.

use std::io::{self, Read, Write};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use zeroize::Zeroizing;

use crate::keyring::{Key, Keyring, fill, is_id};

/// Magic, version, algorithm.
const PREFIX: [u8; 6] = *b"SZAR\x01\x01";
const SALT_LEN: usize = 32;
/// Bytes of the file in one chunk.
const CHUNK: usize = 64 * 1024;

/// Why an archive did not open. What was written until then must not be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no archive, or one of a version that this program does not know.
    #[error("not a sealed archive that this version can read")]
    Malformed,
    /// The key that sealed it is not in the keyring: put it back.
    #[error("sealed with key {id}, which is not among the sealing keys given")]
    UnknownKey {
        /// The id in the archive.
        id: String,
    },
    /// It was altered or cut short, or sealed with other key bytes under the same id.
    #[error("the archive was altered or cut short, or was sealed with another key of the same id")]
    Forged,
    /// It could not be read.
    #[error("the archive cannot be read")]
    Read(#[source] io::Error),
    /// What was in it could not be written.
    #[error("what is in the archive cannot be written")]
    Write(#[source] io::Error),
}

impl Keyring {
    /// Seals everything that `from` gives with the first key, into `to`. Neither is flushed or synced.
    ///
    /// # Errors
    /// Those of `from` and `to`.
    ///
    /// # Panics
    /// If the operating system gives no random bytes; nothing can be sealed then.
    pub fn seal_archive(&self, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
        let keys = self.keys();
        let key = &keys[0];
        let mut salt = [0; SALT_LEN];
        fill(&self.random, &mut salt);
        let header = Header { key_id: key.id.clone(), salt };
        to.write_all(&header.bytes())?;
        let cipher = Cipher::new(key, &header);
        let mut chunks = Chunks::new(from, CHUNK)?;
        while let Some(mut chunk) = chunks.next()? {
            cipher.seal(&mut chunk);
            to.write_all(&chunk.bytes)?;
        }
        Ok(())
    }

    /// Opens what [`Keyring::seal_archive`] made. Each chunk is written to `to` as soon as it is proven, so what was
    /// written is all of it only when this returns `Ok`.
    ///
    /// # Errors
    /// [`ArchiveError`]: throw away what was written.
    pub fn open_archive(&self, from: &mut dyn Read, to: &mut dyn Write) -> Result<(), ArchiveError> {
        let header = Header::read(from)?;
        let keys = self.keys();
        let key = keys.iter().find(|key| key.id == header.key_id);
        let key = key.ok_or_else(|| ArchiveError::UnknownKey { id: header.key_id.clone() })?;
        let cipher = Cipher::new(key, &header);
        let mut chunks = Chunks::new(from, CHUNK + MAX_TAG_LEN).map_err(ArchiveError::Read)?;
        while let Some(mut chunk) = chunks.next().map_err(ArchiveError::Read)? {
            let opened = cipher.open(&mut chunk)?;
            to.write_all(opened).map_err(ArchiveError::Write)?;
        }
        Ok(())
    }
}

/// Whether a file that begins like this is an archive, of whatever version.
pub fn is_archive(beginning: &[u8]) -> bool {
    beginning.starts_with(&PREFIX[..4])
}

struct Header {
    key_id: String,
    salt: [u8; SALT_LEN],
}

impl Header {
    fn read(from: &mut dyn Read) -> Result<Self, ArchiveError> {
        let mut start = [0; PREFIX.len() + 1];
        exactly(from, &mut start)?;
        let [prefix @ .., id_len] = start;
        if prefix != PREFIX {
            return Err(ArchiveError::Malformed);
        }
        let mut id = vec![0; id_len.into()];
        exactly(from, &mut id)?;
        let key_id = String::from_utf8(id).ok().filter(|id| is_id(id)).ok_or(ArchiveError::Malformed)?;
        let mut salt = [0; SALT_LEN];
        exactly(from, &mut salt)?;
        Ok(Self { key_id, salt })
    }

    fn bytes(&self) -> Vec<u8> {
        // An id has at most 32 characters.
        [&PREFIX[..], &[self.key_id.len() as u8], self.key_id.as_bytes(), &self.salt].concat()
    }
}

/// Fills `buffer`. Where there is less, it is no archive.
fn exactly(from: &mut dyn Read, buffer: &mut [u8]) -> Result<(), ArchiveError> {
    from.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::Malformed,
        _ => ArchiveError::Read(error),
    })
}

/// Seals and opens the chunks of one archive.
struct Cipher {
    key: LessSafeKey,
    header: Vec<u8>,
}

impl Cipher {
    fn new(key: &Key, header: &Header) -> Self {
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, &header.salt).extract(&key.bytes);
        let derived = secret.expand(&[b"archive"], &AES_256_GCM).expect("HKDF-SHA256 can give 32 bytes");
        Self { key: LessSafeKey::new(UnboundKey::from(derived)), header: header.bytes() }
    }

    fn seal(&self, chunk: &mut Chunk) {
        let (nonce, aad) = (chunk.nonce(), Aad::from(&self.header));
        let tag = self.key.seal_in_place_separate_tag(nonce, aad, &mut chunk.bytes);
        chunk.bytes.extend_from_slice(tag.expect("a chunk is shorter than the 64 GiB that GCM can seal").as_ref());
    }

    fn open<'a>(&self, chunk: &'a mut Chunk) -> Result<&'a [u8], ArchiveError> {
        let (nonce, aad) = (chunk.nonce(), Aad::from(&self.header));
        let opened = self.key.open_in_place(nonce, aad, &mut chunk.bytes);
        opened.map(|opened| &*opened).map_err(|_| ArchiveError::Forged)
    }
}

struct Chunk {
    bytes: Zeroizing<Vec<u8>>,
    number: u64,
    is_last: bool,
}

impl Chunk {
    fn nonce(&self) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[3..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = self.is_last.into();
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Reads one chunk ahead, and so knows which is the last. There is always one, be it empty.
struct Chunks<'a> {
    from: &'a mut dyn Read,
    size: usize,
    ahead: Option<Zeroizing<Vec<u8>>>,
    number: u64,
}

impl<'a> Chunks<'a> {
    fn new(from: &'a mut dyn Read, size: usize) -> io::Result<Self> {
        let first = read(from, size)?;
        Ok(Self { from, size, ahead: Some(first), number: 0 })
    }

    fn next(&mut self) -> io::Result<Option<Chunk>> {
        let Some(bytes) = self.ahead.take() else { return Ok(None) };
        self.ahead = Some(read(self.from, self.size)?).filter(|next| !next.is_empty());
        let chunk = Chunk { bytes, number: self.number, is_last: self.ahead.is_none() };
        self.number += 1;
        Ok(Some(chunk))
    }
}

/// The next `size` bytes, or what is left.
fn read(from: &mut dyn Read, size: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // Reserved whole, tag included: growing later would leave a copy of the plaintext behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + MAX_TAG_LEN));
    from.take(size as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;
    use ring::digest::{SHA256, digest};

    use super::*;

    const OLD: &str = "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    const HEADER: usize = PREFIX.len() + 1 + 3 + SALT_LEN;
    const SEALED: usize = CHUNK + MAX_TAG_LEN;

    fn ring(list: &str) -> Keyring {
        Keyring::parse(list).unwrap()
    }

    fn seal(mut file: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        ring(NEW).seal_archive(&mut file, &mut sealed).unwrap();
        sealed
    }

    fn open(mut sealed: &[u8]) -> Result<Vec<u8>, ArchiveError> {
        let mut opened = Vec::new();
        ring(NEW).open_archive(&mut sealed, &mut opened).map(|()| opened)
    }

    /// A file of this length in which no two places look alike.
    fn file(length: usize) -> Vec<u8> {
        (0..length.div_ceil(8) as u64).flat_map(u64::to_be_bytes).take(length).collect()
    }

    /// The header, and each chunk with its tag.
    fn parts(sealed: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
        (sealed[..HEADER].to_vec(), sealed[HEADER..].chunks(SEALED).map(<[u8]>::to_vec).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_was_sealed_opens(length in 0..4 * CHUNK) {
            let file = file(length);
            prop_assert_eq!(open(&seal(&file)).unwrap(), file);
        }

        #[test]
        fn a_flipped_bit_is_noticed_wherever_it_is(length in 0..3 * CHUNK, place in 0.0..1.0, bit in 0..8u32) {
            let mut sealed = seal(&file(length));
            let at = (sealed.len() as f64 * place) as usize;
            sealed[at] ^= 1u8 << bit;
            prop_assert!(open(&sealed).is_err());
        }

        #[test]
        fn a_truncation_is_noticed_wherever_it_is(length in 0..3 * CHUNK, place in 0.0..1.0) {
            let sealed = seal(&file(length));
            prop_assert!(open(&sealed[..(sealed.len() as f64 * place) as usize]).is_err());
        }

        #[test]
        fn chunks_in_another_order_are_noticed(order in Just(vec![0, 1, 2, 3]).prop_shuffle()) {
            prop_assume!(order != [0, 1, 2, 3]);
            // Whole chunks only, so that each fits wherever it is put.
            let (header, chunks) = parts(&seal(&file(4 * CHUNK)));
            let moved: Vec<_> = order.iter().map(|at| chunks[*at].clone()).collect();
            prop_assert!(open(&[header, moved.concat()].concat()).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_open(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(open(&bytes).is_err());
            prop_assert!(open(&[&parts(&seal(b"")).0[..], &bytes].concat()).is_err());
        }
    }

    #[test]
    fn every_length_around_a_border_opens() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1] {
            let sealed = seal(&file(length));
            assert_eq!(sealed.len(), HEADER + length + length.div_ceil(CHUNK).max(1) * MAX_TAG_LEN);
            assert_eq!(open(&sealed).unwrap(), file(length), "{length}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_of_a_small_one_is_noticed() {
        let sealed = seal(b"a store");
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&altered).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(open(&sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn chunks_that_are_missing_doubled_added_or_from_elsewhere_are_noticed() {
        let (header, chunks) = parts(&seal(&file(3 * CHUNK)));
        let (_, others) = parts(&seal(&file(3 * CHUNK)));
        let [one, two, three] = [&chunks[0], &chunks[1], &chunks[2]];
        for altered in [
            vec![],
            vec![one, two],
            vec![one, three],
            vec![two, three],
            vec![three],
            vec![one, one, two, three],
            vec![one, two, three, three],
            vec![one, two, three, &b"x".to_vec()],
            vec![one, &others[1], three],
        ] {
            let altered: Vec<u8> = altered.into_iter().flatten().copied().collect();
            let refused = open(&[&header[..], &altered].concat());
            assert!(matches!(refused, Err(ArchiveError::Forged)), "{refused:?}");
        }
    }

    #[test]
    fn a_key_that_went_missing_is_named_and_no_other_is_tried() {
        let sealed = seal(b"a store");
        let refused = ring(OLD).open_archive(&mut &sealed[..], &mut Vec::new()).unwrap_err();
        assert!(refused.to_string().contains("key new"), "{refused}");

        let renamed = ring(&NEW.replace("new", "old")).open_archive(&mut &sealed[..], &mut Vec::new());
        assert!(matches!(renamed, Err(ArchiveError::UnknownKey { .. })), "{renamed:?}");
        let other = ring(&OLD.replace("old", "new")).open_archive(&mut &sealed[..], &mut Vec::new());
        assert!(matches!(other, Err(ArchiveError::Forged)), "{other:?}");
    }

    #[test]
    fn the_same_file_never_gives_the_same_archive() {
        let (one, other) = (seal(b"a store"), seal(b"a store"));
        assert_ne!(one[HEADER..], other[HEADER..]);
    }

    #[test]
    fn an_archive_is_told_from_a_value_and_from_a_database() {
        let place = crate::Place { owner: "zoom:a", table: "t", row: "1", column: "c" };
        assert!(is_archive(&seal(b"")));
        assert!(!is_archive(b"") && !is_archive(b"SQLite format 3\0") && !is_archive(&ring(NEW).seal(place, b"x")));
        assert!(matches!(open(&ring(NEW).seal(place, &[0; 100])), Err(ArchiveError::Malformed)));
    }

    // Made with another implementation of HKDF and GCM, from the format as documented above.
    const GOLDEN: &str = "535a41520101036f6c64000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\
                          d14ad92d35008527058646d44eb046df8cad33d86d8864";
    const TWO_CHUNKS: &str = "a587c8ae54045912d99396eb00555ada1a1037612443c4965738e725084ef5f5";

    #[test]
    fn an_archive_of_the_first_release_still_opens() {
        let stored = HEXLOWER.decode(GOLDEN.as_bytes()).unwrap();
        let mut opened = Vec::new();
        ring(OLD).open_archive(&mut &stored[..], &mut opened).unwrap();
        assert_eq!(opened, b"a store");
    }

    #[test]
    fn the_chunks_are_sealed_as_documented() {
        let keys = ring(OLD);
        let mut salt = [0; SALT_LEN];
        salt.iter_mut().zip(0..).for_each(|(byte, n)| *byte = n);
        let header = Header { key_id: "old".into(), salt };
        let cipher = Cipher::new(&keys.keys()[0], &header);
        let (file, mut sealed) = (file(CHUNK + 4), header.bytes());
        let mut from = &file[..];
        let mut chunks = Chunks::new(&mut from, CHUNK).unwrap();
        while let Some(mut chunk) = chunks.next().unwrap() {
            cipher.seal(&mut chunk);
            sealed.extend_from_slice(&chunk.bytes);
        }
        assert_eq!(HEXLOWER.encode(digest(&SHA256, &sealed).as_ref()), TWO_CHUNKS);
    }
}
