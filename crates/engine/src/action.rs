//! What the engine wants done.

use bgcopy_model::{Condition, FileId, FileIndex, JobId, Mutation};

use crate::event::{Attempt, Delivery, Listener, Notification, Ticket};

/// Something to do. Of the actions of one step the driver makes every [`Action::Store`] durable first, in order and
/// in one transaction; only then it does the others, in order. If that transaction fails, it does none of them.
///
/// A step's actions come in this order: stores; what looks different, files before their job; work with files; answers;
/// calls to clients; jobs that are forgotten. Each thing is named once, with the records as they are at the end of the step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Record this.
    Store(Mutation),
    /// Answer a call.
    Reply(Ticket, Result<Reply, Refusal>),
    /// Run the file's transfer; its record says what is there already.
    Start(FileId, Attempt),
    /// End that run soon: checkpoint and report [`crate::Outcome::Stopped`] (or what it ended with before it heard).
    Stop(FileId, Attempt),
    /// Set mode, time and length of the finished temporary file, sync it, tell its inode.
    Prepare(FileId),
    /// Rename the temporary file to its final name and sync the folder; done already is success.
    Publish(FileId),
    /// Delete the temporary file; gone already is success.
    Discard(FileId),
    /// Call the client's object and report [`crate::Event::Notified`].
    Notify {
        /// The job.
        job: JobId,
        /// Ties the answer to the call.
        delivery: Delivery,
        /// Whom.
        listener: Listener,
        /// What.
        notification: Notification,
    },
    /// Run the job's notification program as its owner and report [`crate::Event::Notified`] when it ended.
    RunCommand {
        /// The job.
        job: JobId,
        /// Ties the end to the run.
        delivery: Delivery,
        /// What it is for: `JobTransferred` or `JobError`.
        notification: Notification,
    },
    /// Start the bus name of the job on its owner's session bus. Nothing is reported: who was started registers.
    Activate(JobId),
    /// The job looks different: publish a new snapshot.
    JobChanged(JobId),
    /// The file looks different.
    FileChanged(FileId),
    /// The job is forgotten.
    Forgotten(JobId),
}

/// A successful answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The job was made.
    Created(JobId),
    /// Files were added, the first with this index.
    Added(FileIndex),
    /// Done.
    Done,
    /// So many files were changed.
    Changed(u32),
    /// Complete, with unfinished files left out (`BG_S_PARTIAL_COMPLETE` in the BITS profile).
    Partial,
    /// Done, but a temporary file could not be deleted (`BG_S_UNABLE_TO_DELETE_FILES`).
    Undeleted,
}

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub condition: Condition,
    /// One sentence for people.
    pub detail: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(condition: Condition, detail: impl Into<String>) -> Self {
        Self {
            condition,
            detail: detail.into(),
        }
    }
}
