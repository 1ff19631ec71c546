//! Who waits for a turn, and in which order: by level; within one level the owners take turns, so that nobody's many
//! jobs keep another's first one waiting; the jobs of one owner go in the order in which they came.
//!
//! It never decides whose turn it is, only who would be next.

use std::collections::{BTreeMap, VecDeque};

use bgcopy_model::{JobId, Owner, Priority};

/// The end of the line at which somebody joins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Before all others of the level, and so does the owner.
    Head,
    /// Behind the owner's others; an owner without others goes behind the other owners.
    Tail,
}

/// The jobs that wait.
///
/// Invariants: `places` names exactly the jobs in `levels`, each once; no level and no owner's queue is empty; a level's
/// `rotation` and `queues` name the same owners, by `Queue::number`.
#[derive(Default)]
pub(super) struct Line {
    levels: BTreeMap<Priority, Level>,
    places: BTreeMap<JobId, Place>,
    /// How many numbers were given out. The smaller number goes first, negative ones are for the head.
    given: i64,
}

#[derive(Clone, Copy)]
struct Place {
    priority: Priority,
    owner: Owner,
    number: i64,
}

#[derive(Default)]
struct Level {
    rotation: BTreeMap<i64, Owner>,
    queues: BTreeMap<Owner, Queue>,
}

/// One owner's jobs of one level.
struct Queue {
    number: i64,
    jobs: BTreeMap<i64, JobId>,
}

impl Line {
    /// Whether the job waits.
    pub fn contains(&self, job: JobId) -> bool {
        self.places.contains_key(&job)
    }

    /// A job that does not wait yet joins.
    pub fn join(&mut self, job: JobId, owner: Owner, priority: Priority, end: End) {
        let number = self.draw(end);
        let level = self.levels.entry(priority).or_default();
        let queue = level.queues.entry(owner).or_insert_with(|| {
            level.rotation.insert(number, owner);
            Queue {
                number,
                jobs: BTreeMap::new(),
            }
        });
        queue.jobs.insert(number, job);
        if end == End::Head {
            level.renumber(owner, number);
        }
        let place = Place {
            priority,
            owner,
            number,
        };
        self.places.insert(job, place);
    }

    /// The job waits no more. Says whose it is, if it did wait.
    pub fn leave(&mut self, job: JobId) -> Option<Owner> {
        let place = self.places.remove(&job)?;
        let level = self.levels.get_mut(&place.priority)?;
        let queue = level.queues.get_mut(&place.owner)?;
        queue.jobs.remove(&place.number);
        if queue.jobs.is_empty() {
            level.rotation.remove(&queue.number);
            level.queues.remove(&place.owner);
        }
        if level.queues.is_empty() {
            self.levels.remove(&place.priority);
        }
        Some(place.owner)
    }

    /// The job gets its turn, which is its owner's: others come before the next one.
    pub fn serve(&mut self, job: JobId) -> Option<Owner> {
        let priority = self.places.get(&job)?.priority;
        let owner = self.leave(job)?;
        let number = self.draw(End::Tail);
        if let Some(level) = self.levels.get_mut(&priority) {
            level.renumber(owner, number);
        }
        Some(owner)
    }

    /// The jobs in the order in which they would be served, with their levels. Lazy: whoever looks at the first few
    /// of very many pays for these alone.
    pub fn in_order(&self) -> impl Iterator<Item = (Priority, JobId)> {
        self.levels.iter().flat_map(|(priority, level)| {
            let jobs: Vec<_> = level.queues().map(|queue| queue.jobs.values()).collect();
            in_turns(jobs).map(|job| (*priority, *job))
        })
    }

    fn draw(&mut self, end: End) -> i64 {
        self.given += 1;
        match end {
            End::Head => -self.given,
            End::Tail => self.given,
        }
    }
}

impl Level {
    fn queues(&self) -> impl Iterator<Item = &Queue> {
        let owners = self.rotation.values();
        owners.filter_map(|owner| self.queues.get(owner))
    }

    /// Gives the owner another place among the owners, if he has one.
    fn renumber(&mut self, owner: Owner, number: i64) {
        if let Some(queue) = self.queues.get_mut(&owner) {
            self.rotation.remove(&queue.number);
            queue.number = number;
            self.rotation.insert(number, owner);
        }
    }
}

/// The first of each, then the second of each, and so on.
fn in_turns<I: Iterator>(lines: Vec<I>) -> impl Iterator<Item = I::Item> {
    let mut lines = VecDeque::from(lines);
    std::iter::from_fn(move || {
        while let Some(mut line) = lines.pop_front() {
            if let Some(item) = line.next() {
                lines.push_back(line);
                return Some(item);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn job(n: u128) -> JobId {
        JobId::from_u128(n)
    }

    const fn owner(uid: u32) -> Owner {
        Owner { uid }
    }

    fn order(line: &Line) -> Vec<JobId> {
        line.in_order().map(|(_, job)| job).collect()
    }

    #[test]
    fn owners_alternate_and_their_jobs_keep_their_order() {
        let mut line = Line::default();
        for (n, uid) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 3), (6, 2)] {
            line.join(job(n), owner(uid), Priority::Normal, End::Tail);
        }
        assert_eq!(order(&line), [1, 4, 5, 2, 6, 3].map(job));
        assert_eq!(line.serve(job(1)), Some(owner(1)));
        assert_eq!(order(&line), [4, 5, 2, 6, 3].map(job));
        line.join(job(1), owner(1), Priority::Normal, End::Head);
        assert_eq!(order(&line), [1, 4, 5, 2, 6, 3].map(job));
    }

    #[test]
    fn serving_in_the_order_told_is_the_order_told() {
        let mut line = Line::default();
        for n in 0..30 {
            let uid = [1, 1, 1, 2, 3][n % 5];
            let priority = [Priority::Normal, Priority::High][n / 7 % 2];
            line.join(job(n as u128), owner(uid), priority, End::Tail);
        }
        let told = order(&line);
        let mut served = Vec::new();
        while let Some(next) = order(&line).first() {
            served.push(*next);
            line.serve(*next);
        }
        assert_eq!(served, told);
        assert!(line.levels.is_empty() && line.places.is_empty());
    }
}
