//! Where the bytes of a remote file go in the local one when only ranges of it are wanted.

use crate::{ByteRange, Extent};

/// The map from local offsets to remote ones: the ranges in the caller's order, one after the other.
/// Without ranges it is the identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    ranges: Vec<ByteRange>,
}

/// Why a list of ranges is refused (contract, section Ranges).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A length of zero, an offset that is «to the end», or an end beyond the file's.
    #[error("a range is empty, has no offset, or lies beyond the end of the file")]
    Invalid,
    /// Two ranges share a byte.
    #[error("two ranges overlap")]
    Overlapping,
}

impl Layout {
    /// The layout of these ranges; an empty list is the whole file.
    ///
    /// # Errors
    /// [`LayoutError`] for what can be told without knowing the file's size; see [`Layout::check`] for the rest.
    pub fn new(ranges: &[ByteRange]) -> Result<Self, LayoutError> {
        let mut sorted = ranges.to_vec();
        sorted.sort_by_key(|r| r.offset);
        for range in &sorted {
            let to_end = range.length == ByteRange::TO_END;
            let too_far = !to_end && range.offset.checked_add(range.length).is_none();
            if range.offset == ByteRange::TO_END || range.length == 0 || too_far {
                return Err(LayoutError::Invalid);
            }
        }
        let overlap = |w: &[ByteRange]| {
            w[0].length == ByteRange::TO_END || w[0].offset + w[0].length > w[1].offset
        };
        if sorted.windows(2).any(overlap) {
            return Err(LayoutError::Overlapping);
        }
        Ok(Self {
            ranges: ranges.to_vec(),
        })
    }

    /// The layout of ranges that were checked when they were taken over. Those of one download may come from several
    /// range sets, each without an overlap in itself.
    pub fn checked(ranges: &[ByteRange]) -> Self {
        Self {
            ranges: ranges.to_vec(),
        }
    }

