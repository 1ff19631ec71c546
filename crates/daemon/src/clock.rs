//! The service's clocks: service time, carried over restarts and reboots, and a timer that runs on it.

use std::{
    io,
    time::{Duration, SystemTime},
};

use bgcopy_model::{ClockAnchor, Moment, Now, Timestamp};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;

/// Reads service time and wall time.
#[derive(Clone, Debug)]
pub struct Clock {
    boot_id: String,
    /// Service time when `CLOCK_BOOTTIME` read zero, as a difference that may be negative: kept as the pair.
    boottime: u64,
    moment: Moment,
}

impl Clock {
    /// A clock that goes on where the recorded one stopped.
    pub fn new(anchor: Option<&ClockAnchor>) -> Self {
        let boot_id = boot_id();
        let boottime = boottime();
        let moment = anchor.map_or(Moment(0), |anchor| {
            anchor.moment_at(&boot_id, boottime, wall())
        });
        Self {
            boot_id,
            boottime,
            moment,
        }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        Now {
            moment: self.moment + Duration::from_millis(boottime().saturating_sub(self.boottime)),
            wall: wall(),
        }
    }

    /// What to record so that a later service goes on from here.
    pub fn anchor(&self, now: Now) -> ClockAnchor {
        ClockAnchor {
            boot_id: self.boot_id.clone(),
            boottime: self.boottime + (now.moment.0 - self.moment.0),
            wall: now.wall,
            moment: now.moment,
        }
    }

    /// The wall time at which service time will be `at`, if nobody sets the wall clock meanwhile.
    pub fn wall_at(&self, at: Moment) -> Timestamp {
        let now = self.now();
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if at >= now.moment {
            Timestamp(now.wall.0.saturating_add(micros(at - now.moment)))
        } else {
            Timestamp(now.wall.0.saturating_sub(micros(now.moment - at)))
        }
    }
}

/// A timer on `CLOCK_BOOTTIME`: it counts the time that the machine sleeps, as tokio's does not.
///
/// tokio's reader of pipes waits for any descriptor that can be read and takes its bytes with read(2), which is all
/// that a timer needs; and it is safe where a bare registration is not.
#[derive(Debug)]
pub struct BootTimer {
    timer: Receiver,
}

impl BootTimer {
    /// A timer that is not set.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Boottime, flags)?;
        let timer = Receiver::from_owned_fd_unchecked(timer)?;
        Ok(Self { timer })
    }

    /// Sets it to expire after `delay`, or never.
    pub fn set(&self, delay: Option<Duration>) -> io::Result<()> {
        // All zero would disarm it: the shortest delay is a nanosecond.
        let delay = delay.map_or(Duration::ZERO, |delay| delay.max(Duration::from_nanos(1)));
        let value = Timespec {
            tv_sec: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(delay.subsec_nanos()),
        };
        let spec = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: value,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec)?;
        Ok(())
    }

    /// Waits until it expires.
    pub async fn expired(&self) -> io::Result<()> {
        loop {
            self.timer.readable().await?;
            match self.timer.try_read(&mut [0; 8]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other.map(|_| ()),
            }
        }
    }
}

fn boottime() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000
}

fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.map_or(0, |since| since.as_micros());
    Timestamp(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file of the kernel's, not of the file system that `disk` guards"
)]
fn boot_id() -> String {
    // Without /proc every start counts as a reboot: the wall clock's difference is used then.
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_on_from_its_anchor() {
        let first = Clock::new(None);
        let anchor = ClockAnchor {
            moment: Moment(1_000_000),
            ..first.anchor(first.now())
        };
        let later = Clock::new(Some(&anchor)).now().moment;
        assert!(
            later >= Moment(1_000_000) && later < Moment(1_060_000),
            "{later:?}"
        );
    }

    #[tokio::test]
    async fn the_timer_expires_once_for_each_setting() {
        let timer = BootTimer::new().unwrap();
        timer.set(Some(Duration::ZERO)).unwrap();
        timer.expired().await.unwrap();
        timer.set(None).unwrap();
        let again = tokio::time::timeout(Duration::from_millis(50), timer.expired()).await;
        assert!(again.is_err(), "a timer that is not set stays silent");
    }
}
