//! Ranges of bytes: what a caller asks for, and sets of what is there.

use serde::{Deserialize, Serialize};

/// Bytes of a piece of a file: what is written and hashed as one. Borders of pieces are multiples of it.
pub const PIECE: u64 = 1 << 20;

/// A range as a caller names it: `{offset, length}` of the remote file (contract, section Ranges).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ByteRange {
    /// First byte.
    pub offset: u64,
    /// Number of bytes; [`ByteRange::TO_END`]: all that follow.
    pub length: u64,
}

impl ByteRange {
    /// The length (and the invalid offset) that means «to the end»: 2^64 − 1.
    pub const TO_END: u64 = u64::MAX;
}

/// A half-open interval of bytes, `start..end`, never empty inside a [`RangeSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Extent {
    /// First byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
}

impl Extent {
    /// The interval `start..end`.
    pub const fn new(start: u64, end: u64) -> Self {
        Self { start, end }
    }

    /// Number of bytes.
    pub const fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether no byte is in it.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

/// A set of bytes of one file, kept as sorted, disjoint, non-adjacent, non-empty intervals.
///
/// Invariant: for neighbours `a`, `b` in `extents`, `a.start < a.end < b.start < b.end`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Extent>", into = "Vec<Extent>")]
pub struct RangeSet {
    extents: Vec<Extent>,
}

impl RangeSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self {
            extents: Vec::new(),
        }
    }

    /// Adds the bytes of `extent`; adding what is there already changes nothing.
    pub fn insert(&mut self, extent: Extent) {
        if extent.is_empty() {
            return;
        }
        // Everything that touches or overlaps the new interval melts into it.
        let first = self.extents.partition_point(|e| e.end < extent.start);
        let last = self.extents.partition_point(|e| e.start <= extent.end);
        let merged = self.extents[first..last].iter().fold(extent, |all, e| {
            Extent::new(all.start.min(e.start), all.end.max(e.end))
        });
        self.extents.splice(first..last, [merged]);
    }

    /// Takes the bytes of `extent` out.
    pub fn remove(&mut self, extent: Extent) {
        if extent.is_empty() {
            return;
        }
        let first = self.extents.partition_point(|e| e.end <= extent.start);
        let last = self.extents.partition_point(|e| e.start < extent.end);
        let left = self.extents[first..last]
            .iter()
            .flat_map(|e| {
                [
                    Extent::new(e.start, e.end.min(extent.start)),
                    Extent::new(e.start.max(extent.end), e.end),
                ]
            })
            .filter(|e| !e.is_empty())
            .collect::<Vec<_>>();
        self.extents.splice(first..last, left);
    }

    /// Removes what is not in the other set.
    pub fn intersect(&mut self, other: &Self) {
        for gap in other.missing(u64::MAX) {
            self.remove(gap);
        }
    }

    /// Number of bytes in the set.
    pub fn len(&self) -> u64 {
        self.extents.iter().map(|e| e.len()).sum()
    }

    /// Whether no byte is in it.
    pub fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    /// Whether every byte of `extent` is in it.
    pub fn contains(&self, extent: Extent) -> bool {
        extent.is_empty() || {
            let at = self.extents.partition_point(|e| e.end < extent.end);
            self.extents
                .get(at)
                .is_some_and(|e| e.start <= extent.start)
        }
    }

    /// The length of the run that begins at byte 0.
    pub fn prefix(&self) -> u64 {
        self.extents
            .first()
            .filter(|e| e.start == 0)
            .map_or(0, |e| e.end)
    }

    /// The byte after the last one in the set; 0 when it is empty.
    pub fn end(&self) -> u64 {
        self.extents.last().map_or(0, |e| e.end)
    }

    /// The intervals, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Extent> + ExactSizeIterator + '_ {
        self.extents.iter().copied()
    }

    /// The intervals of `0..total` that are not in the set, in order.
    pub fn missing(&self, total: u64) -> impl Iterator<Item = Extent> + '_ {
        let starts = std::iter::once(0).chain(self.extents.iter().map(|e| e.end));
        let ends = self
            .extents
            .iter()
            .map(|e| e.start)
            .chain(std::iter::once(total));
        starts
            .zip(ends)
            .map(move |(start, end)| Extent::new(start.min(total), end.min(total)))
            .filter(|e| !e.is_empty())
    }
}

impl From<Vec<Extent>> for RangeSet {
    fn from(extents: Vec<Extent>) -> Self {
        extents.into_iter().collect()
    }
}

impl From<RangeSet> for Vec<Extent> {
    fn from(set: RangeSet) -> Self {
        set.extents
    }
}

impl FromIterator<Extent> for RangeSet {
    fn from_iter<I: IntoIterator<Item = Extent>>(extents: I) -> Self {
        let mut set = Self::new();
        extents.into_iter().for_each(|e| set.insert(e));
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    use super::*;

    proptest! {
        #[test]
        fn a_range_set_agrees_with_a_set_of_bytes(
            edits in prop::collection::vec((any::<bool>(), 0u64..60, 0u64..20), 0..40),
            probe in (0u64..60, 0u64..20),
        ) {
            let (mut set, mut model) = (RangeSet::new(), BTreeSet::new());
            for (add, start, length) in edits {
                let extent = Extent::new(start, start + length);
                if add {
                    set.insert(extent);
                    model.extend(start..start + length);
                } else {
                    set.remove(extent);
                    (start..start + length).for_each(|b| { model.remove(&b); });
                }
                prop_assert!(set.extents.iter().all(|e| !e.is_empty()));
                prop_assert!(set.extents.windows(2).all(|w| w[0].end < w[1].start));
            }
            let bytes: BTreeSet<u64> = set.iter().flat_map(|e| e.start..e.end).collect();
            prop_assert_eq!(&bytes, &model);
            prop_assert_eq!(set.len(), model.len() as u64);
            let missing: Vec<u64> = set.missing(50).flat_map(|e| e.start..e.end).collect();
            let expected: Vec<u64> = (0..50).filter(|b| !model.contains(b)).collect();
            prop_assert_eq!(missing, expected);
            let (start, length) = probe;
            prop_assert_eq!(
                set.contains(Extent::new(start, start + length)),
                (start..start + length).all(|b| model.contains(&b))
            );
            let mut common = set.clone();
            common.intersect(&RangeSet::from_iter([Extent::new(start, start + length)]));
            let found: Vec<u64> = common.iter().flat_map(|e| e.start..e.end).collect();
            let expected: Vec<u64> = (start..start + length).filter(|b| model.contains(b)).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(set.prefix(), (0..99).take_while(|b| model.contains(b)).count() as u64);
        }
    }
}
