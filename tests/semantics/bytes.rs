//! Section 1, Bytes: what is published, and what never is.

use std::time::Duration;

use bgcopy::{FileRequest, JobState, Priority};
use bgcopy_testkit::{
    TestCa,
    faulty::{Body, Cut, Fault, Origin, Resource, Version},
};

use crate::{
    fetch::{
        CHANGED, CLOSED, INVALID, MISMATCH, NO_RANGES, SIZE, arrives, arrives_at_once, fails,
        fetch_at_once, fetch_right, file, stops, trusting,
    },
    support::{Service, sha256, until, until_it},
};

#[tokio::test]
async fn s1_1_a_file_has_its_name_whole_when_its_job_is_completed_and_not_before() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let expected = file().sha256();
    let urls = ["/whole", "/part"].map(|path| origin.serve(path, file()));
    std::fs::write(service.file("whole"), "what was there").unwrap();
    let is_unchanged =
        || std::fs::read(service.file("whole")).is_ok_and(|it| it == b"what was there");
    let job = service.get(&manager, &urls[0], "whole").await;
    until(&job, &[JobState::Transferred]).await;
    assert!(is_unchanged(), "published before Complete");
    let part = service.file("part");
    job.add_file(FileRequest::new(&urls[1], &part))
        .await
        .unwrap();
    origin.hold_after(SIZE / 2);
    job.resume().await.unwrap();
    until_it(&job, |info| info.bytes_transferred >= SIZE + SIZE / 2).await;
    assert!(is_unchanged() && !part.exists());
    // Complete takes the job as it is: what is whole gets its name, the half never has one.
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("whole")), expected);
    assert_eq!(std::fs::read_dir(service.downloads()).unwrap().count(), 1);
}

