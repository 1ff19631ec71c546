//! What can go wrong, in the project's own terms, and what the public contract calls it.
//!
//! Code inside the service speaks of a [`Condition`]; the integers exist only here and at the edges (bus, C library).

use serde::{Deserialize, Serialize};

use crate::{ErrorContext, HResult, LayoutError, Profile};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    // Refused calls.
    /// No such job.
    NotFound,
    /// The caller may not see or change it.
    AccessDenied,
    /// Not in the state that the job is in.
    InvalidState,
    /// The job has no files.
    Empty,
    /// An argument is not valid.
    InvalidArgument,
    /// A text is longer than the contract allows.
    StringTooLong,
    /// The URL's scheme is not http or https.
    SchemeUnsupported,
    /// A range is empty, or beyond the file's end.
    InvalidRange,
    /// Two ranges share a byte.
    OverlappingRanges,
    /// The job is not in an error state.
    NoErrorInformation,
    /// No such file in the job.
    NoSuchFile,
    /// The user has as many jobs as allowed.
    TooManyJobsOfUser,
    /// The machine has as many jobs as allowed.
    TooManyJobs,
    /// The job has as many files as allowed.
    TooManyFiles,
    /// The file has more ranges than allowed.
    TooManyRanges,
    /// A flag or method that the contract names and does not implement.
    NotImplemented,
    /// The caller's limit for all header fields.
    HeadersTooLarge,
    /// Who takes a job over may not write where its files go.
    NewOwnerNoAccess,
    /// The list of proxies is longer than the contract allows.
    ProxyListTooLarge,
    /// The list of hosts without a proxy is longer than the contract allows.
    BypassListTooLarge,
    /// A user name is longer than the contract allows.
    UserNameTooLarge,
    /// A password is longer than the contract allows.
    PasswordTooLarge,
    /// Credentials for somebody whom the contract does not name.
    InvalidAuthTarget,
    /// Credentials in a scheme that is not implemented.
    InvalidAuthScheme,
    // Refused calls of downloads.
    /// Start of a download without a URI.
    NoUri,
    /// Start of a download that nothing says where to write.
    NoSink,
    /// The property has no value.
    PropertyNotSet,
    /// There is no such property.
    UnknownProperty,
    /// The property can only be read.
    ReadOnlyProperty,
    /// The property can only be set.
    WriteOnlyProperty,
    /// Piece hashes must be checked, and nobody says where they are.
    IntegrityCheckUnspecified,
    /// Piece hashes must be checked, and this service cannot.
    IntegrityCheckUnavailable,

    // The way to the origin.
    /// No network at all.
    NetworkDisconnected,
    /// The host's name has no address.
    NameNotResolved,
    /// Nothing accepts connections there, or the way is barred.
    ConnectFailure,
    /// The connection ended before the answer did.
    ConnectionClosed,
    /// No byte came for longer than allowed.
    Timeout,
    /// The certificate is not trusted, not valid, or for another name.
    CertificateRejected,
    /// TLS failed for another reason.
    TlsFailure,
    /// The proxy cannot be used as it is named.
    InvalidProxy,

    // What the origin said.
    /// An answer with this status, which is not a success.
    HttpStatus(u16),
    /// The answer contradicts HTTP, itself, or what was asked for.
    InvalidResponse,
    /// The caller asked for ranges and the origin serves none.
    InsufficientRangeSupport,
    /// The file there kept changing while it was fetched.
    RemoteFileChanged,
    /// A redirect to where the caller's policy does not allow, or too many of them.
    RedirectRefused,
    /// The content does not have the digest that the caller or the origin gave.
    DigestMismatch,
    /// No byte for the job's no-progress timeout.
    NoProgress,
    /// The job was at work for its maximum download time.
    DownloadTimeout,

    // The file here.
    /// The folder is not there.
    FolderMissing,
    /// Another folder is in its place.
    FolderChanged,
    /// The owner may not write there.
    FolderNotWritable,
    /// The file system is mounted read-only.
    ReadOnlyFileSystem,
    /// The destination is a folder.
    DestinationIsFolder,
    /// The name cannot be used on this file system.
    InvalidName,
    /// No space left.
    DiskFull,
    /// The owner's quota is used up.
    QuotaExceeded,
    /// The file would be larger than the file system or the process allows.
    FileTooLarge,
    /// The temporary file is gone, or is not the one that was written.
    LocalFileChanged,
    /// The device reports an error.
    DiskFailure,
    /// The process or the machine has no room for more: descriptors, memory.
    ResourcesExhausted,

    // The service itself.
    /// The store could not be read or written.
    StoreFailure,
    /// A fault of the service.
    Internal,
}

