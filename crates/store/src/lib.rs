//! The durable queue of bgcopy in SQLite: what was committed here is there after a kill and after a power cut.
//!
//! Owns the folder's `queue.db`, its schema and its one connection, which lives on a thread of its own. It must never
//! decide anything about a job (it writes the records that it is handed), and never delete what it cannot read.
//!
//! ```text
//! Store::commit ──channel, in call order──▶ owner thread: BEGIN, every batch that waits, COMMIT (one sync)
//!       ▲                                        │
//!       └───────── each batch's future ◀─────────┘   then, when nothing waits, the log is folded into the file
//! ```
//!
//! A second process cannot open the same queue: the connection holds SQLite's exclusive lock. That lock is a POSIX
//! one, so no other code of this process may open and close `queue.db` itself; doing so would drop the lock.

#![allow(clippy::doc_markdown, reason = "SQLite is a name, not code")]

mod cells;
mod database;
mod error;
mod folder;
mod migrate;
mod owner;
mod quarantine;
mod restore;
mod write;

#[cfg(test)]
#[path = "../tests/common/sample.rs"]
mod sample;

use std::{
    path::Path,
    sync::{Arc, mpsc},
};

use bgcopy_model::{ClockAnchor, FileRecord, JobRecord, Mutation};
use tokio::sync::oneshot;

pub use error::StoreError;
pub use owner::Stats;

use database::{Database, Settings};
use owner::{Counters, Owner, Pending, Request};

/// A handle to the queue. The owner thread ends when every handle is gone or [`Store::close`] was called.
#[derive(Clone, Debug)]
pub struct Store {
    requests: mpsc::Sender<Request>,
    counters: Arc<Counters>,
}

/// What an opened queue held.
#[derive(Debug, Default)]
pub struct Restored {
    /// The jobs in order of arrival, each with its files in order of their index.
    pub jobs: Vec<(JobRecord, Vec<FileRecord>)>,
    /// The last recorded reading of the clocks.
    pub anchor: Option<ClockAnchor>,
    /// One sentence for each thing that could not be read. Its rows stand in the table `quarantine` now, unchanged.
    ///
    /// A job is set aside whole, even if one row of one file is at fault: without that file it would complete as if
    /// it had never had it.
    pub damaged: Vec<String>,
}

impl Store {
    /// Opens or makes `folder/queue.db` (folder 0700, file 0600), brings it to this program's schema and reads all of
    /// it. Blocks; to be called before the runtime is busy.
    ///
    /// # Errors
    /// Nothing is deleted or changed where the queue is refused: because the folder is another user's
    /// ([`StoreError::NotOurs`]), another process has it ([`StoreError::Locked`]), a later version wrote it
    /// ([`StoreError::Newer`]), or it is damaged as a whole ([`StoreError::Damaged`]).
    pub fn open(folder: &Path) -> Result<(Self, Restored), StoreError> {
        let (store, owner, restored) = Self::prepare(folder, &Settings::default())?;
        owner.spawn()?;
        Ok((store, restored))
    }

    /// Everything of [`Store::open`] but the thread.
    fn prepare(folder: &Path, settings: &Settings) -> Result<(Self, Owner, Restored), StoreError> {
        let file = folder::prepare(folder)?;
        let mut database = Database::open(&file, settings)?;
        let restored = database.restore()?;
        for sentence in &restored.damaged {
            tracing::warn!(file = %file.display(), "set aside: {sentence}");
        }
        let (requests, receiver) = mpsc::channel();
        let counters = Arc::<Counters>::default();
        let owner = Owner::new(database, receiver, Arc::clone(&counters));
        Ok((Self { requests, counters }, owner, restored))
    }

    /// Hands a batch over. It takes its place in the order now, not when the future is polled, and is applied whether
    /// or not the future is kept. The future resolves once the batch is durable: all of it, or with an error none.
    ///
    /// Batches that wait together share a transaction. An empty batch resolves when all before it were answered.
    ///
    /// # Errors
    /// [`StoreError::UnknownJob`] concerns this batch alone. [`StoreError::Full`] and other refusals of the disk
    /// concern all batches of the transaction; the store stays usable. After [`StoreError::Poisoned`] it is unknown
    /// whether the batch is there, and every later call fails in the same way until the queue is opened anew.
    pub fn commit<B: Into<Arc<[Mutation]>> + 'static>(
        &self,
        batch: B,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + 'static + use<B> {
        let (reply, answer) = oneshot::channel();
        let batch = batch.into();
        // A send that fails drops `reply`, and the answer below is Closed.
        let _ = self
            .requests
            .send(Request::Commit(Pending { batch, reply }));
        async move { answer.await.unwrap_or(Err(StoreError::Closed)) }
    }

    /// Commits what was handed over before, folds the log into the file and closes it. Other handles are of no use
    /// afterwards. Once this has resolved, the queue can be opened again.
    ///
    /// # Errors
    /// Where the log cannot be folded in, it stays beside the file: nothing committed is lost.
    pub async fn close(self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let _ = self.requests.send(Request::Close(reply));
        drop(self);
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Counts since the queue was opened.
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }
}
