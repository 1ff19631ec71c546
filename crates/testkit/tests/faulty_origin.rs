//! The faulty origin is right where it is not told to be wrong, and wrong exactly as it is told.
//!
//! A raw socket is the client here: a library would hide what the wire says.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bgcopy_testkit::TestCa;
use bgcopy_testkit::faulty::{Body, Cut, Ended, Fault, Origin, Resource, RetryAfter, Version};

/// How a connection ended for the client.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Eof,
    Reset,
}

/// An answer with the connection's end, for requests after which the origin closes.
struct Reply {
    bytes: Vec<u8>,
    end: End,
}

impl Reply {
    fn head(&self) -> &str {
        let end = self.split().unwrap_or(self.bytes.len());
        std::str::from_utf8(&self.bytes[..end]).expect("the head is text")
    }

    fn body(&self) -> &[u8] {
        self.split().map_or(&[], |end| &self.bytes[end..])
    }

    fn status(&self) -> &str {
        self.head().split(' ').nth(1).expect("a status")
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.head().lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn split(&self) -> Option<usize> {
        self.bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .map(|at| at + 4)
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let tcp = TcpStream::connect(address).expect("the origin listens");
    tcp.set_read_timeout(Some(Duration::from_mins(1)))
        .expect("a timeout can be set");
    tcp
}

fn read_to_end(tcp: &mut impl std::io::Read) -> Reply {
    let mut bytes = Vec::new();
    let end = match tcp.read_to_end(&mut bytes) {
        Ok(_) => End::Eof,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => End::Reset,
        Err(error) => panic!("after {} bytes: {error}", bytes.len()),
    };
    Reply { bytes, end }
}

/// One request over a connection of its own.
fn request(origin: &Origin, method: &str, target: &str, fields: &str) -> Reply {
    let mut tcp = connect(origin.address());
    write!(
        tcp,
        "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n"
    )
    .expect("the request is sent");
    read_to_end(&mut tcp)
}

fn get(origin: &Origin, fields: &str) -> Reply {
    request(origin, "GET", "/f", fields)
}

fn origin(resource: Resource) -> Origin {
    let origin = Origin::start();
    origin.serve("/f", resource);
    origin
}

const DIGITS: &str = "0123456789";

#[test]
fn a_whole_content_comes_with_length_validators_and_accept_ranges() {
    let resource = Resource::pattern(3, 300_000)
        .etag("\"e\"")
        .content_disposition("inline");
    let sha256 = resource.sha256();
    let origin = origin(resource);
    let reply = get(&origin, "");
    assert_eq!(reply.status(), "200");
    assert_eq!(reply.field("Content-Length"), Some("300000"));
    assert_eq!(reply.field("ETag"), Some("\"e\""));
    assert_eq!(
        reply.field("Last-Modified"),
        Some(bgcopy_testkit::faulty::LAST_MODIFIED)
    );
    assert_eq!(reply.field("Accept-Ranges"), Some("bytes"));
    assert_eq!(reply.field("Content-Disposition"), Some("inline"));
    assert_eq!(Body::from(reply.body().to_vec()).sha256(), sha256);
    let seen = &origin.requests()[0];
    assert_eq!(
        (seen.bytes_sent, seen.status, seen.nth),
        (300_000, Some(200), 1)
    );
    assert_eq!(seen.header("host"), Some("x"));
}

#[test]
fn a_range_is_answered_with_that_part_unless_if_range_names_another_version() {
    let origin = origin(Resource::new(DIGITS).etag("\"e\""));
    let part = get(&origin, "Range: bytes=2-4\r\nIf-Range: \"e\"\r\n");
    assert_eq!((part.status(), part.body()), ("206", &b"234"[..]));
    assert_eq!(part.field("Content-Range"), Some("bytes 2-4/10"));
    assert_eq!(part.field("Content-Length"), Some("3"));
    let whole = get(&origin, "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n");
    assert_eq!((whole.status(), whole.body()), ("200", DIGITS.as_bytes()));
    let beyond = get(&origin, "Range: bytes=10-\r\n");
    assert_eq!(
        (beyond.status(), beyond.field("Content-Range")),
        ("416", Some("bytes */10"))
    );
    assert_eq!(origin.requests()[0].range.as_deref(), Some("bytes=2-4"));
}

#[test]
fn head_has_the_header_of_get_and_no_body_and_unknown_things_are_404_and_405() {
    let origin = origin(Resource::new(DIGITS));
    let head = request(&origin, "HEAD", "/f", "Range: bytes=2-4\r\n");
    assert_eq!(
        (head.status(), head.field("Content-Length"), head.body()),
        ("200", Some("10"), &b""[..])
    );
    assert_eq!(request(&origin, "GET", "/other", "").status(), "404");
    assert_eq!(request(&origin, "DELETE", "/f", "").status(), "405");
    assert_eq!(request(&origin, "GET", "/f?q=1", "").status(), "200");
}

#[test]
fn a_connection_serves_several_requests() {
    let origin = origin(Resource::new(DIGITS));
    let mut tcp = connect(origin.address());
    for _ in 0..2 {
        write!(tcp, "GET /f HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
        let mut bytes = Vec::new();
        while !bytes.ends_with(DIGITS.as_bytes()) {
            let mut one = [0];
            tcp.read_exact(&mut one).expect("the answer comes");
            bytes.push(one[0]);
        }
    }
    let seen = origin.requests();
    assert_eq!(
        (seen[0].connection, seen[1].connection, seen[1].nth),
        (1, 1, 2)
    );
}

#[test]
fn a_cut_ends_the_connection_at_the_byte_and_in_the_way_that_was_told() {
    let content = Body::Pattern {
        seed: 1,
        len: 500_000,
    };
    for at in [0u64, 1, 65_536, 100_001, 499_999, 500_000] {
        for (cut, end) in [(Cut::Fin, End::Eof), (Cut::Reset, End::Reset)] {
            let origin = origin(Resource::new(content.clone()).always(Fault::CutAfter(at, cut)));
            let reply = get(&origin, "");
            assert_eq!(reply.end, end, "{at} {cut:?}");
            assert_eq!(reply.body().len() as u64, at, "{cut:?}");
            assert_eq!(reply.body(), &content.to_vec()[..reply.body().len()]);
            assert_eq!(origin.requests()[0].bytes_sent, at);
            assert_eq!(origin.requests()[0].ended, Some(Ended::Cut));
        }
    }
}

#[test]
fn a_cut_in_the_header_leaves_as_many_bytes_of_it() {
    for at in [0usize, 1, 20] {
        let origin = origin(Resource::new(DIGITS).always(Fault::CutInHeader(at, Cut::CloseNotify)));
        assert_eq!(get(&origin, "").bytes.len(), at);
    }
}

#[test]
fn a_stall_sends_the_bytes_before_it_and_ends_when_the_client_leaves() {
    let origin = origin(Resource::new(DIGITS).always(Fault::StallAfter(4)));
    let mut tcp = connect(origin.address());
    write!(tcp, "GET /f HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    origin.wait_for(|seen| seen.first().is_some_and(|seen| seen.bytes_sent == 4));
    assert_eq!(origin.requests()[0].ended, None);
    drop(tcp);
    origin.wait_for(|seen| seen[0].ended == Some(Ended::ClientLeft));
}

#[test]
fn a_held_body_goes_on_when_the_test_releases_it() {
    for by_fault in [true, false] {
        let mut resource = Resource::new(DIGITS);
        if by_fault {
            resource = resource.always(Fault::HoldAfter(4));
        }
        let origin = origin(resource);
        if !by_fault {
            origin.hold_after(4);
        }
        std::thread::scope(|scope| {
            let client = scope.spawn(|| get(&origin, ""));
            origin.wait_for(|seen| seen.first().is_some_and(|seen| seen.bytes_sent == 4));
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(origin.bytes_sent(), 4, "nothing leaves before the release");
            origin.release();
            assert_eq!(client.join().expect("the client").body(), DIGITS.as_bytes());
        });
    }
}

#[test]
fn slow_loris_and_both_paces_take_the_time_that_they_must() {
    let drip = Resource::new(DIGITS).always(Fault::SlowLoris(2, Duration::from_millis(30)));
    let paced = Resource::pattern(1, 50_000).always(Fault::Pace(250_000));
    for (resource, least) in [
        (drip, 120),
        (paced, 150),
        (Resource::pattern(1, 50_000), 150),
    ] {
        let origin = origin(resource);
        origin.pace((least == 150).then_some(250_000));
        let start = Instant::now();
        let reply = get(&origin, "");
        assert_eq!(
            reply.field("Content-Length"),
            Some(reply.body().len().to_string().as_str())
        );
        assert!(
            start.elapsed() >= Duration::from_millis(least),
            "{:?}",
            start.elapsed()
        );
    }
}

#[test]
fn statuses_come_with_the_retry_after_that_was_told_and_only_on_the_request_that_was_told() {
    let date = std::time::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let origin = origin(
        Resource::new(DIGITS)
            .on_request(1, Fault::unavailable_for(7))
            .on_request(2, Fault::Status(429, Some(RetryAfter::Date(date))))
            .on_request(3, Fault::status(500)),
    );
    let one = get(&origin, "");
    assert_eq!((one.status(), one.field("Retry-After")), ("503", Some("7")));
    let two = get(&origin, "");
    assert_eq!(two.status(), "429");
    assert_eq!(
        two.field("Retry-After"),
        Some("Sun, 06 Nov 1994 08:49:37 GMT")
    );
    let three = get(&origin, "");
    assert_eq!((three.status(), three.field("Retry-After")), ("500", None));
    assert_eq!(get(&origin, "").status(), "200");
}

#[test]
fn lengths_lie_as_told() {
    let long = get(
        &origin(Resource::new(DIGITS).always(Fault::LyingLength(5))),
        "",
    );
    assert_eq!(
        (long.field("Content-Length"), long.body()),
        (Some("15"), DIGITS.as_bytes())
    );
    let short = get(
        &origin(Resource::new(DIGITS).always(Fault::LyingLength(-5))),
        "",
    );
    assert_eq!(
        (short.field("Content-Length"), short.body()),
        (Some("5"), DIGITS.as_bytes())
    );
    let none = get(&origin(Resource::new(DIGITS).always(Fault::NoLength)), "");
    assert_eq!(
        (none.field("Content-Length"), none.body()),
        (None, DIGITS.as_bytes())
    );
}

#[test]
fn chunks_are_those_of_the_rfc_unless_one_is_bad_or_the_end_is_cut_off() {
    let good = get(&origin(Resource::new(DIGITS).always(Fault::Chunked)), "");
    assert_eq!(good.field("Transfer-Encoding"), Some("chunked"));
    assert_eq!(good.field("Content-Length"), None);
    assert_eq!(good.body(), b"a\r\n0123456789\r\n0\r\n\r\n");
    let bad = get(
        &origin(Resource::new(DIGITS).always(Fault::BadChunk(4))),
        "",
    );
    assert_eq!(bad.body(), b"4\r\n0123\r\nmany\r\n456789\r\n0\r\n\r\n");
    let cut = Resource::new(DIGITS)
        .always(Fault::Chunked)
        .always(Fault::CutAfter(4, Cut::Fin));
    assert_eq!(get(&origin(cut), "").body(), b"4\r\n0123\r\n");
}

#[test]
fn ranges_go_wrong_as_told() {
    let ask = |fault| {
        get(
            &origin(Resource::new(DIGITS).always(fault)),
            "Range: bytes=2-4\r\n",
        )
    };
    let cases = [
        (Fault::IgnoreRange, "200", "0123456789", None),
        (Fault::NoRanges, "200", "0123456789", None),
        (
            Fault::ShiftRange {
                content: 1,
                header: 1,
            },
            "206",
            "345",
            Some("bytes 3-5/10"),
        ),
        (
            Fault::ShiftRange {
                content: 1,
                header: 0,
            },
            "206",
            "345",
            Some("bytes 2-4/10"),
        ),
        (
            Fault::ShiftRange {
                content: 0,
                header: -1,
            },
            "206",
            "234",
            Some("bytes 1-3/10"),
        ),
        (Fault::ShortRange(2), "206", "23", Some("bytes 2-3/10")),
        (
            Fault::RangeTotal(Some(11)),
            "206",
            "234",
            Some("bytes 2-4/11"),
        ),
        (Fault::RangeTotal(None), "206", "234", Some("bytes 2-4/*")),
        (Fault::NoContentRange, "206", "234", None),
    ];
    for (fault, status, body, content_range) in cases {
        let reply = ask(fault.clone());
        assert_eq!(reply.status(), status, "{fault:?}");
        assert_eq!(reply.body(), body.as_bytes(), "{fault:?}");
        assert_eq!(reply.field("Content-Range"), content_range, "{fault:?}");
    }
    assert_eq!(ask(Fault::NoRanges).field("Accept-Ranges"), Some("none"));
    let multipart = ask(Fault::MultipartRange);
    let text = String::from_utf8(multipart.body().to_vec()).expect("text");
    assert!(
        text.contains("Content-Range: bytes 2-4/10\r\n\r\n234\r\n--THIS-PART--"),
        "{text}"
    );
    let gone = ask(Fault::Unsatisfiable(Some(3)));
    assert_eq!(
        (gone.status(), gone.field("Content-Range")),
        ("416", Some("bytes */3"))
    );
    let stale = origin(Resource::new(DIGITS).always(Fault::IgnoreIfRange));
    assert_eq!(
        get(&stale, "Range: bytes=2-4\r\nIf-Range: \"old\"\r\n").status(),
        "206"
    );
}

#[test]
fn a_content_changes_between_requests_and_in_the_middle_of_an_answer() {
    let changed =
        origin(Resource::new(DIGITS).from_request(2, Fault::Become(Version::of("abcdefghij"))));
    let (one, two) = (get(&changed, ""), get(&changed, ""));
    assert_eq!(
        (one.body(), two.body()),
        (DIGITS.as_bytes(), &b"abcdefghij"[..])
    );
    assert_ne!(one.field("ETag"), two.field("ETag"));
    let spliced =
        origin(Resource::new(DIGITS).always(Fault::SpliceAfter(2, Body::from("abcdefghij"))));
    assert_eq!(get(&spliced, "").body(), b"01cdefghij");
    assert_eq!(get(&spliced, "Range: bytes=5-\r\n").body(), b"56hij");
}

#[test]
fn validators_are_those_that_were_told() {
    let weak = get(&origin(Resource::new(DIGITS).etag("W/\"w\"")), "");
    assert_eq!(weak.field("ETag"), Some("W/\"w\""));
    let date_only = get(&origin(Resource::new(DIGITS).no_etag()), "");
    assert_eq!(date_only.field("ETag"), None);
    assert!(date_only.field("Last-Modified").is_some());
    let none = get(&origin(Resource::new(DIGITS).no_validators()), "");
    assert_eq!(
        (none.field("ETag"), none.field("Last-Modified")),
        (None, None)
    );
}

#[test]
fn gzip_is_forced_on_those_who_asked_for_identity() {
    let reply = get(
        &origin(Resource::new(DIGITS).always(Fault::ForceGzip)),
        "Accept-Encoding: identity\r\nRange: bytes=2-\r\n",
    );
    assert_eq!(
        (reply.status(), reply.field("Content-Encoding")),
        ("200", Some("gzip"))
    );
    assert!(reply.body().starts_with(&[0x1f, 0x8b]));
}

#[test]
fn redirects_point_elsewhere_to_themselves_or_ever_further() {
    let away = get(
        &origin(Resource::new("").always(Fault::Redirect(307, "/g".into()))),
        "",
    );
    assert_eq!((away.status(), away.field("Location")), ("307", Some("/g")));
    let again = get(
        &origin(Resource::new("").always(Fault::RedirectLoop(302))),
        "",
    );
    assert_eq!(again.field("Location"), Some("/f"));
    let chain = origin(Resource::new("").always(Fault::RedirectChain(301)));
    assert_eq!(get(&chain, "").field("Location"), Some("/f?hop=1"));
    let next = request(&chain, "GET", "/f?hop=1", "");
    assert_eq!(next.field("Location"), Some("/f?hop=2"));
}

#[test]
fn headers_explode_and_hold_what_no_header_may_hold() {
    let ask = |fault| get(&origin(Resource::new(DIGITS).always(fault)), "");
    let many = ask(Fault::ManyHeaders(5000));
    assert_eq!(
        many.head()
            .lines()
            .filter(|line| line.starts_with("X-Bomb-"))
            .count(),
        5000
    );
    assert!(ask(Fault::HugeHeader(1 << 20)).head().len() > 1 << 20);
    assert!(
        ask(Fault::HugeStatusLine(1 << 20))
            .head()
            .lines()
            .next()
            .expect("one")
            .len()
            > 1 << 20
    );
    let raw = ask(Fault::RawHeaderLine((&b"X-\0\xff no colon"[..]).into()));
    assert!(raw.bytes.windows(4).any(|four| four == b"X-\0\xff"));
    let twice = ask(Fault::Header("Content-Length", "3".into()));
    assert_eq!(twice.head().matches("Content-Length").count(), 2);
    assert_eq!(ask(Fault::WithoutHeader("date")).field("Date"), None);
    let garbage = ask(Fault::Garbage((&b"SSH-2.0-x\r\n"[..]).into()));
    assert_eq!(garbage.bytes, b"SSH-2.0-x\r\n");
    assert!(ask(Fault::Http10).bytes.starts_with(b"HTTP/1.0 200 OK\r\n"));
}

#[test]
fn interim_answers_come_before_the_final_one() {
    let reply = get(
        &origin(Resource::new(DIGITS).always(Fault::Interim(103, 2))),
        "",
    );
    let text = String::from_utf8(reply.bytes).expect("text");
    assert!(text.starts_with(
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n"
    ));
}

#[test]
fn credentials_open_the_door() {
    let origin =
        origin(Resource::new(DIGITS).always(Fault::RequireBasic("Aladdin", "open sesame")));
    let closed = get(&origin, "");
    assert_eq!(closed.status(), "401");
    assert!(
        closed
            .field("WWW-Authenticate")
            .expect("a challenge")
            .starts_with("Basic ")
    );
    let open = get(
        &origin,
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
    );
    assert_eq!(open.status(), "200");
}

#[test]
fn over_tls_the_end_has_a_close_notify_unless_it_was_told_to_be_left_out() {
    let ca = TestCa::new();
    for (fault, clean) in [
        (None, true),
        (Some(Fault::NoCloseNotify), false),
        (Some(Fault::CutAfter(10, Cut::Fin)), false),
        (Some(Fault::CutAfter(10, Cut::CloseNotify)), true),
    ] {
        let origin = Origin::start_tls(&ca);
        let mut resource = Resource::new(DIGITS).always(Fault::NoLength);
        if let Some(fault) = fault.clone() {
            resource = resource.always(fault);
        }
        assert!(
            origin
                .serve("/f", resource)
                .starts_with("https://127.0.0.1:")
        );
        let name = rustls::pki_types::ServerName::try_from("127.0.0.1").expect("a name");
        let mut tls = rustls::ClientConnection::new(ca.client_config(), name).expect("a client");
        let mut tcp = connect(origin.address());
        let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
        write!(stream, "GET /f HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes);
        assert!(bytes.ends_with(DIGITS.as_bytes()), "{fault:?}");
        assert_eq!(end.is_ok(), clean, "{fault:?}: {end:?}");
    }
}

#[test]
fn an_expired_identity_and_one_for_another_name_are_refused_by_a_client() {
    let ca = TestCa::new();
    for identity in [ca.expired(), ca.for_names(&["other.test"])] {
        let origin = Origin::start_with(&identity);
        let name = rustls::pki_types::ServerName::try_from("127.0.0.1").expect("a name");
        let mut tls = rustls::ClientConnection::new(ca.client_config(), name).expect("a client");
        let mut tcp = connect(origin.address());
        let error = rustls::Stream::new(&mut tls, &mut tcp)
            .write_all(b"GET")
            .expect_err("refused");
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
    }
}

#[tokio::test]
async fn an_asynchronous_test_waits_without_blocking() {
    let origin = origin(Resource::new(DIGITS));
    let address = origin.address();
    let client = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut tcp = tokio::net::TcpStream::connect(address)
            .await
            .expect("connected");
        tcp.write_all(b"GET /f HTTP/1.0\r\n\r\n")
            .await
            .expect("sent");
        let mut bytes = Vec::new();
        tcp.read_to_end(&mut bytes).await.expect("read");
        bytes
    });
    origin
        .until(|seen| seen.iter().any(|seen| seen.ended.is_some()))
        .await;
    assert!(
        client
            .await
            .expect("the client")
            .ends_with(DIGITS.as_bytes())
    );
}

#[test]
fn an_origin_that_comes_back_on_its_address_serves_again() {
    let first = origin(Resource::new(DIGITS));
    let address = first.address();
    drop(first);
    assert!(TcpStream::connect(address).is_err());
    let second = Origin::start_on(address);
    second.serve("/f", Resource::new(DIGITS));
    assert_eq!(get(&second, "").body(), DIGITS.as_bytes());
}
