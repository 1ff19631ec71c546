//! A machine in small: its users, a bus, the service, and folders that belong to somebody.
//!
//! Owns the processes that it starts. It must never speak to the machine's own buses, nor change its users.

use std::{
    cell::Cell,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::peer::Peer;

/// Longer than anything takes; it only keeps a test that hangs from hanging for ever.
pub const PATIENCE: Duration = Duration::from_mins(1);

const PROGRAM: &str = env!("CARGO_BIN_EXE_bgcopy");

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    pub const ROOT: Self = Self { uid: 0, gid: 0 };

    /// Whose jobs these are. Debian's user `man` has a group with another number than its own.
    pub fn owner() -> Self {
        Self::named("man")
    }

    /// Somebody else.
    pub fn other() -> Self {
        Self::named("nobody")
    }

    /// Whoever runs the tests.
    pub fn current() -> Self {
        Self {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        }
    }

    /// By the name that every Debian has (package base-passwd).
    fn named(name: &str) -> Self {
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let mut users = users
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let user = users.find(|fields| fields[0] == name);
        let user = user.unwrap_or_else(|| panic!("this machine has no user {name}"));
        Self {
            uid: user[2].parse().unwrap(),
            gid: user[3].parse().unwrap(),
        }
    }
}

/// Whether these tests may become others. Where they may not, it tells so and asserts what then is true.
pub fn is_root() -> bool {
    let current = Account::current();
    if current.uid == 0 {
        return true;
    }
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    eprintln!("{test} needs root; as an ordinary user only that --system is refused was asserted");
    assert_system_is_refused_to(&current);
    false
}

/// Asserts that this user cannot run the service of the machine and is told why.
pub fn assert_system_is_refused_to(account: &Account) {
    let place = Place::new();
    let home = place.folder(account, 0o700);
    let output = program_as(account, "022")
        .args(["--system", "daemon", "run"])
        .arg("--state-dir")
        .arg(home.join("state"))
        .arg("--socket")
        .arg(home.join("run/bus"))
        .output()
        .unwrap();
    assert!(!output.status.success(), "{output:?}");
    let sentence =
        "bgcopyd: the system's service acts for every user and must be started as root\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), sentence);
    assert_eq!(fs::read_dir(home).unwrap().count(), 0, "it left something");
}

/// The program as this user with this umask, without an environment. The program can lie where the user cannot go,
/// as in the home of root, so it is run by its descriptor.
pub fn program_as(account: &Account, umask: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            r#"umask "$0"; exec 3<&0 </dev/null; exec /proc/self/fd/3 "$@""#,
        ])
        .arg(umask)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", "/nonexistent")
        .current_dir("/")
        .stdin(fs::File::open(PROGRAM).unwrap());
    become_user(&mut command, account);
    command
}

/// Runs a command as this user, with its own group alone.
pub fn become_user(command: &mut Command, account: &Account) {
    if *account != Account::current() {
        command.uid(account.uid).gid(account.gid);
    }
}

/// A folder that everybody can enter, for folders that belong to somebody; removed when dropped.
pub struct Place {
    folder: TempDir,
    folders: Cell<u32>,
}

