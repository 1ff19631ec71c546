//! The service on a bus of its own: a `dbus-daemon` (Debian: dbus-daemon).

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    slice,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bgcopy_bus::{
    Callback, Manager1Proxy,
    names::{BUS_NAME, job_path},
};
use bgcopy_model::JobId;
use tokio::sync::Semaphore;
use zbus::{Connection, connection};

use super::{
    super::{bus::serve_on, client::Link},
    Bench, Signals,
    app::{App, listening},
    create, job, read, within,
};
use crate::places::Mode;

/// A bus; ends with the test.
pub(super) struct Bus {
    daemon: Child,
    address: String,
}

impl Drop for Bus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Bus {
    pub(super) fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon runs (Debian package dbus-daemon)");
        let mut address = String::new();
        let output = daemon.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        Self { daemon, address }
    }

    /// For a service.
    pub(super) async fn connect(&self) -> Connection {
        let address = self.address.as_str();
        within(connection::Builder::address(address).build())
            .await
            .unwrap()
    }

    /// For a client that may have callback objects.
    pub(super) async fn client(&self) -> Connection {
        let address = self.address.as_str();
        within(listening(connection::Builder::address(address)).build())
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_on_a_bus_is_served_and_told_by_unicast() {
    let (bus, bench) = (Bus::start(), Bench::new(Mode::Session));
    within(serve_on(bench.service.clone(), bus.connect().await))
        .await
        .unwrap();
    let (client, other) = (bus.client().await, bus.client().await);
    let manager = Manager1Proxy::new(&client).await.unwrap();
    let mut signals = Signals::of(&client);
    within(manager.subscribe()).await.unwrap();
    let path = create(&other, "n").await;
    let listed = within(manager.enum_jobs(false)).await.unwrap();
    assert_eq!(listed, slice::from_ref(&path));

    let added = signals.next_named("JobAdded").await;
    let header = added.header();
    let destination = header.destination().map(ToString::to_string);
    assert_eq!(destination, client.unique_name().map(ToString::to_string));
    within(job(&other, &path).await.set_name("m"))
        .await
        .unwrap();
    signals.next_named("PropertiesChanged").await;
    assert_eq!(read_on_bus(&client, &path).await, "m");
}

async fn read_on_bus(client: &Connection, path: &zbus::OwnedObjectPath) -> String {
    let proxy = job(client, path).await;
    assert_eq!(proxy.inner().destination().as_str(), BUS_NAME);
    read(client, path).await.name
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_on_the_bus_is_told_that_the_name_is_taken() {
    let (bus, bench) = (Bus::start(), Bench::new(Mode::Session));
    within(serve_on(bench.service.clone(), bus.connect().await))
        .await
        .unwrap();
    let second = within(serve_on(bench.service.clone(), bus.connect().await)).await;
    let text = second.unwrap_err().to_string();
    assert!(
        text.contains(BUS_NAME) && text.contains("already"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_the_bus_is_forgotten() {
    let (bus, bench) = (Bus::start(), Bench::new(Mode::Session));
    within(serve_on(bench.service.clone(), bus.connect().await))
        .await
        .unwrap();
    let client = bus.client().await;
    let manager = Manager1Proxy::new(&client).await.unwrap();
    within(manager.subscribe()).await.unwrap();
    let clients = || bench.service.0.clients.load(Ordering::Relaxed);
    assert_eq!(clients(), 1);
    drop(manager);
    within(client.close()).await.unwrap();
    within(async {
        while clients() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_clients_answer_nothing_takes_the_bus_from_nobody() {
    let bus = Bus::start();
    let (service, client) = (bus.connect().await, bus.client().await);
    let mut app = App::at(&client, "/app").await;
    let path = app.path.clone();
    let name = client.unique_name().unwrap().to_owned();
    let link = Link::on_bus(service, name, Arc::new(Semaphore::new(1)));
    let (job, about) = (JobId::from_u128(1), job_path(JobId::from_u128(1)));
    let call = || link.call(Callback::JobTransferred(job), &path);
    let test = async {
        let heard = app.expect("JobTransferred", &about).await;
        // One is unanswered, and no more than that may be.
        let error = within(call()).await.unwrap_err();
        assert!(error.to_string().contains("unanswered"), "{error}");
        heard.succeed();
    };
    let (first, ()) = within(async { tokio::join!(call(), test) }).await;
    first.unwrap();
    let again = async { app.expect("JobTransferred", &about).await.succeed() };
    let (second, ()) = within(async { tokio::join!(call(), again) }).await;
    second.unwrap();
}
