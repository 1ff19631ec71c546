//! The objects that are told of downloads: when they are called, what they may do, and when they are given back.

#![allow(
    unsafe_code,
    reason = "the library's interfaces are called as C calls them"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

use bgcopy_testkit::faulty::Resource;
use dosvc::{
    abi::{
        interfaces::{IDODownload, IDODownloadStatusCallback, IDODownloadStatusCallback_Impl},
        types::DO_DOWNLOAD_STATUS,
    },
    variant::{NOTHING, VT_NULL, VT_UNKNOWN, VariantClear, of_number, of_object},
};
use windows_core::{HRESULT, IUnknown, Interface as _, implement};

use crate::{
    client::{
        ABORTED, Download, FINALIZED, INVALID_STATE, NOT_SET, PAUSED, Program, TRANSFERRED,
        TRANSFERRING, program, property,
    },
    support::PATIENCE,
};

type Act = dyn Fn(&Download, &DO_DOWNLOAD_STATUS) + Send + Sync;

/// An object of the program's, and how many of its kind there are.
#[implement(IDODownloadStatusCallback)]
struct Told {
    act: Box<Act>,
    alive: Arc<AtomicUsize>,
    /// Something that the object holds, and lets go of at its end.
    held: Option<IDODownload>,
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            // A program that aborts what it did not finish: the end of an object may call everything.
            let _ = Download(held).abort();
        }
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl IDODownloadStatusCallback_Impl for Told_Impl {
    unsafe fn OnStatusChange(
        &self,
        download: *mut std::ffi::c_void,
        status: *const DO_DOWNLOAD_STATUS,
    ) -> HRESULT {
        // SAFETY: both are lent for the call.
        unsafe {
            let lent = IDODownload::from_raw_borrowed(&download).unwrap();
            (self.act)(&Download(lent.clone()), &*status);
        }
        HRESULT(0)
    }
}

/// The program's objects, counted.
#[derive(Default)]
struct Objects(Arc<AtomicUsize>);

impl Objects {
    fn make(
        &self,
        held: Option<&Download>,
        act: impl Fn(&Download, &DO_DOWNLOAD_STATUS) + Send + Sync + 'static,
    ) -> IDODownloadStatusCallback {
        self.0.fetch_add(1, Ordering::SeqCst);
        Told {
            act: Box::new(act),
            alive: self.0.clone(),
            held: held.map(|it| it.0.clone()),
        }
        .into()
    }

