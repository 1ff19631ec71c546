//! Following jobs to their end, by the service's signals.
//!
//! Owns what counts as an end, for `get` and `wait` alike, and when a service counts as silent. Must never ask the
//! service how far a job is: it is told.

use std::{collections::BTreeSet, pin::Pin, time::Duration};

use bgcopy_client::{Error, FileInfo, Job, JobInfo, JobState, Manager};
use futures_util::{StreamExt as _, stream};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep_until},
};

use crate::{
    context::short_id,
    failure::{Exit, Failure},
    outage::{Outages, PATIENCE, patiently},
    progress::Progress,
    terminal::now,
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
    pub fn new() -> Result<Self, Failure> {
        signal(SignalKind::interrupt())
            .map(Self)
            .map_err(|error| Failure::new(Exit::Service, format!("cannot hear of Ctrl-C: {error}")))
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

/// Follows these jobs until each came to an end. A service that goes away meanwhile is started again; one that does not
/// answer is told of.
pub async fn follow(
    manager: &Manager,
    jobs: &[Job],
    progress: &mut Progress,
    interrupt: &mut Interrupt,
    deadline: Option<Instant>,
) -> Result<Ending, Failure> {
    let mut following = Following {
        manager,
        jobs,
        progress,
        latest: vec![None; jobs.len()],
    };
    tokio::select! {
        // What has happened goes before the time that is up.
        biased;
        ends = following.until_ended() => ends.map(Ending::Ended),
        () = interrupt.pressed() => Ok(Ending::Interrupted),
        () = at(deadline) => Ok(Ending::TimedOut),
    }
}

/// After this long without a word from a service that has something to tell, it is asked for a sign of life.
const QUIET: Duration = Duration::from_secs(3);

/// What the service was asked, and says.
enum Answer {
    /// The files of the job at this place.
    Files(usize, Result<Vec<FileInfo>, Error>),
    /// A sign of life.
    Alive(Result<(), Error>),
}

/// A question, with the moment when it was asked.
struct Question {
    since: Instant,
    answer: Pin<Box<dyn Future<Output = Answer>>>,
}

/// Waits for the answer, if there is a question.
async fn answer(question: &mut Option<Question>) -> Answer {
    match question {
        Some(question) => question.answer.as_mut().await,
        None => std::future::pending().await,
    }
}

struct Following<'a> {
    manager: &'a Manager,
    jobs: &'a [Job],
    progress: &'a mut Progress,
    /// Each job as it was last told.
    latest: Vec<Option<JobInfo>>,
}

impl Following<'_> {
    async fn until_ended(&mut self) -> Result<Vec<JobInfo>, Failure> {
        let mut outages = Outages::default();
        loop {
            match self.over_one_connection().await {
                Ok(()) => return Ok(self.latest.drain(..).flatten().collect()),
                Err(Error::Disconnected) => {
                    self.progress.say(outages.begun(self.manager).await?);
                    outages.over(self.manager).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Never waits for an answer with its hands in its lap: the service may hang.
    async fn over_one_connection(&mut self) -> Result<(), Error> {
        let mut streams = Vec::with_capacity(self.jobs.len());
        for (at, job) in self.jobs.iter().enumerate() {
            // What is final stays so, and may be forgotten.
            if !self.latest[at]
                .as_ref()
                .is_some_and(|it| it.state.is_final())
            {
                let stream = patiently(self.manager, job.watch(), |process| {
                    self.progress.silent(Some(process));
                });
                let stream = stream.await?;
                self.progress.silent(None);
                streams.push(stream.map(move |info| (at, info)).boxed());
            }
        }
        let mut changes = stream::select_all(streams);
        let mut wanted = BTreeSet::<usize>::new();
        let mut question: Option<Question> = None;
        let mut heard = Instant::now();
        while !self.has_ended() {
            if question.is_none()
                && let Some(at) = wanted.pop_first()
            {
                let job = self.jobs[at].clone();
                question = Some(Question {
                    since: Instant::now(),
                    answer: Box::pin(async move { Answer::Files(at, job.files().await) }),
                });
            }
            let too_quiet = match &question {
                Some(_) if self.progress.is_silent() => None,
                Some(question) => Some(question.since + PATIENCE),
                None => self.expected(heard + QUIET),
            };
            tokio::select! {
                biased;
                change = changes.next() => {
                    // The streams end after the final states alone, or with an error.
                    let Some((at, info)) = change else { break };
                    let info = info?;
                    if self.progress.update(at, &info) {
                        wanted.insert(at);
                    }
                    self.latest[at] = Some(info);
                }
                answer = answer(&mut question) => {
                    question = None;
                    match answer {
                        Answer::Files(at, files) => self.progress.files(at, &files?),
                        Answer::Alive(sign) => sign?,
                    }
                }
                () = at(too_quiet) => {
                    if question.is_some() {
                        self.progress.silent(Some(self.manager.service().process_id));
                    } else {
                        let manager = self.manager.clone();
                        question = Some(Question {
                            since: Instant::now(),
                            answer: Box::pin(async move { Answer::Alive(manager.answers().await) }),
                        });
                    }
                    continue;
                }
                () = self.progress.due() => {
                    wanted.extend(self.progress.tick());
                    continue;
                }
            }
            heard = Instant::now();
            self.progress.silent(None);
        }
        Ok(())
    }

    fn has_ended(&self) -> bool {
        let mut all = self.latest.iter();
        all.all(|job| job.as_ref().is_some_and(is_end))
    }

    /// From when on something should have been heard, if not before `earliest`; `None`: nothing need happen.
    fn expected(&self, earliest: Instant) -> Option<Instant> {
        let waits = self.latest.iter().flatten().filter_map(wait_of);
        waits.min().map(|wait| earliest.max(Instant::now() + wait))
    }
}

/// How long it may be before something happens to the job; `None`: as long as it likes.
fn wait_of(job: &JobInfo) -> Option<Duration> {
    match job.state {
        JobState::Connecting | JobState::Transferring => Some(Duration::ZERO),
        JobState::Transferred if !is_end(job) => Some(Duration::ZERO),
        JobState::TransientError => {
            let retry = job.retry_at?;
            Some(Duration::from_micros(retry.0.saturating_sub(now().0)))
        }
        _ => None,
    }
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
