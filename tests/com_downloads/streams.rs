//! Downloads that are written to an object of the program's.

#![allow(
    unsafe_code,
    reason = "the library's interfaces are called as C calls them"
)]

use std::{
    ffi::c_void,
    sync::{Arc, Condvar, Mutex},
    time::Instant,
};

use bgcopy_testkit::faulty::Resource;
use dosvc::{
    abi::delivery::{ISequentialStream, ISequentialStream_Impl, IStream, IStream_Impl},
    variant::{NOTHING, VariantClear, of_flag, of_object, of_text},
};
use windows_core::{HRESULT, IUnknown, Interface as _, implement};

use crate::{
    client::{
        ABORTED, Download, INVALID_ARGUMENT, NOT_SET, PAUSED, Program, TRANSFERRED, program,
        property, until,
    },
    support::PATIENCE,
};

/// What a stream has taken, and how it behaves.
#[derive(Default)]
struct Taken {
    bytes: Mutex<Vec<u8>>,
    /// Takes nothing while this is true.
    closed: Mutex<bool>,
    opened: Condvar,
    /// Fails once it has so many bytes.
    limit: Option<usize>,
    /// Takes at most so many at a time.
    gulp: Option<u32>,
}

#[implement(ISequentialStream)]
struct Writer(Arc<Taken>);

/// One that goes by the longer name, as many do.
#[implement(IStream)]
struct Whole(Arc<Taken>);

impl Taken {
    unsafe fn write(&self, data: *const c_void, size: u32, written: *mut u32) -> HRESULT {
        let closed = self.closed.lock().unwrap();
        drop(self.opened.wait_while(closed, |closed| *closed).unwrap());
        let size = self.gulp.map_or(size, |gulp| gulp.min(size));
        let mut bytes = self.bytes.lock().unwrap();
        if self.limit.is_some_and(|limit| bytes.len() >= limit) {
            // `STG_E_MEDIUMFULL`.
            return HRESULT(0x8003_0070_u32.cast_signed());
        }
        // SAFETY: the library lends this many bytes, and a place for their number.
        unsafe {
            let data = std::slice::from_raw_parts(data.cast::<u8>(), size as usize);
            bytes.extend_from_slice(data);
            written.write(size);
        }
        HRESULT(0)
    }

    fn len(&self) -> usize {
        self.bytes.lock().unwrap().len()
    }
}

macro_rules! writes {
    ($outer:ident) => {
        impl ISequentialStream_Impl for $outer {
            unsafe fn Read(&self, _: *mut c_void, _: u32, _: *mut u32) -> HRESULT {
                HRESULT(0x8000_4001_u32.cast_signed())
            }

            unsafe fn Write(&self, data: *const c_void, size: u32, written: *mut u32) -> HRESULT {
                // SAFETY: the library's promise.
                unsafe { self.0.write(data, size, written) }
            }
        }
    };
}

writes!(Writer_Impl);
writes!(Whole_Impl);
impl IStream_Impl for Whole_Impl {}

/// A download in the foreground of this content to this object.
fn streamed(program: &Program, resource: Resource, name: &str, object: IUnknown) -> Download {
    let url = program.origin.serve(&format!("/{name}"), resource);
    let download = program.create();
    download.set_text(property::URI, &url);
    assert_eq!(download.set(property::FOREGROUND, of_flag(true)), 0);
    assert_eq!(download.set(property::STREAM, of_object(object)), 0);
    download
}

