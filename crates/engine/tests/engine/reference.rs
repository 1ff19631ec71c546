//! The life cycle written a second time, as plainly as possible: states only, no queue (everybody gets a turn as soon
//! as his stopped runs have ended), nothing stored. The engine must agree with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bgcopy_engine::{Outcome, Report};
use bgcopy_model::{Condition, FileId, JobId, JobState as S, Moment};

const HOUR: Duration = Duration::from_hours(1);

use crate::world::{Work, is_going};

pub struct Reference {
    pub jobs: BTreeMap<JobId, Life>,
    pub expiry: Duration,
    pub most_restarts: u32,
}

pub struct Life {
    pub state: S,
    pub files: Vec<Fate>,
    pub hides_connecting: bool,
    auto: bool,
    minimum: Duration,
    timeout: Duration,
    /// Complete or Cancel goes on.
    closing: Option<Stage>,
    /// Another owner takes it over.
    handover: Option<Stage>,
    automatic: bool,
    failed: Option<(u32, Condition)>,
    because_of: Condition,
    retry_at: Moment,
    /// A file waits for its next try while others go on: why, and until when.
    pause: Option<(Condition, Moment)>,
    last_byte: Moment,
    queued: Moment,
    fruitless: u32,
    born: Moment,
    ended: Moment,
}

enum Stage {
    Halting,
    /// The driver was asked for this; the files whose answer is missing.
    Asked(Work, BTreeSet<u32>),
}

#[derive(Clone, Default)]
pub struct Fate {
    pub begun: bool,
    pub here: bool,
    pub named: bool,
    pub received: u64,
    durable: u64,
    restarts: u32,
}

impl Life {
    pub fn new(files: usize, auto: bool, timeout: Duration, now: Moment) -> Self {
        Self {
            state: S::Suspended,
            files: vec![Fate::default(); files],
            hides_connecting: false,
            auto,
            minimum: Duration::from_secs(5),
            timeout,
            closing: None,
            handover: None,
            automatic: false,
            failed: None,
            because_of: Condition::Internal,
            retry_at: now,
            pause: None,
            last_byte: now,
            queued: now,
            fruitless: 0,
            born: now,
            ended: now,
        }
    }

    pub fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// The state that the contract shows.
    pub fn shown(&self) -> S {
        match self.state {
            S::Connecting if self.hides_connecting => S::Transferring,
            state => state,
        }
    }

    pub fn add(&mut self, files: usize) {
        self.files.resize(self.files.len() + files, Fate::default());
        if self.state == S::Transferred {
            self.state = S::Suspended;
        }
    }

    pub fn set_auto(&mut self, auto: bool) {
        self.auto = auto;
        if self.state == S::Transferred && self.closing.is_none() {
            self.transferred();
        }
    }

    fn whole(&self) -> bool {
        !self.files.is_empty() && self.files.iter().all(|file| file.here)
    }

    /// Whether it is being given to another owner.
    pub fn changes_hands(&self) -> bool {
        self.handover.is_some()
    }

    /// Another owner takes it.
    pub fn take(&mut self) {
        (self.state, self.handover) = (S::Suspended, Some(Stage::Halting));
    }

    /// Whether the call is allowed; what it does follows.
    pub fn may(&self) -> bool {
        !self.state.is_final() && self.closing.is_none() && !self.changes_hands()
    }

    pub fn resume(&mut self, most_restarts: u32, now: Moment) -> bool {
        if !self.may() || self.state == S::Transferred || self.files.is_empty() {
            return self.may() && is_going(self.state);
        }
        if is_going(self.state) {
            return true;
        }
        (self.last_byte, self.fruitless) = (now, 0);
        for file in self
            .files
            .iter_mut()
            .filter(|file| file.restarts > most_restarts)
        {
            file.restarts = 0;
        }
        if self.whole() {
            self.transferred();
        } else {
            (self.state, self.queued) = (S::Queued, now);
        }
        true
    }

    pub fn complete(&mut self) -> bool {
        if self.state.is_final() || self.changes_hands() {
            return false;
        }
        if self.closing.is_none() {
            self.state = if self.whole() {
                S::Transferred
            } else {
                S::Suspended
            };
            self.closing = Some(Stage::Halting);
            self.automatic = false;
        }
        true
    }

    pub fn cancel(&mut self, now: Moment) {
        (self.state, self.ended, self.closing) = (S::Cancelled, now, Some(Stage::Halting));
    }

