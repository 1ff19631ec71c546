//! What a run costs: its time, and the processor time of everybody on its side.
//!
//! Owns how both are read. The origin's share is counted to nobody: it is the same program for all.

use std::{
    fs,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

use crate::interrupt;

/// The cost of one run.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// From the start of the first command to the end of the last.
    pub wall: Duration,
    /// User and system time of the commands, and of the service where it did the work. In steps of 10 ms, as the
    /// kernel tells it.
    pub cpu: Duration,
    /// The first command alone: a rival without its sync.
    pub fetch: Duration,
}

/// User and system time of all children of this process that have ended (proc(5), fields 16 and 17 of stat).
pub fn of_children() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is the program's name in parentheses and may contain anything.
    let (_, fields) = stat
        .rsplit_once(") ")
        .context("/proc/self/stat has no name")?;
    let fields = fields.split_whitespace().skip(13).take(2);
    let ticks = fields.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// How the commands of a run ended.
#[derive(Debug)]
pub enum Ended {
    /// All of them with success; also how long the first took.
    Whole { all: Duration, first: Duration },
    /// One of them still ran when its time was up, and was killed.
    CutShort(Duration),
}

/// Runs the commands one after the other, for as long as `patience` allows, and times them together.
///
/// An error when one fails, with what it said.
pub fn time(commands: &mut [Command], patience: Duration) -> anyhow::Result<Ended> {
    let begun = Instant::now();
    let mut first = None;
    for command in commands {
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot run {}", shown(command)))?;
        let ended = ends_within(&child, patience.saturating_sub(begun.elapsed()));
        if !matches!(ended, Ok(true)) {
            child.kill()?;
            child.wait()?;
            ended?;
            return Ok(Ended::CutShort(begun.elapsed()));
        }
        succeeded(child.wait()?, command)?;
        first.get_or_insert_with(|| begun.elapsed());
    }
    let all = begun.elapsed();
    Ok(Ended::Whole {
        all,
        first: first.unwrap_or(all),
    })
}

/// Waits for the end of a process, which is left to be asked for its status. An error when there was a signal.
fn ends_within(child: &Child, time: Duration) -> anyhow::Result<bool> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let mut events = vec![PollFd::new(&pidfd, PollFlags::IN)];
    let signals = interrupt::signalled();
    events.extend(signals.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
    poll(&mut events, Some(&Timespec::try_from(time)?)).context("interrupted")?;
    let happened = |event: &PollFd<'_>| !event.revents().is_empty();
    if happened(&events[0]) {
        return Ok(true);
    }
    ensure!(!events.iter().any(happened), "interrupted");
    Ok(false)
}

fn succeeded(status: ExitStatus, command: &Command) -> anyhow::Result<()> {
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(())
}

/// The beginning of a command line; that of 10 000 URLs is long.
fn shown(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<_> = words
        .take(12)
        .map(|word| word.display().to_string())
        .collect();
    words.join(" ")
}
