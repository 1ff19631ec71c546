//! Properties of downloads as `VARIANT`s.
//!
//! Owns which type of `VARIANT` each kind of property has; which properties there are, and of which kind, is the model's
//! table. Must never judge a value: what it means is the service's to say.

use bgcopy_model::{DownloadKind, DownloadProperty, DownloadValue, HResult, JobId};

use crate::{
    abi::types::VARIANT,
    fault::Outcome,
    variant::{self, of_bytes, of_flag, of_number, of_size, of_text},
};

/// The property of a number.
pub fn property(number: i32) -> Outcome<DownloadProperty> {
    u32::try_from(number)
        .ok()
        .and_then(|number| {
            let mut all = DownloadProperty::ALL.iter();
            all.find(|property| property.code() == number).copied()
        })
        .ok_or_else(|| HResult::DO_E_UNKNOWN_PROPERTY_ID.into())
}

/// A value that the caller sets: `VT_BSTR` for texts, whole numbers for numbers and sizes, `VT_BOOL` for flags, a
/// `SAFEARRAY` of `VT_UI1` for bytes.
///
/// # Safety
/// `given` holds what its type says.
pub unsafe fn value(property: DownloadProperty, given: &VARIANT) -> Outcome<DownloadValue> {
    match property.kind() {
        // SAFETY: the caller's promise.
        DownloadKind::Text => unsafe { variant::text(given) }.map(DownloadValue::Text),
        DownloadKind::Number => variant::number(given).map(DownloadValue::Number),
        DownloadKind::Size => variant::number(given).map(DownloadValue::Size),
        DownloadKind::Flag => variant::flag(given).map(DownloadValue::Flag),
        // SAFETY: the caller's promise.
        DownloadKind::Bytes => unsafe { variant::bytes(given) }.map(DownloadValue::Bytes),
        // Objects are set by calls of their own.
        DownloadKind::Object => Err(HResult::E_INVALIDARG.into()),
    }
}

/// A value for the caller, who clears it: `VT_BSTR`, `VT_UI4`, `VT_UI8`, `VT_BOOL`, or a `SAFEARRAY`.
pub fn variant(value: &DownloadValue) -> Outcome<VARIANT> {
    match value {
        DownloadValue::Text(text) => of_text(text),
        DownloadValue::Number(number) => Ok(of_number(*number)),
        DownloadValue::Size(size) => Ok(of_size(*size)),
        DownloadValue::Flag(flag) => Ok(of_flag(*flag)),
        DownloadValue::Bytes(bytes) => of_bytes(bytes),
    }
}

/// The value that a download must have to be listed, from its text. Only texts can be looked for, as the platform's
/// documentation has it. An identity may have braces and capitals, as the platform writes it.
pub fn category(property: DownloadProperty, text: String) -> Outcome<DownloadValue> {
    if property.kind() != DownloadKind::Text {
        return Err(HResult::E_INVALIDARG.into());
    }
    let text = match (property, text.parse::<JobId>()) {
        (DownloadProperty::Id, Ok(id)) => id.to_string(),
        _ => text,
    };
    Ok(DownloadValue::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fault::Fault,
        variant::{VT_ARRAY, VT_BOOL, VT_BSTR, VT_UI1, VT_UI4, VT_UI8, VariantClear},
    };

    #[test]
    fn every_property_of_a_value_has_its_type_and_takes_it_back() {
        for (number, property) in (0..).zip(DownloadProperty::ALL) {
            assert_eq!(super::property(number), Ok(*property));
            let (held, vt) = match property.kind() {
                DownloadKind::Text => (DownloadValue::Text("é".to_owned()), VT_BSTR),
                DownloadKind::Number => (DownloadValue::Number(u32::MAX), VT_UI4),
                DownloadKind::Size => (DownloadValue::Size(u64::MAX), VT_UI8),
                DownloadKind::Flag => (DownloadValue::Flag(true), VT_BOOL),
                DownloadKind::Bytes => (DownloadValue::Bytes(vec![1, 0]), VT_ARRAY | VT_UI1),
                DownloadKind::Object => continue,
            };
            let mut given = variant(&held).unwrap();
            assert_eq!(given.vt, vt, "{}", property.name());
            // SAFETY: it was just made.
            unsafe {
                assert_eq!(value(*property, &given), Ok(held));
                assert!(VariantClear(&raw mut given).is_ok());
                let none = value(*property, &given);
                assert_eq!(none, Err(Fault(HResult::E_INVALIDARG)));
            }
        }
        for number in [-1, 26, i32::MAX, i32::MIN] {
            let unknown = Fault(HResult::DO_E_UNKNOWN_PROPERTY_ID);
            assert_eq!(super::property(number), Err(unknown));
        }
    }

    #[test]
    fn an_identity_is_looked_for_however_it_is_written() {
        let written = "{4991D34B-80A1-4291-83B6-3328366B9097}".to_owned();
        let id = "4991d34b-80a1-4291-83b6-3328366b9097".to_owned();
        let found = category(DownloadProperty::Id, written.clone());
        assert_eq!(found, Ok(DownloadValue::Text(id)));
        let found = category(DownloadProperty::DisplayName, written.clone());
        assert_eq!(found, Ok(DownloadValue::Text(written)));
        assert!(category(DownloadProperty::CostPolicy, "1".to_owned()).is_err());
    }
}
