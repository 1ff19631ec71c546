//! The service is killed, at every arrow of the crash protocol and anywhere in between, and goes on as if nothing had
//! happened: docs/semantics.md, section 2.
//!
//! SIGKILL leaves the page cache in place, so it shows only half; `power.rs` shows the other.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test looks at files behind the service's back"
)]

mod support;

use std::{os::unix::process::ExitStatusExt, time::Duration};

use bgcopy::{FileRequest, Job, JobId, JobState, Manager, Priority};
use bgcopy_testkit::faulty::{Origin, Resource};
use futures_util::future::join_all;
use support::{PATIENCE, Service, finish, settle, sha256};

const MIB: u64 = 1 << 20;

/// What a checkpoint may cost, and what is on its way beside it: socket buffers, batches, a sync that takes its time.
const REFETCHED: u64 = (64 + 16) * MIB;

#[tokio::test]
async fn s2_a_kill_at_every_crash_point_loses_nothing_and_leaves_nothing() {
    join_all(bgcopy_daemon::crash::POINTS.map(killed_at)).await;
}

async fn killed_at(point: &str) {
    let origin = Origin::start();
    let resource = Resource::pattern(5, 3_000_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    // Slow enough for a checkpoint by time.
    origin.pace(Some(1_500_000));
    let mut service = Service::prepare(support::CONFIG);
    service.launch(&[("BGCOPY_CRASH_AT", point)]);
    let cancels = point == "cancelled-committed";

    let manager = service.manager().await;
    let doomed = drive(&service, &manager, &url, cancels);
    let outcome = tokio::time::timeout(PATIENCE, doomed).await;
    assert!(
        outcome.expect("the service does not die").is_err(),
        "{point}: not reached"
    );
    let status = service.ended().await;
    assert_eq!(status.signal(), Some(9), "{point}: {status}");

    origin.pace(None);
    service.launch(&[]);
    let manager = service.manager().await;
    let jobs = manager.jobs(false).await.unwrap();
    if cancels {
        assert!(jobs.is_empty(), "{point}: a cancelled job is back");
        settle(&service).await;
    } else if let Some((job, _)) = jobs.first() {
        finish(job).await;
        assert_eq!(sha256(&service.file("file")), expected, "{point}");
    } else if point == "job-committed" {
        panic!("{point}: the job is lost");
    } else {
        // Completed, and so no longer listed.
        assert_eq!(sha256(&service.file("file")), expected, "{point}");
    }
    assert_eq!(service.temporary_files(), Vec::<String>::new(), "{point}");
}

/// Takes a job from its making to its end, until the service dies.
async fn drive(
    service: &Service,
    manager: &Manager,
    url: &str,
    cancels: bool,
) -> Result<(), bgcopy::Error> {
    let job = manager
        .create_job("doomed")
        .priority(Priority::Foreground)
        .file(FileRequest::new(url, service.file("file")))
        .submit()
        .await?;
    wait_transferred(&job).await?;
    if cancels {
        job.cancel().await?;
    } else {
        job.complete().await?;
    }
    Ok(())
}

async fn wait_transferred(job: &Job) -> Result<(), bgcopy::Error> {
    use futures_util::StreamExt;

    let mut changes = std::pin::pin!(job.watch().await?);
    while let Some(info) = changes.next().await {
        if info?.state == JobState::Transferred {
            return Ok(());
        }
    }
    Err(bgcopy::Error::Disconnected)
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_3_a_kill_at_any_byte_costs_at_most_a_checkpoint_a_file() {
    let runs = 20;
    for seed in 0..runs {
        killed_in_the_middle(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: `cargo xtask crash` runs it"]
async fn s2_3_a_kill_at_any_byte_many_times() {
    let runs = std::env::var("BGCOPY_CRASH_RUNS").map_or(200, |runs| runs.parse().unwrap());
    for seed in 0..runs {
        killed_in_the_middle(1_000 + seed).await;
        eprintln!("{} of {runs}", seed + 1);
    }
}

async fn killed_in_the_middle(seed: u64) {
    const SIZES: [u64; 3] = [200 * MIB, 40 * MIB, 16 * MIB];
    let total: u64 = SIZES.iter().sum();
    let origin = Origin::start();
    origin.pace(Some(300_000_000));
    let resources = SIZES.map(|size| Resource::pattern(seed, size));
    let expected = resources.each_ref().map(Resource::sha256);
    let mut number = 0;
    let urls = resources.map(|resource| {
        number += 1;
        origin.serve(&format!("/{number}"), resource)
    });
    let mut service = Service::start();
    let id = submit(&service, &urls).await;

    // Any byte of the job, by the seed: a step of the golden ratio spreads them evenly.
    let offset = (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) % total;
    let waiting = &origin;
    tokio::task::block_in_place(|| {
        waiting
            .wait_for(|seen| seen.iter().map(|request| request.bytes_sent).sum::<u64>() >= offset);
    });
    service.kill();
    let sent_before: Vec<u64> = (1..=3).map(|n| sent(&origin, n, 0)).collect();
    let requests_before: Vec<usize> = (1..=3)
        .map(|n| origin.requests_for(&format!("/{n}")).len())
        .collect();

    service.launch(&[]);
    let manager = service.manager().await;
    let job = manager.job(id).await.unwrap();
    finish(&job).await;
    for (index, digest) in expected.iter().enumerate() {
        let number = index + 1;
        assert_eq!(
            &sha256(&service.file(&number.to_string())),
            digest,
            "seed {seed}"
        );
        let again = sent(&origin, number, requests_before[index]);
        let refetched = (sent_before[index] + again).saturating_sub(SIZES[index]);
        assert!(
            refetched <= REFETCHED,
            "seed {seed}, file {number}: {refetched} bytes again"
        );
    }
    assert_eq!(
        service.temporary_files(),
        Vec::<String>::new(),
        "seed {seed}"
    );
}

/// Bytes of a body that the origin sent for a file, in the requests from this one on.
fn sent(origin: &Origin, number: usize, from: usize) -> u64 {
    let requests = origin.requests_for(&format!("/{number}"));
    requests[from..]
        .iter()
        .map(|request| request.bytes_sent)
        .sum()
}

async fn submit(service: &Service, urls: &[String; 3]) -> JobId {
    let manager = service.manager().await;
    let files = urls
        .iter()
        .enumerate()
        .map(|(index, url)| FileRequest::new(url, service.file(&(index + 1).to_string())));
    let job = manager
        .create_job("three files")
        .priority(Priority::Foreground)
        .minimum_retry_delay(Duration::from_secs(5))
        .files(files)
        .submit()
        .await
        .unwrap();
    job.id()
}
