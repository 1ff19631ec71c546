//! `cargo xtask crash`: the tests of crashes and of power failures with more runs than CI has time for.
//!
//! Owns only the number of runs and how it reaches the tests; what is killed, and what must hold afterwards, is in `tests/crash.rs` and
//! `tests/power.rs`.

use std::num::NonZeroU32;

use crate::{cargo, test};

/// Names the number of runs to both tests; CI leaves it unset.
const RUNS_VARIABLE: &str = "BGCOPY_CRASH_RUNS";

/// Arguments of `cargo xtask crash`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many jobs are interrupted in each of the two tests.
    #[arg(long, default_value = "200")]
    runs: NonZeroU32,
}

/// Runs the tests that are ignored otherwise, showing their output as it comes. The second runs also when the first has failed.
pub fn run(args: &Args) -> anyhow::Result<()> {
    test::run_counted(
        cargo::cargo()
            .args([
                "test",
                "--no-fail-fast",
                "--test",
                "crash",
                "--test",
                "power",
                "--",
                "--ignored",
                "--nocapture",
            ])
            .env(RUNS_VARIABLE, args.runs.to_string()),
    )
}
