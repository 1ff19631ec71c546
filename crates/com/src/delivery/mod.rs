//! The surface of Delivery Optimization: downloads with properties and a status, and what its jobs and files answer
//! beside the interfaces of BITS.
//!
//! Owns the objects that stand for downloads and the client's objects that are told of them. Every download is one of
//! the service's; nothing of its life is kept here.

mod download;
mod downloads;
mod enumerator;
mod file;
mod job;
mod new_file;
mod properties;
mod status;
mod stream;

pub use status::Statuses;
pub use stream::Streams;

use bgcopy_client::Error;
use bgcopy_model::HResult;

use crate::fault::Fault;

/// Why a call of a download failed, in the numbers of this surface: one that the service has forgotten is an object that
/// is not there, which the client library cannot tell from a job.
fn failed(error: Error) -> Fault {
    match Fault::from(error) {
        Fault(HResult::BG_E_NOT_FOUND) => Fault(HResult::DO_E_JOB_NOT_FOUND),
        fault => fault,
    }
}
