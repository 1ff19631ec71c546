//! One remote file as a [`Source`]: from a want to an answer, over as many hops as the origin sends it.

use std::time::Duration;

use bgcopy_model::{AuthTarget, Condition, Credentials, Header, ProxyEnvironment, ProxySettings};
use bgcopy_transfer::{Answer, BoxFuture, Chunk, Facts, Failure, Source, Want, next_chunk};
use http::HeaderValue;
use hyper::body::Body as _;
use url::Url;

use crate::{
    auth::Logins,
    body::{Exchange, HttpBody, NoBody},
    client::Client,
    dialogue::{Dialogue, Hop},
    digest::ContentDigest,
    endpoint::Endpoint,
    fields::{self, Framing},
    judge::{Question, Verdict, judge},
    request::{Ask, Prepared, take_credentials},
};

/// The longest body of an answer without bytes of the file that is read to keep its connection.
const LONGEST_LEFTOVER: u64 = 16 * 1024;

/// How long that may take.
const LEFTOVER_PATIENCE: Duration = Duration::from_millis(500);

/// A remote file and how its owner wants it asked for.
#[derive(Clone)]
pub struct Target {
    /// An `http` or `https` URL. User and password in it become Basic credentials for its origin alone.
    pub url: Url,
    /// Fields of the caller's. They replace the defaults, and go to the URL's own origin alone, except User-Agent.
    /// Ignored are Host, Range, If-Range, Accept-Encoding, Proxy-Authorization and those that belong to the
    /// connection: Connection, Content-Length, Expect, Keep-Alive, Proxy-Connection, TE, Trailer,
    /// Transfer-Encoding, Upgrade.
    pub headers: Vec<Header>,
    /// The proxy variables that apply, where [`Target::proxy`] does not say otherwise.
    pub proxies: ProxyEnvironment,
    /// Which proxies are used.
    pub proxy: ProxySettings,
    /// What answers a challenge: of the URL's own origin, or of a proxy. No other host ever gets them.
    pub credentials: Credentials,
    /// Where redirects may lead.
    pub redirects: RedirectPolicy,
}

/// Where redirects may lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedirectPolicy {
    /// Whether from https to http too.
    pub allow_insecure: bool,
    /// Nowhere: every redirect is refused.
    pub forbid: bool,
}

/// A remote file that can be fetched over HTTP.
pub struct HttpSource {
    client: Client,
    target: Result<Prepared, Failure>,
    redirects: RedirectPolicy,
    dialogue: Dialogue,
}

impl HttpSource {
    pub(crate) fn new(client: Client, target: Target) -> Self {
        let agent = &client.inner.user_agent;
        Self {
            target: Prepared::new(target.url, &target.headers, agent),
            dialogue: Dialogue::new(
                client.clone(),
                target.proxies,
                target.proxy,
                Logins::of(&target.credentials, AuthTarget::Server),
                Logins::of(&target.credentials, AuthTarget::Proxy),
            ),
            client,
            redirects: target.redirects,
        }
    }

    async fn answer(&self, want: &Want, beside: bool) -> Result<Answer, Failure> {
        let target = self.target.as_ref().map_err(Clone::clone)?;
        let ask = Ask::new(want)?;
        let mut trail = Trail::new(target.url.clone());
        loop {
            let url = trail.url();
            let origin = Endpoint::of(url).ok_or_else(|| {
                // `Prepared` and `Trail` let no other URL through.
                Failure::new(Condition::SchemeUnsupported, "the URL is not http or https")
            })?;
            let hop = Hop {
                target,
                url,
                origin: &origin,
                credentials: trail.credentials.as_ref(),
                ask: &ask,
                beside,
            };
            let (head, exchange, challenge) = self.dialogue.hold(&hop).await?;
            let question = Question {
                want,
                ask: &ask,
                host: &origin,
                url,
                now: fields::now(),
            };
            tracing::debug!(host = %origin, status = %head.status, "answered");
            match judge(&question, &head) {
                Ok(Verdict::Bytes(bytes)) => {
                    let expected = bytes.end.map(|end| end - bytes.start);
                    let patience = self.client.inner.config.stall_timeout;
                    let body = HttpBody::new(exchange, bytes.framing, expected, patience)
                        .with_digest(ContentDigest::of(&head.headers))
                        .staying_open(fields::stays_open(&head));
                    return Ok(Answer {
                        start: bytes.start,
                        end: bytes.end,
                        version: bytes.version,
                        facts: trail.complete(bytes.facts),
                        body: Box::new(body),
                    });
                }
                Ok(Verdict::Nothing { at, version, facts }) => {
                    read_leftover(exchange).await;
                    return Ok(Answer {
                        start: at,
                        end: Some(at),
                        version,
                        facts: trail.complete(facts),
                        body: Box::new(NoBody),
                    });
                }
                Ok(Verdict::Redirect(location)) => {
                    read_leftover(exchange).await;
                    let most = self.client.inner.config.max_redirects;
                    trail.follow(&origin, &location, self.redirects, most)?;
                }
                Err(mut failure) => {
                    failure.detail += challenge;
                    read_leftover(exchange).await;
                    return Err(failure);
                }
            }
        }
    }
}

impl Source for HttpSource {
    fn fetch<'a>(&'a self, want: &'a Want) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(self.answer(want, false))
    }

    fn fetch_beside<'a>(&'a self, want: &'a Want) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(self.answer(want, true))
    }
}

