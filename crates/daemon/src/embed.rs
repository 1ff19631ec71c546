//! The service within the caller's process, over socket pairs: for containers, tests, and programs that want no
//! service beside them.
//!
//! ```text
//!  caller ── connect ──► socket pair ──► the thread "bgcopy": a runtime of its own, the driver, the dispatcher
//!         ── shutdown, drop ──► stop ──► transfers end, the queue is closed, the disk is at rest, the lock is free
//! ```
//!
//! The runtime is its own, so that neither a caller that blocks its threads holds transfers up nor one without a
//! runtime has to make one. Must never touch what belongs to the whole process: no signal is handled, no log set up,
//! no socket listened on, no folder found by a variable.

use std::{
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use bgcopy_disk::{Disk, Rights};
use bgcopy_model::Limits;
use bgcopy_origin::SetupError;
use bgcopy_store::{Store, StoreError};
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc, oneshot},
};

use crate::{
    authz::Authz,
    config::{Config, Http},
    dbus::Service,
    driver,
    instance::{self, InstanceError, Lock},
    places::Mode,
    runtimes::Runtimes,
};

/// How long threads that only look up names may go on after the end; they touch nothing of the queue's.
const LOOKUPS_END: Duration = Duration::from_secs(2);

/// What the service within a process is to be like.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The folder of the queue, of this service alone: it is made if it is not there, and closed to other users.
    pub folder: PathBuf,
    /// How much there may be of everything.
    pub limits: Limits,
    /// How origins are spoken to.
    pub http: Http,
}

impl Settings {
    /// The defaults, for a queue in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            limits: Limits::default(),
            http: Http::default(),
        }
    }
}

/// Why there is no service within this process, or how it ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The folder's queue belongs to another service, which runs.
    #[error("the queue in {} is in use by {}; give each service a folder of its own", folder.display(), holder(*process))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The process of the other service, where it has said so.
        process: Option<u32>,
    },
    /// The folder cannot be used.
    #[error("the queue's folder cannot be used: {0}")]
    Folder(String),
    /// The queue cannot be opened, or could no longer be written.
    #[error(transparent)]
    Queue(#[from] StoreError),
    /// A setting for origins makes no sense.
    #[error(transparent)]
    Http(#[from] SetupError),
    /// The system refuses something that the service cannot do without.
    #[error("the service cannot be started: {0}")]
    Start(io::Error),
    /// It has ended.
    #[error("the service within this process has ended")]
    Ended,
    /// A fault of the service ended it.
    #[error("the service within this process ended by a fault of its own")]
    Fault,
}

fn holder(process: Option<u32>) -> String {
    match process {
        Some(number) if number == std::process::id() => {
            "another service within this process".to_owned()
        }
        Some(number) => format!("the service of process {number}"),
        None => "another service".to_owned(),
    }
}

/// A service that lives within this process, until it is shut down or dropped.
///
/// Either way its transfers stop with their last bytes on the disk and the queue is closed: a service that is started
/// over the same folder goes on with the jobs.
#[derive(Debug)]
pub struct Embedded {
    door: Door,
    /// How it ended; silent when the thread failed.
    ended: oneshot::Receiver<Result<(), EmbedError>>,
    /// Taken when this is dropped, and not before.
    thread: Option<JoinHandle<()>>,
}

/// The way into a service that serves.
#[derive(Debug)]
struct Door {
    streams: mpsc::UnboundedSender<UnixStream>,
    stop: Arc<Notify>,
}

impl Embedded {
    /// Starts it, and returns when it serves. Works on every runtime.
    ///
    /// # Errors
    /// [`EmbedError::InUse`] when another service has the folder's queue.
    pub async fn start(settings: Settings) -> Result<Self, EmbedError> {
        let (tell, ready) = oneshot::channel();
        let (thread, ended) = spawn(settings, |word| tell.send(word).is_ok())?;
        let word = ready.await;
        Self::started(thread, ended, word.unwrap_or(Err(EmbedError::Fault)))
    }

    /// The same for a thread that may block.
    ///
    /// # Errors
    /// As [`Embedded::start`].
    pub fn start_blocking(settings: Settings) -> Result<Self, EmbedError> {
        let (tell, ready) = std::sync::mpsc::sync_channel(1);
        let (thread, ended) = spawn(settings, move |word| tell.send(word).is_ok())?;
        let word = ready.recv();
        Self::started(thread, ended, word.unwrap_or(Err(EmbedError::Fault)))
    }

    fn started(
        thread: JoinHandle<()>,
        ended: oneshot::Receiver<Result<(), EmbedError>>,
        word: Result<Door, EmbedError>,
    ) -> Result<Self, EmbedError> {
        Ok(Self {
            door: word?,
            ended,
            thread: Some(thread),
        })
    }

    /// Makes a connection to it and gives back the caller's end: D-Bus without a bus, as on the private socket of a
    /// service that is a process.
    ///
    /// # Errors
    /// [`EmbedError::Ended`] when it serves no more, [`EmbedError::Start`] when the system refuses a socket.
    pub fn connect(&self) -> Result<UnixStream, EmbedError> {
        let (near, far) = UnixStream::pair().map_err(EmbedError::Start)?;
        let sent = self.door.streams.send(far);
        sent.map_err(|_| EmbedError::Ended)?;
        Ok(near)
    }

    /// Ends it and waits until it has: the folder is free then.
    ///
    /// # Errors
    /// What made it end before, or kept it from closing the queue. What was reported as done is durable even so.
    pub async fn shutdown(mut self) -> Result<(), EmbedError> {
        self.door.stop.notify_one();
        let ended = (&mut self.ended).await;
        // Now that its thread has said its last word, dropping this waits for nothing.
        ended.unwrap_or(Err(EmbedError::Fault))
    }

    /// The same for a thread that may block.
    ///
    /// # Errors
    /// As [`Embedded::shutdown`].
    pub fn shutdown_blocking(mut self) -> Result<(), EmbedError> {
        self.end();
        let ended = self.ended.try_recv();
        ended.unwrap_or(Err(EmbedError::Fault))
    }

    fn end(&mut self) {
        self.door.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too; who wants to know asks by a shutdown.
            let _ = thread.join();
        }
    }
}

