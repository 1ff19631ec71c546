//! Who may start which service, who may speak to it, and how it looks to programs that are not ours.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use bgcopy_testkit::faulty::{Origin, Resource};

use crate::{
    files::names,
    machine::{
        Account, Bus, Daemon, PATIENCE, Place, Said, System, assert_system_is_refused_to,
        become_user, is_root, program_as, set_mode,
    },
    peer::{INTROSPECTABLE, MANAGER, Peer, ROOT_OBJECT, connect},
    wire::Value,
};

/// The user whose own service is tested: where that is possible not root, for which nothing is forbidden.
fn user() -> Account {
    let current = Account::current();
    if current.uid == 0 {
        Account::owner()
    } else {
        current
    }
}

/// A service of one user, with a place for its things.
struct Own {
    daemon: Daemon,
    place: Place,
    socket: std::path::PathBuf,
}

fn try_start(place: &Place, bus: Option<&Bus>) -> Result<(Daemon, std::path::PathBuf), String> {
    let home = place.folder(&user(), 0o700);
    let socket = home.join("run/bus");
    let mut command = program_as(&user(), "022");
    if let Some(bus) = bus {
        command
            .env("DBUS_SESSION_BUS_ADDRESS", bus.address())
            .arg("--session");
    }
    command.args(["daemon", "run", "--socket"]).arg(&socket);
    let daemon = Daemon::start(&mut command, &home.join("state"))?;
    Ok((daemon, socket))
}

impl Own {
    fn start() -> Self {
        let place = Place::new();
        let (daemon, socket) = try_start(&place, None).unwrap();
        Self {
            daemon,
            place,
            socket,
        }
    }
}

#[test]
fn an_ordinary_user_cannot_run_the_service_of_the_machine() {
    assert_system_is_refused_to(&user());
}

#[test]
fn a_users_private_socket_is_for_that_user_alone() {
    let own = Own::start();
    let mode = |path: &Path| {
        let found = fs::metadata(path).unwrap();
        std::os::unix::fs::MetadataExt::mode(&found) & 0o777
    };
    assert_eq!(mode(&own.socket), 0o600);
    assert_eq!(mode(own.socket.parent().unwrap()), 0o700);
    let mut mine = Peer::on_socket(&own.socket, &user());
    let job = mine.create("mine", &[]);
    assert_eq!(mine.listed(false).unwrap(), [job.as_str()]);
}

#[test]
fn another_user_who_gets_to_a_private_socket_is_sent_away_at_once() {
    if !is_root() {
        return;
    }
    let own = Own::start();
    // As if somebody had opened the way by mistake.
    for folder in own.socket.ancestors().skip(1) {
        if folder.starts_with(own.place.path()) {
            set_mode(folder, 0o755);
        }
    }
    set_mode(&own.socket, 0o666);
    let began = Instant::now();
    let mut stream = connect(&own.socket, &Account::other()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may be sent away before it says a word; that it ends is what counts.
    let _ = stream.write_all(b"\0AUTH EXTERNAL 36353533340d0a");
    let mut said = Vec::new();
    let end = stream.read_to_end(&mut said);
    let is_reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
    assert!(
        end.as_ref().map_or_else(is_reset, |count| *count == 0),
        "{end:?} {said:?}"
    );
    // Somebody who is let in and says nothing has 30 s.
    assert!(began.elapsed() < Duration::from_secs(25), "it was let in");
    assert!(
        own.daemon.log().contains("sent away"),
        "{}",
        own.daemon.log()
    );

    // Root may, and what it makes is the user's.
    let mut root = Peer::on_socket(&own.socket, &Account::ROOT);
    let job = root.create("by root", &[]);
    let owner = root.property(&job, "org.bgcopy.Job1", "Owner");
    assert_eq!(owner.as_u32(), user().uid);
}

#[test]
fn another_user_on_the_same_session_bus_is_refused_everything() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    let bus = Bus::session(place.path());
    let (_daemon, _) = try_start(&place, Some(&bus)).unwrap();
    let mut mine = Peer::on_bus(&bus.socket, &user());
    let job = mine.create("mine", &[]);
    let mut other = Peer::on_bus(&bus.socket, &Account::other());
    for path in [
        "/",
        ROOT_OBJECT,
        "/org/bgcopy/jobs",
        &job,
        "/org/bgcopy/nothing",
    ] {
        let answer = other.call(path, INTROSPECTABLE, "Introspect", &[]);
        assert!(answer.unwrap_err().is_denied(), "{path}");
    }
    for method in &crate::contract::manager().methods {
        let arguments = Value::samples(&method.arguments);
        let answer = other.call(ROOT_OBJECT, MANAGER, &method.name, &arguments);
        assert!(answer.unwrap_err().is_denied(), "{}", method.name);
    }
    assert_eq!(mine.listed(false).unwrap(), [job.as_str()]);
}

