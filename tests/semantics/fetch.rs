//! A job for one file of a faulty origin, and what is to come of it.
//!
//! Owns the resource that most tests fetch, and the codes of the contract that they expect.

use bgcopy::{Job, JobState};
use bgcopy_testkit::{
    TestCa,
    faulty::{Origin, Resource},
};

use crate::support::{self, Service, sha256, until, until_it};

pub const SIZE: u64 = 3_000_000;

pub const CLOSED: u32 = 0x8020_002E;
pub const INVALID: u32 = 0x8020_001B;
pub const TIMEOUT: u32 = 0x8007_2EE2;
pub const REDIRECT: u32 = 0x8007_2F7C;
pub const MISMATCH: u32 = 0x8020_0053;
pub const CHANGED: u32 = 0x8020_0073;
pub const NO_RANGES: u32 = 0x8020_0013;

pub fn file() -> Resource {
    Resource::pattern(7, SIZE)
}

/// Fetches a resource whose faults are to be overcome, and looks at the bytes.
pub async fn arrives(resource: Resource) -> (Service, Origin) {
    let (service, origin) = (Service::start(), Origin::start());
    let expected = resource.sha256();
    fetch_right(&service, &origin, resource, &expected).await;
    (service, origin)
}

pub async fn fetch_right(service: &Service, origin: &Origin, resource: Resource, expected: &str) {
    let url = origin.serve("/file", resource);
    let manager = service.manager().await;
    let job = service.get(&manager, &url, "file").await;
    let info = until(&job, &[JobState::Transferred, JobState::Error]).await;
    assert_eq!(info.state, JobState::Transferred, "{:?}", info.error);
    assert!(!service.file("file").exists(), "published before Complete");
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
    assert_eq!(service.temporary_files(), Vec::<String>::new());
}

/// The same for a resource that breaks off: no retry is waited for, Resume skips it.
pub async fn arrives_at_once(resource: Resource) -> (Service, Origin) {
    let (service, origin) = (Service::start(), Origin::start());
    let expected = resource.sha256();
    fetch_at_once(&service, &origin, resource, &expected).await;
    (service, origin)
}

pub async fn fetch_at_once(service: &Service, origin: &Origin, resource: Resource, expected: &str) {
    let url = origin.serve("/file", resource);
    let manager = service.manager().await;
    let job = service.get(&manager, &url, "file").await;
    loop {
        let states = [
            JobState::Transferred,
            JobState::Error,
            JobState::TransientError,
        ];
        let info = until(&job, &states).await;
        assert_ne!(info.state, JobState::Error, "{:?}", info.error);
        if info.state == JobState::Transferred {
            break;
        }
        // It may go on by itself meanwhile.
        let _ = job.resume().await;
        until_it(&job, |info| info.state != JobState::TransientError).await;
    }
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
}

/// Fetches a resource whose faults cannot be overcome: the job is in ERROR with this code, and nothing is published.
pub async fn fails(resource: Resource, code: u32) -> (Service, Origin, Job) {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", resource);
    let job = stops(&service, &url, JobState::Error, code).await;
    (service, origin, job)
}

/// The job that fetches `url` comes to this state with this code.
pub async fn stops(service: &Service, url: &str, state: JobState, code: u32) -> Job {
    let manager = service.manager().await;
    let job = service.get(&manager, url, "file").await;
    let stopped = [
        JobState::Error,
        JobState::TransientError,
        JobState::Transferred,
    ];
    let info = until(&job, &stopped).await;
    let found = info.error.as_ref().map(|error| error.code.0);
    assert_eq!((info.state, found), (state, Some(code)), "{:?}", info.error);
    assert!(
        !service.file("file").exists(),
        "published in spite of an error"
    );
    job
}

/// A service that trusts this authority.
pub fn trusting(ca: &TestCa) -> Service {
    let mut service = Service::prepare(support::CONFIG);
    let trust = service.state().with_file_name("trust.pem");
    std::fs::write(&trust, ca.pem()).unwrap();
    service.launch(&[("SSL_CERT_FILE", trust.to_str().unwrap())]);
    service
}
