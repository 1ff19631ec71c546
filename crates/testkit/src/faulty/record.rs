//! What the servers of this module have seen, and waiting for it.
//!
//! Owns the list of requests. It must never lose one: an entry is made before the first byte of its answer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::request::{Request, field};

/// How long a test waits for something that a server should see. Generous: it guards against hanging only.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request as a server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Counts the connections of the server, from 1; requests with the same number came over the same one.
    pub connection: u64,
    /// Counts the requests for this target's resource, from 1.
    pub nth: u64,
    /// The method.
    pub method: String,
    /// The target as sent.
    pub target: String,
    /// The fields in their order.
    pub headers: Vec<(String, String)>,
    /// The Range field's value.
    pub range: Option<String>,
    /// The status that was answered, once it is known; `None` for garbage.
    pub status: Option<u16>,
    /// Bytes of the body that were handed to the kernel so far, without chunk sizes and trailers.
    pub bytes_sent: u64,
    /// When the request's head was complete.
    pub at: Instant,
    /// When the last of those bytes was handed to the kernel.
    pub last_byte_at: Option<Instant>,
    /// How the answer ended, once it has.
    pub ended: Option<Ended>,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All was sent that was to be sent.
    Complete,
    /// A fault cut it.
    Cut,
    /// The client closed or reset the connection first.
    ClientLeft,
}

impl Seen {
    /// The value of the first field of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        field(&self.headers, name)
    }
}

pub(super) struct Record {
    seen: Mutex<Vec<Seen>>,
    changed: Condvar,
    version: watch::Sender<u64>,
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            seen: Mutex::default(),
            changed: Condvar::new(),
            version: watch::Sender::new(0),
        }
    }

    /// Adds a request and returns its index.
    pub(super) fn begin(&self, connection: u64, nth: u64, request: &Request) -> usize {
        let mut seen = self.lock();
        seen.push(Seen {
            connection,
            nth,
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            range: request.header("Range").map(str::to_owned),
            status: None,
            bytes_sent: 0,
            at: Instant::now(),
            last_byte_at: None,
            ended: None,
        });
        let index = seen.len() - 1;
        drop(seen);
        self.tell();
        index
    }

    /// Changes an entry and wakes those who wait.
    pub(super) fn update(&self, index: usize, change: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.lock().get_mut(index) {
            change(seen);
        }
        self.tell();
    }

    pub(super) fn all(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// Blocks until `enough` holds.
    pub(super) fn wait_for(&self, enough: impl Fn(&[Seen]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.lock();
        while !enough(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited {PATIENCE:?} in vain; the server saw {seen:#?}"
            );
            seen = self
                .changed
                .wait_timeout(seen, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until `enough` holds without blocking the thread.
    pub(super) async fn until(&self, enough: impl Fn(&[Seen]) -> bool) {
        let mut version = self.version.subscribe();
        let waiting = async {
            while !enough(&self.lock()) {
                if version.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(
            in_time,
            "waited {PATIENCE:?} in vain; the server saw {:#?}",
            self.all()
        );
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        // A test's predicate may have panicked while it held the list; the list itself is sound.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changed.notify_all();
        self.version.send_modify(|version| *version += 1);
    }
}