/// Runs a program that is not ours on this bus, as the user.
fn tool(program: &str, package: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    become_user(command.args(arguments).current_dir("/"), &user());
    let output = command.output();
    let output = output.unwrap_or_else(|_| panic!("{program} must be there: package {package}"));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn on_a_session_bus_busctl_and_gdbus_see_and_call_the_same_objects() {
    let place = Place::new();
    let bus = Bus::session(place.path());
    let (_daemon, socket) = try_start(&place, Some(&bus)).unwrap();
    let address = format!("--address={}", bus.address());
    let busctl = |arguments: &[&str]| {
        let arguments = [&[address.as_str()], arguments].concat();
        tool("busctl", "systemd", &arguments)
    };
    let to = |member: &'static str| ["call", "org.bgcopy", ROOT_OBJECT, MANAGER, member];

    let shown = busctl(&["introspect", "org.bgcopy", ROOT_OBJECT]);
    let names = crate::contract::manager();
    let methods = names.methods.iter().map(|method| &method.name);
    for name in methods.chain(names.properties.iter().map(|property| &property.name)) {
        assert!(
            shown.contains(&format!(".{name} ")),
            "no {name} in:\n{shown}"
        );
    }
    let mode = busctl(&["get-property", "org.bgcopy", ROOT_OBJECT, MANAGER, "Mode"]);
    assert_eq!(mode, "s \"session\"\n");
    let options = ["ssa{sv}", "bits", "made by hand", "1", "Priority", "u", "1"];
    let created = busctl(&[&to("CreateJob")[..], &options].concat());
    let job = created
        .trim()
        .strip_prefix("o \"")
        .unwrap()
        .strip_suffix('"')
        .unwrap();
    let listed = busctl(&[&to("EnumJobs")[..], &["b", "false"]].concat());
    assert_eq!(listed, format!("ao 1 \"{job}\"\n"));
    assert!(busctl(&["tree", "org.bgcopy"]).contains(job));
    assert!(busctl(&["introspect", "org.bgcopy", job]).contains("\"made by hand\""));
    let set = [
        "set-property",
        "org.bgcopy",
        job,
        "org.bgcopy.Job1",
        "Name",
        "s",
        "renamed",
    ];
    busctl(&set);

    let address = bus.address();
    let target = [
        "--address",
        &address,
        "--dest",
        "org.bgcopy",
        "--object-path",
    ];
    let gdbus = |command: &str, path: &str, rest: &[&str]| {
        let arguments = [&[command], &target[..], &[path], rest].concat();
        tool("gdbus", "libglib2.0-bin", &arguments)
    };
    let shown = gdbus("introspect", "/", &["--recurse"]);
    assert!(shown.contains("interface org.bgcopy.Manager1 {"), "{shown}");
    assert!(shown.contains("interface org.bgcopy.Job1 {"), "{shown}");
    assert!(shown.contains("Name = 'renamed';"), "{shown}");
    let call = ["--method", "org.bgcopy.Job1.Cancel"];
    assert_eq!(gdbus("call", job, &call), "(uint32 0,)\n");

    // The private socket serves beside the bus, and it is the same queue.
    let mut private = Peer::on_socket(&socket, &user());
    let mode = private.property(ROOT_OBJECT, MANAGER, "Mode");
    assert_eq!(mode.as_text(), "session");
    let state = private.property(job, "org.bgcopy.Job1", "StateName");
    assert_eq!(state.as_text(), "cancelled");
}

#[test]
fn the_second_service_on_a_bus_says_that_the_name_is_taken() {
    let place = Place::new();
    let bus = Bus::session(place.path());
    let (_first, _) = try_start(&place, Some(&bus)).unwrap();
    let Err(said) = try_start(&place, Some(&bus)) else {
        panic!("two services have one name")
    };
    assert_eq!(
        said,
        "error: on the session bus: another service has the name org.bgcopy already; stop it first\n"
    );
    let socket = |home: &str| place.path().join(home).join("run/bus");
    assert!(socket("folder-0").exists());
    assert!(!socket("folder-1").exists(), "it leaves a socket behind");
}

#[test]
fn without_a_session_bus_the_private_socket_serves_all_the_same() {
    let place = Place::new();
    let bus = Bus::session(place.path());
    fs::remove_file(&bus.socket).unwrap();
    let (daemon, socket) = try_start(&place, Some(&bus)).unwrap();
    assert!(
        daemon.log().contains("not on the session bus"),
        "{}",
        daemon.log()
    );
    Peer::on_socket(&socket, &user()).create("without a bus", &[]);
}

#[test]
fn the_command_line_lists_a_users_own_jobs_on_the_bus_and_on_the_private_socket() {
    let Some(system) = System::start() else {
        return;
    };
    let socket = system.socket();
    let ways = [vec![], vec!["--socket", socket.to_str().unwrap()]];
    let run = |account: &Account, way: &[&str], arguments: &[&str]| -> Said {
        system.bgcopy(account, "022", &[way, arguments].concat())
    };
    let (owner, other) = (Account::owner(), Account::other());
    for (way, name) in ways.iter().zip(["first", "second"]) {
        let said = run(&owner, way, &["create", name]);
        assert_eq!(said.code, 0, "{said:?}");
    }
    for way in &ways {
        let said = run(&owner, way, &["list"]);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(
            said.out.contains("first") && said.out.contains("second"),
            "{said:?}"
        );

        let said = run(&other, way, &["list", "--json"]);
        assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:?}");
        let said = run(&other, way, &["list", "--all"]);
        assert_eq!(
            said.err,
            "bgcopy: only an administrator may list the jobs of all users\n"
        );
        assert_eq!(said.code, 5, "no job is missing: {said:?}");
        let said = run(&Account::ROOT, way, &["list", "--all"]);
        assert!(
            said.out.contains("first") && said.out.contains("second"),
            "{said:?}"
        );

        let id = run(&owner, way, &["list", "--json"]).out;
        let id = id
            .split_once("\"id\":\"")
            .unwrap()
            .1
            .split_once('"')
            .unwrap()
            .0
            .to_owned();
        let said = run(&other, way, &["cancel", &id]);
        assert_eq!(said.code, 4, "it is somebody else's: {said:?}");
        let said = run(&other, way, &["cancel", &id[..8]]);
        assert_eq!(said.code, 4, "it has no such job: {said:?}");
    }
}

