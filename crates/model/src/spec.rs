//! What a caller hands over: jobs, files and the surroundings they were made in. Parsed, not yet recorded.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{ByteRange, Checksum, HttpOptions, Inode, Mirror, NotifyFlags, Priority, Profile};

/// A job to make.
#[derive(Clone, Debug)]
pub struct JobSpec {
    /// Whose conventions it follows.
    pub profile: Profile,
    /// A name for people, at most 256 characters; need not be unique.
    pub name: String,
    /// A description for people, at most 1 024 characters.
    pub description: String,
    /// Its priority.
    pub priority: Priority,
    /// Whether the service completes the job by itself once every file is there.
    pub auto_complete: bool,
    /// Which events its client wants to be called for.
    pub notify_flags: NotifyFlags,
    /// The program to run when nobody is registered or the registered client fails, and its arguments; empty: none.
    pub notify_command: Vec<String>,
    /// A name on the owner's session bus to start when something is due and nobody is registered.
    pub activation: Option<String>,
    /// The shortest time before a retry; `None`: the profile's default.
    pub minimum_retry_delay: Option<Duration>,
    /// How long a job may go without a byte; `None`: the profile's default, zero: every error is fatal.
    pub no_progress_timeout: Option<Duration>,
    /// Fields that every request of this job carries.
    pub headers: Vec<Header>,
    /// How its requests go out.
    pub http: HttpOptions,
    /// What was true for the client when it made the job.
    pub context: ClientContext,
}

/// A file to fetch.
#[derive(Clone, Debug)]
pub struct FileSpec {
    /// Where it is: `http` or `https`.
    pub url: Url,
    /// Where it is too.
    pub mirrors: Vec<Mirror>,
    /// Where it goes: an absolute path. Ends in `/` when the name is to come from the answer or the URL.
    pub path: PathBuf,
    /// The folder that `path` led to when it was checked.
    pub folder: Option<Inode>,
    /// The ranges wanted; empty: all of it.
    pub ranges: Vec<ByteRange>,
    /// The digest it must have.
    pub checksum: Option<Checksum>,
}

/// A request header field of the caller's. Its value may be a secret: it is never logged, listed or printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The field's name.
    pub name: String,
    /// The field's value.
    pub value: String,
}

/// Why a caller's header field is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// RFC 9110, section 5.1.
    #[error("{0:?} is no name of a header field")]
    Name(String),
    /// RFC 9110, section 5.5. The value may be a secret and is not repeated.
    #[error("the value of the header field {0} has a control character")]
    Value(String),
    /// A caller's field would be sent beside the service's own, or break the framing.
    #[error("the header field {0} is the service's own to set")]
    Reserved(String),
}

impl Header {
    /// Fields that say where and how a request goes, and which bytes it asks for.
    pub const RESERVED: [&str; 15] = [
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "if-range",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    ];

    /// A field in a form in which nothing can end it and begin another.
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn new(name: String, value: String) -> Result<Self, HeaderError> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(HeaderError::Name(name));
        }
        let is_text = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
        if !value.bytes().all(is_text) {
            return Err(HeaderError::Value(name));
        }
        let is_reserved = |reserved: &&str| name.eq_ignore_ascii_case(reserved);
        if Self::RESERVED.iter().any(is_reserved) {
            return Err(HeaderError::Reserved(name));
        }
        Ok(Self { name, value })
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: (hidden)", self.name)
    }
}

/// What is taken from the client at `CreateJob`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientContext {
    /// The client's umask: a published file has mode `0666 & !umask`.
    pub umask: u32,
    /// The client's proxy variables.
    pub proxies: ProxyEnvironment,
}

/// The proxy variables of a client's environment.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyEnvironment {
    /// `http_proxy` (lower case only: the upper case one can be set by a CGI request).
    pub http: Option<String>,
    /// `https_proxy` or `HTTPS_PROXY`.
    pub https: Option<String>,
    /// `all_proxy` or `ALL_PROXY`.
    pub all: Option<String>,
    /// `no_proxy` or `NO_PROXY`.
    pub no: Option<String>,
}

impl ProxyEnvironment {
    /// Reads the variables from a map of an environment.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Self {
        let first = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| variables.get(*name));
            values.find(|value| !value.is_empty()).cloned()
        };
        Self {
            http: first(&["http_proxy"]),
            https: first(&["https_proxy", "HTTPS_PROXY"]),
            all: first(&["all_proxy", "ALL_PROXY"]),
            no: first(&["no_proxy", "NO_PROXY"]),
        }
    }
}

impl fmt::Debug for ProxyEnvironment {
    /// Says which are set; their values can carry a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyEnvironment")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("all", &self.all.is_some())
            .field("no", &self.no)
            .finish()
    }
}

/// How much there may be of everything. BITS allows 60 jobs a user, 300 a machine, 200 files a job and 500 ranges a
/// file; the defaults here are far higher, and configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Jobs of one user that are not final; root is exempt.
    pub jobs_per_user: u32,
    /// Jobs of all users that are not final; root is exempt.
    pub jobs_per_machine: u32,
    /// Files of one job.
    pub files_per_job: u32,
    /// Ranges of one file.
    pub ranges_per_file: u32,
    /// Background jobs that transfer at once.
    pub background_jobs: u32,
    /// Files of one foreground job that are fetched at once.
    pub files_at_once: u32,
    /// Connections by which one file of a foreground job is fetched at once, where that is faster; at least 1. A file of
    /// a background job has one.
    pub connections_per_file: u32,
    /// Files of all jobs that are fetched at once.
    pub transfers: u32,
    /// Seconds after which a background job lets another of its priority have its turn.
    pub time_slice_seconds: u32,
    /// Days after which a job that nobody completed is cancelled; 0: 30 for DO jobs, 90 for BITS jobs.
    pub expiry_days: u32,
    /// Files of one user's final jobs that are kept for an hour, each job counting as one more; the oldest jobs beyond
    /// are forgotten earlier.
    pub final_files: u32,
    /// Times a file is started again because its version changed, before that is an error.
    pub version_restarts: u32,
}

impl Limits {
    /// Characters of a job's name.
    pub const NAME: usize = 256;
    /// Characters of a job's description.
    pub const DESCRIPTION: usize = 1_024;
    /// Characters of a URL.
    pub const URL: usize = 2_200;
    /// Mirrors of a file.
    pub const MIRRORS: usize = 32;
    /// Bytes of all header fields of a job.
    pub const HEADERS: usize = 16 * 1_024;
    /// The notification program and its arguments, counted together.
    pub const COMMAND_WORDS: usize = 64;
    /// Their bytes, each word with the zero byte that ends it.
    pub const COMMAND_BYTES: usize = 4 * 1_024;
    /// Bytes of a bus name (D-Bus specification, section Valid Names).
    pub const BUS_NAME: usize = 255;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            jobs_per_user: 10_000,
            jobs_per_machine: 50_000,
            files_per_job: 100_000,
            ranges_per_file: 10_000,
            background_jobs: 2,
            files_at_once: 4,
            connections_per_file: 16,
            transfers: 64,
            time_slice_seconds: 60,
            expiry_days: 0,
            final_files: 5_000,
            version_restarts: 5,
        }
    }
}
