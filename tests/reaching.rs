//! How commands get to a service that is elsewhere, or does not answer.

mod support;

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

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
