//! A download: `IDODownload`.
//!
//! Owns nothing but a handle; every call is one to the service.

use std::{mem::offset_of, thread, time::Duration};

use bgcopy_client::blocking;
use bgcopy_model::{ByteRange, DownloadProperty, DownloadState, DownloadValue, HResult, JobId};
use windows_core::{HRESULT, implement};

use super::{Statuses, failed, properties, status};
use crate::{
    abi::{
        interfaces::{IDODownload, IDODownload_Impl},
        types::{DO_DOWNLOAD_RANGE, DO_DOWNLOAD_RANGES_INFO, DO_DOWNLOAD_STATUS, VARIANT},
    },
    fault::{Outcome, answer},
    place::Place,
    ranges,
    service::{Bound, Process},
    variant::{self, NOTHING, of_object},
};

/// A download of the service.
#[implement(IDODownload)]
#[derive(Clone, Debug)]
pub struct Download {
    id: JobId,
    client: Bound<blocking::Download>,
}

impl Download {
    /// The object of this download.
    pub fn new(client: blocking::Download) -> Self {
        Self {
            id: client.id(),
            client: Bound::new(client),
        }
    }

    /// The handle to ask the service with.
    fn client(&self) -> Outcome<&blocking::Download> {
        self.client.get()
    }

    /// # Safety
    /// `value` is valid for a read and holds what its type says.
    unsafe fn set(&self, property: DownloadProperty, value: *const VARIANT) -> Outcome {
        // SAFETY: the caller's promise.
        let value = unsafe { variant::read(value) }?;
        match property {
            // SAFETY: the caller's promise.
            DownloadProperty::CallbackInterface => match unsafe { variant::object(&value) }? {
                Some(object) => statuses().register(self.client()?, &object),
                None => statuses().withdraw(self.client()?),
            },
            // SAFETY: the caller's promise.
            DownloadProperty::StreamInterface => match unsafe { variant::object(&value) }? {
                Some(object) => Process::current().streams.set(self.client()?, &object),
                None => Err(HResult::E_INVALIDARG.into()),
            },
            _ => {
                // SAFETY: the caller's promise.
                let value = unsafe { properties::value(property, &value) }?;
                self.client()?.set_property(property, value).map_err(failed)
            }
        }
    }

    fn value(&self, property: DownloadProperty) -> Outcome<VARIANT> {
        match property {
            DownloadProperty::CallbackInterface => statuses().registered(self.id).map(of_object),
            DownloadProperty::StreamInterface => {
                let stream = Process::current().streams.stream(self.id);
                stream.map(of_object)
            }
            _ => {
                let value = self.client()?.property(property).map_err(failed)?;
                properties::variant(&value.ok_or(HResult::E_NOT_SET)?)
            }
        }
    }
}

/// Waits, for `BlockingMode`, until every byte asked for is there, or nothing goes on by itself any more.
///
/// It asks: the service has one place for an object that is told, and that is the program's.
///
/// # Errors
/// That with which the download stopped; `E_ABORT` when it was aborted meanwhile.
fn until_it_stops(client: &blocking::Download) -> Outcome {
    const PAUSE: Duration = Duration::from_millis(50);
    loop {
        let status = client.status().map_err(failed)?;
        match status.state {
            DownloadState::Transferred | DownloadState::Finalized => return Ok(()),
            DownloadState::Aborted => return Err(HResult::E_ABORT.into()),
            DownloadState::Paused if status.extended_error.is_none() => {
                return status.error.map_or(Ok(()), |error| Err(error.into()));
            }
            DownloadState::Created | DownloadState::Transferring | DownloadState::Paused => {
                thread::sleep(PAUSE);
            }
        }
    }
}

/// Who is told of what in this process.
fn statuses() -> &'static Statuses {
    &Process::current().statuses
}

/// The ranges that the caller names; none for null and for a list without any: the whole file.
///
/// # Safety
/// `info` is null or is followed by as many ranges as it says.
unsafe fn listed(info: *const DO_DOWNLOAD_RANGES_INFO) -> Outcome<Vec<ByteRange>> {
    if info.is_null() {
        return Ok(Vec::new());
    }
    let list = offset_of!(DO_DOWNLOAD_RANGES_INFO, ranges);
    // SAFETY: it is not null, and else the caller's promise. A list of none need not have room for one, so that the
    // structure is not read as a whole.
    let (count, list) = unsafe {
        let count = info.cast::<u32>().read_unaligned();
        (count, info.byte_add(list).cast::<DO_DOWNLOAD_RANGE>())
    };
    // SAFETY: the caller's promise.
    unsafe { ranges::read(count, list) }
}

impl IDODownload_Impl for Download_Impl {
    unsafe fn Start(&self, info: *const DO_DOWNLOAD_RANGES_INFO) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let ranges = unsafe { listed(info) }?;
            let client = self.client()?;
            client.start_ranges(&ranges).map_err(failed)?;
            let mode = client.property(DownloadProperty::BlockingMode);
            if mode.map_err(failed)? == Some(DownloadValue::Flag(true)) {
                return until_it_stops(client);
            }
            Ok(())
        })
    }

    unsafe fn Pause(&self) -> HRESULT {
        answer(|| self.client()?.pause().map_err(failed))
    }

    unsafe fn Abort(&self) -> HRESULT {
        answer(|| self.client()?.abort().map_err(failed))
    }

    unsafe fn Finalize(&self) -> HRESULT {
        answer(|| self.client()?.finalize().map_err(failed))
    }

    unsafe fn GetStatus(&self, status: *mut DO_DOWNLOAD_STATUS) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(status) }?;
            let now = self.client()?.status().map_err(failed)?;
            place.put(status::as_told(&now));
            Ok(())
        })
    }

    unsafe fn GetProperty(&self, property: i32, value: *mut VARIANT) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise. What was in it is not the callee's to free.
            let place = unsafe { Place::new(value) }?;
            place.put(NOTHING);
            place.put(self.value(properties::property(property)?)?);
            Ok(())
        })
    }

    unsafe fn SetProperty(&self, property: i32, value: *const VARIANT) -> HRESULT {
        answer(|| {
            let property = properties::property(property)?;
            // SAFETY: the caller's promise; null is refused.
            unsafe { self.set(property, value) }
        })
    }
}
