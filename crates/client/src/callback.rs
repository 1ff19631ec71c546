//! What a client is called for.
//!
//! Owns the trait that an application implements, and its boxed form. When it is called and how its answer reaches
//! the service is the business of [`crate::callbacks`].

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

use crate::{ErrorInfo, FileInfo, Job};

/// Why a callback could not do its work. The service keeps the call due and makes it again, at growing intervals.
pub type CallbackError = Box<dyn std::error::Error + Send + Sync>;

/// An object that is called when something happens to a job (`org.bgcopy.Callback1`).
///
/// Every method may be written as a plain `async fn`, and one that is left out answers with success. `Ok` tells the
/// service that the event is dealt with. After an error, a panic or the death of this process the call is due again:
/// whatever a method does may be done twice. [`crate::NotifyFlags`] say which of them are called.
///
/// No two calls overlap for one job; those of different jobs do. Every method of [`Job`] may be awaited inside a
/// callback, [`Job::complete`] and [`Job::cancel`] included.
///
/// An object that keeps a [`Job`] or a [`crate::Manager`] of its own keeps the connection open for ever: each call
/// brings the job along.
///
/// ```
/// use bgcopy_client::{Callback, CallbackError, ErrorInfo, Job};
///
/// struct Images;
///
/// impl Callback for Images {
///     async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
///         job.complete().await?;
///         Ok(())
///     }
///
///     async fn job_error(&self, job: Job, error: ErrorInfo) -> Result<(), CallbackError> {
///         eprintln!("{}: {}", job.id(), error.description);
///         job.cancel().await?;
///         Ok(())
///     }
/// }
/// ```
pub trait Callback: Send + Sync + 'static {
    /// Every file of the job is there. The job waits for [`Job::complete`], which may well be called here; one that
    /// the service completes by itself is complete already.
    fn job_transferred(
        &self,
        job: Job,
    ) -> impl Future<Output = Result<(), CallbackError>> + Send + use<'_, Self> {
        let _ = job;
        async { Ok(()) }
    }

    /// An error stopped the job until somebody resumes or cancels it. Errors that the service tries again after are
    /// not told here.
    fn job_error(
        &self,
        job: Job,
        error: ErrorInfo,
    ) -> impl Future<Output = Result<(), CallbackError>> + Send + use<'_, Self> {
        let _ = (job, error);
        async { Ok(()) }
    }

    /// The job changed in another way; at most twice a second, several changes as one. Not made again after an error.
    fn job_modification(
        &self,
        job: Job,
    ) -> impl Future<Output = Result<(), CallbackError>> + Send + use<'_, Self> {
        let _ = job;
        async { Ok(()) }
    }

    /// Every byte of this file is there. All calls of a job's files come before [`Callback::job_transferred`].
    fn file_transferred(
        &self,
        job: Job,
        file: FileInfo,
    ) -> impl Future<Output = Result<(), CallbackError>> + Send + use<'_, Self> {
        let _ = (job, file);
        async { Ok(()) }
    }
}

/// One object may serve many jobs.
impl<C: Callback> Callback for Arc<C> {
    fn job_transferred(
        &self,
        job: Job,
    ) -> impl Future<Output = Result<(), CallbackError>> + Send + use<'_, C> {
        C::job_transferred(self, job)
    }

    fn job_error(
        &self,
        job: Job,
        error: ErrorInfo,
    ) -> impl Future<Output = Result<(), CallbackError>> + Send + use<'_, C> {
        C::job_error(self, job, error)
    }

    fn job_modification(
        &self,
        job: Job,
    ) -> impl Future<Output = Result<(), CallbackError>> + Send + use<'_, C> {
        C::job_modification(self, job)
    }

    fn file_transferred(
        &self,
        job: Job,
        file: FileInfo,
    ) -> impl Future<Output = Result<(), CallbackError>> + Send + use<'_, C> {
        C::file_transferred(self, job, file)
    }
}

/// What happened, with everything that the method takes.
#[derive(Debug)]
pub(crate) enum Occasion {
    Transferred,
    Error(ErrorInfo),
    Modification,
    File(FileInfo),
}

/// [`Callback`] with its methods boxed, so that objects of different types can be kept together.
pub(crate) trait Boxed: Send + Sync {
    fn call(&self, job: Job, occasion: Occasion) -> BoxFuture<'_, Result<(), CallbackError>>;
}

impl<C: Callback> Boxed for C {
    fn call(&self, job: Job, occasion: Occasion) -> BoxFuture<'_, Result<(), CallbackError>> {
        match occasion {
            Occasion::Transferred => Box::pin(self.job_transferred(job)),
            Occasion::Error(error) => Box::pin(self.job_error(job, error)),
            Occasion::Modification => Box::pin(self.job_modification(job)),
            Occasion::File(file) => Box::pin(self.file_transferred(job, file)),
        }
    }
}

/// A callback object of some type, shared by the registry and the calls under way.
#[derive(Clone)]
pub(crate) struct SharedCallback(pub(crate) Arc<dyn Boxed>);

impl SharedCallback {
    pub(crate) fn new(callback: impl Callback) -> Self {
        Self(Arc::new(callback))
    }
}

impl fmt::Debug for SharedCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback")
    }
}
