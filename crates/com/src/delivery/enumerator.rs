//! `IEnumUnknown`: the downloads that a list found.
//!
//! Owns a snapshot and a place in it; a download that is final by now is still in it, and says so itself.

use std::sync::{Arc, Mutex, PoisonError};

use bgcopy_client::blocking;
use bgcopy_model::HResult;
use windows_core::{HRESULT, Interface as _, implement};

use super::download::Download;
use crate::{
    abi::interfaces::{IDODownload, IEnumUnknown, IEnumUnknown_Impl, Out},
    fault::{E_POINTER, Outcome, answer},
    memory::{clear, put},
};

/// An enumerator of downloads.
#[implement(IEnumUnknown)]
#[derive(Debug)]
pub struct Downloads {
    all: Arc<[blocking::Download]>,
    /// How many were handed out or skipped; never more than there are.
    next: Mutex<usize>,
}

impl Downloads {
    /// These, none of them taken.
    pub fn new(all: Vec<blocking::Download>) -> Self {
        Self {
            all: all.into(),
            next: Mutex::new(0),
        }
    }

    /// Goes on by `count`, or as far as there is anything: the place before, and the place now.
    fn advance(&self, count: u32) -> (usize, usize) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *next;
        *next = before.saturating_add(count as usize).min(self.all.len());
        (before, *next)
    }

    /// # Safety
    /// `places` is null or has room for `count` pointers, `fetched` is null or valid for a write.
    unsafe fn hand_out(&self, count: u32, places: Out, fetched: *mut u32) -> Outcome<HResult> {
        if !fetched.is_null() {
            // SAFETY: it is not null, and else the caller's promise.
            unsafe { put(fetched, 0) }?;
        } else if count > 1 {
            return Err(HResult::E_INVALIDARG.into());
        }
        if places.is_null() {
            return Err(E_POINTER.into());
        }
        let (before, now) = self.advance(count);
        for (at, download) in self.all[before..now].iter().enumerate() {
            let object: IDODownload = Download::new(download.clone()).into();
            // SAFETY: `at` is below `count`, and else the caller's promise.
            unsafe { put(places.add(at), object.into_raw()) }?;
        }
        let handed = u32::try_from(now - before).unwrap_or(count);
        if !fetched.is_null() {
            // SAFETY: it is not null, and else the caller's promise.
            unsafe { put(fetched, handed) }?;
        }
        Ok(full(handed, count))
    }
}

/// Whether everything that was asked for was there.
fn full(had: u32, asked: u32) -> HResult {
    if had == asked {
        HResult::S_OK
    } else {
        HResult::S_FALSE
    }
}

impl IEnumUnknown_Impl for Downloads_Impl {
    unsafe fn Next(&self, count: u32, objects: Out, fetched: *mut u32) -> HRESULT {
        // SAFETY: the caller's promise.
        answer(|| unsafe { self.hand_out(count, objects, fetched) })
    }

    unsafe fn Skip(&self, count: u32) -> HRESULT {
        answer(|| {
            let (before, now) = self.advance(count);
            Ok(full(u32::try_from(now - before).unwrap_or(count), count))
        })
    }

    unsafe fn Reset(&self) -> HRESULT {
        answer(|| {
            *self.next.lock().unwrap_or_else(PoisonError::into_inner) = 0;
            Ok(())
        })
    }

    unsafe fn Clone(&self, copy: Out) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            unsafe { clear(copy) }?;
            let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let twin = Downloads {
                all: self.all.clone(),
                next: Mutex::new(next),
            };
            let twin: IEnumUnknown = twin.into();
            // SAFETY: the caller's promise.
            unsafe { put(copy, twin.into_raw()) }
        })
    }
}
