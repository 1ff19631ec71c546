//! The same library for programs without an async runtime: every call waits for its answer.
//!
//! ```no_run
//! use bgcopy_client::{FileRequest, blocking::Manager};
//!
//! # fn example() -> Result<(), bgcopy_client::Error> {
//! let manager = Manager::connect()?;
//! let file = FileRequest::new("https://example.org/disk.img", "/var/tmp/disk.img");
//! let job = manager.submit(manager.create_job("an image").file(file))?;
//! job.set_notify_interface(|call| {
//!     if let bgcopy_client::blocking::Call::Transferred(job) = call {
//!         job.complete()?;
//!     }
//!     Ok(())
//! })?;
//! # Ok(())
//! # }
//! ```
//!
//! Owns one thread for each connection, which serves it, and the threads that callbacks run on: those may block, and
//! call every method here. Must never hold what the async side does not: a handle here is one there and the way to its
//! runtime.

mod download;

pub use download::Download;

use std::{
    fmt,
    os::unix::net::UnixStream,
    sync::{Arc, Weak, mpsc},
    time::Duration,
};

use bgcopy_model::{
    AuthScheme, AuthTarget, ByteRange, HResult, JobId, NotifyFlags, PeerCaching, Priority,
    SecurityFlags, TransferPolicy,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::spawn_blocking,
};

use crate::{
    Address, Callback, CallbackError, Connect, Ended, Error, ErrorInfo, FileInfo, FileRequest,
    FileStatistics, JobBuilder, JobInfo, Listener, Proxies, Result, ServiceInfo,
};

/// The runtime of a connection, and of every handle that came of it.
struct Thread {
    /// Taken when this is dropped, and not before.
    runtime: Option<Runtime>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        // It may be a thread of the runtime itself that drops the last handle: nothing is waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thread")
    }
}

impl Thread {
    fn start() -> Result<Arc<Self>> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("bgcopy-client")
            .enable_all()
            .build()
            .map_err(|error| Error::Runtime(error.to_string()))?;
        Ok(Arc::new(Self {
            runtime: Some(runtime),
        }))
    }

    /// Runs it on the runtime and waits. Unlike `block_on` this works on a thread of another runtime too, which it
    /// blocks.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let Some(runtime) = &self.runtime else {
            return Err(Error::Disconnected);
        };
        let (answer, answered) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // The caller waits below: the channel has room, and its other end is there.
            let _ = answer.send(work.await);
        });
        answered.recv().unwrap_or(Err(Error::Disconnected))
    }
}

/// [`crate::Manager`], for threads that may block.
#[derive(Clone, Debug)]
pub struct Manager {
    thread: Arc<Thread>,
    inner: crate::Manager,
}

impl Manager {
    /// Connects to this user's own service, and starts it when it does not run.
    pub fn connect() -> Result<Self> {
        Self::open(Connect::to(Address::User))
    }

    /// Connects to a service; [`Address`] says which ones are started when they do not run.
    pub fn connect_to(address: Address) -> Result<Self> {
        Self::open(Connect::to(address))
    }

    /// Connects in this way.
    pub fn open(connect: Connect) -> Result<Self> {
        let thread = Thread::start()?;
        let inner = thread.wait(connect.open())?;
        Ok(Self { thread, inner })
    }

    /// Speaks to the service at the other end of `stream`; see [`crate::Manager::over`].
    pub fn over(stream: UnixStream) -> Result<Self> {
        let thread = Thread::start()?;
        let inner = thread.wait(crate::Manager::over(stream))?;
        Ok(Self { thread, inner })
    }

    /// What it is connected to.
    pub fn service(&self) -> ServiceInfo {
        self.inner.service()
    }

    /// Begins a job with this name; [`Manager::create`] or [`Manager::submit`] makes it.
    pub fn create_job(&self, name: impl Into<String>) -> JobBuilder {
        self.inner.create_job(name)
    }

    /// Makes the job, SUSPENDED.
    pub fn create(&self, job: JobBuilder) -> Result<Job> {
        self.made(job.create())
    }

    /// Makes the job and lets it go, in one transaction: once this returns it survives a crash of everything.
    pub fn submit(&self, job: JobBuilder) -> Result<Job> {
        self.made(job.submit())
    }

    /// As [`Manager::submit`], and `callback` is registered by the same call.
    pub fn submit_with(
        &self,
        job: JobBuilder,
        callback: impl Fn(Call) -> std::result::Result<(), CallbackError> + Send + Sync + 'static,
    ) -> Result<Job> {
        let callback = Blocking::new(&self.thread, callback);
        self.made(job.notify(callback).submit())
    }

    /// Finds a job. One that became final is found for a while.
    pub fn job(&self, id: JobId) -> Result<Job> {
        let inner = self.inner.clone();
        self.made(async move { inner.job(id).await })
    }

