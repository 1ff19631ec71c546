//! Names on the bus and paths of objects, with the one parser and the one printer of them.

use bgcopy_model::{FileId, JobId};
use zbus::{ObjectPath, OwnedObjectPath};

/// The service's name on a session or system bus. On the private socket there are no names.
pub const BUS_NAME: &str = "org.bgcopy";

/// The version of this contract. It grows when a client of an earlier version could misunderstand an answer; what is
/// merely added does not change it.
pub const PROTOCOL_VERSION: u32 = 1;

/// The interface of the manager.
pub const MANAGER: &str = "org.bgcopy.Manager1";
/// The interface of a job.
pub const JOB: &str = "org.bgcopy.Job1";
/// The interface of a file.
pub const FILE: &str = "org.bgcopy.File1";
/// The interface of a job's error.
pub const ERROR: &str = "org.bgcopy.Error1";

/// The interface of downloads of the manager's object.
pub const DOWNLOADS: &str = "org.bgcopy.Downloads1";
/// The interface of a download.
pub const DOWNLOAD: &str = "org.bgcopy.Download1";
/// The interface of a client's object that is told of a download's status.
pub const DOWNLOAD_CALLBACK: &str = "org.bgcopy.DownloadCallback1";

/// The interface of a client's callback object.
pub const CALLBACK: &str = "org.bgcopy.Callback1";

/// What every error name of this contract begins with.
pub const ERROR_PREFIX: &str = "org.bgcopy.Error.";

/// The manager's path.
pub const MANAGER_PATH: &str = "/org/bgcopy";
/// The folder of all jobs; no object itself.
pub const JOBS_PATH: &str = "/org/bgcopy/jobs";
/// The folder of all downloads; no object itself.
pub const DOWNLOADS_PATH: &str = "/org/bgcopy/downloads";
/// What stands for «no object» where a path is wanted.
pub const NO_OBJECT: &str = "/";

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// `/` or `/org`: on the way to the manager.
    Above,
    /// [`MANAGER_PATH`].
    Manager,
    /// [`JOBS_PATH`]: on the way to the jobs.
    Jobs,
    /// `…/jobs/<id>`.
    Job(JobId),
    /// `…/jobs/<id>/files`: on the way to a job's files.
    Files(JobId),
    /// `…/jobs/<id>/files/<index>`.
    File(FileId),
    /// `…/jobs/<id>/error`.
    Error(JobId),
    /// [`DOWNLOADS_PATH`]: on the way to the downloads.
    Downloads,
    /// `…/downloads/<id>`.
    Download(JobId),
}

impl Object {
    /// Reads a path. Only the one spelling that [`Object::path`] prints is accepted; whether the object exists is
    /// not looked at.
    pub fn parse(path: &str) -> Option<Self> {
        match path {
            "/" | "/org" => return Some(Self::Above),
            MANAGER_PATH => return Some(Self::Manager),
            JOBS_PATH => return Some(Self::Jobs),
            DOWNLOADS_PATH => return Some(Self::Downloads),
            _ => {}
        }
        if let Some(rest) = path.strip_prefix(DOWNLOADS_PATH) {
            return job_id(rest.strip_prefix('/')?).map(Self::Download);
        }
        let mut parts = path
            .strip_prefix(JOBS_PATH)?
            .strip_prefix('/')?
            .splitn(3, '/');
        let job = job_id(parts.next()?)?;
        match (parts.next(), parts.next()) {
            (None, _) => Some(Self::Job(job)),
            (Some("error"), None) => Some(Self::Error(job)),
            (Some("files"), None) => Some(Self::Files(job)),
            (Some("files"), Some(index)) => {
                let number = index.parse().ok()?;
                // One name for one object: no sign, no leading zero.
                let canonical = format!("{number}") == index;
                canonical.then_some(Self::File(FileId { job, index: number }))
            }
            _ => None,
        }
    }

