//! One run of one file: asks its sources for what is missing, writes it, makes it durable, reports.
//!
//! Where the bytes go is `sink`'s: into a file they come by lanes (`fetch`), into a stream they are poured (`pour`).
//!
//! ```text
//! sources ─► question ─► lane ─┐               ┌─► writes ─► checkpoint ─► report
//!            (what, and does   ├─ crew ─ fetch ┤
//!             the answer fit)  ┘ (how many)    └─► picker (what is here, what is with whom)
//! ```
//!
//! The loop has all of it under way at once and never waits for one alone: the next chunk of each body, writes, a
//! checkpoint, and the order to stop.
//!
//! It must never report bytes as durable that were not synced before, and it ends with exactly one
//! [`Report::Ended`], after which nothing of it writes.

mod digest;
mod gather;
mod lane;
mod meter;
mod pour;
mod pump;
mod question;
mod sink;
mod sources;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::AtomicU32},
};

use bgcopy_disk::{DiskError, OwnerDisk};
use bgcopy_engine::{Attempt, Event, Outcome, Picker, Report, Trouble};
use bgcopy_model::{
    self as model, Condition, Extent, FileId, FileRecord, Layout, RangeSet, Redirects, Validator,
};
use bgcopy_origin::Client;
use bgcopy_transfer::{Answer, Body, Facts, Failure, Source, Want};
use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};

use self::{
    gather::Gathered,
    meter::Meter,
    sink::Sink,
    sources::{InTurn, Places},
};
use super::{
    Message,
    effects::Start,
    files::trouble,
    heads::Heads,
    names::Names,
    streams::{Ready, Stream},
};

/// What every run needs of the driver.
pub(super) struct Surroundings {
    pub(super) disk: Result<OwnerDisk, DiskError>,
    pub(super) client: Client,
    /// Where the bytes go that do not go into a file.
    pub(super) stream: Option<Arc<Stream>>,
    pub(super) names: Names,
    pub(super) heads: Heads,
    pub(super) budget: Budget,
    /// How many requests there may be under way for the file. The driver changes it while the run goes on.
    pub(super) lanes: Arc<AtomicU32>,
    pub(super) messages: mpsc::UnboundedSender<Message>,
}

/// Starts the run as a task of its own.
pub(super) fn spawn(start: Start, with: Surroundings, stop: oneshot::Receiver<()>) {
    let source = InTurn::new(Places::new(&with.client, &start).sources());
    let told = Told {
        heads: with.heads,
        reports_redirects: redirects == Redirects::Report,
    };
    let reporter = Reporter {
        messages: with.messages,
        id: start.id,
        attempt: start.attempt,
        told,
    };
    let sink = match start.file.sink {
        model::Sink::File => with
            .disk
            .map(|disk| Sink::file(disk, with.names))
            .map_err(Halt::from),
        model::Sink::Stream { .. } => with.stream.map(Sink::Stream).ok_or_else(|| {
            let condition = Condition::NoSink;
            halt(condition, condition.description())
        }),
    };
    tokio::spawn(async move {
        let (file, lanes) = (start.file, with.lanes);
        let run = run(file, sink, sources, lanes, budget, &reporter, stop);
        let outcome = AssertUnwindSafe(run)
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                let detail = format!(
                    "the transfer of {} failed by a fault of the service",
                    reporter.id
                );
                tracing::error!("{detail}");
                Outcome::Failed(Trouble::new(Condition::Internal, detail))
            });
        reporter.report(Report::Ended(outcome));
    });
}

/// The places that have the file: the origin, and whoever else is known to. This is the one place where that is decided.
fn sources(start: &Start, client: &Client) -> Sources {
    let security = start.http.security;
    let origin = client.source(Target {
        url: start.file.url.clone(),
        headers: start.headers.clone(),
        proxies: start.proxies.clone(),
        proxy: start.http.proxy.clone(),
        credentials: start.http.credentials.clone(),
        redirects: RedirectPolicy {
            allow_insecure: security.allows_https_to_http(),
            forbid: security.redirects() == Redirects::Refuse,
        },
    });
    let mirrors: Vec<Box<dyn Source>> = Vec::new();
    // Only what is held against a checksum in the end may come from several places.
    let verifies = start.file.checksum.is_some();
    Sources::new(Box::new(origin), mirrors, verifies)
}

/// Where that goes which an answer tells beside the bytes.
struct Told {
    heads: Heads,
    /// Whether the job wants to know where redirects lead.
    reports_redirects: bool,
}

/// The way back to the driver.
struct Reporter {
    told: Told,
    messages: mpsc::UnboundedSender<Message>,
    id: FileId,
    attempt: Attempt,
}

impl Reporter {
    fn report(&self, report: Report) {
        let event = Event::Transfer(self.id, self.attempt, report);
        // A driver that is gone has no use for it.
        let _ = self.messages.send(Message::Event(event));
    }
}

impl Reporter {
    /// Passes on what an answer told beside the bytes.
    fn told_by(&self, facts: &Facts) {
        self.told.heads.put(self.id, &facts.head);
        if let Some(url) = &facts.found_at
            && self.told.reports_redirects
        {
            self.report(Report::Redirected(url.clone()));
        }
    }

