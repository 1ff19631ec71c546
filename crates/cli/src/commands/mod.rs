//! The commands, one a module: its arguments, what it asks the service, how it answers.

pub mod add;
pub mod cancel;
pub mod complete;
pub mod create;
pub mod daemon;
pub mod files;
pub mod generate;
pub mod get;
pub mod list;
pub mod resume;
pub mod set;
pub mod show;
pub mod suspend;
pub mod take;
pub mod wait;
pub mod watch;
pub mod why;

use std::io::{self, Write as _};

use bgcopy_client::{FileInfo, Job};

use crate::{
    args::{Command, Format, Target},
    context::{Context, short_id},
    failure::{Exit, Failure},
    format::clean,
    json,
    terminal::Terminal,
};

/// Runs a command.
pub async fn run(command: Command, target: Target, as_json: bool) -> Result<Exit, Failure> {
    let context = Context {
        address: target.address(),
        terminal: Terminal::current(),
        as_json,
    };
    match command {
        Command::Get(arguments) => get::run(arguments, &context).await,
        Command::Create(arguments) => create::run(arguments, &context).await,
        Command::Add(arguments) => add::run(arguments, &context).await,
        Command::List(arguments) => list::run(arguments, &context).await,
        Command::Show(arguments) => show::run(arguments, &context).await,
        Command::Files(arguments) => files::run(arguments, &context).await,
        Command::Resume(arguments) => resume::run(arguments, &context).await,
        Command::Suspend(arguments) => suspend::run(arguments, &context).await,
        Command::Cancel(arguments) => cancel::run(arguments, &context).await,
        Command::Complete(arguments) => complete::run(arguments, &context).await,
        Command::Take(arguments) => take::run(arguments, &context).await,
        Command::Set(arguments) => set::run(arguments, &context).await,
        Command::Wait(arguments) => wait::run(arguments, &context).await,
        Command::Watch(arguments) => watch::run(arguments, &context).await,
        Command::Why(arguments) => why::run(arguments, &context).await,
        Command::Daemon(command) => daemon::run(command, &context).await,
        Command::GenMan(arguments) => generate::man(&arguments),
        Command::GenCompletions(arguments) => generate::completions(&arguments),
    }
}

/// Prints where the finished ones of these files are, one a line: cleaned for a terminal, as they are for a program.
fn print_paths(files: &[FileInfo], terminal: &Terminal) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for file in files.iter().filter(|file| file.completed) {
        if terminal.is_terminal() {
            let path = file.local_name.to_string_lossy();
            writeln!(out, "{}", clean(&path))?;
        } else {
            out.write_all(file.local_name.as_os_str().as_encoded_bytes())?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}

/// Says what was done to a job: in words, or the job as it is now.
async fn confirm(job: &Job, done: &str, format: Format) -> Result<(), Failure> {
    if format.json {
        json::print(&json::Job::from(&job.info().await?))?;
    } else {
        writeln!(io::stdout(), "{} {done}", short_id(job.id()))?;
    }
    Ok(())
}
