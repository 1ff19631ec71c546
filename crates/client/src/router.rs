//! From the service's signals to those who watch, and from its calls to the callback objects.
//!
//! ```text
//!  connection ──► pump (a task) ─┬─► Router ──► Watcher: what changed, by job, until somebody takes it
//!                                │         └──► Watcher …
//!                                └─► Callbacks
//! ```
//!
//! The pump must always drain the connection, since answers to calls come the same way: it hands over and never waits
//! for a watcher. One who falls behind is told so, and reads afresh: what is kept for it is bounded by the number of
//! jobs.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bgcopy_bus::{
    JobChanges, PropertiesChanged,
    names::{BUS_NAME, JOB, MANAGER, job_of_path},
};
use bgcopy_model::JobId;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use zbus::{
    Connection, MatchRule, Message, MessageStream, OwnedObjectPath,
    message::{self, Sequence},
};

use crate::callbacks::Callbacks;

/// Which jobs a watcher wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// This one.
    Job(JobId),
    /// Every job that the caller may see, the coming and going of jobs included.
    All,
}

/// What happened to a job since its watcher last took something.
#[derive(Debug, Default)]
pub(crate) struct Happened {
    /// It appeared.
    pub added: bool,
    /// It became final.
    pub removed: bool,
    /// What changed, with the place of the signal in the stream.
    pub changes: Vec<(Sequence, JobChanges)>,
    /// More changed than was kept: the job must be read again.
    pub lost: bool,
}

/// Changes of one job that are kept for a watcher. One that takes what there is never has as many.
const CHANGES_KEPT: usize = 64;

#[derive(Debug, Default)]
struct Pending {
    jobs: HashMap<JobId, Happened>,
    order: VecDeque<JobId>,
    closed: bool,
}

/// One who watches: a mailbox.
#[derive(Debug)]
pub(crate) struct Watcher {
    scope: Scope,
    pending: Mutex<Pending>,
    wake: Notify,
}

