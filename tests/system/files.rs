//! Whose the files are and where they may go: docs/semantics.md, 4.2 and 4.3, for the service of the machine.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::Path,
};

use bgcopy_testkit::{
    faulty::{Origin, Resource},
    fs::sha256_file,
};

use crate::{
    machine::{Account, System, set_mode},
    peer::{FILE, JOB, Peer},
    wire::Value,
};

const ACCESS_DENIED: u32 = 0x8007_0005;

/// Owner, group and permissions of what is at a path, itself and not what it points at.
fn of(path: &Path) -> (u32, u32, u32) {
    let found = fs::symlink_metadata(path).unwrap();
    (found.uid(), found.gid(), found.mode() & 0o7777)
}

/// The names in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Where a file's bytes are until its job is completed.
pub fn temporary(peer: &mut Peer, job: &str) -> std::path::PathBuf {
    let file = format!("{job}/files/0");
    let name = peer.property(&file, FILE, "TemporaryName");
    Path::new(name.as_text()).to_owned()
}

#[test]
fn a_file_belongs_to_its_owner_and_has_the_mode_of_the_clients_umask() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let resource = Resource::pattern(1, 2_000_000);
    let sum = resource.sha256();
    let url = origin.serve("/file", resource);
    let Account { uid, gid } = Account::owner();
    assert_ne!(
        uid, gid,
        "the test tells a user from a group by their numbers"
    );
    for (umask, mode) in [
        ("022", 0o644),
        ("027", 0o640),
        ("077", 0o600),
        ("000", 0o666),
    ] {
        // Nobody else can enter it, not even a root without CAP_DAC_OVERRIDE.
        let folder = system.place.folder(&Account::owner(), 0o700);
        let file = folder.join("file");
        let arguments = ["get", &url, "-o", file.to_str().unwrap()];
        let said = system.bgcopy(&Account::owner(), umask, &arguments);
        assert_eq!(said.code, 0, "{said:?}");
        assert_eq!(of(&file), (uid, gid, mode), "umask {umask}");
        assert_eq!(sha256_file(&file).unwrap(), sum);
        assert_eq!(names(&folder), ["file"]);
    }
}

#[test]
fn until_it_is_complete_a_file_is_its_owners_alone() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let url = origin.serve("/file", Resource::pattern(1, 2_000_000));
    for mut owner in system.both_ways(&Account::owner()) {
        origin.hold_after(500_000);
        let folder = system.place.folder(&Account::ROOT, 0o1777);
        // A umask that takes nothing away, and a folder that everybody may look into.
        let job = owner.create("open", &[("Umask", Value::U32(0))]);
        owner.add(&job, &url, &folder.join("file")).unwrap();
        owner.ok(&job, JOB, "Resume", &[]);
        let temporary = temporary(&mut owner, &job);
        let is_there = || fs::metadata(&temporary).is_ok_and(|found| found.len() > 0);
        assert!(bgcopy_testkit::process::wait_until(is_there));
        let Account { uid, gid } = Account::owner();
        assert_eq!(of(&temporary), (uid, gid, 0o600));
        assert_eq!(names(&folder).len(), 1, "one file, and not under its name");
        origin.release();
        owner.until(&job, "transferred");
        assert_eq!(of(&temporary), (uid, gid, 0o600));
        owner.ok(&job, JOB, "Complete", &[]);
        assert_eq!(of(&folder.join("file")), (uid, gid, 0o666));
        assert_eq!(names(&folder), ["file"]);
    }
}

#[test]
fn a_folder_that_the_owner_cannot_write_is_refused_though_the_service_is_root() {
    let Some(system) = System::start() else {
        return;
    };
    let (owner, other) = (Account::owner(), Account::other());
    let own = system.place.folder(&owner, 0o700);
    let private = system.place.folder(&other, 0o700);
    let mut forbidden = vec![private.clone()];
    for (account, mode) in [
        (&Account::ROOT, 0o755),
        (&Account::ROOT, 0o700),
        (&Account::ROOT, 0o777 - 0o001),
        (&other, 0o755),
        (&owner, 0o500),
    ] {
        forbidden.push(system.place.folder(account, mode));
    }
    // By a link of one's own, and beyond a folder that cannot be entered.
    symlink(&private, own.join("link")).unwrap();
    forbidden.push(own.join("link"));
    let beyond = private.join("open");
    fs::create_dir(&beyond).unwrap();
    set_mode(&beyond, 0o777);
    forbidden.push(beyond.clone());
    // What is there and what is not look the same from outside.
    fs::write(private.join("there"), "").unwrap();
    forbidden.push(private.join("there"));
    forbidden.push(private.join("missing"));

    for mut peer in system.both_ways(&owner) {
        let job = peer.create("refused", &[]);
        for folder in &forbidden {
            for destination in [folder.join("file"), folder.join("")] {
                let answer = peer.add(&job, "http://127.0.0.1:9/file", &destination);
                let refusal = answer.unwrap_err();
                let what = format!("{}: {refusal:?}", destination.display());
                assert_eq!(refusal.name, "org.bgcopy.Error.FolderNotWritable", "{what}");
                assert_eq!(refusal.code, Some(ACCESS_DENIED), "{what}");
                assert!(refusal.text.contains(folder.to_str().unwrap()), "{what}");
            }
        }
        assert_eq!(peer.property(&job, JOB, "FilesTotal").as_u32(), 0);
    }
    assert!(names(&beyond).is_empty());
}

