//! What is done once a step is durable.
//!
//! An effect carries what it needs from the moment of its step: the engine may be further by the time it runs, and
//! what is published must not be ahead of what is recorded. Only a file's preparation for its name does not wait.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bgcopy_engine::{Action, Attempt, FileView, Refusal, Reply, Ticket};
use bgcopy_model::{
    Condition, FileId, FilePhase, FileRecord, Header, HttpOptions, JobId, JobPhase, JobProgress,
    Mutation, Owner, ProxyEnvironment,
};
use bgcopy_store::StoreError;
use tokio::sync::oneshot;

use super::{
    Driver, Message, Running, callbacks::Notice, files::Work, programs, publisher::JobSnapshot,
    shown_file::FileSnapshot, snapshot, transfer,
};
use crate::crash;

/// Something to do once its step is durable.
pub(super) enum Effect {
    Reply(Ticket, Result<Reply, Refusal>),
    Start(Box<Start>),
    Stop(FileId, Attempt),
    Prepare(Box<Local>),
    Publish(Box<Local>),
    Discard(Box<Local>),
    Notify(Box<Notice>),
    RunCommand(Box<programs::Run>),
    Activate(Box<programs::Start>),
    ShowJob(Box<JobSnapshot>),
    ShowFile(JobId, FileSnapshot, JobProgress),
    Forget(JobId),
    /// Tells a reporter that what its report changed is durable.
    Acknowledge(oneshot::Sender<()>),
}

/// What a transfer begins with.
pub(super) struct Start {
    pub(super) id: FileId,
    pub(super) attempt: Attempt,
    pub(super) owner: Owner,
    pub(super) file: FileRecord,
    pub(super) headers: Vec<Header>,
    pub(super) http: HttpOptions,
    pub(super) proxies: ProxyEnvironment,
    /// How many requests there may be under way for the file.
    pub(super) lanes: u32,
}

/// What naming or deleting a file needs.
pub(super) struct Local {
    pub(super) id: FileId,
    pub(super) owner: Owner,
    pub(super) umask: u32,
    /// Its record as it was then, shared: ten thousand files may wait to be named.
    pub(super) file: Arc<FileRecord>,
}

impl Driver {
    /// What an action comes to, as things stand in this step. `None` for a job or file that is gone already.
    pub(super) fn effect(&self, action: Action) -> Option<Effect> {
        Some(match action {
            // Transactions are taken out before.
            Action::Store(_) => return None,
            Action::Reply(ticket, answer) => Effect::Reply(ticket, answer),
            Action::Start(id, attempt) => {
                let job = self.engine.job(id.job)?;
                Effect::Start(Box::new(Start {
                    id,
                    attempt,
                    owner: job.record().owner,
                    file: FileRecord::clone(job.file(id.index)?.record()),
                    headers: job.record().headers.clone(),
                    http: job.record().http.clone(),
                    proxies: job.record().context.proxies.clone(),
                    lanes: self.engine.lanes_of(id.job),
                }))
            }
            Action::Stop(id, attempt) => Effect::Stop(id, attempt),
            Action::Prepare(id) => Effect::Prepare(self.local(id)?),
            Action::Publish(id) => Effect::Publish(self.local(id)?),
            Action::Discard(id) => Effect::Discard(self.local(id)?),
            Action::Notify {
                job,
                delivery,
                listener,
                notification,
            } => Effect::Notify(Box::new(self.notice(
                job,
                delivery,
                listener,
                notification,
            )?)),
            Action::RunCommand {
                job,
                delivery,
                notification,
            } => {
                let job = self.engine.job(job)?;
                Effect::RunCommand(Box::new(programs::Run::of(job, delivery, notification)))
            }
            Action::Activate(id) => {
                Effect::Activate(Box::new(programs::Start::of(self.engine.job(id)?)?))
            }
            Action::JobChanged(id) => {
                Effect::ShowJob(Box::new(snapshot::job(self.engine.job(id)?)))
            }
            Action::FileChanged(id) => {
                let job = self.engine.job(id.job)?;
                let file = FileSnapshot::new(job.file(id.index)?);
                Effect::ShowFile(id.job, file, job.progress())
            }
            Action::Forgotten(id) => Effect::Forget(id),
        })
    }

    fn local(&self, id: FileId) -> Option<Box<Local>> {
        let job = self.engine.job(id.job)?;
        let (owner, umask) = (job.record().owner, job.record().context.umask);
        Some(Box::new(Local {
            id,
            owner,
            umask,
            file: job.file(id.index)?.record().clone(),
        }))
    }

