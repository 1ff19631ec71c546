//! `cargo xtask crash`: the crash test with more kills than CI has time for.
//!
//! Owns only the number of runs and how it reaches the test; what is killed, and what must hold afterwards, is in `tests/crash.rs`.

use std::num::NonZeroU32;

use crate::cargo;

/// Names the number of kills to the test; CI leaves it unset.
const RUNS_VARIABLE: &str = "BGCOPY_CRASH_RUNS";

/// Arguments of `cargo xtask crash`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many times the daemon is killed.
    #[arg(long, default_value = "200")]
    runs: NonZeroU32,
}

/// Runs the test that is ignored otherwise, showing its output as it comes.
pub fn run(args: &Args) -> anyhow::Result<()> {
    cargo::run(
        cargo::cargo()
            .args(["test", "--test", "crash", "--", "--ignored", "--nocapture"])
            .env(RUNS_VARIABLE, args.runs.to_string()),
    )
}
