//! The system's daemon: files are touched with the rights of each job's owner.
//!
//! Only root can become others, so for an ordinary user each of these tests asserts the one thing that then is true:
//! the rights are refused. CI runs them as root.

#![allow(
    clippy::disallowed_methods,
    reason = "the tests look at files behind the crate's back"
)]

mod common;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use bgcopy_disk::{Disk, Existing, OwnerDisk, Rights};
use bgcopy_model::{Condition, Owner, RangeSet, Timestamp};
use common::{NOBODY, TEMPORARY, is_root, names, pattern};
use rustix::{
    mount::{MountPropagationFlags, mount_bind, mount_change},
    process::Gid,
    thread::set_thread_groups,
};

/// Debian's user `bin`, which only the test that looks at its threads uses.
const BIN: Owner = Owner { uid: 2 };
/// Debian's user `daemon`.
const DAEMON: Owner = Owner { uid: 1 };
/// The primary groups of the three.
const NOGROUP: u32 = 65_534;
const DAEMON_GROUP: u32 = 1;
const BIN_GROUP: u32 = 2;

/// The disk of the system's daemon; `None` when the test is not root and was refused, as it has to be.
fn system() -> Option<Disk> {
    let disk = Disk::new(Rights::Owners);
    if is_root() {
        return Some(disk);
    }
    let error = disk.owner(NOBODY).unwrap_err();
    assert_eq!(error.condition, Condition::AccessDenied, "{error}");
    None
}

/// A folder that everybody can enter, with a folder in it that has this owner, group and mode.
fn folder(uid: u32, gid: u32, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    set_mode(parent.path(), 0o755);
    let folder = parent.path().join("folder");
    fs::create_dir(&folder).unwrap();
    chown(&folder, Some(uid), Some(gid)).unwrap();
    set_mode(&folder, mode);
    (parent, folder)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What the kernel says of a thread's rights; empty when it has ended.
fn rights(status: &Path) -> Vec<String> {
    let text = fs::read_to_string(status).unwrap_or_default();
    text.lines()
        .filter(|line| {
            ["Uid:", "Gid:", "Groups:", "CapEff:", "CapPrm:", "CapInh:"]
                .iter()
                .any(|field| line.starts_with(field))
        })
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The same of a disk thread of a user, while it lives.
fn rights_of_thread(owner: Owner) -> Option<Vec<String>> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end while it is looked at.
    let tasks = tasks.filter_map(|task| Some(task.ok()?.path()));
    let name = format!("disk-{}\n", owner.uid);
    tasks
        .filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm == name))
        .map(|task| rights(&task.join("status")))
        .find(|rights| !rights.is_empty())
}

/// The rights of a disk thread that has just worked. A busy machine may let it end before it is looked at.
async fn rights_while_working(disk: &OwnerDisk, owner: Owner, folder: &Path) -> Vec<String> {
    for _ in 0..1_000 {
        disk.check_destination(&folder.join("x")).await.unwrap();
        if let Some(rights) = rights_of_thread(owner) {
            return rights;
        }
    }
    panic!("no thread of user {} is ever there", owner.uid)
}

