//! What a client calls. Each trait here becomes an asynchronous proxy; [`crate::introspection`] documents the calls.
//!
//! Only the settable properties are here one by one; [`crate::properties::read`] reads a whole set in one call. No
//! value is cached, since changes are told to subscribers only.

use zbus::{ObjectPath, OwnedObjectPath, proxy};

use crate::{
    FileArgs, FileOptions, FileStatistics, JobOptions, JobProperties, Result, Variables,
    properties::FileProperties,
};

/// The manager: one for a service, at [`crate::names::MANAGER_PATH`].
#[proxy(
    interface = "org.bgcopy.Manager1",
    default_service = "org.bgcopy",
    default_path = "/org/bgcopy"
)]
pub trait Manager1 {
    /// Makes a job without files, SUSPENDED.
    fn create_job(
        &self,
        profile: &str,
        name: &str,
        options: &JobOptions,
    ) -> Result<OwnedObjectPath>;

    /// Makes a job with files and, if asked, resumes it, as one transaction.
    fn submit_job(
        &self,
        profile: &str,
        name: &str,
        options: &JobOptions,
        files: &[FileArgs],
        resume: bool,
    ) -> Result<OwnedObjectPath>;

    /// Finds a job by its identity.
    fn get_job(&self, id: &str) -> Result<OwnedObjectPath>;

    /// Lists the jobs that are not final, the oldest first.
    fn enum_jobs(&self, all_users: bool) -> Result<Vec<OwnedObjectPath>>;

    /// Lists the jobs that are not final with all their properties.
    fn list_jobs(&self, all_users: bool) -> Result<Vec<(OwnedObjectPath, JobProperties)>>;

    /// Describes an HRESULT in words.
    fn get_error_description(&self, hresult: u32) -> Result<String>;

    /// Asks for the signals of the manager and of every job that the caller may see; not those of files.
    fn subscribe(&self) -> Result<()>;

    /// Withdraws that; jobs subscribed to one by one stay so.
    fn unsubscribe(&self) -> Result<()>;

    /// Stops the service cleanly.
    fn shutdown(&self) -> Result<()>;

    /// A job was made.
    #[zbus(signal)]
    fn job_added(&self, job: OwnedObjectPath) -> zbus::Result<()>;

    /// A job became final.
    #[zbus(signal)]
    fn job_removed(&self, job: OwnedObjectPath) -> zbus::Result<()>;
}

/// A job.
#[proxy(interface = "org.bgcopy.Job1", default_service = "org.bgcopy")]
pub trait Job1 {
    /// Adds a file.
    fn add_file(&self, url: &str, path: &str, options: &FileOptions) -> Result<OwnedObjectPath>;

    /// Adds files, all or none.
    fn add_files(&self, files: &[FileArgs]) -> Result<Vec<OwnedObjectPath>>;

    /// Lists the files.
    fn enum_files(&self) -> Result<Vec<OwnedObjectPath>>;

    /// Lists the files with all their properties.
    fn list_files(&self) -> Result<Vec<(OwnedObjectPath, FileProperties)>>;

    /// Lists a part of the files with all their properties.
    fn list_files_from(
        &self,
        first: u32,
        count: u32,
    ) -> Result<Vec<(OwnedObjectPath, FileProperties)>>;

    /// Replaces the beginning of URLs; how many files that was.
    fn replace_remote_prefix(&self, old: &str, new: &str) -> Result<u32>;

    /// Makes the job the caller's.
    fn take_ownership(&self) -> Result<()>;

    /// Lets the job go.
    fn resume(&self) -> Result<()>;

    /// Stops the job.
    fn suspend(&self) -> Result<()>;

    /// Ends the job and deletes what it fetched. The answer is a successful HRESULT.
    fn cancel(&self) -> Result<u32>;

    /// Ends the job and names what it fetched. The answer is a successful HRESULT.
    fn complete(&self) -> Result<u32>;

    /// Finds the job's error.
    fn get_error(&self) -> Result<OwnedObjectPath>;

    /// Asks for the signals of this job and its files.
    fn subscribe(&self) -> Result<()>;

    /// Withdraws that.
    fn unsubscribe(&self) -> Result<()>;

