//! Samples and how they are printed: the median, and between which values half of them lie.

#![allow(dead_code, reason = "each benchmark uses its part")]

use std::{fs, io::Write, os::unix::fs::FileExt, path::Path, time::Instant};

/// Milliseconds, one value a run.
#[derive(Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Runs the work and notes how long it took.
    pub fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = work();
        self.note(begun);
        result
    }

    /// Notes how long it is since then.
    pub fn note(&mut self, begun: Instant) {
        self.0.push(begun.elapsed().as_secs_f64() * 1e3);
    }

    /// Notes how long it was from one moment to another.
    pub fn note_between(&mut self, begun: Instant, ended: Instant) {
        let passed = ended.saturating_duration_since(begun);
        self.0.push(passed.as_secs_f64() * 1e3);
    }

    /// The last value by that of another's last.
    pub fn note_ratio(&mut self, ours: &Self, theirs: &Self) {
        if let (Some(a), Some(b)) = (ours.0.last(), theirs.0.last()) {
            self.0.push(a / b);
        }
    }

    /// Notes a value that is no time; whoever prints it says its unit.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Every value, in the order in which they were noted.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The value below which this part of the values is; between two of them, in proportion.
    pub fn quantile(&self, part: f64) -> f64 {
        let mut values = self.0.clone();
        values.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "a place in a short list")]
        let place = part * (values.len() - 1) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a short list"
        )]
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        values[low] + (values[high] - values[low]) * place.fract()
    }

    /// A line: what, and the value below which 99 of 100 are, and the largest.
    pub fn print_tail(&self, what: &str, unit: &str, target: &str) {
        let spread = format!("at most {:.2}, of {}", self.quantile(1.0), self.0.len());
        line(what, self.quantile(0.99), unit, &spread, target);
    }

    /// A line: what, the median, the unit, the quartiles, how many.
    pub fn print(&self, what: &str, unit: &str, target: &str) {
        let (low, high) = (self.quantile(0.25), self.quantile(0.75));
        let spread = format!("{low:.2} to {high:.2}, of {}", self.0.len());
        line(what, self.quantile(0.5), unit, &spread, target);
    }
}

/// A heading with what the numbers depend on: the kernel, the processors, how busy they are.
#[expect(
    clippy::print_stdout,
    reason = "a benchmark's output is what it is for"
)]
pub fn begin(title: &str) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{title}");
    println!(
        "Linux {}, {cpus} processors, load {}, files in {}",
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg")
            .split(' ')
            .next()
            .unwrap_or_default()
            .trim(),
        std::env::temp_dir().display(),
    );
    println!(
        "{:<44} {:>8}       {:<26} target",
        "", "median", "half lie in"
    );
}

/// A line with a single value.
#[expect(
    clippy::print_stdout,
    reason = "a benchmark's output is what it is for"
)]
pub fn line(what: &str, value: f64, unit: &str, spread: &str, target: &str) {
    let line = format!("{what:<44} {value:>8.2} {unit:<5} {spread:<26} {target}");
    println!("{}", line.trim_end());
}

/// What the machine needs to make so many bytes durable that a file of its own has already: no size changes, as in
/// the queue's log.
pub fn overwriting(folder: &Path, bytes: usize, times: u32) -> Samples {
    let file = fs::File::create(folder.join("probe")).unwrap();
    let bytes = vec![1; bytes];
    file.write_all_at(&bytes, 0).unwrap();
    file.sync_all().unwrap();
    let mut samples = Samples::default();
    for _ in 0..times {
        file.write_all_at(&bytes, 0).unwrap();
        samples.time(|| file.sync_data()).unwrap();
    }
    samples
}

/// The same for bytes that make a file longer, as every new file does.
pub fn appending(folder: &Path, bytes: usize, times: u32) -> Samples {
    let mut file = fs::File::create(folder.join("probe")).unwrap();
    let bytes = vec![1; bytes];
    let mut samples = Samples::default();
    for _ in 0..times {
        file.write_all(&bytes).unwrap();
        samples.time(|| file.sync_data()).unwrap();
    }
    samples
}
