//! One service a user: the lock, the private folder and the socket in it.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the lock and the socket are the service's own, not users' files that `disk` guards"
)]

use std::{
    ffi::OsStr,
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    process::Pid,
};
use tokio::{net::UnixListener, signal::unix::SignalKind};

use crate::places::Mode;

/// Why the service cannot be the one.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// Another one is running.
    #[error("another bgcopy service holds {0}; stop it with `bgcopy daemon stop`")]
    Running(PathBuf),
    /// Another one is running, and is to be found elsewhere.
    #[error(
        "the queue in {} is that of the service with process number {process}, which listens on {}; use \
         `bgcopy --socket {}`, or stop it (`kill {process}`)",
        folder.display(), socket.display(), socket.display()
    )]
    Elsewhere {
        /// The folder of the queue.
        folder: PathBuf,
        /// The other service.
        process: u32,
        /// Where it is.
        socket: PathBuf,
    },
    /// Another one is running within a program.
    #[error(
        "the queue in {} is that of the service within process {process}, which no other program reaches; end that \
         program, or give another folder",
        folder.display()
    )]
    Embedded {
        /// The folder of the queue.
        folder: PathBuf,
        /// The program.
        process: u32,
    },
    /// The folder is somebody else's.
    #[error("{0} belongs to another user; remove it or give another place")]
    ForeignFolder(PathBuf),
    /// Something failed.
    #[error("{what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InstanceError {
    let path = path.to_owned();
    move |source| InstanceError::Io { what, path, source }
}

/// The proof that this is the only service that works on the queue; held until the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Says where this service is, to others who want the queue; `None`: nowhere.
    pub fn says(&self, socket: Option<&Path>) {
        let socket = socket.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.into()));
        let socket = socket
            .as_ref()
            .map_or(&[][..], |path| path.as_os_str().as_bytes());
        let mut line = format!("{}\n", std::process::id()).into_bytes();
        line.extend(socket);
        line.push(b'\n');
        // One write, over what stands there: no reader finds half of it.
        if let Err(error) = self.file.write_all_at(&line, 0) {
            tracing::debug!("the lock does not tell where the service is: {error}");
        }
    }
}

impl Drop for Lock {
    /// A process that this one is just starting may hold the file open for a moment longer, and with it the lock.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            tracing::debug!("the lock goes with the file alone: {error}");
        }
    }
}

/// Takes the lock of the queue in `folder`, which is made if it is not there.
///
/// # Errors
/// [`InstanceError::Running`] when another process has it.
pub fn lock(folder: &Path) -> Result<Lock, InstanceError> {
    private_folder(folder)?;
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io_error("cannot open", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            sign(&file).map_err(io_error("cannot write", &path))?;
            Ok(Lock { file })
        }
        Err(rustix::io::Errno::WOULDBLOCK) => Err(InstanceError::Running(path)),
        Err(error) => Err(io_error("cannot lock", &path)(error.into())),
    }
}

