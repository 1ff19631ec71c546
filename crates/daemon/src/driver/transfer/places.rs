//! The places that a run may ask for its file: the origin of its URL, then its mirrors, the caller's before those that the
//! origin names (RFC 6249).
//!
//! What the job sends to its origin, header fields and the credentials for servers, goes to no mirror: a mirror has its
//! own user and password in its URL, or none. It may never be asked under the condition of another place's entity tag
//! either; that is `sources`' and `question`'s part.

use bgcopy_model::{AuthTarget, Credentials, Limits, Mirror, Redirects};
use bgcopy_origin::{Client, RedirectPolicy, Target};
use bgcopy_transfer::Source;
use url::Url;

use super::Start;

/// A place, and what asks it.
pub(super) struct Located {
    pub(super) url: Url,
    pub(super) source: Box<dyn Source>,
}

/// Where a file is, and how each place is asked.
pub(super) struct Places {
    client: Client,
    origin: Target,
    mirrors: Vec<Mirror>,
}

impl Places {
    pub(super) fn new(client: &Client, start: &Start) -> Self {
        let origin = Target {
            url: Url::clone(&start.file.url),
            headers: start.headers.clone(),
            proxies: start.proxies.clone(),
            proxy: start.http.proxy.clone(),
            credentials: start.http.credentials.clone(),
            redirects: RedirectPolicy {
                allow_insecure: start.http.security.allows_https_to_http(),
                forbid: start.http.security.redirects() == Redirects::Refuse,
            },
        };
        Self::of(client.clone(), origin, start.file.mirrors.clone())
    }

    pub(super) const fn of(client: Client, origin: Target, mirrors: Vec<Mirror>) -> Self {
        Self {
            client,
            origin,
            mirrors,
        }
    }

    pub(super) fn origin(&self) -> Located {
        self.at(self.origin.clone())
    }

    /// The mirrors that the caller named, in their order.
    pub(super) fn mirrors(&self) -> Vec<Located> {
        self.mirrors.iter().map(|it| self.mirror(it)).collect()
    }

    /// A mirror that the origin names; `None`: it is known, or there are enough, or the origin has no say in where else
    /// the job asks.
    pub(super) fn learn(&mut self, mirror: &Mirror) -> Option<Located> {
        let is_known =
            mirror.url == self.origin.url || self.mirrors.iter().any(|it| it.url == mirror.url);
        if is_known || self.origin.redirects.forbid || self.mirrors.len() >= Limits::MIRRORS {
            return None;
        }
        self.mirrors.push(mirror.clone());
        Some(self.mirror(mirror))
    }

    /// A mirror, whoever named it.
    fn mirror(&self, mirror: &Mirror) -> Located {
        self.at(Target {
            url: mirror.url.clone(),
            headers: Vec::new(),
            credentials: for_proxies(&self.origin.credentials),
            ..self.origin.clone()
        })
    }

    fn at(&self, target: Target) -> Located {
        Located {
            url: target.url.clone(),
            source: Box::new(self.client.source(target)),
        }
    }
}

fn for_proxies(credentials: &Credentials) -> Credentials {
    let mut kept = credentials.clone();
    for (target, scheme) in credentials.kinds() {
        if target == AuthTarget::Server {
            kept.remove(target, scheme);
        }
    }
    kept
}
