//! Who is told of which download's status, and what each is still to be told.
//!
//! The publisher notes every status here as it becomes visible; whoever makes the calls takes them out one by one. A
//! change of state is never left out, unless a client lets so many wait that it cannot be interested; of what lies
//! between two changes only the latest counts. Nothing here waits for a client, and nothing here is recorded.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bgcopy_engine::Connection;
use bgcopy_model::{DownloadProperty, DownloadRecord, DownloadState, HResult, JobId};
use tokio::{
    sync::{Mutex as Turn, Notify},
    time::{Instant, sleep_until},
};

/// Changes of state that wait for one client.
const WAITING: usize = 64;

/// A download's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Bytes to receive; `None`: not known yet.
    pub total: Option<u64>,
    /// Bytes received.
    pub transferred: u64,
    /// The state.
    pub state: DownloadState,
    /// What stopped it; `S_OK`: nothing.
    pub error: HResult,
    /// What made it stop for a time; `S_OK`: nothing.
    pub extended: HResult,
}

impl Status {
    /// Whether somebody who was told `self` and not `other` would have missed a change of state.
    fn is_like(&self, other: &Self) -> bool {
        let key = |status: &Self| (status.state, status.error, status.extended);
        key(self) == key(other)
    }
}

/// When bytes alone are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Frequency {
    /// 0: not by bytes.
    percent: u32,
    /// Zero: not by time.
    interval: Duration,
}

impl Frequency {
    fn of(download: &DownloadRecord) -> Self {
        let number = |property| download.number(property);
        let seconds = number(DownloadProperty::CallbackFreqSeconds)
            .unwrap_or(DownloadRecord::CALLBACK_SECONDS);
        Self {
            percent: number(DownloadProperty::CallbackFreqPercent).unwrap_or(0),
            interval: Duration::from_secs(seconds.into()),
        }
    }

    /// When what came since `told` is to be told; `None`: not by itself.
    fn due(self, told: &Status, at: Instant, now: &Status) -> Option<Instant> {
        let came = u128::from(now.transferred.abs_diff(told.transferred)) * 100;
        let is_step = |total: u64| {
            self.percent > 0 && came > 0 && came >= u128::from(total) * u128::from(self.percent)
        };
        if now.total.is_some_and(is_step) {
            return Some(at);
        }
        (!self.interval.is_zero()).then(|| at + self.interval)
    }
}

/// What one client is still to be told of one download.
#[derive(Debug)]
pub struct Mailbox {
    connection: Connection,
    path: String,
    waiting: Mutex<Waiting>,
    wake: Notify,
    /// Held while a call of this download is unanswered, by whichever client it was made to.
    turn: Arc<Turn<()>>,
}

#[derive(Debug)]
struct Waiting {
    /// Changes of state, the oldest first.
    changes: VecDeque<Status>,
    /// The latest status, when it differs from the one before in bytes alone.
    progress: Option<Status>,
    /// What was noted last.
    noted: Status,
    /// What was taken last, and when.
    told: (Status, Instant),
    frequency: Frequency,
    /// Nothing more comes; what waits is told.
    is_last: bool,
    /// Nothing is told any more.
    is_closed: bool,
}

impl Mailbox {
    /// The next status to tell, when it is time; `None`: that was all.
    pub async fn next(&self) -> Option<Status> {
        loop {
            let due = {
                let mut waiting = lock(&self.waiting);
                if waiting.is_closed {
                    return None;
                }
                let now = Instant::now();
                if let Some(change) = waiting.changes.pop_front() {
                    waiting.told = (change, now);
                    return Some(change);
                }
                if waiting.is_last {
                    return None;
                }
                let due = waiting.due();
                if due.is_some_and(|due| due <= now)
                    && let Some(progress) = waiting.progress.take()
                {
                    waiting.told = (progress, now);
                    return Some(progress);
                }
                due
            };
            let timer = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = timer => {}
            }
        }
    }

    /// Waits until no other call of this download is unanswered. `None`: meanwhile somebody else took the place, or
    /// the client went.
    pub async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let turn = self.turn.lock().await;
        (!lock(&self.waiting).is_closed).then_some(turn)
    }

    fn note(&self, status: Status, download: &DownloadRecord) {
        let mut waiting = lock(&self.waiting);
        waiting.frequency = Frequency::of(download);
        if waiting.noted == status {
            return;
        }
        if waiting.noted.is_like(&status) {
            waiting.progress = Some(status);
        } else {
            waiting.change(status);
        }
        waiting.noted = status;
        drop(waiting);
        self.wake.notify_one();
    }

    fn close(&self) {
        lock(&self.waiting).is_closed = true;
        self.wake.notify_one();
    }
}

