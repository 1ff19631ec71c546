//! Carries out what [`crate::schedule`] decides: turns begin and end, files start.

use bgcopy_model::{JobPhase, Now, Priority};

use crate::{Engine, job_mut::JobMut, schedule::Decision};

/// Bytes of a file that is small: to ask for it and to sync it takes longer than to fetch it.
pub(crate) const SMALL: u64 = 1 << 20;

/// Small files that are fetched at once where one large file would be.
const SMALL_FOR_ONE: usize = 16;

impl Engine {
    /// Gives turns to those whose turn it is, and files to those that can have another.
    pub(crate) fn give_turns(&mut self, now: Now) {
        while let Some(decision) = self.schedule.decide(now.moment) {
            match decision {
                Decision::Admit(id) => {
                    if let Some(mut job) = self.open(id, now) {
                        job.turn_begins();
                    }
                }
                Decision::Preempt(id) => {
                    if let Some(mut job) = self.open(id, now) {
                        job.turn_ends();
                    }
                }
            }
        }
        // The room of each holder's first run is reserved, that of the others is not.
        for id in self.schedule.holders() {
            if let Some(mut job) = self.open(id, now) {
                job.start_first();
            }
        }
        for id in self.schedule.holders() {
            if let Some(mut job) = self.open(id, now) {
                job.start_more();
            }
        }
    }
}

impl JobMut<'_> {
    fn turn_begins(&mut self) {
        // The no-progress clock stands still while a job waits for its turn: that is not the origin's fault.
        let waited = self.now.moment.since(self.job.queued_since);
        self.job.record.last_progress = self.job.record.last_progress + waited;
        if let Some(in_vain) = &mut self.job.in_vain {
            in_vain.since = in_vain.since + waited;
        }
        self.enter(JobPhase::Connecting);
    }

    fn turn_ends(&mut self) {
        self.stop_runs(0);
        if self.sit_out_pause() {
            return;
        }
        self.job.queued_since = self.now.moment;
        self.enter(JobPhase::Queued);
    }

    fn start_first(&mut self) {
        if self.job.busy().is_empty()
            && self.job.pause.is_none()
            && let Some(index) = self.job.next_ready()
        {
            self.start(index);
        }
    }

    fn start_more(&mut self) {
        let most = match self.job.record.priority {
            Priority::Foreground if self.job.has_small_files => {
                self.limits.files_at_once as usize * SMALL_FOR_ONE
            }
            Priority::Foreground => self.limits.files_at_once as usize,
            _ => 1,
        };
        while self.job.busy().len() < most
            && self.job.pause.is_none()
            && self.schedule.room() > 0
            && let Some(index) = self.job.next_ready()
        {
            self.start(index);
        }
    }
}
