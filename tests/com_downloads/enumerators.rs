//! Lists of downloads: `EnumDownloads` and `IEnumUnknown`.

#![allow(
    unsafe_code,
    reason = "the library's interfaces are called as C calls them"
)]

use std::ptr;

use dosvc::abi::{
    interfaces::{IDODownload, IEnumUnknown},
    types::DO_DOWNLOAD_ENUM_CATEGORY,
};
use windows_core::Interface as _;

use crate::client::{
    Download, INVALID_ARGUMENT, POINTER, Program, number, program, property, wide,
};

fn list(program: &Program, category: Option<(i32, &str)>) -> Result<IEnumUnknown, u32> {
    let mut found = ptr::null_mut();
    let text = category.map(|(_, text)| wide(text));
    let category = category.map(|(property, _)| DO_DOWNLOAD_ENUM_CATEGORY {
        property,
        value: text.as_ref().map_or(ptr::null(), Vec::as_ptr),
    });
    let lent = category.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the category and its text are there until the call ends, and the object is handed out with a reference.
    unsafe {
        let code = program.manager.EnumDownloads(lent, &raw mut found);
        if code.is_err() {
            assert!(found.is_null());
            return Err(number(code));
        }
        Ok(IEnumUnknown::from_raw(found))
    }
}

/// The next ones, and what was answered.
fn next(list: &IEnumUnknown, count: u32) -> (u32, Vec<Download>) {
    let mut objects = vec![ptr::null_mut(); count as usize];
    let mut fetched = u32::MAX;
    // SAFETY: there is room for as many as are asked for.
    let code = unsafe { list.Next(count, objects.as_mut_ptr(), &raw mut fetched) };
    objects.truncate(fetched as usize);
    let downloads = objects.into_iter().map(Download::taken);
    (number(code), downloads.collect())
}

fn ids(downloads: &[Download]) -> Vec<String> {
    let id = |it: &Download| it.text(property::ID).unwrap();
    downloads.iter().map(id).collect()
}

#[test]
fn a_list_is_a_snapshot_that_is_walked_skipped_and_copied() {
    let test = "enumerators::a_list_is_a_snapshot_that_is_walked_skipped_and_copied";
    program(test, |program| {
        let made: Vec<_> = (0..5).map(|_| program.create()).collect();
        let known = ids(&made);
        let all = list(program, None).unwrap();
        drop(program.create());
        let (code, found) = next(&all, 2);
        assert_eq!((code, ids(&found)), (0, known[..2].to_vec()));
        // SAFETY: they take no pointer, or one that is there.
        let copy = unsafe {
            assert_eq!(number(all.Skip(1)), 0);
            let mut copy = ptr::null_mut();
            assert_eq!(number(all.Clone(&raw mut copy)), 0);
            IEnumUnknown::from_raw(copy)
        };
        for list in [&all, &copy] {
            let (code, found) = next(list, 9);
            assert_eq!((code, ids(&found)), (1, known[3..].to_vec()));
            assert_eq!(next(list, 1).0, 1, "nothing is left");
            assert_eq!(next(list, 0).0, 0);
        }
        // SAFETY: null is refused where it says nothing, and one object may be asked for without a count.
        unsafe {
            assert_eq!(number(all.Skip(1)), 1);
            assert_eq!(number(all.Reset()), 0);
            let mut objects = [ptr::null_mut(); 2];
            let unknown = all.Next(2, objects.as_mut_ptr(), ptr::null_mut());
            assert_eq!(number(unknown), INVALID_ARGUMENT);
            let nowhere = all.Next(1, ptr::null_mut(), ptr::null_mut());
            assert_eq!(number(nowhere), POINTER);
            let one = all.Next(1, objects.as_mut_ptr(), ptr::null_mut());
            assert_eq!(number(one), 0);
            let first = Download::taken(objects[0]);
            assert_eq!(first.text(property::ID).unwrap(), known[0]);
            assert_eq!(number(all.Clone(ptr::null_mut())), POINTER);
        }
        // One that became final meanwhile is in the snapshot, and in no new list.
        assert_eq!(made[4].abort(), 0);
        let (_, found) = next(&all, 9);
        assert_eq!(found.last().unwrap().status().state, crate::client::ABORTED);
        let (_, found) = next(&list(program, None).unwrap(), 9);
        assert!(!ids(&found).contains(&known[4]));
    });
}

#[test]
fn a_category_lists_those_with_that_text() {
    let test = "enumerators::a_category_lists_those_with_that_text";
    program(test, |program| {
        let (red, blue) = (program.create(), program.create());
        red.set_text(property::DISPLAY_NAME, "röd 🦀");
        blue.set_text(property::DISPLAY_NAME, "blue");
        blue.set_text(property::URI, "http://127.0.0.1:1/blue");
        let braced = format!("{{{}}}", red.text(property::ID).unwrap().to_uppercase());
        for (category, expected) in [
            ((property::DISPLAY_NAME, "röd 🦀"), vec![&red]),
            ((property::ID, &*braced), vec![&red]),
            ((property::URI, "http://127.0.0.1:1/blue"), vec![&blue]),
            ((property::DISPLAY_NAME, "green"), vec![]),
        ] {
            let (_, found) = next(&list(program, Some(category)).unwrap(), 9);
            let expected: Vec<_> = expected.into_iter().cloned().collect();
            assert_eq!(ids(&found), ids(&expected), "{category:?}");
        }
        for (category, code) in [
            ((property::COST_POLICY, "1"), INVALID_ARGUMENT),
            ((26, "1"), 0x80D0_2011),
            ((5, "X-A: b"), 0x80D0_2015),
        ] {
            let refused = list(program, Some(category)).map(drop);
            assert_eq!(refused, Err(code), "{category:?}");
        }
    });
}

#[test]
fn an_object_is_one_whichever_interface_is_asked_for() {
    let test = "enumerators::an_object_is_one_whichever_interface_is_asked_for";
    program(test, |program| {
        let download = program.create();
        let unknown = download.0.cast::<windows_core::IUnknown>().unwrap();
        let again: IDODownload = unknown.cast().unwrap();
        assert_eq!(again.as_raw(), download.0.as_raw());
        let list = list(program, None).unwrap();
        assert!(list.cast::<IDODownload>().is_err());
        assert!(unknown.cast::<IEnumUnknown>().is_err());
    });
}
