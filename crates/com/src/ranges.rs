//! Ranges that a caller lists: a count, and so many of one of the two structures that say the same.
//!
//! Must never read more of a list than [`MOST`]: a count that was never set is the caller's mistake, and an error is a
//! better answer to it than a crash. Whether ranges make sense is the service's to say.

use bgcopy_model::{ByteRange, HResult};

use crate::{
    abi::types::{BG_FILE_RANGE, DO_DOWNLOAD_RANGE},
    fault::Outcome,
};

/// The most ranges that are read from a caller: what a message to the service holds is less.
const MOST: u32 = 1 << 20;

impl From<BG_FILE_RANGE> for ByteRange {
    fn from(range: BG_FILE_RANGE) -> Self {
        Self {
            offset: range.initial_offset,
            length: range.length,
        }
    }
}

impl From<DO_DOWNLOAD_RANGE> for ByteRange {
    fn from(range: DO_DOWNLOAD_RANGE) -> Self {
        Self {
            offset: range.offset,
            length: range.length,
        }
    }
}

/// The ranges of a list, which need not be aligned for Rust.
///
/// # Errors
/// `E_INVALIDARG` when there should be some and the list is null; `BG_E_TOO_MANY_RANGES_IN_FILE`, as the service has
/// it, for more than [`MOST`].
///
/// # Safety
/// `list` is null or has `count` elements.
pub unsafe fn read<R: Copy + Into<ByteRange>>(
    count: u32,
    list: *const R,
) -> Outcome<Vec<ByteRange>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if list.is_null() {
        return Err(HResult::E_INVALIDARG.into());
    }
    if count > MOST {
        return Err(HResult::BG_E_TOO_MANY_RANGES_IN_FILE.into());
    }
    // SAFETY: `at` is below the number of ranges that the caller says there are.
    let range = |at| unsafe { list.add(at).read_unaligned() }.into();
    Ok((0..count as usize).map(range).collect())
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::fault::Fault;

    /// A list that begins where no number of 64 bits should.
    #[repr(C, packed)]
    struct Shifted<T> {
        before: u8,
        list: [T; 2],
    }

    #[test]
    fn a_list_is_read_wherever_it_begins_and_only_as_far_as_it_goes() {
        let of = |offset, length| ByteRange { offset, length };
        let (before, length) = (0, 3);
        let list = [4, 0].map(|initial_offset| BG_FILE_RANGE {
            initial_offset,
            length,
        });
        let file = Shifted { before, list };
        let list = [4, 0].map(|offset| DO_DOWNLOAD_RANGE { offset, length });
        let download = Shifted { before, list };
        // SAFETY: two ranges are in each list.
        unsafe {
            let all = read(2, (&raw const file.list).cast::<BG_FILE_RANGE>());
            assert_eq!(all, Ok(vec![of(4, 3), of(0, 3)]));
            let first = read(1, (&raw const download.list).cast::<DO_DOWNLOAD_RANGE>());
            assert_eq!(first, Ok(vec![of(4, 3)]));
        }
    }

    #[test]
    fn a_list_that_is_not_there_or_too_long_is_refused_unread() {
        let none: *const BG_FILE_RANGE = ptr::null();
        // No range is at this place.
        let bad = ptr::dangling::<BG_FILE_RANGE>();
        // SAFETY: nothing is read.
        unsafe {
            assert_eq!(read(0, none), Ok(Vec::new()));
            assert_eq!(read(1, none), Err(Fault(HResult::E_INVALIDARG)));
            let many = Fault(HResult::BG_E_TOO_MANY_RANGES_IN_FILE);
            assert_eq!(read(MOST + 1, bad), Err(many));
        }
    }
}
