//! How each server is told to serve one directory on one port: its command line and its configuration file.
//!
//! Owns text. Nothing here starts a process.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Kind;
use crate::Identity;

/// What is to be served where.
pub(super) struct Site<'a> {
    pub(super) docroot: &'a Path,
    pub(super) port: u16,
    pub(super) identity: Option<&'a Identity>,
    /// A directory of the server's own for configuration, logs and the like.
    pub(super) dir: &'a Path,
}

/// Debian's directories of modules, which exist where the package is installed.
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";
const LIGHTTPD_MODULES: &str = "/usr/lib/lighttpd";

/// Serves TLS as `python3 -m http.server` serves plain text; that command learns TLS in Python 3.14 only.
const PYTHON_TLS: &str = "\
import functools, http.server, ssl, sys
port, docroot, certificate, key = sys.argv[1:]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=docroot)
server = http.server.ThreadingHTTPServer(('127.0.0.1', int(port)), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
";

/// Writes the configuration and returns the command that runs the server in the foreground as one process.
pub(super) fn command(kind: Kind, program: &Path, site: &Site<'_>) -> io::Result<Command> {
    let (docroot, port) = (site.docroot, site.port);
    let mut command = Command::new(program);
    match kind {
        Kind::Nginx => {
            let file = write(site, "nginx.conf", &nginx(site))?;
            command.arg("-p").arg(site.dir).arg("-c").arg(file);
            command.arg("-e").arg(site.dir.join("error.log"));
        }
        Kind::Apache => {
            for (scheme, users) in USERS {
                write(site, &scheme.to_ascii_lowercase(), users)?;
            }
            let file = write(site, "apache.conf", &apache(site))?;
            if rustix::process::geteuid().is_root() {
                // As root it would change to another user, who cannot read the test's files. So it starts as
                // that user at once, and takes along the right to read (setpriv is in util-linux, essential).
                command = Command::new("setpriv");
                command.args(["--reuid=www-data", "--regid=www-data", "--clear-groups"]);
                command.args(["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]);
                command.arg(program);
            }
            command
                .arg("-X")
                .arg("-d")
                .arg(site.dir)
                .arg("-f")
                .arg(file);
        }
        Kind::Lighttpd => {
            let file = write(site, "lighttpd.conf", &lighttpd(site))?;
            command.arg("-D").arg("-f").arg(file);
        }
        Kind::Caddy => {
            let file = write(site, "Caddyfile", &caddy(site))?;
            command
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(file);
            command.env("HOME", site.dir);
            command
                .env("XDG_CONFIG_HOME", site.dir)
                .env("XDG_DATA_HOME", site.dir);
        }
        Kind::Python => match site.identity {
            None => {
                command.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"]);
                command.arg(docroot).arg(port.to_string());
            }
            Some(identity) => {
                command
                    .args(["-c", PYTHON_TLS])
                    .arg(port.to_string())
                    .arg(docroot);
                command
                    .arg(identity.certificate_file())
                    .arg(identity.key_file());
            }
        },
    }
    Ok(command)
}

/// Whether lighttpd's TLS module, a package of its own, is there.
pub(super) fn lighttpd_has_openssl() -> bool {
    Path::new(LIGHTTPD_MODULES).join("mod_openssl.so").exists()
}

fn write(site: &Site<'_>, name: &str, text: &str) -> io::Result<PathBuf> {
    let file = site.dir.join(name);
    std::fs::write(&file, text)?;
    Ok(file)
}

fn nginx(site: &Site<'_>) -> String {
    let Site {
        docroot, port, dir, ..
    } = site;
    let (dir, docroot) = (dir.display(), docroot.display());
    let (ssl, certificate) = match site.identity {
        None => ("", String::new()),
        Some(identity) => (
            " ssl",
            format!(
                "ssl_certificate {}; ssl_certificate_key {};",
                identity.certificate_file().display(),
                identity.key_file().display()
            ),
        ),
    };
    format!(
        "daemon off;
master_process off;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    default_type application/octet-stream;
    sendfile on;
    server {{
        listen 127.0.0.1:{port}{ssl};
        {certificate}
        root {docroot};
    }}
}}
"
    )
}

fn apache(site: &Site<'_>) -> String {
    let Site {
        docroot, port, dir, ..
    } = site;
    let (dir, docroot) = (dir.display(), docroot.display());
    let modules = |names: &[&str]| -> String {
        let line = |name: &&str| {
            [
                "LoadModule ",
                name,
                "_module ",
                APACHE_MODULES,
                "/mod_",
                name,
                ".so\n",
            ]
            .concat()
        };
        names.iter().map(line).collect()
    };
    let tls = site.identity.map_or(String::new(), |identity| {
        format!(
            "{}SSLEngine on\nSSLCertificateFile {}\nSSLCertificateKeyFile {}\n",
            modules(&["socache_shmcb", "ssl"]),
            identity.certificate_file().display(),
            identity.key_file().display()
        )
    });
    format!(
        "{modules}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {dir}/pid
DefaultRuntimeDir {dir}
Mutex file:{dir}
ErrorLog {dir}/error.log
DocumentRoot {docroot}
<Directory {docroot}>
    Require all granted
</Directory>
{protected}{tls}",
        modules = modules(&["mpm_event", "authz_core"]),
        protected = modules(&[
            "authn_core",
            "authn_file",
            "authz_user",
            "auth_basic",
            "auth_digest"
        ]) + &protected(site, "Basic")
            + &protected(site, "Digest"),
    )
}

/// Files of users for [`super::USER`] and [`super::PASSWORD`], as `htpasswd -s` and `htdigest` write them: the password's
/// SHA-1, and the MD5 of user, realm and password.
const USERS: [(&str, &str); 2] = [
    ("Basic", "me:{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=\n"),
    ("Digest", "me:testkit:0df74b35033682fd5901d73d5c884960\n"),
];

/// What below `/basic/` or `/digest/` only that user may see.
fn protected(site: &Site<'_>, scheme: &str) -> String {
    let path = scheme.to_ascii_lowercase();
    let users = site.dir.join(&path);
    format!(
        "<Location /{path}/>
    AuthType {scheme}
    AuthName \"testkit\"
    Auth{scheme}Provider file
    AuthUserFile {}
    Require valid-user
</Location>
",
        users.display()
    )
}

fn lighttpd(site: &Site<'_>) -> String {
    let Site { docroot, port, .. } = site;
    let docroot = docroot.display();
    let tls = site.identity.map_or(String::new(), |identity| {
        format!(
            "server.modules += (\"mod_openssl\")
ssl.engine = \"enable\"
ssl.pemfile = \"{}\"
ssl.privkey = \"{}\"
",
            identity.certificate_file().display(),
            identity.key_file().display()
        )
    });
    format!(
        "server.bind = \"127.0.0.1\"
server.port = {port}
server.document-root = \"{docroot}\"
mimetype.assign = (\"\" => \"application/octet-stream\")
{tls}"
    )
}

fn caddy(site: &Site<'_>) -> String {
    let Site { docroot, port, .. } = site;
    let docroot = docroot.display();
    let (scheme, tls) = match site.identity {
        None => ("http", String::new()),
        Some(identity) => (
            "https",
            format!(
                "tls {} {}",
                identity.certificate_file().display(),
                identity.key_file().display()
            ),
        ),
    };
    // Without default_bind it would listen on every interface.
    format!(
        "{{
    admin off
    auto_https off
    default_bind 127.0.0.1
}}
{scheme}://127.0.0.1:{port} {{
    {tls}
    root * {docroot}
    file_server
}}
"
    )
}
