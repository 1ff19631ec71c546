//! A client application with a callback object: a real object server, whose answers the test gives.

use bgcopy_bus::{JobOptions, Manager1Proxy, names};
use bgcopy_model::JobState;
use bgcopy_testkit::faulty::Resource;
use tokio::sync::{mpsc, oneshot};
use zbus::{Connection, ObjectPath, OwnedObjectPath, connection, fdo, interface};

use super::{Bench, DEADLINE, job, read, within};

/// Every flag but DISABLE and MODIFICATION.
pub(super) const ALL: u32 = 0x13;

/// A call that came, and the way to answer it. Dropped, it is never answered.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) member: &'static str,
    pub(super) job: OwnedObjectPath,
    /// The file or error.
    pub(super) about: Option<OwnedObjectPath>,
    answer: oneshot::Sender<fdo::Result<()>>,
}

impl Heard {
    pub(super) fn succeed(self) {
        self.answer.send(Ok(())).unwrap();
    }

    pub(super) fn fail(self) {
        let error = fdo::Error::Failed("not now".into());
        self.answer.send(Err(error)).unwrap();
    }
}

/// The callback object.
struct Object(mpsc::UnboundedSender<Heard>);

impl Object {
    async fn hear(
        &self,
        member: &'static str,
        job: OwnedObjectPath,
        about: Option<OwnedObjectPath>,
    ) -> fdo::Result<()> {
        let (answer, answered) = oneshot::channel();
        let heard = Heard {
            member,
            job,
            about,
            answer,
        };
        // A test that is over hears nothing.
        let _ = self.0.send(heard);
        match answered.await {
            Ok(answer) => answer,
            Err(_) => std::future::pending().await,
        }
    }
}

#[interface(name = "org.bgcopy.Callback1")]
impl Object {
    async fn job_transferred(&self, job: OwnedObjectPath) -> fdo::Result<()> {
        self.hear("JobTransferred", job, None).await
    }

    async fn job_error(&self, job: OwnedObjectPath, error: OwnedObjectPath) -> fdo::Result<()> {
        self.hear("JobError", job, Some(error)).await
    }

    async fn job_modification(&self, job: OwnedObjectPath, reserved: u32) -> fdo::Result<()> {
        assert_eq!(reserved, 0);
        self.hear("JobModification", job, None).await
    }

    async fn file_transferred(
        &self,
        job: OwnedObjectPath,
        file: OwnedObjectPath,
    ) -> fdo::Result<()> {
        self.hear("FileTransferred", job, Some(file)).await
    }
}

/// An object with nothing in it.
struct Nothing;

#[interface(name = "org.bgcopy.Test.Nothing")]
impl Nothing {}

/// A connection that takes calls from its first moment on. An object server that is asked for later begins to listen
/// in a task of its own, at some time: a call that comes before that would get no answer at all.
pub(super) fn listening(builder: connection::Builder<'_>) -> connection::Builder<'_> {
    builder.serve_at("/nothing", Nothing)
}

/// A client of the first version of the interface.
struct First(mpsc::UnboundedSender<OwnedObjectPath>);

#[interface(name = "org.bgcopy.Callback1")]
impl First {
    fn job_transferred(&self, job: OwnedObjectPath) {
        // A test that is over hears nothing.
        let _ = self.0.send(job);
    }
}

/// What comes to one callback object.
pub(super) struct App {
    calls: mpsc::UnboundedReceiver<Heard>,
    pub(super) path: OwnedObjectPath,
}

impl App {
    /// Exports an object on the client's connection.
    pub(super) async fn at(client: &Connection, path: &str) -> Self {
        let (heard, calls) = mpsc::unbounded_channel();
        let server = client.object_server();
        assert!(server.at(path, Object(heard)).await.unwrap().is_none());
        let path = path.try_into().unwrap();
        Self { calls, path }
    }

    /// Makes it the callback object of a job.
    pub(super) async fn register(&self, client: &Connection, path: &OwnedObjectPath) {
        within(job(client, path).await.set_notify_interface(&self.path))
            .await
            .unwrap();
    }

    pub(super) async fn next(&mut self) -> Heard {
        within(self.calls.recv()).await.unwrap()
    }

    /// The next call, which is this one about this job.
    pub(super) async fn expect(&mut self, member: &str, job: &OwnedObjectPath) -> Heard {
        let heard = self.next().await;
        assert_eq!((heard.member, &heard.job), (member, job));
        heard
    }

    /// Whether nothing came that was not taken.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

/// An object of the first version.
pub(super) async fn first_version(
    client: &Connection,
    path: &str,
) -> mpsc::UnboundedReceiver<OwnedObjectPath> {
    let (heard, calls) = mpsc::unbounded_channel();
    let object = First(heard);
    let before = client.object_server().at(path, object).await;
    assert!(before.unwrap().is_none());
    calls
}

/// Makes a job of one file and resumes it; the origin has the file unless its name is `missing`.
pub(super) async fn submit(
    bench: &Bench,
    client: &Connection,
    name: &str,
    options: &JobOptions,
) -> OwnedObjectPath {
    if name != "missing" {
        bench
            .origin
            .serve(&format!("/{name}"), Resource::new(name.as_bytes().to_vec()));
    }
    let manager = Manager1Proxy::new(client).await.unwrap();
    let files = [bench.file(name)];
    within(manager.submit_job("bits", name, options, &files, true))
        .await
        .unwrap()
}

/// Options of a job whose callback object is there from its first moment on.
pub(super) fn calling(app: &App) -> JobOptions {
    JobOptions {
        notify_interface: Some(app.path.clone()),
        notify_flags: Some(ALL),
        ..JobOptions::default()
    }
}

/// Waits until a job is in this state.
pub(super) async fn reached(client: &Connection, path: &OwnedObjectPath, state: JobState) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while read(client, path).await.state != state.code() {
        assert!(tokio::time::Instant::now() < deadline, "never {state:?}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// `/`.
pub(super) fn nothing() -> ObjectPath<'static> {
    ObjectPath::try_from(names::NO_OBJECT).unwrap()
}
