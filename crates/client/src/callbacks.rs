//! The callback objects of a session, and the service's calls to them.
//!
//! ```text
//!  service ──call──► pump ──► Callbacks::serve ──► a task: the application's method ──► reply
//! ```
//!
//! Each object has a path of its own, `/org/bgcopy/callbacks/<number>`, which it keeps over every reconnect. Owns
//! which object a path names and which job it was registered for. Must never wait in the pump: the application's
//! method may well call the service and wait for the answer, which comes through the pump.

use std::{
    any::Any,
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use bgcopy_bus::{Callback as Call, ErrorName, names::CALLBACK};
use bgcopy_model::JobId;
use futures_util::FutureExt as _;
use tokio::sync::Notify;
use zbus::{
    Connection, Message, ObjectPath, OwnedObjectPath, fdo,
    message::{Flags, Header},
};

use crate::{
    Error, Job,
    callback::{Occasion, SharedCallback},
    download_callbacks::DownloadCallbacks,
    session::Session,
};

/// The folder of the objects. A client exports nothing else.
const FOLDER: &str = "/org/bgcopy/callbacks/";

/// Every callback object of a session.
#[derive(Debug, Default)]
pub(crate) struct Callbacks {
    /// Whose they are: what the jobs that are handed to them belong to.
    session: OnceLock<Weak<Session>>,
    entries: Mutex<Entries>,
    /// Told when an object was added.
    pub(crate) added: Notify,
    /// The objects that are told of downloads.
    pub(crate) downloads: DownloadCallbacks,
}

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    all: HashMap<u64, Entry>,
    by_job: HashMap<JobId, u64>,
}

#[derive(Debug)]
struct Entry {
    /// `None` while the call that makes the job is under way.
    job: Option<JobId>,
    callback: SharedCallback,
}

impl Callbacks {
    /// Says whose they are; once.
    pub(crate) fn belong_to(&self, session: Weak<Session>) {
        // A second call would say the same.
        let _ = self.session.set(session);
    }

    /// Adds an object for a job that is being made; the number of its path.
    pub(crate) fn reserve(&self, callback: SharedCallback) -> u64 {
        let mut entries = self.lock();
        let number = entries.next;
        entries.next += 1;
        let entry = Entry {
            job: None,
            callback,
        };
        entries.all.insert(number, entry);
        number
    }

    /// Says which job the object is for, now that the service has told.
    pub(crate) fn bind(&self, number: u64, job: JobId) {
        let mut entries = self.lock();
        if let Some(entry) = entries.all.get_mut(&number) {
            entry.job = Some(job);
            entries.by_job.insert(job, number);
            drop(entries);
            self.added.notify_one();
        }
    }

    /// Makes the object the job's; the number of its path, and the object that was there before. A job's path stays
    /// the same, so that two registrations under way at once cannot leave the service with the path of neither.
    pub(crate) fn put(
        &self,
        job: JobId,
        callback: SharedCallback,
    ) -> (u64, Option<SharedCallback>) {
        let mut entries = self.lock();
        let number = match entries.by_job.get(&job) {
            Some(number) => *number,
            None => entries.next,
        };
        entries.next = entries.next.max(number + 1);
        entries.by_job.insert(job, number);
        let entry = Entry {
            job: Some(job),
            callback,
        };
        let before = entries.all.insert(number, entry);
        drop(entries);
        self.added.notify_one();
        (number, before.map(|entry| entry.callback))
    }

    /// Takes the object of a job that never came to be out.
    pub(crate) fn remove(&self, number: u64) {
        let mut entries = self.lock();
        if let Some(Entry { job: Some(job), .. }) = entries.all.remove(&number) {
            entries.by_job.remove(&job);
        }
    }

    /// Takes the job's object out: the job is final, or wants none any more.
    pub(crate) fn forget(&self, job: JobId) {
        let mut entries = self.lock();
        if let Some(number) = entries.by_job.remove(&job) {
            entries.all.remove(&number);
        }
    }

    /// Whether the job has an object here.
    pub(crate) fn has(&self, job: JobId) -> bool {
        self.lock().by_job.contains_key(&job)
    }

