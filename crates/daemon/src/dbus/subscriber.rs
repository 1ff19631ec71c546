//! One client's signals: from what changed to `PropertiesChanged`, `JobAdded`, `JobRemoved` and the object manager's
//! signals, sent to that client alone.
//!
//! Owns what the client was told last, and tells it what is different now. A change of a job's state is told at once;
//! progress waits until [`PROGRESS`] has passed since the job's last signal. There is a timer only while something
//! waits, and notes that are not urgent gather for a moment first ([`Changes`]). A client that reads slowly gets fewer,
//! larger changes: notes pile up in the publisher's ring alone, and when that overruns, everything is compared and told
//! afresh. It must never hold up the publisher or another client.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use bgcopy_bus::names::{self, job_path};
use bgcopy_model::{FileId, JobId, Owner};
use tokio::{
    sync::{
        broadcast::error::{RecvError, TryRecvError},
        mpsc,
    },
    time::Instant,
};

use super::{
    Service,
    agenda::Agenda,
    client::{Gone, Link},
    outbox::Outbox,
    signals::{Change as Wish, Request, Scope},
    watched::Watched,
};
use crate::{
    authz::Action,
    driver::{Change, Changes, JobSnapshot},
};

/// The shortest time between two signals of a job that tell progress alone: four a second.
const PROGRESS: Duration = Duration::from_millis(250);

/// Notes that are taken in before anything is told.
const NOTES_AT_ONCE: usize = 1_024;

/// What one client wants to know and was told.
pub(super) struct Subscriber {
    service: Service,
    caller: Owner,
    link: Arc<Link>,
    /// Whether it wants all jobs that it may see.
    all: bool,
    /// The jobs that it wants with their files.
    jobs: HashSet<JobId>,
    /// What it was told of each job.
    watched: HashMap<JobId, Watched>,
    /// When a job's changes are to be told.
    agenda: Agenda,
    /// What changes; `None` while nothing is wanted, so that nothing wakes this.
    changes: Option<Changes>,
}

impl Subscriber {
    pub(super) fn new(service: Service, caller: Owner, link: Arc<Link>) -> Self {
        Self {
            service,
            caller,
            link,
            all: false,
            jobs: HashSet::new(),
            watched: HashMap::new(),
            agenda: Agenda::default(),
            changes: None,
        }
    }

    /// Works until the requests end or the client is gone.
    pub(super) async fn run(mut self, mut requests: mpsc::UnboundedReceiver<Request>) {
        loop {
            let due = self.agenda.first();
            let told = tokio::select! {
                request = requests.recv() => {
                    let Some(request) = request else { return };
                    self.serve(request).await
                }
                change = next(self.changes.as_mut()) => self.note_all(change).await,
                () = sleep_until(due), if due.is_some() => self.tell_due().await,
            };
            if let Err(Gone) = told {
                return;
            }
        }
    }

