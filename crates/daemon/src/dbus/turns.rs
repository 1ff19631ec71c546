//! Keeps calls that change one job in the order in which they came, where one of them has to wait before it can reach
//! the engine (destinations are looked at first).
//!
//! A call takes its turn before it waits for anything, and gives it up once the engine has it.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Mutex, PoisonError},
    task::Poll,
};

use bgcopy_model::JobId;
use tokio::sync::oneshot::{self, error::TryRecvError};

/// Jobs that are remembered before the table is swept.
const SWEEP: usize = 128;

/// The last turn of each job that somebody may still hold.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<JobId, oneshot::Receiver<()>>>);

/// A place in a job's queue; given up when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    /// Its drop is what the next one waits for.
    _done: oneshot::Sender<()>,
}

impl Turns {
    /// A place behind all that were taken for this job.
    pub(super) fn take(&self, job: JobId) -> Turn {
        let (done, next) = oneshot::channel();
        // A map is whole between any two statements.
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= SWEEP {
            turns.retain(|_, turn| turn.try_recv() == Err(TryRecvError::Empty));
        }
        Turn {
            before: turns.insert(job, next),
            _done: done,
        }
    }
}

impl Turn {
    /// Waits for those before, begins `call`, gives the turn up and waits for the answer.
    pub(super) async fn run<T>(mut self, call: impl Future<Output = T>) -> T {
        self.come().await;
        let mut call = pin!(call);
        // The first poll is what hands the call to the driver.
        let begun = std::future::poll_fn(|context| match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => Poll::Ready(None),
        })
        .await;
        drop(self);
        match begun {
            Some(answer) => answer,
            None => call.await,
        }
    }

    /// Waits for those before, and keeps the turn until `call` is answered: for one that waits for something else
    /// before it reaches the driver.
    pub(super) async fn run_whole<T>(mut self, call: impl Future<Output = T>) -> T {
        self.come().await;
        call.await
    }

    async fn come(&mut self) {
        if let Some(mut before) = self.before.take()
            && before.try_recv() == Err(TryRecvError::Empty)
        {
            // It says nothing, it only ends.
            let _ = before.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;
    use tokio::sync::Notify;

    use super::*;

    const JOB: JobId = JobId::from_u128(1);

    #[test]
    fn a_call_begins_at_once_when_nobody_is_before_it() {
        let turns = Turns::default();
        let begun = std::cell::Cell::new(false);
        let call = turns.take(JOB).run(async {
            begun.set(true);
            std::future::pending::<()>().await;
        });
        assert!(call.now_or_never().is_none());
        assert!(begun.get());
    }

    #[tokio::test]
    async fn a_call_waits_until_the_one_before_it_has_begun() {
        let (turns, order) = (Turns::default(), Mutex::new(Vec::new()));
        let checked = Arc::new(Notify::new());
        let note = |what| order.lock().unwrap().push(what);
        let add = turns.take(JOB).run_whole(async {
            checked.notified().await;
            note("add");
        });
        let resume = turns.take(JOB).run(async { note("resume") });
        let other = turns.take(JobId::from_u128(2)).run(async { note("other") });
        let release = async {
            tokio::task::yield_now().await;
            checked.notify_one();
        };
        tokio::join!(resume, other, add, release);
        assert_eq!(*order.lock().unwrap(), ["other", "add", "resume"]);
    }

    #[test]
    fn turns_that_nobody_holds_are_swept() {
        let turns = Turns::default();
        for job in 0..10_000 {
            drop(turns.take(JobId::from_u128(job)));
        }
        assert!(turns.0.lock().unwrap().len() <= SWEEP);
    }
}
