//! The objects of a session that are told of downloads, and the service's calls to them.
//!
//! Owns which object a path names, `/org/bgcopy/download_callbacks/<number>`, and which download it was registered for.
//! A download keeps its path over every reconnect. Must never keep the session alive.

use std::{
    collections::HashMap,
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bgcopy_bus::{ErrorName, download::read_status_change, names::DOWNLOAD_CALLBACK};
use bgcopy_model::JobId;
use futures_util::{FutureExt as _, future::BoxFuture};
use zbus::{Message, ObjectPath, OwnedObjectPath, fdo};

use crate::{
    Download, DownloadCallback, DownloadStatus, Error, callbacks::panic_text, connection::Link,
    session::Session,
};

/// The folder of the objects.
const FOLDER: &str = "/org/bgcopy/download_callbacks/";

/// Every such object of a session.
#[derive(Debug, Default)]
pub(crate) struct DownloadCallbacks(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    all: HashMap<u64, Shared>,
    by_download: HashMap<JobId, u64>,
}

/// An object of some type.
#[derive(Clone)]
pub(crate) struct Shared(Arc<dyn Boxed>);

trait Boxed: Send + Sync {
    fn call(&self, download: Download, status: DownloadStatus) -> BoxFuture<'_, ()>;
}

impl<C: DownloadCallback> Boxed for C {
    fn call(&self, download: Download, status: DownloadStatus) -> BoxFuture<'_, ()> {
        Box::pin(self.status_changed(download, status))
    }
}

impl Shared {
    pub(crate) fn new(callback: impl DownloadCallback) -> Self {
        Self(Arc::new(callback))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DownloadCallback")
    }
}

impl DownloadCallbacks {
    /// Whether a path is one of these.
    pub(crate) fn has_path(path: &str) -> bool {
        path.starts_with(FOLDER)
    }

    /// Makes the object the download's; its path, and the object that was there before.
    pub(crate) fn put(
        &self,
        download: JobId,
        callback: Shared,
    ) -> (OwnedObjectPath, Option<Shared>) {
        let mut entries = self.lock();
        let next = entries.next;
        let number = *entries.by_download.entry(download).or_insert(next);
        entries.next = next.max(number + 1);
        (path(number), entries.all.insert(number, callback))
    }

    /// Takes the download's object out.
    pub(crate) fn forget(&self, download: JobId) {
        let mut entries = self.lock();
        if let Some(number) = entries.by_download.remove(&download) {
            entries.all.remove(&number);
        }
    }

    /// Whether there is none at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().by_download.is_empty()
    }

    /// Registers every object on a new connection.
    pub(crate) async fn register_again(&self, link: &Link) {
        let registered: Vec<_> = {
            let entries = self.lock();
            entries
                .by_download
                .iter()
                .map(|(id, n)| (*id, *n))
                .collect()
        };
        for (id, number) in registered {
            let set = async {
                let download = link.download(id).await?;
                let path = path(number);
                let path: ObjectPath<'_> = path.into();
                Ok::<_, Error>(download.set_status_interface(&path).await?)
            };
            match set.await {
                Ok(()) => {}
                // Final, or forgotten, or somebody else's by now: nothing will be told of it.
                Err(error)
                    if matches!(
                        error.service_name(),
                        Some(
                            ErrorName::NotFound | ErrorName::InvalidState | ErrorName::AccessDenied
                        )
                    ) =>
                {
                    self.forget(id);
                }
                Err(Error::Disconnected) => return,
                Err(error) => {
                    tracing::warn!(download = %id, "a status object is not registered: {error}");
                }
            }
        }
    }

    /// Carries out a call that came.
    pub(crate) async fn tell(
        &self,
        session: Option<Arc<Session>>,
        call: &Message,
        path: &str,
    ) -> fdo::Result<()> {
        let number = path.strip_prefix(FOLDER).and_then(|text| text.parse().ok());
        let callback = number.and_then(|number: u64| self.lock().all.get(&number).cloned());
        let unknown = || fdo::Error::UnknownObject(format!("there is no callback object {path}"));
        let callback = callback.ok_or_else(unknown)?;
        let header = call.header();
        if header
            .interface()
            .is_some_and(|name| name.as_str() != DOWNLOAD_CALLBACK)
        {
            let text = format!("the object has {DOWNLOAD_CALLBACK} alone");
            return Err(fdo::Error::UnknownInterface(text));
        }
        let (id, status) = read_status_change(call)?;
        let status = DownloadStatus::try_from(status)
            .map_err(|error| fdo::Error::InvalidArgs(error.to_string()))?;
        let session =
            session.ok_or_else(|| fdo::Error::Failed("the client is going away".to_owned()))?;
        let download = Download::new(session, id);
        // Nothing of the library is half done when the application's method panics.
        let called = AssertUnwindSafe(async { callback.0.call(download, status).await });
        let result = called.catch_unwind().await.map_err(|panic| {
            let text = panic_text(&*panic);
            tracing::error!(download = %id, "a callback panicked: {text}");
            fdo::Error::Failed(format!("the callback panicked: {text}"))
        });
        if status.state.is_final() {
            self.forget(id);
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // No code panics while it holds the lock; what it guards is whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn path(number: u64) -> OwnedObjectPath {
    // Digits after a fixed folder: always a valid path.
    ObjectPath::from_string_unchecked(format!("{FOLDER}{number}")).into()
}
