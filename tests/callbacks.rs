//! Callbacks with real processes: what reaches a client, how often, and after which death (docs/semantics.md, section
//! Callbacks).

#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at files of their own"
)]

mod support;

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bgcopy::{
    Address, Callback, CallbackError, ErrorInfo, FileInfo, FileRequest, HResult, Job, JobId,
    JobState, Manager, NotifyFlags,
};
use bgcopy_testkit::faulty::{Origin, Resource};
use support::{PATIENCE, Service, sha256, until};
use tokio::{
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    time::timeout,
};

/// A call as the client saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Transferred(JobId),
    Error(JobId, HResult),
    Modification(JobId),
    File(JobId, u32),
}

/// A client that tells the test of each call, and answers the first few with an error.
struct Teller {
    tell: UnboundedSender<Told>,
    failures: AtomicU32,
}

fn teller(failures: u32) -> (Teller, UnboundedReceiver<Told>) {
    let (tell, told) = unbounded_channel();
    let failures = AtomicU32::new(failures);
    (Teller { tell, failures }, told)
}

impl Teller {
    fn called(&self, told: Told) -> Result<(), CallbackError> {
        // The test may have seen enough.
        let _ = self.tell.send(told);
        let left = |left: u32| left.checked_sub(1);
        match self
            .failures
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
        {
            Ok(_) => Err("not yet".into()),
            Err(_) => Ok(()),
        }
    }
}

impl Callback for Teller {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        self.called(Told::Transferred(job.id()))
    }

    async fn job_error(&self, job: Job, error: ErrorInfo) -> Result<(), CallbackError> {
        self.called(Told::Error(job.id(), error.code))
    }

    async fn job_modification(&self, job: Job) -> Result<(), CallbackError> {
        self.called(Told::Modification(job.id()))
    }

    async fn file_transferred(&self, job: Job, file: FileInfo) -> Result<(), CallbackError> {
        self.called(Told::File(job.id(), file.index))
    }
}

async fn next(told: &mut UnboundedReceiver<Told>) -> Told {
    let next = timeout(PATIENCE, told.recv()).await;
    next.expect("nobody calls").unwrap()
}

/// Completes every job.
struct Completer;

impl Callback for Completer {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        job.complete().await?;
        Ok(())
    }
}

fn file(service: &Service, origin: &Origin, name: &str) -> FileRequest {
    let url = origin.serve(&format!("/{name}"), Resource::pattern(1, 1_000));
    FileRequest::new(url, service.file(name))
}

/// A job that is TRANSFERRED and has told nobody.
async fn transferred(service: &Service, origin: &Origin, manager: &Manager, name: &str) -> Job {
    let job = manager.create_job(name);
    let job = job
        .file(file(service, origin, name))
        .submit()
        .await
        .unwrap();
    until(&job, &[JobState::Transferred]).await;
    job
}

#[tokio::test]
async fn a_job_is_completed_from_inside_the_callback_that_tells_of_its_transfer() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = Resource::pattern(3, 100_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    let job = manager
        .create_job("n")
        .file(FileRequest::new(url, service.file("file")))
        .notify(Completer)
        .submit()
        .await
        .unwrap();
    until(&job, &[JobState::Acknowledged]).await;
    assert_eq!(sha256(&service.file("file")), expected);
}

#[tokio::test]
async fn files_are_told_in_order_and_before_their_job() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let (teller, mut told) = teller(0);
    let flags = NotifyFlags::TRANSFERRED.bits() | NotifyFlags::FILE_TRANSFERRED.bits();
    let names = ["a", "b", "c"];
    let job = manager
        .create_job("n")
        .files(names.map(|name| file(&service, &origin, name)))
        .notify_flags(NotifyFlags::from_bits(flags).unwrap())
        .notify(teller)
        .submit()
        .await
        .unwrap();
    let mut files = BTreeSet::new();
    loop {
        match next(&mut told).await {
            Told::File(id, index) => assert!(id == job.id() && files.insert(index)),
            Told::Transferred(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(files, BTreeSet::from([0, 1, 2]));
}

#[tokio::test]
async fn an_error_that_waiting_does_not_mend_is_told_with_its_code() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let (teller, mut told) = teller(0);
    let job = manager
        .create_job("n")
        .file(FileRequest::new(origin.url("/nothing"), service.file("x")))
        .notify(teller)
        .submit()
        .await
        .unwrap();
    let error = Told::Error(job.id(), HResult(0x8019_0194));
    assert_eq!(next(&mut told).await, error);
}

#[tokio::test]
async fn a_call_that_is_answered_with_an_error_is_made_again_until_it_succeeds() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = transferred(&service, &origin, &manager, "file").await;
    // Until the sixth call 1 + 2 + 4 + 8 + 16 seconds go by.
    let (failing, mut told) = teller(5);
    job.set_notify_interface(failing).await.unwrap();
    for _ in 0..6 {
        assert_eq!(next(&mut told).await, Told::Transferred(job.id()));
    }
    // Dealt with: another client has nothing to hear, and hears of another job.
    let other = transferred(&service, &origin, &manager, "other").await;
    let (late, mut told) = teller(0);
    let late = Arc::new(late);
    job.set_notify_interface(late.clone()).await.unwrap();
    other.set_notify_interface(late).await.unwrap();
    assert_eq!(next(&mut told).await, Told::Transferred(other.id()));
}

