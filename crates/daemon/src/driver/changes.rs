//! A reader's end of the stream of changes.
//!
//! Owns when a reader is woken. Files change thousands of times a second while a job of many small ones transfers, and
//! to wake a thread costs more than to note a file; so behind a change those that follow within [`GATHER`] wake nobody
//! unless they are urgent. It must never change the order of what it hands out, nor keep a change back for longer.

use std::time::Duration;

use tokio::{
    sync::{
        broadcast::{
            self,
            error::{RecvError, TryRecvError},
        },
        watch,
    },
    time::{Instant, sleep_until},
};

use super::publisher::Change;

/// How long changes gather. A person does not see it, and who is told of progress is told of it less often anyway.
const GATHER: Duration = Duration::from_millis(10);

/// What changes from the subscription on, in order.
#[derive(Debug)]
pub struct Changes {
    notes: broadcast::Receiver<Change>,
    /// Says when something is urgent.
    haste: watch::Receiver<()>,
    /// Until when changes gather.
    gathers_until: Option<Instant>,
}

impl Changes {
    pub(super) const fn new(
        notes: broadcast::Receiver<Change>,
        haste: watch::Receiver<()>,
    ) -> Self {
        Self {
            notes,
            haste,
            gathers_until: None,
        }
    }

    /// The next change. Nothing is lost where it is dropped half-way.
    ///
    /// # Errors
    /// So many changes were missed that the ring overran, or the publisher is gone.
    pub async fn next(&mut self) -> Result<Change, RecvError> {
        if let Some(end) = self.gathers_until {
            tokio::select! {
                // Where the publisher is gone, the ring says so.
                _ = self.haste.changed() => {}
                () = sleep_until(end) => {}
            }
            self.gathers_until = None;
        }
        let change = self.notes.recv().await;
        self.gathers_until = Some(Instant::now() + GATHER);
        change
    }

    /// The next change, if it is there already.
    ///
    /// # Errors
    /// There is none, the ring overran, or the publisher is gone.
    pub fn try_next(&mut self) -> Result<Change, TryRecvError> {
        self.notes.try_recv()
    }
}

#[cfg(test)]
mod tests {
    use bgcopy_model::{FileId, JobId};
    use tokio::time::advance;

    use super::*;

    struct Bench {
        notes: broadcast::Sender<Change>,
        haste: watch::Sender<()>,
        changes: Changes,
    }

    impl Bench {
        fn new() -> Self {
            let (notes, haste) = (broadcast::channel(4).0, watch::Sender::new(()));
            let changes = Changes::new(notes.subscribe(), haste.subscribe());
            Self {
                notes,
                haste,
                changes,
            }
        }

        fn file(&self, index: u32) -> Change {
            let job = JobId::from_u128(1);
            let change = Change::File(FileId { job, index });
            self.notes.send(change).unwrap();
            change
        }

        /// How long the next change is waited for, and which one it is.
        async fn next(&mut self) -> (Duration, Change) {
            let begin = Instant::now();
            let change = self.changes.next().await.unwrap();
            (begin.elapsed(), change)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_change_comes_at_once_and_those_behind_it_gather() {
        let mut bench = Bench::new();
        let first = bench.file(0);
        assert_eq!(bench.next().await, (Duration::ZERO, first));
        let (second, third) = (bench.file(1), bench.file(2));
        let (waited, change) = bench.next().await;
        assert!(
            (GATHER..GATHER + Duration::from_millis(2)).contains(&waited),
            "{waited:?}"
        );
        assert_eq!(change, second);
        assert_eq!(bench.changes.try_next(), Ok(third));
        assert_eq!(bench.changes.try_next(), Err(TryRecvError::Empty));
        advance(2 * GATHER).await;
        let fourth = bench.file(3);
        assert_eq!(bench.next().await, (Duration::ZERO, fourth));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_urgent_comes_at_once_behind_what_gathered() {
        let mut bench = Bench::new();
        let first = bench.file(0);
        assert_eq!(bench.next().await, (Duration::ZERO, first));
        let second = bench.file(1);
        let ended = Change::Left(JobId::from_u128(1));
        bench.notes.send(ended).unwrap();
        bench.haste.send_replace(());
        assert_eq!(bench.next().await, (Duration::ZERO, second));
        assert_eq!(bench.changes.try_next(), Ok(ended));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_was_given_up_loses_nothing_and_the_end_is_told() {
        let mut bench = Bench::new();
        let first = bench.file(0);
        assert_eq!(bench.next().await, (Duration::ZERO, first));
        let second = bench.file(1);
        let given_up = tokio::time::timeout(GATHER / 2, bench.changes.next()).await;
        assert!(given_up.is_err());
        assert_eq!(bench.next().await.1, second);
        drop((bench.notes, bench.haste));
        assert_eq!(bench.changes.next().await, Err(RecvError::Closed));
    }
}
