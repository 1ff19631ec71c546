//! `bgcopy cancel`: drop jobs.

use bgcopy_client::Ended;
use clap::Args;

use crate::{
    args::{Format, Jobs},
    commands::confirm,
    context::{Context, find, short_id},
    failure::{Exit, Failure, say},
};

/// Drops jobs and deletes what they fetched
///
/// Files that have their names already, from an earlier `bgcopy complete` that could not name all of them, stay.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
    bgcopy cancel 1f3a")]
pub struct Arguments {
    #[command(flatten)]
    jobs: Jobs,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let manager = context.connect().await?;
    for job in find(&manager, &arguments.jobs.jobs).await? {
        if job.cancel().await? == Ended::FilesLeft {
            let id = short_id(job.id());
            say(&format!(
                "{id}: a temporary file could not be deleted; `bgcopy files {}` names it",
                job.id()
            ));
        }
        confirm(&job, "is cancelled", arguments.format).await?;
    }
    Ok(Exit::Ok)
}
