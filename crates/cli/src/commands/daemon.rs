//! `bgcopy daemon`: the service itself: running it, asking after it, stopping it.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    time::Duration,
};

use bgcopy_client::{Connect, Error, Manager, ServiceInfo};
use clap::{Args, Subcommand, ValueHint};
use tokio::time::timeout;

use crate::{
    args::{DaemonArgs, Format, Target},
    context::Context,
    failure::{Exit, Failure},
    json,
};

/// Runs, shows or stops the service
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(after_long_help = "\
Examples:
    bgcopy daemon run --log debug
    bgcopy --system daemon run --config /etc/bgcopy/bgcopy.toml")]
    Run(Run),
    Status(Status),
    Stop(Stop),
}

/// Runs the service in the foreground
///
/// Runs the service until it is told to stop: by `bgcopy daemon stop`, or by SIGTERM or Ctrl-C. There is one for each
/// user; --system is the one for the whole machine, and wants to be started by root. A client starts its user's
/// service by itself, so that this is needed for service managers and for looking at the log.
#[derive(Args, Debug)]
pub struct Run {
    /// The configuration; the usual one, where there is one, by default
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// The folder of the queue; the usual one by default
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    state_dir: Option<PathBuf>,
    /// What is logged: error, warn, info, debug, trace, or a filter by module
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

impl Run {
    /// The service's arguments.
    pub fn daemon_args(&self, target: &Target) -> DaemonArgs {
        DaemonArgs {
            kind: target.kind(),
            config: self.config.clone(),
            state_dir: self.state_dir.clone(),
            socket: target.socket.clone(),
            log: self.log.clone(),
        }
    }
}

/// Shows whether the service runs
///
/// Exits with 0 when it runs and with 3 when it does not. It is not started.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
    bgcopy daemon status")]
pub struct Status {
    #[command(flatten)]
    format: Format,
}

/// Stops the service
///
/// Jobs are kept, and go on when the service runs again: the next command that needs it starts it. A user stops the
/// own service, root that of the system.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
    bgcopy daemon stop")]
pub struct Stop {
    #[command(flatten)]
    format: Format,
}

/// How long a service may take to stop: it finishes the write in hand, and never waits for the network.
const STOP_WITHIN: Duration = Duration::from_secs(30);

pub async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        // `Command::daemon_args` takes this one out before anything else happens.
        Command::Run(_) => Ok(Exit::Ok),
        Command::Status(arguments) => status(arguments, context).await,
        Command::Stop(arguments) => stop(arguments, context).await,
    }
}

/// The service, of whatever version, if it runs.
async fn running(context: &Context) -> Result<Option<Manager>, Failure> {
    let connect = Connect::to(context.address.clone())
        .existing()
        .any_version();
    match context.open(connect).await {
        Ok(manager) => Ok(Some(manager)),
        Err(Error::NotRunning(_) | Error::Disconnected) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn status(arguments: Status, context: &Context) -> Result<Exit, Failure> {
    let manager = running(context).await?;
    let service = manager.as_ref().map(Manager::service);
    if arguments.format.json {
        json::print(&json::Service::new(service.as_ref()))?;
    } else {
        writeln!(io::stdout(), "{}", describe(service.as_ref(), context))?;
    }
    Ok(if service.is_some() {
        Exit::Ok
    } else {
        Exit::Service
    })
}

fn describe(service: Option<&ServiceInfo>, context: &Context) -> String {
    let address = &context.address;
    match service {
        Some(service) => format!(
            "running: bgcopy {}, {} service, process {}, protocol {}, on {address}",
            service.version, service.mode, service.process_id, service.protocol_version
        ),
        None => format!("not running: nothing answers on {address}"),
    }
}

async fn stop(arguments: Stop, context: &Context) -> Result<Exit, Failure> {
    let mut stopped = None;
    if let Some(manager) = running(context).await? {
        let process = manager.service().process_id;
        timeout(STOP_WITHIN, manager.shutdown())
            .await
            .map_err(|_| {
                let seconds = STOP_WITHIN.as_secs();
                Failure::new(
                    Exit::Service,
                    format!("the service, process {process}, was told to stop and still runs after {seconds} s"),
                )
            })??;
        stopped = Some(process);
    }
    if arguments.format.json {
        json::print(&json::Service::new(None))?;
    } else if let Some(process) = stopped {
        writeln!(io::stdout(), "stopped: process {process}")?;
    } else {
        writeln!(io::stdout(), "{}", describe(None, context))?;
    }
    Ok(Exit::Ok)
}
