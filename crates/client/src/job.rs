//! A job of the service: the calls that look at it and change it.
//!
//! Owns nothing but the job's identity; every look is a call. Must never change what it was told.

use std::{sync::Arc, time::Duration};

use bgcopy_bus::{
    ErrorName, ErrorProperties, FileProperties, FileStatistics,
    names::{NO_OBJECT, error_path, file_of_path, file_path, job_path},
};
use bgcopy_model::{
    ByteRange, FileId, HResult, JobId, NotifyFlags, PeerCaching, Priority, TransferPolicy,
};
use futures_util::Stream;
use zbus::ObjectPath;

use crate::{
    Callback, Error, ErrorInfo, FileInfo, FileRequest, JobInfo, Listener, Result, builder::seconds,
    callback::SharedCallback, callbacks, connection::Link, session::Session, watch,
};

/// Files that are listed in one answer: of all of a large job, it would take the service tens of megabytes.
const FILES_AT_ONCE: u32 = 1_000;

/// How Complete or Cancel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Wholly.
    Wholly,
    /// Complete left unfinished files out (`BG_S_PARTIAL_COMPLETE`).
    Partly,
    /// A temporary file could not be deleted (`BG_S_UNABLE_TO_DELETE_FILES`).
    FilesLeft,
}

impl Ended {
    const fn from_code(code: u32) -> Self {
        match HResult(code) {
            HResult::BG_S_PARTIAL_COMPLETE => Self::Partly,
            HResult::BG_S_UNABLE_TO_DELETE_FILES => Self::FilesLeft,
            _ => Self::Wholly,
        }
    }
}

/// A job. Cheap to clone; dropping it changes nothing in the service.
#[derive(Clone, Debug)]
pub struct Job {
    session: Arc<Session>,
    id: JobId,
}

impl Job {
    pub(crate) const fn new(session: Arc<Session>, id: JobId) -> Self {
        Self { session, id }
    }

    /// A connection to make a call on.
    pub(crate) async fn link(&self) -> Result<Arc<Link>> {
        self.session.link().await
    }

    const fn file_id(&self, index: u32) -> FileId {
        FileId {
            job: self.id,
            index,
        }
    }

    /// Its identity.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// How it is now. Answers for a while after the job became final.
    pub async fn info(&self) -> Result<JobInfo> {
        let (_, properties): (_, bgcopy_bus::JobProperties) =
            self.link().await?.read(job_path(self.id).as_ref()).await?;
        properties.try_into()
    }

    /// How it is now, and from then on how it is after each change, until it is final. Changes that come faster than
    /// they are taken are told as one. The service tells a change of state at once, progress at most four times a
    /// second.
    ///
    /// The stream ends after the final state, or with an error: [`Error::Disconnected`] when the service ends.
    pub async fn watch(&self) -> Result<impl Stream<Item = Result<JobInfo>> + Send + use<>> {
        watch::job(self.link().await?, self.id).await
    }

    /// Its files, in order.
    pub async fn files(&self) -> Result<Vec<FileInfo>> {
        let mut files = Vec::new();
        loop {
            let first = u32::try_from(files.len()).unwrap_or(u32::MAX);
            let link = self.link().await?;
            let job = link.job(self.id).await?;
            let page = job.list_files_from(first, FILES_AT_ONCE).await?;
            let is_last = page.len() < FILES_AT_ONCE as usize;
            for (_, properties) in page {
                files.push(properties.try_into()?);
            }
            if is_last {
                return Ok(files);
            }
        }
    }

    /// The file of this index.
    ///
    /// # Errors
    /// [`Error::Service`] with `NotFound` when there is none.
    pub async fn file(&self, index: u32) -> Result<FileInfo> {
        let link = self.link().await?;
        let path = file_path(self.file_id(index));
        let (_, properties): (_, FileProperties) = link.read(path.as_ref()).await?;
        properties.try_into()
    }

    /// What fetching the file of this index has cost so far.
    ///
    /// # Errors
    /// [`Error::Service`] with `NotFound` when there is none.
    pub async fn file_statistics(&self, index: u32) -> Result<FileStatistics> {
        let link = self.link().await?;
        Ok(link.file(self.file_id(index)).await?.statistics().await?)
    }

    /// The ranges of the file of this index that are fetched, in the order in which they are written; none: all of it.
    ///
    /// # Errors
    /// [`Error::Service`] with `NotFound` when there is no such file.
    pub async fn file_ranges(&self, index: u32) -> Result<Vec<ByteRange>> {
        let link = self.link().await?;
        let ranges = link.file(self.file_id(index)).await?.ranges().await?;
        let range = |(offset, length)| ByteRange { offset, length };
        Ok(ranges.into_iter().map(range).collect())
    }

