//! The streams that downloads write to: descriptors that clients handed over, and what each has taken.
//!
//! A descriptor is its client's choice, and whoever gave it may keep a copy, so nothing here relies on its flags: they
//! are neither trusted nor changed. A pipe is written by `splice` from a pipe of the service's own, which can be told
//! not to wait whatever `O_NONBLOCK` says; a socket by `send` with `MSG_DONTWAIT`. Only what cannot hold up a thread of
//! the service is taken at all: pipes, and local stream sockets without a name at their other end. A socket that leads
//! to somebody's service would have this one's credentials on bytes that a client chose.
//!
//! It owns the position: the first byte that a stream has not taken. Nothing is ever written to one twice. It must never
//! wait for a reader; that is done by readiness, in the run that writes.

use std::{
    collections::HashMap,
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bgcopy_engine::{Action, Call, DownloadCall, Event, Refusal};
use bgcopy_model::{Condition, JobId, Owner};
use bytes::Bytes;
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::{OFlags, fcntl_getfl},
    net::{AddressFamily, SendFlags, SocketType, sockopt},
    pipe::{PipeFlags, SpliceFlags},
};
use tokio::io::{Interest, unix::AsyncFd, unix::AsyncFdReadyGuard};

use super::{Driver, handle::Answer};

/// Streams that one user's downloads may have at once.
const PER_OWNER: usize = 64;

/// Streams that all downloads may have at once. A write to a pipe may, where another of its users is malicious, hold a
/// blocking thread of the runtime, of which there are 512.
const TOGETHER: usize = 256;

/// Bytes that are written at once, which an empty pipe takes.
const AT_ONCE: usize = 64 * 1_024;

/// A stream that a client handed over.
pub struct Stream {
    end: AsyncFd<OwnedFd>,
    kind: Kind,
    taken: Mutex<Taken>,
}

enum Kind {
    /// With a pipe of the service's own, to splice from: its ends to write and to read.
    Pipe(OwnedFd, OwnedFd),
    Socket,
}

/// Invariant: the own pipe holds `waiting` bytes, the first of those that come next.
#[derive(Default)]
struct Taken {
    /// Where in the local file the next byte is; `None`: nothing was written yet.
    position: Option<u64>,
    waiting: usize,
}

/// That a stream takes bytes, until it turns out not to.
pub(super) type Ready<'s> = AsyncFdReadyGuard<'s, OwnedFd>;