#[tokio::test]
async fn who_registers_late_is_told_at_once() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = transferred(&service, &origin, &manager, "file").await;
    assert_eq!(job.notify_interface().await.unwrap(), None);
    let (teller, mut told) = teller(0);
    job.set_notify_interface(teller).await.unwrap();
    assert!(job.notify_interface().await.unwrap().is_some());
    assert_eq!(next(&mut told).await, Told::Transferred(job.id()));
}

#[tokio::test]
async fn of_two_clients_the_last_one_is_called() {
    let (service, origin) = (Service::start(), Origin::start());
    let (one, two) = (service.manager().await, service.manager().await);
    let url = origin.serve("/file", Resource::pattern(1, 1_000));
    let job = one
        .create_job("n")
        .file(FileRequest::new(url, service.file("file")))
        .create()
        .await
        .unwrap();
    let (first, mut told_first) = teller(0);
    let (second, mut told_second) = teller(0);
    job.set_notify_interface(first).await.unwrap();
    let seen = two.job(job.id()).await.unwrap();
    seen.set_notify_interface(second).await.unwrap();
    job.resume().await.unwrap();
    assert_eq!(next(&mut told_second).await, Told::Transferred(job.id()));
    assert!(told_first.try_recv().is_err());
}

#[tokio::test]
async fn while_calls_are_disabled_none_is_made_and_what_is_due_stays_so() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let quiet = transferred(&service, &origin, &manager, "quiet").await;
    quiet.set_notify_flags(NotifyFlags::DISABLE).await.unwrap();
    let loud = transferred(&service, &origin, &manager, "loud").await;
    let (teller, mut told) = teller(0);
    let teller = Arc::new(teller);
    quiet.set_notify_interface(teller.clone()).await.unwrap();
    loud.set_notify_interface(teller).await.unwrap();
    assert_eq!(next(&mut told).await, Told::Transferred(loud.id()));
    quiet
        .set_notify_flags(NotifyFlags::default())
        .await
        .unwrap();
    assert_eq!(next(&mut told).await, Told::Transferred(quiet.id()));
}

#[tokio::test]
async fn what_was_due_when_the_service_was_killed_is_told_to_whoever_registers_then() {
    let (mut service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = transferred(&service, &origin, &manager, "file").await;
    service.kill();
    service.launch(&[]);
    let manager = service.manager().await;
    let job = manager.job(job.id()).await.unwrap();
    let (teller, mut told) = teller(0);
    job.set_notify_interface(teller).await.unwrap();
    assert_eq!(next(&mut told).await, Told::Transferred(job.id()));
}

/// Answers no call before it is released.
struct Hanging {
    told: Teller,
    release: Arc<Notify>,
}

impl Callback for Hanging {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        self.told.called(Told::Transferred(job.id()))?;
        self.release.notified().await;
        Ok(())
    }
}

#[tokio::test]
async fn a_living_client_is_registered_again_when_the_killed_service_comes_back() {
    let (mut service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = transferred(&service, &origin, &manager, "file").await;
    let (told, mut calls) = teller(0);
    let release = Arc::new(Notify::new());
    let hanging = Hanging {
        told,
        release: release.clone(),
    };
    job.set_notify_interface(hanging).await.unwrap();
    assert_eq!(next(&mut calls).await, Told::Transferred(job.id()));
    // In the middle of the call.
    service.kill();
    service.launch(&[]);
    assert_eq!(next(&mut calls).await, Told::Transferred(job.id()));
    // The handle that was made before goes on working.
    job.complete().await.unwrap();
    assert_eq!(job.info().await.unwrap().state, JobState::Acknowledged);
    release.notify_waiters();
}

#[tokio::test]
async fn a_client_that_hangs_in_a_call_keeps_no_other_job_waiting() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let stuck = transferred(&service, &origin, &manager, "stuck").await;
    let (told, mut calls) = teller(0);
    let release = Arc::new(Notify::new());
    let hanging = Hanging {
        told,
        release: release.clone(),
    };
    stuck.set_notify_interface(hanging).await.unwrap();
    assert_eq!(next(&mut calls).await, Told::Transferred(stuck.id()));
    let completer = Arc::new(Completer);
    let mut jobs = Vec::new();
    for number in 0..30 {
        let name = format!("file-{number}");
        let job = manager.create_job(&name).notify(completer.clone());
        let file = file(&service, &origin, &name);
        jobs.push(job.file(file).submit().await.unwrap());
    }
    for job in &jobs {
        until(job, &[JobState::Acknowledged]).await;
    }
    let info = stuck.info().await.unwrap();
    assert_eq!(info.state, JobState::Transferred);
    release.notify_one();
}

