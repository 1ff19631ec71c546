//! A driver without a world behind it: it keeps what the engine wants stored, started and asked, and checks after
//! every step what must hold after every step.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use bgcopy_engine::{
    Action, Attempt, Call, Engine, Event, JobView, Outcome, Publication, Refusal, Reply, Report,
    Ticket, Trouble,
};
use bgcopy_model::{
    ClientContext, Condition, FileId, FileIndex, FilePhase, FileRecord, FileSpec, Inode, JobId,
    JobPhase, JobRecord, JobSpec, JobState, Limits, Moment, Mutation, NotifyFlags, Now, Owner,
    Priority, Profile, Sink, Timestamp, Validator,
};

use crate::clients::Clients;

/// What the driver was asked to do with a file, and has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    Prepare,
    Publish,
    Discard,
}

/// A run as the driver knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    pub attempt: Attempt,
    pub stopping: bool,
}

pub type Store = BTreeMap<JobId, (JobRecord, BTreeMap<FileIndex, FileRecord>)>;

pub struct World {
    pub engine: Engine,
    pub limits: Limits,
    pub now: Now,
    pub store: Store,
    pub runs: BTreeMap<FileId, Running>,
    pub asked: BTreeSet<(Work, FileId)>,
    pub unanswered: BTreeSet<Ticket>,
    /// The actions of the last step.
    pub actions: Vec<Action>,
    pub clients: Clients,
    /// Steps that stored something.
    pub transactions: usize,
    attempts: BTreeSet<Attempt>,
    tickets: u64,
    jobs: u128,
    /// Made and not forgotten.
    alive: BTreeSet<JobId>,
    /// An answer told of a small file of theirs.
    has_small_files: BTreeSet<JobId>,
}

pub fn job_spec() -> JobSpec {
    JobSpec {
        profile: Profile::Bits,
        name: "name".into(),
        description: String::new(),
        priority: Priority::Normal,
        auto_complete: false,
        notify_flags: NotifyFlags::default(),
        notify_command: Vec::new(),
        activation: None,
        minimum_retry_delay: None,
        no_progress_timeout: None,
        headers: Vec::new(),
        http: bgcopy_model::HttpOptions::default(),
        context: ClientContext::default(),
    }
}

pub fn file_spec(path: &str) -> FileSpec {
    FileSpec {
        url: "https://example.org/file".parse().unwrap(),
        mirrors: Vec::new(),
        path: PathBuf::from(path),
        folder: None,
        ranges: Vec::new(),
        checksum: None,
    }
}

pub fn file_specs(count: usize) -> Vec<FileSpec> {
    let paths = (0..count).map(|n| format!("/folder/{n}"));
    paths.map(|path| file_spec(&path)).collect()
}

pub fn opened(size: impl Into<Option<u64>>) -> Report {
    Report::Opened {
        size: size.into(),
        version: Validator {
            etag: Some("\"1\"".into()),
            ..Validator::default()
        },
        name: None,
        modified: None,
    }
}

pub fn finished(size: u64) -> Report {
    Report::Ended(Outcome::Finished {
        size,
        length_unverified: false,
        inode: None,
    })
}

pub fn failed(condition: Condition) -> Report {
    Report::Ended(Outcome::Failed(Trouble::new(condition, "it broke")))
}

impl Default for World {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl World {
    pub fn new(limits: Limits) -> Self {
        Self {
            engine: Engine::new(limits),
            limits,
            now: Now {
                moment: Moment(1_000),
                wall: Timestamp(1),
            },
            store: Store::new(),
            runs: BTreeMap::new(),
            asked: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            actions: Vec::new(),
            clients: Clients::default(),
            transactions: 0,
            attempts: BTreeSet::new(),
            tickets: 0,
            jobs: 0,
            alive: BTreeSet::new(),
            has_small_files: BTreeSet::new(),
        }
    }

