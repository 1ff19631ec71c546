//! The contract between the service and whatever can deliver bytes of a remote file.
//!
//! A [`Source`] is one place that has (parts of) one file: an HTTP origin, a mirror, a peer. Whoever picks ranges
//! asks it for one at a time and gets an [`Answer`]: which version of the file this is, where its bytes begin, and
//! the bytes. Owns these types only; it knows no protocol and must never gain an implementation.

mod answer;
mod failure;

use std::{future::Future, pin::Pin};

pub use answer::{Answer, Body, Chunk, Facts, Part, next_chunk};
use bgcopy_model::Validator;
pub use failure::Failure;

/// A boxed future, as a trait object's methods return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One place that has (parts of) one remote file.
pub trait Source: Send + Sync {
    /// Asks for bytes. The future may be dropped at any time; nothing is left behind then but a closed connection.
    ///
    /// # Errors
    /// [`Failure`]. A status that is no success, a contradiction in the answer's head, a connection that could not
    /// be made. What goes wrong in the body comes from [`Body::poll_chunk`].
    fn fetch<'a>(&'a self, want: &'a Want) -> BoxFuture<'a, Result<Answer, Failure>>;

    /// The same beside another request for the same file: one that could be done without, so it takes nothing that
    /// somebody waits for, and fails at once where it would have to wait for its turn.
    ///
    /// # Errors
    /// As [`Self::fetch`], and [`Condition::ConnectFailure`](bgcopy_model::Condition::ConnectFailure) when there is no
    /// room for it.
    fn fetch_beside<'a>(&'a self, want: &'a Want) -> BoxFuture<'a, Result<Answer, Failure>> {
        self.fetch(want)
    }
}

/// A run of bytes that is wanted, and the version that is here already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// First byte wanted, in the remote file.
    pub start: u64,
    /// The byte after the last one wanted; `None`: to the end, wherever that is.
    pub end: Option<u64>,
    /// The version of which bytes are here; `None` when there are none, so that any version will do.
    pub version: Option<Validator>,
    /// Whether an answer that begins elsewhere than at `start` is of no use: the caller asked for ranges of the
    /// file. Without it a source that serves no ranges answers with the whole file from 0.
    pub exact: bool,
}

impl Want {
    /// The whole file, any version.
    pub const fn whole() -> Self {
        Self {
            start: 0,
            end: None,
            version: None,
            exact: false,
        }
    }
}
