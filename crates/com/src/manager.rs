//! The objects of the classes: making, finding and listing jobs.
//!
//! Owns the profiles' separation: an object makes and sees the jobs of its class' profile alone. Must never hold a
//! connection: it asks for the process' own at each call, so that making the object costs nothing and cannot fail.

use bgcopy_client::{JobId, Profile, blocking};
use bgcopy_model::{Condition, HResult};
use windows_core::{GUID, HRESULT, implement};

use crate::{
    abi::{
        interfaces::{
            IBackgroundCopyJob5, IBackgroundCopyManager, IBackgroundCopyManager_Impl, IDOManager,
            IEnumBackgroundCopyJobs, Out,
        },
        types::{OutText, PCWSTR},
    },
    enumerators::Jobs,
    exports::guid_of,
    fault::{E_POINTER, Fault, Outcome, answer, explain},
    job::Job,
    place::Place,
    service::Process,
    text, words,
};

/// `BG_JOB_TYPE_DOWNLOAD`.
pub const DOWNLOAD: i32 = 0;
/// `BG_JOB_TYPE_UPLOAD_REPLY`, the last of the types.
const UPLOAD_REPLY: i32 = 2;
/// `BG_JOB_ENUM_ALL_USERS`.
const ALL_USERS: u32 = 1;

/// What the two managers have in common.
#[derive(Debug)]
pub struct Managing {
    /// Whose jobs it makes and sees.
    profile: Profile,
    /// The process that it was made in: a child made by `fork` has to make its own.
    home: crate::service::Bound<()>,
}

impl Managing {
    fn new(profile: Profile) -> Self {
        Self {
            profile,
            home: crate::service::Bound::new(()),
        }
    }

    /// The connection to the service.
    pub fn connection(&self) -> Outcome<blocking::Manager> {
        self.home.get()?;
        Process::current().connection()
    }

    fn create(&self, name: String) -> Outcome<Job> {
        let connection = self.connection()?;
        let job = connection.create_job(name).profile(self.profile);
        Ok(Job::new(connection.create(job)?, self.profile))
    }

    /// The job of this identity, if it is of this profile.
    fn find(&self, id: JobId) -> Outcome<Job> {
        let nothing = || Fault::of(Condition::NotFound, self.profile);
        let job = match self.connection()?.job(id) {
            // Without a job the service does not know whose integer to answer with.
            Err(error) if error.service_name() == Some(bgcopy_client::ErrorName::NotFound) => {
                return Err(nothing());
            }
            found => found?,
        };
        if job.info()?.profile != self.profile {
            return Err(nothing());
        }
        Ok(Job::new(job, self.profile))
    }

    fn list(&self, flags: u32) -> Outcome<Vec<Job>> {
        if flags & !ALL_USERS != 0 {
            return Err(HResult::E_INVALIDARG.into());
        }
        let listed = self.connection()?.jobs(flags & ALL_USERS != 0)?;
        let mine = listed
            .into_iter()
            .filter(|(_, info)| info.profile == self.profile);
        Ok(mine.map(|(job, _)| Job::new(job, self.profile)).collect())
    }
}

/// An object of one of the classes of BITS.
#[implement(IBackgroundCopyManager)]
#[derive(Debug)]
pub struct Manager(Managing);

/// An object of the class `DeliveryOptimization`.
#[implement(IBackgroundCopyManager, IDOManager)]
#[derive(Debug)]
pub struct DeliveryManager(Managing);

impl Manager {
    /// One that has not asked the service anything yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Managing::new(Profile::Bits))
    }
}

impl Default for Manager {
    fn default() -> Self {
        Self::new()
    }
}

impl DeliveryManager {
    /// One that has not asked the service anything yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Managing::new(Profile::Do))
    }

    /// The connection to the service.
    pub fn connection(&self) -> Outcome<blocking::Manager> {
        self.0.connection()
    }
}

impl Default for DeliveryManager {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! manager {
    ($outer:ident) => {
        impl IBackgroundCopyManager_Impl for $outer {
            unsafe fn CreateJob(
                &self,
                name: PCWSTR,
                kind: i32,
                id: *mut GUID,
                job: Out,
            ) -> HRESULT {
                answer(|| {
                    // SAFETY: the caller's promise, as at each pointer below.
                    let place = unsafe { Place::empty(job) }?;
                    // SAFETY: see above.
                    let id = unsafe { Place::new(id) }?;
                    // SAFETY: see above.
                    let name = unsafe { text::text(name) }?;
                    match kind {
                        DOWNLOAD => {}
                        DOWNLOAD..=UPLOAD_REPLY => return Err(HResult::E_NOTIMPL.into()),
                        _ => return Err(HResult::E_INVALIDARG.into()),
                    }
                    let job = self.0.create(name)?;
                    id.put(guid_of(job.id()));
                    place.interface(IBackgroundCopyJob5::from(job));
                    Ok(())
                })
            }

            unsafe fn GetJob(&self, id: *const GUID, job: Out) -> HRESULT {
                answer(|| {
                    // SAFETY: the caller's promise, as at the pointer below.
                    let place = unsafe { Place::empty(job) }?;
                    // SAFETY: see above.
                    let id = unsafe { id.as_ref() }.ok_or(Fault(E_POINTER))?;
                    let job = self.0.find(JobId::from_u128(id.to_u128()))?;
                    place.interface(IBackgroundCopyJob5::from(job));
                    Ok(())
                })
            }

            unsafe fn EnumJobs(&self, flags: u32, jobs: Out) -> HRESULT {
                answer(|| {
                    // SAFETY: the caller's promise.
                    let place = unsafe { Place::empty(jobs) }?;
                    let jobs = Jobs::new(self.0.list(flags)?);
                    place.interface(IEnumBackgroundCopyJobs::from(jobs));
                    Ok(())
                })
            }

            unsafe fn GetErrorDescription(
                &self,
                code: HRESULT,
                _language: u32,
                text: OutText,
            ) -> HRESULT {
                explain(|| {
                    // SAFETY: the caller's promise.
                    let place = unsafe { Place::empty(text) }?;
                    place.text(&words::describe(HResult(code.0.cast_unsigned()))?)
                })
            }
        }
    };
}

manager!(Manager_Impl);
manager!(DeliveryManager_Impl);
