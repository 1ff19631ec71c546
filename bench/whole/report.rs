//! What was measured, as a table on the terminal, as JSON, and as marked parts of the document.
//!
//! Owns the shape of all three. A part of the document is between two comments with a row's name; everything else there
//! is written by people and stays.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{aims::Aim, measure::Samples, options::Row};

/// One measured quantity.
#[derive(Debug)]
pub struct Line {
    what: String,
    unit: &'static str,
    samples: Samples,
    aim: Option<Aim>,
}

impl Line {
    /// A quantity with at least one value.
    pub fn new(
        what: impl Into<String>,
        unit: &'static str,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        let mut samples = Samples::default();
        values.into_iter().for_each(|value| samples.push(value));
        Self {
            what: what.into(),
            unit,
            samples,
            aim: None,
        }
    }

    /// With a bound for its median.
    pub fn aim(mut self, aim: Aim) -> Self {
        self.aim = Some(aim);
        self
    }

    fn median(&self) -> f64 {
        self.samples.quantile(0.5)
    }

    fn shown(&self, value: f64) -> String {
        // Three digits that say something.
        let decimals = match value.abs() {
            value if value >= 100.0 => 0,
            value if value >= 10.0 => 1,
            _ => 2,
        };
        let gap = if self.unit.is_empty() { "" } else { " " };
        format!("{value:.decimals$}{gap}{}", self.unit)
    }

    /// Between which values half of them lie; nothing for a single one.
    fn middle(&self) -> String {
        if self.samples.values().len() < 2 {
            return String::new();
        }
        let (low, high) = (self.samples.quantile(0.25), self.samples.quantile(0.75));
        format!("{} to {}", self.shown(low), self.shown(high))
    }

    fn verdict(&self) -> String {
        self.aim
            .map_or_else(String::new, |aim| aim.verdict(self.median()))
    }

    fn cells(&self) -> [String; 5] {
        let bound = self.aim.map_or_else(String::new, Aim::bound);
        [
            self.what.clone(),
            self.shown(self.median()),
            self.middle(),
            bound,
            self.verdict(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what,
            "unit": self.unit,
            "median": self.median(),
            "low": self.samples.quantile(0.25),
            "high": self.samples.quantile(0.75),
            "values": self.samples.values(),
            "aim": self.aim.map(Aim::bound),
            "met": self.aim.map(|aim| aim.is_met_by(self.median())),
        })
    }
}

/// A row's measurements.
#[derive(Debug)]
pub struct Section {
    row: Row,
    /// What was measured, in a sentence, with what the reader has to know.
    told: String,
    lines: Vec<Line>,
}

impl Section {
    pub fn new(row: Row, told: impl Into<String>) -> Self {
        Self {
            row,
            told: told.into(),
            lines: Vec::new(),
        }
    }

    pub fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Prints it.
    #[expect(
        clippy::print_stdout,
        reason = "a benchmark's output is what it is for"
    )]
    pub fn print(&self) {
        println!("\n{}: {}", self.row, self.told);
        let heads = ["", "median", "half lie in", "aim", ""].map(str::to_owned);
        for [what, median, middle, aim, verdict] in
            std::iter::once(heads).chain(self.lines.iter().map(Line::cells))
        {
            let line = format!("  {what:<52} {median:>12}  {middle:<24} {aim:<8} {verdict}");
            println!("{}", line.trim_end());
        }
    }

    /// As Markdown.
    fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.told);
        text.push_str("| | median | half lie in | aim | |\n|---|---|---|---|---|\n");
        for line in &self.lines {
            text.push_str(&format!("| {} |\n", line.cells().join(" | ")).replace("|  |", "| |"));
        }
        text
    }

    /// As JSON, with every value.
    pub fn json(&self) -> Value {
        json!({
            "row": self.row.name(),
            "told": self.told,
            "lines": self.lines.iter().map(Line::json).collect::<Vec<_>>(),
        })
    }

    /// Puts it into the document, in place of what its part says now.
    pub fn write_into(&self, document: &Path) -> anyhow::Result<()> {
        write_part(document, self.row.name(), &self.markdown())
    }
}

/// Replaces a marked part of the document.
pub fn write_part(document: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let old = fs::read_to_string(document)
        .with_context(|| format!("cannot read {}", document.display()))?;
    let new = replaced(&old, name, text).with_context(|| {
        let (begin, end) = markers(name);
        format!("{} has no lines {begin} and {end}", document.display())
    })?;
    fs::write(document, new).with_context(|| format!("cannot write {}", document.display()))
}

fn markers(name: &str) -> (String, String) {
    (
        format!("<!-- bench {name}: begin -->"),
        format!("<!-- bench {name}: end -->"),
    )
}

fn replaced(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = markers(name);
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!(
        "{before}{begin}\n\n{}\n\n{end}{after}",
        text.trim()
    ))
}
