//! What the tests of the queue share: a plain model of it, and plain records.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses a part of it"
)]

pub mod sample;

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use bgcopy_model::{ClockAnchor, FileRecord, JobId, JobRecord, Mutation};
use bgcopy_store::{Restored, Store, StoreError};

/// The queue as a list: what the store must hold, without a disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub jobs: Vec<(JobRecord, BTreeMap<u32, FileRecord>)>,
    pub anchor: Option<ClockAnchor>,
}

impl Model {
    /// Applies all of a batch or, naming the job that is missing, none of it.
    pub fn apply(&mut self, batch: &[Mutation]) -> Result<(), JobId> {
        let mut next = self.clone();
        for mutation in batch {
            next.apply_one(mutation)?;
        }
        *self = next;
        Ok(())
    }

    fn apply_one(&mut self, mutation: &Mutation) -> Result<(), JobId> {
        let find = |id: &JobId| self.jobs.iter().position(|(job, _)| job.id == *id);
        match mutation {
            Mutation::PutJob(job) => match find(&job.id) {
                Some(place) => self.jobs[place].0 = job.as_ref().clone(),
                None => self.jobs.push((job.as_ref().clone(), BTreeMap::new())),
            },
            Mutation::PutFiles(id, files) => {
                let place = find(id).ok_or(*id)?;
                let files = files
                    .iter()
                    .map(|file| (file.index, FileRecord::clone(file)));
                self.jobs[place].1.extend(files);
            }
            Mutation::Forget(id) => self.jobs.retain(|(job, _)| job.id != *id),
            Mutation::PutAnchor(anchor) => self.anchor = Some(anchor.clone()),
        }
        Ok(())
    }
}

impl From<Restored> for Model {
    fn from(restored: Restored) -> Self {
        assert_eq!(restored.damaged, Vec::<String>::new());
        let jobs = restored.jobs.into_iter().map(|(job, files)| {
            let sorted = files.is_sorted_by(|a, b| a.index < b.index);
            assert!(sorted, "files come in order of their index");
            (
                job,
                files.into_iter().map(|file| (file.index, file)).collect(),
            )
        });
        Self {
            jobs: jobs.collect(),
            anchor: restored.anchor,
        }
    }
}

/// Opens a queue that another store of this process may be closing still: a handle that is dropped, not closed,
/// says nothing about when the lock is free.
pub fn open_soon(folder: &Path) -> (Store, Restored) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        match Store::open(folder) {
            Err(StoreError::Locked { .. }) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(2));
            }
            outcome => return outcome.unwrap(),
        }
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