impl Waiting {
    fn change(&mut self, status: Status) {
        if self.changes.len() == WAITING {
            self.changes.pop_front();
        }
        self.changes.push_back(status);
        self.progress = None;
        self.is_last = status.state.is_final();
    }

    fn due(&self) -> Option<Instant> {
        let (told, at) = &self.told;
        self.frequency.due(told, *at, self.progress.as_ref()?)
    }
}

/// The mailboxes of all downloads.
#[derive(Debug, Default)]
pub struct Statuses(Mutex<HashMap<JobId, Arc<Mailbox>>>);

impl Statuses {
    /// Tells this object of the download from now on, in place of the one before. Of a download that has begun it is
    /// told the present status first.
    pub(super) fn register(
        &self,
        id: JobId,
        connection: Connection,
        path: String,
        present: (Status, &DownloadRecord),
    ) -> Arc<Mailbox> {
        let mut all = lock(&self.0);
        let turn = all.remove(&id).map(|before| {
            before.close();
            before.turn.clone()
        });
        let (status, download) = present;
        let mut waiting = Waiting {
            changes: VecDeque::new(),
            progress: None,
            noted: status,
            told: (status, Instant::now()),
            frequency: Frequency::of(download),
            is_last: false,
            is_closed: false,
        };
        if status.state != DownloadState::Created {
            waiting.change(status);
        }
        let mailbox = Arc::new(Mailbox {
            connection,
            path,
            waiting: Mutex::new(waiting),
            wake: Notify::new(),
            turn: turn.unwrap_or_default(),
        });
        if !status.state.is_final() {
            all.insert(id, mailbox.clone());
        }
        mailbox
    }

    /// Nobody is told of the download any more.
    pub fn withdraw(&self, id: JobId) {
        if let Some(mailbox) = lock(&self.0).remove(&id) {
            mailbox.close();
        }
    }

    /// A connection is gone, and its objects with it.
    pub fn gone(&self, connection: Connection) {
        lock(&self.0).retain(|_, mailbox| {
            let stays = mailbox.connection != connection;
            if !stays {
                mailbox.close();
            }
            stays
        });
    }

    /// The path of the object that is told.
    pub fn path(&self, id: JobId) -> Option<String> {
        lock(&self.0).get(&id).map(|mailbox| mailbox.path.clone())
    }

