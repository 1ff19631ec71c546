//! The thread that owns the connection: takes batches in the order of the calls, commits those that wait together,
//! answers, and folds the log in when nothing waits. Idle, it blocks and is not woken.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, TryRecvError},
    },
    thread,
};

use bgcopy_model::Mutation;
use tokio::sync::oneshot;

use crate::{
    StoreError,
    database::{CHECKPOINT_PAGES, Database, Failure},
};

/// The most batches of a transaction: bounds how long the first of them waits for the last.
const MOST_BATCHES: usize = 1_000;

/// The log is folded in at this size though batches wait, else it would grow as long as they keep coming.
const OVERDUE_PAGES: u32 = 4 * CHECKPOINT_PAGES;

type Reply = oneshot::Sender<Result<(), StoreError>>;

/// What a handle sends.
#[derive(Debug)]
pub(crate) enum Request {
    Commit(Pending),
    Close(Reply),
}

/// A batch that waits for its answer.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) batch: Arc<[Mutation]>,
    pub(crate) reply: Reply,
}

/// Counts since the queue was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Transactions committed.
    pub transactions: u64,
    /// Mutations in them.
    pub mutations: u64,
    /// The most batches that one of them held.
    pub largest_group: u64,
    /// Times the log was folded into the file.
    pub checkpoints: u64,
}

/// [`Stats`] as they grow: written by the owner thread alone.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    transactions: AtomicU64,
    mutations: AtomicU64,
    largest_group: AtomicU64,
    checkpoints: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Stats {
        Stats {
            transactions: self.transactions.load(Relaxed),
            mutations: self.mutations.load(Relaxed),
            largest_group: self.largest_group.load(Relaxed),
            checkpoints: self.checkpoints.load(Relaxed),
        }
    }
}

/// The owner of the connection.
pub(crate) struct Owner {
    /// Or why there is none any more.
    database: Result<Database, StoreError>,
    requests: Receiver<Request>,
    counters: Arc<Counters>,
    /// Whether the last checkpoint failed: said once, not after every commit.
    checkpoint_failed: bool,
}

