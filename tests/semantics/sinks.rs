//! What may be handed over as a stream, and how many (docs/semantics.md, 7.15), over the bus of a real service.

use std::{
    fs::File,
    os::{
        fd::OwnedFd,
        unix::{
            fs::OpenOptionsExt,
            net::{UnixListener, UnixStream},
        },
    },
};

use bgcopy::{DownloadProperty, DownloadValue, Error, ErrorName};
use rustix::fs::OFlags;

use crate::{
    downloads::refused,
    streams::{NO_SINK, SINK_SET, bare, into_pipe},
    support::Service,
};

/// Descriptors that nobody should write to in somebody else's name, or that would let the service wait.
fn unfit(service: &Service) -> Vec<(&'static str, OwnedFd)> {
    let file = File::create(service.state().join("a file")).unwrap();
    let fifo = service.state().join("a fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let both = File::options().read(true).write(true).open(&fifo).unwrap();
    let flags = i32::try_from(OFlags::PATH.bits()).unwrap();
    let bare = File::options().read(true).custom_flags(flags).open(&fifo);
    let named = service.state().join("a socket");
    let listener = UnixListener::bind(&named).unwrap();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let over_tcp = std::net::TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
    let unconnected = rustix::net::socket(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        None,
    );
    let (unread, writer) = std::io::pipe().unwrap();
    drop(unread);
    vec![
        ("a regular file", file.into()),
        ("a folder", File::open(service.state()).unwrap().into()),
        (
            "a device",
            File::options()
                .write(true)
                .open("/dev/null")
                .unwrap()
                .into(),
        ),
        ("the read end of a pipe", std::io::pipe().unwrap().0.into()),
        ("both ends of a pipe", both.into()),
        ("a path alone", bare.unwrap().into()),
        ("a pipe that nobody reads", writer.into()),
        (
            "a socket to a service",
            UnixStream::connect(&named).unwrap().into(),
        ),
        ("a listening socket", listener.into()),
        ("a socket of the network", over_tcp.into()),
        ("a socket without a peer", unconnected.unwrap()),
        (
            "datagrams",
            std::os::unix::net::UnixDatagram::pair().unwrap().0.into(),
        ),
    ]
}

/// Descriptors that a process has.
fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .count()
}

#[tokio::test]
async fn s7_15_only_what_can_be_written_without_waiting_is_taken() {
    let service = Service::start();
    let manager = service.manager().await;
    let download = bare(&manager, "http://127.0.0.1:1/x").await;
    for (what, end) in unfit(&service) {
        match download.set_stream(end).await {
            Err(Error::Service { name, message, .. }) => {
                assert_eq!(name, ErrorName::InvalidArgument, "{what}: {message}");
                let is_file = ["a regular file", "a folder", "a device"].contains(&what);
                assert!(
                    !is_file || message.contains("LocalPath"),
                    "{what}: {message}"
                );
            }
            other => panic!("{what}: {other:?}"),
        }
    }
    assert_eq!(refused(download.start().await), NO_SINK);
}

#[tokio::test]
async fn s7_15_a_download_has_one_sink() {
    let service = Service::start();
    let manager = service.manager().await;
    let (with_stream, _reader) = into_pipe(&manager, "http://127.0.0.1:1/x").await;
    let path = with_stream.set_local_path(service.file("x")).await;
    assert_eq!(refused(path), SINK_SET);
    let with_path = bare(&manager, "http://127.0.0.1:1/x").await;
    with_path.set_local_path(service.file("x")).await.unwrap();
    let (_reader, writer) = std::io::pipe().unwrap();
    assert_eq!(refused(with_path.set_stream(writer).await), SINK_SET);
    let set = with_path
        .set_property(DownloadProperty::StreamInterface, DownloadValue::Flag(true))
        .await;
    match set {
        Err(Error::Service { name, message, .. }) => {
            assert_eq!(name, ErrorName::ReadOnlyProperty);
            assert!(message.contains("SetStream"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn s7_15_streams_are_counted_and_ten_thousand_calls_leave_nothing_open() {
    let service = Service::start();
    let manager = service.manager().await;
    let (download, _reader) = into_pipe(&manager, "http://127.0.0.1:1/x").await;
    let (_other, writer) = std::io::pipe().unwrap();
    let before = descriptors(service.pid());
    for _ in 0..10_000 {
        let again = download.set_stream(writer.try_clone().unwrap()).await;
        assert_eq!(refused(again), SINK_SET);
    }
    assert!(descriptors(service.pid()) <= before + 2);
    let mut readers = Vec::new();
    let mut last = download;
    for _ in 1..64 {
        let (next, reader) = into_pipe(&manager, "http://127.0.0.1:1/x").await;
        readers.push(reader);
        last = next;
    }
    let one_more = bare(&manager, "http://127.0.0.1:1/x").await;
    let (_reader, writer) = std::io::pipe().unwrap();
    let too_many = one_more.set_stream(writer.try_clone().unwrap()).await;
    assert_eq!(refused(too_many).0, ErrorName::ResourcesExhausted);
    last.abort().await.unwrap();
    one_more.set_stream(writer).await.unwrap();
}