    /// Whether the whole file is wanted.
    pub fn is_whole(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Checks the ranges against the size of the remote file.
    ///
    /// # Errors
    /// [`LayoutError::Invalid`] when one lies beyond the end.
    pub fn check(&self, size: u64) -> Result<(), LayoutError> {
        let beyond = |r: &ByteRange| match r.length {
            ByteRange::TO_END => r.offset >= size,
            length => r.offset.saturating_add(length) > size,
        };
        if self.ranges.iter().any(beyond) {
            return Err(LayoutError::Invalid);
        }
        Ok(())
    }

    /// Bytes of the local file, once the size of the remote one is known; `None` when that is needed and unknown.
    pub fn local_size(&self, remote_size: Option<u64>) -> Option<u64> {
        if self.is_whole() {
            return remote_size;
        }
        self.ranges
            .iter()
            .map(|range| match range.length {
                ByteRange::TO_END => remote_size.map(|size| size.saturating_sub(range.offset)),
                length => Some(length),
            })
            .try_fold(0_u64, |sum, length| Some(sum.saturating_add(length?)))
    }

    /// The remote file has so many bytes: what goes to the end has a length from now on, so that what comes behind it
    /// can be found.
    #[must_use]
    pub fn settled(mut self, remote_size: u64) -> Self {
        let open = |range: &&mut ByteRange| range.length == ByteRange::TO_END;
        for range in self.ranges.iter_mut().filter(open) {
            range.length = remote_size.saturating_sub(range.offset);
        }
        self
    }

    /// Whether a range goes to the end and another one comes behind it: then nothing but the remote file's size tells
    /// where that one begins here.
    pub fn needs_size(&self) -> bool {
        let before_last = self.ranges.split_last().map_or(&[][..], |(_, rest)| rest);
        before_last
            .iter()
            .any(|range| range.length == ByteRange::TO_END)
    }

    /// Where the bytes that begin at local `offset` lie in the remote file: the remote offset, and how many bytes
    /// follow there in one run (`None`: to the end). `None` when the local offset is beyond the last range. What lies
    /// behind a range to the end is known only of a layout that is [`Self::settled`].
    pub fn remote(&self, offset: u64) -> Option<(u64, Option<u64>)> {
        if self.is_whole() {
            return Some((offset, None));
        }
        let mut before = 0;
        for range in &self.ranges {
            let into = offset - before;
            match range.length {
                ByteRange::TO_END => return Some((range.offset + into, None)),
                length if into < length => return Some((range.offset + into, Some(length - into))),
                length => before = before.saturating_add(length),
            }
        }
        None
    }

    /// The first run of the local interval `wanted` that is one run in the remote file too: its local interval and
    /// its remote one.
    pub fn first_run(&self, wanted: Extent) -> Option<(Extent, Extent)> {
        let (start, run) = self.remote(wanted.start)?;
        let length = run.map_or(wanted.len(), |run| run.min(wanted.len()));
        Some((
            Extent::new(wanted.start, wanted.start + length),
            Extent::new(start, start + length),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u64 = ByteRange::TO_END;

    fn layout(ranges: &[(u64, u64)]) -> Result<Layout, LayoutError> {
        let ranges: Vec<_> = ranges
            .iter()
            .map(|&(offset, length)| ByteRange { offset, length })
            .collect();
        Layout::new(&ranges)
    }

    #[test]
    fn ranges_are_refused_as_the_contract_says() {
        assert_eq!(layout(&[(0, 0)]), Err(LayoutError::Invalid));
        assert_eq!(layout(&[(END, 1)]), Err(LayoutError::Invalid));
        assert_eq!(layout(&[(END - 1, 5)]), Err(LayoutError::Invalid));
        assert_eq!(layout(&[(0, 5), (0, 5)]), Err(LayoutError::Overlapping));
        assert_eq!(layout(&[(8, 4), (0, 9)]), Err(LayoutError::Overlapping));
        assert_eq!(layout(&[(0, END), (9, 1)]), Err(LayoutError::Overlapping));
        assert_eq!(
            layout(&[(5, 6)]).unwrap().check(10),
            Err(LayoutError::Invalid)
        );
        assert_eq!(
            layout(&[(10, END)]).unwrap().check(10),
            Err(LayoutError::Invalid)
        );
        assert_eq!(layout(&[(5, 5)]).unwrap().check(10), Ok(()));
    }

    #[test]
    fn ranges_are_laid_out_in_the_order_given() {
        let layout = layout(&[(100, 10), (0, 5), (200, END)]).unwrap();
        assert_eq!(layout.local_size(Some(230)), Some(45));
        assert_eq!(layout.local_size(None), None);
        assert_eq!(layout.remote(9), Some((109, Some(1))));
        assert_eq!(layout.remote(10), Some((0, Some(5))));
        assert_eq!(layout.remote(20), Some((205, None)));
        assert_eq!(
            layout.first_run(Extent::new(8, 45)),
            Some((Extent::new(8, 10), Extent::new(108, 110)))
        );
    }

    #[test]
    fn what_lies_behind_a_range_to_the_end_is_found_once_the_size_is_known() {
        let layout = layout(&[(90, END), (0, 5), (20, 2)]).unwrap();
        assert!(layout.needs_size());
        assert_eq!(layout.remote(0), Some((90, None)));
        let layout = layout.settled(100);
        assert!(!layout.needs_size());
        assert_eq!(layout.local_size(None), Some(17));
        assert_eq!(layout.remote(0), Some((90, Some(10))));
        assert_eq!(layout.remote(9), Some((99, Some(1))));
        assert_eq!(layout.remote(10), Some((0, Some(5))));
        assert_eq!(layout.remote(16), Some((21, Some(1))));
        assert_eq!(layout.remote(17), None);
    }

    #[test]
    fn only_a_range_to_the_end_with_others_behind_it_needs_the_size() {
        for (ranges, needs) in [
            (&[][..], false),
            (&[(0, END)], false),
            (&[(0, 5), (10, END)], false),
            (&[(10, END), (0, 5)], true),
        ] {
            assert_eq!(layout(ranges).unwrap().needs_size(), needs, "{ranges:?}");
        }
    }

    #[test]
    fn without_ranges_local_is_remote() {
        let whole = layout(&[]).unwrap();
        assert_eq!(whole.local_size(Some(7)), Some(7));
        assert_eq!(whole.remote(3), Some((3, None)));
    }
}
