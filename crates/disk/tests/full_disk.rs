//! Disks that take no more: full, mounted read-only, or not allowed to a file of that size.
//!
//! A full disk is a small tmpfs, which only root can mount. For others the limit of the process (`RLIMIT_FSIZE`)
//! stands in: it cuts a write in the middle in the same way and goes away as well, with another errno. That test
//! runs for everybody. It is the only other one here, since the limit is that of the whole process; it is far above
//! what the tests on the small disk write.

#![allow(
    clippy::disallowed_methods,
    reason = "the tests look at files behind the crate's back"
)]

mod common;

use std::{fs, process::Command};

use bgcopy_disk::Existing;
use bgcopy_model::{Algorithm, Condition};
use bgcopy_testkit::fs::SmallDisk;
use common::{TEMPORARY, is_root, names, own, pattern};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const PIECE: usize = 64 * 1024;

/// A small disk, or `None` for an ordinary user, for whom the limit of the process is tested instead.
fn small_disk() -> Option<SmallDisk> {
    match SmallDisk::mount(1 << 20) {
        Ok(disk) => Some(disk),
        Err(why) => {
            assert!(!is_root(), "{why}");
            None
        }
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_the_file_goes_on_when_there_is_room() {
    let Some(mount) = small_disk() else { return };
    let disk = own();
    let file = disk.create(mount.path(), TEMPORARY).await.unwrap();
    file.expect(Some(Algorithm::Sha256));

    let error = file.allocate(2 << 20).await.unwrap_err();
    assert_eq!(error.condition, Condition::DiskFull);
    let text = error.to_string();
    assert!(text.contains("needs 2.0 MiB"), "{text}");
    assert!(text.contains(" free"), "{text}");

    let whole = pattern(32 * PIECE);
    let piece = |number: usize| vec![whole.slice(number * PIECE..(number + 1) * PIECE)];
    let mut written = 0;
    let error = loop {
        match file.write((written * PIECE) as u64, piece(written)).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.condition, Condition::DiskFull, "{error}");
    assert!((8..=16).contains(&written), "{written} pieces");
    file.sync().await.unwrap();
    let there = fs::read(mount.path().join(TEMPORARY)).unwrap();
    assert_eq!(there[..written * PIECE], whole[..written * PIECE]);

    mount.resize(4 << 20).unwrap();
    file.allocate(whole.len() as u64).await.unwrap();
    for number in written..32 {
        file.write((number * PIECE) as u64, piece(number))
            .await
            .unwrap();
    }
    file.sync().await.unwrap();
    let size = whole.len() as u64;
    let digest = file.digest(Algorithm::Sha256, size).await.unwrap();
    let expected = <sha2::Sha256 as sha2::Digest>::digest(&whole);
    assert_eq!(digest, *expected);
    let inode = disk.prepare(mount.path(), TEMPORARY, size, 0, None).await;
    disk.publish(
        mount.path(),
        TEMPORARY,
        "a",
        inode.unwrap(),
        size,
        Existing::Replaced,
    )
    .await
    .unwrap();
    assert_eq!(fs::read(mount.path().join("a")).unwrap(), whole);
}

#[tokio::test]
async fn a_file_system_mounted_read_only_is_called_that() {
    let Some(mount) = small_disk() else { return };
    let disk = own();
    drop(disk.create(mount.path(), TEMPORARY).await.unwrap());
    // A file open for writing would keep the mount writable; this answer comes after the file is closed.
    disk.discard(mount.path(), TEMPORARY).await.unwrap();
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(mount.path())
        .status()
        .expect("mount(8) is in Debian's package mount");
    assert!(remounted.success());
    let destination = mount.path().join("a");
    let error = disk.check_destination(&destination).await.unwrap_err();
    assert_eq!(error.condition, Condition::ReadOnlyFileSystem, "{error}");
    let error = disk.create(mount.path(), TEMPORARY).await.unwrap_err();
    assert_eq!(error.condition, Condition::ReadOnlyFileSystem, "{error}");
}

#[tokio::test]
async fn a_file_beyond_the_limit_of_the_process_is_an_error_and_goes_on_when_it_is_raised() {
    const LIMIT: u64 = 64 << 20;
    let folder = tempfile::tempdir().unwrap();
    let file = own().create(folder.path(), TEMPORARY).await.unwrap();
    let before = getrlimit(Resource::Fsize);
    let limit = Rlimit {
        current: Some(LIMIT),
        ..before
    };
    setrlimit(Resource::Fsize, limit).unwrap();
    let across = LIMIT - PIECE as u64 / 2;
    // Without the signal being held back, the process ends here.
    let error = file.write(across, vec![pattern(PIECE)]).await.unwrap_err();
    assert_eq!(error.condition, Condition::FileTooLarge, "{error}");
    setrlimit(Resource::Fsize, before).unwrap();

    file.write(across, vec![pattern(PIECE)]).await.unwrap();
    file.sync().await.unwrap();
    assert_eq!(names(folder.path()), [TEMPORARY]);
    let meta = fs::metadata(folder.path().join(TEMPORARY)).unwrap();
    assert_eq!(meta.len(), across + PIECE as u64);
}
