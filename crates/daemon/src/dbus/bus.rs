//! A session or system bus: many callers on one connection, each with credentials that the bus daemon vouches for.
//!
//! The first call of a caller waits until the bus has told who it is; calls that follow wait behind it, so that the
//! order is kept. A caller is forgotten when its unique name leaves the bus; unique names are never used again.

use std::{collections::HashMap, sync::Arc};

use bgcopy_bus::names::BUS_NAME;
use bgcopy_model::Owner;
use futures_util::StreamExt;
use tokio::sync::{Semaphore, mpsc};
use zbus::{
    Connection, MatchRule, Message, MessageStream,
    fdo::{DBusProxy, RequestNameFlags},
    message::Type,
    names::{OwnedUniqueName, UniqueName},
};

use super::{
    Service,
    call::{Call, Failure},
    client::{Client, Link},
    dispatch,
};

/// Calls that wait for the credentials of their caller.
const WAITING: usize = 64;

/// Calls to clients of one user that may be unanswered. The service has one connection for all of them, and the system
/// bus takes back what exceeds 128 of a connection (`max_replies_per_connection`, dbus-daemon(1)): no user is to take
/// that from the others.
const UNANSWERED: usize = 48;

/// Which bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// The user's session bus.
    Session,
    /// The system bus.
    System,
}

/// Why the service is not on a bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// Another service is, and calls would go there.
    #[error("another service has the name {BUS_NAME} already; stop it first")]
    NameTaken,
    /// There is no bus, or it refuses.
    #[error(transparent)]
    Bus(zbus::Error),
}

impl From<zbus::Error> for BusError {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::NameTaken => Self::NameTaken,
            error => Self::Bus(error),
        }
    }
}

/// What is known of a peer.
enum Peer {
    /// The bus was asked who it is; its calls wait.
    Asking(Vec<Message>),
    /// A caller.
    Known(Arc<Client>),
}

/// What a watch of a peer reports.
enum News {
    /// Who it is; `None` when it is gone already.
    Is(OwnedUniqueName, Option<Owner>),
    /// Its name left the bus.
    Gone(OwnedUniqueName),
}

/// Connects and goes on as [`serve_on`].
pub(super) async fn serve(service: Service, bus: Bus) -> Result<(), BusError> {
    let connection = match bus {
        Bus::Session => Connection::session().await?,
        Bus::System => Connection::system().await?,
    };
    serve_on(service, connection).await
}

/// Takes the name on a bus, and serves from then on in a task of its own.
pub(super) async fn serve_on(service: Service, connection: Connection) -> Result<(), BusError> {
    // Before the name is ours: the first call comes right after.
    let messages = MessageStream::from(&connection);
    let flags = RequestNameFlags::DO_NOT_QUEUE;
    connection.request_name_with_flags(BUS_NAME, flags).await?;
    let (report, news) = mpsc::unbounded_channel();
    let peers = Peers {
        service,
        connection,
        report,
        known: HashMap::new(),
        unanswered: HashMap::new(),
    };
    tokio::spawn(peers.serve(messages, news));
    Ok(())
}

struct Peers {
    service: Service,
    connection: Connection,
    report: mpsc::UnboundedSender<News>,
    known: HashMap<OwnedUniqueName, Peer>,
    /// Permits for calls to the clients of each user.
    unanswered: HashMap<Owner, Arc<Semaphore>>,
}

