//! [`crate::Download`], for threads that may block.

use std::{
    os::fd::OwnedFd,
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use bgcopy_model::{ByteRange, DownloadProperty, DownloadValue, JobId};
use tokio::task::spawn_blocking;

use super::{Manager, Thread};
use crate::{DownloadCallback, DownloadStatus, Result};

/// [`crate::Download`], for threads that may block.
#[derive(Clone, Debug)]
pub struct Download {
    thread: Arc<Thread>,
    inner: crate::Download,
}

impl Manager {
    /// Makes a download, Created.
    pub fn create_download(&self) -> Result<Download> {
        let manager = self.inner.clone();
        let inner = self
            .thread
            .wait(async move { manager.create_download().await })?;
        Ok(Download::new(&self.thread, inner))
    }

    /// A handle on the download of this identity. Whether there is one, the first call tells.
    pub fn download(&self, id: JobId) -> Download {
        Download::new(&self.thread, self.inner.download(id))
    }

    /// The downloads that are not final, the oldest first: this user's, or everyone's for an administrator who asks.
    pub fn downloads(&self, all_users: bool) -> Result<Vec<Download>> {
        let manager = self.inner.clone();
        let found = self
            .thread
            .wait(async move { manager.downloads(all_users).await })?;
        let download = |inner| Download::new(&self.thread, inner);
        Ok(found.into_iter().map(download).collect())
    }

    /// Those of this user's that have this value.
    pub fn downloads_with(
        &self,
        property: DownloadProperty,
        value: DownloadValue,
    ) -> Result<Vec<Download>> {
        let manager = self.inner.clone();
        let found = self
            .thread
            .wait(async move { manager.downloads_with(property, &value).await })?;
        let download = |inner| Download::new(&self.thread, inner);
        Ok(found.into_iter().map(download).collect())
    }
}

/// Each method of the async handle that is awaited and has nothing else to it.
macro_rules! waiting {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl Download {
            $(
                $(#[$doc])*
                pub fn $name(&self, $($argument: $type),*) -> Result<$answer> {
                    let inner = self.inner.clone();
                    self.thread.wait(async move { inner.$name($($argument),*).await })
                }
            )*
        }
    };
}

waiting! {
    /// Created: begins it, for the whole file. Paused: lets it go on.
    start() -> ();
    /// Stops it until it is started again.
    pause() -> ();
    /// Ends it: the file gets its name.
    finalize() -> ();
    /// Ends it and deletes what it fetched.
    abort() -> ();
    /// How it is now.
    status() -> DownloadStatus;
    /// What stopped it, in one sentence; `None`: nothing did.
    error_description() -> Option<String>;
    /// A property's value; `None`: it has none.
    property(property: DownloadProperty) -> Option<DownloadValue>;
    /// Sets a property.
    set_property(property: DownloadProperty, value: DownloadValue) -> ();
    /// Sets how long it may go without a byte: whole seconds, at least 60.
    set_no_progress_timeout(timeout: Duration) -> ();
    /// Says whether it runs beside everything.
    set_foreground(foreground: bool) -> ();
    /// Says whether it ends with the service.
    set_volatile(volatile: bool) -> ();
    /// Announces the size of the remote file: another one is an error.
    set_total_size(bytes: u64) -> ();
    /// Sets how often bytes are told of; see [`crate::Download::set_callback_frequency`].
    set_callback_frequency(percent: u32, interval: Duration) -> ();
    /// Has nobody told any more, whoever registered.
    clear_status_interface() -> ();
}

impl Download {
    fn new(thread: &Arc<Thread>, inner: crate::Download) -> Self {
        Self {
            thread: thread.clone(),
            inner,
        }
    }

    /// Its identity.
    pub const fn id(&self) -> JobId {
        self.inner.id()
    }

    /// Begins it for these ranges, or takes them as the next range set; see [`crate::Download::start_ranges`].
    pub fn start_ranges(&self, ranges: &[ByteRange]) -> Result<()> {
        let (inner, ranges) = (self.inner.clone(), ranges.to_vec());
        self.thread
            .wait(async move { inner.start_ranges(&ranges).await })
    }

    /// Sets where the file is.
    pub fn set_uri(&self, uri: impl Into<String>) -> Result<()> {
        let (inner, uri) = (self.inner.clone(), uri.into());
        self.thread.wait(async move { inner.set_uri(&uri).await })
    }

    /// Sets where the file goes: an absolute path.
    pub fn set_local_path(&self, path: impl AsRef<Path>) -> Result<()> {
        let (inner, path) = (self.inner.clone(), path.as_ref().to_owned());
        self.thread
            .wait(async move { inner.set_local_path(path).await })
    }

    /// Has the bytes written to a stream in place of a file; see [`crate::Download::set_stream`].
    ///
    /// ```no_run
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = bgcopy_client::blocking::Manager::connect()?;
    /// let download = manager.create_download()?;
    /// download.set_uri("https://example.org/archive.tar")?;
    /// let (mut reader, writer) = std::io::pipe()?;
    /// download.set_stream(writer)?;
    /// download.start()?;
    /// let mut first = [0; 512];
    /// std::io::Read::read_exact(&mut reader, &mut first)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_stream(&self, stream: impl Into<OwnedFd>) -> Result<()> {
        let (inner, stream) = (self.inner.clone(), stream.into());
        self.thread
            .wait(async move { inner.set_stream(stream).await })
    }

    /// Has `callback` called, on a thread of its own, with each status; see
    /// [`crate::Download::set_status_interface`].
    pub fn set_status_interface(
        &self,
        callback: impl Fn(Self, DownloadStatus) + Send + Sync + 'static,
    ) -> Result<()> {
        let callback = Blocking {
            thread: Arc::downgrade(&self.thread),
            function: Arc::new(callback),
        };
        let inner = self.inner.clone();
        self.thread
            .wait(async move { inner.set_status_interface(callback).await })
    }
}

type Function = dyn Fn(Download, DownloadStatus) + Send + Sync;

/// A blocking callback as an async one.
struct Blocking {
    /// The session owns this object, and a thread its session: a strong handle would keep both for ever.
    thread: Weak<Thread>,
    function: Arc<Function>,
}

impl DownloadCallback for Blocking {
    async fn status_changed(&self, download: crate::Download, status: DownloadStatus) {
        let Some(thread) = self.thread.upgrade() else {
            return;
        };
        let download = Download {
            thread,
            inner: download,
        };
        let function = self.function.clone();
        if let Err(ended) = spawn_blocking(move || function(download, status)).await
            && let Ok(panic) = ended.try_into_panic()
        {
            // The one who makes the call tells of it.
            std::panic::resume_unwind(panic);
        }
    }
}
