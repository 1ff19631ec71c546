//! Checks what a caller hands over and makes records of it. A call is refused whole or accepted whole.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bgcopy_model::{
    ByteRange, Condition, Due, FileIndex, FilePhase, FileRecord, FileSpec, Header, JobId, JobPhase,
    JobRecord, JobSpec, Layout, Limits, Naming, Now, Owner, PeerCaching, RangeSet, Sink, Spent,
    TransferPolicy, Validator,
};
use url::Url;

use crate::{
    Refusal,
    job::{Job, known_size},
    mirrors, retry,
};

/// The name of a file for which nobody has a better one.
const NAMELESS: &str = "download";

/// The longest name of a file that Linux takes, in bytes.
const LONGEST_NAME: usize = 255;

/// The record of a new job.
pub(crate) fn job_record(
    id: JobId,
    owner: Owner,
    spec: JobSpec,
    now: Now,
) -> Result<JobRecord, Refusal> {
    check_text("name", &spec.name, Limits::NAME)?;
    check_text("description", &spec.description, Limits::DESCRIPTION)?;
    check_headers(&spec.headers)?;
    check_command(&spec.notify_command)?;
    check_activation(spec.activation.as_deref())?;
    let timeout = spec.no_progress_timeout;
    Ok(JobRecord {
        id,
        owner,
        profile: spec.profile,
        name: spec.name,
        description: spec.description,
        priority: spec.priority,
        auto_complete: spec.auto_complete,
        notify_flags: spec.notify_flags,
        due: Due::default(),
        notify_command: spec.notify_command,
        activation: spec.activation,
        minimum_retry_delay: retry::minimum_delay(spec.minimum_retry_delay),
        no_progress_timeout: timeout
            .unwrap_or_else(|| retry::default_timeout(spec.profile, spec.priority)),
        maximum_download_time: JobRecord::MAXIMUM_DOWNLOAD_TIME,
        download_time: Duration::ZERO,
        transfer_policy: TransferPolicy::default(),
        peer_caching: PeerCaching::default(),
        headers: spec.headers,
        http: spec.http,
        context: spec.context,
        phase: JobPhase::Suspended,
        error_count: 0,
        fruitless_tries: 0,
        created: now.wall,
        modified: now.wall,
        transferred_at: None,
        born: now.moment,
        last_progress: now.moment,
        download: None,
    })
}

/// The records of files that are to join `job`.
pub(crate) fn file_records(
    job: &Job,
    specs: Vec<FileSpec>,
    limits: &Limits,
) -> Result<Vec<Arc<FileRecord>>, Refusal> {
    let id = job.record.id;
    if job.files().len() + specs.len() > limits.files_per_job as usize {
        let detail = format!("a job may have {} files", limits.files_per_job);
        return Err(Refusal::new(Condition::TooManyFiles, detail));
    }
    let mut records = Vec::with_capacity(specs.len());
    for (index, spec) in (job.next_index()..).zip(specs) {
        records.push(Arc::new(file_record(id, index, spec, limits)?));
    }
    let mut named = BTreeSet::new();
    for record in records.iter().filter(|record| !record.name_pending()) {
        if job.is_taken(&record.path) || !named.insert(&record.path) {
            return Err(bad_path(
                &record.path,
                "two files of the job have this destination",
            ));
        }
    }
    Ok(records)
}

/// Checks a text's length, in characters.
pub(crate) fn check_text(what: &str, text: &str, most: usize) -> Result<(), Refusal> {
    let length = text.chars().count();
    if length > most {
        let detail = format!("the {what} has {length} characters, {most} are allowed");
        return Err(Refusal::new(Condition::StringTooLong, detail));
    }
    Ok(())
}

/// Checks where a file is to come from.
pub(crate) fn check_url(url: &Url) -> Result<(), Refusal> {
    check_text("URL", url.as_str(), Limits::URL)?;
    check_scheme(url)
}

/// Checks a notification program and its arguments; none at all is right too.
pub(crate) fn check_command(words: &[String]) -> Result<(), Refusal> {
    let refuse = |detail: String| Err(Refusal::new(Condition::InvalidArgument, detail));
    let Some(program) = words.first() else {
        return Ok(());
    };
    let (most_words, most_bytes) = (Limits::COMMAND_WORDS, Limits::COMMAND_BYTES);
    if !program.starts_with('/') {
        return refuse(format!(
            "the notification program must be an absolute path, not {program:?}"
        ));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return refuse("a notification command cannot contain a zero byte".into());
    }
    if words.len() > most_words {
        let count = words.len();
        return refuse(format!(
            "the notification command has {count} words, {most_words} are allowed"
        ));
    }
    let bytes: usize = words.iter().map(|word| word.len() + 1).sum();
    if bytes > most_bytes {
        return refuse(format!(
            "the notification command has {bytes} bytes, {most_bytes} are allowed"
        ));
    }
    Ok(())
}