async fn fetch(disk: &OwnerDisk, folder: &Path, name: &str) {
    disk.check_destination(&folder.join(name)).await.unwrap();
    let temporary = format!("{TEMPORARY}-{name}");
    let file = disk.create(folder, &temporary).await.unwrap();
    file.allocate(3_000).await.unwrap();
    file.write(0, vec![pattern(3_000)]).await.unwrap();
    file.sync().await.unwrap();
    let inode = disk
        .prepare(folder, &temporary, 3_000, 0o022, Some(Timestamp(1_000_000)))
        .await
        .unwrap();
    disk.publish(folder, &temporary, name, inode, 3_000, Existing::Replaced)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_file_belongs_to_its_owner_and_no_other_thread_changes() {
    let Some(system) = system() else { return };
    let myself = Path::new("/proc/thread-self/status");
    let before = rights(myself);
    let (_parent, folder) = folder(BIN.uid, BIN_GROUP, 0o700);
    let disk = system.owner(BIN).unwrap();
    fetch(&disk, &folder, "a").await;

    let meta = fs::metadata(folder.join("a")).unwrap();
    assert_eq!((meta.uid(), meta.gid()), (BIN.uid, BIN_GROUP));
    assert_eq!(meta.mode() & 0o7777, 0o644);
    assert_eq!(meta.mtime(), 1);
    assert_eq!(names(&folder), ["a"]);

    let thread = rights_while_working(&disk, BIN, &folder).await;
    // Real, effective, saved, file system: a user can signal whoever has its real or saved uid.
    assert_eq!(thread[0], "Uid: 0 0 0 2");
    assert_eq!(thread[1].split(' ').next_back(), Some("2"));
    assert_eq!(thread[2], "Groups: 2");
    for capabilities in &thread[3..] {
        assert!(
            capabilities.ends_with(" 0000000000000000"),
            "{capabilities}"
        );
    }
    assert_eq!(rights(myself), before);
}

#[tokio::test]
async fn an_owner_cannot_write_where_only_root_or_others_may() {
    let Some(system) = system() else { return };
    let disk = system.owner(NOBODY).unwrap();
    for (uid, gid, mode) in [
        (0, 0, 0o755),
        (0, 0, 0o700),
        (DAEMON.uid, DAEMON_GROUP, 0o755),
        (0, 0, 0o770),
        // The group's bits count for the group, even where others may do more.
        (DAEMON.uid, NOGROUP, 0o707),
    ] {
        let (_parent, folder) = folder(uid, gid, mode);
        let checked = disk.check_destination(&folder.join("a")).await;
        let error = checked.unwrap_err();
        assert_eq!(error.condition, Condition::FolderNotWritable, "{error}");
        let error = disk.create(&folder, TEMPORARY).await.unwrap_err();
        assert_eq!(error.condition, Condition::FolderNotWritable, "{error}");
        assert!(names(&folder).is_empty());
    }
}

#[tokio::test]
async fn the_owners_groups_count_and_those_of_the_daemon_do_not() {
    const OF_OWNER: u32 = 47_110;
    const OF_DAEMON: u32 = 47_111;
    let Some(system) = system() else { return };

    // In a private view of the file system, NOBODY is in one more group.
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).unwrap();
    let groups = tempfile::NamedTempFile::new().unwrap();
    let text = fs::read_to_string("/etc/group").unwrap();
    fs::write(
        groups.path(),
        format!("{text}bgcopy-test:x:{OF_OWNER}:nobody\n"),
    )
    .unwrap();
    set_mode(groups.path(), 0o644);
    mount_bind(groups.path(), "/etc/group").unwrap();
    // And the daemon is in a group of its own; a thread inherits that.
    set_thread_groups(&[Gid::from_raw(OF_DAEMON)]).unwrap();

    let disk = system.owner(NOBODY).unwrap();
    let (_parent, shared) = folder(0, OF_OWNER, 0o770);
    fetch(&disk, &shared, "a").await;
    assert_eq!(fs::metadata(shared.join("a")).unwrap().uid(), NOBODY.uid);

    let (_parent, daemons) = folder(0, OF_DAEMON, 0o770);
    let error = disk.create(&daemons, TEMPORARY).await.unwrap_err();
    assert_eq!(error.condition, Condition::FolderNotWritable, "{error}");
}

