//! A digest that follows a file while it is written.
//!
//! Works on a strand of its own beside the file's, so that one processor hashes while another writes. SHA-256 follows
//! the contiguous prefix; BLAKE3 is a tree and takes whole pieces in any order. Owns the state of the hash functions.
//! It must never fail a write: what cannot be hashed on the way is read again for the digest, which meets the reason.

use std::{fmt, os::fd::OwnedFd};

use bgcopy_model::{Algorithm, PIECE};
use bytes::Bytes;
use rustix::io::retry_on_intr;
use sha2::{Digest as _, Sha256};

use crate::{
    error::Fault,
    strand::State,
    tree::{self, Tree},
};

/// Bytes read at once for hashing.
const READ: usize = 256 * 1024;

/// The digest of one file while it grows.
#[derive(Default)]
pub(crate) struct Hashing {
    hash: Option<Hash>,
    /// Whether bytes that were written out of order or before a restart are read again while others come. Ends when a
    /// byte already hashed is written again: then the bytes are not what they seemed, and chasing them would read the
    /// file over and over.
    no_catching_up: bool,
    /// Bytes of a piece that may be read before it is due.
    allowance: u64,
}

enum Hash {
    Sha256(Prefix),
    Blake3(Tree),
}

/// Invariant: the state is that after the first `hashed` bytes of the file as it is.
#[derive(Default)]
struct Prefix {
    state: Sha256,
    hashed: u64,
}

impl Hash {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Prefix::default()),
            Algorithm::Blake3 => Self::Blake3(Tree::default()),
        }
    }

    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Blake3(_) => Algorithm::Blake3,
        }
    }
}

impl Hashing {
    /// One that follows with this algorithm, or none.
    pub(crate) fn new(algorithm: Option<Algorithm>) -> Self {
        let mut hashing = Self::default();
        hashing.expect(algorithm);
        hashing
    }

    pub(crate) fn expect(&mut self, algorithm: Option<Algorithm>) {
        if self.hash.as_ref().map(Hash::algorithm) != algorithm {
            self.hash = algorithm.map(Hash::new);
        }
    }

    /// The file is empty again.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.hash.as_ref().map(Hash::algorithm));
    }

    /// Hashes what is being written at `offset`, then some of what was there before it: the first `there` bytes are.
    pub(crate) fn follow(&mut self, file: &OwnedFd, offset: u64, chunks: &[Bytes], there: u64) {
        let Some(hash) = &mut self.hash else { return };
        let replaced = match hash {
            Hash::Sha256(prefix) => prefix.update(offset, chunks),
            Hash::Blake3(tree) => {
                let mut at = offset;
                chunks.iter().fold(false, |replaced, chunk| {
                    let also = tree.update(at, chunk);
                    at += chunk.len() as u64;
                    replaced | also
                })
            }
        };
        self.no_catching_up |= replaced;
        if self.no_catching_up {
            return;
        }
        // Twice the bytes written, so that the hash gains on the writer and no write waits long.
        let length: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let twice = length.saturating_mul(2);
        let caught_up = match hash {
            Hash::Sha256(prefix) => {
                let until = there.min(prefix.hashed.saturating_add(twice));
                feed(file, &mut prefix.hashed, until, &mut |part| {
                    prefix.state.update(part);
                })
            }
            Hash::Blake3(tree) => {
                self.allowance = self.allowance.saturating_add(twice).min(4 * PIECE);
                catch_up(tree, file, there, &mut self.allowance)
            }
        };
        // An error here is for `digest` to meet and report.
        self.no_catching_up = caught_up.is_err();
    }

    /// The digest of the first `size` bytes of the file.
    pub(crate) fn digest(
        &mut self,
        file: &OwnedFd,
        algorithm: Algorithm,
        size: u64,
    ) -> Result<[u8; 32], Fault> {
        match (algorithm, &mut self.hash) {
            (Algorithm::Sha256, Some(Hash::Sha256(prefix))) if prefix.hashed <= size => {
                prefix.digest(file, size)
            }
            (Algorithm::Sha256, _) => Prefix::default().digest(file, size),
            (Algorithm::Blake3, Some(Hash::Blake3(tree))) => digest(tree, file, size),
            (Algorithm::Blake3, _) => digest(&Tree::default(), file, size),
        }
    }
}

impl Prefix {
    /// Takes what continues the prefix; starts again where bytes of it are replaced, and says so.
    fn update(&mut self, offset: u64, chunks: &[Bytes]) -> bool {
        let replaced = self.hashed > offset;
        if replaced {
            *self = Self::default();
        }
        if self.hashed == offset {
            for chunk in chunks {
                self.state.update(chunk);
                self.hashed += chunk.len() as u64;
            }
        }
        replaced
    }

