//! The client's objects that are told of downloads: `IDODownloadStatusCallback`.
//!
//! Owns what they are told, and which of them this process has registered for which download. Who holds one is told by
//! [`crate::held`].

use bgcopy_client::{DownloadStatus, blocking};
use bgcopy_model::{HResult, JobId, UNKNOWN_SIZE};
use windows_core::{IUnknown, Interface as _};

use super::{download::Download, failed};
use crate::{
    abi::{
        interfaces::{IDODownload, IDODownloadStatusCallback},
        types::DO_DOWNLOAD_STATUS,
    },
    fault::{E_NOINTERFACE, Outcome},
    held::{Held, Table},
};

/// The objects that a process has registered.
#[derive(Debug, Default)]
pub struct Statuses(Table<Callback>);

/// A client's object.
#[derive(Clone)]
struct Callback(IDODownloadStatusCallback);

// SAFETY: whoever registers an object hands it over to be called on the library's threads (docs/com.md, «Threads»), so
// that its own reference count and methods take calls from every thread.
unsafe impl Send for Callback {}

impl Statuses {
    /// Has this object told of the download, in place of the one before.
    ///
    /// # Errors
    /// `E_NOINTERFACE` for an object of another kind, and the service's.
    pub fn register(&self, download: &blocking::Download, object: &IUnknown) -> Outcome {
        let callback: IDODownloadStatusCallback = object.cast().map_err(|_| E_NOINTERFACE)?;
        let slot = self.0.slot(download.id());
        slot.replace(Callback(callback), |held| {
            let told = move |download, status| tell(&held, download, status);
            download.set_status_interface(told).map_err(failed)
        })
    }

    /// Has nobody told of the download any more.
    ///
    /// # Errors
    /// The service's.
    pub fn withdraw(&self, download: &blocking::Download) -> Outcome {
        let slot = self.0.slot(download.id());
        slot.remove(|| download.clear_status_interface().map_err(failed))
    }

    /// The object that this process has registered for the download.
    ///
    /// # Errors
    /// `E_NOT_SET`: none.
    pub fn registered(&self, download: JobId) -> Outcome<IDODownloadStatusCallback> {
        let callback = self.0.slot(download).object();
        Ok(callback.ok_or(HResult::E_NOT_SET)?.0)
    }

    /// Gives every object back, when the process is done with the library.
    pub fn clear(&self) {
        self.0.clear();
    }
}

/// Tells the object, on a thread that may block. A final status is the last one, so that the object is released then.
fn tell(held: &Held<Callback>, download: blocking::Download, status: DownloadStatus) {
    let Some(Callback(callback)) = held.object() else {
        // It was replaced or cleared while this call was on its way.
        return;
    };
    let object: IDODownload = Download::new(download).into();
    let told = as_told(&status);
    // SAFETY: the object has this interface, and both arguments are there until it returns. What it answers means
    // nothing: an error does not bring the call again.
    let _ = unsafe { callback.OnStatusChange(object.as_raw(), &raw const told) };
    drop(callback);
    if status.state.is_final() {
        held.release();
    }
}

/// A status as it crosses the boundary.
pub fn as_told(status: &DownloadStatus) -> DO_DOWNLOAD_STATUS {
    let code = |code: Option<HResult>| code.map_or(0, |code| code.0.cast_signed());
    DO_DOWNLOAD_STATUS {
        bytes_total: status.bytes_total.unwrap_or(UNKNOWN_SIZE),
        bytes_transferred: status.bytes_transferred,
        state: status.state.code(),
        error: code(status.error),
        extended_error: code(status.extended_error),
    }
}
