//! One connection to a service: how it is made, and the calls that every handle shares.
//!
//! Owns the order of things at the start: socket or bus, the daemon's start where there is none, the handshake on the
//! protocol's version. Must never be held by the task that reads signals: the connection closes with its last handle.

use std::{
    io::ErrorKind,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bgcopy_bus::{
    Download1Proxy, Downloads1Proxy, File1Proxy, Job1Proxy, JobProperties, Manager1Proxy,
    ManagerProperties,
    names::{BUS_NAME, MANAGER_PATH, PROTOCOL_VERSION, download_path, file_path, job_path},
    properties::PropertySet,
};
use bgcopy_model::{FileId, JobId};
use rustix::process::PidfdFlags;
use tokio::{task::JoinHandle, time};
use zbus::{
    Connection, Message, ObjectPath, Type, connection, message::Sequence, proxy::CacheProperties,
};

use crate::{
    Address, Error, Manager, Result, ServiceInfo, Surroundings, address,
    callbacks::Callbacks,
    router::{self, Router},
    session::Session,
    start,
    watch::Subscriptions,
};

/// How long a daemon that said that it is ready may take to accept a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How to connect: where to, and what to do when nothing serves there.
#[derive(Clone, Debug)]
pub struct Connect {
    address: Address,
    /// Whether a user's own daemon is started when it does not run.
    start: bool,
    any_version: bool,
    surroundings: Option<Surroundings>,
}

impl Connect {
    /// To this address; a user's own daemon is started when it does not run.
    pub const fn to(address: Address) -> Self {
        Self {
            address,
            start: true,
            any_version: false,
            surroundings: None,
        }
    }

    /// Starts nothing: without a service the answer is [`Error::NotRunning`]. On the session and system bus the bus
    /// itself may start the service.
    #[must_use]
    pub const fn existing(mut self) -> Self {
        self.start = false;
        self
    }

    /// Accepts a service that speaks another version of the protocol. Its answers may make no sense; to ask for its
    /// version and to stop it work with every version.
    #[must_use]
    pub const fn any_version(mut self) -> Self {
        self.any_version = true;
        self
    }

    /// Uses these surroundings in place of the process' own.
    #[must_use]
    pub fn surroundings(mut self, surroundings: Surroundings) -> Self {
        self.surroundings = Some(surroundings);
        self
    }

    /// The process that listens at the socket where this leads to, whether it answers or not; `None` on a bus, and
    /// where nobody listens. (Whoever first listened: with socket activation that is the one who did so for the
    /// service.)
    pub fn listener(&self) -> Option<u32> {
        let stream = UnixStream::connect(self.socket()?).ok()?;
        let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
        peer.pid.as_raw_pid().try_into().ok()
    }

    /// The private socket that this leads to; `None` on a bus.
    pub(crate) fn socket(&self) -> Option<PathBuf> {
        let connect = self.clone().settled();
        match connect.address {
            Address::Path(path) => Some(path),
            Address::User => address::socket_path(&connect.around()).ok(),
            Address::Session | Address::System | Address::Stream => None,
        }
    }

    fn around(&self) -> Surroundings {
        let given = self.surroundings.clone();
        given.unwrap_or_else(Surroundings::current)
    }

    /// With what `BGCOPY_SOCKET` says where nothing else was asked for.
    fn settled(mut self) -> Self {
        if self.address == Address::User
            && let Some(socket) = self.around().socket
        {
            self.address = Address::Path(socket);
        }
        self
    }

    /// Connects.
    pub async fn open(self) -> Result<Manager> {
        let connect = self.settled();
        let callbacks = Arc::default();
        let link = connect.link(Arc::clone(&callbacks)).await?;
        Ok(Manager::new(Session::new(Some(connect), link, callbacks)))
    }

    /// Takes a stream that is connected.
    pub(crate) async fn over(stream: UnixStream) -> Result<Manager> {
        let connect = Self::to(Address::Stream);
        let builder = connection::Builder::unix_stream(stream).p2p();
        let (connection, callbacks) = (connect.finish(builder).await?, Arc::default());
        let link = Link::open(connection, connect.address, false, Arc::clone(&callbacks)).await?;
        Ok(Manager::new(Session::new(None, link, callbacks)))
    }

    /// Makes one connection.
    pub(crate) async fn link(&self, callbacks: Arc<Callbacks>) -> Result<Link> {
        let connection = match &self.address {
            Address::User => self.dial_user().await?,
            Address::Path(path) => {
                address::check_length(path)?;
                self.dial(path).await?
            }
            Address::Session => self.finish(connection::Builder::session()).await?,
            Address::System => self.finish(connection::Builder::system()).await?,
            Address::Stream => return Err(Error::NotRunning(Address::Stream)),
        };
        Link::open(
            connection,
            self.address.clone(),
            self.any_version,
            callbacks,
        )
        .await
    }

    /// Connects to the user's daemon, and starts it when need be.
    async fn dial_user(&self) -> Result<Connection> {
        let surroundings = self.around();
        let path: PathBuf = address::socket_path(&surroundings)?;
        address::check_folder(&path)?;
        match self.dial(&path).await {
            // A daemon that is on its way out can still accept, and break off.
            Err(Error::NotRunning(_) | Error::Disconnected) if self.start => {}
            done => return done,
        }
        let deadline = time::Instant::now() + CONNECT_WITHIN;
        loop {
            // Again in each round: the service that was there may have been on its way out, and its lock with it.
            start::start(&surroundings).await?;
            address::check_folder(&path)?;
            let mut pause = Duration::from_millis(5);
            while pause < Duration::from_millis(400) {
                match self.dial(&path).await {
                    Err(Error::NotRunning(_) | Error::Disconnected)
                        if time::Instant::now() < deadline => {}
                    done => return done,
                }
                time::sleep(pause).await;
                pause *= 2;
            }
        }
    }

    async fn dial(&self, path: &Path) -> Result<Connection> {
        let stream = UnixStream::connect(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                Error::NotRunning(self.address.clone())
            }
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Error::Disconnected,
            _ => self.failed(&error),
        })?;
        self.finish(connection::Builder::unix_stream(stream).p2p())
            .await
    }

    async fn finish(&self, builder: connection::Builder<'_>) -> Result<Connection> {
        builder.build().await.map_err(|error| match error {
            zbus::Error::InputOutput(_) if matches!(self.address, Address::User) => {
                Error::Disconnected
            }
            error => self.failed(&error),
        })
    }

    fn failed(&self, error: &dyn std::error::Error) -> Error {
        Error::Connect {
            address: self.address.clone(),
            reason: error.to_string(),
        }
    }
}

