//! What a job does while some of it fails, how long it may take, and what is kept when it is over: docs/semantics.md,
//! 5.16 to 5.20.

use std::time::Duration;

use crate::{
    jobs::refused,
    machine::{Account, System},
    peer::JOB,
    support::{Service, until, until_it},
};
use bgcopy::{ErrorName, FileRequest, HResult, Job, JobState, Manager, Priority};
use bgcopy_testkit::faulty::{Fault, Origin, Resource};

const SIZE: u64 = 1_000_000;

/// A body that is held stays so for as long as the test wants; one background job is at work at a time.
const CONFIG: &str = "[limits]\nbackground_jobs = 1\n";

async fn two_files(service: &Service, manager: &Manager, urls: [&str; 2]) -> Job {
    manager
        .create_job("two")
        .priority(Priority::Foreground)
        .minimum_retry_delay(Duration::from_secs(5))
        .file(FileRequest::new(urls[0], service.file("one")))
        .file(FileRequest::new(urls[1], service.file("two")))
        .submit()
        .await
        .unwrap()
}

#[tokio::test]
async fn s5_16_other_files_go_on_while_one_waits_for_its_next_try() {
    let (service, origin) = (Service::start_with(CONFIG, &[]), Origin::start());
    let manager = service.manager().await;
    let busy = origin.serve(
        "/busy",
        Resource::pattern(1, 10).until_request(1, Fault::status(503)),
    );
    let large = origin.serve("/large", Resource::pattern(2, SIZE));
    origin.hold_after(SIZE / 2);
    let job = two_files(&service, &manager, [&busy, &large]).await;
    let info = until_it(&job, |info| {
        info.error_count == 1 && info.bytes_transferred >= SIZE / 2
    })
    .await;
    assert_eq!((info.state, info.error), (JobState::Transferring, None));
    origin.release();
    until(&job, &[JobState::Transferred]).await;
    assert_eq!(origin.requests_for("/large").len(), 1, "it was not stopped");
    assert_eq!(origin.requests_for("/busy").len(), 2);
}

#[tokio::test]
async fn s5_16_an_error_that_stays_is_not_hidden_by_one_that_passes() {
    let (service, origin) = (Service::start_with(CONFIG, &[]), Origin::start());
    let manager = service.manager().await;
    let busy = Resource::pattern(1, 10).always(Fault::status(503));
    let gone = Resource::pattern(1, 10)
        .always(Fault::Delay(Duration::from_secs(1)))
        .always(Fault::status(404));
    let urls = [("/busy", busy), ("/gone", gone)].map(|(path, it)| origin.serve(path, it));
    let job = two_files(&service, &manager, [&urls[0], &urls[1]]).await;
    let info = until(&job, &[JobState::TransientError, JobState::Error]).await;
    assert_eq!(info.state, JobState::Error);
    let error = job.error().await.unwrap().unwrap();
    assert_eq!((error.code, error.file), (HResult(0x8019_0194), Some(1)));
}

#[tokio::test]
async fn s5_17_an_error_can_be_read_until_bytes_move_again() {
    let (mut service, origin) = (Service::start_with(CONFIG, &[]), Origin::start());
    let manager = service.manager().await;
    let busy = origin.serve("/busy", Resource::pattern(1, 10).always(Fault::status(503)));
    let slow = origin.serve("/slow", Resource::pattern(2, SIZE));
    origin.hold_after(SIZE / 2);
    let background = |name: &'static str, url: &str| {
        let job = manager.create_job(name);
        job.minimum_retry_delay(Duration::from_secs(5))
            .file(FileRequest::new(url, service.file(name)))
            .submit()
    };
    let job = background("busy", &busy).await.unwrap();
    until(&job, &[JobState::TransientError]).await;
    let other = background("slow", &slow).await.unwrap();
    until(&other, &[JobState::Transferring]).await;
    let unavailable = HResult(0x8019_01F7);
    let info = until(&job, &[JobState::Queued]).await;
    assert_eq!(info.error.unwrap().code, unavailable);
    assert_eq!(job.error().await.unwrap().unwrap().code, unavailable);
    let why = service.bgcopy(&["why", &job.id().to_string()]);
    assert!(why.out.contains("Its last error was: "), "{why:?}");
    job.suspend().await.unwrap();
    assert_eq!(job.error().await.unwrap().unwrap().code, unavailable);
    service.kill();
    service.launch(&[]);
    let manager = service.manager().await;
    let job = manager.job(job.id()).await.unwrap();
    assert_eq!(job.error().await.unwrap(), None);
}

