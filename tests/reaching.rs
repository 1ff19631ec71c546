//! How commands get to a service that is elsewhere, or does not answer.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at files of their own"
)]

mod support;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};
use support::Service;

#[test]
fn who_looks_for_the_service_at_another_socket_is_told_at_once_where_it_is() {
    let service = Service::start();
    let elsewhere = tempfile::tempdir().unwrap();
    let output = service
        .command()
        .args(["list"])
        .env("XDG_RUNTIME_DIR", elsewhere.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    let (process, socket) = (service.pid().to_string(), service.socket());
    let socket = format!("bgcopy --socket {}", socket.display());
    assert!(said.contains(&process) && said.contains(&socket), "{said}");
    // The advice is right.
    let said = service.bgcopy(&["--socket", service.socket().to_str().unwrap(), "list"]);
    assert!(said.status.success(), "{said:?}");
}

#[test]
fn a_notification_program_reaches_the_service_that_runs_it() {
    let service = Service::start();
    let elsewhere = tempfile::tempdir().unwrap();
    let list = |arguments: &[&str]| {
        let mut command = service.command();
        command
            .args(arguments)
            .env("XDG_RUNTIME_DIR", elsewhere.path())
            .env("BGCOPY_SOCKET", service.socket());
        command.output().unwrap()
    };
    let output = list(&["create", "it"]);
    assert!(output.status.success(), "{output:?}");
    let said = service.bgcopy(&["list"]);
    assert!(said.out.contains("it"), "{said:?}");
    // What is asked for on the command line goes first.
    let nowhere = elsewhere.path().join("nowhere");
    let output = list(&["--socket", nowhere.to_str().unwrap(), "list"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("nowhere"), "{said}");
}

/// Sends the service a signal.
fn signal(service: &Service, signal: Signal) {
    let process = Pid::from_raw(service.pid().try_into().unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}

#[test]
fn a_service_that_does_not_answer_is_named_and_waited_for() {
    let service = Service::start();
    signal(&service, Signal::STOP);
    let start = |arguments: &[&str]| {
        let mut command = service.command();
        let command = command.args(arguments).stdout(Stdio::piped());
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut quiet = start(&["list", "--json"]);
    let mut list = start(&["list"]);
    let mut line = String::new();
    let mut said = BufReader::new(list.stderr.take().unwrap());
    said.read_line(&mut line).unwrap();
    let process = service.pid();
    let expected =
        format!("bgcopy: the service (process {process}) does not answer; waiting for it\n");
    assert_eq!(line, expected);
    assert!(list.try_wait().unwrap().is_none(), "it does not wait");

    signal(&service, Signal::CONT);
    assert!(list.wait().unwrap().success());
    line.clear();
    said.read_to_string(&mut line).unwrap();
    assert_eq!(line, "", "it was told once");
    assert!(quiet.wait().unwrap().success());
    let mut said = String::new();
    let mut errors = quiet.stderr.take().unwrap();
    errors.read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}
