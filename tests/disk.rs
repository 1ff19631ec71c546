//! A disk that is full, or fails: docs/semantics.md, 4.1. The job says what is wrong and where, keeps what it has,
//! and goes on when the cause is gone.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test looks at files behind the service's back"
)]

mod support;

use bgcopy::{FileRequest, Job, JobState, Manager, Priority};
use bgcopy_testkit::{
    faulty::{Origin, Resource},
    power::{self, Effect, Failure, Op},
};
use rustix::io::Errno;
use support::{Service, sha256, until};

/// A service whose calls fail by these rules.
fn failing(rules: &[Failure]) -> Service {
    let shim = power::build_shim().unwrap();
    let variables = power::environment(&shim, None, rules);
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.to_str().unwrap()))
        .collect();
    Service::start_with(support::CONFIG, &variables)
}

async fn submit(service: &Service, manager: &Manager, url: &str) -> Job {
    let request = FileRequest::new(url, service.file("file"));
    let job = manager
        .create_job("file")
        .priority(Priority::Foreground)
        .file(request);
    job.submit().await.unwrap()
}

/// One failing call stops the job with this code; Resume brings the right bytes.
async fn stops_and_goes_on(rule: Failure, code: u32, word: &str) {
    let service = failing(&[rule]);
    let origin = Origin::start();
    let resource = Resource::pattern(4, 5_000_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    let manager = service.manager().await;
    let job = submit(&service, &manager, &url).await;
    let info = until(&job, &[JobState::Error, JobState::Transferred]).await;
    let error = info.error.unwrap_or_else(|| panic!("{word}: no error"));
    assert_eq!(error.code.0, code, "{error:?}");
    assert!(
        error.description.contains(word),
        "{:?} says nothing of {word}",
        error.description
    );
    assert!(
        error
            .description
            .contains(service.downloads().to_str().unwrap()),
        "{error:?}"
    );
    assert!(!service.file("file").exists());
    job.resume().await.unwrap();
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
    assert_eq!(service.temporary_files(), Vec::<String>::new());
}

#[tokio::test]
async fn s4_1_a_full_disk_is_named_and_overcome() {
    let full = || Effect::Error(Errno::NOSPC);
    stops_and_goes_on(
        Failure::new(Op::Pwrite, full()).on(".part").call(2),
        0x8007_0070,
        "full",
    )
    .await;
    stops_and_goes_on(
        Failure::new(Op::Fallocate, full()).on(".part").call(1),
        0x8007_0070,
        "full",
    )
    .await;
    stops_and_goes_on(
        Failure::new(Op::OpenCreate, full()).on(".part").call(1),
        0x8007_0070,
        "full",
    )
    .await;
}

#[tokio::test]
async fn s4_1_a_failing_device_is_named_and_its_bytes_are_not_trusted() {
    let broken = || Effect::Error(Errno::IO);
    stops_and_goes_on(
        Failure::new(Op::Fdatasync, broken()).on(".part").call(1),
        0x8007_045D,
        "error",
    )
    .await;
    stops_and_goes_on(
        Failure::new(Op::Pwrite, broken()).on(".part").call(1),
        0x8007_045D,
        "error",
    )
    .await;
}

#[tokio::test]
async fn s4_1_a_quota_and_a_read_only_disk_are_named() {
    let quota = Failure::new(Op::Pwrite, Effect::Error(Errno::DQUOT))
        .on(".part")
        .call(1);
    stops_and_goes_on(quota, 0x8007_050F, "quota").await;
    let read_only = Failure::new(Op::OpenCreate, Effect::Error(Errno::ROFS))
        .on(".part")
        .call(1);
    stops_and_goes_on(read_only, 0x8007_0013, "read-only").await;
}

#[tokio::test]
async fn a_rename_that_fails_leaves_the_job_transferred_and_complete_repeatable() {
    let rule = Failure::new(Op::Rename, Effect::Error(Errno::ACCESS))
        .on(".part")
        .call(1);
    let service = failing(&[rule]);
    let origin = Origin::start();
    let resource = Resource::pattern(4, 5_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    let manager = service.manager().await;
    let job = submit(&service, &manager, &url).await;
    until(&job, &[JobState::Transferred]).await;
    let error = job.complete().await.unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
    assert_eq!(job.info().await.unwrap().state, JobState::Transferred);
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
}

#[tokio::test]
async fn a_queue_that_cannot_be_written_refuses_the_call_and_recovers() {
    // The queue is made by the first start; the failing calls are the second one's.
    let mut service = Service::start();
    service.terminate();
    let rule = Failure::new(Op::Pwrite, Effect::Error(Errno::NOSPC))
        .on("queue.db")
        .calls(1..=1);
    let shim = power::build_shim().unwrap();
    let variables = power::environment(&shim, None, &[rule]);
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.to_str().unwrap()))
        .collect();
    service.launch(&variables);
    let manager = service.manager().await;
    let refused = manager.create_job("first").create().await;
    if let Err(error) = refused {
        assert!(error.to_string().contains("space"), "{error}");
    }
    let job = manager.create_job("second").create().await.unwrap();
    assert_eq!(job.info().await.unwrap().state, JobState::Suspended);
}
