//! Section 4, The file here: disks that are full or fail, destinations, temporary files, names.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use bgcopy::{ErrorName, FileRequest, HResult, Job, JobState, Manager, Priority, Profile};
use bgcopy_testkit::{
    faulty::{Origin, Resource},
    power::{self, Effect, Failure, Op},
};
use rustix::io::Errno;

use crate::{
    jobs::{bare, refused},
    support::{self, Service, sha256, until, until_it},
};

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
async fn s4_1_a_folder_that_is_gone_is_named_and_what_was_fetched_is_kept_until_it_is_back() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = Resource::pattern(4, 1_000_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    origin.hold_after(500_000);
    let (folder, away) = (service.file("folder"), service.file("away"));
    std::fs::create_dir(&folder).unwrap();
    let job = service.get(&manager, &url, "folder/file").await;
    until_it(&job, |info| info.bytes_transferred >= 500_000).await;
    job.suspend().await.unwrap();
    std::fs::rename(&folder, &away).unwrap();
    origin.release();
    job.resume().await.unwrap();
    let info = until(&job, &[JobState::Error, JobState::Transferred]).await;
    let error = info.error.expect("an error");
    assert_eq!(error.code.0, 0x8007_0003, "{error:?}");
    let path = folder.to_str().unwrap();
    assert!(error.description.contains(path), "{error:?}");
    std::fs::rename(&away, &folder).unwrap();
    job.resume().await.unwrap();
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert_eq!(sha256(&folder.join("file")), expected);
    let last = origin.requests().pop().unwrap();
    assert!(last.range.is_some(), "it goes on where it was");
}

#[tokio::test]
async fn s4_1_a_rename_that_fails_leaves_the_job_transferred_and_complete_repeatable() {
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
async fn s4_3_the_temporary_file_is_beside_the_destination_and_its_owners_alone() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let url = origin.serve("/file", Resource::pattern(2, 1_000_000));
    origin.hold_after(500_000);
    let folder = service.file("folder");
    std::fs::create_dir(&folder).unwrap();
    let files = ["first", "second"].map(|name| FileRequest::new(&url, folder.join(name)));
    let job = manager
        .create_job("two files")
        .priority(Priority::Foreground)
        .files(files)
        .submit()
        .await
        .unwrap();
    until_it(&job, |info| info.bytes_transferred >= 900_000).await;
    let mut found: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(Result::unwrap)
        .map(|entry| {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            (entry.file_name().into_string().unwrap(), mode)
        })
        .collect();
    found.sort();
    let id = job.id().to_string().replace('-', "");
    let name = |index: u32| (format!(".bgcopy-{id}-{index}.part"), 0o600);
    assert_eq!(found, [name(0), name(1)]);
    origin.release();
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
