//! The bytes of an answer, held against what its head told.
//!
//! A body owns its connection: it drives it, gives it back to the pool when it has ended cleanly, and closes it
//! when it is dropped before. It must never deliver a byte more than the head told, nor the last one of a body that
//! its own digest contradicts.
//!
//! A long body whose length is told by its framing needs nobody between the socket and the memory that its bytes are to be
//! in: from the first [`Body::poll_into`] on they are read there, and hyper has the connection back behind them.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bgcopy_model::Condition;
use bgcopy_transfer::{Body, Chunk, Failure, Part};
use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming};
use tokio::time::{Instant, Sleep};

use crate::{
    connection::{Connection, Raw},
    digest::ContentDigest,
    endpoint::Endpoint,
    failure,
    fields::Framing,
    pool::Lease,
};

/// So many bytes that are to come are worth reading them past hyper.
const LONG: u64 = 1 << 20;

/// What is read at once for who has no memory for it.
const SCRATCH: usize = 64 * 1024;

/// A body under way.
pub(crate) struct HttpBody {
    host: Endpoint,
    /// Until the body has ended, or is read past hyper.
    exchange: Option<Exchange>,
    /// While it is.
    raw: Option<(Raw, Lease)>,
    /// Whether its connection is of use behind it.
    stays_open: bool,
    /// Into which it is read for who has no memory for it; empty until then.
    scratch: Vec<u8>,
    framing: Framing,
    /// How many bytes come, by Content-Length or Content-Range.
    expected: Option<u64>,
    received: u64,
    /// The digest that the bytes must have, until it was looked at.
    digest: Option<ContentDigest>,
    silence: Silence,
}

/// What an answer is read from.
pub(crate) struct Exchange {
    pub(crate) connection: Connection,
    pub(crate) incoming: Incoming,
    pub(crate) lease: Lease,
}

impl HttpBody {
    /// The body of an exchange, of which `expected` bytes come where that is known. It fails after `patience`
    /// without a byte while one is waited for.
    pub(crate) fn new(
        exchange: Exchange,
        framing: Framing,
        expected: Option<u64>,
        patience: Duration,
    ) -> Self {
        Self {
            host: exchange.lease.route().origin.clone(),
            exchange: Some(exchange),
            raw: None,
            stays_open: false,
            scratch: Vec::new(),
            framing,
            expected,
            received: 0,
            digest: None,
            silence: Silence::new(patience),
        }
    }

    /// The same, whose bytes must have this digest.
    pub(crate) fn with_digest(mut self, digest: Option<ContentDigest>) -> Self {
        self.digest = digest;
        self
    }

    /// The same, whose connection may be used again though hyper does not see the end of the body.
    pub(crate) fn staying_open(mut self, stays_open: bool) -> Self {
        self.stays_open = stays_open;
        self
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Chunk, Failure>> {
        loop {
            let Some(exchange) = &mut self.exchange else {
                return Poll::Ready(Err(Failure::new(
                    Condition::Internal,
                    "a body was read beyond its end",
                )));
            };
            let frame = exchange
                .connection
                .poll_frame(&mut exchange.incoming, context);
            let Poll::Ready(frame) = frame else {
                ready!(self.silence.poll_over(context));
                return Poll::Ready(Err(failure::silent(&self.host, self.silence.patience)));
            };
            if let Some(chunk) = self.framed(frame, context) {
                return Poll::Ready(chunk);
            }
        }
    }

    /// What hyper hands out; `None`: nothing of use.
    fn framed(
        &mut self,
        frame: Option<hyper::Result<Frame<Bytes>>>,
        context: &mut Context<'_>,
    ) -> Option<Result<Chunk, Failure>> {
        self.silence.broken();
        let data = match frame {
            None => return Some(self.ended(context)),
            Some(Err(error)) => {
                let (received, expected) = (self.received, self.expected);
                return Some(Err(failure::body(&self.host, &error, received, expected)));
            }
            // Trailers have nothing that is of use here.
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        (!data.is_empty()).then(|| self.came(&data).map(|()| Chunk::Data(data)))
    }

    /// Holds what came against what was told.
    fn came(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.received += bytes.len() as u64;
        if self
            .expected
            .is_some_and(|expected| self.received > expected)
        {
            return Err(self.contradiction("more"));
        }
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        // Whoever wants just these bytes does not ask for the end behind them.
        if self.expected == Some(self.received) {
            self.check_digest()?;
        }
        Ok(())
    }

    /// Bytes that are to come by the framing; `None`: it does not tell.
    fn left(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) => Some(length.saturating_sub(self.received)),
            Framing::Chunked | Framing::Close => None,
        }
    }

    fn poll_part(
        &mut self,
        context: &mut Context<'_>,
        memory: &mut [u8],
    ) -> Poll<Result<Part, Failure>> {
        if self.raw.is_some() {
            return self.poll_raw(context, memory);
        }
        if self.left().is_none_or(|left| left < LONG) {
            return self.poll(context).map_ok(Part::Chunk);
        }
        // What hyper has read comes first.
        while let Some(exchange) = &mut self.exchange
            && let Poll::Ready(frame) = Pin::new(&mut exchange.incoming).poll_frame(context)
        {
            if let Some(chunk) = self.framed(frame, context) {
                return Poll::Ready(chunk.map(Part::Chunk));
            }
        }
        let raw = self
            .exchange
            .take()
            .and_then(|exchange| Some((exchange.connection.into_raw()?, exchange.lease)));
        if raw.is_none() {
            let (received, expected) = (self.received, self.expected);
            return Poll::Ready(Err(failure::closed(&self.host, received, expected, "")));
        }
        self.raw = raw;
        self.poll_raw(context, memory)
    }

