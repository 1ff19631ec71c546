//! `VARIANT`s: a value with its type, as properties of downloads and files come and go.
//!
//! Owns which types are read as what, and who frees what is in one. Must never read a member that the type does not name.

use std::{ffi::c_void, ptr};

use bgcopy_model::HResult;
use windows_core::{HRESULT, IUnknown, Interface};

use crate::{
    abi::types::{VARIANT, VARIANT_VALUE},
    fault::{E_POINTER, Outcome, answer},
    memory::{SysFreeString, SysStringLen, bstr},
    place::Place,
    safe_array,
};

/// No value.
pub const VT_EMPTY: u16 = 0;
/// No value, of a database.
pub const VT_NULL: u16 = 1;
/// 16 bits, signed.
pub const VT_I2: u16 = 2;
/// 32 bits, signed.
pub const VT_I4: u16 = 3;
/// A text with its length.
pub const VT_BSTR: u16 = 8;
/// An object.
pub const VT_DISPATCH: u16 = 9;
/// -1 for true, 0 for false, 16 bits.
pub const VT_BOOL: u16 = 11;
/// An object.
pub const VT_UNKNOWN: u16 = 13;
/// 8 bits, signed.
pub const VT_I1: u16 = 16;
/// 8 bits.
pub const VT_UI1: u16 = 17;
/// 16 bits.
pub const VT_UI2: u16 = 18;
/// 32 bits.
pub const VT_UI4: u16 = 19;
/// 64 bits, signed.
pub const VT_I8: u16 = 20;
/// 64 bits.
pub const VT_UI8: u16 = 21;
/// 32 bits, signed.
pub const VT_INT: u16 = 22;
/// 32 bits.
pub const VT_UINT: u16 = 23;
/// A `SAFEARRAY` of the type whose number is added.
pub const VT_ARRAY: u16 = 0x2000;
/// A pointer to a value of the type whose number is added.
pub const VT_BYREF: u16 = 0x4000;

/// The types without memory of their own: `VT_R4`, `VT_R8`, `VT_CY`, `VT_DATE` and `VT_ERROR` among them.
const PLAIN: [u16; 18] = [
    VT_EMPTY, VT_NULL, VT_I2, VT_I4, 4, 5, 6, 7, 10, VT_BOOL, VT_I1, VT_UI1, VT_UI2, VT_UI4, VT_I8,
    VT_UI8, VT_INT, VT_UINT,
];
/// The type is none that can be (`DISP_E_BADVARTYPE`).
const BAD_TYPE: HResult = HResult(0x8002_0008);
/// The most UTF-16 units that are taken from a text: beyond every limit of the contract.
const LONGEST: u32 = 1 << 20;

/// One without a value.
pub const NOTHING: VARIANT = VARIANT {
    vt: VT_EMPTY,
    reserved: [0; 3],
    value: VARIANT_VALUE {
        record: [ptr::null_mut(); 2],
    },
};

/// Makes it one without a value, whatever was in it.
///
/// # Safety
/// `variant` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn VariantInit(variant: *mut VARIANT) {
    if !variant.is_null() {
        // SAFETY: it is not null, and else the caller's promise.
        unsafe { variant.write_unaligned(NOTHING) }
    }
}

/// Gives back what is in it and makes it one without a value.
///
/// # Safety
/// `variant` is null or holds what its type says, which belongs to the caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn VariantClear(variant: *mut VARIANT) -> HRESULT {
    answer(|| {
        // SAFETY: the caller's promise.
        let place = unsafe { Place::new(variant) }?;
        // SAFETY: the caller's promise.
        let held = unsafe { read(variant) }?;
        // SAFETY: each arm takes the member that the type names, which is the caller's to give back.
        unsafe {
            match held.vt {
                VT_BSTR => SysFreeString(held.value.bstr),
                VT_UNKNOWN | VT_DISPATCH if !held.value.unknown.is_null() => {
                    drop(IUnknown::from_raw(held.value.unknown));
                }
                VT_UNKNOWN | VT_DISPATCH => {}
                kind if kind == VT_ARRAY | VT_UI1 => {
                    let done = safe_array::SafeArrayDestroy(held.value.array.cast());
                    if done.is_err() {
                        return Err(HResult(done.0.cast_unsigned()).into());
                    }
                }
                // What is referred to belongs to somebody else.
                kind if kind & VT_BYREF != 0 || PLAIN.contains(&kind) => {}
                _ => return Err(BAD_TYPE.into()),
            }
        }
        place.put(NOTHING);
        Ok(())
    })
}

/// A copy of one that the caller lends, its members not looked at.
///
/// # Safety
/// `variant` is null or valid for a read.
pub unsafe fn read(variant: *const VARIANT) -> Outcome<VARIANT> {
    if variant.is_null() {
        return Err(E_POINTER.into());
    }
    // SAFETY: it is not null, and else the caller's promise.
    Ok(unsafe { variant.read_unaligned() })
}

