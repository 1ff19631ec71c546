//! What a program links against: the C functions of COM, as far as such a program needs them.
//!
//! Owns the list of classes. Objects may be used from every thread and live where they are made, so that apartments,
//! security and proxies come to nothing here. Must never have a function without a caller in the contract.

use std::{
    cell::Cell,
    ffi::{c_int, c_void},
};

use bgcopy_client::Profile;
use bgcopy_model::HResult;
use windows_core::{GUID, HRESULT, IUnknown, Interface};

use crate::{
    abi::{ids, interfaces::Out, types::PCWSTR},
    fault::{
        CLASS_E_NOAGGREGATION, CO_E_CLASSSTRING, E_POINTER, Fault, Outcome, REGDB_E_CLASSNOTREG,
        answer, hresult,
    },
    manager::{DeliveryManager, Manager},
    place::Place,
    service::Process,
    text,
};

/// The classes of the BITS profile.
const BITS: [GUID; 10] = [
    ids::CLSID_BackgroundCopyManager,
    ids::CLSID_BackgroundCopyManager1_5,
    ids::CLSID_BackgroundCopyManager2_0,
    ids::CLSID_BackgroundCopyManager2_5,
    ids::CLSID_BackgroundCopyManager3_0,
    ids::CLSID_BackgroundCopyManager4_0,
    ids::CLSID_BackgroundCopyManager5_0,
    ids::CLSID_BackgroundCopyManager10_1,
    ids::CLSID_BackgroundCopyManager10_2,
    ids::CLSID_BackgroundCopyManager10_3,
];

/// Whose jobs the objects of a class make and see; `None`: there is no such class.
fn profile_of(class: &GUID) -> Option<Profile> {
    if *class == ids::CLSID_DeliveryOptimization {
        Some(Profile::Do)
    } else {
        BITS.contains(class).then_some(Profile::Bits)
    }
}

/// Makes an object of a class. The service is not asked before its first use.
///
/// # Safety
/// Every pointer is null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn CoCreateInstance(
    class: *const GUID,
    outer: *mut c_void,
    _context: u32,
    iid: *const GUID,
    object: Out,
) -> HRESULT {
    answer(|| {
        // SAFETY: the caller's promise.
        let place = unsafe { Place::empty(object) }?;
        // SAFETY: the caller's promise.
        let class = unsafe { class.as_ref() }.ok_or(Fault(E_POINTER))?;
        if iid.is_null() {
            return Err(E_POINTER.into());
        }
        if !outer.is_null() {
            return Err(CLASS_E_NOAGGREGATION.into());
        }
        let made: IUnknown = match profile_of(class) {
            Some(Profile::Bits) => Manager::new().into(),
            Some(Profile::Do) => DeliveryManager::new().into(),
            None => return Err(REGDB_E_CLASSNOTREG.into()),
        };
        let mut found = std::ptr::null_mut();
        // SAFETY: `iid` is not null, and else the caller's promise.
        let answer = unsafe { made.query(iid, &raw mut found) };
        place.put(found);
        Ok(HResult(answer.0.cast_unsigned()))
    })
}

thread_local! {
    /// How often this thread has initialised COM.
    static INITIALIZED: Cell<u32> = const { Cell::new(0) };
}

/// Every thread may call every object: the flags choose nothing. `S_FALSE` when this thread did it before.
#[unsafe(no_mangle)]
pub extern "C" fn CoInitializeEx(_reserved: *mut c_void, _flags: u32) -> HRESULT {
    answer(|| {
        Process::current().enter();
        let before = INITIALIZED.replace(INITIALIZED.get() + 1);
        Ok(if before == 0 {
            HResult::S_OK
        } else {
            HResult::S_FALSE
        })
    })
}

/// See [`CoInitializeEx`].
#[unsafe(no_mangle)]
pub extern "C" fn CoInitialize(reserved: *mut c_void) -> HRESULT {
    CoInitializeEx(reserved, 0)
}

