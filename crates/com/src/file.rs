//! Files of a job: one object for all their interfaces.
//!
//! Must never answer from memory: what a file is, the service says.

use bgcopy_client::FileInfo;
use bgcopy_model::{Condition, HResult, UNKNOWN_SIZE};
use windows_core::{HRESULT, implement};

use crate::{
    abi::{
        delivery::{IDeliveryOptimizationFile, IDeliveryOptimizationFile2},
        interfaces::{
            IBackgroundCopyFile_Impl, IBackgroundCopyFile2_Impl, IBackgroundCopyFile3_Impl,
            IBackgroundCopyFile4_Impl, IBackgroundCopyFile5, IBackgroundCopyFile5_Impl,
        },
        types::{BG_FILE_PROGRESS, BG_FILE_RANGE, BITS_FILE_PROPERTY_VALUE, OutText, PCWSTR},
    },
    fault::{Outcome, answer},
    job::Job,
    memory,
    place::Place,
    text,
};

/// `BITS_FILE_PROPERTY_ID_HTTP_RESPONSE_HEADERS`.
const RESPONSE_HEADERS: i32 = 1;

/// A file of a job.
#[implement(
    IBackgroundCopyFile5,
    IDeliveryOptimizationFile,
    IDeliveryOptimizationFile2
)]
#[derive(Clone, Debug)]
pub struct File {
    job: Job,
    index: u32,
}

impl File {
    /// The object for the file of this index.
    #[must_use]
    pub const fn new(job: Job, index: u32) -> Self {
        Self { job, index }
    }

    /// Its job.
    pub const fn job(&self) -> &Job {
        &self.job
    }

    /// Its place in the job, from 0.
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// How it is now.
    pub fn info(&self) -> Outcome<FileInfo> {
        Ok(self.job.client()?.file(self.index)?)
    }
}

impl IBackgroundCopyFile_Impl for File_Impl {
    unsafe fn GetRemoteName(&self, url: OutText) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(url) }?;
            place.text(&self.info()?.remote_name)
        })
    }

    unsafe fn GetLocalName(&self, path: OutText) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(path) }?;
            place.text(&self.info()?.local_name.to_string_lossy())
        })
    }

    unsafe fn GetProgress(&self, progress: *mut BG_FILE_PROGRESS) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(progress) }?;
            let info = self.info()?;
            place.put(BG_FILE_PROGRESS {
                bytes_total: info.bytes_total.unwrap_or(UNKNOWN_SIZE),
                bytes_transferred: info.bytes_transferred,
                completed: i32::from(info.completed),
            });
            Ok(())
        })
    }
}

impl IBackgroundCopyFile2_Impl for File_Impl {
    unsafe fn GetFileRanges(&self, count: *mut u32, ranges: *mut *mut BG_FILE_RANGE) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let count = unsafe { Place::new(count) }?;
            // SAFETY: see above.
            let ranges = unsafe { Place::empty(ranges) }?;
            count.put(0);
            let of = |range: &bgcopy_client::ByteRange| BG_FILE_RANGE {
                initial_offset: range.offset,
                length: range.length,
            };
            let fetched = self.job.client()?.file_ranges(self.index)?;
            let all: Vec<BG_FILE_RANGE> = fetched.iter().map(of).collect();
            if !all.is_empty() {
                ranges.put(memory::hand_out(&all)?);
                count.put(u32::try_from(all.len()).unwrap_or(u32::MAX));
            }
            Ok(())
        })
    }

    unsafe fn SetRemoteName(&self, url: PCWSTR) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let url = unsafe { text::text(url) }?;
            Ok(self.job.client()?.set_remote_name(self.index, url)?)
        })
    }
}

impl IBackgroundCopyFile3_Impl for File_Impl {
    unsafe fn GetTemporaryName(&self, path: OutText) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(path) }?;
            let temporary = self.info()?.temporary_name;
            let temporary = temporary.ok_or_else(|| self.job.fault(Condition::NoSuchFile))?;
            place.text(&temporary.to_string_lossy())
        })
    }

    unsafe fn SetValidationState(&self, valid: i32) -> HRESULT {
        answer(|| {
            let client = self.job.client()?;
            Ok(client.set_validation_state(self.index, valid != 0)?)
        })
    }

    unsafe fn GetValidationState(&self, valid: *mut i32) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(valid) }?;
            place.put(i32::from(self.info()?.is_valid));
            Ok(())
        })
    }

    unsafe fn IsDownloadedFromPeer(&self, from_peer: *mut i32) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(from_peer) }?;
            let statistics = self.job.client()?.file_statistics(self.index)?;
            place.put(i32::from(from_peers(&statistics) > 0));
            Ok(())
        })
    }
}

/// Bytes from any kind of peer.
fn from_peers(statistics: &bgcopy_client::FileStatistics) -> u64 {
    let from = [
        statistics.bytes_from_lan_peers,
        statistics.bytes_from_group_peers,
        statistics.bytes_from_internet_peers,
    ];
    from.into_iter().fold(0, u64::saturating_add)
}

impl IBackgroundCopyFile4_Impl for File_Impl {
    unsafe fn GetPeerDownloadStats(&self, origin: *mut u64, peers: *mut u64) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let (origin, peers) = unsafe { (Place::optional(origin), Place::optional(peers)) };
            let statistics = self.job.client()?.file_statistics(self.index)?;
            if let Some(origin) = origin {
                origin.put(statistics.bytes_from_http);
            }
            if let Some(peers) = peers {
                peers.put(from_peers(&statistics));
            }
            Ok(())
        })
    }
}

impl IBackgroundCopyFile5_Impl for File_Impl {
    unsafe fn SetProperty(&self, property: i32, _value: BITS_FILE_PROPERTY_VALUE) -> HRESULT {
        answer(|| {
            let condition = match property {
                RESPONSE_HEADERS => Condition::ReadOnlyProperty,
                _ => Condition::UnknownProperty,
            };
            Err::<(), _>(self.job.fault(condition))
        })
    }

    unsafe fn GetProperty(&self, property: i32, value: *mut BITS_FILE_PROPERTY_VALUE) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(value) }?;
            place.put(BITS_FILE_PROPERTY_VALUE {
                string: std::ptr::null_mut(),
            });
            if property != RESPONSE_HEADERS {
                return Err(self.job.fault(Condition::UnknownProperty));
            }
            let headers = self.job.client()?.response_headers(self.index)?;
            // Nothing was received yet, or the service has forgotten it.
            let headers = headers.ok_or(HResult::E_NOT_SET)?;
            place.put(BITS_FILE_PROPERTY_VALUE {
                string: memory::hand_out_text(&headers)?,
            });
            Ok(())
        })
    }
}
