//! Where the log goes: standard error; for a service that a client started, a file beside the queue.
//!
//! Owns the file and its one predecessor: what would make it larger than [`LARGEST`] begins a new one, and the old one
//! takes the name with `.1`. Must never keep the service from its work: a log that cannot be written is lost.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the log is the service's own file, not a user's that `disk` guards"
)]

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

use tracing_subscriber::EnvFilter;

/// The largest that the file gets, in bytes.
const LARGEST: u64 = 1 << 20;

/// Sets the log up. A filter that cannot be read falls back to `info` and is named in the log.
///
/// # Errors
/// The log file cannot be opened.
pub fn set_up(filter: &str, file: Option<&Path>) -> io::Result<()> {
    let parsed = EnvFilter::try_new(filter);
    let complaint = parsed.as_ref().err().map(ToString::to_string);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(parsed.unwrap_or_else(|_| EnvFilter::new("info")))
        .with_ansi(false);
    match file {
        Some(path) => {
            let log = Bounded::open(path, LARGEST)?;
            subscriber.with_writer(Mutex::new(log)).init();
        }
        None => subscriber.with_writer(io::stderr).init(),
    }
    if let Some(complaint) = complaint {
        tracing::warn!("the log filter {filter:?} is not valid ({complaint}); info is used");
    }
    Ok(())
}

/// A file that is written to its end, and begun anew when it is full.
struct Bounded {
    path: PathBuf,
    file: File,
    length: u64,
    largest: u64,
}

impl Bounded {
    fn open(path: &Path, largest: u64) -> io::Result<Self> {
        let file = append_to(path)?;
        Ok(Self {
            path: path.to_owned(),
            length: file.metadata()?.len(),
            file,
            largest,
        })
    }

    /// Puts the file aside, in place of the one before it, and begins another.
    fn turn(&mut self) -> io::Result<()> {
        let mut aside = self.path.clone().into_os_string();
        aside.push(".1");
        std::fs::rename(&self.path, aside)?;
        self.file = append_to(&self.path)?;
        self.length = 0;
        Ok(())
    }
}

impl Write for Bounded {
    /// Takes a whole record, as the subscriber writes it.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let more = record.len() as u64;
        if self.length > 0
            && self.length.saturating_add(more) > self.largest
            && self.turn().is_err()
        {
            // It cannot be put aside, for want of room in the folder or because somebody took it away: what counts
            // is that it does not grow.
            self.file.set_len(0)?;
            self.length = 0;
        }
        self.file.write_all(record)?;
        self.length = self.length.saturating_add(more);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_never_gets_larger_than_it_may_and_keeps_what_was_said_last() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("log"), folder.path().join("log.1"));
        std::fs::write(&path, "an earlier run\n").unwrap();
        let mut log = Bounded::open(&path, 100).unwrap();
        for number in 0..100 {
            log.write_all(format!("record {number:02}\n").as_bytes())
                .unwrap();
            for file in [&path, &aside] {
                let length = file.metadata().map_or(0, |found| found.len());
                assert!(length <= 100, "{} has {length}", file.display());
            }
        }
        let read = |path| std::fs::read_to_string(path).unwrap();
        let (before, now) = (read(&aside), read(&path));
        let records: Vec<_> = before.lines().chain(now.lines()).collect();
        assert!(records.len() >= 10, "{records:?}");
        let expected = (100 - records.len()..100).map(|number| format!("record {number:02}"));
        assert!(
            expected.eq(records.iter().map(|record| (*record).to_owned())),
            "{records:?}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_log_that_cannot_be_put_aside_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        // A folder that is not empty is no place for a file.
        std::fs::create_dir_all(folder.path().join("log.1/taken")).unwrap();
        let mut log = Bounded::open(&path, 10).unwrap();
        log.write_all(b"12345678\n").unwrap();
        log.write_all(b"next\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "next\n");
    }
}
