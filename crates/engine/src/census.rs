//! How many jobs there are of whom, for the limits. Final jobs do not count, and neither do root's.

use std::collections::BTreeMap;

use bgcopy_model::{Condition, Limits, Owner};

use crate::{Refusal, job::Job};

/// Counts of the jobs that are not final.
#[derive(Default)]
pub(crate) struct Census {
    by_owner: BTreeMap<Owner, u32>,
    total: u32,
}

impl Census {
    /// Whether `owner` may make one more job.
    pub fn check(&self, owner: Owner, limits: &Limits) -> Result<(), Refusal> {
        if owner == Owner::ROOT {
            return Ok(());
        }
        let refuse = |condition: Condition, most: u32| {
            let detail = format!("{}: {most}", condition.description());
            Err(Refusal::new(condition, detail))
        };
        if self.by_owner.get(&owner).copied().unwrap_or(0) >= limits.jobs_per_user {
            return refuse(Condition::TooManyJobsOfUser, limits.jobs_per_user);
        }
        if self.total >= limits.jobs_per_machine {
            return refuse(Condition::TooManyJobs, limits.jobs_per_machine);
        }
        Ok(())
    }

    /// Takes a job out that is about to have another owner.
    pub fn leave(&mut self, job: &mut Job) {
        if std::mem::take(&mut job.counted) {
            self.remove(job.record.owner);
        }
    }

    /// Brings the counts up to date with a job that is new or has changed.
    pub fn note(&mut self, job: &mut Job) {
        let owner = job.record.owner;
        let counts = !job.record.phase.is_final() && owner != Owner::ROOT;
        if counts == job.counted {
            return;
        }
        job.counted = counts;
        if counts {
            *self.by_owner.entry(owner).or_default() += 1;
            self.total += 1;
        } else {
            self.remove(owner);
        }
    }

    fn remove(&mut self, owner: Owner) {
        self.total = self.total.saturating_sub(1);
        if let Some(own) = self.by_owner.get_mut(&owner) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                self.by_owner.remove(&owner);
            }
        }
    }
}
