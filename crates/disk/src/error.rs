//! What went wrong on the disk: the system's numbers become the project's conditions here and nowhere else.
//!
//! Owns the mapping and the sentence for people. It must never decide whether an error is fatal for a job.

use std::{fmt, io, path::PathBuf};

use bgcopy_model::Condition;
use rustix::io::Errno;

use crate::rights::Refusal;

/// Operations that end a job's call rather than its transfer, as they follow «cannot».
pub(crate) const FINISH: &str = "finish";
pub(crate) const PUBLISH: &str = "publish";
pub(crate) const CHECK: &str = "put a file at";

/// An operation that failed. Its text is one sentence with the path and the way out.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot {operation} {path}: {what}{detail}; {way_out}",
    path = .path.display(),
    what = what(*.condition),
    detail = Detail(*.condition, .source),
    way_out = way_out(*.condition, .operation)
)]
pub struct DiskError {
    /// What it means for the job.
    pub condition: Condition,
    /// What it happened to.
    pub path: PathBuf,
    /// What was tried, as it follows «cannot».
    pub operation: &'static str,
    /// What the system said, or this crate where the system said nothing.
    pub source: io::Error,
}

/// A [`DiskError`] that does not know yet what it happened to.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) condition: Condition,
    source: io::Error,
}

impl Fault {
    /// An error that this crate found by itself.
    pub(crate) fn told(condition: Condition, text: impl Into<String>) -> Self {
        Self {
            condition,
            source: io::Error::other(text.into()),
        }
    }

    /// The temporary file is not what was written.
    pub(crate) fn changed(text: &str) -> Self {
        Self::told(Condition::LocalFileChanged, text)
    }

    /// No thread could come into the owner's rights.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self::told(refusal.condition, refusal.text.clone())
    }

    /// The folder is not there.
    pub(crate) fn is_missing(&self) -> bool {
        self.condition == Condition::FolderMissing
    }

    /// Says what it happened to.
    pub(crate) fn at(self, path: impl Into<PathBuf>, operation: &'static str) -> DiskError {
        DiskError {
            condition: self.condition,
            path: path.into(),
            operation,
            source: self.source,
        }
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self {
            condition: condition_of(errno),
            source: errno.into(),
        }
    }
}

/// What an errno of an operation on a file or a folder means. Callers handle first what has another meaning in
/// their place, such as a temporary file that is not there.
pub(crate) const fn condition_of(errno: Errno) -> Condition {
    match errno {
        Errno::NOSPC => Condition::DiskFull,
        Errno::DQUOT => Condition::QuotaExceeded,
        Errno::ROFS => Condition::ReadOnlyFileSystem,
        // BUSY: a name that something is mounted on. LOOP: a folder behind a circle of symbolic links, or a link
        // where the file was to be.
        Errno::ACCESS | Errno::PERM | Errno::LOOP | Errno::BUSY => Condition::FolderNotWritable,
        // STALE: the file server has forgotten the folder.
        Errno::NOENT | Errno::NOTDIR | Errno::STALE => Condition::FolderMissing,
        Errno::ISDIR => Condition::DestinationIsFolder,
        Errno::FBIG | Errno::OVERFLOW => Condition::FileTooLarge,
        Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => Condition::InvalidName,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => Condition::ResourcesExhausted,
        // Faults of the program, not of a disk.
        Errno::BADF | Errno::FAULT => Condition::Internal,
        _ => Condition::DiskFailure,
    }
}

/// The particulars: always what this crate says, and what the system says where the condition alone is vague.
struct Detail<'a>(Condition, &'a io::Error);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errno = Errno::from_io_error(self.1);
        let vague = matches!(
            self.0,
            Condition::DiskFailure | Condition::Internal | Condition::FolderNotWritable
        );
        match errno {
            Some(Errno::NOTDIR) => f.write_str(" (a part of the path is a file)"),
            Some(Errno::LOOP) => f.write_str(" (a symbolic link is in the way)"),
            Some(errno) if !vague || matches!(errno, Errno::ACCESS | Errno::IO) => Ok(()),
            _ => write!(f, " ({})", self.1),
        }
    }
}

const fn what(condition: Condition) -> &'static str {
    match condition {
        // The model's phrase is about a job that somebody else asks for.
        Condition::AccessDenied => "the rights of the job's owner cannot be taken on",
        _ => condition.description(),
    }
}

/// What to do about it, and what to ask for then: what was tried says what that is.
fn way_out(condition: Condition, operation: &str) -> String {
    let again = match operation {
        FINISH | PUBLISH => "complete the job again",
        CHECK => "add the file again",
        _ => "resume the job",
    };
    let then = |what: &str| format!("{what}, then {again}");
    match condition {
        Condition::DiskFull => then("free some space"),
        Condition::QuotaExceeded => then("delete something of yours there"),
        Condition::ReadOnlyFileSystem => "mount it for writing or choose another folder".to_owned(),
        Condition::FolderNotWritable => {
            then("let the job's owner write there") + ", or choose another folder"
        }
        Condition::FolderMissing => then("make or mount it") + ", or choose another folder",
        Condition::FolderChanged => {
            then("see where the path leads, put the folder back if need be")
        }
        Condition::DestinationIsFolder => "choose another name, or move the folder away".to_owned(),
        Condition::InvalidName => "choose another name".to_owned(),
        Condition::FileTooLarge => {
            "choose a folder on another file system, or raise the limit".to_owned()
        }
        Condition::LocalFileChanged => "resume the job to fetch the file again".to_owned(),
        Condition::DiskFailure => then("check the device and the kernel's log"),
        Condition::AccessDenied => {
            then("check that the user exists and that the service runs as root")
        }
        _ => format!("{again}; if it happens again, report it with the service's log"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_of_the_local_file_has_its_errno() {
        for (errno, condition) in [
            (Errno::NOSPC, Condition::DiskFull),
            (Errno::DQUOT, Condition::QuotaExceeded),
            (Errno::ROFS, Condition::ReadOnlyFileSystem),
            (Errno::ACCESS, Condition::FolderNotWritable),
            (Errno::PERM, Condition::FolderNotWritable),
            (Errno::NOENT, Condition::FolderMissing),
            (Errno::ISDIR, Condition::DestinationIsFolder),
            (Errno::FBIG, Condition::FileTooLarge),
            (Errno::NAMETOOLONG, Condition::InvalidName),
            (Errno::IO, Condition::DiskFailure),
            (Errno::XDEV, Condition::DiskFailure),
        ] {
            assert_eq!(Fault::from(errno).condition, condition, "{errno}");
        }
    }

    #[test]
    fn the_text_names_the_path_the_cause_and_the_way_out() {
        let full = Fault::told(Condition::DiskFull, "needs 2 GiB, 1 GiB is free");
        assert_eq!(
            full.at("/srv/a", "write").to_string(),
            "cannot write /srv/a: the disk is full (needs 2 GiB, 1 GiB is free); free some space, then resume the \
             job"
        );
        let text = Fault::from(Errno::ACCESS)
            .at("/srv", "create a file in")
            .to_string();
        assert_eq!(
            text,
            "cannot create a file in /srv: the destination folder cannot be written; let the job's owner write \
             there, then resume the job, or choose another folder"
        );
        let odd = Fault::from(Errno::XDEV).at("/srv", "sync").to_string();
        assert!(odd.contains("os error"), "{odd}");
        let odd = Fault::from(Errno::LOOP).at("/srv", "sync").to_string();
        assert!(odd.contains("symbolic link"), "{odd}");
    }
}
