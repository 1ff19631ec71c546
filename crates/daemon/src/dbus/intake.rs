//! From what a client sends to what the engine takes: options and files, parsed and checked as far as their form
//! goes. Lengths, counts and the sense of ranges and paths are the engine's to check.

use std::{path::PathBuf, time::Duration};

use bgcopy_bus::{FileArgs, FileOptions, JobOptions, Variables};
use bgcopy_engine::Refusal;
use bgcopy_model::{
    ByteRange, ClientContext, Condition, FileSpec, JobSpec, Mirror, NotifyFlags, PeerCaching,
    Priority, Profile, ProxyEnvironment, TransferPolicy,
};
use url::Url;
use zbus::names::WellKnownName;

use super::http;
use crate::places::Mode;

/// The profile of a name on the wire.
pub(super) fn profile(name: &str) -> Result<Profile, Refusal> {
    Profile::from_name(name)
        .ok_or_else(|| invalid(format!("there is no profile {name:?}; «do» and «bits» are")))
}

/// The priority of a number on the wire.
pub(super) fn priority(code: u32) -> Result<Priority, Refusal> {
    Priority::from_code(code)
        .ok_or_else(|| invalid(format!("there is no priority {code}; 0 to 3 are")))
}

/// The flags of a number on the wire.
pub(super) fn notify_flags(bits: u32) -> Result<NotifyFlags, Refusal> {
    NotifyFlags::from_bits(bits).ok_or_else(|| {
        let detail = format!("the notification flags 0x{bits:x} have one that is not implemented");
        Refusal::new(Condition::NotImplemented, detail)
    })
}

/// A notification program and its arguments; empty: none.
pub(super) fn notify_command(command: Vec<String>) -> Result<Vec<String>, Refusal> {
    match command.first() {
        Some(program) if !program.starts_with('/') => Err(invalid(format!(
            "the notification program must be an absolute path: {program:?}"
        ))),
        _ => Ok(command),
    }
}

/// The name of a client on the session bus; empty: none.
pub(super) fn activation(name: String) -> Result<Option<String>, Refusal> {
    if name.is_empty() {
        return Ok(None);
    }
    match WellKnownName::try_from(name.as_str()) {
        Ok(_) => Ok(Some(name)),
        Err(error) => Err(invalid(format!(
            "{name:?} is no name on a bus that can be started: {error}"
        ))),
    }
}

/// The policy of a number on the wire.
pub(super) fn transfer_policy(bits: u32) -> Result<TransferPolicy, Refusal> {
    TransferPolicy::from_bits(bits)
        .ok_or_else(|| invalid(format!("0x{bits:x} is no set of cost flags")))
}

/// What peers may do, by a number on the wire.
pub(super) fn peer_caching(bits: u32) -> Result<PeerCaching, Refusal> {
    PeerCaching::from_bits(bits)
        .ok_or_else(|| invalid(format!("0x{bits:x} is no set of peer caching flags")))
}

/// A URL. It can carry a password: the refusal does not repeat it.
pub(super) fn url(text: &str) -> Result<Url, Refusal> {
    Url::parse(text).map_err(|error| invalid(format!("the URL cannot be understood: {error}")))
}

/// A duration on the wire.
pub(super) fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

/// A job to make. `umask` is that of a client that names none.
pub(super) fn job_spec(
    profile: Profile,
    name: String,
    mut options: JobOptions,
    umask: u32,
) -> Result<JobSpec, Refusal> {
    let priority = options.priority.map(priority).transpose()?;
    let notify_flags = options.notify_flags.map(notify_flags).transpose()?;
    let http = http::options(&mut options)?;
    let Variables(environment) = options.environment.unwrap_or_default();
    Ok(JobSpec {
        profile,
        name,
        description: options.description.unwrap_or_default(),
        priority: priority.unwrap_or_default(),
        auto_complete: options.auto_complete.unwrap_or(false),
        notify_flags: notify_flags.unwrap_or_default(),
        notify_command: notify_command(options.notify_command.unwrap_or_default())?,
        activation: activation(options.activation_name.unwrap_or_default())?,
        minimum_retry_delay: options.minimum_retry_delay.map(seconds),
        no_progress_timeout: options.no_progress_timeout.map(seconds),
        headers: http::headers(options.headers.unwrap_or_default())?,
        http,
        context: ClientContext {
            umask: options.umask.unwrap_or(umask) & 0o777,
            proxies: ProxyEnvironment::from_variables(&environment),
        },
    })
}

/// Files to fetch. A refusal says which of several is meant.
pub(super) fn file_specs(files: Vec<FileArgs>) -> Result<Vec<FileSpec>, Refusal> {
    let several = files.len() > 1;
    let mut specs = Vec::with_capacity(files.len());
    for (at, file) in files.into_iter().enumerate() {
        let spec = file_spec(file).map_err(|refusal| {
            if !several {
                return refusal;
            }
            let detail = format!("file {} of the list: {}", at + 1, refusal.detail);
            Refusal::new(refusal.condition, detail)
        });
        specs.push(spec?);
    }
    Ok(specs)
}