    /// Makes an object on this connection the job's callback object; `/`: none any more.
    fn set_notify_interface(&self, path: &ObjectPath<'_>) -> Result<()>;

    /// The connection and path of the callback object; empty and `/`: none.
    #[zbus(name = "GetNotifyInterface")]
    fn notify_interface(&self) -> Result<(String, OwnedObjectPath)>;

    /// Has challenges of this target in this scheme answered with this user and password.
    fn set_credentials(&self, target: &str, scheme: &str, user: &str, password: &str)
    -> Result<()>;

    /// Has them answered no more.
    fn remove_credentials(&self, target: &str, scheme: &str) -> Result<()>;

    /// Sets which proxies are used, and for which hosts none.
    fn set_proxy_settings(&self, usage: &str, proxies: &[String], bypass: &[String]) -> Result<()>;

    /// Which proxies are used, without users and passwords, and for which hosts none.
    #[zbus(name = "GetProxySettings")]
    fn proxy_settings(&self) -> Result<(String, Vec<String>, Vec<String>)>;

    /// Replaces the fields that every request carries.
    fn set_custom_headers(&self, headers: &Variables) -> Result<()>;

    /// The head of the last answer for a file; empty: there is none.
    #[zbus(name = "GetResponseHeaders")]
    fn response_headers(&self, index: u32) -> Result<String>;

    /// Sets where redirects may lead.
    #[zbus(property)]
    fn set_security_flags(&self, flags: u32) -> Result<()>;

    /// Sets the name.
    #[zbus(property)]
    fn set_name(&self, name: &str) -> Result<()>;

    /// Sets the description.
    #[zbus(property)]
    fn set_description(&self, description: &str) -> Result<()>;

    /// Sets the priority.
    #[zbus(property)]
    fn set_priority(&self, priority: u32) -> Result<()>;

    /// Sets whether the service completes the job by itself.
    #[zbus(property)]
    fn set_auto_complete(&self, auto_complete: bool) -> Result<()>;

    /// Sets which events the client wants to be called for.
    #[zbus(property)]
    fn set_notify_flags(&self, notify_flags: u32) -> Result<()>;

    /// Sets the program to run when no callback object answers, and its arguments; empty: none.
    #[zbus(property)]
    fn set_notify_command(&self, command: &[&str]) -> Result<()>;

    /// Sets the name on the owner's session bus to start when there is no callback object; empty: none.
    #[zbus(property)]
    fn set_activation_name(&self, name: &str) -> Result<()>;

    /// Sets the shortest time before a retry, in seconds.
    #[zbus(property)]
    fn set_minimum_retry_delay(&self, seconds: u32) -> Result<()>;

    /// Sets on which networks the job is to transfer.
    #[zbus(property)]
    fn set_transfer_policy(&self, flags: u32) -> Result<()>;

    /// Sets what peers may do.
    #[zbus(property)]
    fn set_peer_caching_flags(&self, flags: u32) -> Result<()>;

    /// Sets how long the job may go without a byte, in seconds.
    #[zbus(property)]
    fn set_no_progress_timeout(&self, seconds: u32) -> Result<()>;

    /// Sets how long the job may be at work, in seconds.
    #[zbus(property)]
    fn set_maximum_download_time(&self, seconds: u32) -> Result<()>;
}

/// A file of a job.
#[proxy(interface = "org.bgcopy.File1", default_service = "org.bgcopy")]
pub trait File1 {
    /// Says where the file is from now on.
    fn set_remote_name(&self, url: &str) -> Result<()>;

    /// Offset and length of each range that is fetched; none: all of it.
    #[zbus(name = "GetRanges")]
    fn ranges(&self) -> Result<Vec<(u64, u64)>>;

    /// Tells what fetching it has cost.
    #[zbus(name = "GetStatistics")]
    fn statistics(&self) -> Result<FileStatistics>;

    /// Says whether the client has found the content to be right.
    #[zbus(property)]
    fn set_validation_state(&self, is_valid: bool) -> Result<()>;
}

/// A job's error.
#[proxy(interface = "org.bgcopy.Error1", default_service = "org.bgcopy")]
pub trait Error1 {}
