//! How far a job or a file is.

use serde::{Deserialize, Serialize};

/// The size on the wire of something whose size is not known: 2^64 − 1.
pub const UNKNOWN_SIZE: u64 = u64::MAX;

/// A job's progress. `bytes_transferred` never exceeds `bytes_total` when that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// Bytes of all files; `None` while one file's size is unknown.
    pub bytes_total: Option<u64>,
    /// Bytes received.
    pub bytes_transferred: u64,
    /// Files in the job.
    pub files_total: u32,
    /// Files of which every byte is there.
    pub files_transferred: u32,
}

/// A file's progress. With ranges the total is their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProgress {
    /// Bytes to receive; `None` until the origin has told.
    pub bytes_total: Option<u64>,
    /// Bytes received.
    pub bytes_transferred: u64,
    /// Whether the file has its final name.
    pub completed: bool,
}
