//! A home of its own for the processes of one test.
//!
//! Owns a temporary directory, the environment that points there, and all processes that have that environment.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tempfile::TempDir;

use super::{PATIENCE, wait_for_end};

/// Variables of the machine's user that would lead a process out of its home, or change what it says.
const FOREIGN: [&str; 18] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_SYSTEM_BUS_ADDRESS",
    "LISTEN_FDS",
    "NOTIFY_SOCKET",
    "NO_COLOR",
    "CLICOLOR_FORCE",
    "RUST_LOG",
    "LD_PRELOAD",
];

/// A user's directories, empty at first. When this is dropped, every process that was given them is killed and they
/// are removed.
pub struct TempHome {
    dir: TempDir,
}

impl TempHome {
    /// Makes the directories.
    ///
    /// # Panics
    /// When the temporary directory cannot be written.
    pub fn new() -> Self {
        // A short name: the path of a socket below has at most 107 bytes.
        let dir = TempDir::with_prefix("bgc-").expect("a temporary directory can be made");
        for name in [
            "home",
            "run",
            "state",
            "config",
            "data",
            "cache",
            "downloads",
        ] {
            let path = dir.path().join(name);
            std::fs::create_dir(&path).expect("a directory can be made");
            // What the XDG specification asks of the runtime directory; the others do not mind.
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))
                .expect("the mode of a directory just made can be set");
        }
        Self { dir }
    }

    /// The directory that holds all others; for a power cut of the whole home.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `HOME`.
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// `XDG_RUNTIME_DIR`.
    pub fn runtime_dir(&self) -> PathBuf {
        self.path().join("run")
    }

    /// `XDG_STATE_HOME`.
    pub fn state_home(&self) -> PathBuf {
        self.path().join("state")
    }

    /// `XDG_CONFIG_HOME`.
    pub fn config_home(&self) -> PathBuf {
        self.path().join("config")
    }

    /// A directory for downloads, which no variable names.
    pub fn downloads(&self) -> PathBuf {
        self.path().join("downloads")
    }

    /// The variables that lead here.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("HOME", self.home().into()),
            ("XDG_RUNTIME_DIR", self.runtime_dir().into()),
            ("XDG_STATE_HOME", self.state_home().into()),
            ("XDG_CONFIG_HOME", self.config_home().into()),
            ("XDG_DATA_HOME", self.path().join("data").into()),
            ("XDG_CACHE_HOME", self.path().join("cache").into()),
        ]
    }

    /// A command whose process lives in this home: with its variables, without those of the machine's user that
    /// would lead elsewhere (proxies, buses, certificates, logging), and started in the downloads directory.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
            .envs(self.environment())
            .current_dir(self.downloads());
        command
    }

    /// The ids of all processes that live in this home, among them a daemon that a command started by itself.
    pub fn processes(&self) -> Vec<u32> {
        self.residents().into_iter().map(|(pid, _)| pid).collect()
    }

    /// Kills all processes that live in this home by SIGKILL and waits until they are gone.
    pub fn kill_all(&self) {
        // A process may start another one between the look and the kill.
        while let residents @ [_, ..] = &*self.residents() {
            for (_, pidfd) in residents {
                // It may have ended meanwhile.
                let _ = pidfd_send_signal(pidfd, Signal::KILL);
                wait_for_end(pidfd, PATIENCE);
            }
        }
    }

    /// Every process whose environment has this home's runtime directory. The descriptor is opened before the
    /// environment is read, so that it means the process whose environment was read.
    fn residents(&self) -> Vec<(u32, std::os::fd::OwnedFd)> {
        let mut mark = b"XDG_RUNTIME_DIR=".to_vec();
        mark.extend_from_slice(self.runtime_dir().as_os_str().as_bytes());
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid| *pid != std::process::id())
            .filter_map(|pid| {
                let number = Pid::from_raw(i32::try_from(pid).ok()?)?;
                let pidfd = pidfd_open(number, PidfdFlags::empty()).ok()?;
                // Of a process that has ended but was not waited for, this is empty.
                let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
                let lives_here = environment
                    .split(|byte| *byte == 0)
                    .any(|variable| variable == mark);
                lives_here.then_some((pid, pidfd))
            })
            .collect()
    }
}

impl Default for TempHome {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TempHome {
    fn drop(&mut self) {
        self.kill_all();
    }
}
