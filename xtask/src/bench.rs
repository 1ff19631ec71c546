//! `cargo xtask bench`: whole downloads, service and command together, beside the tools that people use by hand.
//!
//! Owns how the benchmark is called: its help, its packages, and where its files go. What is measured, and how, is in
//! `bench/whole`. Must never run more than one benchmark at a time, nor build while one runs.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::{cargo, packages};

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to measure; by default everything, which takes more than an hour.
    ///
    /// plain, checked, https: a file of 4 GiB over HTTP, with a BLAKE3 checksum compared, over TLS. many: 10 000 files of
    /// 10 KiB as one job. small: one file of 1.8 KB. memory: 64 jobs at once. size: the time a byte of 64 MiB to 4 GiB.
    /// shaped: 200 MB over 200 Mbit/s and 50 ms, with two kinds of sender, with and without loss (needs root).
    #[arg(value_name = "ROW", value_parser = [
        "plain", "checked", "https", "many", "small", "memory", "size", "shaped",
    ])]
    rows: Vec<String>,
    /// How often each pair runs, A B A B; 7 by default, 3 with --quick.
    #[arg(long, value_name = "N")]
    pairs: Option<NonZeroU32>,
    /// Small files and few of them, to see that it works: the figures mean nothing and are not written to the document.
    #[arg(long)]
    quick: bool,
    /// Write everything that was measured to this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where files are served from and fetched to, in a folder bgcopy-bench below it, on the file system to be measured; by
    /// default target/bench; needs about 14 GiB.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Installs what is missing, builds for release, and measures.
pub fn run(args: &Args) -> anyhow::Result<()> {
    packages::ensure_for_bench()?;
    let folder = match &args.folder {
        Some(folder) => absolute(folder)?,
        None => cargo::root().join("target/bench"),
    };
    let mut command = cargo::cargo();
    command.args(["bench", "--bench", "whole", "--"]);
    command.args(&args.rows).arg("--folder").arg(folder);
    command
        .arg("--document")
        .arg(cargo::root().join("docs/benchmarks.md"));
    if let Some(pairs) = args.pairs {
        command.arg("--pairs").arg(pairs.to_string());
    }
    if args.quick {
        command.arg("--quick");
    }
    if let Some(file) = &args.json {
        command.arg("--json").arg(absolute(file)?);
    }
    cargo::run(&mut command)
}

/// The benchmark runs at the tree's root, whoever calls it from wherever.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot name {}", path.display()))
}
