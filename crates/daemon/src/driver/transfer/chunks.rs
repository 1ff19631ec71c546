//! Bytes that came and wait, in few pieces.
//!
//! A body is handed over in the chunks that its origin chose, and a chunk of a byte costs what a large one does: a slot
//! here, in the write and in the hash, and the buffer that it was read into. So small ones are copied together; large ones
//! never are. The order of bytes is kept.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Bytes from which on a chunk is left as it is.
const LARGE: usize = 4 << 10;
/// Bytes of small chunks that are copied together, at most.
const TOGETHER: usize = 64 << 10;

/// Bytes in their order.
///
/// Invariant: of two neighbours in `whole` one is large or was cut by [`Chunks::take`], or both together have more bytes than
/// [`TOGETHER`]; none is empty.
#[derive(Default)]
pub(super) struct Chunks {
    whole: VecDeque<Bytes>,
    /// Small ones, behind the others.
    small: BytesMut,
}

impl Chunks {
    /// Adds bytes behind the others.
    pub(super) fn push(&mut self, bytes: Bytes) {
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
        self.close();
        let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut taken = Vec::with_capacity(self.whole.len());
        while left > 0
            && let Some(mut first) = self.whole.pop_front()
        {
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
    }

    /// The small ones are one chunk.
    fn close(&mut self) {
        if !self.small.is_empty() {
            let together = std::mem::take(&mut self.small);
            self.whole.push_back(together.freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_chunks_of_all_sizes_keep_their_order() {
        let all: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let sizes = [1, 4_095, 4_096, 17, 70_000, 0, 300, 65_536, 2];
        let mut chunks = Chunks::default();
        let (mut rest, mut taken) = (all.as_slice(), Vec::new());
        for (turn, size) in sizes.into_iter().cycle().enumerate() {
            let (chunk, behind) = rest.split_at(size.min(rest.len()));
            chunks.push(Bytes::copy_from_slice(chunk));
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
            chunks.push(Bytes::from_static(&[7]));
        }
        assert_eq!(chunks.whole.len() + 1, 1_000_000_usize.div_ceil(TOGETHER));
        let large = Bytes::from(vec![0; LARGE]);
        let copy = large.clone();
        chunks.push(copy);
        let last = chunks.take_all().pop().unwrap();
        assert_eq!(last.as_ptr(), large.as_ptr(), "never copied");
    }
}
