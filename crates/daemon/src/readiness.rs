//! How whoever started the service learns that it serves, or why it does not.
//!
//! A client that starts it sets `BGCOPY_READY=stdout` and reads one line from its standard output: `ready`, or
//! `error: ` and a sentence. systemd is told by its own protocol. After that standard output goes to /dev/null, so
//! that the reader sees its end.

use std::io::{self, Write};

use crate::inherited;

/// The way back to the one who started the service.
#[derive(Debug)]
pub struct Readiness {
    by_stdout: bool,
}

impl Readiness {
    /// Reads from the environment who waits. Where a client waits, the service leaves the client's session, so that
    /// it lives on when the client's terminal closes, and lets go of the client's descriptors. The first thing that
    /// the service does.
    pub fn from_environment() -> Self {
        let by_stdout = std::env::var_os("BGCOPY_READY").is_some_and(|value| value == "stdout");
        if by_stdout {
            inherited::close_descriptors();
            if let Err(error) = rustix::process::setsid() {
                // A process that leads a group cannot; it then stays in the session of its starter.
                tracing::debug!("no session of its own: {error}");
            }
        }
        Self { by_stdout }
    }

    /// Whether a client waits.
    pub fn is_awaited(&self) -> bool {
        self.by_stdout
    }

    /// The service serves.
    pub fn ready(self) {
        if self.by_stdout {
            say("ready\n");
        }
        if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
            tracing::warn!("systemd is not told that the service is ready: {error}");
        }
    }

    /// The service will not serve.
    pub fn failed(self, error: &str) {
        if self.by_stdout {
            say(&format!("error: {}\n", error.replace('\n', " ")));
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "/dev/null is no file of a user's that `disk` guards"
)]
fn say(line: &str) {
    let told = io::stdout()
        .write_all(line.as_bytes())
        .and_then(|()| io::stdout().flush());
    if let Err(error) = told {
        tracing::debug!("nobody reads that the service is ready: {error}");
    }
    let null = rustix::fs::open(
        "/dev/null",
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    );
    if let Ok(null) = null
        && let Err(error) = rustix::stdio::dup2_stdout(&null)
    {
        tracing::debug!("standard output stays open: {error}");
    }
}
