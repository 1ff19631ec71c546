//! Trouble that may pass, with one file of several.
//!
//! The other files that are under way go on; none is begun before the retry time, since what troubles one file of a job
//! mostly troubles all of an origin. If that time comes while others are still at work, the job simply goes on; if they
//! are done before, it waits in `TRANSIENT_ERROR`. Trouble that does not pass never comes here: it ends the job at once.
//!
//! Owns the retry time and whose error is shown. Not stored before the job is in `TRANSIENT_ERROR`: a restart queues
//! a job whose files were under way and tries at once.

use std::time::Duration;

use bgcopy_model::{JobError, JobPhase, Moment};

use crate::{job_mut::JobMut, retry};

/// What a job that still has files under way waits for.
pub(crate) struct Pause {
    /// The error that decides how long.
    error: JobError,
    /// No file begins before.
    pub retry_at: Moment,
}

impl Pause {
    /// Whether it is only the network that is missing.
    pub const fn is_of_the_network(&self) -> bool {
        retry::is_of_the_network(self.error.condition)
    }

    /// Another file's trouble. Who waits longest decides, before those whom the network's return would help: the
    /// file that an origin asked to wait for is not asked for earlier because another waits for the network.
    fn join(&mut self, error: JobError, retry_at: Moment) {
        let rank = |error: &JobError, at: Moment| {
            let needs_time = !retry::is_of_the_network(error.condition);
            (needs_time, at)
        };
        if rank(&error, retry_at) > rank(&self.error, self.retry_at) {
            self.error = error;
        }
        self.retry_at = self.retry_at.max(retry_at);
    }
}

impl JobMut<'_> {
    /// A file failed and waiting may mend it. Files that fail in one pause count as one try.
    pub fn begin_pause(&mut self, error: JobError, retry_after: Option<Duration>) {
        let record = &mut self.job.record;
        let counted = u32::from(self.job.pause.is_some());
        let tries = record.fruitless_tries.saturating_sub(counted);
        let delay = retry::delay(record.minimum_retry_delay, tries, retry_after);
        record.fruitless_tries = tries.saturating_add(1);
        let retry_at = self.now.moment + delay;
        if let Some(pause) = &mut self.job.pause {
            self.job.last_trouble = Some((error.file, error.detail.clone()));
            pause.join(error, retry_at);
        } else {
            self.note_error(&error);
            self.job.pause = Some(Pause { error, retry_at });
        }
    }

    /// Waits in `TRANSIENT_ERROR` once no file is under way any more.
    pub fn go_on_pausing(&mut self) {
        if self.job.busy().is_empty() {
            self.sit_out_pause();
        }
    }

    /// Whatever is under way ends, and the job waits in `TRANSIENT_ERROR`. Says whether there is something to wait for.
    pub fn sit_out_pause(&mut self) -> bool {
        let Some(Pause { error, retry_at }) = self.job.pause.take() else {
            return false;
        };
        self.halt();
        self.put();
        self.enter(JobPhase::TransientError { error, retry_at });
        true
    }
}
