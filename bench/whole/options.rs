//! What the command line asks of the benchmark.
//!
//! Owns the list of rows and their names. `cargo xtask bench` has the help and passes on what it was told; this reads
//! it, and refuses what it does not know.

use std::{fmt, path::PathBuf, str::FromStr};

use anyhow::{Context as _, bail};

/// A row of the table of aims, or several that share their runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Plain,
    Checked,
    Https,
    Size,
    Memory,
    Small,
    Many,
    Shaped,
}

impl Row {
    /// Every row, in the order in which they run.
    const ALL: [Self; 8] = [
        Self::Plain,
        Self::Checked,
        Self::Https,
        Self::Size,
        Self::Memory,
        Self::Small,
        Self::Many,
        Self::Shaped,
    ];

    /// The name on the command line, in the JSON and in the document's markers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Checked => "checked",
            Self::Https => "https",
            Self::Many => "many",
            Self::Small => "small",
            Self::Memory => "memory",
            Self::Size => "size",
            Self::Shaped => "shaped",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Row {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        let known = Self::ALL.into_iter().find(|row| row.name() == name);
        known.with_context(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no row {name:?}; the rows are {names}")
        })
    }
}

/// What is to be measured, and where.
#[derive(Debug)]
pub struct Options {
    pub rows: Vec<Row>,
    /// Pairs of each row, at least one.
    pub pairs: usize,
    /// Small files, to try it out: its figures mean nothing and are not written to the document.
    pub quick: bool,
    /// Where everything that was measured goes, as JSON.
    pub json: Option<PathBuf>,
    /// The document whose marked parts are replaced.
    pub document: Option<PathBuf>,
    /// For the files that are served and those that are fetched.
    pub folder: PathBuf,
}

impl Options {
    /// Reads a command line, without the program's name.
    pub fn parse(words: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let mut words = words.into_iter();
        let (mut rows, mut pairs, mut quick) = (Vec::new(), None, false);
        let (mut json, mut document, mut folder) = (None, None, None);
        while let Some(word) = words.next() {
            let mut value = || {
                let value = words.next();
                value.with_context(|| format!("{word} needs a value"))
            };
            match word.as_str() {
                // cargo says so to every benchmark.
                "--bench" => {}
                "--quick" => quick = true,
                "--pairs" => pairs = Some(value()?.parse().context("--pairs needs a number")?),
                "--json" => json = Some(value()?.into()),
                "--document" => document = Some(value()?.into()),
                "--folder" => folder = Some(value()?.into()),
                option if option.starts_with('-') => bail!("there is no option {option}"),
                row => rows.push(row.parse()?),
            }
        }
        if rows.is_empty() {
            rows.extend(Row::ALL);
        }
        let pairs = pairs.unwrap_or(if quick { 3 } else { 7 });
        if pairs == 0 {
            bail!("--pairs needs at least 1");
        }
        Ok(Self {
            rows,
            pairs,
            quick,
            json,
            document,
            folder: folder.context("--folder is missing: start this by `cargo xtask bench`")?,
        })
    }
}
