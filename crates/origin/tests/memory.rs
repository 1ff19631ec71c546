//! Bodies that are read into the caller's memory: the same bytes, ends and errors as in chunks.

mod common;

use std::{
    future::poll_fn,
    io::{Read as _, Write as _},
    net::TcpListener,
};

use bgcopy_model::Condition;
use bgcopy_origin::{Client, Config, HttpSource};
use bgcopy_testkit::{
    TestCa,
    faulty::{Body, Cut, Digest, Fault, Origin, Resource},
};
use bgcopy_transfer::{Chunk, Failure, Part, Source as _, Want, next_chunk};
use common::*;

const LEN: u64 = 3_000_000;

fn file() -> Resource {
    Resource::pattern(1, LEN)
}

struct InMemory {
    bytes: Vec<u8>,
    /// How many of them came into the memory.
    into_memory: usize,
    end: Result<bool, Failure>,
}

/// Fetches into memory of `size` bytes; each `chunk_every`-th time there is none.
async fn read(source: &HttpSource, want: &Want, size: usize, chunk_every: usize) -> InMemory {
    let mut answer = within(source.fetch(want)).await.unwrap();
    let body = answer.body.as_mut();
    let (mut bytes, mut into_memory, mut memory) = (Vec::new(), 0, vec![0; size]);
    let end = within(async {
        for turn in 1.. {
            let part = if turn % chunk_every == 0 {
                next_chunk(body).await.map(Part::Chunk)
            } else {
                poll_fn(|context| body.poll_into(context, &mut memory)).await
            };
            match part {
                Ok(Part::Read(count)) => {
                    assert!(count > 0);
                    bytes.extend_from_slice(&memory[..count]);
                    into_memory += count;
                }
                Ok(Part::Chunk(Chunk::Data(data))) => {
                    assert!(!data.is_empty());
                    bytes.extend_from_slice(&data);
                }
                Ok(Part::Chunk(Chunk::End { verified })) => return Ok(verified),
                Err(failure) => return Err(failure),
            }
        }
        unreachable!()
    });
    let end = end.await;
    InMemory {
        bytes,
        into_memory,
        end,
    }
}

async fn read_all(source: &HttpSource) -> InMemory {
    read(source, &Want::whole(), 200_000, usize::MAX).await
}

#[tokio::test]
async fn all_bytes_arrive_and_the_connection_serves_the_next_request() {
    let (ca, content) = (TestCa::new(), file().body().to_vec());
    for origin in [Origin::start(), Origin::start_tls(&ca)] {
        let url = origin.serve("/f", file());
        let source = trusting(&ca, &url);
        for (size, chunk_every) in [
            (200_000, usize::MAX),
            (7_001, 2),
            (70_000, 3),
            (4_000_000, 5),
        ] {
            let read = read(&source, &Want::whole(), size, chunk_every).await;
            assert_eq!(read.end, Ok(true));
            assert!(read.bytes == content);
            assert!(read.into_memory > 0, "{size}");
            let part = fetch(&source, &exact(1_000, 2_000)).await.unwrap();
            assert_eq!(part.bytes, content[1_000..2_000]);
        }
        let part = self::read(&source, &exact(1_000, 2_900_000), 100_000, usize::MAX).await;
        assert!(part.bytes == content[1_000..2_900_000] && part.into_memory > 0);
        let seen = origin.requests();
        assert!(seen.iter().all(|it| it.connection == seen[0].connection));
    }
}

fn trusting(ca: &TestCa, url: &str) -> HttpSource {
    let config = Config {
        ca_file: Some(ca.pem_file()),
        ..Config::default()
    };
    Client::new(config).unwrap().source(target(url))
}

#[tokio::test]
async fn a_body_of_unknown_length_and_a_short_one_come_in_chunks() {
    let origin = Origin::start();
    for (resource, verified) in [
        (file().always(Fault::Chunked), true),
        (file().always(Fault::NoLength), false),
        (Resource::pattern(2, 100_000), true),
    ] {
        let content = resource.body().to_vec();
        let read = read_all(&source(&origin.serve("/f", resource))).await;
        assert_eq!((read.into_memory, read.end), (0, Ok(verified)));
        assert!(read.bytes == content);
    }
}

