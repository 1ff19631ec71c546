//! What others may see of a job: its records, its state, its progress. Read only, and as of the last step.

use std::sync::Arc;

use bgcopy_model::{
    DownloadState, FileIndex, FileProgress, FileRecord, JobError, JobPhase, JobProgress, JobRecord,
    JobState, Moment,
};

use crate::{
    Connection, Listener, Notification,
    job::{File, Job},
};

/// A job as it is now.
#[derive(Clone, Copy)]
pub struct JobView<'a> {
    job: &'a Job,
}

/// A file as it is now.
#[derive(Clone, Copy)]
pub struct FileView<'a> {
    file: &'a File,
}

/// What has to happen before a job goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingFor {
    /// Nothing: it transfers, is being completed, or is final.
    Nothing,
    /// Its turn in the queue.
    Turn,
    /// The time of its next try, or the network's return if it is the network that is missing.
    Retry(Moment),
    /// Resume.
    Resume,
    /// Complete.
    Complete,
}

impl<'a> JobView<'a> {
    pub(crate) const fn new(job: &'a Job) -> Self {
        Self { job }
    }

    /// The job's record: what is stored of it, with what has changed since and needs no store.
    pub const fn record(self) -> &'a JobRecord {
        &self.job.record
    }

    /// The state that the contract shows.
    pub fn state(self) -> JobState {
        self.job.state()
    }

    /// Whether the service holds a stream for its bytes.
    pub const fn has_stream(self) -> bool {
        self.job.stream.is_held() && !self.job.record.phase.is_final()
    }

    /// How far it is. Takes the same short time whatever the number of files.
    pub fn progress(self) -> JobProgress {
        self.job.progress()
    }

    /// What stopped it: in ERROR and `TRANSIENT_ERROR`, and behind them until bytes move again (contract, row
    /// `GetError`).
    pub fn error(self) -> Option<&'a JobError> {
        let present = self.job.record.phase.error();
        present.or(self.job.past_error.as_ref())
    }

    /// The state that the contract shows of a download; `None`: it is a job.
    pub fn download_state(self) -> Option<DownloadState> {
        self.job.download_state()
    }

    /// When a job in `TRANSIENT_ERROR` is tried again.
    pub const fn retry_at(self) -> Option<Moment> {
        match self.job.record.phase {
            JobPhase::TransientError { retry_at, .. } => Some(retry_at),
            _ => None,
        }
    }

    /// Why it is not running.
    pub const fn waiting_for(self) -> WaitingFor {
        match self.job.record.phase {
            JobPhase::Queued => WaitingFor::Turn,
            JobPhase::TransientError { retry_at, .. } => WaitingFor::Retry(retry_at),
            JobPhase::Suspended | JobPhase::Error { .. } => WaitingFor::Resume,
            JobPhase::Transferred => WaitingFor::Complete,
            JobPhase::Connecting
            | JobPhase::Transferring
            | JobPhase::Completing { .. }
            | JobPhase::Acknowledged { .. }
            | JobPhase::Cancelled { .. } => WaitingFor::Nothing,
        }
    }

    /// Who is registered as its callback object (contract, row `GetNotifyInterface`).
    pub const fn listener(self) -> Option<(Listener, Connection)> {
        self.job.notify.listener()
    }

    /// Whether somebody is registered.
    pub const fn is_registered(self) -> bool {
        self.listener().is_some()
    }

    /// The call that its client is owed next, as far as the job's flags ask for it: made and not answered yet, or not
    /// made, since nobody is registered, others come first, or the last try failed a moment ago.
    pub fn due(self) -> Option<Notification> {
        self.job.agenda().due()
    }

    /// Its files, in order.
    pub fn files(self) -> impl ExactSizeIterator<Item = FileView<'a>> {
        self.job.files().iter().map(|file| FileView { file })
    }

    /// One of its files.
    pub fn file(self, index: FileIndex) -> Option<FileView<'a>> {
        self.job.file(index).map(|file| FileView { file })
    }
}

impl<'a> FileView<'a> {
    /// The file's record, as it is now: it may be kept while the engine's changes.
    pub const fn record(self) -> &'a Arc<FileRecord> {
        &self.file.record
    }

    /// How far it is.
    pub fn progress(self) -> FileProgress {
        self.file.progress()
    }
}
