//! Destinations, free names, and the two halves of publishing in every stage that a power cut can leave.

#![allow(
    clippy::disallowed_methods,
    reason = "the tests look at files behind the crate's back"
)]

mod common;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
};

use bgcopy_disk::{Completion, Existing, OwnerDisk, Published};
use bgcopy_model::{Condition, Inode, RangeSet, Timestamp};
use common::{TEMPORARY, is_root, names, own, pattern};

/// Names the finished temporary file of 100 bytes in a folder "a".
fn publish(disk: &OwnerDisk, folder: &Path, inode: Inode) -> Completion<Published> {
    disk.publish(folder, TEMPORARY, "a", inode, 100, Existing::Replaced)
}

/// A folder with a finished temporary file of 100 bytes.
async fn finished(disk: &OwnerDisk) -> (tempfile::TempDir, Inode) {
    let folder = tempfile::tempdir().unwrap();
    let file = disk.create(folder.path(), TEMPORARY).await.unwrap();
    file.write(0, vec![pattern(100)]).await.unwrap();
    file.sync().await.unwrap();
    let prepared = disk.prepare(folder.path(), TEMPORARY, 100, 0o022, None);
    let inode = prepared.await.unwrap();
    (folder, inode)
}

#[tokio::test]
async fn a_published_file_has_its_name_length_mode_and_time() {
    let disk = own();
    let folder = tempfile::tempdir().unwrap();
    let file = disk.create(folder.path(), TEMPORARY).await.unwrap();
    file.allocate(1 << 20).await.unwrap();
    file.write(0, vec![pattern(5_000)]).await.unwrap();
    let modified = Some(Timestamp(1_234_567_890_123_456));
    let inode = disk
        .prepare(folder.path(), TEMPORARY, 4_000, 0o027, modified)
        .await
        .unwrap();
    disk.publish(
        folder.path(),
        TEMPORARY,
        "a.bin",
        inode,
        4_000,
        Existing::Replaced,
    )
    .await
    .unwrap();

    assert_eq!(names(folder.path()), ["a.bin"]);
    let path = folder.path().join("a.bin");
    let meta = fs::metadata(&path).unwrap();
    assert_eq!(meta.mode() & 0o7777, 0o640);
    assert_eq!(
        (meta.mtime(), meta.mtime_nsec()),
        (1_234_567_890, 123_456_000)
    );
    assert_eq!(meta.ino(), inode.number);
    assert_eq!(fs::read(&path).unwrap(), pattern(5_000)[..4_000]);
}

#[tokio::test]
async fn missing_bytes_are_never_published_as_zeros() {
    let disk = own();
    let (folder, _) = finished(&disk).await;
    let prepared = disk.prepare(folder.path(), TEMPORARY, 101, 0, None).await;
    let error = prepared.unwrap_err();
    assert_eq!(error.condition, Condition::LocalFileChanged, "{error}");
}

#[tokio::test]
async fn preparing_again_after_a_cut_gives_the_same_file() {
    let disk = own();
    let (folder, inode) = finished(&disk).await;
    // Another process: no handle, no strand.
    let later = own();
    let again = later.prepare(folder.path(), TEMPORARY, 100, 0o022, None);
    assert_eq!(again.await.unwrap(), inode);
}