    pub fn transferred(&mut self) {
        self.state = S::Transferred;
        if self.auto {
            (self.closing, self.automatic) = (Some(Stage::Halting), true);
        }
    }

    fn bytes(&mut self, now: Moment) {
        (self.last_byte, self.fruitless) = (now, 0);
    }

    /// `live`: the run was not told to stop.
    pub fn report(&mut self, index: u32, report: &Report, live: bool, most: u32, now: Moment) {
        if self.state.is_final() {
            return;
        }
        let file = &mut self.files[index as usize];
        let before = file.received;
        match report {
            Report::Opened { .. } => {
                if live && self.state == S::Connecting {
                    self.state = S::Transferring;
                }
            }
            Report::Placed(_) | Report::Redirected(_) | Report::Spent(_) => {}
            Report::Progress(received) => file.received = before.max(*received),
            Report::Durable(set) => {
                file.durable = set.len();
                file.received = before.max(file.durable);
            }
            Report::Restarted { changed } => {
                self.start_over(index, *changed, live, most, Condition::RemoteFileChanged);
                return;
            }
            Report::Ended(Outcome::Finished { size, .. }) => {
                (file.here, file.received, file.durable) = (true, *size, *size);
                if is_going(self.state) && self.whole() {
                    self.transferred();
                }
            }
            Report::Ended(Outcome::Stopped) => file.received = file.durable,
            Report::Ended(Outcome::Failed(trouble)) => {
                file.received = file.durable;
                self.trouble(index, trouble.condition, live, most, now);
                return;
            }
        }
        if self.files[index as usize].received > before {
            self.bytes(now);
        }
    }

    fn start_over(&mut self, index: u32, count: bool, live: bool, most: u32, why: Condition) {
        let file = &mut self.files[index as usize];
        (file.received, file.durable) = (0, 0);
        file.restarts += u32::from(count);
        if count && live && file.restarts > most {
            self.error(why);
        }
    }

    fn trouble(&mut self, index: u32, what: Condition, live: bool, most: u32, now: Moment) {
        match what {
            Condition::RemoteFileChanged | Condition::LocalFileChanged => {
                return self.start_over(index, true, live, most, what);
            }
            Condition::DigestMismatch => self.start_over(index, false, live, most, what),
            _ => {}
        }
        if !live {
            return;
        }
        if !what.is_transient() || self.timeout.is_zero() {
            return self.error(what);
        }
        if self.last_byte + self.timeout <= now {
            return self.error(Condition::NoProgress);
        }
        if self.pause.is_some() {
            self.fruitless = self.fruitless.saturating_sub(1);
        }
        let delay = (self.minimum * 2_u32.pow(self.fruitless.min(6))).min(Duration::from_hours(1));
        self.fruitless += 1;
        let at = now + delay;
        self.pause = Some(match self.pause {
            Some((why, before)) if (!is_network(why), before) >= (!is_network(what), at) => {
                (why, before.max(at))
            }
            Some((_, before)) => (what, before.max(at)),
            None => (what, at),
        });
    }

    /// Who has left his turn waits for nothing within it; who has nothing under way waits for it alone.
    fn settle_pause(&mut self, runs: usize) {
        let at_work = matches!(self.state, S::Connecting | S::Transferring);
        self.pause = self.pause.filter(|_| at_work);
        if runs == 0
            && let Some((why, at)) = self.pause.take()
        {
            (self.state, self.because_of, self.retry_at) = (S::TransientError, why, at);
        }
    }

    fn error(&mut self, what: Condition) {
        (self.state, self.because_of) = (S::Error, what);
    }

    /// The driver answers what it was asked.
    pub fn answered(&mut self, work: Work, index: u32, answer: Result<(), Condition>) {
        if let Some(Stage::Asked(_, waiting)) = &mut self.handover
            && work == Work::Discard
            && waiting.remove(&index)
            && answer.is_ok()
        {
            self.files[index as usize].begun = false;
        }
        let Some(Stage::Asked(_, waiting)) = &mut self.closing else {
            return;
        };
        if !waiting.remove(&index) {
            return;
        }
        match (work, answer) {
            (Work::Prepare | Work::Publish, Err(why)) => {
                self.failed.get_or_insert((index, why));
            }
            (Work::Publish, Ok(())) => self.files[index as usize].named = true,
            _ => {}
        }
    }

