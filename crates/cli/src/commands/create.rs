//! `bgcopy create`: a job without files, to be filled and let go later.

use std::io::{self, Write as _};

use clap::Args;

use crate::{
    args::Format,
    context::Context,
    failure::{Exit, Failure},
    json,
    request::JobOptions,
};

/// Makes an empty job and prints its id
///
/// The job is suspended: add files to it, then resume it. Unless --auto-complete is given it waits with its fetched
/// files until `bgcopy complete` gives them their names.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
    id=$(bgcopy create --priority low nightly)
    bgcopy add \"$id\" -d /var/tmp https://example.org/nightly.tar
    bgcopy resume \"$id\"
    bgcopy wait \"$id\" && bgcopy complete \"$id\"")]
pub struct Arguments {
    /// A name for the job; need not be unique
    name: String,
    #[command(flatten)]
    options: JobOptions,
    /// Give the files their names as soon as all of them are fetched
    #[arg(long)]
    auto_complete: bool,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let manager = context.connect().await?;
    let job = arguments
        .options
        .begin(&manager, &arguments.name)?
        .auto_complete(arguments.auto_complete)
        .create()
        .await?;
    if arguments.format.json {
        json::print(&json::Job::from(&job.info().await?))?;
    } else {
        writeln!(io::stdout(), "{}", job.id())?;
    }
    Ok(Exit::Ok)
}
