//! Content-Range (RFC 9110, section 14.4), read strictly: a range that is misread puts bytes in the wrong place.

/// What a Content-Range field says, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentRange {
    /// `bytes first-last/total`; a total of `*` is not known.
    Part {
        /// First byte of the part.
        start: u64,
        /// The byte after the last one of the part.
        end: u64,
        /// Size of the whole file.
        total: Option<u64>,
    },
    /// `bytes */total`: no part of the file was asked for (with status 416).
    Unsatisfied {
        /// Size of the whole file.
        total: u64,
    },
}

impl ContentRange {
    /// Reads the field; `None` when it is no valid range of bytes.
    pub(crate) fn parse(field: &str) -> Option<Self> {
        let (unit, rest) = field.trim().split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (range, total) = rest.trim().split_once('/')?;
        if range == "*" {
            return number(total).map(|total| Self::Unsatisfied { total });
        }
        let total = match total {
            "*" => None,
            digits => Some(number(digits)?),
        };
        let (first, last) = range.split_once('-')?;
        let (start, last) = (number(first)?, number(last)?);
        let end = last.checked_add(1)?;
        let valid = start <= last && total.is_none_or(|total| end <= total);
        valid.then_some(Self::Part { start, end, total })
    }
}

/// A decimal number of digits alone.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_ranges_are_read() {
        let part = |start, end, total| Some(ContentRange::Part { start, end, total });
        for (field, expected) in [
            ("bytes 0-0/1", part(0, 1, Some(1))),
            ("bytes 5-9/10", part(5, 10, Some(10))),
            ("Bytes 5-9/*", part(5, 10, None)),
            ("bytes */47", Some(ContentRange::Unsatisfied { total: 47 })),
        ] {
            assert_eq!(ContentRange::parse(field), expected, "{field}");
        }
    }

    #[test]
    fn contradictions_and_other_units_are_refused() {
        for field in [
            "",
            "bytes",
            "bytes 0-0",
            "bytes=0-0/1",
            "bytes 5-4/10",
            "bytes 5-10/10",
            "bytes -5/10",
            "bytes 5-/10",
            "bytes +5-6/10",
            "bytes 0x1-2/10",
            "bytes */*",
            "lines 1-2/3",
            "bytes 0-18446744073709551615/*",
            "bytes 0-1/99999999999999999999",
            "bytes 0-1/2, bytes 1-2/3",
        ] {
            assert_eq!(ContentRange::parse(field), None, "{field}");
        }
    }
}
