//! `IBackgroundCopyJob4`: peers, and who its owner is to another system.

use std::time::Duration;

use bgcopy_client::PeerCaching;
use bgcopy_model::HResult;
use windows_core::HRESULT;

use super::{Job_Impl, job1::seconds};
use crate::{abi::interfaces::IBackgroundCopyJob4_Impl, fault::answer, place::Place};

impl IBackgroundCopyJob4_Impl for Job_Impl {
    unsafe fn SetPeerCachingFlags(&self, flags: u32) -> HRESULT {
        answer(|| {
            let flags = PeerCaching::from_bits(flags).ok_or(HResult::E_INVALIDARG)?;
            Ok(self.client()?.set_peer_caching(flags)?)
        })
    }

    unsafe fn GetPeerCachingFlags(&self, flags: *mut u32) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell(flags, |info| info.peer_caching.bits()) }
    }

    unsafe fn GetOwnerIntegrityLevel(&self, level: *mut u32) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            unsafe { Place::new(level) }?;
            Err::<(), _>(HResult::E_NOTIMPL.into())
        })
    }

    unsafe fn GetOwnerElevationState(&self, elevated: *mut i32) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell(elevated, |info| i32::from(info.owner == 0)) }
    }

    unsafe fn SetMaximumDownloadTime(&self, seconds: u32) -> HRESULT {
        answer(|| {
            let time = Duration::from_secs(seconds.into());
            Ok(self.client()?.set_maximum_download_time(time)?)
        })
    }

    unsafe fn GetMaximumDownloadTime(&self, place: *mut u32) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell(place, |info| seconds(info.maximum_download_time)) }
    }
}
