//! What is watched, as streams: one job, or all of them.
//!
//! Every stream begins with a look at what there is, and goes on with what the service's signals change of it. The
//! look is taken after the subscription, so nothing can happen between the two; a signal that is older than the look
//! (both come in one order over one connection) is passed over. Nothing here asks twice, but for a watcher that fell
//! behind.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bgcopy_bus::{JobProperties, names::job_path};
use bgcopy_model::{JobId, JobState};
use futures_util::{Stream, stream};
use tokio::{runtime::Handle, sync::Mutex};
use zbus::message::Sequence;

use crate::{
    Error, ErrorName, JobInfo, Result,
    connection::Link,
    router::{Happened, Scope, Watcher},
};

/// Something happened to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEvent {
    /// It is there: since before the stream began, or from now on.
    Added(JobInfo),
    /// It looks different.
    Changed(JobInfo),
    /// It is final, and is listed no more.
    Removed(JobInfo),
}

/// How often each scope is subscribed to on a connection. The service knows one subscription for each; it is
/// withdrawn with the last watcher.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(Mutex<HashMap<Scope, usize>>);

/// A watcher that the service sends signals for.
#[derive(Debug)]
struct Subscription {
    link: Arc<Link>,
    scope: Scope,
    number: u64,
    watcher: Arc<Watcher>,
}

impl Subscription {
    async fn open(link: Arc<Link>, scope: Scope) -> Result<Self> {
        let mut counts = link.subscriptions.0.lock().await;
        if !counts.contains_key(&scope) {
            subscribe(&link, scope).await?;
        }
        *counts.entry(scope).or_default() += 1;
        drop(counts);
        let (number, watcher) = link.router.watch(scope);
        Ok(Self {
            link,
            scope,
            number,
            watcher,
        })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.link.router.forget(self.number);
        let (link, scope) = (self.link.clone(), self.scope);
        // Outside a runtime there is no connection to withdraw anything on.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let mut counts = link.subscriptions.0.lock().await;
                let Some(count) = counts.get_mut(&scope) else {
                    return;
                };
                *count -= 1;
                if *count == 0 {
                    counts.remove(&scope);
                    // A job that is forgotten has no subscription left to withdraw.
                    let _ = unsubscribe(&link, scope).await;
                }
            });
        }
    }
}

async fn subscribe(link: &Link, scope: Scope) -> Result<()> {
    match scope {
        Scope::Job(id) => link.job(id).await?.subscribe().await?,
        Scope::All => link.manager().await?.subscribe().await?,
    }
    Ok(())
}

async fn unsubscribe(link: &Link, scope: Scope) -> Result<()> {
    match scope {
        Scope::Job(id) => link.job(id).await?.unsubscribe().await?,
        Scope::All => link.manager().await?.unsubscribe().await?,
    }
    Ok(())
}

/// A job as it was last told, and where in the stream of signals that was.
#[derive(Clone, Debug)]
struct Known {
    at: Sequence,
    properties: JobProperties,
}

impl Known {
    async fn read(link: &Link, id: JobId) -> Result<Self> {
        let (at, properties) = link.read(job_path(id).as_ref()).await?;
        Ok(Self { at, properties })
    }

    /// Takes over what changed after it was told; whether anything did.
    fn apply(&mut self, happened: Happened) -> bool {
        let mut changed = false;
        for (at, changes) in happened.changes {
            if at > self.at {
                self.properties.apply(changes);
                self.at = at;
                changed = true;
            }
        }
        changed
    }

    fn is_final(&self) -> bool {
        JobState::from_code(self.properties.state).is_some_and(JobState::is_final)
    }

    fn info(&self) -> Result<JobInfo> {
        self.properties.clone().try_into()
    }
}

/// Whether the service has forgotten the job meanwhile.
fn is_forgotten(error: &Error) -> bool {
    error.service_name() == Some(ErrorName::NotFound)
}

