//! Processes under test: the home that they see, how they are started, watched and ended.
//!
//! Owns what it started, and what that started in turn: whoever runs with a [`TempHome`]'s environment dies with
//! it. It must never signal a process that it cannot tell by that environment, and never by a mere number, which
//! may belong to another one by then.

mod home;
mod usage;

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tempfile::TempDir;

pub use home::TempHome;
pub use usage::Usage;

/// How long a test waits for a process. Generous: it guards against hanging only.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process under test. It is killed when this is dropped.
pub struct Daemon {
    child: Child,
    pidfd: OwnedFd,
    output: TempDir,
}

impl Daemon {
    /// Starts `command` with its output captured and nothing to read.
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let output = TempDir::with_prefix("bgcopy-output-")?;
        // Files, not pipes: a pipe that nobody reads would stop the process, and what was said survives SIGKILL.
        command
            .stdin(Stdio::null())
            .stdout(File::create(output.path().join("stdout"))?)
            .stderr(File::create(output.path().join("stderr"))?);
        let mut child = command.spawn()?;
        match pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self {
                child,
                pidfd,
                output,
            }),
            Err(e) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(e.into())
            }
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it by SIGKILL, as a crash does, and waits for that.
    ///
    /// # Panics
    /// When the kernel refuses, which it does for no child.
    pub fn kill(&mut self) -> ExitStatus {
        self.child.kill().expect("a child can be killed");
        self.wait()
    }

    /// Asks it by SIGTERM to stop; see [`Daemon::wait`].
    pub fn terminate(&self) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.pidfd, Signal::TERM)?)
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// After a minute, with what the process said.
    pub fn wait(&mut self) -> ExitStatus {
        let ended = wait_for_end(&self.pidfd, PATIENCE);
        assert!(
            ended,
            "the process does not end; it said:\n{}",
            self.stderr()
        );
        self.child.wait().expect("an ended child can be waited for")
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.said("stderr")
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.said("stdout")
    }

    /// Waits until standard error contains `text`.
    ///
    /// # Panics
    /// After a minute, or when the process ends before; with what it said.
    pub fn wait_for_stderr(&mut self, text: &str) {
        let this = &mut *self;
        let found = wait_until(|| {
            // The order counts: what it said last is there when it is known to have ended.
            let running = this.is_running();
            this.stderr().contains(text) || !running
        });
        let said = self.stderr();
        assert!(
            found && said.contains(text),
            "\"{text}\" was not said, but:\n{said}"
        );
    }

    /// What it uses of the machine at this moment.
    pub fn usage(&self) -> io::Result<Usage> {
        Usage::of(self.pid())
    }

    fn said(&self, name: &str) -> String {
        let bytes = std::fs::read(self.output.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until `condition` holds; for what no event tells. Returns whether it did within a minute.
pub fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// The binary of a name that Cargo has built beside the running test: `target/PROFILE/NAME`.
///
/// For a test of another package than the binary's; within the package there is `CARGO_BIN_EXE_NAME`. The error is
/// a sentence with the command that builds it.
pub fn built_binary(name: &str) -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|e| format!("where is this test? {e}"))?;
    // target/PROFILE/deps/test-HASH
    let profile = test
        .parent()
        .and_then(|deps| deps.parent())
        .ok_or("this test is not in target/")?;
    let binary = profile.join(name);
    if binary.is_file() {
        Ok(binary)
    } else {
        Err(format!(
            "{} is not built; run: cargo build --bin {name}",
            binary.display()
        ))
    }
}

/// Whether the process behind a pidfd ended in time.
fn wait_for_end(pidfd: &OwnedFd, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return false,
            Ok(_) => return true,
            // Interrupted; any other error cannot come from a valid descriptor.
            Err(_) => {}
        }
    }
}
