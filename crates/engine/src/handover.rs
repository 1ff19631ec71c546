//! A job gets another owner.
//!
//! ```text
//!  TakeOwnership ──▶ SUSPENDED: runs end ══▶ temporary files go, with the old owner's rights ══▶ new owner, answer
//!                                                    │
//!                                                    └─ one stays: the old owner keeps the job, answer: why
//! ```
//!
//! A double line is a commit. A temporary file belongs to the old owner, who may have it open: nothing of it is ever
//! published as the new owner's, so bytes are fetched again. What was the old owner's secret or program ends with the
//! ownership: header fields, credentials, user and password in URLs, proxies, callback object, notification program, bus
//! name.
//! A crash before the last commit leaves the job with its old owner, SUSPENDED.

use std::{collections::BTreeSet, sync::Arc};

use bgcopy_model::{
    FileIndex, FilePhase, HttpOptions, JobId, JobPhase, Now, Owner, ProxyEnvironment,
};
use url::Url;

use crate::{
    Action, Engine, Refusal, Reply, Ticket, Trouble, calls::Answer, job::File, job_mut::JobMut,
};

/// A change of owner under way.
pub(crate) struct Handover {
    ticket: Ticket,
    to: Owner,
    stage: Stage,
}

enum Stage {
    /// Runs are ending.
    Halting,
    /// Temporary files go; those whose answer is missing, and what went wrong first.
    Vacating(BTreeSet<FileIndex>, Option<Trouble>),
}

impl Engine {
    /// Ends a change of owner that has nothing to wait for any more.
    pub(crate) fn hand_over(&mut self, id: JobId, now: Now) {
        let is_done = |handover: &Handover| matches!(&handover.stage, Stage::Vacating(waiting, _) if waiting.is_empty());
        let job = self.jobs.get_mut(&id);
        let Some(handover) = job.and_then(|job| job.handover.take_if(|handover| is_done(handover)))
        else {
            return;
        };
        let ticket = handover.ticket;
        if let Stage::Vacating(_, Some(trouble)) = handover.stage {
            let refusal = Refusal::new(trouble.condition, trouble.detail);
            return self.out.reply(ticket, Err(refusal));
        }
        // The job leaves one owner's count here and enters the other's with the books of this step.
        if let Some(job) = self.jobs.get_mut(&id) {
            self.census.leave(job);
        }
        // It is not final: a handover keeps every call away that could end it.
        let unregistered = self.set_listener(id, None, now);
        debug_assert!(unregistered.is_ok());
        if let Some(mut job) = self.open(id, now) {
            job.belongs_to(handover.to);
        }
        self.out.reply(ticket, Ok(Reply::Done));
    }
}

impl JobMut<'_> {
    /// Begins to give the job to `to`.
    pub fn take_ownership(&mut self, to: Owner, ticket: Ticket) -> Answer {
        self.require_settled()?;
        if self.job.record.owner == to {
            return Ok(Some(Reply::Done));
        }
        self.halt();
        self.enter(JobPhase::Suspended);
        self.put();
        self.job.handover = Some(Handover {
            ticket,
            to,
            stage: Stage::Halting,
        });
        self.go_on_vacating();
        Ok(None)
    }

    /// Takes the next step when no run is left.
    pub fn go_on_vacating(&mut self) {
        let is_halting = |handover: &Handover| matches!(handover.stage, Stage::Halting);
        if !self.job.handover.as_ref().is_some_and(is_halting) || !self.job.busy().is_empty() {
            return;
        }
        let named =
            |file: &File| matches!(file.record.phase, FilePhase::Published | FilePhase::Dropped);
        let files = self.job.files().iter().filter(|file| !named(file));
        let files: Vec<_> = files
            .map(|file| (file.record.index, file.may_have_temporary))
            .collect();
        let mut waiting = BTreeSet::new();
        for (index, has_temporary) in files {
            // That its bytes do not count is durable before they go; else a restart would take it for tampering.
            self.edit(index, File::lose_bytes);
            self.withdraw_file(index);
            self.put_file(index);
            self.progressed(index);
            if has_temporary {
                waiting.insert(index);
                self.work(index, Action::Discard);
            }
        }
        self.job.record.transferred_at = None;
        if let Some(handover) = &mut self.job.handover {
            handover.stage = Stage::Vacating(waiting, None);
        }
    }

    /// The answer to [`Action::Discard`] of a change of owner.
    pub fn vacated(&mut self, index: FileIndex, answer: Result<(), Trouble>) {
        if let Some(Handover {
            stage: Stage::Vacating(waiting, failure),
            ..
        }) = &mut self.job.handover
            && waiting.remove(&index)
        {
            match answer {
                Ok(()) => {
                    self.edit(index, |file| file.may_have_temporary = false);
                }
                Err(trouble) => {
                    failure.get_or_insert(trouble);
                }
            }
        }
    }

    /// The job is this owner's.
    fn belongs_to(&mut self, owner: Owner) {
        let record = &mut self.job.record;
        record.owner = owner;
        record.headers.clear();
        record.context.proxies = ProxyEnvironment::default();
        record.http = HttpOptions {
            security: record.http.security,
            ..HttpOptions::default()
        };
        record.notify_command.clear();
        record.activation = None;
        let files = self.job.files().iter();
        let with_user = files.filter(|file| {
            let urls = [Some(&*file.record.url), file.record.found_at.as_deref()];
            let has_user = |url: &Url| !url.username().is_empty() || url.password().is_some();
            urls.into_iter().flatten().any(has_user)
        });
        for index in with_user.map(|file| file.record.index).collect::<Vec<_>>() {
            self.edit(index, |file| {
                let record = file.change();
                record.found_at = None;
                let url = Arc::make_mut(&mut record.url);
                // These fail only for URLs that cannot have a user.
                let _ = url.set_password(None).and_then(|()| url.set_username(""));
            });
            self.put_file(index);
            self.out.file_changed(self.id, index);
        }
        self.put();
        self.touch();
    }
}
