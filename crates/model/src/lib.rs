//! Pure types of the bgcopy job contract: what every other crate means by a job, a file, a range or an error.
//!
//! Owns names, units, limits and the mapping from what happened ([`Condition`]) to the integers of the public
//! contract ([`HResult`]). It must never do I/O, read a clock or draw a random number.

mod callback;
mod checksum;
mod condition;
mod credentials;
mod download;
mod error;
mod hresult;
mod http;
mod id;
mod job;
mod layout;
mod mirror;
mod owner;
mod policy;
mod progress;
mod range;
mod record;
mod spec;
mod spent;
mod time;
mod validator;

pub use callback::{Due, NotifyFlags};
pub use checksum::{Algorithm, Checksum, ParseChecksumError};
pub use condition::Condition;
pub use credentials::{AuthScheme, AuthTarget, Credential, Credentials, Login};
pub use download::{
    DownloadAccess, DownloadKind, DownloadProperty, DownloadRecord, DownloadState, DownloadValue,
    parse_headers,
};
pub use error::{ErrorContext, JobError};
pub use hresult::HResult;
pub use http::{HttpOptionError, HttpOptions, ProxySettings, ProxyUsage, Redirects, SecurityFlags};
pub use id::{FileId, FileIndex, JobId};
pub use job::{JobState, Priority, Profile};
pub use layout::{Layout, LayoutError};
pub use mirror::{Mirror, MirrorPriorityError};
pub use owner::Owner;
pub use policy::{PeerCaching, TransferPolicy};
pub use progress::{FileProgress, JobProgress, UNKNOWN_SIZE};
pub use range::{ByteRange, Extent, PIECE, RangeSet};
pub use record::{FilePhase, FileRecord, Inode, JobPhase, JobRecord, Mutation, Naming, Sink};
pub use spec::{ClientContext, FileSpec, Header, HeaderError, JobSpec, Limits, ProxyEnvironment};
pub use spent::Spent;
pub use time::{ClockAnchor, Moment, Now, Timestamp};
pub use validator::Validator;
