//! One small file through the whole service: from the command to the file under its name, in pairs with curl.
//!
//! `cargo bench --bench small`. Prints medians; nothing here is asserted.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark looks at files behind the service's back"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{fs, io::Write, process::Command, time::Instant};

use bgcopy_testkit::faulty::{Origin, Resource};
use support::Service;

const PAIRS: usize = 41;

fn main() {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", Resource::pattern(1, 1_800));
    let (mut ours, mut theirs, mut ratios, mut syncs) = (vec![], vec![], vec![], vec![]);
    for pair in 0..PAIRS {
        let name = format!("ours-{pair}");
        let a = time(|| {
            let said = service.bgcopy(&["get", &url, "-o", &name]);
            assert!(said.status.success(), "{}", said.err);
        });
        assert_eq!(fs::metadata(service.file(&name)).unwrap().len(), 1_800);
        let path = service.file(&format!("theirs-{pair}"));
        let b = time(|| {
            let status = Command::new("curl")
                .args(["-sSfo"])
                .arg(&path)
                .arg(&url)
                .status()
                .unwrap();
            assert!(status.success());
            assert!(Command::new("sync").arg(&path).status().unwrap().success());
        });
        let mut probe = fs::File::create(service.file("probe")).unwrap();
        probe.write_all(&[1; 1_800]).unwrap();
        syncs.push(time(|| probe.sync_data().unwrap()));
        ours.push(a);
        theirs.push(b);
        ratios.push(a / b);
    }
    print("bgcopy get, 1.8 KB, service running", median(ours), "ms");
    print("curl and sync FILE", median(theirs), "ms");
    print("ratio, the median of the pairs", median(ratios), "");
    print("the machine's own fdatasync", median(syncs), "ms");
}

fn time(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[expect(
    clippy::print_stdout,
    reason = "a benchmark's output is what it is for"
)]
fn print(what: &str, value: f64, unit: &str) {
    println!("{what:<45} {value:>9.2} {unit}");
}