    /// One event, and what must hold after it.
    pub fn step(&mut self, event: Event) {
        if let Event::Call(ticket, _) = &event {
            assert!(self.unanswered.insert(*ticket));
        }
        if let Event::Transfer(file, _, Report::Opened { size, .. }) = &event
            && size.is_none_or(|size| size <= 1 << 20)
        {
            // Without a size in the answer, one that was known before may count.
            self.has_small_files.insert(file.job);
        }
        if let Event::Transfer(file, attempt, Report::Ended(_)) = &event
            && self
                .runs
                .get(file)
                .is_some_and(|run| run.attempt == *attempt)
        {
            self.runs.remove(file);
        }
        if let Some(answered) = match &event {
            Event::Prepared(file, _) => Some((Work::Prepare, *file)),
            Event::Published(file, _) => Some((Work::Publish, *file)),
            Event::Discarded(file, _) => Some((Work::Discard, *file)),
            _ => None,
        } {
            self.asked.remove(&answered);
        }
        self.clients.hear(&event);
        let before = self.states();
        self.actions = self.engine.step(event, self.now);
        self.carry_out();
        for (id, state) in self.states() {
            let from = before.get(&id).copied().unwrap_or(JobState::Suspended);
            // A download takes its next range set in TRANSFERRED.
            let goes_on = matches!(
                (from, state),
                (
                    JobState::Transferred,
                    JobState::Queued | JobState::Connecting | JobState::Transferring
                )
            ) && self.job(id).download_state().is_some();
            assert!(goes_on || is_legal(from, state), "{from:?} to {state:?}");
        }
        self.check();
    }

    /// An event and, as a driver would, the wake-ups that are due then.
    pub fn step_and_wake(&mut self, event: Event) {
        self.step(event);
        for _ in 0..4 {
            if self
                .engine
                .next_wake()
                .is_none_or(|at| at > self.now.moment)
            {
                return;
            }
            self.step(Event::Wake);
        }
        panic!("the engine wants to be woken again and again");
    }

    /// A call, and its answer if that is given at once.
    pub fn call(&mut self, call: Call) -> Option<Result<Reply, Refusal>> {
        let ticket = self.ticket();
        self.step(Event::Call(ticket, call));
        self.answer(ticket)
    }

    /// A call that must be refused, and why it was.
    pub fn refused(&mut self, call: Call) -> Condition {
        self.call(call).unwrap().unwrap_err().condition
    }

    /// A call that must succeed at once.
    pub fn ok(&mut self, call: Call) -> Reply {
        self.call(call).unwrap().unwrap()
    }

    pub fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    pub fn new_id(&mut self) -> JobId {
        self.jobs += 1;
        JobId::from_u128(self.jobs)
    }

    pub fn create(&mut self, spec: JobSpec, files: Vec<FileSpec>, resume: bool) -> JobId {
        let id = self.new_id();
        let call = Call::Create {
            id,
            owner: Owner { uid: 1_000 },
            spec: Box::new(spec),
            files,
            resume,
        };
        assert_eq!(self.ok(call), Reply::Created(id));
        id
    }

    /// A running BITS job of normal priority.
    pub fn running(&mut self, files: usize) -> JobId {
        self.create(job_spec(), file_specs(files), true)
    }

    /// A job of which every byte is there.
    pub fn transferred(&mut self, files: usize) -> JobId {
        let id = self.running(files);
        for index in 0..u32::try_from(files).unwrap() {
            self.report(FileId { job: id, index }, finished(10));
        }
        assert_eq!(self.state(id), JobState::Transferred);
        id
    }

    /// The present run of a file reports.
    pub fn report(&mut self, file: FileId, mut report: Report) {
        if let Report::Ended(Outcome::Finished { inode: found, .. }) = &mut report {
            *found = Some(inode(file));
        }
        let attempt = self.runs[&file].attempt;
        self.step(Event::Transfer(file, attempt, report));
    }

    /// Answers everything that was asked, and what that leads to, with success.
    pub fn do_work(&mut self) {
        while let Some((work, file)) = self.asked.first().copied() {
            self.step(match work {
                Work::Prepare => Event::Prepared(file, Ok(inode(file))),
                Work::Publish => Event::Published(file, Ok(Publication::Done)),
                Work::Discard => Event::Discarded(file, Ok(())),
            });
        }
    }