#[test]
fn a_folder_that_becomes_forbidden_stops_the_job_and_nothing_is_made_there() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let url = origin.serve("/file", Resource::pattern(1, 10_000));
    for mut owner in system.both_ways(&Account::owner()) {
        let folder = system.place.folder(&Account::owner(), 0o700);
        let job = owner.create("late", &[]);
        owner.add(&job, &url, &folder.join("file")).unwrap();
        set_mode(&folder, 0o500);
        owner.ok(&job, JOB, "Resume", &[]);
        owner.until(&job, "error");
        assert_eq!(
            owner.property(&job, JOB, "ErrorCode").as_u32(),
            ACCESS_DENIED
        );
        assert!(names(&folder).is_empty());
        // Once the owner may write there again, it goes on.
        set_mode(&folder, 0o700);
        owner.ok(&job, JOB, "Resume", &[]);
        owner.until(&job, "transferred");
        set_mode(&folder, 0o500);
        let refusal = owner.call(&job, JOB, "Complete", &[]).unwrap_err();
        assert_eq!(refusal.code, Some(ACCESS_DENIED), "{refusal:?}");
        set_mode(&folder, 0o700);
        owner.ok(&job, JOB, "Complete", &[]);
        assert_eq!(names(&folder), ["file"]);
    }
}

#[test]
fn after_a_crash_files_are_still_touched_as_their_owner() {
    let Some(mut system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let resource = Resource::pattern(1, 4_000_000);
    let sum = resource.sha256();
    let url = origin.serve("/file", resource);
    origin.hold_after(1_000_000);
    let mut owner = system.on_socket(&Account::owner());
    let folder = system.place.folder(&Account::owner(), 0o700);
    let job = owner.get(&url, &folder.join("file"));
    let temporary = temporary(&mut owner, &job);
    let is_there = || fs::metadata(&temporary).is_ok_and(|found| found.len() > 0);
    assert!(bgcopy_testkit::process::wait_until(is_there));
    system.crash_and_restart();
    origin.release();
    let mut owner = system.on_socket(&Account::owner());
    owner.until(&job, "transferred");
    owner.ok(&job, JOB, "Complete", &[]);
    let Account { uid, gid } = Account::owner();
    assert_eq!(of(&folder.join("file")), (uid, gid, 0o644));
    assert_eq!(sha256_file(folder.join("file")).unwrap(), sum);
    assert_eq!(names(&folder), ["file"]);
}

#[test]
fn a_caller_that_is_no_user_of_this_machine_can_have_no_files() {
    let Some(system) = System::start() else {
        return;
    };
    let stranger = Account {
        uid: 54_321,
        gid: 54_321,
    };
    let folder = system.place.folder(&stranger, 0o777);
    let mut peer = system.on_socket(&stranger);
    let job = peer.create("nobody's", &[]);
    let refusal = peer
        .add(&job, "http://127.0.0.1:9/", &folder.join("file"))
        .unwrap_err();
    assert!(refusal.is_denied(), "{refusal:?}");
    assert!(refusal.text.contains("54321"), "{refusal:?}");
    assert!(names(&folder).is_empty());
}

#[test]
fn what_an_owner_may_not_replace_in_a_shared_folder_stays() {
    let Some(system) = System::start() else {
        return;
    };
    let folder = system.place.folder(&Account::ROOT, 0o1777);
    let file = folder.join("theirs");
    fs::write(&file, "theirs").unwrap();
    set_mode(&file, 0o666);
    for mut owner in system.both_ways(&Account::owner()) {
        let job = owner.create("sticky", &[]);
        let refusal = owner.add(&job, "http://127.0.0.1:9/", &file).unwrap_err();
        assert_eq!(refusal.code, Some(ACCESS_DENIED), "{refusal:?}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"theirs");
}
