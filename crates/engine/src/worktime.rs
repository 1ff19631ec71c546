//! How long a job is at work, and that it may be so for its maximum download time only (contract: BITS,
//! `SetMaximumDownloadTime`).
//!
//! What counts is service time in CONNECTING and TRANSFERRING, the machine's sleep included; time in the queue, before
//! a retry, or while the service is not there does not. Resume sets it back. The sum is written with the job, and with a
//! checkpoint when the store is a minute behind: that is what a crash costs.

use std::time::Duration;

use bgcopy_model::{Condition, JobError, JobPhase, Moment};

use crate::{job::Job, job_mut::JobMut, retry::spoken};

/// How far the store may be behind while bytes come.
const FAR_BEHIND: Duration = Duration::from_mins(1);

impl Job {
    /// Brings the sum up to date with the time and the job's phase.
    pub fn count_work(&mut self, now: Moment) {
        let at_work = matches!(
            self.record.phase,
            JobPhase::Connecting | JobPhase::Transferring
        );
        let until = at_work.then_some(now);
        if let Some(since) = std::mem::replace(&mut self.at_work_since, until) {
            let sum = self.record.download_time.saturating_add(now.since(since));
            self.record.download_time = sum;
        }
    }

    /// When the job will have been at work for too long; `None`: it is not at work, or there is no such time.
    pub fn work_ends(&self) -> Option<Moment> {
        let most = self.record.maximum_download_time;
        let left = most.saturating_sub(self.record.download_time);
        let since = self.at_work_since.filter(|_| !most.is_zero())?;
        Some(since + left)
    }
}

impl JobMut<'_> {
    /// Bytes are being recorded: so is the time they took, if it is not by far.
    pub fn put_work(&mut self) {
        self.job.count_work(self.now.moment);
        let sum = self.job.record.download_time;
        if sum.saturating_sub(self.job.stored_download_time) >= FAR_BEHIND {
            self.put();
        }
    }

    /// The job was at work for too long. Says whether it was.
    pub fn end_of_work(&mut self) -> bool {
        let is_over = |end: Moment| end <= self.now.moment;
        if !self.job.work_ends().is_some_and(is_over) {
            return false;
        }
        let most = spoken(self.job.record.maximum_download_time);
        self.fail(JobError {
            condition: Condition::DownloadTimeout,
            file: self.job.busy().first().copied(),
            detail: format!("the job was at work for {most}, its maximum download time"),
        });
        true
    }
}