impl Condition {
    /// Whether a path leads to no folder, or to another than it did.
    pub const fn is_about_the_folder(self) -> bool {
        matches!(self, Self::FolderMissing | Self::FolderChanged)
    }

    /// The integer of the public contract.
    #[expect(clippy::too_many_lines, reason = "a table, a row a condition")]
    pub const fn hresult(self, profile: Profile) -> HResult {
        use Condition as C;
        use HResult as H;
        let (bits, delivery) = match self {
            C::NotFound => (H::BG_E_NOT_FOUND, H::DO_E_JOB_NOT_FOUND),
            C::AccessDenied | C::FolderNotWritable => (H::E_ACCESSDENIED, H::E_ACCESSDENIED),
            C::InvalidState => (H::BG_E_INVALID_STATE, H::DO_E_INVALID_STATE),
            C::Empty => (H::BG_E_EMPTY, H::DO_E_JOB_EMPTY),
            C::InvalidArgument | C::SchemeUnsupported => (H::E_INVALIDARG, H::E_INVALIDARG),
            C::StringTooLong | C::HeadersTooLarge => (H::BG_E_STRING_TOO_LONG, H::E_INVALIDARG),
            C::NewOwnerNoAccess => (
                H::BG_E_NEW_OWNER_NO_FILE_ACCESS,
                H::BG_E_NEW_OWNER_NO_FILE_ACCESS,
            ),
            C::InvalidRange => (H::BG_E_INVALID_RANGE, H::DO_E_INVALID_RANGE),
            C::OverlappingRanges => (H::BG_E_OVERLAPPING_RANGES, H::DO_E_OVERLAPPING_RANGES),
            C::NoErrorInformation => (
                H::BG_E_ERROR_INFORMATION_UNAVAILABLE,
                H::DO_E_ERROR_INFORMATION_UNAVAILABLE,
            ),
            C::NoSuchFile => (H::BG_E_FILE_NOT_AVAILABLE, H::DO_E_FILE_NOT_AVAILABLE),
            C::TooManyJobsOfUser => (
                H::BG_E_TOO_MANY_JOBS_PER_USER,
                H::BG_E_TOO_MANY_JOBS_PER_USER,
            ),
            C::TooManyJobs => (
                H::BG_E_TOO_MANY_JOBS_PER_MACHINE,
                H::BG_E_TOO_MANY_JOBS_PER_MACHINE,
            ),
            C::TooManyFiles => (H::BG_E_TOO_MANY_FILES_IN_JOB, H::BG_E_TOO_MANY_FILES_IN_JOB),
            C::TooManyRanges => (
                H::BG_E_TOO_MANY_RANGES_IN_FILE,
                H::BG_E_TOO_MANY_RANGES_IN_FILE,
            ),
            C::NotImplemented => (H::E_NOTIMPL, H::E_NOTIMPL),
            C::ProxyListTooLarge => (H::BG_E_PROXY_LIST_TOO_LARGE, H::BG_E_PROXY_LIST_TOO_LARGE),
            C::BypassListTooLarge => (
                H::BG_E_PROXY_BYPASS_LIST_TOO_LARGE,
                H::BG_E_PROXY_BYPASS_LIST_TOO_LARGE,
            ),
            C::UserNameTooLarge => (H::BG_E_USERNAME_TOO_LARGE, H::BG_E_USERNAME_TOO_LARGE),
            C::PasswordTooLarge => (H::BG_E_PASSWORD_TOO_LARGE, H::BG_E_PASSWORD_TOO_LARGE),
            C::InvalidAuthTarget => (H::BG_E_INVALID_AUTH_TARGET, H::BG_E_INVALID_AUTH_TARGET),
            C::InvalidAuthScheme => (H::BG_E_INVALID_AUTH_SCHEME, H::BG_E_INVALID_AUTH_SCHEME),
            C::NoUri => (H::DO_E_NO_URI, H::DO_E_NO_URI),
            C::NoSink => (
                H::DO_E_DOWNLOADSINK_UNSPECIFIED,
                H::DO_E_DOWNLOADSINK_UNSPECIFIED,
            ),
            C::PropertyNotSet => (H::E_NOT_SET, H::E_NOT_SET),
            C::UnknownProperty => (H::BG_E_UNKNOWN_PROPERTY_ID, H::DO_E_UNKNOWN_PROPERTY_ID),
            C::ReadOnlyProperty => (H::BG_E_READ_ONLY_PROPERTY, H::DO_E_READ_ONLY_PROPERTY),
            C::WriteOnlyProperty => (H::DO_E_WRITE_ONLY_PROPERTY, H::DO_E_WRITE_ONLY_PROPERTY),
            C::IntegrityCheckUnspecified => (
                H::DO_E_INTEGRITYCHECKINFO_UNSPECIFIED,
                H::DO_E_INTEGRITYCHECKINFO_UNSPECIFIED,
            ),
            C::IntegrityCheckUnavailable => (
                H::DO_E_INTEGRITYCHECKINFO_UNAVAILABLE,
                H::DO_E_INTEGRITYCHECKINFO_UNAVAILABLE,
            ),
            C::NetworkDisconnected => (H::BG_E_NETWORK_DISCONNECTED, H::DO_E_BLOCKED_BY_NO_NETWORK),
            C::NameNotResolved => (H::INET_E_NAME_NOT_RESOLVED, H::INET_E_NAME_NOT_RESOLVED),
            C::ConnectFailure => (H::BG_E_CONNECT_FAILURE, H::BG_E_CONNECT_FAILURE),
            C::ConnectionClosed => (H::BG_E_CONNECTION_CLOSED, H::BG_E_CONNECTION_CLOSED),
            C::Timeout => (H::INET_E_TIMEOUT, H::INET_E_TIMEOUT),
            C::CertificateRejected => (H::INET_E_SECURE_FAILURE, H::DO_E_HTTP_CERT_VALIDATION),
            C::TlsFailure => (H::INET_E_SECURE_FAILURE, H::INET_E_SECURE_FAILURE),
            C::InvalidProxy => (H::BG_E_INVALID_PROXY_INFO, H::BG_E_INVALID_PROXY_INFO),
            C::HttpStatus(status) => {
                let code = H::from_http_status(status);
                (code, code)
            }
            C::InvalidResponse => (
                H::BG_E_INVALID_SERVER_RESPONSE,
                H::BG_E_INVALID_SERVER_RESPONSE,
            ),
            C::InsufficientRangeSupport => (
                H::BG_E_INSUFFICIENT_RANGE_SUPPORT,
                H::DO_E_INSUFFICIENT_RANGE_SUPPORT,
            ),
            C::RemoteFileChanged => (H::BG_E_REMOTE_FILE_CHANGED, H::BG_E_REMOTE_FILE_CHANGED),
            C::RedirectRefused => (H::INET_E_REDIRECT_FAILED, H::INET_E_REDIRECT_FAILED),
            C::DigestMismatch => (H::BG_E_VALIDATION_FAILED, H::BG_E_VALIDATION_FAILED),
            C::NoProgress => (H::BG_E_NO_PROGRESS, H::DO_E_DOWNLOAD_NO_PROGRESS),
            C::DownloadTimeout => (H::BG_E_MAXDOWNLOAD_TIMEOUT, H::BG_E_MAXDOWNLOAD_TIMEOUT),
            C::FolderMissing | C::FolderChanged => {
                (H::ERROR_PATH_NOT_FOUND, H::ERROR_PATH_NOT_FOUND)
            }
            C::ReadOnlyFileSystem => (H::ERROR_WRITE_PROTECT, H::ERROR_WRITE_PROTECT),
            C::DestinationIsFolder => (H::ERROR_DIRECTORY, H::ERROR_DIRECTORY),
            C::InvalidName => (H::ERROR_INVALID_NAME, H::ERROR_INVALID_NAME),
            C::DiskFull => (H::ERROR_DISK_FULL, H::ERROR_DISK_FULL),
            C::QuotaExceeded => (H::ERROR_DISK_QUOTA_EXCEEDED, H::ERROR_DISK_QUOTA_EXCEEDED),
            C::FileTooLarge => (H::BG_E_TOO_LARGE, H::BG_E_TOO_LARGE),
            C::LocalFileChanged => (H::BG_E_LOCAL_FILE_CHANGED, H::BG_E_LOCAL_FILE_CHANGED),
            C::DiskFailure => (H::ERROR_IO_DEVICE, H::ERROR_IO_DEVICE),
            C::ResourcesExhausted => (H::E_OUTOFMEMORY, H::E_OUTOFMEMORY),
            C::StoreFailure => (H::BG_E_DATABASE_CORRUPT, H::BG_E_DATABASE_CORRUPT),
            C::Internal => (H::E_UNEXPECTED, H::E_UNEXPECTED),
        };
        match profile {
            Profile::Bits => bits,
            Profile::Do => delivery,
        }
    }

