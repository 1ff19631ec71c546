//! `IBackgroundCopyError`: what stopped a job, as it was when the program asked.
//!
//! Must never change, whatever becomes of the job.

use bgcopy_client::ErrorInfo;
use bgcopy_model::{Condition, HResult};
use windows_core::{HRESULT, implement};

use crate::{
    abi::{
        interfaces::{IBackgroundCopyError, IBackgroundCopyError_Impl, IBackgroundCopyFile5, Out},
        types::OutText,
    },
    fault::{answer, hresult},
    file::File,
    job::Job,
    place::Place,
};

/// What stopped a job.
#[implement(IBackgroundCopyError)]
#[derive(Debug)]
pub struct Error {
    job: Job,
    info: ErrorInfo,
}

impl Error {
    /// What stopped this job.
    #[must_use]
    pub const fn new(job: Job, info: ErrorInfo) -> Self {
        Self { job, info }
    }
}

impl IBackgroundCopyError_Impl for Error_Impl {
    unsafe fn GetError(&self, context: *mut i32, code: *mut HRESULT) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            let context = unsafe { Place::new(context) }?;
            // SAFETY: see above.
            let code = unsafe { Place::new(code) }?;
            context.put(self.info.context.code().cast_signed());
            code.put(hresult(self.info.code));
            Ok(())
        })
    }

    unsafe fn GetFile(&self, file: Out) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(file) }?;
            let index = self.info.file;
            let index = index.ok_or_else(|| self.job.fault(Condition::NoSuchFile))?;
            let file = File::new(self.job.clone(), index);
            place.interface(IBackgroundCopyFile5::from(file));
            Ok(())
        })
    }

    unsafe fn GetErrorDescription(&self, _language: u32, text: OutText) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(text) }?;
            place.text(&self.info.description)
        })
    }

    unsafe fn GetErrorContextDescription(&self, _language: u32, text: OutText) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(text) }?;
            place.text(&self.info.context_description)
        })
    }

    unsafe fn GetProtocol(&self, protocol: OutText) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::empty(protocol) }?;
            if self.info.protocol.is_empty() {
                return Err(HResult::BG_E_PROTOCOL_NOT_AVAILABLE.into());
            }
            place.text(&self.info.protocol)
        })
    }
}
