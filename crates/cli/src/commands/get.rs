//! `bgcopy get`: fetch files in one go, the way a download program does, but in the background service.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use bgcopy_client::{Job, JobInfo, JobState, Manager};
use clap::Args;
use tokio::time::Instant;

use crate::{
    args::Format,
    commands::print_paths,
    context::{Context, short_id},
    failure::{Exit, Failure, say},
    follow::{Ending, Interrupt, failure_of, follow},
    format::{duration, rate, size},
    json,
    outage::{ask, patiently, silence},
    progress::Progress,
    request::{Files, JobOptions},
};

/// Fetches files and waits for them
///
/// Makes a job of these URLs, shows how far it is, and prints where the files are once all of them are there: one
/// path a line, on standard output. Everything else goes to standard error.
///
/// The service does the work. Ctrl-C ends the waiting and not the job; so does a lost terminal. When the origin
/// cannot be reached the service goes on trying, and the files appear under their names only when they are whole.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  Fetch a file into this folder, under the name that the origin gives it:
    bgcopy get https://example.org/disk.img

  Under another name, and only if it is the right one:
    bgcopy get -o disk.img --checksum sha256:9f86… https://example.org/latest

  Several files into a folder, without waiting; the job's id is printed:
    bgcopy get --no-wait -d ~/Downloads https://example.org/a https://example.org/b

  The files of a Metalink document, each checked and from whichever of its mirrors can help:
    bgcopy get --metalink debian.meta4 -d ~/Downloads

  Run a program once the file is there, or has failed for good:
    bgcopy get --no-wait https://example.org/disk.img --exec /usr/local/bin/unpack --quiet")]
pub struct Arguments {
    #[command(flatten)]
    files: Files,
    /// A name for the job; by default that of its first file
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    options: JobOptions,
    /// Print the job's id and do not wait for the files
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let requests = arguments.files.requests()?;
    let manager = context.connect().await?;
    let mut interrupt = Interrupt::new()?;
    let started = Instant::now();

    let default_name = arguments.files.job_name();
    let name = arguments.name.as_deref().unwrap_or(&default_name);
    let submitted = arguments
        .options
        .begin(&manager, name)?
        .auto_complete(true)
        .files(requests)
        .submit();
    let job = tokio::select! {
        job = patiently(&manager, submitted, |process| say(&silence(process))) => job?,
        () = interrupt.pressed() => {
            say("interrupted before the service answered; `bgcopy list` shows whether it took the job");
            return Ok(Exit::Interrupted);
        }
    };
    if arguments.no_wait {
        return leave(&job, arguments.format).await;
    }

    let mut progress = Progress::new(&context.terminal, 1);
    let ending = follow(
        &manager,
        std::slice::from_ref(&job),
        &mut progress,
        &mut interrupt,
        None,
    )
    .await;
    progress.clear();
    match ending.map_err(|failure| kept(&job, failure))? {
        Ending::Ended(ends) => match ends.first() {
            Some(end) => tell(&manager, &job, end, started, arguments.format, context).await,
            None => Ok(Exit::Ok),
        },
        Ending::Interrupted | Ending::TimedOut => {
            say_how_to_come_back(&job);
            Ok(Exit::Interrupted)
        }
    }
}

/// Tells of a job that nobody waits for.
async fn leave(job: &Job, format: Format) -> Result<Exit, Failure> {
    if format.json {
        json::print(&json::Job::from(&job.info().await?))?;
    } else {
        writeln!(io::stdout(), "{}", job.id())?;
    }
    Ok(Exit::Ok)
}

/// A failure to follow a job, which the service has all the same.
fn kept(job: &Job, failure: Failure) -> Failure {
    if failure.exit() == Exit::Service {
        failure.report();
        say(&format!(
            "`bgcopy wait {}` waits for the job again",
            short_id(job.id())
        ));
        return Failure::told(Exit::Service);
    }
    failure
}

fn say_how_to_come_back(job: &Job) {
    let id = short_id(job.id());
    say(&format!(
        "the job goes on; `bgcopy wait {id}` waits for it, `bgcopy watch {id}` shows it, `bgcopy cancel {id}` drops it"
    ));
}

/// Tells how the job ended.
async fn tell(
    manager: &Manager,
    job: &Job,
    end: &JobInfo,
    started: Instant,
    format: Format,
    context: &Context,
) -> Result<Exit, Failure> {
    // A job that was cancelled may be forgotten by now, and has no file to tell of.
    let files = if end.state == JobState::Cancelled {
        Vec::new()
    } else {
        ask(manager, async || job.files().await, say).await?
    };
    if format.json {
        json::print(&json::JobWithFiles::new(end, &files))?;
    }
    if let Some(failure) = failure_of(end) {
        return Err(failure);
    }
    if !format.json {
        print_paths(&files, &context.terminal)?;
    }
    let time = started.elapsed();
    let bytes = end.bytes_transferred;
    let count = match end.files_total {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    say(&format!("{count}, {}", amount(bytes, time)));
    Ok(Exit::Ok)
}

/// Bytes and the time they took; of a moment's work a rate says nothing.
fn amount(bytes: u64, time: Duration) -> String {
    let bytes_told = size(bytes);
    if time < Duration::from_secs(1) {
        format!("{bytes_told} in {} ms", time.as_millis())
    } else {
        format!("{bytes_told} in {} ({})", duration(time), rate(bytes, time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_told_in_a_fitting_unit() {
        assert_eq!(amount(1_800, Duration::from_millis(8)), "1.75 KiB in 8 ms");
        assert_eq!(
            amount(64 << 20, Duration::from_secs(64)),
            "64.0 MiB in 1 min 4 s (1.00 MiB/s)"
        );
    }
}
