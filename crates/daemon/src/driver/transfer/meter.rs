//! What a run costs, as it can be counted honestly: bytes of bodies, questions to origins, time.

use bgcopy_model::Spent;
use tokio::time::Instant;

/// Counts since it was last read.
pub(super) struct Meter {
    spent: Spent,
    since: Instant,
}

impl Meter {
    /// From now on.
    pub(super) fn start() -> Self {
        Self {
            spent: Spent::default(),
            since: Instant::now(),
        }
    }

    /// A source was asked for bytes.
    pub(super) const fn asked(&mut self) {
        self.spent.requests += 1;
    }

    /// So many bytes of a body came, wanted or not.
    pub(super) const fn received(&mut self, bytes: usize) {
        self.spent.bytes += bytes as u64;
    }

    /// What was counted since this was called last.
    pub(super) fn take(&mut self) -> Spent {
        let now = Instant::now();
        let time = now.duration_since(std::mem::replace(&mut self.since, now));
        Spent {
            time,
            ..std::mem::take(&mut self.spent)
        }
    }
}
