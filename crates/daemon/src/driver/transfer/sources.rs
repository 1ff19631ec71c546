//! The places that a run may ask for its file: the origin of its URL, then its mirrors.
//!
//! What the job sends to its origin, header fields and the credentials for servers, goes to no mirror: a mirror has its
//! own user and password in its URL, or none. It may never be asked under the condition of another place's entity tag
//! either, and what it tells of its version is worth what another URL's is ([`Validator::moved`]).

use std::sync::atomic::{AtomicUsize, Ordering};

use bgcopy_engine::Outcome;
use bgcopy_model::{AuthTarget, Condition, Credentials, Mirror, Redirects, Validator};
use bgcopy_origin::{Client, RedirectPolicy, Target};
use bgcopy_transfer::{Answer, BoxFuture, Failure, Source, Want};

use super::{Halt, Run, Start};

/// Where a file is, and how each place is asked.
pub(super) struct Places {
    client: Client,
    origin: Target,
    mirrors: Vec<Mirror>,
}

impl Places {
    pub(super) fn new(client: &Client, start: &Start) -> Self {
        Self {
            client: client.clone(),
            origin: Target {
                url: start.file.url.clone(),
                headers: start.headers.clone(),
                proxies: start.proxies.clone(),
                proxy: start.http.proxy.clone(),
                credentials: start.http.credentials.clone(),
                redirects: RedirectPolicy {
                    allow_insecure: start.http.security.allows_https_to_http(),
                    forbid: start.http.security.redirects() == Redirects::Refuse,
                },
            },
            mirrors: start.file.mirrors.clone(),
        }
    }

    /// The origin first, then the mirrors in their order.
    pub(super) fn sources(&self) -> Vec<Box<dyn Source>> {
        let origin: Box<dyn Source> = Box::new(self.client.source(self.origin.clone()));
        let mirrors = self.mirrors.iter().map(|mirror| self.mirror(mirror));
        std::iter::once(origin).chain(mirrors).collect()
    }

    /// A mirror, whoever named it.
    pub(super) fn mirror(&self, mirror: &Mirror) -> Box<dyn Source> {
        Box::new(self.client.source(Target {
            url: mirror.url.clone(),
            headers: Vec::new(),
            credentials: for_proxies(&self.origin.credentials),
            ..self.origin.clone()
        }))
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

/// Several places as one: the next is asked when one cannot help, and from then on, until the run ends.
pub(super) struct InTurn {
    /// As [`Places::sources`] has them.
    sources: Vec<Box<dyn Source>>,
    present: AtomicUsize,
}

impl InTurn {
    pub(super) const fn new(sources: Vec<Box<dyn Source>>) -> Self {
        Self {
            sources,
            present: AtomicUsize::new(0),
        }
    }

    /// Asks no more the place that was asked last. Whether there is another.
    fn give_up_present(&self) -> bool {
        let next = self.present.fetch_add(1, Ordering::Relaxed) + 1;
        next < self.sources.len()
    }

    async fn answer(&self, want: &Want) -> Result<Answer, Failure> {
        let mut told: Option<Failure> = None;
        loop {
            let at = self.present.load(Ordering::Relaxed);
            let Some(source) = self.sources.get(at) else {
                return Err(told.unwrap_or_else(|| {
                    Failure::new(Condition::Internal, "no place is left to ask")
                }));
            };
            let answer = if at == 0 {
                source.fetch(want).await
            } else {
                ask_mirror(source.as_ref(), want).await
            };
            match answer {
                Err(failure) if may_be_elsewhere(&failure) => {
                    tracing::debug!("place {at} of the file cannot help: {failure}");
                    told = Some(match told {
                        Some(first) => hopeful(first, failure),
                        None => failure,
                    });
                    self.give_up_present();
                }
                answer => return answer,
            }
        }
    }
}

async fn ask_mirror(mirror: &dyn Source, want: &Want) -> Result<Answer, Failure> {
    let mut want = want.clone();
    want.version = want.version.map(Validator::moved);
    let mut answer = mirror.fetch(&want).await?;
    answer.version = answer.version.moved();
    Ok(answer)
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

impl Run<'_> {
    /// Fetches and verifies. What does not have its checksum starts again at the next place. When none is left that can
    /// finish it, the wrong bytes are the error, which no retry follows: another would fetch them again and again.
    pub(super) async fn complete(&mut self, source: &InTurn) -> Result<Outcome, Halt> {
        let mut wrong = None;
        loop {
            let ended = match self.fetch(source).await {
                Ok(()) => self.finish().await,
                Err(halt) => {
                    // What came before the end is kept, unless it is known to be wrong, or the disk itself is the trouble.
                    if !halt.is_mismatch()
                        && let Err(error) = self.checkpoint().await
                    {
                        tracing::debug!("no last checkpoint of {}: {error}", self.reporter.id);
                    }
                    Err(halt)
                }
            };
            match ended {
                Err(halt) if halt.is_mismatch() && source.give_up_present() => {
                    wrong.get_or_insert(halt);
                    self.restart(false).await?;
                }
                Err(Halt::Trouble(trouble)) => {
                    return Err(wrong.unwrap_or(Halt::Trouble(trouble)));
                }
                ended => return ended,
            }
        }
    }
}
