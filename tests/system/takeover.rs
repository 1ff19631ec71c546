//! A job changes hands: docs/semantics.md, 5.13, for the service of the machine.

use std::fs;

use bgcopy_testkit::{
    faulty::{Origin, Resource},
    fs::sha256_file,
};
use std::os::unix::fs::MetadataExt as _;

use crate::{
    files::{names, temporary},
    machine::{Account, System},
    peer::{JOB, Peer},
    wire::Value,
};

/// A job that has a part of its file.
fn half_fetched(owner: &mut Peer, url: &str, file: &std::path::Path) -> String {
    let options = [(
        "NotifyCommand",
        Value::Array("s".into(), vec![Value::text("/bin/true")]),
    )];
    let job = owner.create("taken", &options);
    owner.add(&job, url, file).unwrap();
    owner.ok(&job, JOB, "Resume", &[]);
    let temporary = temporary(owner, &job);
    let is_there = || fs::metadata(&temporary).is_ok_and(|found| found.len() > 0);
    assert!(bgcopy_testkit::process::wait_until(is_there));
    job
}

#[test]
fn s5_13_roots_file_has_nothing_that_the_old_owner_could_have_written() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    let resource = Resource::pattern(1, 2_000_000);
    let sum = resource.sha256();
    let url = origin.serve("/file", resource);
    origin.hold_after(500_000);
    let folder = system.place.folder(&Account::owner(), 0o700);
    let mut owner = system.on_socket(&Account::owner());
    let job = half_fetched(&mut owner, &url, &folder.join("file"));
    let mut other = system.on_bus(&Account::other());
    let refusal = other.call(&job, JOB, "TakeOwnership", &[]);
    assert!(refusal.unwrap_err().is_denied());
    owner.ok(&job, JOB, "TakeOwnership", &[]);
    let state = owner.property(&job, JOB, "StateName");
    assert_eq!(state.as_text(), "transferring", "it is the owner's already");

    let mut root = system.on_socket(&Account::ROOT);
    root.ok(&job, JOB, "TakeOwnership", &[]);
    assert_eq!(root.property(&job, JOB, "Owner"), Value::U32(0));
    assert_eq!(root.property(&job, JOB, "StateName").as_text(), "suspended");
    assert!(
        root.property(&job, JOB, "NotifyCommand")
            .elements()
            .is_empty()
    );
    assert_eq!(
        names(&folder),
        Vec::<String>::new(),
        "the old temporary file is gone"
    );
    assert!(
        owner
            .call(&job, JOB, "Resume", &[])
            .unwrap_err()
            .is_denied()
    );
    assert_eq!(owner.listed(false).unwrap(), Vec::<String>::new());

    origin.release();
    root.ok(&job, JOB, "Resume", &[]);
    root.until(&job, "transferred");
    root.ok(&job, JOB, "Complete", &[]);
    let file = folder.join("file");
    assert_eq!(fs::metadata(&file).unwrap().uid(), 0);
    assert_eq!(sha256_file(&file).unwrap(), sum);
}
