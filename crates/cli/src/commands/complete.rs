//! `bgcopy complete`: give the fetched files their names.

use bgcopy_client::Ended;
use clap::Args;

use crate::{
    args::{Format, Jobs},
    commands::print_paths,
    context::{Context, find, short_id},
    failure::{Exit, Failure, say},
    json,
};

/// Gives the fetched files their names and ends the jobs
///
/// Prints where the files are, one path a line. Files that are not whole are dropped, and the command says so on
/// standard error. A file that cannot be named stops it; once the cause is gone it can be repeated.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
    bgcopy wait 1f3a && bgcopy complete 1f3a")]
pub struct Arguments {
    #[command(flatten)]
    jobs: Jobs,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let manager = context.connect().await?;
    for job in find(&manager, &arguments.jobs.jobs).await? {
        let ended = job.complete().await?;
        let files = job.files().await?;
        let id = short_id(job.id());
        match ended {
            Ended::Wholly => {}
            Ended::Partly => {
                let dropped = files.iter().filter(|file| !file.completed).count();
                say(&format!(
                    "{id}: {dropped} of {} files were not whole and are dropped",
                    files.len()
                ));
            }
            Ended::FilesLeft => say(&format!("{id}: a temporary file could not be deleted")),
        }
        if arguments.format.json {
            json::print(&json::JobWithFiles::new(&job.info().await?, &files))?;
        } else {
            print_paths(&files, &context.terminal)?;
        }
    }
    Ok(Exit::Ok)
}
