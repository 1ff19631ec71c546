//! The private socket: accepts connections, shakes hands, reads calls.

use std::{collections::HashMap, os::fd::OwnedFd, sync::Arc, time::Duration};

use bgcopy_model::Owner;
use futures_util::StreamExt;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc::UnboundedReceiver,
    task::JoinSet,
};
use zbus::{
    Connection, Guid, MessageStream, OwnedGuid,
    connection::{self, AuthMechanism},
    message::Type,
};

use super::{
    Service,
    call::Call,
    client::{Client, Link},
    dispatch,
};
use crate::authz::Action;

/// How long a peer has for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// How long a client may take nothing of what is sent before its connection is closed.
const STALLED: Duration = Duration::from_mins(1);

/// How long nothing is accepted after that failed, for want of descriptors most likely.
const PAUSE: Duration = Duration::from_millis(200);

/// Connections that one user who is not root may have. Each takes two descriptors, of which others need some too.
const CONNECTIONS: usize = 512;

/// Accepts and serves connections until it is dropped.
pub(super) async fn serve(service: Service, listener: UnixListener) {
    let guid = OwnedGuid::from(Guid::generate());
    let mut connections = JoinSet::new();
    let mut places = Places::default();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Some(place) = places.of_peer(&stream) {
                        let serving = serve_one(service.clone(), stream, guid.clone());
                        connections.spawn(async move {
                            serving.await;
                            drop(place);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!("cannot accept a client: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!("a connection ended in a fault: {error}");
                }
            }
        }
    }
}

/// What each user has of connections; a place is given back by being dropped.
#[derive(Default)]
struct Places(HashMap<u32, Arc<()>>);

impl Places {
    /// A place for who has connected; `None`: that user has all of them.
    fn of_peer(&mut self, stream: &UnixStream) -> Option<Arc<()>> {
        // Who it is that the kernel does not name is turned away when served.
        let uid = stream.peer_cred().map_or(u32::MAX, |peer| peer.uid());
        // No user is remembered for good.
        self.0.retain(|_, place| Arc::strong_count(place) > 1);
        let place = self.0.entry(uid).or_default();
        if uid != Owner::ROOT.uid && Arc::strong_count(place) > CONNECTIONS {
            tracing::warn!(uid, "a user with {CONNECTIONS} connections gets no other");
            return None;
        }
        Some(place.clone())
    }
}

/// Serves connections that are made already, until it is dropped.
pub(super) async fn serve_streams(
    service: Service,
    mut streams: UnboundedReceiver<std::os::unix::net::UnixStream>,
) {
    let guid = OwnedGuid::from(Guid::generate());
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(stream) = streams.recv() => {
                let stream = stream
                    .set_nonblocking(true)
                    .and_then(|()| UnixStream::from_std(stream));
                match stream {
                    Ok(stream) => {
                        connections.spawn(serve_one(service.clone(), stream, guid.clone()));
                    }
                    Err(error) => tracing::warn!("a connection cannot be served: {error}"),
                }
            }
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!("a connection ended in a fault: {error}");
                }
            }
            else => std::future::pending().await,
        }
    }
}

async fn serve_one(service: Service, stream: UnixStream, guid: OwnedGuid) {
    let user = match stream.peer_cred() {
        Ok(credentials) => Owner {
            uid: credentials.uid(),
        },
        Err(error) => {
            tracing::warn!("the kernel does not say who connected: {error}");
            return;
        }
    };
    if !service.authz().may(user, Action::Connect) {
        let uid = user.uid;
        tracing::warn!(uid, "a user whose service this is not was sent away");
        return;
    }
    match tokio::time::timeout(HANDSHAKE, shake_hands(stream, guid)).await {
        Ok(Ok((socket, messages))) => {
            let link = Link::private(Connection::from(&messages), socket, STALLED);
            let client = Arc::new(Client::new(service.on_come(user), link));
            serve_client(&service, &client, messages).await;
        }
        // Somebody who only looked whether the service is there, too.
        Ok(Err(error)) => tracing::debug!("a client did not get through the handshake: {error}"),
        Err(_) => tracing::debug!("a client did not begin the handshake in time"),
    }
}

/// Reads the calls of one client until it is gone.
pub(super) async fn serve_client(
    service: &Service,
    client: &Arc<Client>,
    mut messages: MessageStream,
) {
    while let Some(Ok(message)) = messages.next().await {
        if message.message_type() != Type::MethodCall {
            continue;
        }
        // Nothing more is read meanwhile, and the kernel lets the client wait.
        let Ok(permit) = client.calls.clone().acquire_owned().await else {
            break;
        };
        dispatch::begin(Call::new(service, client, message), permit);
    }
    service.on_gone(client);
}

/// The socket once more, and the stream of messages, set up before the first one is read.
pub(super) async fn shake_hands(
    stream: UnixStream,
    guid: OwnedGuid,
) -> zbus::Result<(OwnedFd, MessageStream)> {
    let stream = stream.into_std()?;
    let socket = OwnedFd::from(stream.try_clone()?);
    let messages = connection::Builder::unix_stream(stream)
        .server(guid)
        .p2p()
        .auth_mechanism(AuthMechanism::External)
        .build_message_stream()
        .await?;
    Ok((socket, messages))
}
