//! What all sources of a service share: configuration, trust, and the pool of connections.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bgcopy_model::Condition;
use bgcopy_transfer::Failure;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, response::Parts};
use http_body_util::Empty;
use hyper::body::Incoming;

use crate::{
    body::Exchange,
    connect::{self, Route, Unanswered},
    connection::Connection,
    failure,
    pool::{Lease, Pool},
    source::{HttpSource, Target},
    tls::Tls,
};

/// The longest timeout that makes a difference.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// How HTTP is spoken, for all jobs alike.
#[derive(Clone, Debug)]
pub struct Config {
    /// A PEM file with the certificates of the authorities to trust, instead of the system's store. Without it the
    /// system's store is read, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    pub ca_file: Option<PathBuf>,
    /// How long it may take to reach an origin: name, socket, proxy and TLS together.
    pub connect_timeout: Duration,
    /// How long an origin may take for the whole head of an answer, and then be silent while bytes of the body are
    /// waited for.
    pub stall_timeout: Duration,
    /// How many redirects are followed one after the other.
    pub max_redirects: u8,
    /// The User-Agent of requests whose caller sets none.
    pub user_agent: String,
    /// How many connections there may be at once to one scheme, host and port through the same proxy.
    pub connections_per_origin: usize,
    /// How long an idle connection is kept; zero: not at all. Without an idle connection there is no timer.
    pub idle_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ca_file: None,
            connect_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_mins(1),
            max_redirects: 10,
            user_agent: concat!("bgcopy/", env!("CARGO_PKG_VERSION")).to_owned(),
            connections_per_origin: 16,
            idle_timeout: Duration::from_secs(15),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The User-Agent holds a character that HTTP does not allow.
    #[error("the user agent {0:?} cannot be sent in HTTP")]
    UserAgent(String),
    /// No connection at all is allowed.
    #[error("there must be at least one connection per origin")]
    NoConnections,
}

/// The HTTP client of a service; a clone is the same client. Files of the certificate store are not read before
/// the first `https` connection.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) user_agent: HeaderValue,
    pool: Arc<Pool>,
    tls: Tls,
}

impl Client {
    /// A client with this configuration. Nothing is connected or read yet.
    ///
    /// # Errors
    /// [`SetupError`]: a value of the configuration makes no sense.
    pub fn new(mut config: Config) -> Result<Self, SetupError> {
        let user_agent = HeaderValue::from_str(&config.user_agent)
            .map_err(|_| SetupError::UserAgent(config.user_agent.clone()))?;
        if config.connections_per_origin == 0 {
            return Err(SetupError::NoConnections);
        }
        // Deadlines are sums of the clock and these: «for ever» must not overflow them.
        config.stall_timeout = config.stall_timeout.min(LONGEST);
        config.idle_timeout = config.idle_timeout.min(LONGEST);
        let inner = Inner {
            user_agent,
            pool: Pool::new(config.connections_per_origin, config.idle_timeout),
            tls: Tls::new(config.ca_file.clone()),
            config,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// A source of this target. A target that cannot be asked for is reported by the first fetch.
    pub fn source(&self, target: Target) -> HttpSource {
        HttpSource::new(self.clone(), target)
    }
}

impl Inner {
    /// Sends a request and waits for the head of its answer; `beside` others, where it does not wait for a place.
    pub(crate) async fn exchange(
        &self,
        route: Route,
        beside: bool,
        request: Request<Empty<Bytes>>,
    ) -> Result<(Parts, Exchange), Unanswered> {
        let lease = if beside {
            let host = route.origin.clone();
            let free = self.pool.lease_if_free(route);
            free.ok_or_else(|| failure::no_room(&host))?
        } else {
            self.pool.lease(route).await
        };
        if let Some(mut connection) = lease.idle().await {
            let before = connection.received();
            let result = self.send(&lease, &mut connection, request.clone()).await;
            // It may have been closed while the request was on its way. Nothing was answered, and GET can be
            // repeated (RFC 9112, section 9.3.1).
            let was_dead = connection.received() == before
                && result
                    .as_ref()
                    .is_err_and(|failure| failure.condition != Condition::Timeout);
            if !was_dead {
                return Ok(split(result?, connection, lease));
            }
            tracing::debug!(host = %lease.route().origin, "a kept connection was dead");
        }
        let limit = self.config.connect_timeout;
        let stream = connect::connect(lease.route(), &self.tls, limit).await?;
        let mut connection = Connection::open(stream)
            .await
            .map_err(|error| failure::head(&lease.route().origin, &error))?;
        let answer = self.send(&lease, &mut connection, request).await?;
        Ok(split(answer, connection, lease))
    }

    async fn send(
        &self,
        lease: &Lease,
        connection: &mut Connection,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        let (host, limit) = (&lease.route().origin, self.config.stall_timeout);
        match tokio::time::timeout(limit, connection.send(request)).await {
            Ok(answer) => answer.map_err(|error| failure::head(host, &error)),
            Err(_) => Err(failure::silent(host, limit)),
        }
    }
}

fn split(answer: Response<Incoming>, connection: Connection, lease: Lease) -> (Parts, Exchange) {
    let (head, incoming) = answer.into_parts();
    let exchange = Exchange {
        connection,
        incoming,
        lease,
    };
    (head, exchange)
}
