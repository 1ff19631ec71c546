//! A digest that grows with the contiguous prefix of a file.
//!
//! Owns the state of the hash functions. It must never read a file: `content` feeds it.

use std::fmt;

use bgcopy_model::Algorithm;
use sha2::{Digest as _, Sha256};

/// The state of one hash function.
#[derive(Clone)]
enum State {
    Sha256(Sha256),
    // Nearly 2 KiB, most of it a stack of chaining values.
    Blake3(Box<blake3::Hasher>),
}

/// Invariant: the state is that after the first `hashed` bytes of the file as it is.
#[derive(Clone)]
pub(crate) struct PrefixHash {
    algorithm: Algorithm,
    state: State,
    hashed: u64,
}

impl PrefixHash {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Blake3 => State::Blake3(Box::default()),
        };
        Self {
            algorithm,
            state,
            hashed: 0,
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Bytes from the file's begin that are in the hash.
    pub(crate) fn hashed(&self) -> u64 {
        self.hashed
    }

    /// Takes the bytes that follow.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(state) => state.update(bytes),
            State::Blake3(state) => {
                state.update(bytes);
            }
        }
        self.hashed += bytes.len() as u64;
    }

    /// The digest of what was taken; more may follow.
    pub(crate) fn digest(&self) -> [u8; 32] {
        match &self.state {
            State::Sha256(state) => state.clone().finalize().into(),
            State::Blake3(state) => state.finalize().into(),
        }
    }
}

impl fmt::Debug for PrefixHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrefixHash")
            .field("algorithm", &self.algorithm)
            .field("hashed", &self.hashed)
            .finish_non_exhaustive()
    }
}