#[test]
fn a_user_fetches_a_file_by_the_command_line_into_its_own_folder() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let url = origin.serve("/data.bin", Resource::pattern(1, 1_000_000));
    let folder = system.place.folder(&Account::other(), 0o700);
    let arguments = ["get", &url, "-d", folder.to_str().unwrap()];
    let said = system.bgcopy(&Account::other(), "022", &arguments);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(names(&folder), ["data.bin"]);
    let said = system.bgcopy(&Account::owner(), "022", &arguments);
    assert_eq!(said.code, 5, "the owner of the folder is another: {said:?}");
    assert!(said.err.contains("cannot be written"), "{said:?}");
}

#[test]
fn root_alone_stops_the_service_of_the_machine() {
    let Some(mut system) = System::start() else {
        return;
    };
    let said = system.bgcopy(&Account::owner(), "022", &["daemon", "stop"]);
    assert_eq!(
        said.err,
        "bgcopy: only an administrator may stop the system's service\n"
    );
    assert_eq!(said.code, 5);
    let said = system.bgcopy(&Account::owner(), "022", &["daemon", "status"]);
    assert!(said.out.starts_with("running: "), "{said:?}");
    let said = system.bgcopy(&Account::ROOT, "022", &["daemon", "stop"]);
    assert_eq!(said.code, 0, "{said:?}");
    system.daemon().wait();
    assert!(!system.socket().exists(), "the socket is left behind");
}
