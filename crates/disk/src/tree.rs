//! The BLAKE3 tree of a file whose bytes come in any order.
//!
//! ```text
//!  piece   0   1   2   3   4   5   6 …      each whole piece becomes a chaining value when its last byte comes;
//!           \ /     \ /     \ /             neighbours that are both there become one, so that what is held
//!            o       o       o              grows with the number of gaps and not with the file
//! ```
//!
//! Owns which pieces are hashed. It must never read a file: `hash` feeds it, and is asked for the pieces that are
//! missing at the end. The order of merging is that of the BLAKE3 specification, section 2.1: on the left the largest
//! power of two of pieces, and the last merge of all is another than the others.

use std::collections::BTreeMap;

use bgcopy_model::PIECE;
use blake3::{
    Hasher,
    hazmat::{ChainingValue, HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root},
};

/// The tree as far as it is known.
///
/// Invariants: the subtrees of `whole` do not overlap, and none of them has its sibling beside it; a piece that is in
/// `begun` is in none of them.
#[derive(Clone, Default)]
pub(crate) struct Tree {
    /// Complete subtrees by their first piece.
    whole: BTreeMap<u64, Subtree>,
    /// Pieces of which the first bytes were hashed.
    begun: BTreeMap<u64, Begun>,
}

/// A subtree of 2^`level` pieces.
#[derive(Clone)]
struct Subtree {
    level: u32,
    value: Value,
}

/// What a subtree is worth to its parent, or to the root: two halves are merged only when it is known that they are
/// not the root's.
#[derive(Clone, Copy)]
enum Value {
    Piece(ChainingValue),
    Halves(ChainingValue, ChainingValue),
}

#[derive(Clone)]
struct Begun {
    hasher: Box<Hasher>,
    /// Bytes of the piece that are hashed.
    length: u64,
}

impl Subtree {
    const fn pieces(&self) -> u64 {
        1 << self.level
    }

    fn chaining_value(&self) -> ChainingValue {
        match &self.value {
            Value::Piece(value) => *value,
            Value::Halves(left, right) => merge_subtrees_non_root(left, right, Mode::Hash),
        }
    }
}

impl Tree {
    /// Takes bytes that are at `offset` of the file. What is not continued from the begin of its piece is left for
    /// later. Says whether bytes that were hashed already were replaced.
    pub(crate) fn update(&mut self, mut offset: u64, mut bytes: &[u8]) -> bool {
        let mut replaced = false;
        while !bytes.is_empty() {
            let (piece, at) = (offset / PIECE, offset % PIECE);
            let length = (PIECE - at).min(bytes.len() as u64);
            let (part, rest) = bytes.split_at(usize::try_from(length).unwrap_or(bytes.len()));
            replaced |= self.take(piece, at, part);
            offset += length;
            bytes = rest;
        }
        replaced
    }

    fn take(&mut self, piece: u64, at: u64, bytes: &[u8]) -> bool {
        let mut replaced = self.forget(piece);
        let begun = self.begun.remove(&piece);
        replaced |= begun.as_ref().is_some_and(|begun| begun.length > at);
        let mut begun = match begun {
            Some(begun) if begun.length == at => begun,
            _ if at == 0 => Begun {
                hasher: hasher(piece),
                length: 0,
            },
            // Its begin is missing, or no longer what was hashed.
            _ => return replaced,
        };
        begun.hasher.update(bytes);
        begun.length += bytes.len() as u64;
        if begun.length == PIECE {
            self.complete(piece, begun.hasher.finalize_non_root());
        } else {
            self.begun.insert(piece, begun);
        }
        replaced
    }

    /// A piece is hashed.
    pub(crate) fn complete(&mut self, piece: u64, value: ChainingValue) {
        self.begun.remove(&piece);
        let mut first = piece;
        let mut subtree = Subtree {
            level: 0,
            value: Value::Piece(value),
        };
        loop {
            let sibling = first ^ subtree.pieces();
            if !self.is_subtree(sibling, subtree.level) {
                break;
            }
            let Some(other) = self.whole.remove(&sibling) else {
                break;
            };
            let (own, other) = (subtree.chaining_value(), other.chaining_value());
            let halves = if first < sibling {
                Value::Halves(own, other)
            } else {
                Value::Halves(other, own)
            };
            first = first.min(sibling);
            subtree = Subtree {
                level: subtree.level + 1,
                value: halves,
            };
        }
        self.whole.insert(first, subtree);
    }

    fn is_subtree(&self, first: u64, level: u32) -> bool {
        self.whole
            .get(&first)
            .is_some_and(|subtree| subtree.level == level)
    }

    /// Forgets the subtree that has this piece. Says whether there was one.
    fn forget(&mut self, piece: u64) -> bool {
        let Some((&first, subtree)) = self.whole.range(..=piece).next_back() else {
            return false;
        };
        let has_it = piece < first + subtree.pieces();
        if has_it {
            self.whole.remove(&first);
        }
        has_it
    }

    /// The first piece from `from` on of which nothing is known.
    pub(crate) fn next_unknown(&self, mut from: u64) -> u64 {
        loop {
            let before = self.whole.range(..=from).next_back();
            match before.map(|(first, subtree)| first + subtree.pieces()) {
                Some(end) if end > from => from = end,
                _ if self.begun.contains_key(&from) => from += 1,
                _ => return from,
            }
        }
    }

