//! One small file through the whole service: from the command to the file under its name, in pairs with curl.
//!
//! `cargo bench --bench small`. Prints medians; nothing here is asserted.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark looks at files behind the service's back"
)]

#[path = "measure/mod.rs"]
mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{fs, process::Command};

use bgcopy_testkit::faulty::{Origin, Resource};
use measure::Samples;
use support::Service;

const PAIRS: usize = 101;
const SIZE: usize = 1_800;

fn main() {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", Resource::pattern(1, SIZE as u64));
    measure::begin("One file of 1.8 KB from a server of this machine");
    let folder = service.downloads();
    let syncs = measure::overwriting(&folder, 8_192, 101);
    syncs.print("the machine's fdatasync of 8 KiB in place", "ms", "");
    let syncs = measure::appending(&folder, SIZE, 101);
    syncs.print("the machine's fdatasync of 1.8 KB appended", "ms", "");

    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    let (mut version, mut ratios) = (Samples::default(), Samples::default());
    for pair in 0..PAIRS {
        let name = format!("ours-{pair}");
        let said = ours.time(|| service.bgcopy(&["get", &url, "-o", &name]));
        assert!(said.status.success(), "{}", said.err);
        assert_eq!(
            fs::metadata(service.file(&name)).unwrap().len(),
            SIZE as u64
        );

        let path = service.file(&format!("theirs-{pair}"));
        theirs.time(|| {
            let mut curl = Command::new("curl");
            curl.arg("-sSfo").arg(&path).arg(&url);
            assert!(curl.status().unwrap().success());
            assert!(Command::new("sync").arg(&path).status().unwrap().success());
        });
        ratios.note_ratio(&ours, &theirs);
        version.time(|| service.bgcopy(&["--version"]));
    }
    ours.print("bgcopy get, the service running", "ms", "< 20");
    theirs.print("curl, then sync of the file", "ms", "");
    ratios.print("bgcopy by curl, pair by pair", "", "");
    version.print("bgcopy --version, for the process alone", "ms", "");
}
