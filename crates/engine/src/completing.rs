//! What lies between Complete or Cancel and the answer.
//!
//! ```text
//!  Complete ──▶ Halting ══▶ Preparing ──▶ Publishing ──▶ Discarding ══▶ ACKNOWLEDGED, answer
//!                 │             │              │         (unfinished ones)
//!                 │             └──────────────┴──▶ back to the state shown, answer: why
//!  Cancel ══▶ CANCELLED: Halting ────────────────────▶ Discarding ──▶ answer
//!                                                      (all but published ones)
//! ```
//!
//! A double line is a commit. Files are prepared while the first one of Complete is on its way to the disk, and named
//! once it is there: a restart goes on from Preparing. Which inode gets which name has been recorded with the file's
//! last byte, so that a rename that happened can be told from one that did not. A stage is over when nobody's answer is
//! missing.

use std::collections::{BTreeSet, VecDeque};

use bgcopy_model::{Condition, FileId, FileIndex, FilePhase, Inode, JobError, JobPhase, JobState};

use crate::{Action, Publication, Refusal, Reply, Ticket, Trouble, job::File, job_mut::JobMut};

/// Complete or Cancel under way; which of them, the job's phase tells.
pub(crate) struct Closing {
    tickets: Vec<Ticket>,
    /// Whether the service began it by itself, so that a failure is the job's error and not a call's.
    automatic: bool,
    /// Whether an earlier run of the service began it, and may have named files.
    resumed: bool,
    stage: Stage,
}

/// How far it is.
enum Stage {
    /// Runs are ending.
    Halting,
    /// Finished files get mode, time and length.
    Preparing {
        round: Round,
        failure: Failure,
        /// Without a temporary file after a restart: they have their names already, or are lost.
        gone: VecDeque<FileIndex>,
    },
    /// Finished files get their names.
    Publishing { round: Round, failure: Failure },
    /// Temporary files go.
    Discarding { round: Round, undeleted: bool },
}

/// Files of a stage that are with the driver at once: a job can have a hundred thousand, and it syncs them in groups that
/// are much smaller.
const AT_ONCE: usize = 1_024;

/// The same work with many files.
struct Round {
    action: fn(FileId) -> Action,
    /// The driver has them, and has not answered.
    waiting: BTreeSet<FileIndex>,
    /// Those to come. None while fewer than half of [`AT_ONCE`] are waited for.
    rest: VecDeque<FileIndex>,
}

impl Round {
    fn new(action: fn(FileId) -> Action, rest: VecDeque<FileIndex>) -> Self {
        let waiting = BTreeSet::new();
        Self {
            action,
            waiting,
            rest,
        }
    }

    /// What the driver gets next, in lots.
    fn lot(&mut self) -> Vec<FileIndex> {
        if self.waiting.len() > AT_ONCE / 2 {
            return Vec::new();
        }
        let room = AT_ONCE - self.waiting.len();
        let lot: Vec<_> = self.rest.drain(..room.min(self.rest.len())).collect();
        self.waiting.extend(&lot);
        lot
    }
}

/// The first thing that went wrong with a rename or its preparation.
type Failure = Option<(FileIndex, Trouble)>;

impl Closing {
    /// One more caller wants to know.
    pub fn join(&mut self, ticket: Ticket) {
        self.tickets.push(ticket);
    }

    fn is_waiting(&self, runs: usize) -> bool {
        match &self.stage {
            Stage::Halting => runs > 0,
            Stage::Preparing { round, .. }
            | Stage::Publishing { round, .. }
            | Stage::Discarding { round, .. } => !round.waiting.is_empty(),
        }
    }

    /// The files of the stage, if it has any.
    fn round(&mut self) -> Option<&mut Round> {
        match &mut self.stage {
            Stage::Halting => None,
            Stage::Preparing { round, .. }
            | Stage::Publishing { round, .. }
            | Stage::Discarding { round, .. } => Some(round),
        }
    }
}

