//! Every way in which an origin misbehaves, and what becomes of it.

mod common;

use std::time::Duration;

use bgcopy_model::Condition;
use bgcopy_testkit::faulty::{
    Body, Cut, Ended, Fault, Origin, Resource, RetryAfter, Seen, Version,
};
use bgcopy_transfer::{Chunk, Source as _, Want, next_chunk};
use common::*;

const LEN: u64 = 300_000;

fn file() -> Resource {
    Resource::pattern(1, LEN)
}

/// The failure of a fetch of the whole file, or of the range given, under a fault.
async fn refused_with(fault: Fault, want: &Want) -> bgcopy_transfer::Failure {
    let origin = Origin::start();
    let url = origin.serve("/f", file().always(fault));
    refused(&source(&url), want).await
}

#[tokio::test]
async fn a_connection_cut_at_any_byte_delivers_what_came_and_no_more() {
    let origin = Origin::start();
    let content = file().body().to_vec();
    for cut in [Cut::Fin, Cut::CloseNotify, Cut::Reset] {
        for at in [0, 1, 8191, 8192, 65_537, LEN - 1] {
            for framed in [None, Some(Fault::Chunked)] {
                let mut resource = file().always(Fault::CutAfter(at, cut));
                if let Some(framing) = framed {
                    resource = resource.always(framing);
                }
                let source = source(&origin.serve("/f", resource));
                let (bytes, failure) = broken(&source, &Want::whole()).await;
                assert_failure(
                    &failure,
                    Condition::ConnectionClosed,
                    "closed the connection after",
                );
                assert!(bytes.len() as u64 <= at && content.starts_with(&bytes));
                if cut != Cut::Reset {
                    assert_eq!(bytes.len() as u64, at, "nothing that came is lost");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_connection_cut_in_the_head_is_closed_without_an_answer() {
    for at in [0, 1, 12, 40] {
        for cut in [Cut::Fin, Cut::Reset] {
            let failure = refused_with(Fault::CutInHeader(at, cut), &Want::whole()).await;
            assert_failure(
                &failure,
                Condition::ConnectionClosed,
                "before it had answered",
            );
        }
    }
}

#[tokio::test]
async fn silence_in_the_head_or_the_body_ends_in_a_timeout() {
    let origin = Origin::start();
    let head = async |path, at| {
        let url = origin.serve(path, file().always(Fault::StallInHeader(at)));
        let failure = refused(&impatient().source(target(&url)), &Want::whole()).await;
        assert_failure(&failure, Condition::Timeout, "sent nothing for 1500 ms");
    };
    let body = async |path, at| {
        let url = origin.serve(path, file().always(Fault::StallAfter(at)));
        let source = impatient().source(target(&url));
        let (bytes, failure) = broken(&source, &Want::whole()).await;
        assert_failure(&failure, Condition::Timeout, "sent nothing for 1500 ms");
        assert_eq!(bytes.len() as u64, at);
    };
    tokio::join!(
        head("/none", 0),
        head("/some", 20),
        body("/head", 0),
        body("/part", 1000)
    );
}

#[tokio::test]
async fn a_body_in_drops_is_no_silence() {
    let origin = Origin::start();
    let drops = Fault::SlowLoris(1, PATIENCE / 15);
    let url = origin.serve(
        "/f",
        Resource::new("abcdefghijklmnopqrstuvwxyz").always(drops),
    );
    // The whole takes longer than the patience; each drop comes well within it.
    let fetched = fetch(&impatient().source(target(&url)), &Want::whole())
        .await
        .unwrap();
    assert_eq!((fetched.bytes.len(), fetched.end), (26, Ok(true)));
}

#[tokio::test]
async fn a_reader_that_is_slow_is_not_an_origin_that_is_silent() {
    let origin = Origin::start();
    let url = origin.serve("/f", file());
    let source = impatient().source(target(&url));
    let mut answer = within(source.fetch(&Want::whole())).await.unwrap();
    let chunk = within(next_chunk(answer.body.as_mut())).await.unwrap();
    let Chunk::Data(first) = chunk else {
        panic!("{chunk:?}");
    };
    tokio::time::sleep(PATIENCE * 2).await;
    let (rest, end) = within(drain(answer.body.as_mut())).await;
    assert_eq!(((first.len() + rest.len()) as u64, end), (LEN, Ok(true)));
}

#[tokio::test]
async fn statuses_are_told_with_the_time_that_the_origin_asks_for() {
    let hour = std::time::SystemTime::now() + Duration::from_hours(1);
    for (status, told, wait) in [
        (500, None, None..=None),
        (503, None, None..=None),
        (404, None, None..=None),
        (403, None, None..=None),
        (401, None, None..=None),
        (429, Some(RetryAfter::Seconds(7)), secs(7)..=secs(7)),
        (503, Some(RetryAfter::Seconds(120)), secs(120)..=secs(120)),
        (
            503,
            Some(RetryAfter::Seconds(999_999)),
            secs(86_400)..=secs(86_400),
        ),
        (503, Some(RetryAfter::Date(hour)), secs(3_500)..=secs(3_601)),
        (503, Some(RetryAfter::Raw("soon")), None..=None),
    ] {
        let failure = refused_with(Fault::Status(status, told.clone()), &Want::whole()).await;
        assert_failure(&failure, Condition::HttpStatus(status), &status.to_string());
        assert!(failure.detail.contains("/f") && failure.detail.contains("127.0.0.1"));
        assert!(
            wait.contains(&failure.retry_after),
            "{status} {told:?}: {failure:?}"
        );
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "an end of a range of optional durations"
)]
fn secs(n: u64) -> Option<Duration> {
    Some(Duration::from_secs(n))
}

#[tokio::test]
async fn successes_that_bring_no_file_are_invalid() {
    for status in [201, 204, 205, 300, 304] {
        let failure = refused_with(Fault::status(status), &Want::whole()).await;
        assert_failure(&failure, Condition::InvalidResponse, &status.to_string());
    }
}

#[tokio::test]
async fn a_length_that_is_too_long_breaks_off_and_one_too_short_poisons_the_connection() {
    let origin = Origin::start();
    let url = origin.serve("/f", file().always(Fault::LyingLength(5)));
    let (bytes, failure) = broken(&source(&url), &Want::whole()).await;
    assert_eq!(bytes.len() as u64, LEN);
    let told = format!("{LEN} of {} bytes", LEN + 5);
    assert_failure(&failure, Condition::ConnectionClosed, &told);

    let source = source(&origin.serve("/f", file().on_request(1, Fault::LyingLength(-5))));
    let fetched = fetch(&source, &Want::whole()).await.unwrap();
    // Nothing tells that this is not the file, as long as no size was known before.
    assert_eq!(
        (fetched.bytes.len() as u64, fetched.end),
        (LEN - 5, Ok(true))
    );
    let next = fetch(&source, &Want::whole()).await.unwrap();
    assert_eq!(
        next.bytes,
        file().body().to_vec(),
        "the bytes too many are in no answer"
    );
    let seen = origin.requests_for("/f");
    let last = &seen[seen.len() - 2..];
    assert_ne!(last[0].connection, last[1].connection);
    // Resumed, it is another version, since the size differs.
    let failure = refused(&source, &resume(100, &fetched.answer.version)).await;
    assert_failure(&failure, Condition::RemoteFileChanged, "another version");
}

#[tokio::test]
async fn a_range_that_is_ignored_starts_again_unless_it_must_be_that_range() {
    let origin = Origin::start();
    for (fault, ranges) in [(Fault::IgnoreRange, false), (Fault::NoRanges, false)] {
        let source = source(&origin.serve("/f", file().always(fault)));
        let fetched = fetch(&source, &range(100, 200)).await.unwrap();
        assert_eq!((fetched.answer.start, fetched.answer.end), (0, Some(LEN)));
        assert_eq!(fetched.answer.facts.ranges, Some(ranges));
        assert_eq!(fetched.bytes, file().body().to_vec());
        let failure = refused(&source, &exact(100, 200)).await;
        assert_failure(&failure, Condition::InsufficientRangeSupport, "/f");
        let all = fetch(&source, &exact(0, LEN)).await.unwrap();
        assert_eq!((all.answer.start, all.end), (0, Ok(true)));
    }
}

#[tokio::test]
async fn a_range_that_is_not_the_one_asked_for_is_invalid() {
    for fault in [
        Fault::ShiftRange {
            content: 7,
            header: 7,
        },
        Fault::ShiftRange {
            content: 0,
            header: 7,
        },
        Fault::ShiftRange {
            content: 0,
            header: -7,
        },
        Fault::NoContentRange,
        Fault::MultipartRange,
        Fault::RangeTotal(Some(150)),
        Fault::LyingLength(5),
    ] {
        let failure = refused_with(fault.clone(), &exact(100, 200)).await;
        assert_failure(&failure, Condition::InvalidResponse, "not valid");
    }
}

#[tokio::test]
async fn a_shorter_range_and_an_unknown_total_are_legal() {
    let origin = Origin::start();
    let resource = file()
        .always(Fault::ShortRange(10))
        .always(Fault::RangeTotal(None));
    let fetched = fetch(&source(&origin.serve("/f", resource)), &exact(100, 200))
        .await
        .unwrap();
    assert_eq!((fetched.answer.start, fetched.answer.end), (100, Some(110)));
    assert_eq!(fetched.answer.version.size, None);
    assert_eq!(fetched.bytes, file().body().to_vec()[100..110]);
}

#[tokio::test]
async fn a_version_that_changes_between_requests_is_never_mixed_with_the_first() {
    let origin = Origin::start();
    let other = Version::of(Body::Pattern { seed: 2, len: LEN });
    let second = other.body.to_vec();
    let changes = |fault: Fault| {
        let resource = file().from_request(2, Fault::Become(other.clone()));
        source(&origin.serve("/f", resource.from_request(2, fault)))
    };
    // The origin understands If-Range and sends the other version whole.
    let source = changes(Fault::Delay(Duration::ZERO));
    let version = fetch(&source, &range(0, 100)).await.unwrap().answer.version;
    let rest = fetch(&source, &resume(100, &version)).await.unwrap();
    assert_eq!(rest.answer.start, 0, "the file starts again");
    assert_eq!(rest.bytes, second);
    assert_eq!(rest.answer.facts.ranges, Some(true));
    assert!(!version.same_version(&rest.answer.version));
    let wanted = Want {
        end: Some(200),
        exact: true,
        ..resume(100, &version)
    };
    let failure = refused(&source, &wanted).await;
    assert_failure(&failure, Condition::RemoteFileChanged, "another version");
    // It does not, and sends a part of the other version.
    let source = changes(Fault::IgnoreIfRange);
    let version = fetch(&source, &range(0, 100)).await.unwrap().answer.version;
    let failure = refused(&source, &resume(100, &version)).await;
    assert_failure(&failure, Condition::RemoteFileChanged, "another version");
}

#[tokio::test]
async fn without_a_strong_validator_nothing_is_resumed() {
    let origin = Origin::start();
    for resource in [
        file().no_validators(),
        file().no_last_modified().etag("W/\"1\""),
        file().no_last_modified().etag("unquoted"),
    ] {
        let source = source(&origin.serve("/f", resource));
        let version = fetch(&source, &range(0, 100)).await.unwrap().answer.version;
        let again = fetch(&source, &resume(100, &version)).await.unwrap();
        assert_eq!((again.answer.start, again.bytes.len() as u64), (0, LEN));
        let seen = origin.requests().pop().unwrap();
        assert_eq!(
            (seen.header("Range"), seen.header("If-Range")),
            (None, None)
        );
    }
}

#[tokio::test]
async fn a_file_that_shrank_has_changed() {
    let origin = Origin::start();
    let source =
        source(&origin.serve("/f", file().from_request(2, Fault::Unsatisfiable(Some(50)))));
    let version = fetch(&source, &range(0, 100)).await.unwrap().answer.version;
    let failure = refused(&source, &resume(100, &version)).await;
    assert_failure(&failure, Condition::RemoteFileChanged, "another version");
}

#[tokio::test]
async fn an_encoded_body_is_refused_by_the_name_of_its_coding() {
    for want in [Want::whole(), range(5, 9)] {
        let failure = refused_with(Fault::ForceGzip, &want).await;
        assert_failure(&failure, Condition::InvalidResponse, "gzip");
    }
}

#[tokio::test]
async fn a_body_in_chunks_is_verified_and_of_unknown_size() {
    let origin = Origin::start();
    let fetched = whole(&origin.serve("/f", file().always(Fault::Chunked))).await;
    assert_eq!(fetched.bytes, file().body().to_vec());
    assert_eq!(
        (fetched.answer.end, fetched.answer.version.size),
        (None, None)
    );
    let url = origin.serve("/f", file().always(Fault::BadChunk(1000)));
    let (bytes, failure) = broken(&source(&url), &Want::whole()).await;
    assert_failure(&failure, Condition::InvalidResponse, "malformed");
    assert!(bytes.len() <= 1000);
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_not_verified() {
    let origin = Origin::start();
    for fault in [Fault::NoLength, Fault::Http10] {
        let mut resource = file().always(fault.clone());
        if fault == Fault::Http10 {
            resource = resource.always(Fault::NoLength);
        }
        let fetched = fetch(&source(&origin.serve("/f", resource)), &Want::whole())
            .await
            .unwrap();
        assert_eq!((fetched.bytes.len() as u64, fetched.end), (LEN, Ok(false)));
        assert_eq!(fetched.answer.version.size, None);
    }
    // A part says in its Content-Range where it ends.
    let url = origin.serve("/f", file().always(Fault::NoLength));
    let fetched = fetch(&source(&url), &exact(0, 100)).await.unwrap();
    assert_eq!((fetched.bytes.len(), fetched.end), (100, Ok(true)));
    let cut = file()
        .always(Fault::NoLength)
        .always(Fault::CutAfter(50, Cut::Fin));
    let (bytes, failure) = broken(&source(&origin.serve("/f", cut)), &exact(0, 100)).await;
    assert_failure(
        &failure,
        Condition::ConnectionClosed,
        "after 50 of 100 bytes",
    );
    assert_eq!(bytes.len(), 50);
}

#[tokio::test]
async fn an_http_1_0_answer_with_a_length_is_complete() {
    let origin = Origin::start();
    let fetched = whole(&origin.serve("/f", file().always(Fault::Http10))).await;
    assert_eq!(fetched.bytes.len() as u64, LEN);
    assert!(fetched.answer.facts.head.starts_with("HTTP/1.0 200 OK\r\n"));
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let origin = Origin::start();
    for code in [100, 102, 103] {
        let resource = file().always(Fault::Interim(code, 3));
        assert_eq!(
            whole(&origin.serve("/f", resource)).await.bytes.len() as u64,
            LEN
        );
    }
}

#[tokio::test]
async fn header_bombs_and_what_is_no_http_are_invalid() {
    for fault in [
        Fault::ManyHeaders(200),
        Fault::ManyHeaders(100_000),
        Fault::HugeHeader(100_000),
        Fault::HugeHeader(20_000_000),
        Fault::HugeStatusLine(100_000),
        Fault::Garbage("SSH-2.0-OpenSSH_9.2p1\r\n".into()),
        Fault::Garbage("<html>hello</html>\n".into()),
        Fault::RawHeaderLine("no colon here".into()),
        Fault::RawHeaderLine("X-Nul: a\0b".into()),
        Fault::RawHeaderLine("Content-Length: nonsense".into()),
        Fault::Header("Content-Length", "17".into()),
        Fault::Header("Transfer-Encoding", "gzip, chunked".into()),
        Fault::Header("Transfer-Encoding", "chunked".into()),
    ] {
        let failure = refused_with(fault.clone(), &Want::whole()).await;
        assert_failure(&failure, Condition::InvalidResponse, "valid");
    }
}

#[tokio::test]
async fn a_large_but_decent_head_is_accepted() {
    let origin = Origin::start();
    let resource = file()
        .always(Fault::ManyHeaders(80))
        .always(Fault::HugeHeader(40_000));
    let fetched = whole(&origin.serve("/f", resource)).await;
    assert!(fetched.answer.facts.head.len() > 40_000);
}

#[tokio::test]
async fn a_connection_that_closes_after_each_answer_is_replaced() {
    let origin = Origin::start();
    for announced in [true, false] {
        let source =
            source(&origin.serve("/f", file().always(Fault::CloseAfterwards { announced })));
        for _ in 0..4 {
            let fetched = fetch(&source, &Want::whole()).await.unwrap();
            assert_eq!(fetched.end, Ok(true), "announced: {announced}");
        }
    }
    assert_eq!(origin.requests().len(), 8);
    // The client has the last byte before the origin writes down that it was sent.
    let all = |seen: &[Seen]| seen.iter().all(|seen| seen.ended == Some(Ended::Complete));
    within(origin.until(all)).await;
}

#[tokio::test]
async fn an_origin_that_is_not_there_is_named() {
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let failure = refused(
        &source(&format!("http://127.0.0.1:{port}/f")),
        &Want::whole(),
    )
    .await;
    let place = format!("127.0.0.1:{port}");
    assert_failure(&failure, Condition::ConnectFailure, &place);
    // RFC 2606 keeps this name from ever existing.
    let failure = refused(&source("http://no-such-host.invalid/f"), &Want::whole()).await;
    assert_failure(&failure, Condition::NameNotResolved, "no-such-host.invalid");
}
