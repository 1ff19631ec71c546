//! `IEnumUnknown`: the downloads that a list found.
//!
//! Owns a snapshot; a download that is final by now is still in it, and says so itself.

use windows_core::{HRESULT, implement};

use super::download::Download;
use crate::{
    abi::interfaces::{IDODownload, IEnumUnknown, IEnumUnknown_Impl, Out},
    enumerators::Snapshot,
    fault::answer,
    place::Place,
};

/// An enumerator of downloads.
#[implement(IEnumUnknown)]
#[derive(Debug)]
pub struct Downloads(Snapshot<Download>);

impl Downloads {
    /// These, none of them taken.
    pub fn new(all: Vec<Download>) -> Self {
        Self(Snapshot::new(all))
    }
}

impl IEnumUnknown_Impl for Downloads_Impl {
    unsafe fn Next(&self, count: u32, objects: Out, fetched: *mut u32) -> HRESULT {
        answer(|| {
            let make = |download: &Download| IDODownload::from(download.clone());
            // SAFETY: the caller's promise.
            unsafe { self.0.next(count, objects, fetched, make) }
        })
    }

    unsafe fn Skip(&self, count: u32) -> HRESULT {
        answer(|| Ok(self.0.skip(count)))
    }

    unsafe fn Reset(&self) -> HRESULT {
        answer(|| {
            self.0.reset();
            Ok(())
        })
    }

    unsafe fn Clone(&self, copy: Out) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let copy = unsafe { Place::empty(copy) }?;
            copy.interface(IEnumUnknown::from(Downloads(self.0.copy())));
            Ok(())
        })
    }
}
