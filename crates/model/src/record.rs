//! The durable form of a job: what the engine works on and the store keeps. What is not in here does not survive.

use std::{path::Path, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    ByteRange, Checksum, ClientContext, ClockAnchor, DownloadRecord, Due, FileIndex, Header,
    HttpOptions, JobError, JobId, JobState, Mirror, Moment, NotifyFlags, Owner, PeerCaching,
    Priority, Profile, RangeSet, Spent, Timestamp, TransferPolicy, Validator,
};

/// A job without its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Its identity.
    pub id: JobId,
    /// Whose it is.
    pub owner: Owner,
    /// Whose conventions it follows.
    pub profile: Profile,
    /// A name for people.
    pub name: String,
    /// A description for people.
    pub description: String,
    /// Its priority.
    pub priority: Priority,
    /// Whether the service completes it by itself.
    pub auto_complete: bool,
    /// Which events its client wants to be called for.
    pub notify_flags: NotifyFlags,
    /// Calls that are due to its client.
    pub due: Due,
    /// The program that is run when nobody is registered or the registered client fails, and its arguments, the
    /// program's own name first; empty: none.
    pub notify_command: Vec<String>,
    /// A name on the owner's session bus that is started when something is due and nobody is registered.
    pub activation: Option<String>,
    /// The shortest time before a retry.
    pub minimum_retry_delay: Duration,
    /// How long it may go without a byte; zero: every error is fatal.
    pub no_progress_timeout: Duration,
    /// How long it may be at work, in CONNECTING and TRANSFERRING; zero: for as long as it takes.
    pub maximum_download_time: Duration,
    /// How long it has been at work since it was made or last resumed; as of the last write of this record, which is
    /// at most a minute of work behind while bytes come.
    pub download_time: Duration,
    /// On which networks its client wants it to transfer; kept for the client, without effect yet.
    pub transfer_policy: TransferPolicy,
    /// What its client lets peers do with its files; kept for the client, without effect as long as there are none.
    pub peer_caching: PeerCaching,
    /// Fields that every request carries; secret.
    pub headers: Vec<Header>,
    /// How requests go out; passwords are in it.
    pub http: HttpOptions,
    /// What was true for the client when it made the job.
    pub context: ClientContext,
    /// Where it is in its life.
    pub phase: JobPhase,
    /// How often trouble stopped it, for a time or for good. Files that fail while others go on count as one.
    pub error_count: u32,
    /// Tries in a row that ended without a byte: the retry delay grows with it.
    pub fruitless_tries: u32,
    /// When it was made, by the wall.
    pub created: Timestamp,
    /// When it was last changed, by the wall.
    pub modified: Timestamp,
    /// When its last byte arrived, by the wall.
    pub transferred_at: Option<Timestamp>,
    /// When it was made, in service time: expiry counts from here.
    pub born: Moment,
    /// When its last byte arrived or it was last resumed, in service time.
    pub last_progress: Moment,
    /// What it has beside this when it is a download.
    pub download: Option<Box<DownloadRecord>>,
}

impl JobRecord {
    /// The maximum download time of a job for which none was set: 90 days.
    pub const MAXIMUM_DOWNLOAD_TIME: Duration = Duration::from_hours(90 * 24);

    /// The priority by which it waits for a turn: in the DO profile the three background levels are alike (contract,
    /// section Priorities).
    pub const fn queue_priority(&self) -> Priority {
        match self.profile {
            Profile::Do if self.priority.is_background() => Priority::Normal,
            Profile::Do | Profile::Bits => self.priority,
        }
    }
}

/// Where a job is in its life. Each variant carries what is true only there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum JobPhase {
    /// SUSPENDED.
    Suspended,
    /// QUEUED: wants a turn. A job that was transferring when the daemon ended comes back as this.
    Queued,
    /// CONNECTING (shown as TRANSFERRING in the DO profile): has its turn, no byte yet.
    Connecting,
    /// TRANSFERRING.
    Transferring,
    /// `TRANSIENT_ERROR`.
    TransientError {
        /// What happened.
        error: JobError,
        /// When it is tried again.
        retry_at: Moment,
    },
    /// ERROR.
    Error {
        /// What happened.
        error: JobError,
    },
    /// TRANSFERRED.
    Transferred,
    /// Complete was called and the answer is not yet given: finished files are being named. Durable before the
    /// first rename, so that a restart goes on with it.
    Completing {
        /// The state that is shown meanwhile, and that a rename that fails goes back to (TRANSFERRED), unless the
        /// job was stopped before all files were there.
        shown: JobState,
    },
    /// ACKNOWLEDGED; final.
    Acknowledged {
        /// When, in service time: the record is dropped some time after.
        at: Moment,
        /// Whether some files were dropped unfinished.
        partial: bool,
    },
    /// CANCELLED; final.
    Cancelled {
        /// When, in service time.
        at: Moment,
    },
}

