//! Callbacks with real processes: clients and services that are killed, started by the bus, or silent for long. The
//! promises one by one are in `tests/semantics/callbacks.rs`.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at files of their own"
)]

mod support;

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use bgcopy::{Address, Callback, CallbackError, Job, JobId, JobState, Manager};
use bgcopy_testkit::faulty::{Origin, Resource};
use support::{
    PATIENCE, Service,
    session::{Session, example},
    sha256,
    teller::{Told, file, hanging, next, registered, teller, transferred},
    until,
};
use tokio::time::timeout;

/// Names the address, the job, and how many calls the client hangs in, to the process that
/// [`a_client_in_a_process_of_its_own`] runs in.
const CHILD: &str = "BGCOPY_TEST_CLIENT";

/// Says so when it is called; hangs in the first calls, completes the job in those after.
struct Restless {
    hangs: AtomicU32,
}

impl Callback for Restless {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        eprintln!("called");
        let left = |left: u32| left.checked_sub(1);
        let hangs = &self.hangs;
        if hangs
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
            .is_ok()
        {
            std::future::pending::<()>().await;
        }
        job.complete().await?;
        Ok(())
    }
}

/// No test of its own: the client that others start and kill. Without their variable it has nothing to do.
#[tokio::test]
async fn a_client_in_a_process_of_its_own() {
    let Ok(told) = env::var(CHILD) else { return };
    let [address, job, hangs] = told.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{told}");
    };
    let address = match address {
        "session" => Address::Session,
        path => Address::Path(path.into()),
    };
    let manager = Manager::connect_to(address).await.unwrap();
    let job = manager.job(job.parse().unwrap()).await.unwrap();
    let hangs = AtomicU32::new(hangs.parse().unwrap());
    job.set_notify_interface(Restless { hangs }).await.unwrap();
    std::future::pending::<()>().await;
}

/// That process, which dies with the test.
struct Client {
    child: Child,
    said: Option<BufReader<ChildStderr>>,
}

