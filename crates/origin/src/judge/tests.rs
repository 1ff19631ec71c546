//! One case for every row of what an answer can be.

use http::Response;

use super::*;

const OK: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn head(status: u16, fields: &[(&str, &str)]) -> Parts {
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    response.body(()).unwrap().into_parts().0
}

fn want(start: u64, end: Option<u64>) -> Want {
    Want {
        start,
        end,
        version: None,
        exact: false,
    }
}

fn tagged(etag: &str, size: u64) -> Validator {
    Validator {
        etag: Some(etag.into()),
        size: Some(size),
        ..Validator::default()
    }
}

fn dated(size: u64) -> Validator {
    Validator {
        last_modified: Some(OK.into()),
        last_modified_strong: true,
        size: Some(size),
        ..Validator::default()
    }
}

fn resume(start: u64, version: Validator) -> Want {
    Want {
        version: Some(version),
        ..want(start, None)
    }
}

fn exact(want: Want) -> Want {
    Want {
        exact: true,
        ..want
    }
}

fn judged(want: &Want, status: u16, fields: &[(&str, &str)]) -> Result<Verdict, Failure> {
    let url: Url = "http://h/dir/file?signature=secret".parse().unwrap();
    let question = Question {
        want,
        ask: &Ask::new(want).unwrap(),
        host: &Endpoint::of(&url).unwrap(),
        url: &url,
        now: 784_111_777,
    };
    let verdict = judge(&question, &head(status, fields));
    if let Err(failure) = &verdict {
        assert!(!failure.detail.contains("secret"), "{}", failure.detail);
        assert!(failure.detail.contains('h'), "{}", failure.detail);
    }
    verdict
}

