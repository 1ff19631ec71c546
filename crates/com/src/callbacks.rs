//! The callback objects of clients, by the interfaces of BITS: what they are called with, and what they answer.
//!
//! Owns the objects that are lent to them for a call. Who holds a callback object is told by [`crate::held`]. Must never
//! call one that was released.

use bgcopy_client::{CallbackError, Profile, blocking};
use bgcopy_model::HResult;
use windows_core::{HRESULT, IUnknown, Interface};

use crate::{
    abi::interfaces::{
        IBackgroundCopyCallback, IBackgroundCopyCallback2, IBackgroundCopyError,
        IBackgroundCopyFile5, IBackgroundCopyJob5, In,
    },
    error::Error,
    fault::{E_NOINTERFACE, Outcome},
    file::File,
    held::Held,
    job::Job,
};

/// A client's object, by the interfaces that it has.
#[derive(Clone)]
pub struct Callback {
    /// As it was handed over.
    pub unknown: IUnknown,
    first: IBackgroundCopyCallback,
    second: Option<IBackgroundCopyCallback2>,
}

// SAFETY: calls come on threads of this library, and programs that register an object are told so: it is free-threaded.
unsafe impl Send for Callback {}

/// Makes the call that the service wants made. What the object answers decides whether it is made again.
pub fn call(
    held: &Held<Callback>,
    call: blocking::Call,
    profile: Profile,
) -> Result<(), CallbackError> {
    let callback = held.object();
    let callback = callback.ok_or("the program has taken its callback object back")?;
    let code = callback.call(call, profile);
    if code.is_ok() {
        Ok(())
    } else {
        Err(HResult(code.0.cast_unsigned()).label().into())
    }
}

impl Callback {
    /// Takes a reference to an object; `None` for null.
    ///
    /// # Errors
    /// `E_NOINTERFACE` when it does not have even the first version of the callback interface.
    ///
    /// # Safety
    /// `object` is null or an interface pointer.
    pub unsafe fn of(object: In) -> Outcome<Option<Self>> {
        // SAFETY: the caller's promise.
        let Some(unknown) = (unsafe { IUnknown::from_raw_borrowed(&object) }) else {
            return Ok(None);
        };
        let first = unknown.cast().map_err(|_| E_NOINTERFACE)?;
        Ok(Some(Self {
            unknown: unknown.clone(),
            first,
            second: unknown.cast().ok(),
        }))
    }

    fn call(&self, call: blocking::Call, profile: Profile) -> HRESULT {
        let object = |job| Job::new(job, profile);
        let lend = |job: Job| IBackgroundCopyJob5::from(job);
        match call {
            blocking::Call::Transferred(job) => {
                let job = lend(object(job));
                // SAFETY: the object has this interface, and the job lives until it answers; as below.
                unsafe { self.first.JobTransferred(job.as_raw()) }
            }
            blocking::Call::Error(job, info) => {
                let job = object(job);
                let error = IBackgroundCopyError::from(Error::new(job.clone(), info));
                let job = lend(job);
                // SAFETY: see above.
                unsafe { self.first.JobError(job.as_raw(), error.as_raw()) }
            }
            blocking::Call::Modification(job) => {
                let job = lend(object(job));
                // SAFETY: see above.
                unsafe { self.first.JobModification(job.as_raw(), 0) }
            }
            blocking::Call::File(job, info) => {
                // An object of the first version has no use for this.
                let Some(second) = &self.second else {
                    return HRESULT(0);
                };
                let job = object(job);
                let file = IBackgroundCopyFile5::from(File::new(job.clone(), info.index));
                let job = lend(job);
                // SAFETY: see above.
                unsafe { second.FileTransferred(job.as_raw(), file.as_raw()) }
            }
            // A call that this library does not know is left to a program that does.
            _ => HRESULT(HResult::E_NOTIMPL.0.cast_signed()),
        }
    }
}