    fn alive(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn until_gone(&self) {
        let ends = Instant::now() + PATIENCE;
        while self.alive() > 0 {
            assert!(Instant::now() < ends, "{} objects are kept", self.alive());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Sends each status to the test.
fn sending() -> (
    impl Fn(&Download, &DO_DOWNLOAD_STATUS) + Send + Sync + 'static,
    Receiver<DO_DOWNLOAD_STATUS>,
) {
    let (sender, receiver): (Sender<_>, _) = mpsc::channel();
    let send = move |_: &Download, status: &DO_DOWNLOAD_STATUS| {
        let _ = sender.send(*status);
    };
    (send, receiver)
}

fn wait(receiver: &Receiver<DO_DOWNLOAD_STATUS>, state: i32) -> DO_DOWNLOAD_STATUS {
    loop {
        let status = receiver.recv_timeout(PATIENCE).expect("nothing is told");
        if status.state == state {
            return status;
        }
    }
}

fn register(download: &Download, object: &IDODownloadStatusCallback) -> u32 {
    download.set(property::CALLBACK, of_object(object.clone()))
}

#[test]
fn a_status_is_told_and_the_object_is_given_back_when_the_download_is_final() {
    let test =
        "callbacks::a_status_is_told_and_the_object_is_given_back_when_the_download_is_final";
    program(test, |program| {
        let objects = Objects::default();
        let download = program.of(Resource::pattern(1, 100_000), "told");
        let (send, told) = sending();
        assert_eq!(register(&download, &objects.make(None, send)), 0);
        assert_eq!(objects.alive(), 1, "the registration holds it");
        assert_eq!(download.start(), 0);
        wait(&told, TRANSFERRING);
        let status = wait(&told, TRANSFERRED);
        assert_eq!(status.bytes_transferred, 100_000);
        assert_eq!((status.bytes_total, status.error), (100_000, 0));
        assert_eq!(download.finalize(), 0);
        wait(&told, FINALIZED);
        objects.until_gone();
        let again = objects.make(None, |_, _| {});
        assert_eq!(register(&download, &again), INVALID_STATE);
        drop(again);
        objects.until_gone();
    });
}

#[test]
fn every_method_may_be_called_inside_a_call() {
    let test = "callbacks::every_method_may_be_called_inside_a_call";
    program(test, |program| {
        let objects = Objects::default();
        program.origin.hold_after(50_000);
        let download = program.of(Resource::pattern(1, 100_000), "inside");
        let (sender, told) = mpsc::channel();
        let act = move |download: &Download, status: &DO_DOWNLOAD_STATUS| match status.state {
            TRANSFERRING if status.bytes_transferred > 0 => {
                assert_eq!(download.pause(), 0);
                let _ = sender.send(download.status());
            }
            TRANSFERRED => {
                assert_eq!(download.finalize(), 0);
                let _ = sender.send(download.status());
            }
            _ => {}
        };
        assert_eq!(register(&download, &objects.make(None, act)), 0);
        assert_eq!(download.start(), 0);
        let paused = wait(&told, PAUSED);
        assert!(paused.bytes_transferred > 0);
        program.origin.release();
        // The last reference that the program has: the registration holds what it needs.
        assert_eq!(download.start(), 0);
        drop(download);
        // Bytes may be told once more and pause it again, in which case the list finds it to start it.
        let ends = Instant::now() + PATIENCE;
        while !program.file("inside").exists() {
            assert!(Instant::now() < ends, "it is never finalized");
            restart(program);
            std::thread::sleep(Duration::from_millis(20));
        }
        objects.until_gone();
    });
}

/// Starts whatever is paused.
fn restart(program: &Program) {
    let mut list = std::ptr::null_mut();
    // SAFETY: the places are there, and what is handed out has a reference.
    unsafe {
        let all = program
            .manager
            .EnumDownloads(std::ptr::null(), &raw mut list);
        assert!(all.is_ok());
        let list = dosvc::abi::interfaces::IEnumUnknown::from_raw(list);
        let mut object = std::ptr::null_mut();
        while list.Next(1, &raw mut object, std::ptr::null_mut()).0 == 0 {
            let download = Download::taken(object);
            if download.status().state == PAUSED {
                let _ = download.start();
            }
        }
    }
}

#[test]
fn an_object_is_given_back_at_once_when_it_is_replaced_or_cleared() {
    let test = "callbacks::an_object_is_given_back_at_once_when_it_is_replaced_or_cleared";
    program(test, |program| {
        let download = program.create();
        let (first, second) = (Objects::default(), Objects::default());
        assert_eq!(
            download.get(property::CALLBACK).map(|it| it.vt),
            Err(NOT_SET)
        );
        // Its end calls the library, on whichever thread that is.
        let other = program.create();
        let object = first.make(Some(&other), |_, _| {});
        assert_eq!(register(&download, &object), 0);
        let mut found = download.get(property::CALLBACK).unwrap();
        assert_eq!(found.vt, VT_UNKNOWN);
        // SAFETY: the type says that it is an object.
        let same = unsafe { found.value.unknown };
        assert_eq!(same, object.as_raw());
        // SAFETY: the value is this program's.
        assert!(unsafe { VariantClear(&raw mut found) }.is_ok());
        drop(object);
        assert_eq!(first.alive(), 1);
        let object = second.make(None, |_, _| {});
        assert_eq!(register(&download, &object), 0);
        assert_eq!(first.alive(), 0, "the replaced object is given back");
        assert_eq!(other.status().state, ABORTED);
        drop(object);
        let mut none = NOTHING;
        for vt in [NOTHING.vt, VT_NULL, VT_UNKNOWN] {
            assert_eq!(second.alive(), usize::from(vt == NOTHING.vt));
            none.vt = vt;
            assert_eq!(download.set(property::CALLBACK, none), 0);
            assert_eq!(second.alive(), 0, "the cleared object is given back");
        }
        assert_eq!(
            download.get(property::CALLBACK).map(|it| it.vt),
            Err(NOT_SET)
        );
    });
}

#[test]
fn an_object_that_is_none_for_downloads_is_refused_and_given_back() {
    let test = "callbacks::an_object_that_is_none_for_downloads_is_refused_and_given_back";
    program(test, |program| {
        let (download, other) = (program.create(), program.create());
        let unknown: IUnknown = other.0.cast().unwrap();
        let code = download.set(property::CALLBACK, of_object(unknown));
        assert_eq!(code, 0x8000_4002);
        let code = download.set(property::CALLBACK, of_number(0));
        assert_eq!(code, 0x8007_0057);
        assert_eq!(
            download.get(property::CALLBACK).map(|it| it.vt),
            Err(NOT_SET)
        );
    });
}

#[test]
fn a_call_that_never_ends_holds_up_no_other_download() {
    let test = "callbacks::a_call_that_never_ends_holds_up_no_other_download";
    program(test, |program| {
        let objects = Objects::default();
        let stuck = program.of(Resource::pattern(1, 1_000), "stuck");
        let (release, held) = mpsc::channel::<()>();
        let held = std::sync::Mutex::new(held);
        let hang = move |_: &Download, _: &DO_DOWNLOAD_STATUS| {
            let _ = held.lock().unwrap().recv();
        };
        assert_eq!(register(&stuck, &objects.make(None, hang)), 0);
        assert_eq!(stuck.start(), 0);
        let free = program.of(Resource::pattern(2, 1_000), "free");
        let (send, told) = sending();
        assert_eq!(register(&free, &objects.make(None, send)), 0);
        assert_eq!(free.start(), 0);
        wait(&told, TRANSFERRED);
        stuck.until(TRANSFERRED);
        // The object is cleared while it is being called: it is given back when that call ends.
        assert_eq!(stuck.set(property::CALLBACK, NOTHING), 0);
        assert_eq!(objects.alive(), 2);
        drop(release);
        assert_eq!(free.abort(), 0);
        objects.until_gone();
    });
}
