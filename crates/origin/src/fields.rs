//! Fields of an answer's head that are read on their own: validators, framing, coding, Retry-After.

use std::time::{Duration, SystemTime};

use bgcopy_model::{Timestamp, Validator};
use http::{HeaderMap, HeaderName, Version, header, response::Parts};

use crate::{date, digest, range::number};

/// The longest time that a Retry-After is heeded.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// How the end of a body is told (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Content-Length, in bytes.
    Length(u64),
    /// The chunked coding.
    Chunked,
    /// The end of the connection.
    Close,
}

/// Whether the connection serves another request behind this answer (RFC 9112, section 9.3).
pub(crate) fn stays_open(head: &Parts) -> bool {
    let lines = head.headers.get_all(header::CONNECTION).iter();
    let mut options = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    head.version == Version::HTTP_11
        && !options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// The current time in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The value of a field that occurs once, as text.
fn single(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?.trim().to_owned();
    values.next().is_none().then_some(value)
}

/// Content-Range as text; the error is that there are several, or that it is no text.
pub(crate) fn content_range(headers: &HeaderMap) -> Result<Option<String>, ()> {
    if headers.contains_key(header::CONTENT_RANGE) {
        single(headers, &header::CONTENT_RANGE).map(Some).ok_or(())
    } else {
        Ok(None)
    }
}

/// What tells the version of the file. An entity tag of bad syntax counts as none.
pub(crate) fn validator(headers: &HeaderMap, size: Option<u64>) -> Validator {
    let last_modified = single(headers, &header::LAST_MODIFIED);
    let changed = last_modified.as_deref().and_then(date::parse);
    let sent = single(headers, &header::DATE).and_then(|text| date::parse(&text));
    Validator {
        etag: single(headers, &header::ETAG).filter(|tag| is_entity_tag(tag)),
        // Strong when the file cannot have changed again within that second (RFC 9110, section 8.8.2.2).
        last_modified_strong: changed
            .zip(sent)
            .is_some_and(|(changed, sent)| changed < sent),
        last_modified: last_modified.filter(|_| changed.is_some()),
        size,
        elsewhere: false,
        digest: digest::of_representation(headers).map(Box::new),
    }
}

/// `"…"` or `W/"…"` (RFC 9110, section 8.8.3), without bytes beyond ASCII.
fn is_entity_tag(tag: &str) -> bool {
    tag.strip_prefix("W/")
        .unwrap_or(tag)
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .is_some_and(|tag| {
            tag.bytes()
                .all(|byte| byte == b'!' || (b'#'..=b'~').contains(&byte))
        })
}

/// Last-Modified as a time.
pub(crate) fn modified(headers: &HeaderMap) -> Option<Timestamp> {
    let seconds = date::parse(&single(headers, &header::LAST_MODIFIED)?)?;
    seconds.checked_mul(1_000_000).map(Timestamp)
}

/// How long the origin asks to be left alone (RFC 9110, section 10.2.3): seconds, or until a date by the origin's
/// own clock if it tells it. At most a day.
pub(crate) fn retry_after(headers: &HeaderMap, now: u64) -> Option<Duration> {
    let text = single(headers, &header::RETRY_AFTER)?;
    let seconds = match number(&text) {
        Some(seconds) => seconds,
        // So many digits that they are no number: longer than any wait.
        None if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => u64::MAX,
        None => {
            let sent = single(headers, &header::DATE).and_then(|text| date::parse(&text));
            date::parse(&text)?.saturating_sub(sent.unwrap_or(now))
        }
    };
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// A content coding that is applied although none was accepted.
pub(crate) fn coding(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
        .map(|coding| coding.escape_ascii().to_string())
}

/// Whether ranges are served, where Accept-Ranges tells.
pub(crate) fn accepts_ranges(headers: &HeaderMap) -> Option<bool> {
    let text = single(headers, &header::ACCEPT_RANGES)?;
    if text.eq_ignore_ascii_case("none") {
        Some(false)
    } else {
        text.eq_ignore_ascii_case("bytes").then_some(true)
    }
}

/// How the body ends; the error says what is wrong. The HTTP library has checked each field for itself already.
pub(crate) fn framing(headers: &HeaderMap) -> Result<Framing, String> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => {}
        (Some(one), None) if one.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            // RFC 9112, section 6.3: whoever sends both may be smuggling one answer in another.
            return if headers.contains_key(header::CONTENT_LENGTH) {
                Err("both Content-Length and Transfer-Encoding".to_owned())
            } else {
                Ok(Framing::Chunked)
            };
        }
        (Some(one), _) => {
            let coding = one.as_bytes().escape_ascii();
            return Err(format!("the transfer coding {coding}"));
        }
    }
    let Some(length) = headers.get(header::CONTENT_LENGTH) else {
        return Ok(Framing::Close);
    };
    // Several fields, or a list, are legal while all say the same, which the library has made sure of.
    let first = length.to_str().ok().and_then(|text| text.split(',').next());
    first
        .and_then(|text| number(text.trim()))
        .map(Framing::Length)
        .ok_or_else(|| "a Content-Length that is no number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .fold(
                HeaderMap::new(),
                |mut map, (name, value): (_, http::HeaderValue)| {
                    map.append(name, value);
                    map
                },
            )
    }

    #[test]
    fn only_well_formed_entity_tags_count() {
        for (tag, good) in [
            ("\"a\"", true),
            ("\"\"", true),
            ("W/\"a\"", true),
            ("a", false),
            ("w/\"a\"", false),
            ("\"a", false),
            ("\"", false),
            ("\"a b\"", false),
            ("\"a\"b\"", false),
            ("\"é\"", false),
        ] {
            assert_eq!(is_entity_tag(tag), good, "{tag}");
        }
        let two = validator(&headers(&[("etag", "\"a\""), ("etag", "\"b\"")]), None);
        assert_eq!(two.etag, None, "two tags name no version");
    }

    #[test]
    fn a_date_is_strong_when_it_is_a_second_old() {
        let strong = |modified: &str, date: Option<&str>| {
            let mut fields = vec![("last-modified", modified)];
            fields.extend(date.map(|date| ("date", date)));
            validator(&headers(&fields), None).last_modified_strong
        };
        let second = |n| format!("Sun, 06 Nov 1994 08:49:{n:02} GMT");
        assert!(strong(&second(36), Some(&second(37))));
        assert!(!strong(&second(37), Some(&second(37))));
        assert!(!strong(&second(38), Some(&second(37))));
        assert!(!strong(&second(36), None));
        assert!(!strong("yesterday", Some(&second(37))));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_a_day() {
        let wait = |text: &str| retry_after(&headers(&[("retry-after", text)]), 784_111_777);
        assert_eq!(wait("120"), Some(Duration::from_mins(2)));
        assert_eq!(wait("0"), Some(Duration::ZERO));
        assert_eq!(wait("86401"), Some(Duration::from_hours(24)));
        assert_eq!(wait(&"9".repeat(40)), Some(Duration::from_hours(24)));
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:50:37 GMT"),
            Some(Duration::from_mins(1))
        );
        assert_eq!(wait("Sun, 06 Nov 1993 08:50:37 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("-5"), None);
        assert_eq!(wait("soon"), None);
        let by_its_clock = headers(&[
            ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"),
            ("date", "Sun, 06 Nov 1994 08:50:07 GMT"),
        ]);
        assert_eq!(retry_after(&by_its_clock, 0), Some(Duration::from_secs(30)));
    }

    #[test]
    fn framing_is_one_of_three_or_wrong() {
        let of = |fields: &[(&'static str, &str)]| framing(&headers(fields));
        assert_eq!(of(&[]), Ok(Framing::Close));
        assert_eq!(of(&[("content-length", "5")]), Ok(Framing::Length(5)));
        assert_eq!(of(&[("content-length", "5, 5")]), Ok(Framing::Length(5)));
        assert_eq!(
            of(&[("transfer-encoding", "Chunked")]),
            Ok(Framing::Chunked)
        );
        for wrong in [
            &[("transfer-encoding", "gzip, chunked")][..],
            &[
                ("transfer-encoding", "gzip"),
                ("transfer-encoding", "chunked"),
            ],
            &[("transfer-encoding", "chunked"), ("content-length", "5")],
            &[("content-length", "+5")],
        ] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_coding_that_was_not_asked_for_is_found() {
        let of = |value: &str| coding(&headers(&[("content-encoding", value)]));
        assert_eq!(of("identity"), None);
        assert_eq!(of(""), None);
        assert_eq!(of("identity, GZip"), Some("GZip".into()));
    }
}
