//! How far jobs are, on standard error: bars on a terminal, now and then a line in a pipe.
//!
//! Owns the pace of both. Nothing appears for what is done in a moment. Must never write to standard output, which
//! belongs to the answer, and never call the service: it is handed what it shows.

use std::{fmt::Write as _, io, time::Duration};

use bgcopy_client::{FileInfo, JobInfo, JobState};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::time::{Instant, sleep_until};

use crate::{
    context::short_id,
    failure::say,
    format::{clean, duration, percent, rate, shorten, size, width},
    outage::silence,
    terminal::{Terminal, now, window_of},
};

/// Before this nothing is shown: a small file is there by then.
const PATIENCE: Duration = Duration::from_millis(200);

/// Between two looks at the clock, for what changes with time alone: the seconds until the next try.
const TICK: Duration = Duration::from_secs(1);

/// Between two lines in a pipe.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A job with more files than this has one bar for all of them.
const FILE_BARS: u32 = 12;

/// The most columns of a name before its bar.
const NAME_COLUMNS: usize = 28;

/// A bar of something whose size is known.
const KNOWN: &str = "{prefix} {wide_bar} {done:>9} of {total:>9} {speed:>12} {left:>9}";

/// A bar of something whose size is not known.
const UNKNOWN: &str = "{prefix} {done:>9} of ?         {speed:>12}";

/// What holds a job up.
const NOTE: &str = "  {wide_msg}";

/// How far some jobs are.
#[derive(Debug)]
pub enum Progress {
    /// On a terminal.
    Bars(Bars),
    /// In a pipe.
    Lines(Lines),
}

impl Progress {
    /// Of this many jobs.
    pub fn new(terminal: &Terminal, jobs: usize) -> Self {
        if terminal.is_live {
            Self::Bars(Bars::new(jobs))
        } else {
            Self::Lines(Lines::new(jobs))
        }
    }

    /// A job looks like this now; whether its files are wanted too, by [`Self::files`].
    pub fn update(&mut self, at: usize, info: &JobInfo) -> bool {
        match self {
            Self::Bars(bars) => bars.update(at, info),
            Self::Lines(lines) => {
                lines.update(at, info);
                false
            }
        }
    }

    /// The files of a job look like this now.
    pub fn files(&mut self, at: usize, files: &[FileInfo]) {
        if let Self::Bars(bars) = self {
            let rows: Vec<Row> = files.iter().map(Row::of_file).collect();
            bars.draw(at, &rows);
        }
    }

    /// Waits until [`Self::tick`] has something to do.
    pub async fn due(&self) {
        match self {
            Self::Bars(bars) => sleep_until(bars.next_tick).await,
            Self::Lines(_) => std::future::pending().await,
        }
    }

    /// Time went by; the jobs whose files are wanted.
    pub fn tick(&mut self) -> Vec<usize> {
        match self {
            Self::Bars(bars) => bars.tick(),
            Self::Lines(_) => Vec::new(),
        }
    }

    /// Tells a sentence at once, above the bars.
    pub fn say(&self, sentence: &str) {
        match self {
            Self::Bars(bars) => bars.multi.suspend(|| say(sentence)),
            Self::Lines(_) => say(sentence),
        }
    }

    /// The service, of this process, does not answer; `None`: it does.
    pub fn silent(&mut self, process: Option<u32>) {
        if process.is_some() == self.is_silent() {
            return;
        }
        match self {
            Self::Bars(bars) => {
                bars.silent = process;
                if let Some(process) = process
                    && bars.jobs.iter().all(Option::is_none)
                {
                    // There is nothing yet to put it below.
                    say(&silence(process));
                }
                (0..bars.jobs.len()).for_each(|at| bars.note(at));
            }
            Self::Lines(lines) => {
                lines.is_silent = process.is_some();
                match process {
                    Some(process) => say(&silence(process)),
                    None => say("the service answers again"),
                }
            }
        }
    }

    /// Whether the service does not answer.
    pub const fn is_silent(&self) -> bool {
        match self {
            Self::Bars(bars) => bars.silent.is_some(),
            Self::Lines(lines) => lines.is_silent,
        }
    }

    /// Takes everything off the terminal.
    pub fn clear(&self) {
        if let Self::Bars(bars) = self {
            // A terminal that cannot be written needs no clearing.
            let _ = bars.multi.clear();
            // A bar draws itself once more when it is dropped.
            bars.multi.set_draw_target(ProgressDrawTarget::hidden());
        }
    }
}

