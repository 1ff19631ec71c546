//! What a resource consists of: given bytes, or bytes made on the fly from a seed.
//!
//! Owns content and its hash. It must never hold a large content in memory: gigabytes are made as they are read.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The content of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// These bytes.
    Bytes(Bytes),
    /// `len` bytes that follow from `seed`: the same seed gives the same bytes, whatever the length.
    Pattern {
        /// Chooses the content; contents of different seeds differ in practically every byte.
        seed: u64,
        /// Length in bytes.
        len: u64,
    },
}

impl Body {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Pattern { len, .. } => *len,
        }
    }

    /// Whether there are no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from `offset` on and returns how many bytes there were; fewer than asked only at the end.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let left = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        let n = left.min(buf.len());
        let buf = &mut buf[..n];
        match self {
            Self::Bytes(bytes) if n > 0 => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                buf.copy_from_slice(&bytes[start..start + n]);
            }
            Self::Bytes(_) => {}
            Self::Pattern { seed, .. } => fill_pattern(*seed, offset, buf),
        }
        n
    }

    /// The whole content in memory; for contents that a test can afford to hold.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = vec![0; usize::try_from(self.len()).unwrap_or(usize::MAX)];
        self.read_at(0, &mut all);
        all
    }

    /// SHA-256 of the whole content, in lower-case hexadecimal as `sha256sum` prints it.
    pub fn sha256(&self) -> String {
        crate::hex::encode(&self.sha256_bytes())
    }

    /// SHA-256 of the whole content.
    pub fn sha256_bytes(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut buf = vec![0; 256 * 1024];
        let mut offset = 0;
        loop {
            let n = self.read_at(offset, &mut buf);
            if n == 0 {
                return hasher.finalize().into();
            }
            hasher.update(&buf[..n]);
            offset += n as u64;
        }
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::Bytes(Bytes::from_static(text.as_bytes()))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// Word `i` of a pattern: `SplitMix64`'s output function over a counter, which can be entered anywhere.
fn word(seed: u64, i: u64) -> [u8; 8] {
    let mut z = seed
        .wrapping_mul(0xD134_2543_DE82_EF95)
        .wrapping_add(i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)).to_le_bytes()
}

fn fill_pattern(seed: u64, offset: u64, buf: &mut [u8]) {
    let mut index = offset / 8;
    let skip = usize::try_from(offset % 8).unwrap_or(0);
    let head = ((8 - skip) % 8).min(buf.len());
    let (head, rest) = buf.split_at_mut(head);
    if !head.is_empty() {
        head.copy_from_slice(&word(seed, index)[skip..skip + head.len()]);
        index += 1;
    }
    for chunk in rest.chunks_mut(8) {
        chunk.copy_from_slice(&word(seed, index)[..chunk.len()]);
        index += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Body;

    #[test]
    fn a_pattern_read_in_pieces_is_the_pattern_read_at_once() {
        let body = Body::Pattern { seed: 7, len: 1003 };
        let whole = body.to_vec();
        for step in [1, 3, 7, 8, 9, 64, 1000] {
            let mut pieces = Vec::new();
            let mut buf = vec![0; step];
            loop {
                let n = body.read_at(pieces.len() as u64, &mut buf);
                if n == 0 {
                    break;
                }
                pieces.extend_from_slice(&buf[..n]);
            }
            assert_eq!(pieces, whole, "read {step} bytes at a time");
        }
    }

    #[test]
    fn contents_of_different_seeds_differ_and_a_longer_one_starts_like_a_shorter() {
        let one = Body::Pattern { seed: 1, len: 4096 }.to_vec();
        let two = Body::Pattern { seed: 2, len: 4096 }.to_vec();
        let equal = one.iter().zip(&two).filter(|(a, b)| a == b).count();
        assert!(equal < 100, "{equal} bytes are equal by chance");
        assert_eq!(Body::Pattern { seed: 1, len: 100 }.to_vec(), one[..100]);
    }

    #[test]
    fn the_hash_is_what_sha256sum_prints() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Body::from("abc").sha256(), abc);
        let none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Body::Pattern { seed: 3, len: 0 }.sha256(), none);
    }

    #[test]
    fn reading_beyond_the_end_gives_nothing() {
        assert_eq!(Body::from("abc").read_at(3, &mut [0; 4]), 0);
        assert_eq!(Body::from("abc").read_at(u64::MAX, &mut [0; 4]), 0);
        assert_eq!(Body::Pattern { seed: 1, len: 9 }.read_at(8, &mut [0; 4]), 1);
    }
}