    /// The download is seen to be so; the publisher's alone.
    pub(super) fn note(&self, id: JobId, status: Status, download: &DownloadRecord) {
        let mut all = lock(&self.0);
        if let Some(mailbox) = all.get(&id) {
            mailbox.note(status, download);
            if status.state.is_final() {
                all.remove(&id);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these guard is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use bgcopy_model::DownloadValue;
    use futures_util::FutureExt;

    use super::*;

    const ID: JobId = JobId::from_u128(1);
    const HERE: Connection = Connection(1);

    fn status(state: DownloadState, transferred: u64) -> Status {
        Status {
            total: Some(1_000),
            transferred,
            state,
            error: HResult::S_OK,
            extended: HResult::S_OK,
        }
    }

    fn frequencies(percent: u32, seconds: u32) -> DownloadRecord {
        let numbers = [
            (DownloadProperty::CallbackFreqPercent, percent),
            (DownloadProperty::CallbackFreqSeconds, seconds),
        ];
        DownloadRecord {
            properties: numbers
                .map(|(property, number)| (property, DownloadValue::Number(number)))
                .into(),
        }
    }

    /// What can be taken without waiting.
    fn taken(mailbox: &Mailbox) -> Option<(DownloadState, u64)> {
        let next = mailbox.next().now_or_never().flatten()?;
        Some((next.state, next.transferred))
    }

    use DownloadState::{Created, Finalized, Paused, Transferred, Transferring};

    #[tokio::test]
    async fn every_change_of_state_is_told_and_of_the_bytes_between_only_the_latest_in_its_turn() {
        let (all, record) = (Statuses::default(), frequencies(10, 0));
        let mailbox = all.register(ID, HERE, "/a".into(), (status(Created, 0), &record));
        assert_eq!(taken(&mailbox), None, "nothing has begun");
        for (state, bytes) in [(Transferring, 0), (Paused, 50), (Transferring, 50)] {
            all.note(ID, status(state, bytes), &record);
        }
        assert_eq!(taken(&mailbox), Some((Transferring, 0)));
        assert_eq!(taken(&mailbox), Some((Paused, 50)));
        assert_eq!(taken(&mailbox), Some((Transferring, 50)));
        all.note(ID, status(Transferring, 149), &record);
        assert_eq!(taken(&mailbox), None, "less than a tenth came");
        all.note(ID, status(Transferring, 150), &record);
        all.note(ID, status(Transferring, 160), &record);
        assert_eq!(taken(&mailbox), Some((Transferring, 160)));
        all.note(ID, status(Transferring, 999), &record);
        all.note(ID, status(Transferred, 1_000), &record);
        assert_eq!(taken(&mailbox), Some((Transferred, 1_000)));
        all.note(ID, status(Finalized, 1_000), &record);
        assert_eq!(taken(&mailbox), Some((Finalized, 1_000)));
        assert_eq!(mailbox.next().await, None, "it is final");
        assert_eq!(all.path(ID), None);
    }

    #[tokio::test]
    async fn bytes_are_told_by_the_clock_and_nothing_without_news() {
        let (all, hourly) = (Statuses::default(), frequencies(0, 3_600));
        let present = (status(Transferring, 1), &hourly);
        let mailbox = all.register(ID, HERE, "/a".into(), present);
        let late = taken(&mailbox);
        assert_eq!(late, Some((Transferring, 1)), "who comes late is told");
        all.note(ID, status(Transferring, 2), &hourly);
        assert_eq!(taken(&mailbox), None, "an hour has not passed");
        // What nobody set is a second, and holds from the next note on.
        all.note(ID, status(Transferring, 3), &DownloadRecord::default());
        assert_eq!(mailbox.next().await, Some(status(Transferring, 3)));
        all.note(ID, status(Transferring, 3), &frequencies(1, 0));
        assert_eq!(taken(&mailbox), None, "nothing is new");
    }

    #[test]
    fn whichever_frequency_comes_first_counts() {
        let (at, told) = (Instant::now(), status(Transferring, 100));
        let due = |percent, seconds, bytes| {
            let frequency = Frequency::of(&frequencies(percent, seconds));
            let due = frequency.due(&told, at, &status(Transferring, bytes));
            due.map(|due| (due - at).as_secs())
        };
        assert_eq!(due(5, 7, 149), Some(7));
        assert_eq!(due(5, 7, 150), Some(0));
        assert_eq!(due(5, 0, 149), None);
        assert_eq!(due(0, 0, 1_000), None);
        assert_eq!(due(5, 0, 0), Some(0), "what starts again at 0 is news too");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_keeps_the_latest_changes() {
        let (all, record) = (Statuses::default(), DownloadRecord::default());
        let mailbox = all.register(ID, HERE, "/a".into(), (status(Created, 0), &record));
        for round in 0..500 {
            let state = if round % 2 == 0 { Transferring } else { Paused };
            all.note(ID, status(state, round), &record);
        }
        for round in 500 - WAITING as u64..500 {
            assert_eq!(taken(&mailbox).map(|(_, bytes)| bytes), Some(round));
        }
        assert_eq!(taken(&mailbox), None);
    }

    #[tokio::test]
    async fn the_next_one_waits_for_the_call_of_the_one_before_and_the_gone_are_told_nothing() {
        let (all, record) = (Statuses::default(), DownloadRecord::default());
        let present = (status(Transferring, 0), &record);
        let first = all.register(ID, HERE, "/a".into(), present);
        let call = first.turn().await.unwrap();
        let second = all.register(ID, Connection(2), "/b".into(), present);
        assert_eq!(first.next().await, None, "it was replaced");
        assert!(second.turn().now_or_never().is_none());
        drop(call);
        assert!(second.turn().await.is_some());
        assert!(first.turn().await.is_none());
        all.gone(HERE);
        assert_eq!(all.path(ID).as_deref(), Some("/b"));
        all.gone(Connection(2));
        assert_eq!(second.next().await, None);
        assert_eq!(all.path(ID), None);
    }
}
