//! Section 12, Mirrors: where a file comes from when its own origin cannot help.

use bgcopy::{AuthScheme, AuthTarget, Checksum, FileRequest, JobBuilder, JobState, Priority};
use bgcopy_testkit::faulty::{Body, Cut, Digest, Fault, Origin, Resource};

use crate::{
    fetch::{MISMATCH, SIZE, file},
    support::{Service, sha256, until},
};

fn checksum() -> Checksum {
    format!("sha256:{}", file().sha256()).parse().unwrap()
}

/// A job for the file at `urls[0]` with the others as mirrors, in this order.
async fn from_all(service: &Service, urls: &[String]) -> JobBuilder {
    let request = FileRequest::new(&urls[0], service.file("file")).checksum(checksum());
    let mirrors = (1..).zip(&urls[1..]);
    let request = mirrors.fold(request, |request, (priority, url)| {
        request.mirror(url, priority)
    });
    let manager = service.manager().await;
    let job = manager.create_job("mirrored");
    job.priority(Priority::Foreground).file(request)
}

async fn arrives(service: &Service, job: JobBuilder) {
    let job = job.submit().await.unwrap();
    let info = until(&job, &[JobState::Transferred, JobState::Error]).await;
    assert_eq!(info.state, JobState::Transferred, "{:?}", info.error);
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), file().sha256());
}

/// A URL at which nothing listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/file", listener.local_addr().unwrap())
}

/// Where a job goes no further by itself, for now.
const STOPPED: [JobState; 3] = [
    JobState::Error,
    JobState::TransientError,
    JobState::Transferred,
];