#[tokio::test]
async fn s5_18_a_job_that_is_at_work_for_its_maximum_time_is_in_error_until_resume() {
    let (mut service, origin) = (Service::start_with(CONFIG, &[]), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, SIZE));
    origin.hold_after(SIZE / 2);
    let request = FileRequest::new(&url, service.file("file"));
    let job = manager.create_job("slow").file(request);
    let job = job.create().await.unwrap();
    let ninety_days = Duration::from_hours(90 * 24);
    assert_eq!(job.info().await.unwrap().maximum_download_time, ninety_days);
    let id = job.id().to_string();
    let said = service.bgcopy(&["set", &id, "--max-time", "1s"]);
    assert!(said.status.success(), "{said:?}");
    // It is durable.
    service.kill();
    service.launch(&[]);
    let manager = service.manager().await;
    let job = manager.job(job.id()).await.unwrap();
    let info = job.info().await.unwrap();
    assert_eq!(info.maximum_download_time, Duration::from_secs(1));
    job.resume().await.unwrap();
    let info = until(&job, &[JobState::Error]).await;
    assert_eq!(info.error.unwrap().code, HResult(0x8020_0054));
    job.set_maximum_download_time(Duration::ZERO).await.unwrap();
    job.resume().await.unwrap();
    origin.release();
    until(&job, &[JobState::Transferred]).await;
}

#[tokio::test]
async fn s5_19_the_oldest_final_jobs_are_forgotten_when_they_have_too_many_files() {
    let mut service = Service::start_with("[limits]\nfinal_files = 10\n", &[]);
    let manager = service.manager().await;
    let mut jobs = Vec::new();
    for round in 0..3 {
        let files = (0..6).map(|n| {
            let path = service.file(&format!("{round}-{n}"));
            FileRequest::new("http://127.0.0.1:9/file", path)
        });
        let job = manager.create_job("many").files(files);
        let job = job.create().await.unwrap();
        job.cancel().await.unwrap();
        assert_eq!(job.info().await.unwrap().state, JobState::Cancelled);
        assert_eq!(job.files().await.unwrap().len(), 6);
        jobs.push(job.id());
    }
    for is_again in [false, true] {
        if is_again {
            service.kill();
            service.launch(&[]);
        }
        let manager = service.manager().await;
        for early in &jobs[..2] {
            assert_eq!(refused(manager.job(*early).await).0, ErrorName::NotFound);
        }
        let last = manager.job(jobs[2]).await.unwrap();
        assert_eq!(last.files().await.unwrap().len(), 6);
    }
}

/// Two background jobs have a turn at once.
#[test]
fn s5_20_one_users_many_jobs_do_not_keep_anothers_waiting() {
    let Some(system) = System::start() else {
        return;
    };
    let origin = Origin::start();
    origin.hold_after(500);
    let [mut many, mut one] =
        [Account::owner(), Account::other()].map(|account| system.on_socket(&account));
    let folders =
        [Account::owner(), Account::other()].map(|account| system.place.folder(&account, 0o700));
    let serve = |path: &str| origin.serve(path, Resource::pattern(1, 1_000));
    let mut jobs = Vec::new();
    for n in 0..12 {
        let url = serve(&format!("/many/{n}"));
        jobs.push(many.get(&url, &folders[0].join(n.to_string())));
    }
    let own = one.get(&serve("/one"), &folders[1].join("one"));
    assert_eq!(one.property(&own, JOB, "StateName").as_text(), "queued");
    origin.wait_for(|seen| seen.len() == 2);
    origin.release();
    one.until(&own, "transferred");
    for job in &jobs {
        many.until(job, "transferred");
    }
    let asked: Vec<_> = origin
        .requests()
        .into_iter()
        .map(|seen| seen.target)
        .collect();
    let place = asked.iter().position(|target| target == "/one").unwrap();
    assert!(place < 4, "behind one of each slot: {asked:?}");
}
