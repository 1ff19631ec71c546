//! Which thread of the service has whose rights, as the kernel tells it in /proc, and how few rights are enough.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use bgcopy_testkit::{
    faulty::{Origin, Resource},
    process::wait_until,
};

use crate::{
    files::names,
    machine::{Account, System, set_mode},
    peer::JOB,
};

/// A thread as /proc shows it.
#[derive(Debug)]
struct Thread {
    name: String,
    status: String,
}

impl Thread {
    /// The words of a line of its status.
    fn words(&self, field: &str) -> Vec<&str> {
        let line = self
            .status
            .lines()
            .find_map(|line| line.strip_prefix(field));
        line.unwrap_or_default().split_whitespace().collect()
    }
}

/// The threads of a process; those that end meanwhile are left out.
fn threads(pid: u32) -> Vec<Thread> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let read = |task: &Path, name: &str| fs::read_to_string(task.join(name)).ok();
    tasks
        .filter_map(|task| {
            let task = task.ok()?.path();
            Some(Thread {
                name: read(&task, "comm")?.trim().to_owned(),
                status: read(&task, "status")?,
            })
        })
        .collect()
}

#[test]
fn disk_threads_have_the_owners_rights_and_all_others_keep_roots() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let url = origin.serve("/file", Resource::pattern(1, 100_000_000));
    // Slow enough to be looked at, and written all the time.
    origin.pace(Some(2_000_000));
    let owners = [Account::owner(), Account::other()];
    for account in &owners {
        let folder = system.place.folder(account, 0o700);
        system.on_socket(account).get(&url, &folder.join("file"));
    }
    let mut seen = Vec::new();
    let names = owners
        .clone()
        .map(|account| format!("disk-{}", account.uid));
    let both_work = || {
        seen = threads(system.pid());
        names
            .iter()
            .all(|name| seen.iter().any(|thread| thread.name == *name))
    };
    assert!(wait_until(both_work), "no disk threads");

    let (of_owners, others): (Vec<_>, Vec<_>) = seen
        .iter()
        .partition(|thread| thread.name.starts_with("disk"));
    let mine = fs::read_to_string(format!("/proc/{}/status", system.pid())).unwrap();
    let main = Thread {
        name: "main".into(),
        status: mine,
    };
    let groups = main.words("Groups:");
    assert!(
        others.len() >= 4,
        "main, two of the runtime, the store: {others:?}"
    );
    for thread in others {
        assert_eq!(thread.words("Uid:"), ["0"; 4], "{thread:?}");
        assert_eq!(thread.words("Gid:"), ["0"; 4], "{thread:?}");
        assert_eq!(thread.words("Groups:"), groups, "{thread:?}");
        assert_eq!(thread.words("CapEff:"), main.words("CapEff:"), "{thread:?}");
    }
    for thread in of_owners {
        let account = owners
            .iter()
            .find(|account| thread.name == format!("disk-{}", account.uid));
        let account = account.unwrap_or_else(|| panic!("a thread of nobody: {thread:?}"));
        let (uid, gid) = (account.uid.to_string(), account.gid.to_string());
        // Real, effective, saved, file system: whoever has its real or saved uid could kill it.
        assert_eq!(thread.words("Uid:"), ["0", "0", "0", &uid], "{thread:?}");
        assert_eq!(thread.words("Gid:"), ["0", "0", "0", &gid], "{thread:?}");
        assert!(
            thread.words("Groups:").iter().all(|group| *group != "0"),
            "{thread:?}"
        );
        for field in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
            assert_eq!(thread.words(field), ["0000000000000000"], "{thread:?}");
        }
    }
}

