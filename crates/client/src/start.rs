//! Starting this user's daemon: finding its executable, running it apart from the client, waiting until it serves.
//!
//! ```text
//!  client                                daemon
//!    │ spawn, BGCOPY_READY=stdout ────────►│ setsid, lock, open the store, listen
//!    │ ◄──────── "ready\n" on its stdout ──│ (or "error: …\n"; then it lets go of the pipe)
//!    │ connect ───────────────────────────►│
//! ```
//!
//! Two clients may do this at once: the daemon's lock lets one daemon win, and the other one says `ready` as soon as
//! the winner serves. This module must never decide whether a daemon is needed, and never connects.

#![expect(
    clippy::disallowed_methods,
    reason = "whether the program is there, not a caller's file"
)]

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

/// What of its process' surroundings a client takes into account, read once.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub state_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `BGCOPY_SOCKET`: the private socket of a service, in place of this user's own, as a notification program finds
    /// the one that runs it. That service is never started from here.
    pub socket: Option<PathBuf>,
    /// `BGCOPY_DAEMON`: the daemon's executable. One named `bgcopy` is run as `bgcopy daemon run`.
    pub daemon: Option<PathBuf>,
    /// The executable of this process: the daemon's is looked for beside it.
    pub executable: Option<PathBuf>,
    /// `PATH`.
    pub search_path: Option<OsString>,
}

impl Surroundings {
    /// Those of this process.
    pub fn current() -> Self {
        let folder = |name| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        Self {
            runtime_dir: folder("XDG_RUNTIME_DIR"),
            state_home: folder("XDG_STATE_HOME"),
            home: folder("HOME"),
            socket: folder("BGCOPY_SOCKET"),
            daemon: folder("BGCOPY_DAEMON"),
            executable: env::current_exe().ok(),
            search_path: env::var_os("PATH"),
        }
    }
}

/// Why the daemon could not be started, or where it should have been cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No variable tells where the socket is.
    #[error("there is no place for the service's socket: set XDG_RUNTIME_DIR or HOME")]
    NoHome,
    /// The socket's path does not fit a socket's address.
    #[error(
        "the path {} of the service's socket is longer than 107 bytes: set XDG_RUNTIME_DIR to a shorter folder",
        path.display()
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// Somebody else could have put a socket there.
    #[error(
        "the folder {} of the service's socket must be yours alone (mode 0700): check XDG_RUNTIME_DIR",
        folder.display()
    )]
    ForeignFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The socket's folder cannot be looked at.
    #[error("the folder {} of the service's socket cannot be used: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no executable.
    #[error(
        "there is no bgcopyd or bgcopy beside this program or in PATH: install bgcopy, or set BGCOPY_DAEMON"
    )]
    NotFound,
    /// The executable does not run.
    #[error("{} does not run: {source}", executable.display())]
    Spawn {
        /// The executable.
        executable: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The daemon said why it does not serve.
    #[error("{message}")]
    Refused {
        /// The daemon's own sentence.
        message: String,
    },
    /// The daemon ended without a word.
    #[error("{} ended before it was ready ({status})", executable.display())]
    Ended {
        /// The executable.
        executable: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
    /// The daemon did not get ready.
    #[error("{} was not ready after {} s", executable.display(), READY_WITHIN.as_secs())]
    Timeout {
        /// The executable.
        executable: PathBuf,
    },
}

/// How long a daemon may take to open its store and listen. A long queue takes a second or two; the rest is for
/// machines under load.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// The longest word a daemon may say before it is ready, in bytes.
const WORD_MAX: u64 = 4_096;

/// An executable and the arguments that make it the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Program {
    executable: PathBuf,
    arguments: &'static [&'static str],
}

impl Program {
    /// `bgcopy` has the daemon as a subcommand; any other name is taken for `bgcopyd` itself.
    fn new(executable: PathBuf) -> Self {
        let arguments: &[&str] = if executable.file_name() == Some(OsStr::new("bgcopy")) {
            &["daemon", "run"]
        } else {
            &[]
        };
        Self {
            executable,
            arguments,
        }
    }

