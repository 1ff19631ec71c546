//! Names of jobs and files.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A job's identity: 128 random bits, printed as a GUID without braces, in lower case.
///
/// The daemon draws it; this crate and the engine never make one up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

impl JobId {
    /// The identity with these bits.
    pub const fn from_u128(bits: u128) -> Self {
        Self(Uuid::from_u128(bits))
    }

    /// Its bits.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }

    /// 32 hexadecimal digits without hyphens: what object paths and file names use.
    pub fn simple(self) -> impl fmt::Display {
        self.0.simple()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    /// Reads every usual form: hyphenated, simple, in braces, in either case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// A file's place in its job, from 0, in the order of `AddFile`. It never changes.
pub type FileIndex = u32;

/// A file of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The job.
    pub job: JobId,
    /// The file in it.
    pub index: FileIndex,
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.job, self.index)
    }
}
