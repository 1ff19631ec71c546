//! `cargo xtask test`: the packages that the tests need, then every test.
//!
//! Owns the order of the two steps and the closing summary. Must never leave out a test silently: what was ignored is counted and named.

use std::env;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::{cargo, packages};

/// Arguments of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not look for, nor install, the Debian packages that the tests need.
    #[arg(long)]
    no_install: bool,
    /// Run only the tests whose name contains one of these.
    filter: Vec<String>,
}

/// Runs both steps; fails when a package is missing, when a crate does not build or when a test fails.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.no_install {
        println!(
            "Packages: not looked at (--no-install). A test whose program is missing will fail."
        );
    } else {
        packages::ensure()?;
    }
    run_tests(&args.filter)
}

/// Runs unit, integration and documentation tests of the workspace, to the end even if some fail.
fn run_tests(filter: &[String]) -> anyhow::Result<()> {
    let terminal = std::io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
    let mut command = cargo::cargo();
    command.args([
        "test",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
        "--",
    ]);
    if terminal {
        // The harness writes to our pipe and cannot see the terminal behind it.
        command.arg("--color=always");
    }
    command.args(filter);

    run_counted(&mut command)
}

/// Runs a `cargo test`, shows its standard output as it comes, and sums up at the end. Fails when a test failed, when a crate did
/// not build, and when no test ran: a name that has changed must not look like success.
pub fn run_counted(command: &mut Command) -> anyhow::Result<()> {
    let started = Instant::now();
    println!("+ {}", cargo::show(command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo test")?;
    let mut output = BufReader::new(child.stdout.take().context("cargo test has no output")?);
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while output
        .read_until(b'\n', &mut line)
        .context("cannot read the output of cargo test")?
        > 0
    {
        std::io::stdout().write_all(&line)?;
        tally.count(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let status = child.wait().context("cannot wait for cargo test")?;

    println!("\n{} ({} s)", tally.summary(), started.elapsed().as_secs());
    if !status.success() {
        bail!("the tests failed, or a crate did not build: {status}");
    }
    if tally.passed == 0 {
        bail!("no test ran");
    }
    Ok(())
}

/// What the `test result:` lines of all test programs add up to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    filtered_out: u64,
}

impl Tally {
    /// Adds one line of the harness's output; a line of any other kind counts nothing.
    fn count(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        // `ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`, its first word maybe coloured.
        let Some((_, counts)) = result.split_once(". ") else {
            return;
        };
        for count in counts.split(';') {
            let Some((number, what)) = count.trim().split_once(' ') else {
                continue;
            };
            let sum = match what {
                "passed" => &mut self.passed,
                "failed" => &mut self.failed,
                "ignored" => &mut self.ignored,
                "filtered out" => &mut self.filtered_out,
                _ => continue,
            };
            *sum += number.parse::<u64>().unwrap_or(0);
        }
    }

    fn summary(&self) -> String {
        let mut parts = vec![
            format!("{} passed", self.passed),
            format!("{} failed", self.failed),
        ];
        if self.ignored > 0 {
            parts.push(format!(
                "{} ignored (the long ones: `cargo xtask crash`, `cargo xtask large`)",
                self.ignored
            ));
        }
        if self.filtered_out > 0 {
            parts.push(format!("{} filtered out", self.filtered_out));
        }
        format!("cargo xtask: {}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn the_results_of_all_programs_are_added_up_whether_coloured_or_not() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: \u{1b}[31mFAILED\u{1b}(B\u{1b}[m. 2 passed; 3 failed; 0 ignored; 0 measured; 4 filtered out; finished in 2s",
        ] {
            tally.count(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 7,
                failed: 3,
                ignored: 1,
                filtered_out: 4
            }
        );
    }

    #[test]
    fn a_test_that_prints_a_similar_line_counts_nothing() {
        let mut tally = Tally::default();
        tally.count("the test result: 5 passed; 5 failed");
        assert_eq!(tally, Tally::default());
    }

    #[test]
    fn an_ignored_test_is_named_in_the_summary() {
        let tally = Tally {
            passed: 1,
            ignored: 2,
            ..Tally::default()
        };
        assert_eq!(
            tally.summary(),
            "cargo xtask: 1 passed, 0 failed, 2 ignored (the long ones: `cargo xtask crash`, `cargo xtask large`)"
        );
    }
}
