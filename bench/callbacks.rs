//! Small jobs whose client is called back: how long from a file's last byte to the call, and how many a second.
//!
//! `cargo bench --bench callbacks`. The origin is on the same machine and tells when it handed over the last byte; the
//! client is this process. That each job is told once, and none twice, is checked; durations are not.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark looks at files behind the service's back"
)]

#[path = "measure/mod.rs"]
mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bgcopy::{Callback, CallbackError, FileRequest, Job, Manager, Priority};
use bgcopy_testkit::faulty::{Origin, Resource};
use futures_util::{StreamExt as _, stream};
use measure::Samples;
use support::Service;
use tokio::sync::watch;

/// Jobs of the burst.
const JOBS: usize = 2_000;

/// Jobs one after the other, on a machine that does nothing else.
const SINGLE: usize = 500;

const SIZE: u64 = 1_024;

/// Jobs that are being handed over at the same time.
const AT_ONCE: usize = 64;

/// Longer than a call that is made again would take.
const SILENCE: Duration = Duration::from_millis(2_500);

/// The calls so far: which job by its number, and when.
#[derive(Clone)]
struct Calls {
    all: Arc<Mutex<Vec<(usize, Instant)>>>,
    count: watch::Sender<usize>,
}

impl Calls {
    fn new() -> Self {
        Self {
            all: Arc::default(),
            count: watch::Sender::new(0),
        }
    }

    fn note(&self, number: usize) {
        let now = Instant::now();
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((number, now));
    }

    /// Waits until so many have been answered.
    async fn reach(&self, count: usize) {
        let mut calls = self.count.subscribe();
        let reached = calls.wait_for(|calls| *calls >= count);
        let reached = tokio::time::timeout(Duration::from_mins(5), reached).await;
        reached.expect("a call is lost").unwrap();
    }

    /// When each job was told, by its number.
    fn times(&self) -> Vec<Instant> {
        let mut all = self
            .all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        all.sort();
        for (expected, (number, _)) in all.iter().enumerate() {
            assert_eq!(expected, *number, "a call is lost, or came twice");
        }
        all.into_iter().map(|(_, at)| at).collect()
    }
}

/// The callback object of one job.
struct Called {
    number: usize,
    calls: Calls,
    completes: bool,
}

impl Callback for Called {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        self.calls.note(self.number);
        if self.completes {
            job.complete().await?;
        }
        self.calls.count.send_modify(|count| *count += 1);
        Ok(())
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(callbacks());
}

async fn callbacks() {
    measure::begin("Jobs of 1 KiB whose client is called back");
    {
        let service = Service::start();
        let syncs = measure::overwriting(&service.downloads(), 8_192, 501);
        syncs.print("the machine's fdatasync of 8 KiB in place", "ms", "");
        syncs.print_tail("the same, 99 of 100 below", "ms", "");
        let delays = one_by_one(&service).await;
        delays.print("last byte to call, one job at a time", "ms", "");
        delays.print_tail("the same, 99 of 100 below", "ms", "< 5");
    }
    for (completes, name) in [(false, "acknowledged"), (true, "completed in the call")] {
        let mut service = Service::start();
        let burst = burst(&mut service, completes).await;
        #[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
        let rate = |duration: Duration| JOBS as f64 / duration.as_secs_f64();
        let submitted = format!("{JOBS} jobs handed over");
        measure::line(&submitted, rate(burst.submitted), "/s", "", "");
        let what = format!("{JOBS} jobs {name}");
        measure::line(&what, rate(burst.ended), "/s", "", "> 1000");
        burst
            .delays
            .print("last byte to call, in the burst", "ms", "");
        burst
            .delays
            .print_tail("the same, 99 of 100 below", "ms", "");
    }
}

fn job(
    service: &Service,
    origin: &Origin,
    manager: &Manager,
    called: Called,
) -> impl Future<Output = bgcopy::Result<Job>> + use<> {
    let name = called.number.to_string();
    let url = origin.serve(&format!("/{name}"), Resource::pattern(1, SIZE));
    manager
        .create_job(&name)
        .priority(Priority::Foreground)
        .file(FileRequest::new(url, service.file(&name)))
        .notify(called)
        .submit()
}

/// From each job's last byte to its call.
fn delays(origin: &Origin, told: &[Instant]) -> Samples {
    let mut delays = Samples::default();
    let seen = origin.requests();
    assert_eq!(seen.len(), told.len(), "each file is asked for once");
    for request in seen {
        let number: usize = request.target[1..].parse().unwrap();
        delays.note_between(request.last_byte_at.unwrap(), told[number]);
    }
    delays
}

async fn one_by_one(service: &Service) -> Samples {
    let (origin, calls) = (Origin::start(), Calls::new());
    let manager = service.manager().await;
    for number in 0..SINGLE {
        let called = Called {
            number,
            calls: calls.clone(),
            completes: true,
        };
        job(service, &origin, &manager, called).await.unwrap();
        calls.reach(number + 1).await;
    }
    delays(&origin, &calls.times())
}

struct Burst {
    submitted: Duration,
    ended: Duration,
    delays: Samples,
}

async fn burst(service: &mut Service, completes: bool) -> Burst {
    let (origin, calls) = (Origin::start(), Calls::new());
    let manager = service.manager().await;
    let begun = Instant::now();
    let jobs = stream::iter(0..JOBS).map(|number| {
        let calls = calls.clone();
        let called = Called {
            number,
            calls,
            completes,
        };
        job(service, &origin, &manager, called)
    });
    let jobs: Vec<_> = jobs.buffer_unordered(AT_ONCE).collect().await;
    let submitted = begun.elapsed();
    calls.reach(JOBS).await;
    let ended = begun.elapsed();
    tokio::time::sleep(SILENCE).await;
    let delays = delays(&origin, &calls.times());
    // What the client has answered stays answered, also for a service that was killed: registered again, it is told
    // of nothing.
    service.kill();
    service.launch(&[]);
    if !completes {
        let manager = service.manager().await;
        for job in jobs {
            let job = manager.job(job.unwrap().id()).await.unwrap();
            support::teller::registered(&job).await;
        }
        tokio::time::sleep(SILENCE).await;
    }
    calls.times();
    Burst {
        submitted,
        ended,
        delays,
    }
}
