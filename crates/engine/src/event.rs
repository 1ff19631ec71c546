//! What happens to the engine: calls of clients and reports of the driver.

use bgcopy_model::{
    ClientContext, Condition, DownloadRecord, FileId, FileIndex, FileSpec, Inode, JobId, JobSpec,
    NotifyFlags, Owner, PeerCaching, Priority, RangeSet, Spent, Timestamp, TransferPolicy,
    Validator,
};
use std::time::Duration;
use url::Url;

use crate::{DownloadCall, HttpSetting};

/// Ties a call to its answer. The driver draws it and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// One run of a file's transfer. Reports of an earlier run than the file's present one are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt(pub u64);

/// A registered callback object: one call of `SetNotifyInterface`. The driver draws it and never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Listener(pub u64);

/// A client's connection, which its callback objects die with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Connection(pub u64);

/// One call to a client, or one run of a notification program. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Delivery(pub u64);

/// What a client is told (contract, section Callbacks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Notification {
    /// A file has all its bytes.
    FileTransferred(FileIndex),
    /// The job is in TRANSFERRED.
    JobTransferred,
    /// The job is in ERROR.
    JobError,
    /// The job changed in another way.
    JobModification,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client calls. Who may call what was checked before.
    Call(Ticket, Call),
    /// A running transfer reports.
    Transfer(FileId, Attempt, Report),
    /// The answer to [`crate::Action::Prepare`].
    Prepared(FileId, Result<Inode, Trouble>),
    /// The answer to [`crate::Action::Publish`].
    Published(FileId, Result<Publication, Trouble>),
    /// The answer to [`crate::Action::Discard`].
    Discarded(FileId, Result<(), Trouble>),
    /// The client answered [`crate::Action::Notify`], or cannot (it is gone, it has no such method); or the program of
    /// [`crate::Action::RunCommand`] ended, with success or not. `Err` says why in words.
    Notified(JobId, Delivery, Result<(), String>),
    /// A client's connection is gone, and with it its callback objects: none is registered on it after this. Calls to
    /// it need not be answered any more.
    ConnectionGone(Connection),
    /// The network came or changed: whoever waits for it may try at once.
    NetworkChanged,
    /// The time of [`crate::Engine::next_wake`] has come, or any other reason to look at the clock.
    Wake,
}

/// A method call.
#[derive(Clone, Debug)]
pub enum Call {
    /// Makes a job, with files and started at once if asked: one step, one transaction.
    Create {
        /// The identity drawn for it.
        id: JobId,
        /// Whose it is.
        owner: Owner,
        /// What it is.
        spec: Box<JobSpec>,
        /// Its first files; may be none.
        files: Vec<FileSpec>,
        /// Whether it is resumed at once.
        resume: bool,
    },
    /// Adds files, all or none.
    AddFiles(JobId, Vec<FileSpec>),
    /// Lets it go.
    Resume(JobId),
    /// Stops it.
    Suspend(JobId),
    /// Ends it and deletes what it fetched.
    Cancel(JobId),
    /// Ends it and names what it fetched.
    Complete(JobId),
    /// Changes a property.
    Set(JobId, Setting),
    /// Says where a file is from now on. A file that has all its bytes stays as it is.
    SetUrl(FileId, Url),
    /// Replaces the beginning of the URLs of all files that miss bytes and have it; all or none.
    ReplacePrefix(JobId, String, String),
    /// Says whether the client has found a file's content to be right.
    SetValid(FileId, bool),
    /// Gives the job to somebody else, who was asked whether the files can be made there. Who may was checked before.
    TakeOwnership(JobId, Owner),
    /// Makes a callback object the job's, in place of the one it had; `None`: none any more.
    SetNotifyInterface(JobId, Option<(Listener, Connection)>),
    /// Makes a download.
    CreateDownload {
        /// The identity drawn for it.
        id: JobId,
        /// Whose it is.
        owner: Owner,
        /// The properties that it begins with.
        record: Box<DownloadRecord>,
        /// What was true for the client when it made it.
        context: ClientContext,
    },
    /// A call of a download.
    Download(JobId, DownloadCall),
}

/// A property and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The name for people; checked for length here.
    Name(String),
    /// The description; checked for length here.
    Description(String),
    /// The priority.
    Priority(Priority),
    /// The shortest time before a retry; raised to 5 s.
    MinimumRetryDelay(Duration),
    /// How long it may go without a byte.
    NoProgressTimeout(Duration),
    /// How long it may be at work; zero: for as long as it takes.
    MaximumDownloadTime(Duration),
    /// Which events its client wants to be called for.
    NotifyFlags(NotifyFlags),
    /// Whether the service completes it by itself.
    AutoComplete(bool),
    /// The program to run, and its arguments; empty: none. The program must be an absolute path.
    NotifyCommand(Vec<String>),
    /// The bus name to start.
    Activation(Option<String>),
    /// On which networks its client wants it to transfer.
    TransferPolicy(TransferPolicy),
    /// What its client lets peers do.
    PeerCaching(PeerCaching),
    /// How its requests go out.
    Http(HttpSetting),
}

/// How a file's naming ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publication {
    /// The file has its name.
    Done,
    /// Something else has come to have the name that the origin proposed, and stays as it is. The file has no name yet.
    Taken {
        /// A name that is free.
        free: String,
    },
}

/// What a transfer reports. Each run ends with exactly one [`Report::Ended`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The origin answered: the version and size are known, and bytes will come.
    Opened {
        /// Bytes of the local file; `None`: not told.
        size: Option<u64>,
        /// The version.
        version: Validator,
        /// The name that the file is to have, when it is [`bgcopy_model::Naming::Pending`].
        name: Option<String>,
        /// When the origin last changed it.
        modified: Option<Timestamp>,
    },
    /// The temporary file is in this folder. Told when [`bgcopy_model::FileRecord::folder`] was not set.
    Placed(Inode),
    /// Redirects led here, and the job wants to know.
    Redirected(Url),
    /// So many bytes of the file are here now, synced or not.
    Progress(u64),
    /// What was here is of another version, or cannot be continued: the temporary file is empty again and the run
    /// goes on from 0.
    Restarted {
        /// Whether that is because the version changed (counted, and in the end an error), not because the origin
        /// cannot continue a file.
        changed: bool,
    },
    /// The stream takes no bytes for the moment (`true`), or takes them again. What passes meanwhile is its reader's
    /// time, not the origin's.
    Stalled(bool),
    /// What the run has cost since it said so last. Stored with the next write of the file.
    Spent(Spent),
    /// A checkpoint: these bytes are synced.
    Durable(RangeSet),
    /// The run is over: nothing of it writes any more.
    Ended(Outcome),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every byte is here, synced and verified.
    Finished {
        /// Bytes of the file.
        size: u64,
        /// Whether only the end of the connection told where the file ends.
        length_unverified: bool,
        /// The temporary file's identity; `None`: it went into a stream.
        inode: Option<Inode>,
    },
    /// It was told to stop.
    Stopped,
    /// It could not go on.
    Failed(Trouble),
}

/// What went wrong, as the engine needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What happened.
    pub condition: Condition,
    /// One sentence for people.
    pub detail: String,
    /// How long the origin asked to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether what came in this try was dropped again, since it was wrong.
    pub in_vain: bool,
}

impl Trouble {
    /// Trouble without a Retry-After.
    pub fn new(condition: Condition, detail: impl Into<String>) -> Self {
        Self {
            condition,
            detail: detail.into(),
            retry_after: None,
            in_vain: false,
        }
    }
}
