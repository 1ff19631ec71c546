//! Texts from the caller: UTF-16 that ends with 0.
//!
//! Must never read beyond the 0, and never more than [`LONGEST`]: a text without an end is the caller's mistake, and a
//! number is a better answer to it than a crash.

use bgcopy_model::HResult;

use crate::fault::{Fault, Outcome};

/// The longest text that is taken from a caller, in UTF-16 units: beyond every limit of the contract.
const LONGEST: usize = 1 << 20;

/// The characters before the 0.
///
/// # Safety
/// `text` ends with 0 or is longer than [`LONGEST`], is not null, and stays as it is while the slice is used.
pub unsafe fn units<'a>(text: *const u16) -> &'a [u16] {
    let mut length = 0;
    // SAFETY: every unit before the 0 is the caller's to be read.
    while length < LONGEST && unsafe { text.add(length).read() } != 0 {
        length += 1;
    }
    // SAFETY: these were just read.
    unsafe { std::slice::from_raw_parts(text, length) }
}

/// A text that must be there. A surrogate without its other half is refused: the service speaks UTF-8, which has none.
///
/// # Safety
/// As for [`units`], but it may be null.
pub unsafe fn text(text: *const u16) -> Outcome<String> {
    // SAFETY: the caller's promise.
    unsafe { optional(text) }?.ok_or(Fault(HResult::E_INVALIDARG))
}

/// A text for which null means none.
///
/// # Safety
/// As for [`text`].
pub unsafe fn optional(text: *const u16) -> Outcome<Option<String>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not null, and else the caller's promise.
    let units = unsafe { units(text) };
    if units.len() == LONGEST {
        return Err(HResult::E_INVALIDARG.into());
    }
    String::from_utf16(units)
        .map(Some)
        .map_err(|_| HResult::E_INVALIDARG.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(units: &[u16]) -> Outcome<String> {
        // SAFETY: each text below ends with 0.
        unsafe { text(units.as_ptr()) }
    }

    #[test]
    fn pairs_of_surrogates_are_taken_and_single_ones_refused() {
        let crab: Vec<u16> = "🦀".encode_utf16().chain([0]).collect();
        assert_eq!(read(&crab), Ok("🦀".to_owned()));
        assert_eq!(read(&[0xD83E, 0]), Err(Fault(HResult::E_INVALIDARG)));
        assert_eq!(read(&[0]), Ok(String::new()));
    }
}