    /// Where it happens, as BITS tells it.
    pub const fn context(self) -> ErrorContext {
        use Condition as C;
        match self {
            C::NetworkDisconnected
            | C::NameNotResolved
            | C::ConnectFailure
            | C::ConnectionClosed
            | C::Timeout
            | C::CertificateRejected
            | C::TlsFailure
            | C::InvalidProxy => ErrorContext::Transport,
            C::HttpStatus(_)
            | C::InvalidResponse
            | C::InsufficientRangeSupport
            | C::InvalidRange
            | C::RemoteFileChanged
            | C::RedirectRefused
            | C::DigestMismatch => ErrorContext::RemoteFile,
            C::FolderMissing
            | C::FolderChanged
            | C::FolderNotWritable
            | C::ReadOnlyFileSystem
            | C::DestinationIsFolder
            | C::InvalidName
            | C::DiskFull
            | C::QuotaExceeded
            | C::FileTooLarge
            | C::LocalFileChanged
            | C::DiskFailure => ErrorContext::LocalFile,
            C::NoProgress
            | C::DownloadTimeout
            | C::StoreFailure
            | C::ResourcesExhausted
            | C::Internal => ErrorContext::QueueManager,
            _ => ErrorContext::None,
        }
    }

    /// Whether waiting can mend it (contract, section HTTP): then the job tries again, else it stops in ERROR.
    pub const fn is_transient(self) -> bool {
        use Condition as C;
        match self {
            C::NetworkDisconnected
            | C::NameNotResolved
            | C::ConnectFailure
            | C::ConnectionClosed
            | C::Timeout
            | C::TlsFailure
            | C::ResourcesExhausted => true,
            C::HttpStatus(status) => match status {
                408 | 409 | 429 => true,
                501 | 505 => false,
                _ => status >= 500,
            },
            _ => false,
        }
    }

