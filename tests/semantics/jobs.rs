//! Section 5, Jobs: the life of one as the contract's table has it, call by call and state by state; the queue; who may see what.

use std::time::Duration;

use bgcopy::{
    Ended, Error, ErrorName, FileRequest, HResult, Job, JobState, Manager, Priority, Profile,
};
use bgcopy_testkit::{
    faulty::{Fault, Origin, Resource},
    power::{self, Effect, Failure, Op},
};
use rustix::io::Errno;
use serde_json::Value as Json;

use crate::{
    machine::{Account, System},
    peer::{JOB, MANAGER, PROPERTIES, ROOT_OBJECT},
    support::{self, PATIENCE, Service, elsewhen, sha256, until, until_it},
    wire::Value,
};

pub fn refused(result: Result<impl Sized, Error>) -> (ErrorName, HResult) {
    match result {
        Err(Error::Service {
            name,
            hresult,
            message,
            ..
        }) => {
            assert!(
                message.len() > 10,
                "an error says what is wrong: {message:?}"
            );
            (name, hresult)
        }
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it is allowed"),
    }
}

pub async fn bare(manager: &Manager, profile: Profile) -> Job {
    manager
        .create_job("bare")
        .profile(profile)
        .create()
        .await
        .unwrap()
}

#[tokio::test]
async fn s5_1_a_new_job_is_suspended_and_empty_and_cannot_be_resumed() {
    let service = Service::start();
    let manager = service.manager().await;
    for (profile, empty) in [(Profile::Bits, 0x8020_0003), (Profile::Do, 0x80D0_2004)] {
        let job = bare(&manager, profile).await;
        assert_eq!(job.info().await.unwrap().state, JobState::Suspended);
        assert_eq!(
            refused(job.resume().await),
            (ErrorName::Empty, HResult(empty))
        );
        assert_eq!(job.info().await.unwrap().state, JobState::Suspended);
    }
}

#[tokio::test]
async fn s5_1_suspend_and_resume_are_idempotent_and_keep_the_bytes() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = Resource::pattern(2, 4_000_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    origin.hold_after(1_000_000);
    let job = service.get(&manager, &url, "file").await;
    until_it(&job, |info| info.bytes_transferred >= 900_000).await;
    job.resume().await.unwrap();
    job.suspend().await.unwrap();
    assert_eq!(job.info().await.unwrap().state, JobState::Suspended);
    job.suspend().await.unwrap();
    assert!(service.file("file").exists() || service.temporary_files().len() == 1);
    origin.release();
    job.resume().await.unwrap();
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
    let ranges: Vec<_> = origin
        .requests()
        .iter()
        .map(|seen| seen.range.clone())
        .collect();
    assert!(
        ranges[1].is_some(),
        "the second request continues: {ranges:?}"
    );
}

#[tokio::test]
async fn s5_1_a_final_job_refuses_every_call_and_still_answers_questions() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(2, 1_000));
    for cancelled in [false, true] {
        let job = service.get(&manager, &url, "file").await;
        until(&job, &[JobState::Transferred]).await;
        if cancelled {
            job.cancel().await.unwrap();
        } else {
            assert_eq!(job.complete().await.unwrap(), Ended::Wholly);
        }
        let state = if cancelled {
            JobState::Cancelled
        } else {
            JobState::Acknowledged
        };
        let info = job.info().await.unwrap();
        assert_eq!(info.state, state);
        if !cancelled {
            assert_eq!(
                (info.bytes_transferred, info.bytes_total),
                (1_000, Some(1_000))
            );
            assert!(job.files().await.unwrap()[0].completed);
        }
        let invalid = (ErrorName::InvalidState, HResult(0x8020_0002));
        assert_eq!(refused(job.resume().await), invalid);
        assert_eq!(refused(job.suspend().await), invalid);
        assert_eq!(refused(job.cancel().await), invalid);
        assert_eq!(refused(job.complete().await), invalid);
        assert_eq!(refused(job.set_name("other").await), invalid);
        let request = FileRequest::new(&url, service.file("more"));
        assert_eq!(refused(job.add_file(request).await), invalid);
        assert!(
            manager.jobs(false).await.unwrap().is_empty(),
            "it left the enumeration"
        );
        assert_eq!(
            manager.job(job.id()).await.unwrap().id(),
            job.id(),
            "and answers to its name"
        );
    }
}