    /// Time passes, and the driver wakes the engine as it asked to be woken.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now.moment + duration;
        while let Some(at) = self.engine.next_wake().filter(|at| *at <= end) {
            let before = self.now.moment;
            self.set_time(at.max(before));
            self.step(Event::Wake);
            let again = self.engine.next_wake();
            assert!(
                again.is_none_or(|next| next > before.min(at)),
                "no wake-up without an effect"
            );
        }
        self.set_time(end);
    }

    pub fn set_time(&mut self, moment: Moment) {
        self.now = Now {
            moment,
            wall: Timestamp(moment.0 * 1_000),
        };
    }

    /// The service ends without a warning and comes back.
    pub fn crash(&mut self) {
        self.engine = Engine::new(self.limits);
        self.runs.clear();
        self.asked.clear();
        self.unanswered.clear();
        self.attempts.clear();
        self.clients.crash();
        self.actions = self.engine.restore(self.stored(), self.now);
        self.carry_out();
        self.check();
    }

    pub fn stored(&self) -> Vec<(JobRecord, Vec<FileRecord>)> {
        let jobs = self.store.values();
        jobs.map(|(job, files)| (job.clone(), files.values().cloned().collect()))
            .collect()
    }

    pub fn job(&self, id: JobId) -> JobView<'_> {
        self.engine.job(id).unwrap()
    }

    pub fn state(&self, id: JobId) -> JobState {
        self.job(id).state()
    }

    pub fn error(&self, id: JobId) -> Condition {
        self.job(id).error().unwrap().condition
    }

    /// What the last step wanted stored.
    pub fn stores(&self) -> Vec<&Mutation> {
        let mut mutations = Vec::new();
        for action in &self.actions {
            if let Action::Store(mutation) = action {
                mutations.push(mutation);
            }
        }
        mutations
    }

    pub fn answer(&self, ticket: Ticket) -> Option<Result<Reply, Refusal>> {
        self.actions.iter().find_map(|action| match action {
            Action::Reply(to, answer) if *to == ticket => Some(answer.clone()),
            _ => None,
        })
    }

    pub fn states(&self) -> BTreeMap<JobId, JobState> {
        let jobs = self.engine.jobs();
        jobs.map(|job| (job.record().id, job.state())).collect()
    }

    fn carry_out(&mut self) {
        let is_store = |action: &Action| matches!(action, Action::Store(_));
        assert!(
            self.actions.is_sorted_by_key(|action| !is_store(action)),
            "stores come first"
        );
        self.transactions += usize::from(self.actions.iter().any(is_store));
        for action in self.actions.clone() {
            self.clients.take(&action, self.now.moment);
            match action {
                Action::Store(mutation) => apply(&mut self.store, mutation),
                Action::Reply(ticket, answer) => {
                    assert!(
                        self.unanswered.remove(&ticket),
                        "each call is answered once"
                    );
                    if let Ok(Reply::Created(id)) = answer {
                        self.alive.insert(id);
                    }
                }
                Action::Start(file, attempt) => {
                    let run = Running {
                        attempt,
                        stopping: false,
                    };
                    assert!(self.attempts.insert(attempt), "each run has its own name");
                    assert!(self.runs.insert(file, run).is_none(), "one run a file");
                }
                Action::Stop(file, attempt) => {
                    let run = self.runs.get_mut(&file).unwrap();
                    assert!(run.attempt == attempt && !run.stopping);
                    run.stopping = true;
                }
                Action::Prepare(file) => assert!(self.asked.insert((Work::Prepare, file))),
                Action::Publish(file) => {
                    let (job, files) = &self.store[&file.job];
                    assert!(matches!(job.phase, JobPhase::Completing { .. }));
                    let FilePhase::Transferred { inode: stored, .. } = files[&file.index].phase
                    else {
                        panic!("only a finished file gets its name");
                    };
                    assert_eq!(stored, Some(inode(file)), "recorded before the rename");
                    assert!(self.asked.insert((Work::Publish, file)));
                }
                Action::Discard(file) => assert!(self.asked.insert((Work::Discard, file))),
                Action::JobChanged(id) => assert!(self.engine.job(id).is_some()),
                Action::FileChanged(file) => {
                    assert!(self.job(file.job).file(file.index).is_some());
                }
                Action::Notify { job, listener, .. } => {
                    assert_eq!(self.job(job).listener().unwrap().0, listener);
                }
                Action::RunCommand { job, .. } => {
                    assert!(!self.job(job).record().notify_command.is_empty());
                }
                Action::Activate(id) => assert!(!self.job(id).is_registered()),
                Action::Forgotten(id) => assert!(self.alive.remove(&id)),
            }
        }
    }

    fn check(&self) {
        let known: BTreeSet<_> = self.states().into_keys().collect();
        assert_eq!(known, self.alive, "no job is lost");
        assert_eq!(
            self.store.keys().copied().collect::<BTreeSet<_>>(),
            self.alive
        );
        for job in self.engine.jobs() {
            self.check_runs(job);
            check_progress(job);
        }
        let live = |file: &&FileId| !self.runs[file].stopping;
        let background = |id: &JobId| self.job(*id).record().priority.is_background();
        let jobs: BTreeSet<_> = self.runs.keys().filter(live).map(|file| file.job).collect();
        assert!(
            jobs.into_iter().filter(background).count() <= self.limits.background_jobs as usize
        );
        assert!(self.runs.len() <= self.limits.transfers as usize);
        if self
            .engine
            .next_wake()
            .is_none_or(|at| at > self.now.moment)
        {
            self.check_durability();
        }
    }

    fn check_runs(&self, job: JobView<'_>) {
        let id = job.record().id;
        let runs = self.runs.iter().filter(|(file, _)| file.job == id);
        let live = runs.filter(|(_, run)| !run.stopping).count();
        let most = match job.state() {
            JobState::Connecting | JobState::Transferring => match job.record().priority {
                // Sixteen small files count as one.
                Priority::Foreground if self.has_small_files.contains(&id) => {
                    16 * self.limits.files_at_once as usize
                }
                Priority::Foreground => self.limits.files_at_once as usize,
                _ => 1,
            },
            _ => 0,
        };
        assert!(live <= most, "{live} runs in {:?}", job.state());
    }

    /// What a restart would find now is what clients were told.
    fn check_durability(&self) {
        let mut restored = Engine::new(self.limits);
        restored.restore(self.stored(), self.now);
        for job in self.engine.jobs() {
            let record = job.record();
            let id = record.id;
            if record.download.as_ref().is_some_and(|it| it.is_volatile()) {
                continue; // It ends with the restart.
            }
            let undecided = self.asked.iter().any(|(_, file)| file.job == id)
                || self.runs.keys().any(|file| file.job == id) && !is_going(job.state());
            let Some(after) = restored.job(id) else {
                assert!(job.state().is_final());
                continue;
            };
            if after
                .error()
                .is_some_and(|error| error.condition == Condition::NoSink)
            {
                // Its stream would go with the service, and what that had taken of the set under way.
                let file = after.file(0).unwrap().record();
                let Sink::Stream { set } = file.sink else {
                    panic!("a file has lost a stream");
                };
                assert_eq!(file.durable.len(), set);
                continue;
            }
            let stored = after.record();
            assert_eq!(stored.name, record.name);
            assert_eq!(stored.owner, record.owner);
            assert_eq!(stored.headers, record.headers);
            assert_eq!(stored.priority, record.priority);
            assert_eq!(stored.auto_complete, record.auto_complete);
            assert_eq!(stored.error_count, record.error_count);
            assert_eq!(stored.notify_command, record.notify_command);
            assert_eq!(stored.activation, record.activation);
            if !undecided {
                assert_eq!(stored.due, record.due, "what is due is not lost");
            }
            assert_eq!(after.files().len(), job.files().len());
            for (stored, present) in after.files().zip(job.files()) {
                let (stored, present) = (stored.record(), present.record());
                assert_eq!(stored.url, present.url);
                assert_eq!(stored.temporary, present.temporary);
                assert_eq!(stored.is_valid, present.is_valid);
                if !record.phase.is_final() {
                    if !undecided {
                        assert_eq!(stored.notify_due, present.notify_due);
                    }
                    assert_eq!(stored.durable, present.durable);
                    assert_eq!(stored.restarts, present.restarts);
                    if !present.durable.is_empty() {
                        assert_eq!(
                            stored.validator, present.validator,
                            "bytes and version go together"
                        );
                        assert_eq!(stored.path, present.path);
                    }
                }
            }
            match (job.state(), after.state()) {
                (before, after) if before == after => {}
                // Back to the queue; and who has left TRANSIENT_ERROR by himself may come back to it.
                (before, after) if is_going(before) && is_going(after) => {}
                (before, JobState::TransientError) if is_going(before) => {}
                // An unanswered Complete may be lost, and then the job has its old state, or has expired.
                (_, after) if undecided && after != JobState::Acknowledged => {}
                (before, after) => panic!("{before:?} became {after:?}"),
            }
        }
    }
}

