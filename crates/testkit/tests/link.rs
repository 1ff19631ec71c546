//! The link is as fast, as far and as lossy as it is set.
//!
//! A busy machine makes a link slower, never faster: so times are only compared with what they cannot be below, and
//! everything else is counted. All of this needs root; without it, the link says so.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use bgcopy_testkit::link::{Congestion, Link, Shape};
use bgcopy_testkit::process::wait_until;

/// A link, or nothing for an ordinary user, who is told why.
fn link(shape: Shape) -> Option<Link> {
    match Link::start(shape) {
        Ok(link) => Some(link),
        Err(why) => {
            assert!(!rustix::process::geteuid().is_root(), "{why}");
            assert!(why.contains("root"), "{why}");
            None
        }
    }
}

/// A listener at the server's end.
fn listener(link: &Link) -> TcpListener {
    let bound = link.server().run(|| TcpListener::bind((Link::SERVER, 0)));
    bound.expect("entered").expect("bound")
}

/// A connection from the client's end.
fn connect(link: &Link, address: SocketAddr) -> TcpStream {
    let connected = link.client().run(|| TcpStream::connect(address));
    connected.expect("entered").expect("connected")
}

#[test]
fn bytes_take_the_time_that_the_rate_says_and_arrive_right() {
    const BYTES: usize = 4_000_000;
    let Some(link) = link(Shape::symmetric(20_000_000, Duration::from_millis(20))) else {
        return;
    };
    let listener = listener(&link);
    let address = listener.local_addr().expect("an address");
    let sent: Vec<u8> = (0..BYTES)
        .map(|at| u8::try_from(at % 251).unwrap_or(0))
        .collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.write_all(&sent).expect("sent");
        });
        let begun = Instant::now();
        let mut received = Vec::new();
        connect(&link, address)
            .read_to_end(&mut received)
            .expect("received");
        // 1.6 s at 20 Mbit/s, and the headers.
        assert!(begun.elapsed() > Duration::from_millis(1_600));
        assert!(received == sent, "the bytes are wrong");
    });
    let down = link.down();
    assert!(down.bytes > BYTES as u64, "{down:?}");
    assert_eq!(down.lost, 0);
    // What came back are acknowledgements.
    assert!(link.up().bytes < down.bytes / 10, "{:?}", link.up());
}

#[test]
fn an_answer_takes_a_round_trip() {
    const ROUND_TRIP: Duration = Duration::from_millis(80);
    let Some(link) = link(Shape::symmetric(1_000_000_000, ROUND_TRIP)) else {
        return;
    };
    let listener = listener(&link);
    let address = listener.local_addr().expect("an address");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut byte = [0];
            while stream.read_exact(&mut byte).is_ok() {
                stream.write_all(&byte).expect("answered");
            }
        });
        let begun = Instant::now();
        let mut stream = connect(&link, address);
        for _ in 0..4 {
            stream.write_all(&[1]).expect("asked");
            stream.read_exact(&mut [0]).expect("answered");
        }
        // Four answers, and the connection.
        assert!(begun.elapsed() >= ROUND_TRIP * 5);
    });
}

#[test]
fn a_seed_loses_its_share_and_the_same_packets_each_time() {
    const PACKETS: u64 = 2_000;
    let shape = Shape::symmetric(1_000_000_000, Duration::from_millis(200));
    let Some(link) = link(shape) else {
        return;
    };
    // Datagrams to the client; that it listens keeps it from answering that nobody does.
    let bound = link.client().run(|| UdpSocket::bind((Link::CLIENT, 0)));
    let receiver = bound.expect("entered").expect("bound");
    let address = receiver.local_addr().expect("an address");
    let bound = link.server().run(|| UdpSocket::bind((Link::SERVER, 0)));
    let sender = bound.expect("entered").expect("bound");
    let lost = |seed| {
        link.reshape(shape.losing(0.1, seed));
        for _ in 0..PACKETS {
            sender.send_to(&[0; 100], address).expect("sent");
        }
        assert!(wait_until(|| {
            let down = link.down();
            down.offered == PACKETS && down.lost + down.dropped + down.delivered == PACKETS
        }));
        assert_eq!(link.down().dropped, 0);
        link.down().lost
    };
    let first = lost(1);
    // 200 are expected, with a deviation of 13.
    assert!((120..280).contains(&first), "{first}");
    assert_eq!(lost(1), first);
    assert_ne!((lost(2), lost(3), lost(4)), (first, first, first));
}

#[test]
fn a_connection_sends_by_the_congestion_control_that_was_set() {
    let Some(link) = link(Shape::symmetric(100_000_000, Duration::from_millis(2))) else {
        return;
    };
    let listener = listener(&link);
    let address = listener.local_addr().expect("an address");
    for congestion in [Congestion::Bbr, Congestion::Cubic] {
        link.congestion(congestion).expect("set");
        let _client = connect(&link, address);
        let _server = listener.accept().expect("a connection");
        let mut sockets = Command::new("/usr/bin/ss");
        sockets.args(["--tcp", "--info", "--no-header"]);
        let output = link.server().run(|| sockets.output());
        let output = output.expect("entered").expect("ss is in iproute2");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(congestion.name()), "{said}");
    }
}

#[test]
fn neither_end_reaches_the_machine() {
    let Some(link) = link(Shape::symmetric(100_000_000, Duration::from_millis(2))) else {
        return;
    };
    let here = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = here.local_addr().expect("an address");
    for end in [link.server(), link.client()] {
        let connected = end.run(|| TcpStream::connect(address)).expect("entered");
        assert!(connected.is_err(), "the machine's loopback is another");
    }
}