#[tokio::test]
async fn s5_1_complete_with_unfinished_files_names_the_finished_ones_only() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let good = origin.serve("/good", Resource::pattern(1, 10_000));
    let bad = origin.serve(
        "/bad",
        Resource::pattern(1, 10_000).always(Fault::status(404)),
    );
    let job = manager
        .create_job("both")
        .file(FileRequest::new(&good, service.file("good")))
        .file(FileRequest::new(&bad, service.file("bad")))
        .submit()
        .await
        .unwrap();
    let info = until(&job, &[JobState::Error]).await;
    assert_eq!(info.files_transferred, 1);
    let error = job.error().await.unwrap().unwrap();
    assert_eq!((error.code, error.file), (HResult(0x8019_0194), Some(1)));
    assert_eq!(job.complete().await.unwrap(), Ended::Partly);
    assert!(service.file("good").exists() && !service.file("bad").exists());
    assert_eq!(service.temporary_files(), Vec::<String>::new());
}

#[tokio::test]
async fn s5_1_files_added_to_a_transferred_job_suspend_it_until_resume() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, 10_000));
    let job = service.get(&manager, &url, "one").await;
    until(&job, &[JobState::Transferred]).await;
    job.add_file(FileRequest::new(&url, service.file("two")))
        .await
        .unwrap();
    assert_eq!(job.info().await.unwrap().state, JobState::Suspended);
    job.resume().await.unwrap();
    let info = until(&job, &[JobState::Transferred]).await;
    assert_eq!((info.files_total, info.files_transferred), (2, 2));
    job.complete().await.unwrap();
    assert!(service.file("one").exists() && service.file("two").exists());
}

#[tokio::test]
async fn s5_1_cancel_leaves_nothing() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, 4_000_000));
    origin.hold_after(1_000_000);
    let job = service.get(&manager, &url, "file").await;
    until_it(&job, |info| info.bytes_transferred >= 900_000).await;
    assert_eq!(service.temporary_files().len(), 1);
    job.cancel().await.unwrap();
    assert_eq!(std::fs::read_dir(service.downloads()).unwrap().count(), 0);
}

#[tokio::test]
async fn s5_1_getting_a_job_that_is_not_there_is_not_found() {
    let service = Service::start();
    let manager = service.manager().await;
    let nobody = "12345678-1234-1234-1234-123456789abc".parse().unwrap();
    assert_eq!(refused(manager.job(nobody).await).0, ErrorName::NotFound);
}

#[tokio::test]
async fn s5_1_error_information_exists_only_in_error_states() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve(
        "/file",
        Resource::pattern(1, 10).on_request(1, Fault::status(404)),
    );
    let job = service.get(&manager, &url, "file").await;
    until(&job, &[JobState::Error]).await;
    let error = job.error().await.unwrap().unwrap();
    assert_eq!(
        (error.code.0, error.code_name.as_str()),
        (0x8019_0194, "HTTP 404")
    );
    job.resume().await.unwrap();
    until(&job, &[JobState::Transferred]).await;
    assert!(job.error().await.unwrap().is_none());
    assert_eq!(job.info().await.unwrap().error_count, 1);
}

