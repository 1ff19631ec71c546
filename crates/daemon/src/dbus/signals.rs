//! What a client has asked to be told of. The telling is [`super::subscriber`]'s.

use std::sync::{Mutex, PoisonError};

use bgcopy_model::JobId;
use tokio::sync::{mpsc, oneshot};

use super::{call::Call, subscriber::Subscriber};

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

/// A change and whom to tell that it is in force.
pub(super) type Request = (Change, oneshot::Sender<()>);

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
        if self.request(call, (change, done)) {
            // A subscriber that ended, ended because the connection did.
            let _ = in_force.await;
        }
    }

    /// Ends them for good.
    pub(super) fn end(&self) {
        *self.lock() = State::Ended;
    }

    fn request(&self, call: &Call, request: Request) -> bool {
        let mut state = self.lock();
        if matches!(*state, State::None) && matches!(request.0, Change::Add(_)) {
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
