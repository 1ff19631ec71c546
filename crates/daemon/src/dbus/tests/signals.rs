//! What subscribers are told, and that nobody else is.

use std::sync::Arc;

use bgcopy_bus::{
    FileChanges, Interfaces, JobChanges, JobOptions, Manager1Proxy, PropertiesChanged, names,
};
use bgcopy_model::{JobState, Owner};
use bgcopy_testkit::faulty::{Body, Resource};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{broadcast::error::TryRecvError, mpsc, oneshot};
use zbus::{Message, OwnedObjectPath};

use super::{
    super::{
        signals::{Change, Request, Scope},
        subscriber::Subscriber,
    },
    Bench, DEADLINE, Signals, create, job, pair, read, within,
};
use crate::places::Mode;

fn changes(signal: &Message) -> JobChanges {
    let body: PropertiesChanged<JobChanges> = signal.body().deserialize().unwrap();
    assert_eq!(body.interface, names::JOB);
    body.changed
}

fn path_of(signal: &Message) -> String {
    signal.header().path().unwrap().as_str().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_of_the_manager_hears_of_a_jobs_whole_life() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let manager = Manager1Proxy::new(&client).await.unwrap();
    let mut signals = Signals::of(&client);
    within(manager.subscribe()).await.unwrap();

    let path = create(&client, "n").await;
    let added: OwnedObjectPath = signals.next().await.body().deserialize().unwrap();
    assert_eq!(added, path);
    let introduced = signals.next().await;
    assert_eq!(introduced.header().member().unwrap(), "InterfacesAdded");
    let (object, interfaces): (OwnedObjectPath, Interfaces) =
        introduced.body().deserialize().unwrap();
    assert_eq!(object, path);
    let mut known = interfaces.job.unwrap();
    assert_eq!(known.name, "n");

    let proxy = job(&client, &path).await;
    within(proxy.set_name("other")).await.unwrap();
    let renamed = signals.next().await;
    assert_eq!(path_of(&renamed), path.as_str());
    let changed = changes(&renamed);
    assert_eq!(changed.name.as_deref(), Some("other"));
    assert_eq!(changed.state, None, "only what is different is told");
    known.apply(changed);

    within(proxy.cancel()).await.unwrap();
    let ended = signals.next().await;
    known.apply(changes(&ended));
    assert_eq!(known.state, JobState::Cancelled.code());
    assert_eq!(known, read(&client, &path).await);
    let hidden = signals.next().await;
    assert_eq!(hidden.header().member().unwrap(), "InterfacesRemoved");
    let (object, interfaces): (OwnedObjectPath, Vec<String>) = hidden.body().deserialize().unwrap();
    assert_eq!(
        (object, interfaces),
        (path.clone(), vec![names::JOB.to_owned()])
    );
    let removed = signals.next().await;
    assert_eq!(removed.header().member().unwrap(), "JobRemoved");
    assert_eq!(
        removed.body().deserialize::<OwnedObjectPath>().unwrap(),
        path
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_subscribers_are_told_and_only_until_they_withdraw() {
    let bench = Bench::new(Mode::User);
    let (one, other) = (
        bench.client(Owner::ROOT).await,
        bench.client(Owner::ROOT).await,
    );
    let (path, second) = (create(&one, "n").await, create(&one, "m").await);
    let mut told = Signals::of(&one);
    let mut silent = Signals::of(&other);
    let proxy = job(&one, &path).await;
    within(proxy.subscribe()).await.unwrap();

    // The second job is another's: of it nothing is told.
    within(job(&one, &second).await.set_name("x"))
        .await
        .unwrap();
    within(proxy.set_name("y")).await.unwrap();
    let first = told.next().await;
    assert_eq!(path_of(&first), path.as_str());
    assert_eq!(changes(&first).name.as_deref(), Some("y"));

    within(proxy.unsubscribe()).await.unwrap();
    within(proxy.set_name("z")).await.unwrap();
    let manager = Manager1Proxy::new(&one).await.unwrap();
    within(manager.subscribe()).await.unwrap();
    let third = create(&other, "third").await;
    let next = told.next().await;
    assert_eq!(
        next.header().member().unwrap(),
        "JobAdded",
        "«z» was not told"
    );
    assert_eq!(next.body().deserialize::<OwnedObjectPath>().unwrap(), third);

    // What the other client hears first is what it asked for later than all of this.
    let manager = Manager1Proxy::new(&other).await.unwrap();
    within(manager.subscribe()).await.unwrap();
    let fourth = create(&one, "fourth").await;
    let first = silent.next().await;
    assert_eq!(
        first.body().deserialize::<OwnedObjectPath>().unwrap(),
        fourth
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_told_to_its_end_with_files_before_the_state() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let path = create(&client, "n").await;
    let mut signals = Signals::of(&client);
    let proxy = job(&client, &path).await;
    within(proxy.subscribe()).await.unwrap();

    bench
        .origin
        .serve("/a", Resource::new(Body::from(vec![7; 100_000])));
    let file = bench.file("a");
    let file_path = within(proxy.add_file(&file.url, &file.path, &file.options))
        .await
        .unwrap();
    let added = signals.next_named("InterfacesAdded").await;
    assert_eq!(
        path_of(&added),
        path.as_str(),
        "the job is the files' object manager"
    );
    let (object, interfaces): (OwnedObjectPath, Interfaces) = added.body().deserialize().unwrap();
    assert_eq!(object, file_path);
    assert_eq!(interfaces.file.unwrap().remote_name, file.url);

    within(proxy.resume()).await.unwrap();
    let mut bytes_of_file = 0;
    loop {
        let signal = signals.next_named("PropertiesChanged").await;
        if path_of(&signal) == file_path.as_str() {
            let body: PropertiesChanged<FileChanges> = signal.body().deserialize().unwrap();
            bytes_of_file = body.changed.bytes_transferred.unwrap_or(bytes_of_file);
        } else if changes(&signal).state == Some(JobState::Transferred.code()) {
            break;
        }
    }
    assert_eq!(
        bytes_of_file, 100_000,
        "the file's end is told before the job's"
    );
    let known = read(&client, &path).await;
    assert_eq!((known.bytes_total, known.files_transferred), (100_000, 1));
    assert_eq!(within(proxy.complete()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_comes_and_goes_as_an_object_of_its_own() {
    let bench = Bench::new(Mode::User);
    let client = bench.client(Owner::ROOT).await;
    let manager = Manager1Proxy::new(&client).await.unwrap();
    let mut signals = Signals::of(&client);
    within(manager.subscribe()).await.unwrap();
    let options = JobOptions::default();
    let files = [bench.file("nothing-here")];
    let path = within(manager.submit_job("bits", "n", &options, &files, true))
        .await
        .unwrap();
    let error_path = format!("{path}/error");
    let error = loop {
        let added = signals.next_named("InterfacesAdded").await;
        let (object, interfaces): (OwnedObjectPath, Interfaces) =
            added.body().deserialize().unwrap();
        if object.as_str() == error_path {
            break interfaces.error.unwrap();
        }
    };
    assert_eq!(error.code, 0x8019_0194);
    assert_eq!(error.context_name, "remote_file");
    assert_eq!(error.protocol, "http");
    assert_eq!(error.file.as_str(), format!("{path}/files/0"));
    let state = loop {
        let changed = changes(&signals.next_named("PropertiesChanged").await);
        if let Some(code) = changed.error_code.filter(|code| *code != 0) {
            break (changed.state, code);
        }
    };
    assert_eq!(state, (Some(JobState::Error.code()), 0x8019_0194));

    let proxy = job(&client, &path).await;
    assert_eq!(
        within(proxy.get_error()).await.unwrap().as_str(),
        error_path
    );
    within(proxy.cancel()).await.unwrap();
    let removed = signals.next_named("InterfacesRemoved").await;
    let (object, _): (OwnedObjectPath, Vec<String>) = removed.body().deserialize().unwrap();
    assert_eq!(object.as_str(), error_path);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_lost_notes_ends_with_the_truth() {
    let bench = Bench::new(Mode::User);
    let worker = bench.client(Owner::ROOT).await;
    let (kept, ended) = (
        create(&worker, "kept").await,
        create(&worker, "ended").await,
    );

    let (watcher, link, _calls) = pair(DEADLINE).await;
    let mut signals = Signals::of(&watcher);
    let subscriber = Subscriber::new(bench.service.clone(), Owner::ROOT, Arc::new(link));
    let (requests, inbox) = mpsc::unbounded_channel();
    let (done, in_force) = oneshot::channel();
    let add = Request::Change(Change::Add(Scope::All), done);
    requests.send(add).unwrap();
    let mut run = Box::pin(subscriber.run(inbox));
    assert!(run.as_mut().now_or_never().is_none());
    in_force.await.unwrap();

    // It does not run while more happens than the publisher keeps for it.
    let mut notes = bench.service.handle().view().subscribe();
    let new = create(&worker, "new").await;
    within(job(&worker, &ended).await.cancel()).await.unwrap();
    let proxy = job(&worker, &kept).await;
    for round in 0..50 {
        let names = (0..100).map(|count| format!("{round} {count}"));
        let set = names.map(|name| {
            let proxy = proxy.clone();
            async move { proxy.set_name(&name).await }
        });
        for answer in within(futures_util::future::join_all(set)).await {
            answer.unwrap();
        }
    }
    within(proxy.set_name("last")).await.unwrap();
    assert!(matches!(notes.try_next(), Err(TryRecvError::Lagged(_))));
    let running = tokio::spawn(run);

    let mut told = Vec::new();
    while told.len() < 5 {
        let signal = signals.next().await;
        told.push(match signal.header().member().unwrap().as_str() {
            "PropertiesChanged" => (path_of(&signal), changes(&signal).name.unwrap()),
            member @ ("JobAdded" | "JobRemoved") => {
                let path: OwnedObjectPath = signal.body().deserialize().unwrap();
                (path.to_string(), member.to_owned())
            }
            _ => continue,
        });
    }
    for (path, what) in [
        (&kept, "last"),
        (&ended, "ended"),
        (&ended, "JobRemoved"),
        (&new, "JobAdded"),
    ] {
        let expected = (path.to_string(), what.to_owned());
        assert!(told.contains(&expected), "{expected:?} is not in {told:?}");
    }
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_signal_overtakes_an_answer_that_was_read_before_it() {
    let bench = Bench::new(Mode::User);
    let worker = bench.client(Owner::ROOT).await;
    let path = create(&worker, "before").await;
    let (watcher, link, _calls) = pair(DEADLINE).await;
    let mut signals = Signals::of(&watcher);
    let subscriber = Subscriber::new(bench.service.clone(), Owner::ROOT, Arc::new(link));
    let (requests, inbox) = mpsc::unbounded_channel();
    let running = tokio::spawn(subscriber.run(inbox));
    let (done, in_force) = oneshot::channel();
    let add = Request::Change(Change::Add(Scope::All), done);
    requests.send(add).unwrap();
    in_force.await.unwrap();

    // While an answer is read and sent the subscriber is silent.
    let (silent, granted) = oneshot::channel();
    let (over, ended) = oneshot::channel();
    requests.send(Request::Look(silent, ended)).unwrap();
    granted.await.unwrap();
    let view = bench.service.handle().view();
    let proxy = job(&worker, &path).await;
    within(proxy.set_name("read")).await.unwrap();
    let read = view.jobs();
    within(proxy.set_name("after")).await.unwrap();
    // It runs on another thread, and would have told by now if it were not; the next signal is the proof.
    assert!(signals.0.next().now_or_never().is_none());
    over.send(read).unwrap();

    // What the client has read it is not told again: the name went from "read" to "after".
    let told = changes(&signals.next_named("PropertiesChanged").await);
    assert_eq!(told.name.as_deref(), Some("after"));
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_part_of_a_client_reads_is_told_to_the_part_that_waits_for_signals() {
    let bench = Bench::new(Mode::User);
    let (client, worker) = (
        bench.client(Owner::ROOT).await,
        bench.client(Owner::ROOT).await,
    );
    let path = create(&client, "before").await;
    let mut signals = Signals::of(&client);
    within(job(&client, &path).await.subscribe()).await.unwrap();
    // What waits for signals has looked by now, and looks no more.
    read(&client, &path).await;
    for round in 0..100 {
        let name = round.to_string();
        within(job(&worker, &path).await.set_name(&name))
            .await
            .unwrap();
        // Right behind the change, and often before its signal.
        assert_eq!(read(&client, &path).await.name, name);
        loop {
            let told = changes(&signals.next_named("PropertiesChanged").await);
            if told.name == Some(name.clone()) {
                break;
            }
        }
    }
}
