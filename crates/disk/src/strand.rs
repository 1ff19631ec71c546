//! The order of operations on one file.
//!
//! Owns a queue of operations and the state they work on; at most one thread is at it at a time. It must never
//! drop an operation that was asked for, whether or not somebody still waits for its result.

use std::{
    collections::VecDeque,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bgcopy_model::Condition;
use tokio::sync::oneshot;

use crate::{
    error::{DiskError, Fault},
    pool::{Pool, Turn, Work},
    rights::Refusal,
};

/// The result of an operation that is queued already. It belongs to no runtime: any executor can await it.
///
/// Dropping it does not stop the operation; only its result is lost.
#[derive(Debug)]
#[must_use = "the operation runs anyway, but whether it failed is known only here"]
pub struct Completion<T> {
    receiver: oneshot::Receiver<Result<T, DiskError>>,
    path: Arc<Path>,
    operation: &'static str,
}

impl<T> Future for Completion<T> {
    type Output = Result<T, DiskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.receiver).poll(context));
        // No answer: the operation panicked, which the thread survived.
        Poll::Ready(answer.unwrap_or_else(|_| {
            let fault = Fault::told(Condition::Internal, "the operation was broken off");
            Err(fault.at(&*self.path, self.operation))
        }))
    }
}

/// What operations of a strand work on.
pub(crate) trait State: Send + 'static {
    /// An operation panicked in the middle of a change.
    fn spoil(&mut self);
}

impl State for () {
    fn spoil(&mut self) {}
}

type Operation<S> = Box<dyn FnOnce(Result<&mut S, &Refusal>) + Send>;

/// The way to answer a [`Completion`], for whoever ends the operation: the strand's turn, or later somebody else.
pub(crate) struct Answer<T> {
    sender: oneshot::Sender<Result<T, DiskError>>,
    path: Arc<Path>,
    operation: &'static str,
}

impl<T> Answer<T> {
    /// The operation has ended. Nobody may wait any more; the work is done all the same.
    pub(crate) fn send(self, result: Result<T, Fault>) {
        let result = result.map_err(|fault| fault.at(&*self.path, self.operation));
        let _ = self.sender.send(result);
    }
}

/// A queue of operations on `S`.
pub(crate) struct Strand<S> {
    pool: Arc<Pool>,
    path: Arc<Path>,
    queue: Mutex<Queue<S>>,
    // Locked by the one thread that has the turn; never by a caller.
    state: Mutex<S>,
}

/// Invariant: `scheduled` exactly while the pool holds the strand or a thread has its turn at it; whenever
/// `waiting` is not empty, `scheduled`.
struct Queue<S> {
    waiting: VecDeque<Operation<S>>,
    scheduled: bool,
}

impl<S: State> Strand<S> {
    pub(crate) fn new(pool: Arc<Pool>, path: &Path, state: S) -> Arc<Self> {
        Arc::new(Self {
            pool,
            path: path.into(),
            queue: Mutex::new(Queue {
                waiting: VecDeque::new(),
                scheduled: false,
            }),
            state: Mutex::new(state),
        })
    }

    /// What errors of its operations name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Queues `work`, named by what follows «cannot» in an error.
    pub(crate) fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        work: impl FnOnce(&mut S) -> Result<T, Fault> + Send + 'static,
    ) -> Completion<T> {
        self.ask_for(operation, move |state, answer| answer.send(work(state)))
    }

    /// Queues `work` that begins something which ends later: the strand goes on meanwhile.
    pub(crate) fn ask_for<T: Send + 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        work: impl FnOnce(&mut S, Answer<T>) + Send + 'static,
    ) -> Completion<T> {
        let (sender, receiver) = oneshot::channel();
        let path = Arc::clone(&self.path);
        let answer = Answer {
            sender,
            path: Arc::clone(&path),
            operation,
        };
        self.queue(Box::new(move |state| match state {
            Ok(state) => work(state, answer),
            Err(refusal) => answer.send(Err(Fault::refused(refusal))),
        }));
        Completion {
            receiver,
            path,
            operation,
        }
    }

    /// Queues `work` of which nobody wants an answer.
    pub(crate) fn tell(self: &Arc<Self>, work: impl FnOnce(&mut S) + Send + 'static) {
        self.queue(Box::new(move |state| {
            if let Ok(state) = state {
                work(state);
            }
        }));
    }

    fn queue(self: &Arc<Self>, operation: Operation<S>) {
        let mut queue = lock(&self.queue);
        queue.waiting.push_back(operation);
        if !mem::replace(&mut queue.scheduled, true) {
            drop(queue);
            self.pool.submit(Arc::<Self>::clone(self));
        }
    }
}

impl<S: State> Work for Strand<S> {
    fn turn(&self) -> Turn {
        let next = lock(&self.queue).waiting.pop_front();
        if let Some(operation) = next {
            let mut state = lock(&self.state);
            // The thread serves other files too, and the caller learns of it by the missing answer.
            if catch_unwind(AssertUnwindSafe(|| operation(Ok(&mut state)))).is_err() {
                tracing::error!(path = %self.path.display(), "an operation on a file panicked");
                state.spoil();
            }
        }
        let mut queue = lock(&self.queue);
        if queue.waiting.is_empty() {
            queue.scheduled = false;
            Turn::Done
        } else {
            Turn::Again
        }
    }

    fn refuse(&self, refusal: &Refusal) {
        let mut queue = lock(&self.queue);
        queue.scheduled = false;
        let waiting = mem::take(&mut queue.waiting);
        drop(queue);
        for operation in waiting {
            operation(Err(refusal));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::Identity;

    impl State for Vec<usize> {
        fn spoil(&mut self) {
            self.clear();
        }
    }

    fn strand() -> Arc<Strand<Vec<usize>>> {
        let pool = Arc::new(Pool::new(Identity::Process));
        Strand::new(pool, Path::new("/x"), Vec::new())
    }

    #[tokio::test]
    async fn operations_run_in_the_order_of_the_calls_even_when_nobody_waits() {
        let strand = strand();
        for number in 0..1_000 {
            drop(strand.ask("count", move |seen| {
                seen.push(number);
                Ok(())
            }));
        }
        let seen = strand.ask("look", |seen| Ok(seen.clone())).await.unwrap();
        assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn an_operation_that_panics_is_an_error_and_the_next_one_works() {
        let strand = strand();
        let broken = strand.ask("break", |seen| -> Result<(), Fault> {
            seen.push(1);
            panic!("this panic belongs to the test")
        });
        let error = broken.await.unwrap_err();
        assert_eq!(error.condition, Condition::Internal);
        assert_eq!(error.operation, "break");
        let seen = strand.ask("look", |seen| Ok(seen.len())).await.unwrap();
        assert_eq!(seen, 0, "the half-made change is not worked on");
    }
}
