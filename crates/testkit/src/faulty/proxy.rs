//! An HTTP proxy without faults: absolute-form requests are forwarded, CONNECT makes a tunnel (RFC 9110,
//! sections 7.3.2 and 9.3.6).
//!
//! Owns relaying and its record. It must never change a body or add a field to an answer: what arrives is the
//! origin's doing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::digest::{self, Worth};
use super::plan::reason;
use super::record::{Ended, Record, Seen};
use super::request::{self, Request, base64};
use super::server::{Server, free_address};

/// A proxy on the loopback. It ends when it is dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    _server: Server,
}

struct Shared {
    record: Record,
    /// What is asked for.
    demand: Demand,
}

/// Who is served.
enum Demand {
    Nothing,
    /// Whoever sends this Proxy-Authorization.
    Basic(String),
    /// Whoever proves this user and password.
    Digest(&'static str, &'static str),
}

/// The nonce of all proxies here.
const NONCE: &str = "proxynonce";

impl Proxy {
    /// Starts a proxy that serves everyone.
    ///
    /// # Panics
    /// When no port can be bound.
    pub fn start() -> Self {
        Self::launch(Demand::Nothing)
    }

    /// Starts a proxy that answers 407 to those without this user and password (scheme Basic).
    ///
    /// # Panics
    /// When no port can be bound.
    pub fn start_with_password(user: &str, password: &str) -> Self {
        Self::launch(Demand::Basic(format!(
            "Basic {}",
            base64(format!("{user}:{password}").as_bytes())
        )))
    }

    /// Starts a proxy that answers 407 to those who do not prove this user and password (scheme Digest, SHA-256).
    ///
    /// # Panics
    /// When no port can be bound.
    pub fn start_with_digest(user: &'static str, password: &'static str) -> Self {
        Self::launch(Demand::Digest(user, password))
    }

    /// The proxy's URL without credentials, as the proxy variables take it: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far. `bytes_sent` counts all that was relayed to the client, header included.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.record.all()
    }

    /// Blocks the thread until `enough` holds of the requests so far.
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

    fn launch(demand: Demand) -> Self {
        let shared = Arc::new(Shared {
            record: Record::new(),
            demand,
        });
        let for_connections = Arc::clone(&shared);
        let (server, address) = Server::start(free_address(), move |tcp, number| {
            let shared = Arc::clone(&for_connections);
            async move { shared.connection(tcp, number).await }
        });
        Self {
            shared,
            address,
            _server: server,
        }
    }
}

impl Demand {
    /// What is asked of a request that is not served.
    fn challenge(&self, request: &Request) -> Option<String> {
        let given = request.header("Proxy-Authorization");
        match self {
            Self::Nothing => None,
            Self::Basic(wanted) => {
                (given != Some(wanted)).then(|| "Basic realm=\"testkit\"".to_owned())
            }
            Self::Digest(user, password) => {
                let worth = digest::check(given, &request.method, (user, password), NONCE);
                (worth != Worth::Right).then(|| digest::challenge(NONCE, worth))
            }
        }
    }
}

impl Shared {
    async fn connection(&self, mut tcp: TcpStream, number: u64) -> io::Result<()> {
        let mut buffer = Vec::new();
        while let Some(request) = request::read(&mut tcp, &mut buffer).await? {
            let entry = self.record.begin(number, 0, &request);
            if let Some(challenge) = self.demand.challenge(&request) {
                let field = format!("Proxy-Authenticate: {challenge}\r\n");
                self.refuse(&mut tcp, entry, 407, &field).await?;
                continue;
            }
            let Some(authority) = authority(&request) else {
                self.refuse(&mut tcp, entry, 400, "").await?;
                continue;
            };
            let Ok(upstream) = TcpStream::connect(authority).await else {
                self.refuse(&mut tcp, entry, 502, "").await?;
                continue;
            };
            return self.relay(tcp, upstream, entry, &request, &buffer).await;
        }
        Ok(())
    }

    /// Answers with a status of the proxy's own and keeps the connection.
    async fn refuse(
        &self,
        tcp: &mut TcpStream,
        entry: usize,
        status: u16,
        fields: &str,
    ) -> io::Result<()> {
        let reason = reason(status);
        let answer = format!("HTTP/1.1 {status} {reason}\r\n{fields}Content-Length: 0\r\n\r\n");
        self.record.update(entry, |seen| seen.status = Some(status));
        tcp.write_all(answer.as_bytes()).await?;
        self.record
            .update(entry, |seen| seen.ended = Some(Ended::Complete));
        Ok(())
    }

    /// Hands the connection over to the origin: for CONNECT both ways, else after the request without the fields
    /// that are the proxy's. The origin closes after its answer, so a client connection carries one request.
    async fn relay(
        &self,
        mut client: TcpStream,
        mut upstream: TcpStream,
        entry: usize,
        request: &Request,
        early: &[u8],
    ) -> io::Result<()> {
        if request.method == "CONNECT" {
            self.record.update(entry, |seen| seen.status = Some(200));
            client
                .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .await?;
        } else {
            upstream.write_all(&forwarded(request)).await?;
        }
        upstream.write_all(early).await?;
        let (from_client, to_client) = client.split();
        let (from_upstream, to_upstream) = upstream.split();
        let up = pump(from_client, to_upstream, |_| {});
        let down = pump(from_upstream, to_client, |n| {
            self.record.update(entry, |seen| seen.bytes_sent += n);
        });
        // The end of the client's half is passed on and the answer awaited; the origin's end is the end.
        let up_and_wait = async {
            let _ = up.await;
            std::future::pending().await
        };
        let down = tokio::select! {
            down = down => down,
            never = up_and_wait => never,
        };
        let ended = if down.is_ok() {
            Ended::Complete
        } else {
            Ended::ClientLeft
        };
        self.record.update(entry, |seen| seen.ended = Some(ended));
        Ok(())
    }
}

/// Copies until the end, which it passes on.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    progress: impl Fn(u64),
) -> io::Result<()> {
    let mut buf = vec![0; 64 * 1024];
    loop {
        let n = from.read(&mut buf).await?;
        if n == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buf[..n]).await?;
        progress(n as u64);
    }
}

/// Where a request goes: `host:port`.
fn authority(request: &Request) -> Option<String> {
    if request.method == "CONNECT" {
        return Some(request.target.clone());
    }
    let rest = request.target.strip_prefix("http://")?;
    let authority = rest.split(['/', '?']).next()?;
    let authority = authority.rsplit('@').next()?;
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some(if has_port {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    })
}

/// The request in origin form, without the fields that concern the proxy, and with the wish to close.
fn forwarded(request: &Request) -> Vec<u8> {
    let hop_by_hop = [
        "Proxy-Authorization",
        "Proxy-Connection",
        "Connection",
        "Keep-Alive",
    ];
    let mut fields = String::new();
    for (name, value) in &request.headers {
        if !hop_by_hop.iter().any(|hop| hop.eq_ignore_ascii_case(name)) {
            fields.extend([name, ": ", value, "\r\n"]);
        }
    }
    let (method, target) = (&request.method, request.origin_form());
    format!("{method} {target} HTTP/1.1\r\n{fields}Via: 1.1 testkit\r\nConnection: close\r\n\r\n")
        .into_bytes()
}
