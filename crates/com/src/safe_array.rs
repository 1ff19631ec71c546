//! `SAFEARRAY`s of bytes: how a program hands over what is neither a text nor a number.
//!
//! Owns vectors (one dimension) of `VT_UI1` and their memory. Must never free memory that the array's maker said is its
//! own, and never believe a size that contradicts the array's other fields.

use std::{ffi::c_void, ptr};

use bgcopy_model::HResult;
use windows_core::HRESULT;

use crate::{
    abi::delivery::{SAFEARRAY, SAFEARRAYBOUND},
    fault::{E_POINTER, Outcome, answer},
    memory::{CoTaskMemAlloc, CoTaskMemFree, hand_out},
    place::Place,
    variant::VT_UI1,
};

/// The array or its data is on a stack, static, or part of something else (`FADF_AUTO`, `FADF_STATIC`, `FADF_EMBEDDED`).
const NOT_OURS: u16 = 0x1 | 0x2 | 0x4;
/// The type of the elements stands before the array (`FADF_HAVEVARTYPE`).
const HAS_TYPE: u16 = 0x80;
/// What stands before an array that is made here: its elements' type is in the four bytes before the array itself.
const HEAD: usize = 16;
/// The most bytes that are taken from an array: beyond every certificate.
const LONGEST: usize = 1 << 20;
/// An array cannot be freed while its data is in use (`DISP_E_ARRAYISLOCKED`).
const ARRAY_IS_LOCKED: HResult = HResult(0x8002_000D);

/// An array of `elements` bytes, all 0; null for another type than `VT_UI1` and when there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn SafeArrayCreateVector(kind: u16, lower: i32, elements: u32) -> *mut SAFEARRAY {
    if kind != VT_UI1 {
        return ptr::null_mut();
    }
    vector(&vec![0; elements as usize], lower).unwrap_or(ptr::null_mut())
}

/// An array of these bytes.
pub fn vector(bytes: &[u8], lower: i32) -> Outcome<*mut SAFEARRAY> {
    let elements = u32::try_from(bytes.len()).map_err(|_| HResult::E_OUTOFMEMORY)?;
    let memory = CoTaskMemAlloc(HEAD + size_of::<SAFEARRAY>()).cast::<u8>();
    if memory.is_null() {
        return Err(HResult::E_OUTOFMEMORY.into());
    }
    let data = match hand_out(bytes) {
        Ok(data) => data,
        Err(fault) => {
            // SAFETY: it was just allocated.
            unsafe { CoTaskMemFree(memory.cast()) };
            return Err(fault);
        }
    };
    let array = SAFEARRAY {
        dimensions: 1,
        features: HAS_TYPE,
        element_size: 1,
        locks: 0,
        data: data.cast::<c_void>(),
        bounds: [SAFEARRAYBOUND { elements, lower }],
    };
    // SAFETY: the memory has room for the head and the array, which is aligned as the head's size is a multiple of 16;
    // the type stands in the head's last four bytes.
    unsafe {
        ptr::write_bytes(memory, 0, HEAD);
        let place = memory.add(HEAD);
        let kind = u32::from(VT_UI1).to_ne_bytes();
        place.sub(4).cast::<[u8; 4]>().write(kind);
        #[expect(
            clippy::cast_ptr_alignment,
            reason = "16 bytes behind what malloc gave"
        )]
        let place = place.cast::<SAFEARRAY>();
        place.write(array);
        Ok(place)
    }
}

/// Locks the array and tells where its elements are.
///
/// # Safety
/// `array` is null or an array, `data` null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SafeArrayAccessData(
    array: *mut SAFEARRAY,
    data: *mut *mut c_void,
) -> HRESULT {
    answer(|| {
        // SAFETY: the caller's promise.
        let array = unsafe { array.as_mut() }.ok_or(E_POINTER)?;
        // SAFETY: the caller's promise.
        unsafe { Place::new(data) }?.put(array.data);
        array.locks += 1;
        Ok(())
    })
}

