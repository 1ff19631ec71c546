//! The power simulator sees what a Rust program does through std.
//!
//! The program is this very test, started again with a variable that tells it to be one.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the program writes files"
)]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use bgcopy_testkit::power;

const VARIABLE: &str = "BGCOPY_TESTKIT_WRITER";

/// Publishes a file as the crash protocol does, and leaves another one unsynced.
fn write_files(dir: &Path) {
    let part = dir.join("part");
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .open(&part)
        .expect("created");
    file.set_len(3 * 4096).expect("grown");
    file.write_all(&[b'a'; 4096]).expect("written");
    file.write_all_at(&[b'b'; 4096], 4096).expect("written");
    file.sync_data().expect("synced");
    fs::create_dir(dir.join("sub")).expect("made");
    fs::rename(&part, dir.join("sub/whole")).expect("renamed");
    File::open(dir.join("sub"))
        .expect("opened")
        .sync_all()
        .expect("synced");
    File::open(dir).expect("opened").sync_all().expect("synced");
    fs::copy(dir.join("sub/whole"), dir.join("copy")).expect("copied");
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .expect("killed");
}

#[test]
fn what_std_synced_survives_and_what_it_did_not_may_be_lost() {
    if let Some(dir) = std::env::var_os(VARIABLE) {
        return write_files(dir.as_ref());
    }
    let shim = power::build_shim().unwrap_or_else(|e| panic!("{e}"));
    let this_test = std::env::current_exe().expect("this test");
    let mut copies = Vec::new();
    for seed in 0..12 {
        let dir = tempfile::tempdir().expect("a directory");
        let (root, shadow) = (dir.path().join("root"), dir.path().join("shadow"));
        fs::create_dir(&root).expect("the root");
        power::arm(&[&root], &shadow).expect("armed");
        let output = Command::new(&this_test)
            .args([
                "--exact",
                "what_std_synced_survives_and_what_it_did_not_may_be_lost",
            ])
            .env(VARIABLE, &root)
            .envs(power::environment(&shim, Some(&shadow), &[]))
            .output()
            .expect("started");
        assert!(
            output.status.code().is_none(),
            "it killed itself: {output:?}"
        );
        power::restore(&[&root], &shadow, seed).expect("restored");
        let whole = fs::read(root.join("sub/whole")).expect("the published file is there");
        let expected = [[b'a'; 4096], [b'b'; 4096], [0; 4096]].concat();
        assert!(whole == expected, "the published file is whole");
        assert!(!root.join("part").exists());
        copies.push(fs::read(root.join("copy")).ok());
    }
    assert!(
        copies.iter().any(Option::is_none),
        "the name of the copy may be lost"
    );
    assert!(
        copies.iter().flatten().any(|copy| copy.len() != 3 * 4096),
        "so may its content"
    );
}
