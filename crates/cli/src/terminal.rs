//! What standard output and standard error are, looked at once: terminals or pipes, how wide, with colours or without.

use std::{
    env,
    io::{self, IsTerminal as _},
    os::fd::AsFd,
};

use bgcopy_client::{JobState, Timestamp};
use clap::builder::styling::{AnsiColor, Style};

/// The surroundings of the command's output.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// The columns of standard output; `None` in a pipe.
    pub columns: Option<usize>,
    /// Whether standard output takes colours.
    pub colour: bool,
    /// Whether standard error is a terminal that lines can be redrawn on.
    pub is_live: bool,
}

impl Terminal {
    /// Those of this process.
    pub fn current() -> Self {
        let stdout = io::stdout();
        let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        // https://no-color.org: present and not empty, whatever its value.
        let no_colour = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let columns = stdout.is_terminal().then(|| window_of(&stdout).0);
        Self {
            columns,
            colour: columns.is_some() && !no_colour && !is_dumb,
            is_live: io::stderr().is_terminal() && !is_dumb,
        }
    }

    /// Whether standard output is a terminal.
    pub const fn is_terminal(&self) -> bool {
        self.columns.is_some()
    }
}

/// The columns and rows of a terminal's window, as it is now; 80 and 24 where it does not say.
pub fn window_of(terminal: impl AsFd) -> (usize, usize) {
    match rustix::termios::tcgetwinsize(terminal) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// How a state is painted.
pub fn style_of(state: JobState) -> Style {
    match state {
        JobState::Error | JobState::Cancelled => AnsiColor::Red.on_default(),
        JobState::TransientError => AnsiColor::Yellow.on_default(),
        JobState::Transferred | JobState::Acknowledged => AnsiColor::Green.on_default(),
        JobState::Connecting | JobState::Transferring => AnsiColor::Cyan.on_default(),
        JobState::Queued | JobState::Suspended => Style::new(),
    }
}

/// The wall clock.
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
