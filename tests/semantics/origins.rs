//! Section 3, What an origin does, and what comes of it: row by row. The origin speaks over real sockets.

use std::time::{Duration, Instant, SystemTime};

use bgcopy::{FileRequest, JobState, Priority};
use bgcopy_testkit::{
    TestCa,
    faulty::{Cut, Fault, Origin, Resource, RetryAfter, Version},
};

use crate::{
    fetch::{
        CLOSED, INVALID, MISMATCH, NO_RANGES, REDIRECT, SIZE, TIMEOUT, arrives, fails, fetch_right,
        file, stops, trusting,
    },
    support::{Service, sha256, until},
};

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
        Fault::RangeTotal(Some(10)),
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
async fn s3_19_a_redirect_from_https_to_http_is_refused() {
    let ca = TestCa::new();
    let service = trusting(&ca);
    let plain = Origin::start();
    let target = plain.serve("/file", file());
    let origin = Origin::start_tls(&ca);
    fetch_right(&service, &origin, file(), &file().sha256()).await;
    std::fs::remove_file(service.file("file")).unwrap();

    let down = origin.serve("/down", file().always(Fault::Redirect(302, target)));
    stops(&service, &down, JobState::Error, REDIRECT).await;
    assert!(plain.requests().is_empty());
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
async fn s3_24_a_certificate_that_is_not_trusted_is_an_error_that_names_the_host() {
    let (known, unknown) = (TestCa::new(), TestCa::new());
    let service = trusting(&known);
    let foreign = Origin::start_tls(&unknown);
    let url = foreign.serve("/file", file());
    let job = stops(&service, &url, JobState::Error, 0x8007_2F8F).await;
    let error = job.error().await.unwrap().unwrap();
    assert!(
        error.description.contains("localhost") || error.description.contains("127.0.0.1"),
        "{error:?}"
    );
}

/// No sentence speaks of these, since nobody notices them.
#[tokio::test]
async fn interim_answers_and_http_1_0_are_understood() {
    arrives(file().always(Fault::Interim(103, 2))).await;
    arrives(file().always(Fault::Http10)).await;
}
