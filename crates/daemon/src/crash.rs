//! Named points at which a test kills the service, one for each arrow of the crash protocol.
//!
//! A debug build reads `BGCOPY_CRASH_AT=NAME` or `NAME:K` once and kills itself with SIGKILL when the K-th passage of
//! that point comes; nothing is flushed or unwound then, just as when the machine fails. A release build has no such
//! points: [`point`] is empty.

/// The points, in the order of the protocol; a file is prepared while COMPLETING is committed, and may be before it.
/// Tests go through this list, so that none is forgotten.
pub const POINTS: [&str; 12] = [
    "job-committed",
    "temporary-created",
    "bytes-written",
    "bytes-synced",
    "extents-committed",
    "file-finished",
    "transferred-committed",
    "completing-committed",
    "file-prepared",
    "file-renamed",
    "acknowledged-committed",
    "cancelled-committed",
];

/// Passes the named point.
#[cfg(not(debug_assertions))]
#[inline]
pub fn point(_name: &str) {}

/// Passes the named point.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    debug_assert!(
        POINTS.contains(&name),
        "{name} is not in the list of crash points"
    );
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("BGCOPY_CRASH_AT").ok()?;
        Some(match text.split_once(':') {
            Some((name, count)) => (name.to_owned(), count.parse().unwrap_or(1)),
            None => (text, 1),
        })
    });
    if let Some((wanted, count)) = wanted
        && wanted == name
        && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *count
    {
        // The process ends inside this call; an error would mean that it did not, which the test notices.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}
