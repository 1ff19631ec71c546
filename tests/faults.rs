//! What comes of an origin's faults: docs/semantics.md, section 3, row by row, and the rows of section 1 that a fault
//! shows. The service is a real process, the origin speaks over real sockets.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test looks at files behind the service's back"
)]

mod support;

use std::time::{Duration, Instant, SystemTime};

use bgcopy::{FileRequest, Job, JobState, Priority};
use bgcopy_testkit::{
    TestCa,
    faulty::{Body, Cut, Fault, Origin, Resource, RetryAfter, Version},
};
use support::{Service, sha256, until, until_it};

const SIZE: u64 = 3_000_000;

/// Fetches a resource whose faults are to be overcome, and looks at the bytes.
async fn arrives(resource: Resource) -> (Service, Origin) {
    let (service, origin) = (Service::start(), Origin::start());
    let expected = resource.sha256();
    fetch_right(&service, &origin, resource, &expected).await;
    (service, origin)
}

async fn fetch_right(service: &Service, origin: &Origin, resource: Resource, expected: &str) {
    let url = origin.serve("/file", resource);
    let manager = service.manager().await;
    let job = service.get(&manager, &url, "file").await;
    let info = until(&job, &[JobState::Transferred, JobState::Error]).await;
    assert_eq!(info.state, JobState::Transferred, "{:?}", info.error);
    assert!(!service.file("file").exists(), "published before Complete");
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
    assert_eq!(service.temporary_files(), Vec::<String>::new());
}

/// Fetches a resource whose faults cannot be overcome: the job is in ERROR with this code, and nothing is published.
async fn fails(resource: Resource, code: u32) -> (Service, Origin, Job) {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", resource);
    let job = stops(&service, &url, JobState::Error, code).await;
    (service, origin, job)
}

/// The job that fetches `url` comes to this state with this code.
async fn stops(service: &Service, url: &str, state: JobState, code: u32) -> Job {
    let manager = service.manager().await;
    let job = service.get(&manager, url, "file").await;
    let stopped = [
        JobState::Error,
        JobState::TransientError,
        JobState::Transferred,
    ];
    let info = until(&job, &stopped).await;
    let found = info.error.as_ref().map(|error| error.code.0);
    assert_eq!((info.state, found), (state, Some(code)), "{:?}", info.error);
    assert!(
        !service.file("file").exists(),
        "published in spite of an error"
    );
    job
}

const CLOSED: u32 = 0x8020_002E;
const INVALID: u32 = 0x8020_001B;
const TIMEOUT: u32 = 0x8007_2EE2;
const REDIRECT: u32 = 0x8007_2F7C;
const MISMATCH: u32 = 0x8020_0053;
const CHANGED: u32 = 0x8020_0073;
const NO_RANGES: u32 = 0x8020_0013;

fn file() -> Resource {
    Resource::pattern(7, SIZE)
}

#[tokio::test]
async fn s3_1_a_body_that_is_cut_is_continued_where_it_broke() {
    for (after, how) in [(1, Cut::Fin), (SIZE / 2, Cut::Reset)] {
        let (_service, origin) = arrives(file().on_request(1, Fault::CutAfter(after, how))).await;
        let second = &origin.requests_for("/file")[1];
        assert!(second.header("if-range").is_some(), "{second:?}");
        assert!(
            origin.bytes_sent() <= SIZE + 1_000_000,
            "what was received is not fetched again"
        );
    }
}

#[tokio::test]
async fn s3_2_a_head_that_is_cut_is_asked_for_again() {
    arrives(
        file()
            .on_request(1, Fault::CutInHeader(20, Cut::Fin))
            .on_request(2, Fault::CutInHeader(0, Cut::Reset)),
    )
    .await;
}

#[tokio::test]
async fn s3_3_a_stalled_origin_is_given_up_and_asked_again() {
    let (service, origin) = (Service::start(), Origin::start());
    let resource = file().on_request(1, Fault::StallAfter(100_000));
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    let job = stops(&service, &url, JobState::TransientError, TIMEOUT).await;
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
}

#[tokio::test]
async fn s3_4_a_body_in_drops_is_progress() {
    arrives(Resource::pattern(1, 2_000).always(Fault::SlowLoris(100, Duration::from_millis(50))))
        .await;
}

