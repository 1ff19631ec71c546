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

use bgcopy_client::{Error, ErrorName};
use bgcopy_model::HResult;

use crate::fault::Fault;

/// Why a call of a download failed, in the numbers of this surface: one that the service has forgotten is an object
/// that is not there, which the client library cannot tell from a job.
fn failed(error: Error) -> Fault {
    if error.service_name() == Some(ErrorName::NotFound) {
        return Fault::new(HResult::DO_E_JOB_NOT_FOUND, error.to_string());
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::last_words;

    #[test]
    fn a_download_that_was_forgotten_has_a_number_of_its_own_and_keeps_the_services_words() {
        let gone = Error::Service {
            name: ErrorName::NotFound,
            message: "there is no such object".to_owned(),
            hresult: HResult::BG_E_NOT_FOUND,
        };
        assert_eq!(failed(gone), Fault(HResult::DO_E_JOB_NOT_FOUND));
        let words = last_words(HResult::DO_E_JOB_NOT_FOUND);
        assert_eq!(words.as_deref(), Some("there is no such object"));
    }
}