    /// Reports, and waits until what the report changed is durable.
    async fn report_durably(&self, report: Report) -> Result<(), Halt> {
        let (done, durable) = oneshot::channel();
        let event = Event::Transfer(self.id, self.attempt, report);
        let _ = self.messages.send(Message::Durably(event, done));
        // A driver that is gone never recorded it, so the run ends too.
        durable.await.map_err(|_| Halt::Stopped)
    }
}

/// Why a run ends before every byte is here.
enum Halt {
    Stopped,
    Trouble(Trouble),
}

impl From<DiskError> for Halt {
    fn from(error: DiskError) -> Self {
        Self::Trouble(trouble(error))
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Trouble(Trouble {
            condition: failure.condition,
            detail: failure.detail,
            retry_after: failure.retry_after,
        })
    }
}

fn halt(condition: Condition, detail: impl Into<String>) -> Halt {
    Halt::Trouble(Trouble::new(condition, detail))
}

async fn run(
    mut file: FileRecord,
    sink: Result<Sink, Halt>,
    source: InTurn,
    reporter: &Reporter,
    stop: oneshot::Receiver<()>,
) -> Outcome {
    let prepared = async {
        let layout = Layout::checked(&file.ranges);
        let sink = sink?;
        if let Sink::Stream(stream) = &sink {
            // The record can be behind it, never the other way round.
            let taken = stream.begin(file.durable.len());
            file.durable = RangeSet::from_iter((taken > 0).then(|| Extent::new(0, taken)));
        }
        let layout = match file.validator.size.filter(|_| !file.durable.is_empty()) {
            Some(remote) => layout.settled(remote),
            None => layout,
        };
        let mut run = Run {
            size: file.size.filter(|_| !file.durable.is_empty()),
            picker: picker(&file, &layout),
            durable: file.durable.clone(),
            version: (!file.durable.is_empty()).then(|| file.validator.clone()),
            file,
            layout,
            sink,
            sources,
            most_lanes,
            budget,
            length_verified: true,
            meter: Meter::start(),
            reporter,
            stop,
        };
        run.reopen().await?;
        Ok::<_, Halt>(run)
    };
    let mut run = match prepared.await {
        Ok(run) => run,
        Err(halt) => return Outcome::from(halt),
    };
    let outcome = run.complete(&source).await.unwrap_or_else(Outcome::from);
    run.report_spent();
    outcome
}

impl From<Halt> for Outcome {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Stopped => Self::Stopped,
            Halt::Trouble(trouble) => Self::Failed(trouble),
        }
    }
}

/// What is missing of a file. A size that came without a byte is not believed: the next answer may be of another version.
fn picker(file: &FileRecord, layout: &Layout) -> Picker {
    let size = if file.durable.is_empty() {
        layout.local_size(None)
    } else {
        file.size
    };
    Picker::new(size, file.durable.clone())
}

/// A run's state.
struct Run<'a> {
    file: FileRecord,
    layout: Layout,
    sink: Sink,
    sources: Sources,
    /// How many requests there may be under way; changes with the job's priority.
    most_lanes: Arc<AtomicU32>,
    budget: Budget,
    /// What is here, written; and what to ask for next.
    picker: Picker,
    /// Bytes of the local file, once an answer has told.
    size: Option<u64>,
    /// What was last reported as synced.
    durable: RangeSet,
    /// The version of which bytes are here, as the origin tells it.
    version: Option<Validator>,
    /// Whether the origin told where the file ends.
    length_verified: bool,
    /// What it costs.
    meter: Meter,
    reporter: &'a Reporter,
    stop: oneshot::Receiver<()>,
}

