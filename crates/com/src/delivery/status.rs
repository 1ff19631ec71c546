//! The client's objects that are told of downloads: `IDODownloadStatusCallback`.
//!
//! Owns which object this process has registered for which download, and when the last reference to it is given back:
//! on the thread that replaces or clears it, or on the thread of the call that told it of a final status. Must never
//! give one back on a thread of the connection, since the object's end may call everything here.
//!
//! The client library owns a registration; the table here only finds it again.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
};

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
};

/// What a process has registered, and may have registered.
#[derive(Debug, Default)]
pub struct Statuses {
    registered: Mutex<BTreeMap<JobId, Weak<Registration>>>,
    /// Held while one is registered or withdrawn, so that the table says what the service was told last.
    order: Mutex<()>,
}

/// A client's object.
struct Callback(IDODownloadStatusCallback);

// SAFETY: whoever registers an object hands it over to be called on the library's threads (docs/com.md, «Threads»), so
// that its own reference count and methods take calls from every thread.
unsafe impl Send for Callback {}

impl Clone for Callback {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// One that is registered; without an object once that was given back.
struct Registration(Mutex<Option<Callback>>);

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registration")
    }
}

impl Statuses {
    /// Has this object told of the download, in place of the one before.
    ///
    /// # Errors
    /// `E_NOINTERFACE` for an object of another kind, and the service's.
    pub fn register(&self, download: &blocking::Download, object: &IUnknown) -> Outcome {
        let callback: IDODownloadStatusCallback = object.cast().map_err(|_| E_NOINTERFACE)?;
        let registration = Arc::new(Registration(Mutex::new(Some(Callback(callback)))));
        let told = registration.clone();
        let order = lock(&self.order);
        let before = self.current(download.id());
        let set =
            download.set_status_interface(move |download, status| told.tell(download, status));
        if let Err(error) = set {
            drop(order);
            registration.give_back();
            return Err(failed(error));
        }
        let mut registered = lock(&self.registered);
        registered.retain(|_, it| it.strong_count() > 0);
        registered.insert(download.id(), Arc::downgrade(&registration));
        drop((registered, order));
        if let Some(before) = before {
            before.give_back();
        }
        Ok(())
    }

    /// Has nobody told of the download any more.
    ///
    /// # Errors
    /// The service's.
    pub fn withdraw(&self, download: &blocking::Download) -> Outcome {
        let order = lock(&self.order);
        let before = self.current(download.id());
        download.clear_status_interface().map_err(failed)?;
        lock(&self.registered).remove(&download.id());
        drop(order);
        if let Some(before) = before {
            before.give_back();
        }
        Ok(())
    }

    /// The object that this process has registered for the download.
    ///
    /// # Errors
    /// `E_NOT_SET`: none.
    pub fn registered(&self, download: JobId) -> Outcome<IDODownloadStatusCallback> {
        let registration = self.current(download);
        let callback = registration.and_then(|it| lock(&it.0).clone());
        Ok(callback.ok_or(HResult::E_NOT_SET)?.0)
    }

    /// Gives every object back, when the process is done with the library.
    pub fn clear(&self) {
        let all = mem::take(&mut *lock(&self.registered));
        for registration in all.into_values().filter_map(|it| it.upgrade()) {
            registration.give_back();
        }
    }

    /// The registration that there is. Who replaces it holds it first: else the client library might let go of it, and
    /// give its object back, on a thread of the connection.
    fn current(&self, download: JobId) -> Option<Arc<Registration>> {
        let registered = lock(&self.registered);
        registered.get(&download).and_then(Weak::upgrade)
    }
}

impl Registration {
    /// Tells the object, on a thread that may block.
    fn tell(&self, download: blocking::Download, status: DownloadStatus) {
        let callback = lock(&self.0).clone();
        let Some(Callback(callback)) = callback else {
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
            self.give_back();
        }
    }

    /// Gives the object back, on this thread.
    fn give_back(&self) {
        let object = lock(&self.0).take();
        drop(object);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(object) = lock(&self.0).take() {
            // The connection ends, perhaps on its own thread. Without a thread for this the object is kept: its end
            // might wait for that connection.
            let object = mem::ManuallyDrop::new(object);
            let release = move || drop(mem::ManuallyDrop::into_inner(object));
            let _ = thread::Builder::new()
                .name("dosvc-release".to_owned())
                .spawn(release);
        }
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

/// No code panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
