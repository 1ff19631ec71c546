//! A job of the service: the calls that look at it and change it.
//!
//! Owns nothing but the job's identity; every look is a call. Must never change what it was told.

use std::{sync::Arc, time::Duration};

use bgcopy_bus::{
    ErrorName, ErrorProperties,
    names::{error_path, file_of_path, job_path},
};
use bgcopy_model::{HResult, JobId, NotifyFlags, Priority};
use futures_util::Stream;

use crate::{
    Error, ErrorInfo, FileInfo, FileRequest, JobInfo, Result, builder::seconds, connection::Link,
    watch,
};

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
    link: Arc<Link>,
    id: JobId,
}

impl Job {
    pub(crate) const fn new(link: Arc<Link>, id: JobId) -> Self {
        Self { link, id }
    }

    /// Its identity.
    pub const fn id(&self) -> JobId {
        self.id
    }

    /// How it is now. Answers for a while after the job became final.
    pub async fn info(&self) -> Result<JobInfo> {
        let (_, properties): (_, bgcopy_bus::JobProperties) =
            self.link.read(job_path(self.id).as_ref()).await?;
        properties.try_into()
    }

    /// How it is now, and from then on how it is after each change, until it is final. Changes that come faster than
    /// they are taken are told as one. The service tells a change of state at once, progress at most four times a
    /// second.
    ///
    /// The stream ends after the final state, or with an error: [`Error::Disconnected`] when the service ends.
    pub async fn watch(&self) -> Result<impl Stream<Item = Result<JobInfo>> + Send + use<>> {
        watch::job(self.link.clone(), self.id).await
    }

    /// Its files, in order.
    pub async fn files(&self) -> Result<Vec<FileInfo>> {
        let files = self.link.job(self.id).await?.list_files().await?;
        files
            .into_iter()
            .map(|(_, properties)| properties.try_into())
            .collect()
    }

    /// What stopped it; `None` when it is in no error state.
    pub async fn error(&self) -> Result<Option<ErrorInfo>> {
        let nothing = |error: &Error| {
            // The job can leave the error state between the two calls, and its error object with it.
            matches!(
                error.service_name(),
                Some(ErrorName::NoErrorInformation | ErrorName::NotFound)
            )
        };
        let found = self.link.job(self.id).await?.get_error().await;
        match found.map_err(Error::from) {
            Ok(_) => {}
            Err(error) if error.service_name() == Some(ErrorName::NoErrorInformation) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        match self
            .link
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
        let job = self.link.job(self.id).await?;
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
        let paths = self.link.job(self.id).await?.add_files(&files).await?;
        paths.iter().map(|path| index(path.as_str())).collect()
    }

    /// Lets it go.
    pub async fn resume(&self) -> Result<()> {
        Ok(self.link.job(self.id).await?.resume().await?)
    }

    /// Stops it until it is resumed, completed or cancelled.
    pub async fn suspend(&self) -> Result<()> {
        Ok(self.link.job(self.id).await?.suspend().await?)
    }

    /// Ends it and deletes what it fetched.
    pub async fn cancel(&self) -> Result<Ended> {
        let code = self.link.job(self.id).await?.cancel().await?;
        Ok(Ended::from_code(code))
    }

    /// Ends it: finished files get their names, unfinished ones are dropped.
    pub async fn complete(&self) -> Result<Ended> {
        let code = self.link.job(self.id).await?.complete().await?;
        Ok(Ended::from_code(code))
    }

    /// Gives it another name.
    pub async fn set_name(&self, name: &str) -> Result<()> {
        Ok(self.link.job(self.id).await?.set_name(name).await?)
    }

    /// Gives it another description.
    pub async fn set_description(&self, description: &str) -> Result<()> {
        let job = self.link.job(self.id).await?;
        Ok(job.set_description(description).await?)
    }

    /// Gives it another priority.
    pub async fn set_priority(&self, priority: Priority) -> Result<()> {
        let job = self.link.job(self.id).await?;
        Ok(job.set_priority(priority.code()).await?)
    }

    /// Says whether the service completes it by itself.
    pub async fn set_auto_complete(&self, auto_complete: bool) -> Result<()> {
        let job = self.link.job(self.id).await?;
        Ok(job.set_auto_complete(auto_complete).await?)
    }

    /// Says which events its client wants to be called for.
    pub async fn set_notify_flags(&self, flags: NotifyFlags) -> Result<()> {
        let job = self.link.job(self.id).await?;
        Ok(job.set_notify_flags(flags.bits()).await?)
    }

    /// Sets the shortest time before a retry, in whole seconds, at least five.
    pub async fn set_minimum_retry_delay(&self, delay: Duration) -> Result<()> {
        let job = self.link.job(self.id).await?;
        Ok(job.set_minimum_retry_delay(seconds(delay)).await?)
    }

    /// Sets how long it may go without a byte, in whole seconds; zero: every error is fatal.
    pub async fn set_no_progress_timeout(&self, timeout: Duration) -> Result<()> {
        let job = self.link.job(self.id).await?;
        Ok(job.set_no_progress_timeout(seconds(timeout)).await?)
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
