//! What only a hand-written peer can do: connections that die at a chosen moment, and bytes beyond an answer.

mod common;

use std::{net::SocketAddr, time::Duration};

use bgcopy_model::Condition;
use bgcopy_origin::{Client, Config, HttpSource};
use bgcopy_transfer::Want;
use common::*;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// What a connection of the peer does: these answers, one for each request, and then this.
type Script = (&'static [&'static str], Then);

#[derive(Clone, Copy, PartialEq)]
enum Then {
    Close,
    WaitForClose,
}
use Then::{Close, WaitForClose};

/// A peer whose connections follow these scripts in turn, and tell of each when the client closed it.
async fn peer(scripts: &'static [Script]) -> (SocketAddr, mpsc::UnboundedReceiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (closed, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for (number, (answers, then)) in scripts.iter().enumerate() {
            let (mut socket, _) = listener.accept().await.unwrap();
            let closed = closed.clone();
            tokio::spawn(async move {
                for answer in *answers {
                    if !read_request(&mut socket).await {
                        break;
                    }
                    socket.write_all(answer.as_bytes()).await.unwrap();
                }
                if *then == WaitForClose {
                    let _ = socket.read_to_end(&mut Vec::new()).await;
                }
                let _ = closed.send(number);
            });
        }
    });
    (address, seen)
}

async fn read_request(socket: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    true
}

fn from(address: SocketAddr) -> HttpSource {
    source(&format!("http://{address}/f"))
}

async fn hello(source: &HttpSource) {
    let fetched = fetch(source, &Want::whole()).await.expect("an answer");
    assert_eq!(
        (fetched.bytes.as_slice(), fetched.end),
        (b"hello".as_slice(), Ok(true))
    );
}

#[tokio::test]
async fn a_kept_connection_that_dies_before_an_answer_is_replaced_once() {
    let (address, _) = peer(&[(&[HELLO, ""], Close), (&[HELLO, HELLO], WaitForClose)]).await;
    let source = from(address);
    for _ in 0..3 {
        hello(&source).await;
    }
}

#[tokio::test]
async fn a_fresh_connection_that_dies_is_a_failure() {
    let (address, _) = peer(&[
        (&[HELLO, ""], Close),
        (&[""], Close),
        (&[HELLO], WaitForClose),
    ])
    .await;
    let source = from(address);
    hello(&source).await;
    let failure = refused(&source, &Want::whole()).await;
    assert_failure(
        &failure,
        Condition::ConnectionClosed,
        "before it had answered",
    );
    hello(&source).await;
}

#[tokio::test]
async fn a_kept_connection_that_dies_within_the_head_is_a_failure() {
    // An answer had begun: that is no longer a connection that was merely kept for too long.
    let (address, _) = peer(&[
        (&[HELLO, "HTTP/1.1 200 OK\r\nContent-"], Close),
        (&[HELLO], WaitForClose),
    ])
    .await;
    let source = from(address);
    hello(&source).await;
    let failure = refused(&source, &Want::whole()).await;
    assert_failure(
        &failure,
        Condition::ConnectionClosed,
        "before it had answered",
    );
    hello(&source).await;
}

#[tokio::test]
async fn bytes_beyond_an_answer_are_no_answer() {
    const SMUGGLED: &str = concat!(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
    );
    let (address, mut closed) =
        peer(&[(&[SMUGGLED], WaitForClose), (&[HELLO], WaitForClose)]).await;
    let source = from(address);
    hello(&source).await;
    assert_eq!(within(closed.recv()).await, Some(0), "it is not kept");
    hello(&source).await;
}

#[tokio::test]
async fn a_part_in_chunks_must_be_as_long_as_it_was_told() {
    const HEAD: &str = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/9\r\n\
                        Transfer-Encoding: chunked\r\n\r\n";
    for (body, expected, words) in [
        ("5\r\nhello\r\n0\r\n\r\n", 5, None),
        ("5\r\nhello\r\n0\r\nX-Trailer: ignored\r\n\r\n", 5, None),
        ("3\r\nhel\r\n0\r\n\r\n", 3, Some("fewer bytes than the 5")),
        (
            "3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n",
            3,
            Some("more bytes than the 5"),
        ),
        ("6\r\nhello!\r\n0\r\n\r\n", 0, Some("more bytes than the 5")),
    ] {
        let answer: &'static str = Box::leak(format!("{HEAD}{body}").into_boxed_str());
        let script: Script = (Box::leak(Box::new([answer])), WaitForClose);
        let (address, _) = peer(Box::leak(Box::new([script]))).await;
        let fetched = fetch(&from(address), &exact(0, 5)).await.unwrap();
        match words {
            None => assert_eq!(fetched.end, Ok(true)),
            Some(words) => {
                let failure = fetched.end.unwrap_err();
                assert_failure(&failure, Condition::InvalidResponse, words);
            }
        }
        assert_eq!(fetched.bytes.len(), expected, "{body:?}");
    }
}

#[tokio::test]
async fn interim_answers_without_end_do_not_keep_a_fetch_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        while socket
            .write_all(b"HTTP/1.1 102 Processing\r\n\r\n")
            .await
            .is_ok()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let source = impatient().source(target(&format!("http://{address}/f")));
    let failure = refused(&source, &Want::whole()).await;
    assert_failure(&failure, Condition::Timeout, "1500 ms");
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_time() {
    let (address, mut closed) = peer(&[(&[HELLO, HELLO], WaitForClose)]).await;
    let config = Config {
        idle_timeout: Duration::from_millis(50),
        ..Config::default()
    };
    let client = Client::new(config).unwrap();
    hello(&client.source(target(&format!("http://{address}/f")))).await;
    assert_eq!(within(closed.recv()).await, Some(0));
    // The client is still there, so it was not its end that closed it.
    drop(client);
}

#[tokio::test]
async fn connections_end_with_their_client() {
    let (address, mut closed) = peer(&[(&[HELLO, HELLO], WaitForClose)]).await;
    let source = from(address);
    hello(&source).await;
    drop(source);
    assert_eq!(within(closed.recv()).await, Some(0));
}

#[tokio::test]
async fn a_name_with_two_addresses_is_reached_at_the_one_that_answers() {
    // Where localhost is ::1 first, nothing listens there.
    let (address, _) = peer(&[(&[HELLO], WaitForClose)]).await;
    hello(&source(&format!("http://localhost:{}/f", address.port()))).await;
}