/// Ends what [`SafeArrayAccessData`] began.
///
/// # Safety
/// `array` is null or an array.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SafeArrayUnaccessData(array: *mut SAFEARRAY) -> HRESULT {
    answer(|| {
        // SAFETY: the caller's promise.
        let array = unsafe { array.as_mut() }.ok_or(E_POINTER)?;
        array.locks = array.locks.checked_sub(1).ok_or(HResult::E_UNEXPECTED)?;
        Ok(())
    })
}

/// Gives an array back. Null is none.
///
/// # Safety
/// `array` is null or came from [`SafeArrayCreateVector`] and was not destroyed; or it is the program's own, and its
/// features say so (`FADF_AUTO`, `FADF_STATIC`, `FADF_EMBEDDED`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SafeArrayDestroy(array: *mut SAFEARRAY) -> HRESULT {
    answer(|| {
        // SAFETY: the caller's promise.
        let Some(whole) = (unsafe { array.as_ref() }) else {
            return Ok(());
        };
        if whole.locks != 0 {
            return Err(ARRAY_IS_LOCKED.into());
        }
        if whole.features & NOT_OURS == 0 {
            // SAFETY: it and its data were allocated by `vector`, with this head before it.
            unsafe {
                CoTaskMemFree(whole.data);
                CoTaskMemFree(array.cast::<u8>().sub(HEAD).cast());
            }
        }
        Ok(())
    })
}

/// The bytes of an array.
///
/// # Safety
/// `array` is null or an array whose data is as long as it says.
pub unsafe fn bytes(array: *const SAFEARRAY) -> Outcome<Vec<u8>> {
    // SAFETY: the caller's promise.
    let array = unsafe { array.as_ref() }.ok_or(HResult::E_INVALIDARG)?;
    let length = array.bounds[0].elements as usize;
    if array.dimensions != 1 || array.element_size != 1 || length > LONGEST {
        return Err(HResult::E_INVALIDARG.into());
    }
    if length == 0 {
        return Ok(Vec::new());
    }
    if array.data.is_null() {
        return Err(HResult::E_INVALIDARG.into());
    }
    // SAFETY: the caller's promise; it is not null.
    Ok(unsafe { std::slice::from_raw_parts(array.data.cast::<u8>(), length) }.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_filled_read_and_given_back() {
        let array = SafeArrayCreateVector(VT_UI1, 0, 3);
        let mut data = ptr::null_mut();
        // SAFETY: the array was just made, and its data is three bytes.
        unsafe {
            assert!(SafeArrayAccessData(array, &raw mut data).is_ok());
            data.cast::<[u8; 3]>().write([1, 2, 3]);
            let locked = SafeArrayDestroy(array);
            assert_eq!(locked.0.cast_unsigned(), ARRAY_IS_LOCKED.0);
            assert!(SafeArrayUnaccessData(array).is_ok());
            assert_eq!(bytes(array), Ok(vec![1, 2, 3]));
            assert!(SafeArrayUnaccessData(array).is_err());
            assert!(SafeArrayDestroy(array).is_ok());
            assert!(SafeArrayDestroy(ptr::null_mut()).is_ok());
        }
        assert!(SafeArrayCreateVector(8, 0, 3).is_null());
    }

    #[test]
    fn an_array_that_contradicts_itself_is_refused() {
        let mut byte = 7_u8;
        let mut array = SAFEARRAY {
            dimensions: 1,
            features: NOT_OURS,
            element_size: 1,
            locks: 0,
            data: (&raw mut byte).cast(),
            bounds: [SAFEARRAYBOUND {
                elements: 1,
                lower: 0,
            }],
        };
        // SAFETY: the array is above, and its data one byte; what is said wrongly is looked at before its data is.
        unsafe {
            assert_eq!(bytes(&raw const array), Ok(vec![7]));
            array.dimensions = 2;
            assert!(bytes(&raw const array).is_err());
            array.dimensions = 1;
            array.bounds[0].elements = u32::MAX;
            assert!(bytes(&raw const array).is_err());
            array.bounds[0].elements = 1;
            array.data = ptr::null_mut();
            assert!(bytes(&raw const array).is_err());
            assert!(SafeArrayDestroy(&raw mut array).is_ok());
        }
    }
}
