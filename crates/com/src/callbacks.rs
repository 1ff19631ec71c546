//! The objects of clients that are called when something happens to a job.
//!
//! ```text
//!  the connection's callbacks (client library) ──strong──► Listener ──a reference──► the client's object
//!  Registrations: job ► Slot ───────────────────weak─────────┘
//! ```
//!
//! The client library keeps a listener as long as it is registered, whether or not the program still holds the job's
//! object; what is kept here only finds it again. So the client's object is released when another takes its place, when
//! none is wanted any more, when the job is final, and at the process' last `CoUninitialize`: on the thread that made
//! that call wherever there is one, and never on the thread that serves the connection, since a program's `Release` may
//! call this library. Must never hold a lock while it calls a client's object.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
};

use bgcopy_client::{CallbackError, JobId, Profile, blocking};
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
    job::Job,
};

/// A client's object, by the interfaces that it has.
#[derive(Clone)]
struct Object {
    /// As it was handed over.
    unknown: IUnknown,
    first: IBackgroundCopyCallback,
    second: Option<IBackgroundCopyCallback2>,
}

// SAFETY: calls come on threads of this library, and programs that register an object are told so: it is free-threaded.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

/// A registered object, until it is released.
pub struct Listener(Mutex<Option<Object>>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

impl Listener {
    /// Takes a reference to an object; `None` for null.
    ///
    /// # Errors
    /// `E_NOINTERFACE` when it does not have even the first version of the callback interface.
    ///
    /// # Safety
    /// `object` is null or an interface pointer.
    pub unsafe fn new(object: In) -> Outcome<Option<Arc<Self>>> {
        // SAFETY: the caller's promise.
        let Some(unknown) = (unsafe { IUnknown::from_raw_borrowed(&object) }) else {
            return Ok(None);
        };
        let first = unknown.cast().map_err(|_| E_NOINTERFACE)?;
        let object = Object {
            unknown: unknown.clone(),
            first,
            second: unknown.cast().ok(),
        };
        Ok(Some(Arc::new(Self(Mutex::new(Some(object))))))
    }

    /// Makes the call that the service wants made. What the object answers decides whether it is made again.
    pub fn call(&self, call: blocking::Call, profile: Profile) -> Result<(), CallbackError> {
        // A reference of the call's own: the object may be released while it runs, by itself for one.
        let object = lock(&self.0).clone();
        let object = object.ok_or("the program has taken its callback object back")?;
        let code = object.call(call, profile);
        if code.is_ok() {
            Ok(())
        } else {
            Err(HResult(code.0.cast_unsigned()).label().into())
        }
    }

    /// Releases the object, unless that has happened.
    pub fn release(&self) {
        let object = lock(&self.0).take();
        drop(object);
    }

    fn object(&self) -> Option<IUnknown> {
        lock(&self.0).as_ref().map(|it| it.unknown.clone())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Whoever drops the last handle may be the thread that serves the connection.
        if let Some(object) = lock(&self.0).take() {
            let release = thread::Builder::new().name("bgcopy-release".to_owned());
            // Without a thread it is released here: rather a risk than a leak.
            let _ = release.spawn(move || drop(object));
        }
    }
}

impl Object {
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

/// The place of a job's listener. Its lock is held while the service is told, so that two threads which register at
/// once leave here what they leave there.
#[derive(Debug, Default)]
pub struct Slot(Mutex<Weak<Listener>>);

/// A listener that is registered no more. Its object is released when this is, on that thread.
#[derive(Debug)]
pub struct Before(Option<Arc<Listener>>);

impl Before {
    /// Releases it; with no lock held.
    pub fn release(self) {
        if let Some(listener) = self.0 {
            listener.release();
        }
    }
}

impl Slot {
    /// Puts a listener in once `register` has told the service.
    pub fn replace(
        &self,
        listener: &Arc<Listener>,
        register: impl FnOnce() -> Outcome,
    ) -> Outcome<Before> {
        let mut slot = lock(&self.0);
        let before = slot.upgrade();
        if let Err(fault) = register() {
            drop(slot);
            listener.release();
            return Err(fault);
        }
        *slot = Arc::downgrade(listener);
        Ok(Before(before))
    }

    /// Takes the listener out once `withdraw` has told the service.
    pub fn remove(&self, withdraw: impl FnOnce() -> Outcome) -> Outcome<Before> {
        let mut slot = lock(&self.0);
        let before = slot.upgrade();
        withdraw()?;
        *slot = Weak::new();
        Ok(Before(before))
    }

    /// The object that is registered.
    pub fn listener(&self) -> Option<IUnknown> {
        lock(&self.0).upgrade()?.object()
    }

    fn is_empty(&self) -> bool {
        lock(&self.0).strong_count() == 0
    }
}

/// The slots of all jobs that have ever had a listener here, less those that are swept out.
#[derive(Debug, Default)]
pub struct Registrations(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    all: HashMap<JobId, Arc<Slot>>,
    /// At this many the empty ones are swept out.
    sweep_at: usize,
}

impl Registrations {
    /// That of a job.
    pub fn slot(&self, job: JobId) -> Arc<Slot> {
        const FEW: usize = 64;
        let mut slots = lock(&self.0);
        if slots.all.len() >= slots.sweep_at.max(FEW) {
            // A slot that nobody else holds has an owner of its lock nowhere.
            let is_used = |slot: &Arc<Slot>| Arc::strong_count(slot) > 1 || !slot.is_empty();
            slots.all.retain(|_, slot| is_used(slot));
            slots.sweep_at = slots.all.len() * 2;
        }
        slots.all.entry(job).or_default().clone()
    }

    /// Releases the object of a job that is final.
    pub fn forget(&self, job: JobId) {
        let slot = lock(&self.0).all.remove(&job);
        if let Some(slot) = slot {
            let before = std::mem::take(&mut *lock(&slot.0)).upgrade();
            Before(before).release();
        }
    }

    /// Releases every object.
    pub fn clear(&self) {
        let slots = std::mem::take(&mut lock(&self.0).all);
        for slot in slots.into_values() {
            let before = std::mem::take(&mut *lock(&slot.0)).upgrade();
            Before(before).release();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it guards is whole between any two statements, whoever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
