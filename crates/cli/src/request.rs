//! Files and jobs as a command line asks for them, turned into what the client library takes.
//!
//! Owns how names and folders of the command line become absolute destinations. Must never look at them in the file
//! system: what is there is the service's to judge, with its owner's rights.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use bgcopy_client::{Checksum, FileRequest, JobBuilder, Manager, Priority};
use clap::{Args, ValueHint, builder::TypedValueParser, error::ErrorKind};
use url::Url;

use crate::{
    args,
    failure::{Exit, Failure},
    format::{file_name_of, parse_duration, redact},
    metalink,
    network::Network,
    program,
};

/// Files to fetch.
#[derive(Args, Debug)]
pub struct Files {
    /// What to fetch: http or https URLs
    #[arg(
        required_unless_present = "metalink",
        value_name = "URL",
        value_parser = UrlParser,
        value_hint = ValueHint::Url
    )]
    pub urls: Vec<Url>,
    /// Give the file this name; for one URL
    #[arg(short, long, value_name = "FILE", conflicts_with = "directory", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Put the files into this folder, named as the origin names them; the working folder by default
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// What the file must hash to: sha256: or blake3: and 64 hexadecimal digits; for one URL
    #[arg(long, value_name = "ALGORITHM:HEX")]
    pub checksum: Option<Checksum>,
    /// Another place that has the same file, asked when the first cannot help; can be given again, up to 32 times
    ///
    /// Mirrors are asked in the order given. They need --checksum, which alone tells that what they send is the file, and
    /// they get neither the job's header fields nor its user and password.
    #[arg(long = "mirror", value_name = "URL", value_parser = UrlParser, requires = "checksum", value_hint = ValueHint::Url)]
    pub mirrors: Vec<Url>,
    /// Fetch the files that this Metalink document (RFC 5854, .meta4) describes, from the places that it names
    ///
    /// Each file is held against its SHA-256 and gets the name that the document gives it, in the working folder or the one
    /// of -d; none takes the place of a file that is there already. Of a file without a SHA-256 only the first URL is used.
    /// What the job sends to its origins (--header, --user) goes to the first URL of each file: give them only with a
    /// document that you trust.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["urls", "checksum", "mirrors"],
        value_hint = ValueHint::FilePath
    )]
    pub metalink: Option<PathBuf>,
}

impl Files {
    /// As the service wants them: with absolute destinations.
    pub fn requests(&self) -> Result<Vec<FileRequest>, Failure> {
        let usage = |sentence: &str| Failure::new(Exit::Usage, sentence);
        if self.urls.len() > 1 && self.output.is_some() {
            return Err(usage(
                "-o names one file, and there are several URLs; use -d and a folder",
            ));
        }
        if self.urls.len() > 1 && self.checksum.is_some() {
            return Err(usage(
                "--checksum is of one file, and there are several URLs; make a job for each",
            ));
        }
        if let Some(document) = &self.metalink {
            return self.described(document);
        }
        let destination = match (&self.output, &self.directory) {
            (Some(file), _) if names_a_folder(file) => {
                return Err(usage("-o names a file; use -d for a folder"));
            }
            (Some(file), _) => absolute(file)?,
            // What ends in a slash leaves the name to the origin.
            (None, Some(folder)) => absolute(folder)?.join(""),
            (None, None) => absolute(Path::new("."))?.join(""),
        };
        let request = |url: &Url| {
            let request = FileRequest::new(url.as_str(), &destination);
            let request = match self.checksum {
                Some(checksum) => request.checksum(checksum),
                None => request,
            };
            let mirrors = (1..).zip(&self.mirrors);
            mirrors.fold(request, |request, (priority, mirror)| {
                request.mirror(mirror.as_str(), priority)
            })
        };
        Ok(self.urls.iter().map(request).collect())
    }

    /// The files of a Metalink document.
    fn described(&self, document: &Path) -> Result<Vec<FileRequest>, Failure> {
        if self.output.as_deref().is_some_and(names_a_folder) {
            return Err(Failure::new(
                Exit::Usage,
                "-o names a file; use -d for a folder",
            ));
        }
        let name = self.output.as_deref().map(absolute).transpose()?;
        let folder = absolute(self.directory.as_deref().unwrap_or(Path::new(".")))?;
        metalink::requests(metalink::read(document)?, &folder, name.as_deref())
    }

