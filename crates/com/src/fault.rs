//! How a method ends: as a number, whatever happened inside.
//!
//! Owns the one way from Rust to the caller: [`answer`] wraps every body, so that an error becomes its number and a
//! panic `E_UNEXPECTED`. Must never unwind into C.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bgcopy_client::Error;
use bgcopy_model::HResult;
use windows_core::HRESULT;

/// A pointer that must not be null is.
pub const E_POINTER: HResult = HResult(0x8000_4003);
/// The object does not have this interface.
pub const E_NOINTERFACE: HResult = HResult(0x8000_4002);
/// There is no such class here.
pub const CLASS_E_CLASSNOTAVAILABLE: HResult = HResult(0x8004_0111);
/// A class object cannot be part of another (`CLASS_E_NOAGGREGATION`).
pub const CLASS_E_NOAGGREGATION: HResult = HResult(0x8004_0110);
/// Nothing serves (`RPC_S_SERVER_UNAVAILABLE`): it does not run and cannot be started.
pub const SERVER_UNAVAILABLE: HResult = HResult(0x8007_06BA);
/// The service went away in the middle of the call (`RPC_S_CALL_FAILED`): it may have been carried out.
pub const CALL_FAILED: HResult = HResult(0x8007_06BE);
/// A property that was never set is read (`ERROR_NOT_FOUND`, also called `E_NOT_SET`).
pub const E_NOT_SET: HResult = HResult(0x8007_0490);

/// Why a method failed: nothing but the number can be handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub HResult);

impl From<HResult> for Fault {
    fn from(code: HResult) -> Self {
        Self(code)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Service { hresult, .. } => *hresult,
            Error::NotRunning(_) | Error::Start(_) | Error::Connect { .. } => SERVER_UNAVAILABLE,
            Error::ProtocolVersion { .. } | Error::Disconnected => CALL_FAILED,
            Error::PathNotUtf8(_) => HResult::E_INVALIDARG,
            Error::Runtime(_) => HResult::E_OUTOFMEMORY,
            Error::Protocol(_) => HResult::E_UNEXPECTED,
        };
        tracing::debug!(%error, code = %code, "a call failed");
        Self(code)
    }
}

/// What a body of a method comes to.
pub type Outcome<T = ()> = Result<T, Fault>;

/// A success that a body may end with: `S_OK` as `()`, another as its number.
pub trait Success {
    /// The number to hand back.
    fn code(self) -> HResult;
}

impl Success for () {
    fn code(self) -> HResult {
        HResult::S_OK
    }
}

impl Success for HResult {
    fn code(self) -> HResult {
        self
    }
}

/// The number as the caller sees it: its bits, signed.
pub const fn hresult(code: HResult) -> HRESULT {
    HRESULT(code.0.cast_signed())
}

/// Runs the body of a method and says how it ended.
pub fn answer<S: Success>(body: impl FnOnce() -> Outcome<S>) -> HRESULT {
    let code = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(success)) => success.code(),
        Ok(Err(Fault(code))) => code,
        // The panic's own words went to standard error by way of the hook.
        Err(_) => HResult::E_UNEXPECTED,
    };
    hresult(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_number() {
        let code = answer(|| -> Outcome { panic!("deliberate: a body that fails") });
        assert_eq!(code, hresult(HResult::E_UNEXPECTED));
    }

    #[test]
    fn an_error_keeps_its_number() {
        assert_eq!(
            answer(|| -> Outcome { Err(E_POINTER.into()) }),
            hresult(E_POINTER)
        );
        assert_eq!(answer(|| -> Outcome { Ok(()) }), HRESULT(0));
        assert_eq!(answer(|| Ok(HResult::S_FALSE)), HRESULT(1));
    }
}
