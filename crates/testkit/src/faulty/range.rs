//! Which bytes a request for a range means (RFC 9110, sections 13.1.5 and 14.1).
//!
//! Owns the honest reading of Range and If-Range; faults are applied afterwards, by `plan`.

use std::time::{Duration, SystemTime};

use super::date;
use super::fault::Version;

/// What a Range field asks of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The whole content: no range, several ranges, or a field that is not understood.
    Whole,
    /// The bytes from the first to the last offset, inclusive.
    Part(u64, u64),
    /// Nothing of the content.
    Unsatisfiable,
}

/// Reads a Range field against a content of `total` bytes.
pub(super) fn asked(range: Option<&str>, total: u64) -> Asked {
    let Some((first, last)) = range
        .and_then(|value| value.strip_prefix("bytes="))
        .filter(|set| !set.contains(','))
        .and_then(|spec| spec.trim().split_once('-'))
    else {
        return Asked::Whole;
    };
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => Asked::Whole,
        (Ok(first), _) if first >= total => Asked::Unsatisfiable,
        (Ok(first), Ok(last)) => Asked::Part(first, last.min(total - 1)),
        (Ok(first), Err(_)) if last.is_empty() => Asked::Part(first, total - 1),
        (Err(_), Ok(suffix)) if first.is_empty() => {
            if suffix == 0 || total == 0 {
                Asked::Unsatisfiable
            } else {
                Asked::Part(total.saturating_sub(suffix), total - 1)
            }
        }
        _ => Asked::Whole,
    }
}

/// Whether If-Range allows a part to be sent: it names the version by a strong comparison.
pub(super) fn if_range_holds(if_range: Option<&str>, version: &Version, now: SystemTime) -> bool {
    let Some(condition) = if_range else {
        return true;
    };
    if condition.starts_with('"') {
        return version.etag.as_deref() == Some(condition);
    }
    // A date is strong only if the content cannot have changed twice within its second (section 8.8.2.2).
    version.last_modified.as_deref() == Some(condition)
        && date::parse(condition).is_some_and(|date| date + Duration::from_secs(1) <= now)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Asked, Version, asked, if_range_holds};
    use crate::faulty::http_date;

    #[test]
    fn ranges_mean_what_the_rfc_says() {
        let cases = [
            ("bytes=0-0", Asked::Part(0, 0)),
            ("bytes=2-4", Asked::Part(2, 4)),
            ("bytes=8-99", Asked::Part(8, 9)),
            ("bytes=3-", Asked::Part(3, 9)),
            ("bytes=-4", Asked::Part(6, 9)),
            ("bytes=-40", Asked::Part(0, 9)),
            ("bytes=10-", Asked::Unsatisfiable),
            ("bytes=-0", Asked::Unsatisfiable),
            ("bytes=4-2", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("bytes=x-", Asked::Whole),
        ];
        for (field, expected) in cases {
            assert_eq!(asked(Some(field), 10), expected, "{field}");
        }
        assert_eq!(asked(None, 10), Asked::Whole);
        assert_eq!(asked(Some("bytes=0-"), 0), Asked::Unsatisfiable);
        assert_eq!(asked(Some("bytes=-1"), 0), Asked::Unsatisfiable);
    }

    #[test]
    fn if_range_compares_strongly() {
        let now = SystemTime::now();
        let mut version = Version::of("x");
        version.etag = Some("W/\"1\"".to_owned());
        assert!(if_range_holds(None, &version, now));
        assert!(!if_range_holds(Some("W/\"1\""), &version, now), "weak");
        assert!(
            !if_range_holds(Some("\"1\""), &version, now),
            "weak against strong"
        );
        version.etag = Some("\"1\"".to_owned());
        assert!(if_range_holds(Some("\"1\""), &version, now));
        let old = version.last_modified.clone();
        assert!(
            if_range_holds(old.as_deref(), &version, now),
            "an old date is strong"
        );
        let fresh = http_date(now + Duration::from_secs(1));
        version.last_modified = Some(fresh.clone());
        assert!(
            !if_range_holds(Some(&fresh), &version, now),
            "a date of this second is weak"
        );
    }
}