    /// Says where the file of this index is from now on. Its bytes are kept when its size and its date are the same
    /// there; a file that has all its bytes stays as it is.
    pub async fn set_remote_name(&self, index: u32, url: &str) -> Result<()> {
        let link = self.link().await?;
        let file = link.file(self.file_id(index)).await?;
        Ok(file.set_remote_name(url).await?)
    }

    /// Says whether the content of the file of this index, which has all its bytes, was found to be right. The service
    /// keeps that and does nothing about it.
    pub async fn set_validation_state(&self, index: u32, is_valid: bool) -> Result<()> {
        let link = self.link().await?;
        let file = link.file(self.file_id(index)).await?;
        Ok(file.set_validation_state(is_valid).await?)
    }

    /// Replaces the beginning of the URLs of all files that have it and miss bytes, as [`Self::set_remote_name`] does;
    /// all or none. How many files that were.
    pub async fn replace_remote_prefix(&self, old: &str, new: &str) -> Result<u32> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.replace_remote_prefix(old, new).await?)
    }

    /// Makes it this user's, who must be root: it is SUSPENDED then, without what was fetched and without the old
    /// owner's secrets and callbacks. Its files will be written with root's rights to where its old owner wanted them:
    /// look at them first.
    pub async fn take_ownership(&self) -> Result<()> {
        let link = self.link().await?;
        Ok(link.job(self.id).await?.take_ownership().await?)
    }

    /// What stopped it: in an error state, and behind it until bytes move again; `None` otherwise.
    pub async fn error(&self) -> Result<Option<ErrorInfo>> {
        let nothing = |error: &Error| {
            // The job can leave the error state between the two calls, and its error object with it.
            matches!(
                error.service_name(),
                Some(ErrorName::NoErrorInformation | ErrorName::NotFound)
            )
        };
        let found = self.link().await?.job(self.id).await?.get_error().await;
        match found.map_err(Error::from) {
            Ok(_) => {}
            Err(error) if error.service_name() == Some(ErrorName::NoErrorInformation) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        match self
            .link()
            .await?
            .read::<ErrorProperties>(error_path(self.id).as_ref())
            .await
        {
            Ok((_, properties)) => Ok(Some(properties.into())),
            Err(error) if nothing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds a file; its index. A TRANSFERRED job becomes SUSPENDED.
    pub async fn add_file(&self, file: FileRequest) -> Result<u32> {
        let file = file.into_args()?;
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        let path = job.add_file(&file.url, &file.path, &file.options).await?;
        index(path.as_str())
    }

    /// Adds files, all or none; their indices.
    pub async fn add_files(
        &self,
        files: impl IntoIterator<Item = FileRequest>,
    ) -> Result<Vec<u32>> {
        let files = files
            .into_iter()
            .map(FileRequest::into_args)
            .collect::<Result<Vec<_>>>()?;
        let paths = self
            .link()
            .await?
            .job(self.id)
            .await?
            .add_files(&files)
            .await?;
        paths.iter().map(|path| index(path.as_str())).collect()
    }

    /// Lets it go.
    pub async fn resume(&self) -> Result<()> {
        Ok(self.link().await?.job(self.id).await?.resume().await?)
    }

    /// Stops it until it is resumed, completed or cancelled.
    pub async fn suspend(&self) -> Result<()> {
        Ok(self.link().await?.job(self.id).await?.suspend().await?)
    }

    /// Ends it and deletes what it fetched.
    pub async fn cancel(&self) -> Result<Ended> {
        let code = self.link().await?.job(self.id).await?.cancel().await?;
        self.session.callbacks.forget(self.id);
        Ok(Ended::from_code(code))
    }

    /// Ends it: finished files get their names, unfinished ones are dropped.
    pub async fn complete(&self) -> Result<Ended> {
        let code = self.link().await?.job(self.id).await?.complete().await?;
        self.session.callbacks.forget(self.id);
        Ok(Ended::from_code(code))
    }

    /// Gives it another name.
    pub async fn set_name(&self, name: &str) -> Result<()> {
        Ok(self
            .link()
            .await?
            .job(self.id)
            .await?
            .set_name(name)
            .await?)
    }

    /// Gives it another description.
    pub async fn set_description(&self, description: &str) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_description(description).await?)
    }

    /// Gives it another priority.
    pub async fn set_priority(&self, priority: Priority) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_priority(priority.code()).await?)
    }

    /// Says whether the service completes it by itself.
    pub async fn set_auto_complete(&self, auto_complete: bool) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_auto_complete(auto_complete).await?)
    }

    /// Says which events its client wants to be called for.
    pub async fn set_notify_flags(&self, flags: NotifyFlags) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_notify_flags(flags.bits()).await?)
    }

    /// Sets the shortest time before a retry, in whole seconds, at least five.
    pub async fn set_minimum_retry_delay(&self, delay: Duration) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_minimum_retry_delay(seconds(delay)).await?)
    }

    /// Sets how long it may go without a byte, in whole seconds; zero: every error is fatal.
    pub async fn set_no_progress_timeout(&self, timeout: Duration) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_no_progress_timeout(seconds(timeout)).await?)
    }

    /// Sets how long it may be at work, in whole seconds; zero: for as long as it takes. Time in CONNECTING and
    /// TRANSFERRING counts, since the job was made or last resumed; past it the job is in ERROR.
    pub async fn set_maximum_download_time(&self, time: Duration) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_maximum_download_time(seconds(time)).await?)
    }

    /// Says on which networks it is to transfer. Kept and given back, without effect yet.
    pub async fn set_transfer_policy(&self, policy: TransferPolicy) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_transfer_policy(policy.bits()).await?)
    }

    /// Says what peers may do. Kept and given back; there are no peers yet.
    pub async fn set_peer_caching(&self, flags: PeerCaching) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_peer_caching_flags(flags.bits()).await?)
    }

    /// Has this object called when something happens to the job, in place of the one it had, whoever registered that
    /// one. What happened while nobody was registered is told at once. An `Arc` of one object may serve many jobs.
    ///
    /// It is called as long as a handle of this connection is there, and registered again when the service comes back
    /// after its end; a user's own service is started again for that, unless [`crate::Connect::existing`] says
    /// otherwise.
    ///
    /// # Errors
    /// [`Error::Service`] with `InvalidState` when the job is final and has nothing left to tell.
    pub async fn set_notify_interface(&self, callback: impl Callback) -> Result<()> {
        let callbacks = &self.session.callbacks;
        self.session.keep_callbacks();
        let link = self.link().await?;
        let (number, before) = callbacks.put(self.id, SharedCallback::new(callback));
        let path = callbacks::path(number);
        let result = link.set_notify_interface(self.id, path.as_ref()).await;
        if result.is_err() {
            match before {
                Some(before) => {
                    callbacks.put(self.id, before);
                }
                None => callbacks.forget(self.id),
            }
        }
        result
    }

    /// Has nobody called any more, whoever registered. What is due stays so until somebody is registered.
    pub async fn clear_notify_interface(&self) -> Result<()> {
        let none = ObjectPath::from_str_unchecked(NO_OBJECT);
        let link = self.link().await?;
        link.set_notify_interface(self.id, none).await?;
        self.session.callbacks.forget(self.id);
        Ok(())
    }

    /// Who is registered; `None` when nobody is.
    pub async fn notify_interface(&self) -> Result<Option<Listener>> {
        let link = self.link().await?;
        let (client, path) = link.job(self.id).await?.notify_interface().await?;
        Ok((path.as_str() != NO_OBJECT).then(|| Listener {
            client,
            path: path.to_string(),
        }))
    }

    /// Sets the program that is run when something is due and nobody is registered, or the registered client fails:
    /// its absolute path, and its arguments. It is run as the job's owner, without a shell. An empty list takes it
    /// away.
    pub async fn set_notify_command(
        &self,
        command: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<()> {
        let command: Vec<String> = command.into_iter().map(Into::into).collect();
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_notify_command(&command).await?)
    }

    /// Sets the name on the owner's session bus that is started when something is due and nobody is registered; `None`
    /// takes it away.
    pub async fn set_activation_name(&self, name: Option<&str>) -> Result<()> {
        let link = self.link().await?;
        let job = link.job(self.id).await?;
        Ok(job.set_activation_name(name.unwrap_or_default()).await?)
    }
}

fn index(path: &str) -> Result<u32> {
    file_of_path(path)
        .map(|file| file.index)
        .ok_or_else(|| Error::Protocol(format!("{path} is no file")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successful_codes_of_an_end_are_told_apart() {
        assert_eq!(Ended::from_code(0), Ended::Wholly);
        assert_eq!(Ended::from_code(0x0020_0017), Ended::Partly);
        assert_eq!(Ended::from_code(0x0020_001A), Ended::FilesLeft);
    }
}
