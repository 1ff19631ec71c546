//! The faulty origin itself: its resources and what a test does with it.
//!
//! Owns the resources and the conversation on a connection; what an answer says is `plan`'s.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::conn::Conn;
use super::gate::Gate;
use super::plan::plan;
use super::record::{Record, Seen};
use super::request::{self, Request};
use super::resource::Resource;
use super::server::{Server, free_address};
use super::wire;
use crate::{Identity, TestCa};

/// An HTTP/1.1 origin on the loopback that misbehaves as its resources say. It ends when it is dropped.
pub struct Origin {
    shared: Arc<Shared>,
    address: SocketAddr,
    scheme: &'static str,
    // Held for its drop, which stops the thread.
    _server: Server,
}

struct Shared {
    resources: Mutex<HashMap<String, Served>>,
    record: Record,
    gate: Gate,
}

struct Served {
    resource: Arc<Resource>,
    requests: u64,
}

impl Origin {
    /// Starts a plain origin on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port can be bound.
    pub fn start() -> Self {
        Self::start_on(free_address())
    }

    /// Starts a plain origin on this address, for a server that comes back.
    ///
    /// # Panics
    /// When the address cannot be bound.
    pub fn start_on(address: SocketAddr) -> Self {
        Self::launch(address, None)
    }

    /// Starts an origin that speaks TLS with a valid identity of `ca`.
    ///
    /// # Panics
    /// When no port can be bound.
    pub fn start_tls(ca: &TestCa) -> Self {
        Self::start_with(&ca.loopback())
    }

    /// Starts an origin that speaks TLS with this identity, valid or not.
    ///
    /// # Panics
    /// When no port can be bound.
    pub fn start_with(identity: &Identity) -> Self {
        Self::launch(
            free_address(),
            Some(TlsAcceptor::from(identity.server_config())),
        )
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a target: `http://127.0.0.1:PORT/name`, or https.
    pub fn url(&self, target: &str) -> String {
        format!("{}://{}{target}", self.scheme, self.address)
    }

    /// Serves a resource under a path, which starts with `/`; one that was there is replaced and its requests are
    /// counted from 1 again. A target with a query finds the path's resource unless it has one of its own.
    /// Returns the resource's URL.
    pub fn serve(&self, path: &str, resource: Resource) -> String {
        let served = Served {
            resource: Arc::new(resource),
            requests: 0,
        };
        self.shared
            .resources
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), served);
        self.url(path)
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.record.all()
    }

    /// The requests so far whose target is `path`, with or without a query.
    pub fn requests_for(&self, path: &str) -> Vec<Seen> {
        let matches = |seen: &Seen| seen.target.split('?').next() == Some(path);
        self.requests().into_iter().filter(matches).collect()
    }

    /// Bytes of bodies that were handed to the kernel, over all requests.
    pub fn bytes_sent(&self) -> u64 {
        self.requests().iter().map(|seen| seen.bytes_sent).sum()
    }

    /// Blocks the thread until `enough` holds of the requests so far. Not for a test that runs the client on the
    /// same thread: see [`Origin::until`].
    ///
    /// # Panics
    /// After a minute, with what was seen.
    pub fn wait_for(&self, enough: impl Fn(&[Seen]) -> bool) {
        self.shared.record.wait_for(enough);
    }

    /// Waits, without blocking the thread, until `enough` holds of the requests so far.
    ///
    /// # Panics
    /// After a minute, with what was seen.
    pub async fn until(&self, enough: impl Fn(&[Seen]) -> bool) {
        self.shared.record.until(enough).await;
    }

    /// Lets no body byte out any more, of answers under way too, until [`Origin::release`].
    pub fn hold(&self) {
        self.hold_after(0);
    }

    /// Stops each body at this byte, or at once if it is beyond, until [`Origin::release`].
    pub fn hold_after(&self, bytes: u64) {
        self.shared.gate.hold_after(bytes);
    }

    /// Lets all bodies go on that `hold`, `hold_after` or `Fault::HoldAfter` stopped.
    pub fn release(&self) {
        self.shared.gate.release();
    }

    /// Limits all bodies together to this many bytes a second; `None` lifts the limit.
    pub fn pace(&self, bytes_per_second: Option<u64>) {
        self.shared.gate.set_pace(bytes_per_second);
    }

    fn launch(address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let shared = Arc::new(Shared {
            resources: Mutex::default(),
            record: Record::new(),
            gate: Gate::new(),
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let for_connections = Arc::clone(&shared);
        let (server, address) = Server::start(address, move |tcp, number| {
            let (shared, tls) = (Arc::clone(&for_connections), tls.clone());
            async move { shared.connection(tcp, number, tls).await }
        });
        Self {
            shared,
            address,
            scheme,
            _server: server,
        }
    }
}

impl Shared {
    /// Serves one connection to its end. An error is the client's leaving or its bad request; the record has it.
    async fn connection(
        &self,
        tcp: TcpStream,
        number: u64,
        tls: Option<TlsAcceptor>,
    ) -> io::Result<()> {
        tcp.set_nodelay(true)?;
        let mut conn = match tls {
            Some(acceptor) => Conn::Tls(Box::new(acceptor.accept(tcp).await?)),
            None => Conn::Plain(tcp),
        };
        let mut buffer = Vec::new();
        while let Some(request) = request::read(&mut conn, &mut buffer).await? {
            let (resource, nth) = self.look_up(&request);
            // Before the request is seen: a test that sees it may release at once.
            let ticket = self.gate.ticket();
            let entry = self.record.begin(number, nth, &request);
            let plan = plan(&request, resource.as_deref(), nth, SystemTime::now());
            match wire::send(conn, plan, (&self.record, entry), (&self.gate, ticket)).await {
                Some(open) => conn = open,
                None => break,
            }
        }
        Ok(())
    }

    fn look_up(&self, request: &Request) -> (Option<Arc<Resource>>, u64) {
        let target = request.origin_form();
        let path = target.split('?').next().unwrap_or(target);
        let mut resources = self
            .resources
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let key = if resources.contains_key(target) {
            target
        } else {
            path
        };
        match resources.get_mut(key) {
            Some(served) => {
                served.requests += 1;
                (Some(Arc::clone(&served.resource)), served.requests)
            }
            None => (None, 0),
        }
    }
}
