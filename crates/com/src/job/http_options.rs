//! `IBackgroundCopyJobHttpOptions`: fields of requests, and what becomes of redirects.

use bgcopy_client::SecurityFlags;
use bgcopy_model::HResult;
use windows_core::HRESULT;

use super::{Job, Job_Impl};
use crate::{
    abi::{
        interfaces::IBackgroundCopyJobHttpOptions_Impl,
        types::{OutText, PCWSTR},
    },
    fault::{Fault, Outcome, answer},
    place::Place,
    text,
};

/// The fields of a text with one on each line.
fn fields(text: &str) -> Outcome<Vec<(String, String)>> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(|| {
                // The line itself may be a secret.
                Fault::new(HResult::E_INVALIDARG, "a header field has no colon")
            })?;
            Ok((name.to_owned(), value.trim().to_owned()))
        })
        .collect()
}

impl Job {
    fn set_flags(&self, bits: u32) -> Outcome {
        let flags = SecurityFlags::from_bits(bits).map_err(|error| {
            Fault::new(error.condition.hresult(self.profile()), error.to_string())
        })?;
        Ok(self.client()?.set_security_flags(flags)?)
    }
}

impl IBackgroundCopyJobHttpOptions_Impl for Job_Impl {
    unsafe fn SetClientCertificateByID(
        &self,
        _store: i32,
        _name: PCWSTR,
        _hash: *const u8,
    ) -> HRESULT {
        answer(|| Err::<(), _>(HResult::E_NOTIMPL.into()))
    }

    unsafe fn SetClientCertificateByName(
        &self,
        _store: i32,
        _name: PCWSTR,
        _subject: PCWSTR,
    ) -> HRESULT {
        answer(|| Err::<(), _>(HResult::E_NOTIMPL.into()))
    }

    unsafe fn RemoveClientCertificate(&self) -> HRESULT {
        answer(|| Err::<(), _>(HResult::E_NOTIMPL.into()))
    }

    unsafe fn GetClientCertificate(
        &self,
        store: *mut i32,
        name: OutText,
        hash: *mut *mut u8,
        subject: OutText,
    ) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise, as below.
            unsafe { Place::new(store) }?;
            // SAFETY: see above.
            unsafe { Place::empty(name) }?;
            // SAFETY: see above.
            unsafe { Place::empty(hash) }?;
            // SAFETY: see above.
            unsafe { Place::empty(subject) }?;
            Err::<(), _>(HResult::E_NOTIMPL.into())
        })
    }

    unsafe fn SetCustomHeaders(&self, headers: PCWSTR) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let headers = unsafe { text::optional(headers) }?;
            let headers = fields(&headers.unwrap_or_default())?;
            Ok(self.client()?.set_headers(headers)?)
        })
    }

    unsafe fn GetCustomHeaders(&self, headers: OutText) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            unsafe { Place::empty(headers) }?;
            Err::<(), _>(Fault::new(
                HResult::E_ACCESSDENIED,
                "header fields can be secrets: they can be set, and nobody can read them",
            ))
        })
    }

    unsafe fn SetSecurityFlags(&self, flags: u32) -> HRESULT {
        answer(|| self.set_flags(flags))
    }

    unsafe fn GetSecurityFlags(&self, flags: *mut u32) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.tell(flags, |info| info.security_flags.bits()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_line_by_line() {
        let read = fields("A: 1\r\nB:two words \r\n\r\n").unwrap();
        let expected = [("A", "1"), ("B", "two words")];
        assert_eq!(read, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(fields("no colon").is_err());
    }
}