    fn digest(&mut self, file: &OwnedFd, size: u64) -> Result<[u8; 32], Fault> {
        let Self { state, hashed } = self;
        feed(file, hashed, size, &mut |part| state.update(part))?;
        Ok(state.clone().finalize().into())
    }
}

/// Reads unknown pieces of the first `there` bytes, as many as are allowed.
fn catch_up(tree: &mut Tree, file: &OwnedFd, there: u64, allowance: &mut u64) -> Result<(), Fault> {
    let mut piece = 0;
    while *allowance >= PIECE {
        piece = tree.next_unknown(piece);
        if (piece + 1).saturating_mul(PIECE) > there {
            break;
        }
        let mut hasher = tree::hasher(piece);
        let mut at = piece * PIECE;
        feed(file, &mut at, (piece + 1) * PIECE, &mut |part| {
            hasher.update(part);
        })?;
        tree.complete(
            piece,
            blake3::hazmat::HasherExt::finalize_non_root(&*hasher),
        );
        *allowance -= PIECE;
    }
    Ok(())
}

fn digest(tree: &Tree, file: &OwnedFd, size: u64) -> Result<[u8; 32], Fault> {
    tree.digest(size, |hasher, mut start, end| {
        feed(file, &mut start, end, &mut |part| {
            hasher.update(part);
        })
    })
}

/// Reads from `at` to `until`.
fn feed(
    file: &OwnedFd,
    at: &mut u64,
    until: u64,
    take: &mut impl FnMut(&[u8]),
) -> Result<(), Fault> {
    if *at >= until {
        return Ok(());
    }
    let mut buffer = vec![0; READ];
    while *at < until {
        let left = usize::try_from(until - *at).unwrap_or(READ);
        let part = &mut buffer[..left.min(READ)];
        let read = retry_on_intr(|| rustix::io::pread(file, &mut *part, *at))?;
        if read == 0 {
            return Err(Fault::changed("it is shorter than what was written"));
        }
        take(&part[..read]);
        *at += read as u64;
    }
    Ok(())
}

impl State for Hashing {
    /// Everything is read again for the digest.
    fn spoil(&mut self) {
        self.restart();
        self.no_catching_up = true;
    }
}

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = self.hash.as_ref().map(Hash::algorithm);
        f.debug_tuple("Hashing").field(&algorithm).finish()
    }
}

#[cfg(test)]
mod tests {
    use bgcopy_model::Condition;

    use super::*;

    fn file(content: &[u8]) -> (tempfile::TempDir, OwnedFd) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, content).unwrap();
        let flags = rustix::fs::OFlags::RDONLY;
        let fd = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).unwrap();
        (folder, fd)
    }

    #[test]
    fn bytes_written_before_a_restart_are_hashed_while_new_ones_arrive() {
        let content: Vec<u8> = (0..12 << 20).map(|n: u32| n.to_le_bytes()[1]).collect();
        let (_folder, file) = file(&content);
        for algorithm in [Algorithm::Sha256, Algorithm::Blake3] {
            let mut hashing = Hashing::new(Some(algorithm));
            for at in (6 << 20..12 << 20).step_by(1 << 18) {
                let chunk = Bytes::copy_from_slice(&content[at..at + (1 << 18)]);
                hashing.follow(&file, at as u64, &[chunk], at as u64);
            }
            match hashing.hash.as_ref().unwrap() {
                Hash::Sha256(prefix) => assert!(prefix.hashed > 11 << 20, "caught up"),
                Hash::Blake3(tree) => assert_eq!(tree.next_unknown(0), 12, "caught up"),
            }
            let digest = hashing.digest(&file, algorithm, 12 << 20).unwrap();
            let expected: [u8; 32] = match algorithm {
                Algorithm::Sha256 => Sha256::digest(&content).into(),
                Algorithm::Blake3 => blake3::hash(&content).into(),
            };
            assert_eq!(digest, expected);
        }
    }

    #[test]
    fn a_file_that_lost_its_end_has_no_digest() {
        let (_folder, file) = file(b"abc");
        for algorithm in [Algorithm::Sha256, Algorithm::Blake3] {
            let fault = Hashing::new(None).digest(&file, algorithm, 4).unwrap_err();
            assert_eq!(fault.condition, Condition::LocalFileChanged);
        }
    }
}
