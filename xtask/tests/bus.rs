//! The D-Bus files of dist/dbus, judged by a private bus that denies by default what the system bus denies.
//!
//! Owns the policy and the activation files. Must never speak to the machine's own buses.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "reads the project's own tree and makes temporary folders"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The numeric user and group `nobody` of Debian.
const NOBODY: u32 = 65534;

/// A dbus-daemon of its own; stopped when dropped.
struct Bus {
    daemon: Child,
    address: String,
    _folder: TempDir,
}

impl Bus {
    /// A bus with the default policy of the system bus, the policy of dist/dbus, and the activation files of `services`.
    fn with_services(services: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Another user has to reach the socket.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let configuration = folder.path().join("bus.conf");
        fs::write(
            &configuration,
            format!(
                r#"<busconfig>
                     <listen>unix:path={socket}</listen>
                     <auth>EXTERNAL</auth>
                     <servicedir>{services}</servicedir>
                     <policy context="default">
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
                     </policy>
                     <include>{policy}</include>
                   </busconfig>"#,
                socket = folder.path().join("bus").display(),
                services = services.display(),
                policy = dist().join("org.bgcopy.conf").display(),
            ),
        )
        .unwrap();
        let log = folder.path().join("log");
        let mut daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--nosyslog", "--print-address=1"])
            .arg(format!("--config-file={}", configuration.display()))
            .stdout(Stdio::piped())
            // Every refusal that a test asks for would be told on its standard error.
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .expect("dbus-daemon must be there: package dbus");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        assert!(
            !address.is_empty(),
            "dbus-daemon does not accept its configuration: {}",
            fs::read_to_string(&log).unwrap()
        );
        Self {
            daemon,
            address: address.trim().to_owned(),
            _folder: folder,
        }
    }

    /// Calls a method as this user, or as nobody; answers the reply or the error's text.
    fn call(
        &self,
        caller: Caller,
        destination: &str,
        method: &str,
        arguments: &[&str],
    ) -> Result<String, String> {
        let mut command = Command::new("dbus-send");
        command
            .arg(format!("--bus={}", self.address))
            .args(["--print-reply", "--reply-timeout=30000"])
            .arg(format!("--dest={destination}"))
            .args(["/org/bgcopy", method])
            .args(arguments);
        if caller == Caller::Nobody && is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command
            .output()
            .expect("dbus-send must be there: package dbus");
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8(output.stderr).unwrap())
        }
    }

    fn request_name(&self, caller: Caller) -> Result<String, String> {
        self.call(
            caller,
            "org.freedesktop.DBus",
            "org.freedesktop.DBus.RequestName",
            &["string:org.bgcopy", "uint32:4"],
        )
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        stop(&mut self.daemon);
    }
}

fn stop(child: &mut Child) {
    // It may be gone already; either way nothing is left of it.
    let _ = child.kill();
    let _ = child.wait();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// The user that runs the tests.
    Us,
    /// `nobody` when the tests run as root; else the user that runs them, who has no more rights on this bus.
    Nobody,
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn dist() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../dist/dbus")
        .canonicalize()
        .unwrap()
}

/// A folder with the system's activation file alone, as the bus wants one.
fn system_services() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(
        dist().join("org.bgcopy.service"),
        folder.path().join("org.bgcopy.service"),
    )
    .unwrap();
    folder
}

#[test]
fn the_bus_policy_is_well_formed_xml() {
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet"])
        .arg(dist().join("org.bgcopy.conf"))
        .output()
        .expect("xmllint must be there: package libxml2-utils");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_polkit_policy_is_as_polkits_dtd_wants_it() {
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet", "--dtdvalid"])
        .arg("/usr/share/polkit-1/policyconfig-1.dtd")
        .arg(dist().join("../polkit/org.bgcopy.policy"))
        .output()
        .expect("xmllint must be there: package libxml2-utils");
    assert!(
        output.status.success(),
        "(the DTD is in package polkitd) {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn only_root_may_own_the_name_on_the_system_bus() {
    let services = system_services();
    let bus = Bus::with_services(services.path());
    let refusal = bus.request_name(Caller::Nobody).unwrap_err();
    assert!(
        refusal.contains("org.freedesktop.DBus.Error.AccessDenied"),
        "{refusal}"
    );
    if is_root() {
        // DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER
        let reply = bus.request_name(Caller::Us).unwrap();
        assert!(reply.contains("uint32 1"), "{reply}");
    } else {
        let refusal = bus.request_name(Caller::Us).unwrap_err();
        assert!(
            refusal.contains("org.freedesktop.DBus.Error.AccessDenied"),
            "{refusal}"
        );
    }
}

#[test]
fn anyone_may_call_the_service_and_by_that_start_it() {
    let services = system_services();
    fs::write(
        services.path().join("org.example.service"),
        "[D-BUS Service]\nName=org.example\nExec=/bin/false\n",
    )
    .unwrap();
    let bus = Bus::with_services(services.path());

    // This bus has no systemd to ask, so it runs the program of the activation file, which fails; what counts is that it was run.
    let error = bus
        .call(
            Caller::Nobody,
            "org.bgcopy",
            "org.bgcopy.Manager1.Anything",
            &[],
        )
        .unwrap_err();
    assert!(
        error.contains("org.freedesktop.DBus.Error.Spawn"),
        "{error}"
    );
    // The same call to a service that has no policy shows that ours is what allows it.
    let error = bus
        .call(
            Caller::Nobody,
            "org.example",
            "org.bgcopy.Manager1.Anything",
            &[],
        )
        .unwrap_err();
    assert!(
        error.contains("org.freedesktop.DBus.Error.AccessDenied"),
        "{error}"
    );
}

#[test]
fn the_service_alone_may_call_its_clients_back() {
    let services = system_services();
    let bus = Bus::with_services(services.path());
    // A client that stays connected. It is the first on this bus, so its unique name is known.
    let mut client = Command::new("gdbus")
        .args([
            "monitor",
            "--address",
            &bus.address,
            "--dest",
            "org.freedesktop.DBus",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("gdbus must be there: package libglib2.0-bin");
    let mut first_byte = [0];
    let connected = client.stdout.as_mut().unwrap().read_exact(&mut first_byte);
    let methods = [
        "org.bgcopy.Callback1.JobTransferred",
        "org.bgcopy.DownloadCallback1.OnStatusChange",
    ];
    let answers = methods.map(|method| {
        let call = |caller| bus.call(caller, ":1.0", method, &[]);
        (call(Caller::Nobody), call(Caller::Us))
    });
    stop(&mut client);

    connected.unwrap();
    for (from_nobody, from_us) in answers {
        let refusal = from_nobody.unwrap_err();
        assert!(
            refusal.contains("org.freedesktop.DBus.Error.AccessDenied"),
            "{refusal}"
        );
        // The client has no such object and says so, which shows that the call reached it.
        let expected = if is_root() { "Unknown" } else { "AccessDenied" };
        let answer = from_us.unwrap_err();
        assert!(
            answer.contains(&format!("org.freedesktop.DBus.Error.{expected}")),
            "{answer}"
        );
    }
}

#[test]
fn the_session_bus_can_start_the_users_daemon() {
    let bus = Bus::with_services(&dist().join("session"));
    let names = bus
        .call(
            Caller::Us,
            "org.freedesktop.DBus",
            "org.freedesktop.DBus.ListActivatableNames",
            &[],
        )
        .unwrap();
    assert!(names.contains("\"org.bgcopy\""), "{names}");
}
