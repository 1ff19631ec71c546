//! When which job's changes are to be told: a queue of jobs by time, each in it at most once.

use std::collections::{BTreeSet, HashMap};

use bgcopy_model::JobId;
use tokio::time::Instant;

/// The jobs that have something to tell, the earliest first.
///
/// Invariant: `by_time` and `by_job` hold the same pairs.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    by_time: BTreeSet<(Instant, JobId)>,
    by_job: HashMap<JobId, Instant>,
}

impl Agenda {
    /// Puts a job down for `at`, unless it is down for an earlier time already.
    pub(super) fn plan(&mut self, job: JobId, at: Instant) {
        if self.by_job.get(&job).is_none_or(|planned| at < *planned) {
            self.cancel(job);
            self.by_job.insert(job, at);
            self.by_time.insert((at, job));
        }
    }

    /// Takes a job out.
    pub(super) fn cancel(&mut self, job: JobId) {
        if let Some(at) = self.by_job.remove(&job) {
            self.by_time.remove(&(at, job));
        }
    }

    /// The earliest time; `None`: nothing waits.
    pub(super) fn first(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out the first job whose time has come by `now`.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<JobId> {
        let (at, job) = *self.by_time.first()?;
        (at <= now).then(|| {
            self.cancel(job);
            job
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_job_is_told_once_and_at_the_earliest_of_its_times() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        let at = |millis| now + Duration::from_millis(millis);
        let [one, two] = [1, 2].map(JobId::from_u128);
        agenda.plan(one, at(250));
        agenda.plan(two, at(100));
        agenda.plan(one, at(300));
        assert_eq!(agenda.first(), Some(at(100)));
        agenda.plan(one, at(50));
        assert_eq!(agenda.next_due(at(49)), None);
        assert_eq!(agenda.next_due(at(400)), Some(one));
        assert_eq!(agenda.next_due(at(400)), Some(two));
        assert_eq!(agenda.next_due(at(400)), None);
        assert_eq!(agenda.first(), None, "no timer while nothing waits");
    }

    #[test]
    fn a_job_that_is_taken_out_is_not_told() {
        let (mut agenda, now) = (Agenda::default(), Instant::now());
        agenda.plan(JobId::from_u128(1), now);
        agenda.cancel(JobId::from_u128(1));
        assert_eq!(agenda.next_due(now), None);
    }
}
