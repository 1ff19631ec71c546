//! Registering a client's object on a job.
//!
//! Owns what the service is told of it; the order of the steps is [`crate::held`]'s.

use windows_core::IUnknown;

use super::Job;
use crate::{
    abi::interfaces::In,
    callbacks::{self, Callback},
    fault::Outcome,
    service::Process,
};

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
        let Some(callback) = (unsafe { Callback::of(callback) })? else {
            return slot.remove(|| Ok(client.clear_notify_interface()?));
        };
        let profile = self.profile();
        slot.replace(callback, |held| {
            let called = move |call| callbacks::call(&held, call, profile);
            Ok(client.set_notify_interface(called)?)
        })
    }

    /// The object that this process registered, if it is still called.
    pub fn listener(&self) -> Outcome<Option<IUnknown>> {
        self.client()?;
        let registrations = &Process::current().registrations;
        let callback = registrations.slot(self.id()).object();
        Ok(callback.map(|callback| callback.unknown))
    }

    /// The job is final: nobody is called for it any more.
    pub fn forget_listener(&self) {
        Process::current().registrations.forget(self.id());
    }
}