#[tokio::test]
async fn s1_2_what_contradicts_a_length_a_range_a_tag_or_a_checksum_is_never_published() {
    let cut = || Fault::CutAfter(SIZE / 2, Cut::Fin);
    let other = Resource::pattern(9, SIZE);
    let moved = Fault::ShiftRange {
        content: 1,
        header: 1,
    };
    let lies = [
        file().always(Fault::LyingLength(1_000)),
        file().on_request(1, cut()).from_request(2, moved),
        file()
            .on_request(1, cut())
            .from_request(2, Fault::RangeTotal(Some(10))),
        // The head knows nothing of it: only the caller's checksum does.
        file().always(Fault::SpliceAfter(1_000, other.body().clone())),
    ];
    for (number, resource) in lies.into_iter().enumerate() {
        let (service, origin) = (Service::start(), Origin::start());
        let checksum = format!("sha256:{}", file().sha256()).parse().unwrap();
        let url = origin.serve("/file", resource);
        let manager = service.manager().await;
        let job = manager
            .create_job("lied to")
            .minimum_retry_delay(Duration::from_secs(5))
            .no_progress_timeout(Duration::ZERO)
            .file(FileRequest::new(&url, service.file("file")).checksum(checksum))
            .submit()
            .await
            .unwrap();
        // An error that waiting might mend is final here.
        let mut info = until(&job, &[JobState::Error, JobState::Transferred]).await;
        if number == 1 || number == 2 {
            job.resume().await.unwrap();
            let again = |info: &bgcopy::JobInfo| {
                info.error_count == 2 || info.state == JobState::Transferred
            };
            info = until_it(&job, again).await;
        }
        assert_eq!(info.state, JobState::Error, "lie {number}");
        job.complete().await.unwrap();
        assert_eq!(
            std::fs::read_dir(service.downloads()).unwrap().count(),
            0,
            "lie {number}"
        );
    }
    // A tag that changed: the other version as a whole, and nothing of the first.
    let changed = file()
        .on_request(1, cut())
        .from_request(2, Fault::Become(Version::of(other.body().clone())))
        .on_request(2, Fault::IgnoreIfRange);
    let (service, origin) = (Service::start(), Origin::start());
    fetch_at_once(&service, &origin, changed, &other.sha256()).await;
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
async fn s1_3_bytes_of_two_versions_are_joined_only_under_one_strong_validator() {
    let cut = || Fault::CutAfter(SIZE / 2, Cut::Fin);
    let continued = |origin: &Origin| origin.requests_for("/file")[1].range.is_some();
    // The same tag, and without tags the same date.
    let (_service, origin) = arrives_at_once(file().on_request(1, cut())).await;
    assert!(continued(&origin) && origin.bytes_sent() < SIZE + SIZE / 2);
    let (_service, origin) = arrives_at_once(file().no_etag().on_request(1, cut())).await;
    assert!(continued(&origin) && origin.bytes_sent() < SIZE + SIZE / 2);
    // Another date; an origin that says that the range is of the version that was asked for.
    let new = Resource::pattern(8, SIZE);
    let version = Version {
        body: new.body().clone(),
        etag: None,
        last_modified: Some("Wed, 03 Jan 2024 03:04:05 GMT".to_owned()),
    };
    for stubborn in [false, true] {
        let mut resource = file()
            .no_etag()
            .on_request(1, cut())
            .from_request(2, Fault::Become(version.clone()));
        if stubborn {
            resource = resource.on_request(2, Fault::IgnoreIfRange);
        }
        let (service, origin) = (Service::start(), Origin::start());
        fetch_at_once(&service, &origin, resource, &new.sha256()).await;
    }
    // The same tag and date, and a size that contradicts them.
    let resized = file()
        .on_request(1, cut())
        .on_request(2, Fault::RangeTotal(Some(SIZE + 1)));
    let (_service, origin) = arrives_at_once(resized).await;
    assert!(origin.requests_for("/file")[2].range.is_none(), "from 0");
    // No validator, no joining.
    let (_service, origin) = arrives_at_once(file().no_validators().on_request(1, cut())).await;
    assert!(!continued(&origin));
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
async fn s1_5_a_weak_tag_is_never_in_if_range() {
    let weak = || {
        let cut = Fault::CutAfter(SIZE / 2, Cut::Fin);
        file().etag("W/\"weak\"").on_request(1, cut)
    };
    for (resource, continued_by) in [
        (weak(), Some("Tue, 02 Jan 2024 03:04:05 GMT")),
        (weak().no_last_modified(), None),
    ] {
        let (_service, origin) = arrives_at_once(resource).await;
        let second = &origin.requests_for("/file")[1];
        assert_eq!(second.header("if-range"), continued_by);
        assert_eq!(
            second.range.is_some(),
            continued_by.is_some(),
            "else from 0"
        );
    }
}

#[tokio::test]
async fn s1_6_an_encoded_answer_is_refused_and_one_that_says_identity_is_not() {
    let coded = |coding: &str| file().always(Fault::Header("Content-Encoding", coding.to_owned()));
    for resource in [
        file().always(Fault::ForceGzip),
        coded("br"),
        coded("gzip, identity"),
    ] {
        let (_service, origin, job) = fails(resource, INVALID).await;
        assert_eq!(
            origin.requests()[0].header("accept-encoding"),
            Some("identity")
        );
        assert_eq!(job.info().await.unwrap().bytes_transferred, 0);
    }
    arrives(coded("identity")).await;
}

#[tokio::test]
async fn s1_7_a_body_that_only_the_end_of_its_connection_delimits_is_marked_unverified() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    for (path, resource, verified) in [
        ("/closed", file().always(Fault::NoLength), false),
        ("/chunked", file().always(Fault::Chunked), true),
        ("/told", file(), true),
    ] {
        let url = origin.serve(path, resource);
        let job = service.get(&manager, &url, &path[1..]).await;
        until(&job, &[JobState::Transferred]).await;
        assert_eq!(
            job.files().await.unwrap()[0].length_verified,
            verified,
            "{path}"
        );
        job.complete().await.unwrap();
        assert_eq!(sha256(&service.file(&path[1..])), file().sha256());
    }
}

#[tokio::test]
async fn s1_7_over_tls_a_body_without_length_needs_close_notify() {
    let ca = TestCa::new();
    let service = trusting(&ca);
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
async fn s1_8_without_ranges_or_a_size_a_file_is_fetched_whole_and_from_0_after_a_break() {
    let cut = || Fault::CutAfter(SIZE / 2, Cut::Fin);
    for fault in [Fault::NoRanges, Fault::IgnoreRange] {
        let (_service, origin) = arrives_at_once(file().always(fault).on_request(1, cut())).await;
        assert!(origin.bytes_sent() >= SIZE + SIZE / 2, "from 0");
    }
    let sizeless = file().always(Fault::Chunked).no_validators();
    let (_service, origin) = arrives_at_once(sizeless.on_request(1, cut())).await;
    assert!(origin.requests_for("/file")[1].range.is_none());

    // Only who asked for ranges hears of it.
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", file().always(Fault::NoRanges));
    let manager = service.manager().await;
    let range = bgcopy::ByteRange {
        offset: 1_000,
        length: 500,
    };
    let job = manager
        .create_job("a part")
        .file(FileRequest::new(&url, service.file("file")).range(range))
        .submit()
        .await
        .unwrap();
    let info = until(&job, &[JobState::Error, JobState::Transferred]).await;
    assert_eq!(info.error.map(|error| error.code.0), Some(NO_RANGES));
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

#[tokio::test]
async fn s1_10_a_wrong_checksum_is_an_error_and_resume_fetches_the_file_anew() {
    let (service, origin) = (Service::start(), Origin::start());
    let right = file();
    let other = Resource::pattern(9, SIZE);
    let (expected, total) = (right.sha256(), SIZE);
    let url = origin.serve(
        "/file",
        right.on_request(1, Fault::SpliceAfter(0, other.body().clone())),
    );
    let checksum = format!("sha256:{expected}").parse().unwrap();
    let manager = service.manager().await;
    let job = manager
        .create_job("checked")
        .priority(Priority::Foreground)
        .file(FileRequest::new(&url, service.file("file")).checksum(checksum))
        .submit()
        .await
        .unwrap();
    let info = until(&job, &[JobState::Error, JobState::Transferred]).await;
    assert_eq!(
        info.error.as_ref().map(|error| error.code.0),
        Some(MISMATCH)
    );
    assert_eq!(
        (info.files_transferred, info.bytes_transferred),
        (0, 0),
        "nothing is kept"
    );
    job.resume().await.unwrap();
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
    let requests = origin.requests_for("/file");
    assert!(
        requests[1].range.is_none() && requests[1].bytes_sent == total,
        "anew"
    );
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
