//! The service among people and programs that mean it no good, and a machine that is not well: nothing hangs, nothing
//! is lost, no secret is shown.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests look at files of their own"
)]

mod support;

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    process::Stdio,
    time::Duration,
};

use bgcopy::{Callback, CallbackError, FileRequest, Job, JobState};
use bgcopy_testkit::{
    faulty::{Fault, Origin, Resource},
    fs::SmallDisk,
};
use serde_json::Value;
use support::{CONFIG, Service, until, until_it};

/// Completes every job.
struct Completer;

impl Callback for Completer {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        job.complete().await?;
        Ok(())
    }
}

/// A stop that does not wait for the transfers' last checkpoints makes the next start fetch up to a second's bytes
/// again.
#[tokio::test]
async fn a_clean_stop_keeps_every_byte_that_has_arrived() {
    const ARRIVED: u64 = 300_000;
    let (mut service, origin) = (Service::start(), Origin::start());
    let resource = Resource::pattern(1, 1_000_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    origin.hold_after(ARRIVED);
    let manager = service.manager().await;
    let job = service.get(&manager, &url, "file").await;
    until_it(&job, |info| info.bytes_transferred == ARRIVED).await;
    drop((job, manager));
    assert!(service.terminate().success());
    origin.release();

    service.launch(&[]);
    let manager = service.manager().await;
    let (job, _) = manager.jobs(false).await.unwrap().remove(0);
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    let requests = origin.requests_for("/file");
    let range = requests.last().unwrap().header("range");
    assert_eq!(range, Some("bytes=300000-"));
    assert_eq!(support::sha256(&service.file("file")), expected);
}

/// An answer that was read before a change and sent after the signal of it would leave the command waiting for ever.
#[test]
fn a_job_that_fails_at_once_is_told_however_close_the_race() {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/gone", Resource::pattern(1, 1).always(Fault::status(404)));
    for _ in 0..60 {
        let mut child = service
            .command()
            .args(["get", &url])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id();
        let ended = bgcopy_testkit::process::wait_until(|| child.try_wait().unwrap().is_some());
        if !ended {
            let _ = child.kill();
        }
        assert!(ended, "the command {pid} waits for a job that has failed");
    }
}

#[tokio::test]
async fn garbage_on_the_socket_disturbs_nobody() {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", Resource::pattern(1, 10_000));
    let socket = service
        .state()
        .parent()
        .unwrap()
        .with_file_name("run/bgcopy/bus");
    // A generator of Marsaglia's: the same garbage each time.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let uid = rustix::process::geteuid().as_raw().to_string();
    // The digits of a number are 30 to 39 in hexadecimal.
    let hex: String = uid.chars().flat_map(|digit| ['3', digit]).collect();
    let hello = format!("\0AUTH EXTERNAL {hex}\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
    let mut kept = Vec::new();
    for round in 0..100_usize {
        let mut stream = UnixStream::connect(&socket).unwrap();
        let mut bytes = Vec::new();
        if round % 2 == 0 {
            bytes.extend(hello.as_bytes());
        }
        match round % 5 {
            // A head that announces a body of almost the largest size, and none.
            0 => bytes.extend([b'l', 1, 0, 1, 0xff, 0xff, 0xff, 7, 1, 0, 0, 0, 0, 0, 0, 0]),
            // Fields beyond every limit.
            1 => bytes.extend([
                b'B', 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff,
            ]),
            2 => bytes.extend(vec![b'A'; 100_000]),
            _ => bytes.extend((0..4_096).map(|_| random().to_le_bytes()[0])),
        }
        // The service may close before all is taken.
        let _ = stream.write_all(&bytes);
        if round % 3 == 0 {
            // Some stay and never read.
            kept.push(stream);
        } else {
            stream
                .set_read_timeout(Some(Duration::from_millis(5)))
                .unwrap();
            let _ = stream.read(&mut [0; 1_024]);
        }
    }
    let manager = service.manager().await;
    let job = service.get(&manager, &url, "file").await;
    until(&job, &[JobState::Transferred]).await;
    job.complete().await.unwrap();
    assert!(!service.log().contains("panicked"), "{}", service.log());
}

#[test]
fn names_that_steer_a_terminal_are_harmless_on_standard_error_and_in_tables() {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/gone", Resource::pattern(1, 1).always(Fault::status(404)));
    let said = service.bgcopy(&["get", "--name", "a\u{1b}[2J\n\u{9b}31m\u{202e}b", &url]);
    assert_eq!(said.status.code(), Some(1));
    let listed = service.bgcopy(&["list"]);
    let shown = said.err + &listed.out;
    let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!shown.contains(steers), "{shown:?}");
    assert_eq!(listed.out.lines().count(), 2, "{:?}", listed.out);
}

/// While the queue's disk is full every report of every transfer waits to be recorded.
#[tokio::test]
async fn a_full_disk_below_the_queue_refuses_calls_and_loses_nothing() {
    let disk = match SmallDisk::mount(8 << 20) {
        Ok(disk) => disk,
        Err(why) => {
            assert!(!rustix::process::geteuid().is_root(), "{why}");
            return;
        }
    };
    let mut service = Service::prepare(CONFIG);
    let state = disk.path().join("state");
    let state = state.to_str().unwrap().to_owned();
    service.launch(&[("XDG_STATE_HOME", &state)]);
    let origin = Origin::start();
    let resource = Resource::pattern(1, 4 << 20);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    origin.hold_after(1 << 20);
    let manager = service.manager().await;
    let job = service.get(&manager, &url, "file").await;
    until_it(&job, |info| info.bytes_transferred == 1 << 20).await;

    // Nothing is left for the log, nor for the database.
    let filler = disk.path().join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4_096]).is_ok() {}
    let refused = loop {
        // The log has some room of its own.
        let name = "n".repeat(250);
        let files = (0..200).map(|n| FileRequest::new(&url, service.file(&format!("{n}"))));
        let made = manager.create_job(&name).files(files.collect::<Vec<_>>());
        if let Err(error) = made.submit().await {
            break error;
        }
    };
    assert!(refused.to_string().contains("cannot record"), "{refused}");
    // Whoever was told no does not find the job there later: of the first one alone the engine knew already.
    let listed = manager.jobs(false).await.unwrap().len();
    for _ in 0..2 {
        let made = manager.create_job("refused").submit().await;
        assert!(made.unwrap_err().to_string().contains("cannot record"));
    }
    // What is asked for now waits for the next try, a job's callback object behind the job itself.
    let waiting = manager
        .create_job("waits")
        .file(FileRequest::new(&url, service.file("waits")))
        .notify(Completer);
    let waiting = tokio::spawn(waiting.submit());
    tokio::time::sleep(Duration::from_millis(300)).await;
    origin.release();
    drop(file);
    fs::remove_file(&filler).unwrap();
    let waited = waiting.await.unwrap().unwrap();
    until(&waited, &[JobState::Acknowledged]).await;
    until(&job, &[JobState::Transferred]).await;
    let found = manager.jobs(false).await.unwrap().len();
    assert!(found <= listed + 1, "{found}, not {listed}");
    job.complete().await.unwrap();
    assert_eq!(support::sha256(&service.file("file")), expected);
    assert!(service.terminate().success());
}