    /// The daemon's executable: by configuration, then beside this program, then in `PATH`.
    fn find(surroundings: &Surroundings) -> Option<Self> {
        if let Some(configured) = &surroundings.daemon {
            // The daemon starts in another folder than this one.
            let path = std::path::absolute(configured).unwrap_or_else(|_| configured.clone());
            return Some(Self::new(path));
        }
        let beside = surroundings.executable.as_deref().and_then(Path::parent);
        let searched = surroundings
            .search_path
            .iter()
            .flat_map(env::split_paths)
            .filter(|folder| folder.is_absolute());
        beside
            .map(Path::to_owned)
            .into_iter()
            .chain(searched)
            .flat_map(|folder| ["bgcopyd", "bgcopy"].map(|name| folder.join(name)))
            .find(|path| is_executable(path))
            .map(Self::new)
    }
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Starts this user's daemon and waits until it serves, or until another one does.
///
/// # Errors
/// [`StartError`] when there is no executable, it does not run, or it says that it cannot serve.
pub(crate) async fn start(surroundings: &Surroundings) -> Result<(), StartError> {
    let program = Program::find(surroundings).ok_or(StartError::NotFound)?;
    tracing::debug!(executable = %program.executable.display(), "starting the daemon");
    match timeout(READY_WITHIN, run(&program)).await {
        Ok(result) => result,
        Err(_) => Err(StartError::Timeout {
            executable: program.executable,
        }),
    }
}

async fn run(program: &Program) -> Result<(), StartError> {
    let spawn_error = |source| StartError::Spawn {
        executable: program.executable.clone(),
        source,
    };
    // The daemon makes a session of its own, which a process that led a group already could not. Tokio reaps the child
    // when it ends, however much later that is.
    let mut child = Command::new(&program.executable)
        .args(program.arguments)
        .env("BGCOPY_READY", "stdout")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(spawn_error)?;

    let mut word = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout.take(WORD_MAX))
            .read_line(&mut word)
            .await
            .map_err(spawn_error)?;
    }
    match word.trim_end() {
        "ready" => Ok(()),
        "" => Err(StartError::Ended {
            executable: program.executable.clone(),
            status: child.wait().await.map_err(spawn_error)?,
        }),
        word => Err(StartError::Refused {
            message: word.strip_prefix("error: ").unwrap_or(word).to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    /// Held by every test that writes a program and runs it: a process that another thread forks meanwhile would hold
    /// the file open for writing, and the kernel runs no such file (`ETXTBSY`).
    static RUNNING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    /// A folder with a shell script of that name.
    fn script(folder: &Path, name: &str, body: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn configured(daemon: PathBuf) -> Surroundings {
        Surroundings {
            daemon: Some(daemon),
            ..Surroundings::default()
        }
    }

    #[test]
    fn the_configured_executable_goes_before_the_neighbour_and_that_before_the_search_path() {
        let (beside, searched) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut surroundings = Surroundings {
            daemon: None,
            executable: Some(beside.path().join("client")),
            search_path: Some(searched.path().as_os_str().to_owned()),
            ..Surroundings::default()
        };
        assert_eq!(Program::find(&surroundings), None);

        let found = script(searched.path(), "bgcopy", "");
        assert_eq!(Program::find(&surroundings), Some(Program::new(found)));

        let neighbour = script(beside.path(), "bgcopy", "");
        let program = Program::find(&surroundings).unwrap();
        assert_eq!(program.executable, neighbour);
        assert_eq!(program.arguments, ["daemon", "run"]);

        let named = script(beside.path(), "bgcopyd", "");
        let program = Program::find(&surroundings).unwrap();
        assert_eq!(program.executable, named);
        assert!(program.arguments.is_empty());

        surroundings.daemon = Some("/opt/bgcopyd".into());
        assert_eq!(
            Program::find(&surroundings).unwrap().executable,
            Path::new("/opt/bgcopyd")
        );
    }

    #[test]
    fn a_file_without_execute_permission_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("bgcopyd"), "").unwrap();
        let surroundings = Surroundings {
            search_path: Some(folder.path().as_os_str().to_owned()),
            ..Surroundings::default()
        };
        assert_eq!(Program::find(&surroundings), None);
    }

    #[tokio::test]
    async fn a_daemon_that_says_ready_is_started_even_if_it_lives_on() {
        let _alone = RUNNING.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let daemon = script(
            folder.path(),
            "bgcopyd",
            r#"test "$BGCOPY_READY" = stdout || exit 3; echo ready; exec sleep 2 >/dev/null"#,
        );
        start(&configured(daemon)).await.unwrap();
    }

    #[tokio::test]
    async fn the_daemon_s_own_reason_is_told() {
        let _alone = RUNNING.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let daemon = script(
            folder.path(),
            "bgcopyd",
            "echo 'error: the store is damaged'; exit 1",
        );
        let error = start(&configured(daemon)).await.unwrap_err();
        assert_eq!(error.to_string(), "the store is damaged");
    }

    #[tokio::test]
    async fn a_daemon_that_dies_silently_is_told_by_its_status() {
        let _alone = RUNNING.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let daemon = script(folder.path(), "bgcopyd", "exit 9");
        let error = start(&configured(daemon)).await.unwrap_err();
        assert!(matches!(error, StartError::Ended { .. }), "{error}");
        assert!(error.to_string().contains('9'), "{error}");
    }

    #[tokio::test]
    async fn an_executable_that_is_not_there_is_named() {
        let _alone = RUNNING.lock().await;
        let error = start(&configured("/nonexistent/bgcopyd".into()))
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("/nonexistent/bgcopyd"),
            "{error}"
        );
    }
}