    /// What Complete or Cancel does next, when nothing is waited for.
    fn go_on_closing(&mut self, now: Moment) {
        let cancelled = self.state == S::Cancelled;
        let next = match self.closing.take() {
            Some(Stage::Halting) if cancelled => Work::Discard,
            Some(Stage::Halting) => {
                self.state = if self.whole() {
                    S::Transferred
                } else {
                    S::Suspended
                };
                Work::Prepare
            }
            Some(Stage::Asked(Work::Prepare, _)) if self.failed.is_none() => Work::Publish,
            Some(Stage::Asked(Work::Publish, _)) if self.failed.is_none() => Work::Discard,
            _ => return self.closed(now),
        };
        let fits = |file: &Fate| match next {
            Work::Prepare | Work::Publish => file.here && !file.named,
            Work::Discard => file.begun && !file.named && (cancelled || !file.here),
        };
        let files = (0..).zip(&self.files).filter(|(_, file)| fits(file));
        self.closing = Some(Stage::Asked(next, files.map(|(index, _)| index).collect()));
    }

    fn closed(&mut self, now: Moment) {
        if self.state == S::Cancelled {
            return;
        }
        let Some((index, why)) = self.failed.take() else {
            (self.state, self.ended) = (S::Acknowledged, now);
            return;
        };
        if why == Condition::LocalFileChanged {
            self.files[index as usize] = Fate {
                begun: true,
                restarts: self.files[index as usize].restarts,
                ..Fate::default()
            };
        }
        self.state = if self.whole() {
            S::Transferred
        } else {
            S::Suspended
        };
        if self.automatic {
            self.error(why);
        }
    }

    /// What time brings about.
    fn due(&mut self, expiry: Duration, now: Moment) {
        let tries = matches!(
            self.state,
            S::Connecting | S::Transferring | S::TransientError
        );
        if self.closing.is_some() || self.changes_hands() || self.state.is_final() {
        } else if self.born + expiry <= now {
            self.cancel(now);
        } else if tries && !self.timeout.is_zero() && self.last_byte + self.timeout <= now {
            self.error(Condition::NoProgress);
        } else if self.state == S::TransientError && self.retry_at <= now {
            (self.state, self.queued) = (S::Queued, now);
        } else if self.pause.is_some_and(|(_, at)| at <= now) {
            self.pause = None;
        }
    }

    /// Nothing is kept of files without a name, and what was made of them goes.
    fn vacate(&mut self) {
        let mut waiting = BTreeSet::new();
        for (index, file) in (0..).zip(&mut self.files).filter(|(_, file)| !file.named) {
            (file.here, file.received, file.durable) = (false, 0, 0);
            if file.begun {
                waiting.insert(index);
            }
        }
        self.handover = Some(Stage::Asked(Work::Discard, waiting));
    }

    fn settle(&mut self, runs: usize, expiry: Duration, now: Moment) {
        self.settle_pause(runs);
        self.due(expiry, now);
        self.settle_pause(1);
        while match &self.closing {
            Some(Stage::Halting) => runs == 0,
            Some(Stage::Asked(_, waiting)) => waiting.is_empty(),
            None => false,
        } {
            self.go_on_closing(now);
        }
        if matches!(self.handover, Some(Stage::Halting)) && runs == 0 {
            self.vacate();
        }
        if matches!(&self.handover, Some(Stage::Asked(_, waiting)) if waiting.is_empty()) {
            self.handover = None;
        }
        if self.state == S::Queued && runs == 0 {
            self.state = S::Connecting;
            self.last_byte = self.last_byte + now.since(self.queued);
        }
    }
}

impl Reference {
    /// Everything that follows by itself. `runs`: files with a run.
    pub fn settle(&mut self, runs: &BTreeSet<FileId>, now: Moment) {
        for (id, job) in &mut self.jobs {
            let runs = runs.iter().filter(|file| file.job == *id).count();
            job.settle(runs, self.expiry, now);
        }
        let kept = |job: &Life| !job.state.is_final() || job.is_closing() || now < job.ended + HOUR;
        self.jobs.retain(|_, job| kept(job));
    }

    pub fn network_changed(&mut self, now: Moment) {
        for job in self.jobs.values_mut() {
            if job.state == S::TransientError && is_network(job.because_of) {
                (job.state, job.queued) = (S::Queued, now);
            }
            job.pause = job.pause.filter(|(why, _)| !is_network(*why));
        }
    }
}

const fn is_network(why: Condition) -> bool {
    matches!(
        why,
        Condition::NetworkDisconnected | Condition::NameNotResolved | Condition::ConnectFailure
    )
}