    /// The digest of a file of `size` bytes. What is not known of its pieces is asked for: `read` hashes the bytes
    /// from one offset to another with the hasher that it is given.
    pub(crate) fn digest<E>(
        &self,
        size: u64,
        mut read: impl FnMut(&mut Hasher, u64, u64) -> Result<(), E>,
    ) -> Result<[u8; 32], E> {
        let pieces = size.div_ceil(PIECE);
        if pieces <= 1 {
            let hasher = match self.begun.get(&0) {
                Some(begun) if begun.length == size => begun.hasher.clone(),
                _ => {
                    let mut hasher = hasher(0);
                    read(&mut hasher, 0, size)?;
                    hasher
                }
            };
            return Ok(hasher.finalize().into());
        }
        let (left, right) = match self
            .whole
            .get(&0)
            .map(|subtree| (subtree.pieces(), &subtree.value))
        {
            Some((count, Value::Halves(left, right))) if count * PIECE == size => (*left, *right),
            _ => {
                let middle = left_pieces(pieces);
                let left = self.subtree(0, middle, size, &mut read)?;
                (left, self.subtree(middle, pieces, size, &mut read)?)
            }
        };
        Ok(merge_subtrees_root(&left, &right, Mode::Hash).into())
    }

    /// The chaining value of the pieces from `first` to before `end` of a file of `size` bytes.
    fn subtree<E>(
        &self,
        first: u64,
        end: u64,
        size: u64,
        read: &mut impl FnMut(&mut Hasher, u64, u64) -> Result<(), E>,
    ) -> Result<ChainingValue, E> {
        let (start, count) = (first * PIECE, end - first);
        if let Some(subtree) = self.whole.get(&first)
            && subtree.pieces() == count
            && end * PIECE <= size
        {
            return Ok(subtree.chaining_value());
        }
        if count > 1 {
            let middle = first + left_pieces(count);
            let left = self.subtree(first, middle, size, read)?;
            let right = self.subtree(middle, end, size, read)?;
            return Ok(merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
        let until = size.min(end * PIECE);
        if let Some(begun) = self.begun.get(&first)
            && begun.length == until - start
        {
            return Ok(begun.hasher.finalize_non_root());
        }
        let mut hasher = hasher(first);
        read(&mut hasher, start, until)?;
        Ok(hasher.finalize_non_root())
    }
}

/// A hasher for this piece.
pub(crate) fn hasher(piece: u64) -> Box<Hasher> {
    let mut hasher = Box::new(Hasher::new());
    hasher.set_input_offset(piece * PIECE);
    hasher
}

/// Of so many pieces, at least two, how many are on the left.
const fn left_pieces(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn content(size: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(size).unwrap()];
        Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    /// The digest, and how many bytes had to be read for it.
    fn finish(tree: &Tree, content: &[u8]) -> ([u8; 32], u64) {
        let mut read = 0;
        let digest = tree.digest(content.len() as u64, |hasher, start, end| {
            read += end - start;
            let (start, end) = (
                usize::try_from(start).unwrap(),
                usize::try_from(end).unwrap(),
            );
            hasher.update(&content[start..end]);
            Ok::<_, Infallible>(())
        });
        (digest.unwrap(), read)
    }

    #[test]
    fn what_comes_in_order_is_never_read_again() {
        for size in [
            0,
            1,
            PIECE - 1,
            PIECE + 1,
            2 * PIECE,
            3 * PIECE,
            5 * PIECE + 7,
            8 * PIECE,
        ] {
            let content = content(size);
            let mut tree = Tree::default();
            for (at, part) in content.chunks(300_000).enumerate() {
                assert!(!tree.update(300_000 * at as u64, part));
            }
            assert!(tree.whole.len() <= 4, "neighbours are merged");
            let expected = *blake3::hash(&content).as_bytes();
            assert_eq!(finish(&tree, &content), (expected, 0), "{size}");
        }
    }

    #[test]
    fn a_file_of_one_whole_piece_is_read_for_its_other_kind_of_root() {
        let content = content(PIECE);
        let mut tree = Tree::default();
        tree.update(0, &content);
        let expected = *blake3::hash(&content).as_bytes();
        assert_eq!(finish(&tree, &content), (expected, PIECE));
    }

    #[test]
    fn pieces_that_come_in_any_order_are_not_read_again() {
        let content = content(7 * PIECE + 5);
        let mut tree = Tree::default();
        for piece in [6, 2, 7, 0, 1, 5, 3, 4] {
            let part = content.chunks(1 << 20).nth(piece).unwrap();
            tree.update(piece as u64 * PIECE, part);
        }
        assert_eq!(tree.next_unknown(0), 8);
        let expected = *blake3::hash(&content).as_bytes();
        assert_eq!(finish(&tree, &content), (expected, 0));
    }

    #[test]
    fn bytes_that_are_replaced_are_noticed_and_count_as_they_are_last() {
        let mut content = content(4 * PIECE);
        let mut tree = Tree::default();
        tree.update(0, &content);
        content[1_500_000..1_600_000].fill(7);
        assert!(tree.update(1_500_000, &content[1_500_000..1_600_000]));
        let expected = *blake3::hash(&content).as_bytes();
        assert_eq!(finish(&tree, &content).0, expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Whatever comes in whatever order, also twice: the digest is that of the bytes that came last.
        #[test]
        fn any_order_gives_the_same_digest(
            size in 1u64..6 * PIECE,
            parts in prop::collection::vec((0u64..6 * PIECE, 1u64..2 * PIECE, any::<bool>()), 0..12),
        ) {
            let mut content = content(size);
            let mut tree = Tree::default();
            for (at, length, aligned) in parts {
                let at = if aligned { at / PIECE * PIECE } else { at }.min(size);
                let range = usize::try_from(at).unwrap()..usize::try_from((at + length).min(size)).unwrap();
                content[range.clone()].iter_mut().for_each(|byte| *byte ^= 0x55);
                tree.update(at, &content[range]);
            }
            prop_assert_eq!(finish(&tree, &content).0, *blake3::hash(&content).as_bytes());
        }
    }
}
