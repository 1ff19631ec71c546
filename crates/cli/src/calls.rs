//! `bgcopy watch --calls`: the command as the client that jobs call back.
//!
//! Owns how a call is printed. A call is answered with success, and so is dealt with, once its line is out. Must never
//! take a job from another client: that client's calls would end here.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bgcopy_client::{
    Callback, CallbackError, ErrorInfo, FileInfo, Job, JobEvent, JobId, JobInfo, JobState, Manager,
    NotifyFlags,
};
use futures_util::StreamExt as _;
use tokio::{sync::Notify, time::timeout};

use crate::{
    changes::{News, Wanted, changes},
    context::short_id,
    failure::{Exit, Failure, say},
    follow::Interrupt,
    format::{clean, rfc3339},
    json,
    terminal::now,
};

/// For so long the last call of a job is waited for that the service has completed by itself already.
const LAST_CALL: Duration = Duration::from_secs(10);

/// Registers for these jobs and prints their calls, until all jobs are final or Ctrl-C is pressed.
pub async fn print_calls(
    manager: Manager,
    jobs: Vec<Job>,
    as_json: bool,
    interrupt: &mut Interrupt,
) -> Result<Exit, Failure> {
    for job in &jobs {
        if job.notify_interface().await?.is_some() {
            return Err(Failure::new(
                Exit::Refused,
                format!(
                    "another client is registered for the job {}, and its calls would come here instead; \
                     `bgcopy watch` without --calls looks on",
                    short_id(job.id())
                ),
            ));
        }
    }
    let printer = Arc::new(Printer {
        as_json,
        transferred: Mutex::default(),
        told: Notify::new(),
    });
    for job in &jobs {
        job.set_notify_interface(printer.clone()).await?;
    }
    // The library registers again by itself when the service is back, and calls come as long as somebody holds it: also
    // when nothing changes any more.
    let mut changes = pin!(changes(manager.clone(), Wanted::Jobs(jobs)));
    let mut last_calls = BTreeSet::new();
    loop {
        tokio::select! {
            news = changes.next() => match news {
                Some(news) => match news? {
                    News::Event(event) => match *event {
                        JobEvent::Removed(info) if awaits_last_call(&info) => {
                            last_calls.insert(info.id);
                        }
                        _ => {}
                    },
                    News::Away(sentence) => say(sentence),
                },
                None => break,
            },
            () = interrupt.pressed() => return Ok(Exit::Interrupted),
        }
    }
    let all_told = printer.have_told(&last_calls);
    let exit = tokio::select! {
        // Whoever was called for it before this command came leaves nothing to wait for.
        _ = timeout(LAST_CALL, all_told) => Exit::Ok,
        () = interrupt.pressed() => Exit::Interrupted,
    };
    drop(manager);
    Ok(exit)
}

/// Whether a final job still calls: it was completed by the service, which is told by the call alone.
fn awaits_last_call(job: &JobInfo) -> bool {
    let flags = job.notify_flags;
    job.state == JobState::Acknowledged
        && job.auto_complete
        && flags.contains(NotifyFlags::TRANSFERRED)
        && !flags.contains(NotifyFlags::DISABLE)
}

/// The callback object of every job.
struct Printer {
    as_json: bool,
    /// The jobs of which `job_transferred` was printed.
    transferred: Mutex<BTreeSet<JobId>>,
    told: Notify,
}

impl Printer {
    async fn print(&self, name: &str, job: &Job, detail: &str) -> Result<(), CallbackError> {
        let info = job.info().await?;
        if self.as_json {
            json::print(&json::Call::new(name, &info, detail))?;
        } else {
            let name = format!("{} {} {name}", rfc3339(now()), short_id(info.id));
            let line = format!("{name} {} {detail}", clean(&info.name));
            writeln!(io::stdout(), "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Waits until all these jobs have called for the last time.
    async fn have_told(&self, jobs: &BTreeSet<JobId>) {
        loop {
            let told = self.told.notified();
            if self.transferred().is_superset(jobs) {
                return;
            }
            told.await;
        }
    }

    fn transferred(&self) -> std::sync::MutexGuard<'_, BTreeSet<JobId>> {
        // No code panics while it holds the lock.
        self.transferred
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Callback for Printer {
    async fn job_transferred(&self, job: Job) -> Result<(), CallbackError> {
        self.print("job_transferred", &job, "").await?;
        self.transferred().insert(job.id());
        self.told.notify_one();
        Ok(())
    }

    async fn job_error(&self, job: Job, error: ErrorInfo) -> Result<(), CallbackError> {
        self.print("job_error", &job, &clean(&error.description))
            .await
    }

    async fn job_modification(&self, job: Job) -> Result<(), CallbackError> {
        self.print("job_modification", &job, "").await
    }

    async fn file_transferred(&self, job: Job, file: FileInfo) -> Result<(), CallbackError> {
        let path = file.local_name.to_string_lossy();
        self.print("file_transferred", &job, &clean(&path)).await
    }
}