/// Names the socket and the job to the process that [`a_client_in_a_process_of_its_own`] runs in.
const CHILD: &str = "BGCOPY_TEST_CLIENT";

/// No test of its own: the client that the next one starts and kills. Without that one's variable it has nothing to do.
#[tokio::test]
async fn a_client_in_a_process_of_its_own() {
    let Ok(told) = env::var(CHILD) else { return };
    let (socket, job) = told.split_once(' ').unwrap();
    let address = Address::Path(socket.into());
    let manager = Manager::connect_to(address).await.unwrap();
    let job = manager.job(job.parse().unwrap()).await.unwrap();
    let (told, mut calls) = teller(0);
    let release = Arc::new(Notify::new());
    let hanging = Hanging { told, release };
    job.set_notify_interface(hanging).await.unwrap();
    next(&mut calls).await;
    eprintln!("called");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn when_a_client_dies_in_the_call_the_next_one_is_called() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = transferred(&service, &origin, &manager, "file").await;
    let socket = service.downloads().join("../run/bgcopy/bus");
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_client_in_a_process_of_its_own", "--nocapture"])
        .env(CHILD, format!("{} {}", socket.display(), job.id()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap());
    let called = tokio::task::spawn_blocking(move || {
        said.lines().any(|line| line.unwrap().contains("called"))
    });
    let called = timeout(PATIENCE, called).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(called.expect("the child is not called").unwrap());

    let (teller, mut told) = teller(0);
    job.set_notify_interface(teller).await.unwrap();
    assert_eq!(next(&mut told).await, Told::Transferred(job.id()));
}

#[tokio::test]
async fn modifications_are_told_where_the_flag_asks_for_them() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let (teller, mut told) = teller(0);
    let job = manager
        .create_job("n")
        .file(file(&service, &origin, "file"))
        .notify_flags(NotifyFlags::MODIFICATION)
        .notify(teller)
        .create()
        .await
        .unwrap();
    job.set_description("another").await.unwrap();
    assert_eq!(next(&mut told).await, Told::Modification(job.id()));
}

#[test]
fn a_program_without_a_runtime_is_called_on_a_thread_that_may_block() {
    use bgcopy::blocking::{Call, Manager};

    let (service, origin) = (Service::start(), Origin::start());
    let socket = service.downloads().join("../run/bgcopy/bus");
    let manager = Manager::connect_to(Address::Path(socket)).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let job = manager
        .create_job("n")
        .file(file(&service, &origin, "file"));
    let job = manager
        .submit_with(job, move |call| {
            if let Call::Transferred(job) = call {
                tell.send(job.complete()?)?;
            }
            Ok(())
        })
        .unwrap();
    told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(job.info().unwrap().state, JobState::Acknowledged);
}

#[tokio::test]
async fn the_program_of_exec_is_run_when_nobody_is_registered() {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", Resource::pattern(1, 1_000));
    let mark = service.file("mark");
    let script = format!("echo \"$BGCOPY_EVENT $BGCOPY_JOB\" >{}", mark.display());
    let said = service.bgcopy(&["get", &url, "--exec", "/bin/sh", "-c", &script]);
    assert!(said.status.success(), "{said:?}");
    let ran = || std::fs::read_to_string(&mark).is_ok_and(|text| text.starts_with("transferred "));
    assert!(bgcopy_testkit::process::wait_until(ran));
}

#[tokio::test]
async fn watch_with_calls_is_the_client_of_a_job_that_has_no_other() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = manager
        .create_job("n")
        .file(file(&service, &origin, "file"))
        .auto_complete(true)
        .create()
        .await
        .unwrap();
    let id = job.id().to_string();
    let (teller, _told) = teller(0);
    job.set_notify_interface(teller).await.unwrap();
    let refused = service.bgcopy(&["watch", "--calls", &id]);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    job.clear_notify_interface().await.unwrap();

    let watch = service
        .command()
        .args(["watch", "--calls", &id])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let registered = async {
        while job.notify_interface().await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, registered)
        .await
        .expect("nobody registers");
    job.resume().await.unwrap();
    let watch = tokio::task::spawn_blocking(move || watch.wait_with_output().unwrap());
    let said = timeout(PATIENCE, watch).await.unwrap().unwrap();
    assert!(said.status.success());
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.matches("job_transferred").count(), 1, "{said}");
}

#[tokio::test]
async fn why_names_the_reason_and_the_way_out() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = transferred(&service, &origin, &manager, "file").await;
    let said = service.bgcopy(&["why", &job.id().to_string()]).out;
    for part in [
        "is transferred",
        "`bgcopy complete ",
        "No client is registered",
    ] {
        assert!(said.contains(part), "{said}");
    }
}