/// A shell that holds a lock leaves it open in whatever it runs.
#[test]
fn a_service_that_a_client_starts_keeps_no_descriptor_of_its_starters() {
    let service = Service::prepare(CONFIG);
    let lock = service.file("lock");
    let script = r#"exec 9>"$1" && "$0" list"#;
    let mut shell = service.command_of("/bin/sh");
    shell.args(["-c", script, support::PROGRAM]).arg(&lock);
    assert!(shell.status().unwrap().success());
    let said = service.bgcopy(&["daemon", "status", "--json"]).out;
    let pid = &serde_json::from_str::<Value>(&said).unwrap()["process_id"];
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<_> = open
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .collect();
    assert!(open.len() > 3 && !open.contains(&lock), "{open:?}");
}

/// The folder of `XDG_RUNTIME_DIR` goes with a user's last session; the service does not.
#[test]
fn a_service_whose_socket_was_removed_is_found_again() {
    let service = Service::start();
    let socket = service
        .state()
        .parent()
        .unwrap()
        .with_file_name("run/bgcopy");
    let pid = |said: &str| serde_json::from_str::<Value>(said).unwrap()["process_id"].clone();
    let before = pid(&service.bgcopy(&["daemon", "status", "--json"]).out);
    for _ in 0..2 {
        fs::remove_dir_all(&socket).unwrap();
        let said = service.bgcopy(&["list"]);
        assert!(said.status.success(), "{said:?}");
    }
    let after = pid(&service.bgcopy(&["daemon", "status", "--json"]).out);
    assert_eq!(before, after, "no second service took its place");
}

