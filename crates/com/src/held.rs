//! Objects of clients that the library calls: who holds one, which one a job or download has, and when it is released.
//!
//! ```text
//!  the connection's callbacks (client library) ──strong──► Held ──a reference──► the client's object
//!  Table: job ► Slot ───────────────────────────weak────────┘
//! ```
//!
//! The client library keeps what is registered, whether or not the program still holds the job's object; what is kept
//! here only finds it again. So the client's object is released when another takes its place, when none is wanted any
//! more, when the job is final, and at the process' last `CoUninitialize`: on the thread that made that call wherever
//! there is one, and never on the thread that serves the connection, since a program's `Release` may call this library.
//! Must never hold a lock while it does more to a client's object than to count a reference.

use std::{
    collections::HashMap,
    fmt,
    mem::{self, ManuallyDrop},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
};

use bgcopy_model::JobId;

use crate::fault::Outcome;

/// A client's object that is registered, until it is released.
pub struct Held<T: Send + 'static>(Mutex<Option<T>>);

impl<T: Clone + Send> Held<T> {
    /// The object, unless it was released; a reference of the caller's own, since that may happen while it is called,
    /// by itself for one.
    pub fn object(&self) -> Option<T> {
        lock(&self.0).clone()
    }
}

impl<T: Send> Held<T> {
    /// Releases the object, on this thread, unless that has happened.
    pub fn release(&self) {
        let object = lock(&self.0).take();
        drop(object);
    }
}

impl<T: Send> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(object) = lock(&self.0).take() {
            // Whoever drops the last handle may be the thread that serves the connection. Without a thread for this the
            // object is kept: its end might wait for that connection.
            let object = ManuallyDrop::new(object);
            let release = move || drop(ManuallyDrop::into_inner(object));
            let _ = thread::Builder::new()
                .name("dosvc-release".to_owned())
                .spawn(release);
        }
    }
}

/// The place of a job's object. Its lock is held while the service is told, so that two threads which register at once
/// leave here what they leave there.
pub struct Slot<T: Send + 'static>(Mutex<Weak<Held<T>>>);

impl<T: Send> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Send> Slot<T> {
    /// Puts an object in once `register` has told the service; then the one before is released.
    ///
    /// # Errors
    /// That of `register`. The object before stays, and the new one is released.
    pub fn replace(&self, object: T, register: impl FnOnce(Arc<Held<T>>) -> Outcome) -> Outcome {
        let held = Arc::new(Held(Mutex::new(Some(object))));
        let mut slot = lock(&self.0);
        // Held meanwhile: else the client library might let go of it, and of its object, on a thread of the connection.
        let before = slot.upgrade();
        let registered = register(held.clone());
        if registered.is_ok() {
            *slot = Arc::downgrade(&held);
        }
        drop(slot);
        let left = if registered.is_ok() {
            before
        } else {
            Some(held)
        };
        if let Some(left) = left {
            left.release();
        }
        registered
    }

    /// Takes the object out once `withdraw` has told the service, and releases it.
    ///
    /// # Errors
    /// That of `withdraw`. The object stays.
    pub fn remove(&self, withdraw: impl FnOnce() -> Outcome) -> Outcome {
        let mut slot = lock(&self.0);
        let before = slot.upgrade();
        withdraw()?;
        *slot = Weak::new();
        drop(slot);
        if let Some(before) = before {
            before.release();
        }
        Ok(())
    }

    /// Releases the object without a word to the service.
    fn forget(&self) {
        let before = mem::take(&mut *lock(&self.0)).upgrade();
        if let Some(before) = before {
            before.release();
        }
    }

    fn is_empty(&self) -> bool {
        lock(&self.0).strong_count() == 0
    }
}

impl<T: Clone + Send> Slot<T> {
    /// The object that is registered.
    pub fn object(&self) -> Option<T> {
        let held = lock(&self.0).upgrade()?;
        held.object()
    }
}

/// The slots of all jobs that have ever had an object here, less those that are swept out.
pub struct Table<T: Send + 'static>(Mutex<Slots<T>>);

struct Slots<T: Send + 'static> {
    all: HashMap<JobId, Arc<Slot<T>>>,
    /// At this many the empty ones are swept out.
    sweep_at: usize,
}

impl<T: Send> Default for Table<T> {
    fn default() -> Self {
        Self(Mutex::new(Slots {
            all: HashMap::new(),
            sweep_at: 0,
        }))
    }
}

impl<T: Send> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table")
    }
}

impl<T: Send> Table<T> {
    /// That of a job.
    pub fn slot(&self, job: JobId) -> Arc<Slot<T>> {
        const FEW: usize = 64;
        let mut slots = lock(&self.0);
        if slots.all.len() >= slots.sweep_at.max(FEW) {
            // A slot that nobody else holds has an owner of its lock nowhere.
            let is_used = |slot: &Arc<Slot<T>>| Arc::strong_count(slot) > 1 || !slot.is_empty();
            slots.all.retain(|_, slot| is_used(slot));
            slots.sweep_at = slots.all.len() * 2;
        }
        slots.all.entry(job).or_default().clone()
    }

    /// Releases the object of a job that is final.
    pub fn forget(&self, job: JobId) {
        let slot = lock(&self.0).all.remove(&job);
        if let Some(slot) = slot {
            slot.forget();
        }
    }

    /// Releases every object.
    pub fn clear(&self) {
        let slots = mem::take(&mut lock(&self.0).all);
        for slot in slots.into_values() {
            slot.forget();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it guards is whole between any two statements, whoever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