    /// Its path; `/` for [`Object::Above`].
    pub fn path(self) -> OwnedObjectPath {
        let text = match self {
            Self::Above => NO_OBJECT.to_owned(),
            Self::Manager => MANAGER_PATH.to_owned(),
            Self::Jobs => JOBS_PATH.to_owned(),
            Self::Job(job) => format!("{JOBS_PATH}/{}", job.simple()),
            Self::Files(job) => format!("{JOBS_PATH}/{}/files", job.simple()),
            Self::File(file) => format!("{JOBS_PATH}/{}/files/{}", file.job.simple(), file.index),
            Self::Error(job) => format!("{JOBS_PATH}/{}/error", job.simple()),
            Self::Downloads => DOWNLOADS_PATH.to_owned(),
            Self::Download(id) => format!("{DOWNLOADS_PATH}/{}", id.simple()),
        };
        // Hexadecimal and decimal digits between fixed words: always a valid path.
        ObjectPath::from_string_unchecked(text).into()
    }

    /// The job or download it belongs to.
    pub const fn job(self) -> Option<JobId> {
        match self {
            Self::Above | Self::Manager | Self::Jobs | Self::Downloads => None,
            Self::Job(job) | Self::Files(job) | Self::Error(job) | Self::Download(job) => Some(job),
            Self::File(file) => Some(file.job),
        }
    }
}

/// The path of a job.
pub fn job_path(job: JobId) -> OwnedObjectPath {
    Object::Job(job).path()
}

/// The path of a file.
pub fn file_path(file: FileId) -> OwnedObjectPath {
    Object::File(file).path()
}

/// The path of a job's error.
pub fn error_path(job: JobId) -> OwnedObjectPath {
    Object::Error(job).path()
}

/// The path of a download.
pub fn download_path(id: JobId) -> OwnedObjectPath {
    Object::Download(id).path()
}

/// The download that a path names.
pub fn download_of_path(path: &str) -> Option<JobId> {
    match Object::parse(path)? {
        Object::Download(id) => Some(id),
        _ => None,
    }
}

/// The job that a path names.
pub fn job_of_path(path: &str) -> Option<JobId> {
    match Object::parse(path)? {
        Object::Job(job) => Some(job),
        _ => None,
    }
}

/// The file that a path names.
pub fn file_of_path(path: &str) -> Option<FileId> {
    match Object::parse(path)? {
        Object::File(file) => Some(file),
        _ => None,
    }
}

/// 32 hexadecimal digits in lower case, as [`JobId::simple`] prints them.
fn job_id(text: &str) -> Option<JobId> {
    let digits = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == 32 && digits).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB_ID: JobId = JobId::from_u128(0x00ab_0000_0000_0000_0000_0000_0000_0001);

    #[test]
    fn every_object_reads_back_from_its_path() {
        let file = FileId {
            job: JOB_ID,
            index: 99_999,
        };
        for object in [
            Object::Above,
            Object::Manager,
            Object::Jobs,
            Object::Job(JOB_ID),
            Object::Files(JOB_ID),
            Object::File(file),
            Object::Error(JOB_ID),
            Object::Downloads,
            Object::Download(JOB_ID),
        ] {
            let path = object.path();
            assert_eq!(Object::parse(path.as_str()), Some(object), "{path}");
            ObjectPath::try_from(path.as_str()).unwrap();
        }
    }

    #[test]
    fn other_spellings_of_a_path_name_nothing() {
        let job = "/org/bgcopy/jobs/00ab0000000000000000000000000001";
        for path in [
            "/org/bgcopy/jobs/00AB0000000000000000000000000001",
            "/org/bgcopy/jobs/ab0000000000000000000000000001",
            "/org/bgcopy/jobsx",
            "/org/bgcopy/downloadsx",
            "/org/bgcopy/downloads/",
            "/org/bgcopy/downloads/00ab0000000000000000000000000001/files",
            "/com",
            &format!("{job}/errors"),
            &format!("{job}/error/0"),
            &format!("{job}/files/01"),
            &format!("{job}/files/x"),
            &format!("{job}/files/4294967296"),
            &format!("{job}/files/0/0"),
        ] {
            assert_eq!(Object::parse(path), None, "{path}");
        }
    }
}