/// A hundred at once, of which some stop in the middle of what they are told.
#[tokio::test]
async fn a_hundred_clients_of_which_some_freeze_are_all_served() {
    let (service, origin) = (Service::start(), Origin::start());
    let url = origin.serve("/file", Resource::pattern(1, 200_000));
    origin.pace(Some(100_000));
    let mut frozen = Vec::new();
    for _ in 0..5 {
        let child = service
            .command()
            .args(["watch"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        frozen.push(child);
    }
    let manager = service.manager().await;
    let watched = service.get(&manager, &url, "watched").await;
    until_it(&watched, |info| info.bytes_transferred > 0).await;
    for child in &frozen {
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    }
    let clients = (0..100).map(|_| async {
        let manager = service.manager().await;
        manager.jobs(false).await.unwrap().len()
    });
    for count in futures_util::future::join_all(clients).await {
        assert_eq!(count, 1);
    }
    origin.pace(None);
    until(&watched, &[JobState::Transferred]).await;
    for mut child in frozen {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn a_queue_that_cannot_be_used_is_told_in_one_sentence_and_left_alone() {
    let service = Service::prepare(CONFIG);
    fs::create_dir_all(service.state()).unwrap();
    let queue = service.state().join("queue.db");
    let garbage = vec![0x5a; 10_000];
    fs::write(&queue, &garbage).unwrap();
    let said = service.bgcopy(&["list"]);
    assert_eq!(said.status.code(), Some(3), "{said:?}");
    assert!(said.err.contains("queue.db is damaged"), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1);
    assert_eq!(fs::read(&queue).unwrap(), garbage);

    fs::remove_dir_all(service.state()).unwrap();
    fs::write(service.state(), "a file").unwrap();
    let said = service.bgcopy(&["list"]);
    assert_eq!(said.status.code(), Some(3), "{said:?}");
    assert_eq!(said.err.matches("File exists").count(), 1, "{}", said.err);
}

/// Neither file is on the disk when the second one's name is chosen.
#[tokio::test]
async fn a_name_that_an_origin_proposes_is_not_that_of_another_file_under_way() {
    let (service, origin) = (Service::start(), Origin::start());
    let slow = origin.serve(
        "/slow",
        Resource::pattern(1, 1_000).always(Fault::HoldAfter(10)),
    );
    let quick = origin.serve("/x.bin", Resource::pattern(2, 1_000));
    let manager = service.manager().await;
    let named = service.get(&manager, &slow, "x.bin").await;
    until(&named, &[JobState::Transferring]).await;
    let said = service.bgcopy(&["get", &quick]);
    assert!(said.status.success(), "{said:?}");
    assert!(said.out.ends_with("/x (1).bin\n"), "{}", said.out);
    origin.release();
    until(&named, &[JobState::Transferred]).await;
    named.complete().await.unwrap();
    assert_ne!(
        fs::read(service.file("x.bin")).unwrap(),
        fs::read(service.file("x (1).bin")).unwrap()
    );
}