/// Bars: one a file for a job of few files, else one a job; below a job's bars what holds it up.
#[derive(Debug)]
pub struct Bars {
    multi: MultiProgress,
    shown_from: Instant,
    next_tick: Instant,
    jobs: Vec<Option<Shown>>,
    are_of_files: bool,
    /// The process of a service that does not answer.
    silent: Option<u32>,
}

/// A job and its bars.
#[derive(Debug)]
struct Shown {
    info: JobInfo,
    bars: Vec<ProgressBar>,
    note: Option<ProgressBar>,
}

impl Bars {
    fn new(jobs: usize) -> Self {
        let shown_from = Instant::now() + PATIENCE;
        Self {
            multi: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)),
            shown_from,
            next_tick: shown_from,
            jobs: std::iter::repeat_with(|| None).take(jobs).collect(),
            are_of_files: jobs == 1,
            silent: None,
        }
    }

    fn update(&mut self, at: usize, info: &JobInfo) -> bool {
        match &mut self.jobs[at] {
            Some(shown) => shown.info = info.clone(),
            none => {
                *none = Some(Shown {
                    info: info.clone(),
                    bars: Vec::new(),
                    note: None,
                });
            }
        }
        Instant::now() >= self.shown_from && self.show(at)
    }

    fn tick(&mut self) -> Vec<usize> {
        self.next_tick = Instant::now() + TICK;
        let mut wanted = Vec::new();
        for at in 0..self.jobs.len() {
            let is_drawn = self.jobs[at].as_ref().is_some_and(|s| !s.bars.is_empty());
            if is_drawn {
                self.note(at);
            } else if self.show(at) {
                wanted.push(at);
            }
        }
        wanted
    }

    /// Draws the job; whether that takes its files.
    fn show(&mut self, at: usize) -> bool {
        let Some(shown) = &self.jobs[at] else {
            return false;
        };
        if self.are_of_files && shown.info.files_total <= FILE_BARS {
            return true;
        }
        let row = Row::of_job(&shown.info, self.are_of_files);
        self.draw(at, &[row]);
        false
    }

    fn draw(&mut self, at: usize, rows: &[Row]) {
        let Some(shown) = &mut self.jobs[at] else {
            return;
        };
        let widest = rows.iter().map(|row| width(&clean(&row.name))).max();
        let columns = widest.unwrap_or_default().min(NAME_COLUMNS);
        for (place, row) in rows.iter().enumerate() {
            if place == shown.bars.len() {
                let bar = match shown.bars.last() {
                    Some(last) => self.multi.insert_after(last, ProgressBar::no_length()),
                    None => self.multi.add(ProgressBar::no_length()),
                };
                bar.set_position(row.done);
                // Bytes that were there before are not of this run's rate.
                bar.reset_eta();
                shown.bars.push(bar);
            }
            row.draw(&shown.bars[place], columns);
        }
        self.note(at);
    }

    fn note(&mut self, at: usize) {
        let Some(shown) = &mut self.jobs[at] else {
            return;
        };
        // Asked each time, since a window can be resized; two columns are the indent's.
        let (columns, _) = window_of(io::stderr());
        let columns = columns.saturating_sub(2);
        let text = match self.silent {
            Some(process) => Some(silence(process)),
            None => note(&shown.info, Some(columns)),
        };
        match (text, &shown.note) {
            (Some(text), Some(bar)) => bar.set_message(text),
            (Some(text), None) => {
                let bar = match shown.bars.last() {
                    Some(last) => self.multi.insert_after(last, ProgressBar::no_length()),
                    None => self.multi.add(ProgressBar::no_length()),
                };
                bar.set_style(style(NOTE));
                bar.set_message(text);
                shown.note = Some(bar);
            }
            (None, Some(bar)) => {
                bar.finish_and_clear();
                self.multi.remove(bar);
                shown.note = None;
            }
            (None, None) => {}
        }
    }
}

/// What one bar shows.
struct Row {
    name: String,
    done: u64,
    total: Option<u64>,
}

impl Row {
    fn of_file(file: &FileInfo) -> Self {
        let path = file.local_name.file_name().filter(|_| !file.name_pending);
        let name = match path {
            Some(name) => name.to_string_lossy().into_owned(),
            None => match url::Url::parse(&file.remote_name) {
                Ok(url) => crate::format::file_name_of(&url),
                Err(_) => file.remote_name.clone(),
            },
        };
        Self {
            name,
            done: file.bytes_transferred,
            total: file.bytes_total,
        }
    }

