//! Memory in which bytes wait for the disk, as the disk takes it best: one piece in one block, aligned.
//!
//! A connection reads into a buffer of its own and hands out parts of it. As long as those wait it needs another buffer
//! for every read, and each is new memory, which costs more than its bytes do. So what comes fast is read into a block, or
//! copied there while it is still in the processor's cache; and from the block it goes to the device without a further
//! copy.
//!
//! Owns a few blocks for all runs together. Who finds none does without.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bgcopy_disk::Aligned;
use bgcopy_model::PIECE;
use bytes::Bytes;

/// Blocks that there are at most. A fast lane uses three: one is filled while two are written.
const MOST: usize = 8;

/// Bytes of a block.
const SIZE: usize = 1 << 20;
const _: () = assert!(SIZE as u64 == PIECE);

/// The blocks of a service; a clone is the same.
#[derive(Clone, Default)]
pub(super) struct Blocks(Arc<Mutex<Stock>>);

/// Invariant: `free` are among the `made`, and empty while there are no `users`.
#[derive(Default)]
struct Stock {
    users: usize,
    made: usize,
    free: Vec<Aligned>,
}

/// Somebody who may take blocks. Without any the memory is given back.
pub(super) struct User(Blocks);

/// A block that is being filled.
pub(super) struct Block {
    blocks: Blocks,
    memory: Aligned,
    filled: usize,
}

impl Blocks {
    pub(super) fn user(&self) -> User {
        self.stock().users += 1;
        User(self.clone())
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl User {
    /// An empty block; `None`: all are in use.
    pub(super) fn block(&self) -> Option<Block> {
        let mut stock = self.0.stock();
        let memory = match stock.free.pop() {
            Some(memory) => memory,
            None if stock.made < MOST => {
                stock.made += 1;
                Aligned::new(SIZE)
            }
            None => return None,
        };
        Some(Block {
            blocks: self.0.clone(),
            memory,
            filled: 0,
        })
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut stock = self.0.stock();
        stock.users -= 1;
        if stock.users == 0 {
            stock.made -= stock.free.len();
            let unused = mem::take(&mut stock.free);
            drop(stock);
            drop(unused);
        }
    }
}

impl Block {
    /// Adds bytes behind the others.
    ///
    /// # Panics
    /// When all together are more than a piece has.
    pub(super) fn fill(&mut self, bytes: &[u8]) {
        self.space(bytes.len()).copy_from_slice(bytes);
        self.advance(bytes.len());
    }

    /// The memory of the next `most` bytes.
    pub(super) fn space(&mut self, most: usize) -> &mut [u8] {
        let most = most.min(SIZE - self.filled);
        &mut self.memory[self.filled..self.filled + most]
    }

    /// So many of them came.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.filled += bytes;
        assert!(self.filled <= SIZE, "a block has a piece");
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// What was filled in. The block is free again when the last of it is gone.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.filled]
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let memory = mem::take(&mut self.memory);
        let mut stock = self.blocks.stock();
        if stock.users > 0 {
            stock.free.push(memory);
        } else {
            stock.made -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_and_they_are_used_again_and_given_back_in_the_end() {
        let blocks = Blocks::default();
        let [first, second] = [blocks.user(), blocks.user()];
        let taken: Vec<_> = std::iter::from_fn(|| first.block()).collect();
        assert_eq!(taken.len(), MOST);
        assert!(second.block().is_none());
        let mut frozen: Vec<_> = taken.into_iter().map(Block::freeze).collect();
        let copy = frozen[0].clone();
        frozen.clear();
        let others: Vec<_> = std::iter::from_fn(|| second.block()).collect();
        assert_eq!(others.len(), MOST - 1, "one is still read");
        assert_eq!(blocks.stock().made, MOST);
        drop((first, second));
        drop(others);
        assert_eq!(blocks.stock().made, 1);
        drop(copy);
        assert_eq!(blocks.stock().made, 0);
    }

    #[test]
    fn a_block_is_aligned_and_has_what_was_filled_in() {
        let user = Blocks::default().user();
        let mut block = user.block().unwrap();
        block.fill(b"some bytes");
        block.fill(&vec![7; SIZE - 10]);
        let frozen = block.freeze();
        assert_eq!(frozen.as_ptr().align_offset(4096), 0);
        assert_eq!(&frozen[..11], b"some bytes\x07");
        assert_eq!(frozen.len(), SIZE);
    }
}