/// A file to fetch.
pub(super) fn file_spec(file: FileArgs) -> Result<FileSpec, Refusal> {
    let FileOptions {
        checksum,
        ranges,
        mirrors,
    } = file.options;
    let url = url(&file.url)?;
    if !file.path.starts_with('/') {
        let detail = format!("a destination must be an absolute path: {}", file.path);
        return Err(invalid(detail));
    }
    let checksum = checksum
        .map(|text| text.parse())
        .transpose()
        .map_err(|error: bgcopy_model::ParseChecksumError| invalid(error.to_string()))?;
    let ranges = ranges.unwrap_or_default().into_iter();
    let mirrors = mirrors.unwrap_or_default().into_iter();
    Ok(FileSpec {
        url,
        mirrors: mirrors.map(mirror).collect::<Result<_, _>>()?,
        path: PathBuf::from(file.path),
        folder: None,
        ranges: ranges
            .map(|(offset, length)| ByteRange { offset, length })
            .collect(),
        checksum,
    })
}

/// A mirror of a file.
fn mirror((text, priority): (String, u32)) -> Result<Mirror, Refusal> {
    Mirror::new(url(&text)?, priority).map_err(|error| invalid(error.to_string()))
}

pub(super) fn invalid(detail: String) -> Refusal {
    Refusal::new(Condition::InvalidArgument, detail)
}

/// The umask of jobs whose maker names none: in a user's own service that of the service, else 022.
pub(super) fn default_umask(mode: Mode) -> u32 {
    const USUAL: u32 = 0o022;
    match mode {
        Mode::System => USUAL,
        Mode::User | Mode::Session | Mode::Embedded => own_umask().unwrap_or(USUAL),
    }
}

/// The umask of this process, read where reading does not change it (`proc_pid_status(5)`).
#[expect(
    clippy::disallowed_methods,
    reason = "a file of the kernel's about this process"
)]
fn own_umask() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(url: &str, path: &str) -> FileArgs {
        FileArgs {
            url: url.into(),
            path: path.into(),
            options: FileOptions::default(),
        }
    }

    fn job(options: JobOptions) -> Result<JobSpec, Refusal> {
        job_spec(Profile::Bits, "n".into(), options, 0o027)
    }

    #[test]
    fn a_header_field_cannot_smuggle_another() {
        for (name, value) in [
            ("", "x"),
            ("A B", "x"),
            ("A:", "x"),
            ("A", "x\r\nHost: evil"),
            ("A", "x\n"),
            ("A", "\0"),
            ("rAnGe", "bytes=5-9"),
            ("Host", "evil"),
        ] {
            let options = JobOptions {
                headers: Some([(name, value)].into_iter().collect()),
                ..JobOptions::default()
            };
            let refusal = job(options).unwrap_err();
            assert_eq!(refusal.condition, Condition::InvalidArgument, "{name:?}");
            assert!(!refusal.detail.contains("evil"));
        }
    }

    #[test]
    fn of_the_environment_only_the_proxy_variables_are_taken() {
        let variables = [
            ("https_proxy", "http://p:1"),
            ("SECRET", "s"),
            ("HTTP_PROXY", "http://q:2"),
        ];
        let options = JobOptions {
            environment: Some(variables.into_iter().collect()),
            ..JobOptions::default()
        };
        let proxies = job(options).unwrap().context.proxies;
        let expected = ProxyEnvironment {
            https: Some("http://p:1".into()),
            ..ProxyEnvironment::default()
        };
        assert_eq!(proxies, expected);
    }

    #[test]
    fn a_umask_has_permission_bits_alone_and_a_default() {
        let umask = |umask| {
            let options = JobOptions {
                umask,
                ..JobOptions::default()
            };
            job(options).unwrap().context.umask
        };
        assert_eq!(umask(Some(0o7_077)), 0o077);
        assert_eq!(umask(None), 0o027);
        assert_eq!(default_umask(Mode::System), 0o022);
        assert!(own_umask().is_some_and(|umask| umask <= 0o777));
    }

    #[test]
    fn a_refusal_names_the_file_of_a_list_and_hides_its_password() {
        let files = vec![
            file("http://h/a", "/tmp/a"),
            file("http://u:hunter2@:x/", "/tmp/b"),
        ];
        let refusal = file_specs(files).unwrap_err();
        assert!(refusal.detail.starts_with("file 2 "), "{}", refusal.detail);
        assert!(!refusal.detail.contains("hunter2"));
        let alone = file_specs(vec![file("http://h/a", "tmp/a")]).unwrap_err();
        assert!(alone.detail.contains("absolute"), "{}", alone.detail);
    }

    #[test]
    fn a_notification_program_is_an_absolute_path_and_a_client_a_bus_name() {
        assert_eq!(notify_command(vec![]), Ok(vec![]));
        let command = vec!["/bin/true".to_owned(), "x".to_owned()];
        assert_eq!(notify_command(command.clone()), Ok(command));
        for program in ["true", "", "./true"] {
            let refusal = notify_command(vec![program.to_owned()]).unwrap_err();
            assert_eq!(refusal.condition, Condition::InvalidArgument, "{program:?}");
        }
        assert_eq!(activation(String::new()), Ok(None));
        let name = "org.example.App".to_owned();
        assert_eq!(activation(name.clone()), Ok(Some(name)));
        for name in [":1.5", "app", "a..b", "org.example.App;rm"] {
            let refusal = activation(name.to_owned()).unwrap_err();
            assert_eq!(refusal.condition, Condition::InvalidArgument, "{name:?}");
        }
    }

    #[test]
    fn unknown_numbers_and_names_are_refused_by_their_conditions() {
        assert_eq!(
            priority(4).unwrap_err().condition,
            Condition::InvalidArgument
        );
        assert_eq!(
            notify_flags(0x20).unwrap_err().condition,
            Condition::NotImplemented
        );
        assert_eq!(
            profile("DO").unwrap_err().condition,
            Condition::InvalidArgument
        );
    }
}
