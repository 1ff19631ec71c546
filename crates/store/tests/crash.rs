//! What an end without warning leaves: SIGKILL in the middle of commits, and a log that is cut off anywhere, as by a
//! power cut. What was acknowledged is there, in order, and never half a batch.

#![expect(
    clippy::disallowed_methods,
    reason = "copies of the queue's files are what is tested"
)]

mod common;

use std::{
    collections::VecDeque,
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use bgcopy_model::{ClockAnchor, Extent, JobId, JobPhase, Moment, Mutation, Timestamp};
use bgcopy_store::Store;
use common::{
    Model, runtime,
    sample::{file, job},
};

/// Set for the child: the folder of the queue.
const FOLDER: &str = "BGCOPY_STORE_CRASH_FOLDER";

/// Batches that wait at once in the child.
const WINDOW: usize = 8;

/// The batch at this place of an endless script; it records its place as the clocks' moment.
fn batch(place: u64) -> Vec<Mutation> {
    let n = u128::from(place / 5 % 7);
    let id = JobId::from_u128(n);
    let mut changed = job(n);
    changed.error_count = u32::try_from(place).unwrap();
    let progress = |index: u32| {
        let mut file = file(index);
        file.durable = [Extent::new(0, place + 1)].into_iter().collect();
        Arc::new(file)
    };
    let mut mutations = match place % 5 {
        0 => vec![
            Mutation::Forget(id),
            Mutation::PutJob(Box::new(changed)),
            Mutation::PutFiles(id, (0..4).map(progress).collect()),
        ],
        1 | 2 => vec![Mutation::PutFiles(id, vec![progress(2)])],
        3 => {
            changed.phase = JobPhase::Transferring;
            vec![Mutation::PutJob(Box::new(changed))]
        }
        _ => vec![
            Mutation::PutFiles(id, vec![progress(0), progress(3)]),
            Mutation::PutJob(Box::new(changed)),
        ],
    };
    mutations.push(Mutation::PutAnchor(ClockAnchor {
        boot_id: "boot".to_owned(),
        boottime: place,
        wall: Timestamp(place),
        moment: Moment(place),
    }));
    mutations
}

/// How many batches of the script a queue holds.
fn applied(model: &Model) -> u64 {
    model
        .anchor
        .as_ref()
        .map_or(0, |anchor| anchor.moment.0 + 1)
}

/// The model after so many batches.
fn script(count: u64) -> Model {
    let mut model = Model::default();
    for place in 0..count {
        model.apply(&batch(place)).unwrap();
    }
    model
}

/// Copies the queue's files and reads the copy, so that the original goes on from what the crash left.
fn read_copy(folder: &Path) -> Model {
    let copy = tempfile::tempdir().unwrap();
    for name in ["queue.db", "queue.db-wal"] {
        fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    let (store, restored) = Store::open(copy.path()).unwrap();
    runtime().block_on(store.close()).unwrap();
    Model::from(restored)
}

/// The child: commits the script from where the queue is and writes the count of acknowledged batches, until killed.
#[test]
fn child_that_commits_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else {
        return; // Only the test below starts it as a child.
    };
    let (store, restored) = Store::open(folder.as_ref()).unwrap();
    let mut acknowledged = applied(&Model::from(restored));
    let mut waiting = VecDeque::new();
    let mut out = std::io::stdout();
    runtime().block_on(async {
        for place in acknowledged.. {
            waiting.push_back(store.commit(batch(place)));
            if waiting.len() == WINDOW {
                waiting.pop_front().unwrap().await.unwrap();
                acknowledged += 1;
                writeln!(out, "acknowledged {acknowledged}").unwrap();
                out.flush().unwrap();
            }
        }
    });
}

#[test]
fn what_was_acknowledged_survives_sigkill_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut total = 0;
    for round in 0u64..12 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "child_that_commits_until_it_is_killed",
                "--nocapture",
            ])
            .env(FOLDER, folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Some kills come early, others after several checkpoints of the log.
        let mut left = 1 + round * round * 37 % 400;
        let mut last = None;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // A kill may cut the last line short, but not the number of an earlier one.
            if let Some(count) = line.strip_prefix("acknowledged ") {
                last = last.max(count.parse::<u64>().ok());
                left = left.saturating_sub(1);
                if left == 0 {
                    child.kill().unwrap();
                }
            }
        }
        let status = child.wait().unwrap();
        assert_eq!(status.code(), None, "the child ended by itself: {status}");

        let acknowledged = last.unwrap();
        assert!(acknowledged > total, "round {round} went on from the last");
        let model = read_copy(folder.path());
        total = applied(&model);
        let handed_over = acknowledged + WINDOW as u64;
        assert!(
            (acknowledged..=handed_over).contains(&total),
            "round {round}: {total} batches, {acknowledged} were acknowledged"
        );
        assert_eq!(model, script(total), "round {round}");
    }
}

/// A disk that lost what was not synced: the log ends anywhere, in nothing or in the zeros that it was filled with.
#[test]
fn a_log_cut_off_anywhere_holds_whole_batches_in_order() {
    const BATCHES: u64 = 25;
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path()).unwrap();
    runtime().block_on(async {
        for place in 0..BATCHES {
            store.commit(batch(place)).await.unwrap();
        }
    });
    assert_eq!(store.stats().checkpoints, 0, "all of it is in the log");
    let log = fs::read(folder.path().join("queue.db-wal")).unwrap();
    let end = log.len() - log.iter().rev().take_while(|&&byte| byte == 0).count();

    let cut = tempfile::tempdir().unwrap();
    let file = cut.path().join("queue.db");
    let mut seen = std::collections::BTreeSet::new();
    for length in (0..end).step_by(2_003).chain([end]) {
        for zeros in [false, true] {
            let mut log = log.clone();
            if zeros {
                log[length..].fill(0);
            } else {
                log.truncate(length);
            }
            fs::copy(folder.path().join("queue.db"), &file).unwrap();
            fs::write(cut.path().join("queue.db-wal"), log).unwrap();
            let (store, restored) = Store::open(cut.path()).unwrap();
            runtime().block_on(store.close()).unwrap();
            let model = Model::from(restored);
            assert_eq!(model, script(applied(&model)), "cut at {length}");
            seen.insert(applied(&model));
        }
    }
    assert_eq!(
        seen,
        (0..=BATCHES).collect(),
        "a cut lost at most what came after it"
    );
}
