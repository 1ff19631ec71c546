//! When to try again and when to give up: pure functions of a job's record (contract, section Timers).

use std::time::Duration;

use bgcopy_model::{Condition, JobRecord, Limits, Moment, Priority, Profile};

/// The shortest minimum retry delay; smaller values are raised to it.
pub(crate) const SHORTEST_DELAY: Duration = Duration::from_secs(5);

/// How long the record of a final job is kept, so that whoever holds it can still read it.
pub(crate) const RETENTION: Duration = Duration::from_hours(1);

const DEFAULT_DELAY: Duration = Duration::from_mins(10);

/// The delay grows up to this, unless the job's minimum is longer.
const LONGEST_DELAY: Duration = Duration::from_hours(1);

/// How often the delay is doubled at most.
const MOST_DOUBLINGS: u32 = 6;

/// The minimum retry delay of a job: what was asked for, at least [`SHORTEST_DELAY`].
pub(crate) fn minimum_delay(asked: Option<Duration>) -> Duration {
    asked.unwrap_or(DEFAULT_DELAY).max(SHORTEST_DELAY)
}

/// The no-progress timeout of a job for which none was asked for.
pub(crate) fn default_timeout(profile: Profile, priority: Priority) -> Duration {
    match (profile, priority) {
        (Profile::Bits, _) => Duration::from_hours(14 * 24),
        (Profile::Do, Priority::Foreground | Priority::High) => Duration::from_hours(1),
        (Profile::Do, _) => Duration::from_hours(24),
    }
}

/// How long to wait after a try that failed, when `fruitless` tries before it in a row brought no byte.
/// What the origin asked for (Retry-After: RFC 9110, section 10.2.3) is kept in any case.
pub(crate) fn delay(minimum: Duration, fruitless: u32, retry_after: Option<Duration>) -> Duration {
    let grown = minimum.saturating_mul(1 << fruitless.min(MOST_DOUBLINGS));
    let own = grown.min(LONGEST_DELAY.max(minimum));
    own.max(retry_after.unwrap_or_default())
}

/// When a job that tries without a byte has tried for long enough; `None`: its first error is fatal anyway.
pub(crate) fn patience_ends(record: &JobRecord) -> Option<Moment> {
    let timeout = record.no_progress_timeout;
    (!timeout.is_zero()).then(|| record.last_progress + timeout)
}

/// When a job that nobody completed is cancelled.
pub(crate) fn expires(record: &JobRecord, limits: &Limits) -> Moment {
    let days = match (limits.expiry_days, record.profile) {
        (0, Profile::Do) => 30,
        (0, Profile::Bits) => 90,
        (days, _) => days,
    };
    record.born + Duration::from_hours(24).saturating_mul(days)
}

/// Whether a network that comes back mends it.
pub(crate) const fn is_of_the_network(condition: Condition) -> bool {
    matches!(
        condition,
        Condition::NetworkDisconnected | Condition::NameNotResolved | Condition::ConnectFailure
    )
}

/// A duration in the largest unit that divides it.
pub(crate) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let fits = |(length, _): &(u64, &str)| seconds >= *length && seconds.is_multiple_of(*length);
    let (length, unit) = units.into_iter().find(fits).unwrap_or((1, "second"));
    let count = seconds / length;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_delay_doubles_with_each_fruitless_try_up_to_an_hour() {
        let delays = |minimum| (0..9).map(move |n| delay(secs(minimum), n, None).as_secs());
        assert!(delays(5).eq([5, 10, 20, 40, 80, 160, 320, 320, 320]));
        assert!(delays(600).eq([600, 1200, 2400, 3600, 3600, 3600, 3600, 3600, 3600]));
        assert!(delays(7200).all(|d| d == 7200), "a longer minimum is kept");
    }

    #[test]
    fn retry_after_lengthens_the_delay_and_never_shortens_it() {
        assert_eq!(delay(secs(5), 0, Some(secs(90))), secs(90));
        assert_eq!(delay(secs(60), 0, Some(secs(1))), secs(60));
    }

    #[test]
    fn extreme_values_do_not_overflow() {
        assert_eq!(delay(Duration::MAX, u32::MAX, None), Duration::MAX);
    }

    #[test]
    fn minimum_delays_below_five_seconds_are_raised() {
        assert_eq!(minimum_delay(Some(Duration::ZERO)), secs(5));
        assert_eq!(minimum_delay(Some(secs(6))), secs(6));
        assert_eq!(minimum_delay(None), secs(600));
    }

    #[test]
    fn timeouts_default_as_each_profile_says() {
        use Priority::{Foreground, High, Low, Normal};
        let delivery = |priority| default_timeout(Profile::Do, priority).as_secs();
        assert_eq!([Foreground, High].map(delivery), [3_600; 2]);
        assert_eq!([Normal, Low].map(delivery), [86_400; 2]);
        assert_eq!(default_timeout(Profile::Bits, High), secs(14 * 86_400));
    }

    #[test]
    fn durations_are_spoken_in_the_largest_fitting_unit() {
        let texts = [14 * 86_400, 86_400, 3_600, 120, 90, 1, 0].map(|n| spoken(secs(n)));
        let expected = [
            "14 days",
            "1 day",
            "1 hour",
            "2 minutes",
            "90 seconds",
            "1 second",
            "0 seconds",
        ];
        assert_eq!(texts, expected);
    }
}