/// Takes one [`CoInitializeEx`] of this thread back. The process' last one releases the callback objects that it
/// registered: nobody is called any more.
#[unsafe(no_mangle)]
pub extern "C" fn CoUninitialize() {
    let _ = answer(|| {
        let count = INITIALIZED.get();
        if count > 0 {
            INITIALIZED.set(count - 1);
            Process::current().leave();
        }
        Ok(())
    });
}

/// The service knows its callers from the kernel: there is nothing to choose, and everything is well.
#[unsafe(no_mangle)]
pub extern "C" fn CoInitializeSecurity(
    _descriptor: *mut c_void,
    _services: i32,
    _list: *mut c_void,
    _reserved: *mut c_void,
    _authentication: u32,
    _impersonation: u32,
    _authentications: *mut c_void,
    _capabilities: u32,
    _reserved_too: *mut c_void,
) -> HRESULT {
    hresult(HResult::S_OK)
}

/// Likewise.
#[unsafe(no_mangle)]
pub extern "C" fn CoSetProxyBlanket(
    proxy: *mut c_void,
    _authentication: u32,
    _authorization: u32,
    _principal: PCWSTR,
    _level: u32,
    _impersonation: u32,
    _identity: *mut c_void,
    _capabilities: u32,
) -> HRESULT {
    if proxy.is_null() {
        return hresult(HResult::E_INVALIDARG);
    }
    hresult(HResult::S_OK)
}

/// The characters of an identifier as a text, with braces and the 0 at its end.
const GUID_UNITS: u8 = 39;

/// Writes `{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}`: the number of characters with the 0 at the end, 0 when there is no
/// room for them.
///
/// # Safety
/// `guid` is null or valid; `text` is null or has room for `room` characters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn StringFromGUID2(guid: *const GUID, text: *mut u16, room: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let Some(guid) = (unsafe { guid.as_ref() }) else {
        return 0;
    };
    if text.is_null() || room < c_int::from(GUID_UNITS) {
        return 0;
    }
    let written = format!("{{{guid:?}}}");
    let units = written.encode_utf16().chain([0]);
    for (at, unit) in units.take(GUID_UNITS.into()).enumerate() {
        // SAFETY: `at` is below `room`.
        unsafe { text.add(at).write_unaligned(unit) };
    }
    GUID_UNITS.into()
}

/// Reads an identifier with its braces; null is the identifier of zeros.
///
/// # Safety
/// As for [`text::optional`].
unsafe fn read_guid(text: PCWSTR, wrong: HResult) -> Outcome<GUID> {
    // SAFETY: the caller's promise.
    let Some(text) = unsafe { text::optional(text) }? else {
        return Ok(GUID::zeroed());
    };
    let inner = text.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
    let id = inner
        .filter(|it| it.len() == 36)
        .and_then(|it| it.parse().ok());
    id.map(guid_of).ok_or(Fault(wrong))
}

/// A job's identity as COM writes it.
pub fn guid_of(id: bgcopy_client::JobId) -> GUID {
    GUID::from_u128(id.as_u128())
}

/// Reads a class identifier.
///
/// # Safety
/// `text` is null or ends with 0; `id` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn CLSIDFromString(text: PCWSTR, id: *mut GUID) -> HRESULT {
    answer(|| {
        // SAFETY: the caller's promise.
        let place = unsafe { Place::new(id) }?;
        // SAFETY: the caller's promise.
        place.put(unsafe { read_guid(text, CO_E_CLASSSTRING) }?);
        Ok(())
    })
}

/// Reads an interface identifier.
///
/// # Safety
/// As for [`CLSIDFromString`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IIDFromString(text: PCWSTR, id: *mut GUID) -> HRESULT {
    answer(|| {
        // SAFETY: the caller's promise.
        let place = unsafe { Place::new(id) }?;
        // SAFETY: the caller's promise.
        place.put(unsafe { read_guid(text, HResult::E_INVALIDARG) }?);
        Ok(())
    })
}