/// Its text: a `VT_BSTR`, of which null is the empty text. One with a 0 in it, or with half of a pair of surrogates, is
/// refused, as every text is.
///
/// # Safety
/// It holds what its type says.
pub unsafe fn text(variant: &VARIANT) -> Outcome<String> {
    if variant.vt != VT_BSTR {
        return Err(HResult::E_INVALIDARG.into());
    }
    // SAFETY: the type says that it is a text.
    let text = unsafe { variant.value.bstr };
    if text.is_null() {
        return Ok(String::new());
    }
    // SAFETY: the caller's promise.
    let length = unsafe { SysStringLen(text) };
    if length > LONGEST {
        return Err(HResult::E_INVALIDARG.into());
    }
    // SAFETY: a BSTR has as many units as its length says.
    let units = unsafe { std::slice::from_raw_parts(text, length as usize) };
    let text = String::from_utf16(units).map_err(|_| HResult::E_INVALIDARG)?;
    if text.contains('\0') {
        return Err(HResult::E_INVALIDARG.into());
    }
    Ok(text)
}

/// Its number, from any type of whole numbers; one that is negative or too large is refused.
pub fn number<T: TryFrom<i128>>(variant: &VARIANT) -> Outcome<T> {
    let number = integer(variant).and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| HResult::E_INVALIDARG.into())
}

/// Its truth: a `VT_BOOL`, in which everything but 0 is true, or a whole number in the same way.
pub fn flag(variant: &VARIANT) -> Outcome<bool> {
    if variant.vt == VT_BOOL {
        // SAFETY: the type says that it is a truth, and every bit pattern is a number.
        return Ok(unsafe { variant.value.bool_val } != 0);
    }
    let number = integer(variant).ok_or(HResult::E_INVALIDARG)?;
    Ok(number != 0)
}

/// Its bytes: a `SAFEARRAY` of `VT_UI1`.
///
/// # Safety
/// It holds what its type says.
pub unsafe fn bytes(variant: &VARIANT) -> Outcome<Vec<u8>> {
    if variant.vt != VT_ARRAY | VT_UI1 {
        return Err(HResult::E_INVALIDARG.into());
    }
    // SAFETY: the type says that it is an array; that it is one is the caller's promise.
    unsafe { safe_array::bytes(variant.value.array.cast()) }
}

/// Its object: `None` for a null pointer and for no value.
///
/// # Safety
/// It holds what its type says.
pub unsafe fn object(variant: &VARIANT) -> Outcome<Option<IUnknown>> {
    match variant.vt {
        VT_EMPTY | VT_NULL => Ok(None),
        VT_UNKNOWN | VT_DISPATCH => {
            // SAFETY: the type says that it is an object; that it is one is the caller's promise.
            let lent = unsafe { variant.value.unknown };
            // SAFETY: as above; it is lent for the call, and cloning makes it ours.
            Ok(unsafe { IUnknown::from_raw_borrowed(&lent) }.cloned())
        }
        _ => Err(HResult::E_INVALIDARG.into()),
    }
}

/// One with this text, which the caller frees.
pub fn of_text(text: &str) -> Outcome<VARIANT> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let text = bstr(&units);
    if text.is_null() {
        return Err(HResult::E_OUTOFMEMORY.into());
    }
    Ok(with(VT_BSTR, VARIANT_VALUE { bstr: text }))
}

/// One with this number.
pub fn of_number(number: u32) -> VARIANT {
    with(VT_UI4, VARIANT_VALUE { ui4: number })
}

/// One with this number of 64 bits.
pub fn of_size(size: u64) -> VARIANT {
    with(VT_UI8, VARIANT_VALUE { ui8: size })
}

/// One with this truth.
pub fn of_flag(flag: bool) -> VARIANT {
    let bool_val = if flag { -1 } else { 0 };
    with(VT_BOOL, VARIANT_VALUE { bool_val })
}

/// One with these bytes, which the caller frees.
pub fn of_bytes(bytes: &[u8]) -> Outcome<VARIANT> {
    let array = safe_array::vector(bytes, 0)?.cast::<c_void>();
    Ok(with(VT_ARRAY | VT_UI1, VARIANT_VALUE { array }))
}

/// One with this object, which the caller releases.
pub fn of_object(object: impl Interface) -> VARIANT {
    let unknown = object.into_raw();
    with(VT_UNKNOWN, VARIANT_VALUE { unknown })
}

