//! The service within this process (docs/semantics.md, section 8): jobs that outlive it, several at once, and a folder
//! that two cannot have.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at files of their own"
)]

use std::{
    path::Path,
    process::Command,
    sync::{Arc, mpsc::channel},
    time::Duration,
};

use bgcopy::{
    Address, Callback, CallbackError, EmbedError, Embedded, Error, FileRequest, Job, JobState,
    Manager, Priority, Settings, blocking,
};
use bgcopy_testkit::{
    faulty::{Origin, Resource},
    fs::sha256_file,
};
use futures_util::StreamExt as _;
use tempfile::TempDir;
use tokio::{sync::Notify, time::timeout};

/// Longer than anything takes; it only keeps a test that hangs from hanging for ever.
const PATIENCE: Duration = Duration::from_secs(90);

fn settings(folder: &TempDir) -> Settings {
    Settings::new(folder.path().join("queue"))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Starts a job of one file.
async fn fetch(manager: &Manager, url: &str, path: &Path) -> Job {
    let job = manager
        .create_job("a file")
        .priority(Priority::Foreground)
        .file(FileRequest::new(url, path));
    job.submit().await.unwrap()
}

async fn until(job: &Job, wanted: impl Fn(JobState, u64) -> bool) {
    let wait = async {
        let mut changes = std::pin::pin!(job.watch().await.unwrap());
        while let Some(info) = changes.next().await {
            let info = info.unwrap();
            if wanted(info.state, info.bytes_transferred) {
                return;
            }
        }
        panic!("the service went away");
    };
    timeout(PATIENCE, wait).await.unwrap();
}

/// Completes its job and tells.
#[derive(Default)]
struct Completer(Notify);

impl Callback for Completer {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        job.complete().await?;
        self.0.notify_one();
        Ok(())
    }
}

#[tokio::test]
async fn s8_1_it_fetches_a_file_and_calls_back() {
    let (origin, folder) = (Origin::start(), folder());
    let resource = Resource::pattern(1, 3_000_000);
    let digest = resource.sha256();
    let url = origin.serve("/file", resource);
    let path = folder.path().join("file");

    let service = Embedded::start(settings(&folder)).await.unwrap();
    let manager = service.manager().await.unwrap();
    assert_eq!(manager.service().mode, "embedded");
    assert_eq!(manager.service().process_id, std::process::id());
    assert_eq!(manager.address(), Address::Stream);
    let completer = Arc::new(Completer::default());
    let job = manager.create_job("a file").notify(completer.clone());
    let job = job.file(FileRequest::new(url, &path)).submit();
    let job = job.await.unwrap();
    timeout(PATIENCE, completer.0.notified()).await.unwrap();
    assert_eq!(job.info().await.unwrap().state, JobState::Acknowledged);
    assert_eq!(sha256_file(&path).unwrap(), digest);
    service.shutdown().await.unwrap();
}

#[tokio::test]
async fn s8_1_it_writes_to_a_stream_of_its_own_program() {
    let (origin, folder) = (Origin::start(), folder());
    let resource = Resource::pattern(1, 3_000_000);
    let expected = resource.body().to_vec();
    let url = origin.serve("/file", resource);
    let service = Embedded::start(settings(&folder)).await.unwrap();
    let manager = service.manager().await.unwrap();
    let download = manager.create_download().await.unwrap();
    download.set_uri(&url).await.unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    download.set_stream(writer).await.unwrap();
    download.start().await.unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![0; 3_000_000];
        std::io::Read::read_exact(&mut reader, &mut bytes).unwrap();
        bytes
    });
    let bytes = timeout(PATIENCE, read).await.unwrap().unwrap();
    assert!(bytes == expected, "other bytes");
    service.shutdown().await.unwrap();
}

/// What is under way, when the service is dropped in the middle of a file that comes slowly.
async fn interrupted(origin: &Origin, folder: &TempDir, end: impl AsyncFnOnce(Embedded)) {
    let resource = Resource::pattern(2, 4_000_000);
    let digest = resource.sha256();
    let url = origin.serve("/slow", resource);
    let path = folder.path().join("slow");
    origin.hold_after(2_000_000);

    let service = Embedded::start(settings(folder)).await.unwrap();
    let manager = service.manager().await.unwrap();
    let job = fetch(&manager, &url, &path).await;
    until(&job, |_, bytes| bytes >= 1_000_000).await;
    end(service).await;
    let error = job.info().await.unwrap_err();
    assert!(matches!(error, Error::Disconnected), "{error}");
    assert!(!path.exists());

    origin.release();
    let service = Embedded::start(settings(folder)).await.unwrap();
    let manager = service.manager().await.unwrap();
    let job = manager.job(job.id()).await.unwrap();
    until(&job, |state, _| state == JobState::Transferred).await;
    job.complete().await.unwrap();
    assert_eq!(sha256_file(&path).unwrap(), digest);
    // It went on where it was: no byte that was reported came twice.
    let asked = origin.requests_for("/slow");
    let range = asked.last().unwrap().header("range").unwrap_or_default();
    let first = range.trim_start_matches("bytes=").trim_end_matches('-');
    assert!(
        first.parse::<u64>().is_ok_and(|first| first >= 1_000_000),
        "{range:?}"
    );
    service.shutdown().await.unwrap();
}