/// Reads a short body that is of no interest, so that its connection can be used again; a long one is not worth it.
pub(crate) async fn read_leftover(exchange: Exchange) {
    let Some(length) = exchange.incoming.size_hint().exact() else {
        return;
    };
    if length > LONGEST_LEFTOVER {
        return;
    }
    let framing = Framing::Length(length);
    let mut body = HttpBody::new(exchange, framing, Some(length), LEFTOVER_PATIENCE);
    let read = async { while let Ok(Chunk::Data(_)) = next_chunk(&mut body).await {} };
    // When it takes too long, the connection is closed with the body.
    let _ = tokio::time::timeout(LEFTOVER_PATIENCE, read).await;
}

/// The URLs that redirects have led to.
struct Trail {
    /// Never empty; without credentials and fragments.
    visited: Vec<Url>,
    /// What the last redirect named for its own target.
    credentials: Option<HeaderValue>,
}

impl Trail {
    fn new(url: Url) -> Self {
        Self {
            visited: vec![url],
            credentials: None,
        }
    }

    /// Goes where `location` points from here, if the policy allows it.
    fn follow(
        &mut self,
        host: &Endpoint,
        location: &str,
        policy: RedirectPolicy,
        most: u8,
    ) -> Result<(), Failure> {
        let refused = |why: String| {
            let detail = format!("a redirect of {host} is not followed: {why}");
            Err(Failure::new(Condition::RedirectRefused, detail))
        };
        if policy.forbid {
            return refused("the job allows none".to_owned());
        }
        let Ok(mut next) = self.url().join(location) else {
            return Err(Failure::new(
                Condition::InvalidResponse,
                format!("{host} redirects to something that is no URL"),
            ));
        };
        let credentials = take_credentials(&mut next);
        let Some(there) = Endpoint::of(&next) else {
            return refused(format!(
                "it leads to {}, not to http or https",
                next.scheme()
            ));
        };
        if host.secure && !there.secure && !policy.allow_insecure {
            return refused(format!("it leads from https to http, to {there}"));
        }
        if self.visited.contains(&next) {
            return refused(format!(
                "it leads in a circle, to {there}{} again",
                next.path()
            ));
        }
        if self.visited.len() > usize::from(most) {
            return refused(format!("there are more than {most}, one after the other"));
        }
        if credentials.is_some() || there != *host {
            self.credentials = credentials;
        }
        self.visited.push(next);
        Ok(())
    }

    fn url(&self) -> &Url {
        &self.visited[self.visited.len() - 1]
    }

    fn complete(&self, mut facts: Facts) -> Facts {
        facts.found_at = (self.visited.len() > 1).then(|| self.url().clone());
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(from: &str, locations: &[&str], policy: RedirectPolicy) -> Result<Trail, Failure> {
        let mut trail = Trail::new(from.parse().unwrap());
        for location in locations {
            let host = Endpoint::of(trail.url()).unwrap();
            trail.follow(&host, location, policy, 3)?;
        }
        Ok(trail)
    }

    #[test]
    fn a_location_is_resolved_against_where_it_came_from() {
        let policy = RedirectPolicy::default();
        let end =
            |from, locations: &[&str]| follow(from, locations, policy).unwrap().url().to_string();
        assert_eq!(end("http://a/b/c?d", &["../e"]), "http://a/e");
        assert_eq!(end("http://a/b", &["//c/d", "?q#f"]), "http://c/d?q");
        assert_eq!(end("http://a/b", &["https://c/"]), "https://c/");
        assert_eq!(
            end("http://a/b", &["http://c/\u{e9} x"]),
            "http://c/%C3%A9%20x"
        );
    }

    #[test]
    fn redirects_that_lead_astray_are_refused() {
        let policy = RedirectPolicy::default();
        for (from, locations, words) in [
            ("https://a/", &["http://a/"][..], "https to http"),
            ("http://a/", &["file:///etc/passwd"], "file"),
            ("http://a/", &["/"], "circle"),
            ("http://a/", &["/b", "/c", "/b#again"], "circle"),
            ("http://a/", &["/1", "/2", "/3", "/4"], "more than 3"),
        ] {
            let failure = follow(from, locations, policy).err().unwrap();
            assert_eq!(failure.condition, Condition::RedirectRefused);
            assert!(failure.detail.contains(words), "{}", failure.detail);
        }
        let no_url = follow("http://a/", &["http://[x"], policy).err().unwrap();
        assert_eq!(no_url.condition, Condition::InvalidResponse);
    }

    #[test]
    fn the_policy_decides_about_plain_http_and_about_any_redirect() {
        let insecure = RedirectPolicy {
            allow_insecure: true,
            forbid: false,
        };
        assert!(follow("https://a/", &["http://b/"], insecure).is_ok());
        let none = RedirectPolicy {
            allow_insecure: true,
            forbid: true,
        };
        let failure = follow("http://a/", &["/b"], none).err().unwrap();
        assert_eq!(failure.condition, Condition::RedirectRefused);
    }

    #[test]
    fn credentials_in_a_location_are_for_that_origin_and_not_shown() {
        let policy = RedirectPolicy::default();
        let trail = follow("http://a/", &["http://u:p@b/x", "/y"], policy).unwrap();
        assert_eq!(trail.credentials.as_ref().unwrap(), "Basic dTpw");
        assert_eq!(trail.url().as_str(), "http://b/y");
        let trail = follow("http://a/", &["http://u:p@b/x", "http://c/"], policy).unwrap();
        assert_eq!(trail.credentials, None);
    }
}
