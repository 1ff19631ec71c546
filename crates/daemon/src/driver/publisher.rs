//! What everyone but the driver sees: snapshots of jobs and files, and a stream of what changed.
//!
//! The driver alone publishes. Readers take an [`Arc`] and hold no lock; a snapshot never changes under them.
//! Subscribers get small change notes and read the snapshot when they care, so a slow one costs no memory beyond its
//! own queue, and one that falls behind is told so and reads afresh.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use bgcopy_engine::Connection;
use bgcopy_model::{
    DownloadRecord, DownloadState, FileId, HResult, JobError, JobId, JobProgress, JobState, Moment,
    NotifyFlags, Owner, PeerCaching, Priority, Profile, ProxyUsage, SecurityFlags, Timestamp,
    TransferPolicy,
};
use tokio::sync::{broadcast, watch};

use super::{
    changes::Changes,
    shown_file::FileSnapshot,
    statuses::{Mailbox, Status, Statuses},
};

/// A job as it looked when it was published.
#[derive(Clone, Debug)]
pub struct JobSnapshot {
    /// Its identity.
    pub id: JobId,
    /// Whose it is.
    pub owner: Owner,
    /// Whose conventions it follows.
    pub profile: Profile,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its priority.
    pub priority: Priority,
    /// Its state.
    pub state: JobState,
    /// Whether the service completes it by itself.
    pub auto_complete: bool,
    /// Which events its client wants to be called for.
    pub notify_flags: NotifyFlags,
    /// The program to run when no callback object answers, and its arguments; empty: none.
    pub notify_command: Vec<String>,
    /// The name on the owner's session bus to start when there is no callback object.
    pub activation: Option<String>,
    /// Seconds.
    pub minimum_retry_delay: u64,
    /// Seconds.
    pub no_progress_timeout: u64,
    /// Seconds; 0: without a limit.
    pub maximum_download_time: u64,
    /// On which networks its client wants it to transfer.
    pub transfer_policy: TransferPolicy,
    /// What its client lets peers do.
    pub peer_caching: PeerCaching,
    /// How its requests go out.
    pub http: HttpSnapshot,
    /// How often trouble stopped it, for a time or for good.
    pub error_count: u32,
    /// The error, in an error state and behind it until bytes move again.
    pub error: Option<JobError>,
    /// When it is tried again, in service time, in `TRANSIENT_ERROR`.
    pub retry_at: Option<Moment>,
    /// How far it is.
    pub progress: JobProgress,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// When its last byte arrived.
    pub transferred_at: Option<Timestamp>,
    /// Its files, in order.
    pub files: Arc<Vec<Arc<FileSnapshot>>>,
    /// What it has beside this when it is a download.
    pub download: Option<Arc<DownloadSnapshot>>,
}

/// A download as it looked when it was published, beside what it has as a job.
#[derive(Clone, Debug)]
pub struct DownloadSnapshot {
    /// Its properties.
    pub record: DownloadRecord,
    /// Whether the service holds a stream for its bytes.
    pub has_stream: bool,
    /// The state that the contract shows.
    pub state: DownloadState,
}

impl JobSnapshot {
    /// What of it clients hear at once when it changes: its state, and how often trouble stopped it.
    pub const fn standing(&self) -> (JobState, u32) {
        (self.state, self.error_count)
    }

    /// A download's status; `None`: it is a job.
    pub fn status(&self) -> Option<Status> {
        let state = self.download.as_ref()?.state;
        let code = |shown: JobState| match &self.error {
            Some(error) if self.state == shown => error.code(self.profile),
            _ => HResult::S_OK,
        };
        Some(Status {
            total: self.progress.bytes_total,
            transferred: self.progress.bytes_transferred,
            state,
            error: code(JobState::Error),
            extended: code(JobState::TransientError),
        })
    }
}

/// How a job's requests go out, without what is secret of it.
#[derive(Clone, Debug)]
pub struct HttpSnapshot {
    /// Where redirects may lead.
    pub security: SecurityFlags,
    /// Which proxies are used.
    pub usage: ProxyUsage,
    /// The list of them, without users and passwords.
    pub proxies: Vec<String>,
    /// Hosts without a proxy.
    pub bypass: Vec<String>,
    /// For whom and in which scheme there are credentials, by their names on the wire.
    pub credentials: Vec<(String, String)>,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A job appeared.
    Added(JobId),
    /// A job looks different.
    Job(JobId),
    /// A file looks different.
    File(FileId),
    /// A job left the enumeration (it is final); it still answers to its name for a while.
    Left(JobId),
    /// A job is forgotten.
    Gone(JobId),
}

/// The published view of the queue.
#[derive(Debug)]
pub struct Publisher {
    shown: RwLock<Shown>,
    changes: broadcast::Sender<Change>,
    /// Wakes those who gather changes.
    haste: watch::Sender<()>,
    statuses: Statuses,
}

#[derive(Debug, Default)]
struct Shown {
    jobs: BTreeMap<JobId, Arc<JobSnapshot>>,
    /// Files that were told of before their job: within one step files come first.
    early: BTreeMap<JobId, Vec<Arc<FileSnapshot>>>,
}

impl Publisher {
    /// An empty view.
    pub fn new() -> Self {
        Self {
            shown: RwLock::default(),
            changes: broadcast::channel(4_096).0,
            haste: watch::Sender::new(()),
            statuses: Statuses::default(),
        }
    }

