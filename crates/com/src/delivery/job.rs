//! What Delivery Optimization adds to a job: `IDeliveryOptimizationJob` and its second version.
//!
//! Owns how these interfaces say what those of BITS say otherwise. File ids mean something among peers; there are none,
//! and the service keeps none.

use bgcopy_model::{Condition, HResult};
use windows_core::{GUID, HRESULT, IUnknown, Interface as _};

use super::new_file::NewFile;
use crate::{
    abi::{
        delivery::{IDeliveryOptimizationJob_Impl, IDeliveryOptimizationJob2_Impl},
        interfaces::Out,
        types::{BG_FILE_RANGE, PCWSTR, VARIANT},
    },
    fault::{E_NOINTERFACE, E_POINTER, Fault, answer},
    job::Job_Impl,
    place::Place,
    ranges, text,
    variant::{self, NOTHING},
};

/// `DOJobPropertyId_ExtendedErrorInfo`: what stopped the job, in words.
const EXTENDED_ERROR: i32 = 0;

impl IDeliveryOptimizationJob_Impl for Job_Impl {
    /// The size is no promise that anything is held to: what the origin tells counts.
    unsafe fn AddFileWithRanges(
        &self,
        file_id: PCWSTR,
        url: PCWSTR,
        path: PCWSTR,
        count: u32,
        ranges: *const BG_FILE_RANGE,
        _size: u64,
    ) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            unsafe { text::optional(file_id) }?;
            // SAFETY: see above.
            let url = unsafe { text::text(url) }?;
            // SAFETY: see above.
            let path = unsafe { text::text(path) }?;
            // SAFETY: see above.
            let ranges = unsafe { ranges::read(count, ranges) }?;
            self.add_file(url, path, ranges)?;
            Ok(())
        })
    }
}

impl IDeliveryOptimizationJob2_Impl for Job_Impl {
    unsafe fn AddFile(
        &self,
        file_id: PCWSTR,
        url: PCWSTR,
        count: u32,
        ranges: *const BG_FILE_RANGE,
        interface: *const GUID,
        file: Out,
    ) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let place = unsafe { Place::empty(file) }?;
            if interface.is_null() {
                return Err(E_POINTER.into());
            }
            // SAFETY: see above.
            let file_id = unsafe { text::optional(file_id) }?;
            // SAFETY: see above.
            let url = unsafe { text::optional(url) }?;
            let url = url.ok_or(HResult::DO_E_NO_URI)?;
            // SAFETY: see above.
            let ranges = unsafe { ranges::read(count, ranges) }?;
            self.check_open()?;
            let file = NewFile::new((**self).clone(), file_id, url, ranges);
            let object = IUnknown::from(file);
            let mut found = std::ptr::null_mut();
            // SAFETY: `interface` is not null, and else the caller's promise; the place for the answer is here.
            if unsafe { object.query(interface, &raw mut found) }.is_err() {
                return Err(E_NOINTERFACE.into());
            }
            place.put(found);
            Ok(())
        })
    }

    unsafe fn GetProperty(&self, property: i32, value: *mut VARIANT) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(value) }?;
            place.put(NOTHING);
            if property != EXTENDED_ERROR {
                return Err(self.fault(Condition::UnknownProperty));
            }
            let trouble = self.info()?.error.ok_or(HResult::E_NOT_SET)?;
            place.put(variant::of_text(&trouble.description)?);
            Ok(())
        })
    }

    unsafe fn SetProperty(&self, property: i32, value: *const VARIANT) -> HRESULT {
        answer(|| {
            if value.is_null() {
                return Err(E_POINTER.into());
            }
            let condition = match property {
                EXTENDED_ERROR => Condition::ReadOnlyProperty,
                _ => Condition::UnknownProperty,
            };
            Err::<(), Fault>(self.fault(condition))
        })
    }
}