fn until_released(taken: &Arc<Taken>) {
    let ends = Instant::now() + PATIENCE;
    while Arc::strong_count(taken) > 1 {
        assert!(Instant::now() < ends, "the object is kept");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_stream_gets_every_byte_in_order_and_is_released_at_the_end() {
    let test = "streams::a_stream_gets_every_byte_in_order_and_is_released_at_the_end";
    program(test, |program| {
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        for (name, gulp) in [("whole", None), ("gulps", Some(1_000))] {
            let taken = Arc::new(Taken {
                gulp,
                ..Taken::default()
            });
            let object: IUnknown = Whole(taken.clone()).into();
            let resource = Resource::new(content.clone());
            let download = streamed(program, resource, name, object.clone());
            let mut value = download.get(property::STREAM).unwrap();
            // SAFETY: the type says that it is an object, which the program releases.
            unsafe {
                let same = IUnknown::from_raw_borrowed(&value.value.unknown)
                    .unwrap()
                    .cast::<IUnknown>();
                assert_eq!(same.unwrap().as_raw(), object.as_raw());
                assert!(VariantClear(&raw mut value).is_ok());
            }
            drop(object);
            assert_eq!(download.start(), 0);
            download.until(TRANSFERRED);
            until(|| taken.len() == content.len());
            assert!(*taken.bytes.lock().unwrap() == content);
            assert_eq!(download.start_ranges(&[(7, 3)]), 0);
            download.until(TRANSFERRED);
            until(|| taken.len() == content.len() + 3);
            assert_eq!(download.finalize(), 0);
            until_released(&taken);
            assert!(taken.bytes.lock().unwrap().ends_with(&content[7..10]));
            assert_eq!(download.get(property::STREAM).map(|it| it.vt), Err(NOT_SET));
        }
    });
}

#[test]
fn an_object_that_fails_pauses_the_download_with_an_error() {
    let test = "streams::an_object_that_fails_pauses_the_download_with_an_error";
    program(test, |program| {
        let taken = Arc::new(Taken {
            limit: Some(100_000),
            ..Taken::default()
        });
        let object: IUnknown = Writer(taken.clone()).into();
        let resource = Resource::pattern(1, 3_000_000);
        let download = streamed(program, resource, "full", object);
        assert_eq!(download.start(), 0);
        let status = download.until_it(|status| status.error != 0);
        assert_eq!(
            (status.state, status.error.cast_unsigned()),
            (PAUSED, 0x8007_006D)
        );
        until_released(&taken);
        // Another one takes over, from the beginning.
        let better = Arc::<Taken>::default();
        let object: IUnknown = Writer(better.clone()).into();
        assert_eq!(download.set(property::STREAM, of_object(object)), 0);
        assert_eq!(download.start(), 0);
        download.until(TRANSFERRED);
        assert_eq!(download.finalize(), 0);
        until_released(&better);
        assert_eq!(better.len(), 3_000_000);
    });
}

#[test]
fn an_object_that_takes_nothing_holds_the_origin_up_and_abort_ends_it() {
    let test = "streams::an_object_that_takes_nothing_holds_the_origin_up_and_abort_ends_it";
    program(test, |program| {
        let taken = Arc::<Taken>::default();
        *taken.closed.lock().unwrap() = true;
        let object: IUnknown = Writer(taken.clone()).into();
        let resource = Resource::pattern(1, 64 << 20);
        let download = streamed(program, resource, "slow", object);
        assert_eq!(download.start(), 0);
        let status = download.until_it(|status| status.bytes_transferred > 0);
        // What is under way is in the pipes and in the two sockets' buffers.
        assert!(status.bytes_transferred < 8 << 20, "{status:?}");
        assert_eq!(download.abort(), 0);
        assert_eq!(download.status().state, ABORTED);
        assert!(program.origin.bytes_sent() < 48 << 20);
        *taken.closed.lock().unwrap() = false;
        taken.opened.notify_all();
        until_released(&taken);
    });
}

#[test]
fn what_is_no_stream_and_a_second_place_are_refused() {
    let test = "streams::what_is_no_stream_and_a_second_place_are_refused";
    program(test, |program| {
        let (download, other) = (program.create(), program.create());
        let none: IUnknown = other.0.cast().unwrap();
        assert_eq!(download.set(property::STREAM, of_object(none)), 0x8000_4002);
        assert_eq!(download.set(property::STREAM, NOTHING), INVALID_ARGUMENT);
        assert_eq!(download.get(property::STREAM).map(|it| it.vt), Err(NOT_SET));
        let taken = Arc::<Taken>::default();
        let object = || IUnknown::from(Writer(taken.clone()));
        download.set_text(property::LOCAL_PATH, "/tmp/some file");
        let beside = download.set(property::STREAM, of_object(object()));
        assert_eq!(beside, 0x80D0_2019);
        until_released(&taken);
        assert_eq!(other.set(property::STREAM, of_object(object())), 0);
        let path = of_text("/tmp/some file").unwrap();
        assert_eq!(other.set(property::LOCAL_PATH, path), 0x80D0_2019);
        assert_eq!(other.abort(), 0);
        until_released(&taken);
    });
}