impl JobMut<'_> {
    /// Begins to complete the job. The intent becomes durable before the first thing that cannot be undone.
    pub fn begin_complete(&mut self, tickets: Vec<Ticket>, automatic: bool) {
        self.halt();
        self.enter(JobPhase::Completing {
            shown: self.shown_while_completing(),
        });
        self.begin_closing(tickets, automatic, false);
    }

    /// Cancels the job: durable at once, answered when its temporary files are gone.
    pub fn begin_cancel(&mut self, ticket: Option<Ticket>) {
        self.halt();
        self.put();
        self.enter(JobPhase::Cancelled {
            at: self.now.moment,
        });
        self.begin_closing(ticket.into_iter().collect(), false, false);
    }

    /// Goes on with what an earlier run of the service had begun; nobody waits for the answer any more.
    pub fn resume_closing(&mut self, automatic: bool) {
        self.begin_closing(Vec::new(), automatic, true);
    }

    /// Takes the next step if nothing is waited for.
    pub fn go_on_closing(&mut self) {
        while let Some(mut closing) = self.job.closing.take() {
            if let Some(round) = closing.round() {
                for index in round.lot() {
                    self.work(index, round.action);
                }
            }
            if closing.is_waiting(self.job.busy().len()) {
                self.job.closing = Some(closing);
                return;
            }
            let cancelled = matches!(self.job.record.phase, JobPhase::Cancelled { .. });
            closing.stage = match closing.stage {
                Stage::Halting if cancelled => self.discard(File::is_disposable),
                Stage::Halting => self.prepare(closing.resumed),
                Stage::Preparing { failure: None, .. } => Stage::Publishing {
                    round: self.round(File::is_unnamed, Action::Publish),
                    failure: None,
                },
                Stage::Publishing { failure: None, .. } => self.discard(File::is_unfinished),
                // Which ones have their names is found out all the same.
                Stage::Preparing { failure, gone, .. } if !gone.is_empty() => Stage::Publishing {
                    round: Round::new(Action::Publish, gone),
                    failure,
                },
                Stage::Preparing {
                    failure: Some(failure),
                    ..
                }
                | Stage::Publishing {
                    failure: Some(failure),
                    ..
                } => {
                    return self.give_back(closing.tickets, closing.automatic, failure);
                }
                Stage::Discarding { undeleted, .. } => {
                    if !cancelled {
                        self.acknowledged(closing.automatic);
                    }
                    return self.conclude(closing.tickets, cancelled, undeleted);
                }
            };
            self.job.closing = Some(closing);
        }
    }

    /// The answer to [`Action::Prepare`].
    pub fn prepared(&mut self, index: FileIndex, answer: Result<Inode, Trouble>) {
        let is_known = self.job.file(index).is_some_and(File::is_identified);
        if let Some(Closing {
            stage:
                Stage::Preparing {
                    round,
                    failure,
                    gone,
                },
            resumed,
            ..
        }) = &mut self.job.closing
            && round.waiting.remove(&index)
        {
            match answer {
                Ok(inode) => self.identify(index, inode),
                Err(trouble)
                    if *resumed && is_known && trouble.condition == Condition::LocalFileChanged =>
                {
                    gone.push_back(index);
                }
                Err(trouble) => {
                    failure.get_or_insert((index, trouble));
                }
            }
            self.go_on_closing();
        }
    }

    /// Records the file that is about to get its name, if it is another one than was fetched into: a copy that somebody
    /// put in its place.
    fn identify(&mut self, index: FileIndex, found: Inode) {
        let found = Some(found);
        let phase = self.job.file(index).map(|file| &file.record.phase);
        if let Some(&FilePhase::Transferred {
            length_unverified,
            inode,
        }) = phase
            && inode != found
        {
            self.edit(index, |file| {
                file.change().phase = FilePhase::Transferred {
                    length_unverified,
                    inode: found,
                };
            });
            self.put_file(index);
        }
    }

    /// The answer to [`Action::Publish`].
    pub fn published(&mut self, index: FileIndex, answer: Result<Publication, Trouble>) {
        if let Some(Closing {
            stage: Stage::Publishing { round, failure },
            ..
        }) = &mut self.job.closing
            && round.waiting.remove(&index)
        {
            match answer {
                Ok(Publication::Taken { free }) => {
                    // The new name is durable before the file gets it, as the first one was.
                    round.waiting.insert(index);
                    self.job.rename(index, Some(&free));
                    self.put_file(index);
                    self.progressed(index);
                    self.work(index, Action::Publish);
                }
                Ok(Publication::Done) => {
                    self.edit(index, |file| {
                        file.change().phase = FilePhase::Published;
                        file.may_have_temporary = false;
                        // Stored with the end, whichever it is: a rename that is done already succeeds again.
                        file.unsaved = true;
                    });
                    self.progressed(index);
                }
                Err(trouble) => {
                    failure.get_or_insert((index, trouble));
                }
            }
            self.go_on_closing();
        }
    }

    /// The answer to [`Action::Discard`].
    pub fn discarded(&mut self, index: FileIndex, answer: &Result<(), Trouble>) {
        if let Some(Closing {
            stage: Stage::Discarding { round, undeleted },
            ..
        }) = &mut self.job.closing
            && round.waiting.remove(&index)
        {
            *undeleted |= answer.is_err();
            self.go_on_closing();
        }
    }

    fn begin_closing(&mut self, tickets: Vec<Ticket>, automatic: bool, resumed: bool) {
        self.job.closing = Some(Closing {
            tickets,
            automatic,
            resumed,
            stage: Stage::Halting,
        });
        self.go_on_closing();
    }

    fn shown_while_completing(&self) -> JobState {
        if self.job.is_whole() {
            JobState::Transferred
        } else {
            JobState::Suspended
        }
    }

    fn prepare(&mut self, resumed: bool) -> Stage {
        // A run that was told to stop may have finished its file all the same.
        let shown = self.shown_while_completing();
        self.enter(JobPhase::Completing { shown });
        if !resumed {
            // Before the first rename; and before the first deletion, which a restart would call tampering else.
            self.put();
        }
        self.end_streams();
        Stage::Preparing {
            round: self.round(File::is_unnamed, Action::Prepare),
            failure: None,
            gone: VecDeque::new(),
        }
    }

    fn discard(&mut self, goes: fn(&File) -> bool) -> Stage {
        Stage::Discarding {
            round: self.round(
                |file| file.may_have_temporary && goes(file),
                Action::Discard,
            ),
            undeleted: false,
        }
    }

    /// The same work with every file that `fits`.
    fn round(&self, fits: impl Fn(&File) -> bool, action: fn(FileId) -> Action) -> Round {
        let files = self.job.files().iter().filter(|file| fits(file));
        Round::new(action, files.map(|file| file.record.index).collect())
    }

    /// Complete or Cancel has done its work.
    fn conclude(&mut self, tickets: Vec<Ticket>, cancelled: bool, undeleted: bool) {
        let goes = if cancelled {
            File::is_disposable
        } else {
            File::is_unfinished
        };
        let dropped = self.job.files().iter().filter(|file| goes(file));
        let dropped: Vec<_> = dropped.map(|file| file.record.index).collect();
        for index in &dropped {
            self.edit(*index, File::drop_bytes);
            self.progressed(*index);
        }
        if !cancelled {
            // A cancelled job's files are not stored once more: a restart discards them again and is none the wiser.
            for index in &dropped {
                self.put_file(*index);
            }
            self.put_published();
            self.put();
            self.enter(JobPhase::Acknowledged {
                at: self.now.moment,
                partial: !dropped.is_empty(),
            });
        }
        let answer = match (undeleted, cancelled || dropped.is_empty()) {
            (true, _) => Reply::Undeleted,
            (false, true) => Reply::Done,
            (false, false) => Reply::Partial,
        };
        self.reply(tickets, &Ok(answer));
    }

    fn put_published(&mut self) {
        let news = |file: &&File| file.unsaved && file.record.phase == FilePhase::Published;
        for file in self.job.files().iter().filter(news) {
            self.out.put_file(self.id, file.record.index);
        }
    }

    /// A file could not be named: the job is what it was before, and the call can be repeated. What has its name
    /// keeps it.
    fn give_back(&mut self, tickets: Vec<Ticket>, automatic: bool, failure: (FileIndex, Trouble)) {
        let (index, trouble) = failure;
        if trouble.condition == Condition::LocalFileChanged {
            // Asking again would not bring it back; fetching it again does.
            self.edit(index, File::lose_bytes);
            self.withdraw_file(index);
            self.job.record.transferred_at = None;
            self.put_file(index);
            self.progressed(index);
        }
        if trouble.condition.is_about_the_folder() {
            // Whoever asks again means the folder that is there then.
            self.release_folders();
        }
        self.put_published();
        self.put();
        if automatic {
            self.fail(JobError {
                condition: trouble.condition,
                file: Some(index),
                detail: trouble.detail.clone(),
            });
        } else if self.job.is_whole() {
            self.enter(JobPhase::Transferred);
        } else {
            self.enter(JobPhase::Suspended);
        }
        self.reply(
            tickets,
            &Err(Refusal::new(trouble.condition, trouble.detail)),
        );
    }
}

impl File {
    /// Complete gives it its name.
    fn is_unnamed(&self) -> bool {
        matches!(self.record.phase, FilePhase::Transferred { .. })
    }

    /// Whether it is on record which file it is.
    fn is_identified(&self) -> bool {
        matches!(
            self.record.phase,
            FilePhase::Transferred { inode: Some(_), .. }
        )
    }

    /// Complete leaves it out.
    fn is_unfinished(&self) -> bool {
        self.record.phase == FilePhase::Pending
    }

    /// Cancel deletes it: everything that does not have its final name.
    fn is_disposable(&self) -> bool {
        !matches!(self.record.phase, FilePhase::Published | FilePhase::Dropped)
    }
}
