//! How a method ends: as a number, whatever happened inside.
//!
//! Owns the one way from Rust to the caller: [`answer`] wraps every body, so that an error becomes its number and a
//! panic `E_UNEXPECTED`. The words of an error would be lost on that way, so a thread keeps those of its last call for
//! `GetErrorDescription`. Must never unwind into C.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bgcopy_client::Error;
use bgcopy_model::{Condition, HResult, Profile};
use windows_core::HRESULT;

/// A pointer that must not be null is.
pub const E_POINTER: HResult = HResult(0x8000_4003);
/// The object does not have this interface.
pub const E_NOINTERFACE: HResult = HResult(0x8000_4002);
/// There is no such class here (`REGDB_E_CLASSNOTREG`).
pub const REGDB_E_CLASSNOTREG: HResult = HResult(0x8004_0154);
/// A class object cannot be part of another (`CLASS_E_NOAGGREGATION`).
pub const CLASS_E_NOAGGREGATION: HResult = HResult(0x8004_0110);
/// Nothing serves (`RPC_S_SERVER_UNAVAILABLE`): it does not run and cannot be started.
pub const SERVER_UNAVAILABLE: HResult = HResult(0x8007_06BA);
/// The service went away in the middle of the call (`RPC_S_CALL_FAILED`): it may have been carried out.
pub const CALL_FAILED: HResult = HResult(0x8007_06BE);
/// The object belongs to the process that this one was forked from (`RPC_E_DISCONNECTED`).
pub const RPC_E_DISCONNECTED: HResult = HResult(0x8001_0108);
/// A text is no class identifier (`CO_E_CLASSSTRING`).
pub const CO_E_CLASSSTRING: HResult = HResult(0x8004_01F3);

/// Why a method failed: nothing but the number can be handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub HResult);

thread_local! {
    /// What the last call on this thread failed with, and in which words.
    static LAST: RefCell<Option<(HResult, String)>> = const { RefCell::new(None) };
}

/// Replaces them. A thread that is ending, as in a destructor of the program's that calls `CoUninitialize`, has no place
/// for them any more.
fn note(last: Option<(HResult, String)>) {
    let _ = LAST.try_with(|it| it.replace(last));
}

impl Fault {
    /// A failure with words of its own.
    pub fn new(code: HResult, words: impl Into<String>) -> Self {
        note(Some((code, words.into())));
        Self(code)
    }

    /// What the contract calls this, in the integers of the profile.
    pub fn of(condition: Condition, profile: Profile) -> Self {
        Self::new(condition.hresult(profile), condition.description())
    }
}

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
        Self::new(code, error.to_string())
    }
}

/// What the call before this one on this thread failed with, in words, if it was with this number.
pub fn last_words(code: HResult) -> Option<String> {
    let words = LAST.try_with(|last| {
        let last = last.borrow();
        let (_, words) = last.as_ref().filter(|(of, _)| *of == code)?;
        Some(words.clone())
    });
    words.ok().flatten()
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
    note(None);
    explain(body)
}

/// The same for a method that tells of the call before it.
pub fn explain<S: Success>(body: impl FnOnce() -> Outcome<S>) -> HRESULT {
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
    use std::process::Command;

    use windows_core::{Interface, implement};

    use super::*;
    use crate::abi::interfaces::{
        IEnumBackgroundCopyJobs, IEnumBackgroundCopyJobs_Impl, IEnumBackgroundCopyJobs_Vtbl, Out,
    };

    /// An object whose methods all fail.
    #[implement(IEnumBackgroundCopyJobs)]
    struct Faulty;

    impl IEnumBackgroundCopyJobs_Impl for Faulty_Impl {
        unsafe fn Next(&self, _count: u32, _jobs: Out, _fetched: *mut u32) -> HRESULT {
            answer(|| -> Outcome { panic!("deliberate: Next") })
        }
        unsafe fn Skip(&self, count: u32) -> HRESULT {
            answer(|| -> Outcome { panic!("deliberate: Skip of {count}") })
        }
        unsafe fn Reset(&self) -> HRESULT {
            answer(|| -> Outcome { std::panic::panic_any(7) })
        }
        unsafe fn Clone(&self, _copy: Out) -> HRESULT {
            answer(|| Ok(()))
        }
        unsafe fn GetCount(&self, _count: *mut u32) -> HRESULT {
            answer(|| Ok(()))
        }
    }

    #[test]
    fn a_panic_behind_a_vtable_becomes_a_number() {
        let object = IEnumBackgroundCopyJobs::from(Faulty);
        let (this, vtable): (_, &IEnumBackgroundCopyJobs_Vtbl) = (object.as_raw(), object.vtable());
        let unexpected = hresult(HResult::E_UNEXPECTED);
        // SAFETY: the object's own vtable; its methods look at no pointer.
        unsafe {
            let null = std::ptr::null_mut();
            assert_eq!((vtable.Next)(this, 1, null, null.cast()), unexpected);
            assert_eq!((vtable.Skip)(this, 3), unexpected);
            assert_eq!((vtable.Reset)(this), unexpected);
            assert_eq!((vtable.Clone)(this, null), HRESULT(0), "it goes on");
        }
    }

    #[test]
    fn a_panic_leaves_a_line_on_standard_error() {
        let this = std::env::current_exe().unwrap();
        let mut again = Command::new(this);
        again.args(["a_panic_behind_a_vtable_becomes_a_number", "--nocapture"]);
        let output = again.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("deliberate: Skip of 3"), "{said}");
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

    #[test]
    fn the_words_of_an_error_last_until_the_next_call() {
        let failing = || -> Outcome { Err(Fault::new(E_POINTER, "there is no cheese")) };
        let _ = answer(failing);
        assert_eq!(last_words(E_POINTER).as_deref(), Some("there is no cheese"));
        assert_eq!(last_words(E_NOINTERFACE), None, "another number");
        let _ = answer(|| Ok(()));
        assert_eq!(last_words(E_POINTER), None);
    }
}