impl Client {
    /// Starts it by a command that has its surroundings.
    fn start(mut command: Command, address: &str, job: JobId, hangs: u32) -> Self {
        let mut child = command
            .args(["--exact", "a_client_in_a_process_of_its_own", "--nocapture"])
            .env(CHILD, format!("{address} {job} {hangs}"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Some(BufReader::new(child.stderr.take().unwrap()));
        Self { child, said }
    }

    fn on_socket(service: &Service, job: JobId, hangs: u32) -> Self {
        let command = Command::new(env::current_exe().unwrap());
        Self::start(command, service.socket().to_str().unwrap(), job, hangs)
    }

    /// Waits until it is called.
    async fn called(&mut self) {
        let mut said = self.said.take().unwrap();
        let called = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            while !line.contains("called") {
                line.clear();
                let length = said.read_line(&mut line).unwrap();
                assert!(length > 0, "the client ended");
            }
            said
        });
        let said = timeout(PATIENCE, called).await;
        self.said = Some(said.expect("nobody calls").unwrap());
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_living_client_is_registered_again_when_the_killed_service_comes_back() {
    let (mut service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = transferred(&service, &origin, &manager, "file").await;
    let (hanging, mut calls, release) = hanging();
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
async fn when_a_client_dies_in_the_call_the_next_one_is_called() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = transferred(&service, &origin, &manager, "file").await;
    let mut client = Client::on_socket(&service, job.id(), 1);
    client.called().await;
    drop(client);
    let (teller, mut told) = teller(0);
    job.set_notify_interface(teller).await.unwrap();
    assert_eq!(next(&mut told).await, Told::Transferred(job.id()));
}

#[tokio::test]
async fn a_client_that_is_killed_in_the_call_and_started_again_is_called_and_completes_its_job() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = transferred(&service, &origin, &manager, "file").await;
    for _ in 0..2 {
        let mut client = Client::on_socket(&service, job.id(), 1);
        client.called().await;
        assert_eq!(job.info().await.unwrap().state, JobState::Transferred);
    }
    let mut client = Client::on_socket(&service, job.id(), 0);
    client.called().await;
    until(&job, &[JobState::Acknowledged]).await;
    assert!(service.file("file").exists());
}

/// The example tells its users to kill it and start it again: it does what it says.
#[tokio::test]
async fn the_example_that_is_killed_goes_on_with_its_job_when_it_is_started_again() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let resource = Resource::pattern(5, 100_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    origin.hold_after(10_000);
    let start = || {
        let mut program = service.command_of(example("notify").to_str().unwrap());
        program.arg(&url).arg(service.file("file"));
        program.stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut first = start();
    let mut said = String::new();
    let stdout = first.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut said).unwrap();
    let job = manager.job(said.trim().parse().unwrap()).await.unwrap();
    registered(&job).await;
    first.kill().unwrap();
    first.wait().unwrap();
    origin.release();
    until(&job, &[JobState::Transferred]).await;

    let second = start();
    let ended = tokio::task::spawn_blocking(move || second.wait_with_output().unwrap());
    let ended = timeout(PATIENCE, ended).await.unwrap().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "{said}");
    assert_eq!(said, format!("{}\nit is there\n", job.id()), "the same job");
    assert_eq!(sha256(&service.file("file")), expected);
}

#[tokio::test]
async fn a_service_that_is_killed_between_the_event_and_the_call_makes_the_call_when_it_is_back() {
    let (mut service, origin) = (Service::prepare(support::CONFIG), Origin::start());
    service.launch(&[("BGCOPY_CRASH_AT", "transferred-committed")]);
    let manager = service.manager().await;
    let (teller, mut told) = teller(0);
    let job = manager
        .create_job("n")
        .file(file(&service, &origin, "file"))
        .notify(teller)
        .submit()
        .await
        .unwrap();
    assert!(!service.ended().await.success());
    assert!(told.try_recv().is_err(), "it was called before");
    service.launch(&[]);
    // The library registers its object again by itself.
    assert_eq!(next(&mut told).await, Told::Transferred(job.id()));
    job.complete().await.unwrap();
    assert!(told.try_recv().is_err(), "it was told twice");
}

#[tokio::test]
async fn a_job_whose_submit_was_cut_off_by_a_crash_is_there_and_tells_whoever_registers() {
    let (mut service, origin) = (Service::prepare(support::CONFIG), Origin::start());
    service.launch(&[("BGCOPY_CRASH_AT", "job-committed")]);
    let manager = service.manager().await;
    let (lost, mut told_lost) = teller(0);
    let submitted = manager
        .create_job("n")
        .file(file(&service, &origin, "file"))
        .notify(lost)
        .submit()
        .await;
    // Nobody can know whether it was carried out.
    assert!(matches!(submitted, Err(bgcopy::Error::Disconnected)));
    assert!(!service.ended().await.success());
    service.launch(&[]);
    let manager = service.manager().await;
    let (job, _) = manager.jobs(false).await.unwrap().remove(0);
    until(&job, &[JobState::Transferred]).await;
    assert_eq!(job.notify_interface().await.unwrap(), None);
    let (teller, mut told) = teller(0);
    job.set_notify_interface(teller).await.unwrap();
    assert_eq!(next(&mut told).await, Told::Transferred(job.id()));
    assert!(told_lost.try_recv().is_err());
}

#[tokio::test]
async fn a_client_on_a_bus_is_registered_again_when_the_killed_service_comes_back() {
    let (mut session, origin) = (Session::start(), Origin::start());
    let manager = session.home.manager().await;
    let job = transferred(&session.home, &origin, &manager, "file").await;
    let program = env::current_exe().unwrap();
    let command = session.client(program.to_str().unwrap());
    let mut client = Client::start(command, "session", job.id(), 1);
    client.called().await;
    // In the middle of the call. The client's own connection, which is to the bus, stays.
    session.kill();
    session.launch();
    client.called().await;
    let manager = session.home.manager().await;
    let job = manager.job(job.id()).await.unwrap();
    until(&job, &[JobState::Acknowledged]).await;
}

#[test]
fn a_program_without_a_runtime_is_called_on_a_thread_that_may_block() {
    use bgcopy::blocking::{Call, Manager};

    let (service, origin) = (Service::start(), Origin::start());
    let socket = service.socket();
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
    registered(&job).await;
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
