//! What time alone does to a job, and the network's return: retries, giving up, expiry, forgetting.

use std::time::Duration;

use bgcopy_model::{Condition, JobError, JobId, JobPhase, Limits, Moment, Now};

use crate::{
    Engine,
    job::Job,
    job_mut::JobMut,
    pause::Pause,
    retry::{self, RETENTION, expires, patience_ends, spoken},
};

/// When the engine hears of the time so much later than it asked to, the machine was asleep in between.
const LATE: Duration = Duration::from_mins(1);

impl Job {
    /// When time alone next changes the job; `None`: never, or not before something else happens to it.
    pub fn deadline(&self, limits: &Limits) -> Option<Moment> {
        if self.closing.is_some() || self.handover.is_some() {
            return None;
        }
        let expiry = Some(expires(&self.record, limits));
        let first = |moments: [Option<Moment>; 4]| moments.into_iter().flatten().min();
        match self.record.phase {
            JobPhase::Acknowledged { at, .. } | JobPhase::Cancelled { at } if self.is_lapsed => {
                Some(at)
            }
            JobPhase::Acknowledged { at, .. } | JobPhase::Cancelled { at } => Some(at + RETENTION),
            JobPhase::TransientError { retry_at, .. } => {
                let patience = patience_ends(&self.record);
                first([expiry, Some(retry_at), patience, None])
            }
            JobPhase::Connecting | JobPhase::Transferring => {
                let patience = patience_ends(&self.record).filter(|_| !self.stream.is_stalled());
                let retry = self.pause.as_ref().map(|pause| pause.retry_at);
                first([expiry, patience, retry, self.work_ends()])
            }
            _ => expiry,
        }
    }
}

impl Engine {
    /// Whether nobody was there at the time of the next wake-up, as it was asked for.
    pub(crate) fn was_absent(&self, now: Now) -> bool {
        let asked = self.next_wake().map(|moment| moment.max(self.last_step));
        asked.is_some_and(|moment| now.moment.since(moment) > LATE)
    }

    /// Looks after everything that has become due. What becomes due by that is looked after at the next step.
    pub(crate) fn tick(&mut self, now: Now) {
        // What the event itself did to a job is not in the timers yet: a byte that just came moves the deadline.
        let after = (Moment(now.moment.0.saturating_add(1)), JobId::from_u128(0));
        let due = self.timers.range(..after).map(|(_, id)| *id);
        for id in due.collect::<Vec<_>>() {
            let limits = self.limits;
            let Some(mut job) = self.open(id, now) else {
                continue;
            };
            if job
                .job
                .deadline(&limits)
                .is_none_or(|moment| moment > now.moment)
            {
                continue;
            }
            if job.job.record.phase.is_final() {
                self.forget(id);
            } else {
                job.due();
            }
        }
    }

    /// Whoever waits only for the network may try at once, also a job of which other files go on. The change is not
    /// stored: a restart would let them wait for the time of their next try, or for the network's next change.
    pub(crate) fn network_changed(&mut self, now: Now) {
        let waits = |job: &Job| match &job.record.phase {
            JobPhase::TransientError { error, .. } => retry::is_of_the_network(error.condition),
            _ => job.pause.as_ref().is_some_and(Pause::is_of_the_network),
        };
        let waiting = self.jobs.iter().filter(|(_, job)| waits(job));
        for id in waiting.map(|(id, _)| *id).collect::<Vec<_>>() {
            if let Some(mut job) = self.open(id, now)
                && job.job.pause.take().is_none()
            {
                job.queue();
            }
        }
    }
}

impl JobMut<'_> {
    /// The job's deadline has come.
    fn due(&mut self) {
        let now = self.now.moment;
        if expires(&self.job.record, self.limits) <= now {
            return self.begin_cancel(None);
        }
        let retry = match self.job.record.phase {
            JobPhase::TransientError { retry_at, .. } => Some(retry_at),
            JobPhase::Connecting | JobPhase::Transferring => {
                if self.end_of_work() {
                    return;
                }
                self.job.pause.take_if(|pause| pause.retry_at <= now);
                None
            }
            _ => return,
        };
        let end = patience_ends(&self.job.record);
        if let Some(retry_at) = retry.filter(|at| *at <= now)
            && end.is_none_or(|end| retry_at < end)
        {
            // Not stored: a restart finds a retry that is due, which is the same. From its time on the job waits for
            // a turn, however late that is noticed.
            self.queue();
            self.job.queued_since = retry_at;
        } else if !self.job.stream.is_stalled() && self.is_out_of_patience() {
            self.give_up();
        }
    }

    /// Somebody has the job begin or go on: it has its whole time and all its tries again, and no trouble yet. The
    /// caller stores it.
    pub fn reset_clocks(&mut self) {
        let record = &mut self.job.record;
        record.last_progress = self.now.moment;
        record.fruitless_tries = 0;
        record.download_time = Duration::ZERO;
        self.job.in_vain = None;
        self.job.last_trouble = None;
    }

    /// Whether a job that tries has gone without a byte for too long.
    ///
    /// While the machine slept or the service was not there, nobody could have seen a byte: the clock starts anew.
    pub fn is_out_of_patience(&mut self) -> bool {
        let now = self.now.moment;
        let over = patience_ends(&self.job.record).is_some_and(|end| end <= now);
        if over && self.was_absent {
            self.job.in_vain = None;
            self.job.record.last_progress = now;
        }
        over && !self.was_absent
    }

    /// No byte for the job's no-progress timeout.
    pub fn give_up(&mut self) {
        let timeout = spoken(self.job.record.no_progress_timeout);
        let (file, last) = match self.job.last_trouble.take() {
            Some((file, trouble)) => (file, format!("; the last trouble was: {trouble}")),
            None => (self.job.busy().first().copied(), String::new()),
        };
        self.fail(JobError {
            condition: Condition::NoProgress,
            file,
            detail: format!("no byte arrived for {timeout}{last}"),
        });
    }
}