#[tokio::test]
async fn a_connection_cut_at_any_byte_delivers_what_came_and_no_more() {
    let origin = Origin::start();
    let content = file().body().to_vec();
    for cut in [Cut::Fin, Cut::CloseNotify, Cut::Reset] {
        for at in [0, 1, 8_192, 300_001, LEN - 1] {
            let url = origin.serve("/f", file().always(Fault::CutAfter(at, cut)));
            let read = read_all(&source(&url)).await;
            let failure = read.end.unwrap_err();
            assert_failure(
                &failure,
                Condition::ConnectionClosed,
                "closed the connection after",
            );
            assert!(read.bytes.len() as u64 <= at && content.starts_with(&read.bytes));
            if cut != Cut::Reset {
                assert_eq!(read.bytes.len() as u64, at, "nothing that came is lost");
                let told = format!("{at} of {LEN} bytes");
                assert!(failure.detail.contains(&told), "{failure}");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_about_to_close_is_not_used_again() {
    for head in ["HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/f", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            // They stay open for now: on the first one nobody would read a second request.
            let mut open = Vec::new();
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.extend(byte);
                }
                let head = format!("{head}\r\nContent-Length: {LEN}\r\n\r\n");
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&file().body().to_vec()).unwrap();
                open.push(stream);
            }
        });
        let source = impatient().source(target(&url));
        for _ in 0..2 {
            let read = read_all(&source).await;
            assert_eq!((read.bytes.len() as u64, read.end), (LEN, Ok(true)));
            assert!(read.into_memory > 0);
        }
        served.join().unwrap();
    }
}

#[tokio::test]
async fn silence_ends_in_a_timeout() {
    let origin = Origin::start();
    let url = origin.serve("/f", file().always(Fault::StallAfter(1_000_001)));
    let source = impatient().source(target(&url));
    let read = read_all(&source).await;
    assert_failure(
        &read.end.unwrap_err(),
        Condition::Timeout,
        "sent nothing for 1500 ms",
    );
    assert_eq!(read.bytes.len(), 1_000_001);
}

#[tokio::test]
async fn a_length_that_is_too_long_breaks_off_and_one_too_short_poisons_the_connection() {
    let origin = Origin::start();
    let url = origin.serve("/f", file().always(Fault::LyingLength(5)));
    let read = read_all(&source(&url)).await;
    assert_eq!(read.bytes.len() as u64, LEN);
    let told = format!("{LEN} of {} bytes", LEN + 5);
    assert_failure(&read.end.unwrap_err(), Condition::ConnectionClosed, &told);

    let source = source(&origin.serve("/g", file().on_request(1, Fault::LyingLength(-5))));
    let read = read_all(&source).await;
    assert_eq!((read.bytes.len() as u64, read.end), (LEN - 5, Ok(true)));
    let next = read_all(&source).await;
    assert!(
        next.bytes == file().body().to_vec(),
        "the bytes too many are in no answer"
    );
    let seen = origin.requests_for("/g");
    assert_ne!(seen[0].connection, seen[1].connection);
}

#[tokio::test]
async fn bytes_that_changed_on_the_way_end_in_an_error_before_the_last_of_them() {
    let origin = Origin::start();
    let file = || file().always(Fault::ContentDigest(Digest::Right));
    let right = read_all(&source(&origin.serve("/right", file()))).await;
    assert_eq!(right.end, Ok(true));
    assert!(right.into_memory > 0);
    let spliced = Fault::SpliceAfter(2_000_000, Body::Pattern { seed: 2, len: LEN });
    let wrong = read_all(&source(&origin.serve("/wrong", file().always(spliced)))).await;
    assert_failure(
        &wrong.end.unwrap_err(),
        Condition::DigestMismatch,
        "Content-Digest",
    );
    assert!((wrong.bytes.len() as u64) < LEN);
}
