//! A store that has nothing to do does nothing. One test alone in its process: it looks at the process's threads.

#![expect(
    clippy::disallowed_methods,
    reason = "the kernel tells about threads in files"
)]

mod common;

use std::{
    fs,
    time::{Duration, Instant},
};

use bgcopy_model::Mutation;
use bgcopy_store::Store;
use common::{runtime, sample::job};

/// How often the owner thread was put on a processor.
fn switches() -> u64 {
    let thread = fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|task| fs::read_to_string(task.join("comm")).unwrap() == "bgcopy-store\n")
        .expect("the owner thread runs");
    let status = fs::read_to_string(thread.join("status")).unwrap();
    let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
    lines
        .map(|line| {
            line.split_whitespace()
                .last()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        })
        .sum()
}

#[test]
fn an_idle_store_does_not_wake_up() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path()).unwrap();
    let commit = store.commit(vec![Mutation::PutJob(Box::new(job(1)))]);
    runtime().block_on(commit).unwrap();
    // The thread may still be on its way to sleep in the first rounds; one that wakes by itself never gets there.
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut before = switches();
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let after = switches();
        if after == before {
            break;
        }
        assert!(Instant::now() < deadline, "it never sleeps");
        before = after;
    }
    runtime().block_on(store.close()).unwrap();
}