/// One job, from how it is now until it is final. See [`crate::Job::watch`].
pub(crate) async fn job(
    link: Arc<Link>,
    id: JobId,
) -> Result<impl Stream<Item = Result<JobInfo>> + Send + use<>> {
    let subscription = Subscription::open(link, Scope::Job(id)).await?;
    let known = Known::read(&subscription.link, id).await?;
    let watch = JobWatch {
        subscription,
        id,
        known,
        is_first: true,
    };
    Ok(stream::unfold(Some(watch), |watch| async move {
        let mut watch = watch?;
        match watch.next().await {
            Some(Ok(info)) => Some((Ok(info), Some(watch))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    }))
}

struct JobWatch {
    subscription: Subscription,
    id: JobId,
    known: Known,
    is_first: bool,
}

impl JobWatch {
    async fn next(&mut self) -> Option<Result<JobInfo>> {
        if std::mem::take(&mut self.is_first) {
            return Some(self.known.info());
        }
        if self.known.is_final() {
            return None;
        }
        loop {
            let Some((_, happened)) = self.subscription.watcher.next().await else {
                return Some(Err(Error::Disconnected));
            };
            if happened.lost {
                match Known::read(&self.subscription.link, self.id).await {
                    Ok(known) => self.known = known,
                    Err(error) => return Some(Err(error)),
                }
            } else if !self.known.apply(happened) {
                continue;
            }
            return Some(self.known.info());
        }
    }
}

/// All jobs of this user, or of every user. See [`crate::Manager::watch`].
pub(crate) async fn jobs(
    link: Arc<Link>,
    all_users: bool,
) -> Result<impl Stream<Item = Result<JobEvent>> + Send + use<>> {
    let subscription = Subscription::open(link, Scope::All).await?;
    let (at, listed) = subscription.link.list(all_users).await?;
    let mut watch = JobsWatch {
        subscription,
        owner: (!all_users).then(|| rustix::process::geteuid().as_raw()),
        known: HashMap::new(),
        events: VecDeque::new(),
    };
    for properties in listed {
        watch.add(Known { at, properties })?;
    }
    Ok(stream::unfold(Some(watch), |watch| async move {
        let mut watch = watch?;
        match watch.next().await {
            Ok(event) => Some((Ok(event), Some(watch))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

struct JobsWatch {
    subscription: Subscription,
    /// The one user whose jobs are wanted.
    owner: Option<u32>,
    known: HashMap<JobId, Known>,
    events: VecDeque<JobEvent>,
}

impl JobsWatch {
    async fn next(&mut self) -> Result<JobEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let Some((id, happened)) = self.subscription.watcher.next().await else {
                return Err(Error::Disconnected);
            };
            self.happened(id, happened).await?;
        }
    }

    fn add(&mut self, known: Known) -> Result<()> {
        let info = known.info()?;
        self.known.insert(info.id, known);
        self.events.push_back(JobEvent::Added(info));
        Ok(())
    }

    async fn happened(&mut self, id: JobId, happened: Happened) -> Result<()> {
        let (added, removed, lost) = (happened.added, happened.removed, happened.lost);
        // The list may be younger than the signal that the job was added.
        let is_new = added && !self.known.contains_key(&id);
        if is_new || (lost && self.known.contains_key(&id)) {
            match Known::read(&self.subscription.link, id).await {
                Ok(known) if self.owner.is_none_or(|o| o == known.properties.owner) => {
                    if is_new {
                        self.add(known)?;
                    } else {
                        self.known.insert(id, known);
                    }
                }
                Ok(_) => return Ok(()),
                Err(error) if is_forgotten(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(known) = self.known.get_mut(&id) else {
            return Ok(());
        };
        let changed = known.apply(happened) || lost;
        let info = known.info()?;
        if removed || known.is_final() {
            self.known.remove(&id);
            self.events.push_back(JobEvent::Removed(info));
        } else if changed {
            self.events.push_back(JobEvent::Changed(info));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bgcopy_bus::JobChanges;

    fn known() -> Known {
        Known {
            at: Sequence::default(),
            properties: crate::wire::tests::job_properties(),
        }
    }

    #[test]
    fn a_signal_that_is_not_younger_than_the_look_is_passed_over() {
        let changes = JobChanges {
            state: Some(8),
            ..JobChanges::default()
        };
        let happened = Happened {
            changes: vec![(Sequence::default(), changes)],
            ..Happened::default()
        };
        let mut job = known();
        assert!(!job.apply(happened));
        assert!(!job.is_final());
    }
}
