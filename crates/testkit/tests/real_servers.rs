//! Each real server serves what lies in its directory, plain and over TLS, and is gone afterwards.
#![allow(
    clippy::disallowed_methods,
    reason = "the files to be served are this test's own"
)]

use std::net::TcpStream;
use std::process::Command;

use bgcopy_testkit::TestCa;
use bgcopy_testkit::faulty::Body;
use bgcopy_testkit::servers::{Kind, RealServer};

fn curl(ca: &TestCa, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail",
            "--max-time",
            "60",
            "--cacert",
        ])
        .arg(ca.pem_file())
        .args(arguments)
        .output()
        .expect("curl, of the Debian package of that name, runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn serves(kind: Kind) {
    let ca = TestCa::new();
    let docroot = tempfile::tempdir().expect("a directory");
    let body = Body::Pattern {
        seed: 9,
        len: 3_000_001,
    };
    std::fs::write(docroot.path().join("file.bin"), body.to_vec()).expect("written");
    std::fs::write(docroot.path().join("empty"), "").expect("written");
    for tls in [None, Some(&ca)] {
        let server = RealServer::start(kind, docroot.path(), tls).unwrap_or_else(|e| panic!("{e}"));
        let url = server.url("/file.bin");
        assert_eq!(url.starts_with("https:"), tls.is_some());
        assert_eq!(Body::from(curl(&ca, &[&url])).sha256(), body.sha256());
        assert!(curl(&ca, &[&server.url("/empty")]).is_empty());
        let part = curl(&ca, &["--range", "1000000-1000009", &url]);
        assert_eq!(part.len(), if kind.has_ranges() { 10 } else { 3_000_001 });
        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "it is gone");
    }
}

#[test]
fn nginx_serves() {
    serves(Kind::Nginx);
}

#[test]
fn apache_serves() {
    serves(Kind::Apache);
}

#[test]
fn lighttpd_serves() {
    serves(Kind::Lighttpd);
}

#[test]
fn caddy_serves() {
    serves(Kind::Caddy);
}

#[test]
fn python_serves() {
    serves(Kind::Python);
}

#[test]
fn a_directory_that_is_not_there_is_an_error_that_names_it() {
    let error = RealServer::start(Kind::Python, "/nonexistent/docroot".as_ref(), None).err();
    assert!(error.expect("an error").contains("/nonexistent/docroot"));
}
