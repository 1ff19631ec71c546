//! What one client was told of one job, and what tells it the difference.

use std::collections::{BTreeSet, HashMap};

use bgcopy_bus::{
    ErrorProperties, FileProperties, Interfaces, JobProperties,
    names::{self, error_path, file_path, job_path},
};
use bgcopy_model::{FileId, FileIndex, JobState};
use tokio::time::Instant;

use super::{client::Gone, error, file, job, outbox::Outbox};
use crate::driver::{FileSnapshot, Handle, JobSnapshot};

/// Files whose last told properties are kept for comparison. Beyond it they are told whole again.
const FILES_KEPT: usize = 64;

/// Two retry times that differ by less are the same one, computed at two moments. Microseconds.
const SAME_RETRY: u64 = 1_000_000;

/// What a client knows of a job.
#[derive(Debug)]
pub(super) struct Watched {
    /// The job's properties as told last; `None`: not known, so all are told.
    told: Option<JobProperties>,
    /// The state and the number of errors that were told last, to see what is urgent.
    state: (JobState, u32),
    /// The error's properties as told last; `None`: there was none.
    error: Option<ErrorProperties>,
    /// The number of files that the client knows to be there.
    files: usize,
    /// Properties of files as told last.
    files_told: HashMap<FileIndex, FileProperties>,
    /// Whether the client takes the job for one that is listed.
    pub(super) listed: bool,
    /// Files that look different.
    pub(super) dirty_files: BTreeSet<FileIndex>,
    /// The earliest time for progress alone.
    pub(super) next: Instant,
}

impl Watched {
    /// A job that the client may look at itself.
    pub(super) fn new(snapshot: &JobSnapshot) -> Self {
        Self {
            told: None,
            state: snapshot.standing(),
            error: told_error(snapshot),
            files: snapshot.files.len(),
            files_told: HashMap::new(),
            listed: !snapshot.state.is_final(),
            dirty_files: BTreeSet::new(),
            next: Instant::now(),
        }
    }

    /// A job that the client knows as it is now, since it is about to read it.
    pub(super) fn known(snapshot: &JobSnapshot, handle: &Handle) -> Self {
        Self {
            told: Some(job::properties(snapshot, handle)),
            ..Self::new(snapshot)
        }
    }

    /// The client has read the job's own properties: whether they were not as signals told them last. (Of its error and
    /// its files that says nothing.)
    pub(super) fn was_news(&mut self, snapshot: &JobSnapshot, handle: &Handle) -> bool {
        let read = job::properties(snapshot, handle);
        // Of a job that no signal has told anything, the client knows what it read.
        *self.told.get_or_insert_with(|| read.clone()) != read
    }

    /// Takes it that the client may have missed anything.
    pub(super) fn doubt(&mut self, snapshot: &JobSnapshot, with_files: bool) {
        self.told = None;
        self.files_told.clear();
        if with_files {
            // What the origin has not answered for yet looks as it did when it was added.
            let begun = |file: &FileSnapshot| {
                let progress = file.progress();
                progress.bytes_total.is_some() || progress.bytes_transferred > 0
            };
            let files = snapshot.files.iter().filter(|file| begun(file));
            self.dirty_files.extend(files.map(|file| file.index()));
        }
    }

    /// Whether the change is one that the client wants to hear of at once.
    pub(super) fn is_urgent(&self, snapshot: &JobSnapshot) -> bool {
        self.state != snapshot.standing()
    }

    /// Tells that the job is there.
    pub(super) async fn introduce(
        &mut self,
        snapshot: &JobSnapshot,
        handle: &Handle,
        out: &mut Outbox<'_>,
    ) -> Result<(), Gone> {
        let properties = job::properties(snapshot, handle);
        let path = job_path(snapshot.id);
        let interfaces = Interfaces {
            job: Some(properties.clone()),
            ..Interfaces::default()
        };
        out.manager("JobAdded", &path).await?;
        out.added(names::MANAGER_PATH, &path, &interfaces).await?;
        self.told = Some(properties);
        Ok(())
    }

    /// Tells what is different: the files first, so that who hears of the job's new state has heard of its files.
    pub(super) async fn tell(
        &mut self,
        snapshot: &JobSnapshot,
        handle: &Handle,
        with_files: bool,
        out: &mut Outbox<'_>,
    ) -> Result<(), Gone> {
        if with_files {
            self.tell_files(snapshot, out).await?;
        }
        self.dirty_files.clear();
        self.files = snapshot.files.len();
        self.tell_error(snapshot, out).await?;

        let mut now = job::properties(snapshot, handle);
        let changed = match &self.told {
            Some(told) => {
                if now.retry_time.abs_diff(told.retry_time) < SAME_RETRY {
                    now.retry_time = told.retry_time;
                }
                now.changes_since(told)
            }
            None => now.all_changes(),
        };
        if !changed.is_empty() {
            out.changed(&job_path(snapshot.id), names::JOB, changed)
                .await?;
        }
        self.state = snapshot.standing();
        self.told = Some(now);
        Ok(())
    }

    async fn tell_files(
        &mut self,
        snapshot: &JobSnapshot,
        out: &mut Outbox<'_>,
    ) -> Result<(), Gone> {
        let job = snapshot.id;
        for file in snapshot.files.iter().skip(self.files) {
            self.dirty_files.remove(&file.index());
            let index = file.index();
            let interfaces = Interfaces {
                file: Some(file::properties(file)),
                ..Interfaces::default()
            };
            let path = file_path(FileId { job, index });
            out.added(job_path(job).as_str(), &path, &interfaces)
                .await?;
        }
        for index in std::mem::take(&mut self.dirty_files) {
            let Some(file) = snapshot.files.get(index as usize) else {
                continue;
            };
            let now = file::properties(file);
            let changed = match self.files_told.get(&index) {
                Some(told) => now.changes_since(told),
                None => now.all_changes(),
            };
            if self.files_told.len() >= FILES_KEPT {
                self.files_told.clear();
            }
            self.files_told.insert(index, now);
            if !changed.is_empty() {
                let path = file_path(FileId { job, index });
                out.changed(&path, names::FILE, changed).await?;
            }
        }
        Ok(())
    }

    async fn tell_error(
        &mut self,
        snapshot: &JobSnapshot,
        out: &mut Outbox<'_>,
    ) -> Result<(), Gone> {
        let now = told_error(snapshot);
        let path = error_path(snapshot.id);
        match (&self.error, &now) {
            (None, Some(error)) => {
                let interfaces = Interfaces {
                    error: Some(error.clone()),
                    ..Interfaces::default()
                };
                out.added(names::MANAGER_PATH, &path, &interfaces).await?;
            }
            (Some(_), None) => {
                out.removed(names::MANAGER_PATH, &path, names::ERROR)
                    .await?;
            }
            (Some(before), Some(error)) if before != error => {
                let changed = error.changes_since(before);
                out.changed(&path, names::ERROR, changed).await?;
            }
            _ => {}
        }
        self.error = now;
        Ok(())
    }
}

fn told_error(snapshot: &JobSnapshot) -> Option<ErrorProperties> {
    let error = snapshot.error.as_ref()?;
    Some(error::properties(snapshot, error))
}
