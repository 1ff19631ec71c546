//! Where the service is: which of its sockets or buses a client talks to.
//!
//! Owns the rule for the private socket's path. Must never make a folder or a socket: both are the daemon's.

#![expect(
    clippy::disallowed_methods,
    reason = "whose the runtime folder is, not a caller's file"
)]

use std::{
    fmt,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use crate::{StartError, Surroundings};

/// A service to talk to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Address {
    /// The private socket of this user's own daemon, which is started when it does not run; where `BGCOPY_SOCKET` is
    /// set, the service there, which is not.
    #[default]
    User,
    /// The name `org.bgcopy` on the session bus, which starts the daemon where a service file says how.
    Session,
    /// The name `org.bgcopy` on the system bus: the service of the whole machine.
    System,
    /// A daemon's private socket at this path. It is never started from here.
    Path(PathBuf),
    /// A connection that the program handed over ([`Manager::over`](crate::Manager::over)). There is no way to make it
    /// again.
    Stream,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str("the private socket of this user"),
            Self::Session => f.write_str("the session bus"),
            Self::System => f.write_str("the system bus"),
            Self::Path(path) => write!(f, "the socket {}", path.display()),
            Self::Stream => f.write_str("the connection that was handed over"),
        }
    }
}

/// The longest path that a Unix socket's address holds, in bytes (`sun_path` less its terminator, unix(7)).
pub(crate) const SOCKET_PATH_MAX: usize = 107;

/// The path of the private socket of this user's daemon: `$XDG_RUNTIME_DIR/bgcopy/bus`, and where that variable is
/// not set `$XDG_STATE_HOME/bgcopy/run/bus` or `~/.local/state/bgcopy/run/bus`.
///
/// # Errors
/// [`StartError::NoHome`] when no variable tells a folder, [`StartError::PathTooLong`] when no socket can have
/// that path.
pub(crate) fn socket_path(surroundings: &Surroundings) -> Result<PathBuf, StartError> {
    // The XDG base directory specification has relative paths ignored.
    let absolute = |path: &Option<PathBuf>| path.clone().filter(|path| path.is_absolute());
    let path = if let Some(runtime) = absolute(&surroundings.runtime_dir) {
        runtime.join("bgcopy/bus")
    } else if let Some(state) = absolute(&surroundings.state_home) {
        state.join("bgcopy/run/bus")
    } else if let Some(home) = absolute(&surroundings.home) {
        home.join(".local/state/bgcopy/run/bus")
    } else {
        return Err(StartError::NoHome);
    };
    if path.as_os_str().len() > SOCKET_PATH_MAX {
        return Err(StartError::PathTooLong { path });
    }
    Ok(path)
}

/// Checks that nobody else can have put a socket into the folder of `socket`. A folder that is not there yet is
/// fine: the daemon makes it.
///
/// # Errors
/// [`StartError::ForeignFolder`] when the folder is somebody else's or open to others, [`StartError::Folder`] when
/// it cannot be looked at.
pub(crate) fn check_folder(socket: &Path) -> Result<(), StartError> {
    let Some(folder) = socket.parent() else {
        return Ok(());
    };
    let metadata = match folder.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(StartError::Folder {
                folder: folder.to_owned(),
                source,
            });
        }
    };
    let mine = metadata.uid() == rustix::process::geteuid().as_raw();
    if !mine || !metadata.is_dir() || metadata.mode() & 0o077 != 0 {
        return Err(StartError::ForeignFolder {
            folder: folder.to_owned(),
        });
    }
    Ok(())
}

/// Whether a path given by the caller fits a socket's address.
///
/// # Errors
/// [`StartError::PathTooLong`] when it does not.
pub(crate) fn check_length(path: &Path) -> Result<(), StartError> {
    if path.as_os_str().as_bytes().len() > SOCKET_PATH_MAX {
        return Err(StartError::PathTooLong {
            path: path.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn surroundings(
        runtime: Option<&str>,
        state: Option<&str>,
        home: Option<&str>,
    ) -> Surroundings {
        Surroundings {
            runtime_dir: runtime.map(PathBuf::from),
            state_home: state.map(PathBuf::from),
            home: home.map(PathBuf::from),
            ..Surroundings::default()
        }
    }

    #[test]
    fn the_runtime_folder_goes_before_the_state_folder_and_that_before_home() {
        let path = |r, s, h| socket_path(&surroundings(r, s, h)).unwrap();
        assert_eq!(
            path(Some("/run/user/7"), Some("/s"), Some("/h")),
            Path::new("/run/user/7/bgcopy/bus")
        );
        assert_eq!(
            path(None, Some("/s"), Some("/h")),
            Path::new("/s/bgcopy/run/bus")
        );
        assert_eq!(
            path(None, None, Some("/h")),
            Path::new("/h/.local/state/bgcopy/run/bus")
        );
    }

    #[test]
    fn a_relative_runtime_folder_is_ignored() {
        assert_eq!(
            socket_path(&surroundings(Some("run"), None, Some("/h"))).unwrap(),
            Path::new("/h/.local/state/bgcopy/run/bus")
        );
    }

    #[test]
    fn without_any_folder_the_error_names_the_variables() {
        let error = socket_path(&Surroundings::default()).unwrap_err();
        assert!(error.to_string().contains("XDG_RUNTIME_DIR"), "{error}");
    }

    #[test]
    fn a_path_of_107_bytes_fits_and_one_of_108_does_not() {
        let fits = format!("/{}", "d".repeat(SOCKET_PATH_MAX - 1 - "/bgcopy/bus".len()));
        let path = socket_path(&surroundings(Some(&fits), None, None)).unwrap();
        assert_eq!(path.as_os_str().len(), SOCKET_PATH_MAX);
        check_length(&path).unwrap();

        let error = socket_path(&surroundings(Some(&format!("{fits}d")), None, None)).unwrap_err();
        assert!(error.to_string().contains("107"), "{error}");
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused_and_a_missing_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("bgcopy");
        let socket = folder.join("bus");
        check_folder(&socket).unwrap();

        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        check_folder(&socket).unwrap();

        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(
            check_folder(&socket),
            Err(StartError::ForeignFolder { .. })
        ));
    }
}
