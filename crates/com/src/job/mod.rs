//! Jobs: one object for all their interfaces.
//!
//! Owns the object; each version of the interface has a module of its own, with the methods in the order of the vtable.
//! Must never answer from memory: what a job is, the service says.

mod http_options;
mod job1;
mod job2;
mod job3;
mod job4;
mod job5;
mod notify;
mod program;

use bgcopy_client::{ByteRange, FileRequest, JobId, JobInfo, Profile, blocking};
use bgcopy_model::Condition;
use windows_core::implement;

use crate::{
    abi::{
        delivery::{IDeliveryOptimizationJob, IDeliveryOptimizationJob2},
        interfaces::{IBackgroundCopyJob5, IBackgroundCopyJobHttpOptions},
    },
    fault::{Fault, Outcome},
    service::Bound,
};

/// A job.
#[implement(
    IBackgroundCopyJob5,
    IBackgroundCopyJobHttpOptions,
    IDeliveryOptimizationJob,
    IDeliveryOptimizationJob2
)]
#[derive(Clone, Debug)]
pub struct Job {
    client: Bound<blocking::Job>,
    id: JobId,
    profile: Profile,
}

impl Job {
    /// The object for a job of this profile.
    pub fn new(client: blocking::Job, profile: Profile) -> Self {
        Self {
            id: client.id(),
            client: Bound::new(client),
            profile,
        }
    }

    /// Its identity.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// Whose conventions it follows.
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// The handle to ask the service with.
    pub fn client(&self) -> Outcome<&blocking::Job> {
        self.client.get()
    }

    /// How it is now.
    pub fn info(&self) -> Outcome<JobInfo> {
        Ok(self.client()?.info()?)
    }

    /// Adds a file, of which `ranges` are wanted: all of it, where there are none.
    ///
    /// # Errors
    /// The service's.
    pub fn add_file(&self, url: String, path: String, ranges: Vec<ByteRange>) -> Outcome<u32> {
        let file = FileRequest::new(url, path);
        let file = ranges.into_iter().fold(file, FileRequest::range);
        Ok(self.client()?.add_file(file)?)
    }

    /// A failure in the integers of its profile.
    pub fn fault(&self, condition: Condition) -> Fault {
        Fault::of(condition, self.profile)
    }

    /// Refuses a setting that the service has not, as a final job refuses every setting.
    pub fn check_open(&self) -> Outcome {
        if self.info()?.state.is_final() {
            return Err(self.fault(Condition::InvalidState));
        }
        Ok(())
    }
}
