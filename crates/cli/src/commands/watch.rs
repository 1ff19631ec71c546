//! `bgcopy watch`: jobs as they change.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    pin::pin,
    time::Duration,
};

use bgcopy_client::{JobEvent, JobId, JobInfo};
use clap::Args;
use futures_util::StreamExt as _;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep_until},
};

use crate::{
    args::Format,
    calls::print_calls,
    changes::{News, Wanted, changes},
    commands::list::table,
    context::{Context, JobRef, find, short_id},
    failure::{Exit, Failure, say},
    follow::Interrupt,
    format::{clean, percent, rfc3339, size},
    json,
    terminal::{Terminal, now, window_of},
};

/// Shows jobs as they change
///
/// On a terminal a table that is redrawn; in a pipe a line for each change. Without a job it shows all of them, and
/// those that come, until Ctrl-C. With jobs it ends when all of them are completed or cancelled.
///
/// It looks on and takes no part: the application that a job belongs to is called as if nobody watched. With --calls
/// this command is that application itself.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
    bgcopy watch
    bgcopy watch --calls 1f3a
    bgcopy watch --json | jq -r 'select(.event == \"removed\") | .job.id'")]
pub struct Arguments {
    /// The jobs, each by its id or the first four or more digits of it; all by default
    #[arg(value_name = "JOB")]
    jobs: Vec<JobRef>,
    /// Show the jobs of all users; for an administrator
    #[arg(short, long, conflicts_with = "jobs")]
    all: bool,
    /// Be the client that the jobs call back: print each call, which is thereby dealt with
    ///
    /// Refused when another client is registered. Which calls come is told by `bgcopy set --notify-flags`; what is due
    /// already comes at once.
    #[arg(long, requires = "jobs")]
    calls: bool,
    #[command(flatten)]
    format: Format,
}

/// Between two drawings of the table.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// Finished jobs that stay in the table.
const FINISHED_KEPT: usize = 10;

pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let manager = context.connect().await?;
    let mut interrupt = Interrupt::new()?;
    if arguments.calls {
        let jobs = find(&manager, &arguments.jobs).await?;
        return print_calls(manager, jobs, arguments.format.json, &mut interrupt).await;
    }
    let wanted = if arguments.jobs.is_empty() {
        Wanted::All {
            all_users: arguments.all,
        }
    } else {
        Wanted::Jobs(find(&manager, &arguments.jobs).await?)
    };
    let mut changes = pin!(changes(manager, wanted));
    let mut resized = signal(SignalKind::window_change()).map_err(|error| {
        Failure::new(Exit::Service, format!("cannot hear of a resize: {error}"))
    })?;
    let mut view = if arguments.format.json {
        View::Json
    } else if context.terminal.is_terminal() {
        View::Table(Live::new(context.terminal, arguments.all))
    } else {
        View::Lines
    };
    loop {
        tokio::select! {
            news = changes.next() => match news {
                Some(news) => match news? {
                    News::Event(event) => view.show(*event)?,
                    News::Away(sentence) => view.say(sentence),
                },
                None => break,
            },
            () = interrupt.pressed() => {
                view.finish();
                return Ok(Exit::Interrupted);
            }
            _ = resized.recv() => view.draw(),
            () = view.due() => view.draw(),
        }
    }
    view.finish();
    Ok(Exit::Ok)
}

fn parts(event: JobEvent) -> (&'static str, JobInfo) {
    match event {
        JobEvent::Added(info) => ("added", info),
        JobEvent::Changed(info) => ("changed", info),
        JobEvent::Removed(info) => ("removed", info),
    }
}

enum View {
    Json,
    Lines,
    Table(Live),
}

impl View {
    fn show(&mut self, event: JobEvent) -> io::Result<()> {
        let (name, info) = parts(event);
        match self {
            Self::Json => json::print(&json::Event::new(name, &info)),
            Self::Lines => writeln!(io::stdout(), "{}", line(&info)),
            Self::Table(live) => {
                live.put(info);
                Ok(())
            }
        }
    }

    /// Tells a sentence on standard error, above the table.
    fn say(&self, sentence: &str) {
        match self {
            Self::Table(live) => live.multi.suspend(|| say(sentence)),
            Self::Json | Self::Lines => say(sentence),
        }
    }

    /// Waits until the table is to be drawn again.
    async fn due(&self) {
        match self {
            Self::Table(Live {
                draw_at: Some(at), ..
            }) => sleep_until(*at).await,
            _ => std::future::pending().await,
        }
    }

    fn draw(&mut self) {
        if let Self::Table(live) = self {
            live.draw();
        }
    }

    /// Leaves the last table on the terminal.
    fn finish(&mut self) {
        if let Self::Table(live) = self {
            live.draw();
            live.lines.iter().for_each(ProgressBar::abandon);
        }
    }
}

/// A job as a line of a log.
fn line(job: &JobInfo) -> String {
    let done = match job.bytes_total {
        Some(total) => format!("{} %", percent(job.bytes_transferred, total)),
        None => size(job.bytes_transferred),
    };
    format!(
        "{} {} {} {done} {}",
        rfc3339(now()),
        short_id(job.id),
        job.state.name(),
        clean(&job.name)
    )
}

/// The table on a terminal.
struct Live {
    terminal: Terminal,
    with_owner: bool,
    jobs: BTreeMap<(u64, JobId), JobInfo>,
    multi: MultiProgress,
    lines: Vec<ProgressBar>,
    /// When to draw what has changed.
    draw_at: Option<Instant>,
    drawn: Instant,
}

impl Live {
    fn new(terminal: Terminal, with_owner: bool) -> Self {
        let now = Instant::now();
        Self {
            terminal,
            with_owner,
            jobs: BTreeMap::new(),
            multi: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
            lines: Vec::new(),
            draw_at: Some(now),
            drawn: now,
        }
    }

    fn put(&mut self, job: JobInfo) {
        self.jobs.insert((job.created.0, job.id), job);
        let finished: Vec<_> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.state.is_final())
            .map(|(key, _)| *key)
            .collect();
        for key in finished.iter().rev().skip(FINISHED_KEPT) {
            self.jobs.remove(key);
        }
        self.draw_at = Some(self.drawn + REDRAW_EVERY);
    }

    fn draw(&mut self) {
        // Asked each time: a window can be resized.
        let (columns, rows) = window_of(io::stdout());
        let lines = if self.jobs.is_empty() {
            vec!["No jobs.".to_owned()]
        } else {
            table(self.jobs.values(), self.with_owner).lines(Some(columns), self.terminal.colour)
        };
        // Lines beyond the terminal's last cannot be redrawn.
        let room = rows.max(4);
        let hidden = lines.len().saturating_sub(room - 2);
        let mut shown: Vec<String> = lines;
        if hidden > 0 {
            shown.truncate(room - 3);
            shown.push(format!("… and {} more", hidden + 1));
        }
        for (place, text) in shown.iter().enumerate() {
            if place == self.lines.len() {
                let line = self.multi.add(ProgressBar::no_length());
                // The template is a constant; a line without it would still be a line.
                if let Ok(style) = ProgressStyle::with_template("{msg}") {
                    line.set_style(style);
                }
                self.lines.push(line);
            }
            self.lines[place].set_message(text.clone());
        }
        for line in self.lines.drain(shown.len()..) {
            self.multi.remove(&line);
        }
        self.draw_at = None;
        self.drawn = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::job;

    #[test]
    fn a_line_holds_the_state_and_how_far_it_is() {
        let line = line(&job());
        assert!(
            line.ends_with("Z 00000000 transient_error 12 B a \"name\""),
            "{line}"
        );
    }
}
