//! The command line: what may be said. The help, the manual pages and the completions all come from here and from the
//! argument types of [`crate::commands`].

use std::path::PathBuf;

use bgcopy_client::{Address, NotifyFlags, Priority};
use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValuesParser, Styles, TypedValueParser, styling::AnsiColor},
};

use crate::{
    commands::{
        add, cancel, complete, create, daemon, files, generate, get, list, resume, set, show,
        suspend, take, wait, watch, why,
    },
    context::JobRef,
    failure::EXIT_CODES,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Examples:
  Fetch a file into this folder:
    bgcopy get https://example.org/disk.img

  Hand over two files and go away; come back later:
    bgcopy get --no-wait -d /var/tmp https://example.org/a https://example.org/b
    bgcopy list
    bgcopy wait 1f3a

  Make a job step by step, at a priority that lets every other job go first:
    bgcopy create --priority low nightly
    bgcopy add 1f3a -d /var/tmp https://example.org/nightly.tar
    bgcopy resume 1f3a
    bgcopy complete 1f3a

Environment:
  XDG_RUNTIME_DIR   the service's socket is bgcopy/bus below it
  BGCOPY_SOCKET     the socket of another service, as --socket; a notification program finds its own there
  BGCOPY_DAEMON     the service's executable, where it is not beside this one or in PATH
  NO_COLOR          when set and not empty, nothing is coloured
  http_proxy, https_proxy, all_proxy, no_proxy
                    become the proxies of the jobs that are made";

/// Hands files to fetch to a background service
///
/// bgcopy hands files to a background service and shows what becomes of them. The service fetches them over HTTP and
/// HTTPS, goes on after a lost connection, a crash or a restart, checks what arrived, and gives a file its name only
/// when it is whole.
///
/// A job is a set of files that are fetched together. Every job has an id; the first four or more of its digits are
/// enough where they are unique. Jobs belong to the user who made them. The first command starts the user's own
/// service when it does not run.
#[derive(Debug, Parser)]
#[command(
    name = "bgcopy",
    version,
    styles = STYLES,
    max_term_width = 100,
    after_help = EXIT_CODES,
    after_long_help = format!("{EXIT_CODES}\n\n{AFTER_HELP}"),
)]
pub struct Cli {
    #[command(flatten)]
    pub target: Target,
    #[command(subcommand)]
    pub command: Command,
}

/// Which service is meant.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Which service")]
pub struct Target {
    /// The service of the whole machine, on the system bus
    #[arg(long, global = true, conflicts_with = "session")]
    pub system: bool,
    /// This user's own service, on the session bus
    #[arg(long, global = true)]
    pub session: bool,
    /// The service with its private socket at this path
    #[arg(long, global = true, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    pub socket: Option<PathBuf>,
}

impl Target {
    /// Where a client finds it.
    pub fn address(self) -> Address {
        match self {
            Self {
                socket: Some(path), ..
            } => Address::Path(path),
            Self { system: true, .. } => Address::System,
            Self { session: true, .. } => Address::Session,
            _ => Address::User,
        }
    }

    /// What a service is that is told to be it.
    pub const fn kind(&self) -> ServiceKind {
        match self {
            Self { system: true, .. } => ServiceKind::System,
            Self { session: true, .. } => ServiceKind::Session,
            _ => ServiceKind::User,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    Get(get::Arguments),
    Create(create::Arguments),
    Add(add::Arguments),
    List(list::Arguments),
    Show(show::Arguments),
    Files(files::Arguments),
    Resume(resume::Arguments),
    Suspend(suspend::Arguments),
    Cancel(cancel::Arguments),
    Complete(complete::Arguments),
    Take(take::Arguments),
    Set(set::Arguments),
    Wait(wait::Arguments),
    Watch(watch::Arguments),
    Why(why::Arguments),
    #[command(subcommand)]
    Daemon(daemon::Command),
    #[command(hide = true)]
    GenMan(generate::Man),
    #[command(hide = true)]
    GenCompletions(generate::Completions),
}

impl Command {
    /// The service's own arguments, when the service itself is to run.
    pub fn daemon_args(&self, target: &Target) -> Option<DaemonArgs> {
        match self {
            Self::Daemon(daemon::Command::Run(run)) => Some(run.daemon_args(target)),
            _ => None,
        }
    }
}

/// The background copy service
///
/// bgcopyd is the service that `bgcopy` hands files to. It serves a private socket, and a message bus as well with
/// --session or --system. The first client of a user starts it; systemd can start it too.
#[derive(Debug, Parser)]
#[command(
    name = "bgcopyd",
    version,
    styles = STYLES,
    max_term_width = 100,
    after_long_help = "\
Examples:
    bgcopyd --log debug
    bgcopyd --system --config /etc/bgcopy/bgcopy.toml"
)]
pub struct Bgcopyd {
    #[command(flatten)]
    pub run: daemon::Run,
    #[command(flatten)]
    pub target: Target,
}

