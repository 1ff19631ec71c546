//! Starts a client that is not running, by its name on the session bus of its user.
//!
//! The bus knows what to run and does it as its own user: the service runs nothing here. It must never do this with
//! more rights than the user has; the system's service does it in a process that is the user's ([`activate`]).

use std::{process::ExitCode, time::Duration};

use zbus::{
    connection,
    fdo::{DBusProxy, StartServiceReply},
    names::WellKnownName,
};

/// How long the bus may take to start it. D-Bus itself gives up after 25 s unless it is told otherwise.
const PATIENCE: Duration = Duration::from_mins(2);

/// Starts `name` on the session bus of this process's environment (`DBUS_SESSION_BUS_ADDRESS`, else the socket `bus` in
/// `XDG_RUNTIME_DIR`), and waits until it is there. One that runs already is success.
pub(crate) async fn start(name: &str) -> zbus::Result<()> {
    start_on(connection::Builder::session(), name).await
}

async fn start_on(bus: connection::Builder<'_>, name: &str) -> zbus::Result<()> {
    let name = WellKnownName::try_from(name)?;
    let connection = bus.method_timeout(PATIENCE).build().await?;
    let bus = DBusProxy::new(&connection).await?;
    match bus.start_service_by_name(name, 0).await? {
        StartServiceReply::Success | StartServiceReply::AlreadyRunning => Ok(()),
    }
}

/// Starts `name` on the session bus of this process's environment. The whole of a process that the system's service
/// runs as a job's owner: nothing is printed, the exit status tells.
pub fn activate(name: &str) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime.map(|runtime| runtime.block_on(start(name))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "the tests write a bus's configuration"
    )]

    use std::{
        fs,
        io::{BufRead, BufReader},
        path::Path,
        process::{Child, Command, Stdio},
    };

    use zbus::Connection;

    use super::*;

    /// A bus that can start `org.example.App`: a program that leaves a file and takes no name.
    struct Bus {
        daemon: Child,
        address: String,
        folder: tempfile::TempDir,
    }

    impl Drop for Bus {
        fn drop(&mut self) {
            // It may have ended by itself.
            let _ = self.daemon.kill();
            let _ = self.daemon.wait();
        }
    }

    impl Bus {
        fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().display();
            let write = |name: &str, text: String| {
                fs::write(folder.path().join(name), text).unwrap();
            };
            write(
                "org.example.App.service",
                format!(
                    "[D-BUS Service]\nName=org.example.App\nExec=/bin/sh -c \"touch {path}/started; exit 1\"\n"
                ),
            );
            write(
                "bus.conf",
                format!(
                    "<busconfig><type>session</type><listen>unix:dir={path}</listen>\
                     <servicedir>{path}</servicedir><policy context=\"default\">\
                     <allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/>\
                     </policy></busconfig>"
                ),
            );
            let mut daemon = Command::new("dbus-daemon")
                .arg(format!("--config-file={path}/bus.conf"))
                .args(["--nofork", "--nopidfile", "--print-address"])
                .stdout(Stdio::piped())
                .spawn()
                .expect("dbus-daemon runs (Debian package dbus-daemon)");
            let mut address = String::new();
            let output = daemon.stdout.take().unwrap();
            BufReader::new(output).read_line(&mut address).unwrap();
            Self {
                daemon,
                address: address.trim().to_owned(),
                folder,
            }
        }

        fn builder(&self) -> connection::Builder<'_> {
            connection::Builder::address(self.address.as_str())
        }

        async fn start_app(&self, name: &str) -> zbus::Result<()> {
            let started = start_on(self.builder(), name);
            tokio::time::timeout(Duration::from_mins(1), started)
                .await
                .expect("the bus answers")
        }
    }

    #[tokio::test]
    async fn the_bus_runs_the_program_of_the_name() {
        let bus = Bus::start();
        // It fails before it has the name, which the bus tells.
        bus.start_app("org.example.App").await.unwrap_err();
        assert!(Path::exists(&bus.folder.path().join("started")));
    }

    #[tokio::test]
    async fn a_client_that_runs_is_success_and_an_unknown_one_is_not() {
        let bus = Bus::start();
        let app: Connection = bus.builder().build().await.unwrap();
        app.request_name("org.example.App").await.unwrap();
        bus.start_app("org.example.App").await.unwrap();
        assert!(!Path::exists(&bus.folder.path().join("started")));
        let error = bus.start_app("org.example.Unknown").await.unwrap_err();
        assert!(error.to_string().contains("org.example.Unknown"), "{error}");
        bus.start_app("no name").await.unwrap_err();
    }
}
