//! The service on D-Bus: who is calling, may they, what do they want.
//!
//! ```text
//!  private socket ─ connection ─┐                      ┌─ manager, job ──► driver (a call)
//!  session, system ────── bus ──┴─► client ─► dispatch ┼─ properties, introspect ──► publisher (a snapshot)
//!                                     ▲                └─ subscriptions
//!                                     └── signals ◄── publisher (what changed)
//! ```
//!
//! One dispatcher serves every connection at the level of messages; there is no object for each job anywhere, so that
//! a thousand jobs cost nothing here. Calls of one connection are begun in the order in which they came (those that
//! change one job also reach the engine in that order) and answered as they finish; reads are answered from the
//! published snapshots. This module decides nothing about jobs, touches no file and holds no lock across an await.

mod agenda;
mod bus;
mod call;
mod callback;
mod client;
mod connection;
mod dispatch;
mod docs;
mod download;
mod downloads;
mod error;
mod file;
mod http;
mod intake;
mod introspect;
mod job;
mod manager;
mod outbox;
mod polkit;
mod properties;
mod signals;
mod status;
mod subscriber;
mod turns;
mod watched;

#[cfg(test)]
mod tests;

use std::{
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bgcopy_engine::Connection;
use bgcopy_model::Owner;
use tokio::{net::UnixListener, sync::mpsc::UnboundedReceiver};

use self::{client::Client, polkit::Polkit, turns::Turns};
use crate::{authz::Authz, driver::Handle, places::Mode};

pub use self::bus::{Bus, BusError};

/// Who calls: a connection and the user at its other end, by the kernel's word.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The connection's number; on a bus every peer has its own.
    pub connection: u64,
    /// The user.
    pub user: Owner,
}

/// The service as its callers see it. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Shared>);

struct Shared {
    handle: Handle,
    authz: Authz,
    mode: Mode,
    /// The umask of jobs whose maker names none.
    umask: u32,
    turns: Turns,
    polkit: Polkit,
    /// Connections that there have been.
    connections: AtomicU64,
    /// Connections that there are.
    clients: AtomicUsize,
}

impl Service {
    /// A service that speaks for the driver at `handle`.
    pub fn new(handle: Handle, authz: Authz, mode: Mode) -> Self {
        Self(Arc::new(Shared {
            handle,
            authz,
            mode,
            umask: intake::default_umask(mode),
            turns: Turns::default(),
            polkit: Polkit::default(),
            connections: AtomicU64::new(0),
            clients: AtomicUsize::new(0),
        }))
    }

    /// Serves the private socket until the future is dropped, which ends all its connections.
    pub async fn serve_private(&self, listener: UnixListener) {
        connection::serve(self.clone(), listener).await;
    }

    /// Serves the connections that come out of `streams` until the future is dropped, which ends them all.
    pub async fn serve_streams(&self, streams: UnboundedReceiver<UnixStream>) {
        connection::serve_streams(self.clone(), streams).await;
    }

    /// Connects to a bus, takes the service's name and serves it in the background from then on.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn serve_bus(&self, bus: Bus) -> Result<(), BusError> {
        bus::serve(self.clone(), bus).await
    }

    fn handle(&self) -> &Handle {
        &self.0.handle
    }

    fn authz(&self) -> Authz {
        self.0.authz
    }

    fn mode(&self) -> Mode {
        self.0.mode
    }

    fn umask(&self) -> u32 {
        self.0.umask
    }

    fn turns(&self) -> &Turns {
        &self.0.turns
    }

    fn polkit(&self) -> &Polkit {
        &self.0.polkit
    }

    /// A client has come.
    fn on_come(&self, user: Owner) -> Caller {
        self.0.clients.fetch_add(1, Ordering::Relaxed);
        Caller {
            connection: self.0.connections.fetch_add(1, Ordering::Relaxed),
            user,
        }
    }

    /// A client is gone, and with it its subscriptions and its callback objects.
    fn on_gone(&self, client: &Client) {
        client.end();
        let caller = client.caller;
        self.0.handle.connection_gone(Connection(caller.connection));
        let left = self.0.clients.fetch_sub(1, Ordering::Relaxed) - 1;
        let (connection, uid) = (caller.connection, caller.user.uid);
        tracing::debug!(connection, uid, left, "a client is gone");
    }
}
