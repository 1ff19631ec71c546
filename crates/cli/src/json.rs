//! The JSON that `--json` prints: stable, documented in docs/json.md, and apart from the library's types, so that
//! those can change without it.
//!
//! Names and values here are a promise: fields are added, never renamed or removed. Nothing secret is ever in them.

mod download;

use std::io::{self, Write as _};

use bgcopy_client::{ErrorInfo, FileInfo, FileStatistics, JobInfo, NotifyFlags, ServiceInfo};
use serde::Serialize;

use crate::{
    args::FLAGS,
    format::{redact, rfc3339},
    network::redirects_name,
};

pub use download::Download;

/// Prints a value as one line.
pub fn print(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A job.
#[derive(Debug, Serialize)]
pub struct Job<'a> {
    id: String,
    name: &'a str,
    description: &'a str,
    profile: &'static str,
    owner: u32,
    priority: &'static str,
    state: &'static str,
    auto_complete: bool,
    notify_flags: Vec<&'static str>,
    notify_command: &'a [String],
    activation_name: Option<&'a str>,
    minimum_retry_delay: u64,
    no_progress_timeout: u64,
    maximum_download_time: u64,
    transfer_policy: u32,
    peer_caching: u32,
    redirects: &'static str,
    redirects_to_http: bool,
    credentials: Vec<String>,
    error_count: u32,
    bytes_total: Option<u64>,
    bytes_transferred: u64,
    files_total: u32,
    files_transferred: u32,
    created: String,
    modified: String,
    transferred: Option<String>,
    retry: Option<String>,
    error: Option<Trouble<'a>>,
}

/// Whom a job has credentials for, and in which scheme.
pub fn credential_names(job: &JobInfo) -> Vec<String> {
    let all = job.credentials.iter();
    all.map(|(target, scheme)| format!("{} {}", target.name(), scheme.name()))
        .collect()
}

#[derive(Debug, Serialize)]
struct Trouble<'a> {
    code: String,
    description: &'a str,
}

impl<'a> From<&'a JobInfo> for Job<'a> {
    fn from(job: &'a JobInfo) -> Self {
        Self {
            id: job.id.to_string(),
            name: &job.name,
            description: &job.description,
            profile: job.profile.name(),
            owner: job.owner,
            priority: job.priority.name(),
            state: job.state.name(),
            auto_complete: job.auto_complete,
            notify_flags: flag_names(job.notify_flags),
            notify_command: &job.notify_command,
            activation_name: job.activation_name.as_deref(),
            minimum_retry_delay: job.minimum_retry_delay.as_secs(),
            no_progress_timeout: job.no_progress_timeout.as_secs(),
            maximum_download_time: job.maximum_download_time.as_secs(),
            transfer_policy: job.transfer_policy.bits(),
            peer_caching: job.peer_caching.bits(),
            redirects: redirects_name(job.security_flags.redirects()),
            redirects_to_http: job.security_flags.allows_https_to_http(),
            credentials: credential_names(job),
            error_count: job.error_count,
            bytes_total: job.bytes_total,
            bytes_transferred: job.bytes_transferred,
            files_total: job.files_total,
            files_transferred: job.files_transferred,
            created: rfc3339(job.created),
            modified: rfc3339(job.modified),
            transferred: job.transferred_at.map(rfc3339),
            retry: job.retry_at.map(rfc3339),
            error: job.error.as_ref().map(|error| Trouble {
                code: error.code.to_string(),
                description: &error.description,
            }),
        }
    }
}

/// The names of the flags that are set.
pub fn flag_names(flags: NotifyFlags) -> Vec<&'static str> {
    let set = FLAGS.into_iter().filter(|(_, flag)| flags.contains(*flag));
    set.map(|(name, _)| name).collect()
}

/// A file of a job.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of its own in the JSON"
)]
pub struct File<'a> {
    index: u32,
    url: String,
    mirrors: Vec<Mirror>,
    path: &'a str,
    name_pending: bool,
    temporary_path: Option<&'a str>,
    bytes_total: Option<u64>,
    bytes_transferred: u64,
    completed: bool,
    checksum: Option<String>,
    etag: Option<&'a str>,
    last_modified: Option<&'a str>,
    length_verified: bool,
    valid: bool,
}

impl<'a> From<&'a FileInfo> for File<'a> {
    fn from(file: &'a FileInfo) -> Self {
        // The bus carries UTF-8 alone, so these paths are text.
        let text = |path: &'a std::path::Path| path.to_str().unwrap_or_default();
        Self {
            index: file.index,
            url: redact(&file.remote_name).into_owned(),
            mirrors: file.mirrors.iter().map(Mirror::from).collect(),
            path: text(&file.local_name),
            name_pending: file.name_pending,
            temporary_path: file.temporary_name.as_deref().map(text),
            bytes_total: file.bytes_total,
            bytes_transferred: file.bytes_transferred,
            completed: file.completed,
            checksum: file.checksum.map(|checksum| checksum.to_string()),
            etag: file.etag.as_deref(),
            last_modified: file.last_modified.as_deref(),
            length_verified: file.length_verified,
            valid: file.is_valid,
        }
    }
}

