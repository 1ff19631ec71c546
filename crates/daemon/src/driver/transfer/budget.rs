//! How much all runs together may hold in memory: received, and not yet with the disk.
//!
//! A lane that holds nothing may always receive a chunk, so nobody waits for another run; what goes beyond that needs a
//! share of the budget. Without one the lane leaves its bytes in the socket until a write of its own has ended.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::blocks::{Blocks, User};

/// Bytes that may be held beyond one chunk a lane.
const BYTES: usize = 16 << 20;
/// Bytes of a permit.
const UNIT: u64 = 64 << 10;
/// The longest chunk of a body for which room is kept.
const CHUNK: u64 = 512 << 10;

/// The budget of a service; a clone is the same.
#[derive(Clone)]
pub(in crate::driver) struct Budget {
    permits: Arc<Semaphore>,
    blocks: Blocks,
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(BYTES)
    }
}

impl Budget {
    fn of(bytes: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(bytes >> UNIT.trailing_zeros())),
            blocks: Blocks::default(),
        }
    }

    /// Somebody who may take blocks.
    pub(super) fn user(&self) -> User {
        self.blocks.user()
    }
}

/// What one lane holds.
///
/// Invariant: `permit` covers `held`, but for the one chunk that came while nothing was held.
pub(super) struct Share {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
    held: u64,
    /// What the next chunk may have: twice the longest so far, since a connection's buffer doubles while reads fill it.
    /// So a slow lane keeps no room that it does not use.
    next: u64,
}

impl Share {
    pub(super) const fn new(budget: Budget) -> Self {
        Self {
            budget,
            permit: None,
            held: 0,
            next: UNIT,
        }
    }

    /// Bytes that are held.
    pub(super) const fn held(&self) -> u64 {
        self.held
    }

    /// Whether there is room for a chunk; takes what it needs of the budget.
    pub(super) fn has_room(&mut self) -> bool {
        if self.held == 0 {
            return true;
        }
        let missing = units(self.held + self.next).saturating_sub(self.permits());
        if missing == 0 {
            return true;
        }
        let Ok(more) = self.budget.permits.clone().try_acquire_many_owned(missing) else {
            return false;
        };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        true
    }

    /// So many bytes came.
    pub(super) fn take(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        self.held += bytes;
        self.next = bytes.saturating_mul(2).clamp(self.next, CHUNK);
    }

    /// So many are with the disk now, or were dropped.
    pub(super) fn release(&mut self, bytes: u64) {
        self.held = self.held.saturating_sub(bytes);
        if self.held == 0 {
            self.permit = None;
        } else if let Some(permit) = &mut self.permit {
            let needed = units(self.held + self.next) as usize;
            drop(permit.split(permit.num_permits().saturating_sub(needed)));
        }
    }

    fn permits(&self) -> u32 {
        let permits = self.permit.as_ref();
        permits.map_or(0, |permit| {
            u32::try_from(permit.num_permits()).unwrap_or(u32::MAX)
        })
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_nothing_has_room_and_who_holds_more_needs_a_share() {
        let budget = Budget::of(1 << 20);
        let [mut greedy, mut modest] = [0; 2].map(|_| Share::new(budget.clone()));
        while greedy.has_room() {
            greedy.take(256 << 10);
        }
        assert!((768 << 10..=1 << 20).contains(&greedy.held()));
        assert!(modest.has_room(), "its first chunk");
        modest.take(1);
        assert!(!modest.has_room());
        greedy.release(768 << 10);
        assert!(modest.has_room());
        let left = greedy.held();
        greedy.release(left);
        drop(modest);
        assert_eq!(budget.permits.available_permits(), 16);
    }
}
