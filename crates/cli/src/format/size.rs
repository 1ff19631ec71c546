//! Sizes in bytes, with binary units and three significant digits.

use std::time::Duration;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A number of bytes: `512 B`, `1.75 KiB`, `64.0 MiB`.
pub fn size(bytes: u64) -> String {
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    // The highest unit of which there is at least one; 2^10 is the first of the list.
    let power = bytes.ilog2() / 10;
    let hundredths = (u128::from(bytes) * 100) >> (power * 10);
    let (whole, part) = (hundredths / 100, hundredths % 100);
    let number = match whole {
        0..10 => format!("{whole}.{part:02}"),
        10..100 => format!("{whole}.{}", part / 10),
        _ => whole.to_string(),
    };
    let unit = UNITS[(power as usize).clamp(1, UNITS.len()) - 1];
    format!("{number} {unit}")
}

/// Bytes in a time, as a rate: `5.10 MiB/s`.
pub fn rate(bytes: u64, time: Duration) -> String {
    let millis = time.as_millis().max(1);
    let per_second = u128::from(bytes) * 1_000 / millis;
    format!("{}/s", size(u64::try_from(per_second).unwrap_or(u64::MAX)))
}

/// How much of a total that is, rounded down, so that 100 means all of it. Nothing of nothing is all of it.
pub fn percent(done: u64, total: u64) -> u64 {
    if total == 0 {
        return 100;
    }
    let percent = u128::from(done.min(total)) * 100 / u128::from(total);
    u64::try_from(percent).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_a_binary_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.00 KiB"),
            (1_800, "1.75 KiB"),
            (10 * 1_024, "10.0 KiB"),
            (1_024 * 1_024 - 1, "1023 KiB"),
            (64 << 20, "64.0 MiB"),
            (5 << 30, "5.00 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn a_rate_is_per_second_and_survives_no_time_at_all() {
        assert_eq!(rate(2_048, Duration::from_secs(2)), "1.00 KiB/s");
        assert_eq!(rate(1, Duration::ZERO), "1000 B/s");
    }

    #[test]
    fn only_everything_is_a_hundred_percent() {
        assert_eq!(percent(999, 1_000), 99);
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
        assert_eq!(percent(7, 7), 100);
        assert_eq!(percent(0, 0), 100);
    }
}