    fn poll_raw(
        &mut self,
        context: &mut Context<'_>,
        memory: &mut [u8],
    ) -> Poll<Result<Part, Failure>> {
        let left = self.left().unwrap_or(0);
        let Some((raw, _)) = self.raw.as_mut().filter(|_| left > 0) else {
            return Poll::Ready(self.ended(context).map(Part::Chunk));
        };
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let most = most.min(memory.len());
        let memory = &mut memory[..most];
        let Poll::Ready(read) = raw.poll_read(context, memory) else {
            ready!(self.silence.poll_over(context));
            return Poll::Ready(Err(failure::silent(&self.host, self.silence.patience)));
        };
        self.silence.broken();
        let (received, expected) = (self.received, self.expected);
        let count = read.map_err(|error| failure::read(&self.host, &error, received, expected))?;
        if count == 0 {
            return Poll::Ready(Err(failure::closed(&self.host, received, expected, "")));
        }
        self.came(&memory[..count])?;
        Poll::Ready(Ok(Part::Read(count)))
    }

    /// The same for who has no memory for it just now.
    fn poll_raw_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Chunk, Failure>> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize(SCRATCH, 0);
        let part = self.poll_raw(context, &mut scratch);
        let chunk = part.map_ok(|part| match part {
            Part::Read(count) => Chunk::Data(Bytes::copy_from_slice(&scratch[..count])),
            Part::Chunk(chunk) => chunk,
        });
        self.scratch = scratch;
        chunk
    }

    /// The body has ended by its framing; whether that is where it should end is another question.
    fn ended(&mut self, context: &mut Context<'_>) -> Result<Chunk, Failure> {
        if self
            .expected
            .is_some_and(|expected| self.received < expected)
        {
            return Err(match self.framing {
                Framing::Chunked => self.contradiction("fewer"),
                Framing::Length(_) | Framing::Close => {
                    failure::closed(&self.host, self.received, self.expected, "")
                }
            });
        }
        self.check_digest()?;
        let exchange = self.exchange.take().map(|it| (it.connection, it.lease));
        let raw = self.raw.take().filter(|_| self.stays_open);
        let idle = exchange
            .or_else(|| raw.and_then(|(raw, lease)| Some((raw.into_connection(context)?, lease))));
        if let Some((mut connection, lease)) = idle
            && connection.is_usable(context)
        {
            lease.give_back(connection);
        }
        Ok(Chunk::End {
            verified: self.framing != Framing::Close || self.expected.is_some(),
        })
    }

    /// Holds the bytes, of which all have come, against their digest.
    fn check_digest(&mut self) -> Result<(), Failure> {
        let Some(digest) = self.digest.take() else {
            return Ok(());
        };
        digest.check().map_err(|mismatch| {
            let detail = format!("{} sent bytes that {mismatch}", self.host);
            Failure::new(Condition::DigestMismatch, detail)
        })
    }

    /// What is left on the connection cannot be told from the next answer.
    fn drop_if_broken<T>(&mut self, news: &Result<T, Failure>) {
        if news.is_err() {
            self.exchange = None;
            self.raw = None;
        }
    }

    fn contradiction(&self, than: &str) -> Failure {
        let (host, expected) = (&self.host, self.expected.unwrap_or_default());
        Failure::new(
            Condition::InvalidResponse,
            format!("{host} sent {than} bytes than the {expected} that it had told"),
        )
    }
}

impl Body for HttpBody {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Chunk, Failure>> {
        let chunk = if self.raw.is_some() {
            ready!(self.poll_raw_chunk(context))
        } else {
            ready!(self.poll(context))
        };
        self.drop_if_broken(&chunk);
        Poll::Ready(chunk)
    }

    fn poll_into(
        &mut self,
        context: &mut Context<'_>,
        memory: &mut [u8],
    ) -> Poll<Result<Part, Failure>> {
        let part = ready!(self.poll_part(context, memory));
        self.drop_if_broken(&part);
        Poll::Ready(part)
    }

    fn is_in_the_way(&self) -> bool {
        let exchange = self.exchange.as_ref().map(|exchange| &exchange.lease);
        let lease = exchange.or(self.raw.as_ref().map(|(_, lease)| lease));
        lease.is_some_and(Lease::is_awaited)
    }
}

/// How long nothing has come while somebody waited. The time in which nobody asked for a byte does not count: a
/// slow disk is not the origin's fault.
struct Silence {
    patience: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    fn new(patience: Duration) -> Self {
        Self {
            patience,
            since: None,
            timer: None,
        }
    }

    fn broken(&mut self) {
        self.since = None;
    }

    /// Ready when it has lasted too long. The timer is not moved for every byte that comes but runs out, and is
    /// then set to what is left.
    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = *self.since.get_or_insert_with(Instant::now) + self.patience;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}

/// The body of an answer of which nothing is left to fetch.
pub(crate) struct NoBody;

impl Body for NoBody {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Result<Chunk, Failure>> {
        Poll::Ready(Ok(Chunk::End { verified: true }))
    }
}
