//! Following jobs to their end, by the service's signals.
//!
//! Owns what counts as an end, for `get` and `wait` alike. Must never ask the service how far a job is: it is told.

use std::io;

use bgcopy_client::{Job, JobInfo, JobState};
use futures_util::{StreamExt as _, stream};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep_until},
};

use crate::{
    context::short_id,
    failure::{Exit, Failure},
    progress::Progress,
};

/// How following ended.
#[derive(Debug)]
pub enum Ending {
    /// Every job came to an end; the jobs as they ended, in the order given.
    Ended(Vec<JobInfo>),
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// The time was up.
    TimedOut,
}

/// Ctrl-C. From when this is made on, it no longer ends the process.
#[derive(Debug)]
pub struct Interrupt(Signal);

impl Interrupt {
    /// Takes Ctrl-C over.
    pub fn new() -> io::Result<Self> {
        signal(SignalKind::interrupt()).map(Self)
    }

    /// Waits for it.
    pub async fn pressed(&mut self) {
        self.0.recv().await;
    }
}

/// Whether nothing more happens to the job by itself.
///
/// SUSPENDED is no end: whoever suspended it can resume it. TRANSFERRED is one where the client is to complete the
/// job, or where the service has tried to and could not.
pub fn is_end(job: &JobInfo) -> bool {
    match job.state {
        JobState::Transferred => !job.auto_complete || job.error.is_some(),
        JobState::Error => true,
        state => state.is_final(),
    }
}

/// Follows these jobs until each came to an end.
pub async fn follow(
    jobs: &[Job],
    progress: &mut Progress,
    interrupt: &mut Interrupt,
    deadline: Option<Instant>,
) -> Result<Ending, Failure> {
    let mut streams = Vec::with_capacity(jobs.len());
    for (at, job) in jobs.iter().enumerate() {
        let stream = job.watch().await?;
        streams.push(stream.map(move |info| (at, info)).boxed());
    }
    let mut changes = stream::select_all(streams);
    let mut ends: Vec<Option<JobInfo>> = vec![None; jobs.len()];
    while ends.iter().any(Option::is_none) {
        tokio::select! {
            // What has happened goes before the time that is up.
            biased;
            change = changes.next() => {
                // The streams end after the final states alone, or with an error.
                let Some((at, info)) = change else { break };
                let info = info?;
                progress.update(at, &jobs[at], &info).await?;
                ends[at] = is_end(&info).then_some(info);
            }
            () = interrupt.pressed() => return Ok(Ending::Interrupted),
            () = at(deadline) => return Ok(Ending::TimedOut),
            () = progress.due() => progress.tick().await?,
        }
    }
    Ok(Ending::Ended(ends.into_iter().flatten().collect()))
}

/// Waits until then; for ever where there is no such time.
async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What to tell of a job that came to an end which is none that anybody wished for.
pub fn failure_of(job: &JobInfo) -> Option<Failure> {
    let id = short_id(job.id);
    let name = &job.name;
    let because = || match &job.error {
        Some(error) => format!(
            "{} ({})",
            error.description.trim_end_matches('.'),
            error.code
        ),
        None => "it does not say why".to_owned(),
    };
    let sentence = match job.state {
        JobState::Error => format!(
            "{name}: {}; mend that and run `bgcopy resume {id}`, or drop the job with `bgcopy cancel {id}`",
            because()
        ),
        JobState::Cancelled => format!("{name}: the job was cancelled"),
        JobState::Transferred if job.auto_complete => format!(
            "{name}: the files are fetched and cannot be named: {}; mend that and run `bgcopy complete {id}`",
            because()
        ),
        _ => return None,
    };
    Some(Failure::new(Exit::Job, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::job;

    fn in_state(state: JobState) -> JobInfo {
        JobInfo { state, ..job() }
    }

    #[test]
    fn a_job_that_can_go_on_by_itself_has_not_ended() {
        for state in [
            JobState::Queued,
            JobState::Connecting,
            JobState::Transferring,
            JobState::TransientError,
            JobState::Suspended,
        ] {
            assert!(!is_end(&in_state(state)), "{state:?}");
        }
        for state in [JobState::Error, JobState::Acknowledged, JobState::Cancelled] {
            assert!(is_end(&in_state(state)), "{state:?}");
        }
    }

    #[test]
    fn transferred_is_an_end_unless_the_service_completes_the_job() {
        let mut job = in_state(JobState::Transferred);
        job.error = None;
        assert!(!is_end(&job));
        job.auto_complete = false;
        assert!(is_end(&job));
        assert_eq!(failure_of(&job), None);
    }

    #[test]
    fn an_error_is_told_with_the_two_ways_out() {
        let failure = failure_of(&in_state(JobState::Error)).unwrap();
        let text = format!("{failure:?}");
        for words in [
            "the host cannot be reached",
            "bgcopy resume 00000000",
            "bgcopy cancel 00000000",
        ] {
            assert!(text.contains(words), "{text}");
        }
        assert_eq!(failure.exit(), Exit::Job);
        assert_eq!(failure_of(&in_state(JobState::Acknowledged)), None);
    }
}
