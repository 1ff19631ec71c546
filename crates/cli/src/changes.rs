//! What happens to jobs, for `watch`: the client library's streams, joined over the ends of the service.
//!
//! Owns what was told of each job, so that nothing is told twice after the service is back, and the end of a job that
//! came meanwhile is told at all.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    pin::Pin,
};

use bgcopy_client::{Error, ErrorName, Job, JobEvent, JobId, JobInfo, Manager};
use futures_util::{Stream, StreamExt as _, stream};

use crate::{failure::Failure, outage::Outages};

/// Which jobs are watched.
pub enum Wanted {
    /// All that there are and that come, of this user or of all users.
    All {
        /// Of all users.
        all_users: bool,
    },
    /// These.
    Jobs(Vec<Job>),
}

/// What is to be shown.
pub enum News {
    /// Something happened to a job.
    Event(Box<JobEvent>),
    /// The service went away, in a sentence.
    Away(&'static str),
}

/// What happens to these jobs from now on, beginning with how they are. Ends with the last of them.
pub fn changes(manager: Manager, wanted: Wanted) -> impl Stream<Item = Result<News, Failure>> {
    let changes = Changes {
        manager,
        wanted,
        known: HashMap::new(),
        queue: VecDeque::new(),
        events: None,
        outages: Outages::default(),
        is_away: false,
    };
    stream::unfold(Some(changes), |changes| async move {
        let mut changes = changes?;
        match changes.next().await {
            Ok(Some(news)) => Some((Ok(news), Some(changes))),
            Ok(None) => None,
            Err(failure) => Some((Err(failure), None)),
        }
    })
}

type Events = Pin<Box<dyn Stream<Item = Result<JobEvent, Error>>>>;

struct Changes {
    manager: Manager,
    wanted: Wanted,
    /// The jobs as they were last told, but for those that are final.
    known: HashMap<JobId, JobInfo>,
    queue: VecDeque<JobEvent>,
    /// What comes over the connection of now.
    events: Option<Events>,
    outages: Outages,
    /// The service went away, and that is told.
    is_away: bool,
}

impl Changes {
    async fn next(&mut self) -> Result<Option<News>, Failure> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Ok(Some(News::Event(Box::new(event))));
            }
            if std::mem::take(&mut self.is_away) {
                self.outages.over(&self.manager).await?;
            }
            let event = match &mut self.events {
                Some(events) => events.next().await,
                None => match self.open().await {
                    Ok(()) => continue,
                    Err(error) => Some(Err(error)),
                },
            };
            match event {
                None => return Ok(None),
                Some(Ok(event)) => {
                    let news = self.news(event);
                    self.queue.extend(news);
                }
                Some(Err(Error::Disconnected)) => {
                    self.events = None;
                    self.is_away = true;
                    let sentence = self.outages.begun(&self.manager).await?;
                    return Ok(Some(News::Away(sentence)));
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    async fn open(&mut self) -> Result<(), Error> {
        let events: Events = match &self.wanted {
            Wanted::All { all_users } => {
                let events = self.manager.watch(*all_users).await?.boxed();
                if !self.known.is_empty() {
                    self.look_for_the_missing(*all_users).await?;
                }
                events
            }
            Wanted::Jobs(jobs) => {
                let mut streams = Vec::with_capacity(jobs.len());
                for job in jobs {
                    let events = job.watch().await?;
                    streams.push(events.map(|info| Ok(event_of(info?))).boxed());
                }
                Box::pin(stream::select_all(streams))
            }
        };
        self.events = Some(events);
        Ok(())
    }

    /// Tells the end of the jobs that are listed no more since the service was away.
    async fn look_for_the_missing(&mut self, all_users: bool) -> Result<(), Error> {
        let listed = self.manager.jobs(all_users).await?;
        let listed: HashSet<JobId> = listed.iter().map(|(_, info)| info.id).collect();
        let missing: Vec<_> = self.known.keys().copied().collect();
        for id in missing.into_iter().filter(|id| !listed.contains(id)) {
            let found = match self.manager.job(id).await {
                Ok(job) => job.info().await,
                Err(error) => Err(error),
            };
            let last = match found {
                Ok(info) => Some(info),
                // Forgotten, or somebody else's by now: as it was when it was last heard of.
                Err(error)
                    if matches!(
                        error.service_name(),
                        Some(ErrorName::NotFound | ErrorName::AccessDenied)
                    ) =>
                {
                    self.known.get(&id).cloned()
                }
                Err(error) => return Err(error),
            };
            self.known.remove(&id);
            self.queue.extend(last.map(JobEvent::Removed));
        }
        Ok(())
    }

    /// What there is to tell of this, if anything.
    fn news(&mut self, event: JobEvent) -> Option<JobEvent> {
        match event {
            JobEvent::Added(info) | JobEvent::Changed(info)
                if self.known.get(&info.id) == Some(&info) =>
            {
                None
            }
            JobEvent::Added(info) => {
                let before = self.known.insert(info.id, info.clone());
                Some(match before {
                    Some(_) => JobEvent::Changed(info),
                    None => JobEvent::Added(info),
                })
            }
            JobEvent::Changed(info) => {
                self.known.insert(info.id, info.clone());
                Some(JobEvent::Changed(info))
            }
            JobEvent::Removed(info) => {
                self.known.remove(&info.id);
                if let Wanted::Jobs(jobs) = &mut self.wanted {
                    jobs.retain(|job| job.id() != info.id);
                }
                Some(JobEvent::Removed(info))
            }
        }
    }
}

fn event_of(info: JobInfo) -> JobEvent {
    if info.state.is_final() {
        JobEvent::Removed(info)
    } else {
        JobEvent::Changed(info)
    }
}

#[cfg(test)]
mod tests {
    use bgcopy_client::JobState;

    use super::*;
    use crate::json::tests::job;

    #[test]
    fn a_final_job_is_told_as_removed() {
        assert_eq!(event_of(job()), JobEvent::Changed(job()));
        let ended = JobInfo {
            state: JobState::Acknowledged,
            ..job()
        };
        assert_eq!(event_of(ended.clone()), JobEvent::Removed(ended));
    }
}
