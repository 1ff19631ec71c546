//! `bgcopy take`: make jobs of other users one's own.

use clap::Args;

use crate::{
    args::{Format, Jobs},
    commands::confirm,
    context::{Context, find},
    failure::{Exit, Failure},
};

/// Takes over jobs of other users of the machine
///
/// Root alone may. A job that is taken over is suspended; what it had fetched is deleted and is fetched again after
/// `bgcopy resume`, since it was the old owner's. Request headers, passwords in URLs, proxies and whatever was to be
/// called or run are dropped. From then on its files are written with root's rights to where its old owner wanted them:
/// look at `bgcopy files` first.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
    bgcopy --system files 1f3a
    bgcopy --system take 1f3a")]
pub struct Arguments {
    #[command(flatten)]
    jobs: Jobs,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let manager = context.connect().await?;
    for job in find(&manager, &arguments.jobs.jobs).await? {
        job.take_ownership().await?;
        confirm(&job, "is yours", arguments.format).await?;
    }
    Ok(Exit::Ok)
}