impl Drop for Embedded {
    /// Ends it. Blocks for as long as the last writes take.
    fn drop(&mut self) {
        self.end();
    }
}

type Spawned = (JoinHandle<()>, oneshot::Receiver<Result<(), EmbedError>>);

/// Starts the service's thread. `tell` is handed the door or the reason why there is none, and says whether anybody
/// is still there to use it.
fn spawn(
    settings: Settings,
    tell: impl FnOnce(Result<Door, EmbedError>) -> bool + Send + 'static,
) -> Result<Spawned, EmbedError> {
    let (end, ended) = oneshot::channel();
    let thread =
        std::thread::Builder::new()
            .name("bgcopy".into())
            .spawn(move || match Prepared::new(settings) {
                Ok(prepared) => {
                    // Whoever dropped it does not ask how it ended.
                    let _ = end.send(prepared.live(tell));
                }
                Err(error) => {
                    let _ = tell(Err(error));
                }
            });
    Ok((thread.map_err(EmbedError::Start)?, ended))
}

/// What the service needs before it can serve.
struct Prepared {
    parts: driver::Parts,
    runtimes: Runtimes,
    /// Given back when all the rest is at an end.
    lock: Lock,
}

impl Prepared {
    fn new(settings: Settings) -> Result<Self, EmbedError> {
        let Settings {
            folder,
            limits,
            http,
        } = settings;
        let lock = instance::lock(&folder).map_err(|error| refused(&folder, &error))?;
        lock.says(None);
        let config = Config {
            limits,
            http,
            ..Config::default()
        };
        let origin = bgcopy_origin::Client::new(config.origin())?;
        let (store, restored) = Store::open(&folder)?;
        let runtimes = Runtimes::new().map_err(EmbedError::Start)?;
        Ok(Self {
            parts: driver::Parts {
                store,
                restored,
                disk: Disk::new(Rights::Own),
                origin,
                programs: driver::Programs::new(false, None),
                limits: config.limits,
            },
            runtimes,
            lock,
        })
    }

    /// Serves until it is stopped, and gives everything back.
    fn live(self, tell: impl FnOnce(Result<Door, EmbedError>) -> bool) -> Result<(), EmbedError> {
        let Self {
            parts,
            runtimes,
            lock,
        } = self;
        let (result, disk) = runtimes.serve(|work| serve(parts, work, tell));
        // In this order: no task is left that could ask the disk for something; the disk has done what it was asked
        // for; then the folder may be somebody else's.
        runtimes.end(LOOKUPS_END);
        if let Some(disk) = disk {
            disk.wait_until_idle();
        }
        drop(lock);
        result
    }
}

/// Serves until it is stopped; the result, and the disk that may still be at work.
async fn serve(
    parts: driver::Parts,
    work: Handle,
    tell: impl FnOnce(Result<Door, EmbedError>) -> bool,
) -> (Result<(), EmbedError>, Option<Arc<Disk>>) {
    let stop = Arc::new(Notify::new());
    let (handle, mut driver) = match driver::start(parts, stop.clone(), &work) {
        Ok(started) => started,
        Err(error) => {
            let _ = tell(Err(EmbedError::Start(error)));
            return (Ok(()), None);
        }
    };
    let (streams, given) = mpsc::unbounded_channel();
    let service = Service::new(handle.clone(), Authz::new(Mode::Embedded), Mode::Embedded);
    let serving = tokio::spawn(async move { service.serve_streams(given).await });
    let door = Door {
        streams,
        stop: stop.clone(),
    };
    if !tell(Ok(door)) {
        // Whoever wanted it has gone away meanwhile.
        stop.notify_one();
    }
    let ended = tokio::select! {
        ended = &mut driver => ended,
        () = stop.notified() => {
            driver::stop(&handle).await;
            driver.await
        }
    };
    serving.abort();
    let result = match ended {
        Ok(closed) => closed.map_err(EmbedError::Queue),
        Err(_) => Err(EmbedError::Fault),
    };
    (result, Some(handle.disk().clone()))
}

fn refused(folder: &Path, error: &InstanceError) -> EmbedError {
    if let InstanceError::Running(_) = error {
        let process = instance::holder(folder).map(|process| process.as_raw_pid().unsigned_abs());
        let folder = folder.to_owned();
        return EmbedError::InUse { folder, process };
    }
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    EmbedError::Folder(format!("{error}{}", cause.unwrap_or_default()))
}
