//! Where the service keeps its things.

use std::path::{Path, PathBuf};

/// For whom the service runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// For one user, on a private socket.
    #[default]
    User,
    /// For one user, on the private socket and the session bus.
    Session,
    /// For every user, on the system bus and a private socket.
    System,
    /// For one user, within a process that is not the service's own.
    Embedded,
}

impl Mode {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Session => "session",
            Self::System => "system",
            Self::Embedded => "embedded",
        }
    }
}

/// How the service is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// For whom.
    pub mode: Mode,
    /// The configuration; `None`: the usual place, which may be empty.
    pub config: Option<PathBuf>,
    /// The folder of the queue; `None`: the usual place.
    pub state: Option<PathBuf>,
    /// The private socket; `None`: the usual place.
    pub socket: Option<PathBuf>,
    /// The log filter; `None`: the configuration's.
    pub log: Option<String>,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The configuration.
    pub config: PathBuf,
    /// Whether the configuration was named, and so must be there.
    pub config_named: bool,
    /// The folder of the queue.
    pub state: PathBuf,
    /// The private socket.
    pub socket: PathBuf,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacesError {
    /// No variable says where the user's files are.
    #[error(
        "HOME is not set, so there is no place for the queue; set HOME or give --state-dir, --socket and --config"
    )]
    NoHome,
    /// The kernel takes no longer name for a socket (unix(7)).
    #[error("the socket's path {0} is longer than 107 bytes; give a shorter one with --socket")]
    SocketTooLong(PathBuf),
}

impl Places {
    /// The places for these options and this environment.
    pub fn find(
        options: &Options,
        variable: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<Self, PlacesError> {
        // A relative path in these variables is invalid and to be ignored (XDG Base Directory Specification).
        let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
        let below_home = |variable: &str, usual: &str| {
            absolute(variable)
                .or_else(|| absolute("HOME").map(|home| home.join(usual)))
                .map(|folder| folder.join("bgcopy"))
        };
        let system = options.mode == Mode::System;
        let state = match &options.state {
            Some(folder) => Some(folder.clone()),
            None if system => Some("/var/lib/bgcopy".into()),
            None => below_home("XDG_STATE_HOME", ".local/state"),
        };
        let socket = match &options.socket {
            Some(path) => Some(path.clone()),
            None if system => Some("/run/bgcopy/bus".into()),
            None => absolute("XDG_RUNTIME_DIR")
                .map(|folder| folder.join("bgcopy/bus"))
                .or_else(|| {
                    let state = below_home("XDG_STATE_HOME", ".local/state")?;
                    Some(state.join("run/bus"))
                }),
        };
        let config = match &options.config {
            Some(path) => Some(path.clone()),
            None if system => Some("/etc/bgcopy/bgcopy.toml".into()),
            None => {
                below_home("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("bgcopy.toml"))
            }
        };
        let socket = socket.ok_or(PlacesError::NoHome)?;
        if socket.as_os_str().len() > 107 {
            return Err(PlacesError::SocketTooLong(socket));
        }
        Ok(Self {
            config_named: options.config.is_some(),
            config: config.unwrap_or_else(|| Path::new("/etc/bgcopy/bgcopy.toml").to_owned()),
            state: state.ok_or(PlacesError::NoHome)?,
            socket,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(mode: Mode, variables: &[(&str, &str)]) -> Result<Places, PlacesError> {
        let options = Options {
            mode,
            ..Options::default()
        };
        Places::find(&options, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| PathBuf::from(value))
        })
    }

    #[test]
    fn a_users_places_follow_the_xdg_variables() {
        let places = find(
            Mode::User,
            &[
                ("HOME", "/h"),
                ("XDG_RUNTIME_DIR", "/r"),
                ("XDG_STATE_HOME", "not/absolute"),
            ],
        )
        .unwrap();
        assert_eq!(places.state, Path::new("/h/.local/state/bgcopy"));
        assert_eq!(places.socket, Path::new("/r/bgcopy/bus"));
        assert_eq!(places.config, Path::new("/h/.config/bgcopy/bgcopy.toml"));
    }

    #[test]
    fn without_a_runtime_folder_the_socket_is_below_the_state() {
        let places = find(Mode::User, &[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]).unwrap();
        assert_eq!(places.socket, Path::new("/s/bgcopy/run/bus"));
    }

    #[test]
    fn without_a_home_the_error_says_what_to_give() {
        assert_eq!(find(Mode::User, &[]), Err(PlacesError::NoHome));
        assert!(find(Mode::System, &[]).is_ok());
    }

    #[test]
    fn a_socket_that_the_kernel_cannot_name_is_refused() {
        let long = format!("/{}", "x".repeat(100));
        let result = find(Mode::User, &[("HOME", "/h"), ("XDG_RUNTIME_DIR", &long)]);
        assert!(matches!(result, Err(PlacesError::SocketTooLong(_))));
    }
}
