//! How many final jobs are kept for those who still hold them: at most an hour, and no more files of one owner than
//! `Limits::final_files`. Beyond that the oldest are forgotten first, never the last one, whose client may be about to
//! read what became of it, and none that owes a call to somebody. That a client may yet register keeps no job: most never
//! have one.
//!
//! Final jobs count for no limit of jobs; without this one, memory would have none.

use std::collections::{BTreeMap, BTreeSet};

use bgcopy_model::{JobId, JobPhase, Limits, Moment, Owner};

use crate::{Engine, job::Job};

/// The final jobs that may be forgotten, by owner.
///
/// Invariant: a job is here exactly when its `shelf` says so; `weight` is the sum over the owner's.
#[derive(Default)]
pub(crate) struct Retention {
    shelves: BTreeMap<Owner, Shelf>,
}

#[derive(Default)]
struct Shelf {
    /// In the order in which they ended; of those that ended at the same moment, in that of their creation.
    jobs: BTreeSet<(Moment, u64, JobId)>,
    weight: u64,
}

/// Where a final job is kept: whose it is, when it ended, and what it weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    owner: Owner,
    ended: Moment,
    serial: u64,
    id: JobId,
    weight: u64,
}

impl Retention {
    /// Brings the books up to date with a job that has changed. Says whose shelf has got more.
    pub fn note(&mut self, job: &mut Job) -> Option<Owner> {
        let place = place(job);
        if place == job.shelf {
            return None;
        }
        self.remove(std::mem::replace(&mut job.shelf, place));
        let Place {
            owner,
            ended,
            serial,
            id,
            weight,
        } = place?;
        let own = self.shelves.entry(owner).or_default();
        own.jobs.insert((ended, serial, id));
        own.weight += weight;
        Some(owner)
    }

    /// The job is forgotten, or not final any more.
    pub fn remove(&mut self, place: Option<Place>) {
        let Some(Place {
            owner,
            ended,
            serial,
            id,
            weight,
        }) = place
        else {
            return;
        };
        if let Some(own) = self.shelves.get_mut(&owner) {
            own.jobs.remove(&(ended, serial, id));
            own.weight -= weight;
            if own.jobs.is_empty() {
                self.shelves.remove(&owner);
            }
        }
    }

    /// The job that this owner has too much of: his oldest, if there is another one.
    fn surplus(&self, owner: Owner, limits: &Limits) -> Option<JobId> {
        let own = self.shelves.get(&owner)?;
        let is_too_much = own.weight > limits.final_files.into() && own.jobs.len() > 1;
        let oldest = own.jobs.first().filter(|_| is_too_much)?;
        Some(oldest.2)
    }
}

impl Engine {
    /// Forgets what this owner has too much of.
    pub(crate) fn forget_surplus(&mut self, owner: Owner) {
        while let Some(id) = self.retention.surplus(owner, &self.limits) {
            self.forget(id);
        }
    }
}

/// Where the job is to be kept; `None`: it is not final, or something about it is not done yet.
fn place(job: &Job) -> Option<Place> {
    let (JobPhase::Acknowledged { at: ended, .. } | JobPhase::Cancelled { at: ended }) =
        job.record.phase
    else {
        return None;
    };
    let is_done = job.closing.is_none() && job.busy().is_empty() && !owes_a_call(job);
    is_done.then(|| Place {
        owner: job.record.owner,
        ended,
        serial: job.serial,
        id: job.record.id,
        // A job without files takes room too.
        weight: job.files().len() as u64 + 1,
    })
}

fn owes_a_call(job: &Job) -> bool {
    let record = &job.record;
    let to_somebody = job.notify.was_registered()
        || !record.notify_command.is_empty()
        || record.activation.is_some();
    to_somebody && (record.due.transferred || record.due.error)
}
