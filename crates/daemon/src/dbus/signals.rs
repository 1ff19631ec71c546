//! What a client has asked to be told of. The telling is [`super::subscriber`]'s.

use std::sync::{Arc, Mutex, PoisonError};

use bgcopy_model::JobId;
use tokio::sync::{mpsc, oneshot};

use super::{call::Call, subscriber::Subscriber};
use crate::driver::JobSnapshot;

/// What signals are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The manager, and every job that the caller may see; not their files.
    All,
    /// A job and its files.
    Job(JobId),
}

/// A change of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Asks for it.
    Add(Scope),
    /// Withdraws it.
    Remove(Scope),
}

/// What a subscriber is asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// A change, and whom to tell that it is in force.
    Change(Change, oneshot::Sender<()>),
    /// To be silent while the client is answered how jobs are: whom to tell that it is, and from whom to hear that
    /// it is over, and what the client knows now.
    Look(
        oneshot::Sender<()>,
        oneshot::Receiver<Vec<Arc<JobSnapshot>>>,
    ),
}

/// The time in which a client gets an answer about jobs and no signals.
///
/// Without it a signal could overtake an answer that was read before and is sent after it, and the client, which
/// takes what comes last for what is, would keep the older state for ever.
#[derive(Debug)]
pub(super) struct Look(Option<oneshot::Sender<Vec<Arc<JobSnapshot>>>>);

impl Look {
    /// The answer was sent: the client knows these jobs as they are here.
    pub(super) fn end(mut self, known: Vec<Arc<JobSnapshot>>) {
        if let Some(over) = self.0.take() {
            // A subscriber that ended, ended because the connection did.
            let _ = over.send(known);
        }
    }
}

/// The way to a client's subscriber, which begins with the first subscription and ends with the connection.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    /// Nothing was asked for yet.
    #[default]
    None,
    /// A subscriber runs.
    Running(mpsc::UnboundedSender<Request>),
    /// The connection is gone.
    Ended,
}

impl Subscriptions {
    /// Changes what the caller is told of; when it returns, that is in force: no later change is missed.
    pub(super) async fn change(&self, call: &Call, change: Change) {
        let (done, in_force) = oneshot::channel();
        if self.request(call, Request::Change(change, done)) {
            // A subscriber that ended, ended because the connection did.
            let _ = in_force.await;
        }
    }

    /// Begins an answer about jobs: what is read from now on and sent before the end of the look is in order with
    /// the signals.
    pub(super) async fn look(&self, call: &Call) -> Look {
        let (silent, granted) = oneshot::channel();
        let (over, ended) = oneshot::channel();
        if !self.request(call, Request::Look(silent, ended)) {
            return Look(None);
        }
        let _ = granted.await;
        Look(Some(over))
    }

    /// Ends them for good.
    pub(super) fn end(&self) {
        *self.lock() = State::Ended;
    }

    fn request(&self, call: &Call, request: Request) -> bool {
        let mut state = self.lock();
        if matches!(*state, State::None) && matches!(request, Request::Change(Change::Add(_), _)) {
            // The number of requests that wait is bounded by that of calls under way.
            let (requests, inbox) = mpsc::unbounded_channel();
            let client = &call.client;
            let (caller, link) = (client.caller.user, client.link.clone());
            tokio::spawn(Subscriber::new(call.service.clone(), caller, link).run(inbox));
            *state = State::Running(requests);
        }
        match &*state {
            State::Running(requests) => requests.send(request).is_ok(),
            State::None | State::Ended => false,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
