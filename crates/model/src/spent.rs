//! What fetching a file has cost.

use std::{ops::AddAssign, time::Duration};

use serde::{Deserialize, Serialize};

/// What fetching a file has cost, over all its runs (contract, section Statistics of a file).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Bytes of the file that origins sent, those that were sent twice counted twice; no heads, no framing, no TLS.
    pub bytes: u64,
    /// Times that an origin was asked for bytes, answered or not. What a redirect led to is the same question.
    pub requests: u64,
    /// For how long a run was at work on it.
    pub time: Duration,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.requests = self.requests.saturating_add(more.requests);
        self.time = self.time.saturating_add(more.time);
    }
}
