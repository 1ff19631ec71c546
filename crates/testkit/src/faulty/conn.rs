//! A connection, plain or TLS, and the ways to end it.
//!
//! Owns the socket. It must never end it by accident: how a connection ends is what many tests are about.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::fault::Cut;

/// How long a reset waits for the bytes before it to be acknowledged.
const DRAIN: Duration = Duration::from_secs(5);

pub(super) enum Conn {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Conn {
    /// Ends the connection in one of the ways of [`Cut`].
    pub(super) async fn end(mut self, cut: Cut) -> io::Result<()> {
        self.flush().await?;
        match (cut, &mut self) {
            (Cut::CloseNotify, conn) => conn.shutdown().await,
            (Cut::Fin, conn) => conn.tcp_mut().shutdown().await,
            (Cut::Reset, conn) => {
                // A reset throws away what is still in the send buffer; the client is to get it first.
                let tcp = conn.tcp_mut();
                let (local, peer) = (tcp.local_addr()?, tcp.peer_addr()?);
                let deadline = tokio::time::Instant::now() + DRAIN;
                while unsent(local, peer)? > 0 && tokio::time::Instant::now() < deadline {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                tcp.set_zero_linger()
            }
        }
    }

    /// Returns when the client has closed or reset the connection; what it sends until then is thrown away.
    pub(super) async fn gone(&mut self) {
        let mut scrap = [0; 4096];
        while matches!(self.read(&mut scrap).await, Ok(n) if n > 0) {}
    }

    fn tcp_mut(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_mut().0,
        }
    }
}

/// Bytes in the send queue of a connection, from /proc/net/tcp; 0 if the connection is not listed any more.
fn unsent(local: SocketAddr, peer: SocketAddr) -> io::Result<u64> {
    let (SocketAddr::V4(local), SocketAddr::V4(peer)) = (local, peer) else {
        return Ok(0);
    };
    // The kernel prints the address as the integer that lies in memory, so in this machine's byte order.
    let written = |addr: std::net::SocketAddrV4| {
        format!(
            "{:08X}:{:04X}",
            u32::from_ne_bytes(addr.ip().octets()),
            addr.port()
        )
    };
    let (local, peer) = (written(local), written(peer));
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    let queue = table.lines().find_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let found = columns.next() == Some(&local) && columns.next() == Some(&peer);
        let queues = columns.nth(1)?;
        found.then(|| u64::from_str_radix(queues.split(':').next()?, 16).ok())?
    });
    Ok(queue.unwrap_or(0))
}

impl AsyncRead for Conn {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Conn {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
