//! Section 2, What survives the service's death and the machine's.

use std::time::{Duration, SystemTime};

use bgcopy::{FileRequest, JobId, JobState, Priority, Profile};
use bgcopy_testkit::faulty::{Fault, Origin, Resource};

use crate::{
    jobs::bare,
    support::{self, Service, elsewhen, finish, settle, sha256, until, until_it},
};

#[tokio::test]
async fn s2_1_what_was_answered_is_there_after_a_kill() {
    let (mut service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", Resource::pattern(1, 10));
    let manager = service.manager().await;
    let job = bare(&manager, Profile::Bits).await;
    job.add_file(FileRequest::new(&url, service.file("file")))
        .await
        .unwrap();
    job.set_name("renamed").await.unwrap();
    job.set_priority(Priority::Low).await.unwrap();
    service.kill();
    service.launch(&[]);
    let manager = service.manager().await;
    let info = manager.job(job.id()).await.unwrap().info().await.unwrap();
    assert_eq!(
        (info.name.as_str(), info.priority),
        ("renamed", Priority::Low)
    );
    assert_eq!((info.files_total, info.state), (1, JobState::Suspended));
}

#[tokio::test]
async fn s2_2_queued_and_transferring_jobs_go_on_by_themselves_after_a_kill() {
    let config = format!("{}[limits]\nbackground_jobs = 1\n", support::CONFIG);
    let (mut service, origin) = (Service::start_with(&config, &[]), Origin::start());
    let manager = service.manager().await;
    origin.hold_after(100_000);
    let mut jobs = Vec::new();
    for name in ["transferring", "queued"] {
        let url = origin.serve(&format!("/{name}"), Resource::pattern(1, 1_000_000));
        let request = FileRequest::new(&url, service.file(name));
        let job = manager.create_job(name).file(request).submit().await;
        jobs.push(job.unwrap().id());
    }
    let transferring = manager.job(jobs[0]).await.unwrap();
    until_it(&transferring, |info| info.bytes_transferred >= 100_000).await;
    let queued = manager.job(jobs[1]).await.unwrap();
    assert_eq!(queued.info().await.unwrap().state, JobState::Queued);
    service.kill();
    origin.release();
    service.launch(&[]);
    let manager = service.manager().await;
    for id in jobs {
        let job = manager.job(id).await.unwrap();
        until(&job, &[JobState::Transferred]).await;
    }
}

#[tokio::test]
async fn s2_3_a_kill_costs_at_most_a_checkpoint() {
    const MIB: u64 = 1 << 20;
    let (mut service, origin) = (Service::start(), Origin::start());
    let resource = Resource::pattern(3, 112 * MIB);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    origin.hold_after(104 * MIB);
    let manager = service.manager().await;
    let job = service.get(&manager, &url, "file").await;
    until_it(&job, |info| info.bytes_transferred >= 100 * MIB).await;
    service.kill();
    origin.release();
    let sent = origin.bytes_sent();
    service.launch(&[]);
    let manager = service.manager().await;
    let job = manager.job(job.id()).await.unwrap();
    finish(&job).await;
    assert_eq!(sha256(&service.file("file")), expected);
    // A checkpoint, and what was on its way beside it (`tests/crash.rs`, at any byte of three files).
    let again = sent + origin.requests_for("/file")[1].bytes_sent - 112 * MIB;
    assert!(again <= (64 + 16) * MIB, "{again} bytes came twice");
}

/// A service that dies at this point of the crash protocol while a job of two files ends, and has come back.
async fn killed_at(point: &str, cancels: bool) -> (Service, JobId, String) {
    let (mut service, origin) = (Service::prepare(support::CONFIG), Origin::start());
    let resource = Resource::pattern(5, 100_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    service.launch(&[("BGCOPY_CRASH_AT", point)]);
    let manager = service.manager().await;
    let files = ["one", "two"].map(|name| FileRequest::new(&url, service.file(name)));
    let job = manager.create_job("ends").files(files).submit().await;
    let job = job.unwrap();
    until(&job, &[JobState::Transferred]).await;
    let ending = if cancels {
        job.cancel().await
    } else {
        job.complete().await
    };
    assert!(ending.is_err(), "{point} is not reached");
    assert!(!service.ended().await.success());
    service.launch(&[]);
    (service, job.id(), expected)
}

#[tokio::test]
async fn s2_4_no_temporary_file_is_left_when_the_service_dies_in_complete_or_cancel() {
    for (point, cancels) in [
        ("cancelled-committed", true),
        ("completing-committed", false),
        ("acknowledged-committed", false),
    ] {
        let (service, id, _) = killed_at(point, cancels).await;
        let job = service.manager().await.job(id).await.unwrap();
        until(&job, &[JobState::Cancelled, JobState::Acknowledged]).await;
        settle(&service).await;
        assert_eq!(service.temporary_files(), Vec::<String>::new(), "{point}");
        assert_ne!(service.file("one").exists(), cancels, "{point}");
    }
}

#[tokio::test]
async fn s2_5_a_complete_that_was_interrupted_between_two_names_is_finished_by_the_next_start() {
    // With neither file renamed, with one, and with both.
    for point in ["completing-committed", "file-renamed", "file-renamed:2"] {
        let (service, id, expected) = killed_at(point, false).await;
        let job = service.manager().await.job(id).await.unwrap();
        until(&job, &[JobState::Acknowledged]).await;
        for name in ["one", "two"] {
            assert_eq!(sha256(&service.file(name)), expected, "{point}");
        }
        assert_eq!(service.temporary_files(), Vec::<String>::new(), "{point}");
    }
}

#[tokio::test]
async fn s2_6_timers_count_the_time_that_passes_and_not_the_boot_clock_of_another_boot() {
    const HOUR: Duration = Duration::from_hours(1);
    let (mut service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let refusing = Resource::pattern(1, 1_000).on_request(1, Fault::status(503));
    let url = origin.serve("/file", refusing);
    let job = manager
        .create_job("patient")
        .minimum_retry_delay(2 * HOUR)
        .file(FileRequest::new(&url, service.file("file")))
        .submit()
        .await
        .unwrap();
    until(&job, &[JobState::TransientError]).await;
    let id = job.id();
    // How long it still waits, by its own word. What is recorded then says at which time it was.
    let waits = async |service: &Service| {
        let job = service.manager().await.job(id).await.unwrap();
        let info = job.info().await.unwrap();
        assert_eq!(info.state, JobState::TransientError);
        job.set_description("a").await.unwrap();
        job.set_description("b").await.unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Duration::from_micros(info.retry_at.unwrap().0).saturating_sub(now.unwrap())
    };
    let about = |found: Duration, hours: u32| {
        let right = hours * HOUR;
        assert!(
            found <= right && found + HOUR / 2 > right,
            "{found:?}, not {right:?}"
        );
    };
    about(waits(&service).await, 2);
    service.kill();

    // An hour passed, also for a service that did not run; the wall clock says that none did.
    service.launch_under(&elsewhen::later(HOUR), &[]);
    about(waits(&service).await, 1);
    service.kill();

    // In another boot that clock means nothing: the wall clock's difference counts, which is next to nothing.
    let identity = service.state().with_file_name("boot_id");
    std::fs::write(&identity, "01234567-89ab-cdef-0123-456789abcdef\n").unwrap();
    service.launch_under(&elsewhen::another_boot(&identity, 100 * HOUR), &[]);
    about(waits(&service).await, 1);
    assert_eq!(origin.requests().len(), 1);
    service.kill();

    service.launch_under(&elsewhen::another_boot(&identity, 101 * HOUR), &[]);
    let job = service.manager().await.job(id).await.unwrap();
    until(&job, &[JobState::Transferred]).await;
}
