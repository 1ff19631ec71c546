//! Real HTTP servers, as Debian packages them, on free ports of the loopback.
//!
//! Owns their configuration files, which are minimal so that a server's defaults show, and their processes, which
//! stay in the foreground and are ended by their process id. It must never touch a server that the machine runs,
//! nor its configuration, and works for root and for an ordinary user.

mod config;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::fs::free_port;
use crate::{Identity, TestCa};

/// The Debian packages that [`RealServer::start`] needs for all kinds.
pub const PACKAGES: &[&str] = &[
    "nginx",
    "apache2-bin",
    "lighttpd",
    "lighttpd-mod-openssl",
    "caddy",
    "python3",
];

/// The user of the folders `/basic/` and `/digest/` of [`Kind::Apache`], each protected by the scheme of its name.
pub const USER: &str = "me";

/// That user's password.
pub const PASSWORD: &str = "open sesame";

/// How long a server may take until it accepts connections. Generous: it guards against hanging only.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a server is started again because another process took its port first.
const ATTEMPTS: usize = 5;

/// A server program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// nginx: ranges, strong validators.
    Nginx,
    /// Apache httpd: ranges, strong validators, weak ones for files changed within the last second.
    Apache,
    /// lighttpd: ranges, strong validators.
    Lighttpd,
    /// Caddy: ranges, strong validators.
    Caddy,
    /// Python's `http.server`: HTTP/1.0, no ranges, Last-Modified only, each answer ends its connection.
    Python,
}

impl Kind {
    /// Every kind, for tests that go through all.
    pub const ALL: [Self; 5] = [
        Self::Nginx,
        Self::Apache,
        Self::Lighttpd,
        Self::Caddy,
        Self::Python,
    ];

    /// Whether it answers a request for a range with a part.
    pub fn has_ranges(self) -> bool {
        self != Self::Python
    }

    /// The Debian package that has the program.
    pub fn package(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "apache2-bin",
            Self::Lighttpd => "lighttpd",
            Self::Caddy => "caddy",
            Self::Python => "python3",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Apache => "apache2",
            other => other.package(),
        }
    }
}

/// A running server. It is killed when this is dropped.
pub struct RealServer {
    process: Child,
    address: SocketAddr,
    scheme: &'static str,
    kind: Kind,
    dir: TempDir,
}

impl RealServer {
    /// Starts a server that serves the files below `docroot`, over TLS if a `TestCa` is given, and waits until it
    /// accepts connections.
    ///
    /// The error is a sentence: which program is missing and which Debian package has it, or what the server said
    /// before it ended.
    pub fn start(kind: Kind, docroot: &Path, tls: Option<&TestCa>) -> Result<Self, String> {
        let program = find(kind)?;
        if kind == Kind::Lighttpd && tls.is_some() && !config::lighttpd_has_openssl() {
            return Err(missing("lighttpd's mod_openssl", "lighttpd-mod-openssl"));
        }
        let docroot = docroot
            .canonicalize()
            .map_err(|e| format!("{}: {e}", docroot.display()))?;
        let identity = tls.map(TestCa::loopback);
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(kind, &program, &docroot, identity.as_ref()) {
                Ok(server) => return Ok(server),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    /// The URL of a path that starts with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The program that runs.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the server has said so far on standard error and in its error log.
    pub fn log(&self) -> String {
        log(self.dir.path())
    }

    fn attempt(
        kind: Kind,
        program: &Path,
        docroot: &Path,
        identity: Option<&Identity>,
    ) -> Result<Self, String> {
        let describe = |e: io::Error| format!("{kind:?} cannot be started: {e}");
        let dir = TempDir::with_prefix("bgcopy-server-").map_err(describe)?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let site = config::Site {
            docroot,
            port: address.port(),
            identity,
            dir: dir.path(),
        };
        let mut command = config::command(kind, program, &site).map_err(describe)?;
        let output = std::fs::File::create(dir.path().join("output")).map_err(describe)?;
        command
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(describe)?)
            .stderr(output);
        let process = command.spawn().map_err(describe)?;
        let scheme = if identity.is_some() { "https" } else { "http" };
        let mut server = Self {
            process,
            address,
            scheme,
            kind,
            dir,
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // The order counts: a server that has ended did not accept the connection; another process did.
            let accepts = TcpStream::connect(self.address).is_ok();
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!(
                    "{:?} ended with {status}: {}",
                    self.kind,
                    self.log()
                ));
            }
            if accepts {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("{:?} does not listen: {}", self.kind, self.log()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // Every kind runs as one process, so nothing outlives it. It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Debian's own programs first: a python3 of another origin in PATH may lack a module. An ordinary user's PATH has no
/// sbin.
fn find(kind: Kind) -> Result<PathBuf, String> {
    let debian = ["/usr/sbin", "/usr/bin"].map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    find_in(kind, debian.into_iter().chain(std::env::split_paths(&path)))
}

fn find_in(kind: Kind, mut dirs: impl Iterator<Item = PathBuf>) -> Result<PathBuf, String> {
    let name = kind.program();
    dirs.find_map(|dir| Some(dir.join(name)).filter(|program| program.is_file()))
        .ok_or_else(|| missing(name, kind.package()))
}

fn missing(what: &str, package: &str) -> String {
    format!(
        "{what} is not installed; the Debian package {package} has it: apt-get install {package}"
    )
}

fn log(dir: &Path) -> String {
    ["output", "error.log"]
        .iter()
        .filter_map(|name| std::fs::read_to_string(dir.join(name)).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Kind, PACKAGES, find_in};

    #[test]
    fn a_missing_program_is_an_error_that_names_its_package() {
        for kind in Kind::ALL {
            let error = find_in(kind, std::iter::empty()).expect_err("nowhere to look");
            let advice = format!("apt-get install {}", kind.package());
            assert!(
                error.contains(kind.program()) && error.ends_with(&advice),
                "{error}"
            );
            assert!(PACKAGES.contains(&kind.package()));
            assert!(crate::PACKAGES.contains(&kind.package()));
        }
    }
}
