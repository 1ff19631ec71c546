//! Clients that behave badly.

use std::time::Duration;

use bgcopy_bus::{Manager1Proxy, names};
use bgcopy_model::Owner;
use futures_util::{FutureExt, StreamExt};
use tokio::{io::AsyncWriteExt, net::UnixListener};
use zbus::{Connection, Message, connection};

use super::{Bench, DEADLINE, create, within};
use crate::places::Mode;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_and_never_reads_is_closed_and_hurts_nobody() {
    let bench = Bench::new(Mode::User);
    let good = bench.client(Owner::ROOT).await;
    create(&good, "n").await;
    let bad = bench
        .client_with(Owner::ROOT, Duration::from_millis(300))
        .await;
    // A stream that nobody polls: its queue fills, and then the client's socket does.
    let unread = zbus::MessageStream::from(&bad);
    let call = || {
        Message::method_call(names::JOBS_PATH, "Introspect")
            .interface("org.freedesktop.DBus.Introspectable")
            .build(&())
            .unwrap()
    };
    let flood = async {
        // Far more than all buffers and all calls under way can hold.
        for _ in 0..100_000 {
            let calls: Vec<_> = std::iter::repeat_with(call).take(64).collect();
            if bad.send_all(&calls).await.is_err() {
                return;
            }
        }
        panic!("the service took everything");
    };
    within(flood).await;
    drop(unread);
    let manager = Manager1Proxy::new(&good).await.unwrap();
    assert_eq!(within(manager.enum_jobs(false)).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_socket_takes_a_handshake_by_the_kernels_word_alone() {
    let bench = Bench::new(Mode::User);
    let path = bench.folder.path().join("bus");
    let listener = UnixListener::bind(&path).unwrap();
    let service = bench.service.clone();
    let serving = tokio::spawn(async move { service.serve_private(listener).await });

    // Claims to be another user.
    let mut liar = tokio::net::UnixStream::connect(&path).await.unwrap();
    let claim = "\0AUTH EXTERNAL 3939393939\r\n";
    liar.write_all(claim.as_bytes()).await.unwrap();
    let mut answer = [0; 64];
    let count = within(tokio::io::AsyncReadExt::read(&mut liar, &mut answer))
        .await
        .unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]);
    assert!(answer.starts_with("REJECTED"), "{answer}");

    // Says nothing at all, and stays.
    let _mute = tokio::net::UnixStream::connect(&path).await.unwrap();

    let address = format!("unix:path={}", path.display());
    let client: Connection = within(connection::Builder::address(address.as_str()).p2p().build())
        .await
        .unwrap();
    create(&client, "n").await;
    serving.abort();
    let closed = tokio::time::timeout(DEADLINE, client.closed()).await;
    assert!(closed.is_ok(), "connections end with the service");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_wants_no_answer_gets_none_and_is_done() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let path = create(&client, "n").await;
    let body = (names::JOB, "Name", zbus::Variant::from("quiet"));
    let call = Message::method_call(&path, "Set")
        .interface("org.freedesktop.DBus.Properties")
        .with_flags(zbus::message::Flags::NO_REPLY_EXPECTED)
        .build(&body)
        .unwrap();
    let serial = call.primary_header().serial_num();
    let mut replies = zbus::MessageStream::from(&client);
    client.send(&call).await.unwrap();
    // Its turn is before this one's, and its answer would be too.
    let job = super::job(&client, &path).await;
    within(job.set_description("d")).await.unwrap();
    let properties = super::read(&client, &path).await;
    assert_eq!(properties.name, "quiet");
    while let Some(Some(Ok(message))) = replies.next().now_or_never() {
        assert_ne!(message.header().reply_serial(), Some(serial));
    }
}