impl Run<'_> {
    /// Whether the bytes here are of another URL. That the file is another one at its new place is no change of it.
    fn is_from_elsewhere(&self) -> bool {
        self.version
            .as_ref()
            .is_some_and(|version| version.elsewhere)
    }

    /// Asks for missing runs until none is left.
    async fn fetch(&mut self, source: &dyn Source) -> Result<(), Halt> {
        while let Some(missing) = self.picker.next(u64::MAX) {
            let (local, want) = self.want(missing)?;
            self.until_wanted().await?;
            self.meter.asked();
            let answer = tokio::select! {
                biased;
                _ = &mut self.stop => Err(Halt::Stopped),
                answer = source.fetch(&want) => answer.map_err(Halt::from),
            };
            let answer = match answer {
                Err(Halt::Trouble(trouble))
                    if trouble.condition == Condition::RemoteFileChanged
                        && !self.picker.here().is_empty() =>
                {
                    self.restart(!self.is_from_elsewhere()).await?;
                    continue;
                }
                other => other?,
            };
            let (offset, limit, mut body) = self.accept(answer, local, &want).await?;
            let before = self.picker.here().len();
            match &self.sink {
                Sink::File(_) => self.fill(body.as_mut(), offset, limit).await?,
                Sink::Stream(stream) => {
                    let stream = stream.clone();
                    self.pour(&stream, body.as_mut(), offset, limit).await?;
                }
            }
            self.picker.give_back(missing);
            if self.picker.here().len() == before && !self.picker.is_complete() {
                let detail = format!("{} ended its answer before the first byte", self.host());
                return Err(halt(Condition::ConnectionClosed, detail));
            }
        }
        Ok(())
    }

    /// Takes a body into the file: a small file in one piece, others as the bytes come.
    async fn fill(
        &mut self,
        body: &mut dyn Body,
        offset: u64,
        limit: Option<u64>,
    ) -> Result<(), Halt> {
        let gathered = if self.gathers(self.size) && offset == 0 {
            self.gather(body, limit).await?
        } else {
            Gathered::Begin(Vec::new())
        };
        match gathered {
            Gathered::Whole => Ok(()),
            Gathered::Begin(chunks) => {
                self.make(self.size).await?;
                self.pump(body, offset, limit, chunks).await
            }
            Gathered::Ended(chunks, mut rest) => {
                self.make(self.size).await?;
                self.pump(&mut rest, offset, limit, chunks).await
            }
        }
    }

    /// The local interval to fill next, and what to ask a source for it.
    fn want(&self, missing: Missing) -> Result<(u64, Want), Halt> {
        let continues = !self.picker.here().is_empty();
        let has_validator = self
            .version
            .as_ref()
            .is_some_and(|v| v.if_range().is_some());
        // Bytes that nothing ties to the next answer are of no use: the file starts again.
        let starts_again = continues && !has_validator;
        if starts_again && self.sink.is_stream() {
            return Err(self.cannot_start_again(false));
        }
        if starts_again && self.file.ranges.len() > 1 {
            let detail = format!(
                "{} tells by nothing that two answers are of one version, so the ranges cannot be joined",
                self.host()
            );
            return Err(halt(Condition::InsufficientRangeSupport, detail));
        }
        let start = if starts_again { 0 } else { missing.start };
        let Some((remote, run)) = self.layout.remote(start) else {
            let detail = format!(
                "{} has no byte {start} of the ranges asked for",
                shown(&self.file.url)
            );
            return Err(halt(Condition::InvalidRange, detail));
        };
        let ends = [run, missing.end.map(|end| end - start)];
        let length = ends.into_iter().flatten().min();
        let whole = self.layout.is_whole();
        let end = match length {
            // A run to the known end is asked for without an end: a server's file may only be served whole.
            Some(length) if !(whole && missing.end == self.size) => Some(remote + length),
            _ => None,
        };
        let version = if has_validator {
            self.version.clone()
        } else {
            None
        };
        Ok((
            start,
            Want {
                start: remote,
                end,
                version,
                exact: !whole,
            },
        ))
    }

    /// Judges an answer's head: where its bytes go, how many at most, and the body.
    async fn accept(
        &mut self,
        answer: Answer,
        local: u64,
        want: &Want,
    ) -> Result<(u64, Option<u64>, Box<dyn Body>), Halt> {
        self.is_the_expected(&answer.version)?;
        let known = self.version.as_ref();
        let changed = known.is_some_and(|known| {
            known.if_range().is_some() && !known.same_version(&answer.version)
        });
        let continues = !self.picker.here().is_empty();
        if continues && (changed || answer.start != want.start || want.version.is_none()) {
            let from_the_start = local == 0 && answer.start == want.start;
            if answer.start != 0 && !from_the_start {
                let detail = format!("{} answered with another range than asked for", self.host());
                return Err(halt(Condition::InvalidResponse, detail));
            }
            self.restart(changed && !self.is_from_elsewhere()).await?;
        }
        let local = if answer.start == want.start { local } else { 0 };
        let size = match answer.version.size {
            Some(remote) => {
                let layout = Layout::checked(&self.file.ranges);
                layout.check(remote).map_err(|error| {
                    let detail = format!("{} has {remote} bytes: {error}", shown(&self.file.url));
                    halt(Condition::from(error), detail)
                })?;
                self.layout = layout.settled(remote);
                self.layout.local_size(Some(remote))
            }
            None if self.layout.needs_size() => {
                let detail = format!(
                    "{} does not say how long the file is, so what comes behind the range to its end has no place",
                    self.host()
                );
                return Err(halt(Condition::InsufficientRangeSupport, detail));
            }
            None => self.layout.local_size(None),
        };
        self.open(size, &answer.version, &answer.facts).await?;
        self.size = size;
        if let Some(size) = size {
            self.picker.set_size(size);
        }
        self.version = Some(answer.version);
        self.expect_digest();
        let run = self.layout.remote(local).and_then(|(_, run)| run);
        let limit = run.or(size.map(|size| size.saturating_sub(local)));
        Ok((local, limit, answer.body))
    }

    /// Reports what was spent since the last time; right before what writes the file's record.
    fn report_spent(&mut self) {
        let spent = self.meter.take();
        self.reporter.report(Report::Spent(spent));
    }

    fn host(&self) -> &str {
        self.file.url.host_str().unwrap_or("the origin")
    }
}

#[cfg(test)]
mod tests;
