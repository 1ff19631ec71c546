//! Rules by which the k-th call of an operation fails or is the process's last.
//!
//! Owns the text form of the rules; `shim/fail.c` reads it.

use std::fmt;
use std::ops::RangeInclusive;

use rustix::io::Errno;

/// An operation whose calls are counted. Variants of a call (64-bit, `at`, vectored) count as the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// write, writev, `copy_file_range`, sendfile and splice.
    Write,
    /// pwrite, pwritev and pwritev2.
    Pwrite,
    /// fdatasync.
    Fdatasync,
    /// fsync.
    Fsync,
    /// rename, by its source's path.
    Rename,
    /// open with `O_CREAT`.
    OpenCreate,
    /// unlink.
    Unlink,
    /// fallocate and `posix_fallocate`.
    Fallocate,
    /// mkdir.
    Mkdir,
    /// ftruncate and truncate.
    Ftruncate,
    /// link, by its target's path.
    Link,
}

/// What happens to a call that a rule chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It fails with this error and does nothing.
    Error(Errno),
    /// The process dies by SIGKILL before the call.
    Kill,
    /// The process dies by SIGKILL when the call is done.
    KillAfter,
}

/// A rule: which calls, and what happens to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    op: Op,
    effect: Effect,
    path: String,
    calls: RangeInclusive<u64>,
}

impl Failure {
    /// Every call of an operation.
    pub fn new(op: Op, effect: Effect) -> Self {
        Self {
            op,
            effect,
            path: String::new(),
            calls: 1..=u64::MAX,
        }
    }

    /// Only calls on a path that contains `part`; only these are counted.
    ///
    /// # Panics
    /// When `part` contains a semicolon, which separates rules.
    #[must_use]
    pub fn on(mut self, part: impl Into<String>) -> Self {
        self.path = part.into();
        assert!(
            !self.path.contains(';'),
            "a rule's path cannot contain a semicolon"
        );
        self
    }

    /// Only these calls; the first is 1.
    ///
    /// # Panics
    /// When the range starts at 0 or is empty.
    #[must_use]
    pub fn calls(mut self, calls: RangeInclusive<u64>) -> Self {
        assert!(
            *calls.start() > 0 && !calls.is_empty(),
            "calls are counted from 1"
        );
        self.calls = calls;
        self
    }

    /// Only the `n`-th call; the first is 1.
    ///
    /// # Panics
    /// When `n` is 0.
    #[must_use]
    pub fn call(self, n: u64) -> Self {
        self.calls(n..=n)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            Op::Write => "write",
            Op::Pwrite => "pwrite",
            Op::Fdatasync => "fdatasync",
            Op::Fsync => "fsync",
            Op::Rename => "rename",
            Op::OpenCreate => "open-create",
            Op::Unlink => "unlink",
            Op::Fallocate => "fallocate",
            Op::Mkdir => "mkdir",
            Op::Ftruncate => "ftruncate",
            Op::Link => "link",
        };
        let effect = match self.effect {
            Effect::Error(errno) => errno.raw_os_error().to_string(),
            Effect::Kill => "KILL".to_owned(),
            Effect::KillAfter => "KILLAFTER".to_owned(),
        };
        let (first, last) = (self.calls.start(), self.calls.end());
        write!(f, "{op}:{effect}:{}:{first}-{last}", self.path)
    }
}

/// The value of `BGCOPY_FAIL`.
pub(super) fn rules(failures: &[Failure]) -> String {
    failures
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(";")
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::{Effect, Failure, Op, rules};

    #[test]
    fn rules_have_the_form_that_the_shim_reads() {
        let full = Failure::new(Op::Pwrite, Effect::Error(Errno::NOSPC))
            .on(".part")
            .calls(3..=5);
        let dead = Failure::new(Op::OpenCreate, Effect::Kill).call(1);
        assert_eq!(
            rules(&[full, dead]),
            "pwrite:28:.part:3-5;open-create:KILL::1-1"
        );
    }
}