#[tokio::test]
async fn s5_1_properties_are_kept_and_checked() {
    let service = Service::start();
    let manager = service.manager().await;
    let job = bare(&manager, Profile::Do).await;
    let info = job.info().await.unwrap();
    assert_eq!(info.minimum_retry_delay, Duration::from_mins(10));
    assert_eq!(info.no_progress_timeout, Duration::from_hours(24));
    job.set_name(&"n".repeat(256)).await.unwrap();
    assert_eq!(
        refused(job.set_name(&"n".repeat(257)).await).0,
        ErrorName::StringTooLong
    );
    job.set_minimum_retry_delay(Duration::from_secs(1))
        .await
        .unwrap();
    job.set_priority(Priority::High).await.unwrap();
    let info = job.info().await.unwrap();
    assert_eq!(
        info.minimum_retry_delay,
        Duration::from_secs(5),
        "never below five seconds"
    );
    assert_eq!((info.priority, info.name.len()), (Priority::High, 256));
    assert_eq!(info.owner, rustix::process::geteuid().as_raw());
}

#[tokio::test]
async fn s5_2_background_jobs_take_their_turns_and_foreground_goes_beside_them() {
    let config = format!(
        "{}[limits]\nbackground_jobs = 1\ntime_slice_seconds = 1\n",
        support::CONFIG
    );
    let (service, origin) = (Service::start_with(&config, &[]), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, 600_000));
    origin.pace(Some(200_000));
    let submit = |name: &'static str, priority| {
        let request = FileRequest::new(&url, service.file(name));
        manager
            .create_job(name)
            .priority(priority)
            .file(request)
            .submit()
    };
    let low = submit("low", Priority::Low).await.unwrap();
    until(&low, &[JobState::Transferring]).await;
    let high = submit("high", Priority::High).await.unwrap();
    until(&high, &[JobState::Transferring]).await;
    assert_eq!(
        low.info().await.unwrap().state,
        JobState::Queued,
        "the lower one makes room"
    );
    let now = submit("now", Priority::Foreground).await.unwrap();
    until(&now, &[JobState::Transferring]).await;
    let equal = submit("equal", Priority::High).await.unwrap();
    until(&equal, &[JobState::Transferring]).await;
    assert_ne!(
        high.info().await.unwrap().state,
        JobState::Transferring,
        "equals take turns"
    );
    origin.pace(None);
    for job in [&low, &high, &now, &equal] {
        until(job, &[JobState::Transferred]).await;
    }
}

#[tokio::test]
async fn s5_3_a_failed_try_is_repeated_at_growing_intervals() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, 10).always(Fault::status(503)));
    let job = service.get(&manager, &url, "file").await;
    let wait = |info: &bgcopy::JobInfo| {
        let retry = info.retry_at.unwrap().0;
        retry.saturating_sub(info.modified.0) / 1_000_000
    };
    let first = until_it(&job, |info| {
        info.error_count == 1 && info.retry_at.is_some()
    })
    .await;
    let second = until_it(&job, |info| {
        info.error_count == 2 && info.retry_at.is_some()
    })
    .await;
    assert!((4..=5).contains(&wait(&first)), "{first:?}");
    assert!((9..=10).contains(&wait(&second)), "{second:?}");
}

#[tokio::test]
async fn s5_4_without_a_no_progress_timeout_every_error_is_final() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, 10).always(Fault::status(503)));
    let job = manager
        .create_job("impatient")
        .no_progress_timeout(Duration::ZERO)
        .file(FileRequest::new(&url, service.file("file")))
        .submit()
        .await
        .unwrap();
    until(&job, &[JobState::Error]).await;
}

