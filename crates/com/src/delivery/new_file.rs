//! A file of a job that has no place to be written to yet: what `IDeliveryOptimizationJob2::AddFile` hands out.
//!
//! The service has no such file, so that this object keeps what it was made of; `DownloadSinkFilePath` makes it a file
//! of the job, which from then on answers for it. Without a path it is nothing that the job knows of: one without any
//! other file cannot be resumed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bgcopy_client::{ByteRange, FileStatistics};
use bgcopy_model::{HResult, UNKNOWN_SIZE};
use windows_core::{HRESULT, implement};

use super::file::{FileProperty, NO_STATISTICS, as_told};
use crate::{
    abi::{
        delivery::{
            DOSwarmStats, IDeliveryOptimizationFile, IDeliveryOptimizationFile_Impl,
            IDeliveryOptimizationFile2, IDeliveryOptimizationFile2_Impl,
        },
        types::VARIANT,
    },
    fault::{Outcome, answer},
    job::Job,
    place::Place,
    variant::{self, NOTHING},
};

/// Such a file.
#[implement(IDeliveryOptimizationFile, IDeliveryOptimizationFile2)]
#[derive(Debug)]
pub struct NewFile {
    job: Job,
    /// The caller's own name for it, which the service does not keep.
    id: Option<String>,
    url: String,
    ranges: Vec<ByteRange>,
    state: Mutex<State>,
}

/// What is known of it.
#[derive(Clone, Copy, Debug)]
enum State {
    /// It is not the job's yet. The size is the caller's word.
    Waits { size: Option<u64> },
    /// It is the job's file of this index.
    Added(u32),
}

impl NewFile {
    /// The file of this URL.
    pub fn new(job: Job, id: Option<String>, url: String, ranges: Vec<ByteRange>) -> Self {
        Self {
            job,
            id,
            url,
            ranges,
            state: Mutex::new(State::Waits { size: None }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole between any two statements, whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes it a file of the job. The lock is held meanwhile, so that it becomes one file and no two.
    fn add(&self, path: String) -> Outcome {
        let mut state = self.state();
        if let State::Added(_) = *state {
            return Err(HResult::DO_E_DOWNLOADSINK_ALREADY_SET.into());
        }
        let (url, ranges) = (self.url.clone(), self.ranges.clone());
        *state = State::Added(self.job.add_file(url, path, ranges)?);
        Ok(())
    }

    fn statistics(&self) -> Outcome<FileStatistics> {
        let state = *self.state();
        match state {
            State::Added(index) => {
                let statistics = self.job.client()?.file_statistics(index)?;
                let file_id = self.id.clone().unwrap_or(statistics.file_id);
                Ok(FileStatistics {
                    file_id,
                    ..statistics
                })
            }
            State::Waits { size } => Ok(FileStatistics {
                file_id: self.id.clone().unwrap_or_default(),
                source_url: self.url.clone(),
                file_size: size.unwrap_or(UNKNOWN_SIZE),
                status: FileStatistics::PAUSED,
                ..FileStatistics::default()
            }),
        }
    }

    fn value(&self, property: FileProperty) -> Outcome<VARIANT> {
        let state = *self.state();
        match state {
            State::Waits { size } => property.value(None, size),
            State::Added(index) => {
                let path = self.job.client()?.file(index)?.local_name;
                let size = self.statistics()?.file_size;
                let size = (size != UNKNOWN_SIZE).then_some(size);
                property.value(Some(&path), size)
            }
        }
    }
}

impl IDeliveryOptimizationFile_Impl for NewFile_Impl {
    unsafe fn GetStats(&self, stats: *mut DOSwarmStats) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(stats) }?;
            place.put(NO_STATISTICS);
            place.put(as_told(&self.statistics()?)?);
            Ok(())
        })
    }

    unsafe fn GetStatsAtSlot4(&self, stats: *mut DOSwarmStats) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.GetStats(stats) }
    }
}

impl IDeliveryOptimizationFile2_Impl for NewFile_Impl {
    unsafe fn GetProperty(&self, property: i32, value: *mut VARIANT) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(value) }?;
            place.put(NOTHING);
            place.put(self.value(FileProperty::of(property)?)?);
            Ok(())
        })
    }

    unsafe fn SetProperty(&self, property: i32, value: *const VARIANT) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let value = unsafe { variant::read(value) }?;
            let property = FileProperty::of(property)?;
            self.job.check_open()?;
            match property {
                // SAFETY: the caller's promise.
                FileProperty::SinkPath => self.add(unsafe { variant::text(&value) }?),
                FileProperty::TotalSize => {
                    let announced = variant::number(&value)?;
                    if let State::Waits { size } = &mut *self.state() {
                        *size = Some(announced);
                    }
                    Ok(())
                }
                _ => property.accept(&value),
            }
        })
    }
}
