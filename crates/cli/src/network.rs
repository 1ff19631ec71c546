//! How a job's requests go out, as a command line asks for it: credentials, proxies, redirects.
//!
//! Owns what these options mean together. Must never take a password from an argument.

use std::path::PathBuf;

use bgcopy_client::{AuthScheme, AuthTarget, Job, JobBuilder, Proxies, Redirects, SecurityFlags};
use clap::{
    Args, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};

use crate::{
    failure::{Exit, Failure},
    password::{self, is_stdin},
};

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
    /// Ask these hosts without a proxy: `<local>` for names without a dot, else [scheme://]host[:port], with * for any
    /// characters
    #[arg(long, value_name = "HOST", requires = "proxy", value_delimiter = ',', value_hint = ValueHint::Hostname)]
    pub proxy_bypass: Vec<String>,
    /// Answer the proxy as this user when it asks who this is
    ///
    /// The password is asked for on the terminal, or read from --proxy-password-file. It goes to proxies alone, and
    /// only when one asks.
    #[arg(long, value_name = "NAME")]
    pub proxy_user: Option<String>,
    /// Read the password of --proxy-user from the first line of this file; - is standard input
    #[arg(long, value_name = "FILE", requires = "proxy_user", value_hint = ValueHint::FilePath)]
    pub proxy_password_file: Option<PathBuf>,
    /// How --proxy-user may be proved; basic shows the password to whoever can read the connection
    #[arg(
        long,
        value_name = "SCHEME",
        requires = "proxy_user",
        value_delimiter = ',',
        value_parser = scheme(),
        default_value = "digest,basic"
    )]
    pub proxy_auth: Vec<AuthScheme>,
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

/// A user that the command line names, the password, and how it may be proved.
struct Login<'a> {
    target: AuthTarget,
    user: &'a str,
    password: String,
    schemes: &'a [AuthScheme],
}

impl Network {
    /// Whether nothing is asked for.
    pub const fn is_empty(&self) -> bool {
        self.user.is_none()
            && self.proxy.is_empty()
            && self.proxy_user.is_none()
            && !self.no_proxy
            && self.redirects.is_none()
    }

    /// The users that are named, with their passwords, for which it may ask on the terminal.
    fn logins(&self) -> Result<Vec<Login<'_>>, Failure> {
        let reads_stdin = |file: &Option<PathBuf>| file.as_deref().is_some_and(is_stdin);
        if reads_stdin(&self.password_file) && reads_stdin(&self.proxy_password_file) {
            return Err(Failure::new(
                Exit::Usage,
                "standard input holds one password; name a file for the other one",
            ));
        }
        let named = [
            (
                AuthTarget::Server,
                &self.user,
                &self.password_file,
                &self.auth,
            ),
            (
                AuthTarget::Proxy,
                &self.proxy_user,
                &self.proxy_password_file,
                &self.proxy_auth,
            ),
        ];
        let mut logins = Vec::new();
        for (target, user, file, schemes) in named {
            if let Some(user) = user {
                let (whose, option) = match target {
                    AuthTarget::Server => (format!("{user:?}"), "--password-file"),
                    AuthTarget::Proxy => {
                        (format!("{user:?} at the proxy"), "--proxy-password-file")
                    }
                };
                logins.push(Login {
                    target,
                    user,
                    password: password::read(file.as_deref(), &whose, option)?,
                    schemes,
                });
            }
        }
        Ok(logins)
    }

    /// Begins a job whose requests go out like this.
    pub fn apply(&self, mut job: JobBuilder) -> Result<JobBuilder, Failure> {
        for login in self.logins()? {
            for scheme in login.schemes {
                job = job.credentials(login.target, *scheme, login.user, &login.password);
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
        for login in self.logins()? {
            for scheme in [AuthScheme::Basic, AuthScheme::Digest] {
                if login.schemes.contains(&scheme) {
                    job.set_credentials(login.target, scheme, login.user, &login.password)
                        .await?;
                } else {
                    job.remove_credentials(login.target, scheme).await?;
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
            bypass: self.proxy_bypass.clone(),
        })
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

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "files of the test's own")]

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
        let line = ["--proxy", "a", "--proxy-bypass", "<local>,*.example.org"];
        let expected = Proxies::List {
            proxies: vec!["a".into()],
            bypass: vec!["<local>".into(), "*.example.org".into()],
        };
        assert_eq!(parse(&line).unwrap().proxies(), Some(expected));
        assert!(parse(&line[2..]).is_err(), "there is nothing to go round");
    }

    #[test]
    fn the_origin_and_the_proxy_have_a_user_each() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("{name}\n")).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (of_server, of_proxy) = (file("one"), file("two"));
        let server = ["--user", "me", "--password-file", &of_server];
        let proxy = ["--proxy-user", "it", "--proxy-password-file", &of_proxy];
        let network = parse(&[&server[..], &proxy, &["--proxy-auth", "digest"]].concat()).unwrap();
        let logins = network.logins().unwrap();
        let told: Vec<_> = logins
            .iter()
            .map(|it| (it.target, it.user, it.password.as_str(), it.schemes.len()))
            .collect();
        let expected = [
            (AuthTarget::Server, "me", "one", 2),
            (AuthTarget::Proxy, "it", "two", 1),
        ];
        assert_eq!(told, expected);

        let stdin = ["--user", "a", "--password-file", "-"];
        let both = ["--proxy-user", "b", "--proxy-password-file", "-"];
        let network = parse(&[&stdin[..], &both].concat()).unwrap();
        assert_eq!(network.logins().err().unwrap().exit(), Exit::Usage);
        assert!(parse(&["--proxy-password-file", "x"]).is_err());
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