    /// The jobs that are not final, the oldest first: this user's, or everyone's for an administrator who asks.
    pub fn jobs(&self, all_users: bool) -> Result<Vec<(Job, JobInfo)>> {
        let inner = self.inner.clone();
        let jobs = self
            .thread
            .wait(async move { inner.jobs(all_users).await })?;
        let job = |(job, info)| (Job::new(&self.thread, job), info);
        Ok(jobs.into_iter().map(job).collect())
    }

    /// What an error number means, in words.
    pub fn error_description(&self, code: HResult) -> Result<String> {
        let inner = self.inner.clone();
        self.thread
            .wait(async move { inner.error_description(code).await })
    }

    /// Stops the service cleanly and waits until it has ended.
    pub fn shutdown(&self) -> Result<()> {
        let inner = self.inner.clone();
        self.thread.wait(async move { inner.shutdown().await })
    }

    fn made(
        &self,
        making: impl Future<Output = Result<crate::Job>> + Send + 'static,
    ) -> Result<Job> {
        let job = self.thread.wait(making)?;
        Ok(Job::new(&self.thread, job))
    }
}

/// [`crate::Job`], for threads that may block.
#[derive(Clone, Debug)]
pub struct Job {
    thread: Arc<Thread>,
    inner: crate::Job,
}

/// Each method of the async handle that is awaited and has nothing else to it.
macro_rules! waiting {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl Job {
            $(
                $(#[$doc])*
                pub fn $name(&self, $($argument: $type),*) -> Result<$answer> {
                    let inner = self.inner.clone();
                    self.thread.wait(async move { inner.$name($($argument),*).await })
                }
            )*
        }
    };
}

waiting! {
    /// How it is now. Answers for a while after the job became final.
    info() -> JobInfo;
    /// Its files, in order.
    files() -> Vec<FileInfo>;
    /// The file of this index.
    file(index: u32) -> FileInfo;
    /// What stopped it: in an error state, and behind it until bytes move again; `None` otherwise.
    error() -> Option<ErrorInfo>;
    /// The ranges of the file of this index that are fetched; none: all of it.
    file_ranges(index: u32) -> Vec<ByteRange>;
    /// What fetching the file of this index has cost so far.
    file_statistics(index: u32) -> FileStatistics;
    /// Says whether the content of a file was found to be right; see [`crate::Job::set_validation_state`].
    set_validation_state(index: u32, is_valid: bool) -> ();
    /// Makes it this user's, who must be root; see [`crate::Job::take_ownership`].
    take_ownership() -> ();
    /// Adds a file; its index. A TRANSFERRED job becomes SUSPENDED.
    add_file(file: FileRequest) -> u32;
    /// Adds files, all or none; their indices.
    add_files(files: Vec<FileRequest>) -> Vec<u32>;
    /// Lets it go.
    resume() -> ();
    /// Stops it until it is resumed, completed or cancelled.
    suspend() -> ();
    /// Ends it and deletes what it fetched.
    cancel() -> Ended;
    /// Ends it: finished files get their names, unfinished ones are dropped.
    complete() -> Ended;
    /// Gives it another priority.
    set_priority(priority: Priority) -> ();
    /// Says whether the service completes it by itself.
    set_auto_complete(auto_complete: bool) -> ();
    /// Says which events its client wants to be called for.
    set_notify_flags(flags: NotifyFlags) -> ();
    /// Sets the shortest time before a retry, in whole seconds, at least five.
    set_minimum_retry_delay(delay: Duration) -> ();
    /// Sets how long it may go without a byte, in whole seconds; zero: every error is fatal.
    set_no_progress_timeout(timeout: Duration) -> ();
    /// Sets how long it may be at work, in whole seconds; zero: for as long as it takes.
    set_maximum_download_time(time: Duration) -> ();
    /// Says on which networks it is to transfer; without effect yet.
    set_transfer_policy(policy: TransferPolicy) -> ();
    /// Says what peers may do; there are none yet.
    set_peer_caching(flags: PeerCaching) -> ();
    /// Sets the program that is run when nobody is registered; see [`crate::Job::set_notify_command`].
    set_notify_command(command: Vec<String>) -> ();
    /// Forgets a user and password. There need not be any.
    remove_credentials(target: AuthTarget, scheme: AuthScheme) -> ();
    /// Sets which proxies it uses, from the next transfer of a file on.
    set_proxies(proxies: Proxies) -> ();
    /// Which proxies it uses, without users and passwords.
    proxies() -> Proxies;
    /// Sets what becomes of redirects.
    set_security_flags(flags: SecurityFlags) -> ();
    /// Replaces the fields that every request carries; none takes all of them away.
    set_headers(headers: Vec<(String, String)>) -> ();
    /// The head of the last answer that brought bytes of this file; see [`crate::Job::response_headers`].
    response_headers(file: u32) -> Option<String>;
    /// Has nobody called any more, whoever registered.
    clear_notify_interface() -> ();
    /// Who is registered; `None` when nobody is.
    notify_interface() -> Option<Listener>;
}

