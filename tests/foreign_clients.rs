//! The programs of examples/ as foreign clients: each hands over a job with a callback object, and completes it when
//! it is called. Python with dbus-fast, C with sd-bus, and Rust with this library. And a job from its making to its end
//! by hand, with busctl and gdbus.
//!
//! Needs the packages python3-venv, libsystemd-dev, gcc, pkg-config, dbus, systemd and libglib2.0-bin; dbus-fast comes
//! from `PyPI` once, into target/tmp.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at files of their own"
)]

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use bgcopy_testkit::faulty::{Origin, Resource};
use support::{
    Service,
    session::{self, Session},
    sha256,
};

/// Runs a tool to its end, which is a success.
fn run(command: &mut Command, package: &str) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; package {package}"));
    assert!(
        output.status.success(),
        "{command:?} (package {package}): {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

/// Has the client fetch what is there, and what is not.
fn serve(session: &Session, client: impl Fn() -> Command) {
    let origin = Origin::start();
    let resource = Resource::pattern(5, 100_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    let path = session.home.file("file");
    let fetch = |url: &str, path: &Path| {
        let mut client = client();
        client
            .env("DBUS_SESSION_BUS_ADDRESS", &session.bus)
            .arg(url)
            .arg(path);
        client.output().unwrap()
    };
    let output = fetch(&url, &path);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(sha256(&path), expected);

    let output = fetch(&origin.url("/nothing"), &session.home.file("nothing"));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("404"), "{said}");
    let left = session.home.bgcopy(&["list", "--json"]).out;
    assert!(
        left.is_empty(),
        "every job was completed or cancelled: {left}"
    );
}

#[test]
fn a_python_program_with_dbus_fast_is_called_back() {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dbus-fast");
    let python = venv.join("bin/python");
    let is_there = Command::new(&python)
        .args(["-c", "import dbus_fast"])
        .status()
        .is_ok_and(|status| status.success());
    if !is_there {
        let mut make = Command::new("python3");
        run(make.args(["-m", "venv"]).arg(&venv), "python3-venv");
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "dbus-fast>=4,<6"]);
        run(&mut install, "python3-venv");
    }
    let mut session = Session::start();
    let client = || {
        let mut client = Command::new(&python);
        client.arg(example("notify.py"));
        client
    };
    serve(&session, client);

    session.kill();
    for bus in [session.bus.as_str(), "unix:path=/nonexistent"] {
        let mut without = client();
        without.env("DBUS_SESSION_BUS_ADDRESS", bus);
        let output = without.args(["http://h/x", "/tmp/x"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("notify.py: "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_c_program_with_sd_bus_is_called_back() {
    let session = Session::start();
    let program = session.home.file("notify");
    let flags = run(
        Command::new("pkg-config").args(["--cflags", "--libs", "libsystemd"]),
        "libsystemd-dev",
    );
    let flags = String::from_utf8(flags.stdout).unwrap();
    let mut compile = Command::new("cc");
    compile
        .args(["-Wall", "-Werror", "-o"])
        .arg(&program)
        .arg(example("notify.c"))
        .args(flags.split_whitespace());
    run(&mut compile, "gcc");
    serve(&session, || Command::new(&program));
}

#[test]
fn a_rust_program_with_this_library_is_called_back() {
    let (service, origin) = (Service::start(), Origin::start());
    let resource = Resource::pattern(5, 100_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    let mut client = Command::new(session::example("notify"));
    let home = service.command();
    let variables = home
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    client.env_clear().envs(variables);
    let output = client.arg(url).arg(service.file("file")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(sha256(&service.file("file")), expected);
}

#[test]
fn busctl_and_gdbus_take_a_job_from_its_making_to_its_end() {
    let (session, origin) = (Session::start(), Origin::start());
    let resource = Resource::pattern(5, 100_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    let path = session.home.file("file");
    let tool = |name: &str, package: &str, arguments: &[&str]| {
        let output = run(session.client(name).args(arguments), package);
        String::from_utf8(output.stdout).unwrap()
    };
    let busctl = |arguments: &[&str]| {
        let bus = format!("--address={}", session.bus);
        tool("busctl", "systemd", &[&[bus.as_str()], arguments].concat())
    };
    let submit = "call org.bgcopy /org/bgcopy org.bgcopy.Manager1 SubmitJob ssa{sv}a(ssa{sv})b";
    let arguments = [
        "bits",
        "by hand",
        "0",
        "1",
        &url,
        path.to_str().unwrap(),
        "0",
        "true",
    ];
    let words: Vec<&str> = submit.split(' ').chain(arguments).collect();
    let said = busctl(&words);
    let job = said.split('"').nth(1).expect("the path of a job");
    let state = || {
        let property = ["get-property", "org.bgcopy", job, "org.bgcopy.Job1"];
        busctl(&[&property[..], &["StateName"]].concat())
    };
    assert!(
        bgcopy_testkit::process::wait_until(|| state().contains("transferred")),
        "{}",
        state()
    );
    assert!(!path.exists());
    let complete = [
        "call",
        "--session",
        "--dest=org.bgcopy",
        "--object-path",
        job,
    ];
    let complete = [&complete[..], &["--method=org.bgcopy.Job1.Complete"]].concat();
    assert_eq!(tool("gdbus", "libglib2.0-bin", &complete), "(uint32 0,)\n");
    assert_eq!(sha256(&path), expected);
    assert!(state().contains("acknowledged"), "{}", state());
}
