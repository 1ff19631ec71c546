//! Making connections: names, addresses, sockets, and what is layered on them.
//!
//! Owns every socket of this crate: a network that is simulated, or a socket whose receive window is steered, has
//! its place here and nowhere else. It must never speak HTTP itself, but for the proxy's CONNECT.

use std::{collections::VecDeque, io, net::SocketAddr, time::Duration};

use bgcopy_model::Condition;
use bgcopy_transfer::Failure;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use url::Host;

use crate::{
    auth::{self, Asker, Reaction, Said, Talk},
    endpoint::Endpoint,
    failure,
    proxy::{self, Proxy, Tunnel},
    tls::Tls,
};

/// How long one address gets before the next one is tried beside it (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// A stream of bytes both ways: a socket, TLS on a socket, TLS in a tunnel.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The way to an origin. Connections of the same route can stand in for each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    pub(crate) origin: Endpoint,
    pub(crate) proxy: Option<Proxy>,
}

impl Route {
    /// Whether requests go to a proxy that passes them on, so that their target has the absolute form.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.proxy.is_some() && !self.origin.secure
    }
}

/// Why there is no answer, and whether the proxy was to blame: then another one may serve.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) failure: Failure,
    /// The proxy itself could not be reached.
    pub(crate) at_proxy: bool,
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            at_proxy: false,
        }
    }
}

/// Connects, within `limit` for all that it takes.
pub(crate) async fn connect(
    route: &Route,
    tls: &Tls,
    limit: Duration,
) -> Result<Box<dyn Stream>, Unanswered> {
    let hop = route
        .proxy
        .as_ref()
        .map_or(&route.origin, |proxy| &proxy.endpoint);
    let mut reached = false;
    let result = tokio::time::timeout(limit, establish(route, hop, tls, &mut reached)).await;
    let result = result.unwrap_or_else(|_| {
        let (place, limit) = (hop.authority(), failure::in_words(limit));
        Err(Failure::new(
            Condition::ConnectFailure,
            format!("cannot connect to {place}: no connection within {limit}"),
        ))
    });
    result.map_err(|failure| Unanswered {
        failure,
        at_proxy: route.proxy.is_some() && !reached,
    })
}

/// `reached` is set once the next hop speaks with us.
async fn establish(
    route: &Route,
    hop: &Endpoint,
    tls: &Tls,
    reached: &mut bool,
) -> Result<Box<dyn Stream>, Failure> {
    let proxy = match &route.proxy {
        Some(proxy) if route.origin.secure => proxy,
        _ => return reach(hop, tls, reached).await,
    };
    let mut talk = Talk::new(proxy.logins.clone());
    let mut said = Said::default();
    let place = route.origin.authority();
    let stream = loop {
        let proof = talk.value("CONNECT", &place);
        let authorization = proof.as_ref().or(proxy.authorization.as_ref());
        let stream = reach(hop, tls, reached).await?;
        match proxy::tunnel(proxy, authorization, &route.origin, stream).await? {
            Tunnel::Open(stream) => break stream,
            Tunnel::Challenged(headers, mut failure) => {
                let reaction = talk.challenged(Asker::Proxy, &headers, &mut said);
                // The proxy may keep this connection or not: another one works with both.
                if reaction != Reaction::Again {
                    let carried = authorization.is_some();
                    failure.detail += auth::in_words(Asker::Proxy, reaction, carried);
                    return Err(failure);
                }
            }
        }
    };
    Ok(Box::new(tls.handshake(&route.origin, stream).await?))
}

async fn reach(hop: &Endpoint, tls: &Tls, reached: &mut bool) -> Result<Box<dyn Stream>, Failure> {
    let socket = tcp(hop).await?;
    let stream: Box<dyn Stream> = if hop.secure {
        Box::new(tls.handshake(hop, socket).await?)
    } else {
        Box::new(socket)
    };
    *reached = true;
    Ok(stream)
}

