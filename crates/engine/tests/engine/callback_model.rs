//! What clients must be told, written a second time: from what a job shows before and after each step, and from the
//! events, it follows what is due, who is called for it next, and when. The engine must agree after every step.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bgcopy_engine::{
    Action, Call, Connection, Delivery, Event, JobView, Listener, Notification as N,
};
use bgcopy_model::{Due, FilePhase, JobId, JobPhase, JobState as S, Moment, NotifyFlags, Owner};

use crate::world::World;

#[derive(Default)]
pub struct Model {
    pub jobs: BTreeMap<JobId, Owed>,
}

/// What one job's client is owed.
pub struct Owed {
    state: S,
    owner: Owner,
    flags: u32,
    here: BTreeSet<u32>,
    due: Due,
    files: BTreeSet<u32>,
    /// Completing goes on: whether the service began it by itself.
    closing: Option<bool>,
    listener: Option<(Listener, Connection)>,
    call: Option<Open>,
    program: Option<Open>,
    failures: u32,
    not_before: Moment,
    last_modification: Option<Moment>,
    /// Of the present event: the client failed, the program ran, the client was started so often.
    failed: bool,
    ran: bool,
    starts: u32,
    next_start: Moment,
}

struct Open {
    delivery: Delivery,
    what: N,
    listener: Option<Listener>,
    stale: bool,
}

impl Owed {
    fn new(view: JobView<'_>) -> Self {
        let record = view.record();
        Self {
            state: view.state(),
            owner: record.owner,
            flags: record.notify_flags.bits(),
            here: here(view),
            due: record.due,
            files: marked(view),
            closing: None,
            listener: None,
            call: None,
            program: None,
            failures: 0,
            not_before: Moment(0),
            last_modification: None,
            failed: false,
            ran: false,
            starts: 0,
            next_start: Moment(0),
        }
    }

    fn asks(&self, flag: NotifyFlags) -> bool {
        self.flags & 0x04 == 0 && self.flags & flag.bits() != 0
    }

    fn event(&self) -> Option<N> {
        if self.closing.is_some() {
            return None;
        }
        let transferred = self.due.transferred && self.asks(NotifyFlags::TRANSFERRED);
        let error = self.due.error && self.asks(NotifyFlags::ERROR);
        assert!(!(transferred && error));
        transferred
            .then_some(N::JobTransferred)
            .or(error.then_some(N::JobError))
    }

    pub fn owed(&self) -> Option<N> {
        let asks = self.asks(NotifyFlags::FILE_TRANSFERRED) && !self.state.is_final();
        let file = self.files.first().filter(|_| asks);
        file.map(|index| N::FileTransferred(*index))
            .or(self.event())
    }

    fn may_run_program(&self) -> bool {
        let absent = self.listener.is_none() && self.call.is_none();
        self.event().is_some() && (absent || self.failed) && !self.ran && self.program.is_none()
    }

    fn may_start(&self, now: Moment) -> bool {
        let runs = self.program.as_ref().is_some_and(|it| !it.stale);
        let absent = self.listener.is_none() && self.call.is_none() && !runs;
        self.owed().is_some() && absent && self.next_start <= now
    }

    fn set_due(&mut self, due: Due) {
        if due == self.due {
            return;
        }
        self.due = due;
        for open in [&mut self.call, &mut self.program].into_iter().flatten() {
            open.stale |= matches!(open.what, N::JobTransferred | N::JobError);
        }
        (self.failed, self.ran, self.starts, self.next_start) = (false, false, 0, Moment(0));
    }

    fn lose_file(&mut self, index: u32) {
        self.files.remove(&index);
        if let Some(open) = &mut self.call {
            open.stale |= open.what == N::FileTransferred(index);
        }
    }

    fn set_listener(&mut self, listener: Option<(Listener, Connection)>) {
        self.listener = listener;
        (self.failures, self.not_before, self.failed) = (0, Moment(0), false);
    }

