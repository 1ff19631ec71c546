//! A small file: its bytes are gathered in memory and put on the disk at once.
//!
//! A temporary file that is made, reserved, written and synced one by one costs a small file more than its bytes do. So
//! what is known to be small waits for its end, though not longer than a checkpoint would: then it goes the way of
//! the others, and no more is lost by a crash than of them.

use std::task::{Context, Poll};

use bgcopy_model::Extent;
use bgcopy_transfer::{Body, Chunk, Failure, next_chunk};
use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use super::{Halt, Run, chunks::Chunks, pump::CHECKPOINT_TIME, sink::Sink};
use crate::crash;

/// Bytes of a file that is small.
const SMALL: u64 = 256 * 1024;

/// What was gathered.
pub(super) enum Gathered {
    /// The whole file, which is on the device now.
    Whole,
    /// The begin of it; the body takes its time.
    Begin(Vec<Bytes>),
    /// The begin of it, and all that comes of the body.
    Ended(Vec<Bytes>, Over),
}

/// A body that breaks with this failure, or has ended.
pub(super) struct Over(Option<Failure>);

impl Body for Over {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Result<Chunk, Failure>> {
        Poll::Ready(match self.0.take() {
            Some(failure) => Err(failure),
            None => Ok(Chunk::End { verified: false }),
        })
    }
}

impl Run<'_> {
    /// Whether the bytes of an answer are to be gathered, when the file has this size.
    pub(super) fn gathers(&self, size: Option<u64>) -> bool {
        size.is_some_and(|size| size <= SMALL)
            && matches!(&self.sink, Sink::File(local) if !local.is_made())
            && self.picker.here().is_empty()
    }

    /// Gathers a body that begins where the file does. What was gathered when the run is stopped is fetched again.
    pub(super) async fn gather(
        &mut self,
        place: usize,
        body: &mut dyn Body,
        limit: Option<u64>,
    ) -> Result<Gathered, Halt> {
        let deadline = Instant::now() + CHECKPOINT_TIME;
        let (mut chunks, mut length) = (Chunks::default(), 0);
        loop {
            tokio::select! {
                biased;
                _ = &mut self.stop => return Err(Halt::Stopped),
                chunk = next_chunk(body) => match chunk {
                    Err(failure) => {
                        return Ok(Gathered::Ended(chunks.take_all(), Over(Some(failure))));
                    }
                    Ok(Chunk::Data(bytes)) => {
                        let bytes = self.wanted(place, bytes, limit.map(|limit| limit - length))?;
                        let offset = length;
                        length += bytes.len() as u64;
                        chunks.push(offset, bytes);
                        if limit == Some(length) && !self.layout.is_whole() {
                            break;
                        }
                    }
                    Ok(Chunk::End { verified }) => {
                        self.body_ended(length, verified);
                        break;
                    }
                },
                () = sleep_until(deadline) => return Ok(Gathered::Begin(chunks.take_all())),
            }
        }
        if self.size != Some(length) {
            return Ok(Gathered::Ended(chunks.take_all(), Over(None)));
        }
        self.put(chunks.take_all()).await?;
        crash::point("temporary-created");
        crash::point("bytes-written");
        crash::point("bytes-synced");
        let whole = Extent::new(0, length);
        self.picker.received(whole);
        self.durable.insert(whole);
        Ok(Gathered::Whole)
    }
}