async fn tcp(endpoint: &Endpoint) -> Result<TcpStream, Failure> {
    let addresses = resolve(endpoint).await?;
    let socket = race(interleave(addresses))
        .await
        .map_err(|error| failure::connect(&endpoint.authority(), &error))?;
    // A request is one small write: waiting to fill a segment gains nothing. Without it things work as well.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    Ok(socket)
}

async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, Failure> {
    let port = endpoint.port;
    let name = match &endpoint.host {
        Host::Ipv4(address) => return Ok(vec![(*address, port).into()]),
        Host::Ipv6(address) => return Ok(vec![(*address, port).into()]),
        Host::Domain(name) => name.as_str(),
    };
    let why = match tokio::net::lookup_host((name, port)).await {
        Ok(addresses) => {
            let addresses: Vec<_> = addresses.collect();
            if !addresses.is_empty() {
                return Ok(addresses);
            }
            "it has no address".to_owned()
        }
        Err(error) => {
            let text = failure::plain(&error);
            text.trim_start_matches("failed to lookup address information: ")
                .to_owned()
        }
    };
    Err(Failure::new(
        Condition::NameNotResolved,
        format!("the name {name} cannot be resolved: {why}"),
    ))
}

/// The addresses with their families in turn, beginning with that of the first, which the resolver prefers
/// (RFC 8305, section 4).
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (preferred, other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv4() == first_is_v4);
    let mut other = other.into_iter();
    let mut order = VecDeque::new();
    for address in preferred {
        order.push_back(address);
        order.extend(other.next());
    }
    order.extend(other);
    order
}

/// The first connection that comes about. An address is tried when the one before it failed, or has not answered
/// for [`STAGGER`].
async fn race(mut addresses: VecDeque<SocketAddr>) -> io::Result<TcpStream> {
    if let (Some(only), 1) = (addresses.front(), addresses.len()) {
        return TcpStream::connect(only).await;
    }
    let mut attempts = JoinSet::new();
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        if let Some(address) = addresses.pop_front() {
            attempts.spawn(TcpStream::connect(address));
        } else if attempts.is_empty() {
            return Err(failed);
        }
        let stagger = async {
            if addresses.is_empty() {
                std::future::pending::<()>().await;
            } else {
                tokio::time::sleep(STAGGER).await;
            }
        };
        tokio::select! {
            Some(done) = attempts.join_next() => match done {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => failed = worse(failed, error),
                Err(error) => failed = worse(failed, io::Error::other(error)),
            },
            () = stagger => {}
        }
    }
}

/// Which of two failures tells more. That a family has no route says little when the other one was answered.
fn worse(earlier: io::Error, later: io::Error) -> io::Error {
    use io::ErrorKind as K;
    let says_little = |error: &io::Error| match error.kind() {
        K::AddrNotAvailable => 2,
        K::NetworkUnreachable | K::NetworkDown => 1,
        _ => 0,
    };
    if says_little(&later) <= says_little(&earlier) {
        later
    } else {
        earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |list: &str| -> Vec<SocketAddr> {
            list.split(' ').map(|text| text.parse().unwrap()).collect()
        };
        let order = interleave(parse("[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1 1.1.1.2:1"));
        assert_eq!(
            Vec::from(order),
            parse("[::1]:1 1.1.1.1:1 [::2]:1 1.1.1.2:1 [::3]:1")
        );
        let order = interleave(parse("1.1.1.1:1 [::1]:1 [::2]:1"));
        assert_eq!(Vec::from(order), parse("1.1.1.1:1 [::1]:1 [::2]:1"));
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let refusing = free.local_addr().unwrap();
        drop(free);
        let address = listener.local_addr().unwrap();
        let socket = race([refusing, refusing, address].into()).await.unwrap();
        assert_eq!(socket.peer_addr().unwrap(), address);
        let error = race([refusing, refusing].into()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_family_without_a_route_does_not_hide_the_other_ones_answer() {
        let kinds = [
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::ConnectionRefused,
        ];
        for (a, b) in [(0, 1), (1, 0)] {
            let kind = worse(kinds[a].into(), kinds[b].into()).kind();
            assert_eq!(kind, io::ErrorKind::ConnectionRefused);
        }
    }
}