    /// `is_alone`: it need not be told from other jobs.
    fn of_job(job: &JobInfo, is_alone: bool) -> Self {
        let name = if is_alone {
            job.name.clone()
        } else {
            format!("{} {}", short_id(job.id), job.name)
        };
        Self {
            // Before the name, which may be long and is cut at its end.
            name: match job.files_total {
                0 | 1 => name,
                total => format!("{} of {total} files, {name}", job.files_transferred),
            },
            done: job.bytes_transferred,
            total: job.bytes_total,
        }
    }

    /// With the name in so many columns.
    fn draw(&self, bar: &ProgressBar, columns: usize) {
        if bar.length() != self.total || bar.prefix().is_empty() {
            if let Some(total) = self.total {
                bar.set_length(total);
                bar.set_style(style(KNOWN));
            } else {
                bar.unset_length();
                bar.set_style(style(UNKNOWN));
            }
        }
        let name = clean(&self.name);
        let name = shorten(&name, columns);
        let padding = " ".repeat(columns.saturating_sub(width(&name)));
        bar.set_prefix(format!("{name}{padding}"));
        bar.set_position(self.done);
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file, tried by a test; a bar without one would still be a bar.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
        .with_key("done", |state: &ProgressState, w: &mut dyn std::fmt::Write| {
            let _ = w.write_str(&size(state.pos()));
        })
        .with_key("total", |state: &ProgressState, w: &mut dyn std::fmt::Write| {
            let _ = w.write_str(&size(state.len().unwrap_or_default()));
        })
        .with_key("speed", |state: &ProgressState, w: &mut dyn std::fmt::Write| {
            if !is_whole(state) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a rate is not negative, and one beyond 2^64 is a fault that may be cut off"
                )]
                let bytes = state.per_sec() as u64;
                let _ = w.write_str(&rate(bytes, Duration::from_secs(1)));
            }
        })
        .with_key("left", |state: &ProgressState, w: &mut dyn std::fmt::Write| {
            // An estimate of more than a month is none.
            let left = state.eta();
            if is_whole(state) {
                let _ = w.write_str("done");
            } else if state.per_sec() > 0.0 && left < Duration::from_hours(24 * 31) {
                let _ = w.write_str(&duration(left));
            }
        })
}

fn is_whole(state: &ProgressState) -> bool {
    state.len() == Some(state.pos())
}

/// What holds a job up, if anything does. Where it must fit so many columns its reason is cut, not what comes of it.
fn note(job: &JobInfo, columns: Option<usize>) -> Option<String> {
    let id = short_id(job.id);
    match job.state {
        JobState::TransientError => {
            let reason = match &job.error {
                Some(error) => clean(error.description.trim_end_matches('.')).into_owned(),
                None => "it cannot go on".to_owned(),
            };
            let mut rest = String::new();
            if let Some(retry) = job.retry_at {
                let seconds = retry.0.saturating_sub(now().0).div_ceil(1_000_000);
                let when = match seconds {
                    0 => "now".to_owned(),
                    _ => format!("in {}", duration(Duration::from_secs(seconds))),
                };
                let _ = write!(rest, "; tried again {when}");
            }
            let room = columns.map(|columns| columns.saturating_sub(width(&rest)));
            let reason = match room {
                Some(room) => shorten(&reason, room.max(1)),
                None => reason.as_str().into(),
            };
            Some(format!("{reason}{rest}"))
        }
        JobState::Suspended => Some(format!("suspended; `bgcopy resume {id}` lets it go on")),
        JobState::Queued => Some("waits for its turn".to_owned()),
        _ => None,
    }
}

/// Lines: what holds a job up at once, how far it is every ten seconds.
#[derive(Debug)]
pub struct Lines {
    jobs: Vec<Line>,
    is_silent: bool,
}

#[derive(Clone, Debug)]
struct Line {
    since: Instant,
    bytes: Option<u64>,
    /// The trouble that was told last, and how far the job was then.
    told: Option<(JobState, Option<String>, u64)>,
}

impl Lines {
    fn new(jobs: usize) -> Self {
        let line = Line {
            since: Instant::now(),
            bytes: None,
            told: None,
        };
        Self {
            jobs: vec![line; jobs],
            is_silent: false,
        }
    }

    fn update(&mut self, at: usize, info: &JobInfo) {
        if let Some(text) = self.jobs[at].text(info, Instant::now()) {
            say(&format!("{}: {text}", short_id(info.id)));
        }
    }
}