/// An open connection; closed when its last handle is dropped. It is never opened again: a session makes another.
#[derive(Debug)]
pub(crate) struct Link {
    connection: Connection,
    address: Address,
    service: ServiceInfo,
    pub(crate) router: Arc<Router>,
    pub(crate) subscriptions: Subscriptions,
    pump: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        // The pump's stream holds the connection open.
        self.pump.abort();
    }
}

impl Link {
    pub(crate) async fn open(
        connection: Connection,
        address: Address,
        any_version: bool,
        callbacks: Arc<Callbacks>,
    ) -> Result<Self> {
        let reply = all_properties::<ManagerProperties>(&connection, MANAGER_PATH.try_into()?)
            .await
            .map_err(|error| match error.into() {
                Error::Disconnected if connection.is_bus() => Error::NotRunning(address.clone()),
                error => error,
            })?;
        let service: ServiceInfo = body::<ManagerProperties>(&reply)?.into();
        if service.protocol_version != PROTOCOL_VERSION && !any_version {
            return Err(Error::ProtocolVersion {
                theirs: service.protocol_version,
            });
        }
        // On a bus anybody can send a signal; the one who answered is the service.
        let sender = reply.header().sender().map(ToString::to_string);
        let router = Arc::new(Router::new(sender.filter(|_| connection.is_bus())));
        let pump = router::start(&connection, router.clone(), callbacks).await?;
        Ok(Self {
            connection,
            address,
            service,
            router,
            subscriptions: Subscriptions::default(),
            pump,
        })
    }

