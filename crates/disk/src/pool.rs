//! The threads of one owner.
//!
//! Owns up to [`LIMIT`] threads, born when there is work and gone after [`IDLE`] without any: an idle daemon has
//! none of them and no timer. It must never let a thread work that did not come into its rights, and never wait
//! on a thread of the caller.

use std::{
    cell::Cell,
    collections::VecDeque,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use bgcopy_model::Condition;
use nix::sys::signal::{SigSet, Signal};

use crate::rights::{Identity, Refusal};

/// Threads of one owner at most. A disk with a queue is kept busy by a few; more only contend.
const LIMIT: usize = 4;

/// How long a thread waits for work before it ends. One timeout for each wait, none while it works.
const IDLE: Duration = Duration::from_secs(5);

/// Something that disk threads take turns at. No two threads have a turn at the same work at a time.
pub(crate) trait Work: Send + Sync {
    /// Does one piece; says whether more is there.
    fn turn(&self) -> Turn;
    /// No thread could be had: everything that waits fails.
    fn refuse(&self, refusal: &Refusal);
}

/// Whether work is to be queued again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Done,
    Again,
}

/// A handle on the threads. They end when the last handle is gone and the queue is empty.
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    identity: Identity,
    idle_limit: Duration,
    state: Mutex<State>,
    wake: Condvar,
    /// Told when a thread runs out of work.
    rest: Condvar,
}

/// Invariant: `idle <= threads <= LIMIT`; while `queue` is not empty some thread works and comes back for it, is being
/// born, or has been woken for it.
#[derive(Default)]
struct State {
    queue: VecDeque<Arc<dyn Work>>,
    threads: usize,
    idle: usize,
    closed: bool,
}

thread_local! {
    /// Whose the thread is: the address of its pool's state, 0 for none.
    static OWNER: Cell<usize> = const { Cell::new(0) };
}

/// Whether the calling thread belongs to a pool, so that it may block.
pub(crate) fn is_disk_thread() -> bool {
    OWNER.get() != 0
}

impl Pool {
    pub(crate) fn new(identity: Identity) -> Self {
        Self::with_idle_limit(identity, IDLE)
    }

    fn with_idle_limit(identity: Identity, idle_limit: Duration) -> Self {
        Self(Arc::new(Shared {
            identity,
            idle_limit,
            state: Mutex::default(),
            wake: Condvar::new(),
            rest: Condvar::new(),
        }))
    }