    /// Does what became due, in order.
    pub(super) fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reply(ticket, answer) => self.answer(ticket, answer),
                Effect::Start(start) => self.start_transfer(*start),
                Effect::Stop(id, attempt) => {
                    let running = self.running.get_mut(&id);
                    if let Some(running) = running.filter(|running| running.attempt == attempt) {
                        running.stop();
                    }
                }
                Effect::Prepare(local) => self.name(Work::Prepare(local)),
                Effect::Publish(local) => self.name(Work::Publish(local)),
                Effect::Discard(local) => self.name(Work::Discard(local)),
                Effect::Notify(notice) => notice.call(self.messages.clone()),
                Effect::RunCommand(run) => self.programs.run(*run, self.messages.clone()),
                Effect::Activate(start) => self.programs.start(*start),
                Effect::ShowJob(job) => {
                    if job.state.is_final() {
                        self.names.release(job.id);
                        self.streams.release(job.id);
                    }
                    self.allow_lanes(job.id);
                    self.view.put(*job);
                }
                Effect::ShowFile(job, file, progress) => {
                    let shown = self.view.any(job);
                    let is_final = shown.is_some_and(|job| job.state.is_final());
                    if !file.name_pending() && !is_final {
                        self.names.take(job, file.path());
                    }
                    self.view.put_file(job, file, progress);
                }
                Effect::Forget(id) => {
                    self.names.release(id);
                    self.heads.forget(id);
                    self.callbacks.forget(id);
                    self.streams.release(id);
                    self.view.forget(id);
                }
                Effect::Acknowledge(done) => {
                    // A run that has ended meanwhile does not listen any more.
                    let _ = done.send(());
                }
            }
        }
    }

    /// Publishes everything that was restored.
    pub(super) fn publish_all(&self) {
        for job in self.engine.jobs() {
            let id = job.record().id;
            self.view.put(snapshot::job(job));
            let files: Vec<FileView<'_>> = job.files().collect();
            for file in files {
                if !file.record().name_pending() && !job.state().is_final() {
                    self.names.take(id, &file.record().path);
                }
                self.view
                    .put_file(id, FileSnapshot::new(file), job.progress());
            }
        }
    }

    /// Tells everyone who waits for a transaction that it failed. The engine has done what they asked for: it is
    /// recorded later, or was never done.
    pub(super) fn refuse_waiting(&mut self, error: &StoreError) {
        let mut tickets = Vec::new();
        for step in &mut self.pending {
            step.effects.retain(|effect| match effect {
                Effect::Reply(ticket, _) => {
                    tickets.push(*ticket);
                    false
                }
                _ => true,
            });
        }
        for ticket in tickets {
            self.answer(ticket, Err(unrecorded(error)));
        }
        for held in std::mem::take(&mut self.held) {
            match held {
                // A client that is gone does not want its answer.
                Message::Call(_, reply)
                | Message::SetNotifyInterface(.., reply)
                | Message::SetStream(.., reply) => {
                    drop(reply.send(Err(unrecorded(error))));
                }
                // What asks changes nothing.
                other => self.receive_now(other),
            }
        }
    }

    fn answer(&mut self, ticket: Ticket, answer: Result<Reply, Refusal>) {
        if let Some(reply) = self.tickets.remove(&ticket) {
            // A client that is gone does not want its answer.
            let _ = reply.send(answer);
        }
    }

    /// Tells the job's runs how many requests each may have under way: its priority may be another one now.
    fn allow_lanes(&self, id: JobId) {
        let runs = self.running.iter().filter(|(file, _)| file.job == id);
        for (_, running) in runs {
            let lanes = self.engine.lanes_of(id);
            running.lanes.store(lanes, Ordering::Relaxed);
        }
    }

    fn start_transfer(&mut self, start: Start) {
        let (id, attempt) = (start.id, start.attempt);
        if self.stopping.is_some() {
            // Not reported as ended either: the engine would begin the next one at once.
            return;
        }
        let (stop, stopped) = oneshot::channel();
        let stop = Some(stop);
        let lanes = Arc::new(AtomicU32::new(start.lanes));
        let running = Running {
            attempt,
            stop,
            lanes: lanes.clone(),
        };
        self.running.insert(id, running);
        let surroundings = transfer::Surroundings {
            disk: self.disk.owner(start.owner),
            client: self.origin.clone(),
            stream: self.streams.of(id.job),
            names: self.names.clone(),
            heads: self.heads.clone(),
            budget: self.budget.clone(),
            lanes,
            messages: self.messages.clone(),
        };
        transfer::spawn(start, surroundings, stopped);
    }
}

/// The refusal of what cannot be recorded.
fn unrecorded(error: &StoreError) -> Refusal {
    let detail = format!("the service cannot record this: {error}");
    Refusal::new(Condition::StoreFailure, detail)
}

/// The crash points behind a transaction.
pub(super) fn crash_points(mutations: &[Mutation]) {
    for mutation in mutations {
        match mutation {
            Mutation::PutJob(job) => match job.phase {
                JobPhase::Transferred => crash::point("transferred-committed"),
                JobPhase::Completing { .. } => crash::point("completing-committed"),
                JobPhase::Acknowledged { .. } => crash::point("acknowledged-committed"),
                JobPhase::Cancelled { .. } => crash::point("cancelled-committed"),
                _ => crash::point("job-committed"),
            },
            Mutation::PutFiles(_, files) => {
                let has_extents = |file: &Arc<FileRecord>| {
                    file.phase == FilePhase::Pending && !file.durable.is_empty()
                };
                if files.iter().any(has_extents) {
                    crash::point("extents-committed");
                }
            }
            Mutation::Forget(_) | Mutation::PutAnchor(_) => {}
        }
    }
}
