//! A job before the service knows it.
//!
//! Owns how a request is put together and the one call that hands it over. Must never check what the service checks:
//! its answer is the only one that counts.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bgcopy_bus::{CredentialArgs, FileArgs, FileOptions, Hidden, JobOptions, Variables};
use bgcopy_model::{
    AuthScheme, AuthTarget, ByteRange, Checksum, NotifyFlags, Priority, Profile, SecurityFlags,
};

use crate::{Callback, Error, Job, Manager, Proxies, Result, callback::SharedCallback, context};

/// A file to fetch.
#[derive(Clone, Debug)]
pub struct FileRequest {
    url: String,
    path: PathBuf,
    checksum: Option<Checksum>,
    ranges: Vec<ByteRange>,
    mirrors: Vec<(String, u32)>,
}

impl FileRequest {
    /// What is at `url` (http or https), to be put at `path`: absolute, and ending in `/` when the name of the file
    /// is to come from the origin.
    pub fn new(url: impl Into<String>, path: impl AsRef<Path>) -> Self {
        Self {
            url: url.into(),
            path: path.as_ref().to_owned(),
            checksum: None,
            ranges: Vec::new(),
            mirrors: Vec::new(),
        }
    }

    /// The digest that the whole file must have.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// Fetches this range only, or this one too, after those named before it.
    #[must_use]
    pub fn range(mut self, range: ByteRange) -> Self {
        self.ranges.push(range);
        self
    }

    /// Says that the same file is at this URL too. Mirrors of a lower priority are asked first: 1 to 999 999, 0 for the
    /// last place. A file with mirrors needs a [checksum](Self::checksum) and may have 32; credentials and header fields of
    /// the job never go to them.
    #[must_use]
    pub fn mirror(mut self, url: impl Into<String>, priority: u32) -> Self {
        self.mirrors.push((url.into(), priority));
        self
    }

    /// As the bus carries it.
    pub(crate) fn into_args(self) -> Result<FileArgs> {
        let ranges = self.ranges.iter().map(|r| (r.offset, r.length)).collect();
        Ok(FileArgs {
            url: self.url,
            path: utf8(self.path)?,
            options: FileOptions {
                checksum: self.checksum.map(|checksum| checksum.to_string()),
                ranges: (!self.ranges.is_empty()).then_some(ranges),
                mirrors: (!self.mirrors.is_empty()).then_some(self.mirrors),
            },
        })
    }
}

fn utf8(path: PathBuf) -> Result<String> {
    path.into_os_string()
        .into_string()
        .map_err(|path| Error::PathNotUtf8(path.into()))
}

/// Seconds as the wire has them. What does not fit is more than a century.
pub(crate) fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// A job to make. What is not said has the default of the profile.
#[derive(Debug)]
#[must_use = "a job is made by `create` or `submit`"]
pub struct JobBuilder {
    manager: Manager,
    profile: Profile,
    name: String,
    options: JobOptions,
    files: Vec<FileRequest>,
    callback: Option<SharedCallback>,
}

impl JobBuilder {
    pub(crate) fn new(manager: Manager, name: String) -> Self {
        Self {
            manager,
            profile: Profile::Bits,
            name,
            options: JobOptions::default(),
            files: Vec::new(),
            callback: None,
        }
    }