    /// Blocks until no work waits and no thread works.
    pub(crate) fn wait_until_idle(&self) {
        let mut state = self.0.state();
        while !state.queue.is_empty() || state.threads > state.idle {
            state = self
                .0
                .rest
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Queues work that is not queued yet. Never blocks on the disk.
    pub(crate) fn submit(&self, work: Arc<dyn Work>) {
        self.queue(work, false);
    }

    /// The same at the end of a turn: the calling thread takes it when nothing else waits, which is sooner than another
    /// one wakes.
    pub(crate) fn submit_next(&self, work: Arc<dyn Work>) {
        self.queue(work, OWNER.get() == self.0.address());
    }

    fn queue(&self, work: Arc<dyn Work>, comes_back: bool) {
        let mut state = self.0.state();
        state.queue.push_back(work);
        if comes_back && state.queue.len() == 1 {
            return;
        }
        if state.queue.len() <= state.idle {
            drop(state);
            self.0.wake.notify_one();
        } else if state.threads < LIMIT {
            state.threads += 1;
            drop(state);
            self.0.bear();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.wake.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bear(self: &Arc<Self>) {
        let name = match self.identity {
            Identity::Process => "disk".to_owned(),
            Identity::User(owner) => format!("disk-{}", owner.uid),
        };
        let shared = Arc::clone(self);
        let born = thread::Builder::new()
            .name(name)
            .spawn(move || shared.live());
        if let Err(error) = born {
            self.give_up(&Refusal {
                condition: Condition::Internal,
                text: format!("no thread can be started: {error}"),
            });
        }
    }

    /// What tells it from others as long as it lives.
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn live(&self) {
        OWNER.set(self.address());
        // A write beyond RLIMIT_FSIZE raises SIGXFSZ, which ends the process unless it is held back; the error
        // EFBIG comes all the same.
        let mut held = SigSet::empty();
        held.add(Signal::SIGXFSZ);
        let rights = held
            .thread_block()
            .map_err(|error| Refusal {
                condition: Condition::Internal,
                text: format!("a signal cannot be held back: {error}"),
            })
            .and_then(|()| self.identity.take_on());
        if let Err(refusal) = rights {
            tracing::warn!(identity = ?self.identity, reason = refusal.text, "a disk thread has no rights");
            self.give_up(&refusal);
            return;
        }
        let mut again = None;
        while let Some(work) = self.next(again.take()) {
            match work.turn() {
                Turn::Again => again = Some(work),
                Turn::Done => {}
            }
        }
    }

    /// Waits for work, after putting back what is not finished: others have their turn first.
    fn next(&self, again: Option<Arc<dyn Work>>) -> Option<Arc<dyn Work>> {
        let mut state = self.state();
        state.queue.extend(again);
        loop {
            if let Some(work) = state.queue.pop_front() {
                return Some(work);
            }
            if state.closed {
                state.threads -= 1;
                self.rest.notify_all();
                return None;
            }
            state.idle += 1;
            self.rest.notify_all();
            let (back, wait) = self
                .wake
                .wait_timeout(state, self.idle_limit)
                .unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.idle -= 1;
            if wait.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }

    /// A thread that was counted will not work. Others that do go on; without any, what waits fails.
    fn give_up(&self, refusal: &Refusal) {
        let mut state = self.state();
        state.threads -= 1;
        if state.threads > 0 {
            return;
        }
        let queue = mem::take(&mut state.queue);
        self.rest.notify_all();
        drop(state);
        for work in queue {
            work.refuse(refusal);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc::{Sender, channel},
        },
        time::Instant,
    };

    use bgcopy_model::Owner;

    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    struct Counting {
        turns: AtomicUsize,
        done: Mutex<Sender<Result<(), Condition>>>,
    }

    impl Work for Counting {
        fn turn(&self) -> Turn {
            if self.turns.fetch_sub(1, Ordering::SeqCst) > 1 {
                return Turn::Again;
            }
            self.done.lock().unwrap().send(Ok(())).unwrap();
            Turn::Done
        }
        fn refuse(&self, refusal: &Refusal) {
            let sender = self.done.lock().unwrap();
            sender.send(Err(refusal.condition)).unwrap();
        }
    }

    #[test]
    fn all_work_is_done_by_few_threads_and_they_end_when_idle() {
        let pool = Pool::with_idle_limit(Identity::Process, Duration::from_millis(20));
        let (sender, receiver) = channel();
        for turns in 1..100 {
            pool.submit(Arc::new(Counting {
                turns: turns.into(),
                done: Mutex::new(sender.clone()),
            }));
            assert!(pool.0.state().threads <= LIMIT);
        }
        for _ in 1..100 {
            assert_eq!(receiver.recv_timeout(PATIENCE), Ok(Ok(())));
        }
        let deadline = Instant::now() + PATIENCE;
        while pool.0.state().threads > 0 {
            assert!(Instant::now() < deadline, "idle threads stay");
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(pool.0.state().idle, 0);
    }

    #[test]
    fn who_waits_for_a_pool_to_be_idle_finds_everything_done() {
        let pool = Pool::new(Identity::Process);
        pool.wait_until_idle();
        let (sender, receiver) = channel();
        for turns in 1..100 {
            pool.submit(Arc::new(Counting {
                turns: turns.into(),
                done: Mutex::new(sender.clone()),
            }));
        }
        pool.wait_until_idle();
        assert_eq!(receiver.try_iter().count(), 99);
    }

    #[test]
    fn without_rights_nothing_runs_and_everything_that_waits_fails() {
        let nobody = Owner { uid: u32::MAX - 7 };
        let pool = Pool::new(Identity::User(nobody));
        let (sender, receiver) = channel();
        for _ in 0..10 {
            pool.submit(Arc::new(Counting {
                turns: 1.into(),
                done: Mutex::new(sender.clone()),
            }));
        }
        for _ in 0..10 {
            let answer = receiver.recv_timeout(PATIENCE);
            assert_eq!(answer, Ok(Err(Condition::AccessDenied)));
        }
    }

    #[test]
    fn threads_without_a_pool_finish_the_queue_and_end() {
        let pool = Pool::new(Identity::Process);
        let shared = Arc::clone(&pool.0);
        let (sender, receiver) = channel();
        pool.submit(Arc::new(Counting {
            turns: 50.into(),
            done: Mutex::new(sender),
        }));
        drop(pool);
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(Ok(())));
        let deadline = Instant::now() + PATIENCE;
        while shared.state().threads > 0 {
            assert!(Instant::now() < deadline, "threads outlive their pool");
            thread::sleep(Duration::from_millis(1));
        }
    }
}
