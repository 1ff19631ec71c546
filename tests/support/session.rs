//! A session bus of a test's own, with the service on it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use super::{CONFIG, PROGRAM, Service};

/// A process that dies with the test. What it says after its first line, or what it started, is not read.
pub struct Running {
    child: Child,
    _said: BufReader<ChildStdout>,
}

impl Running {
    /// Starts it and waits for the first line that it says.
    pub fn start(command: &mut Command, package: &str) -> (Self, String) {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; package {package}"));
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        (Self { child, _said: said }, line)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A session bus, and the service on it, which can be killed and started again.
pub struct Session {
    pub home: Service,
    /// The bus' address.
    pub bus: String,
    service: Option<Running>,
    _bus: Running,
}

impl Session {
    /// Both, and nothing that the bus could start.
    pub fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// Both. The bus starts clients by these names and command lines, which the test makes for a home.
    pub fn start_with(clients: impl FnOnce(&Service) -> Vec<(&'static str, String)>) -> Self {
        let home = Service::prepare(CONFIG);
        let folder = home.downloads().with_file_name("bus");
        fs::create_dir(&folder).unwrap();
        for (name, command) in clients(&home) {
            let text = format!("[D-BUS Service]\nName={name}\nExec={command}\n");
            fs::write(folder.join(format!("{name}.service")), text).unwrap();
        }
        let path = folder.display();
        let configuration = format!(
            r#"<busconfig><type>session</type><listen>unix:path={path}/socket</listen>
               <servicedir>{path}</servicedir><policy context="default">
               <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
               </policy></busconfig>"#
        );
        fs::write(folder.join("bus.conf"), configuration).unwrap();
        // In the home, so that what the bus starts lives there too.
        let mut daemon = home.command_of("dbus-daemon");
        daemon
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .arg(format!("--config-file={path}/bus.conf"));
        let (bus_process, bus) = Running::start(&mut daemon, "dbus");
        let bus = bus.trim_end().to_owned();
        assert!(!bus.is_empty(), "there is no bus");
        let mut session = Self {
            home,
            bus,
            service: None,
            _bus: bus_process,
        };
        session.launch();
        session
    }

    /// Starts the service.
    pub fn launch(&mut self) {
        let mut service = self.client(PROGRAM);
        service
            .args(["daemon", "run", "--session"])
            .env("BGCOPY_READY", "stdout");
        let (process, line) = Running::start(&mut service, "");
        assert_eq!(line, "ready\n");
        self.service = Some(process);
    }

    /// Kills the service as a crash would.
    pub fn kill(&mut self) {
        self.service = None;
    }

    /// A program that finds the bus.
    pub fn client(&self, program: &str) -> Command {
        let mut command = self.home.command_of(program);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.bus);
        command
    }
}

/// An example of this package, which Cargo builds with the tests, beside the folder of the test programs.
pub fn example(name: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap().with_file_name("examples");
    let program = folder.join(name);
    assert!(
        program.is_file(),
        "the example is not built; run: cargo build --example {name}"
    );
    program
}
