//! A network namespace without a name.
//!
//! Owns the descriptor that keeps it. A name below /run/netns would outlive a process that is killed; this goes with
//! the last process or descriptor, so there is nothing to tidy up after a panic or a signal.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network of its own, in which nothing is up at first.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// Makes one. Needs root.
    pub fn new() -> Result<Self, String> {
        // unshare(1) is in util-linux, an essential package. It becomes the shell, which says that it is there, and waits for the
        // end of its input: so it ends even when this process is killed.
        let mut maker = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo made; read -r _"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("unshare cannot be run: {e}"))?;
        let mut said = String::new();
        if let Some(output) = maker.stdout.take() {
            let _ = BufReader::new(output).read_line(&mut said);
        }
        let namespace = File::open(format!("/proc/{}/ns/net", maker.id()));
        // It may have ended by itself, with a word on standard error.
        let _ = maker.kill();
        let _ = maker.wait();
        if said != "made\n" {
            return Err("a network namespace cannot be made; run this as root".to_owned());
        }
        namespace
            .map(Self)
            .map_err(|e| format!("a network namespace cannot be opened: {e}"))
    }

    /// Does some work in a thread that lives in this network: sockets that it makes, and processes that it starts, stay
    /// there after it has ended.
    ///
    /// # Panics
    /// When the work does.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, String> {
        let entered = || {
            move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|e| format!("the network namespace cannot be entered: {e}"))?;
            Ok(work())
        };
        std::thread::scope(|scope| match scope.spawn(entered).join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}
