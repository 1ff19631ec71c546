//! The D-Bus contract of bgcopy: what travels between a client and the service, defined once for both.
//!
//! Owns the names of the bus, objects, interfaces and errors, the introspection data (which is the reference
//! documentation of the interfaces), the typed dictionaries and the client's proxies. It must never decide anything,
//! keep state or open a connection.

mod callback;
mod dictionary;
pub mod download;
mod error;
pub mod introspection;
pub mod names;
pub mod options;
pub mod properties;
pub mod proxies;
mod statistics;

pub use callback::Callback;
pub use dictionary::{Access, Property};
pub use download::{
    Download1Proxy, DownloadChanges, DownloadProperties, DownloadStatus, Downloads1Proxy,
};
pub use error::{CallError, ErrorName, Result};
pub use options::{CredentialArgs, FileArgs, FileOptions, Hidden, JobOptions, Variables};
pub use properties::{
    ErrorChanges, ErrorProperties, FileChanges, FileProperties, Interfaces, JobChanges,
    JobProperties, ManagerChanges, ManagerProperties, PropertiesChanged,
};
pub use proxies::{Error1Proxy, File1Proxy, Job1Proxy, Manager1Proxy};
pub use statistics::FileStatistics;
