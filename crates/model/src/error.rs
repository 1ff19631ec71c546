//! The error object of a job.

use serde::{Deserialize, Serialize};

use crate::{Condition, FileIndex, HResult, Profile};

/// Where an error happened (`BG_ERROR_CONTEXT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum ErrorContext {
    /// No context.
    None = 0,
    /// Not known.
    Unknown = 1,
    /// The queue itself.
    QueueManager = 2,
    /// Calling the client.
    Notification = 3,
    /// The file here: its folder, its disk.
    LocalFile = 4,
    /// The file there: the origin's answer.
    RemoteFile = 5,
    /// The way to it: names, connections, proxies, TLS.
    Transport = 6,
}

impl ErrorContext {
    /// The number on the wire.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The name for `--json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unknown => "unknown",
            Self::QueueManager => "queue_manager",
            Self::Notification => "notification",
            Self::LocalFile => "local_file",
            Self::RemoteFile => "remote_file",
            Self::Transport => "transport",
        }
    }

    /// A phrase for people.
    pub const fn description(self) -> &'static str {
        match self {
            Self::None => "no particular place",
            Self::Unknown => "an unknown place",
            Self::QueueManager => "the queue",
            Self::Notification => "the notification of the client",
            Self::LocalFile => "the local file",
            Self::RemoteFile => "the remote file",
            Self::Transport => "the connection",
        }
    }
}

/// What stopped a job: the contract's error object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// What happened.
    pub condition: Condition,
    /// The file it happened to.
    pub file: Option<FileIndex>,
    /// One sentence in plain words that names the thing (host, path, size) and, where there is one, the way out.
    pub detail: String,
}

impl JobError {
    /// The contract's integer for it.
    pub const fn code(&self, profile: Profile) -> HResult {
        self.condition.hresult(profile)
    }

    /// Where it happened, as the profile tells it (contract, section Callbacks): DO knows only `REMOTE_FILE`, for
    /// an HTTP 403.
    pub const fn context(&self, profile: Profile) -> ErrorContext {
        match (profile, self.condition) {
            (Profile::Bits, condition) => condition.context(),
            (Profile::Do, Condition::HttpStatus(403)) => ErrorContext::RemoteFile,
            (Profile::Do, _) => ErrorContext::None,
        }
    }
}
