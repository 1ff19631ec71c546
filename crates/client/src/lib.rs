//! Async client library of the bgcopy service: make jobs, change them, watch them.
//!
//! ```no_run
//! use bgcopy_client::{FileRequest, JobState, Manager};
//! use futures_util::StreamExt as _;
//!
//! # async fn example() -> Result<(), bgcopy_client::Error> {
//! let manager = Manager::connect().await?;
//! let job = manager
//!     .create_job("an image")
//!     .file(FileRequest::new("https://example.org/disk.img", "/var/tmp/disk.img"))
//!     .auto_complete(true)
//!     .submit()
//!     .await?;
//! let mut states = std::pin::pin!(job.watch().await?);
//! while let Some(info) = states.next().await {
//!     if info?.state == JobState::Acknowledged {
//!         println!("it is there");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A [`Manager`] is one connection; [`Job`]s hold on to it. It is used within a tokio runtime. Dropping a handle
//! changes nothing in the service: a job goes on until it is completed or cancelled.
//!
//! An application that is to be told of its jobs implements [`Callback`] and registers it
//! ([`JobBuilder::notify`], [`Job::set_notify_interface`]). One that watches on a screen uses [`Job::watch`].
//!
//! Owns the connection, the start of a user's daemon and the way back from signals to snapshots. It must never decide
//! what a job does, and it never polls: what it tells of a job after the first look comes from the service's signals.

mod address;
pub mod blocking;
mod builder;
mod callback;
mod callbacks;
mod connection;
mod context;
mod download;
mod download_callbacks;
mod error;
mod http;
mod info;
mod job;
mod manager;
mod outage;
mod router;
mod session;
mod start;
mod watch;
mod wire;

pub use address::Address;
pub use bgcopy_bus::{ErrorName, FileStatistics};
pub use bgcopy_model::{
    Algorithm, AuthScheme, AuthTarget, ByteRange, Checksum, DownloadProperty, DownloadState,
    DownloadValue, ErrorContext, HResult, JobId, JobState, NotifyFlags, ParseChecksumError,
    PeerCaching, Priority, Profile, Redirects, SecurityFlags, Timestamp, TransferPolicy,
};
pub use builder::{FileRequest, JobBuilder};
pub use callback::{Callback, CallbackError};
pub use connection::Connect;
pub use download::{Download, DownloadCallback, DownloadStatus};
pub use error::Error;
pub use http::Proxies;
pub use info::{ErrorInfo, FileInfo, JobInfo, JobTrouble, Listener, ServiceInfo};
pub use job::{Ended, Job};
pub use manager::Manager;
pub use start::{StartError, Surroundings};
pub use watch::JobEvent;

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;
