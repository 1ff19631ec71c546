//! One request under way at one source: its body, and its bytes until the disk has them.
//!
//! A lane is polled by the one task of its run. It must never receive more than its share of memory allows, nor hand the
//! disk a batch that crosses a border of pieces.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use bgcopy_disk::ALIGN;
use bgcopy_engine::Run as Missing;
use bgcopy_model::{Extent, PIECE};
use bgcopy_transfer::{Answer, Body, Chunk, Failure, Part};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{
    budget::{Budget, Share},
    chunks::Chunks,
    question::{Accepted, Question},
};

/// Writes of one lane that are under way at once.
const WRITES: usize = 2;

/// One request and what came of it.
pub(super) struct Lane {
    /// Tells the lanes of a run apart.
    pub(super) id: u64,
    /// Which source it asks.
    pub(super) place: usize,
    /// Whether it began beside others: it could be done without.
    pub(super) is_extra: bool,
    /// Whether it was told to end soon, and not to be followed by another.
    pub(super) is_retiring: bool,
    pub(super) state: State,
    /// The first byte of the local file that has not come.
    pub(super) next: u64,
    /// The byte after the last that it is to bring; `None`: as far as the file goes. It can be moved while bytes come.
    pub(super) end: Option<u64>,
    /// How far the answer goes, where it said so.
    pub(super) reach: Option<u64>,
    /// Bytes that came.
    pub(super) brought: u64,
    /// Bytes that had come when its speed was last measured, and when that was.
    measured: (u64, Instant),
    /// Bytes a second, once measured.
    pub(super) speed: Option<u64>,
    /// What waits to be written, one behind the other up to `next`.
    waiting: Chunks,
    length: u64,
    /// Writes under way.
    writes: usize,
    share: Share,
    /// What waits is to be written though more of its piece is to come: a checkpoint is due.
    is_due: bool,
    /// Since when it could receive and has no room.
    blocked: Option<Instant>,
    /// How long it had none before.
    stood_still: Duration,
}

/// How far a lane is.
pub(super) enum State {
    /// No answer yet.
    Asking {
        since: Instant,
        answer: BoxFuture<'static, Box<Answered>>,
    },
    /// Bytes come.
    Receiving(Box<dyn Body>),
    /// Nothing comes any more; what came is being written.
    Ended,
}

/// A question and what came of it.
pub(super) type Answered = (Question, Result<Answer, Failure>);

/// What a lane has to tell.
pub(super) enum News {
    Answered(Box<Answered>),
    Chunk(Result<Chunk, Failure>),
    /// So many bytes came to where they wait.
    Read(usize),
    /// It has no room, and nothing of it is being written: what waits has to be.
    Full,
}

impl Lane {
    pub(super) fn new(
        id: u64,
        place: usize,
        is_extra: bool,
        run: Missing,
        state: State,
        budget: Budget,
    ) -> Self {
        Self {
            id,
            place,
            is_extra,
            is_retiring: false,
            state,
            next: run.start,
            end: run.end,
            reach: None,
            brought: 0,
            measured: (0, Instant::now()),
            speed: None,
            waiting: Chunks::in_blocks(budget.user()),
            length: 0,
            writes: 0,
            share: Share::new(budget),
            is_due: false,
            blocked: None,
            stood_still: Duration::ZERO,
        }
    }

    /// Whether anything is still to come by it.
    pub(super) const fn is_active(&self) -> bool {
        !matches!(self.state, State::Ended)
    }

    /// Whether it is also to be followed by another.
    pub(super) const fn is_working(&self) -> bool {
        self.is_active() && !self.is_retiring
    }

    pub(super) const fn is_receiving(&self) -> bool {
        matches!(self.state, State::Receiving(_))
    }

    /// Whether somebody else waits for its connection.
    pub(super) fn is_in_the_way(&self) -> bool {
        match &self.state {
            State::Receiving(body) => body.is_in_the_way(),
            State::Asking { .. } | State::Ended => false,
        }
    }

    /// Whether all that came is written, and nothing comes any more.
    pub(super) fn is_over(&self) -> bool {
        !self.is_active() && self.length == 0 && self.writes == 0
    }

