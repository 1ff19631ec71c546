//! What a test holds in its hand while bodies are under way: the gate and the common pace.
//!
//! Owns nothing of an answer; `wire` asks here before each write.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

pub(super) struct Gate {
    state: watch::Sender<State>,
    pace: Mutex<Option<Shared>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Bodies stop at this byte while it is set.
    closed_at: Option<u64>,
    /// Counts the calls of `release`.
    releases: u64,
}

/// A rate that all bodies share, and the moment until which it is used up.
#[derive(Debug, Clone, Copy)]
struct Shared {
    rate: u64,
    free_at: Instant,
}

/// A moment in the life of the gate: a later `release` is told from an earlier one by it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket(u64);

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            state: watch::Sender::new(State::default()),
            pace: Mutex::default(),
        }
    }

    pub(super) fn hold_after(&self, bytes: u64) {
        self.state
            .send_modify(|state| state.closed_at = Some(bytes));
    }

    pub(super) fn release(&self) {
        self.state.send_modify(|state| {
            state.closed_at = None;
            state.releases += 1;
        });
    }

    pub(super) fn set_pace(&self, rate: Option<u64>) {
        let shared = rate.map(|rate| Shared {
            rate: rate.max(1),
            free_at: Instant::now(),
        });
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = shared;
    }

    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.state.borrow().releases)
    }

    /// The byte at which bodies have to stop at present.
    pub(super) fn closed_at(&self) -> Option<u64> {
        self.state.borrow().closed_at
    }

    /// Waits until the gate is open for a body that has sent so many bytes.
    pub(super) async fn open_for(&self, sent: u64) {
        let mut state = self.state.subscribe();
        // The sender lives in self, so the wait ends only by the condition.
        let _ = state
            .wait_for(|state| state.closed_at.is_none_or(|at| sent < at))
            .await;
    }

    /// Waits for the first `release` after the ticket was drawn.
    pub(super) async fn released_since(&self, ticket: Ticket) {
        let mut state = self.state.subscribe();
        let _ = state.wait_for(|state| state.releases > ticket.0).await;
    }

    /// How many bytes one write may have under the common pace.
    pub(super) fn largest_write(&self) -> Option<u64> {
        let pace = *self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.map(|pace| slice(pace.rate))
    }

    /// Takes `bytes` from the common pace and waits for its turn.
    pub(super) async fn take(&self, bytes: u64) {
        let turn = {
            let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(pace) = pace.as_mut() else { return };
            let turn = pace.free_at.max(Instant::now());
            pace.free_at = turn + time_for(bytes, pace.rate);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

/// How many bytes of a rate go into one write: about a fiftieth of a second's.
pub(super) fn slice(rate: u64) -> u64 {
    (rate / 50).clamp(1, 64 * 1024)
}

/// How long `bytes` take at `rate` bytes a second.
pub(super) fn time_for(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
