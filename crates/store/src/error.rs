//! What can go wrong with the queue, in sentences for people, and what a failure means for the transaction.

use std::{io, path::Path, path::PathBuf, sync::Arc};

use bgcopy_model::JobId;
use rusqlite::{ErrorCode, ffi};

/// Why the queue cannot be opened, or a batch was not committed. Each text is one sentence that names the file and,
/// where there is one, the way out; it never holds the content of a record.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A call on the folder or a file in it failed.
    #[error("cannot {doing} {}: {cause}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The answer of the system.
        cause: Arc<io::Error>,
    },
    /// The folder or a file in it belongs to somebody else.
    #[error(
        "{} belongs to user {owner}, but this process runs as user {process}: the queue must be private; name \
         another folder or change the owner",
        path.display()
    )]
    NotOurs {
        /// The folder or file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The process's effective user.
        process: u32,
    },
    /// Something else stands in the place of the folder or of a file.
    #[error("{} is not {expected}; move it away", path.display())]
    WrongKind {
        /// What stands there.
        path: PathBuf,
        /// What ought to.
        expected: &'static str,
    },
    /// Another process, or another store in this one, has it open.
    #[error("{} is in use already; stop the process that has it open", file.display())]
    Locked {
        /// The queue.
        file: PathBuf,
    },
    /// A later version of the program wrote it.
    #[error(
        "{} has schema version {found}, and this program knows none above {known}: use the program that wrote it or \
         a later one",
        file.display()
    )]
    Newer {
        /// The queue.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// The latest version known.
        known: u32,
    },
    /// It is a database of something else.
    #[error("{} is a database, but no queue of this program; move it away", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// SQLite finds no well-formed database there.
    #[error(
        "{} is damaged ({cause}); nothing was changed: move it away, with the files whose names begin with its name, \
         to start with an empty queue",
        file.display()
    )]
    Damaged {
        /// The queue.
        file: PathBuf,
        /// What SQLite says.
        cause: Arc<rusqlite::Error>,
    },
    /// The disk is full. Committed work is safe; the failed batches can be tried again.
    #[error("no space is left for {}; free some and try again", file.display())]
    Full {
        /// The queue.
        file: PathBuf,
    },
    /// Anything else that SQLite reports.
    #[error("{} cannot be used: {cause}", file.display())]
    Sqlite {
        /// The queue.
        file: PathBuf,
        /// What SQLite says.
        cause: Arc<rusqlite::Error>,
    },
    /// Files of a job that is not there: a fault of the caller. Nothing of the batch was applied.
    #[error("the queue has no job {0}")]
    UnknownJob(JobId),
    /// The disk failed in a way after which memory and disk may differ: after a failed sync the kernel may have
    /// dropped what was not written. The queue must be opened anew, which reads what the disk really holds.
    #[error("the queue has stopped and must be opened again: {0}")]
    Poisoned(Box<StoreError>),
    /// [`crate::Store::close`] was called.
    #[error("the queue is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn file(doing: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::File {
            doing,
            path: path.to_owned(),
            cause: Arc::new(cause),
        }
    }

    pub(crate) fn sqlite(file: &Path, cause: rusqlite::Error) -> Self {
        let file = file.to_owned();
        match cause.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { file },
            Some(ErrorCode::DiskFull) => Self::Full { file },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged {
                file,
                cause: Arc::new(cause),
            },
            _ => Self::Sqlite {
                file,
                cause: Arc::new(cause),
            },
        }
    }
}

/// What a failure inside a transaction concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The batch at fault; the others can be committed without it.
    Batch,
    /// The transaction; another one may succeed.
    Transaction,
    /// The connection.
    Connection,
}

impl Scope {
    pub(crate) fn of(error: &rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, _) = error else {
            // rusqlite's own refusals concern the values that it was given.
            return Self::Batch;
        };
        match failure.extended_code {
            // write() refused (a quota, a limit of the process) and memory that is short leave nothing half done:
            // frames without a commit mark are not part of the log.
            ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_NOMEM => Self::Transaction,
            code => match code & 0xff {
                ffi::SQLITE_CONSTRAINT | ffi::SQLITE_TOOBIG | ffi::SQLITE_MISMATCH => Self::Batch,
                ffi::SQLITE_IOERR | ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => Self::Connection,
                _ => Self::Transaction,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(code: i32) -> Scope {
        Scope::of(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn only_what_may_have_parted_memory_from_disk_ends_the_connection() {
        for code in [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_IOERR_SHORT_READ,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CORRUPT_INDEX,
            ffi::SQLITE_NOTADB,
        ] {
            assert_eq!(scope(code), Scope::Connection, "{code}");
        }
        for code in [
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_NOMEM,
            ffi::SQLITE_READONLY_DBMOVED,
        ] {
            assert_eq!(scope(code), Scope::Transaction, "{code}");
        }
        assert_eq!(scope(ffi::SQLITE_CONSTRAINT_FOREIGNKEY), Scope::Batch);
    }
}
