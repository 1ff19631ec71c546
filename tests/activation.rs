//! How systemd starts the service and learns that it serves.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test looks at files behind the service's back"
)]

mod support;

use std::{os::unix::net::UnixDatagram, process::Stdio, time::Duration};

use bgcopy::{Address, Manager};
use support::{PATIENCE, PROGRAM, Service};

/// A socket that somebody else listens on is served, and stays when the service ends.
#[tokio::test]
async fn a_socket_that_systemd_hands_over_is_served() {
    let service = Service::prepare(support::CONFIG);
    let socket = service.file("handed-over");
    let mut command = service.command_of("systemd-socket-activate");
    let mut child = command
        .arg("--listen")
        .arg(&socket)
        .args([PROGRAM, "daemon", "run"])
        .stderr(Stdio::inherit())
        .spawn()
        .expect("systemd-socket-activate is in Debian's package systemd");
    let connected = async {
        loop {
            // It is not listening yet, or the service is not yet up.
            match Manager::connect_to(Address::Path(socket.clone())).await {
                Ok(manager) => return manager,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let manager = tokio::time::timeout(PATIENCE, connected)
        .await
        .expect("nobody serves the socket");
    manager
        .create_job("over the socket")
        .create()
        .await
        .unwrap();
    assert!(
        !service.socket().exists(),
        "no socket beside the one handed over"
    );
    manager.shutdown().await.unwrap();
    assert!(child.wait().unwrap().success());
    assert!(
        socket.exists(),
        "the socket is systemd's, not the service's to remove"
    );
}

#[test]
fn the_service_tells_systemd_that_it_is_ready_and_that_it_stops() {
    let mut service = Service::prepare(support::CONFIG);
    let path = service.file("notify");
    let notify = UnixDatagram::bind(&path).unwrap();
    notify.set_read_timeout(Some(PATIENCE)).unwrap();
    service.launch(&[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    let told = || {
        let mut buffer = [0; 256];
        let length = notify.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert!(told().contains("READY=1"));
    assert!(service.terminate().success());
    assert!(told().contains("STOPPING=1"));
}

#[tokio::test]
async fn a_clean_stop_ends_in_success_and_removes_the_socket() {
    let mut service = Service::start();
    let socket = service.socket();
    assert!(socket.exists());
    assert!(service.terminate().success());
    assert!(!socket.exists());
}
