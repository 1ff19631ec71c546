//! Real servers, plain and TLS: whatever their habits, the bytes are right.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test looks at files behind the service's back"
)]

mod support;

use std::{fs, io::Write, path::Path};

use bgcopy::{JobState, Manager};
use bgcopy_testkit::{
    TestCa,
    servers::{Kind, RealServer},
};
use support::{Service, sha256, until};

/// Files as the issue of a release has them: nothing, a byte, a page or two, and many.
const SIZES: [(&str, usize); 4] = [
    ("empty", 0),
    ("byte", 1),
    ("small", 10 << 10),
    ("large", 64 << 20),
];

/// Fills a folder with files of bytes that do not repeat.
fn content(folder: &Path) {
    for (name, size) in SIZES {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ size as u64;
        let bytes: Vec<u8> = (0..size.div_ceil(8))
            .flat_map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()
            })
            .take(size)
            .collect();
        fs::File::create(folder.join(name))
            .unwrap()
            .write_all(&bytes)
            .unwrap();
    }
}

async fn serves(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    content(folder.path());
    let ca = TestCa::new();
    let trust = ca.pem_file();
    let service = Service::start_with(
        support::CONFIG,
        &[("SSL_CERT_FILE", trust.to_str().unwrap())],
    );
    let manager = service.manager().await;
    let kinds: &[Option<&TestCa>] = &[None, Some(&ca)];
    for tls in kinds {
        let server =
            RealServer::start(kind, folder.path(), *tls).unwrap_or_else(|error| panic!("{error}"));
        for (name, _) in SIZES {
            fetch(
                &service,
                &manager,
                &server.url(&format!("/{name}")),
                &folder.path().join(name),
            )
            .await;
        }
        continues_after_suspend(&service, &manager, &server, &folder.path().join("large")).await;
    }
}

async fn fetch(service: &Service, manager: &Manager, url: &str, original: &Path) {
    let job = service.get(manager, url, "file").await;
    let info = until(
        &job,
        &[
            JobState::Transferred,
            JobState::Error,
            JobState::TransientError,
        ],
    )
    .await;
    assert_eq!(info.state, JobState::Transferred, "{url}: {:?}", info.error);
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), sha256(original), "{url}");
    fs::remove_file(service.file("file")).unwrap();
}

/// A job that is suspended somewhere goes on to the right bytes, with ranges or without.
async fn continues_after_suspend(
    service: &Service,
    manager: &Manager,
    server: &RealServer,
    original: &Path,
) {
    let job = service.get(manager, &server.url("/large"), "file").await;
    support::until_it(&job, |info| info.bytes_transferred > 0).await;
    // It may have been quicker: then there is nothing to go on with, and the bytes are right all the same.
    job.suspend().await.unwrap();
    job.resume().await.unwrap();
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), sha256(original));
    fs::remove_file(service.file("file")).unwrap();
}

#[tokio::test]
async fn nginx_serves_every_size() {
    serves(Kind::Nginx).await;
}

#[tokio::test]
async fn apache_serves_every_size() {
    serves(Kind::Apache).await;
}

#[tokio::test]
async fn lighttpd_serves_every_size() {
    serves(Kind::Lighttpd).await;
}

#[tokio::test]
async fn caddy_serves_every_size() {
    serves(Kind::Caddy).await;
}

#[tokio::test]
async fn pythons_server_without_ranges_serves_every_size() {
    serves(Kind::Python).await;
}

#[tokio::test]
#[ignore = "large: `cargo xtask large` runs it"]
async fn a_sparse_file_of_5_gib_arrives_from_every_server() {
    const SIZE: u64 = 5 << 30;
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("sparse");
    let file = fs::File::create(&original).unwrap();
    file.set_len(SIZE).unwrap();
    for at in [0, (4 << 30) - 3, SIZE - 7] {
        use std::os::unix::fs::FileExt;
        file.write_all_at(b"content", at).unwrap();
    }
    let expected = sha256(&original);
    let service = Service::start();
    let manager = service.manager().await;
    for kind in Kind::ALL {
        let server =
            RealServer::start(kind, folder.path(), None).unwrap_or_else(|error| panic!("{error}"));
        let job = service.get(&manager, &server.url("/sparse"), "file").await;
        let wait = support::until_within(&job, std::time::Duration::from_mins(10), |info| {
            matches!(info.state, JobState::Transferred | JobState::Error)
        });
        assert_eq!(wait.await.state, JobState::Transferred);
        job.complete().await.unwrap();
        assert_eq!(sha256(&service.file("file")), expected, "{kind:?}");
        fs::remove_file(service.file("file")).unwrap();
        eprintln!("{kind:?}: right");
    }
}