/// For whom the service runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceKind {
    /// One user, on the private socket.
    #[default]
    User,
    /// One user, on the private socket and the session bus.
    Session,
    /// Every user, on the system bus.
    System,
}

/// What the service is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonArgs {
    /// For whom it runs.
    pub kind: ServiceKind,
    /// The configuration file; `None`: the usual one, if it is there.
    pub config: Option<PathBuf>,
    /// The folder of its queue; `None`: the usual one.
    pub state_dir: Option<PathBuf>,
    /// Its private socket; `None`: the usual one.
    pub socket: Option<PathBuf>,
    /// What is logged; `None`: what the configuration says.
    pub log: Option<String>,
}

/// Jobs that a command is about.
#[derive(Args, Debug)]
pub struct Jobs {
    /// The jobs, each by its id or the first four or more digits of it
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<JobRef>,
}

/// How the answer looks.
#[derive(Args, Clone, Copy, Debug)]
pub struct Format {
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// Reads a priority by its name.
pub fn priority() -> impl TypedValueParser<Value = Priority> {
    PossibleValuesParser::new(Priority::ALL.map(Priority::name)).try_map(|name| {
        let mut all = Priority::ALL.into_iter();
        all.find(|priority| priority.name() == name)
            .ok_or("no such priority")
    })
}

/// The flags of notification, as they are written.
pub const FLAGS: [(&str, NotifyFlags); 5] = [
    ("transferred", NotifyFlags::TRANSFERRED),
    ("error", NotifyFlags::ERROR),
    ("modification", NotifyFlags::MODIFICATION),
    ("file-transferred", NotifyFlags::FILE_TRANSFERRED),
    ("none", NotifyFlags::DISABLE),
];

/// Reads one flag by its name.
pub fn notify_flag() -> impl TypedValueParser<Value = NotifyFlags> {
    PossibleValuesParser::new(FLAGS.map(|(name, _)| name)).try_map(|name| {
        let mut all = FLAGS.into_iter();
        all.find(|(known, _)| *known == name)
            .map(|(_, flag)| flag)
            .ok_or("no such flag")
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definitions_do_not_contradict_themselves() {
        Cli::command().debug_assert();
        Bgcopyd::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_short_and_a_long_description_and_examples() {
        fn check(command: &clap::Command) {
            for sub in command.get_subcommands() {
                let name = sub.get_name();
                if sub.is_hide_set() || name == "help" {
                    continue;
                }
                let short = sub.get_about().map(ToString::to_string);
                assert!(short.is_some_and(|text| !text.ends_with('.')), "{name}");
                if sub.has_subcommands() {
                    check(sub);
                    continue;
                }
                assert!(sub.get_long_about().is_some(), "{name}");
                let after = sub.get_after_long_help().map(ToString::to_string);
                assert!(after.is_some_and(|t| t.contains("Example")), "{name}");
                for argument in sub.get_arguments() {
                    assert!(argument.get_help().is_some(), "{name} {argument}");
                }
            }
        }
        check(&Cli::command());
    }

    #[test]
    fn the_help_names_every_command_and_the_exit_codes() {
        let help = Cli::command().render_long_help().to_string();
        for command in [
            "get", "create", "add", "list", "show", "files", "resume", "suspend", "cancel",
            "complete", "take", "set", "wait", "watch", "why", "daemon",
        ] {
            assert!(help.contains(&format!("\n  {command} ")), "{command}");
        }
        assert!(help.contains("Exit codes:") && help.contains("Examples:"));
        assert!(!help.contains("gen-man"));
    }

    #[test]
    fn the_service_can_be_named_before_and_after_the_command() {
        for line in [
            ["bgcopy", "--socket", "/s", "list"],
            ["bgcopy", "list", "--socket", "/s"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.target.address(), Address::Path("/s".into()));
        }
        assert!(Cli::try_parse_from(["bgcopy", "--system", "--session", "list"]).is_err());
    }

    #[test]
    fn both_names_of_the_service_take_the_same_arguments() {
        let expected = DaemonArgs {
            kind: ServiceKind::System,
            config: Some("/c".into()),
            state_dir: Some("/d".into()),
            socket: Some("/s".into()),
            log: Some("debug".into()),
        };
        let options = [
            "--system",
            "--config",
            "/c",
            "--state-dir",
            "/d",
            "--socket",
            "/s",
            "--log",
            "debug",
        ];
        let Bgcopyd { run, target } =
            Bgcopyd::try_parse_from(["bgcopyd"].into_iter().chain(options)).unwrap();
        assert_eq!(run.daemon_args(&target), expected);

        let line = ["bgcopy", "daemon", "run"].into_iter().chain(options);
        let Cli { target, command } = Cli::try_parse_from(line).unwrap();
        assert_eq!(command.daemon_args(&target), Some(expected));
    }
}
