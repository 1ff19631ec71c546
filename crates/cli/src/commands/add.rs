//! `bgcopy add`: more files for a job.

use std::io::{self, Write as _};

use clap::Args;

use crate::{
    args::Format,
    context::{Context, JobRef, find, short_id},
    failure::{Exit, Failure},
    json,
    request::Files,
};

/// Adds files to a job
///
/// All of them are added, or none. A running job fetches them too; one whose files are all fetched is suspended, and
/// `bgcopy resume` lets it go on with the new ones.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
    bgcopy add 1f3a -d /var/tmp https://example.org/a https://example.org/b
    bgcopy add 1f3a -o disk.img https://example.org/latest")]
pub struct Arguments {
    /// The job, by its id or the first four or more digits of it
    #[arg(value_name = "JOB")]
    job: JobRef,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let requests = arguments.files.requests()?;
    let manager = context.connect().await?;
    for job in find(&manager, &[arguments.job]).await? {
        let indices = job.add_files(requests.clone()).await?;
        if arguments.format.json {
            json::print(&json::Added {
                id: job.id().to_string(),
                indices,
            })?;
        } else {
            let id = short_id(job.id());
            match indices.len() {
                1 => writeln!(io::stdout(), "{id} has 1 more file")?,
                count => writeln!(io::stdout(), "{id} has {count} more files")?,
            }
        }
    }
    Ok(Exit::Ok)
}