/// A further place that has a file.
#[derive(Debug, Serialize)]
struct Mirror {
    url: String,
    priority: u32,
}

impl From<&(String, u32)> for Mirror {
    fn from((url, priority): &(String, u32)) -> Self {
        Self {
            url: redact(url).into_owned(),
            priority: *priority,
        }
    }
}

/// What fetching a file has cost.
#[derive(Debug, Serialize)]
struct Statistics {
    bytes_from_http: u64,
    requests: u64,
    duration_ms: u64,
}

/// A file with what fetching it has cost: what `files --stats` answers.
#[derive(Debug, Serialize)]
pub struct FileWithStatistics<'a> {
    #[serde(flatten)]
    file: File<'a>,
    statistics: Statistics,
}

impl<'a> FileWithStatistics<'a> {
    /// Of these.
    pub fn new(file: &'a FileInfo, statistics: &FileStatistics) -> Self {
        Self {
            file: file.into(),
            statistics: Statistics {
                bytes_from_http: statistics.bytes_from_http,
                requests: statistics.http_connection_count,
                duration_ms: statistics.duration_milliseconds,
            },
        }
    }
}

/// Why a job is in its state: what `why` answers.
#[derive(Debug, Serialize)]
pub struct Why<'a> {
    job: Job<'a>,
    error: Option<Error<'a>>,
    registered: bool,
    sentences: &'a [String],
}

impl<'a> Why<'a> {
    /// Of these.
    pub fn new(
        job: &'a JobInfo,
        error: Option<&'a ErrorInfo>,
        registered: bool,
        sentences: &'a [String],
    ) -> Self {
        Self {
            job: job.into(),
            error: error.map(Error::from),
            registered,
            sentences,
        }
    }
}

/// The error of a job.
#[derive(Debug, Serialize)]
pub struct Error<'a> {
    code: String,
    code_name: &'a str,
    context: &'static str,
    context_description: &'a str,
    file: Option<u32>,
    description: &'a str,
    protocol: &'a str,
}

impl<'a> From<&'a ErrorInfo> for Error<'a> {
    fn from(error: &'a ErrorInfo) -> Self {
        Self {
            code: error.code.to_string(),
            code_name: &error.code_name,
            context: error.context.name(),
            context_description: &error.context_description,
            file: error.file,
            description: &error.description,
            protocol: &error.protocol,
        }
    }
}

/// A job with its files: what `get` and `complete` answer.
#[derive(Debug, Serialize)]
pub struct JobWithFiles<'a> {
    job: Job<'a>,
    files: Vec<File<'a>>,
}

impl<'a> JobWithFiles<'a> {
    /// Of these.
    pub fn new(job: &'a JobInfo, files: &'a [FileInfo]) -> Self {
        Self {
            job: job.into(),
            files: files.iter().map(File::from).collect(),
        }
    }
}

/// A job with its error: what `show` answers.
#[derive(Debug, Serialize)]
pub struct JobWithError<'a> {
    job: Job<'a>,
    error: Option<Error<'a>>,
}

impl<'a> JobWithError<'a> {
    /// Of these.
    pub fn new(job: &'a JobInfo, error: Option<&'a ErrorInfo>) -> Self {
        Self {
            job: job.into(),
            error: error.map(Error::from),
        }
    }
}

/// Something that happened to a job: what `watch` tells.
#[derive(Debug, Serialize)]
pub struct Event<'a> {
    event: &'static str,
    job: Job<'a>,
}

impl<'a> Event<'a> {
    /// `added`, `changed` or `removed`.
    pub fn new(event: &'static str, job: &'a JobInfo) -> Self {
        Self {
            event,
            job: job.into(),
        }
    }
}

/// A call of a job to its client: what `watch --calls` tells.
#[derive(Debug, Serialize)]
pub struct Call<'a> {
    #[serde(rename = "call")]
    name: &'a str,
    detail: &'a str,
    job: Job<'a>,
}

impl<'a> Call<'a> {
    /// `job_transferred`, `job_error`, `job_modification` or `file_transferred`, with the error's description or the
    /// file's path.
    pub fn new(name: &'a str, job: &'a JobInfo, detail: &'a str) -> Self {
        Self {
            name,
            detail,
            job: job.into(),
        }
    }
}

/// Files added to a job: what `add` answers.
#[derive(Debug, Serialize)]
pub struct Added {
    /// The job.
    pub id: String,
    /// The places of the new files in it.
    pub indices: Vec<u32>,
}

/// The service: what `daemon status` answers.
#[derive(Debug, Serialize)]
pub struct Service<'a> {
    running: bool,
    version: Option<&'a str>,
    protocol_version: Option<u32>,
    mode: Option<&'a str>,
    process_id: Option<u32>,
}

