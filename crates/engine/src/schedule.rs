//! Who may transfer: the queue, its priorities and its time slices.
//!
//! FOREGROUND jobs are admitted as long as there is room for a run at all. Of the background jobs, at most
//! `Limits::background_jobs` have a turn at once; a higher level goes before a lower one and takes its turn away,
//! equals take turns by time slices. The jobs of both profiles share the slots: each profile's queue keeps the
//! contract's order within itself either way, and twice the background load would serve nobody.
//!
//! Pure bookkeeping about names and numbers: it knows no job's state, and it is the caller who starts and stops.

use std::{collections::BTreeMap, time::Duration};

use bgcopy_model::{JobId, Limits, Moment, Priority};

/// The queue and the turns.
///
/// Invariants: a job that holds a turn does not wait; one whose turn is being left may. The sum over all turns of
/// their runs, counting a holder without one as having one, is at most `transfers`. `waiting` and `places` are each
/// other's inverse.
pub(crate) struct Schedule {
    transfers: usize,
    slots: usize,
    slice: Duration,
    waiting: BTreeMap<Place, JobId>,
    places: BTreeMap<JobId, Place>,
    /// In the order of admission.
    turns: Vec<Turn>,
    /// How many places were given out.
    given: i64,
    slice_ends: Option<Moment>,
}

/// A place in the queue; the smaller goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(Priority, i64);

/// A job that transfers, or whose runs have not all ended yet.
struct Turn {
    job: JobId,
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

/// Why a turn is taken away decides where the job waits.
#[derive(Clone, Copy)]
enum Back {
    Head,
    Tail,
}

impl Schedule {
    /// An empty queue. A limit of 0 would stop everything for good and counts as 1.
    pub fn new(limits: &Limits) -> Self {
        Self {
            transfers: limits.transfers.max(1) as usize,
            slots: limits.background_jobs.max(1) as usize,
            slice: Duration::from_secs(limits.time_slice_seconds.max(1).into()),
            waiting: BTreeMap::new(),
            places: BTreeMap::new(),
            turns: Vec::new(),
            given: 0,
            slice_ends: None,
        }
    }

    /// The job waits for a turn, behind the others of its level. No effect if it waits or has one.
    pub fn enqueue(&mut self, job: JobId, priority: Priority) {
        if !self.places.contains_key(&job) && !self.holds(job) {
            self.line_up(job, priority, Back::Tail);
        }
    }

    /// The job wants no turn: it leaves the queue, or its turn is over once its runs are.
    pub fn withdraw(&mut self, job: JobId) {
        self.leave_queue(job);
        if let Some(turn) = self.turn_mut(job) {
            turn.leaving = true;
        }
        self.clear(job);
    }

    /// The job has another priority from now on. If it waits, it does so behind the others of the new level.
    pub fn set_priority(&mut self, job: JobId, priority: Priority) {
        if self.leave_queue(job) {
            self.line_up(job, priority, Back::Tail);
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
    ///
    /// The first who wait get what is free; for those that come next somebody may have to leave. A turn that is
    /// being left is on its way to somebody already, so that nobody else has to leave for that one.
    pub fn decide(&mut self, now: Moment) -> Option<Decision> {
        self.slice_ends = None;
        if self.holding_background().count() > self.slots {
            // A job became a background job in the middle of its turn.
            let victim = self.last_in_rank()?.job;
            return Some(self.preempt(victim, Back::Head));
        }
        let background = |turn: &&Turn| turn.priority.is_background();
        let leaving = || self.turns.iter().filter(|turn| turn.leaving);
        let (mut runs_to_come, mut slots_to_come) =
            (leaving().count(), leaving().filter(background).count());
        let free_slots = self
            .slots
            .saturating_sub(self.turns.iter().filter(background).count());
        let room = self.room();

        for (&place, &job) in &self.waiting {
            if let Some(own) = self.turns.iter().find(|turn| turn.job == job) {
                // It was stopped and let go again before its runs had ended: what they leave is its own.
                runs_to_come = runs_to_come.saturating_sub(1);
                slots_to_come = slots_to_come.saturating_sub(own.priority.is_background().into());
                continue;
            }
            let has_slot = free_slots > 0 || !place.0.is_background();
            if has_slot && room > 0 {
                return Some(self.grant(place, job, now));
            }
            if has_slot {
                if runs_to_come > 0 {
                    runs_to_come -= 1;
                    continue;
                }
                let victim = self
                    .last_in_rank()
                    .filter(|_| !place.0.is_background())?
                    .job;
                return Some(self.preempt(victim, Back::Head));
            }
            if slots_to_come > 0 {
                slots_to_come -= 1;
                runs_to_come = runs_to_come.saturating_sub(1);
                continue;
            }
            let victim = self.last_in_rank()?;
            let (victim, rank, slice_end) =
                (victim.job, victim.priority, victim.since + self.slice);
            if rank > place.0 {
                return Some(self.preempt(victim, Back::Head));
            }
            if rank == place.0 {
                if slice_end <= now {
                    return Some(self.preempt(victim, Back::Tail));
                }
                self.slice_ends = Some(slice_end);
            }
            return None;
        }
        None
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

    fn grant(&mut self, place: Place, job: JobId, now: Moment) -> Decision {
        self.leave_queue(job);
        self.turns.push(Turn {
            job,
            priority: place.0,
            since: now,
            runs: 0,
            leaving: false,
        });
        Decision::Admit(job)
    }

    fn preempt(&mut self, job: JobId, back: Back) -> Decision {
        if let Some(turn) = self.turn_mut(job) {
            turn.leaving = true;
            let priority = turn.priority;
            self.clear(job);
            self.line_up(job, priority, back);
        }
        Decision::Preempt(job)
    }

    fn line_up(&mut self, job: JobId, priority: Priority, back: Back) {
        self.given += 1;
        let number = match back {
            Back::Head => -self.given,
            Back::Tail => self.given,
        };
        let place = Place(priority, number);
        self.waiting.insert(place, job);
        self.places.insert(job, place);
    }

    fn leave_queue(&mut self, job: JobId) -> bool {
        let place = self.places.remove(&job);
        place.is_some_and(|place| self.waiting.remove(&place).is_some())
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
