//! Steps that wait for their transactions, and what becomes of them when the queue cannot be written.
//!
//! While the disk of the queue is full, transfers go on and report; each report is a step that waits. The waiting
//! steps are folded into one, in which each record and each snapshot stands once, as it is at the end: what waits is
//! bounded by the jobs that there are, not by how long the trouble lasts, and it is recorded whole or not at all.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bgcopy_model::{FileId, FileIndex, FileRecord, JobId, Mutation};
use bgcopy_store::StoreError;
use futures_util::future::BoxFuture;

use super::effects::Effect;

/// A step that waits for its transaction.
pub(super) struct Pending {
    /// `None`: there is nothing to record, or it is not handed to the store yet.
    pub(super) commit: Option<BoxFuture<'static, Result<(), StoreError>>>,
    /// Kept until they are durable: a failed transaction is tried again with them.
    pub(super) mutations: Arc<[Mutation]>,
    pub(super) effects: Vec<Effect>,
}

/// Makes one step of all of them, still without a transaction.
pub(super) fn fold(steps: VecDeque<Pending>) -> Pending {
    let mut mutations = Vec::new();
    let mut effects = Vec::new();
    for step in steps {
        mutations.extend_from_slice(&step.mutations);
        effects.extend(step.effects);
    }
    Pending {
        commit: None,
        mutations: fold_mutations(mutations).into(),
        effects: fold_effects(effects),
    }
}

/// Each record once, where it first stood and as it was last.
fn fold_mutations(mutations: Vec<Mutation>) -> Vec<Mutation> {
    #[derive(Hash, PartialEq, Eq)]
    enum Key {
        Job(JobId),
        Files(JobId),
        Forget(JobId),
        Anchor,
    }

    let mut folded: Vec<Mutation> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for mutation in mutations {
        let key = match &mutation {
            Mutation::PutJob(job) => Key::Job(job.id),
            Mutation::PutFiles(job, _) => Key::Files(*job),
            Mutation::Forget(job) => Key::Forget(*job),
            Mutation::PutAnchor(_) => Key::Anchor,
        };
        let before = places.get(&key).and_then(|place| folded.get_mut(*place));
        match (before, mutation) {
            (Some(Mutation::PutFiles(_, before)), Mutation::PutFiles(_, files)) => {
                overwrite(before, files);
            }
            (Some(before), mutation) => *before = mutation,
            (None, mutation) => {
                places.insert(key, folded.len());
                folded.push(mutation);
            }
        }
    }
    folded
}

/// Puts files into a list, those that are in it already in the place of their predecessors.
fn overwrite(list: &mut Vec<Arc<FileRecord>>, files: Vec<Arc<FileRecord>>) {
    let places = list.iter().enumerate();
    let places: HashMap<FileIndex, usize> =
        places.map(|(place, file)| (file.index, place)).collect();
    for file in files {
        match places.get(&file.index).and_then(|at| list.get_mut(*at)) {
            Some(before) => *before = file,
            None => list.push(file),
        }
    }
}

/// Each snapshot once, where it first stood and as it was last; everything else as it is.
fn fold_effects(effects: Vec<Effect>) -> Vec<Effect> {
    #[derive(Hash, PartialEq, Eq)]
    enum Key {
        Job(JobId),
        File(FileId),
    }

    let mut folded: Vec<Effect> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for effect in effects {
        let key = match &effect {
            Effect::ShowJob(job) => Key::Job(job.id),
            Effect::ShowFile(job, file, _) => Key::File(FileId {
                job: *job,
                index: file.index(),
            }),
            _ => {
                folded.push(effect);
                continue;
            }
        };
        if let Some(before) = places.get(&key).and_then(|place| folded.get_mut(*place)) {
            *before = effect;
        } else {
            places.insert(key, folded.len());
            folded.push(effect);
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bgcopy_model::{
        ClockAnchor, Extent, FilePhase, FileProgress, JobProgress, Moment, Naming, RangeSet,
        Timestamp, Validator,
    };

    use super::*;
    use crate::driver::FileSnapshot;

    const JOB: JobId = JobId::from_u128(1);

    fn record(index: FileIndex, durable: u64) -> Arc<FileRecord> {
        Arc::new(FileRecord {
            index,
            url: Arc::new("http://h/x".parse().unwrap()),
            mirrors: vec![],
            found_at: None,
            path: Path::new("/d/x").into(),
            naming: Naming::Given,
            sink: bgcopy_model::Sink::File,
            folder: None,
            temporary: ".x.part".into(),
            ranges: vec![],
            checksum: None,
            size: None,
            validator: Validator::default(),
            modified: None,
            durable: RangeSet::from_iter([Extent::new(0, durable)]),
            restarts: 0,
            is_valid: false,
            spent: bgcopy_model::Spent::default(),
            notify_due: false,
            phase: FilePhase::Pending,
        })
    }

    fn shown(index: FileIndex, bytes: u64) -> Effect {
        let progress = FileProgress {
            bytes_total: None,
            bytes_transferred: bytes,
            completed: false,
        };
        let file = FileSnapshot::of(&record(index, bytes), progress);
        Effect::ShowFile(JOB, file, JobProgress::default())
    }

    fn anchor(moment: u64) -> Mutation {
        Mutation::PutAnchor(ClockAnchor {
            boot_id: String::new(),
            boottime: moment,
            wall: Timestamp(0),
            moment: Moment(moment),
        })
    }

    #[test]
    fn an_hour_of_reports_waits_as_one_record_and_one_snapshot_a_file() {
        let steps = (0..3_600).map(|second| Pending {
            commit: None,
            mutations: Arc::from([
                Mutation::PutFiles(JOB, vec![record(u32::from(second % 2 == 1), second)]),
                anchor(second),
            ]),
            effects: vec![shown(u32::from(second % 2 == 1), second)],
        });
        let folded = fold(steps.collect());
        let expected = vec![
            Mutation::PutFiles(JOB, vec![record(0, 3_598), record(1, 3_599)]),
            anchor(3_599),
        ];
        assert_eq!(*folded.mutations, expected);
        let bytes = folded.effects.iter().map(|effect| match effect {
            Effect::ShowFile(_, file, _) => file.progress().bytes_transferred,
            _ => 0,
        });
        assert_eq!(bytes.collect::<Vec<_>>(), [3_598, 3_599]);
    }

    #[test]
    fn what_is_to_be_done_keeps_its_order_among_what_is_shown() {
        let (done, _heard) = tokio::sync::oneshot::channel();
        let effects = vec![
            shown(0, 1),
            Effect::Acknowledge(done),
            shown(0, 2),
            Effect::Forget(JOB),
        ];
        let folded = fold_effects(effects);
        assert!(matches!(
            folded.as_slice(),
            [
                Effect::ShowFile(..),
                Effect::Acknowledge(_),
                Effect::Forget(JOB)
            ]
        ));
    }
}
