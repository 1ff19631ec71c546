//! Section 6, Callbacks: what reaches a client, how often, and after which death. What takes several processes is in
//! `tests/callbacks.rs`.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use bgcopy::{FileRequest, HResult, JobState, NotifyFlags};
use bgcopy_testkit::faulty::{Fault, Origin, Resource};

use crate::support::{
    self, PATIENCE, Service,
    session::{Session, example},
    sha256,
    teller::{Completer, Told, file, hanging, next, teller, transferred},
    until,
};

#[tokio::test]
async fn s6_1_a_call_that_is_answered_with_an_error_is_made_again_until_it_succeeds() {
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
async fn s6_2_what_was_due_when_the_service_was_killed_is_told_to_whoever_registers_then() {
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

#[tokio::test]
async fn s6_2_who_registers_late_is_told_at_once() {
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
async fn s6_3_while_calls_are_disabled_none_is_made_and_what_is_due_stays_so() {
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
async fn s6_4_files_are_told_in_order_and_before_their_job() {
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
async fn s6_4_a_client_that_hangs_in_a_call_keeps_a_hundred_other_jobs_waiting_not_at_all() {
    let (service, origin) = (Service::start(), Origin::start());
    let (one, another) = (service.manager().await, service.manager().await);
    let stuck = transferred(&service, &origin, &one, "stuck").await;
    let (hanging, mut calls, release) = hanging();
    stuck.set_notify_interface(hanging).await.unwrap();
    assert_eq!(next(&mut calls).await, Told::Transferred(stuck.id()));
    let completer = Arc::new(Completer);
    let mut jobs = Vec::new();
    for number in 0..100 {
        let manager = if number % 2 == 0 { &one } else { &another };
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
    assert!(calls.try_recv().is_err(), "in one job calls never overlap");
    release.notify_one();
}

#[tokio::test]
async fn s6_5_a_job_is_completed_from_inside_the_callback_that_tells_of_its_transfer() {
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
async fn s6_6_of_two_clients_the_last_one_is_called() {
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
async fn s6_6_a_registration_is_taken_back_by_nothing_and_ends_with_its_connection() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = transferred(&service, &origin, &manager, "file").await;
    job.set_notify_flags(NotifyFlags::DISABLE).await.unwrap();
    let (first, mut told_first) = teller(0);
    job.set_notify_interface(first).await.unwrap();
    job.clear_notify_interface().await.unwrap();
    assert_eq!(job.notify_interface().await.unwrap(), None);

    let other = service.manager().await;
    let seen = other.job(job.id()).await.unwrap();
    let (second, mut told_second) = teller(0);
    seen.set_notify_interface(second).await.unwrap();
    assert!(job.notify_interface().await.unwrap().is_some());
    drop((seen, other));
    let ended = async {
        while job.notify_interface().await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    ended.expect("a client that is gone stays registered");

    job.set_notify_flags(NotifyFlags::default()).await.unwrap();
    let (third, mut told) = teller(0);
    job.set_notify_interface(third).await.unwrap();
    assert_eq!(next(&mut told).await, Told::Transferred(job.id()));
    assert!(told_first.try_recv().is_err() && told_second.try_recv().is_err());
}

#[tokio::test]
async fn s6_7_modifications_are_told_where_the_flag_asks_for_them() {
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

#[tokio::test]
async fn s6_7_an_error_that_waiting_does_not_mend_is_told_with_its_code() {
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
async fn s6_7_an_error_that_passes_is_not_told_and_modifications_stand_for_neither_end() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let (teller, mut told) = teller(0);
    let flags = NotifyFlags::default().bits() | NotifyFlags::MODIFICATION.bits();
    let passing = Resource::pattern(1, 1_000).on_request(1, Fault::status(503));
    let url = origin.serve("/file", passing);
    let begun = Instant::now();
    let job = manager
        .create_job("n")
        .minimum_retry_delay(Duration::from_secs(5))
        .file(FileRequest::new(&url, service.file("file")))
        .notify_flags(NotifyFlags::from_bits(flags).unwrap())
        .notify(teller)
        .submit()
        .await
        .unwrap();
    until(&job, &[JobState::TransientError]).await;
    for number in 0..100 {
        job.set_description(&number.to_string()).await.unwrap();
    }
    let mut modifications = 0;
    loop {
        match next(&mut told).await {
            Told::Modification(_) => modifications += 1,
            Told::Transferred(_) => break,
            other => panic!("{other:?}"),
        }
    }
    let most = 2 * begun.elapsed().as_secs() + 3;
    assert!(
        (1..=most).contains(&modifications),
        "{modifications} of {most}"
    );
    // What follows the transfer is not told as a modification of it.
    let other = transferred(&service, &origin, &manager, "other").await;
    let (last, mut told_last) = support::teller::teller(0);
    other.set_notify_interface(last).await.unwrap();
    assert_eq!(next(&mut told_last).await, Told::Transferred(other.id()));
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn s6_8_a_job_that_the_service_completed_by_itself_is_told_to_whoever_registers_later() {
    let (mut service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let job = manager
        .create_job("n")
        .file(file(&service, &origin, "file"))
        .auto_complete(true)
        .submit()
        .await
        .unwrap();
    until(&job, &[JobState::Acknowledged]).await;
    service.kill();
    service.launch(&[]);
    let manager = service.manager().await;
    let job = manager.job(job.id()).await.unwrap();
    let (teller, mut told) = teller(0);
    job.set_notify_interface(teller).await.unwrap();
    assert_eq!(next(&mut told).await, Told::Transferred(job.id()));
    assert!(service.file("file").exists());
}

#[tokio::test]
async fn s6_9_the_program_of_exec_is_run_when_nobody_is_registered() {
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
async fn s6_9_a_program_runs_once_an_event_without_a_shell_when_the_registered_client_failed() {
    let (service, origin) = (Service::start(), Origin::start());
    let manager = service.manager().await;
    let mark = service.file("mark");
    let script = format!("echo \"$BGCOPY_EVENT\" >>{}; exit 1", mark.display());
    let runs = || std::fs::read_to_string(&mark).map_or(0, |text| text.lines().count());
    // The client fails twice, so the program has its one chance, and fails too; then the client succeeds.
    let (failing, mut told) = teller(2);
    let job = manager
        .create_job("n")
        .file(file(&service, &origin, "file"))
        .notify_command(["/bin/sh", "-c", &script])
        .notify(failing)
        .submit()
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(next(&mut told).await, Told::Transferred(job.id()));
    }
    assert!(bgcopy_testkit::process::wait_until(|| runs() > 0));
    job.complete().await.unwrap();
    assert_eq!(runs(), 1);

    let odd = service.file("$HOME; exit 1 & `id`");
    let touch = ["/usr/bin/touch", odd.to_str().unwrap()];
    let job = manager.create_job("n").file(file(&service, &origin, "odd"));
    job.notify_command(touch).submit().await.unwrap();
    assert!(bgcopy_testkit::process::wait_until(|| odd.exists()));
}

#[tokio::test]
async fn s6_10_a_client_that_does_not_run_is_started_by_its_bus_registers_and_is_called() {
    let origin = Origin::start();
    let resource = Resource::pattern(5, 100_000);
    let expected = resource.sha256();
    let url = origin.serve("/file", resource);
    let client = "org.example.Notify";
    // The first time it is of no use; the second time it is the example of this package.
    let script = |home: &Service| {
        let (program, path) = (example("notify"), home.file("file"));
        let (starts, script) = (home.file("starts"), home.file("client.sh"));
        let text = format!(
            "echo started >>{starts}\n[ $(wc -l <{starts}) -gt 1 ] && exec {} '{url}' {}\n",
            program.display(),
            path.display(),
            starts = starts.display(),
        );
        std::fs::write(&script, text).unwrap();
        vec![(client, format!("/bin/sh {}", script.display()))]
    };
    let mut session = Session::start_with(script);
    let starts = session.home.file("starts");
    let starts = || std::fs::read_to_string(&starts).map_or(0, |text| text.lines().count());
    let manager = session.home.manager().await;
    let job = manager
        .create_job(format!("notify {url}"))
        .file(FileRequest::new(&url, session.home.file("file")))
        .activation_name(client)
        .submit()
        .await
        .unwrap();
    until(&job, &[JobState::Transferred]).await;
    assert!(
        bgcopy_testkit::process::wait_until(|| starts() == 1),
        "at once"
    );
    // Nobody registered, so it is due still; a service that starts does not wait for the next turn.
    session.kill();
    session.launch();
    let manager = session.home.manager().await;
    let job = manager.job(job.id()).await.unwrap();
    until(&job, &[JobState::Acknowledged]).await;
    assert_eq!(sha256(&session.home.file("file")), expected);
    assert_eq!(starts(), 2);
}
