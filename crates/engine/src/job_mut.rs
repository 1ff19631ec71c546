//! One job, opened for change: the job itself and what a change of it reaches.
//!
//! Owns the small steps of which every transition consists, so that none forgets to note what must be stored, what
//! looks different, and what the queue must know. It never decides which transition is due.

use bgcopy_model::{FileId, FileIndex, JobError, JobId, JobPhase, JobState, Limits, Now};

use crate::{
    Action, Attempt, Refusal, Reply, Ticket,
    job::{File, Job, Slot},
    outbox::Outbox,
    schedule::Schedule,
};

/// A job and what a change of it reaches.
pub(crate) struct JobMut<'a> {
    pub id: JobId,
    pub job: &'a mut Job,
    pub schedule: &'a mut Schedule,
    pub out: &'a mut Outbox,
    pub attempts: &'a mut u64,
    pub limits: &'a Limits,
    pub now: Now,
    /// Whether the service or the machine was not there for some time before this step.
    pub was_absent: bool,
}

impl JobMut<'_> {
    /// Puts the job into a phase. Not stored: where that is needed, [`Self::put`] says so. CONNECTING and
    /// TRANSFERRING come back as QUEUED after a restart, so that going from one of the three to another never is.
    pub fn enter(&mut self, phase: JobPhase) {
        let before = self.job.state();
        let error = phase.error().is_some();
        let left = std::mem::replace(&mut self.job.record.phase, phase);
        self.leave(left);
        self.job.count_work(self.now.moment);
        if error || self.job.state() != before {
            self.touch();
        }
        if self.job.state() != before {
            self.state_changed();
        }
    }

    /// What outlives the phase that was left, and what does not. The job is in its next one already.
    fn leave(&mut self, left: JobPhase) {
        let JobMut { job, .. } = self;
        if !matches!(
            job.record.phase,
            JobPhase::Connecting | JobPhase::Transferring
        ) {
            job.pause = None;
        }
        let waits = matches!(
            job.state(),
            JobState::Suspended | JobState::Queued | JobState::Connecting
        );
        let error = left.into_error().or_else(|| job.past_error.take());
        job.past_error = error.filter(|_| waits);
    }

    /// The job looks different in more than its progress.
    pub fn touch(&mut self) {
        self.job.record.modified = self.now.wall;
        self.shown();
    }

    /// The job's progress looks different.
    pub fn progressed(&mut self, index: FileIndex) {
        self.out.file_changed(self.id, index);
        self.shown();
    }

    /// The job looks different in what `JobModification` is about.
    pub fn shown(&mut self) {
        self.job.notify.modified();
        self.out.changed(self.id);
    }

    /// The job's record must be stored.
    pub fn put(&mut self) {
        self.out.put(self.id);
    }

    /// The file's record must be stored.
    pub fn put_file(&mut self, index: FileIndex) {
        self.out.put_file(self.id, index);
    }

    /// Answers calls.
    pub fn reply(&mut self, tickets: Vec<Ticket>, answer: &Result<Reply, Refusal>) {
        for ticket in tickets {
            self.out.reply(ticket, answer.clone());
        }
    }

    /// Gives the driver work with a file.
    pub fn work(&mut self, index: FileIndex, action: impl FnOnce(FileId) -> Action) {
        let job = self.id;
        self.out.work(action(FileId { job, index }));
    }

    /// Changes a file.
    pub fn edit<R>(&mut self, index: FileIndex, change: impl FnOnce(&mut File) -> R) -> Option<R> {
        self.job.edit(index, change)
    }

    /// The job wants a turn.
    pub fn queue(&mut self) {
        self.job.queued_since = self.now.moment;
        let record = &self.job.record;
        self.schedule
            .enqueue(self.id, record.owner, record.queue_priority());
        self.enter(JobPhase::Queued);
    }

    /// The job wants no turn any more, and what it has begun ends.
    pub fn halt(&mut self) {
        self.stop_runs(0);
        self.schedule.withdraw(self.id);
    }

    /// Stops every run but the first `keep`.
    pub fn stop_runs(&mut self, keep: usize) {
        let running = |index: &&FileIndex| {
            let file = self.job.file(**index);
            file.is_some_and(|file| matches!(file.slot, Slot::Running(_)))
        };
        let running: Vec<_> = self.job.busy().iter().filter(running).copied().collect();
        for index in running.into_iter().skip(keep) {
            let stopped = self.edit(index, |file| {
                let Slot::Running(attempt) = file.slot else {
                    return None;
                };
                file.slot = Slot::Stopping(attempt);
                Some(attempt)
            });
            if let Some(attempt) = stopped.flatten() {
                self.work(index, |file| Action::Stop(file, attempt));
            }
        }
    }

    /// Begins a run of a file whose slot is idle.
    pub fn start(&mut self, index: FileIndex) {
        *self.attempts += 1;
        let attempt = Attempt(*self.attempts);
        self.edit(index, |file| {
            file.slot = Slot::Running(attempt);
            file.may_have_temporary = true;
        });
        self.schedule.run_started(self.id);
        self.work(index, |file| Action::Start(file, attempt));
    }

    /// The job stops in ERROR.
    pub fn fail(&mut self, error: JobError) {
        self.halt();
        self.note_error(&error);
        self.enter(JobPhase::Error { error });
    }

    /// Counts an error and keeps it for the record.
    pub fn note_error(&mut self, error: &JobError) {
        self.job.record.error_count = self.job.record.error_count.saturating_add(1);
        self.job.last_trouble = Some((error.file, error.detail.clone()));
        self.put();
    }

    /// Every byte of every file is here.
    pub fn transferred(&mut self) {
        self.halt();
        self.job.record.transferred_at.get_or_insert(self.now.wall);
        self.put();
        self.enter(JobPhase::Transferred);
        if self.job.record.auto_complete {
            self.begin_complete(Vec::new(), true);
        }
    }
}
