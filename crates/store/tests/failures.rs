//! A disk that fails while the store runs: what a failure costs, and what goes on.

#![expect(
    clippy::disallowed_types,
    reason = "the queue's file is what is damaged here"
)]

mod common;

use std::{
    env,
    fs::OpenOptions,
    os::unix::fs::FileExt as _,
    process::{Command, Stdio},
    sync::Arc,
};

use bgcopy_model::{JobId, Mutation};
use bgcopy_store::{Store, StoreError};
use common::{
    runtime,
    sample::{file, job},
};

/// Set for the child: the folder of the queue.
const FOLDER: &str = "BGCOPY_STORE_LIMITED_FOLDER";

fn batch(n: u128, files: u32) -> Vec<Mutation> {
    let files = (0..files).map(file).map(Arc::new).collect();
    vec![
        Mutation::PutJob(Box::new(job(n))),
        Mutation::PutFiles(JobId::from_u128(n), files),
    ]
}

/// The child: its files cannot grow beyond some megabytes.
#[test]
fn child_whose_files_are_limited() {
    let Some(folder) = env::var_os(FOLDER) else {
        return; // Only the test below starts it as a child.
    };
    let (store, _) = Store::open(folder.as_ref()).unwrap();
    runtime().block_on(async {
        store.commit(batch(1, 3)).await.unwrap();
        let (large, beside) = (store.commit(batch(2, 50_000)), store.commit(batch(3, 1)));
        let error = large.await.unwrap_err();
        assert!(matches!(error, StoreError::Sqlite { .. }), "{error:?}");
        // Whether it shared the transaction is a matter of time; either way it has an answer.
        let _ = beside.await;
        for n in 4..200 {
            store.commit(batch(n, 3)).await.unwrap();
        }
        store.close().await.unwrap();
    });
}

#[test]
fn a_write_that_the_system_refuses_fails_its_transaction_and_the_next_ones_succeed() {
    let folder = tempfile::tempdir().unwrap();
    // 6 000 blocks of 512 or 1 024 bytes, as the shell counts; a write beyond is refused with EFBIG.
    let output = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 6000; exec "$0" "$@""#])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "child_whose_files_are_limited", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);

    let (_store, restored) = Store::open(folder.path()).unwrap();
    let mut ids: Vec<_> = restored
        .jobs
        .iter()
        .map(|(job, _)| job.id.as_u128())
        .collect();
    ids.retain(|&id| id != 3);
    assert_eq!(ids, [1].into_iter().chain(4..200).collect::<Vec<_>>());
    assert!(restored.jobs.iter().all(|(_, files)| !files.is_empty()));
}

#[test]
fn damage_found_while_running_stops_the_store_and_frees_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path()).unwrap();
    runtime().block_on(async {
        store.commit(batch(1, 30_000)).await.unwrap();
        store.close().await.unwrap();
        let (store, restored) = Store::open(folder.path()).unwrap();
        assert_eq!(restored.jobs[0].1.len(), 30_000);

        // The first files lie here. They were read, but far more was read after them than is kept in memory.
        let file = folder.path().join("queue.db");
        let file = OpenOptions::new().write(true).open(file).unwrap();
        file.write_all_at(&vec![0xa5; 100 * 4096], 20 * 4096)
            .unwrap();

        for attempt in ["the first", "the next"] {
            let error = store.commit(batch(1, 30_000)).await.unwrap_err();
            assert!(
                matches!(error, StoreError::Poisoned(_)),
                "{attempt}: {error:?}"
            );
        }
        let error = Store::open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        store.close().await.unwrap_err();
    });
}
