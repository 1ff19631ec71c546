//! Callback objects against a service that a test plays: what reaches the application, what the service is answered,
//! and what becomes of an object when the connection breaks.

use std::{
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bgcopy_bus::{
    Callback as Call, ManagerProperties,
    names::{PROTOCOL_VERSION, job_path},
};
use bgcopy_client::{Address, Callback, CallbackError, Job, JobId, Manager};
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};
use zbus::{Connection, Guid, MessageStream, OwnedObjectPath, connection, message::Type};

const ID: JobId = JobId::from_u128(7);
const PATIENCE: Duration = Duration::from_mins(1);

/// A service for one client, which answers every call and tells which objects are registered.
struct Service {
    connection: Connection,
    registered: mpsc::UnboundedReceiver<OwnedObjectPath>,
}

impl Service {
    async fn accept(listener: &UnixListener) -> Self {
        let listener = listener.try_clone().unwrap();
        let accept = tokio::task::spawn_blocking(move || listener.accept().unwrap().0);
        let stream: UnixStream = timeout(PATIENCE, accept).await.unwrap().unwrap();
        let connection = connection::Builder::unix_stream(stream)
            .server(Guid::generate())
            .p2p()
            .build()
            .await
            .unwrap();
        let (tell, registered) = mpsc::unbounded_channel();
        tokio::spawn(answer(connection.clone(), tell));
        Self {
            connection,
            registered,
        }
    }

    async fn next_registered(&mut self) -> OwnedObjectPath {
        let next = timeout(PATIENCE, self.registered.recv()).await;
        next.expect("nothing is registered").unwrap()
    }

    async fn call(&self, call: Call, path: &OwnedObjectPath) -> zbus::Result<()> {
        let call = call.call(&self.connection, None, path);
        timeout(PATIENCE, call).await.expect("no answer")
    }
}

async fn answer(connection: Connection, tell: mpsc::UnboundedSender<OwnedObjectPath>) {
    let mut calls = MessageStream::from(&connection);
    while let Some(Ok(call)) = futures_util::StreamExt::next(&mut calls).await {
        if call.message_type() != Type::MethodCall {
            continue;
        }
        let header = call.header();
        let answered = match header.member().unwrap().as_str() {
            "GetAll" => {
                let manager = ManagerProperties {
                    version: "0.0.0".into(),
                    protocol_version: PROTOCOL_VERSION,
                    mode: "user".into(),
                    process_id: 0,
                };
                connection.reply(&header, &manager).await
            }
            "GetJob" => connection.reply(&header, &job_path(ID)).await,
            "Complete" => connection.reply(&header, &0_u32).await,
            "SetNotifyInterface" => {
                let path = call.body().deserialize().unwrap();
                let answered = connection.reply(&header, &()).await;
                let _ = tell.send(path);
                answered
            }
            _ => connection.reply(&header, &()).await,
        };
        if answered.is_err() {
            return;
        }
    }
}

async fn connect(socket: &Path) -> (UnixListener, Service, Job) {
    let listener = UnixListener::bind(socket).unwrap();
    let address = Address::Path(socket.to_owned());
    let (service, manager) = tokio::join!(Service::accept(&listener), Manager::connect_to(address));
    let job = manager.unwrap().job(ID).await.unwrap();
    (listener, service, job)
}

/// Completes the job when it is transferred, fails on a modification.
struct Moody;

impl Callback for Moody {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        job.complete().await?;
        Ok(())
    }

    async fn job_modification(&self, _: Job) -> Result<(), CallbackError> {
        Err("not today".into())
    }
}

/// Panics in each call.
struct Broken;

impl Callback for Broken {
    async fn job_transferred(&self, _: Job) -> Result<(), CallbackError> {
        panic!("out of order");
    }
}

#[tokio::test]
async fn the_service_is_answered_after_the_method_which_may_call_the_service_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (_listener, mut service, job) = connect(&folder.path().join("bus")).await;
    job.set_notify_interface(Moody).await.unwrap();
    let path = service.next_registered().await;

    let error = service.call(Call::JobModification(ID), &path).await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("not today"), "{text}");
    service.call(Call::JobTransferred(ID), &path).await.unwrap();

    // The job is complete, and its object gone.
    let error = service.call(Call::JobTransferred(ID), &path).await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("no callback object")
    );
}

#[tokio::test]
async fn a_panic_of_the_application_is_an_error_reply_and_the_next_call_comes_through() {
    let folder = tempfile::tempdir().unwrap();
    let (_listener, mut service, job) = connect(&folder.path().join("bus")).await;
    job.set_notify_interface(Broken).await.unwrap();
    let path = service.next_registered().await;
    for _ in 0..2 {
        let error = service.call(Call::JobTransferred(ID), &path).await;
        let text = error.unwrap_err().to_string();
        assert!(text.contains("out of order"), "{text}");
    }
    let modified = service.call(Call::JobModification(ID), &path).await;
    modified.unwrap();
}

/// Waits in each call until it is released.
struct Slow(Arc<Notify>);

impl Callback for Slow {
    async fn job_modification(&self, _: Job) -> Result<(), CallbackError> {
        self.0.notified().await;
        Ok(())
    }
}

#[tokio::test]
async fn a_call_that_takes_long_keeps_no_other_from_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (_listener, mut service, job) = connect(&folder.path().join("bus")).await;
    let release = Arc::new(Notify::new());
    job.set_notify_interface(Slow(release.clone()))
        .await
        .unwrap();
    let path = service.next_registered().await;
    let slow = service.call(Call::JobModification(ID), &path);
    let quick = async {
        let answer = service.call(Call::JobTransferred(ID), &path).await;
        release.notify_one();
        answer
    };
    let (slow, quick) = tokio::join!(slow, quick);
    slow.and(quick).unwrap();
}

#[tokio::test]
async fn an_object_is_registered_again_with_the_service_that_comes_back_and_handles_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, mut service, job) = connect(&folder.path().join("bus")).await;
    job.set_notify_interface(Moody).await.unwrap();
    let path = service.next_registered().await;
    service.connection.clone().close().await.unwrap();
    drop(service);

    let mut service = Service::accept(&listener).await;
    assert_eq!(service.next_registered().await, path);
    // The method completes the job over the new connection.
    service.call(Call::JobTransferred(ID), &path).await.unwrap();
    job.resume().await.unwrap();
}

#[tokio::test]
async fn who_has_no_callback_object_is_connected_again_by_the_next_call() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, service, job) = connect(&folder.path().join("bus")).await;
    service.connection.clone().close().await.unwrap();
    drop(service);
    let again = async {
        // What is under way when the connection breaks may be told so, once.
        while job.resume().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (_service, ()) = tokio::join!(Service::accept(&listener), again);
}
