//! The dispatcher with a real driver behind it and real D-Bus connections before it.

mod app;
mod bus;
mod callbacks;
mod calls;
mod downloads;
mod limits;
mod programs;
mod signals;
mod visibility;

use std::{sync::Arc, time::Duration};

use bgcopy_bus::{
    FileArgs, FileOptions, Job1Proxy, JobOptions, JobProperties, Manager1Proxy, properties,
};
use bgcopy_disk::{Disk, Rights};
use bgcopy_model::{Limits, Owner};
use bgcopy_store::Store;
use bgcopy_testkit::faulty::Origin;
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::{net::UnixStream, sync::Notify, task::AbortHandle};
use zbus::{Connection, Guid, Message, MessageStream, OwnedObjectPath, connection, message::Type};

use super::{
    Service,
    client::{Client, Link},
    connection as private,
};
use crate::{authz::Authz, driver, places::Mode};

const ALICE: Owner = Owner { uid: 1_000 };
const BOB: Owner = Owner { uid: 1_001 };

/// How long anything may take before a test is taken to hang.
const DEADLINE: Duration = Duration::from_mins(1);

/// A service with an empty queue in a folder of its own.
struct Bench {
    service: Service,
    stop: Arc<Notify>,
    origin: Origin,
    folder: TempDir,
    driver: AbortHandle,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Bench {
    fn new(mode: Mode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, restored) = Store::open(folder.path()).unwrap();
        let stop = Arc::new(Notify::new());
        let parts = driver::Parts {
            store,
            restored,
            disk: Disk::new(Rights::Own),
            origin: bgcopy_origin::Client::new(bgcopy_origin::Config::default()).unwrap(),
            programs: driver::Programs::new(false, Some(folder.path().join("bus"))),
            limits: Limits::default(),
        };
        let runtime = tokio::runtime::Handle::current();
        let (handle, driver) = driver::start(parts, stop.clone(), &runtime).unwrap();
        Self {
            service: Service::new(handle, Authz::new(mode), mode),
            stop,
            origin: Origin::start(),
            folder,
            driver: driver.abort_handle(),
        }
    }

    /// A client of this user.
    async fn client(&self, user: Owner) -> Connection {
        self.client_with(user, DEADLINE).await
    }

    /// A client whose connection may let one send of the service wait for so long.
    async fn client_with(&self, user: Owner, patience: Duration) -> Connection {
        let (client, link, messages) = pair(patience).await;
        let service = self.service.clone();
        tokio::spawn(async move {
            let client = Arc::new(Client::new(service.on_come(user), link));
            private::serve_client(&service, &client, messages).await;
        });
        client
    }

    fn file(&self, name: &str) -> FileArgs {
        FileArgs {
            url: self.origin.url(&format!("/{name}")),
            path: self.folder.path().join(name).to_str().unwrap().to_owned(),
            options: FileOptions::default(),
        }
    }
}

/// Two ends of a private connection: the client's, and the service's with the calls that come.
async fn pair(patience: Duration) -> (Connection, Link, MessageStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let ours = ours.into_std().unwrap();
    let client = connection::Builder::unix_stream(ours).p2p();
    let client = app::listening(client).build();
    let service = private::shake_hands(theirs, Guid::generate().into());
    let (client, service) = within(async { tokio::join!(client, service) }).await;
    let (socket, messages) = service.unwrap();
    let link = Link::private(Connection::from(&messages), socket, patience);
    (client.unwrap(), link, messages)
}

/// What a future gives, unless it hangs.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work)
        .await
        .expect("this does not hang")
}

/// A new job of the BITS profile without files.
async fn create(client: &Connection, name: &str) -> OwnedObjectPath {
    let manager = Manager1Proxy::new(client).await.unwrap();
    let options = JobOptions::default();
    within(manager.create_job("bits", name, &options))
        .await
        .unwrap()
}

async fn job<'a>(client: &Connection, path: &'a OwnedObjectPath) -> Job1Proxy<'a> {
    Job1Proxy::new(client, path).await.unwrap()
}

async fn read(client: &Connection, path: &OwnedObjectPath) -> JobProperties {
    let proxy = job(client, path).await;
    within(properties::read(proxy.inner())).await.unwrap()
}

/// Calls anything, and gives the answer or the error's name and text.
async fn raw<B: serde::Serialize + zbus::DynamicType>(
    client: &Connection,
    path: &str,
    interface: &str,
    member: &str,
    body: &B,
) -> Result<Message, (String, String)> {
    let call = client.call_method(None::<&str>, path, Some(interface), member, body);
    within(call).await.map_err(|error| match error {
        zbus::Error::MethodError(name, text, _) => (name.to_string(), text.unwrap_or_default()),
        zbus::Error::FDO(error) => {
            let text = zbus::DBusError::description(&*error).unwrap_or_default();
            (zbus::DBusError::name(&*error).to_string(), text.to_owned())
        }
        other => panic!("{other}"),
    })
}

/// The signals that arrive at a client, as «path member».
struct Signals(MessageStream);

impl Signals {
    fn of(client: &Connection) -> Self {
        Self(MessageStream::from(client))
    }

    async fn next(&mut self) -> Message {
        within(async {
            loop {
                let message = self.0.next().await.unwrap().unwrap();
                if message.message_type() == Type::Signal {
                    return message;
                }
            }
        })
        .await
    }

    async fn next_named(&mut self, member: &str) -> Message {
        loop {
            let signal = self.next().await;
            if signal.header().member().is_some_and(|name| name == member) {
                return signal;
            }
        }
    }
}
