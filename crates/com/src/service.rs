//! The process' one connection to the service, and who may use it.
//!
//! ```text
//!  coclass object ──► Process ──► the connection (made by the first call that needs it, left at the last CoUninitialize)
//!  job, file ───────────────────► its own handle of that connection
//! ```
//!
//! The client library decides which service that is, starts a user's own and connects again. Owns how this fits with
//! processes: a child made by `fork` has none of the threads that serve the connection, so whatever it inherited answers
//! [`RPC_E_DISCONNECTED`], while new objects get a connection of the child's own. Must never run anything at exit, and
//! never touch an inherited handle, not even to drop it: a thread that is not there may hold its locks.

use std::{
    mem::ManuallyDrop,
    ptr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicPtr, AtomicU32, Ordering},
    },
};

use bgcopy_client::blocking::Manager;

use crate::{
    callbacks::Callback,
    delivery::{Statuses, Streams},
    fault::{Fault, Outcome, RPC_E_DISCONNECTED},
    held::Table,
};

/// What belongs to the process as a whole.
#[derive(Debug)]
pub struct Process {
    id: u32,
    /// Calls of `CoInitialize` without a `CoUninitialize` yet.
    initialized: AtomicU32,
    connection: Mutex<Option<Manager>>,
    /// The callback objects of its clients.
    pub registrations: Table<Callback>,
    /// The objects that are told of its downloads.
    pub statuses: Statuses,
    /// The objects that its downloads are written to.
    pub streams: Streams,
}

/// That of the process that asked last. Never freed: a thread may be about to use it, and a child leaves its parent's
/// alone.
static CURRENT: AtomicPtr<Process> = AtomicPtr::new(ptr::null_mut());

impl Process {
    /// That of this process, new in a child made by `fork`.
    pub fn current() -> &'static Self {
        let id = std::process::id();
        loop {
            let found = CURRENT.load(Ordering::Acquire);
            // SAFETY: it is null, or came from the box below and lasts for ever.
            if let Some(process) = unsafe { found.as_ref() }.filter(|it| it.id == id) {
                return process;
            }
            let made = Box::into_raw(Box::new(Self {
                id,
                initialized: AtomicU32::new(0),
                connection: Mutex::default(),
                registrations: Table::default(),
                statuses: Statuses::default(),
                streams: Streams::default(),
            }));
            let set = CURRENT.compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire);
            if set.is_err() {
                // SAFETY: nobody else has seen it: another thread was faster.
                drop(unsafe { Box::from_raw(made) });
            }
        }
    }

    /// The connection to the service, made now where there is none yet.
    ///
    /// # Errors
    /// `RPC_S_SERVER_UNAVAILABLE` when nothing serves and nothing can be started; the thread's last words say why.
    pub fn connection(&self) -> Outcome<Manager> {
        let mut connection = lock(&self.connection);
        if let Some(manager) = &*connection {
            return Ok(manager.clone());
        }
        let manager = Manager::connect().map_err(Fault::from)?;
        *connection = Some(manager.clone());
        Ok(manager)
    }

    /// A `CoInitialize`.
    pub fn enter(&self) {
        self.initialized.fetch_add(1, Ordering::Relaxed);
    }

    /// A `CoUninitialize`. The last one lets go of the connection and of the clients' callback objects; jobs and files
    /// that the program still holds keep answering.
    pub fn leave(&self) {
        let fewer = |count: u32| count.checked_sub(1);
        let before = self
            .initialized
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer);
        if before == Ok(1) {
            self.registrations.clear();
            self.statuses.clear();
            let connection = lock(&self.connection).take();
            drop(connection);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it guards is whole between any two statements, whoever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handle of the connection that only the process that made it may use.
#[derive(Debug)]
pub struct Bound<T> {
    process: u32,
    handle: ManuallyDrop<T>,
}

impl<T> Bound<T> {
    /// Binds it to this process.
    pub fn new(handle: T) -> Self {
        Self {
            process: std::process::id(),
            handle: ManuallyDrop::new(handle),
        }
    }

    /// The handle.
    ///
    /// # Errors
    /// [`RPC_E_DISCONNECTED`] in a child made by `fork`.
    pub fn get(&self) -> Outcome<&T> {
        if self.process == std::process::id() {
            return Ok(&self.handle);
        }
        Err(Fault::new(
            RPC_E_DISCONNECTED,
            "the object was made before this process was forked: make a new one with CoCreateInstance",
        ))
    }
}

impl<T: Clone> Clone for Bound<T> {
    fn clone(&self) -> Self {
        // Only counts up, which takes no lock.
        Self {
            process: self.process,
            handle: self.handle.clone(),
        }
    }
}

impl<T> Drop for Bound<T> {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            // SAFETY: it is not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.handle) };
        }
    }
}
