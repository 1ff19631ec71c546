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

mod blocks;
mod budget;
mod chunks;
mod crew;
mod digest;
mod failing;
mod fetch;
mod gather;
mod lane;
mod meter;
mod places;
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
use bgcopy_transfer::{Facts, Failure};
use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};

pub(super) use self::budget::Budget;
use self::{meter::Meter, places::Places, sink::Sink, sources::Sources};
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
    let redirects = start.http.security.redirects();
    let sources = sources(&start, &with.client);
    let budget = with.budget;
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
    let places = Places::new(client, start);
    // Only what is held against a checksum in the end may come from several places.
    let verifies = start.file.checksum.is_some();
    let sources = Sources::new(places.origin(), places.mirrors(), verifies);
    if verifies {
        sources.learning(places)
    } else {
        sources
    }
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
    /// Passes on what an answer told beside the bytes; where a redirect led only if it is the origin's.
    fn told_by(&self, facts: &Facts, is_origin: bool) {
        self.told.heads.put(self.id, &facts.head);
        if let Some(url) = &facts.found_at
            && self.told.reports_redirects
            && is_origin
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
    /// A place did not deliver, or not what it should: another one may.
    Trouble(Trouble),
    /// The disk, or whatever else is here: no other place would mend it.
    Local(Trouble),
}

impl From<DiskError> for Halt {
    fn from(error: DiskError) -> Self {
        Self::Local(trouble(error))
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Trouble(Trouble {
            condition: failure.condition,
            detail: failure.detail,
            retry_after: failure.retry_after,
            in_vain: false,
        })
    }
}

fn halt(condition: Condition, detail: impl Into<String>) -> Halt {
    Halt::Trouble(Trouble::new(condition, detail))
}

impl Halt {
    fn local(condition: Condition, detail: impl Into<String>) -> Self {
        Self::Local(Trouble::new(condition, detail))
    }
}

async fn run(
    mut file: FileRecord,
    sink: Result<Sink, Halt>,
    sources: Sources,
    most_lanes: Arc<AtomicU32>,
    budget: Budget,
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
        if !run.durable.is_empty() {
            run.sources.go_on();
        }
        run.reopen().await?;
        Ok::<_, Halt>(run)
    };
    let mut run = match prepared.await {
        Ok(run) => run,
        Err(halt) => return Outcome::from(halt),
    };
    let ended = if run.sink.is_stream() {
        match run.fetch_in_order().await {
            Ok(()) => run.finish().await,
            Err(halt) => Err(halt),
        }
    } else {
        run.fetch_and_finish().await
    };
    let outcome = match ended {
        Ok(outcome) => outcome,
        Err(halt) => {
            // What came before the end is kept, unless it is known to be wrong, or the disk itself is the trouble.
            if !halt.is_mismatch()
                && let Err(error) = run.checkpoint().await
            {
                tracing::debug!("no last checkpoint of {}: {error}", reporter.id);
            }
            Outcome::from(halt)
        }
    };
    run.report_spent();
    outcome
}

impl From<Halt> for Outcome {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Stopped => Self::Stopped,
            Halt::Trouble(trouble) | Halt::Local(trouble) => Self::Failed(trouble),
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

    /// Reports what was spent since the last time; right before what writes the file's record.
    fn report_spent(&mut self) {
        let spent = self.meter.take();
        self.reporter.report(Report::Spent(spent));
    }

    /// The host of a place, for people.
    fn host(&self, place: usize) -> &str {
        self.sources.url(place).host_str().unwrap_or("the origin")
    }
}

#[cfg(test)]
mod tests;