fn check_progress(job: JobView<'_>) {
    let progress = job.progress();
    let files: Vec<_> = job
        .files()
        .map(|file| (file.record(), file.progress()))
        .collect();
    for (_, file) in &files {
        assert!(
            file.bytes_total
                .is_none_or(|total| file.bytes_transferred <= total)
        );
    }
    let total: Option<u64> = files.iter().map(|(_, file)| file.bytes_total).sum();
    let received: u64 = files.iter().map(|(_, file)| file.bytes_transferred).sum();
    assert_eq!(progress.bytes_total, total, "the running sum is the sum");
    assert_eq!(
        progress.bytes_transferred, received,
        "the running sum is the sum"
    );
    assert_eq!(progress.files_total as usize, files.len());
    assert!(progress.files_transferred <= progress.files_total);
    match job.state() {
        JobState::Error | JobState::TransientError => assert!(job.error().is_some()),
        JobState::Suspended | JobState::Queued | JobState::Connecting => {}
        _ => assert!(job.error().is_none()),
    }
}

pub const fn is_going(state: JobState) -> bool {
    matches!(
        state,
        JobState::Queued | JobState::Connecting | JobState::Transferring
    )
}

pub fn inode(file: FileId) -> Inode {
    Inode {
        device: 1,
        number: u64::from(file.index) + 100,
    }
}

