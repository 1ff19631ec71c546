//! Memory that crosses the boundary: what the caller frees, and what it hands over.
//!
//! Owns `CoTaskMemAlloc` (the C library's allocator, so that `free` is right too) and `BSTR`s: a length in bytes, the
//! text, and a 0; the pointer is to the text. Must never hand out memory that is not written in full.

use std::{ffi::c_void, ptr};

use bgcopy_model::HResult;

use crate::fault::Outcome;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn realloc(memory: *mut c_void, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

/// Bytes before a `BSTR`'s text: the length, and what keeps the text aligned like any allocation.
const BSTR_HEAD: usize = 16;

/// Memory of `size` bytes, null when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn CoTaskMemAlloc(size: usize) -> *mut c_void {
    // SAFETY: malloc takes every size. One byte for none, so that null always means failure.
    unsafe { malloc(size.max(1)) }
}

/// The same memory with another size; see C's `realloc`.
///
/// # Safety
/// `memory` is null or came from `CoTaskMemAlloc` and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn CoTaskMemRealloc(memory: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { realloc(memory, size.max(1)) }
}

/// Gives memory back. Null is none.
///
/// # Safety
/// `memory` is null or came from `CoTaskMemAlloc` and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn CoTaskMemFree(memory: *mut c_void) {
    // SAFETY: the caller's promise; free takes null.
    unsafe { free(memory) }
}

/// Copies values into memory that the caller frees with `CoTaskMemFree`.
pub fn hand_out<T: Copy>(values: &[T]) -> Outcome<*mut T> {
    let memory = CoTaskMemAlloc(size_of_val(values)).cast::<T>();
    if memory.is_null() {
        return Err(HResult::E_OUTOFMEMORY.into());
    }
    // SAFETY: the memory is new, has this size and malloc's alignment, which is enough for every type here.
    unsafe { ptr::copy_nonoverlapping(values.as_ptr(), memory, values.len()) };
    Ok(memory)
}

/// A text that the caller frees with `CoTaskMemFree`.
pub fn hand_out_text(text: &str) -> Outcome<*mut u16> {
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    hand_out(&units)
}

/// A `BSTR` of this text; null when there is no memory.
pub fn bstr(units: &[u16]) -> *mut u16 {
    let bytes = size_of_val(units);
    let Ok(length) = u32::try_from(bytes) else {
        return ptr::null_mut();
    };
    let memory = CoTaskMemAlloc(BSTR_HEAD + bytes + size_of::<u16>()).cast::<u8>();
    if memory.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the memory has room for head, text and the 0 behind it; the length stands in the four bytes before the
    // text, which is aligned as the head's size is a multiple of 16.
    unsafe {
        ptr::write_bytes(memory, 0, BSTR_HEAD);
        let text = memory.add(BSTR_HEAD);
        text.sub(4).cast::<[u8; 4]>().write(length.to_ne_bytes());
        #[expect(
            clippy::cast_ptr_alignment,
            reason = "16 bytes behind what malloc gave"
        )]
        let text = text.cast::<u16>();
        ptr::copy_nonoverlapping(units.as_ptr(), text, units.len());
        text.add(units.len()).write(0);
        text
    }
}

/// A `BSTR` of a text that ends with 0.
///
/// # Safety
/// `text` is null or ends with 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SysAllocString(text: *const u16) -> *mut u16 {
    if text.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the caller's promise.
    bstr(unsafe { crate::text::units(text) })
}

/// A `BSTR` of `length` characters, of which some may be 0; zeros when `text` is null.
///
/// # Safety
/// `text` is null or has `length` characters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SysAllocStringLen(text: *const u16, length: u32) -> *mut u16 {
    let length = length as usize;
    if text.is_null() {
        return bstr(&vec![0; length]);
    }
    // SAFETY: the caller's promise.
    bstr(unsafe { std::slice::from_raw_parts(text, length) })
}

/// The characters of a `BSTR`, without the 0 at its end.
///
/// # Safety
/// `text` is null or a `BSTR`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SysStringLen(text: *const u16) -> u32 {
    if text.is_null() {
        return 0;
    }
    // SAFETY: a BSTR has its length in bytes in the four bytes before it.
    let bytes = unsafe { text.cast::<u8>().sub(4).cast::<[u8; 4]>().read() };
    u32::from_ne_bytes(bytes) / 2
}

/// Gives a `BSTR` back. Null is none.
///
/// # Safety
/// `text` is null or a `BSTR` that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn SysFreeString(text: *mut u16) {
    if !text.is_null() {
        // SAFETY: it was allocated with this head before it.
        unsafe { free(text.cast::<u8>().sub(BSTR_HEAD).cast()) }
    }
}
