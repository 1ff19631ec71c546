//! HTTPS: whom it trusts, what it refuses, and what the end of a TLS connection means.

mod common;

use std::{path::PathBuf, process::Command, time::Duration};

use bgcopy_model::Condition;
use bgcopy_origin::{Client, Config, HttpSource};
use bgcopy_testkit::{
    TestCa,
    faulty::{Cut, Fault, Origin, Resource},
};
use bgcopy_transfer::Want;
use common::*;
use tokio::io::AsyncWriteExt as _;

const LEN: u64 = 5_000_000;

fn trusting(ca_file: PathBuf, url: &str) -> HttpSource {
    let config = Config {
        ca_file: Some(ca_file),
        ..Config::default()
    };
    Client::new(config).unwrap().source(target(url))
}

#[tokio::test]
async fn files_and_ranges_arrive_over_tls() {
    let ca = TestCa::new();
    let origin = Origin::start_tls(&ca);
    let resource = Resource::pattern(1, LEN);
    let content = resource.body().to_vec();
    let url = origin.serve("/f", resource);
    for url in [&url, &url.replace("127.0.0.1", "localhost")] {
        let source = trusting(ca.pem_file(), url);
        let fetched = fetch(&source, &Want::whole()).await.unwrap();
        assert_eq!(fetched.end, Ok(true));
        assert!(fetched.bytes == content);
        let part = fetch(&source, &exact(1000, 70_000)).await.unwrap();
        assert_eq!(part.bytes, content[1000..70_000]);
    }
    let seen = origin.requests();
    assert_eq!(seen[0].connection, seen[1].connection, "it is used again");
}

#[tokio::test]
async fn a_certificate_is_rejected_with_the_reason() {
    let (ca, other) = (TestCa::new(), TestCa::new());
    for (identity, authority, words) in [
        (ca.expired(), &ca, "expired"),
        (ca.for_names(&["example.com"]), &ca, "another name"),
        (ca.loopback(), &other, "not signed by the authority"),
    ] {
        let origin = Origin::start_with(&identity);
        let source = trusting(
            authority.pem_file(),
            &origin.serve("/f", Resource::new("x")),
        );
        let failure = refused(&source, &Want::whole()).await;
        assert_failure(&failure, Condition::CertificateRejected, words);
        assert!(failure.detail.contains(&origin.address().to_string()));
        assert_eq!(origin.requests().len(), 0);
    }
}

#[tokio::test]
async fn a_certificate_file_that_is_missing_is_named_and_read_again_later() {
    let ca = TestCa::new();
    let origin = Origin::start_tls(&ca);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let source = trusting(file.clone(), &origin.serve("/f", Resource::new("x")));
    let failure = refused(&source, &Want::whole()).await;
    assert_failure(&failure, Condition::TlsFailure, file.to_str().unwrap());
    put(&file, &ca.pem());
    assert_eq!(fetch(&source, &Want::whole()).await.unwrap().bytes, b"x");
}

#[expect(clippy::disallowed_methods, reason = "the file is the test's own")]
fn put(file: &std::path::Path, text: &str) {
    std::fs::write(file, text).unwrap();
}

/// This test runs itself as a child, since the environment of a process with threads cannot be changed.
#[tokio::test]
async fn the_store_that_the_environment_names_is_trusted() {
    if let Ok(url) = std::env::var("CHILD_FETCHES") {
        assert_eq!(whole(&url).await.bytes, b"x");
        return;
    }
    let ca = TestCa::new();
    let origin = Origin::start_tls(&ca);
    let url = origin.serve("/f", Resource::new("x"));
    let child = |file: PathBuf| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_store_that_the_environment_names_is_trusted"])
            .env("CHILD_FETCHES", &url)
            .env("SSL_CERT_FILE", file)
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap()
    };
    let output = child(ca.pem_file());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(origin.requests().len(), 1);
    let output = child(PathBuf::from("/nonexistent/ca.pem"));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success());
    assert!(told.contains("/nonexistent/ca.pem"), "{told}");
}

#[tokio::test]
async fn an_end_without_close_notify_is_a_broken_connection() {
    let ca = TestCa::new();
    let origin = Origin::start_tls(&ca);
    let file = || Resource::pattern(1, LEN);
    // In order, a body may end with the connection; but nobody vouches for its length.
    let source = trusting(
        ca.pem_file(),
        &origin.serve("/f", file().always(Fault::NoLength)),
    );
    let fetched = fetch(&source, &Want::whole()).await.unwrap();
    assert_eq!((fetched.bytes.len() as u64, fetched.end), (LEN, Ok(false)));
    // Anybody on the way can end a TCP stream.
    origin.serve(
        "/f",
        file().always(Fault::NoLength).always(Fault::NoCloseNotify),
    );
    let (bytes, failure) = broken(&source, &Want::whole()).await;
    assert_failure(
        &failure,
        Condition::ConnectionClosed,
        "closed the connection",
    );
    assert_eq!(bytes.len() as u64, LEN);
    // Where the length is known it does not matter.
    origin.serve("/f", file().always(Fault::NoCloseNotify));
    assert_eq!(fetch(&source, &Want::whole()).await.unwrap().end, Ok(true));
    for cut in [Cut::Fin, Cut::CloseNotify, Cut::Reset] {
        origin.serve("/f", file().always(Fault::CutAfter(1_000_000, cut)));
        let (bytes, failure) = broken(&source, &Want::whole()).await;
        assert_failure(
            &failure,
            Condition::ConnectionClosed,
            "closed the connection",
        );
        assert!(bytes.len() <= 1_000_000);
    }
}

#[tokio::test]
async fn what_speaks_no_tls_is_a_tls_failure() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/f", listener.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        socket
    });
    let ca = TestCa::new();
    let failure = refused(&trusting(ca.pem_file(), &url), &Want::whole()).await;
    answering.await.unwrap();
    assert_failure(&failure, Condition::TlsFailure, "TLS");
}

#[tokio::test]
async fn a_handshake_that_nobody_answers_ends_with_the_time_to_connect() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ca = TestCa::new();
    let config = Config {
        ca_file: Some(ca.pem_file()),
        connect_timeout: Duration::from_millis(300),
        ..Config::default()
    };
    let address = listener.local_addr().unwrap();
    let source = Client::new(config)
        .unwrap()
        .source(target(&format!("https://{address}/f")));
    let failure = refused(&source, &Want::whole()).await;
    assert_failure(
        &failure,
        Condition::ConnectFailure,
        "no connection within 300 ms",
    );
}

#[tokio::test]
async fn a_redirect_to_plain_http_needs_leave() {
    let ca = TestCa::new();
    let (secure, plain) = (Origin::start_tls(&ca), Origin::start());
    let end = plain.serve("/f", Resource::new("x"));
    let url = secure.serve(
        "/f",
        Resource::new("").always(Fault::Redirect(302, end.clone())),
    );
    let failure = refused(&trusting(ca.pem_file(), &url), &Want::whole()).await;
    assert_failure(&failure, Condition::RedirectRefused, "https to http");
    assert_eq!(plain.requests().len(), 0);

    let config = Config {
        ca_file: Some(ca.pem_file()),
        ..Config::default()
    };
    let mut allowed = target(&url);
    allowed.redirects.allow_insecure = true;
    let source = Client::new(config).unwrap().source(allowed);
    let fetched = fetch(&source, &Want::whole()).await.unwrap();
    assert_eq!(fetched.answer.facts.found_at.unwrap().as_str(), end);
}
