//! What a process uses of the machine, from /proc.

use std::io;
use std::time::Duration;

/// Counters of a process. Two of them, taken at different times, say what happened in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in KiB.
    pub resident_kib: u64,
    /// How often one of the threads that exist now went to sleep; the growth counts wake-ups.
    pub wake_ups: u64,
    /// CPU time of all threads, in user and system mode; the kernel counts it in steps of 10 ms.
    pub cpu: Duration,
    /// Open descriptors.
    pub descriptors: usize,
}

impl Usage {
    /// The counters of a process at this moment.
    pub fn of(pid: u32) -> io::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let mut wake_ups = 0;
        for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end while they are read.
            if let Ok(status) = std::fs::read_to_string(thread?.path().join("status")) {
                wake_ups += field(&status, "voluntary_ctxt_switches:")?;
            }
        }
        Ok(Self {
            resident_kib: field(&status, "VmRSS:")?,
            wake_ups,
            cpu: cpu(&std::fs::read_to_string(format!("/proc/{pid}/stat"))?)?,
            descriptors: std::fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
        })
    }
}

fn field(status: &str, name: &str) -> io::Result<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value
        .and_then(|value| value.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no {name} in status")))
}

/// Fields 14 and 15 of /proc/PID/stat (proc(5)), in the kernel's hundredths of a second.
fn cpu(stat: &str) -> io::Result<Duration> {
    // The second field is the program's name in parentheses and may contain anything.
    let ticks = stat.rsplit_once(") ").and_then(|(_, rest)| {
        let mut fields = rest.split(' ').skip(11);
        let user: u64 = fields.next()?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        Some(user + system)
    });
    ticks
        .map(|ticks| Duration::from_millis(ticks * 10))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "stat cannot be read"))
}
