//! What a source says before the bytes, and the bytes.

use std::{
    fmt,
    future::poll_fn,
    task::{Context, Poll},
};

use bgcopy_model::{Mirror, Timestamp, Validator};
use bytes::Bytes;
use url::Url;

use crate::Failure;

/// A source's answer to a [`crate::Want`].
pub struct Answer {
    /// Where the body begins in the remote file: the start that was wanted, or 0 when the source answered with the
    /// whole file (it serves no ranges, or has another version than the one wanted).
    pub start: u64,
    /// Where the body ends, when the source said so.
    pub end: Option<u64>,
    /// The version that the bytes are of; its `size` is that of the whole remote file.
    pub version: Validator,
    /// What else the answer told.
    pub facts: Facts,
    /// The bytes.
    pub body: Box<dyn Body>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("start", &self.start)
            .field("end", &self.end)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What an answer told beside the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// A file name that the source proposes, made safe: one component, no control characters, not hidden, at most
    /// 255 bytes.
    pub name: Option<String>,
    /// When the file was last changed at its origin, by its own word.
    pub modified: Option<Timestamp>,
    /// Where the file was found in the end, when that is another URL than the one asked for.
    pub found_at: Option<Url>,
    /// Whether the source serves ranges; `None`: not known.
    pub ranges: Option<bool>,
    /// Other places that have the file by this source's word, the best first, at most 32. Only those of an answer that
    /// tells the digest of the file too (RFC 6249, section 6), and never less secure than the place that was asked.
    pub mirrors: Vec<Mirror>,
    /// The head of the answer as received, status line first, for people to look at.
    pub head: String,
}

/// The bytes of an answer, as a sequence of chunks.
pub trait Body: Send {
    /// The next chunk. After [`Chunk::End`] or an error it must not be called again.
    ///
    /// # Errors
    /// [`Failure`]: the connection broke, went silent, or ended before the length that the head told.
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Chunk, Failure>>;

    /// The next bytes, read into the caller's `memory` where that saves a copy, else as a chunk. `memory` is not empty.
    ///
    /// # Errors
    /// As [`Self::poll_chunk`].
    fn poll_into(
        &mut self,
        context: &mut Context<'_>,
        memory: &mut [u8],
    ) -> Poll<Result<Part, Failure>> {
        let _ = memory;
        self.poll_chunk(context).map_ok(Part::Chunk)
    }

    /// Whether somebody else waits for what this body occupies. Who could do without it lets it go.
    fn is_in_the_way(&self) -> bool {
        false
    }
}

/// A part of a body.
#[derive(Debug)]
pub enum Chunk {
    /// Bytes, never empty.
    Data(Bytes),
    /// The end.
    End {
        /// Whether the source told in advance, or by its framing, that the file ends here. A body that merely stops
        /// when the connection closes is not verified (RFC 9112, section 6.3).
        verified: bool,
    },
}

/// What [`Body::poll_into`] brings.
#[derive(Debug)]
pub enum Part {
    /// So many bytes, at least one, at the begin of the memory.
    Read(usize),
    /// A chunk beside the memory.
    Chunk(Chunk),
}

/// Waits for the next chunk of a body.
///
/// # Errors
/// As [`Body::poll_chunk`].
pub async fn next_chunk(body: &mut dyn Body) -> Result<Chunk, Failure> {
    poll_fn(|context| body.poll_chunk(context)).await
}
