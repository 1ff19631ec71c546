//! The power fails: what the service did not sync is gone, from the users' files and from the queue alike, and still
//! docs/semantics.md, section 2, holds.
//!
//! The service is a real process; a library that is loaded into it keeps what a disk would hold that forgets all that
//! was not synced, and after the process was killed the folders are put back to that.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test looks at files behind the service's back"
)]

mod support;

use std::{ffi::OsString, path::Path, time::Duration};

use bgcopy::{FileRequest, JobState, Priority};
use bgcopy_testkit::{
    faulty::{Origin, Resource},
    power,
};
use futures_util::StreamExt;
use support::{Service, finish, settle, sha256, until};

const SIZES: [u64; 3] = [24 << 20, 5 << 20, 300];

/// A service under the simulator, and a job of three files on it.
struct Machine {
    service: Service,
    shadow: tempfile::TempDir,
    origin: Origin,
    expected: Vec<String>,
    urls: Vec<String>,
}

impl Machine {
    fn new(seed: u64) -> Self {
        Self::with(seed, &SIZES)
    }

    /// The same with files of these sizes.
    fn with(seed: u64, sizes: &[u64]) -> Self {
        let origin = Origin::start();
        let resources: Vec<_> = sizes
            .iter()
            .zip(seed..)
            .map(|(size, seed)| Resource::pattern(seed, *size))
            .collect();
        let expected = resources.iter().map(Resource::sha256).collect();
        let urls = resources
            .into_iter()
            .enumerate()
            .map(|(number, resource)| origin.serve(&format!("/{number}"), resource))
            .collect();
        let service = Service::prepare(support::CONFIG);
        std::fs::create_dir_all(service.state()).unwrap();
        Self {
            service,
            shadow: tempfile::tempdir().unwrap(),
            origin,
            expected,
            urls,
        }
    }

    /// Switches it on.
    fn power_on(&mut self, more: &[(&str, &str)]) {
        let (state, downloads) = (self.service.state(), self.service.downloads());
        self.shadow = tempfile::tempdir_in(state.parent().unwrap()).unwrap();
        power::arm(&[&state, &downloads], self.shadow.path()).unwrap();
        let shim = power::build_shim().unwrap();
        let variables = power::environment(&shim, Some(self.shadow.path()), &[]);
        let text = |value: &OsString| value.to_str().unwrap().to_owned();
        let variables: Vec<(&str, String)> = variables
            .iter()
            .map(|(name, value)| (*name, text(value)))
            .collect();
        let mut all: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        all.extend(more);
        self.service.launch(&all);
    }

    /// Pulls the plug, and tells what a disk would hold now.
    fn power_off(&mut self, seed: u64) -> power::Restored {
        self.service.kill();
        let (state, downloads) = (self.service.state(), self.service.downloads());
        let roots: [&Path; 2] = [&state, &downloads];
        power::restore(&roots, self.shadow.path(), seed).unwrap()
    }

    async fn submit(&self, auto_complete: bool) -> bgcopy::Result<bgcopy::Job> {
        let manager = self.service.manager().await;
        let files = self
            .urls
            .iter()
            .enumerate()
            .map(|(number, url)| FileRequest::new(url, self.service.file(&number.to_string())));
        manager
            .create_job("three files")
            .priority(Priority::Foreground)
            .minimum_retry_delay(Duration::from_secs(5))
            .files(files)
            .auto_complete(auto_complete)
            .submit()
            .await
    }

    fn check(&self, seed: u64) {
        for (number, digest) in self.expected.iter().enumerate() {
            assert_eq!(
                &sha256(&self.service.file(&number.to_string())),
                digest,
                "seed {seed}"
            );
        }
        assert_eq!(
            self.service.temporary_files(),
            Vec::<String>::new(),
            "seed {seed}"
        );
    }
}