/// Puts the number of this process into the lock's file.
fn sign(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

/// The signal by which the service is told to see whether its socket is still there. Whoever does not expect it
/// ignores it, which matters should the number in the lock's file be another process's by now.
pub fn wake_signal() -> SignalKind {
    SignalKind::window_change()
}

/// The process that holds the lock of the queue in `folder`, by its own word; `None` where it has not said.
pub fn holder(folder: &Path) -> Option<Pid> {
    said(folder).map(|(process, _)| process)
}

/// What the holder of the lock says: its process, and its socket, which is empty when it has none; `None` when it has
/// not said yet.
fn said(folder: &Path) -> Option<(Pid, Option<PathBuf>)> {
    let text = std::fs::read(folder.join("lock")).ok()?;
    let mut lines = text.split(|byte| *byte == b'\n');
    let process = std::str::from_utf8(lines.next()?).ok()?.parse().ok()?;
    // A line that is ended by another one: after the last end of line there is nothing.
    let socket = lines.next().filter(|_| lines.next().is_some());
    let socket = socket.map(|path| PathBuf::from(OsStr::from_bytes(path)));
    Some((Pid::from_raw(process)?, socket))
}

/// Why whoever wants to find the service of the queue in `folder` at `socket` will not; `None` when it is there, or
/// has not said where it is.
pub fn elsewhere(folder: &Path, socket: &Path) -> Option<InstanceError> {
    let (process, said) = said(folder)?;
    let (process, said) = (process.as_raw_pid().unsigned_abs(), said?);
    let folder = folder.to_owned();
    if said.as_os_str().is_empty() {
        return Some(InstanceError::Embedded { folder, process });
    }
    // One folder can have several names, as /run and /var/run.
    let place = |path: &Path| {
        Some((
            path.parent()?.canonicalize().ok()?,
            path.file_name()?.to_owned(),
        ))
    };
    let is_same = said == socket || place(socket).is_some_and(|here| place(&said) == Some(here));
    (!is_same).then_some(InstanceError::Elsewhere {
        folder,
        process,
        socket: said,
    })
}

/// Tells the service that holds the lock of the queue in `folder` that a client does not find it.
pub fn wake_holder(folder: &Path) {
    if let Some(holder) = holder(folder)
        && let Err(error) = rustix::process::kill_process(holder, rustix::process::Signal::WINCH)
    {
        tracing::debug!("the service that holds the lock is not told: {error}");
    }
}

/// Binds the private socket; one that a service that was killed left is replaced. Only the holder of the lock does
/// this, so nobody listens there.
///
/// # Errors
/// [`InstanceError`].
pub fn bind(path: &Path, mode: Mode, _lock: &Lock) -> Result<UnixListener, InstanceError> {
    if let Some(folder) = path.parent() {
        if mode == Mode::System {
            shared_folder(folder)?;
        } else {
            private_folder(folder)?;
        }
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io_error("cannot replace", path)(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(io_error("cannot listen on", path))?;
    // In system mode everyone may connect; who they are comes from the kernel, and decides what they may do.
    let bits = if mode == Mode::System { 0o666 } else { 0o600 };
    std::fs::set_permissions(path, Permissions::from_mode(bits))
        .map_err(io_error("cannot set the mode of", path))?;
    Ok(listener)
}

/// Removes the socket at a clean stop.
pub fn unbind(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!("{} stays: {error}", path.display());
    }
}

/// A folder that only this user can enter.
fn private_folder(folder: &Path) -> Result<(), InstanceError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(io_error("cannot make the folder", folder))?;
    let found = std::fs::metadata(folder).map_err(io_error("cannot look at", folder))?;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(InstanceError::ForeignFolder(folder.to_owned()));
    }
    if found.mode() & 0o077 != 0 {
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))
            .map_err(io_error("cannot make private the folder", folder))?;
    }
    Ok(())
}

/// A folder that everyone can enter and only this user can change.
fn shared_folder(folder: &Path) -> Result<(), InstanceError> {
    let missing = folder.ancestors().take_while(|path| !path.exists());
    let missing: Vec<_> = missing.collect();
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .map_err(io_error("cannot make the folder", folder))?;
    for made in missing {
        // The umask, 077 under systemd, would keep everyone out.
        std::fs::set_permissions(made, Permissions::from_mode(0o755))
            .map_err(io_error("cannot open to everyone the folder", made))?;
    }
    let found = std::fs::metadata(folder).map_err(io_error("cannot look at", folder))?;
    if found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o022 != 0 {
        return Err(InstanceError::ForeignFolder(folder.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_service_on_a_queue_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path()).unwrap();
        assert!(matches!(
            lock(folder.path()),
            Err(InstanceError::Running(_))
        ));
        drop(held);
        lock(folder.path()).unwrap();
    }

    #[test]
    fn who_holds_the_lock_says_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        std::fs::create_dir(&run).unwrap();
        let socket = run.join("bus");
        let held = lock(folder.path()).unwrap();
        assert!(
            elsewhere(folder.path(), &socket).is_none(),
            "it has not said"
        );
        held.says(Some(&socket));
        assert!(elsewhere(folder.path(), &socket).is_none());
        std::os::unix::fs::symlink(&run, folder.path().join("alias")).unwrap();
        assert!(elsewhere(folder.path(), &folder.path().join("alias/bus")).is_none());
        assert_eq!(holder(folder.path()), Some(rustix::process::getpid()));

        let other = Path::new("/nowhere/bus");
        let error = elsewhere(folder.path(), other).unwrap();
        let InstanceError::Elsewhere { socket: said, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(said, socket);
        drop(held);
        lock(folder.path()).unwrap().says(None);
        let error = elsewhere(folder.path(), &socket).unwrap();
        assert!(matches!(error, InstanceError::Embedded { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_socket_that_was_left_behind_is_replaced_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path()).unwrap();
        let path = folder.path().join("run/bus");
        drop(bind(&path, Mode::User, &held).unwrap());
        let _listener = bind(&path, Mode::User, &held).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }
}