impl Job {
    fn new(thread: &Arc<Thread>, inner: crate::Job) -> Self {
        Self {
            thread: thread.clone(),
            inner,
        }
    }

    /// Its identity.
    pub const fn id(&self) -> JobId {
        self.inner.id()
    }

    /// Gives it another name.
    pub fn set_name(&self, name: impl Into<String>) -> Result<()> {
        let (inner, name) = (self.inner.clone(), name.into());
        self.thread.wait(async move { inner.set_name(&name).await })
    }

    /// Says where a file is from now on; see [`crate::Job::set_remote_name`].
    pub fn set_remote_name(&self, index: u32, url: impl Into<String>) -> Result<()> {
        let (inner, url) = (self.inner.clone(), url.into());
        self.thread
            .wait(async move { inner.set_remote_name(index, &url).await })
    }

    /// Replaces the beginning of URLs; see [`crate::Job::replace_remote_prefix`].
    pub fn replace_remote_prefix(
        &self,
        old: impl Into<String>,
        new: impl Into<String>,
    ) -> Result<u32> {
        let (inner, old, new) = (self.inner.clone(), old.into(), new.into());
        self.thread
            .wait(async move { inner.replace_remote_prefix(&old, &new).await })
    }

    /// Has challenges answered with this user and password; see [`crate::Job::set_credentials`].
    pub fn set_credentials(
        &self,
        target: AuthTarget,
        scheme: AuthScheme,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Result<()> {
        let (inner, user, password) = (self.inner.clone(), user.into(), password.into());
        let set = async move {
            inner
                .set_credentials(target, scheme, &user, &password)
                .await
        };
        self.thread.wait(set)
    }

    /// Gives it another description.
    pub fn set_description(&self, description: impl Into<String>) -> Result<()> {
        let (inner, description) = (self.inner.clone(), description.into());
        self.thread
            .wait(async move { inner.set_description(&description).await })
    }

    /// Has `callback` called, on a thread of its own, when something happens to the job; see
    /// [`crate::Job::set_notify_interface`].
    pub fn set_notify_interface(
        &self,
        callback: impl Fn(Call) -> std::result::Result<(), CallbackError> + Send + Sync + 'static,
    ) -> Result<()> {
        let callback = Blocking::new(&self.thread, callback);
        let inner = self.inner.clone();
        self.thread
            .wait(async move { inner.set_notify_interface(callback).await })
    }
}

/// What a callback is called for: the methods of [`Callback`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Call {
    /// Every file of the job is there.
    Transferred(Job),
    /// An error stopped the job.
    Error(Job, ErrorInfo),
    /// The job changed in another way.
    Modification(Job),
    /// Every byte of this file is there.
    File(Job, FileInfo),
}

type Function = dyn Fn(Call) -> std::result::Result<(), CallbackError> + Send + Sync;

/// A blocking callback as an async one.
struct Blocking {
    /// The session owns this object, and a thread its session: a strong handle would keep both for ever.
    thread: Weak<Thread>,
    function: Arc<Function>,
}

impl Blocking {
    fn new(
        thread: &Arc<Thread>,
        function: impl Fn(Call) -> std::result::Result<(), CallbackError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            thread: Arc::downgrade(thread),
            function: Arc::new(function),
        }
    }

    async fn call(
        &self,
        job: crate::Job,
        call: impl FnOnce(Job) -> Call,
    ) -> std::result::Result<(), CallbackError> {
        let thread = self.thread.upgrade().ok_or(Error::Disconnected)?;
        let call = call(Job { thread, inner: job });
        let function = self.function.clone();
        match spawn_blocking(move || function(call)).await {
            Ok(result) => result,
            Err(ended) => match ended.try_into_panic() {
                // The one who makes the call tells of it.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(ended) => Err(ended.into()),
            },
        }
    }
}

impl Callback for Blocking {
    async fn job_transferred(&self, job: crate::Job) -> std::result::Result<(), CallbackError> {
        self.call(job, Call::Transferred).await
    }

    async fn job_error(
        &self,
        job: crate::Job,
        error: ErrorInfo,
    ) -> std::result::Result<(), CallbackError> {
        self.call(job, |job| Call::Error(job, error)).await
    }

    async fn job_modification(&self, job: crate::Job) -> std::result::Result<(), CallbackError> {
        self.call(job, Call::Modification).await
    }

    async fn file_transferred(
        &self,
        job: crate::Job,
        file: FileInfo,
    ) -> std::result::Result<(), CallbackError> {
        self.call(job, |job| Call::File(job, file)).await
    }
}
