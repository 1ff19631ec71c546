//! Who may transfer: the queue, its priorities and its time slices.
//!
//! FOREGROUND jobs are admitted as long as there is room for a run at all. Of the background jobs, at most
//! `Limits::background_jobs` have a turn at once; a higher level goes before a lower one and takes its turn away,
//! equals take turns by time slices, and so do their owners ([`line`]). The jobs of both profiles share the slots: each
//! profile's queue keeps the contract's order within itself either way, and twice the background load would serve nobody.
//!
//! Pure bookkeeping about names and numbers: it knows no job's state, and it is the caller who starts and stops.

mod line;

use std::{cmp::Ordering, time::Duration};

use bgcopy_model::{JobId, Limits, Moment, Owner, Priority};

use line::{End, Line};

/// The queue and the turns.
///
/// Invariants: a job that holds a turn does not wait; one whose turn is being left may. The sum over all turns of
/// their runs, counting a holder without one as having one, is at most `transfers`.
pub(crate) struct Schedule {
    transfers: usize,
    slots: usize,
    slice: Duration,
    waiting: Line,
    /// In the order of admission.
    turns: Vec<Turn>,
    slice_ends: Option<Moment>,
}

/// A job that transfers, or whose runs have not all ended yet.
struct Turn {
    job: JobId,
    owner: Owner,
    priority: Priority,
    since: Moment,
    runs: usize,
    /// Whether the job may start nothing more: the turn is over when its last run is.
    leaving: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The job's turn begins.
    Admit(JobId),
    /// The job's turn ends; it waits again.
    Preempt(JobId),
}

/// What the queue asks for.
enum Step {
    Admit(Priority, JobId),
    /// Why a turn is taken away decides where the job waits.
    Preempt(JobId, End),
    /// Nothing, before this time if there is one.
    Nothing(Option<Moment>),
}

impl Schedule {
    /// An empty queue. A limit of 0 would stop everything for good and counts as 1.
    pub fn new(limits: &Limits) -> Self {
        Self {
            transfers: limits.transfers.max(1) as usize,
            slots: limits.background_jobs.max(1) as usize,
            slice: Duration::from_secs(limits.time_slice_seconds.max(1).into()),
            waiting: Line::default(),
            turns: Vec::new(),
            slice_ends: None,
        }
    }

    /// The job waits for a turn, behind its owner's others of its level. No effect if it waits or has one.
    pub fn enqueue(&mut self, job: JobId, owner: Owner, priority: Priority) {
        if !self.waiting.contains(job) && !self.holds(job) {
            self.waiting.join(job, owner, priority, End::Tail);
        }
    }

    /// The job wants no turn: it leaves the queue, or its turn is over once its runs are.
    pub fn withdraw(&mut self, job: JobId) {
        self.waiting.leave(job);
        if let Some(turn) = self.turn_mut(job) {
            turn.leaving = true;
        }
        self.clear(job);
    }

    /// The job has another priority from now on. If it waits, it does so behind its owner's others of the new level.
    pub fn set_priority(&mut self, job: JobId, priority: Priority) {
        if let Some(owner) = self.waiting.leave(job) {
            self.waiting.join(job, owner, priority, End::Tail);
        }
        if let Some(turn) = self.turn_mut(job) {
            turn.priority = priority;
        }
    }

    /// The job makes no use of its turn: whoever of its level waits need not wait for the end of its time slice.
    pub fn end_slice(&mut self, job: JobId) {
        if let Some(turn) = self.turn_mut(job) {
            turn.since = Moment::default();
        }
    }

    /// A run of a job that holds a turn began.
    pub fn run_started(&mut self, job: JobId) {
        if let Some(turn) = self.turn_mut(job) {
            turn.runs += 1;
        }
    }

    /// A run ended.
    pub fn run_ended(&mut self, job: JobId) {
        if let Some(turn) = self.turn_mut(job) {
            turn.runs = turn.runs.saturating_sub(1);
        }
        self.clear(job);
    }

    /// How many runs may begin beside those that go on and the first ones of jobs that hold a turn.
    pub fn room(&self) -> usize {
        let taken: usize = self.turns.iter().map(|turn| turn.runs.max(1)).sum();
        self.transfers.saturating_sub(taken)
    }

    /// The jobs that hold a turn, in the order of admission.
    pub fn holders(&self) -> Vec<JobId> {
        let holding = self.turns.iter().filter(|turn| !turn.leaving);
        holding.map(|turn| turn.job).collect()
    }

    /// When time alone changes the answer of [`Self::decide`], as of its last one.
    pub fn next_change(&self) -> Option<Moment> {
        self.slice_ends
    }

