//! The integers of the public contract.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An HRESULT: bit 31 set means failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HResult(pub u32);

macro_rules! hresults {
    ($($(#[$doc:meta])* $name:ident = $code:literal),* $(,)?) => {
        impl HResult {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The symbolic name, `None` for a code without one (HTTP statuses among them).
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

hresults! {
    /// Success.
    S_OK = 0x0000_0000,
    /// Success with a reservation.
    S_FALSE = 0x0000_0001,
    /// Complete left unfinished files out.
    BG_S_PARTIAL_COMPLETE = 0x0020_0017,
    /// A temporary file could not be deleted.
    BG_S_UNABLE_TO_DELETE_FILES = 0x0020_001A,
    /// Not implemented.
    E_NOTIMPL = 0x8000_4001,
    /// The operation was given up.
    E_ABORT = 0x8000_4004,
    /// Failure without a better code.
    E_FAIL = 0x8000_4005,
    /// A fault of the service itself.
    E_UNEXPECTED = 0x8000_FFFF,
    /// The caller may not.
    E_ACCESSDENIED = 0x8007_0005,
    /// No memory.
    E_OUTOFMEMORY = 0x8007_000E,
    /// The file system is mounted read-only (`ERROR_WRITE_PROTECT`).
    ERROR_WRITE_PROTECT = 0x8007_0013,
    /// Reading from the device failed (`ERROR_IO_DEVICE`).
    ERROR_IO_DEVICE = 0x8007_045D,
    /// The folder is not there (`ERROR_PATH_NOT_FOUND`).
    ERROR_PATH_NOT_FOUND = 0x8007_0003,
    /// An argument is not valid.
    E_INVALIDARG = 0x8007_0057,
    /// The disk is full (`ERROR_DISK_FULL`).
    ERROR_DISK_FULL = 0x8007_0070,
    /// A name has a form that cannot be used (`ERROR_INVALID_NAME`).
    ERROR_INVALID_NAME = 0x8007_007B,
    /// The destination is a folder (`ERROR_DIRECTORY`).
    ERROR_DIRECTORY = 0x8007_010B,
    /// The owner's quota is used up (`ERROR_DISK_QUOTA_EXCEEDED`).
    ERROR_DISK_QUOTA_EXCEEDED = 0x8007_050F,
    /// The host's name has no address (`WININET_E_NAME_NOT_RESOLVED`).
    INET_E_NAME_NOT_RESOLVED = 0x8007_2EE7,
    /// The peer did not answer in time (`ERROR_INTERNET_TIMEOUT`).
    INET_E_TIMEOUT = 0x8007_2EE2,
    /// The server's certificate cannot be trusted (`ERROR_WINHTTP_SECURE_FAILURE`).
    INET_E_SECURE_FAILURE = 0x8007_2F8F,
    /// A redirect that policy does not allow (`ERROR_HTTP_REDIRECT_FAILED`).
    INET_E_REDIRECT_FAILED = 0x8007_2F7C,
    /// A property has no value.
    E_NOT_SET = 0x8007_0490,

    /// No such job.
    DO_E_JOB_NOT_FOUND = 0x80D0_2003,
    /// No byte for too long.
    DO_E_DOWNLOAD_NO_PROGRESS = 0x80D0_2002,
    /// The job has no files.
    DO_E_JOB_EMPTY = 0x80D0_2004,
    /// No such file in the job.
    DO_E_FILE_NOT_AVAILABLE = 0x80D0_2010,
    /// No such property.
    DO_E_UNKNOWN_PROPERTY_ID = 0x80D0_2011,
    /// The property can only be read.
    DO_E_READ_ONLY_PROPERTY = 0x80D0_2012,
    /// The property can only be set.
    DO_E_WRITE_ONLY_PROPERTY = 0x80D0_2015,
    /// Nothing says where the piece hashes are.
    DO_E_INTEGRITYCHECKINFO_UNSPECIFIED = 0x80D0_2016,
    /// The piece hashes cannot be had or checked.
    DO_E_INTEGRITYCHECKINFO_UNAVAILABLE = 0x80D0_2017,
    /// The download has no place to write to.
    DO_E_DOWNLOADSINK_UNSPECIFIED = 0x80D0_2018,
    /// The download has no URI.
    DO_E_NO_URI = 0x80D0_2200,
    /// Not in this state.
    DO_E_INVALID_STATE = 0x80D0_2013,
    /// The job is not in an error state.
    DO_E_ERROR_INFORMATION_UNAVAILABLE = 0x80D0_2014,
    /// No network.
    DO_E_BLOCKED_BY_NO_NETWORK = 0x80D0_3805,
    /// A range is empty or beyond the end.
    DO_E_INVALID_RANGE = 0x80D0_5010,
    /// The origin does not serve ranges.
    DO_E_INSUFFICIENT_RANGE_SUPPORT = 0x80D0_5011,
    /// Two ranges overlap.
    DO_E_OVERLAPPING_RANGES = 0x80D0_5012,
    /// The server's certificate cannot be trusted.
    DO_E_HTTP_CERT_VALIDATION = 0x80D0_5002,

    /// No such job.
    BG_E_NOT_FOUND = 0x8020_0001,
    /// Not in this state.
    BG_E_INVALID_STATE = 0x8020_0002,
    /// The job has no files.
    BG_E_EMPTY = 0x8020_0003,
    /// No such file in the job.
    BG_E_FILE_NOT_AVAILABLE = 0x8020_0004,
    /// The scheme is not supported.
    BG_E_PROTOCOL_NOT_AVAILABLE = 0x8020_0005,
    /// The job is not in an error state.
    BG_E_ERROR_INFORMATION_UNAVAILABLE = 0x8020_000F,
    /// No network.
    BG_E_NETWORK_DISCONNECTED = 0x8020_0010,
    /// Who takes a job over may not write where its files go.
    BG_E_NEW_OWNER_NO_FILE_ACCESS = 0x8020_0016,
    /// The origin does not serve ranges.
    BG_E_INSUFFICIENT_RANGE_SUPPORT = 0x8020_0013,
    /// The list of proxies is too long.
    BG_E_PROXY_LIST_TOO_LARGE = 0x8020_0018,
    /// The list of hosts without a proxy is too long.
    BG_E_PROXY_BYPASS_LIST_TOO_LARGE = 0x8020_0019,
    /// The answer contradicts itself or the protocol.
    BG_E_INVALID_SERVER_RESPONSE = 0x8020_001B,
    /// The temporary file is not the one that was written.
    BG_E_LOCAL_FILE_CHANGED = 0x8020_001D,
    /// Too large.
    BG_E_TOO_LARGE = 0x8020_0020,
    /// A text is too long.
    BG_E_STRING_TOO_LONG = 0x8020_0021,
    /// No byte for too long.
    BG_E_NO_PROGRESS = 0x8020_0024,
    /// The user name is too long.
    BG_E_USERNAME_TOO_LARGE = 0x8020_0025,
    /// The password is too long.
    BG_E_PASSWORD_TOO_LARGE = 0x8020_0026,
    /// Credentials are for a server or a proxy.
    BG_E_INVALID_AUTH_TARGET = 0x8020_0027,
    /// The scheme of credentials is not supported.
    BG_E_INVALID_AUTH_SCHEME = 0x8020_0028,
    /// A range is empty or beyond the end.
    BG_E_INVALID_RANGE = 0x8020_002B,
    /// Two ranges overlap.
    BG_E_OVERLAPPING_RANGES = 0x8020_002C,
    /// No connection to the host.
    BG_E_CONNECT_FAILURE = 0x8020_002D,
    /// The connection broke.
    BG_E_CONNECTION_CLOSED = 0x8020_002E,
    /// The proxy's name or address is not usable.
    BG_E_INVALID_PROXY_INFO = 0x8020_003F,
    /// Too many jobs of this user.
    BG_E_TOO_MANY_JOBS_PER_USER = 0x8020_0049,
    /// Too many jobs on this machine.
    BG_E_TOO_MANY_JOBS_PER_MACHINE = 0x8020_0050,
    /// Too many files in this job.
    BG_E_TOO_MANY_FILES_IN_JOB = 0x8020_0051,
    /// Too many ranges in this file.
    BG_E_TOO_MANY_RANGES_IN_FILE = 0x8020_0052,
    /// The content has another digest than the caller gave.
    BG_E_VALIDATION_FAILED = 0x8020_0053,
    /// The job took longer than its maximum download time.
    BG_E_MAXDOWNLOAD_TIMEOUT = 0x8020_0054,
    /// No such property.
    BG_E_UNKNOWN_PROPERTY_ID = 0x8020_0057,
    /// The property can only be read.
    BG_E_READ_ONLY_PROPERTY = 0x8020_0058,
    /// The store is damaged.
    BG_E_DATABASE_CORRUPT = 0x8020_006C,
    /// The file there changed while it was fetched.
    BG_E_REMOTE_FILE_CHANGED = 0x8020_0073,
}

impl HResult {
    /// The code of an HTTP status: `0x80190000 | status`.
    pub const fn from_http_status(status: u16) -> Self {
        Self(0x8019_0000 | status as u32)
    }

    /// The HTTP status in it, if it is one.
    pub const fn http_status(self) -> Option<u16> {
        let status = (self.0 & 0xffff) as u16;
        if self.0 >> 16 == 0x8019 {
            Some(status)
        } else {
            None
        }
    }

    /// A name for people: the symbol, `HTTP 404`, or the number.
    pub fn label(self) -> String {
        match (self.name(), self.http_status()) {
            (Some(name), _) => name.to_owned(),
            (None, Some(status)) => format!("HTTP {status}"),
            (None, None) => self.to_string(),
        }
    }

    /// Whether it is a failure.
    pub const fn is_failure(self) -> bool {
        self.0 >> 31 == 1
    }
}

impl fmt::Display for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08X}", self.0)
    }
}

impl fmt::Debug for HResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{self} ({name})"),
            None => fmt::Display::fmt(self, f),
        }
    }
}
