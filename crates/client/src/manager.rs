//! The service as a whole: making, finding and listing jobs.
//!
//! Owns the calls of the manager's object. Must never hold a job's state.

use std::{
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::Arc,
};

use bgcopy_bus::{FileArgs, JobOptions, names::job_of_path};
use bgcopy_model::{HResult, JobId, Profile};
use futures_util::Stream;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use tokio::task::spawn_blocking;
use zbus::OwnedObjectPath;

use crate::{
    Address, Connect, Error, Job, JobBuilder, JobEvent, JobInfo, Result, ServiceInfo,
    callback::SharedCallback, callbacks, session::Session, watch,
};

/// A connection to a service. Cheap to clone: a clone is another handle of the same connection.
///
/// A connection that broke, because the service ended or crashed, is made again by the next call.
#[derive(Clone, Debug)]
pub struct Manager {
    session: Arc<Session>,
}

impl Manager {
    pub(crate) const fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// Connects to this user's own service, and starts it when it does not run.
    pub async fn connect() -> Result<Self> {
        Self::connect_to(Address::User).await
    }

    /// Connects to a service; [`Address`] says which ones are started when they do not run.
    pub async fn connect_to(address: Address) -> Result<Self> {
        Connect::to(address).open().await
    }

    /// Connects to a service that runs, and starts none.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when there is none.
    pub async fn connect_existing(address: Address) -> Result<Self> {
        Connect::to(address).existing().open().await
    }

    /// Speaks to the service at the other end of `stream`, as to one on a private socket. When that breaks it stays
    /// broken: there is nowhere to connect to again.
    pub async fn over(stream: UnixStream) -> Result<Self> {
        Connect::over(stream).await
    }

    pub(crate) const fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Where it is connected to.
    pub fn address(&self) -> Address {
        self.session.current().address().clone()
    }

    /// What it is connected to.
    pub fn service(&self) -> ServiceInfo {
        self.session.current().service().clone()
    }

    /// Begins a job with this name (at most 256 characters; it need not be unique).
    pub fn create_job(&self, name: impl Into<String>) -> JobBuilder {
        JobBuilder::new(self.clone(), name.into())
    }

    pub(crate) async fn hand_over(
        &self,
        profile: Profile,
        name: &str,
        mut options: JobOptions,
        files: &[FileArgs],
        resume: bool,
        callback: Option<SharedCallback>,
    ) -> Result<Job> {
        // The object is there before the service can call it, and goes again when no job comes of it.
        let reservation = callback.map(|callback| Reservation::new(&self.session, callback));
        options.notify_interface = reservation.as_ref().map(Reservation::path);
        let (link, profile) = (self.session.link().await?, profile.name());
        let manager = link.manager().await?;
        let path = if files.is_empty() && !resume {
            manager.create_job(profile, name, &options).await?
        } else {
            manager
                .submit_job(profile, name, &options, files, resume)
                .await?
        };
        let job = self.job_at(&path)?;
        if let Some(reservation) = reservation {
            reservation.bind(job.id());
        }
        Ok(job)
    }

    /// Finds a job. One that became final is found for a while.
    ///
    /// # Errors
    /// [`Error::Service`] with `NotFound` when there is none, with `AccessDenied` when it is somebody else's.
    pub async fn job(&self, id: JobId) -> Result<Job> {
        let link = self.session.link().await?;
        let manager = link.manager().await?;
        let path = manager.get_job(&id.to_string()).await?;
        self.job_at(&path)
    }

    /// Finds a job by the first digits of its identity, at least four: of those that the caller may see, exactly one
    /// begins so. One that became final is found for a while.
    ///
    /// # Errors
    /// [`Error::Service`] with `NotFound` when there is none or more than one.
    pub async fn find(&self, digits: &str) -> Result<Job> {
        let link = self.session.link().await?;
        let manager = link.manager().await?;
        let path = manager.get_job(digits).await?;
        self.job_at(&path)
    }

    /// The jobs that are not final, the oldest first: this user's, or everyone's for an administrator who asks.
    pub async fn jobs(&self, all_users: bool) -> Result<Vec<(Job, JobInfo)>> {
        let (_, listed) = self.session.link().await?.list(all_users).await?;
        listed
            .into_iter()
            .map(|properties| {
                let info = JobInfo::try_from(properties)?;
                Ok((Job::new(self.session.clone(), info.id), info))
            })
            .collect()
    }

    /// The jobs that are not final, and from then on what happens to them and which ones come and go. The stream
    /// ends with an error: [`Error::Disconnected`] when the service ends.
    pub async fn watch(
        &self,
        all_users: bool,
    ) -> Result<impl Stream<Item = Result<JobEvent>> + Send + use<>> {
        watch::jobs(self.session.link().await?, all_users).await
    }

    /// What an error number means, in words.
    pub async fn error_description(&self, code: HResult) -> Result<String> {
        let link = self.session.link().await?;
        let manager = link.manager().await?;
        Ok(manager.get_error_description(code.0).await?)
    }

    /// Stops the service cleanly and waits until it has ended; its jobs go on when it runs again. A user's service
    /// stops for its user, the system's for root.
    ///
    /// This connection is not made again afterwards.
    pub async fn shutdown(&self) -> Result<()> {
        let link = self.session.link().await?;
        // Taken while it runs, so that the number cannot be another process' by then.
        let process = link.process().await;
        match link.manager().await?.shutdown().await.map_err(Error::from) {
            // A service that is quick about it takes its answer along.
            Ok(()) | Err(Error::Disconnected) => self.session.stop(),
            Err(error) => return Err(error),
        }
        link.router.ended().await;
        if let Some(process) = process {
            // One that is not gone by then is the caller's to judge: its connection is closed in any case.
            let _ = spawn_blocking(move || wait_for_end(&process)).await;
        }
        Ok(())
    }

    /// Waits until the service ends, or the connection to it breaks.
    pub async fn ended(&self) {
        self.session.current().router.ended().await;
    }

    fn job_at(&self, path: &OwnedObjectPath) -> Result<Job> {
        let id = job_of_path(path.as_str())
            .ok_or_else(|| Error::Protocol(format!("{path} is no job")))?;
        Ok(Job::new(self.session.clone(), id))
    }
}

/// A callback object of a job that is being made. Dropped before there is a job, it takes the object out again.
struct Reservation<'a> {
    session: &'a Arc<Session>,
    number: u64,
    is_bound: bool,
}

impl<'a> Reservation<'a> {
    fn new(session: &'a Arc<Session>, callback: SharedCallback) -> Self {
        session.keep_callbacks();
        Self {
            session,
            number: session.callbacks.reserve(callback),
            is_bound: false,
        }
    }

    fn path(&self) -> OwnedObjectPath {
        callbacks::path(self.number)
    }

    fn bind(mut self, job: JobId) {
        self.session.callbacks.bind(self.number, job);
        self.is_bound = true;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.is_bound {
            self.session.callbacks.remove(self.number);
        }
    }
}

/// The longest that a process that closed its connections is waited for, in seconds.
const END_WITHIN: i64 = 30;

/// Waits until a process has ended: its descriptor is readable then (`pidfd_open(2)`).
fn wait_for_end(process: &OwnedFd) {
    let timeout = Timespec {
        tv_sec: END_WITHIN,
        tv_nsec: 0,
    };
    while poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)) == Err(Errno::INTR) {}
}
