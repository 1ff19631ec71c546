//! Every decision of the service, and nothing else.
//!
//! [`Engine::step`] takes an [`Event`] and the time and says what to do about it. It owns the jobs' state; it does
//! no I/O, reads no clock, draws no random number, and so behaves the same in a test as in the service. An event
//! that makes no sense any more (an unknown job, an earlier run, an answer nobody waits for) changes nothing.
//!
//! ```text
//!    Create                 retry time, network, Resume
//!      │                  ┌─────────────────────────────┐
//!      ▼       Resume     ▼                             │         no progress
//!  SUSPENDED ─────────▶ QUEUED ◀────────┐        TRANSIENT_ERROR ─────────────▶ ERROR
//!      ▲                  │ turn        │ yields        ▲                        ▲
//!      │ Suspend          ▼             │               │ transient trouble      │ fatal trouble,
//!      │ (from all      CONNECTING ─────┤───────────────┤                        │ no progress
//!      │  but the         │ Opened      │               │                        │
//!      │  final ones)     ▼             │               │                        │
//!      │                TRANSFERRING ───┴───────────────┴────────────────────────┘
//!      │ AddFiles         │ last file
//!      └────────────── TRANSFERRED ── Complete, auto_complete ──▶ ACKNOWLEDGED
//!
//!  Complete is allowed in every state but the final ones and leads to ACKNOWLEDGED; Cancel and expiry, likewise,
//!  lead to CANCELLED. Resume leads from ERROR to QUEUED, and straight to TRANSFERRED when every file is there.
//! ```
//!
//! Who owns which arrow: `calls` those named like a method, `turns` the turn and yielding (what `schedule`
//! decides), `transfers` what a run reports (Opened, last file, trouble), `pause` trouble that may pass, `timing` retry
//! time, network, no progress and expiry, `worktime` how long a job is at work, `streams` what a stream changes,
//! `completing` what lies between Complete or Cancel and its answer. What clients are called for follows from the arrows
//! and is `telling`'s: `notify` decides for one job, `deliveries` whose turn it is. A job is changed through `JobMut`
//! alone, which also notes what must be recorded and what looks different; `outbox` turns the notes into actions once a
//! step.

mod action;
mod calls;
mod census;
mod completing;
mod deliveries;
mod downloads;
mod event;
mod handover;
mod http;
mod in_vain;
mod intake;
mod job;
mod job_mut;
mod lanes;
mod mirrors;
mod notify;
mod outbox;
mod pause;
mod picker;
mod places;
mod restore;
mod retention;
mod retry;
mod schedule;
mod steal;
mod streams;
mod telling;
mod timing;
mod transfers;
mod turns;
mod view;
mod worktime;

use std::collections::{BTreeMap, BTreeSet};

use bgcopy_model::{JobId, Limits, Moment, Now};

pub use action::{Action, Refusal, Reply};
pub use downloads::DownloadCall;
pub use event::{
    Attempt, Call, Connection, Delivery, Event, Listener, Notification, Outcome, Publication,
    Report, Setting, Ticket, Trouble,
};
pub use http::HttpSetting;
pub use lanes::{Lanes, Sight};
pub use picker::{Picker, Run};
pub use steal::{Held, Theft, Thief, steal};
pub use view::{FileView, JobView, WaitingFor};

use census::Census;
use deliveries::Deliveries;
use job::Job;
use job_mut::JobMut;
use outbox::Outbox;
use retention::Retention;
use schedule::Schedule;

/// The jobs, and every decision about them.
///
/// Invariants between two steps: a job is in `schedule`'s queue exactly when it is QUEUED, and has a turn there
/// exactly when it is CONNECTING or TRANSFERRING (a turn that is being left aside); `timers` has one entry for each
/// job that time alone can change.
pub struct Engine {
    limits: Limits,
    jobs: BTreeMap<JobId, Job>,
    /// The jobs in the order of their creation.
    order: BTreeMap<u64, JobId>,
    schedule: Schedule,
    deliveries: Deliveries,
    timers: BTreeSet<(Moment, JobId)>,
    census: Census,
    retention: Retention,
    /// The last attempt's number.
    attempts: u64,
    out: Outbox,
    /// Jobs that this step may have changed.
    touched: BTreeSet<JobId>,
    /// When the last step was.
    last_step: Moment,
    /// Whether the service or the machine was not there for some time before this step.
    was_absent: bool,
}

impl Engine {
    /// An engine without jobs.
    pub fn new(limits: Limits) -> Self {
        Self {
            schedule: Schedule::new(&limits),
            limits,
            deliveries: Deliveries::default(),
            jobs: BTreeMap::new(),
            order: BTreeMap::new(),
            timers: BTreeSet::new(),
            census: Census::default(),
            retention: Retention::default(),
            attempts: 0,
            out: Outbox::default(),
            touched: BTreeSet::new(),
            last_step: Moment::default(),
            was_absent: false,
        }
    }