fn with(vt: u16, value: VARIANT_VALUE) -> VARIANT {
    // What the member does not fill is 0, so that no byte of this library's memory is handed out.
    let mut whole = NOTHING;
    whole.vt = vt;
    match vt {
        // SAFETY: each arm reads the member that was just written by the type's maker above.
        VT_UI4 => whole.value.ui4 = unsafe { value.ui4 },
        // SAFETY: as above.
        VT_BOOL => whole.value.bool_val = unsafe { value.bool_val },
        // SAFETY: as above; a pointer and a number of 64 bits fill the same bytes.
        _ => whole.value.ui8 = unsafe { value.ui8 },
    }
    whole
}

fn integer(variant: &VARIANT) -> Option<i128> {
    let value = &variant.value;
    // SAFETY: each arm reads the member that the type names, and every bit pattern is a number.
    let number = unsafe {
        match variant.vt {
            VT_I1 => value.i1.into(),
            VT_UI1 => value.ui1.into(),
            VT_I2 => value.i2.into(),
            VT_UI2 => value.ui2.into(),
            VT_I4 | VT_INT => value.i4.into(),
            VT_UI4 | VT_UINT => value.ui4.into(),
            VT_I8 => value.i8.into(),
            VT_UI8 => value.ui8.into(),
            _ => return None,
        }
    };
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    const REFUSED: Fault = Fault(HResult::E_INVALIDARG);

    fn of_i4(vt: u16, i4: i32) -> VARIANT {
        let mut variant = NOTHING;
        variant.vt = vt;
        variant.value.i4 = i4;
        variant
    }

    #[test]
    fn a_number_is_read_from_every_type_of_whole_numbers_and_never_wrapped() {
        for vt in [VT_I4, VT_INT, VT_UI4, VT_UINT, VT_I8, VT_UI8, VT_I2, VT_UI1] {
            assert_eq!(number::<u32>(&of_i4(vt, 60)), Ok(60), "type {vt}");
        }
        for vt in [VT_I4, VT_INT] {
            assert_eq!(number::<u32>(&of_i4(vt, -1)), Err(REFUSED), "type {vt}");
        }
        for vt in [VT_EMPTY, VT_NULL, VT_BSTR, VT_BOOL, 5, VT_BYREF | VT_UI4] {
            assert_eq!(number::<u32>(&of_i4(vt, 60)), Err(REFUSED), "type {vt}");
        }
        assert_eq!(number::<u32>(&of_size(1 << 32)), Err(REFUSED));
        assert_eq!(number::<u64>(&of_size(u64::MAX)), Ok(u64::MAX));
    }

    #[test]
    fn a_truth_is_true_unless_it_is_0() {
        assert_eq!(flag(&of_flag(true)), Ok(true));
        assert_eq!(flag(&of_flag(false)), Ok(false));
        assert_eq!(flag(&of_i4(VT_BOOL, 1)), Ok(true));
        // Only 16 bits belong to it.
        assert_eq!(flag(&of_i4(VT_BOOL, 0x10000)), Ok(false));
        assert_eq!(flag(&of_i4(VT_I4, 1)), Ok(true));
        assert_eq!(flag(&NOTHING), Err(REFUSED));
    }

    #[test]
    fn texts_and_bytes_come_back_and_are_given_back() {
        for held in ["", "päckchen 🦀"] {
            let mut variant = of_text(held).unwrap();
            // SAFETY: it was just made.
            unsafe {
                assert_eq!(text(&variant), Ok(held.to_owned()));
                assert!(VariantClear(&raw mut variant).is_ok());
            }
            assert_eq!(variant.vt, VT_EMPTY);
        }
        let mut variant = of_bytes(&[0, 255]).unwrap();
        // SAFETY: it was just made.
        unsafe {
            assert_eq!(bytes(&variant), Ok(vec![0, 255]));
            assert_eq!(text(&variant), Err(REFUSED));
            assert!(VariantClear(&raw mut variant).is_ok());
            assert!(VariantClear(&raw mut variant).is_ok());
        }
    }

    #[test]
    fn a_text_without_a_pointer_is_empty_and_one_with_a_0_in_it_refused() {
        let none = with(VT_BSTR, VARIANT_VALUE { ui8: 0 });
        // SAFETY: null is a text.
        assert_eq!(unsafe { text(&none) }, Ok(String::new()));
        let mut hidden = of_text("a\0b").unwrap();
        // SAFETY: it was just made.
        unsafe {
            assert_eq!(text(&hidden), Err(REFUSED));
            assert!(VariantClear(&raw mut hidden).is_ok());
        }
    }

    #[test]
    fn a_type_that_cannot_be_is_not_freed() {
        let mut odd = of_i4(99, 1);
        // SAFETY: nothing of it is looked at.
        let code = unsafe { VariantClear(&raw mut odd) };
        assert_eq!(code.0.cast_unsigned(), BAD_TYPE.0);
        // SAFETY: null is refused.
        let code = unsafe { VariantClear(ptr::null_mut()) };
        assert_eq!(code.0.cast_unsigned(), E_POINTER.0);
    }
}
