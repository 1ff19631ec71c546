//! The service within the program that uses it.
//!
//! Owns the way from a service of this process to a client's handle on it; what each of the two does is the daemon's
//! and the client library's. Must never hold a connection itself.

use std::{fmt, ops::Deref};

pub use bgcopy_daemon::{EmbedError, Settings};

use crate::{Manager, blocking};

/// A service that lives within this process: the same as the one that is a process of its own, for containers, tests
/// and programs that want none beside them.
///
/// It has threads and a runtime of its own and is spoken to over socket pairs, so that everything is as with a service
/// elsewhere, callbacks included. It reads no configuration and no `XDG_…` variable, handles no signal, sets up no log
/// and listens nowhere. As everywhere, `SSL_CERT_FILE` names other certification authorities.
///
/// Its jobs are those of its folder. It ends by [`Embedded::shutdown`], by being dropped, or by
/// [`Manager::shutdown`]; what was transferred until then is kept, and the next one over the same folder goes on.
/// There may be several in one process, each with a folder of its own.
///
/// ```
/// use bgcopy::{Embedded, FileRequest, JobState, Settings};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let (queue, target) = (folder.path().join("queue"), folder.path().join("disk.img"));
/// let service = Embedded::start(Settings::new(queue)).await?;
/// let manager = service.manager().await?;
/// let file = FileRequest::new("https://example.org/disk.img", target);
/// let job = manager.create_job("an image").file(file).create().await?;
/// assert_eq!(job.info().await?.state, JobState::Suspended);
/// service.shutdown().await?;
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Embedded(bgcopy_daemon::Embedded);

impl Embedded {
    /// Starts it, and returns when it serves.
    ///
    /// # Errors
    /// [`EmbedError::InUse`] when another service, in this process or elsewhere, has the folder's queue; other
    /// variants when the queue cannot be opened.
    pub async fn start(settings: Settings) -> Result<Self, EmbedError> {
        bgcopy_daemon::Embedded::start(settings).await.map(Self)
    }

    /// The same for a thread that may block.
    ///
    /// # Errors
    /// As [`Embedded::start`].
    pub fn start_blocking(settings: Settings) -> Result<Self, EmbedError> {
        bgcopy_daemon::Embedded::start_blocking(settings).map(Self)
    }

    /// Connects to it, within a tokio runtime. The handle does not keep the service alive: without the service its
    /// calls fail with [`Error::Disconnected`](crate::Error::Disconnected).
    pub async fn manager(&self) -> crate::Result<Manager> {
        Manager::over(self.connect()?).await
    }

    /// Connects to it, for threads that may block.
    pub fn blocking_manager(&self) -> crate::Result<blocking::Manager> {
        blocking::Manager::over(self.connect()?)
    }

    fn connect(&self) -> crate::Result<std::os::unix::net::UnixStream> {
        self.0.connect().map_err(|error| match error {
            EmbedError::Ended => crate::Error::Disconnected,
            error => crate::Error::Connect {
                address: crate::Address::Stream,
                reason: error.to_string(),
            },
        })
    }

    /// Ends it, and waits until its last bytes are on the disk and the folder is free.
    ///
    /// # Errors
    /// What ended it before, or kept it from closing the queue. What was reported as done is durable even so.
    pub async fn shutdown(self) -> Result<(), EmbedError> {
        self.0.shutdown().await
    }

    /// The same for a thread that may block. To drop it does this too, and keeps the result to itself.
    ///
    /// # Errors
    /// As [`Embedded::shutdown`].
    pub fn shutdown_blocking(self) -> Result<(), EmbedError> {
        self.0.shutdown_blocking()
    }
}

/// `Manager::embedded`: the service and its manager in one step.
///
/// ```
/// use bgcopy::{InProcess as _, Manager, Settings};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let manager = Manager::embedded(Settings::new(folder.path().join("queue"))).await?;
/// assert!(manager.jobs(false).await?.is_empty());
/// manager.shutdown_service().await?;
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait InProcess {
    /// Starts a service within this process and connects to it. The service ends with what this returns.
    ///
    /// # Errors
    /// As [`Embedded::start`].
    fn embedded(
        settings: Settings,
    ) -> impl Future<Output = Result<EmbeddedManager, EmbedError>> + Send;
}

impl InProcess for Manager {
    async fn embedded(settings: Settings) -> Result<EmbeddedManager, EmbedError> {
        let service = Embedded::start(settings).await?;
        let manager = service.manager().await.map_err(unconnected)?;
        Ok(EmbeddedManager { manager, service })
    }
}

fn unconnected(error: crate::Error) -> EmbedError {
    EmbedError::Start(std::io::Error::other(error))
}

/// A manager and the service within this process that it speaks to. Dropped, the service ends.
#[derive(Debug)]
pub struct EmbeddedManager {
    manager: Manager,
    service: Embedded,
}

impl EmbeddedManager {
    /// The service itself.
    pub fn service(&self) -> &Embedded {
        &self.service
    }

    /// Ends the service, and waits until its folder is free.
    ///
    /// # Errors
    /// As [`Embedded::shutdown`].
    pub async fn shutdown_service(self) -> Result<(), EmbedError> {
        drop(self.manager);
        self.service.shutdown().await
    }
}

impl Deref for EmbeddedManager {
    type Target = Manager;

    fn deref(&self) -> &Manager {
        &self.manager
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Embedded")
    }
}
