//! The places that a run may ask for its file: the origin of its URL, then its mirrors.
//!
//! What the job sends to its origin, header fields and the credentials for servers, goes to no mirror: a mirror has its
//! own user and password in its URL, or none. It may never be asked under the condition of another place's entity tag
//! either, and what it tells of its version is worth what another URL's is ([`Validator::moved`]).

use std::sync::atomic::{AtomicUsize, Ordering};

use bgcopy_model::{
    AuthTarget, Checksum, Condition, Credentials, FileRecord, Redirects, Validator,
};
use bgcopy_origin::{Client, RedirectPolicy, Target};
use bgcopy_transfer::{Answer, BoxFuture, Failure, Source, Want};

use super::Start;

/// The origin first, then the mirrors in their order.
pub(super) fn of(client: &Client, start: &Start) -> Vec<Box<dyn Source>> {
    let redirects = RedirectPolicy {
        allow_insecure: start.http.security.allows_https_to_http(),
        forbid: start.http.security.redirects() == Redirects::Refuse,
    };
    let origin = Target {
        url: start.file.url.clone(),
        headers: start.headers.clone(),
        proxies: start.proxies.clone(),
        proxy: start.http.proxy.clone(),
        credentials: start.http.credentials.clone(),
        redirects,
    };
    let mirrors = start.file.mirrors.iter().map(|mirror| Target {
        url: mirror.url.clone(),
        headers: Vec::new(),
        credentials: for_proxies(&start.http.credentials),
        ..origin.clone()
    });
    let targets = std::iter::once(origin.clone()).chain(mirrors);
    targets
        .map(|target| Box::new(client.source(target)) as Box<dyn Source>)
        .collect()
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

/// Several places as one: the next is asked when one cannot help, and from then on, until the run ends.
pub(super) struct InTurn {
    sources: Vec<Box<dyn Source>>,
    present: AtomicUsize,
    /// What the whole file must have: a place that tells otherwise cannot help.
    expected: Option<Checksum>,
}

impl InTurn {
    /// `sources` are those of [`of`] for this file.
    pub(super) fn new(sources: Vec<Box<dyn Source>>, file: &FileRecord) -> Self {
        Self {
            sources,
            present: AtomicUsize::new(0),
            expected: file.checksum.filter(|_| file.ranges.is_empty()),
        }
    }

    async fn answer(&self, want: &Want) -> Result<Answer, Failure> {
        let mut worst: Option<Failure> = None;
        loop {
            let at = self.present.load(Ordering::Relaxed);
            let Some(source) = self.sources.get(at) else {
                // The next run, if there is one, begins with the first again.
                return Err(worst.unwrap_or_else(|| {
                    Failure::new(Condition::Internal, "there is no place to ask")
                }));
            };
            match self.ask(source.as_ref(), at > 0, want).await {
                Err(failure) if may_be_elsewhere(&failure) => {
                    tracing::debug!("place {at} of the file cannot help: {failure}");
                    self.present.store(at + 1, Ordering::Relaxed);
                    worst = Some(worst.map_or(failure.clone(), |worst| hopeful(worst, failure)));
                }
                answer => return answer,
            }
        }
    }

    async fn ask(
        &self,
        source: &dyn Source,
        is_mirror: bool,
        want: &Want,
    ) -> Result<Answer, Failure> {
        if !is_mirror {
            return source.fetch(want).await;
        }
        let mut want = want.clone();
        want.version = want.version.map(Validator::moved);
        let mut answer = source.fetch(&want).await?;
        if let (Some(expected), Some(told)) = (self.expected, answer.version.digest)
            && expected.algorithm == told.algorithm
            && expected != told
        {
            let detail = format!("a mirror has a file with the checksum {told}, not {expected}");
            return Err(Failure::new(Condition::DigestMismatch, detail));
        }
        answer.version = answer.version.moved();
        Ok(answer)
    }
}

impl Source for InTurn {
    fn fetch<'a>(&'a self, want: &'a Want) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(self.answer(want))
    }
}

/// Whether another place may have what this one has not. Without a network none is better than the other, and a version
/// that changed is for the run to begin again with.
const fn may_be_elsewhere(failure: &Failure) -> bool {
    !matches!(
        failure.condition,
        Condition::RemoteFileChanged | Condition::NetworkDisconnected
    )
}

/// Of two failures the first that waiting may mend, else the first: that of the URL that the caller named.
fn hopeful(first: Failure, second: Failure) -> Failure {
    if !first.condition.is_transient() && second.condition.is_transient() {
        second
    } else {
        first
    }
}