    /// A name for a job of these files.
    pub fn job_name(&self) -> String {
        if let Some(name) = self.metalink.as_deref().and_then(Path::file_name) {
            return name.to_string_lossy().chars().take(256).collect();
        }
        let first = self.urls.first().map(file_name_of).unwrap_or_default();
        let name = match self.urls.len() {
            0 | 1 => first,
            count => format!("{first} and {} more", count - 1),
        };
        // The contract allows a name of 256 characters.
        name.chars().take(256).collect()
    }
}

fn names_a_folder(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.ends_with(b"/") || matches!(bytes, b"." | b".." | b"-")
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("the folder {} cannot be named: {error}", path.display()),
        )
    })
}

/// Reads a URL that the service can fetch. Other than a parsing function it words the whole error, so that the
/// password in a URL that is refused is not repeated.
#[derive(Clone, Copy, Debug)]
struct UrlParser;

impl TypedValueParser for UrlParser {
    type Value = Url;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Url, clap::Error> {
        url(&value.to_string_lossy())
            .map_err(|sentence| command.clone().error(ErrorKind::ValueValidation, sentence))
    }
}

fn url(text: &str) -> Result<Url, String> {
    let wrong = || {
        let shown = redact(text);
        format!("{shown:?} is no http or https URL; write for example https://example.org/file")
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(wrong()),
    }
}

/// What a new job is to be like.
#[derive(Args, Debug)]
pub struct JobOptions {
    /// When it is its turn: foreground runs at once and beside everything, the others in this order
    #[arg(long, value_name = "PRIORITY", value_parser = args::priority(), default_value = "foreground")]
    pub priority: Priority,
    /// A description for people
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Send this field with every request, for example 'Authorization: Bearer …'; can be given again
    ///
    /// The service keeps the value where only it can read it, and never shows it. While this command runs other users
    /// of the machine can see its arguments.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub headers: Vec<(String, String)>,
    #[command(flatten)]
    pub network: Network,
    /// The shortest time before another try, at least 5s
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "5s")]
    pub retry_delay: Duration,
    /// Give up after this long without a byte: 90s, 10m, 2h, 14d; 0 gives up at the first error
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub no_progress_timeout: Option<Duration>,
    /// Run this program with these arguments when the job is fetched or stopped by an error; must come last
    ///
    /// A name without a slash is looked for in this command's PATH. The service runs it as you, without a shell and in
    /// surroundings of its own, which tell it what happened: `BGCOPY_EVENT` is transferred or error, `BGCOPY_JOB` the
    /// job's id, `BGCOPY_ERROR` a sentence. An application that is registered as the job's client goes before it.
    /// Everything after --exec belongs to the program.
    #[arg(
        long,
        value_name = "PROGRAM [ARGUMENT]",
        num_args = 1..,
        allow_hyphen_values = true,
        value_hint = ValueHint::ExecutablePath
    )]
    pub exec: Vec<String>,
}

impl JobOptions {
    /// Begins a job like that.
    pub fn begin(&self, manager: &Manager, name: &str) -> Result<JobBuilder, Failure> {
        let mut job = manager
            .create_job(name)
            .priority(self.priority)
            .minimum_retry_delay(self.retry_delay);
        if let Some(description) = &self.description {
            job = job.description(description);
        }
        if let Some(timeout) = self.no_progress_timeout {
            job = job.no_progress_timeout(timeout);
        }
        for (name, value) in &self.headers {
            job = job.header(name, value);
        }
        if let Some(command) = self.command()? {
            job = job.notify_command(command);
        }
        self.network.apply(job)
    }

    /// The program of `--exec` and its arguments, the program by its absolute path.
    fn command(&self) -> Result<Option<Vec<String>>, Failure> {
        let Some((program, arguments)) = self.exec.split_first() else {
            return Ok(None);
        };
        let program = program::find(program, env::var_os("PATH").as_deref())?;
        let command = std::iter::once(program).chain(arguments.iter().cloned());
        Ok(Some(command.collect()))
    }
}

