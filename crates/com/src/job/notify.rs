//! Registering a client's object on a job.
//!
//! Owns the order of it: the service is told first, then the object before is let go. Must never hold a lock while it
//! calls a client's object.

use windows_core::IUnknown;

use super::Job;
use crate::{abi::interfaces::In, callbacks::Listener, fault::Outcome, service::Process};

impl Job {
    /// Has this object called; null: nobody.
    ///
    /// # Errors
    /// `E_NOINTERFACE` when the object is no callback object.
    ///
    /// # Safety
    /// `callback` is null or an interface pointer.
    pub unsafe fn listen(&self, callback: In) -> Outcome {
        let client = self.client()?;
        let slot = Process::current().registrations.slot(self.id());
        // SAFETY: the caller's promise.
        let Some(listener) = (unsafe { Listener::new(callback) })? else {
            let before = slot.remove(|| Ok(client.clear_notify_interface()?))?;
            before.release();
            return Ok(());
        };
        let profile = self.profile();
        let called = listener.clone();
        let before = slot.replace(&listener, || {
            Ok(client.set_notify_interface(move |call| called.call(call, profile))?)
        })?;
        before.release();
        Ok(())
    }

    /// The object that this process registered, if it is still called.
    pub fn listener(&self) -> Outcome<Option<IUnknown>> {
        self.client()?;
        let registrations = &Process::current().registrations;
        Ok(registrations.slot(self.id()).listener())
    }

    /// The job is final: nobody is called for it any more.
    pub fn forget_listener(&self) {
        Process::current().registrations.forget(self.id());
    }
}
