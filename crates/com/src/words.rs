//! What an error number means, in words.
//!
//! Owns the sentences for the numbers that the service never hears of: those of this library. For all others it asks the
//! service. Everything is in English, whatever language a program asks for. Must never fail for want of a service.

use bgcopy_model::HResult;

use crate::{
    codes,
    fault::{self, Outcome},
    service::Process,
};

/// A sentence for this number.
///
/// # Errors
/// What the service refuses a number with that is not one of its own.
pub fn describe(code: HResult) -> Outcome<String> {
    if let Some(words) = fault::last_words(code) {
        return Ok(words);
    }
    if let Some(words) = own(code).or_else(|| codes::meaning(code)) {
        return Ok(words.to_owned());
    }
    let Ok(connection) = Process::current().connection() else {
        // Its symbol is better than nothing.
        return Ok(code.label());
    };
    match connection.error_description(code) {
        Err(error) if error.service_name().is_none() => Ok(code.label()),
        described => Ok(described?),
    }
}

/// The sentence for a number of this library's own.
fn own(code: HResult) -> Option<&'static str> {
    Some(match code {
        fault::E_POINTER => "a pointer that must not be null is",
        fault::E_NOINTERFACE => "the object does not have this interface",
        fault::REGDB_E_CLASSNOTREG => "there is no such class in this library",
        fault::CLASS_E_NOAGGREGATION => "objects of this class cannot be part of another",
        fault::SERVER_UNAVAILABLE => "the copy service does not run and could not be started",
        fault::CALL_FAILED => {
            "the connection to the copy service broke; whether the call was carried out is unknown"
        }
        fault::RPC_E_DISCONNECTED => {
            "the object was made before this process was forked: make a new one with CoCreateInstance"
        }
        fault::CO_E_CLASSSTRING => "the text is no class identifier",
        HResult::E_ABORT => "the operation was given up",
        HResult::E_FAIL => "the operation failed",
        _ => return None,
    })
}
