//! Where the caller wants an answer: its pointers, checked once and written once.
//!
//! Owns the rule for them: null is refused before anything is done for the call, and a place for a pointer is null until
//! the call succeeds. Must never hold a place longer than the call.

use std::{ffi::c_void, ptr};

use windows_core::Interface;

use crate::{
    fault::{E_POINTER, Outcome},
    memory,
};

/// A place of the caller's.
///
/// It is not null, and it is valid for a write of `T` until the call ends.
#[derive(Debug)]
pub struct Place<T>(*mut T);

impl<T> Place<T> {
    /// # Errors
    /// `E_POINTER` for null.
    ///
    /// # Safety
    /// `place` is null or valid for a write of `T` for as long as this is used.
    pub unsafe fn new(place: *mut T) -> Outcome<Self> {
        if place.is_null() {
            return Err(E_POINTER.into());
        }
        Ok(Self(place))
    }

    /// The same where null says that the caller does not want to know.
    ///
    /// # Safety
    /// As for [`Self::new`].
    pub unsafe fn optional(place: *mut T) -> Option<Self> {
        (!place.is_null()).then_some(Self(place))
    }

    /// Puts the answer there.
    pub fn put(&self, value: T) {
        // SAFETY: the type's own promise. It need not be aligned for Rust.
        unsafe { self.0.write_unaligned(value) };
    }
}

impl<T> Place<*mut T> {
    /// A place for a pointer, which is null from here on.
    ///
    /// # Errors
    /// `E_POINTER` for null.
    ///
    /// # Safety
    /// As for [`Self::new`].
    pub unsafe fn empty(place: *mut *mut T) -> Outcome<Self> {
        // SAFETY: the caller's promise.
        let place = unsafe { Self::new(place) }?;
        place.put(ptr::null_mut());
        Ok(place)
    }
}

impl Place<*mut u16> {
    /// A text, which the caller frees.
    pub fn text(&self, text: &str) -> Outcome {
        self.put(memory::hand_out_text(text)?);
        Ok(())
    }
}

impl Place<*mut c_void> {
    /// An interface pointer, which the caller releases.
    pub fn interface<I: Interface>(&self, interface: I) {
        self.put(interface.into_raw());
    }
}