#[tokio::test]
async fn s3_5_a_passing_refusal_is_tried_again() {
    for status in [500, 502, 503, 504, 408, 409, 429] {
        let (service, origin) = (Service::start(), Origin::start());
        let url = origin.serve("/file", file().always(Fault::status(status)));
        let code = 0x8019_0000 | u32::from(status);
        stops(&service, &url, JobState::TransientError, code).await;
    }
    arrives(file().on_request(1, Fault::status(503))).await;
}

#[tokio::test]
async fn s3_6_retry_after_is_honoured() {
    for by_date in [false, true] {
        let begun = Instant::now();
        let retry = if by_date {
            RetryAfter::Date(SystemTime::now() + Duration::from_secs(9))
        } else {
            RetryAfter::Seconds(8)
        };
        arrives(file().on_request(1, Fault::Status(503, Some(retry)))).await;
        assert!(
            begun.elapsed() >= Duration::from_secs(7),
            "asked again too soon"
        );
    }
}

#[tokio::test]
async fn s3_7_a_final_refusal_is_an_error() {
    for status in [400, 401, 403, 404, 410, 501, 505] {
        let (_service, origin, job) = fails(
            file().always(Fault::status(status)),
            0x8019_0000 | u32::from(status),
        )
        .await;
        assert_eq!(origin.requests().len(), 1, "asked again");
        let error = job.error().await.unwrap().unwrap();
        assert!(error.description.contains(&status.to_string()), "{error:?}");
    }
}

#[tokio::test]
async fn s3_8_a_length_that_is_too_long_never_publishes_a_short_file() {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", file().always(Fault::LyingLength(1_000)));
    let job = stops(&service, &url, JobState::TransientError, CLOSED).await;
    job.complete().await.unwrap();
    assert!(!service.file("file").exists());
    assert_eq!(service.temporary_files(), Vec::<String>::new());
}

#[tokio::test]
async fn s3_9_a_length_that_is_too_short_is_the_length() {
    let (service, origin) = (Service::start(), Origin::start());
    let resource = Resource::pattern(3, 50_000).always(Fault::LyingLength(-1_000));
    let announced = resource.body().to_vec()[..49_000].to_vec();
    let expected = Resource::new(announced).sha256();
    fetch_right(&service, &origin, resource, &expected).await;
}

#[tokio::test]
async fn s3_10_a_chunked_body_needs_no_length() {
    arrives(file().always(Fault::Chunked)).await;
    // A chunked body that breaks off is not the file.
    arrives(
        file()
            .always(Fault::Chunked)
            .on_request(1, Fault::CutAfter(SIZE / 3, Cut::Fin)),
    )
    .await;
}

#[tokio::test]
async fn s3_11_a_body_that_ends_with_its_connection_is_accepted_and_marked() {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", file().always(Fault::NoLength));
    let manager = service.manager().await;
    let job = service.get(&manager, &url, "file").await;
    until(&job, &[JobState::Transferred]).await;
    assert!(!job.files().await.unwrap()[0].length_verified);
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), file().sha256());
}

#[tokio::test]
async fn s3_12_an_origin_without_ranges_is_served_from_the_start() {
    for fault in [Fault::IgnoreRange, Fault::NoRanges] {
        let cut = Fault::CutAfter(SIZE / 2, Cut::Fin);
        arrives(file().always(fault).on_request(1, cut)).await;
    }
}

#[tokio::test]
async fn s1_2_a_size_that_came_without_a_byte_says_nothing_of_the_next_version() {
    let after = Version::of(Body::Pattern { seed: 2, len: 200 });
    let expected = after.body.sha256();
    let resource = Resource::pattern(1, 100)
        .on_request(1, Fault::CutAfter(0, Cut::Fin))
        .from_request(2, Fault::Become(after))
        .from_request(2, Fault::Chunked)
        .on_request(2, Fault::CutAfter(150, Cut::Fin));
    let (service, origin) = (Service::start(), Origin::start());
    fetch_right(&service, &origin, resource, &expected).await;
}

