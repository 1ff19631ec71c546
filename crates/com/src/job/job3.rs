//! `IBackgroundCopyJob3`: ranges, and new URLs for many files at once; access control lists are another system's.

use bgcopy_client::Profile;
use bgcopy_model::HResult;
use windows_core::HRESULT;

use super::Job_Impl;
use crate::{
    abi::{
        interfaces::IBackgroundCopyJob3_Impl,
        types::{BG_FILE_RANGE, PCWSTR},
    },
    fault::answer,
    place::Place,
    ranges, text,
};

impl IBackgroundCopyJob3_Impl for Job_Impl {
    unsafe fn ReplaceRemotePrefix(&self, old: PCWSTR, new: PCWSTR) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let old = unsafe { text::text(old) }?;
            // SAFETY: see above.
            let new = unsafe { text::text(new) }?;
            self.client()?.replace_remote_prefix(old, new)?;
            Ok(())
        })
    }

    unsafe fn AddFileWithRanges(
        &self,
        url: PCWSTR,
        path: PCWSTR,
        count: u32,
        ranges: *const BG_FILE_RANGE,
    ) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let url = unsafe { text::text(url) }?;
            // SAFETY: see above.
            let path = unsafe { text::text(path) }?;
            // SAFETY: see above.
            let ranges = unsafe { ranges::read(count, ranges) }?;
            // No range is the whole file to Delivery Optimization and a mistake to BITS.
            if ranges.is_empty() && self.profile() == Profile::Bits {
                return Err(HResult::E_INVALIDARG.into());
            }
            self.add_file(url, path, ranges)?;
            Ok(())
        })
    }

    unsafe fn SetFileACLFlags(&self, _flags: u32) -> HRESULT {
        answer(|| Err::<(), _>(HResult::E_NOTIMPL.into()))
    }

    unsafe fn GetFileACLFlags(&self, flags: *mut u32) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            unsafe { Place::new(flags) }?;
            Err::<(), _>(HResult::E_NOTIMPL.into())
        })
    }
}
