//! A service with a thousand queued jobs: how long a list takes, how long a start, how much memory it holds.
//!
//! `cargo bench --bench queue`. Prints medians; nothing here is asserted.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark looks at files behind the service's back"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{fs, time::Instant};

use bgcopy::FileRequest;
use support::Service;

const JOBS: usize = 1_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let mut service = Service::start();
    {
        let manager = service.manager().await;
        let begun = Instant::now();
        for number in 0..JOBS {
            let request = FileRequest::new(
                format!("http://127.0.0.1:9/pool/main/p/package-{number}.deb"),
                service.file(&number.to_string()),
            );
            manager
                .create_job(format!("job {number}"))
                .file(request)
                .create()
                .await
                .unwrap();
        }
        print(
            "make one job, answered when durable",
            begun.elapsed().as_secs_f64() * 1e3 / JOBS as f64,
            "ms",
        );
    }
    print("the machine's own fdatasync", fdatasync(&service), "ms");

    let manager = service.manager().await;
    let lists = samples(15, async || {
        assert_eq!(manager.jobs(false).await.unwrap().len(), JOBS);
    });
    print("list, through the library", lists.await, "ms");
    drop(manager);
    let lists = samples(15, async || {
        let said = service.bgcopy(&["list", "--json"]);
        assert!(said.status.success(), "{}", said.err);
    });
    print("list, `bgcopy list --json` as a process", lists.await, "ms");

    let mut starts = Vec::new();
    for _ in 0..9 {
        service.kill();
        let begun = Instant::now();
        service.launch(&[]);
        starts.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    print("start after a kill, to ready", median(starts), "ms");
    print("resident memory", resident(&service), "MiB");
}

async fn samples(count: usize, work: impl AsyncFn()) -> f64 {
    let mut times = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        work().await;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    median(times)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Milliseconds for one page, in the median.
fn fdatasync(service: &Service) -> f64 {
    use std::io::Write;

    let mut file = fs::File::create(service.file("probe")).unwrap();
    let mut times = Vec::new();
    for _ in 0..50 {
        file.write_all(&[0; 4_096]).unwrap();
        let begun = Instant::now();
        file.sync_data().unwrap();
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    median(times)
}

fn resident(service: &Service) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1_024.0
}

#[expect(
    clippy::print_stdout,
    reason = "a benchmark's output is what it is for"
)]
fn print(what: &str, value: f64, unit: &str) {
    println!("{what:<45} {value:>9.2} {unit}");
}
