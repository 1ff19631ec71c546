//! Spans of time, as people write and read them.

use std::time::Duration;

/// The units that are read, the longest first, with their seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads `90s`, `10m`, `2h`, `14d` and sums of them such as `1h30m`; a bare `0` needs no unit.
///
/// # Errors
/// A sentence that says how to write it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || format!("{text:?} is no duration; write for example 90s, 10m, 2h or 14d");
    if text.is_empty() {
        return Err(wrong());
    }
    let (mut seconds, mut rest) = (0u64, text);
    while !rest.is_empty() {
        let at = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..at].parse().map_err(|_| wrong())?;
        let mut tail = rest[at..].chars();
        let unit = tail.next().ok_or_else(wrong)?;
        let (_, factor) = UNITS
            .into_iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wrong)?;
        seconds = number
            .checked_mul(factor)
            .and_then(|part| seconds.checked_add(part))
            .ok_or_else(wrong)?;
        rest = tail.as_str();
    }
    Ok(Duration::from_secs(seconds))
}

/// A span in its two largest units: `45 s`, `3 min 20 s`, `2 h 5 min`, `14 d`.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let (large, small, each) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => (("min", 60), "s", 1),
        3_600..86_400 => (("h", 3_600), "min", 60),
        _ => (("d", 86_400), "h", 3_600),
    };
    let (unit, factor) = large;
    match seconds % factor / each {
        0 => format!("{} {unit}", seconds / factor),
        rest => format!("{} {unit} {rest} {small}", seconds / factor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, seconds) in [
            ("0", 0),
            ("90s", 90),
            ("10m", 600),
            ("2h", 7_200),
            ("14d", 1_209_600),
            ("1h30m", 5_400),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_an_example() {
        for text in [
            "",
            "5",
            "s",
            "5x",
            "-1s",
            "1.5h",
            "5 s",
            "99999999999999999999d",
            "5é",
        ] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains("90s"), "{text}: {error}");
        }
    }

    #[test]
    fn durations_are_told_in_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (200, "3 min 20 s"),
            (7_500, "2 h 5 min"),
            (1_209_600, "14 d"),
            (90_061, "1 d 1 h"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