    /// Whether there is none at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().by_job.is_empty() && self.downloads.is_empty()
    }

    /// The jobs that have an object, and the numbers of their paths.
    pub(crate) fn registered(&self) -> Vec<(JobId, u64)> {
        let entries = self.lock();
        entries.by_job.iter().map(|(job, n)| (*job, *n)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // No code panics while it holds the lock; what it guards is whole between any two statements.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self, path: &str) -> Option<SharedCallback> {
        let number = path.strip_prefix(FOLDER)?.parse().ok()?;
        let entries = self.lock();
        entries.all.get(&number).map(|entry| entry.callback.clone())
    }

    /// Answers a call that came over the connection, in a task of its own.
    pub(crate) fn serve(self: &Arc<Self>, connection: Connection, call: Message) {
        let callbacks = self.clone();
        tokio::spawn(async move { callbacks.answer(&connection, &call).await });
    }

    /// Refuses a call of somebody who is not the service.
    pub(crate) fn refuse(connection: Connection, call: Message) {
        tokio::spawn(async move {
            let text = "only the service calls this object".to_owned();
            let refusal = fdo::Error::AccessDenied(text);
            reply(&connection, &call.header(), Err(refusal)).await;
        });
    }

    async fn answer(&self, connection: &Connection, call: &Message) {
        let header = call.header();
        let path = header.path().map_or("", |path| path.as_str());
        if DownloadCallbacks::has_path(path) {
            let session = self.session.get().and_then(Weak::upgrade);
            let result = self.downloads.tell(session, call, path).await;
            return reply(connection, &header, result).await;
        }
        let told = match self.told(call, &header) {
            Ok(told) => told,
            Err(refusal) => return reply(connection, &header, Err(refusal)).await,
        };
        let (job, what) = (told.job.clone(), told.what);
        let result = told.tell().await;
        let is_done = result.is_ok() && matches!(what, Call::JobTransferred(_));
        reply(connection, &header, result).await;
        // A job that the service completed by itself has nothing more to tell. (Completing or cancelling it from here
        // takes its object out too.)
        if is_done && self.has(job.id()) && job.info().await.is_ok_and(|it| it.state.is_final()) {
            self.forget(job.id());
        }
    }

    /// Reads a call.
    fn told(&self, call: &Message, header: &Header<'_>) -> fdo::Result<Told> {
        let path = header.path().map_or("", |path| path.as_str());
        let callback = self.named(path).ok_or_else(|| {
            fdo::Error::UnknownObject(format!("there is no callback object {path}"))
        })?;
        if header
            .interface()
            .is_some_and(|name| name.as_str() != CALLBACK)
        {
            let text = format!("a callback object has {CALLBACK} alone");
            return Err(fdo::Error::UnknownInterface(text));
        }
        let what = Call::read(call)?;
        // Without a session the application has dropped its last handle, and the connection is about to close.
        let session = self.session.get().and_then(Weak::upgrade);
        let session =
            session.ok_or_else(|| fdo::Error::Failed("the client is going away".to_owned()))?;
        Ok(Told {
            job: Job::new(session, what.job()),
            callback,
            what,
        })
    }
}

/// The path of the object of this number.
pub(crate) fn path(number: u64) -> OwnedObjectPath {
    // Digits after a fixed folder: always a valid path.
    ObjectPath::from_string_unchecked(format!("{FOLDER}{number}")).into()
}

/// A call as it came.
struct Told {
    job: Job,
    callback: SharedCallback,
    what: Call,
}

impl Told {
    /// Calls the application's method, with everything that it takes.
    async fn tell(self) -> fdo::Result<()> {
        let occasion = match self.occasion().await {
            Ok(Some(occasion)) => occasion,
            // It came to nothing meanwhile: there is nothing left to tell.
            Ok(None) => return Ok(()),
            Err(error) => return Err(fdo::Error::Failed(error.to_string())),
        };
        let Self { job, callback, .. } = self;
        let id = job.id();
        // Nothing of the library is half done when the application's method panics.
        let called = AssertUnwindSafe(async { callback.0.call(job, occasion).await });
        match called.catch_unwind().await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::debug!(%id, "a callback failed: {error}");
                Err(fdo::Error::Failed(error.to_string()))
            }
            Err(panic) => {
                let text = panic_text(&*panic);
                tracing::error!(%id, "a callback panicked: {text}");
                Err(fdo::Error::Failed(format!("the callback panicked: {text}")))
            }
        }
    }

    async fn occasion(&self) -> Result<Option<Occasion>, Error> {
        let found = match self.what {
            Call::JobTransferred(_) => return Ok(Some(Occasion::Transferred)),
            Call::JobModification(_) => return Ok(Some(Occasion::Modification)),
            Call::JobError(_) => self.job.error().await.map(|it| it.map(Occasion::Error)),
            Call::FileTransferred(file) => {
                let file = self.job.file(file.index).await;
                file.map(|file| Some(Occasion::File(file)))
            }
        };
        match found {
            Err(error) if error.service_name() == Some(ErrorName::NotFound) => Ok(None),
            found => found,
        }
    }
}

/// What a panic said, when it said something.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it does not say why")
}

async fn reply(connection: &Connection, call: &Header<'_>, result: fdo::Result<()>) {
    if call.primary().flags().contains(Flags::NO_REPLY_EXPECTED) {
        return;
    }
    let sent = match result {
        Ok(()) => connection.reply(call, &()).await,
        Err(refusal) => connection.reply_dbus_error(call, refusal).await,
    };
    if let Err(error) = sent {
        // The connection broke: the service makes the call again.
        tracing::debug!("an answer to a callback was lost: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;
    impl crate::Callback for Nothing {}

    const JOB: JobId = JobId::from_u128(1);

    #[test]
    fn a_job_keeps_its_path_when_it_gets_another_object() {
        let callbacks = Callbacks::default();
        let (first, before) = callbacks.put(JOB, SharedCallback::new(Nothing));
        assert!(before.is_none());
        let other = callbacks.reserve(SharedCallback::new(Nothing));
        assert_ne!(first, other);
        let (second, before) = callbacks.put(JOB, SharedCallback::new(Nothing));
        assert!(before.is_some());
        assert_eq!(first, second);
        assert!(callbacks.named(path(first).as_str()).is_some());
    }

    #[test]
    fn an_object_that_was_taken_out_answers_no_more() {
        let callbacks = Callbacks::default();
        let number = callbacks.reserve(SharedCallback::new(Nothing));
        assert!(callbacks.is_empty(), "its job is not there yet");
        callbacks.bind(number, JOB);
        assert!(callbacks.has(JOB));
        callbacks.forget(JOB);
        assert!(callbacks.is_empty());
        assert!(callbacks.named(path(number).as_str()).is_none());
    }
}