/// The power fails at some byte of the job, then at some byte of what is left, and then it stays.
async fn fails_twice(seed: u64) {
    let machine = Machine::new(seed);
    machine.origin.pace(Some(12_000_000));
    survives_two_failures(machine, SIZES.iter().sum(), seed).await;
}

async fn survives_two_failures(mut machine: Machine, total: u64, seed: u64) {
    machine.power_on(&[]);
    let id = machine.submit(true).await.unwrap().id();
    for part in [1, 2] {
        let sent = machine.origin.bytes_sent();
        let offset = sent + (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) % (total / 3 * part);
        let origin = &machine.origin;
        tokio::task::block_in_place(|| {
            let patience = std::time::Instant::now();
            // The job may end before that byte: then the power fails after its end.
            while origin.bytes_sent() < offset && patience.elapsed() < Duration::from_secs(3) {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        machine.power_off(seed + part);
        machine.power_on(&[]);
    }
    machine.origin.pace(None);
    let manager = machine.service.manager().await;
    let job = manager
        .job(id)
        .await
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let info = until(&job, &[JobState::Acknowledged, JobState::Error]).await;
    assert_eq!(
        info.state,
        JobState::Acknowledged,
        "seed {seed}: {:?}",
        info.error
    );
    machine.check(seed);
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_1_and_s2_5_a_job_survives_the_loss_of_all_that_was_not_synced() {
    for seed in 0..6 {
        fails_twice(seed).await;
    }
}

/// Files that are put on the disk in one go and synced in groups.
#[tokio::test(flavor = "multi_thread")]
async fn s2_1_a_job_of_many_small_files_survives_it_too() {
    let sizes: Vec<u64> = (0..120).map(|number| number * 997 % 90_000).collect();
    for seed in 200..204 {
        let machine = Machine::with(seed, &sizes);
        machine.origin.pace(Some(6_000_000));
        survives_two_failures(machine, sizes.iter().sum(), seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: `cargo xtask crash` runs it"]
async fn s2_1_and_s2_5_a_job_survives_many_power_failures() {
    let runs = std::env::var("BGCOPY_CRASH_RUNS").map_or(200, |runs| runs.parse().unwrap());
    for seed in 0..runs {
        fails_twice(1_000 + seed).await;
        eprintln!("{} of {runs}", seed + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_the_power_fails_at_every_crash_point() {
    for (seed, point) in (50..).zip(bgcopy_daemon::crash::POINTS) {
        if point == "cancelled-committed" {
            continue; // This job is completed, not cancelled; `crash.rs` has the other.
        }
        let mut machine = Machine::new(seed);
        machine.origin.pace(Some(12_000_000));
        machine.power_on(&[("BGCOPY_CRASH_AT", point)]);
        let outcome = to_the_end(&machine).await;
        assert!(outcome.is_err(), "{point} is not reached");
        assert!(!machine.service.ended().await.success());
        machine.power_off(seed);
        machine.origin.pace(None);
        machine.power_on(&[]);
        let manager = machine.service.manager().await;
        if let Some((job, _)) = manager.jobs(false).await.unwrap().first() {
            finish(job).await;
        } else {
            // A job that is not listed is complete, or went on to be.
            let complete = [
                "completing-committed",
                // Files are prepared while COMPLETING is committed: it may have been.
                "file-prepared",
                "file-renamed",
                "acknowledged-committed",
            ];
            assert!(complete.contains(&point), "{point}: the job is lost");
            settle(&machine.service).await;
        }
        machine.check(seed);
    }
}

/// Takes a job from its making to its end, until the service dies.
async fn to_the_end(machine: &Machine) -> bgcopy::Result<()> {
    let job = machine.submit(false).await?;
    let mut changes = std::pin::pin!(job.watch().await?);
    while let Some(info) = changes.next().await {
        if info?.state == JobState::Transferred {
            job.complete().await?;
            return Ok(());
        }
    }
    Err(bgcopy::Error::Disconnected)
}