    /// The next decision, which is taken as carried out; `None`: all is as it should be.
    pub fn decide(&mut self, now: Moment) -> Option<Decision> {
        self.slice_ends = None;
        match self.next_step(now) {
            Step::Admit(priority, job) => Some(self.grant(priority, job, now)),
            Step::Preempt(job, back) => Some(self.preempt(job, back)),
            Step::Nothing(until) => {
                self.slice_ends = until;
                None
            }
        }
    }

    /// The first who wait get what is free; for those that come next somebody may have to leave. A turn that is
    /// being left is on its way to somebody already, so that nobody else has to leave for that one.
    fn next_step(&self, now: Moment) -> Step {
        if self.holding_background().count() > self.slots {
            // A job became a background job in the middle of its turn.
            return self.displace();
        }
        let background = |turn: &&Turn| turn.priority.is_background();
        let leaving = || self.turns.iter().filter(|turn| turn.leaving);
        let (mut runs_to_come, mut slots_to_come) =
            (leaving().count(), leaving().filter(background).count());
        let free_slots = self
            .slots
            .saturating_sub(self.turns.iter().filter(background).count());
        let room = self.room();

        for (level, job) in self.waiting.in_order() {
            if let Some(own) = self.turns.iter().find(|turn| turn.job == job) {
                // It was stopped and let go again before its runs had ended: what they leave is its own.
                runs_to_come = runs_to_come.saturating_sub(1);
                slots_to_come = slots_to_come.saturating_sub(own.priority.is_background().into());
                continue;
            }
            let has_slot = free_slots > 0 || !level.is_background();
            if has_slot && room > 0 {
                return Step::Admit(level, job);
            }
            if has_slot {
                if runs_to_come > 0 {
                    runs_to_come -= 1;
                    continue;
                }
                if level.is_background() {
                    return Step::Nothing(None);
                }
                return self.displace();
            }
            if slots_to_come > 0 {
                slots_to_come -= 1;
                runs_to_come = runs_to_come.saturating_sub(1);
                continue;
            }
            return self.yield_to(level, now);
        }
        Step::Nothing(None)
    }

    /// The last in rank has to go, whoever comes for it.
    fn displace(&self) -> Step {
        match self.last_in_rank() {
            Some(victim) => Step::Preempt(victim.job, End::Head),
            None => Step::Nothing(None),
        }
    }

    /// Whether somebody leaves his slot to a job of this level.
    fn yield_to(&self, level: Priority, now: Moment) -> Step {
        let Some(victim) = self.last_in_rank() else {
            return Step::Nothing(None);
        };
        let slice_end = victim.since + self.slice;
        match victim.priority.cmp(&level) {
            Ordering::Greater => Step::Preempt(victim.job, End::Head),
            Ordering::Equal if slice_end <= now => Step::Preempt(victim.job, End::Tail),
            Ordering::Equal => Step::Nothing(Some(slice_end)),
            Ordering::Less => Step::Nothing(None),
        }
    }

    fn holding_background(&self) -> impl Iterator<Item = &Turn> {
        let holds = |turn: &&Turn| !turn.leaving && turn.priority.is_background();
        self.turns.iter().filter(holds)
    }

    /// The background holder that has to go first: of the lowest level, that which began first.
    fn last_in_rank(&self) -> Option<&Turn> {
        let rank = |turn: &&Turn| (turn.priority, std::cmp::Reverse(turn.since));
        self.holding_background().max_by_key(rank)
    }

    fn grant(&mut self, priority: Priority, job: JobId, now: Moment) -> Decision {
        if let Some(owner) = self.waiting.serve(job) {
            self.turns.push(Turn {
                job,
                owner,
                priority,
                since: now,
                runs: 0,
                leaving: false,
            });
        }
        Decision::Admit(job)
    }

    fn preempt(&mut self, job: JobId, back: End) -> Decision {
        if let Some(turn) = self.turn_mut(job) {
            turn.leaving = true;
            let (owner, priority) = (turn.owner, turn.priority);
            self.clear(job);
            self.waiting.join(job, owner, priority, back);
        }
        Decision::Preempt(job)
    }

    fn holds(&self, job: JobId) -> bool {
        self.turns
            .iter()
            .any(|turn| turn.job == job && !turn.leaving)
    }

    fn turn_mut(&mut self, job: JobId) -> Option<&mut Turn> {
        self.turns.iter_mut().find(|turn| turn.job == job)
    }

    /// Removes the job's turn if it is over.
    fn clear(&mut self, job: JobId) {
        self.turns
            .retain(|turn| turn.job != job || !turn.leaving || turn.runs > 0);
    }
}

#[cfg(test)]
mod tests;
