//! Which callback object each job has, and the calls that are under way.
//!
//! The objects are the clients' and die with their connections; how one is reached is the bus's business, behind
//! [`Callback`]. When it is called is the engine's to decide. Nothing here waits for a client: each call is a task of
//! its own, and however long it takes it holds up nobody.

use std::{collections::HashMap, sync::Arc};

use bgcopy_engine::{Action, Call, Connection, Delivery, Event, Listener, Notification, Refusal};
use bgcopy_model::{Condition, JobId};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::{Driver, Message, handle::Answer};

/// A client's callback object.
pub trait Callback: Send + Sync + 'static {
    /// The connection that it lives as long as.
    fn connection(&self) -> Connection;

    /// Whether that connection is gone. Once it is, this tells so before [`super::Handle::connection_gone`] is called.
    fn is_gone(&self) -> bool;

    /// The unique name of its connection on a bus (else empty) and its path.
    fn address(&self) -> (&str, &str);

    /// Calls it. The future ends with the client's answer or with its connection, and never before; `Err` says in words
    /// what went wrong.
    fn call(
        &self,
        job: JobId,
        notification: Notification,
    ) -> BoxFuture<'static, Result<(), String>>;
}

/// A callback object, shared between its job and the calls to it.
pub type Target = Arc<dyn Callback>;

/// The callback objects of all jobs.
#[derive(Default)]
pub(super) struct Callbacks {
    last: u64,
    registered: HashMap<JobId, (Listener, Target)>,
}

impl Callbacks {
    /// The object of a job.
    pub(super) fn of(&self, job: JobId) -> Option<&Target> {
        self.registered.get(&job).map(|(_, target)| target)
    }

    /// The job is forgotten.
    pub(super) fn forget(&mut self, job: JobId) {
        self.registered.remove(&job);
    }

    /// A connection is gone, and its objects with it.
    pub(super) fn gone(&mut self, connection: Connection) {
        self.registered
            .retain(|_, (_, target)| target.connection() != connection);
    }

    fn draw(&mut self) -> Listener {
        self.last += 1;
        Listener(self.last)
    }
}

/// A call to make once its step is durable.
pub(super) struct Notice {
    job: JobId,
    delivery: Delivery,
    notification: Notification,
    target: Target,
}

impl Driver {
    /// Makes an object a job's, if the engine agrees.
    pub(super) fn register(&mut self, job: JobId, target: Option<Target>, reply: Answer) {
        if self.stopping.is_some() {
            return; // The dropped sender tells the client.
        }
        // It died after it called: the engine has heard of its end already, or will, and would wait for an end that
        // never comes.
        if target.as_ref().is_some_and(|target| target.is_gone()) {
            let detail = "the connection of the callback object is gone";
            let _ = reply.send(Err(Refusal::new(Condition::InvalidArgument, detail)));
            return;
        }
        let registered = target.map(|target| (self.callbacks.draw(), target));
        let listener = registered
            .as_ref()
            .map(|(listener, target)| (*listener, target.connection()));
        let ticket = self.ticket(reply);
        let call = Call::SetNotifyInterface(job, listener);
        let actions = self
            .engine
            .step(Event::Call(ticket, call), self.clock.now());
        let is_refusal =
            |action: &Action| matches!(action, Action::Reply(to, Err(_)) if *to == ticket);
        if !actions.iter().any(is_refusal) {
            // Before the actions: what is due is called at once.
            match registered {
                Some(registered) => drop(self.callbacks.registered.insert(job, registered)),
                None => self.callbacks.forget(job),
            }
        }
        self.take(actions);
    }

    /// The call that an action wants, to the object that the job has at this step.
    pub(super) fn notice(
        &self,
        job: JobId,
        delivery: Delivery,
        listener: Listener,
        notification: Notification,
    ) -> Option<Notice> {
        match self.callbacks.registered.get(&job) {
            Some((known, target)) if *known == listener => Some(Notice {
                job,
                delivery,
                notification,
                target: target.clone(),
            }),
            // The engine calls nobody but the last who registered.
            _ => {
                tracing::error!(%job, "the engine calls a callback object that is not there");
                let text = "the callback object is gone".to_owned();
                report(&self.messages, job, delivery, Err(text));
                None
            }
        }
    }
}

impl Notice {
    /// Makes the call beside the driver and reports how it ended.
    pub(super) fn call(self, messages: mpsc::UnboundedSender<Message>) {
        tokio::spawn(async move {
            let answer = self.target.call(self.job, self.notification).await;
            if let Err(text) = &answer {
                let (client, path) = self.target.address();
                tracing::debug!(job = %self.job, call = ?self.notification, client, path, "a client did not take a call: {text}");
            }
            report(&messages, self.job, self.delivery, answer);
        });
    }
}

/// Tells the engine how a call or a program ended.
pub(super) fn report(
    messages: &mpsc::UnboundedSender<Message>,
    job: JobId,
    delivery: Delivery,
    result: Result<(), String>,
) {
    // A driver that has stopped does not want to know.
    let _ = messages.send(Message::Event(Event::Notified(job, delivery, result)));
}