    /// Decides what follows from `event`. Whatever has become due by `now` is looked after as well, after the event.
    pub fn step(&mut self, event: Event, now: Now) -> Vec<Action> {
        self.was_absent = self.was_absent(now);
        match event {
            Event::Call(ticket, call) => self.call(ticket, call, now),
            Event::Transfer(file, attempt, report) => {
                if let Some(mut job) = self.open(file.job, now) {
                    job.report(file.index, attempt, report);
                }
                self.hand_over(file.job, now);
            }
            Event::Prepared(file, answer) => {
                if let Some(mut job) = self.open(file.job, now) {
                    job.prepared(file.index, answer);
                }
            }
            Event::Published(file, answer) => {
                if let Some(mut job) = self.open(file.job, now) {
                    job.published(file.index, answer);
                }
            }
            Event::Discarded(file, answer) => {
                if let Some(mut job) = self.open(file.job, now) {
                    job.discarded(file.index, &answer);
                    job.vacated(file.index, answer);
                }
                self.hand_over(file.job, now);
            }
            Event::NetworkChanged => self.network_changed(now),
            Event::Notified(id, delivery, answer) => {
                self.notified(id, delivery, answer.is_ok(), now);
            }
            Event::ConnectionGone(connection) => self.connection_gone(connection, now),
            Event::Wake => {}
        }
        self.conclude(now)
    }

    /// When [`Event::Wake`] is wanted next, which may be a moment that has passed; `None`: no timer at all.
    pub fn next_wake(&self) -> Option<Moment> {
        let timer = self.timers.first().map(|(moment, _)| *moment);
        let calls = self.deliveries.next_change();
        [timer, calls, self.schedule.next_change()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The job, if there is one of that name that is not forgotten yet. Final jobs answer too.
    pub fn job(&self, id: JobId) -> Option<JobView<'_>> {
        self.jobs.get(&id).map(JobView::new)
    }

    /// Every job that is not forgotten yet, final ones included, in the order of creation.
    pub fn jobs(&self) -> impl Iterator<Item = JobView<'_>> {
        self.order.values().filter_map(|id| self.job(*id))
    }

    /// Opens a job for change.
    fn open(&mut self, id: JobId, now: Now) -> Option<JobMut<'_>> {
        let job = self.jobs.get_mut(&id)?;
        self.touched.insert(id);
        Some(JobMut {
            id,
            job,
            schedule: &mut self.schedule,
            out: &mut self.out,
            attempts: &mut self.attempts,
            limits: &self.limits,
            now,
            was_absent: self.was_absent,
        })
    }

    /// Takes a new or restored job in.
    fn admit(&mut self, mut job: Job) {
        let id = job.record.id;
        let serial = self.order.last_key_value().map_or(0, |(last, _)| last + 1);
        self.order.insert(serial, id);
        job.serial = serial;
        self.jobs.insert(id, job);
        self.touched.insert(id);
    }

    /// Drops a job without a trace.
    fn forget(&mut self, id: JobId) {
        if let Some(job) = self.jobs.remove(&id) {
            self.order.remove(&job.serial);
            self.retention.remove(job.shelf);
            if let Some(moment) = job.timer {
                self.timers.remove(&(moment, id));
            }
            let listener = job.notify.listener();
            self.deliveries
                .forget(id, listener.map(|(_, connection)| connection));
            self.out.forget(id);
        }
    }

    /// What ends every step: the clock, the queue, the calls to clients, the books, and the list of actions.
    fn conclude(&mut self, now: Now) -> Vec<Action> {
        self.tick(now);
        self.give_turns(now);
        self.tell(now);
        self.last_step = now.moment;
        self.keep_books();
        self.touched.clear();
        self.out.flush(&mut self.jobs)
    }

    /// Brings counts and timers up to date with the jobs that were opened.
    fn keep_books(&mut self) {
        let mut grown = BTreeSet::new();
        for id in &self.touched {
            let id = *id;
            if let Some(job) = self.jobs.get_mut(&id) {
                self.census.note(job);
                grown.extend(self.retention.note(job));
                let due = job.deadline(&self.limits);
                if due != job.timer {
                    if let Some(moment) = job.timer.take() {
                        self.timers.remove(&(moment, id));
                    }
                    self.timers.extend(due.map(|moment| (moment, id)));
                    job.timer = due;
                }
            }
        }
        for owner in grown {
            self.forget_surplus(owner);
        }
    }
}