    pub(crate) const fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) const fn service(&self) -> &ServiceInfo {
        &self.service
    }

    /// The service's process, to wait for its end; `None` on a bus and where the kernel does not tell.
    pub(crate) async fn process(&self) -> Option<OwnedFd> {
        // A service within this process ends before the process does.
        if self.connection.is_bus() || self.service.process_id == std::process::id() {
            return None;
        }
        let peer = self.connection.peer_creds().await.ok()?;
        // The peer of a socket is whoever listened first: with socket activation that is not the service.
        if peer.process_id() != Some(self.service.process_id) {
            return None;
        }
        if let Some(process) = peer.process_fd() {
            return process.as_fd().try_clone_to_owned().ok();
        }
        // Before Linux 6.5 the kernel tells the number alone.
        let number = self.service.process_id.try_into().ok()?;
        let process = rustix::process::Pid::from_raw(number)?;
        rustix::process::pidfd_open(process, PidfdFlags::empty()).ok()
    }

    pub(crate) async fn manager(&self) -> Result<Manager1Proxy<'_>> {
        Ok(Manager1Proxy::builder(&self.connection)
            .cache_properties(CacheProperties::No)
            .build()
            .await?)
    }

    pub(crate) async fn downloads(&self) -> Result<Downloads1Proxy<'_>> {
        Ok(Downloads1Proxy::builder(&self.connection)
            .cache_properties(CacheProperties::No)
            .build()
            .await?)
    }

    pub(crate) async fn download(&self, id: JobId) -> Result<Download1Proxy<'_>> {
        Ok(Download1Proxy::builder(&self.connection)
            .path(download_path(id))
            .cache_properties(CacheProperties::No)
            .build()
            .await?)
    }

    pub(crate) async fn job(&self, id: JobId) -> Result<Job1Proxy<'_>> {
        Ok(Job1Proxy::builder(&self.connection)
            .path(job_path(id))
            .cache_properties(CacheProperties::No)
            .build()
            .await?)
    }

    /// A file's methods.
    pub(crate) async fn file(&self, file: FileId) -> Result<File1Proxy<'_>> {
        Ok(File1Proxy::builder(&self.connection)
            .path(file_path(file))
            .cache_properties(CacheProperties::No)
            .build()
            .await?)
    }

    /// Makes a callback object of this connection the job's; `/`: none.
    pub(crate) async fn set_notify_interface(&self, id: JobId, path: ObjectPath<'_>) -> Result<()> {
        let job = self.job(id).await?;
        Ok(job.set_notify_interface(&path).await?)
    }

    /// Reads all properties of an object, and where in the stream of signals this answer stands.
    pub(crate) async fn read<P>(&self, path: ObjectPath<'_>) -> Result<(Sequence, P)>
    where
        P: PropertySet + for<'de> serde::Deserialize<'de> + Type,
    {
        let reply = all_properties::<P>(&self.connection, path).await?;
        Ok((reply.recv_position(), body(&reply)?))
    }

    /// The jobs that are not final with all their properties, and where in the stream of signals this answer stands.
    pub(crate) async fn list(&self, all_users: bool) -> Result<(Sequence, Vec<JobProperties>)> {
        let manager = self.manager().await?;
        let reply = manager.inner().call_method("ListJobs", &all_users).await?;
        let jobs: Vec<(zbus::OwnedObjectPath, JobProperties)> = body(&reply)?;
        let properties = jobs.into_iter().map(|(_, properties)| properties).collect();
        Ok((reply.recv_position(), properties))
    }
}

async fn all_properties<P: PropertySet>(
    connection: &Connection,
    path: ObjectPath<'_>,
) -> zbus::Result<Message> {
    connection
        .call_method(
            Some(BUS_NAME),
            path,
            Some("org.freedesktop.DBus.Properties"),
            "GetAll",
            &P::INTERFACE,
        )
        .await
}

fn body<T: for<'de> serde::Deserialize<'de> + Type>(reply: &Message) -> Result<T> {
    reply
        .body()
        .deserialize()
        .map_err(|error| Error::Protocol(error.to_string()))
}
