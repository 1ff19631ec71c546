//! The one program: the `bgcopy` command, and the service when it is called as `bgcopyd` or told `daemon run`.
//!
//! Owns nothing but the way to the two: what a person says is [`bgcopy_cli`]'s, what the service does is
//! [`bgcopy_daemon`]'s.

#[cfg(feature = "cli")]
mod program {
    use std::{env, path::Path, process::ExitCode};

    use bgcopy_cli::DaemonArgs;

    /// Runs whatever the program was called as.
    pub fn main() -> ExitCode {
        #[cfg(feature = "daemon")]
        if let [_, daemon, activate, name] = env::args_os().collect::<Vec<_>>().as_slice()
            && daemon == "daemon"
            && activate == "activate"
            && let Some(name) = name.to_str()
        {
            // The system's service starts itself so, as the owner of a job, to start a name on that user's bus.
            return bgcopy_daemon::activate(name);
        }
        let called = env::args_os().next();
        let name = called.as_deref().map(Path::new).and_then(Path::file_name);
        if name.is_some_and(|name| name == "bgcopyd") {
            bgcopy_cli::bgcopyd(daemon)
        } else {
            bgcopy_cli::main(daemon)
        }
    }

    /// Runs the service.
    #[cfg(feature = "daemon")]
    fn daemon(arguments: DaemonArgs) -> ExitCode {
        use bgcopy_cli::ServiceKind;
        use bgcopy_daemon::{Mode, Options};

        bgcopy_daemon::run(&Options {
            mode: match arguments.kind {
                ServiceKind::User => Mode::User,
                ServiceKind::Session => Mode::Session,
                ServiceKind::System => Mode::System,
            },
            config: arguments.config,
            state: arguments.state_dir,
            socket: arguments.socket,
            log: arguments.log,
        })
    }

    /// A program without the service says so.
    #[cfg(not(feature = "daemon"))]
    fn daemon(_: DaemonArgs) -> ExitCode {
        eprintln!("bgcopy: this program was built without the service; install bgcopyd");
        ExitCode::from(3)
    }
}

#[cfg(feature = "cli")]
fn main() -> std::process::ExitCode {
    program::main()
}

#[cfg(not(feature = "cli"))]
fn main() {}