pub fn apply(store: &mut Store, mutation: Mutation) {
    match mutation {
        Mutation::PutJob(job) => match store.get_mut(&job.id) {
            Some((stored, _)) => *stored = *job,
            None => {
                store.insert(job.id, (*job, BTreeMap::new()));
            }
        },
        Mutation::PutFiles(id, files) => {
            let (_, stored) = store.get_mut(&id).expect("a file belongs to a job");
            stored.extend(
                files
                    .into_iter()
                    .map(|file| (file.index, Arc::unwrap_or_clone(file))),
            );
        }
        Mutation::Forget(id) => {
            assert!(store.remove(&id).is_some());
        }
        Mutation::PutAnchor(_) => panic!("the clocks are the driver's"),
    }
}

/// The transitions that one event may bring about.
fn is_legal(from: JobState, to: JobState) -> bool {
    use JobState as S;
    let to_others: &[S] = match from {
        // A job of the DO profile shows CONNECTING as TRANSFERRING.
        S::Suspended => &[S::Queued, S::Connecting, S::Transferring, S::Transferred],
        S::Queued => &[S::Connecting, S::Transferring, S::Suspended, S::Transferred],
        S::Connecting => &[
            S::Transferring,
            S::Queued,
            S::Suspended,
            S::Error,
            S::TransientError,
            S::Transferred,
        ],
        S::Transferring => &[
            S::Queued,
            S::Suspended,
            S::Error,
            S::TransientError,
            S::Transferred,
        ],
        S::Error => &[
            S::Queued,
            S::Connecting,
            S::Transferring,
            S::Suspended,
            S::Transferred,
        ],
        S::TransientError => &[
            S::Queued,
            S::Connecting,
            S::Transferring,
            S::Suspended,
            S::Error,
        ],
        // ERROR: the service's own completing failed.
        S::Transferred => &[S::Suspended, S::Error],
        S::Acknowledged | S::Cancelled => return from == to,
    };
    from == to || to.is_final() || to_others.contains(&to)
}