impl Owner {
    pub(crate) fn new(
        database: Database,
        requests: Receiver<Request>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            database: Ok(database),
            requests,
            counters,
            checkpoint_failed: false,
        }
    }

    /// Starts the thread.
    pub(crate) fn spawn(self) -> Result<(), StoreError> {
        thread::Builder::new()
            .name("bgcopy-store".to_owned())
            .spawn(|| self.run())
            .map(|_| ())
            .map_err(|e| StoreError::file("start the thread of", "the queue".as_ref(), e))
    }

    /// Serves until every handle is gone or one asks to close.
    fn run(mut self) {
        while let Some(first) = self.next() {
            let (group, close) = self.gather(first);
            self.commit(group);
            if let Some(reply) = close {
                // Not before the connection is closed, so that the asker can open the queue again at once.
                let _ = reply.send(self.close());
                return;
            }
        }
        if let Err(error) = self.close() {
            tracing::warn!(%error, "the log stays beside the queue until the next start");
        }
    }

    /// The next request; `None` when every handle is gone.
    fn next(&mut self) -> Option<Request> {
        match self.requests.try_recv() {
            Ok(request) => {
                self.checkpoint(OVERDUE_PAGES);
                Some(request)
            }
            Err(TryRecvError::Empty) => {
                self.checkpoint(CHECKPOINT_PAGES);
                self.requests.recv().ok()
            }
            Err(TryRecvError::Disconnected) => None,
        }
    }

    /// What waits now, up to a request to close.
    fn gather(&self, first: Request) -> (VecDeque<Pending>, Option<Reply>) {
        let mut group = VecDeque::new();
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Commit(pending) => group.push_back(pending),
                Request::Close(reply) => return (group, Some(reply)),
            }
            if group.len() == MOST_BATCHES {
                break;
            }
            next = self.requests.try_recv().ok();
        }
        (group, None)
    }

    /// Commits the group in one transaction and answers each batch. A batch that is at fault itself is answered and
    /// left out, and the rest begins again.
    fn commit(&mut self, mut group: VecDeque<Pending>) {
        while !group.is_empty() {
            let outcome = match &mut self.database {
                Err(gone) => Err(Failure::Transaction(gone.clone())),
                Ok(_) if group.iter().all(|pending| pending.batch.is_empty()) => Ok(()),
                Ok(database) => {
                    let batches = group.iter().map(|pending| &*pending.batch);
                    let outcome = database.commit(batches);
                    if outcome.is_ok() {
                        self.count(&group);
                    }
                    outcome
                }
            };
            let answer = match outcome {
                Ok(()) => Ok(()),
                Err(Failure::Batch(place, error)) => {
                    if let Some(pending) = group.remove(place) {
                        let _ = pending.reply.send(Err(error));
                    }
                    continue;
                }
                Err(Failure::Transaction(error)) => Err(error),
                Err(Failure::Connection(error)) => Err(self.poison(error)),
            };
            // A caller that no longer listens is no concern of the queue's.
            for pending in group.drain(..) {
                let _ = pending.reply.send(answer.clone());
            }
        }
    }

    fn count(&self, group: &VecDeque<Pending>) {
        let mutations = group.iter().map(|pending| pending.batch.len() as u64).sum();
        self.counters.transactions.fetch_add(1, Relaxed);
        self.counters.mutations.fetch_add(mutations, Relaxed);
        self.counters
            .largest_group
            .fetch_max(group.len() as u64, Relaxed);
    }

    fn checkpoint(&mut self, least: u32) {
        let Ok(database) = &self.database else {
            return;
        };
        match database.checkpoint(least) {
            Ok(false) => {}
            Ok(true) => {
                self.checkpoint_failed = false;
                self.counters.checkpoints.fetch_add(1, Relaxed);
            }
            Err(Failure::Connection(error)) => {
                self.poison(error);
            }
            Err(Failure::Transaction(error) | Failure::Batch(_, error)) => {
                // Nothing is lost: the log holds every commit and grows until this succeeds.
                if !self.checkpoint_failed {
                    tracing::warn!(%error, "the log could not be folded into the queue; tried again later");
                }
                self.checkpoint_failed = true;
            }
        }
    }

    /// Gives the connection up at once, which frees the lock and leaves the log for the next opening to read.
    fn poison(&mut self, cause: StoreError) -> StoreError {
        tracing::error!(%cause, "the queue has stopped and must be opened again");
        let error = StoreError::Poisoned(Box::new(cause));
        self.database = Err(error.clone());
        error
    }

    fn close(self) -> Result<(), StoreError> {
        self.database.and_then(Database::close)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the log's length is looked at")]
mod tests {
    use std::{path::Path, time::Duration};

    use bgcopy_model::JobId;

    use super::*;
    use crate::{
        Restored, Store,
        database::Settings,
        sample::{file, job},
    };

    fn prepare(folder: &Path, settings: Settings) -> (Store, Owner) {
        let (store, owner, restored) = Store::prepare(folder, &settings).unwrap();
        assert!(restored.jobs.is_empty() && restored.damaged.is_empty());
        (store, owner)
    }

    fn put(n: u128) -> Mutation {
        Mutation::PutJob(Box::new(job(n)))
    }

    fn files(n: u128, count: u32) -> Mutation {
        Mutation::PutFiles(
            JobId::from_u128(n),
            (0..count).map(file).map(Arc::new).collect(),
        )
    }

    async fn reopen(store: Store, folder: &Path) -> Restored {
        store.close().await.unwrap();
        let (store, restored) = Store::open(folder).unwrap();
        store.close().await.unwrap();
        restored
    }

    fn ids(restored: &Restored) -> Vec<u128> {
        restored
            .jobs
            .iter()
            .map(|(job, _)| job.id.as_u128())
            .collect()
    }

    #[tokio::test]
    async fn batches_that_wait_together_are_one_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let (store, owner) = prepare(folder.path(), Settings::default());
        let answers: Vec<_> = (0..100)
            .map(|n| store.commit(vec![put(n), files(n, 2)]))
            .collect();
        owner.spawn().unwrap();
        for answer in answers {
            answer.await.unwrap();
        }
        let stats = store.stats();
        assert_eq!(stats.transactions, 1);
        assert_eq!(stats.mutations, 200);
        assert_eq!(stats.largest_group, 100);
        let restored = reopen(store, folder.path()).await;
        assert_eq!(ids(&restored), (0..100).collect::<Vec<_>>(), "in order");
    }

    #[tokio::test]
    async fn a_transaction_has_a_bound_and_order_is_kept_across_it() {
        let folder = tempfile::tempdir().unwrap();
        let (store, owner) = prepare(folder.path(), Settings::default());
        let most = MOST_BATCHES as u64;
        for n in 0..=most {
            drop(store.commit(vec![put(u128::from(n))]));
        }
        let last = store.commit(vec![Mutation::Forget(JobId::from_u128(u128::from(most)))]);
        owner.spawn().unwrap();
        last.await.unwrap();
        let stats = store.stats();
        assert_eq!((stats.transactions, stats.largest_group), (2, most));
        let restored = reopen(store, folder.path()).await;
        assert_eq!(ids(&restored), (0..most.into()).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_batch_at_fault_fails_alone_and_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (store, owner) = prepare(folder.path(), Settings::default());
        let before = store.commit(vec![put(1)]);
        let wrong = store.commit(vec![put(2), files(9, 1)]);
        let nothing = store.commit(vec![]);
        let after = store.commit(vec![put(3)]);
        owner.spawn().unwrap();
        let error = wrong.await.unwrap_err();
        assert!(
            matches!(error, StoreError::UnknownJob(id) if id == JobId::from_u128(9)),
            "{error}"
        );
        before.await.unwrap();
        nothing.await.unwrap();
        after.await.unwrap();
        assert_eq!(store.stats().transactions, 1);
        let restored = reopen(store, folder.path()).await;
        assert_eq!(ids(&restored), [1, 3]);
    }

    #[tokio::test]
    async fn an_empty_batch_costs_no_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        store.commit(vec![]).await.unwrap();
        assert_eq!(store.stats(), Stats::default());
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_transaction_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            most_pages: Some(60),
            ..Settings::default()
        };
        let (store, owner) = prepare(folder.path(), settings);
        owner.spawn().unwrap();
        store.commit(vec![put(1), files(1, 100)]).await.unwrap();
        let error = store
            .commit(vec![put(2), files(2, 5_000)])
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        store.commit(vec![put(3), files(3, 1)]).await.unwrap();
        store
            .commit(vec![Mutation::Forget(JobId::from_u128(1))])
            .await
            .unwrap();
        store.commit(vec![put(4), files(4, 100)]).await.unwrap();
        let restored = reopen(store, folder.path()).await;
        assert_eq!(ids(&restored), [3, 4]);
        assert_eq!(restored.jobs[1].1.len(), 100);
    }

    #[tokio::test]
    async fn the_log_is_folded_in_when_nothing_waits() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        store.commit(vec![put(1), files(1, 5_000)]).await.unwrap();
        let checkpoint = async {
            while store.stats().checkpoints == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), checkpoint)
            .await
            .unwrap();
        assert_eq!(store.stats().transactions, 1, "without another commit");

        // The next commit begins the log anew, and what the large one needed is given back.
        let log = folder.path().join("queue.db-wal");
        let length = || std::fs::metadata(&log).unwrap().len();
        let usual = u64::from(Settings::default().log_bytes);
        assert!(length() > usual);
        store.commit(vec![put(2)]).await.unwrap();
        assert_eq!(length(), usual);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn other_handles_learn_that_the_queue_was_closed() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        let other = store.clone();
        store.close().await.unwrap();
        let error = other.commit(vec![put(1)]).await.unwrap_err();
        assert!(matches!(error, StoreError::Closed), "{error}");
    }
}
