//! Every property of a download, by `VARIANT`.

#![allow(
    unsafe_code,
    reason = "the library's interfaces are called as C calls them"
)]

use std::ptr;

use bgcopy::{DownloadProperty, DownloadState};
use dosvc::variant::{
    NOTHING, VT_BOOL, VT_BSTR, VT_I4, VT_UI4, VT_UI8, VT_UINT, VariantClear, flag, number,
    of_bytes, of_flag, of_number, of_size, of_text,
};

use crate::client::{INVALID_ARGUMENT, NOT_SET, POINTER, number as code_of, program, property};

const UNKNOWN: u32 = 0x80D0_2011;
const READ_ONLY: u32 = 0x80D0_2012;
const WRITE_ONLY: u32 = 0x80D0_2015;

/// What a property takes, and what it is read as.
enum Kind {
    Text(&'static str),
    Number(u32),
    Flag,
    Size,
    /// Set, and never read back.
    Secret(&'static str),
}

#[test]
fn every_property_comes_back_as_it_was_set_and_in_its_type() {
    let name = "properties::every_property_comes_back_as_it_was_set_and_in_its_type";
    program(name, |program| {
        let download = program.create();
        let kinds = [
            (1, Kind::Text("http://127.0.0.1:1/päckchen")),
            (2, Kind::Text("content")),
            (3, Kind::Text("a name 🦀")),
            (4, Kind::Text("/tmp/some file")),
            (5, Kind::Secret("X-A: b\r\nX-C: d")),
            (6, Kind::Number(3)),
            (7, Kind::Number(0x100)),
            (8, Kind::Number(25)),
            (9, Kind::Number(7)),
            (10, Kind::Number(60)),
            (11, Kind::Flag),
            (12, Kind::Flag),
            (16, Kind::Flag),
            (17, Kind::Text("cv.1")),
            (18, Kind::Secret("{}")),
            (19, Kind::Text("http://127.0.0.1:1/hashes")),
            (20, Kind::Flag),
            (21, Kind::Size),
            (22, Kind::Flag),
            (23, Kind::Secret("Authorization: Basic x")),
            (24, Kind::Flag),
            (25, Kind::Flag),
        ];
        for (id, kind) in kinds {
            let before = download.get(id).map(|value| value.vt);
            assert_eq!(before, Err(NOT_SET), "{id} before it is set");
            match kind {
                Kind::Text(text) => {
                    download.set_text(id, text);
                    let mut value = download.get(id).unwrap();
                    assert_eq!(value.vt, VT_BSTR, "{id}");
                    // SAFETY: the library made it, and this program clears it.
                    assert!(unsafe { VariantClear(&raw mut value) }.is_ok());
                    assert_eq!(download.text(id).as_deref(), Ok(text), "{id}");
                }
                Kind::Number(held) => {
                    assert_eq!(download.set(id, of_number(held)), 0, "{id}");
                    let value = download.get(id).unwrap();
                    assert_eq!((value.vt, number(&value)), (VT_UI4, Ok(held)), "{id}");
                }
                Kind::Flag => {
                    for held in [true, false] {
                        assert_eq!(download.set(id, of_flag(held)), 0, "{id}");
                        let value = download.get(id).unwrap();
                        assert_eq!((value.vt, flag(&value)), (VT_BOOL, Ok(held)), "{id}");
                    }
                }
                Kind::Size => {
                    assert_eq!(download.set(id, of_size(1 << 40)), 0);
                    let value = download.get(id).unwrap();
                    assert_eq!((value.vt, number(&value)), (VT_UI8, Ok(1_u64 << 40)));
                }
                Kind::Secret(text) => {
                    download.set_text(id, text);
                    assert_eq!(download.text(id), Err(WRITE_ONLY), "{id}");
                }
            }
        }
        let context = of_bytes(&[0x30, 0x82, 0, 255]).unwrap();
        assert_eq!(download.set(property::SECURITY_CONTEXT, context), 0);
        let read = download.get(property::SECURITY_CONTEXT).map(|it| it.vt);
        assert_eq!(read, Err(WRITE_ONLY));
        let id = download.text(property::ID).unwrap();
        assert_eq!(id.len(), 36, "{id}");
        let given = of_text(&id).unwrap();
        assert_eq!(download.set(property::ID, given), READ_ONLY);
        assert_eq!(DownloadProperty::ALL.len(), 26);
        for id in [-1, 26, 29, 1_000] {
            assert_eq!(download.text(id), Err(UNKNOWN), "{id}");
            assert_eq!(download.set(id, of_number(1)), UNKNOWN, "{id}");
        }
    });
}

#[test]
fn a_value_of_another_type_is_taken_where_its_meaning_is_plain() {
    let name = "properties::a_value_of_another_type_is_taken_where_its_meaning_is_plain";
    program(name, |program| {
        let download = program.create();
        for vt in [VT_I4, VT_UINT, VT_UI8] {
            let mut value = of_size(40);
            value.vt = vt;
            assert_eq!(download.set(property::CALLBACK_PERCENT, value), 0, "{vt}");
        }
        for (given, held) in [(1, true), (-1, true), (0, false)] {
            let mut value = of_flag(true);
            value.value.bool_val = given;
            assert_eq!(download.set(property::FOREGROUND, value), 0);
            let value = download.get(property::FOREGROUND).unwrap();
            // SAFETY: its type says that it is a truth.
            let read = unsafe { value.value.bool_val };
            assert_eq!(read, if held { -1 } else { 0 });
        }
        let refused = [
            (property::URI, of_number(1)),
            (property::URI, NOTHING),
            (property::COST_POLICY, of_text("1").unwrap()),
            (property::COST_POLICY, of_size(1 << 32)),
            (property::COST_POLICY, NOTHING),
            (property::FOREGROUND, of_text("true").unwrap()),
            (property::SECURITY_CONTEXT, of_text("x").unwrap()),
            (property::CALLBACK, of_number(1)),
        ];
        for (id, value) in refused {
            assert_eq!(download.set(id, value), INVALID_ARGUMENT, "{id}");
        }
        // Too long, and too short: the service refuses them.
        let long = of_text(&"x".repeat(257)).unwrap();
        assert_eq!(download.set(property::DISPLAY_NAME, long), INVALID_ARGUMENT);
        assert_eq!(download.set(10, of_number(59)), INVALID_ARGUMENT);
        // SAFETY: null is refused.
        unsafe {
            let set = download.0.SetProperty(property::URI, ptr::null());
            assert_eq!(code_of(set), POINTER);
            let get = download.0.GetProperty(property::URI, ptr::null_mut());
            assert_eq!(code_of(get), POINTER);
            let status = download.0.GetStatus(ptr::null_mut());
            assert_eq!(code_of(status), POINTER);
            let create = program.manager.CreateDownload(ptr::null_mut());
            assert_eq!(code_of(create), POINTER);
            assert!(VariantClear(ptr::null_mut()).is_err());
        }
    });
}

#[test]
fn a_final_download_takes_no_property_and_still_tells_its_own() {
    let name = "properties::a_final_download_takes_no_property_and_still_tells_its_own";
    program(name, |program| {
        let download = program.create();
        download.set_text(property::DISPLAY_NAME, "kept");
        assert_eq!(download.abort(), 0);
        let name = of_text("new").unwrap();
        let code = download.set(property::DISPLAY_NAME, name);
        assert_eq!(code, crate::client::INVALID_STATE);
        let kept = download.text(property::DISPLAY_NAME);
        assert_eq!(kept.as_deref(), Ok("kept"));
        assert_eq!(download.status().state, DownloadState::Aborted.code());
    });
}
