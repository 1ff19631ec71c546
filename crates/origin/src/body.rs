//! The bytes of an answer, held against what its head told.
//!
//! A body owns its connection: it drives it, gives it back to the pool when it has ended cleanly, and closes it
//! when it is dropped before. It must never deliver a byte more than the head told, nor the last one of a body that
//! its own digest contradicts.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bgcopy_model::Condition;
use bgcopy_transfer::{Body, Chunk, Failure};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::{
    connection::Connection, digest::ContentDigest, endpoint::Endpoint, failure, fields::Framing,
    pool::Lease,
};

/// A body under way.
pub(crate) struct HttpBody {
    host: Endpoint,
    /// Until the body has ended.
    exchange: Option<Exchange>,
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
            self.silence.broken();
            let data = match frame {
                None => return Poll::Ready(self.ended(context)),
                Some(Err(error)) => {
                    return Poll::Ready(Err(failure::body(
                        &self.host,
                        &error,
                        self.received,
                        self.expected,
                    )));
                }
                // Trailers have nothing that is of use here.
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            if data.is_empty() {
                continue;
            }
            self.received += data.len() as u64;
            if self
                .expected
                .is_some_and(|expected| self.received > expected)
            {
                return Poll::Ready(Err(self.contradiction("more")));
            }
            if let Some(digest) = &mut self.digest {
                digest.update(&data);
            }
            // Whoever wants just these bytes does not ask for the end behind them.
            if self.expected == Some(self.received) {
                self.check_digest()?;
            }
            return Poll::Ready(Ok(Chunk::Data(data)));
        }
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
        if let Some(Exchange {
            mut connection,
            lease,
            ..
        }) = self.exchange.take()
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
        let chunk = ready!(self.poll(context));
        if chunk.is_err() {
            // What is left on the connection cannot be told from the next answer.
            self.exchange = None;
        }
        Poll::Ready(chunk)
    }

    fn is_in_the_way(&self) -> bool {
        let exchange = self.exchange.as_ref();
        exchange.is_some_and(|exchange| exchange.lease.is_awaited())
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
