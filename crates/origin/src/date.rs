//! HTTP dates (RFC 9110, section 5.6.7): the preferred form and the two obsolete ones. Owns no clock.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Seconds since 1970-01-01 UTC of an HTTP date; `None` when the text is none, or names a time before 1970.
///
/// The name of the weekday is not checked: it adds nothing, and some origins get it wrong.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.split_once(',') {
        Some((_, rest)) if rest.contains('-') => rfc850(rest.trim()),
        Some((_, rest)) => imf_fixdate(rest.trim()),
        None => asctime(text),
    }
}

/// `06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    let day = number(words.next()?)?;
    let month = month(words.next()?)?;
    let year = number(words.next()?)?;
    let clock = words.next()?;
    end_of_gmt(words)?;
    seconds(year, month, day, clock)
}

/// `06-Nov-94 08:49:37 GMT`
fn rfc850(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    let mut date = words.next()?.split('-');
    let day = number(date.next()?)?;
    let month = month(date.next()?)?;
    let year = match number(date.next()?)? {
        // The years that an origin can mean: this format was obsolete before 1970 + 100.
        year @ 0..70 => 2000 + year,
        year @ 70..100 => 1900 + year,
        year => year,
    };
    let clock = words.next()?;
    end_of_gmt(words)?;
    seconds(year, month, day, clock)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace().skip(1);
    let month = month(words.next()?)?;
    let day = number(words.next()?)?;
    let clock = words.next()?;
    let year = number(words.next()?)?;
    words
        .next()
        .is_none()
        .then(|| seconds(year, month, day, clock))?
}

fn end_of_gmt<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<()> {
    let zone = words.next()?;
    (matches!(zone, "GMT" | "UTC") && words.next().is_none()).then_some(())
}

fn month(name: &str) -> Option<u64> {
    let index = MONTHS.iter().position(|month| *month == name)?;
    u64::try_from(index + 1).ok()
}

fn number(text: &str) -> Option<u64> {
    // A sign is no digit, although `parse` would take one.
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn seconds(year: u64, month: u64, day: u64, clock: &str) -> Option<u64> {
    let mut parts = clock.split(':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    // 60 is a leap second.
    let valid = (1970..=9999).contains(&year)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && parts.next().is_none();
    valid.then(|| days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days since 1970-01-01 in the Gregorian calendar, by years that begin in March so that a leap day comes last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_name_the_same_second() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn leap_days_and_the_ends_of_centuries_are_right() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Fri, 31 Dec 1999 23:59:59 GMT", 946_684_799),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "yesterday",
            "0",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
            "Sun, 06-Nov",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