impl Peers {
    async fn serve(mut self, mut messages: MessageStream, mut news: mpsc::UnboundedReceiver<News>) {
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(Ok(message)) => self.take(message),
                    Some(Err(error)) => tracing::debug!("a message from the bus is lost: {error}"),
                    None => break,
                },
                Some(news) = news.recv() => self.learn(news),
            }
        }
        tracing::error!("the bus is gone; clients reach the service on its private socket alone");
        for peer in self.known.into_values() {
            if let Peer::Known(client) = peer {
                self.service.on_gone(&client);
            }
        }
    }

    fn take(&mut self, message: Message) {
        if message.message_type() != Type::MethodCall {
            return;
        }
        let Some(sender) = message.header().sender().map(UniqueName::to_owned) else {
            return;
        };
        let sender = OwnedUniqueName::from(sender);
        match self.known.get_mut(&sender) {
            Some(Peer::Known(client)) => begin(&self.service, client, message),
            Some(Peer::Asking(waiting)) if waiting.len() < WAITING => waiting.push(message),
            Some(Peer::Asking(_)) => refuse(&self.connection, &message),
            None => {
                tokio::spawn(watch(
                    self.connection.clone(),
                    sender.clone(),
                    self.report.clone(),
                ));
                self.known.insert(sender, Peer::Asking(vec![message]));
            }
        }
    }

    fn learn(&mut self, news: News) {
        match news {
            News::Is(name, None) => {
                // It has left, or the bus lets nobody else be watched (`max_match_rules_per_connection`).
                if let Some(Peer::Asking(waiting)) = self.known.remove(&name) {
                    for message in waiting {
                        refuse(&self.connection, &message);
                    }
                }
            }
            News::Is(name, Some(user)) => {
                let caller = self.service.on_come(user);
                // Those that no client has: no user is remembered for good.
                self.unanswered
                    .retain(|_, permits| Arc::strong_count(permits) > 1);
                let permits = self.unanswered.entry(user);
                let permits = permits.or_insert_with(|| Arc::new(Semaphore::new(UNANSWERED)));
                let link = Link::on_bus(self.connection.clone(), name.clone(), permits.clone());
                let client = Arc::new(Client::new(caller, link));
                let known = Peer::Known(client.clone());
                if let Some(Peer::Asking(waiting)) = self.known.insert(name, known) {
                    for message in waiting {
                        begin(&self.service, &client, message);
                    }
                }
            }
            News::Gone(name) => {
                if let Some(Peer::Known(client)) = self.known.remove(&name) {
                    self.service.on_gone(&client);
                }
            }
        }
    }
}

fn begin(service: &Service, client: &Arc<Client>, message: Message) {
    // The other callers share the connection, so reading goes on and the call is refused instead.
    match client.calls.clone().try_acquire_owned() {
        Ok(permit) => dispatch::begin(Call::new(service, client, message), permit),
        Err(_) => refuse(client.link.connection(), &message),
    }
}

fn refuse(connection: &Connection, message: &Message) {
    if let Some(reply) = Failure::busy().reply(message) {
        let connection = connection.clone();
        tokio::spawn(async move {
            // A peer that is gone needs no answer.
            let _ = connection.send(&reply).await;
        });
    }
}

/// Asks who a peer is, then waits for it to leave. The match comes first, so that the leaving cannot be missed.
async fn watch(connection: Connection, name: OwnedUniqueName, report: mpsc::UnboundedSender<News>) {
    let identify = async {
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender("org.freedesktop.DBus")
            .interface("org.freedesktop.DBus")
            .member("NameOwnerChanged")
            .arg(0, name.as_str())
            .build()?;
        let left = MessageStream::for_match_rule(rule, &connection, None).await?;
        let bus = DBusProxy::new(&connection).await?;
        let uid = bus.get_connection_unix_user(name.inner().into()).await?;
        zbus::Result::Ok((left, Owner { uid }))
    };
    // A receiver that is gone stopped serving: nobody is left to tell.
    match identify.await {
        Ok((mut left, user)) => {
            let _ = report.send(News::Is(name.clone(), Some(user)));
            // A unique name has one owner for its life: the first change is its end.
            let _ = left.next().await;
            let _ = report.send(News::Gone(name));
        }
        Err(error) => {
            tracing::debug!(peer = name.as_str(), "who calls is not known: {error}");
            let _ = report.send(News::Is(name, None));
        }
    }
}
