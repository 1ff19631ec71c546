//! The connection: how it is opened, what it promises, when its log is folded into the file.
//!
//! # What a commit costs
//! `synchronous=FULL` in WAL mode syncs the log once a transaction. The log is filled with zeros to
//! [`Settings::log_bytes`] at the start and begins again at its head after each checkpoint, so that this sync writes
//! blocks that are there already and changes no file size. Two syncs come with each checkpoint, and one more with the
//! first commit after it (SQLite syncs the log's new header on its own). Counted by `examples/measure.rs` under strace:
//! 1 000 commits of one file's progress and the clocks, two pages each, take 1 039 syncs, those of opening, of ten
//! checkpoints and of closing among them.
//!
//! SQLite's exclusive locking mode keeps the log's index in memory: there is no `-shm` file, and a second process is
//! refused. Closing does nothing by itself (`NO_CKPT_ON_CLOSE`): a connection that is given up leaves the log for the
//! next start to read.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bgcopy_model::Mutation;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};

use crate::{
    Restored, StoreError,
    error::Scope,
    folder,
    migrate::{self, Kind, MIGRATIONS},
    restore,
    write::{self, Refusal},
};

/// KiB of pages that are kept in memory. The queue is written, and hardly ever read; the system has its pages too.
const CACHE: i64 = 512;

/// What tests set otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The log's size before anything is in it, bytes: a checkpoint's worth of pages and some slack.
    pub(crate) log_bytes: u32,
    /// The most pages that the database may have; `None`: no bound.
    pub(crate) most_pages: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_bytes: 1 << 20,
            most_pages: None,
        }
    }
}

/// Pages in the log (of 4 KiB) from which on it is folded in when nothing else waits: 200 of the 254 that the filled
/// log has room for.
pub(crate) const CHECKPOINT_PAGES: u32 = 200;

/// Why a transaction came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The batch at this place is at fault.
    Batch(usize, StoreError),
    /// This transaction failed; the connection is as it was before.
    Transaction(StoreError),
    /// The connection must not be used any more.
    Connection(StoreError),
}

/// The open queue.
#[derive(Debug)]
pub(crate) struct Database {
    file: PathBuf,
    connection: Connection,
}

impl Database {
    /// Opens the file, takes its lock and brings the schema up to date.
    pub(crate) fn open(file: &Path, settings: &Settings) -> Result<Self, StoreError> {
        let fail = |e| StoreError::sqlite(file, e);
        let mut connection = connect(file).map_err(fail)?;
        let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
        let version = match migrate::identify(&connection).map_err(fail)? {
            Kind::Fresh => 0,
            Kind::Queue(found) if found > known => {
                return Err(StoreError::Newer {
                    file: file.to_owned(),
                    found,
                    known,
                });
            }
            Kind::Queue(version) => version,
            Kind::Foreign => {
                return Err(StoreError::Foreign {
                    file: file.to_owned(),
                });
            }
        };
        configure(&connection, settings).map_err(fail)?;
        migrate::migrate(&mut connection, version, MIGRATIONS).map_err(fail)?;
        if let Err(error) = folder::fill_log(file, settings.log_bytes) {
            // Commits work without it, at the price of a larger sync.
            tracing::debug!(file = %file.display(), %error, "the log was not filled");
        }
        if let Some(pages) = settings.most_pages {
            connection
                .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
                .map_err(fail)?;
        }
        Ok(Self {
            file: file.to_owned(),
            connection,
        })
    }

    /// Reads everything.
    pub(crate) fn restore(&mut self) -> Result<Restored, StoreError> {
        restore::restore(&mut self.connection).map_err(|e| StoreError::sqlite(&self.file, e))
    }

