//! What every handle holds on to: the connection of now, the way to the next one, and the callback objects.
//!
//! ```text
//!  Manager, Job ──► Session ──► Link (one connection) ──► pump
//!                     │  ▲
//!                     │  └── guard (a task, once there is a callback object): reconnects, registers again
//!                     └────► Callbacks
//! ```
//!
//! A connection that broke is replaced when a call needs one, and by itself while callback objects are registered: who
//! waits to be called makes no calls. A call that was under way when it broke fails with [`Error::Disconnected`] and is
//! not made again here, since nobody knows whether it was carried out. Must never decide what a callback means.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bgcopy_bus::names::NO_OBJECT;
use bgcopy_model::JobId;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use zbus::ObjectPath;

use crate::{
    Connect, Error, ErrorName, Result,
    callbacks::{self, Callbacks},
    connection::Link,
};

/// Between the first two attempts to reconnect; it doubles from one to the next.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Between two attempts at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// For so long a lost service may come back by itself (its manager restarts it, an update replaces it) before it is
/// started from here.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    /// The way to another connection; `None`: there is none.
    connect: Option<Connect>,
    current: Mutex<Arc<Link>>,
    /// Held while a connection is made, so that one is.
    renewing: tokio::sync::Mutex<()>,
    /// The service was stopped through this session: it is not to be started again by it.
    stopped: AtomicBool,
    pub(crate) callbacks: Arc<Callbacks>,
    guard: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(guard) = lock(&self.guard).take() {
            guard.abort();
        }
    }
}

impl Session {
    pub(crate) fn new(
        connect: Option<Connect>,
        link: Link,
        callbacks: Arc<Callbacks>,
    ) -> Arc<Self> {
        let session = Arc::new(Self {
            connect,
            current: Mutex::new(Arc::new(link)),
            renewing: tokio::sync::Mutex::default(),
            stopped: AtomicBool::new(false),
            callbacks,
            guard: Mutex::default(),
        });
        session.callbacks.belong_to(Arc::downgrade(&session));
        session
    }

    /// The connection of now, broken or not.
    pub(crate) fn current(&self) -> Arc<Link> {
        lock(&self.current).clone()
    }

    /// A connection: that of now, or a new one where it broke.
    pub(crate) async fn link(&self) -> Result<Arc<Link>> {
        let link = self.current();
        if link.router.has_ended() {
            self.renew(true).await
        } else {
            Ok(link)
        }
    }

    /// From here on a broken connection stays so.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Sees to it that callback objects outlive the connection.
    pub(crate) fn keep_callbacks(self: &Arc<Self>) {
        let mut guard = lock(&self.guard);
        if guard.is_none() && self.connect.is_some() {
            let (session, callbacks) = (Arc::downgrade(self), self.callbacks.clone());
            *guard = Some(tokio::spawn(keep(session, callbacks)));
        }
    }

    /// The private socket of the service; `None` on a bus, and where there is no way to another connection.
    pub(crate) fn socket(&self) -> Option<PathBuf> {
        self.connect.as_ref().and_then(Connect::socket)
    }

    /// A connection in place of one that broke; without `may_start` only to a service that is there.
    pub(crate) async fn renew(&self, may_start: bool) -> Result<Arc<Link>> {
        let _turn = self.renewing.lock().await;
        let current = self.current();
        if !current.router.has_ended() {
            return Ok(current);
        }
        let connect = match &self.connect {
            Some(connect) if !self.stopped.load(Ordering::Relaxed) => connect.clone(),
            _ => return Err(Error::Disconnected),
        };
        let connect = if may_start {
            connect
        } else {
            connect.existing()
        };
        let link = Arc::new(connect.link(self.callbacks.clone()).await?);
        tracing::debug!("connected to the service again");
        *lock(&self.current) = link.clone();
        // Not waited for: the caller's own call may go first, and may be given up.
        tokio::spawn(register_again(link.clone(), self.callbacks.clone()));
        Ok(link)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code panics while it holds one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Replaces each connection that breaks while there are callback objects. It does not keep the session alive.
async fn keep(session: Weak<Session>, callbacks: Arc<Callbacks>) {
    while let Some(router) = session.upgrade().map(|it| it.current().router.clone()) {
        router.ended().await;
        while callbacks.is_empty() {
            callbacks.added.notified().await;
        }
        let lost = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let Some(session) = session.upgrade() else {
                return;
            };
            if session.stopped.load(Ordering::Relaxed) {
                return;
            }
            match session.renew(lost.elapsed() >= LEFT_ALONE).await {
                Ok(_) => break,
                Err(error) => tracing::debug!("no connection to the service yet: {error}"),
            }
            drop(session);
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Registers every callback object on a new connection, and goes on trying while the service cannot record it, as with
/// a full disk below its queue.
async fn register_again(link: Arc<Link>, callbacks: Arc<Callbacks>) {
    let mut left = register(&link, &callbacks, callbacks.registered()).await;
    callbacks.downloads.register_again(&link).await;
    let (weak, mut pause) = (Arc::downgrade(&link), FIRST_PAUSE);
    // Not kept open from here: whoever has dropped the connection wants no calls any more.
    drop(link);
    while !left.is_empty() {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let Some(link) = weak.upgrade().filter(|link| !link.router.has_ended()) else {
            return;
        };
        left.retain(|(job, _)| callbacks.has(*job));
        left = register(&link, &callbacks, left).await;
    }
}

/// Registers these; gives back those that the service refused for a reason that may pass.
async fn register(
    link: &Link,
    callbacks: &Callbacks,
    objects: Vec<(JobId, u64)>,
) -> Vec<(JobId, u64)> {
    let mut left = Vec::new();
    for (job, number) in objects {
        let path = callbacks::path(number);
        match link.set_notify_interface(job, path.as_ref()).await {
            // Withdrawn while it was under way.
            Ok(()) if !callbacks.has(job) => {
                // If this fails too, calls to the path are answered with an error.
                let none = ObjectPath::from_str_unchecked(NO_OBJECT);
                let _ = link.set_notify_interface(job, none).await;
            }
            Ok(()) => {}
            // Final, or forgotten, or somebody else's by now: nothing will be told of it.
            Err(error)
                if matches!(
                    error.service_name(),
                    Some(ErrorName::NotFound | ErrorName::InvalidState | ErrorName::AccessDenied)
                ) =>
            {
                callbacks.forget(job);
            }
            // The next connection is tried in the same way.
            Err(Error::Disconnected) => return Vec::new(),
            Err(error) => {
                tracing::warn!(%job, "a callback object is not registered yet: {error}");
                left.push((job, number));
            }
        }
    }
    left
}
