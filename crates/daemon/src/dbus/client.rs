//! One caller's connection: its way out, and how much it may have under way.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bgcopy_bus::{Callback, DownloadStatus, download::on_status_change};
use bgcopy_model::JobId;
use rustix::net::Shutdown;
use serde::Serialize;
use tokio::sync::Semaphore;
use zbus::{Connection, DynamicType, Message, ObjectPath, names::OwnedUniqueName};

use super::{Caller, signals::Subscriptions};

/// Calls of one client that are under way at once. On the private socket no more are read until one is answered.
pub(super) const CALLS_AT_ONCE: usize = 256;

/// The largest answer on the private socket: the longest array that the D-Bus specification allows.
const LARGEST_PRIVATE: usize = 64 << 20;

/// The largest answer on a bus: what dbus-daemon takes unless it is configured otherwise. More would cost the
/// service its connection.
const LARGEST_ON_BUS: usize = 32 << 20;

/// A caller with its connection.
#[derive(Debug)]
pub(super) struct Client {
    /// Who it is.
    pub(super) caller: Caller,
    /// The way to it.
    pub(super) link: Arc<Link>,
    /// Permits for calls under way.
    pub(super) calls: Arc<Semaphore>,
    /// The permit for an answer that can be large: one at a time, so that a client that does not read has the
    /// memory of one.
    pub(super) bulk: Semaphore,
    /// Held while polkit is asked about it.
    pub(super) asking: tokio::sync::Mutex<()>,
    /// What it wants to be told of.
    pub(super) subscriptions: Subscriptions,
    gone: AtomicBool,
}

impl Client {
    pub(super) fn new(caller: Caller, link: Link) -> Self {
        Self {
            caller,
            link: Arc::new(link),
            calls: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
            bulk: Semaphore::new(1),
            asking: tokio::sync::Mutex::default(),
            subscriptions: Subscriptions::default(),
            gone: AtomicBool::new(false),
        }
    }

    /// Whether its connection is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Its connection is gone.
    pub(super) fn end(&self) {
        self.gone.store(true, Ordering::Release);
        self.subscriptions.end();
    }
}

/// The way to a caller.
#[derive(Debug)]
pub(super) struct Link {
    connection: Connection,
    /// Whom signals are for, on a bus; and what its user may leave unanswered there.
    peer: Option<(OwnedUniqueName, Arc<Semaphore>)>,
    /// Of a private connection: the socket once more, so that it can be shut down while a send waits on it, and how
    /// long a send may wait. `None` on a bus, whose daemon deals with peers that do not read.
    private: Option<(OwnedFd, Duration)>,
}

/// The peer is gone, or was closed because it does not read.
#[derive(Debug)]
pub(super) struct Gone;

impl Link {
    /// The way to a private peer that may let one send wait for so long.
    pub(super) const fn private(
        connection: Connection,
        socket: OwnedFd,
        patience: Duration,
    ) -> Self {
        Self {
            connection,
            peer: None,
            private: Some((socket, patience)),
        }
    }

    /// The way to a peer on a bus, whose user may leave as many calls unanswered there as `unanswered` has permits.
    pub(super) const fn on_bus(
        connection: Connection,
        peer: OwnedUniqueName,
        unanswered: Arc<Semaphore>,
    ) -> Self {
        Self {
            connection,
            peer: Some((peer, unanswered)),
            private: None,
        }
    }

    /// The connection, which on a bus is everybody's.
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The most bytes that a message to this peer may have.
    pub(super) const fn largest(&self) -> usize {
        match self.private {
            Some(_) => LARGEST_PRIVATE,
            None => LARGEST_ON_BUS,
        }
    }

    /// A signal for this peer alone.
    pub(super) fn signal<B: Serialize + DynamicType>(
        &self,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
    ) -> zbus::Result<Message> {
        let signal = Message::signal(path, interface, member);
        match &self.peer {
            Some((peer, _)) => signal.destination(peer.inner()).build(body),
            None => signal.build(body),
        }
    }

    /// The peer's unique name; empty on a private connection.
    pub(super) fn peer(&self) -> &str {
        self.peer.as_ref().map_or("", |(peer, _)| peer.as_str())
    }

    /// Calls an object of the peer, and waits as long as it takes. Ends with the peer at the latest: a private
    /// connection then ends, and a bus answers in its place.
    pub(super) async fn call(&self, callback: Callback, path: &ObjectPath<'_>) -> zbus::Result<()> {
        let Some((peer, unanswered)) = &self.peer else {
            return callback.call(&self.connection, None, path).await;
        };
        let Ok(_permit) = unanswered.try_acquire() else {
            let text = "the clients of this user leave too many calls unanswered";
            return Err(zbus::Error::Failure(text.to_owned()));
        };
        callback
            .call(&self.connection, Some(peer.inner()), path)
            .await
    }

    /// Tells an object of the peer a download's status, and waits as [`Self::call`] does.
    pub(super) async fn tell_status(
        &self,
        path: &ObjectPath<'_>,
        download: JobId,
        status: DownloadStatus,
    ) -> zbus::Result<()> {
        let Some((peer, unanswered)) = &self.peer else {
            return on_status_change(&self.connection, None, path, download, status).await;
        };
        // Who leaves too many calls unanswered waits; no status is lost. The semaphore is never closed.
        let _permit = unanswered.acquire().await;
        let peer = Some(peer.inner());
        on_status_change(&self.connection, peer, path, download, status).await
    }

    /// Sends messages, in order. When it fails, no later message will arrive either.
    pub(super) async fn send(&self, messages: &[Message]) -> Result<(), Gone> {
        let sending = self.connection.send_all(messages);
        let Some((socket, patience)) = &self.private else {
            return sending.await.map_err(|_| Gone);
        };
        if let Ok(sent) = tokio::time::timeout(*patience, sending).await {
            return sent.map_err(|_| Gone);
        }
        tracing::warn!("a client does not read what it asked for; its connection is closed");
        // It may have gone by itself meanwhile: that is as good.
        let _ = rustix::net::shutdown(socket, Shutdown::Both);
        Err(Gone)
    }
}
