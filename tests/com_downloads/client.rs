//! A program that uses the library: a process of its own for each test, as the library has one connection a process.

#![allow(
    unsafe_code,
    reason = "the library's interfaces are called as C calls them"
)]

use std::{
    env, fs,
    path::PathBuf,
    ptr,
    time::{Duration, Instant},
};

use bgcopy_testkit::faulty::{Origin, Resource};
use dosvc::{
    abi::{
        interfaces::{IDODownload, IDOManager},
        types::{DO_DOWNLOAD_RANGE, DO_DOWNLOAD_RANGES_INFO, DO_DOWNLOAD_STATUS, VARIANT},
    },
    exports::CoCreateInstance,
    variant::{self, NOTHING, VariantClear},
};
use windows_core::{HRESULT, IUnknown, Interface};

use crate::support::{PATIENCE, Service};

/// Tells the process within that it is the program, and where its files go.
const WITHIN: &str = "BGCOPY_TEST_DOWNLOADS";

pub const CREATED: i32 = 0;
pub const TRANSFERRING: i32 = 1;
pub const TRANSFERRED: i32 = 2;
pub const FINALIZED: i32 = 3;
pub const ABORTED: i32 = 4;
pub const PAUSED: i32 = 5;

pub const INVALID_STATE: u32 = 0x80D0_2013;
pub const INVALID_ARGUMENT: u32 = 0x8007_0057;
pub const NOT_SET: u32 = 0x8007_0490;
pub const POINTER: u32 = 0x8000_4003;

/// The numbers of properties, as the headers have them.
pub mod property {
    pub const ID: i32 = 0;
    pub const URI: i32 = 1;
    pub const DISPLAY_NAME: i32 = 3;
    pub const LOCAL_PATH: i32 = 4;
    pub const COST_POLICY: i32 = 6;
    pub const CALLBACK_PERCENT: i32 = 8;
    pub const FOREGROUND: i32 = 11;
    pub const BLOCKING_MODE: i32 = 12;
    pub const CALLBACK: i32 = 13;
    pub const STREAM: i32 = 14;
    pub const SECURITY_CONTEXT: i32 = 15;
}

/// What a test has.
pub struct Program {
    pub manager: IDOManager,
    pub origin: Origin,
    downloads: PathBuf,
}