    /// A phrase that says what it is, without the particulars.
    pub const fn description(self) -> &'static str {
        use Condition as C;
        match self {
            C::NotFound => "there is no such job",
            C::AccessDenied => "the job belongs to somebody else",
            C::InvalidState => "the job's state does not allow this",
            C::Empty => "the job has no files",
            C::InvalidArgument => "an argument is not valid",
            C::StringTooLong => "a text is too long",
            C::SchemeUnsupported => "only http and https URLs can be fetched",
            C::InvalidRange => "a range is empty or lies beyond the end of the file",
            C::OverlappingRanges => "two ranges overlap",
            C::NoErrorInformation => "the job is not in an error state",
            C::NoSuchFile => "the job has no such file",
            C::TooManyJobsOfUser => "you have as many jobs as the service allows",
            C::TooManyJobs => "the service has as many jobs as it allows",
            C::TooManyFiles => "the job has as many files as the service allows",
            C::TooManyRanges => "the file has more ranges than the service allows",
            C::NotImplemented => "this part of the contract is not implemented",
            C::HeadersTooLarge => "the request header fields are too large",
            C::NewOwnerNoAccess => "the new owner may not write where the job's files go",
            C::ProxyListTooLarge => "the list of proxies is too long",
            C::BypassListTooLarge => "the list of hosts without a proxy is too long",
            C::UserNameTooLarge => "the user name is too long",
            C::PasswordTooLarge => "the password is too long",
            C::InvalidAuthTarget => "credentials are for a server or a proxy",
            C::InvalidAuthScheme => "credentials are for the schemes basic and digest",
            C::NoUri => "the download has no URI",
            C::NoSink => "the download has no place to write to",
            C::PropertyNotSet => "the property has no value",
            C::UnknownProperty => "there is no such property",
            C::ReadOnlyProperty => "the property can only be read",
            C::WriteOnlyProperty => "the property can only be set",
            C::IntegrityCheckUnspecified => "nothing says where the piece hashes are",
            C::IntegrityCheckUnavailable => "the piece hashes cannot be checked",
            C::NetworkDisconnected => "there is no network",
            C::NameNotResolved => "the host's name cannot be resolved",
            C::ConnectFailure => "the host cannot be reached",
            C::ConnectionClosed => "the connection broke",
            C::Timeout => "the host stopped answering",
            C::CertificateRejected => "the host's certificate is not trusted",
            C::TlsFailure => "the secure connection failed",
            C::InvalidProxy => "the proxy cannot be used",
            C::HttpStatus(_) => "the origin refused the request",
            C::InvalidResponse => "the origin's answer is not valid",
            C::InsufficientRangeSupport => "the origin does not serve ranges",
            C::RemoteFileChanged => "the remote file keeps changing",
            C::RedirectRefused => "the origin redirects to where the job may not go",
            C::DigestMismatch => "the content has another checksum than expected",
            C::NoProgress => "no byte arrived for too long",
            C::DownloadTimeout => "the job took longer than it may",
            C::FolderMissing => "the destination folder does not exist",
            C::FolderChanged => "another folder is in the place of the destination folder",
            C::FolderNotWritable => "the destination folder cannot be written",
            C::ReadOnlyFileSystem => "the destination is on a read-only file system",
            C::DestinationIsFolder => "the destination is a folder",
            C::InvalidName => "the file name cannot be used there",
            C::DiskFull => "the disk is full",
            C::QuotaExceeded => "the disk quota is used up",
            C::FileTooLarge => "the file is too large for its destination",
            C::LocalFileChanged => "the temporary file was changed by somebody else",
            C::DiskFailure => "the disk reports an error",
            C::ResourcesExhausted => "the service has no memory or open files left",
            C::StoreFailure => "the service's queue cannot be written",
            C::Internal => "the service has a fault",
        }
    }
}

impl From<LayoutError> for Condition {
    fn from(error: LayoutError) -> Self {
        match error {
            LayoutError::Invalid => Self::InvalidRange,
            LayoutError::Overlapping => Self::OverlappingRanges,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_profiles_have_their_own_codes() {
        assert_eq!(Condition::Empty.hresult(Profile::Do), HResult(0x80D0_2004));
        assert_eq!(
            Condition::Empty.hresult(Profile::Bits),
            HResult(0x8020_0003)
        );
        assert_eq!(
            Condition::HttpStatus(404).hresult(Profile::Do),
            HResult(0x8019_0194)
        );
    }

    #[test]
    fn statuses_are_transient_as_the_contract_says() {
        let transient = |status| Condition::HttpStatus(status).is_transient();
        assert!(
            [408, 409, 429, 500, 502, 503, 504]
                .into_iter()
                .all(transient)
        );
        assert!(
            ![400, 401, 403, 404, 410, 501, 505]
                .into_iter()
                .any(transient)
        );
    }
}
