//! The `bgcopy` command: what a person or a script says to the service, and how its answers look.
//!
//! ```text
//!  args ──► commands/* ──► bgcopy_client
//!               │
//!               ├─► format, style, json   answers, on standard output
//!               ├─► progress              how far it is, on standard error
//!               └─► failure               one sentence and an exit code
//! ```
//!
//! Everything goes through the client library; this crate never speaks D-Bus and touches no file of a job. What came
//! from a server or another program reaches a terminal through [`format::clean`] alone.

mod args;
mod calls;
mod changes;
mod commands;
mod context;
mod downloads;
mod failure;
mod follow;
mod format;
mod json;
mod metalink;
mod network;
mod outage;
mod password;
mod program;
mod progress;
mod request;
mod terminal;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser as _};

use args::{Bgcopyd, Cli};
pub use args::{DaemonArgs, ServiceKind};
use failure::{Exit, Failure};

/// Runs `bgcopy` with the arguments of this process. `daemon` is the service itself, for `bgcopy daemon run`.
pub fn main(daemon: fn(DaemonArgs) -> ExitCode) -> ExitCode {
    let matches = Cli::command().get_matches();
    let as_json = asks_for_json(&matches);
    let Cli { target, command } =
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Some(arguments) = command.daemon_args(&target) {
        return daemon(arguments);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let sentence = format!("cannot begin: {error}");
            return Failure::new(Exit::Service, sentence).report();
        }
    };
    let result = runtime.block_on(commands::run(command, target, as_json));
    // What still runs in the background is of no interest to anybody.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

/// Whether the command, whichever it is, has `--json`.
fn asks_for_json(matches: &ArgMatches) -> bool {
    let here = matches.try_get_one::<bool>("json");
    here.is_ok_and(|flag| flag == Some(&true))
        || matches
            .subcommand()
            .is_some_and(|(_, matches)| asks_for_json(matches))
}

/// Runs `bgcopyd` with the arguments of this process: `daemon` is the service itself.
pub fn bgcopyd(daemon: fn(DaemonArgs) -> ExitCode) -> ExitCode {
    let Bgcopyd { run, target } = Bgcopyd::parse();
    daemon(run.daemon_args(&target))
}
