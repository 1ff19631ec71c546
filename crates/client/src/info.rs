//! What a client sees of a job, a file and an error: snapshots, taken at one moment and never changing afterwards.
//!
//! Owns plain data alone. How it is read off the bus is [`crate::wire`]'s business.

use std::{path::PathBuf, time::Duration};

use bgcopy_model::{
    AuthScheme, AuthTarget, Checksum, ErrorContext, HResult, JobId, JobRecord, JobState,
    NotifyFlags, PeerCaching, Priority, Profile, SecurityFlags, Timestamp, TransferPolicy,
};

/// The service that a [`crate::Manager`] is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceInfo {
    /// Its version, `major.minor.patch`.
    pub version: String,
    /// The version of the protocol that it speaks.
    pub protocol_version: u32,
    /// `user`, `session` or `system`.
    pub mode: String,
    /// Its process.
    pub process_id: u32,
}

/// A job as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobInfo {
    /// Its identity.
    pub id: JobId,
    /// Whose conventions it follows.
    pub profile: Profile,
    /// Its name, as its maker gave it: not safe to print on a terminal as it is.
    pub name: String,
    /// Its description, likewise.
    pub description: String,
    /// The number of the user it belongs to.
    pub owner: u32,
    /// Its priority.
    pub priority: Priority,
    /// Its state.
    pub state: JobState,
    /// Whether the service completes it by itself once every file is there.
    pub auto_complete: bool,
    /// Which events its client wants to be called for.
    pub notify_flags: NotifyFlags,
    /// The program that is run when no callback object answers, and its arguments; empty: none.
    pub notify_command: Vec<String>,
    /// The name on the owner's session bus that is started when there is no callback object.
    pub activation_name: Option<String>,
    /// The shortest time before a retry.
    pub minimum_retry_delay: Duration,
    /// How long it may go without a byte; zero: every error is fatal.
    pub no_progress_timeout: Duration,
    /// How long it may be at work, in CONNECTING and TRANSFERRING; zero: for as long as it takes.
    pub maximum_download_time: Duration,
    /// On which networks it is to transfer; without effect yet.
    pub transfer_policy: TransferPolicy,
    /// What peers may do; without effect as long as there are none.
    pub peer_caching: PeerCaching,
    /// What becomes of redirects.
    pub security_flags: SecurityFlags,
    /// For whom and in which scheme it has credentials.
    pub credentials: Vec<(AuthTarget, AuthScheme)>,
    /// How often trouble stopped it, for a time or for good.
    pub error_count: u32,
    /// Bytes of all files; `None` while one file's size is unknown.
    pub bytes_total: Option<u64>,
    /// Bytes received.
    pub bytes_transferred: u64,
    /// Files in the job.
    pub files_total: u32,
    /// Files of which every byte is there.
    pub files_transferred: u32,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// When its last byte arrived.
    pub transferred_at: Option<Timestamp>,
    /// When it is tried again, by the wall clock; only in `TRANSIENT_ERROR`.
    pub retry_at: Option<Timestamp>,
    /// What stopped it: in `ERROR` and `TRANSIENT_ERROR`, and behind them until bytes move again.
    pub error: Option<JobTrouble>,
}

impl JobInfo {
    /// The maximum download time of a job for which none was set.
    pub const MAXIMUM_DOWNLOAD_TIME: Duration = JobRecord::MAXIMUM_DOWNLOAD_TIME;
}

/// What stopped a job, in short. [`crate::Job::error`] has the particulars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobTrouble {
    /// The contract's integer for it.
    pub code: HResult,
    /// One sentence.
    pub description: String,
}

/// A file of a job as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own on the bus"
)]
pub struct FileInfo {
    /// Its place in the job, from 0.
    pub index: u32,
    /// Where it is: its URL.
    pub remote_name: String,
    /// Where it is too: URL and priority of each mirror that was given with it, in the order in which they are asked.
    pub mirrors: Vec<(String, u32)>,
    /// Its destination. While [`Self::name_pending`] the last component may still change.
    pub local_name: PathBuf,
    /// Whether the origin may still give it another name.
    pub name_pending: bool,
    /// Where its bytes are until it has its name; `None` before there are any and after it.
    pub temporary_name: Option<PathBuf>,
    /// Bytes to receive; `None` until the origin has told.
    pub bytes_total: Option<u64>,
    /// Bytes received.
    pub bytes_transferred: u64,
    /// Whether it has its final name.
    pub completed: bool,
    /// The digest it must have.
    pub checksum: Option<Checksum>,
    /// The entity tag of the version that is fetched, as the origin wrote it.
    pub etag: Option<String>,
    /// The modification time of that version, as the origin wrote it.
    pub last_modified: Option<String>,
    /// Whether something told the file's length before its end; `false` where only the connection's end did.
    pub length_verified: bool,
    /// Whether the job's program has found the content to be right; `false` until it says so.
    pub is_valid: bool,
}

/// A callback object that is registered on a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The unique name of its connection on a bus; empty on a private socket.
    pub client: String,
    /// Its path in that client.
    pub path: String,
}

/// The error object of a job in `ERROR` or `TRANSIENT_ERROR`, or of one that was and has not transferred since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorInfo {
    /// The contract's integer.
    pub code: HResult,
    /// Its symbolic name, empty for a code without one.
    pub code_name: String,
    /// Where it happened.
    pub context: ErrorContext,
    /// That place, as a phrase.
    pub context_description: String,
    /// The index of the file it happened to.
    pub file: Option<u32>,
    /// One sentence that names the thing and, where there is one, the way out.
    pub description: String,
    /// `http` or `https`; empty when no transfer was under way.
    pub protocol: String,
}
