//! Bytes that came and wait, in few pieces.
//!
//! A body is handed over in the chunks that its origin chose, and a chunk of a byte costs what a large one does: a slot
//! here, in the write and in the hash, and the buffer that it was read into. So small ones are copied together. What comes
//! fast is read or copied into blocks, which the disk takes as they are; other large chunks are never copied. The order of
//! bytes is kept.

use std::collections::VecDeque;

use bgcopy_model::PIECE;
use bytes::{Bytes, BytesMut};

use super::blocks::{Block, User};

/// Bytes from which on a chunk is left as it is.
const LARGE: usize = 4 << 10;
/// Bytes of small chunks that are copied together, at most.
const TOGETHER: usize = 64 << 10;
/// Bytes of a chunk of what comes fast: a connection's buffer has grown to this.
const FAST: usize = 32 << 10;
/// Bytes that are read at once: they are in the processor's cache when they are looked at.
const AT_ONCE: u64 = 256 << 10;

/// Bytes in their order.
///
/// Invariant: of two neighbours in `whole` one is large or was cut by [`Chunks::take`], or both together have more bytes than
/// [`TOGETHER`]; none is empty. Not both `block` and `small` have bytes.
#[derive(Default)]
pub(super) struct Chunks {
    whole: VecDeque<Bytes>,
    /// Small ones, behind the others.
    small: BytesMut,
    /// Or a block, behind the others.
    block: Option<Block>,
    /// Whether it comes fast enough for blocks.
    is_fast: bool,
    user: Option<User>,
}

impl Chunks {
    /// None yet; what comes fast is to be in blocks.
    pub(super) fn in_blocks(user: User) -> Self {
        Self {
            user: Some(user),
            ..Self::default()
        }
    }

    /// Adds bytes behind the others, which belong at `offset`: a block has those of one piece.
    pub(super) fn push(&mut self, mut offset: u64, mut bytes: Bytes) {
        self.is_fast |= bytes.len() >= FAST;
        while !bytes.is_empty()
            && let Some(block) = self.open_block()
        {
            let room = usize::try_from(PIECE - offset % PIECE).unwrap_or(usize::MAX);
            let part = bytes.split_to(bytes.len().min(room));
            block.fill(&part);
            offset += part.len() as u64;
            if part.len() == room {
                self.close();
            }
        }
        self.push_as_they_are(bytes);
    }

    /// Memory for at most `most` of the next bytes, which belong at `offset`; `None`: they come as chunks.
    pub(super) fn space(&mut self, offset: u64, most: u64) -> Option<&mut [u8]> {
        let most = most.min(PIECE - offset % PIECE).min(AT_ONCE);
        let block = self.open_block().filter(|_| most > 0)?;
        Some(block.space(usize::try_from(most).unwrap_or(usize::MAX)))
    }