#[tokio::test]
async fn publishing_goes_on_from_every_stage_a_cut_can_leave() {
    type Stage = (&'static str, fn(&Path));
    let stages: [Stage; 4] = [
        ("recorded, not renamed", |_| {}),
        ("renamed, folder not synced", |folder| {
            fs::rename(folder.join(TEMPORARY), folder.join("a")).unwrap();
        }),
        (
            "both names, as after a cut on a file system without a journal",
            |folder| {
                fs::hard_link(folder.join(TEMPORARY), folder.join("a")).unwrap();
            },
        ),
        ("an older file is still there", |folder| {
            fs::write(folder.join("a"), "older").unwrap();
        }),
    ];
    for (stage, cut) in stages {
        let (folder, inode) = finished(&own()).await;
        cut(folder.path());
        // Once for the stage, once more for a cut after it.
        for _ in 0..2 {
            let published = publish(&own(), folder.path(), inode).await;
            published.unwrap_or_else(|error| panic!("{stage}: {error}"));
            assert_eq!(names(folder.path()), ["a"], "{stage}");
            assert_eq!(fs::read(folder.path().join("a")).unwrap(), pattern(100));
        }
    }
}

#[tokio::test]
async fn another_file_under_the_temporary_name_is_not_published() {
    let disk = own();
    let (folder, inode) = finished(&disk).await;
    let temporary = folder.path().join(TEMPORARY);
    // Kept under another name, so that its inode is not given to the new file.
    fs::rename(&temporary, folder.path().join("kept")).unwrap();
    fs::write(&temporary, "planted").unwrap();
    let error = publish(&disk, folder.path(), inode).await.unwrap_err();
    assert_eq!(error.condition, Condition::LocalFileChanged, "{error}");
    fs::remove_file(&temporary).unwrap();
    symlink(folder.path().join("kept"), &temporary).unwrap();
    let error = publish(&disk, folder.path(), inode).await.unwrap_err();
    assert_eq!(error.condition, Condition::LocalFileChanged, "{error}");
    fs::remove_file(&temporary).unwrap();
    fs::write(folder.path().join("a"), "somebody's").unwrap();
    let error = publish(&disk, folder.path(), inode).await.unwrap_err();
    assert_eq!(error.condition, Condition::LocalFileChanged, "{error}");
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"somebody's");
}

#[tokio::test]
async fn a_file_that_was_shortened_behind_its_preparation_is_not_published() {
    let disk = own();
    let (folder, inode) = finished(&disk).await;
    fs::write(folder.path().join(TEMPORARY), pattern(99)).unwrap();
    let error = publish(&disk, folder.path(), inode).await.unwrap_err();
    assert_eq!(error.condition, Condition::LocalFileChanged, "{error}");
    assert_eq!(names(folder.path()), [TEMPORARY]);
}

#[tokio::test]
async fn a_file_of_the_same_number_and_another_length_is_not_taken_for_the_published_one() {
    let disk = own();
    let (folder, inode) = finished(&disk).await;
    let name = folder.path().join("a");
    fs::rename(folder.path().join(TEMPORARY), &name).unwrap();
    fs::write(&name, "somebody's").unwrap();
    let error = publish(&disk, folder.path(), inode).await.unwrap_err();
    assert_eq!(error.condition, Condition::LocalFileChanged, "{error}");
}

#[tokio::test]
async fn a_temporary_file_tells_which_one_it_is() {
    let disk = own();
    let folder = tempfile::tempdir().unwrap();
    let file = disk.create(folder.path(), TEMPORARY).await.unwrap();
    let prepared = disk.prepare(folder.path(), TEMPORARY, 0, 0, None).await;
    assert_eq!(prepared.unwrap(), file.inode());
    let found = disk.reopen(folder.path(), TEMPORARY, RangeSet::new()).await;
    assert_eq!(found.unwrap().unwrap().inode(), file.inode());
}

#[tokio::test]
async fn a_file_that_was_made_meanwhile_keeps_its_name_where_it_is_to() {
    let disk = own();
    let (folder, inode) = finished(&disk).await;
    let publish = |name| disk.publish(folder.path(), TEMPORARY, name, inode, 100, Existing::Kept);
    fs::write(folder.path().join("file"), "mine").unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    symlink("nowhere", folder.path().join("link")).unwrap();
    for name in ["file", "folder", "link"] {
        assert_eq!(publish(name).await.unwrap(), Published::Taken);
    }
    assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"mine");
    assert_eq!(publish("a").await.unwrap(), Published::Done);
    // A replay after the rename.
    assert_eq!(publish("a").await.unwrap(), Published::Done);
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), pattern(100));
    assert_eq!(names(folder.path()), ["a", "file", "folder", "link"]);
}

#[tokio::test]
async fn a_link_under_the_final_name_is_replaced_and_its_target_untouched() {
    let disk = own();
    for target_is_folder in [false, true] {
        let (folder, inode) = finished(&disk).await;
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("target");
        if target_is_folder {
            fs::create_dir(&target).unwrap();
        } else {
            fs::write(&target, "precious").unwrap();
        }
        let name = folder.path().join("a");
        symlink(&target, &name).unwrap();
        disk.check_destination(&name).await.unwrap();
        publish(&disk, folder.path(), inode).await.unwrap();
        assert!(!name.is_symlink());
        assert_eq!(fs::read(&name).unwrap(), pattern(100));
        assert_eq!(names(elsewhere.path()), ["target"]);
        if target_is_folder {
            assert!(names(&target).is_empty());
        } else {
            assert_eq!(fs::read(&target).unwrap(), b"precious");
        }
    }
}