#[tokio::test]
async fn two_owners_at_once_each_have_their_own_rights() {
    let Some(system) = system() else { return };
    let (_parent, shared) = folder(0, 0, 0o1777);
    let (first, second) = (system.owner(NOBODY).unwrap(), system.owner(DAEMON).unwrap());
    for round in 0..10 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        let (one, two) = (fetch(&first, &shared, &a), fetch(&second, &shared, &b));
        tokio::join!(one, two);
        assert_eq!(fs::metadata(shared.join(a)).unwrap().uid(), NOBODY.uid);
        let meta = fs::metadata(shared.join(b)).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (DAEMON.uid, DAEMON_GROUP));
    }

    // One cannot take, delete or replace what is the other's.
    drop(first.create(&shared, TEMPORARY).await.unwrap());
    let opened = second
        .reopen(&shared, TEMPORARY, RangeSet::new())
        .await
        .unwrap();
    assert!(opened.is_none());
    let error = second.create(&shared, TEMPORARY).await.unwrap_err();
    assert_eq!(error.condition, Condition::LocalFileChanged, "{error}");
    second.discard(&shared, TEMPORARY).await.unwrap();
    assert!(shared.join(TEMPORARY).exists());
    let checked = second.check_destination(&shared.join("a0")).await;
    let error = checked.unwrap_err();
    assert_eq!(error.condition, Condition::FolderNotWritable, "{error}");
    first.check_destination(&shared.join("a0")).await.unwrap();
}

#[tokio::test]
async fn a_folder_that_can_be_written_but_not_read_gets_its_file() {
    let Some(system) = system() else { return };
    let (_parent, folder) = folder(NOBODY.uid, NOGROUP, 0o300);
    let disk = system.owner(NOBODY).unwrap();
    fetch(&disk, &folder, "a").await;
    assert_eq!(names(&folder), ["a"]);
    disk.create(&folder, TEMPORARY).await.unwrap();
    disk.discard(&folder, TEMPORARY).await.unwrap();
    assert_eq!(names(&folder), ["a"]);
}

#[tokio::test]
async fn a_finished_mode_does_not_lock_the_owner_out() {
    let Some(system) = system() else { return };
    let (_parent, folder) = folder(NOBODY.uid, NOGROUP, 0o700);
    let disk = system.owner(NOBODY).unwrap();
    disk.create(&folder, TEMPORARY).await.unwrap();
    let mut inodes = Vec::new();
    // A cut after the first try, and the try after the restart.
    for _ in 0..2 {
        let prepared = disk.prepare(&folder, TEMPORARY, 0, 0o777, None).await;
        inodes.push(prepared.unwrap());
    }
    assert_eq!(inodes[0], inodes[1]);
    disk.publish(&folder, TEMPORARY, "a", inodes[0], 0, Existing::Replaced)
        .await
        .unwrap();
    let mode = fs::metadata(folder.join("a")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0);
}

#[tokio::test]
async fn a_user_that_does_not_exist_gets_nothing() {
    let Some(system) = system() else { return };
    let (_parent, folder) = folder(0, 0, 0o777);
    let disk = system.owner(Owner { uid: 4_123_456_789 }).unwrap();
    let error = disk.create(&folder, TEMPORARY).await.unwrap_err();
    assert_eq!(error.condition, Condition::AccessDenied);
    let text = error.to_string();
    assert!(text.contains("no user 4123456789"), "{text}");
    assert!(names(&folder).is_empty());
}

#[tokio::test]
async fn roots_own_jobs_may_go_everywhere_but_not_beyond_quotas() {
    const SYS_RESOURCE: u64 = 1 << 24;
    let Some(system) = system() else { return };
    let (_parent, folder) = folder(NOBODY.uid, NOGROUP, 0o700);
    let disk = system.owner(Owner::ROOT).unwrap();
    fetch(&disk, &folder, "a").await;
    assert_eq!(fs::metadata(folder.join("a")).unwrap().uid(), 0);
    let thread = rights_while_working(&disk, Owner::ROOT, &folder).await;
    for capabilities in &thread[3..] {
        let (_, mask) = capabilities.split_once(' ').unwrap();
        let mask = u64::from_str_radix(mask, 16).unwrap();
        assert_eq!(mask & SYS_RESOURCE, 0, "{capabilities}");
    }
}