impl<'a> Service<'a> {
    /// Of a service that runs, or of none.
    pub fn new(service: Option<&'a ServiceInfo>) -> Self {
        Self {
            running: service.is_some(),
            version: service.map(|service| service.version.as_str()),
            protocol_version: service.map(|service| service.protocol_version),
            mode: service.map(|service| service.mode.as_str()),
            process_id: service.map(|service| service.process_id),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use bgcopy_client::{
        AuthScheme, AuthTarget, ErrorContext, HResult, JobId, JobState, JobTrouble, PeerCaching,
        Priority, Profile, SecurityFlags, Timestamp, TransferPolicy,
    };

    use super::*;

    /// A job as the service could tell it.
    pub(crate) fn job() -> JobInfo {
        JobInfo {
            id: JobId::from_u128(7),
            profile: Profile::Bits,
            name: "a \"name\"".into(),
            description: String::new(),
            owner: 1_000,
            priority: Priority::Foreground,
            state: JobState::TransientError,
            auto_complete: true,
            notify_flags: NotifyFlags::default(),
            notify_command: vec![],
            activation_name: None,
            minimum_retry_delay: Duration::from_secs(5),
            no_progress_timeout: Duration::from_hours(14 * 24),
            maximum_download_time: Duration::from_hours(90 * 24),
            transfer_policy: TransferPolicy::default(),
            peer_caching: PeerCaching::default(),
            security_flags: SecurityFlags::from_bits(0x900).unwrap(),
            credentials: vec![(AuthTarget::Server, AuthScheme::Digest)],
            error_count: 1,
            bytes_total: None,
            bytes_transferred: 12,
            files_total: 2,
            files_transferred: 1,
            created: Timestamp(0),
            modified: Timestamp(1_000_000),
            transferred_at: None,
            retry_at: Some(Timestamp(2_000_000)),
            error: Some(JobTrouble {
                code: HResult::BG_E_CONNECT_FAILURE,
                description: "the host cannot be reached".into(),
            }),
        }
    }

    #[test]
    fn a_job_has_every_field_that_the_documentation_promises() {
        let job = job();
        assert_eq!(
            serde_json::to_string(&Job::from(&job)).unwrap(),
            concat!(
                r#"{"id":"00000000-0000-0000-0000-000000000007","name":"a \"name\"","description":"","#,
                r#""profile":"bits","owner":1000,"priority":"foreground","state":"transient_error","#,
                r#""auto_complete":true,"notify_flags":["transferred","error"],"notify_command":[],"#,
                r#""activation_name":null,"minimum_retry_delay":5,"no_progress_timeout":1209600,"#,
                r#""maximum_download_time":7776000,"#,
                r#""transfer_policy":2147483903,"peer_caching":0,"redirects":"report","redirects_to_http":true,"#,
                r#""credentials":["server digest"],"error_count":1,"bytes_total":null,"bytes_transferred":12,"#,
                r#""files_total":2,"files_transferred":1,"created":"1970-01-01T00:00:00.000000Z","#,
                r#""modified":"1970-01-01T00:00:01.000000Z","transferred":null,"#,
                r#""retry":"1970-01-01T00:00:02.000000Z","#,
                r#""error":{"code":"0x8020002D","description":"the host cannot be reached"}}"#,
            )
        );
    }

    fn file() -> FileInfo {
        FileInfo {
            index: 0,
            remote_name: "https://me:secret@h/x".into(),
            mirrors: vec![("https://me:secret@g/x".into(), 1)],
            local_name: "/tmp/x".into(),
            name_pending: false,
            temporary_name: None,
            bytes_total: Some(1),
            bytes_transferred: 1,
            completed: true,
            checksum: None,
            etag: None,
            last_modified: None,
            length_verified: true,
            is_valid: false,
        }
    }

    #[test]
    fn a_file_s_url_has_no_password() {
        let text = serde_json::to_string(&File::from(&file())).unwrap();
        assert!(text.contains(r#""path":"/tmp/x""#) && !text.contains("secret"));
        assert!(
            text.contains(r#""mirrors":[{"url":"https://***@g/x","priority":1}]"#),
            "{text}"
        );
    }

    #[test]
    fn every_field_is_in_the_documentation() {
        let page = include_str!("../../../docs/json.md");
        let error = ErrorInfo {
            code: HResult::E_FAIL,
            code_name: String::new(),
            context: ErrorContext::Transport,
            context_description: String::new(),
            file: None,
            description: String::new(),
            protocol: String::new(),
        };
        let (job, file) = (job(), file());
        for (heading, value) in [
            ("job", serde_json::to_value(Job::from(&job))),
            (
                "file",
                serde_json::to_value(FileWithStatistics::new(&file, &FileStatistics::default())),
            ),
            ("why", serde_json::to_value(Why::new(&job, None, true, &[]))),
            ("error", serde_json::to_value(Error::from(&error))),
            ("service", serde_json::to_value(Service::new(None))),
        ] {
            let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
            let section = section.split("\n## ").next().unwrap_or_default();
            let documented: BTreeSet<_> = section
                .lines()
                .filter_map(|line| line.strip_prefix("| `")?.split('|').next())
                .flat_map(|cell| cell.split(", "))
                .map(|name| name.trim_matches(['`', ' ']))
                .collect();
            let value = value.unwrap();
            let printed: BTreeSet<_> = value
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            assert_eq!(documented, printed, "{heading}");
        }
    }
}