    fn answered(&mut self, delivery: Delivery, success: bool, now: Moment) {
        let is_it = |open: &mut Open| open.delivery == delivery;
        let open = if let Some(call) = self.call.take_if(is_it) {
            if call.what == N::JobModification {
                return;
            }
            if success {
                (self.failures, self.not_before) = (0, Moment(0));
            } else if self.listener.map(|(listener, _)| listener) == call.listener {
                let wait = Duration::from_secs(2_u64.saturating_pow(self.failures));
                self.not_before = now + wait.min(Duration::from_mins(1));
                self.failures += 1;
                self.failed = true;
            }
            call
        } else if let Some(run) = self.program.take_if(is_it) {
            run
        } else {
            return;
        };
        if success && !open.stale {
            match open.what {
                N::FileTransferred(index) => {
                    self.files.remove(&index);
                }
                _ => self.set_due(Due::default()),
            }
        }
    }

    /// What the job shows after a step.
    fn observe(&mut self, view: JobView<'_>, event: &Event) {
        let was_owed = self.owed();
        self.flags = view.record().notify_flags.bits();
        let (before, after) = (self.state, view.state());
        let asked_by_caller = matches!(event, Event::Call(_, Call::Complete(_)));
        let automatic = *self.closing.get_or_insert(!asked_by_caller);
        if !matches!(view.record().phase, JobPhase::Completing { .. }) {
            self.closing = None;
        }
        let here = here(view);
        for index in self.here.difference(&here).copied().collect::<Vec<_>>() {
            self.lose_file(index);
        }
        if self.flags & NotifyFlags::FILE_TRANSFERRED.bits() != 0 {
            let new: Vec<_> = here.difference(&self.here).copied().collect();
            if !new.is_empty() && was_owed.is_none() {
                (self.starts, self.next_start) = (0, Moment(0));
            }
            self.files.extend(new);
        }
        self.here = here;
        self.state = after;
        if before != after && (after != S::Acknowledged || !automatic) {
            self.set_due(Due {
                transferred: after == S::Transferred,
                error: after == S::Error,
            });
        }
        if after.is_final() {
            for index in self.files.clone() {
                self.lose_file(index);
            }
        }
    }

    fn check(&self, view: JobView<'_>) {
        assert_eq!(view.record().due, self.due, "in {:?}", self.state);
        assert_eq!(marked(view), self.files);
        assert_eq!(view.due(), self.owed());
        assert_eq!(view.listener(), self.listener);
    }
}

impl Model {
    /// One event for the engine, and whether what it does is right.
    pub fn step(&mut self, world: &mut World, event: Event) {
        let now = world.now.moment;
        for id in world.states().keys() {
            self.jobs
                .entry(*id)
                .or_insert_with(|| Owed::new(world.job(*id)));
        }
        self.hear(&event, now);
        world.step(event.clone());
        if let Event::Call(ticket, Call::SetNotifyInterface(id, listener)) = &event
            && let Some(owed) = self.jobs.get_mut(id)
        {
            let allowed = !owed.state.is_final() || owed.due.transferred;
            let answer = world.answer(*ticket).unwrap();
            assert_eq!(answer.is_ok(), allowed);
            if allowed {
                owed.set_listener(*listener);
            }
        }
        let states = world.states();
        self.jobs.retain(|id, _| states.contains_key(id));
        for id in states.keys() {
            let view = world.job(*id);
            let owed = self.jobs.entry(*id).or_insert_with(|| Owed::new(view));
            // What the old owner registered is nothing to the new one.
            if std::mem::replace(&mut owed.owner, view.record().owner) != view.record().owner {
                owed.set_listener(None);
            }
            owed.observe(view, &event);
        }
        self.follow(world);
    }

    /// The service comes back with what it stored.
    pub fn crash(&mut self, world: &mut World) {
        let stored = world.stored();
        world.crash();
        let old = std::mem::take(&mut self.jobs);
        for id in world.states().keys() {
            let view = world.job(*id);
            let new = Owed::new(view);
            let before = old.get(id).unwrap();
            // An unrecorded Complete has not happened; else what was due is due.
            if before.state == new.state {
                before.check_kept(&new);
            }
            self.jobs.insert(*id, new);
        }
        for (record, _) in stored {
            if let JobPhase::Completing { shown } = record.phase {
                // Whether a caller asked is not stored.
                let automatic = record.auto_complete && shown == S::Transferred;
                let owed = self.jobs.get_mut(&record.id);
                owed.unwrap().closing = Some(automatic);
            }
        }
        for (id, owed) in &mut self.jobs {
            if matches!(world.job(*id).record().phase, JobPhase::Completing { .. }) {
                owed.closing.get_or_insert(true);
            } else {
                owed.closing = None;
            }
        }
        self.follow(world);
    }