#[tokio::test]
async fn s12_1_mirrors_without_a_checksum_are_refused_and_so_are_too_many() {
    let service = Service::start();
    let manager = service.manager().await;
    let bare = FileRequest::new("http://127.0.0.1:9/file", service.file("file"));
    let many = (1..=33).fold(bare.clone().checksum(checksum()), |request, n| {
        request.mirror(format!("http://127.0.0.1:9/{n}"), n)
    });
    let other = bare.clone().checksum(checksum());
    for (request, words) in [
        (
            bare.clone().mirror("http://127.0.0.1:9/m", 1),
            "needs a checksum",
        ),
        (many, "33 mirrors"),
        (
            other.clone().mirror("ftp://127.0.0.1/m", 1),
            "http and https",
        ),
        (other.mirror("http://127.0.0.1:9/m", 1_000_000), "999999"),
    ] {
        let refused = manager.create_job("x").file(request).create().await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let said = service.bgcopy(&[
        "get",
        "http://127.0.0.1:9/x",
        "--mirror",
        "http://127.0.0.1:9/y",
    ]);
    assert_eq!(said.status.code(), Some(2));
    assert!(said.err.contains("--checksum"), "{}", said.err);
}

#[tokio::test]
async fn s12_2_a_mirror_is_asked_when_the_places_before_it_cannot_help() {
    for broken in [
        Fault::status(404),
        Fault::status(503),
        Fault::ForceGzip,
        Fault::ReprDigest(Digest::Wrong),
        Fault::Redirect(302, "/elsewhere".to_owned()),
    ] {
        let service = Service::start();
        let (first, second) = (Origin::start(), Origin::start());
        let urls = [
            nowhere(),
            first.serve("/file", file().always(broken)),
            second.serve("/file", file()),
        ];
        arrives(&service, from_all(&service, &urls).await).await;
        assert_eq!(second.requests().len(), 1);
    }
}

#[tokio::test]
async fn s12_2_of_mirrors_that_cannot_help_either_the_first_error_that_may_pass_is_told() {
    let service = Service::start();
    let origin = Origin::start();
    let gone = |path| origin.serve(path, file().always(Fault::status(404)));
    let busy = |path| origin.serve(path, file().always(Fault::status(503)));
    for (urls, state, code) in [
        ([gone("/a"), gone("/b")], JobState::Error, 0x8019_0194),
        (
            [gone("/c"), busy("/d")],
            JobState::TransientError,
            0x8019_01F7,
        ),
        (
            [busy("/e"), gone("/f")],
            JobState::TransientError,
            0x8019_01F7,
        ),
    ] {
        let job = from_all(&service, &urls).await.submit().await.unwrap();
        let info = until(&job, &STOPPED).await;
        let found = info.error.as_ref().map(|error| error.code.0);
        assert_eq!((info.state, found), (state, Some(code)), "{:?}", info.error);
        job.cancel().await.unwrap();
    }
}

#[tokio::test]
async fn s12_2_bytes_without_the_checksum_come_anew_from_the_next_place() {
    let spliced = || Fault::SpliceAfter(SIZE / 2, Body::Pattern { seed: 9, len: SIZE });
    for (digest, ends) in [
        (None, JobState::Transferred),
        (Some(Digest::Right), JobState::Transferred),
        (None, JobState::Error),
    ] {
        let service = Service::start();
        let (origin, mirrors) = (Origin::start(), Origin::start());
        let mut wrong = file().always(spliced());
        if let Some(digest) = digest {
            wrong = wrong.always(Fault::ContentDigest(digest));
        }
        let right = if ends == JobState::Error {
            file().always(Fault::status(503))
        } else {
            file()
        };
        let urls = [
            origin.serve("/file", wrong.clone()),
            mirrors.serve("/wrong", wrong),
            mirrors.serve("/right", right),
        ];
        let job = from_all(&service, &urls).await.submit().await.unwrap();
        let info = until(&job, &STOPPED).await;
        assert_eq!(info.state, ends, "{:?}", info.error);
        if let Some(error) = info.error {
            assert_eq!(error.code.0, MISMATCH, "{error:?}");
            assert_eq!(info.bytes_transferred, 0, "nothing of it is kept");
        }
        assert_eq!(origin.requests().len(), 1);
        job.complete().await.unwrap();
        if ends == JobState::Transferred {
            assert_eq!(sha256(&service.file("file")), file().sha256());
        }
        assert_eq!(service.temporary_files(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn s12_3_neither_header_fields_nor_credentials_of_the_job_go_to_a_mirror() {
    let service = Service::start();
    let (origin, mirror) = (Origin::start(), Origin::start());
    let asks = || file().always(Fault::RequireBasic("mirrors", "own"));
    let with_own = mirror
        .serve("/own", asks())
        .replace("http://", "http://mirrors:own@");
    let urls = [
        origin.serve("/file", file().always(Fault::RequireBasic("me", "other"))),
        mirror.serve("/without", asks()),
        with_own,
    ];
    let job = from_all(&service, &urls).await;
    let job = job
        .header("X-Secret", "s")
        .header("Authorization", "Bearer t");
    let job = job.credentials(AuthTarget::Server, AuthScheme::Basic, "me", "hunter2");
    arrives(&service, job).await;
    assert!(
        origin
            .requests()
            .iter()
            .all(|seen| seen.header("X-Secret").is_some())
    );
    for seen in mirror.requests() {
        assert_eq!(seen.header("X-Secret"), None);
        let shown = seen.header("Authorization");
        let own = shown.is_none_or(|value| value == "Basic bWlycm9yczpvd24=");
        assert!(own, "{}: {shown:?}", seen.target);
    }
    let out = service.bgcopy(&["list", "--all", "--json"]).out;
    assert!(!out.contains("hunter2") && !out.contains("own@"), "{out}");
}

#[tokio::test]
async fn s12_4_a_mirror_goes_on_where_the_origin_ended_when_it_has_the_same_size() {
    let cut = || Fault::CutAfter(SIZE / 2, Cut::Fin);
    for (resource, helps) in [
        (file().etag("\"mirrors own\""), true),
        (file().no_last_modified(), true),
        (Resource::pattern(7, SIZE + 1), false),
    ] {
        let service = Service::start();
        let (origin, mirror) = (Origin::start(), Origin::start());
        let urls = [
            origin.serve(
                "/file",
                file()
                    .on_request(1, cut())
                    .from_request(2, Fault::status(404)),
            ),
            mirror.serve("/file", resource),
        ];
        let job = from_all(&service, &urls).await.submit().await.unwrap();
        let info = until(&job, &STOPPED).await;
        assert_eq!(
            info.state == JobState::Transferred,
            helps,
            "{:?}",
            info.error
        );
        job.complete().await.unwrap();
        if helps {
            assert_eq!(sha256(&service.file("file")), file().sha256());
            assert!(mirror.bytes_sent() < SIZE, "only the rest");
        } else {
            assert!(!service.file("file").exists());
        }
        assert!(mirror.requests().iter().all(|seen| {
            seen.header("If-Range")
                .is_none_or(|value| value == "\"mirrors own\"")
        }));
    }
}

#[tokio::test]
async fn s12_5_mirrors_are_durable_and_shown_without_passwords() {
    let mut service = Service::start();
    let urls = [
        "http://127.0.0.1:9/file",
        "http://me:secret@127.0.0.1:9/a",
        "https://127.0.0.1:9/b",
    ];
    let urls = urls.map(str::to_owned);
    let job = from_all(&service, &urls).await.create().await.unwrap();
    service.kill();
    service.launch(&[]);
    let manager = service.manager().await;
    let job = manager.job(job.id()).await.unwrap();
    let expected = [
        ("http://***@127.0.0.1:9/a", 1),
        ("https://127.0.0.1:9/b", 2),
    ];
    let expected = expected.map(|(url, priority)| (url.to_owned(), priority));
    assert_eq!(job.files().await.unwrap()[0].mirrors, expected);
    let id = job.id().to_string();
    let said = service.bgcopy(&["files", "--json", &id]);
    assert!(
        said.out
            .contains(r#"{"url":"https://127.0.0.1:9/b","priority":2}"#),
        "{said:?}"
    );
}

/// A Metalink document in the service's home, of these files.
fn document(service: &Service, files: &[(&str, &str, &[String])]) -> String {
    let url = |url: &String| format!("<url>{url}</url>");
    let file = |(name, hash, urls): &(&str, &str, &[String])| {
        let urls = urls.iter().map(url).collect::<Vec<_>>().concat();
        format!("<file name=\"{name}\"><hash type=\"sha-256\">{hash}</hash>{urls}</file>")
    };
    let files = files.iter().map(file).collect::<Vec<_>>().concat();
    let text = format!("<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">{files}</metalink>");
    let path = service.state().with_file_name("files.meta4");
    std::fs::write(&path, text).unwrap();
    path.into_os_string().into_string().unwrap()
}

#[test]
fn s12_6_the_files_of_a_metalink_document_come_from_the_places_that_it_names() {
    let service = Service::start();
    let (first, second) = (Origin::start(), Origin::start());
    let gone = first.serve("/a", file().always(Fault::status(404)));
    let other = Resource::pattern(3, 1_000);
    let hashes = (file().sha256(), other.sha256());
    let urls = (
        [gone, second.serve("/a", file())],
        [second.serve("/b", other)],
    );
    let files = [
        ("one.bin", hashes.0.as_str(), &urls.0[..]),
        ("two.bin", hashes.1.as_str(), &urls.1[..]),
    ];
    let document = document(&service, &files);
    let folder = service.downloads();
    let arguments = [
        "get",
        "--metalink",
        &document,
        "-d",
        folder.to_str().unwrap(),
    ];
    let said = service.bgcopy(&arguments);
    assert!(said.status.success(), "{said:?}");
    assert_eq!(sha256(&service.file("one.bin")), hashes.0);
    assert_eq!(sha256(&service.file("two.bin")), hashes.1);
    assert_eq!(service.temporary_files(), Vec::<String>::new());

    // Once more: nothing that is there is replaced, and nothing is asked for.
    let asked = second.requests().len();
    let said = service.bgcopy(&arguments);
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    assert!(said.err.contains("is there already"), "{}", said.err);
    assert_eq!(second.requests().len(), asked);
}

#[test]
fn s12_6_a_file_that_is_not_what_its_document_says_is_not_published() {
    let service = Service::start();
    let origin = Origin::start();
    let urls = [origin.serve("/a", file())];
    let document = document(&service, &[("one.bin", &"0".repeat(64), &urls)]);
    let folder = service.downloads();
    let said = service.bgcopy(&[
        "get",
        "--metalink",
        &document,
        "-d",
        folder.to_str().unwrap(),
    ]);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(!service.file("one.bin").exists());
}

#[test]
fn s12_6_a_document_whose_names_lead_elsewhere_makes_no_job() {
    let service = Service::start();
    let urls = ["http://127.0.0.1:9/x".to_owned()];
    let hash = "0".repeat(64);
    for name in ["../out", "/tmp/out", ".hidden", "a/../../out"] {
        let document = document(&service, &[("good", &hash, &urls), (name, &hash, &urls)]);
        let said = service.bgcopy(&["get", "--metalink", &document]);
        assert_eq!(said.status.code(), Some(2), "{said:?}");
        assert!(
            said.err.contains("no name that a file may have"),
            "{}",
            said.err
        );
    }
    assert_eq!(service.bgcopy(&["list", "--json"]).out, "");
}

#[tokio::test]
async fn s12_7_a_mirror_that_the_origin_names_goes_on_where_there_is_a_checksum() {
    for has_checksum in [true, false] {
        let service = Service::start();
        let (origin, mirror) = (Origin::start(), Origin::start());
        let link = format!("<{}>; rel=duplicate", mirror.serve("/file", file()));
        let named = file()
            .always(Fault::ReprDigest(Digest::Right))
            .header("Link", link)
            .on_request(1, Fault::CutAfter(SIZE / 2, Cut::Fin))
            .from_request(2, Fault::status(404));
        let request = FileRequest::new(origin.serve("/file", named), service.file("file"));
        let request = if has_checksum {
            request.checksum(checksum())
        } else {
            request
        };
        let manager = service.manager().await;
        let job = manager.create_job("named").priority(Priority::Foreground);
        let job = job.file(request).submit().await.unwrap();
        let info = until(&job, &STOPPED).await;
        assert_eq!(
            info.state == JobState::Transferred,
            has_checksum,
            "{:?}",
            info.error
        );
        assert_eq!(mirror.requests().is_empty(), !has_checksum);
        if has_checksum {
            job.complete().await.unwrap();
            assert_eq!(sha256(&service.file("file")), file().sha256());
        }
    }
}