    async fn serve(&mut self, request: Request) -> Result<(), Gone> {
        match request {
            Request::Change(wish, done) => {
                self.take(wish);
                // Whoever asked may have gone.
                let _ = done.send(());
            }
            Request::Look(silent, over) => {
                let _ = silent.send(());
                // One that was given up taught the client nothing. What the answer told is told by a signal as well:
                // who asked and who waits for signals can be two parts of one program, and what changes back to what
                // the signals told last would otherwise never be told to who asked.
                for job in over.await.unwrap_or_default() {
                    let handle = self.service.handle();
                    let watched = self.watched.get_mut(&job.id);
                    if watched.is_some_and(|watched| watched.was_news(&job, handle)) {
                        self.tell(job.id).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, wish: Wish) {
        match wish {
            Wish::Add(scope) => {
                if self.changes.is_none() {
                    self.changes = Some(self.service.handle().view().subscribe());
                }
                match scope {
                    Scope::All => {
                        self.all = true;
                        for job in self.visible() {
                            self.watched
                                .entry(job.id)
                                .or_insert_with(|| Watched::new(&job));
                        }
                    }
                    Scope::Job(id) => {
                        self.jobs.insert(id);
                        if let Some(job) = self.service.handle().view().job(id) {
                            // One that is watched already may have something to be told yet.
                            let handle = self.service.handle();
                            let watched = self.watched.entry(id);
                            watched.or_insert_with(|| Watched::known(&job, handle));
                        }
                    }
                }
            }
            Wish::Remove(Scope::All) => self.all = false,
            Wish::Remove(Scope::Job(id)) => {
                self.jobs.remove(&id);
            }
        }
        if !self.all {
            self.watched.retain(|id, _| self.jobs.contains(id));
            if self.jobs.is_empty() {
                self.changes = None;
            }
        }
    }

    /// Takes in a note and those that wait behind it, then tells what is due.
    async fn note_all(&mut self, first: Result<Change, RecvError>) -> Result<(), Gone> {
        let mut lagged = match first {
            Ok(change) => {
                self.note(change).await?;
                false
            }
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => {
                self.changes = None;
                return Ok(());
            }
        };
        for _ in 0..NOTES_AT_ONCE {
            match self.changes.as_mut().map(Changes::try_next) {
                Some(Ok(change)) => self.note(change).await?,
                Some(Err(TryRecvError::Lagged(_))) => lagged = true,
                Some(Err(TryRecvError::Empty | TryRecvError::Closed)) | None => break,
            }
        }
        if lagged {
            self.start_afresh().await?;
        }
        self.tell_due().await
    }

    async fn note(&mut self, change: Change) -> Result<(), Gone> {
        match change {
            Change::Added(id) => match self.service.handle().view().job(id) {
                Some(job) if self.all && !job.state.is_final() => self.appeared(&job).await,
                _ => Ok(()),
            },
            Change::Job(id) => {
                self.mark(id, None);
                Ok(())
            }
            Change::File(file) => {
                self.mark(file.job, Some(file));
                Ok(())
            }
            Change::Left(id) => {
                self.mark(id, None);
                self.tell(id).await?;
                self.left(id).await
            }
            Change::Gone(id) => {
                self.forget(id);
                self.jobs.remove(&id);
                Ok(())
            }
        }
    }

    /// Notes that a job has something to tell, and when that is to be told.
    fn mark(&mut self, id: JobId, file: Option<FileId>) {
        let Some(watched) = self.watched.get_mut(&id) else {
            return;
        };
        if let Some(file) = file
            && self.jobs.contains(&id)
        {
            watched.dirty_files.insert(file.index);
        }
        let job = self.service.handle().view().job(id);
        let urgent = job.is_some_and(|job| watched.is_urgent(&job));
        let now = Instant::now();
        self.agenda
            .plan(id, if urgent { now } else { watched.next.max(now) });
    }

    /// Tells what has become due.
    async fn tell_due(&mut self) -> Result<(), Gone> {
        let now = Instant::now();
        while let Some(id) = self.agenda.next_due(now) {
            self.tell(id).await?;
        }
        Ok(())
    }

    /// Tells what is new of a job.
    async fn tell(&mut self, id: JobId) -> Result<(), Gone> {
        self.agenda.cancel(id);
        let Some(watched) = self.watched.get_mut(&id) else {
            return Ok(());
        };
        watched.next = Instant::now() + PROGRESS;
        let handle = self.service.handle();
        let Some(job) = handle.view().job(id) else {
            return Ok(());
        };
        if !may_see(&self.service, self.caller, &job) {
            // It was given to somebody else.
            let told = self.left(id).await;
            self.forget(id);
            self.jobs.remove(&id);
            return told;
        }
        let mut out = Outbox::new(&self.link);
        watched
            .tell(&job, handle, self.jobs.contains(&id), &mut out)
            .await?;
        out.flush().await
    }

    /// A job is new.
    async fn appeared(&mut self, job: &JobSnapshot) -> Result<(), Gone> {
        if self.watched.contains_key(&job.id) || !may_see(&self.service, self.caller, job) {
            return Ok(());
        }
        let mut watched = Watched::new(job);
        let mut out = Outbox::new(&self.link);
        watched
            .introduce(job, self.service.handle(), &mut out)
            .await?;
        self.watched.insert(job.id, watched);
        out.flush().await
    }

    /// A job is no longer listed. Who subscribed to it alone hears of it until it is forgotten.
    async fn left(&mut self, id: JobId) -> Result<(), Gone> {
        let Some(watched) = self.watched.get_mut(&id) else {
            return Ok(());
        };
        let was_listed = std::mem::replace(&mut watched.listed, false);
        if !self.jobs.contains(&id) {
            self.forget(id);
        }
        if !self.all || !was_listed {
            return Ok(());
        }
        let mut out = Outbox::new(&self.link);
        out.removed(names::MANAGER_PATH, &job_path(id), names::JOB)
            .await?;
        out.manager("JobRemoved", &job_path(id)).await?;
        out.flush().await
    }

    /// Notes were lost: compares everything with what the client knows.
    async fn start_afresh(&mut self) -> Result<(), Gone> {
        let view = self.service.handle().view().clone();
        if self.all {
            for job in self.visible() {
                self.appeared(&job).await?;
            }
        }
        let known: Vec<JobId> = self.watched.keys().copied().collect();
        for id in known {
            let Some(job) = view.job(id) else {
                self.left(id).await?;
                self.note(Change::Gone(id)).await?;
                continue;
            };
            if let Some(watched) = self.watched.get_mut(&id) {
                watched.doubt(&job, self.jobs.contains(&id));
            }
            self.tell(id).await?;
            if job.state.is_final() {
                self.left(id).await?;
            }
        }
        Ok(())
    }

    fn forget(&mut self, id: JobId) {
        self.watched.remove(&id);
        self.agenda.cancel(id);
    }

    /// The jobs that are not final and that the caller may see.
    fn visible(&self) -> Vec<Arc<JobSnapshot>> {
        let mut jobs = self.service.handle().view().jobs();
        jobs.retain(|job| may_see(&self.service, self.caller, job));
        jobs
    }
}

fn may_see(service: &Service, caller: Owner, job: &JobSnapshot) -> bool {
    service.authz().may(caller, Action::See(job.owner))
}

async fn next(changes: Option<&mut Changes>) -> Result<Change, RecvError> {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}