impl Line {
    /// What to say of the job as it is now, if it is time to say anything.
    fn text(&mut self, info: &JobInfo, now: Instant) -> Option<String> {
        let trouble = match info.state {
            JobState::TransientError | JobState::Suspended => note(info, None),
            _ => None,
        };
        if let Some(trouble) = trouble {
            // The seconds until the next try are no news, nor is an error that comes back without a byte in between.
            let error = info.error.as_ref().map(|error| error.description.clone());
            let told = Some((info.state, error, info.bytes_transferred));
            if told != self.told {
                self.told = told;
                return Some(trouble);
            }
        }
        let before = *self.bytes.get_or_insert(info.bytes_transferred);
        let passed = now.duration_since(self.since);
        if passed < LINE_EVERY || info.state != JobState::Transferring {
            return None;
        }
        let bytes = info.bytes_transferred.saturating_sub(before);
        (self.since, self.bytes) = (now, Some(info.bytes_transferred));
        let done = size(info.bytes_transferred);
        let speed = rate(bytes, passed);
        Some(match info.bytes_total {
            Some(total) => {
                let percent = percent(info.bytes_transferred, total);
                let rest = total.saturating_sub(info.bytes_transferred);
                let left = if bytes == 0 {
                    String::new()
                } else {
                    let millis = u128::from(rest) * passed.as_millis() / u128::from(bytes);
                    let left = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
                    format!(", {} left", duration(left))
                };
                format!("{done} of {} ({percent} %), {speed}{left}", size(total))
            }
            None => format!("{done}, {speed}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::job;

    fn line(now: Instant) -> Line {
        Line {
            since: now,
            bytes: None,
            told: None,
        }
    }

    fn transferring(bytes: u64) -> JobInfo {
        JobInfo {
            state: JobState::Transferring,
            bytes_transferred: bytes,
            bytes_total: Some(100 << 20),
            error: None,
            ..job()
        }
    }

    #[test]
    fn the_templates_of_the_bars_can_be_read() {
        for template in [KNOWN, UNKNOWN, NOTE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_pipe_gets_a_line_every_ten_seconds_with_the_rate_since_the_last() {
        let start = Instant::now();
        let mut line = line(start);
        assert_eq!(line.text(&transferring(0), start), None);
        let soon = start + Duration::from_secs(9);
        assert_eq!(line.text(&transferring(9 << 20), soon), None);
        let later = start + Duration::from_secs(10);
        assert_eq!(
            line.text(&transferring(20 << 20), later).unwrap(),
            "20.0 MiB of 100 MiB (20 %), 2.00 MiB/s, 40 s left"
        );
        assert_eq!(line.text(&transferring(21 << 20), later), None);
    }

    #[test]
    fn a_trouble_is_told_once_until_it_is_another_one() {
        let start = Instant::now();
        let mut line = line(start);
        let mut trouble = job();
        let first = line.text(&trouble, start).unwrap();
        assert!(first.starts_with("the host cannot be reached; tried again"));
        trouble.retry_at = None;
        assert_eq!(line.text(&trouble, start), None);
        assert_eq!(line.text(&transferring(0), start), None);
        assert_eq!(line.text(&trouble, start), None, "nothing came meanwhile");
        trouble.bytes_transferred += 1;
        assert!(line.text(&trouble, start).is_some());
    }

    #[test]
    fn a_job_of_many_files_says_how_many_are_there() {
        let many = JobInfo {
            name: "a and 49 more".into(),
            files_total: 50,
            files_transferred: 7,
            ..job()
        };
        assert_eq!(
            Row::of_job(&many, true).name,
            "7 of 50 files, a and 49 more"
        );
        let one = JobInfo {
            files_total: 1,
            ..many
        };
        assert_eq!(Row::of_job(&one, true).name, "a and 49 more");
        assert_eq!(Row::of_job(&one, false).name, "00000000 a and 49 more");
    }

    #[test]
    fn when_it_is_tried_again_is_told_however_long_the_reason() {
        let mut trouble = job();
        trouble.retry_at = Some(bgcopy_client::Timestamp(0));
        trouble.error.as_mut().unwrap().description = "no ".repeat(40);
        let note = note(&trouble, Some(40)).unwrap();
        assert_eq!(width(&note), 40, "{note}");
        assert!(
            note.starts_with("no no") && note.ends_with("…; tried again now"),
            "{note}"
        );
    }

    #[test]
    fn the_note_of_a_suspended_job_says_how_to_let_it_go_on() {
        let suspended = JobInfo {
            state: JobState::Suspended,
            ..job()
        };
        assert!(
            note(&suspended, None)
                .unwrap()
                .contains("bgcopy resume 00000000")
        );
        assert_eq!(note(&transferring(0), None), None);
    }
}