#[track_caller]
fn bytes(verdict: Result<Verdict, Failure>) -> Bytes {
    match verdict {
        Ok(Verdict::Bytes(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn condition(verdict: Result<Verdict, Failure>) -> Condition {
    verdict.unwrap_err().condition
}

#[test]
fn a_plain_answer_is_the_whole_file() {
    let fields = [
        ("content-length", "10"),
        ("etag", "\"a\""),
        ("last-modified", "Sun, 06 Nov 1994 08:00:00 GMT"),
        ("date", OK),
        ("accept-ranges", "bytes"),
        ("content-disposition", "attachment; filename=../x.txt"),
    ];
    for status in [200, 203] {
        let bytes = bytes(judged(&want(0, None), status, &fields));
        assert_eq!((bytes.start, bytes.end), (0, Some(10)));
        assert_eq!(bytes.version.strong_etag(), Some("\"a\""));
        assert!(bytes.version.last_modified_strong);
        assert_eq!(bytes.version.size, Some(10));
        assert_eq!(bytes.facts.name.as_deref(), Some("x.txt"));
        assert_eq!(bytes.facts.ranges, Some(true));
        assert_eq!(bytes.facts.modified.unwrap().seconds(), 784_108_800);
        assert!(bytes.facts.head.contains("etag: \"a\"\r\n"));
    }
}

#[test]
fn a_part_is_checked_against_the_question() {
    use Condition::InvalidResponse as Invalid;
    let part = |want: &Want, range: &str, length: &str| {
        let fields = [("content-range", range), ("content-length", length)];
        judged(want, 206, &fields)
    };
    let some = want(3, Some(8));
    let found = bytes(part(&some, "bytes 3-7/10", "5"));
    assert_eq!((found.start, found.end), (3, Some(8)));
    assert_eq!(found.version.size, Some(10));
    assert_eq!(found.facts.ranges, Some(true));
    assert_eq!(
        bytes(part(&some, "bytes 3-5/*", "3")).end,
        Some(6),
        "shorter is legal"
    );
    assert_eq!(
        bytes(part(&want(3, None), "bytes 3-8/10", "6")).end,
        Some(9)
    );

    assert_eq!(
        condition(part(&some, "bytes 4-7/10", "4")),
        Invalid,
        "shifted"
    );
    assert_eq!(
        condition(part(&some, "bytes 3-8/10", "6")),
        Invalid,
        "too long"
    );
    assert_eq!(
        condition(part(&some, "bytes 3-7/10", "4")),
        Invalid,
        "length"
    );
    assert_eq!(condition(part(&some, "bytes 3-7/7", "5")), Invalid, "total");
    assert_eq!(condition(part(&some, "bytes */10", "5")), Invalid);
    assert_eq!(condition(judged(&some, 206, &[])), Invalid, "no range");
    let twice = [
        ("content-range", "bytes 3-7/10"),
        ("content-range", "bytes 3-7/10"),
    ];
    assert_eq!(condition(judged(&some, 206, &twice)), Invalid);
    let multipart = [
        ("content-type", "Multipart/Byteranges; boundary=x"),
        ("content-range", "bytes 3-7/10"),
    ];
    assert_eq!(condition(judged(&some, 206, &multipart)), Invalid);
    assert_eq!(
        condition(part(&want(0, None), "bytes 0-9/10", "10")),
        Invalid,
        "nobody asked for a part"
    );
}

#[test]
fn a_part_of_another_version_is_refused() {
    let changed = Condition::RemoteFileChanged;
    let part = |want: &Want, range: &str, more: &[(&str, &str)]| {
        let mut fields = vec![("content-range", range)];
        fields.extend(more);
        judged(want, 206, &fields)
    };
    let tag = resume(5, tagged("\"a\"", 10));
    assert_eq!(
        bytes(part(&tag, "bytes 5-9/10", &[("etag", "\"a\"")])).start,
        5
    );
    assert_eq!(
        bytes(part(&tag, "bytes 5-9/*", &[("etag", "\"a\"")]))
            .version
            .size,
        Some(10),
        "the size that is known stays known"
    );
    assert_eq!(
        condition(part(&tag, "bytes 5-9/10", &[("etag", "\"b\"")])),
        changed
    );
    assert_eq!(
        condition(part(&tag, "bytes 5-9/11", &[("etag", "\"a\"")])),
        changed
    );
    assert_eq!(
        condition(part(&tag, "bytes 5-9/10", &[("etag", "W/\"a\"")])),
        changed
    );
    assert_eq!(
        condition(part(&tag, "bytes 5-9/10", &[])),
        changed,
        "no tag"
    );
    // The version is looked at first: the file starts again instead of failing for good.
    assert_eq!(
        condition(part(&tag, "bytes 6-9/10", &[("etag", "\"b\"")])),
        changed
    );

    let date = resume(5, dated(10));
    assert_eq!(
        bytes(part(&date, "bytes 5-9/10", &[("last-modified", OK)])).start,
        5
    );
    assert_eq!(
        bytes(part(&date, "bytes 5-9/10", &[])).version,
        dated(10),
        "an answer to If-Range may leave the date out"
    );
    assert_eq!(condition(part(&date, "bytes 5-10/11", &[])), changed);
    assert_eq!(condition(part(&date, "bytes 5-9/*", &[])), changed);
    let later = [("last-modified", "Sun, 06 Nov 1994 08:49:38 GMT")];
    assert_eq!(condition(part(&date, "bytes 5-9/10", &later)), changed);
}

#[test]
fn the_whole_file_in_answer_to_a_range_is_used_where_it_can_be() {
    let whole =
        |want: &Want, etag: &str| judged(want, 200, &[("content-length", "10"), ("etag", etag)]);
    let insufficient = Condition::InsufficientRangeSupport;
    let found = bytes(whole(&want(5, None), "\"a\""));
    assert_eq!((found.start, found.end), (0, Some(10)));
    assert_eq!(found.facts.ranges, Some(false));
    // Another version says nothing about ranges.
    let other = bytes(whole(&resume(5, tagged("\"b\"", 10)), "\"a\""));
    assert_eq!((other.start, other.facts.ranges), (0, None));

    assert_eq!(
        condition(whole(&exact(want(5, None)), "\"a\"")),
        insufficient
    );
    assert_eq!(
        condition(whole(&exact(want(0, Some(9))), "\"a\"")),
        insufficient
    );
    assert_eq!(bytes(whole(&exact(want(0, None)), "\"a\"")).start, 0);
    assert_eq!(bytes(whole(&exact(want(0, Some(10))), "\"a\"")).start, 0);
    let same = exact(resume(5, tagged("\"a\"", 10)));
    assert_eq!(condition(whole(&same, "\"a\"")), insufficient);
    assert_eq!(
        condition(whole(&same, "\"b\"")),
        Condition::RemoteFileChanged
    );
    let unknown = judged(&exact(want(0, Some(10))), 200, &[]);
    assert_eq!(condition(unknown), insufficient, "it could be longer");
}

#[test]
fn bytes_of_another_url_go_on_where_size_and_date_are_the_same_and_nowhere_else() {
    let known = Validator {
        etag: Some("\"old\"".into()),
        ..dated(10)
    };
    let resume = resume(4, known.moved());
    let later = "Sun, 06 Nov 1994 09:00:00 GMT";
    let part = |fields: &[(&str, &str)]| {
        let range = [("content-range", "bytes 4-9/10"), ("content-length", "6")];
        judged(&resume, 206, &[&range[..], fields].concat())
    };
    let same = [("etag", "\"new\""), ("last-modified", OK), ("date", later)];
    match part(&same) {
        Ok(Verdict::Bytes(bytes)) => {
            let expected = Validator {
                etag: Some("\"new\"".into()),
                ..dated(10)
            };
            assert_eq!((bytes.start, bytes.version), (4, expected));
        }
        other => panic!("{other:?}"),
    }
    let changed = Condition::RemoteFileChanged;
    for fields in [
        &[][..],
        &[("etag", "\"old\"")],
        &[
            ("last-modified", later),
            ("date", "Sun, 06 Nov 1994 10:00:00 GMT"),
        ],
        // Too fresh to tell two changes in a second apart.
        &[("last-modified", OK), ("date", OK)],
    ] {
        assert_eq!(condition(part(fields)), changed, "{fields:?}");
    }
    let at_end = Want {
        start: 10,
        ..resume
    };
    let nothing = |fields: &[(&str, &str)]| {
        judged(
            &at_end,
            416,
            &[&[("content-range", "bytes */10")][..], fields].concat(),
        )
    };
    assert_eq!(condition(nothing(&[])), changed);
    match nothing(&same) {
        Ok(Verdict::Nothing { version, .. }) => assert!(!version.elsewhere),
        other => panic!("{other:?}"),
    }
}

#[test]
fn not_satisfiable_means_the_end_a_change_or_a_mistake() {
    let unsatisfied = |want: &Want, total: &str| {
        let range = format!("bytes */{total}");
        judged(want, 416, &[("content-range", &range)])
    };
    let tag = |size| tagged("\"a\"", size);
    for want in [
        resume(10, tag(10)),
        exact(resume(10, tag(10))),
        want(10, None),
        resume(
            10,
            Validator {
                size: None,
                ..tag(0)
            },
        ),
    ] {
        match unsatisfied(&want, "10") {
            Ok(Verdict::Nothing { at, version, .. }) => {
                assert_eq!((at, version.size), (10, Some(10)));
            }
            other => panic!("{want:?}: {other:?}"),
        }
    }
    let changed = Condition::RemoteFileChanged;
    assert_eq!(condition(unsatisfied(&resume(10, tag(10)), "7")), changed);
    assert_eq!(condition(unsatisfied(&resume(5, tag(10)), "5")), changed);
    assert_eq!(condition(unsatisfied(&want(10, None), "7")), changed);
    let other_tag = [("content-range", "bytes */10"), ("etag", "\"b\"")];
    assert_eq!(
        condition(judged(&resume(10, tag(10)), 416, &other_tag)),
        changed
    );
    assert_eq!(
        condition(unsatisfied(&resume(5, tag(10)), "10")),
        Condition::InvalidResponse,
        "there are bytes there"
    );
    assert_eq!(
        condition(unsatisfied(&exact(want(10, Some(12))), "10")),
        Condition::InvalidRange
    );
    assert_eq!(
        condition(unsatisfied(&exact(want(10, None)), "7")),
        Condition::InvalidRange
    );
    assert_eq!(
        condition(judged(&exact(want(10, None)), 416, &[])),
        Condition::InvalidRange
    );
    assert_eq!(condition(judged(&resume(10, tag(20)), 416, &[])), changed);
    assert_eq!(
        condition(judged(&want(0, None), 416, &[])),
        Condition::HttpStatus(416),
        "no range was asked for"
    );
}

#[test]
fn statuses_without_bytes_fail_by_their_kind() {
    for status in [201, 202, 204, 205, 300, 304, 305, 306] {
        assert_eq!(
            condition(judged(&want(0, None), status, &[])),
            Condition::InvalidResponse,
            "{status}"
        );
    }
    for status in [400, 401, 403, 404, 407, 410, 429, 500, 501, 503, 599, 999] {
        assert_eq!(
            condition(judged(&want(0, None), status, &[])),
            Condition::HttpStatus(status)
        );
    }
    let failure = judged(&want(0, None), 404, &[]).unwrap_err();
    assert_eq!(failure.detail, "h answered 404 Not Found for /dir/file");
    assert_eq!(failure.retry_after, None);
    let failure = judged(&want(0, None), 503, &[("retry-after", "7")]).unwrap_err();
    assert_eq!(failure.retry_after, Some(std::time::Duration::from_secs(7)));
}

#[test]
fn redirects_need_a_location() {
    for status in [301, 302, 303, 307, 308] {
        let verdict = judged(&want(0, None), status, &[("location", "/x")]);
        assert_eq!(verdict, Ok(Verdict::Redirect("/x".into())));
        assert_eq!(
            condition(judged(&want(0, None), status, &[])),
            Condition::InvalidResponse
        );
    }
}

#[test]
fn codings_that_were_not_asked_for_are_refused_by_name() {
    for (status, range) in [(200, None), (206, Some(("content-range", "bytes 5-9/10")))] {
        let mut fields = vec![("content-encoding", "gzip")];
        fields.extend(range);
        let failure = judged(&want(5, None), status, &fields).unwrap_err();
        assert_eq!(failure.condition, Condition::InvalidResponse);
        assert!(failure.detail.contains("gzip"), "{}", failure.detail);
    }
    let fields = [("transfer-encoding", "gzip, chunked")];
    assert_eq!(
        condition(judged(&want(0, None), 200, &fields)),
        Condition::InvalidResponse
    );
}
