//! The client against a service that a test plays: the handshake, and the order of a look and of the signals.

use std::{os::unix::net::UnixListener, path::Path};

use bgcopy_bus::{
    JobChanges, JobProperties, ManagerProperties, PropertiesChanged,
    names::{JOB, MANAGER, PROTOCOL_VERSION, job_path},
};
use bgcopy_client::{Address, Connect, Error, JobId, JobState, Manager};
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use zbus::{Connection, Guid, Message, MessageStream, connection, message::Type};

const ID: JobId = JobId::from_u128(7);

fn manager_properties(protocol_version: u32) -> ManagerProperties {
    ManagerProperties {
        version: "0.0.0".into(),
        protocol_version,
        mode: "user".into(),
        // Nobody's: the one that plays it does not end with it.
        process_id: 0,
    }
}

fn job_properties(bytes: u64) -> JobProperties {
    JobProperties {
        id: ID.to_string(),
        profile: "bits".into(),
        name: "n".into(),
        description: String::new(),
        owner: 0,
        priority: 0,
        state: JobState::Transferring.code(),
        state_name: "transferring".into(),
        auto_complete: true,
        notify_flags: 3,
        notify_command: vec![],
        activation_name: String::new(),
        minimum_retry_delay: 5,
        no_progress_timeout: 0,
        maximum_download_time: 0,
        transfer_policy: 0x8000_00ff,
        peer_caching_flags: 0,
        security_flags: 0,
        credentials: vec![],
        error_count: 0,
        bytes_total: 100,
        bytes_transferred: bytes,
        files_total: 1,
        files_transferred: 0,
        creation_time: 1,
        modification_time: 1,
        transfer_completion_time: 0,
        retry_time: 0,
        error_code: 0,
        error_description: String::new(),
    }
}

async fn tell(connection: &Connection, changed: JobChanges) {
    let body = PropertiesChanged {
        interface: JOB.to_owned(),
        changed,
        invalidated: vec![],
    };
    let signal = Message::signal(
        job_path(ID),
        "org.freedesktop.DBus.Properties",
        "PropertiesChanged",
    );
    connection
        .send(&signal.build(&body).unwrap())
        .await
        .unwrap();
}

fn bytes(bytes: u64) -> JobChanges {
    JobChanges {
        bytes_transferred: Some(bytes),
        ..JobChanges::default()
    }
}

/// Plays a service of this version for one client, which watches one job; then the service ends.
fn play(socket: &Path, version: u32) -> JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        let accept = tokio::task::spawn_blocking(move || listener.accept().unwrap());
        let (stream, _) = accept.await.unwrap();
        let connection = connection::Builder::unix_stream(stream)
            .server(Guid::generate())
            .p2p()
            .build()
            .await
            .unwrap();
        let mut calls = MessageStream::from(&connection);
        while let Some(Ok(call)) = calls.next().await {
            if call.message_type() != Type::MethodCall {
                continue;
            }
            let header = call.header();
            match header.member().unwrap().as_str() {
                "GetAll" => {
                    let body = call.body();
                    if body.deserialize::<&str>().unwrap() == MANAGER {
                        let answer = manager_properties(version);
                        connection.reply(&header, &answer).await.unwrap();
                        continue;
                    }
                    // Older than the look, and different from it: must not be taken over.
                    tell(&connection, bytes(10)).await;
                    connection
                        .reply(&header, &job_properties(20))
                        .await
                        .unwrap();
                    tell(&connection, bytes(30)).await;
                    let end = JobChanges {
                        state: Some(JobState::Acknowledged.code()),
                        ..bytes(100)
                    };
                    tell(&connection, end).await;
                }
                "Shutdown" => {
                    connection.reply(&header, &()).await.unwrap();
                    return;
                }
                "ListJobs" => {
                    let none: Vec<(zbus::OwnedObjectPath, JobProperties)> = Vec::new();
                    connection.reply(&header, &none).await.unwrap();
                }
                "GetJob" => connection.reply(&header, &job_path(ID)).await.unwrap(),
                _ => connection.reply(&header, &()).await.unwrap(),
            }
        }
    })
}

fn at(socket: &Path) -> Address {
    Address::Path(socket.to_owned())
}

#[tokio::test]
async fn a_service_of_another_version_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bus");
    let service = play(&socket, PROTOCOL_VERSION + 1);
    let error = Manager::connect_to(at(&socket)).await.unwrap_err();
    assert!(
        matches!(error, Error::ProtocolVersion { theirs: 2 }),
        "{error}"
    );
    assert!(error.to_string().contains("bgcopy daemon stop"), "{error}");
    service.abort();
}

#[tokio::test]
async fn a_service_of_any_version_can_be_asked_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bus");
    let _service = play(&socket, PROTOCOL_VERSION + 1);
    let connect = Connect::to(at(&socket)).existing().any_version();
    let manager = connect.open().await.unwrap();
    assert_eq!(manager.service().protocol_version, PROTOCOL_VERSION + 1);
    manager.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_watch_begins_with_a_look_and_never_goes_back_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bus");
    let _service = play(&socket, PROTOCOL_VERSION);
    let manager = Manager::connect_to(at(&socket)).await.unwrap();
    let job = manager.job(ID).await.unwrap();
    let states: Vec<_> = job
        .watch()
        .await
        .unwrap()
        .map(|info| info.unwrap())
        .collect()
        .await;
    let told: Vec<_> = states.iter().map(|info| info.bytes_transferred).collect();
    assert_eq!(told.first(), Some(&20));
    assert!(told.is_sorted(), "{told:?}");
    let end = states.last().unwrap();
    assert_eq!(end.state, JobState::Acknowledged);
    assert_eq!(end.bytes_transferred, 100);
}

#[tokio::test]
async fn a_watch_of_a_service_that_ends_is_an_error_and_not_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bus");
    let _service = play(&socket, PROTOCOL_VERSION);
    let manager = Manager::connect_to(at(&socket)).await.unwrap();
    let mut jobs = std::pin::pin!(manager.watch(false).await.unwrap());
    manager.shutdown().await.unwrap();
    assert!(matches!(jobs.next().await, Some(Err(Error::Disconnected))));
    assert!(jobs.next().await.is_none());
}