    /// Whose conventions it follows; BITS' where this is not called.
    pub const fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// A description for people, at most 1 024 characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.options.description = Some(description.into());
        self
    }

    /// Its priority; NORMAL where this is not called.
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.options.priority = Some(priority.code());
        self
    }

    /// Whether the service completes it by itself once every file is there; it does not where this is not called.
    pub const fn auto_complete(mut self, auto_complete: bool) -> Self {
        self.options.auto_complete = Some(auto_complete);
        self
    }

    /// Which events its client wants to be called for.
    pub const fn notify_flags(mut self, flags: NotifyFlags) -> Self {
        self.options.notify_flags = Some(flags.bits());
        self
    }

    /// Has this object called when something happens to the job, from its first moment on: it is registered by the call
    /// that makes the job. See [`Job::set_notify_interface`].
    pub fn notify(mut self, callback: impl Callback) -> Self {
        self.callback = Some(SharedCallback::new(callback));
        self
    }

    /// The program that is run when something is due and nobody is registered, or the registered client fails: its
    /// absolute path, and its arguments. It is run as the job's owner, without a shell.
    pub fn notify_command(mut self, command: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.options.notify_command = Some(command.into_iter().map(Into::into).collect());
        self
    }

    /// The name on the owner's session bus that is started when something is due and nobody is registered.
    pub fn activation_name(mut self, name: impl Into<String>) -> Self {
        self.options.activation_name = Some(name.into());
        self
    }

    /// The shortest time before a retry, in whole seconds, at least five.
    pub fn minimum_retry_delay(mut self, delay: Duration) -> Self {
        self.options.minimum_retry_delay = Some(seconds(delay));
        self
    }

    /// How long it may go without a byte, in whole seconds; zero: every error is fatal.
    pub fn no_progress_timeout(mut self, timeout: Duration) -> Self {
        self.options.no_progress_timeout = Some(seconds(timeout));
        self
    }

    /// A field that every request of this job carries. A second value of a name replaces the first.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let headers = self.options.headers.get_or_insert_with(Variables::default);
        headers.0.insert(name.into(), value.into());
        self
    }

    /// Has challenges of this target in this scheme answered with this user and password; see
    /// [`Job::set_credentials`].
    pub fn credentials(
        mut self,
        target: AuthTarget,
        scheme: AuthScheme,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        let all = self.options.credentials.get_or_insert_default();
        all.push(CredentialArgs {
            target: target.name().to_owned(),
            scheme: scheme.name().to_owned(),
            user: user.into(),
            password: password.into(),
        });
        self
    }

    /// Which proxies it uses; those of this process' environment where this is not called.
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        let (usage, proxies, bypass) = proxies.into_wire();
        self.options.proxy_usage = Some(usage.name().to_owned());
        self.options.proxies = Some(Hidden(proxies));
        self.options.proxy_bypass = Some(bypass);
        self
    }

    /// What becomes of redirects; they are followed, but not from https to http, where this is not called.
    pub const fn security_flags(mut self, flags: SecurityFlags) -> Self {
        self.options.security_flags = Some(flags.bits());
        self
    }

    /// A file of it.
    pub fn file(mut self, file: FileRequest) -> Self {
        self.files.push(file);
        self
    }

    /// Files of it.
    pub fn files(mut self, files: impl IntoIterator<Item = FileRequest>) -> Self {
        self.files.extend(files);
        self
    }

    /// Makes the job, SUSPENDED. The umask and the proxy variables of this process become the job's.
    pub async fn create(self) -> Result<Job> {
        self.hand_over(false).await
    }

    /// Makes the job and lets it go, in one transaction: once this returns it survives a crash of everything.
    pub async fn submit(self) -> Result<Job> {
        self.hand_over(true).await
    }

    async fn hand_over(mut self, resume: bool) -> Result<Job> {
        self.options.umask = context::umask();
        self.options.environment = Some(context::proxy_variables());
        let files = self
            .files
            .into_iter()
            .map(FileRequest::into_args)
            .collect::<Result<Vec<_>>>()?;
        self.manager
            .hand_over(
                self.profile,
                &self.name,
                self.options,
                &files,
                resume,
                self.callback,
            )
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    use super::*;

    #[test]
    fn a_folder_keeps_its_slash_on_the_way() {
        let args = FileRequest::new("http://h/", Path::new("/tmp").join(""))
            .into_args()
            .unwrap();
        assert_eq!(args.path, "/tmp/");
        assert_eq!(args.options, FileOptions::default());
    }

    #[test]
    fn a_path_that_is_not_utf_8_is_refused_before_it_is_sent() {
        let path = Path::new(OsStr::from_bytes(b"/tmp/\xff"));
        let error = FileRequest::new("http://h/", path).into_args().unwrap_err();
        assert!(matches!(error, Error::PathNotUtf8(_)), "{error}");
    }

    #[test]
    fn more_seconds_than_the_wire_has_become_the_most_it_has() {
        assert_eq!(seconds(Duration::MAX), u32::MAX);
    }
}
