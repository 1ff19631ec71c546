//! A service with a thousand queued jobs: how long a list takes, how long a start, how much memory it holds.
//!
//! `cargo bench --bench queue`. Prints medians; nothing here is asserted.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark looks at files behind the service's back"
)]

#[path = "measure/mod.rs"]
mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{fs, time::Instant};

use bgcopy::FileRequest;
use measure::Samples;
use support::Service;

const JOBS: usize = 1_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(queue());
}

async fn queue() {
    let mut service = Service::start();
    measure::begin(&format!("{JOBS} jobs in one service"));
    let syncs = measure::overwriting(&service.downloads(), 8_192, 101);
    syncs.print("the machine's fdatasync of 8 KiB in place", "ms", "");

    let manager = service.manager().await;
    let mut made = Samples::default();
    for number in 0..JOBS {
        let request = FileRequest::new(
            format!("http://127.0.0.1:9/pool/main/p/package-{number}.deb"),
            service.file(&number.to_string()),
        );
        let job = manager.create_job(format!("job {number}")).file(request);
        let begun = Instant::now();
        job.create().await.unwrap();
        made.note(begun);
    }
    made.print("make a job of one file, durable", "ms", "");

    let mut lists = Samples::default();
    for _ in 0..25 {
        let begun = Instant::now();
        assert_eq!(manager.jobs(false).await.unwrap().len(), JOBS);
        lists.note(begun);
    }
    lists.print("list, through the library", "ms", "< 100");
    drop(manager);
    let mut lists = Samples::default();
    for _ in 0..25 {
        let said = lists.time(|| service.bgcopy(&["list", "--json"]));
        assert_eq!(said.out.lines().count(), JOBS, "{}", said.err);
    }
    lists.print("list, `bgcopy list --json` as a process", "ms", "< 100");
    measure::line(
        "memory of the service that made them",
        resident(&service),
        "MiB",
        "resident",
        "< 40",
    );

    let mut starts = Samples::default();
    for _ in 0..15 {
        service.kill();
        starts.time(|| service.launch(&[]));
    }
    starts.print("start after a kill, to ready", "ms", "< 1000");
    measure::line(
        "memory after such a start",
        resident(&service),
        "MiB",
        "resident",
        "< 40",
    );
}

fn resident(service: &Service) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
    kibibytes.unwrap().parse::<f64>().unwrap() / 1_024.0
}
