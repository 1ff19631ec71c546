//! The origin of every row: Debian's nginx as one process, told to be no one's bottleneck.
//!
//! Owns its configuration and its process, which is ended by its id. It must never touch an nginx that the machine runs.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use bgcopy_testkit::{TestCa, fs::free_port, link::Namespace};
use tempfile::TempDir;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running nginx. It is killed when this is dropped.
pub struct Nginx {
    process: Child,
    address: SocketAddr,
    scheme: &'static str,
    dir: TempDir,
}

impl Nginx {
    /// Serves the folder on a free port of the loopback, over TLS if an authority is given.
    pub fn start(served: &Path, tls: Option<&TestCa>) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        Self::launch(
            served,
            address,
            tls,
            |command| Ok(command.spawn()?),
            || TcpStream::connect(address).is_ok(),
        )
    }

    /// Serves the folder at one end of a link.
    pub fn start_in(place: &Namespace, ip: Ipv4Addr, served: &Path) -> anyhow::Result<Self> {
        let address = SocketAddr::from((ip, 80));
        let spawn = |command: &mut Command| {
            let child = place.run(|| command.spawn()).map_err(anyhow::Error::msg)?;
            Ok(child?)
        };
        let listens = || {
            let connected = place.run(|| TcpStream::connect(address).is_ok());
            connected.unwrap_or(false)
        };
        Self::launch(served, address, None, spawn, listens)
    }

    /// The URL of what is served under this name.
    pub fn url(&self, name: &str) -> String {
        format!("{}://{}/{name}", self.scheme, self.address)
    }

    fn launch(
        served: &Path,
        address: SocketAddr,
        tls: Option<&TestCa>,
        spawn: impl FnOnce(&mut Command) -> anyhow::Result<Child>,
        listens: impl Fn() -> bool,
    ) -> anyhow::Result<Self> {
        let dir = TempDir::with_prefix("bgcopy-nginx-")?;
        let configuration = dir.path().join("nginx.conf");
        fs::write(&configuration, text(dir.path(), served, address, tls))?;
        let mut command = Command::new("/usr/sbin/nginx");
        command
            .arg("-p")
            .arg(dir.path())
            .arg("-c")
            .arg(&configuration)
            .arg("-e")
            .arg(dir.path().join("error.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(dir.path().join("said"))?);
        let mut nginx = Self {
            process: spawn(&mut command)?,
            address,
            scheme: if tls.is_some() { "https" } else { "http" },
            dir,
        };
        let begun = Instant::now();
        while !listens() {
            if nginx.process.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                bail!("nginx does not serve: {}", nginx.log());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(nginx)
    }

    fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        read("said") + &read("error.log")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It is one process, so nothing outlives it. It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(dir: &Path, served: &Path, address: SocketAddr, tls: Option<&TestCa>) -> String {
    let (dir, served) = (dir.display(), served.display());
    let (ssl, certificate) = match tls.map(TestCa::loopback) {
        None => ("", String::new()),
        Some(identity) => {
            let (file, key) = (identity.certificate_file(), identity.key_file());
            let (file, key) = (file.display(), key.display());
            (
                " ssl",
                format!("ssl_certificate {file}; ssl_certificate_key {key};"),
            )
        }
    };
    format!(
        "daemon off;
master_process off;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    default_type application/octet-stream;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen {address}{ssl};
        {certificate}
        root {served};
    }}
}}
"
    )
}