/// Reads `Name: value`. The value is not repeated in an error: it may be a secret.
pub fn header(text: &str) -> Result<(String, String), String> {
    let is_token = |name: &str| {
        let other = "!#$%&'*+-.^_`|~";
        let mut characters = name.chars();
        !name.is_empty() && characters.all(|c| c.is_ascii_alphanumeric() || other.contains(c))
    };
    match text.split_once(':') {
        Some((name, value)) if is_token(name) => Ok((name.to_owned(), value.trim().to_owned())),
        _ => Err("a header is written 'Name: value'".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(urls: &[&str], output: Option<&str>, directory: Option<&str>) -> Files {
        Files {
            urls: urls.iter().map(|text| url(text).unwrap()).collect(),
            output: output.map(Into::into),
            directory: directory.map(Into::into),
            checksum: None,
            mirrors: Vec::new(),
            metalink: None,
        }
    }

    fn paths(files: &Files) -> String {
        format!("{:?}", files.requests().unwrap())
    }

    #[test]
    fn destinations_are_absolute_and_a_folder_keeps_its_slash() {
        let here = std::env::current_dir().unwrap();
        let here = here.to_str().unwrap();
        let one = ["http://h/a"];
        for (files, path) in [
            (files(&one, None, None), format!("{here}/")),
            (files(&one, None, Some("d")), format!("{here}/d/")),
            (files(&one, None, Some("/d/")), "/d/".to_owned()),
            (files(&one, Some("f"), None), format!("{here}/f")),
            (files(&one, Some("/x/f"), None), "/x/f".to_owned()),
        ] {
            let shown = paths(&files);
            assert!(shown.contains(&format!("path: {path:?}")), "{shown}");
        }
    }

    #[test]
    fn one_name_or_one_checksum_for_several_files_is_refused() {
        let two = ["http://h/a", "http://h/b"];
        let failure = files(&two, Some("f"), None).requests().unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        let checksum = format!("blake3:{}", "0".repeat(64)).parse().unwrap();
        let with_checksum = Files {
            checksum: Some(checksum),
            ..files(&two, None, None)
        };
        assert!(with_checksum.requests().is_err());
        assert!(files(&two[..1], Some("d/"), None).requests().is_err());
    }

    #[test]
    fn a_job_is_named_after_its_first_file() {
        assert_eq!(files(&["http://h/a?x"], None, None).job_name(), "a");
        let three = ["http://h/a", "http://h/b", "http://h/c"];
        assert_eq!(files(&three, None, None).job_name(), "a and 2 more");
    }

    #[test]
    fn everything_after_exec_is_the_program_s_and_the_program_gets_its_path() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            options: JobOptions,
        }
        let command = |line: &[&str]| {
            let line = ["x"].iter().chain(line);
            <Line as clap::Parser>::parse_from(line).options.command()
        };
        assert_eq!(command(&[]), Ok(None));
        let expected = ["/bin/sh", "--retry-delay", "-n"].map(str::to_owned);
        assert_eq!(
            command(&["--exec", "/bin/sh", "--retry-delay", "-n"]),
            Ok(Some(expected.to_vec()))
        );
        let searched = command(&["--exec", "sh"]).unwrap().unwrap();
        assert!(searched[0].starts_with('/') && searched[0].ends_with("/sh"));
        assert_eq!(
            command(&["--exec", "./nothing"]).unwrap_err().exit(),
            Exit::Usage
        );
    }

    #[test]
    fn only_http_urls_are_taken() {
        assert!(url("https://example.org/x").is_ok());
        for text in [
            "",
            "example.org/x",
            "ftp://h/x",
            "file:///etc/passwd",
            "http://",
        ] {
            assert!(url(text).unwrap_err().contains("https://"), "{text}");
        }
        let refused = url("ftp://me:secret@h/x").unwrap_err();
        assert!(!refused.contains("secret"), "{refused}");
    }

    #[test]
    fn a_header_is_a_name_and_a_value_and_a_bad_one_is_not_repeated() {
        assert_eq!(
            header("X-A:  b: c "),
            Ok(("X-A".to_owned(), "b: c".to_owned()))
        );
        for text in ["secret", ": secret", "a b: secret", "é: secret"] {
            assert!(!header(text).unwrap_err().contains("secret"), "{text}");
        }
    }
}
