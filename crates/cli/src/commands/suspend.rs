//! `bgcopy suspend`: stop jobs for a while.

use clap::Args;

use crate::{
    args::{Format, Jobs},
    commands::confirm,
    context::{Context, find},
    failure::{Exit, Failure},
};

/// Stops jobs until they are resumed
///
/// What was fetched is kept, and the job goes on from there when it is resumed.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
    bgcopy suspend 1f3a 77c0")]
pub struct Arguments {
    #[command(flatten)]
    jobs: Jobs,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let manager = context.connect().await?;
    for job in find(&manager, &arguments.jobs.jobs).await? {
        job.suspend().await?;
        confirm(&job, "is suspended", arguments.format).await?;
    }
    Ok(Exit::Ok)
}