/// Checks the name of a client that is to be started: a well-known bus name (D-Bus specification, section Valid
/// Names), or none.
pub(crate) fn check_activation(name: Option<&str>) -> Result<(), Refusal> {
    let is_element = |element: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        element.bytes().all(fits)
            && element
                .bytes()
                .next()
                .is_some_and(|byte| !byte.is_ascii_digit())
    };
    let is_name = |name: &str| {
        name.len() <= Limits::BUS_NAME && name.contains('.') && name.split('.').all(is_element)
    };
    match name.filter(|name| !is_name(name)) {
        Some(name) => Err(Refusal::new(
            Condition::InvalidArgument,
            format!("this is no well-known bus name: {name:?}"),
        )),
        None => Ok(()),
    }
}

/// The final path of a file of which only the folder was known: `name` in that folder, or a name of last resort when
/// there is none or it is no plain name. Two files of a job never get the same: the later one's name is told apart
/// by its index.
pub(crate) fn resolve_name(job: &Job, record: &FileRecord, name: Option<&str>) -> PathBuf {
    let name = name.filter(|name| is_plain(name)).unwrap_or(NAMELESS);
    let mut path = record.path.with_file_name(name);
    let mut suffix = format!("-{}", record.index);
    while job.is_taken(&path) {
        path.set_file_name(with_suffix(name, &suffix));
        suffix.push('x');
    }
    path
}

fn file_record(
    job: JobId,
    index: FileIndex,
    spec: FileSpec,
    limits: &Limits,
) -> Result<FileRecord, Refusal> {
    let (path, naming) = destination(&spec.path)?;
    let mirrors = mirrors::checked(spec.mirrors, &spec.url, spec.checksum)?;
    let record = pathless_record(index, spec.url, spec.ranges, limits)?;
    Ok(FileRecord {
        path: path.into(),
        naming,
        sink: Sink::File,
        folder: spec.folder,
        temporary: format!(".bgcopy-{}-{index}.part", job.simple()).into(),
        checksum: spec.checksum.map(Box::new),
        mirrors,
        ..record
    })
}

/// The record of a file without a path, which goes into a stream. [`file_record`] adds what a path needs.
pub(crate) fn pathless_record(
    index: FileIndex,
    url: Url,
    ranges: Vec<ByteRange>,
    limits: &Limits,
) -> Result<FileRecord, Refusal> {
    check_url(&url)?;
    if ranges.len() > limits.ranges_per_file as usize {
        let detail = format!("a file may have {} ranges", limits.ranges_per_file);
        return Err(Refusal::new(Condition::TooManyRanges, detail));
    }
    Layout::new(&ranges).map_err(|error| Refusal::new(error.into(), error.to_string()))?;
    let mut record = FileRecord {
        index,
        url: Arc::new(url),
        mirrors: Vec::new(),
        found_at: None,
        path: Path::new("").into(),
        naming: Naming::Given,
        sink: Sink::Stream { set: 0 },
        folder: None,
        temporary: Arc::default(),
        ranges,
        checksum: None,
        size: None,
        validator: Validator::default(),
        modified: None,
        durable: RangeSet::new(),
        restarts: 0,
        is_valid: false,
        spent: Spent::default(),
        notify_due: false,
        phase: FilePhase::Pending,
    };
    record.size = known_size(&record);
    Ok(record)
}

/// Refuses what no source can fetch.
pub(crate) fn check_scheme(url: &Url) -> Result<(), Refusal> {
    if matches!(url.scheme(), "http" | "https") {
        return Ok(());
    }
    let scheme = url.scheme();
    let detail = format!("only http and https URLs can be fetched, not {scheme}");
    Err(Refusal::new(Condition::SchemeUnsupported, detail))
}

/// The destination in its plainest form, with a stand-in for a name that is to come.
pub(crate) fn destination(path: &Path) -> Result<(PathBuf, Naming), Refusal> {
    let bytes = path.as_os_str().as_bytes();
    if !path.is_absolute() {
        return Err(bad_path(path, "a destination must be an absolute path"));
    }
    if bytes.contains(&0) {
        return Err(bad_path(path, "a path cannot contain a zero byte"));
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(bad_path(path, "a destination may not go through «..»"));
    }
    if bytes.ends_with(b"/.") {
        return Err(bad_path(
            path,
            "a destination must name a file, or a folder with a «/» at its end",
        ));
    }
    let mut plain: PathBuf = path.components().collect();
    let is_folder = bytes.ends_with(b"/");
    if is_folder {
        plain.push(NAMELESS);
    }
    if plain.file_name().map_or(0, OsStr::len) > LONGEST_NAME {
        return Err(bad_path(path, "the file's name is longer than 255 bytes"));
    }
    let naming = if is_folder {
        Naming::Pending
    } else {
        Naming::Given
    };
    Ok((plain, naming))
}

