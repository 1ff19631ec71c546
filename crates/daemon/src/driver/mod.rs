//! The one task that decides: it owns the engine, feeds it what happens and carries out what it says.
//!
//! ```text
//!  calls ───┐                      ┌─► store (one transaction a step, in order)
//!  reports ─┼─► Engine::step ─► actions        │ durable
//!  clock ───┘                      └─► effects ◄┘  replies, snapshots, transfers, renames, deletions
//! ```
//!
//! Steps go on while earlier ones are being made durable, so that transactions that wait together become one; but the
//! effects of a step run only after its own transaction and after those of all steps before it. That order is the
//! whole crash protocol on this side: a client is told nothing, and no file is touched, before the intent is safe.
//!
//! The driver must never wait for a transfer, a disk or a client: whoever works reports by message.

mod account;
mod backlog;
mod callbacks;
mod changes;
mod effects;
mod files;
mod handle;
mod heads;
mod names;
mod network;
mod programs;
mod publisher;
mod shown_file;
mod snapshot;
mod statuses;
mod streams;
mod transfer;

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use bgcopy_disk::Disk;
use bgcopy_engine::{Action, Attempt, Call, Engine, Event, Outcome, Report, Ticket};
use bgcopy_model::{
    Condition, FileId, JobId, JobPhase, JobProgress, Limits, Moment, Mutation, Owner,
};
use bgcopy_store::{Restored, Store, StoreError};
use futures_util::FutureExt;
use tokio::{
    runtime,
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use self::{
    backlog::Pending, callbacks::Callbacks, effects::Effect, handle::Answer, heads::Heads,
    names::Names, streams::Streams,
};
pub use self::{
    callbacks::{Callback, Target},
    changes::Changes,
    handle::{Extras, Handle},
    programs::Programs,
    publisher::{Change, JobSnapshot, Publisher},
    shown_file::FileSnapshot,
    statuses::{Mailbox, Status},
    streams::Stream,
};
use crate::clock::{BootTimer, Clock};

/// How long after a failed transaction it is tried again.
const STORE_RETRY: Duration = Duration::from_secs(5);

/// Messages that are taken from the queue at once.
const MESSAGES_AT_ONCE: usize = 256;

/// What the driver is made of.
pub struct Parts {
    /// The queue's database.
    pub store: Store,
    /// What it held.
    pub restored: Restored,
    /// The file system.
    pub disk: Disk,
    /// The HTTP source.
    pub origin: bgcopy_origin::Client,
    /// How notification programs are run.
    pub programs: Programs,
    /// How much there may be of everything.
    pub limits: Limits,
}

/// Something for the driver.
pub(super) enum Message {
    /// A client's call and where its answer goes.
    Call(Call, Answer),
    /// A client's callback object for a job, or none; and where the answer goes.
    SetNotifyInterface(JobId, Option<Target>, Answer),
    /// A stream for a download's bytes; and where the answer goes.
    SetStream(JobId, Box<Stream>, Answer),
    /// Who wants to know which callback object a job has.
    NotifyInterface(JobId, oneshot::Sender<Option<Target>>),
    /// A report.
    Event(Event),
    /// A report whose sender does not go on before what it changed is durable.
    Durably(Event, oneshot::Sender<()>),
    /// Stop: end the transfers with a checkpoint, answer when all is durable.
    Stop(oneshot::Sender<()>),
}

impl Message {
    /// Whether a client asks and waits for the answer.
    const fn is_a_call(&self) -> bool {
        match self {
            Self::Call(..)
            | Self::SetNotifyInterface(..)
            | Self::SetStream(..)
            | Self::NotifyInterface(..) => true,
            Self::Event(_) | Self::Durably(..) | Self::Stop(_) => false,
        }
    }
}

/// The driver's state.
struct Driver {
    engine: Engine,
    clock: Clock,
    store: Store,
    disk: Arc<Disk>,
    origin: bgcopy_origin::Client,
    view: Arc<Publisher>,
    names: Names,
    heads: Heads,
    /// What runs may hold in memory.
    budget: transfer::Budget,
    programs: Programs,
    callbacks: Callbacks,
    streams: Streams,
    messages: mpsc::UnboundedSender<Message>,
    /// Answers that clients wait for.
    tickets: HashMap<Ticket, Answer>,
    last_ticket: u64,
    /// Who names and deletes the files of each owner: one owner's disk that hangs is nobody else's trouble.
    naming: HashMap<Owner, mpsc::UnboundedSender<files::Work>>,
    /// The transfers that have not ended.
    running: HashMap<FileId, Running>,
    /// Steps whose transactions are under way, the oldest first.
    pending: VecDeque<Pending>,
    /// When the queue is written again, after that failed; nothing is handed to the store before.
    retry_at: Option<Instant>,
    /// Whether the queue could not be written last.
    is_in_trouble: bool,
    /// What clients asked for since, in order: the engine could not undo it, so it waits until it is known whether it
    /// can be recorded. Else what was refused would appear later after all.
    held: Vec<Message>,
    /// When the timer expires; `None`: not at all, as far as is known.
    timer_set_to: Option<Moment>,
    /// Who asked the service to stop.
    stopping: Option<oneshot::Sender<()>>,
}

/// A transfer that has not ended.
struct Running {
    attempt: Attempt,
    /// How to stop it; `None`: it was told already.
    stop: Option<oneshot::Sender<()>>,
    /// How many requests it may have under way.
    lanes: Arc<AtomicU32>,
}

/// Starts the driver on this runtime. Its task ends when [`stop`] was called and all is durable, or with an error when the
/// queue can no longer be trusted: then only a new start, which reads what the disk really holds, helps.
///
/// # Errors
/// The machine refuses a timer.
pub fn start(
    parts: Parts,
    stop: Arc<Notify>,
    runtime: &runtime::Handle,
) -> io::Result<(Handle, JoinHandle<Result<(), StoreError>>)> {
    let _entered = runtime.enter();
    let (messages, inbox) = mpsc::unbounded_channel();
    let clock = Clock::new(parts.restored.anchor.as_ref());
    let view = Arc::new(Publisher::new());
    let disk = Arc::new(parts.disk);
    let handle = Handle {
        messages: messages.clone(),
        view: view.clone(),
        disk: disk.clone(),
        heads: Heads::default(),
        clock: clock.clone(),
        stop,
    };
    let mut driver = Driver {
        engine: Engine::new(parts.limits),
        clock,
        store: parts.store,
        disk,
        origin: parts.origin,
        view,
        names: Names::default(),
        heads: handle.heads.clone(),
        budget: transfer::Budget::default(),
        programs: parts.programs,
        callbacks: Callbacks::default(),
        streams: Streams::default(),
        messages,
        tickets: HashMap::new(),
        last_ticket: 0,
        naming: HashMap::new(),
        running: HashMap::new(),
        pending: VecDeque::new(),
        retry_at: None,
        is_in_trouble: false,
        held: Vec::new(),
        timer_set_to: None,
        stopping: None,
    };
    let timer = BootTimer::new()?;
    let whole = transferred(&parts.restored);
    let actions = driver
        .engine
        .restore(parts.restored.jobs, driver.clock.now());
    warn_of_missing_bytes(&driver.engine, &whole);
    driver.publish_all();
    driver.take(actions);
    network::watch(driver.messages.clone());
    Ok((handle, runtime.spawn(driver.run(inbox, timer))))
}

/// The jobs that were recorded as TRANSFERRED.
fn transferred(restored: &Restored) -> Vec<JobId> {
    let jobs = restored.jobs.iter().map(|(job, _)| job);
    jobs.filter(|job| job.phase == JobPhase::Transferred)
        .map(|job| job.id)
        .collect()
}

/// Of these, the engine fetches what is missing again.
fn warn_of_missing_bytes(engine: &Engine, recorded_whole: &[JobId]) {
    for job in recorded_whole {
        let progress = engine.job(*job).map(bgcopy_engine::JobView::progress);
        let is_whole = |progress: &JobProgress| progress.files_transferred == progress.files_total;
        if progress.is_some_and(|progress| !is_whole(&progress)) {
            tracing::warn!(%job, "the job was recorded as transferred, and a file of it is not whole: it is fetched again");
        }
    }
}

/// Asks the driver to stop and waits until it has.
pub async fn stop(handle: &Handle) {
    let (done, stopped) = oneshot::channel();
    let _ = handle.messages.send(Message::Stop(done));
    let _ = stopped.await;
}

impl Driver {
    async fn run(
        mut self,
        mut inbox: mpsc::UnboundedReceiver<Message>,
        timer: BootTimer,
    ) -> Result<(), StoreError> {
        let mut batch = Vec::with_capacity(MESSAGES_AT_ONCE);
        loop {
            self.set_timer(&timer);
            if self.stopping.is_some() && self.running.is_empty() && self.pending.is_empty() {
                break;
            }
            tokio::select! {
                count = inbox.recv_many(&mut batch, MESSAGES_AT_ONCE) => {
                    if count == 0 {
                        break;
                    }
                    // Of what ended together each tells it in turn; together it is one transaction.
                    tokio::task::yield_now().await;
                    while batch.len() < MESSAGES_AT_ONCE
                        && let Ok(message) = inbox.try_recv()
                    {
                        batch.push(message);
                    }
                    for message in batch.drain(..) {
                        self.receive(message);
                    }
                }
                result = first_commit(&mut self.pending), if self.retry_at.is_none() && !self.pending.is_empty() => {
                    self.committed(result)?;
                }
                () = sleep_until(self.retry_at.unwrap_or_else(Instant::now)), if self.retry_at.is_some() => {
                    self.commit_again();
                }
                result = timer.expired() => {
                    if let Err(error) = result {
                        tracing::error!("the timer failed: {error}");
                    }
                    self.timer_set_to = None;
                    self.step(Event::Wake);
                }
            }
        }
        let closed = self.store.close().await;
        if let Some(done) = self.stopping {
            let _ = done.send(());
        }
        closed
    }

    fn receive(&mut self, message: Message) {
        if self.is_in_trouble && message.is_a_call() {
            self.held.push(message);
        } else {
            self.receive_now(message);
        }
    }

    fn receive_now(&mut self, message: Message) {
        match message {
            Message::Call(call, reply) => {
                if self.stopping.is_some() {
                    return; // The dropped sender tells the client.
                }
                let ticket = self.ticket(reply);
                self.step(Event::Call(ticket, call));
            }
            Message::SetNotifyInterface(job, target, reply) => self.register(job, target, reply),
            Message::SetStream(download, stream, reply) => {
                self.set_stream(download, *stream, reply);
            }
            Message::NotifyInterface(job, reply) => {
                // Who asked may be gone.
                let _ = reply.send(self.callbacks.of(job).cloned());
            }
            Message::Event(event) => {
                if let Event::Transfer(file, attempt, Report::Ended(outcome)) = &event
                    && self
                        .running
                        .get(file)
                        .is_some_and(|running| running.attempt == *attempt)
                {
                    self.running.remove(file);
                    if let Outcome::Failed(trouble) = outcome
                        && trouble.condition == Condition::StreamBroken
                    {
                        self.streams.release(file.job);
                    }
                }
                if let Event::ConnectionGone(connection) = event {
                    self.callbacks.gone(connection);
                }
                self.step(event);
            }
            Message::Durably(event, done) => {
                let actions = self.engine.step(event, self.clock.now());
                self.take_and(actions, vec![Effect::Acknowledge(done)]);
            }
            Message::Stop(done) => {
                self.stopping = Some(done);
                // They stay in the list: the service is not at its end before their last checkpoints are durable.
                for running in self.running.values_mut() {
                    running.stop();
                }
            }
        }
    }

    /// Ties an answer to the call that it is for.
    fn ticket(&mut self, reply: Answer) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.tickets.insert(ticket, reply);
        ticket
    }

    fn step(&mut self, event: Event) {
        let actions = self.engine.step(event, self.clock.now());
        self.take(actions);
    }

    /// Queues the transaction of a step, and its effects behind it.
    fn take(&mut self, actions: Vec<Action>) {
        if !actions.is_empty() {
            self.take_and(actions, Vec::new());
        }
    }

    /// The same, with more effects after those of the actions.
    fn take_and(&mut self, actions: Vec<Action>, more: Vec<Effect>) {
        let mut mutations = Vec::new();
        let mut effects = Vec::with_capacity(actions.len() + more.len());
        let mut at_once = Vec::new();
        for action in actions {
            match action {
                Action::Store(mutation) => mutations.push(mutation),
                // No record is behind what it does, and it can be done again.
                Action::Prepare(_) => at_once.extend(self.effect(action)),
                other => effects.extend(self.effect(other)),
            }
        }
        effects.extend(more);
        self.perform(at_once);
        if mutations.is_empty() && self.pending.is_empty() {
            self.perform(effects);
            return;
        }
        if !mutations.is_empty() {
            mutations.push(Mutation::PutAnchor(self.clock.anchor(self.clock.now())));
        }
        // While earlier steps wait to be written again, a later one must not get ahead of them.
        let mutations: Arc<[Mutation]> = mutations.into();
        let commit = (!mutations.is_empty() && self.retry_at.is_none())
            .then(|| self.store.commit(mutations.clone()).boxed());
        self.pending.push_back(Pending {
            commit,
            mutations,
            effects,
        });
    }

    /// The oldest pending step's transaction ended.
    ///
    /// # Errors
    /// The queue cannot be written, and waiting does not help: its connection is lost, or the service is to stop.
    fn committed(&mut self, result: Result<(), StoreError>) -> Result<(), StoreError> {
        match result {
            Ok(()) => {
                if let Some(step) = self.pending.pop_front() {
                    effects::crash_points(&step.mutations);
                    self.perform(step.effects);
                }
                self.is_in_trouble = false;
                for message in std::mem::take(&mut self.held) {
                    self.receive(message);
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!("the queue cannot be written: {error}");
                self.refuse_waiting(&error);
                if self.stopping.is_some() || matches!(error, StoreError::Poisoned(_)) {
                    return Err(error);
                }
                self.retry_at = Some(Instant::now() + STORE_RETRY);
                self.is_in_trouble = true;
                Ok(())
            }
        }
    }

    /// Hands everything that is not durable to the store again, as one transaction.
    fn commit_again(&mut self) {
        self.retry_at = None;
        let mut step = backlog::fold(std::mem::take(&mut self.pending));
        if !step.mutations.is_empty() {
            step.commit = Some(self.store.commit(step.mutations.clone()).boxed());
        }
        self.pending.push_back(step);
    }

    /// Has a file named or deleted.
    fn name(&mut self, work: files::Work) {
        let owner = work.owner();
        let namer = self.naming.entry(owner).or_insert_with(|| {
            let (sender, works) = mpsc::unbounded_channel();
            let namer = files::Namer {
                disk: self.disk.owner(owner),
                names: self.names.clone(),
                messages: self.messages.clone(),
            };
            tokio::spawn(namer.run(works));
            sender
        });
        // It lives as long as this sender does.
        let _ = namer.send(work);
    }

    fn set_timer(&mut self, timer: &BootTimer) {
        let wake = self.engine.next_wake();
        if wake == self.timer_set_to {
            return;
        }
        let now = self.clock.now().moment;
        match timer.set(wake.map(|at| at - now)) {
            Ok(()) => self.timer_set_to = wake,
            Err(error) => tracing::error!("the timer cannot be set: {error}"),
        }
    }
}

impl Running {
    /// Tells it to end soon. One that has ended meanwhile does not listen any more.
    fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

/// Waits for the oldest pending transaction.
async fn first_commit(pending: &mut VecDeque<Pending>) -> Result<(), StoreError> {
    match pending.front_mut() {
        Some(step) => match &mut step.commit {
            Some(commit) => commit.await,
            None => Ok(()),
        },
        None => std::future::pending().await,
    }
}