#[tokio::test]
async fn s1_8_a_range_that_nothing_ties_to_its_rest_is_fetched_again_and_several_are_refused() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let range = |offset, length| bgcopy::ByteRange { offset, length };
    let bare = || Resource::pattern(1, 1_000).no_validators();
    let content = bare().body().to_vec();
    let submit = async |name: &str, resource: Resource, ranges: &[bgcopy::ByteRange]| {
        let url = origin.serve(&format!("/{name}"), resource);
        let mut request = FileRequest::new(&url, service.file(name));
        for range in ranges {
            request = request.range(*range);
        }
        let job = manager.create_job(name).minimum_retry_delay(Duration::ZERO);
        let job = job.priority(Priority::Foreground).file(request);
        job.submit().await.unwrap()
    };
    let cut = bare().on_request(1, Fault::CutAfter(150, Cut::Fin));
    let one = submit("one", cut, &[range(100, 400)]).await;
    let ends = [JobState::Transferred, JobState::Error];
    let info = until(&one, &ends).await;
    assert_eq!(info.state, JobState::Transferred, "{:?}", info.error);
    one.complete().await.unwrap();
    let found = std::fs::read(service.file("one")).unwrap();
    assert_eq!(found, content[100..500]);
    for first in [0, 10] {
        let name = format!("two-{first}");
        let two = submit(&name, bare(), &[range(first, 50), range(100, 50)]).await;
        let info = until(&two, &ends).await;
        assert_eq!(info.error.unwrap().code.0, NO_RANGES);
    }
}

#[tokio::test]
async fn s3_12_ranges_of_a_file_need_an_origin_that_serves_them() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let range = |offset, length| bgcopy::ByteRange { offset, length };
    for (resource, right) in [(file(), true), (file().always(Fault::NoRanges), false)] {
        let name = if right { "good" } else { "bad" };
        let content = resource.body().to_vec();
        let url = origin.serve(&format!("/{name}"), resource);
        let request = FileRequest::new(&url, service.file(name))
            .range(range(1_000, 500))
            .range(range(10, 90))
            .range(range(SIZE - 70, u64::MAX));
        let job = manager
            .create_job(name)
            .priority(Priority::Foreground)
            .file(request)
            .submit()
            .await
            .unwrap();
        let info = until(&job, &[JobState::Transferred, JobState::Error]).await;
        if right {
            assert_eq!(
                (info.state, info.bytes_total),
                (JobState::Transferred, Some(660))
            );
            job.complete().await.unwrap();
            let end = content.len() - 70;
            let expected = [&content[1_000..1_500], &content[10..100], &content[end..]].concat();
            assert_eq!(std::fs::read(service.file(name)).unwrap(), expected);
        } else {
            assert_eq!(info.error.unwrap().code.0, NO_RANGES);
        }
    }
}

#[tokio::test]
async fn s3_13_a_range_that_was_not_asked_for_is_refused() {
    let cut = Fault::CutAfter(SIZE / 2, Cut::Fin);
    let shift = |content, header| Fault::ShiftRange { content, header };
    for fault in [
        shift(1, 1),
        shift(0, 1),
        Fault::NoContentRange,
        Fault::MultipartRange,
    ] {
        let resource = file()
            .on_request(1, cut.clone())
            .from_request(2, fault.clone());
        let (service, origin) = (Service::start(), Origin::start());
        let url = origin.serve("/file", resource);
        let manager = service.manager().await;
        let job = service.get(&manager, &url, "file").await;
        let info = until(&job, &[JobState::Error, JobState::Transferred]).await;
        assert_eq!(info.error.map(|e| e.code.0), Some(INVALID), "{fault:?}");
        assert!(!service.file("file").exists());
    }
}

#[tokio::test]
async fn s3_13_a_range_that_holds_the_wrong_bytes_is_caught_by_a_checksum() {
    let (service, origin) = (Service::start(), Origin::start());
    let resource = file()
        .on_request(1, Fault::CutAfter(SIZE / 2, Cut::Fin))
        .on_request(
            2,
            Fault::ShiftRange {
                content: -1,
                header: 0,
            },
        );
    let checksum = format!("sha256:{}", resource.sha256()).parse().unwrap();
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    let manager = service.manager().await;
    let request = FileRequest::new(&url, service.file("file")).checksum(checksum);
    let job = manager
        .create_job("file")
        .priority(Priority::Foreground)
        .minimum_retry_delay(Duration::from_secs(5))
        .file(request)
        .submit()
        .await
        .unwrap();
    let info = until(&job, &[JobState::Error, JobState::Transferred]).await;
    assert_eq!(info.error.map(|e| e.code.0), Some(MISMATCH));
    // 1.10: nothing of it is kept, and Resume fetches it anew.
    job.resume().await.unwrap();
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
}