impl JobPhase {
    /// The state that the contract shows for it.
    pub const fn state(&self, profile: Profile) -> JobState {
        match self {
            Self::Suspended => JobState::Suspended,
            Self::Queued => JobState::Queued,
            Self::Connecting => match profile {
                Profile::Do => JobState::Transferring,
                Profile::Bits => JobState::Connecting,
            },
            Self::Transferring => JobState::Transferring,
            Self::TransientError { .. } => JobState::TransientError,
            Self::Error { .. } => JobState::Error,
            Self::Transferred => JobState::Transferred,
            Self::Completing { shown } => *shown,
            Self::Acknowledged { .. } => JobState::Acknowledged,
            Self::Cancelled { .. } => JobState::Cancelled,
        }
    }

    /// ACKNOWLEDGED and CANCELLED.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Acknowledged { .. } | Self::Cancelled { .. })
    }

    /// The error of a job in one of the error states.
    pub const fn error(&self) -> Option<&JobError> {
        match self {
            Self::TransientError { error, .. } | Self::Error { error } => Some(error),
            _ => None,
        }
    }

    /// The same, of a phase that is over.
    pub fn into_error(self) -> Option<JobError> {
        match self {
            Self::TransientError { error, .. } | Self::Error { error } => Some(error),
            _ => None,
        }
    }
}

/// A file of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its place in the job.
    pub index: FileIndex,
    /// Where it is.
    pub url: Arc<Url>,
    /// Where it is too, in the order in which they are asked; none without a checksum. Nothing of the job's secrets goes
    /// there.
    pub mirrors: Vec<Mirror>,
    /// Where redirects led to in the end, for a job that reports it: then this is the remote name. Requests go to
    /// `url` all the same, since the job's secrets are for that origin, and what is found may be found for a short
    /// time only.
    pub found_at: Option<Box<Url>>,
    /// Its destination: an absolute path. While its name is [`Naming::Pending`], only the folder is final.
    pub path: Arc<Path>,
    /// Where the last component of `path` comes from.
    pub naming: Naming,
    /// What takes its bytes. Of one that goes into a stream, `path`, `folder` and `temporary` say nothing.
    pub sink: Sink,
    /// The folder that `path` led to when the file was added; no other one gets it. `None`: whichever it leads to
    /// when the temporary file is made.
    pub folder: Option<Inode>,
    /// The name of the temporary file in the destination's folder. Recorded before the file is made.
    pub temporary: Arc<str>,
    /// The ranges wanted; empty: all of it.
    pub ranges: Vec<ByteRange>,
    /// The digest it must have.
    pub checksum: Option<Box<Checksum>>,
    /// Bytes of the local file once it is whole; `None`: not known yet.
    pub size: Option<u64>,
    /// What the origin said about the version of which bytes are here.
    pub validator: Validator,
    /// When the origin last changed it, by its own word: the modification time of the finished file.
    pub modified: Option<Timestamp>,
    /// Bytes that are synced to the temporary file.
    pub durable: RangeSet,
    /// Times it was started again because its version changed.
    pub restarts: u32,
    /// What its client says of the content: whether it has found it to be right (contract, row Validation state).
    pub is_valid: bool,
    /// What fetching it has cost so far; as of the last write of this record.
    pub spent: Spent,
    /// Whether `FileTransferred` is due: from its last byte until the client's success, where the flags ask for it.
    pub notify_due: bool,
    /// Where it is in its life.
    pub phase: FilePhase,
}

impl FileRecord {
    /// Whether the last component of the path may still change.
    pub fn name_pending(&self) -> bool {
        self.naming == Naming::Pending
    }
}

/// Who gave a file its name. Only a name that the caller wrote replaces a file that has it already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// The caller.
    Given,
    /// The caller named a folder; the name is to come from the answer.
    Pending,
    /// The caller named a folder; the name came from the answer, and gives way to a file that has it.
    Chosen,
}

/// What takes a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// The temporary file, which gets its name in the end.
    File,
    /// A stream that its client hands over while the service runs. The stream itself is not recorded, and what it has
    /// taken cannot be taken back: a new one begins at the first byte of the range set under way.
    Stream {
        /// Where that set begins in the local file; the bytes before it are those of earlier sets.
        set: u64,
    },
}

impl Sink {
    /// Whether it is a stream.
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Stream { .. })
    }
}

/// Where a file is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum FilePhase {
    /// Bytes are missing.
    Pending,
    /// Every byte is in the temporary file, synced and verified.
    Transferred {
        /// Whether only the end of the connection told where the file ends.
        length_unverified: bool,
        /// The temporary file's identity, durable before the rename: a restart that finds no temporary file and this
        /// inode under the destination's name knows that the rename happened. `None`: it is in a stream.
        inode: Option<Inode>,
    },
    /// It has its final name.
    Published,
    /// Dropped unfinished by Complete, or deleted by Cancel.
    Dropped,
}

/// A file's identity in its file system, while the machine runs and across restarts of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Inode {
    /// The device.
    pub device: u64,
    /// The number on it.
    pub number: u64,
}

/// One change of the durable state. The store applies a list of them in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Writes a job, new or changed; its files stay.
    PutJob(Box<JobRecord>),
    /// Writes files of a job, new or changed. The records are shared with whoever shows them.
    PutFiles(JobId, Vec<Arc<FileRecord>>),
    /// Forgets a job and its files.
    Forget(JobId),
    /// Records the clocks.
    PutAnchor(ClockAnchor),
}