#[test]
fn the_capabilities_and_the_umask_of_the_unit_are_enough() {
    // They leave root no way into a folder that is the owner's alone: that it works shows that nothing in it is ever
    // touched as root.
    let unit = include_str!("../../dist/systemd/system/bgcopyd.service");
    let bounds = unit
        .lines()
        .find_map(|line| line.strip_prefix("CapabilityBoundingSet="));
    let kept = bounds.unwrap().to_lowercase().replace("cap_", "+");
    let bounds = format!("--bounding-set=-all,{}", kept.replace(' ', ","));
    assert!(unit.contains("\nUMask=0077\n") && unit.contains("\nNoNewPrivileges=yes\n"));
    // setpriv: package util-linux, which every Debian has.
    let script = r#"umask 0077; exec setpriv --no-new-privs --inh-caps=-all "$0" "$@""#;
    let Some(system) = System::start_under(&["sh", "-ec", script, &bounds]) else {
        return;
    };
    let capabilities = threads(system.pid())[0].words("CapEff:").join(" ");
    // CAP_SETGID is bit 6, CAP_SETUID bit 7 (linux/capability.h).
    assert_eq!(capabilities, "00000000000000c0");

    let origin = Origin::start();
    let url = origin.serve("/file", Resource::pattern(1, 1_000_000));
    for account in [Account::owner(), Account::other(), Account::ROOT] {
        for mut peer in system.both_ways(&account) {
            let folder = system.place.folder(&account, 0o700);
            let job = peer.get(&url, &folder.join("file"));
            peer.until(&job, "transferred");
            peer.ok(&job, JOB, "Complete", &[]);
            assert_eq!(names(&folder), ["file"]);
            let made = fs::metadata(folder.join("file")).unwrap();
            assert_eq!(made.permissions().mode() & 0o777, 0o644);
        }
    }
    // Root is bound by permissions too.
    let folder = system.place.folder(&Account::owner(), 0o700);
    let mut root = system.on_bus(&Account::ROOT);
    let job = root.create("root's", &[]);
    let refusal = root.add(&job, &url, &folder.join("file")).unwrap_err();
    assert_eq!(refusal.name, "org.bgcopy.Error.FolderNotWritable");
}

#[test]
fn the_owners_supplementary_groups_count_and_those_of_the_service_do_not() {
    const OF_OWNER: u32 = 47_110;
    const OF_SERVICE: u32 = 47_111;
    // For the service alone the owner is in one more group: a file system view of its own has another /etc/group.
    let groups = tempfile::NamedTempFile::new().unwrap();
    let text = fs::read_to_string("/etc/group").unwrap();
    fs::write(
        groups.path(),
        format!("{text}bgcopy-test:x:{OF_OWNER}:man\n"),
    )
    .unwrap();
    set_mode(groups.path(), 0o644);
    let script = r#"mount --bind "$0" /etc/group; exec setpriv --groups "$@""#;
    let (path, service) = (groups.path().to_str().unwrap(), OF_SERVICE.to_string());
    let wrapper = ["unshare", "--mount", "sh", "-ec", script, path, &service];
    let Some(system) = System::start_under(&wrapper) else {
        return;
    };

    let origin = Origin::start();
    let url = origin.serve("/file", Resource::pattern(1, 1_000));
    let shared = system.place.folder(&of_group(OF_OWNER), 0o770);
    let services = system.place.folder(&of_group(OF_SERVICE), 0o770);
    let mut owner = system.on_socket(&Account::owner());
    let job = owner.get(&url, &shared.join("file"));
    owner.until(&job, "transferred");
    owner.ok(&job, JOB, "Complete", &[]);
    assert_eq!(names(&shared), ["file"]);
    let job = owner.create("service's", &[]);
    let refusal = owner.add(&job, &url, &services.join("file")).unwrap_err();
    assert_eq!(refusal.name, "org.bgcopy.Error.FolderNotWritable");
    // Somebody who is in neither group.
    let mut other = system.on_socket(&Account::other());
    let job = other.create("other's", &[]);
    let refusal = other.add(&job, &url, &shared.join("other")).unwrap_err();
    assert_eq!(refusal.name, "org.bgcopy.Error.FolderNotWritable");
}

/// Root, with this group.
fn of_group(gid: u32) -> Account {
    Account { uid: 0, gid }
}
