//! `bgcopy list`: the jobs that are not finished.

use std::io::{self, Write as _};

use bgcopy_client::JobInfo;
use clap::Args;

use crate::{
    args::Format,
    context::{Context, short_id},
    downloads,
    failure::{Exit, Failure},
    format::{Cell, Column, Table, clean, percent, size},
    json,
    terminal::style_of,
};

/// Lists the jobs
///
/// Lists the jobs that are not finished, the oldest first. A job that was completed or cancelled is listed no more.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
    bgcopy list
    bgcopy list --downloads
    bgcopy list --json | jq -r 'select(.state == \"error\") | .id'")]
pub struct Arguments {
    /// List those of all users; for an administrator
    #[arg(short, long)]
    all: bool,
    /// List the downloads: what applications fetch by the other interface, one file each
    #[arg(long)]
    downloads: bool,
    #[command(flatten)]
    format: Format,
}

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let manager = context.connect().await?;
    if arguments.downloads {
        return downloads::list(&manager, arguments.all, arguments.format.json, context).await;
    }
    let jobs = manager.jobs(arguments.all).await?;
    if arguments.format.json {
        for (_, job) in &jobs {
            json::print(&json::Job::from(job))?;
        }
        return Ok(Exit::Ok);
    }
    if jobs.is_empty() && context.terminal.is_terminal() {
        writeln!(io::stdout(), "No jobs. `bgcopy get URL` makes one.")?;
        return Ok(Exit::Ok);
    }
    let table = table(jobs.iter().map(|(_, job)| job), arguments.all);
    let mut out = io::stdout().lock();
    for line in table.lines(context.terminal.columns, context.terminal.colour) {
        writeln!(out, "{line}")?;
    }
    Ok(Exit::Ok)
}

/// A table of jobs, for `watch` too.
pub fn table<'a>(jobs: impl Iterator<Item = &'a JobInfo>, with_owner: bool) -> Table {
    let mut columns = vec![
        Column::text("ID"),
        Column::text("STATE"),
        Column::text("PRIORITY").expendable(3),
        Column::number("DONE"),
        Column::number("SIZE").expendable(1),
        Column::text("NAME"),
    ];
    if with_owner {
        columns.insert(1, Column::number("OWNER").expendable(2));
    }
    let mut table = Table::new(columns);
    for job in jobs {
        let (done, total) = match job.bytes_total {
            Some(total) => (
                format!("{} %", percent(job.bytes_transferred, total)),
                size(total),
            ),
            None => (size(job.bytes_transferred), "?".to_owned()),
        };
        let mut cells = vec![
            Cell::from(short_id(job.id)),
            Cell {
                text: job.state.name().to_owned(),
                style: style_of(job.state),
            },
            Cell::from(job.priority.name()),
            Cell::from(done),
            Cell::from(total),
            Cell::from(clean(&job.name)),
        ];
        if with_owner {
            cells.insert(1, Cell::from(job.owner.to_string()));
        }
        table.row(cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::job;

    #[test]
    fn a_job_takes_a_line_and_its_name_cannot_break_out_of_it() {
        let mut job = job();
        job.name = "a\nb\u{1b}[2J".into();
        job.bytes_total = Some(24);
        let lines = table([&job].into_iter(), true).lines(None, false);
        assert_eq!(
            lines,
            [
                "ID        OWNER  STATE            PRIORITY    DONE  SIZE  NAME",
                "00000000   1000  transient_error  foreground  50 %  24 B  a\u{fffd}b\u{fffd}[2J",
            ]
        );
    }
}
