//! How a job's requests go out, as a command line asks for it: credentials, proxies, redirects.
//!
//! Owns how a password is read: never from an argument, which every user of the machine can see.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the user's own file with a password, named on the command line and read with the user's own rights"
)]

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::{Path, PathBuf},
};

use bgcopy_client::{AuthScheme, AuthTarget, Job, JobBuilder, Proxies, Redirects, SecurityFlags};
use clap::{
    Args, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::{Exit, Failure};

/// The longest file with a password that is read.
const LONGEST_FILE: u64 = 64 << 10;

/// How requests go out.
#[derive(Args, Debug)]
pub struct Network {
    /// Answer the origin as this user when it asks who this is
    ///
    /// The password is asked for on the terminal, or read from --password-file. It goes to the host of the URL alone,
    /// not where a redirect leads, and only when that host asks.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Read the password of --user from the first line of this file; - is standard input
    #[arg(long, value_name = "FILE", requires = "user", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// How --user may be proved; basic shows the password to whoever can read the connection
    #[arg(
        long,
        value_name = "SCHEME",
        requires = "user",
        value_delimiter = ',',
        value_parser = scheme(),
        default_value = "digest,basic"
    )]
    pub auth: Vec<AuthScheme>,
    /// Go through this proxy, or the next one given when it cannot be reached
    ///
    /// Without it the job takes over `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` of this command's
    /// environment. A user and password in the URL are for the proxy; while this command runs, other users of the
    /// machine can see its arguments, but not its environment.
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy", value_hint = ValueHint::Url)]
    pub proxy: Vec<String>,
    /// Go through no proxy, whatever the environment says
    #[arg(long)]
    pub no_proxy: bool,
    /// What becomes of a redirect: it is followed, followed and shown as the file's URL, or an error
    #[arg(long, value_name = "POLICY", value_parser = redirects())]
    pub redirects: Option<Redirects>,
}

/// The names of what may become of a redirect.
const REDIRECTS: [(&str, Redirects); 3] = [
    ("follow", Redirects::Follow),
    ("report", Redirects::Report),
    ("refuse", Redirects::Refuse),
];

/// The name of what becomes of a redirect.
pub fn redirects_name(redirects: Redirects) -> &'static str {
    let mut all = REDIRECTS.into_iter();
    all.find(|(_, known)| *known == redirects)
        .map_or("follow", |(name, _)| name)
}

impl Network {
    /// Begins a job whose requests go out like this.
    pub fn apply(&self, mut job: JobBuilder) -> Result<JobBuilder, Failure> {
        if let Some(user) = &self.user {
            let password = self.password(user)?;
            for scheme in &self.auth {
                job = job.credentials(AuthTarget::Server, *scheme, user, &password);
            }
        }
        if let Some(proxies) = self.proxies() {
            job = job.proxies(proxies);
        }
        if let Some(redirects) = self.redirects {
            job = job.security_flags(flags(redirects, 0)?);
        }
        Ok(job)
    }

    /// Changes a job so that its requests go out like this.
    pub async fn set(&self, job: &Job) -> Result<(), Failure> {
        if let Some(user) = &self.user {
            let password = self.password(user)?;
            for scheme in [AuthScheme::Basic, AuthScheme::Digest] {
                let target = AuthTarget::Server;
                if self.auth.contains(&scheme) {
                    job.set_credentials(target, scheme, user, &password).await?;
                } else {
                    job.remove_credentials(target, scheme).await?;
                }
            }
        }
        if let Some(proxies) = self.proxies() {
            job.set_proxies(proxies).await?;
        }
        if let Some(redirects) = self.redirects {
            let kept = job.info().await?.security_flags.bits() & SecurityFlags::HTTPS_TO_HTTP;
            job.set_security_flags(flags(redirects, kept)?).await?;
        }
        Ok(())
    }

    fn proxies(&self) -> Option<Proxies> {
        if self.no_proxy {
            return Some(Proxies::None);
        }
        let proxies = self.proxy.clone();
        (!proxies.is_empty()).then_some(Proxies::List {
            proxies,
            bypass: Vec::new(),
        })
    }

    fn password(&self, user: &str) -> Result<String, Failure> {
        let wrong = |why: String| Failure::new(Exit::Usage, why);
        match &self.password_file {
            Some(file) if file == Path::new("-") => first_line(io::stdin().lock())
                .map_err(|why| wrong(format!("standard input has no password: {why}"))),
            Some(file) => fs::File::open(file)
                .and_then(first_line)
                .map_err(|why| wrong(format!("{} has no password: {why}", file.display()))),
            None => ask(user).map_err(|why| {
                wrong(format!(
                    "the password of {user:?} cannot be asked for: {why}; use --password-file"
                ))
            }),
        }
    }
}

fn scheme() -> impl TypedValueParser<Value = AuthScheme> {
    PossibleValuesParser::new(["digest", "basic"])
        .try_map(|name| AuthScheme::from_name(&name).map_err(|error| error.to_string()))
}

