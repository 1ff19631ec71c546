//! A service of its own for each test: a real process with its own home, socket and downloads.

#![allow(dead_code, reason = "each test program uses its part")]

pub mod elsewhen;
pub mod session;
pub mod teller;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use bgcopy::{Address, FileRequest, Job, JobInfo, JobState, Manager, Priority};
use bgcopy_testkit::{fs::sha256_file, process::TempHome};
use futures_util::StreamExt;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_bgcopy");

/// Longer than anything takes; it only keeps a test that hangs from hanging for ever.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A stall timeout that tests can wait for, and nothing else changed.
pub const CONFIG: &str = "[http]\nstall_timeout_seconds = 2\nconnect_timeout_seconds = 5\n";

/// A service and its surroundings.
pub struct Service {
    home: TempHome,
    child: Option<Child>,
    /// The child is not the service but what runs it.
    wrapped: bool,
}

impl Service {
    /// Starts one.
    pub fn start() -> Self {
        Self::start_with(CONFIG, &[])
    }

    /// Starts one with this configuration and these variables.
    pub fn start_with(config: &str, variables: &[(&str, &str)]) -> Self {
        let mut service = Self::prepare(config);
        service.launch(variables);
        service
    }

    /// Everything but the process.
    pub fn prepare(config: &str) -> Self {
        let home = TempHome::new();
        let folder = home.config_home().join("bgcopy");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("bgcopy.toml"), config).unwrap();
        Self {
            home,
            child: None,
            wrapped: false,
        }
    }

    /// Starts the process and waits until it serves.
    pub fn launch(&mut self, variables: &[(&str, &str)]) {
        self.launch_under(&[], variables);
    }

    /// The same by a command that runs the rest of its command line.
    pub fn launch_under(&mut self, wrapper: &[String], variables: &[(&str, &str)]) {
        assert!(self.child.is_none(), "the service runs already");
        self.wrapped = !wrapper.is_empty();
        let program = [PROGRAM, "daemon", "run"];
        let mut line = wrapper.iter().map(String::as_str).chain(program);
        let mut child = self
            .command_of(line.next().unwrap())
            .args(line)
            .env("BGCOPY_READY", "stdout")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        self.child = Some(child);
        assert!(
            line == "ready\n" || variables.iter().any(|(name, _)| *name == "BGCOPY_CRASH_AT"),
            "the service says {line:?}; its log:\n{}",
            self.log()
        );
    }

    /// The program, in the surroundings of this service.
    pub fn command(&self) -> Command {
        self.command_of(PROGRAM)
    }

    /// Another program, in the same.
    pub fn command_of(&self, program: &str) -> Command {
        let mut command = self.home.command(program);
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program and gives back what it said.
    pub fn bgcopy(&self, arguments: &[&str]) -> Said {
        let output = self.command().args(arguments).output().unwrap();
        Said {
            status: output.status,
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Kills the process as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        if self.wrapped {
            self.home.kill_all();
        }
    }

    /// Waits for the process to end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let ends = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < ends {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                self.child = None;
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the service does not end");
    }

    /// Stops the process as an init system would.
    pub fn terminate(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        child.wait().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// A connection to it.
    pub async fn manager(&self) -> Manager {
        let address = Address::Path(self.socket());
        Manager::connect_to(address).await.unwrap()
    }

    /// Its private socket.
    pub fn socket(&self) -> PathBuf {
        self.home.runtime_dir().join("bgcopy/bus")
    }

    /// Where downloads go.
    pub fn downloads(&self) -> PathBuf {
        self.home.downloads()
    }

    /// Where the queue is.
    pub fn state(&self) -> PathBuf {
        self.home.state_home().join("bgcopy")
    }

    /// A path in the downloads' folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.downloads().join(name)
    }

    /// Whatever is in the downloads' folder and hidden.
    pub fn temporary_files(&self) -> Vec<String> {
        let names = fs::read_dir(self.downloads()).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with('.'))
            .collect()
    }

    /// The service's own log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.state().join("daemon.log")).unwrap_or_default()
    }

    /// A job of one file, as the command line makes it, started.
    pub async fn get(&self, manager: &Manager, url: &str, name: &str) -> Job {
        manager
            .create_job(name)
            .priority(Priority::Foreground)
            .minimum_retry_delay(Duration::from_secs(5))
            .file(FileRequest::new(url, self.file(name)))
            .submit()
            .await
            .unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let log = self.log();
        self.kill();
        if std::thread::panicking() {
            eprintln!("the service's log:\n{log}");
        }
    }
}

/// What the program said.
#[derive(Debug)]
pub struct Said {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

/// Waits until the job's state is one of these.
pub async fn until(job: &Job, states: &[JobState]) -> JobInfo {
    until_it(job, |info| states.contains(&info.state)).await
}

/// Waits until the job is as wanted. It does not poll: the service says what changes.
pub async fn until_it(job: &Job, wanted: impl Fn(&JobInfo) -> bool) -> JobInfo {
    until_within(job, PATIENCE, wanted).await
}

/// The same, for what takes long.
pub async fn until_within(
    job: &Job,
    patience: Duration,
    wanted: impl Fn(&JobInfo) -> bool,
) -> JobInfo {
    let wait = async {
        let mut changes = std::pin::pin!(job.watch().await.unwrap());
        while let Some(info) = changes.next().await {
            let info = info.unwrap();
            if wanted(&info) {
                return info;
            }
        }
        panic!("the service went away");
    };
    match tokio::time::timeout(patience, wait).await {
        Ok(info) => info,
        Err(elapsed) => panic!("{elapsed}: the job stays as it is: {:?}", job.info().await),
    }
}

/// Takes a job that goes on by itself to ACKNOWLEDGED. A service that was killed while it completed the job does that
/// without being asked.
pub async fn finish(job: &Job) {
    let ends = [
        JobState::Transferred,
        JobState::Error,
        JobState::Acknowledged,
    ];
    let info = until(job, &ends).await;
    assert_ne!(info.state, JobState::Error, "{:?}", info.error);
    if let Err(error) = job.complete().await {
        let state = job.info().await.unwrap().state;
        assert_eq!(state, JobState::Acknowledged, "{error}");
    }
}

/// Waits until a service that has just started has done what its record told it to.
pub async fn settle(service: &Service) {
    let gone = async {
        while !service.temporary_files().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = tokio::time::timeout(PATIENCE, gone).await;
}

/// The SHA-256 of a file, in hexadecimal.
pub fn sha256(path: &Path) -> String {
    sha256_file(path).unwrap()
}