impl Stream {
    /// Takes a descriptor over. Needs the runtime.
    ///
    /// # Errors
    /// [`Condition::InvalidArgument`] for what cannot be written without ever waiting, or that nobody reads;
    /// [`Condition::ResourcesExhausted`] without descriptors.
    pub fn new(end: OwnedFd) -> Result<Self, Refusal> {
        let kind = kind_of(&end)?;
        if is_broken(&end) {
            return Err(invalid("nobody reads the stream"));
        }
        #[expect(
            deprecated,
            reason = "its successor is unsafe because of types that change their descriptor, which OwnedFd does not"
        )]
        let end = AsyncFd::with_interest(end, Interest::WRITABLE).map_err(exhausted)?;
        Ok(Self {
            end,
            kind,
            taken: Mutex::default(),
        })
    }

    /// A run begins, for which `at` is the next byte by the record; says which it is by what the stream has taken.
    pub(super) fn begin(&self, at: u64) -> u64 {
        let mut taken = self.lock();
        if let Kind::Pipe(_, outlet) = &self.kind {
            // What an earlier run had on its way is fetched again, so it must not come twice.
            let mut buffer = vec![0; taken.waiting];
            let mut rest = &mut buffer[..];
            while let Ok(count @ 1..) = rustix::io::read(outlet, &mut *rest) {
                rest = &mut rest[count..];
            }
        }
        taken.waiting = 0;
        *taken.position.get_or_insert(at)
    }

    /// Waits until it takes bytes, or until nobody reads it any more. May be dropped at any time.
    pub(super) async fn writable(&self) -> io::Result<Ready<'_>> {
        self.end.writable().await
    }

    /// Writes as many of the next bytes as fit now, and says where the next one is then. Must not be dropped before it
    /// is done.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where none fits.
    pub(super) async fn write(self: &Arc<Self>, bytes: &Bytes) -> io::Result<u64> {
        match self.kind {
            Kind::Socket => self.write_now(bytes),
            Kind::Pipe(..) => {
                // Its lock can be held by whoever else has the pipe.
                let (stream, bytes) = (self.clone(), bytes.clone());
                let write = move || stream.write_now(&bytes);
                tokio::task::spawn_blocking(write).await?
            }
        }
    }

    fn write_now(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut taken = self.lock();
        let bytes = &bytes[..bytes.len().min(AT_ONCE)];
        let count = match &self.kind {
            Kind::Socket => {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                rustix::net::send(&self.end, bytes, flags)?
            }
            Kind::Pipe(inlet, outlet) => {
                if taken.waiting == 0 {
                    taken.waiting = rustix::io::write(inlet, bytes)?;
                }
                let flags = SpliceFlags::NONBLOCK;
                let (waiting, end) = (taken.waiting, self.end.get_ref());
                let count = rustix::pipe::splice(outlet, None, end, None, waiting, flags)?;
                taken.waiting -= count;
                count
            }
        };
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let position = taken.position.unwrap_or_default() + count as u64;
        taken.position = Some(position);
        Ok(position)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Whole between any two statements that can fail.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a descriptor can be written without waiting, and how.
fn kind_of(end: &OwnedFd) -> Result<Kind, Refusal> {
    const NEITHER: &str = "the stream must be the write end of a pipe, or an end of a pair of local stream sockets; \
                           for a file, set LocalPath";
    // Neither question touches a file system, which could be its owner's own and let the service wait.
    if rustix::pipe::fcntl_getpipe_size(end).is_ok() {
        let flags = fcntl_getfl(end).map_err(|_| invalid(NEITHER))?;
        if flags & OFlags::RWMODE != OFlags::WRONLY {
            // One that reads as well would never tell that nobody else does.
            return Err(invalid("of a pipe, the service wants the write end alone"));
        }
        let pipe = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
        let (outlet, inlet) = pipe.map_err(|errno| exhausted(errno.into()))?;
        return Ok(Kind::Pipe(inlet, outlet));
    }
    let is_stream = sockopt::socket_type(end) == Ok(SocketType::STREAM)
        && sockopt::socket_domain(end) == Ok(AddressFamily::UNIX);
    if !is_stream {
        return Err(invalid(NEITHER));
    }
    let socket = UnixStream::from(end.try_clone().map_err(exhausted)?);
    match socket.peer_addr() {
        Ok(peer) if peer.is_unnamed() => Ok(Kind::Socket),
        Ok(_) => Err(invalid(
            "the socket leads to one that has a name; hand over an end of a pair, or of a pipe",
        )),
        Err(_) => Err(invalid("the socket is not connected")),
    }
}

/// Whether nobody reads at the other end any more.
fn is_broken(end: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(end, PollFlags::OUT)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let polled = rustix::event::poll(&mut polled, Some(&at_once))
        .is_ok()
        .then(|| polled[0].revents());
    polled.is_some_and(|events| events.intersects(PollFlags::ERR | PollFlags::HUP))
}

fn invalid(detail: &str) -> Refusal {
    Refusal::new(Condition::InvalidArgument, detail)
}

fn exhausted(error: io::Error) -> Refusal {
    let detail = format!("the service cannot hold another stream: {error}");
    Refusal::new(Condition::ResourcesExhausted, detail)
}

/// The streams of all downloads.
#[derive(Default)]
pub(super) struct Streams(HashMap<JobId, (Owner, Arc<Stream>)>);

impl Streams {
    /// The stream of a download.
    pub(super) fn of(&self, download: JobId) -> Option<Arc<Stream>> {
        self.0.get(&download).map(|(_, stream)| stream.clone())
    }

    /// The download needs none any more. With the last run of it the descriptor is closed.
    pub(super) fn release(&mut self, download: JobId) {
        self.0.remove(&download);
    }

    /// Whether this user may have one more.
    fn check(&self, owner: Owner) -> Result<(), Refusal> {
        let own = self.0.values().filter(|(other, _)| *other == owner).count();
        let detail = if own >= PER_OWNER {
            format!("you have {PER_OWNER} downloads with a stream, as many as the service allows")
        } else if self.0.len() >= TOGETHER {
            format!("all downloads together have {TOGETHER} streams, as many as the service allows")
        } else {
            return Ok(());
        };
        Err(Refusal::new(Condition::ResourcesExhausted, detail))
    }
}

impl Driver {
    /// Makes a stream a download's, if the engine agrees.
    pub(super) fn set_stream(&mut self, download: JobId, stream: Stream, reply: Answer) {
        if self.stopping.is_some() {
            return; // The dropped sender tells the client.
        }
        let before = self.streams.of(download);
        let replaces = before.is_some_and(|before| is_broken(before.end.get_ref()));
        let owner = self.engine.job(download).map(|job| job.record().owner);
        if let Some(owner) = owner
            && !replaces
            && let Err(refusal) = self.streams.check(owner)
        {
            // A client that is gone does not want its answer.
            let _ = reply.send(Err(refusal));
            return;
        }
        let ticket = self.ticket(reply);
        let call = Call::Download(download, DownloadCall::SetStream { replaces });
        let actions = self
            .engine
            .step(Event::Call(ticket, call), self.clock.now());
        let is_refusal =
            |action: &Action| matches!(action, Action::Reply(to, Err(_)) if *to == ticket);
        if let Some(owner) = owner
            && !actions.iter().any(is_refusal)
        {
            let stream = Arc::new(stream);
            self.streams.0.insert(download, (owner, stream));
        }
        self.take(actions);
    }
}
