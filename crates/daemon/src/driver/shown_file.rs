//! A file as it looks from outside.
//!
//! It shares the engine's record instead of copying what is shown of it: jobs have thousands of files, and few are ever
//! looked at. So this is where secrets are left out.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use bgcopy_engine::FileView;
use bgcopy_model::{
    ByteRange, Checksum, FileIndex, FilePhase, FileProgress, FileRecord, Mirror, Spent, Validator,
};
use url::Url;

use crate::redact;

/// A file as it looked when it was published.
#[derive(Clone)]
pub struct FileSnapshot {
    record: Arc<FileRecord>,
    progress: FileProgress,
}

impl FileSnapshot {
    /// The file as it is now.
    pub fn new(view: FileView<'_>) -> Self {
        Self::of(view.record(), view.progress())
    }

    /// The file of this record, that far.
    pub fn of(record: &Arc<FileRecord>, progress: FileProgress) -> Self {
        Self {
            record: Arc::clone(record),
            progress,
        }
    }

    /// Its place in the job.
    pub fn index(&self) -> FileIndex {
        self.record.index
    }

    /// Where it is, or was found for a job that reports it; without user and password.
    pub fn url(&self) -> Url {
        redact::shown(self.place())
    }

    /// The scheme of its URL.
    pub fn scheme(&self) -> &str {
        self.place().scheme()
    }

    /// Where it is too; without users and passwords.
    pub fn mirrors(&self) -> impl Iterator<Item = Mirror> {
        self.record.mirrors.iter().map(|mirror| Mirror {
            url: redact::shown(&mirror.url),
            priority: mirror.priority,
        })
    }

    /// Its destination.
    pub fn path(&self) -> &Path {
        &self.record.path
    }

    /// Whether the destination's last component may still change.
    pub fn name_pending(&self) -> bool {
        self.record.name_pending()
    }

    /// The temporary file's whole path.
    pub fn temporary(&self) -> PathBuf {
        self.record.path.with_file_name(&*self.record.temporary)
    }

    /// How far it is.
    pub const fn progress(&self) -> FileProgress {
        self.progress
    }

    /// The ranges that are wanted, in order; empty: all of it.
    pub fn ranges(&self) -> &[ByteRange] {
        &self.record.ranges
    }

    /// The digest it must have.
    pub fn checksum(&self) -> Option<Checksum> {
        self.record.checksum.as_deref().copied()
    }

    /// The version of which bytes are here.
    pub fn validator(&self) -> &Validator {
        &self.record.validator
    }

    /// Whether only the end of the connection told where the file ends.
    pub fn length_unverified(&self) -> bool {
        matches!(
            self.record.phase,
            FilePhase::Transferred {
                length_unverified: true,
                ..
            }
        )
    }

    /// Whether every byte is here, under whichever name.
    pub fn is_here(&self) -> bool {
        matches!(
            self.record.phase,
            FilePhase::Transferred { .. } | FilePhase::Published
        )
    }

    /// Whether its client has found the content to be right.
    pub fn is_valid(&self) -> bool {
        self.record.is_valid
    }

    /// What fetching it has cost.
    pub fn spent(&self) -> Spent {
        self.record.spent
    }

    fn place(&self) -> &Url {
        self.record.found_at.as_deref().unwrap_or(&self.record.url)
    }
}

impl fmt::Debug for FileSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The record's URLs may have secrets.
        f.debug_struct("FileSnapshot")
            .field("index", &self.index())
            .field("url", &self.url().as_str())
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