    /// A job, also a final one that is not yet forgotten. Downloads are none.
    pub fn job(&self, id: JobId) -> Option<Arc<JobSnapshot>> {
        self.any(id).filter(|job| job.download.is_none())
    }

    /// A download, also a final one that is not yet forgotten.
    pub fn download(&self, id: JobId) -> Option<Arc<JobSnapshot>> {
        self.any(id).filter(|job| job.download.is_some())
    }

    /// A job or download; the driver's alone.
    pub(super) fn any(&self, id: JobId) -> Option<Arc<JobSnapshot>> {
        self.read().jobs.get(&id).cloned()
    }

    /// Who is told of downloads' statuses.
    pub const fn statuses(&self) -> &Statuses {
        &self.statuses
    }

    /// Tells this object of a download's status from now on; `None`: there is no such download.
    pub fn tell_status(
        &self,
        id: JobId,
        connection: Connection,
        path: String,
    ) -> Option<Arc<Mailbox>> {
        // Held to the end: what is put in place later is noted later too.
        let shown = self.read();
        let seen = shown.jobs.get(&id)?;
        let (status, download) = (seen.status()?, seen.download.as_ref()?);
        let present = (status, &download.record);
        Some(self.statuses.register(id, connection, path, present))
    }

    fn note_status(&self, job: &JobSnapshot) {
        if let (Some(status), Some(download)) = (job.status(), &job.download) {
            self.statuses.note(job.id, status, &download.record);
        }
    }

    /// The jobs, also final ones, whose identities begin with these digits.
    pub fn begin_with(&self, digits: &str) -> Vec<Arc<JobSnapshot>> {
        let shown = self.read();
        let jobs = shown.jobs.iter();
        jobs.filter(|(_, job)| job.download.is_none())
            .filter(|(id, _)| id.simple().to_string().starts_with(digits))
            .map(|(_, job)| job.clone())
            .collect()
    }

    /// The jobs that are not final, the oldest first.
    pub fn jobs(&self) -> Vec<Arc<JobSnapshot>> {
        self.open(|job| job.download.is_none())
    }

    /// The downloads that are not final, the oldest first.
    pub fn downloads(&self) -> Vec<Arc<JobSnapshot>> {
        self.open(|job| job.download.is_some())
    }

    fn open(&self, wanted: impl Fn(&JobSnapshot) -> bool) -> Vec<Arc<JobSnapshot>> {
        let mut jobs: Vec<_> = self
            .read()
            .jobs
            .values()
            .filter(|job| !job.state.is_final() && wanted(job))
            .cloned()
            .collect();
        jobs.sort_by_key(|job| (job.created, job.id));
        jobs
    }

    /// What changes from now on.
    pub fn subscribe(&self) -> Changes {
        Changes::new(self.changes.subscribe(), self.haste.subscribe())
    }

    /// Tells a change that is urgent, or one that may wait for a few others.
    fn tell(&self, change: Change, is_urgent: bool) {
        // No subscriber is no error.
        let _ = self.changes.send(change);
        if is_urgent {
            self.haste.send_replace(());
        }
    }

    /// Puts a job's snapshot in place, with the files that its predecessor had; the driver's alone.
    pub(super) fn put(&self, mut job: JobSnapshot) {
        let (id, is_final) = (job.id, job.state.is_final());
        let mut shown = self.write();
        let (change, is_urgent) = match shown.jobs.get(&id) {
            None => {
                job.files = Arc::new(shown.early.remove(&id).unwrap_or_default());
                (Change::Added(id), true)
            }
            Some(before) => {
                job.files = before.files.clone();
                if is_final && !before.state.is_final() {
                    (Change::Left(id), true)
                } else {
                    (Change::Job(id), job.standing() != before.standing())
                }
            }
        };
        let job = Arc::new(job);
        shown.jobs.insert(id, job.clone());
        drop(shown);
        if job.download.is_some() {
            return self.note_status(&job);
        }
        self.tell(change, is_urgent);
    }

    /// Puts a file's snapshot, and its job's progress, in place; the driver's alone.
    pub(super) fn put_file(&self, job: JobId, file: FileSnapshot, progress: JobProgress) {
        let index = file.index();
        let file = Arc::new(file);
        let mut shown = self.write();
        if let Some(slot) = shown.jobs.get_mut(&job) {
            // The job is copied only while a reader holds it.
            let snapshot = Arc::make_mut(slot);
            snapshot.progress = progress;
            place(Arc::make_mut(&mut snapshot.files), file);
            if snapshot.download.is_some() {
                let download = slot.clone();
                drop(shown);
                return self.note_status(&download);
            }
        } else {
            place(shown.early.entry(job).or_default(), file);
        }
        drop(shown);
        self.tell(Change::File(FileId { job, index }), false);
    }

    /// Takes a job out; the driver's alone.
    pub(super) fn forget(&self, id: JobId) {
        self.write().jobs.remove(&id);
        self.statuses.withdraw(id);
        self.tell(Change::Gone(id), true);
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Shown> {
        // No code panics while it holds the lock, and a map of snapshots is whole between any two statements.
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Shown> {
        self.shown.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a file where its index says. Files of a job are told of in order when they are new.
fn place(files: &mut Vec<Arc<FileSnapshot>>, file: Arc<FileSnapshot>) {
    match files.get_mut(file.index() as usize) {
        Some(slot) => *slot = file,
        None => files.push(file),
    }
}
