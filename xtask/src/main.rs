//! Development commands of bgcopy, called as `cargo xtask COMMAND`.
//!
//! Owns how the project is tested, checked and prepared for a release: one module a command, each with its arguments and its `run`.
//! A new command is a module, a line in [`Command`] and a line in [`Command::run`].
//! Must never hold anything the product needs at run time, and never depends on a crate of the workspace: it has to build and explain
//! itself while any of them is broken.
#![expect(
    clippy::print_stdout,
    reason = "a development command reports to its caller's terminal"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "reads and writes the project's own tree, never a user's files"
)]

mod bench;
mod cargo;
mod check_deps;
mod com_checks;
mod crash;
mod edges;
mod generate;
mod install_com;
mod large;
mod packages;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development commands of bgcopy.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install the Debian packages that the tests need, then run every test.
    Test(test::Args),
    /// Assert which crate of the workspace may depend on which.
    CheckDeps,
    /// Write the man pages to dist/man.
    Man,
    /// Write the shell completions to dist/completions.
    Completions,
    /// Assert that dist/man and dist/completions are what the program generates.
    CheckGenerated,
    /// Run the long tests of SIGKILL and of power failure at seeded offsets of a transfer.
    Crash(crash::Args),
    /// Fetch a sparse file of 5 GiB from the real servers.
    Large,
    /// Measure whole downloads, service and command together, beside curl, wget2 and aria2; write docs/benchmarks.md.
    Bench(bench::Args),
    /// Build the C library and install it, its headers and its pkg-config file.
    InstallCom(install_com::Args),
    /// Run the programs of the C library's tests under valgrind, and the threads' one under helgrind.
    ComChecks,
}

impl Command {
    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Test(args) => test::run(&args),
            Self::CheckDeps => check_deps::run(),
            Self::Man => generate::man(),
            Self::Completions => generate::completions(),
            Self::CheckGenerated => generate::check(),
            Self::Crash(args) => crash::run(&args),
            Self::Large => large::run(),
            Self::Bench(args) => bench::run(&args),
            Self::InstallCom(args) => install_com::run(&args),
            Self::ComChecks => com_checks::run(),
        }
    }
}

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