#[tokio::test]
async fn a_folder_under_the_final_name_is_an_error_and_the_file_stays() {
    let disk = own();
    let (folder, inode) = finished(&disk).await;
    let name = folder.path().join("a");
    fs::create_dir(&name).unwrap();
    let checked = disk.check_destination(&name).await.unwrap_err();
    assert_eq!(checked.condition, Condition::DestinationIsFolder);
    let published = publish(&disk, folder.path(), inode).await;
    let error = published.unwrap_err();
    assert_eq!(error.condition, Condition::DestinationIsFolder, "{error}");
    // The cause goes away, and Complete is called again.
    fs::remove_dir(&name).unwrap();
    publish(&disk, folder.path(), inode).await.unwrap();
    assert_eq!(fs::read(&name).unwrap(), pattern(100));
}

#[tokio::test]
async fn a_destination_is_checked_before_anything_is_fetched() {
    let disk = own();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    let identity = disk.check_destination(&folder.path().join("new")).await;
    let identity = identity.unwrap();
    let number = fs::metadata(folder.path()).unwrap().ino();
    assert_eq!(identity.number, number);
    disk.check_destination(&folder.path().join("file"))
        .await
        .unwrap();
    let with_slash = format!("{}/", folder.path().display());
    let only_folder = disk.check_destination(Path::new(&with_slash)).await;
    assert_eq!(only_folder.unwrap(), identity);

    for (path, condition) in [
        ("missing/a", Condition::FolderMissing),
        ("file/a", Condition::FolderMissing),
        ("missing/", Condition::FolderMissing),
        ("..", Condition::InvalidName),
    ] {
        // Not joined: that would drop the final slash.
        let path = format!("{}/{path}", folder.path().display());
        let error = disk.check_destination(Path::new(&path)).await.unwrap_err();
        assert_eq!(error.condition, condition, "{error}");
    }
    let long = folder.path().join("x".repeat(256));
    let error = disk.check_destination(&long).await.unwrap_err();
    assert_eq!(error.condition, Condition::InvalidName);
    let error = disk.check_destination(Path::new("a")).await.unwrap_err();
    assert_eq!(error.condition, Condition::InvalidName);
}

#[tokio::test]
async fn a_folder_without_write_permission_is_refused_unless_one_is_root() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |mode| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.path(), permissions).unwrap();
    };
    mode(0o555);
    let checked = own().check_destination(&folder.path().join("a")).await;
    let created = own().create(folder.path(), TEMPORARY).await;
    mode(0o755);
    // What holds for others when the daemon is root, `owners.rs` asserts.
    if is_root() {
        checked.unwrap();
        created.unwrap();
        return;
    }
    let error = checked.unwrap_err();
    assert_eq!(error.condition, Condition::FolderNotWritable, "{error}");
    let error = created.unwrap_err();
    assert_eq!(error.condition, Condition::FolderNotWritable, "{error}");
}

#[tokio::test]
async fn a_name_the_server_chose_gets_a_number_when_it_is_taken() {
    let disk = own();
    let folder = tempfile::tempdir().unwrap();
    let mut chosen = Vec::new();
    for _ in 0..3 {
        let name = disk
            .free_name(folder.path(), "a.tar.gz", |_| false)
            .await
            .unwrap();
        fs::write(folder.path().join(&name), "").unwrap();
        chosen.push(name);
    }
    assert_eq!(chosen, ["a.tar.gz", "a (1).tar.gz", "a (2).tar.gz"]);
    // A link that leads nowhere has the name all the same.
    symlink("nowhere", folder.path().join("b")).unwrap();
    let name = disk
        .free_name(folder.path(), "b", |name| name == "b (1)")
        .await
        .unwrap();
    assert_eq!(name, "b (2)");
    let error = disk
        .free_name(folder.path(), "../b", |_| false)
        .await
        .unwrap_err();
    assert_eq!(error.condition, Condition::InvalidName);
}
