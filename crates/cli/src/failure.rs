//! How a command ends: its exit code, and when it fails one sentence with what to do about it.
//!
//! Owns the exit codes, which are documented in `bgcopy --help` and never change their meaning.

use std::{io, process::ExitCode};

use bgcopy_client::{Error, ErrorName};

use crate::format::clean;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// A job ended in an error, or was cancelled.
    Job = 1,
    /// The command line makes no sense; clap exits with the same.
    Usage = 2,
    /// The service cannot be reached or started.
    Service = 3,
    /// There is no such job, or it is somebody else's.
    NoJob = 4,
    /// The service refused.
    Refused = 5,
    /// `wait` ran out of time.
    Timeout = 6,
    /// Standard output could not be written.
    Output = 7,
    /// Interrupted by Ctrl-C: 128 and the number of SIGINT, as a shell has it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The exit codes as the help and the manual page tell them.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  a job ended in an error or was cancelled
    2  the command line makes no sense
    3  the service cannot be reached or started
    4  there is no such job, or it belongs to somebody else
    5  the service refused, for example because of the job's state
    6  `wait` ran out of time
    7  the answer could not be written to standard output
  130  interrupted; jobs go on";

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    /// What went wrong and what to do about it. `None`: it was told already, or nobody is left to tell.
    sentence: Option<String>,
}

impl Failure {
    /// A failure that is told in this sentence.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self {
            exit,
            sentence: Some(sentence.into()),
        }
    }

    /// A failure whose sentence was told already.
    pub const fn told(exit: Exit) -> Self {
        Self {
            exit,
            sentence: None,
        }
    }

    /// Tells it on standard error; the exit code.
    pub fn report(&self) -> ExitCode {
        if let Some(sentence) = &self.sentence {
            say(sentence);
        }
        self.exit.into()
    }

    /// The exit code.
    pub const fn exit(&self) -> Exit {
        self.exit
    }
}

/// Tells a sentence on standard error.
pub fn say(sentence: &str) {
    eprintln!("bgcopy: {}", clean(sentence));
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let sentence = error.to_string();
        match error {
            Error::Service { name, .. } => match name {
                ErrorName::NotFound => Self::new(
                    Exit::NoJob,
                    format!("{sentence}; `bgcopy list` shows the jobs that there are"),
                ),
                // No refusal: the service cannot do its work, or is about to end.
                ErrorName::StoreFailure | ErrorName::Internal => Self::new(Exit::Service, sentence),
                _ => Self::new(Exit::Refused, sentence),
            },
            Error::PathNotUtf8(_) => Self::new(Exit::Usage, sentence),
            Error::NotRunning(_) => Self::new(
                Exit::Service,
                format!("{sentence}; start one with `bgcopy daemon run`"),
            ),
            Error::Disconnected => Self::new(
                Exit::Service,
                format!("{sentence}; jobs are kept, and go on when it runs again"),
            ),
            _ => Self::new(Exit::Service, sentence),
        }
    }
}

impl From<io::Error> for Failure {
    /// Standard output could not be written. When its reader has gone (`bgcopy list | head`) that is no failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::told(Exit::Ok)
        } else {
            Self::new(
                Exit::Output,
                format!("the answer cannot be written to standard output: {error}"),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use bgcopy_client::{Address, HResult};

    use super::*;

    fn service(name: ErrorName) -> Failure {
        Error::Service {
            name,
            message: "no".into(),
            hresult: HResult::E_FAIL,
        }
        .into()
    }

    #[test]
    fn every_exit_code_is_in_the_help() {
        for exit in [
            Exit::Ok,
            Exit::Job,
            Exit::Usage,
            Exit::Service,
            Exit::NoJob,
            Exit::Refused,
            Exit::Timeout,
            Exit::Output,
            Exit::Interrupted,
        ] {
            let line = format!("\n{:>5}  ", exit as u8);
            assert!(EXIT_CODES.contains(&line), "{exit:?}");
        }
    }

    #[test]
    fn refusals_have_the_code_of_their_kind() {
        assert_eq!(service(ErrorName::NotFound).exit(), Exit::NoJob);
        // That a job is somebody else's, `context::find` says.
        assert_eq!(service(ErrorName::AccessDenied).exit(), Exit::Refused);
        assert_eq!(service(ErrorName::InvalidState).exit(), Exit::Refused);
        assert_eq!(service(ErrorName::Internal).exit(), Exit::Service);
        assert_eq!(
            Failure::from(Error::NotRunning(Address::User)).exit(),
            Exit::Service
        );
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure_and_a_full_disk_is_one() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure, Failure::told(Exit::Ok));
        let failure = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(failure.exit(), Exit::Output);
    }
}
