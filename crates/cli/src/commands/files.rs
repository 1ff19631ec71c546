//! `bgcopy files`: the files of a job.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use bgcopy_client::{FileInfo, FileStatistics};
use clap::Args;

use crate::{
    args::Format,
    context::{Context, JobRef, find},
    failure::{Exit, Failure},
    format::{Column, Table, clean, duration, percent, redact, size},
    json,
};

/// Lists the files of a job
///
/// Lists each file with how far it is, where it goes and where it comes from. A file whose name the origin still has
/// to give is shown with its folder.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
    bgcopy files 1f3a
    bgcopy files --stats 1f3a
    bgcopy files --json 1f3a | jq -r 'select(.completed) | .path'")]
pub struct Arguments {
    /// The job, by its id or the first four or more digits of it
    #[arg(value_name = "JOB")]
    job: JobRef,
    /// Show what fetching each file has cost: bytes, requests and time, over all tries
    #[arg(long)]
    stats: bool,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let manager = context.connect().await?;
    for job in find(&manager, &[arguments.job]).await? {
        let files = job.files().await?;
        if arguments.stats {
            let mut listed = Vec::with_capacity(files.len());
            for file in files {
                let statistics = job.file_statistics(file.index).await?;
                listed.push((file, statistics));
            }
            print_statistics(&listed, arguments.format, context)?;
            continue;
        }
        if arguments.format.json {
            for file in &files {
                json::print(&json::File::from(file))?;
            }
            continue;
        }
        let mut out = io::stdout().lock();
        for line in table(&files).lines(context.terminal.columns, context.terminal.colour) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(Exit::Ok)
}

fn print_statistics(
    files: &[(FileInfo, FileStatistics)],
    format: Format,
    context: &Context,
) -> Result<(), Failure> {
    if format.json {
        for (file, statistics) in files {
            json::print(&json::FileWithStatistics::new(file, statistics))?;
        }
        return Ok(());
    }
    let mut table = Table::new([
        Column::number("FILE"),
        Column::number("RECEIVED"),
        Column::number("REQUESTS"),
        Column::number("TIME"),
        Column::text("PATH"),
    ]);
    for (file, statistics) in files {
        table.row([
            file.index.to_string().into(),
            size(statistics.bytes_from_http).into(),
            statistics.http_connection_count.to_string().into(),
            duration(Duration::from_millis(statistics.duration_milliseconds)).into(),
            clean(&file.local_name.to_string_lossy()).into(),
        ]);
    }
    let mut out = io::stdout().lock();
    for line in table.lines(context.terminal.columns, context.terminal.colour) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn table(files: &[FileInfo]) -> Table {
    let mut table = Table::new([
        Column::number("FILE"),
        Column::number("DONE"),
        Column::number("SIZE").expendable(1),
        Column::text("PATH"),
        Column::text("URL").expendable(2),
    ]);
    for file in files {
        let (done, total) = match file.bytes_total {
            _ if file.completed => ("done".to_owned(), size(file.bytes_transferred)),
            Some(total) => (
                format!("{} %", percent(file.bytes_transferred, total)),
                size(total),
            ),
            None => (size(file.bytes_transferred), "?".to_owned()),
        };
        table.row([
            file.index.to_string().into(),
            done.into(),
            total.into(),
            clean(&file.local_name.to_string_lossy()).into(),
            clean(&redact(&file.remote_name)).into(),
        ]);
    }
    table
}