fn bad_path(path: &Path, what: &str) -> Refusal {
    let detail = format!("{what}: {}", path.display());
    Refusal::new(Condition::InvalidArgument, detail)
}

/// Checks the length of a job's header fields.
pub(crate) fn check_headers(headers: &[Header]) -> Result<(), Refusal> {
    // As they stand in a request: a colon and a space between, CR and LF behind.
    let length = |header: &Header| header.name.len() + header.value.len() + 4;
    let total: usize = headers.iter().map(length).sum();
    if total > Limits::HEADERS {
        let most = Limits::HEADERS;
        let detail = format!("the header fields have {total} bytes, {most} are allowed");
        return Err(Refusal::new(Condition::HeadersTooLarge, detail));
    }
    Ok(())
}

fn is_plain(name: &str) -> bool {
    let fits = !name.is_empty() && name.len() <= LONGEST_NAME;
    fits && name != "." && name != ".." && !name.contains(['/', '\0'])
}

/// The name with a suffix before its extension, shortened where it would become too long.
fn with_suffix(name: &str, suffix: &str) -> String {
    let (stem, extension) = match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= 16 => name.split_at(dot),
        _ => (name, ""),
    };
    let room = LONGEST_NAME - suffix.len() - extension.len();
    let mut end = stem.len().min(room);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}{extension}", &stem[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_brought_to_their_plainest_form() {
        for (given, path, naming) in [
            ("/a/b", "/a/b", Naming::Given),
            ("/a//./b", "/a/b", Naming::Given),
            ("/a/", "/a/download", Naming::Pending),
            ("/", "/download", Naming::Pending),
        ] {
            let expected = (PathBuf::from(path), naming);
            assert_eq!(destination(Path::new(given)).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn destinations_that_name_no_file_safely_are_refused() {
        let long = format!("/{}", "x".repeat(256));
        for path in ["", "a", "./a", "/a/../b", "/a/..", "/a/.", "/a\0b", &long] {
            let refusal = destination(Path::new(path)).unwrap_err();
            assert_eq!(refusal.condition, Condition::InvalidArgument, "{path:?}");
        }
    }

    #[test]
    fn a_suffix_goes_before_the_extension_and_never_makes_a_name_too_long() {
        assert_eq!(with_suffix("a.tar", "-3"), "a-3.tar");
        assert_eq!(with_suffix(".profile", "-3"), ".profile-3");
        assert_eq!(with_suffix("plain", "-3"), "plain-3");
        let long = format!("{}.bin", "é".repeat(125));
        let told_apart = with_suffix(&long, "-1234");
        assert!(told_apart.len() <= 255 && told_apart.ends_with("-1234.bin"));
    }

    fn is_command(words: &[&str]) -> bool {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        check_command(&words).is_ok()
    }

    #[test]
    fn a_notification_program_is_an_absolute_path_with_few_short_arguments() {
        assert!(is_command(&[]));
        assert!(is_command(&["/bin/true", "", "two words; not a $shell"]));
        assert!(is_command(&["/p"; 64]));
        assert!(!is_command(&["/p"; 65]));
        let long = |n| "x".repeat(n);
        assert!(is_command(&["/p", &long(4_092)]));
        assert!(!is_command(&["/p", &long(4_093)]));
        for words in [&[""][..], &["true"], &["./true"], &["/p\0"], &["/p", "a\0"]] {
            assert!(!is_command(words), "{words:?}");
        }
    }

    #[test]
    fn a_client_is_started_by_a_well_known_bus_name() {
        let is_name = |name: &str| check_activation(Some(name)).is_ok();
        assert!(check_activation(None).is_ok());
        let long = |n: usize| format!("a.{}", "b".repeat(n - 2));
        for name in ["a.b", "org.example.Down-loads_2", "_._", "-.-", &long(255)] {
            assert!(is_name(name), "{name:?}");
        }
        for name in [
            "",
            "a",
            ".a",
            "a.",
            "a..b",
            ":1.5",
            "a.2b",
            "a.b c",
            "a.é",
            "a/b.c",
            &long(256),
        ] {
            assert!(!is_name(name), "{name:?}");
        }
    }

    #[test]
    fn a_name_with_a_path_in_it_is_not_plain() {
        assert!(
            ["", ".", "..", "a/b", "a\0"]
                .iter()
                .all(|name| !is_plain(name))
        );
        assert!(is_plain("a b.ä"));
    }
}