/// Runs the test of this name within a process in the surroundings of a service.
pub fn program(test: &str, body: impl FnOnce(&Program)) {
    if let Some(downloads) = env::var_os(WITHIN) {
        let program = Program {
            manager: manager(),
            origin: Origin::start(),
            downloads: downloads.into(),
        };
        return body(&program);
    }
    let service = Service::start();
    let itself = env::current_exe().unwrap();
    let output = service
        .command_of(itself.to_str().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(WITHIN, service.downloads())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let ran = String::from_utf8_lossy(&output.stdout);
    assert!(ran.contains("1 passed"), "there is no test {test}: {ran}");
}

/// An object of the class `DeliveryOptimization`.
fn manager() -> IDOManager {
    let mut made = ptr::null_mut();
    // SAFETY: everything that is lent is there, and what is handed out has this interface.
    unsafe {
        let class = &dosvc::abi::ids::CLSID_DeliveryOptimization;
        let iid = &IDOManager::IID;
        // `CLSCTX_LOCAL_SERVER`.
        let code = CoCreateInstance(class, ptr::null_mut(), 4, iid, &raw mut made);
        assert_eq!(number(code), 0);
        IDOManager::from_raw(made)
    }
}

impl Program {
    pub fn file(&self, name: &str) -> PathBuf {
        self.downloads.join(name)
    }

    pub fn create(&self) -> Download {
        let mut made = ptr::null_mut();
        // SAFETY: the place is there.
        let code = unsafe { self.manager.CreateDownload(&raw mut made) };
        assert_eq!(number(code), 0);
        Download::taken(made)
    }

    /// A download in the foreground of this URL to this name, Created.
    pub fn prepared(&self, url: &str, name: &str) -> Download {
        let download = self.create();
        let path = self.file(name);
        download.set_text(property::URI, url);
        download.set_text(property::LOCAL_PATH, path.to_str().unwrap());
        assert_eq!(
            download.set(property::FOREGROUND, variant::of_flag(true)),
            0
        );
        download
    }

    /// The same, of content that the origin has.
    pub fn of(&self, resource: Resource, name: &str) -> Download {
        let url = self.origin.serve(&format!("/{name}"), resource);
        self.prepared(&url, name)
    }

    pub fn content(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }
}

/// A download, by its interface.
#[derive(Clone)]
pub struct Download(pub IDODownload);

impl Download {
    /// One that a call handed out.
    pub fn taken(raw: *mut std::ffi::c_void) -> Self {
        assert!(!raw.is_null());
        // SAFETY: the library handed it out, with a reference.
        let object = unsafe { IUnknown::from_raw(raw) };
        Self(object.cast().unwrap())
    }

    pub fn start(&self) -> u32 {
        // SAFETY: null is the whole file.
        number(unsafe { self.0.Start(ptr::null()) })
    }

    pub fn start_ranges(&self, ranges: &[(u64, u64)]) -> u32 {
        // The count fills eight bytes, as the ranges are aligned.
        let mut info = vec![ranges.len() as u64];
        info.extend(ranges.iter().flat_map(|&(offset, length)| [offset, length]));
        assert_eq!(size_of::<DO_DOWNLOAD_RANGE>(), 16);
        // SAFETY: as many ranges follow as it says.
        number(unsafe {
            self.0
                .Start(info.as_ptr().cast::<DO_DOWNLOAD_RANGES_INFO>())
        })
    }

    /// Waits on another thread until bytes have come, then makes a call there.
    pub fn on_another_thread(&self, method: fn(&Self) -> u32) -> std::thread::JoinHandle<u32> {
        struct Shared(Download);
        // SAFETY: the library's objects may be used on every thread.
        unsafe impl Send for Shared {}
        impl Shared {
            fn end(self, method: fn(&Download) -> u32) -> u32 {
                let state = |status: &DO_DOWNLOAD_STATUS| status.state == TRANSFERRING;
                self.0
                    .until_it(|status| state(status) && status.bytes_transferred > 0);
                method(&self.0)
            }
        }
        let shared = Shared(self.clone());
        std::thread::spawn(move || shared.end(method))
    }

    pub fn pause(&self) -> u32 {
        // SAFETY: it takes nothing.
        number(unsafe { self.0.Pause() })
    }

    pub fn abort(&self) -> u32 {
        // SAFETY: it takes nothing.
        number(unsafe { self.0.Abort() })
    }

    pub fn finalize(&self) -> u32 {
        // SAFETY: it takes nothing.
        number(unsafe { self.0.Finalize() })
    }

    pub fn status(&self) -> DO_DOWNLOAD_STATUS {
        let mut status = DO_DOWNLOAD_STATUS {
            bytes_total: 0,
            bytes_transferred: 0,
            state: -1,
            error: -1,
            extended_error: -1,
        };
        // SAFETY: the place is there.
        let code = unsafe { self.0.GetStatus(&raw mut status) };
        assert_eq!(number(code), 0);
        status
    }

    /// Waits until it is as wanted.
    pub fn until_it(&self, wanted: impl Fn(&DO_DOWNLOAD_STATUS) -> bool) -> DO_DOWNLOAD_STATUS {
        let ends = Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            if wanted(&status) {
                return status;
            }
            assert!(Instant::now() < ends, "it stays as it is: {status:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn until(&self, state: i32) -> DO_DOWNLOAD_STATUS {
        self.until_it(|status| status.state == state)
    }

    /// Sets a property, and gives back what was in the value.
    pub fn set(&self, property: i32, mut value: VARIANT) -> u32 {
        // SAFETY: the value holds what its type says and is this program's.
        unsafe {
            let code = self.0.SetProperty(property, &raw const value);
            assert!(VariantClear(&raw mut value).is_ok());
            number(code)
        }
    }

    pub fn set_text(&self, property: i32, text: &str) {
        assert_eq!(self.set(property, variant::of_text(text).unwrap()), 0);
    }

    pub fn get(&self, property: i32) -> Result<VARIANT, u32> {
        // What a program leaves on its stack.
        let mut value = variant::of_size(u64::MAX);
        // SAFETY: the place is there.
        let code = unsafe { self.0.GetProperty(property, &raw mut value) };
        if code.is_err() {
            assert_eq!(value.vt, NOTHING.vt, "a failure leaves no value");
            return Err(number(code));
        }
        Ok(value)
    }

    pub fn text(&self, property: i32) -> Result<String, u32> {
        let mut value = self.get(property)?;
        // SAFETY: the library made it.
        unsafe {
            let text = variant::text(&value).map_err(|fault| fault.0.0);
            assert!(VariantClear(&raw mut value).is_ok());
            text
        }
    }
}

/// Waits until it is so.
pub fn until(is_so: impl Fn() -> bool) {
    let ends = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < ends, "it stays as it is");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A number as the headers print it.
pub fn number(code: HRESULT) -> u32 {
    code.0.cast_unsigned()
}

/// A text with a 0 at its end.
pub fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