#[tokio::test]
async fn s5_5_a_job_that_nobody_completes_is_cancelled_after_90_days_and_one_of_do_after_30() {
    let day = |days: u32| days * Duration::from_hours(24);
    let (mut service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, 1_000));
    let mut ids = Vec::new();
    for (name, profile) in [("do", Profile::Do), ("bits", Profile::Bits)] {
        let request = FileRequest::new(&url, service.file(name));
        let job = manager.create_job(name).profile(profile).file(request);
        let job = job.submit().await.unwrap();
        until(&job, &[JobState::Transferred]).await;
        ids.push(job.id());
    }
    for (days, left) in [(29, 2), (31, 1), (89, 1), (91, 0)] {
        service.kill();
        service.launch_under(&elsewhen::later(day(days)), &[]);
        let manager = service.manager().await;
        let waited = async {
            while manager.jobs(false).await.unwrap().len() > left {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        assert!(waited.is_ok(), "day {days}: a job is still listed");
        assert_eq!(manager.jobs(false).await.unwrap().len(), left, "day {days}");
        for id in &ids[..2 - left] {
            // Of a job that went with an earlier run of the service nothing is known any more.
            while let Ok(job) = manager.job(*id).await
                && let Ok(info) = job.info().await
                && info.state != JobState::Cancelled
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        // Durable before they go: a job is listed no more while they do.
        let gone = async {
            while service.temporary_files().len() > left {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let gone = tokio::time::timeout(PATIENCE, gone).await;
        assert!(gone.is_ok(), "day {days}: a temporary file is still there");
        assert_eq!(service.temporary_files().len(), left, "day {days}");
    }
}

#[tokio::test]
async fn s5_6_a_final_job_is_listed_no_more_and_answers_to_its_name_for_an_hour() {
    let minute = Duration::from_mins(1);
    let (mut service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(1, 1_000));
    let job = service.get(&manager, &url, "file").await;
    until(&job, &[JobState::Transferred]).await;
    assert_eq!(manager.jobs(false).await.unwrap().len(), 1);
    job.complete().await.unwrap();
    assert!(manager.jobs(false).await.unwrap().is_empty());
    for (minutes, answers) in [(0, true), (58, true), (61, false)] {
        service.kill();
        service.launch_under(&elsewhen::later(minutes * minute), &[]);
        let manager = service.manager().await;
        assert!(manager.jobs(false).await.unwrap().is_empty());
        let found = manager.job(job.id()).await;
        if answers {
            let state = found.unwrap().info().await.unwrap().state;
            assert_eq!(state, JobState::Acknowledged, "after {minutes} minutes");
        } else {
            assert_eq!(refused(found).0, ErrorName::NotFound);
        }
    }
}

/// The service of the machine, its owner and others: `tests/system` goes through every method and signal.
#[test]
fn s5_7_nobody_sees_changes_or_hears_of_another_users_job_and_root_does() {
    let Some(system) = System::start() else {
        return;
    };
    let mut owner = system.on_socket(&Account::owner());
    let mut others = system.both_ways(&Account::other());
    let mut roots = system.both_ways(&Account::ROOT);
    for peer in others.iter_mut().chain(&mut roots) {
        peer.ok(ROOT_OBJECT, MANAGER, "Subscribe", &[]);
    }
    let job = owner.create("private", &[]);
    for other in &mut others {
        assert_eq!(other.listed(false).unwrap(), Vec::<String>::new());
        assert!(other.listed(true).unwrap_err().is_denied());
        assert!(
            other
                .call(&job, JOB, "Cancel", &[])
                .unwrap_err()
                .is_denied()
        );
    }
    for root in &mut roots {
        assert_eq!(root.listed(true).unwrap(), [job.as_str()]);
        let name = [
            Value::text(JOB),
            Value::text("Name"),
            Value::text("seen").variant(),
        ];
        root.ok(&job, PROPERTIES, "Set", &name);
    }
    assert_eq!(owner.property(&job, JOB, "Name").as_text(), "seen");
    owner.ok(&job, JOB, "Cancel", &[]);
    for (peer, hears) in others
        .iter_mut()
        .map(|peer| (peer, false))
        .chain(roots.iter_mut().map(|peer| (peer, true)))
    {
        // Up to the news of a job of one's own, everything was heard that there was to hear.
        let own = peer.create("the last", &[]);
        let heard =
            peer.hear_until(|message| message.member == "JobAdded" && message.mentions(&own));
        let heard = heard.iter().any(|message| message.mentions(&job));
        assert_eq!(heard, hears);
        peer.ok(&own, JOB, "Cancel", &[]);
    }
}

#[tokio::test]
async fn s5_8_a_call_that_is_refused_since_the_queue_cannot_be_written_takes_no_effect_later() {
    // The queue is made by the first start; the failing calls are the second one's.
    let mut service = Service::start();
    service.terminate();
    let full = Failure::new(Op::Pwrite, Effect::Error(Errno::NOSPC));
    let rule = full.on("queue.db").calls(1..=20);
    let shim = power::build_shim().unwrap();
    let variables = power::environment(&shim, None, &[rule]);
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.to_str().unwrap()))
        .collect();
    service.launch(&variables);
    let mut manager = service.manager().await;
    let mut refusals = 0;
    while let Err(error) = manager.create_job(refusals.to_string()).create().await {
        assert!(error.to_string().contains("space"), "{error}");
        refusals += 1;
    }
    assert!(refusals > 2, "{refusals} calls were refused");
    // The first one may have been under way when the trouble began.
    let may_be = |name: &str| name == "0" || name == refusals.to_string();
    for _ in 0..2 {
        let jobs = manager.jobs(false).await.unwrap();
        let mut names = jobs.iter().map(|(_, info)| info.name.as_str());
        assert!(names.clone().all(may_be), "{:?}", names.collect::<Vec<_>>());
        assert!(names.any(|name| name == refusals.to_string()));
        service.kill();
        service.launch(&[]);
        manager = service.manager().await;
    }
}

#[test]
fn s5_9_user_and_password_of_a_url_go_to_the_origin_and_nowhere_else() {
    let service = Service::start_with(support::CONFIG, &[("RUST_BACKTRACE", "0")]);
    let origin = Origin::start();
    let with_secret = |url: String| url.replace("http://", "http://tokenuser:hunter2@");
    let good = origin.serve(
        "/good",
        Resource::pattern(1, 100).always(Fault::RequireBasic("tokenuser", "hunter2")),
    );
    let wrong = origin.serve("/wrong", Resource::pattern(1, 100));
    let gone = origin.serve("/gone", Resource::pattern(1, 1).always(Fault::status(404)));
    let checksum = format!("sha256:{}", "0".repeat(64));

    let mut said = String::new();
    let mut run = |arguments: &[&str], code: i32| {
        let result = service.bgcopy(arguments);
        assert_eq!(
            result.status.code(),
            Some(code),
            "{arguments:?}: {result:?}"
        );
        said += &result.out;
        said += &result.err;
        result.out
    };
    run(&["get", &with_secret(good)], 0);
    run(&["get", &with_secret(gone)], 1);
    run(&["get", "--checksum", &checksum, &with_secret(wrong)], 1);
    run(&["get", "ftp://tokenuser:hunter2@h/x"], 2);
    run(&["get", "http://tokenuser:hunter2@h:99999/x"], 2);
    let jobs = run(&["list", "--json"], 0);
    let jobs: Vec<Json> = jobs
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(jobs.len(), 2);
    for job in &jobs {
        let id = job["id"].as_str().unwrap();
        run(&["show", id], 0);
        run(&["show", id, "--json"], 0);
        run(&["files", id], 0);
        run(&["files", id, "--json"], 0);
    }
    said += &service.log();
    for secret in ["hunter2", "tokenuser"] {
        assert!(!said.contains(secret), "{said}");
    }
    assert!(said.contains("http://***@127.0.0.1"), "{said}");
}

/// The bus too: a URL that is read back is not the one that was handed over.
#[tokio::test]
async fn s5_9_a_url_on_the_bus_has_no_password() {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/x", Resource::pattern(1, 1));
    let url = url.replace("http://", "http://me:hunter2@");
    let manager = service.manager().await;
    let job = manager
        .create_job("x")
        .priority(Priority::Normal)
        .file(FileRequest::new(url, service.file("x")))
        .submit()
        .await
        .unwrap();
    let files = job.files().await.unwrap();
    assert!(
        files[0].remote_name.starts_with("http://***@127.0.0.1:"),
        "{}",
        files[0].remote_name
    );
}
