//! One hop: the request to one origin, by whichever proxy can be reached, until it is answered by something else than
//! a challenge.
//!
//! Owns the order of the proxies, and who is shown the job's credentials: the origin of the URL that the caller named,
//! and the proxies on the way; never a host that a redirect led to, and nobody who has not asked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bgcopy_model::{ProxyEnvironment, ProxySettings};
use bgcopy_transfer::Failure;
use http::{HeaderValue, StatusCode, response::Parts};
use url::{Position, Url};

use crate::{
    auth::{self, Asker, Logins, Reaction, Said, Talk},
    body::Exchange,
    client::Client,
    connect::{Route, Unanswered},
    endpoint::Endpoint,
    proxy,
    request::{Ask, Prepared},
    source::read_leftover,
};

/// What is asked, and where.
pub(crate) struct Hop<'a> {
    pub(crate) target: &'a Prepared,
    /// Where redirects have led.
    pub(crate) url: &'a Url,
    /// Its origin.
    pub(crate) origin: &'a Endpoint,
    /// What the last redirect named for its own target.
    pub(crate) credentials: Option<&'a HeaderValue>,
    pub(crate) ask: &'a Ask,
    /// Whether the request takes no place that somebody waits for.
    pub(crate) beside: bool,
}

/// How requests of one file go out, and what was found out about who asks for credentials.
pub(crate) struct Dialogue {
    client: Client,
    environment: ProxyEnvironment,
    settings: ProxySettings,
    proxy_logins: Logins,
    origin: Mutex<Talk>,
    /// With the proxy that the talk is with.
    proxy: Mutex<(Option<Endpoint>, Talk)>,
}

impl Dialogue {
    pub(crate) fn new(
        client: Client,
        environment: ProxyEnvironment,
        settings: ProxySettings,
        origin_logins: Logins,
        proxy_logins: Logins,
    ) -> Self {
        Self {
            client,
            environment,
            settings,
            origin: Mutex::new(Talk::new(origin_logins)),
            proxy: Mutex::new((None, Talk::new(proxy_logins.clone()))),
            proxy_logins,
        }
    }

    /// The answer's head, its body, and what is to be said if it is a challenge after all.
    ///
    /// # Errors
    /// [`Failure`]: nobody answered. Of several proxies that cannot be reached the last one is named.
    pub(crate) async fn hold(
        &self,
        hop: &Hop<'_>,
    ) -> Result<(Parts, Exchange, &'static str), Failure> {
        let logins = &self.proxy_logins;
        let ways = proxy::ways(&self.settings, &self.environment, logins, hop.url)?;
        let mut ways = ways.into_iter().peekable();
        loop {
            let route = Route {
                origin: hop.origin.clone(),
                proxy: ways.next().flatten(),
            };
            match self.by(hop, &route).await {
                Err(Unanswered {
                    failure,
                    at_proxy: true,
                }) if ways.peek().is_some() => {
                    tracing::debug!(%failure, "the next proxy is tried");
                }
                answer => return answer.map_err(|unanswered| unanswered.failure),
            }
        }
    }

    async fn by(
        &self,
        hop: &Hop<'_>,
        route: &Route,
    ) -> Result<(Parts, Exchange, &'static str), Unanswered> {
        let path = &hop.url[Position::BeforePath..Position::AfterQuery];
        // Credentials that a redirect named for its target are those of that place.
        let is_home = *hop.origin == hop.target.origin && hop.credentials.is_none();
        let forwarder = route.proxy.as_ref().filter(|_| route.is_forwarded());
        let mut said_to_origin = Said::default();
        let mut said_to_proxy = Said::default();
        loop {
            let mut request = hop
                .target
                .request(hop.url, hop.credentials, hop.ask, route)?;
            let proof = is_home.then(|| lock(&self.origin).value("GET", path));
            let proxy_proof = forwarder.map(|proxy| {
                let mut known = lock(&self.proxy);
                if known.0.as_ref() != Some(&proxy.endpoint) {
                    known.0 = Some(proxy.endpoint.clone());
                    known.1.forget();
                }
                known.1.value("GET", path)
            });
            let proofs = [(Asker::Origin, proof), (Asker::Proxy, proxy_proof)];
            for (asker, proof) in proofs {
                if let Some(proof) = proof.flatten() {
                    request.headers_mut().insert(asker.field(), proof);
                }
            }
            let fields = request.headers().clone();
            let (head, exchange) = self
                .client
                .inner
                .exchange(route.clone(), hop.beside, request)
                .await?;
            let Some(asker) = asker_of(head.status, forwarder.is_some()) else {
                return Ok((head, exchange, ""));
            };
            let reaction = match asker {
                Asker::Origin if is_home => {
                    lock(&self.origin).challenged(asker, &head.headers, &mut said_to_origin)
                }
                Asker::Origin => Reaction::Nothing,
                Asker::Proxy => {
                    lock(&self.proxy)
                        .1
                        .challenged(asker, &head.headers, &mut said_to_proxy)
                }
            };
            if reaction != Reaction::Again {
                let carried = fields.contains_key(asker.field());
                return Ok((head, exchange, auth::in_words(asker, reaction, carried)));
            }
            tracing::debug!(host = %hop.origin, status = %head.status, "a challenge is answered");
            read_leftover(exchange).await;
        }
    }
}

/// Who asks for credentials with this status. Without a proxy nobody does with 407.
fn asker_of(status: StatusCode, is_forwarded: bool) -> Option<Asker> {
    Asker::of(status).filter(|asker| *asker == Asker::Origin || is_forwarded)
}

/// No code panics while it holds one of these locks, and a talk is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
