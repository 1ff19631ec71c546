//! How many requests of one file are under way at once.
//!
//! One to begin with. When that has reached its speed and enough is left, four times as many are tried; they stay when the
//! goodput grows by half or more, and then again four times as many are tried, up to what policy allows. A trial in vain
//! costs little and is not made again soon: many connections pay where losses or the origin hold each one down, and
//! nowhere else. Knows neither clock nor network: the owner tells the time and counts the bytes.

use std::time::Duration;

use bgcopy_model::{JobId, Priority};

use crate::Engine;

/// The step from one number to the next.
const FACTOR: u32 = 4;
/// Fewer bytes left are not worth a second request …
const LEAST_LEFT: u64 = 4 << 20;
/// … nor what comes in so many seconds anyway, where it is known that more pay or they are at another place.
const SECONDS_LEFT: u64 = 2;
/// What one connection to the only place brings in so many seconds is not worth finding that out. Where it filled the
/// link by itself, the others take its share while they try, and it needs seconds to get it back: half a second's bytes in
/// all, 3 % of this (docs/benchmarks.md, `shaped`).
const SECONDS_LEFT_FOR_FIRST: u64 = 15;
/// The shortest and the longest window in which goodput is measured.
const WINDOW: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(2));
/// Times from a request to its answer that a window has at least. A new connection takes part of each, so that four of
/// them are about eight round trips.
const ANSWERS: u32 = 4;
/// After a trial in vain the next one waits so long, then twice as long …
const PATIENCE: Duration = Duration::from_secs(30);
/// … and so long at most.
const MOST_PATIENCE: Duration = Duration::from_mins(30);
/// Windows in a row in which many lanes bring less than fewer did, before there are fewer.
const POOR_WINDOWS: u32 = 3;

impl Engine {
    /// How many requests a file of this job may have under way at once.
    pub fn lanes_of(&self, job: JobId) -> u32 {
        let job = self.job(job).map(|job| job.record().queue_priority());
        match job {
            Some(Priority::Foreground) => self.limits.connections_per_file.max(1),
            _ => 1,
        }
    }
}

/// What there is to see of a run.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// The time since whenever.
    pub now: Duration,
    /// Bytes that came so far, by all lanes.
    pub received: u64,
    /// Bytes that no source has brought yet.
    pub left: u64,
    /// The shortest time from a request to its answer.
    pub answer: Duration,
    /// The time that lanes stood still because the disk or the memory was behind, all lanes together.
    pub blocked: Duration,
}

/// The number of lanes of one file, and when to change it.
///
/// Invariant: `1 <= kept <= number() <= most`.
#[derive(Clone, Debug)]
pub struct Lanes {
    most: u32,
    /// The number that has proved itself.
    kept: u32,
    stage: Stage,
    /// Where the window began.
    since: Sight,
    /// Goodput of the window before, of the same number.
    before: Option<u64>,
    /// What they brought when that was last seen.
    seen: u64,
    /// What fewer brought, before there were `kept`. Not what these brought in their trial: that was at the start of new
    /// connections, which send more than they can keep up where packets are lost.
    fewer_brought: u64,
    poor: u32,
    /// No more are tried until then.
    not_before: Duration,
    /// How long the wait up to `not_before` was when it began.
    wait: Duration,
    /// How long the next one will be.
    patience: Duration,
    /// What takes fewer seconds is not worth a trial.
    seconds_left: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Steady,
    /// So many are tried, against this goodput; until it is `measured` they get up to speed.
    Trial {
        number: u32,
        against: u64,
        measured: bool,
    },
}

impl Lanes {
    /// One lane, and never more than `most`.
    pub fn new(most: u32, sight: Sight) -> Self {
        Self {
            most: most.max(1),
            kept: 1,
            stage: Stage::Steady,
            since: sight,
            before: None,
            seen: 0,
            fewer_brought: 0,
            poor: 0,
            not_before: sight.now,
            wait: PATIENCE,
            patience: PATIENCE,
            seconds_left: SECONDS_LEFT_FOR_FIRST,
        }
    }

    /// The file is in several places: what they bring together is hardly one link's.
    #[must_use]
    pub const fn elsewhere_too(self) -> Self {
        Self {
            seconds_left: SECONDS_LEFT,
            ..self
        }
    }

    /// Policy allows up to `most` from now on.
    pub fn allow(&mut self, most: u32, now: Duration) {
        let before = std::mem::replace(&mut self.most, most.max(1));
        if self.number() > self.most {
            self.keep(self.kept.min(self.most));
        } else if before < self.most {
            // Nothing was in vain.
            self.not_before = self.not_before.min(now.saturating_add(WINDOW.1));
        }
    }

    /// How many there may be now.
    pub const fn number(&self) -> u32 {
        match self.stage {
            Stage::Steady => self.kept,
            Stage::Trial { number, .. } => number,
        }
    }

