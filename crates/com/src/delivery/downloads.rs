//! What the manager does for downloads: `IDOManager`.
//!
//! Owns the two ways to a download, making one and listing those that are there.

use bgcopy_client::blocking;
use windows_core::HRESULT;

use super::{download::Download, enumerator::Downloads, failed, properties};
use crate::{
    abi::{
        interfaces::{IDODownload, IDOManager_Impl, IEnumUnknown, Out},
        types::DO_DOWNLOAD_ENUM_CATEGORY,
    },
    fault::{Outcome, answer},
    manager::{DeliveryManager, DeliveryManager_Impl},
    place::Place,
    text::text,
};

impl IDOManager_Impl for DeliveryManager_Impl {
    unsafe fn CreateDownload(&self, download: Out) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(download) }?;
            let made = self.connection()?.create_download().map_err(failed)?;
            place.interface(IDODownload::from(Download::new(made)));
            Ok(())
        })
    }

    unsafe fn EnumDownloads(
        &self,
        category: *const DO_DOWNLOAD_ENUM_CATEGORY,
        downloads: Out,
    ) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let place = unsafe { Place::empty(downloads) }?;
            // SAFETY: see above.
            let found = unsafe { self.found(category) }?;
            let found = found.into_iter().map(Download::new).collect();
            place.interface(IEnumUnknown::from(Downloads::new(found)));
            Ok(())
        })
    }
}

impl DeliveryManager {
    /// This user's downloads that are not final; those of a category alone, where one is given.
    ///
    /// # Safety
    /// `category` is null or valid for a read, and its text ends with 0.
    unsafe fn found(
        &self,
        category: *const DO_DOWNLOAD_ENUM_CATEGORY,
    ) -> Outcome<Vec<blocking::Download>> {
        if category.is_null() {
            return self.connection()?.downloads(false).map_err(failed);
        }
        // SAFETY: it is not null, and else the caller's promise.
        let category = unsafe { category.read_unaligned() };
        let property = properties::property(category.property)?;
        // SAFETY: the caller's promise.
        let value = properties::category(property, unsafe { text(category.value) }?)?;
        let found = self.connection()?.downloads_with(property, value);
        found.map_err(failed)
    }
}
