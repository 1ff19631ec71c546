//! What one job has told its client and what it tells him next (contract, section Callbacks).
//!
//! ```text
//!            due, somebody registered            success
//!   nothing ─────────────────────────▶ call ───────────────▶ the mark is cleared
//!                 ▲                      │ error, client lost
//!                 └── 1 s, 2 s … 60 s ◀──┘ ──▶ notification program (once an event)
//! ```
//!
//! Owns who is registered, the one outstanding call, the growing intervals, and what was tried for the present event
//! (one entry into TRANSFERRED or ERROR) beside the call. It never knows how many calls others have in flight, never
//! changes a record, and keeps no timer: it says what may be done from which moment on.

use std::time::Duration;

use bgcopy_model::{FileIndex, JobPhase, JobRecord, Moment, NotifyFlags};

use crate::{Connection, Delivery, Listener, Notification};

/// The shortest time between two calls of `JobModification`.
const MODIFICATION_INTERVAL: Duration = Duration::from_millis(500);

/// The wait after the first call that failed, doubled by each further one.
const RETRY: Duration = Duration::from_secs(1);

const LONGEST_RETRY: Duration = Duration::from_mins(1);

/// The wait before a client is started once more, doubled by each further time.
const ACTIVATION: Duration = Duration::from_mins(1);

const LONGEST_ACTIVATION: Duration = Duration::from_hours(1);

/// What the job's record lets be told at present: what is due, as far as the flags ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agenda {
    /// The first file whose `FileTransferred` is due.
    file: Option<FileIndex>,
    /// `JobTransferred` or `JobError`.
    event: Option<Notification>,
    /// Whether the flags ask for `JobModification`.
    modification: bool,
    /// Whether there is a notification program.
    command: bool,
    /// Whether there is a name to start.
    activation: bool,
}

/// The deliveries of one job.
///
/// Invariant: at most one call and at most one run of the program are outstanding.
#[derive(Default)]
pub(crate) struct Notify {
    client: Client,
    call: Option<Outstanding>,
    /// The program runs beside the calls: one that hangs keeps nothing from a client.
    run: Option<Outstanding>,
    /// When a call that is due may be made.
    retry_at: Moment,
    /// Calls in a row that failed.
    failures: u32,
    /// The registered client failed since the present event.
    failed: bool,
    /// The program ran, or runs, for the present event.
    program_tried: bool,
    /// When the client may be started.
    activate_at: Moment,
    /// How often it was, for the present event.
    activations: u32,
    /// The job changed since the last `JobModification`.
    modified: bool,
    modification_at: Moment,
}

/// Who is registered.
#[derive(Clone, Copy, Default)]
enum Client {
    /// Nobody, and nobody was since the job was made.
    #[default]
    Never,
    /// Nobody any more, for all that is known.
    Gone,
    Here(Listener, Connection),
}

/// A call that is not answered, or a program that has not ended.
struct Outstanding {
    delivery: Delivery,
    notification: Notification,
    /// Who was called; `None`: the program.
    listener: Option<Listener>,
    /// What it is about is over, and has perhaps begun anew: its success says nothing about that.
    stale: bool,
}

impl Agenda {
    /// The agenda of a job; `file`: the first of its files that is marked.
    ///
    /// While a job is being completed `JobTransferred` waits for the outcome: the caller of Complete needs none, and
    /// of a job that completes itself the client is told when the files have their names.
    pub fn new(record: &JobRecord, file: Option<FileIndex>) -> Self {
        let flags = record.notify_flags;
        let asks = |flag| flags.contains(flag) && !flags.contains(NotifyFlags::DISABLE);
        let is_final = record.phase.is_final();
        let event = match record.phase {
            JobPhase::Transferred | JobPhase::Acknowledged { .. } if record.due.transferred => {
                Some(Notification::JobTransferred).filter(|_| asks(NotifyFlags::TRANSFERRED))
            }
            JobPhase::Error { .. } if record.due.error => {
                Some(Notification::JobError).filter(|_| asks(NotifyFlags::ERROR))
            }
            _ => None,
        };
        Self {
            file: file.filter(|_| asks(NotifyFlags::FILE_TRANSFERRED) && !is_final),
            event,
            modification: asks(NotifyFlags::MODIFICATION) && !is_final,
            command: !record.notify_command.is_empty(),
            activation: record.activation.is_some(),
        }
    }

    /// What is due and comes first: files in the order of their indices, then the job.
    pub fn due(&self) -> Option<Notification> {
        let file = self.file.map(Notification::FileTransferred);
        file.or(self.event)
    }
}

impl Notify {
    /// Who is registered.
    pub const fn listener(&self) -> Option<(Listener, Connection)> {
        match self.client {
            Client::Here(listener, connection) => Some((listener, connection)),
            Client::Gone | Client::Never => None,
        }
    }

    /// Whether a client that comes back may expect calls.
    pub const fn was_registered(&self) -> bool {
        !matches!(self.client, Client::Never)
    }

    /// The job is older than the service's last start, and so may its registration be.
    pub const fn restored(&mut self) {
        self.client = Client::Gone;
    }

