//! `bgcopy wait`: wait until jobs come to an end.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use bgcopy_client::JobInfo;
use clap::Args;
use tokio::time::Instant;

use crate::{
    args::{Format, Jobs},
    context::{Context, find, short_id},
    failure::{Exit, Failure, say},
    follow::{Ending, Interrupt, failure_of, follow},
    format::parse_duration,
    json,
    progress::Progress,
};

/// Waits until jobs come to an end
///
/// A job ends when it is completed, cancelled or stopped by an error, and also when all its files are fetched and it
/// waits for `bgcopy complete`. A suspended job is waited for. Each job's state is printed when all have ended.
///
/// Exits with 1 when a job ended in an error or was cancelled, and with 6 when the time is up; the jobs go on then.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
    bgcopy wait 1f3a 77c0
    bgcopy wait --timeout 10m 1f3a || bgcopy suspend 1f3a")]
pub struct Arguments {
    #[command(flatten)]
    jobs: Jobs,
    /// Wait no longer than this: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let deadline = arguments.timeout.map(|timeout| Instant::now() + timeout);
    let manager = context.connect().await?;
    let mut interrupt = Interrupt::new()?;
    let jobs = find(&manager, &arguments.jobs.jobs).await?;
    let mut progress = Progress::new(&context.terminal, jobs.len());
    let ending = follow(&manager, &jobs, &mut progress, &mut interrupt, deadline).await;
    progress.clear();
    match ending? {
        Ending::Ended(ends) => tell(&ends, arguments.format),
        Ending::Interrupted => {
            say("interrupted; the jobs go on");
            Ok(Exit::Interrupted)
        }
        Ending::TimedOut => Err(Failure::new(
            Exit::Timeout,
            "the time is up; the jobs go on",
        )),
    }
}

fn tell(ends: &[JobInfo], format: Format) -> Result<Exit, Failure> {
    let mut exit = Exit::Ok;
    for end in ends {
        if format.json {
            json::print(&json::Job::from(end))?;
        } else {
            writeln!(io::stdout(), "{} {}", short_id(end.id), end.state.name())?;
        }
        if let Some(failure) = failure_of(end) {
            failure.report();
            exit = failure.exit();
        }
    }
    Ok(exit)
}
