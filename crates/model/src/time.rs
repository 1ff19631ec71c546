//! The two clocks: the wall's, which people set, and the service's, which timers run on.

use std::{
    ops::{Add, Sub},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Wall time: microseconds since 1970-01-01 UTC. Shown to people, never compared with a deadline.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The time as a Windows FILETIME: 100 ns units since 1601-01-01 UTC.
    pub const fn filetime(self) -> u64 {
        self.0
            .saturating_mul(10)
            .saturating_add(116_444_736_000_000_000)
    }

    /// Whole seconds since 1970.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }
}

/// Service time: milliseconds since this queue was made, counted on `CLOCK_BOOTTIME` and carried over restarts
/// and reboots by a [`ClockAnchor`]. A changed wall clock does not move it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The time since `earlier`, zero when that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

impl Sub for Moment {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Service time.
    pub moment: Moment,
    /// Wall time.
    pub wall: Timestamp,
}

/// What ties service time to the machine's clocks, recorded with every commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockAnchor {
    /// The kernel's boot identity (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// `CLOCK_BOOTTIME`, milliseconds.
    pub boottime: u64,
    /// Wall time at that instant.
    pub wall: Timestamp,
    /// Service time at that instant.
    pub moment: Moment,
}

impl ClockAnchor {
    /// The most that is added for the time a machine was off: seven days.
    pub const MOST_OFF: Duration = Duration::from_hours(7 * 24);

    /// The service time when the machine's clocks read these values. In the same boot the time that passed on
    /// `CLOCK_BOOTTIME` is added; after a reboot the difference of the wall clocks, at least nothing and at most
    /// [`Self::MOST_OFF`].
    pub fn moment_at(&self, boot_id: &str, boottime: u64, wall: Timestamp) -> Moment {
        let passed = if self.boot_id == boot_id {
            Duration::from_millis(boottime.saturating_sub(self.boottime))
        } else {
            Duration::from_micros(wall.0.saturating_sub(self.wall.0)).min(Self::MOST_OFF)
        };
        self.moment + passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor() -> ClockAnchor {
        ClockAnchor {
            boot_id: "a".into(),
            boottime: 1_000,
            wall: Timestamp(5_000_000),
            moment: Moment(70),
        }
    }

    #[test]
    fn within_one_boot_only_the_boot_clock_counts() {
        assert_eq!(
            anchor().moment_at("a", 1_500, Timestamp(0)),
            Moment(570),
            "a wall clock set back moves nothing"
        );
    }

    #[test]
    fn after_a_reboot_the_wall_difference_counts_within_bounds() {
        assert_eq!(
            anchor().moment_at("b", 0, Timestamp(7_000_000)),
            Moment(2_070)
        );
        assert_eq!(anchor().moment_at("b", 9, Timestamp(0)), Moment(70));
        assert_eq!(
            anchor().moment_at("b", 9, Timestamp(u64::MAX)),
            Moment(70 + 7 * 86_400_000)
        );
    }

    #[test]
    fn the_unix_epoch_is_the_known_filetime() {
        assert_eq!(Timestamp(0).filetime(), 116_444_736_000_000_000);
        assert_eq!(Timestamp(1).filetime(), 116_444_736_000_000_010);
    }
}
