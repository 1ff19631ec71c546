//! Takes over what the store kept, after a clean stop as after a crash.

use std::sync::Arc;

use bgcopy_model::{FilePhase, FileRecord, JobPhase, JobRecord, JobState, Now};

use crate::{
    Action, Engine,
    job::{Job, in_order},
    job_mut::JobMut,
};

impl Engine {
    /// Takes over what the store kept; says what to do about it.
    ///
    /// Completing and cancelled jobs go on where they were; jobs that were transferring are QUEUED and get their
    /// turn, with their no-progress clock started anew; downloads whose stream went with the service stop; a TRANSFERRED
    /// job of which bytes are missing is QUEUED likewise; what has come due meanwhile is looked after.
    pub fn restore(
        &mut self,
        mut jobs: Vec<(JobRecord, Vec<FileRecord>)>,
        now: Now,
    ) -> Vec<Action> {
        self.was_absent = true;
        jobs.sort_by_key(|(record, _)| (record.born, record.created));
        for (record, files) in jobs {
            let id = record.id;
            if self.jobs.contains_key(&id) {
                continue;
            }
            let mut job = Job::new(record, now.moment);
            for file in in_order(files) {
                let may_have_temporary =
                    !matches!(file.phase, FilePhase::Published | FilePhase::Dropped);
                job.push(Arc::new(file), may_have_temporary);
            }
            self.admit(job);
            if let Some(mut job) = self.open(id, now) {
                job.restored();
            }
        }
        self.keep_books();
        self.conclude(now)
    }
}

impl JobMut<'_> {
    fn restored(&mut self) {
        self.job.notify.restored();
        let download = self.job.record.download.as_ref();
        if download.is_some_and(|download| download.is_volatile()) {
            self.job.is_lapsed = true;
            let phase = &self.job.record.phase;
            if !phase.is_final() && !matches!(phase, JobPhase::Completing { .. }) {
                return self.begin_cancel(None);
            }
        }
        if self.stream_is_lost() {
            return;
        }
        match &self.job.record.phase {
            JobPhase::Queued | JobPhase::Connecting | JobPhase::Transferring => {
                self.job.record.last_progress = self.now.moment;
                if self.job.files().is_empty() {
                    self.enter(JobPhase::Suspended);
                } else if self.job.is_whole() {
                    self.transferred();
                } else {
                    self.queue();
                }
            }
            JobPhase::TransientError { error, .. } => {
                self.job.last_trouble = Some((error.file, error.detail.clone()));
            }
            JobPhase::Completing { shown } => {
                // Whether a caller asked for it is not recorded, and he is gone.
                let automatic = self.job.record.auto_complete && *shown == JobState::Transferred;
                self.resume_closing(automatic);
            }
            JobPhase::Cancelled { .. } => {
                self.withdraw_files();
                self.resume_closing(false);
            }
            JobPhase::Acknowledged { .. } => self.withdraw_files(),
            // Its record says more than its files: they are asked, and what is missing is fetched.
            JobPhase::Transferred if !self.job.is_whole() => {
                self.job.record.last_progress = self.now.moment;
                self.job.record.transferred_at = None;
                self.put();
                if self.job.files().is_empty() {
                    self.enter(JobPhase::Suspended);
                } else {
                    self.queue();
                }
            }
            JobPhase::Suspended | JobPhase::Error { .. } | JobPhase::Transferred => {}
        }
    }
}