#[tokio::test]
async fn s3_14_a_file_that_changed_starts_again_with_the_new_version() {
    let new = Resource::pattern(8, SIZE - 5);
    let resource = file()
        .on_request(1, Fault::CutAfter(SIZE / 2, Cut::Fin))
        .from_request(2, Fault::Become(Version::of(new.body().clone())));
    let (service, origin) = (Service::start(), Origin::start());
    fetch_right(&service, &origin, resource, &new.sha256()).await;
}

#[tokio::test]
async fn s3_14_a_206_of_another_version_is_never_appended() {
    let new = Resource::pattern(8, SIZE);
    let resource = file()
        .on_request(1, Fault::CutAfter(SIZE / 2, Cut::Fin))
        .from_request(2, Fault::Become(Version::of(new.body().clone())))
        .on_request(2, Fault::IgnoreIfRange);
    let (service, origin) = (Service::start(), Origin::start());
    fetch_right(&service, &origin, resource, &new.sha256()).await;
}

#[tokio::test]
async fn s1_4_a_file_that_keeps_changing_is_an_error_after_five_restarts() {
    let (service, origin) = (Service::start(), Origin::start());
    let mut resource = file();
    for request in 1..=20 {
        let version = Version::of(Body::Pattern {
            seed: 100 + request,
            len: SIZE,
        });
        resource = resource
            .on_request(request, Fault::Become(version))
            .on_request(request, Fault::CutAfter(SIZE / 2, Cut::Fin));
    }
    let url = origin.serve("/file", resource);
    let manager = service.manager().await;
    let job = service.get(&manager, &url, "file").await;
    // Each cut waits for its retry; resuming skips the wait.
    let job = &job;
    let info = loop {
        let info = until(job, &[JobState::TransientError, JobState::Error]).await;
        if info.state == JobState::Error {
            break info;
        }
        let _ = job.resume().await;
        until_it(job, |info| info.state != JobState::TransientError).await;
    };
    assert_eq!(info.error.unwrap().code.0, CHANGED);
    assert!(!service.file("file").exists());
}

#[tokio::test]
async fn s3_15_a_strong_date_continues_a_file() {
    let resource = file()
        .no_etag()
        .on_request(1, Fault::CutAfter(SIZE / 2, Cut::Fin));
    let (_service, origin) = arrives(resource).await;
    assert!(
        origin.bytes_sent() <= SIZE + 1_000_000,
        "continued, not fetched again"
    );
}

#[tokio::test]
async fn s3_16_a_weak_tag_alone_continues_nothing() {
    let resource = file()
        .etag("W/\"weak\"")
        .no_last_modified()
        .on_request(1, Fault::CutAfter(SIZE / 2, Cut::Fin));
    let (_service, origin) = arrives(resource).await;
    let seen = origin.requests_for("/file");
    assert!(
        seen.iter()
            .all(|request| request.header("if-range").is_none())
    );
    assert!(
        seen.iter().all(|request| request.header("range").is_none()),
        "from 0"
    );
}

#[tokio::test]
async fn s3_16_without_any_validator_a_file_starts_again() {
    arrives(
        file()
            .no_validators()
            .on_request(1, Fault::CutAfter(SIZE / 2, Cut::Fin)),
    )
    .await;
}

#[tokio::test]
async fn s3_17_an_encoded_answer_is_refused() {
    let (_service, origin, _) = fails(file().always(Fault::ForceGzip), INVALID).await;
    assert_eq!(
        origin.requests()[0].header("accept-encoding"),
        Some("identity")
    );
}

#[tokio::test]
async fn s3_18_redirects_end_somewhere_or_are_refused() {
    fails(file().always(Fault::RedirectLoop(302)), REDIRECT).await;
    fails(file().always(Fault::RedirectChain(307)), REDIRECT).await;
    for status in [301, 302, 303, 307, 308] {
        let (service, origin) = (Service::start(), Origin::start());
        let target = file();
        let expected = target.sha256();
        origin.serve("/there", target);
        let moved = Resource::pattern(1, 1).always(Fault::Redirect(status, "/there".into()));
        fetch_right(&service, &origin, moved, &expected).await;
    }
}

