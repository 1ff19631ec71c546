//! The life of a job as the contract's table has it, call by call and state by state, over the bus of a real service
//! (docs/semantics.md, sections 4 and 5).

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test looks at files behind the service's back"
)]

mod support;

use std::{os::unix::fs::PermissionsExt, time::Duration};

use bgcopy::{
    Ended, Error, ErrorName, FileRequest, HResult, Job, JobState, Manager, Priority, Profile,
};
use bgcopy_testkit::faulty::{Fault, Origin, Resource};
use support::{Service, sha256, until, until_it};

fn refused(result: Result<impl Sized, Error>) -> (ErrorName, HResult) {
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

async fn bare(manager: &Manager, profile: Profile) -> Job {
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
async fn s4_2_a_destination_that_cannot_be_is_refused_when_it_is_added() {
    let service = Service::start();
    let manager = service.manager().await;
    let job = bare(&manager, Profile::Bits).await;
    let url = "http://127.0.0.1:9/file";
    std::fs::create_dir(service.file("folder")).unwrap();
    let add = |path| job.add_file(FileRequest::new(url, path));
    for (path, name) in [
        ("relative".into(), ErrorName::InvalidArgument),
        (service.file("folder"), ErrorName::DestinationIsFolder),
        (service.file("missing/file"), ErrorName::FolderMissing),
        (service.file("folder/../file"), ErrorName::InvalidArgument),
    ] {
        assert_eq!(refused(add(path).await).0, name);
    }
    let ftp = FileRequest::new("ftp://127.0.0.1/file", service.file("file"));
    assert_eq!(refused(job.add_file(ftp).await).1, HResult(0x8007_0057));
    let set = [
        FileRequest::new(url, service.file("fine")),
        FileRequest::new(url, service.file("missing/file")),
    ];
    refused(job.add_files(set).await);
    assert_eq!(
        job.info().await.unwrap().files_total,
        0,
        "a set is added whole or not at all"
    );
}

#[tokio::test]
async fn s4_2_a_folder_that_the_owner_cannot_write_is_access_denied() {
    if rustix::process::geteuid().is_root() {
        // Root writes everywhere; `system.rs` shows this with another user.
        return;
    }
    let service = Service::start();
    let manager = service.manager().await;
    let locked = service.file("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    let job = bare(&manager, Profile::Bits).await;
    let request = FileRequest::new("http://127.0.0.1:9/file", locked.join("file"));
    assert_eq!(refused(job.add_file(request).await).1, HResult(0x8007_0005));
}

#[tokio::test]
async fn s4_4_a_temporary_file_that_was_removed_starts_again() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = Resource::pattern(2, 4_000_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    origin.hold_after(1_000_000);
    let job = service.get(&manager, &url, "file").await;
    until_it(&job, |info| info.bytes_transferred >= 900_000).await;
    job.suspend().await.unwrap();
    // The run ends with a checkpoint; the origin sees its connection go.
    tokio::time::sleep(Duration::from_millis(300)).await;
    for name in service.temporary_files() {
        std::fs::remove_file(service.file(&name)).unwrap();
    }
    origin.release();
    job.resume().await.unwrap();
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert_eq!(sha256(&service.file("file")), expected);
}

#[tokio::test]
async fn s4_5_a_name_from_the_origin_stays_in_its_folder_and_replaces_nothing() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    std::fs::write(service.file("report.pdf"), "mine").unwrap();
    let hostile =
        Resource::pattern(1, 100).content_disposition("attachment; filename=\"../../report.pdf\"");
    let url = origin.serve("/a", hostile.clone());
    let other = origin.serve("/b", hostile);
    let folder = format!("{}/", service.downloads().display());
    let job = manager
        .create_job("named by the origin")
        .file(FileRequest::new(&url, &folder))
        .file(FileRequest::new(&other, &folder))
        .auto_complete(true)
        .submit()
        .await
        .unwrap();
    until(&job, &[JobState::Acknowledged]).await;
    assert_eq!(
        std::fs::read_to_string(service.file("report.pdf")).unwrap(),
        "mine"
    );
    let names: Vec<_> = job
        .files()
        .await
        .unwrap()
        .into_iter()
        .map(|file| {
            file.local_name
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(names, ["report (1).pdf", "report (2).pdf"]);
    assert!(names.iter().all(|name| service.file(name).exists()));
}

#[tokio::test]
async fn s4_5_a_file_made_under_the_chosen_name_before_complete_is_kept() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let report =
        Resource::pattern(1, 100).content_disposition("attachment; filename=\"report.pdf\"");
    let url = origin.serve("/a", report);
    let folder = format!("{}/", service.downloads().display());
    let job = manager
        .create_job("named by the origin")
        .file(FileRequest::new(&url, &folder))
        .submit()
        .await
        .unwrap();
    until(&job, &[JobState::Transferred]).await;
    let local_name = async || job.files().await.unwrap().remove(0).local_name;
    assert_eq!(local_name().await, service.file("report.pdf"));
    std::fs::write(service.file("report.pdf"), "mine").unwrap();
    job.complete().await.unwrap();
    let mine = std::fs::read_to_string(service.file("report.pdf")).unwrap();
    assert_eq!(mine, "mine");
    assert_eq!(local_name().await, service.file("report (1).pdf"));
    assert_eq!(std::fs::metadata(local_name().await).unwrap().len(), 100);
    assert!(service.temporary_files().is_empty());
}

#[tokio::test]
async fn s4_6_a_folder_in_the_place_of_another_gets_nothing_before_resume_says_so() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = Resource::pattern(1, 1_000);
    let expected = resource.sha256();
    let url = origin.serve("/a", resource);
    let [folder, elsewhere] = ["folder", "elsewhere"].map(|name| service.file(name));
    std::fs::create_dir(&folder).unwrap();
    std::fs::create_dir(&elsewhere).unwrap();
    let job = bare(&manager, Profile::Bits).await;
    job.add_file(FileRequest::new(&url, folder.join("file")))
        .await
        .unwrap();
    std::fs::rename(&folder, service.file("moved")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
    job.resume().await.unwrap();
    until(&job, &[JobState::Error]).await;
    let error = job.error().await.unwrap().unwrap();
    assert_eq!(error.code, HResult(0x8007_0003));
    assert!(error.description.contains("resume the job"), "{error:?}");
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    job.resume().await.unwrap();
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert_eq!(sha256(&elsewhere.join("file")), expected);
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
async fn a_clean_stop_ends_in_success_and_removes_the_socket() {
    let mut service = Service::start();
    let socket = service.socket();
    assert!(socket.exists());
    assert!(service.terminate().success());
    assert!(!socket.exists());
}