fn redirects() -> impl TypedValueParser<Value = Redirects> {
    PossibleValuesParser::new(REDIRECTS.map(|(name, _)| name)).try_map(|name| {
        let mut all = REDIRECTS.into_iter();
        all.find(|(known, _)| *known == name)
            .map(|(_, redirects)| redirects)
            .ok_or("no such policy")
    })
}

fn flags(redirects: Redirects, kept: u32) -> Result<SecurityFlags, Failure> {
    let policy = match redirects {
        Redirects::Follow => 0,
        Redirects::Report => SecurityFlags::REPORT,
        Redirects::Refuse => SecurityFlags::REFUSE,
    };
    SecurityFlags::from_bits(policy | kept)
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

/// The first line, without its end.
fn first_line(from: impl io::Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(LONGEST_FILE).read_to_string(&mut text)?;
    let line = text.lines().next();
    line.map(str::to_owned)
        .ok_or_else(|| io::Error::other("it is empty"))
}

/// Asks on the terminal, which does not show what is typed.
fn ask(user: &str) -> io::Result<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(io::Error::other("standard input is no terminal"));
    }
    let mut stderr = io::stderr();
    write!(stderr, "Password of {user:?}: ")?;
    stderr.flush()?;
    let silence = Silence::new()?;
    let typed = typed(stdin.lock());
    drop(silence);
    writeln!(stderr)?;
    typed
}

/// What is typed up to the end of the line. The keys that the terminal would act on come as characters: an interrupt
/// that it acted on would leave it silent.
fn typed(from: impl io::BufRead) -> io::Result<String> {
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    let mut line = Vec::new();
    for byte in from.bytes() {
        match byte? {
            b'\n' | b'\r' => break,
            INTERRUPT => return Err(io::Error::other("interrupted")),
            END if line.is_empty() => return Err(io::Error::other("nothing was typed")),
            END => break,
            8 | 0x7f => {
                // The last character, however many bytes it has.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            byte => line.push(byte),
        }
    }
    String::from_utf8(line).map_err(io::Error::other)
}

/// As long as this is there, the terminal shows nothing that is typed.
struct Silence {
    before: Termios,
}

impl Silence {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is no better state to put it back to.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        network: Network,
    }

    fn parse(line: &[&str]) -> Result<Network, clap::Error> {
        Line::try_parse_from(["x"].iter().chain(line)).map(|line| line.network)
    }

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        let file = |text: &str| first_line(text.as_bytes()).ok();
        assert_eq!(file("a b \r\nc"), Some("a b ".into()));
        assert_eq!(file("\n"), Some(String::new()));
        assert_eq!(file(""), None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "open sesame\n").unwrap();
        let network = parse(&["--user", "me", "--password-file", path.to_str().unwrap()]).unwrap();
        assert_eq!(network.password("me").unwrap(), "open sesame");
        assert_eq!(network.auth, [AuthScheme::Digest, AuthScheme::Basic]);
        fs::remove_file(&path).unwrap();
        assert_eq!(network.password("me").unwrap_err().exit(), Exit::Usage);
    }

    #[test]
    fn a_typed_password_can_be_mended_and_given_up() {
        let line = |text: &[u8]| typed(text).map_err(|error| error.to_string());
        assert_eq!(line(b"abc\x7f\x7fd\nx"), Ok("ad".into()));
        assert_eq!(line("é\u{7f}\u{7f}x\r".as_bytes()), Ok("x".into()));
        assert_eq!(line(b"ab\x04"), Ok("ab".into()));
        assert_eq!(line(b"ab\x03"), Err("interrupted".into()));
        assert!(line(b"\x04").is_err() && line(b"\xff\n").is_err());
    }

    #[test]
    fn what_contradicts_itself_or_says_nothing_is_refused() {
        assert!(parse(&["--password-file", "x"]).is_err());
        assert!(parse(&["--user", "me", "--auth", "ntlm"]).is_err());
        assert!(parse(&["--proxy", "http://p", "--no-proxy"]).is_err());
        assert!(parse(&["--redirects", "sometimes"]).is_err());
        assert_eq!(parse(&[]).unwrap().proxies(), None);
        let both = parse(&["--proxy", "a", "--proxy", "b"]).unwrap().proxies();
        let expected = Proxies::List {
            proxies: vec!["a".into(), "b".into()],
            bypass: Vec::new(),
        };
        assert_eq!(both, Some(expected));
    }

    #[test]
    fn a_policy_keeps_what_was_said_about_plain_http() {
        for (name, redirects) in REDIRECTS {
            assert_eq!(redirects_name(redirects), name);
            let flags = flags(redirects, SecurityFlags::HTTPS_TO_HTTP).unwrap();
            assert_eq!(flags.redirects(), redirects);
            assert!(flags.allows_https_to_http());
        }
    }
}