    /// So many bytes came into that memory.
    pub(super) fn came(&mut self, offset: u64, bytes: u64) {
        if let Some(block) = &mut self.block {
            block.advance(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        if (offset + bytes).is_multiple_of(PIECE) {
            self.close();
        }
    }

    /// The block that is being filled, or a new one if it comes fast.
    fn open_block(&mut self) -> Option<&mut Block> {
        if self.block.is_none() && self.is_fast {
            let block = self.user.as_ref()?.block()?;
            self.close();
            self.block = Some(block);
        }
        self.block.as_mut()
    }

    fn push_as_they_are(&mut self, bytes: Bytes) {
        if bytes.len() >= LARGE {
            self.close();
            self.whole.push_back(bytes);
            return;
        }
        if self.small.len() + bytes.len() > TOGETHER {
            self.close();
        }
        self.small.extend_from_slice(&bytes);
    }

    /// Takes the first bytes, so many of them or all.
    pub(super) fn take(&mut self, bytes: u64) -> Vec<Bytes> {
        let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut taken = Vec::with_capacity(self.whole.len());
        while left > 0 {
            if self.whole.is_empty() {
                // Else it would have come up to a border by now.
                self.is_fast = false;
                self.close();
            }
            let Some(mut first) = self.whole.pop_front() else {
                break;
            };
            if first.len() > left {
                self.whole.push_front(first.split_off(left));
            }
            left -= first.len();
            taken.push(first);
        }
        taken
    }

    /// Takes all.
    pub(super) fn take_all(&mut self) -> Vec<Bytes> {
        self.take(u64::MAX)
    }

    pub(super) fn clear(&mut self) {
        self.whole.clear();
        self.small = BytesMut::new();
        self.block = None;
    }

    /// What is being filled is one chunk.
    fn close(&mut self) {
        if let Some(block) = self.block.take_if(|block| !block.is_empty()) {
            self.whole.push_back(block.freeze());
        }
        if !self.small.is_empty() {
            let together = std::mem::take(&mut self.small);
            self.whole.push_back(together.freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::transfer::blocks::Blocks;

    #[test]
    fn bytes_of_chunks_of_all_sizes_keep_their_order() {
        let all: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let sizes = [1, 4_095, 4_096, 17, 70_000, 0, 300, 65_536, 2];
        let mut chunks = Chunks::default();
        let (mut rest, mut taken) = (all.as_slice(), Vec::new());
        for (turn, size) in sizes.into_iter().cycle().enumerate() {
            let (chunk, behind) = rest.split_at(size.min(rest.len()));
            chunks.push(0, Bytes::copy_from_slice(chunk));
            rest = behind;
            if turn % 5 == 0 {
                taken.extend(chunks.take(50_000).concat());
            }
            if rest.is_empty() {
                break;
            }
        }
        taken.extend(chunks.take_all().concat());
        assert!(taken == all);
        assert!(chunks.take_all().is_empty());
    }

    #[test]
    fn tiny_chunks_take_as_many_slots_as_large_ones_would() {
        let mut chunks = Chunks::default();
        for _ in 0..1_000_000 {
            chunks.push(0, Bytes::from_static(&[7]));
        }
        assert_eq!(chunks.whole.len() + 1, 1_000_000_usize.div_ceil(TOGETHER));
        let large = Bytes::from(vec![0; LARGE]);
        let copy = large.clone();
        chunks.push(0, copy);
        let last = chunks.take_all().pop().unwrap();
        assert_eq!(last.as_ptr(), large.as_ptr(), "never copied");
    }

    #[test]
    fn what_comes_fast_fills_a_block_a_piece_and_keeps_its_order_where_blocks_run_out() {
        let piece = usize::try_from(PIECE).unwrap();
        let all: Vec<u8> = (0..12 * piece).map(|n| n.to_le_bytes()[1]).collect();
        let mut chunks = Chunks::in_blocks(Blocks::default().user());
        let start = PIECE - 5_000;
        let mut offset = start;
        for (chunk, tiny) in all
            .chunks(200_000)
            .zip([100_000, 199_999, 150_001].iter().cycle())
        {
            let (first, second) = chunk.split_at((*tiny).min(chunk.len()));
            for part in [first, second] {
                chunks.push(offset, Bytes::copy_from_slice(part));
                offset += part.len() as u64;
            }
        }
        let mut found = chunks.take(5_000).concat();
        for number in 0..7 {
            let batch = chunks.take(PIECE);
            assert_eq!(batch.len(), 1, "piece {number} in one block");
            assert_eq!(batch[0].as_ptr().align_offset(4_096), 0);
            found.extend(batch.concat());
        }
        found.extend(chunks.take_all().concat());
        assert!(found == all);
    }

    #[test]
    fn to_take_a_piece_leaves_the_next_ones_block_open() {
        let mut chunks = Chunks::in_blocks(Blocks::default().user());
        chunks.push(0, Bytes::from(vec![1; 1_500_000]));
        chunks.take(PIECE);
        chunks.push(1_500_000, Bytes::from(vec![2; 700_000]));
        let batch = chunks.take(PIECE);
        assert_eq!(batch.len(), 1);
        let first = 1_500_000 - usize::try_from(PIECE).unwrap();
        assert_eq!(batch[0][first - 1..=first], [1, 2]);
    }
}