impl Watcher {
    fn new(scope: Scope) -> Self {
        Self {
            scope,
            pending: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// What happened to the job that has waited longest; `None` once the connection is closed and all is taken.
    pub(crate) async fn next(&self) -> Option<(JobId, Happened)> {
        loop {
            {
                let mut pending = lock(&self.pending);
                let taken = pending
                    .order
                    .pop_front()
                    .and_then(|id| pending.jobs.remove_entry(&id));
                if taken.is_some() || pending.closed {
                    return taken;
                }
            }
            self.wake.notified().await;
        }
    }

    fn put(&self, id: JobId, note: impl FnOnce(&mut Happened)) {
        let wanted = match self.scope {
            Scope::Job(job) => job == id,
            Scope::All => true,
        };
        if !wanted {
            return;
        }
        let mut pending = lock(&self.pending);
        if !pending.jobs.contains_key(&id) {
            pending.order.push_back(id);
        }
        note(pending.jobs.entry(id).or_default());
        drop(pending);
        self.wake.notify_one();
    }

    fn close(&self) {
        lock(&self.pending).closed = true;
        self.wake.notify_one();
    }
}

/// All who watch on one connection.
#[derive(Debug)]
pub(crate) struct Router {
    /// The service's unique name on a bus; signals of others count for nothing. `None` on a private socket.
    service: Option<String>,
    watchers: Mutex<Watchers>,
    /// Whether the connection is closed, or the service has left the bus.
    ended: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Watchers {
    next: u64,
    all: HashMap<u64, Arc<Watcher>>,
}

impl Router {
    pub(crate) fn new(service: Option<String>) -> Self {
        Self {
            service,
            watchers: Mutex::default(),
            ended: watch::Sender::new(false),
        }
    }

    /// A new watcher, and the number to take it out by.
    pub(crate) fn watch(&self, scope: Scope) -> (u64, Arc<Watcher>) {
        let watcher = Arc::new(Watcher::new(scope));
        let mut watchers = lock(&self.watchers);
        if *self.ended.borrow() {
            watcher.close();
        }
        let number = watchers.next;
        watchers.next += 1;
        watchers.all.insert(number, watcher.clone());
        (number, watcher)
    }

    /// Takes a watcher out.
    pub(crate) fn forget(&self, number: u64) {
        lock(&self.watchers).all.remove(&number);
    }

    /// Waits until nothing more comes from the service.
    pub(crate) async fn ended(&self) {
        // It can fail only once the sender is dropped, which is this router's own.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// Whether nothing more comes from the service.
    pub(crate) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Whether the message is the service's own: on a bus anybody can send one.
    fn is_from_service(&self, message: &Message) -> bool {
        let header = message.header();
        let sender = header.sender().map(zbus::names::UniqueName::as_str);
        self.service.is_none() || sender == self.service.as_deref()
    }

    /// Hands a message to those whom it concerns.
    fn route(&self, message: &Message) {
        if message.message_type() != message::Type::Signal {
            return;
        }
        let header = message.header();
        let (Some(interface), Some(member)) = (header.interface(), header.member()) else {
            return;
        };
        let sender = header.sender().map(zbus::names::UniqueName::as_str);
        if (interface.as_str(), member.as_str()) == ("org.freedesktop.DBus", "NameOwnerChanged") {
            if sender == Some("org.freedesktop.DBus") && self.is_departure(message) {
                self.close();
            }
            return;
        }
        if !self.is_from_service(message) {
            return;
        }
        let path = header.path().map_or("", |path| path.as_str());
        match (interface.as_str(), member.as_str()) {
            ("org.freedesktop.DBus.Properties", "PropertiesChanged") => {
                if let Some(id) = job_of_path(path) {
                    self.changed(id, message);
                }
            }
            (MANAGER, "JobAdded") => self.came_or_went(message, |note| note.added = true),
            (MANAGER, "JobRemoved") => self.came_or_went(message, |note| note.removed = true),
            _ => {}
        }
    }

    fn changed(&self, id: JobId, message: &Message) {
        let body = message.body();
        let signal = match body.deserialize::<PropertiesChanged<JobChanges>>() {
            // The job's other interface, the object manager, has no properties.
            Ok(signal) if signal.interface == JOB => signal,
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%id, %error, "a signal that cannot be read");
                return;
            }
        };
        let position = message.recv_position();
        self.for_each(|watcher| {
            watcher.put(id, |note| {
                if note.changes.len() == CHANGES_KEPT {
                    note.changes.clear();
                    note.lost = true;
                }
                note.changes.push((position, signal.changed.clone()));
            });
        });
    }

    fn came_or_went(&self, message: &Message, note: impl Fn(&mut Happened)) {
        let path: Result<OwnedObjectPath, _> = message.body().deserialize();
        if let Some(id) = path.ok().and_then(|path| job_of_path(path.as_str())) {
            self.for_each(|watcher| {
                if watcher.scope == Scope::All {
                    watcher.put(id, &note);
                }
            });
        }
    }

    /// Whether the bus says that the service has left it.
    fn is_departure(&self, message: &Message) -> bool {
        let body = message.body();
        let names: Result<(&str, &str, &str), _> = body.deserialize();
        names.is_ok_and(|(name, old, _)| name == BUS_NAME && self.service.as_deref() == Some(old))
    }

    fn close(&self) {
        // Before the watchers that there are: whoever comes later looks at it under their lock.
        self.ended.send_replace(true);
        self.for_each(Watcher::close);
    }

    fn for_each(&self, act: impl Fn(&Watcher)) {
        for watcher in lock(&self.watchers).all.values() {
            act(watcher);
        }
    }
}

/// Starts the task that reads what the connection brings until it closes.
pub(crate) async fn start(
    connection: &Connection,
    router: Arc<Router>,
    callbacks: Arc<Callbacks>,
) -> zbus::Result<JoinHandle<()>> {
    let messages = MessageStream::from(connection);
    let departures = if connection.is_bus() {
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .sender("org.freedesktop.DBus")
            .interface("org.freedesktop.DBus")
            .member("NameOwnerChanged")
            .add_arg(BUS_NAME)
            .build()?;
        MessageStream::for_match_rule(rule, connection, None)
            .await?
            .left_stream()
    } else {
        stream::empty().right_stream()
    };
    // What the rule lets through is in the stream of all messages too; its own stream is read so that it never fills.
    let departures = departures.filter_map(|_| async { None });
    let messages = stream::select(messages, departures);
    let connection = connection.clone();
    Ok(tokio::spawn(pump(messages, connection, router, callbacks)))
}

async fn pump(
    messages: impl Stream<Item = zbus::Result<Message>>,
    connection: Connection,
    router: Arc<Router>,
    callbacks: Arc<Callbacks>,
) {
    let mut messages = std::pin::pin!(messages);
    while let Some(Ok(message)) = messages.next().await {
        if message.message_type() != message::Type::MethodCall {
            router.route(&message);
        } else if router.is_from_service(&message) {
            callbacks.serve(connection.clone(), message);
        } else {
            Callbacks::refuse(connection.clone(), message);
        }
    }
    router.close();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code panics while it holds one of these locks; what they guard is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use bgcopy_bus::names::job_path;
    use futures_util::FutureExt as _;

    use super::*;

    const ONE: JobId = JobId::from_u128(1);
    const TWO: JobId = JobId::from_u128(2);

    fn changed(id: JobId, state: u32) -> Message {
        let body = PropertiesChanged {
            interface: JOB.to_owned(),
            changed: JobChanges {
                state: Some(state),
                ..JobChanges::default()
            },
            invalidated: vec![],
        };
        Message::signal(
            job_path(id),
            "org.freedesktop.DBus.Properties",
            "PropertiesChanged",
        )
        .build(&body)
        .unwrap()
    }

    fn removed(id: JobId) -> Message {
        Message::signal("/org/bgcopy", MANAGER, "JobRemoved")
            .build(&job_path(id))
            .unwrap()
    }

    /// What a watcher can take without waiting.
    fn taken(watcher: &Watcher) -> Option<(JobId, Happened)> {
        watcher.next().now_or_never().flatten()
    }

    #[test]
    fn a_watcher_of_one_job_hears_of_that_job_alone() {
        let router = Router::new(None);
        let (_, watcher) = router.watch(Scope::Job(ONE));
        router.route(&changed(TWO, 4));
        router.route(&changed(ONE, 2));
        router.route(&removed(ONE));

        let (id, happened) = taken(&watcher).unwrap();
        assert_eq!(id, ONE);
        assert_eq!(happened.changes.len(), 1);
        assert_eq!(happened.changes[0].1.state, Some(2));
        assert!(!happened.removed, "that is for watchers of all jobs");
        assert!(taken(&watcher).is_none());
    }

    #[test]
    fn a_busy_job_does_not_keep_another_from_its_turn() {
        let router = Router::new(None);
        let (_, watcher) = router.watch(Scope::All);
        router.route(&changed(ONE, 0));
        router.route(&changed(TWO, 0));
        router.route(&changed(ONE, 1));
        router.route(&removed(TWO));

        let (first, of_one) = taken(&watcher).unwrap();
        router.route(&changed(ONE, 2));
        let (second, of_two) = taken(&watcher).unwrap();
        assert_eq!((first, second), (ONE, TWO));
        assert_eq!(of_one.changes.len(), 2);
        assert!(of_two.removed);
    }

    #[test]
    fn a_watcher_that_takes_nothing_is_told_that_it_fell_behind() {
        let router = Router::new(None);
        let (_, watcher) = router.watch(Scope::Job(ONE));
        for state in 0..200 {
            router.route(&changed(ONE, state));
        }
        let (_, happened) = taken(&watcher).unwrap();
        assert!(happened.lost);
        assert!(happened.changes.len() <= CHANGES_KEPT);
    }

    #[test]
    fn a_signal_of_anybody_else_on_the_bus_counts_for_nothing() {
        let router = Router::new(Some(":1.7".to_owned()));
        let (_, watcher) = router.watch(Scope::All);
        let forged = Message::signal("/org/bgcopy", MANAGER, "JobAdded")
            .sender(":1.8")
            .build(&job_path(ONE))
            .unwrap();
        router.route(&forged);
        assert!(taken(&watcher).is_none());

        let genuine = Message::signal("/org/bgcopy", MANAGER, "JobAdded")
            .sender(":1.7")
            .build(&job_path(ONE))
            .unwrap();
        router.route(&genuine);
        assert!(taken(&watcher).unwrap().1.added);
    }

    #[test]
    fn the_service_s_departure_from_the_bus_ends_the_watch() {
        let router = Router::new(Some(":1.7".to_owned()));
        let (_, watcher) = router.watch(Scope::All);
        let gone = |old: &str| {
            Message::signal(
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus",
                "NameOwnerChanged",
            )
            .sender("org.freedesktop.DBus")
            .build(&(BUS_NAME, old, ""))
            .unwrap()
        };
        router.route(&gone(":1.6"));
        assert!(watcher.next().now_or_never().is_none(), "still waiting");
        router.route(&gone(":1.7"));
        assert!(matches!(watcher.next().now_or_never(), Some(None)));
        let (_, late) = router.watch(Scope::All);
        assert!(matches!(late.next().now_or_never(), Some(None)));
    }
}