impl Place {
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("bgc-").unwrap();
        set_mode(folder.path(), 0o755);
        Self {
            folder,
            folders: Cell::new(0),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A new folder of this user with this mode.
    pub fn folder(&self, account: &Account, mode: u32) -> PathBuf {
        let number = self.folders.replace(self.folders.get() + 1);
        let folder = self.path().join(format!("folder-{number}"));
        fs::create_dir(&folder).unwrap();
        chown(&folder, Some(account.uid), Some(account.gid)).unwrap();
        set_mode(&folder, mode);
        folder
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A bus of its own; stopped when dropped.
pub struct Bus {
    daemon: Child,
    pub socket: PathBuf,
}

impl Bus {
    /// With the default policy of the system bus (/usr/share/dbus-1/system.conf) and that of dist/dbus.
    pub fn system(folder: &Path) -> Self {
        let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/dist/dbus/org.bgcopy.conf");
        let policy = format!(
            r#"<policy context="default">
                 <allow user="*"/>
                 <deny own="*"/>
                 <deny send_type="method_call"/>
                 <allow send_type="signal"/>
                 <allow send_requested_reply="true" send_type="method_return"/>
                 <allow send_requested_reply="true" send_type="error"/>
                 <allow receive_type="method_call"/>
                 <allow receive_type="method_return"/>
                 <allow receive_type="error"/>
                 <allow receive_type="signal"/>
                 <allow send_destination="org.freedesktop.DBus"/>
                 <deny send_destination="org.freedesktop.DBus"
                       send_interface="org.freedesktop.DBus.Monitoring"/>
               </policy>
               <policy user="root">
                 <allow send_destination="org.freedesktop.DBus"
                        send_interface="org.freedesktop.DBus.Monitoring"/>
               </policy>
               <policy context="default">
                 <allow send_destination="org.freedesktop.PolicyKit1"/>
               </policy>
               <policy user="root">
                 <allow own="org.freedesktop.PolicyKit1"/>
               </policy>
               <include ignore_missing="yes">/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf</include>
               <include>{ours}</include>"#
        );
        Self::start(folder, &policy)
    }

    /// With the policy of a session bus, but open to every user: who may do what is left to the service.
    pub fn session(folder: &Path) -> Self {
        let policy = r#"<policy context="default">
             <allow user="*"/>
             <allow own="*"/>
             <allow send_destination="*"/>
             <allow receive_sender="*"/>
           </policy>"#;
        Self::start(folder, policy)
    }

    fn start(folder: &Path, policy: &str) -> Self {
        let socket = folder.join("dbus");
        let configuration = folder.join("dbus.conf");
        let text = format!(
            "<busconfig><listen>unix:path={}</listen><auth>EXTERNAL</auth>{policy}</busconfig>",
            socket.display()
        );
        fs::write(&configuration, text).unwrap();
        let log = folder.join("dbus.log");
        let mut daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--nosyslog", "--print-address=1"])
            .arg(format!("--config-file={}", configuration.display()))
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .expect("dbus-daemon must be there: package dbus");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        let bus = Self { daemon, socket };
        let log = || fs::read_to_string(&log).unwrap();
        assert!(!address.is_empty(), "no bus: {}", log());
        bus
    }

    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket.display())
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        stop(&mut self.daemon);
    }
}

/// The service as a process; killed when dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it by this command; the first line that it says when that is not that it is ready.
    pub fn start(command: &mut Command, state: &Path) -> Result<Self, String> {
        let complaints = state.with_extension("stderr");
        let mut child = command
            .arg("--state-dir")
            .arg(state)
            .env("BGCOPY_READY", "stdout")
            .stdout(Stdio::piped())
            // A file, not a pipe: one that nobody reads would stop the service.
            .stderr(fs::File::create(&complaints).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let said = BufReader::new(child.stdout.take().unwrap()).read_line(&mut line);
        let log = state.join("daemon.log");
        let daemon = Self { child, log };
        said.unwrap();
        match line.as_str() {
            "ready\n" => Ok(daemon),
            "" => panic!("{}", fs::read_to_string(complaints).unwrap()),
            _ => Err(line),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self) {
        let ended = || matches!(self.child.try_wait(), Ok(Some(_)));
        assert!(
            bgcopy_testkit::process::wait_until(ended),
            "the service does not end"
        );
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the service's log:\n{}", self.log());
        }
        stop(&mut self.child);
    }
}

fn stop(child: &mut Child) {
    // It may be gone already; either way nothing is left of it.
    let _ = child.kill();
    let _ = child.wait();
}

/// The service of the machine, with its bus.
pub struct System {
    daemon: Option<Daemon>,
    pub bus: Bus,
    pub place: Place,
}

impl System {
    /// Starts it as root; `None` when the test is not root, which then has been told.
    pub fn start() -> Option<Self> {
        Self::start_under(&[])
    }

    /// The same by a command that runs the rest of its command line.
    pub fn start_under(wrapper: &[&str]) -> Option<Self> {
        if !is_root() {
            return None;
        }
        let place = Place::new();
        let config = "[http]\nstall_timeout_seconds = 30\n";
        fs::write(place.path().join("bgcopy.toml"), config).unwrap();
        let bus = Bus::system(place.path());
        let mut system = Self {
            daemon: None,
            bus,
            place,
        };
        system.launch(wrapper).unwrap();
        Some(system)
    }

    fn launch(&mut self, wrapper: &[&str]) -> Result<(), String> {
        let program = [PROGRAM, "--system", "daemon", "run"];
        let mut line = wrapper.iter().copied().chain(program);
        let mut command = Command::new(line.next().unwrap());
        command
            .args(line)
            .arg("--socket")
            .arg(self.socket())
            .arg("--config")
            .arg(self.place.path().join("bgcopy.toml"))
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.bus.address());
        self.daemon = Some(Daemon::start(
            &mut command,
            &self.place.path().join("state"),
        )?);
        Ok(())
    }

    /// Kills the service as a crash would, and starts it again.
    pub fn crash_and_restart(&mut self) {
        self.daemon = None;
        self.launch(&[]).unwrap();
    }

    pub fn daemon(&mut self) -> &mut Daemon {
        self.daemon.as_mut().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().pid()
    }

    /// The private socket.
    pub fn socket(&self) -> PathBuf {
        self.place.path().join("run/bus")
    }

    pub fn on_socket(&self, account: &Account) -> Peer {
        Peer::on_socket(&self.socket(), account)
    }

    pub fn on_bus(&self, account: &Account) -> Peer {
        Peer::on_bus(&self.bus.socket, account)
    }

    /// A connection of this user by either way.
    pub fn both_ways(&self, account: &Account) -> [Peer; 2] {
        [self.on_socket(account), self.on_bus(account)]
    }

    /// Runs the command line program as this user, on the system bus.
    pub fn bgcopy(&self, account: &Account, umask: &str, arguments: &[&str]) -> Said {
        let output = program_as(account, umask)
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.bus.address())
            .arg("--system")
            .args(arguments)
            .output()
            .unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// What the program said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}