    /// Bytes that came and are not written.
    pub(super) const fn held(&self) -> u64 {
        self.share.held()
    }

    /// What it was to bring and has not brought; `None`: nothing.
    pub(super) fn rest(&self) -> Option<Missing> {
        let run = Missing {
            start: self.next,
            end: self.end,
        };
        self.end.is_none_or(|end| self.next < end).then_some(run)
    }

    /// Nothing of it comes any more.
    pub(super) fn end_here(&mut self) {
        self.state = State::Ended;
        self.stood_still = self.stood_still();
        self.blocked = None;
    }

    /// Waits for an answer or a chunk. A lane without room is left alone: its own writes make some.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<News> {
        let is_full = self.is_full();
        match &mut self.state {
            State::Asking { answer, .. } => answer.as_mut().poll(context).map(News::Answered),
            State::Receiving(body) => {
                if is_full || !self.share.has_room() {
                    self.blocked.get_or_insert_with(Instant::now);
                    if self.writes > 0 {
                        return Poll::Pending;
                    }
                    self.is_due = true;
                    return Poll::Ready(News::Full);
                }
                if let Some(since) = self.blocked.take() {
                    self.stood_still += since.elapsed();
                }
                // Beyond its end nothing is read but the end of the body.
                let end = self.end.or(self.reach).unwrap_or(u64::MAX);
                let most = end.saturating_sub(self.next);
                let Some(memory) = self.waiting.space(self.next, most) else {
                    return body.poll_chunk(context).map(News::Chunk);
                };
                body.poll_into(context, memory).map(|part| match part {
                    Ok(Part::Read(bytes)) => News::Read(bytes),
                    Ok(Part::Chunk(chunk)) => News::Chunk(Ok(chunk)),
                    Err(failure) => News::Chunk(Err(failure)),
                })
            }
            State::Ended => Poll::Pending,
        }
    }

    /// Takes bytes that came.
    pub(super) fn push(&mut self, bytes: Bytes) {
        let length = bytes.len();
        self.waiting.push(self.next, bytes);
        self.count(length);
    }

    /// So many came to where they wait.
    pub(super) fn read(&mut self, bytes: usize) {
        self.waiting.came(self.next, bytes as u64);
        self.count(bytes);
    }

    fn count(&mut self, bytes: usize) {
        let length = bytes as u64;
        self.share.take(bytes);
        self.next += length;
        self.brought += length;
        self.length += length;
    }

    /// Bytes come from now on, the first for the place `local`.
    pub(super) fn begin(&mut self, accepted: Accepted) {
        self.next = accepted.local;
        self.end = accepted.end;
        self.reach = accepted.reach;
        self.measured = (self.brought, Instant::now());
        self.state = State::Receiving(accepted.body);
    }

    /// Bytes a second, as the time since this was asked last shows and the time before.
    pub(super) fn measure(&mut self) -> u64 {
        let now = Instant::now();
        let (bytes, since) = std::mem::replace(&mut self.measured, (self.brought, now));
        let nanos = now.duration_since(since).as_nanos().max(1);
        let speed = u128::from(self.brought - bytes) * 1_000_000_000 / nanos;
        let speed = u64::try_from(speed).unwrap_or(u64::MAX);
        let speed = self.speed.map_or(speed, |before| before.midpoint(speed));
        self.speed = Some(speed);
        speed
    }

    /// How long it could receive and had no room.
    pub(super) fn stood_still(&self) -> Duration {
        let now = self.blocked.map(|since| since.elapsed());
        self.stood_still + now.unwrap_or_default()
    }

    /// What waits is to be written, whether or not its piece is there.
    pub(super) const fn make_due(&mut self) {
        self.is_due = self.length > 0;
    }

    /// What is to be written now: up to the next border of pieces, or less when it is due. `None`: nothing yet. Whole
    /// pieces are what the disk takes fastest.
    pub(super) fn batch(&mut self) -> Option<(Extent, Vec<Bytes>)> {
        let is_ready = self.fills_piece() || !self.is_active() || self.is_due;
        (self.length > 0 && self.writes < WRITES && is_ready).then(|| self.take_batch())
    }

    /// The same, whether or not it is time.
    pub(super) fn last_batch(&mut self) -> Option<(Extent, Vec<Bytes>)> {
        (self.length > 0).then(|| self.take_batch())
    }

    /// So many bytes are written.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.writes = self.writes.saturating_sub(1);
        self.share.release(bytes);
    }

    /// What waits is of no use.
    pub(super) fn forget_waiting(&mut self) {
        self.share.release(self.length);
        self.length = 0;
        self.waiting.clear();
    }

    fn take_batch(&mut self) -> (Extent, Vec<Bytes>) {
        let start = self.next - self.length;
        let mut left = self.length.min(PIECE - start % PIECE);
        if self.is_active() && !self.fills_piece() {
            // What begins across a block would go through the page cache.
            let aligned = (start + left) / ALIGN * ALIGN;
            left = aligned
                .checked_sub(start)
                .filter(|&it| it > 0)
                .unwrap_or(left);
        }
        self.is_due = false;
        let extent = Extent::new(start, start + left);
        // What is behind the border begins the next batch.
        let batch = self.waiting.take(left);
        self.length -= extent.len();
        self.writes += 1;
        (extent, batch)
    }

    /// Whether what waits goes up to a border of pieces.
    fn fills_piece(&self) -> bool {
        let start = self.next - self.length;
        self.length >= PIECE - start % PIECE
    }

    fn is_full(&self) -> bool {
        self.writes >= WRITES && self.fills_piece()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(start: u64) -> Lane {
        let run = Missing { start, end: None };
        Lane::new(1, 0, false, run, State::Ended, Budget::default())
    }

    #[test]
    fn no_batch_crosses_a_border_of_pieces_and_all_bytes_are_in_one() {
        let start = PIECE * 3 - 1_000;
        let mut lane = lane(start);
        let all: Vec<u8> = (0..PIECE * 2 + 5_000).map(|n| (n % 251) as u8).collect();
        let (large, tiny) = all.split_at(all.len() - 100_000);
        for part in large.chunks(77_777).chain(tiny.chunks(7)) {
            lane.push(Bytes::copy_from_slice(part));
        }
        let mut found = Vec::new();
        while let Some((extent, chunks)) = lane.last_batch() {
            assert_eq!(extent.start, start + found.len() as u64);
            assert_eq!(extent.start / PIECE, (extent.end - 1) / PIECE);
            assert!(chunks.len() <= 20, "{} slots", chunks.len());
            found.extend(chunks.concat());
            assert_eq!(extent.end, start + found.len() as u64);
            lane.wrote(extent.len());
        }
        assert_eq!(found, all);
        assert!(lane.is_over());
        assert_eq!(lane.held(), 0);
    }

    #[test]
    fn whole_pieces_are_written_and_less_only_when_it_is_due() {
        let mut lane = lane(0);
        lane.state = State::Asking {
            since: Instant::now(),
            answer: Box::pin(std::future::pending()),
        };
        lane.push(Bytes::from(vec![0; 5_000]));
        assert!(lane.batch().is_none(), "more of the piece is to come");
        lane.make_due();
        assert_eq!(lane.batch().unwrap().0, Extent::new(0, 4_096));
        assert!(lane.batch().is_none(), "a part of a block waits");
        lane.make_due();
        assert_eq!(lane.batch().unwrap().0, Extent::new(4_096, 5_000));
        lane.push(Bytes::from(vec![0; 2 << 20]));
        assert!(lane.batch().is_none(), "two are under way");
        lane.wrote(4_096);
        lane.wrote(904);
        assert_eq!(lane.batch().unwrap().0, Extent::new(5_000, PIECE));
        assert_eq!(lane.batch().unwrap().0, Extent::new(PIECE, 2 * PIECE));
        lane.wrote(PIECE);
        assert!(lane.batch().is_none(), "5 000 bytes of the next piece wait");
        lane.end_here();
        assert_eq!(
            lane.batch().unwrap().0,
            Extent::new(2 * PIECE, 2 * PIECE + 5_000)
        );
    }
}
