//! What the manager does for downloads: `IDOManager`.
//!
//! Owns the two ways to a download, making one and listing those that are there.

use bgcopy_client::blocking;

use super::{connection, download::Download, enumerator::Downloads, failed, properties};
use crate::{
    abi::{
        interfaces::{IDODownload, IDOManager, IDOManager_Impl, IEnumUnknown, Out},
        types::DO_DOWNLOAD_ENUM_CATEGORY,
    },
    fault::{Outcome, answer},
    memory::{clear, put},
    text::text,
};
use windows_core::{HRESULT, Interface as _, implement};

/// The manager of downloads.
#[implement(IDOManager)]
#[derive(Debug)]
pub struct DownloadManager;

impl IDOManager_Impl for DownloadManager_Impl {
    unsafe fn CreateDownload(&self, download: Out) -> HRESULT {
        // SAFETY: the caller's promise.
        answer(|| unsafe { create(download) })
    }

    unsafe fn EnumDownloads(
        &self,
        category: *const DO_DOWNLOAD_ENUM_CATEGORY,
        downloads: Out,
    ) -> HRESULT {
        // SAFETY: the caller's promise.
        answer(|| unsafe { list(category, downloads) })
    }
}

/// `IDOManager::CreateDownload`.
///
/// # Safety
/// `place` is null or valid for a write.
pub unsafe fn create(place: Out) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { clear(place) }?;
    let made = connection()?.create_download().map_err(failed)?;
    let download: IDODownload = Download::new(made).into();
    // SAFETY: the caller's promise.
    unsafe { put(place, download.into_raw()) }
}

/// `IDOManager::EnumDownloads`: this user's downloads that are not final; those of a category alone, where one is given.
///
/// # Safety
/// `category` is null or valid for a read, its text ends with 0, and `place` is null or valid for a write.
pub unsafe fn list(category: *const DO_DOWNLOAD_ENUM_CATEGORY, place: Out) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { clear(place) }?;
    // SAFETY: the caller's promise.
    let found = unsafe { found(category) }?;
    let downloads: IEnumUnknown = Downloads::new(found).into();
    // SAFETY: the caller's promise.
    unsafe { put(place, downloads.into_raw()) }
}

/// # Safety
/// As for [`list`].
unsafe fn found(category: *const DO_DOWNLOAD_ENUM_CATEGORY) -> Outcome<Vec<blocking::Download>> {
    if category.is_null() {
        return connection()?.downloads(false).map_err(failed);
    }
    // SAFETY: it is not null, and else the caller's promise.
    let category = unsafe { category.read_unaligned() };
    let property = properties::property(category.property)?;
    // SAFETY: the caller's promise.
    let value = properties::category(property, unsafe { text(category.value) }?)?;
    let found = connection()?.downloads_with(property, value);
    found.map_err(failed)
}