#[tokio::test]
async fn s8_2_jobs_outlive_a_shutdown_and_go_on_where_they_were() {
    let (origin, folder) = (Origin::start(), folder());
    interrupted(&origin, &folder, async |service| {
        service.shutdown().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn s8_2_jobs_outlive_a_service_that_is_dropped() {
    let (origin, folder) = (Origin::start(), folder());
    interrupted(&origin, &folder, async |service| drop(service)).await;
}

#[tokio::test]
async fn s8_2_a_service_that_is_shut_down_by_its_client_is_over_for_all() {
    let folder = folder();
    let service = Embedded::start(settings(&folder)).await.unwrap();
    let manager = service.manager().await.unwrap();
    timeout(PATIENCE, manager.shutdown())
        .await
        .unwrap()
        .unwrap();
    service.shutdown().await.unwrap();
    Embedded::start(settings(&folder)).await.unwrap();
}

#[tokio::test]
async fn s8_3_two_in_one_process_have_nothing_to_do_with_each_other() {
    let origin = Origin::start();
    let (left, right) = (folder(), folder());
    let mut services = Vec::new();
    for (seed, folder) in [(3, &left), (4, &right)] {
        let resource = Resource::pattern(seed, 500_000);
        let digest = resource.sha256();
        let url = origin.serve(&format!("/{seed}"), resource);
        let service = Embedded::start(settings(folder)).await.unwrap();
        let manager = service.manager().await.unwrap();
        let job = fetch(&manager, &url, &folder.path().join("file")).await;
        services.push((service, manager, job, digest));
    }
    for ((_, manager, job, digest), folder) in services.iter().zip([&left, &right]) {
        until(job, |state, _| state == JobState::Transferred).await;
        let listed = manager.jobs(false).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].0.id(), job.id());
        job.complete().await.unwrap();
        let found = sha256_file(folder.path().join("file")).unwrap();
        assert_eq!(found, *digest);
    }
    // The end of one is not the other's.
    let (first, _, _, _) = services.remove(0);
    first.shutdown().await.unwrap();
    assert!(services[0].1.jobs(false).await.unwrap().is_empty());
}

#[tokio::test]
async fn s8_4_a_second_one_over_the_same_folder_is_refused_and_says_whose_it_is() {
    let folder = folder();
    let service = Embedded::start(settings(&folder)).await.unwrap();
    let error = Embedded::start(settings(&folder)).await.unwrap_err();
    let EmbedError::InUse { process, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*process, Some(std::process::id()));
    let text = error.to_string();
    let queue = folder.path().join("queue").display().to_string();
    assert!(
        text.contains(&queue) && text.contains("within this process"),
        "{text}"
    );
    // The one that was first is none the worse for it.
    let manager = service.manager().await.unwrap();
    assert!(manager.jobs(false).await.unwrap().is_empty());
    service.shutdown().await.unwrap();
    Embedded::start(settings(&folder)).await.unwrap();
}

#[test]
fn s8_5_threads_that_block_need_no_runtime() {
    let (origin, folder) = (Origin::start(), folder());
    let resource = Resource::pattern(5, 100_000);
    let digest = resource.sha256();
    let url = origin.serve("/file", resource);
    let path = folder.path().join("file");

    let service = Embedded::start_blocking(settings(&folder)).unwrap();
    let manager = service.blocking_manager().unwrap();
    let (tell, told) = channel();
    let job = manager
        .create_job("a file")
        .file(FileRequest::new(url, &path));
    let job = manager.submit_with(job, move |call| {
        if let blocking::Call::Transferred(job) = call {
            job.complete()?;
            tell.send(())?;
        }
        Ok(())
    });
    job.unwrap();
    told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(sha256_file(&path).unwrap(), digest);
    service.shutdown_blocking().unwrap();
    let error = manager.jobs(false).unwrap_err();
    assert!(matches!(error, Error::Disconnected), "{error}");
}

/// The variables that lead a service to its places, all of them to a place where nothing may be made.
const ELSEWHERE: [&str; 5] = [
    "HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

#[test]
fn s8_6_the_example_leaves_nothing_outside_its_folder_and_listens_nowhere() {
    let (origin, folder) = (Origin::start(), folder());
    let elsewhere = self::folder();
    let resource = Resource::pattern(6, 300_000);
    let digest = resource.sha256();
    let url = origin.serve("/file", resource);
    let path = folder.path().join("file");
    // Cargo builds the examples with the tests, beside the folder of the test programs.
    let program = std::env::current_exe().unwrap();
    let program = program
        .parent()
        .unwrap()
        .with_file_name("examples/embedded");
    let output = Command::new(program)
        .arg(folder.path().join("queue"))
        .arg(url)
        .arg(&path)
        .env_clear()
        .envs(ELSEWHERE.map(|name| (name, elsewhere.path())))
        .output()
        .expect(
            "the example is not built; run: cargo build --example embedded --features embedded",
        );
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    assert_eq!(sha256_file(&path).unwrap(), digest);
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    let mut left: Vec<_> = std::fs::read_dir(folder.path().join("queue"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    left.retain(|entry| !entry.file_type().unwrap().is_file());
    assert!(left.is_empty(), "a socket or a folder: {left:?}");
}

#[tokio::test]
async fn s8_6_signals_are_the_programs_own() {
    let handled = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let masks = status.lines().filter(|line| {
            ["SigBlk:", "SigIgn:", "SigCgt:"]
                .iter()
                .any(|name| line.starts_with(name))
        });
        masks.map(str::to_owned).collect::<Vec<_>>()
    };
    let (folder, before) = (folder(), handled());
    let service = Embedded::start(settings(&folder)).await.unwrap();
    service.manager().await.unwrap();
    assert_eq!(handled(), before);
    service.shutdown().await.unwrap();
    assert_eq!(handled(), before);
}
