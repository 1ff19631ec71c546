//! Collects what a step wants done and puts it in order, each thing once.
//!
//! Owns the order of a step's actions: what must be durable, then what looks different (files before their job, so
//! that a file is known to be there before its job is), then work for the driver, then answers to callers, then calls to
//! clients, so that a client that registers has its answer before the first call. It never
//! decides anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bgcopy_model::{FileId, FileIndex, JobId, Mutation};

use crate::{Action, Refusal, Reply, Ticket, job::Job};

/// Room that is kept for the work of later steps.
const WORK_KEPT: usize = 256;

/// The notes of one step.
#[derive(Default)]
pub(crate) struct Outbox {
    marks: BTreeMap<JobId, Marks>,
    forgotten: Vec<JobId>,
    work: Vec<Action>,
    replies: Vec<Action>,
    calls: Vec<Action>,
}

/// What a step did to one job.
#[derive(Default)]
struct Marks {
    put_job: bool,
    put_files: BTreeSet<FileIndex>,
    changed: bool,
    changed_files: BTreeSet<FileIndex>,
}

impl Outbox {
    /// The job's record must be stored.
    pub fn put(&mut self, job: JobId) {
        self.mark(job).put_job = true;
    }

    /// The file's record must be stored.
    pub fn put_file(&mut self, job: JobId, index: FileIndex) {
        self.mark(job).put_files.insert(index);
    }

    /// The job looks different.
    pub fn changed(&mut self, job: JobId) {
        self.mark(job).changed = true;
    }

    /// The file looks different.
    pub fn file_changed(&mut self, job: JobId, index: FileIndex) {
        self.mark(job).changed_files.insert(index);
    }

    /// The job is gone, whatever else was noted of it.
    pub fn forget(&mut self, job: JobId) {
        self.marks.remove(&job);
        self.forgotten.push(job);
    }

    /// Work for the driver.
    pub fn work(&mut self, action: Action) {
        self.work.push(action);
    }

    /// An answer to a call.
    pub fn reply(&mut self, ticket: Ticket, answer: Result<Reply, Refusal>) {
        self.replies.push(Action::Reply(ticket, answer));
    }

    /// A call to a client, or what stands in for one.
    pub fn tell(&mut self, action: Action) {
        self.calls.push(action);
    }

    /// The actions of the step, from the records as they are now.
    pub fn flush(&mut self, jobs: &mut BTreeMap<JobId, Job>) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut changes = Vec::new();
        for (id, marks) in std::mem::take(&mut self.marks) {
            let Some(job) = jobs.get_mut(&id) else {
                continue;
            };
            if marks.put_job {
                job.stored_download_time = job.record.download_time;
                job.stored_fruitless_tries = job.record.fruitless_tries;
                let record = Box::new(job.record.clone());
                actions.push(Action::Store(Mutation::PutJob(record)));
            }
            if !marks.put_files.is_empty() {
                let files = marks.put_files.iter().filter_map(|index| job.file(*index));
                let records = files.map(|file| Arc::clone(&file.record)).collect();
                actions.push(Action::Store(Mutation::PutFiles(id, records)));
                job.stored(&marks.put_files);
            }
            let files = marks.changed_files.into_iter();
            changes.extend(files.map(|index| Action::FileChanged(FileId { job: id, index })));
            if marks.changed {
                changes.push(Action::JobChanged(id));
            }
        }
        let forgotten = std::mem::take(&mut self.forgotten);
        let calls = self.replies.len() + self.calls.len();
        actions.reserve_exact(2 * forgotten.len() + changes.len() + self.work.len() + calls);
        let forget = |id: &JobId| Action::Store(Mutation::Forget(*id));
        actions.extend(forgotten.iter().map(forget));
        actions.append(&mut changes);
        actions.append(&mut self.work);
        // A job of many files is seldom.
        self.work.shrink_to(WORK_KEPT);
        actions.append(&mut self.replies);
        actions.append(&mut self.calls);
        actions.extend(forgotten.into_iter().map(Action::Forgotten));
        actions
    }

    fn mark(&mut self, job: JobId) -> &mut Marks {
        self.marks.entry(job).or_default()
    }
}