    /// Whether more are being tried than have proved themselves.
    pub const fn is_trying(&self) -> bool {
        matches!(self.stage, Stage::Trial { .. })
    }

    /// Bytes a second, of the last whole window.
    pub const fn goodput(&self) -> u64 {
        self.seen
    }

    /// Bytes a second that one lane may be expected to bring.
    pub fn speed(&self) -> u64 {
        self.goodput() / u64::from(self.kept)
    }

    /// When to look again; `None`: nothing that could be seen would change the number.
    pub fn look_at(&self, answer: Duration) -> Option<Duration> {
        if self.most == 1 {
            return None;
        }
        let window = (answer * ANSWERS).clamp(WINDOW.0, WINDOW.1);
        let is_warming_up = matches!(
            self.stage,
            Stage::Trial {
                measured: false,
                ..
            }
        );
        Some(self.since.now + if is_warming_up { window / 2 } else { window })
    }

    /// Looks. Before it is time nothing happens.
    pub fn look(&mut self, sight: Sight) {
        if self.look_at(sight.answer).is_none_or(|due| sight.now < due) {
            return;
        }
        let window = sight.now.saturating_sub(self.since.now);
        let goodput = per_second(sight.received - self.since.received, window);
        let blocked = sight.blocked.saturating_sub(self.since.blocked);
        // A quarter of the time of all lanes.
        let sink_limits = blocked * 4 > window * self.number();
        self.since = sight;
        match self.stage {
            Stage::Trial {
                number,
                against,
                measured: false,
            } => {
                self.stage = Stage::Trial {
                    number,
                    against,
                    measured: true,
                };
            }
            Stage::Trial {
                number, against, ..
            } => self.judge(number, against, goodput, sink_limits, &sight),
            Stage::Steady => self.steady(goodput, sink_limits, &sight),
        }
    }

    /// A lane was refused, or broke while others go on: so many are left, and for a while there will be no more. Lanes
    /// that are refused one after the other are one refusal, as long as none is tried between.
    pub fn refused(&mut self, left: u32, now: Duration) {
        self.settle(left.clamp(1, self.number()), now);
    }

    fn judge(&mut self, number: u32, against: u64, goodput: u64, sink_limits: bool, sight: &Sight) {
        // Four times as many have to bring half as much again; of fewer less is asked.
        let more = u64::from(number - self.kept);
        let needed = against.saturating_add(against / 6 / u64::from(self.kept) * more);
        if sink_limits || goodput < needed {
            self.settle(self.kept, sight.now);
            return;
        }
        self.kept = number;
        self.seconds_left = SECONDS_LEFT;
        self.seen = goodput;
        self.fewer_brought = against;
        self.stage = Stage::Steady;
        self.before = Some(goodput);
        self.poor = 0;
    }

    fn steady(&mut self, goodput: u64, sink_limits: bool, sight: &Sight) {
        let before = self.before.replace(goodput);
        self.seen = goodput;
        if self.kept > 1 {
            let is_poor = goodput < self.fewer_brought;
            self.poor = if is_poor { self.poor + 1 } else { 0 };
            if self.poor >= POOR_WINDOWS {
                self.settle(self.kept.div_ceil(FACTOR), sight.now);
                return;
            }
        }
        // While it still grows, as at a connection's start, nothing could be told from a trial.
        if let Some(before) = before
            && goodput <= before + before / 10
            && !sink_limits
        {
            // Of the two the less: behind a trial the first is that of new connections.
            self.try_more(goodput.min(before), sight);
        }
    }

    fn try_more(&mut self, goodput: u64, sight: &Sight) {
        let is_worth_it = sight.left >= LEAST_LEFT && sight.left / self.seconds_left > goodput;
        if self.kept < self.most && sight.now >= self.not_before && is_worth_it {
            self.stage = Stage::Trial {
                number: self.kept.saturating_mul(FACTOR).min(self.most),
                against: goodput,
                measured: false,
            };
        }
    }

    /// So many, and no more for a while.
    fn settle(&mut self, number: u32, now: Duration) {
        self.keep(number);
        if now >= self.not_before {
            self.wait = self.patience;
            self.patience = self.patience.saturating_mul(2).min(MOST_PATIENCE);
        }
        self.not_before = self.not_before.max(now.saturating_add(self.wait));
    }

    fn keep(&mut self, number: u32) {
        if number < self.kept {
            self.seen = 0;
            self.fewer_brought = 0;
        }
        self.kept = number;
        self.stage = Stage::Steady;
        self.before = None;
        self.poor = 0;
    }
}

fn per_second(bytes: u64, time: Duration) -> u64 {
    let nanos = time.as_nanos().max(1);
    u64::try_from(u128::from(bytes) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