    /// Writes the batches in one transaction: all of them or none.
    pub(crate) fn commit<'a>(
        &mut self,
        batches: impl Iterator<Item = &'a [Mutation]>,
    ) -> Result<(), Failure> {
        let outcome = transact(&mut self.connection, batches);
        outcome.map_err(|(place, refusal)| self.judge(place, refusal))
    }

    /// Folds the log into the file as far as it is not there yet, if that is `least` pages or more. Returns whether
    /// there was something to do.
    pub(crate) fn checkpoint(&self, least: u32) -> Result<bool, Failure> {
        let run = || {
            let mut look = self
                .connection
                .prepare_cached("PRAGMA wal_checkpoint(NOOP)")?;
            let (log, done): (u32, u32) =
                look.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?;
            if log.saturating_sub(done) < least {
                return Ok(false);
            }
            let mut fold = self
                .connection
                .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
            fold.query_row([], |_| Ok(true))
        };
        run().map_err(|e| self.judge(None, Refusal::Sqlite(e)))
    }

    /// Folds the log in, empties it and closes.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        let fail = |e| StoreError::sqlite(&self.file, e);
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(fail)?;
        self.connection.close().map_err(|(_, e)| fail(e))
    }

    fn judge(&self, place: Option<usize>, refusal: Refusal) -> Failure {
        let (scope, error) = match refusal {
            Refusal::UnknownJob(job) => (Scope::Batch, StoreError::UnknownJob(job)),
            Refusal::Sqlite(e) => (Scope::of(&e), StoreError::sqlite(&self.file, e)),
        };
        // A transaction that could not be rolled back would take the next one's batches in.
        if !self.connection.is_autocommit() {
            return Failure::Connection(error);
        }
        match (scope, place) {
            (Scope::Batch, Some(place)) => Failure::Batch(place, error),
            (Scope::Batch | Scope::Transaction, _) => Failure::Transaction(error),
            (Scope::Connection, _) => Failure::Connection(error),
        }
    }
}

/// An error comes with the place of the batch that it happened in; without one it happened at the beginning or the
/// end. The transaction is rolled back as it is dropped.
fn transact<'a>(
    connection: &mut Connection,
    batches: impl Iterator<Item = &'a [Mutation]>,
) -> Result<(), (Option<usize>, Refusal)> {
    let outside = |e| (None, Refusal::Sqlite(e));
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(outside)?;
    for (place, batch) in batches.enumerate() {
        for mutation in batch {
            write::apply(&transaction, mutation).map_err(|e| (Some(place), e))?;
        }
    }
    transaction.commit().map_err(outside)
}

/// Opens without changing anything.
fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(Duration::ZERO)?;
    // Before the first access: from then on the log's index is in memory and the lock is kept.
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    // Secrets are not to land in a temporary folder.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn configure(connection: &Connection, settings: &Settings) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| {
        match row.get::<_, String>(0)?.as_str() {
            "wal" => Ok(()),
            other => Err(rusqlite::Error::InvalidParameterName(format!(
                "the file system allows no write-ahead log (journal mode {other})"
            ))),
        }
    })?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Checkpoints are the owner thread's business, when nobody waits.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    // A log that one large batch made long goes back to its size; a usual one is never cut.
    connection
        .pragma_update_and_check(None, "journal_size_limit", settings.log_bytes, |_| Ok(()))?;
    // What is forgotten is overwritten in pages that are written anyway.
    connection.pragma_update_and_check(None, "secure_delete", "FAST", |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SIGKILL cannot tell these settings from weaker ones; power can.
    #[test]
    fn the_connection_has_the_settings_that_the_promises_rest_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder::prepare(folder.path()).unwrap();
        let database = Database::open(&file, &Settings::default()).unwrap();
        for (pragma, expected) in [
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("locking_mode", "exclusive"),
            ("foreign_keys", "1"),
            ("wal_autocheckpoint", "0"),
            ("page_size", "4096"),
            ("temp_store", "2"),
        ] {
            let value = database
                .connection
                .query_row(&format!("PRAGMA {pragma}"), [], |row| {
                    let value: rusqlite::types::Value = row.get(0)?;
                    Ok(match value {
                        rusqlite::types::Value::Integer(number) => number.to_string(),
                        rusqlite::types::Value::Text(text) => text,
                        other => format!("{other:?}"),
                    })
                })
                .unwrap();
            assert_eq!(value, expected, "{pragma}");
        }
        let room = Settings::default().log_bytes / (4096 + 24);
        assert!(
            CHECKPOINT_PAGES < room,
            "a checkpoint comes before the filled log is used up"
        );
    }
}
