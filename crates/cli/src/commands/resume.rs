//! `bgcopy resume`: let jobs go on.

use clap::Args;

use crate::{
    args::{Format, Jobs},
    commands::confirm,
    context::{Context, find},
    failure::{Exit, Failure},
};

/// Lets jobs go, or go on
///
/// For jobs that are suspended or stopped by an error, and for those that wait for their next try: they try at once.
/// What was fetched before is kept.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
    bgcopy resume 1f3a")]
pub struct Arguments {
    #[command(flatten)]
    jobs: Jobs,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let manager = context.connect().await?;
    for job in find(&manager, &arguments.jobs.jobs).await? {
        job.resume().await?;
        confirm(&job, "goes on", arguments.format).await?;
    }
    Ok(Exit::Ok)
}