    fn hear(&mut self, event: &Event, now: Moment) {
        match event {
            Event::Notified(id, delivery, answer) => {
                if let Some(owed) = self.jobs.get_mut(id) {
                    owed.answered(*delivery, answer.is_ok(), now);
                }
            }
            Event::ConnectionGone(gone) => {
                for owed in self.jobs.values_mut() {
                    if owed.listener.is_some_and(|(_, on)| on == *gone) {
                        owed.set_listener(None);
                    }
                }
            }
            _ => {}
        }
    }

    /// What the step did is what was to be done, and nothing is left to do.
    fn follow(&mut self, world: &World) {
        let now = world.now.moment;
        for (id, owed) in &mut self.jobs {
            // Calls that ended with their connection.
            let is_open = |call: &Open| world.clients.calls.contains_key(&call.delivery);
            owed.call = owed.call.take().filter(is_open);
            owed.check(world.job(*id));
        }
        for action in &world.actions {
            self.acted(action, now);
        }
        for (id, owed) in &self.jobs {
            let record = world.job(*id).record();
            assert!(record.notify_command.is_empty() || !owed.may_run_program());
            assert!(record.activation.is_none() || !owed.may_start(now));
            let Some((_, connection)) = owed.listener else {
                continue;
            };
            let full = world.clients.counted(connection, now) >= 4;
            let waits = owed.call.is_some() || owed.owed().is_none() || owed.not_before > now;
            assert!(full || waits, "{:?} could be told", owed.owed());
        }
    }

    fn acted(&mut self, action: &Action, now: Moment) {
        match action {
            Action::Notify {
                job,
                delivery,
                notification,
                listener,
            } => {
                let owed = self.jobs.get_mut(job).unwrap();
                assert_eq!(owed.listener.map(|(listener, _)| listener), Some(*listener));
                assert!(owed.call.is_none());
                if *notification == N::JobModification {
                    assert!(owed.asks(NotifyFlags::MODIFICATION) && !owed.state.is_final());
                    let last = owed.last_modification.replace(now);
                    assert!(last.is_none_or(|last| now.since(last) >= Duration::from_millis(500)));
                    assert!(owed.owed().is_none() || owed.not_before > now);
                } else {
                    assert_eq!(owed.owed(), Some(*notification));
                    assert!(owed.not_before <= now, "too early");
                }
                owed.call = Some(Open {
                    delivery: *delivery,
                    what: *notification,
                    listener: Some(*listener),
                    stale: false,
                });
            }
            Action::RunCommand {
                job,
                delivery,
                notification,
            } => {
                let owed = self.jobs.get_mut(job).unwrap();
                assert!(owed.may_run_program());
                assert_eq!(owed.event(), Some(*notification));
                owed.ran = true;
                owed.program = Some(Open {
                    delivery: *delivery,
                    what: *notification,
                    listener: None,
                    stale: false,
                });
            }
            Action::Activate(job) => {
                let owed = self.jobs.get_mut(job).unwrap();
                assert!(owed.may_start(now));
                let wait = Duration::from_secs(60 * 2_u64.saturating_pow(owed.starts));
                owed.next_start = now + wait.min(Duration::from_hours(1));
                owed.starts += 1;
            }
            _ => {}
        }
    }
}

impl Owed {
    fn check_kept(&self, restored: &Self) {
        assert_eq!(restored.due, self.due);
        if !self.state.is_final() {
            assert_eq!(restored.files, self.files);
        }
    }
}

fn here(view: JobView<'_>) -> BTreeSet<u32> {
    let is_here = |phase: &FilePhase| !matches!(phase, FilePhase::Pending | FilePhase::Dropped);
    let files = view.files().filter(|file| is_here(&file.record().phase));
    files.map(|file| file.record().index).collect()
}

fn marked(view: JobView<'_>) -> BTreeSet<u32> {
    let files = view.files().filter(|file| file.record().notify_due);
    files.map(|file| file.record().index).collect()
}
