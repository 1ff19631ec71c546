//! One HTTP/1.1 connection, driven by whoever waits for something from it.
//!
//! There is no task beside it: dropping it closes the socket, and while nobody polls it nothing runs. Owns the
//! exchange of one request and one answer; it must never be used for a second request before the first answer's
//! body has ended.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::{
    body::{Body as _, Frame, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connect::Stream;

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;

/// The most fields of a head.
const MOST_FIELDS: usize = 100;

/// What the read buffer may grow to, which it does only while reads fill it. The allocator rounds up, so that one
/// chunk has up to 512 KiB. Each of many connections has one. With more, the processor's cache has no room left for the
/// memory into which the bytes are copied.
const READ_BUFFER: usize = 256 * 1024;

/// How connections speak HTTP/1.1.
pub(crate) fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_header_size(LONGEST_HEAD)
        .max_headers(MOST_FIELDS)
        .max_buf_size(READ_BUFFER)
        // Names are the same in any case, but not for every origin that was ever written.
        .title_case_headers(true);
    builder
}

type Driver = http1::Connection<TokioIo<Counted>, Empty<Bytes>>;

/// An open connection.
pub(crate) struct Connection {
    /// Until the connection has ended.
    driver: Option<Driver>,
    sender: http1::SendRequest<Empty<Bytes>>,
    received: Arc<AtomicU64>,
}

impl Connection {
    /// Speaks HTTP over `stream`. Nothing is sent yet.
    pub(crate) async fn open(stream: Box<dyn Stream>) -> hyper::Result<Self> {
        let received = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            stream,
            received: Arc::clone(&received),
        };
        let (sender, driver) = builder().handshake(TokioIo::new(counted)).await?;
        Ok(Self {
            driver: Some(driver),
            sender,
            received,
        })
    }

    /// Sends a request and waits for the head of its answer. Afterwards [`Self::poll_frame`] has the body.
    pub(crate) async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        let mut answer = pin!(self.sender.send_request(request));
        poll_fn(|context| {
            if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            // When the connection ends here, the answer is ready with the reason.
            drive(&mut self.driver, context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// The next part of a body that came with [`Self::send`].
    pub(crate) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let mut body = Pin::new(body);
        if let Poll::Ready(frame) = body.as_mut().poll_frame(context) {
            return Poll::Ready(frame);
        }
        drive(&mut self.driver, context);
        body.poll_frame(context)
    }

    /// Whether another request may be sent: the connection is open, and nothing came that was not asked for.
    pub(crate) fn is_usable(&mut self, context: &mut Context<'_>) -> bool {
        drive(&mut self.driver, context);
        self.driver.is_some() && self.sender.is_ready()
    }

    /// The stream itself, for the rest of a body of which hyper has handed out all that it had read; `None`: it has ended.
    pub(crate) fn into_raw(self) -> Option<Raw> {
        let parts = self.driver?.into_parts();
        Some(Raw {
            stream: parts.io.into_inner(),
            early: parts.read_buf,
            received: self.received,
        })
    }

    /// Bytes that came over this connection, TLS apart.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

fn drive(driver: &mut Option<Driver>, context: &mut Context<'_>) {
    if let Some(connection) = driver
        && let Poll::Ready(result) = Pin::new(connection).poll(context)
    {
        if let Err(error) = result {
            // Whoever waited for an answer has been told by hyper; this is about what nobody waited for.
            tracing::debug!(%error, "a connection ended");
        }
        *driver = None;
    }
}

/// A connection of which the bytes of one body are read without hyper between: into the memory that they are to be in.
pub(crate) struct Raw {
    stream: Counted,
    /// What hyper had read.
    early: Bytes,
    received: Arc<AtomicU64>,
}

impl Raw {
    /// Reads into `memory`, which is not empty; 0: the stream has ended.
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        memory: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if !self.early.is_empty() {
            let part = self.early.split_to(self.early.len().min(memory.len()));
            memory[..part.len()].copy_from_slice(&part);
            return Poll::Ready(Ok(part.len()));
        }
        let mut buffer = ReadBuf::new(memory);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// For the next request; `None`: more came than was asked for.
    pub(crate) fn into_connection(self, context: &mut Context<'_>) -> Option<Connection> {
        if !self.early.is_empty() {
            return None;
        }
        // It waits for nothing.
        let handshake = pin!(builder().handshake(TokioIo::new(self.stream)));
        let Poll::Ready(Ok((sender, driver))) = handshake.poll(context) else {
            return None;
        };
        Some(Connection {
            driver: Some(driver),
            sender,
            received: self.received,
        })
    }
}

/// A stream that counts what is read.
struct Counted {
    stream: Box<dyn Stream>,
    received: Arc<AtomicU64>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        let read = buffer.filled().len() - before;
        self.received.fetch_add(read as u64, Ordering::Relaxed);
        Poll::Ready(result)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
