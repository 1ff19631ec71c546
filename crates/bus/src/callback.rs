//! The calls that the service makes to a client's callback object, `org.bgcopy.Callback1`: made and read in one place.

use bgcopy_model::{FileId, JobId};
use zbus::{Connection, Message, ObjectPath, fdo, names::UniqueName};

use crate::names::{CALLBACK, error_path, file_path, job_of_path, job_path};

/// A call to a callback object. [`crate::introspection::CALLBACK`] documents each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Callback {
    /// Every file of the job is there.
    JobTransferred(JobId),
    /// The job is in ERROR.
    JobError(JobId),
    /// The job looks different.
    JobModification(JobId),
    /// The file has all its bytes.
    FileTransferred(FileId),
}

impl Callback {
    /// The method's name on the wire.
    pub const fn member(self) -> &'static str {
        match self {
            Self::JobTransferred(_) => "JobTransferred",
            Self::JobError(_) => "JobError",
            Self::JobModification(_) => "JobModification",
            Self::FileTransferred(_) => "FileTransferred",
        }
    }

    /// The job that it is about.
    pub const fn job(self) -> JobId {
        match self {
            Self::JobTransferred(job) | Self::JobError(job) | Self::JobModification(job) => job,
            Self::FileTransferred(file) => file.job,
        }
    }

    /// Calls the object at `path` and waits for the answer, as long as the connection lets it. `destination` is the
    /// client's unique name on a bus, `None` on a private connection.
    ///
    /// # Errors
    /// The client answers with an error, or is gone.
    pub async fn call(
        self,
        connection: &Connection,
        destination: Option<&UniqueName<'_>>,
        path: &ObjectPath<'_>,
    ) -> zbus::Result<()> {
        let (interface, member) = (Some(CALLBACK), self.member());
        let job = job_path(self.job());
        match self {
            Self::JobTransferred(_) => {
                connection
                    .call_method(destination, path, interface, member, &job)
                    .await
            }
            Self::JobError(id) => {
                let body = (job, error_path(id));
                connection
                    .call_method(destination, path, interface, member, &body)
                    .await
            }
            Self::JobModification(_) => {
                let body = (job, 0_u32);
                connection
                    .call_method(destination, path, interface, member, &body)
                    .await
            }
            Self::FileTransferred(file) => {
                let body = (job, file_path(file));
                connection
                    .call_method(destination, path, interface, member, &body)
                    .await
            }
        }
        .map(drop)
    }

    /// Reads a call that came to a client, whatever its interface and path.
    ///
    /// # Errors
    /// What to answer to a call that is none of these.
    pub fn read(call: &Message) -> fdo::Result<Self> {
        let header = call.header();
        let member = header
            .member()
            .map_or_else(String::new, ToString::to_string);
        let body = call.body();
        let invalid = |what: &str| {
            let text = format!("{what} is not what {member} is called with");
            fdo::Error::InvalidArgs(text)
        };
        let types = |error: zbus::Error| invalid(&error.to_string());
        let job = |path: &ObjectPath<'_>| {
            job_of_path(path.as_str()).ok_or_else(|| invalid(path.as_str()))
        };
        match member.as_str() {
            "JobTransferred" => {
                let path: ObjectPath<'_> = body.deserialize().map_err(types)?;
                Ok(Self::JobTransferred(job(&path)?))
            }
            "JobError" => {
                let (path, _): (ObjectPath<'_>, ObjectPath<'_>) =
                    body.deserialize().map_err(types)?;
                Ok(Self::JobError(job(&path)?))
            }
            "JobModification" => {
                let (path, _): (ObjectPath<'_>, u32) = body.deserialize().map_err(types)?;
                Ok(Self::JobModification(job(&path)?))
            }
            "FileTransferred" => {
                let (_, path): (ObjectPath<'_>, ObjectPath<'_>) =
                    body.deserialize().map_err(types)?;
                let file = crate::names::file_of_path(path.as_str())
                    .ok_or_else(|| invalid(path.as_str()))?;
                Ok(Self::FileTransferred(file))
            }
            _ => {
                let text = format!("{CALLBACK} has no method {member:?}");
                Err(fdo::Error::UnknownMethod(text))
            }
        }
    }

    /// Whether this answer comes from a client that has only the first version of the interface, which had no call
    /// about a file: it has answered as well as it can.
    pub fn is_unknown_to_first_version(self, error: &zbus::Error) -> bool {
        matches!(self, Self::FileTransferred(_))
            && match error {
                zbus::Error::FDO(error) => matches!(
                    **error,
                    fdo::Error::UnknownMethod(_) | fdo::Error::UnknownInterface(_)
                ),
                zbus::Error::MethodError(name, ..) => {
                    let name = name.strip_prefix("org.freedesktop.DBus.Error.");
                    matches!(name, Some("UnknownMethod" | "UnknownInterface"))
                }
                _ => false,
            }
    }
}