    /// Somebody registers, in place of whoever was; `None`: nobody is any more. Who is new is called at once.
    pub fn register(&mut self, listener: Option<(Listener, Connection)>) {
        self.client = match (listener, self.client) {
            (Some((listener, connection)), _) => Client::Here(listener, connection),
            (None, Client::Never) => Client::Never,
            (None, _) => Client::Gone,
        };
        self.retry_at = Moment::default();
        self.failures = 0;
        self.failed = false;
        self.modified = false;
    }

    /// `JobTransferred` or `JobError` became due anew, or is so no longer.
    pub fn event_changed(&mut self) {
        let of_event =
            |it: Notification| matches!(it, Notification::JobTransferred | Notification::JobError);
        self.make_stale(of_event);
        self.failed = false;
        self.program_tried = false;
        self.may_activate();
    }

    /// `FileTransferred` of this file is not due any more.
    pub fn file_withdrawn(&mut self, index: FileIndex) {
        self.make_stale(|it| it == Notification::FileTransferred(index));
    }

    /// Something is due for the first time in a while: whoever is to be started for it may be at once.
    pub fn may_activate(&mut self) {
        self.activate_at = Moment::default();
        self.activations = 0;
    }

    /// The job changed. Who registers later reads how it is, and need not be told that it changed before.
    pub fn modified(&mut self) {
        self.modified = self.listener().is_some();
    }

    /// The changes so far are told by a call of their own, or to nobody.
    pub fn forget_modification(&mut self) {
        self.modified = false;
    }

    /// The next call to the client and the moment from which on it may be made; `None`: none before something else
    /// happens.
    pub fn call(&self, agenda: &Agenda, now: Moment) -> Option<(Notification, Moment)> {
        if self.listener().is_none() || self.call.is_some() {
            return None;
        }
        let due = agenda.due().map(|due| (due, self.retry_at));
        let modification = (self.modified && agenda.modification)
            .then_some((Notification::JobModification, self.modification_at));
        // Of two that may both be made, the one that is due: the first of equals is taken.
        let calls = [due, modification].into_iter().flatten();
        calls.min_by_key(|(_, at)| (*at).max(now))
    }

    /// What the notification program is to be run for now. The interface comes first: the program's turn is when
    /// nobody is registered, or the client has failed.
    pub fn program(&self, agenda: &Agenda) -> Option<Notification> {
        let has_turn = self.listener().is_none() && self.call.is_none() || self.failed;
        let may = agenda.command && has_turn && !self.program_tried && self.run.is_none();
        agenda.event.filter(|_| may)
    }

    /// When the client is to be started.
    pub fn activation(&self, agenda: &Agenda) -> Option<Moment> {
        let runs = self.run.as_ref().is_some_and(|run| !run.stale);
        let alone = self.listener().is_none() && self.call.is_none() && !runs;
        let wanted = agenda.activation && agenda.due().is_some() && alone;
        wanted.then_some(self.activate_at)
    }

    /// A call is being made to whoever is registered.
    pub fn called(&mut self, delivery: Delivery, notification: Notification, now: Moment) {
        self.call = Some(Outstanding {
            delivery,
            notification,
            listener: self.listener().map(|(listener, _)| listener),
            stale: false,
        });
        if notification == Notification::JobModification {
            self.modified = false;
            self.modification_at = now + MODIFICATION_INTERVAL;
        }
    }

    /// The program is being run.
    pub fn program_started(&mut self, delivery: Delivery, notification: Notification) {
        self.program_tried = true;
        self.run = Some(Outstanding {
            delivery,
            notification,
            listener: None,
            stale: false,
        });
    }

    /// The client is being started.
    pub fn activated(&mut self, now: Moment) {
        self.activate_at = now + grown(ACTIVATION, self.activations, LONGEST_ACTIVATION);
        self.activations = self.activations.saturating_add(1);
    }

    /// A call was answered or cannot be any more, or the program ended. Says what is no longer due by that.
    pub fn answered(
        &mut self,
        delivery: Delivery,
        success: bool,
        now: Moment,
    ) -> Option<Notification> {
        let is_it = |it: &mut Outstanding| it.delivery == delivery;
        if let Some(call) = self.call.take_if(is_it) {
            if call.notification == Notification::JobModification {
                return None;
            }
            if success {
                self.failures = 0;
                self.retry_at = Moment::default();
            } else if call.listener == self.listener().map(|(listener, _)| listener) {
                self.retry_at = now + grown(RETRY, self.failures, LONGEST_RETRY);
                self.failures = self.failures.saturating_add(1);
                self.failed = true;
            }
            return (success && !call.stale).then_some(call.notification);
        }
        let run = self.run.take_if(is_it)?;
        (success && !run.stale).then_some(run.notification)
    }

    fn make_stale(&mut self, which: impl Fn(Notification) -> bool) {
        for outstanding in [&mut self.call, &mut self.run].into_iter().flatten() {
            outstanding.stale |= which(outstanding.notification);
        }
    }
}

/// The interval after `times` of them, each twice as long as the one before.
fn grown(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << times.min(10)).min(longest)
}

#[cfg(test)]
mod tests;
