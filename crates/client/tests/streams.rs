//! A stream on its way to a service that a test plays: the descriptor arrives, and the client keeps no copy of it.

use std::{
    io::{Read, Write},
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    time::Duration,
};

use bgcopy_bus::{ManagerProperties, names::PROTOCOL_VERSION};
use bgcopy_client::{Address, JobId, Manager, blocking};
use tokio::{sync::mpsc, time::timeout};
use zbus::{Connection, Guid, MessageStream, connection, message::Type};

const ID: JobId = JobId::from_u128(7);
const PATIENCE: Duration = Duration::from_mins(1);

/// Answers every call of the client that connects next, and gives the streams that it hands over.
fn service(socket: &Path) -> mpsc::UnboundedReceiver<OwnedFd> {
    let listener = UnixListener::bind(socket).unwrap();
    let (tell, handed_over) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let accept = tokio::task::spawn_blocking(move || listener.accept().unwrap().0);
        let stream: UnixStream = accept.await.unwrap();
        let connection = connection::Builder::unix_stream(stream)
            .server(Guid::generate())
            .p2p()
            .build()
            .await
            .unwrap();
        answer(connection, tell).await;
    });
    handed_over
}

async fn answer(connection: Connection, tell: mpsc::UnboundedSender<OwnedFd>) {
    let mut calls = MessageStream::from(&connection);
    while let Some(Ok(call)) = futures_util::StreamExt::next(&mut calls).await {
        if call.message_type() != Type::MethodCall {
            continue;
        }
        let header = call.header();
        let answered = match header.member().unwrap().as_str() {
            "GetAll" => {
                let manager = ManagerProperties {
                    version: "0.0.0".into(),
                    protocol_version: PROTOCOL_VERSION,
                    mode: "user".into(),
                    process_id: 0,
                };
                connection.reply(&header, &manager).await
            }
            "SetStream" => {
                let end: zbus::OwnedFd = call.body().deserialize().unwrap();
                let answered = connection.reply(&header, &()).await;
                let _ = tell.send(end.into());
                answered
            }
            _ => connection.reply(&header, &()).await,
        };
        if answered.is_err() {
            return;
        }
    }
}

/// What is written to the stream that came is read at the other end, and so is its end.
async fn assert_handed_over(
    handed_over: &mut mpsc::UnboundedReceiver<OwnedFd>,
    mut reader: impl Read + Send + 'static,
) {
    let end = timeout(PATIENCE, handed_over.recv()).await;
    let mut end = std::io::PipeWriter::from(end.expect("nothing is handed over").unwrap());
    end.write_all(b"bytes").unwrap();
    drop(end);
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map(|_| bytes)
    });
    let read = timeout(PATIENCE, read).await;
    assert_eq!(
        read.expect("the end does not come").unwrap().unwrap(),
        b"bytes"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_the_services_alone_once_it_is_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bus");
    let mut handed_over = service(&socket);
    let manager = Manager::connect_to(Address::Path(socket)).await.unwrap();
    let download = manager.download(ID);
    let (reader, writer) = std::io::pipe().unwrap();
    download.set_stream(writer).await.unwrap();
    assert_handed_over(&mut handed_over, reader).await;
    let (reader, writer) = UnixStream::pair().unwrap();
    download.set_stream(writer).await.unwrap();
    assert_handed_over(&mut handed_over, reader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_for_a_program_without_a_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bus");
    let mut handed_over = service(&socket);
    let (reader, writer) = std::io::pipe().unwrap();
    let hand_over = move || {
        let manager = blocking::Manager::connect_to(Address::Path(socket)).unwrap();
        manager.download(ID).set_stream(writer).unwrap();
        manager
    };
    let _manager = tokio::task::spawn_blocking(hand_over).await.unwrap();
    assert_handed_over(&mut handed_over, reader).await;
}
