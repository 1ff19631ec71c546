//! Calls to the callback objects of clients (contract, section Callbacks).

use std::slice;

use bgcopy_bus::{ErrorName, JobOptions, Manager1Proxy, names};
use bgcopy_model::{JobState, Owner};
use bgcopy_testkit::faulty::Resource;

use super::{
    super::bus::serve_on,
    ALICE, BOB, Bench,
    app::{App, calling, first_version, nothing, reached, submit},
    bus::Bus,
    create, job, read, within,
};
use crate::places::Mode;

#[tokio::test(flavor = "multi_thread")]
async fn a_success_ends_the_matter() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let mut app = App::at(&client, "/app").await;
    let path = submit(&bench, &client, "a", &calling(&app)).await;

    let file = app.expect("FileTransferred", &path).await;
    let listed = within(job(&client, &path).await.enum_files())
        .await
        .unwrap();
    assert_eq!(file.about, listed.into_iter().next());
    file.succeed();
    app.expect("JobTransferred", &path).await.succeed();

    // Everything due to this object has come by the time that something else has.
    let other = submit(&bench, &client, "b", &calling(&app)).await;
    app.expect("FileTransferred", &other).await.succeed();
    app.expect("JobTransferred", &other).await.succeed();
    assert!(app.is_empty());
    assert_eq!(read(&client, &path).await.state_name, "transferred");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_job_is_told_with_its_object() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let mut app = App::at(&client, "/app").await;
    let path = submit(&bench, &client, "missing", &calling(&app)).await;
    let heard = app.expect("JobError", &path).await;
    assert_eq!(
        heard.about.as_deref().unwrap().as_str(),
        format!("{path}/error")
    );
    // From inside the call.
    assert_eq!(within(job(&client, &path).await.cancel()).await.unwrap(), 0);
    heard.succeed();
    reached(&client, &path, JobState::Cancelled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_reply_makes_the_call_due_again() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let mut app = App::at(&client, "/app").await;
    let path = submit(&bench, &client, "a", &calling(&app)).await;
    app.expect("FileTransferred", &path).await.fail();
    app.expect("FileTransferred", &path).await.succeed();
    app.expect("JobTransferred", &path).await.fail();
    app.expect("JobTransferred", &path).await.fail();
    app.expect("JobTransferred", &path).await.succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_answer_holds_up_nobody() {
    const OTHERS: usize = 100;
    let bench = Bench::new(Mode::User);
    let (hanging, other) = (
        bench.client(Owner::ROOT).await,
        bench.client(Owner::ROOT).await,
    );
    let mut silent = App::at(&hanging, "/app").await;
    // As many as one connection may have in flight.
    let mut held = Vec::new();
    for name in ["s0", "s1", "s2", "s3"] {
        let path = submit(&bench, &hanging, name, &calling(&silent)).await;
        held.push(silent.expect("FileTransferred", &path).await);
    }
    let mut app = App::at(&other, "/app").await;
    for at in 0..OTHERS {
        submit(&bench, &other, &format!("f{at}"), &calling(&app)).await;
    }
    let mut transferred = 0;
    while transferred < OTHERS {
        let heard = app.next().await;
        if heard.member == "JobTransferred" {
            let path = heard.job.clone();
            within(job(&other, &path).await.complete()).await.unwrap();
            transferred += 1;
        }
        heard.succeed();
    }
    // The silent client's own calls are answered still.
    let path = held[0].job.clone();
    within(job(&hanging, &path).await.set_name("still"))
        .await
        .unwrap();
    held.remove(0).succeed();
    silent.expect("JobTransferred", &path).await.succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_dies_in_the_call_is_called_again_when_it_registers_again() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let mut app = App::at(&client, "/app").await;
    let path = submit(&bench, &client, "a", &calling(&app)).await;
    app.expect("FileTransferred", &path).await.succeed();
    let _unanswered = app.expect("JobTransferred", &path).await;
    within(client.close()).await.unwrap();

    let client = bench.client(Owner::ROOT).await;
    let mut app = App::at(&client, "/app").await;
    app.register(&client, &path).await;
    app.expect("JobTransferred", &path).await.succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_object_dies_with_its_connection() {
    let bench = Bench::new(Mode::User);
    let (client, other) = (
        bench.client(Owner::ROOT).await,
        bench.client(Owner::ROOT).await,
    );
    let app = App::at(&client, "/app").await;
    let path = create(&client, "n").await;
    app.register(&client, &path).await;
    let proxy = job(&other, &path).await;
    let (peer, object) = within(proxy.notify_interface()).await.unwrap();
    assert_eq!((peer.as_str(), &object), ("", &app.path));
    within(client.close()).await.unwrap();
    within(async {
        while proxy.notify_interface().await.unwrap().1.as_str() != "/" {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_of_the_job_can_be_called_from_inside_a_call() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let mut app = App::at(&client, "/app").await;
    let mut other = App::at(&client, "/other").await;
    let path = submit(&bench, &client, "a", &calling(&app)).await;
    let proxy = job(&client, &path).await;

    let heard = app.expect("FileTransferred", &path).await;
    within(proxy.set_name("m")).await.unwrap();
    within(proxy.suspend()).await.unwrap();
    within(proxy.resume()).await.unwrap();
    within(proxy.list_files()).await.unwrap();
    within(proxy.set_notify_flags(0x11)).await.unwrap();
    within(proxy.set_notify_interface(&other.path))
        .await
        .unwrap();
    heard.succeed();

    let heard = other.expect("JobTransferred", &path).await;
    bench.origin.serve("/b", Resource::new("b"));
    within(proxy.add_files(slice::from_ref(&bench.file("b"))))
        .await
        .unwrap();
    within(proxy.resume()).await.unwrap();
    heard.succeed();
    other.expect("FileTransferred", &path).await.succeed();
    let heard = other.expect("JobTransferred", &path).await;
    assert_eq!(within(proxy.complete()).await.unwrap(), 0);
    assert_eq!(read(&client, &path).await.state_name, "acknowledged");
    heard.succeed();
    assert!(app.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_after_the_event_is_told_of_it() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let path = submit(&bench, &client, "a", &JobOptions::default()).await;
    reached(&client, &path, JobState::Transferred).await;
    let mut app = App::at(&client, "/app").await;
    app.register(&client, &path).await;
    app.expect("JobTransferred", &path).await.succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_completed_by_itself_is_told_of_to_who_registers_later() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let options = JobOptions {
        auto_complete: Some(true),
        ..JobOptions::default()
    };
    let path = submit(&bench, &client, "a", &options).await;
    reached(&client, &path, JobState::Acknowledged).await;
    let mut app = App::at(&client, "/app").await;
    app.register(&client, &path).await;
    app.expect("JobTransferred", &path).await.succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_who_registers_is_called() {
    let bench = Bench::new(Mode::User);
    let (client, other) = (
        bench.client(Owner::ROOT).await,
        bench.client(Owner::ROOT).await,
    );
    let first = App::at(&client, "/first").await;
    let mut second = App::at(&other, "/second").await;
    bench.origin.serve("/a", Resource::new("a"));
    let path = create(&client, "n").await;
    let proxy = job(&client, &path).await;
    within(proxy.add_files(&[bench.file("a")])).await.unwrap();
    first.register(&client, &path).await;
    second.register(&other, &path).await;
    let (_, object) = within(proxy.notify_interface()).await.unwrap();
    assert_eq!(object, second.path);
    within(proxy.resume()).await.unwrap();
    second.expect("JobTransferred", &path).await.succeed();
    assert!(first.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_of_nothing_removes_whoever_registered() {
    let bench = Bench::new(Mode::User);
    let (client, other) = (
        bench.client(Owner::ROOT).await,
        bench.client(Owner::ROOT).await,
    );
    let removed = App::at(&client, "/app").await;
    bench.origin.serve("/a", Resource::new("a"));
    let path = create(&client, "n").await;
    removed.register(&client, &path).await;
    let proxy = job(&other, &path).await;
    within(proxy.set_notify_interface(&nothing()))
        .await
        .unwrap();
    let (peer, object) = within(proxy.notify_interface()).await.unwrap();
    assert_eq!((peer.as_str(), object.as_str()), ("", "/"));
    within(proxy.add_files(&[bench.file("a")])).await.unwrap();
    within(proxy.resume()).await.unwrap();
    reached(&client, &path, JobState::Transferred).await;
    let mut app = App::at(&other, "/app").await;
    app.register(&other, &path).await;
    app.expect("JobTransferred", &path).await.succeed();
    assert!(removed.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_first_version_gets_the_calls_that_it_knows() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let mut heard = first_version(&client, "/app").await;
    let options = JobOptions {
        notify_interface: Some("/app".try_into().unwrap()),
        notify_flags: Some(0x13),
        ..JobOptions::default()
    };
    let path = submit(&bench, &client, "a", &options).await;
    assert_eq!(within(heard.recv()).await, Some(path));
}

#[tokio::test(flavor = "multi_thread")]
async fn modifications_are_told_to_who_asks_for_them() {
    const MODIFICATION: u32 = 8;
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let mut app = App::at(&client, "/app").await;
    let path = create(&client, "n").await;
    let proxy = job(&client, &path).await;
    within(proxy.set_notify_flags(MODIFICATION)).await.unwrap();
    app.register(&client, &path).await;
    within(proxy.set_name("m")).await.unwrap();
    app.expect("JobModification", &path).await.succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_registers_on_somebody_elses_job() {
    let bench = Bench::new(Mode::System);
    let (alice, bob) = (bench.client(ALICE).await, bench.client(BOB).await);
    let root = bench.client(Owner::ROOT).await;
    let path = create(&alice, "hers").await;
    let denied = Some(ErrorName::AccessDenied);
    let foreign = job(&bob, &path).await;
    let app = App::at(&bob, "/app").await;
    let error = within(foreign.set_notify_interface(&app.path)).await;
    assert_eq!(error.unwrap_err().name(), denied);
    let error = within(foreign.notify_interface()).await;
    assert_eq!(error.unwrap_err().name(), denied);
    App::at(&root, "/app").await.register(&root, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_option_about_callbacks_makes_no_job() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let manager = Manager1Proxy::new(&client).await.unwrap();
    for options in [
        JobOptions {
            notify_command: Some(vec!["true".into()]),
            ..JobOptions::default()
        },
        JobOptions {
            activation_name: Some("no name".into()),
            ..JobOptions::default()
        },
    ] {
        let error = within(manager.create_job("bits", "n", &options)).await;
        assert_eq!(error.unwrap_err().name(), Some(ErrorName::InvalidArgument));
    }
    assert_eq!(within(manager.enum_jobs(false)).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_on_a_bus_is_called_by_its_unique_name() {
    let (bus, bench) = (Bus::start(), Bench::new(Mode::Session));
    within(serve_on(bench.service.clone(), bus.connect().await))
        .await
        .unwrap();
    let (client, other) = (bus.client().await, bus.client().await);
    let mut app = App::at(&client, "/app").await;
    let mut elsewhere = App::at(&other, "/app").await;
    let path = submit(&bench, &client, "a", &calling(&app)).await;
    app.expect("FileTransferred", &path).await.fail();
    let _unanswered = app.expect("FileTransferred", &path).await;
    let proxy = job(&other, &path).await;
    assert_eq!(proxy.inner().destination().as_str(), names::BUS_NAME);
    let (peer, object) = within(proxy.notify_interface()).await.unwrap();
    assert_eq!(peer, client.unique_name().unwrap().as_str());
    assert_eq!(object, app.path);

    // Its end is told by the bus, and what is due goes to who comes next.
    within(client.close()).await.unwrap();
    within(async {
        while proxy.notify_interface().await.unwrap().1.as_str() != "/" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    elsewhere.register(&other, &path).await;
    elsewhere.expect("FileTransferred", &path).await.succeed();
    elsewhere.expect("JobTransferred", &path).await.succeed();
}