#[tokio::test]
async fn s3_20_a_bomb_in_the_head_is_refused() {
    for fault in [
        Fault::ManyHeaders(10_000),
        Fault::HugeHeader(4 << 20),
        Fault::HugeStatusLine(4 << 20),
    ] {
        fails(file().always(fault), INVALID).await;
    }
}

#[tokio::test]
async fn s3_21_what_is_no_http_is_refused() {
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"hello\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
    ] {
        fails(file().always(Fault::Garbage(bytes.into())), INVALID).await;
    }
}

#[tokio::test]
async fn s3_22_a_range_that_cannot_be_satisfied_starts_again() {
    let resource = file()
        .on_request(1, Fault::CutAfter(SIZE / 2, Cut::Fin))
        .on_request(2, Fault::Unsatisfiable(Some(10)));
    arrives(resource).await;
}

#[tokio::test]
async fn s3_23_an_origin_that_is_not_there_is_waited_for() {
    let service = Service::start();
    let gone = Origin::start();
    let url = gone.serve("/file", file());
    let address = gone.address();
    drop(gone);
    let job = stops(&service, &url, JobState::TransientError, 0x8020_002D).await;
    let info = job.info().await.unwrap();
    assert!(info.retry_at.is_some());
    assert!(
        info.error
            .unwrap()
            .description
            .contains(&address.port().to_string())
    );
    let back = Origin::start_on(address);
    back.serve("/file", file());
    until(&job, &[JobState::Transferred]).await;
}

#[tokio::test]
async fn s3_19_and_s3_24_https_is_kept_and_its_certificates_are_checked() {
    let (known, unknown) = (TestCa::new(), TestCa::new());
    let trust = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trust.path(), known.pem()).unwrap();
    let trust = trust.path().to_str().unwrap();
    let service = Service::start_with(support::CONFIG, &[("SSL_CERT_FILE", trust)]);
    let plain = Origin::start();
    let target = plain.serve("/file", file());

    let origin = Origin::start_tls(&known);
    fetch_right(&service, &origin, file(), &file().sha256()).await;
    std::fs::remove_file(service.file("file")).unwrap();

    let down = origin.serve("/down", file().always(Fault::Redirect(302, target)));
    stops(&service, &down, JobState::Error, REDIRECT).await;

    let foreign = Origin::start_tls(&unknown);
    let url = foreign.serve("/file", file());
    let job = stops(&service, &url, JobState::Error, 0x8007_2F8F).await;
    let error = job.error().await.unwrap().unwrap();
    assert!(
        error.description.contains("localhost") || error.description.contains("127.0.0.1"),
        "{error:?}"
    );
}

#[tokio::test]
async fn s1_7_over_tls_a_body_without_length_needs_close_notify() {
    let ca = TestCa::new();
    let trust = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trust.path(), ca.pem()).unwrap();
    let trust = trust.path().to_str().unwrap();
    let service = Service::start_with(support::CONFIG, &[("SSL_CERT_FILE", trust)]);
    let origin = Origin::start_tls(&ca);
    let bare = file().always(Fault::NoLength).always(Fault::NoCloseNotify);
    let url = origin.serve("/file", bare);
    let job = stops(&service, &url, JobState::TransientError, CLOSED).await;
    job.cancel().await.unwrap();
    fetch_right(
        &service,
        &origin,
        file().always(Fault::NoLength),
        &file().sha256(),
    )
    .await;
}

#[tokio::test]
async fn interim_answers_and_http_1_0_are_understood() {
    arrives(file().always(Fault::Interim(103, 2))).await;
    arrives(file().always(Fault::Http10)).await;
}

#[tokio::test]
async fn s1_9_the_file_has_the_origins_date_and_the_clients_mode() {
    use std::os::unix::fs::MetadataExt;

    let (service, _origin) = arrives(file()).await;
    let found = std::fs::metadata(service.file("file")).unwrap();
    assert_eq!(
        found.mtime(),
        1_704_164_645,
        "Tue, 02 Jan 2024 03:04:05 GMT"
    );
    assert_eq!(found.mode() & 0o777, 0o666 & !current_umask());
}

/// The umask of this process, as /proc tells it.
fn current_umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))
        .unwrap();
    u32::from_str_radix(line.trim(), 8).unwrap()
}
