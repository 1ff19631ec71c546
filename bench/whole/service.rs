//! The service under measurement: a process of its own with an empty queue, on the measured file system.
//!
//! Owns the process and its home. What the service was told beyond its defaults is what the caller says.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use bgcopy::{Address, Manager};
use bgcopy_testkit::{
    link::Namespace,
    process::{TempHome, Usage},
};

use crate::lab::Lab;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bgcopy");

/// A running service. It is killed when this is dropped.
pub struct Service {
    child: Child,
    home: TempHome,
    state: PathBuf,
}

impl Service {
    /// Starts one with this configuration, and waits until it serves.
    pub fn start(lab: &Lab, configuration: &str) -> anyhow::Result<Self> {
        Self::launch(lab, configuration, |command| Ok(command.spawn()?))
    }

    /// The same at one end of a link.
    pub fn start_in(place: &Namespace, lab: &Lab) -> anyhow::Result<Self> {
        Self::launch(lab, "", |command| {
            let child = place.run(|| command.spawn()).map_err(anyhow::Error::msg)?;
            Ok(child?)
        })
    }

    /// A command in the service's surroundings: the program itself, or a rival.
    pub fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = command(&self.home, &self.state, program, folder);
        if let Ok(file) = File::options().create(true).append(true).open(self.words()) {
            command.stderr(file);
        }
        command
    }

    /// What the commands said last on standard error.
    pub fn said(&self) -> String {
        let said = fs::read_to_string(self.words()).unwrap_or_default();
        said.lines().last().unwrap_or_default().to_owned()
    }

    fn words(&self) -> PathBuf {
        self.state.join("commands")
    }

    /// The program.
    pub fn bgcopy(&self, folder: &Path) -> Command {
        self.command(PROGRAM, folder)
    }

    /// User and system time so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let usage = Usage::of(self.child.id());
        Ok(usage
            .context("the service has ended by itself, or was killed")?
            .cpu)
    }

    /// The most memory that it had resident so far, in MiB.
    pub fn peak(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
        let kibibytes: f64 = kibibytes.context("there is no VmHWM")?.parse()?;
        Ok(kibibytes / 1_024.0)
    }

    /// A connection to it.
    pub async fn manager(&self) -> anyhow::Result<Manager> {
        let socket = self.home.runtime_dir().join("bgcopy/bus");
        Ok(Manager::connect_to(Address::Path(socket)).await?)
    }

    fn launch(
        lab: &Lab,
        configuration: &str,
        spawn: impl FnOnce(&mut Command) -> anyhow::Result<Child>,
    ) -> anyhow::Result<Self> {
        let home = TempHome::new();
        let state = lab.for_service()?;
        let folder = home.config_home().join("bgcopy");
        fs::create_dir(&folder)?;
        fs::write(folder.join("bgcopy.toml"), configuration)?;
        let mut command = command(&home, &state, PROGRAM, &state);
        command
            .args(["daemon", "run"])
            .env("BGCOPY_READY", "stdout")
            .stdout(Stdio::piped())
            .stderr(File::create(state.join("said"))?);
        let mut child = spawn(&mut command)?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let service = Self { child, home, state };
        if line != "ready\n" {
            let said = fs::read_to_string(service.state.join("said")).unwrap_or_default();
            bail!("the service does not start: {said}");
        }
        Ok(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(home: &TempHome, state: &Path, program: &str, folder: &Path) -> Command {
    let mut command = home.command(program);
    command
        .env("XDG_STATE_HOME", state)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}
