//! When a queue is not opened, and that nothing is lost or changed then; and that what is opened is private.

#![expect(
    clippy::disallowed_methods,
    reason = "the queue's files and their rights are what is tested"
)]

mod common;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    sync::Arc,
};

use bgcopy_model::{JobId, Mutation};
use bgcopy_store::{Store, StoreError};
use common::{
    Model, runtime,
    sample::{file, job},
};
use rusqlite::Connection;
use tempfile::TempDir;

/// A closed queue of one job with this many files.
fn queue(files: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path()).unwrap();
    let batch = vec![
        Mutation::PutJob(Box::new(job(1))),
        Mutation::PutFiles(
            JobId::from_u128(1),
            (0..files).map(file).map(Arc::new).collect(),
        ),
    ];
    runtime().block_on(async {
        store.commit(batch).await.unwrap();
        store.close().await.unwrap();
    });
    let database = folder.path().join("queue.db");
    (folder, database)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// Opens, expects a refusal that leaves the file as it is, and returns its text.
fn refused(folder: &Path, expected: fn(&StoreError) -> bool) -> String {
    let file = folder.join("queue.db");
    let before = fs::read(&file).unwrap();
    let error = Store::open(folder).unwrap_err();
    assert!(expected(&error), "{error:?}");
    assert_eq!(fs::read(&file).unwrap(), before, "the file was changed");
    let text = error.to_string();
    assert!(text.contains("queue.db"), "{text}");
    text
}

#[test]
fn a_new_queue_is_private_with_every_folder_made_for_it() {
    let base = tempfile::tempdir().unwrap();
    let state = base.path().join("state");
    let folder = state.join("bgcopy");
    let (store, restored) = Store::open(&folder).unwrap();
    assert_eq!(Model::from(restored), Model::default());
    for path in [&state, &folder] {
        assert_eq!(mode(path), 0o700, "{}", path.display());
    }
    for name in ["queue.db", "queue.db-wal"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    assert!(!fs::exists(folder.join("queue.db-shm")).unwrap());
    runtime().block_on(store.close()).unwrap();
}

#[test]
fn rights_of_others_are_taken_away() {
    let (folder, file) = queue(1);
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    let (_store, restored) = Store::open(folder.path()).unwrap();
    assert_eq!(restored.jobs.len(), 1);
    assert_eq!((mode(folder.path()), mode(&file)), (0o700, 0o600));
}

#[test]
fn a_folder_of_another_user_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mine = fs::metadata(folder.path()).unwrap().uid();
    // Root's own folder is another user's to everybody but root, who can make one.
    let path = if mine == 0 {
        chown(folder.path(), Some(1), None).unwrap();
        folder.path()
    } else {
        Path::new("/")
    };
    let error = Store::open(path).unwrap_err();
    assert!(
        matches!(error, StoreError::NotOurs { process, .. } if process == mine),
        "{error:?}"
    );
    assert!(!fs::exists(path.join("queue.db")).unwrap());
}

#[test]
fn a_link_in_the_place_of_a_file_is_refused_and_not_followed() {
    for name in ["queue.db", "queue.db-wal"] {
        let (folder, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let target = target.path().join("target");
        symlink(&target, folder.path().join(name)).unwrap();
        let error = Store::open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::WrongKind { .. }), "{error:?}");
        assert!(!fs::exists(&target).unwrap());
    }
}

#[test]
fn a_link_to_the_folder_is_followed() {
    let (folder, _) = queue(1);
    let other = tempfile::tempdir().unwrap();
    let link = other.path().join("link");
    symlink(folder.path(), &link).unwrap();
    let (_store, restored) = Store::open(&link).unwrap();
    assert_eq!(restored.jobs.len(), 1);
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::WrongKind { .. }), "{error:?}");
}

#[test]
fn a_second_opener_is_refused_until_the_first_has_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = Store::open(folder.path()).unwrap();
    let text = Store::open(folder.path()).unwrap_err();
    assert!(matches!(text, StoreError::Locked { .. }), "{text:?}");
    runtime().block_on(async {
        first
            .commit(vec![Mutation::PutJob(Box::new(job(1)))])
            .await
            .unwrap();
        first.close().await.unwrap();
    });
    let (_second, restored) = Store::open(folder.path()).unwrap();
    assert_eq!(restored.jobs.len(), 1);
}

#[test]
fn a_queue_of_a_later_version_is_refused_as_it_is() {
    let (folder, file) = queue(1);
    let connection = Connection::open(&file).unwrap();
    connection
        .pragma_update(None, "user_version", 4711)
        .unwrap();
    connection.close().unwrap();
    let text = refused(folder.path(), |e| {
        matches!(e, StoreError::Newer { found: 4711, .. })
    });
    assert!(text.contains("version 4711"), "{text}");
}

#[test]
fn a_database_of_something_else_is_refused_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("queue.db")).unwrap();
    connection
        .execute_batch("CREATE TABLE letters (x)")
        .unwrap();
    connection.close().unwrap();
    refused(folder.path(), |e| matches!(e, StoreError::Foreign { .. }));
}

#[test]
fn a_damaged_file_is_refused_as_it_is_with_the_way_out() {
    let page = 4096;
    let damages: [fn(&mut Vec<u8>, usize); 4] = [
        |bytes, _| bytes[..100].fill(b'x'),
        |bytes, page| bytes[10 * page..40 * page].fill(0),
        |bytes, page| bytes[10 * page..40 * page].fill(0xa5),
        |bytes, page| bytes.truncate(20 * page),
    ];
    for damage in damages {
        let (folder, file) = queue(1_000);
        let mut bytes = fs::read(&file).unwrap();
        assert!(bytes.len() > 50 * page);
        damage(&mut bytes, page);
        fs::write(&file, bytes).unwrap();
        let text = refused(folder.path(), |e| matches!(e, StoreError::Damaged { .. }));
        assert!(text.contains("move it away"), "{text}");
    }
}

#[test]
fn an_empty_file_becomes_a_queue() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("queue.db"), "").unwrap();
    let (_store, restored) = Store::open(folder.path()).unwrap();
    assert_eq!(Model::from(restored), Model::default());
}
