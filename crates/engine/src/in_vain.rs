//! Tries of which nothing is kept, since what came was wrong.
//!
//! Any byte makes the next delay short and the patience new. Bytes that are dropped again must do neither: a place that
//! always has wrong ones would be asked for the whole of them at the shortest delay, without an end. So such a try counts
//! as one without a byte. Not stored: a restart of the service begins the count anew.

use bgcopy_model::Moment;

use crate::job_mut::JobMut;

/// What the tries in vain of a job have come to.
pub(crate) struct InVain {
    /// The tries without a byte that the next one makes one more of.
    tries: u32,
    /// When the first of them ended behind which no other file was under way. It stands still with the no-progress clock.
    pub since: Moment,
}

impl JobMut<'_> {
    /// A try ended of which nothing is kept. The caller stores it. Files that are still under way have bytes of their own,
    /// so the patience is theirs.
    pub fn tried_in_vain(&mut self) {
        let now = self.now.moment;
        let is_alone = self.job.busy().is_empty();
        let first = InVain {
            tries: 0,
            since: now,
        };
        let so_far = self.job.in_vain.get_or_insert(first);
        if !is_alone {
            so_far.since = now;
        }
        let record = &mut self.job.record;
        record.fruitless_tries = record.fruitless_tries.max(so_far.tries);
        record.last_progress = record.last_progress.min(so_far.since);
        so_far.tries = record.fruitless_tries.saturating_add(1);
    }
}
