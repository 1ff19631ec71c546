//! What Delivery Optimization adds to jobs and files: their interfaces, statistics and properties.

#![allow(
    unsafe_code,
    reason = "the library's interfaces are called as C calls them"
)]

use std::ptr;

use bgcopy_testkit::faulty::Resource;
use dosvc::{
    abi::{
        delivery::{
            DOSwarmStats, IDeliveryOptimizationFile, IDeliveryOptimizationFile2,
            IDeliveryOptimizationJob, IDeliveryOptimizationJob2,
        },
        interfaces::{
            IBackgroundCopyFile, IBackgroundCopyJob, IBackgroundCopyManager,
            IEnumBackgroundCopyFiles,
        },
        types::{BG_FILE_RANGE, VARIANT},
    },
    memory::CoTaskMemFree,
    variant::{NOTHING, VT_BOOL, VariantClear, number, of_flag, of_number, of_size, of_text, text},
};
use windows_core::{GUID, HRESULT, IUnknown, Interface};

use crate::client::{
    INVALID_ARGUMENT, INVALID_STATE, NOT_SET, POINTER, Program, number as code_of, program, until,
    wide,
};

const JOB_TRANSFERRED: i32 = 6;
const JOB_ERROR: i32 = 4;
const NOT_IMPLEMENTED: u32 = 0x8000_4001;

/// A job of the DO profile, in the foreground.
fn job(program: &Program) -> IBackgroundCopyJob {
    let manager: IBackgroundCopyManager = program.manager.cast().unwrap();
    let (mut id, mut made) = (GUID::zeroed(), ptr::null_mut());
    let name = wide("a job");
    // SAFETY: the places are there, and what is handed out has this interface.
    unsafe {
        let call = manager.vtable().CreateJob;
        let code = call(
            manager.as_raw(),
            name.as_ptr(),
            0,
            &raw mut id,
            &raw mut made,
        );
        assert_eq!(code_of(code), 0);
        let job = IBackgroundCopyJob::from_raw(made);
        let set = (job.vtable().SetPriority)(job.as_raw(), 0);
        assert_eq!(code_of(set), 0);
        job
    }
}

fn call(
    job: &IBackgroundCopyJob,
    method: unsafe extern "system" fn(*mut std::ffi::c_void) -> HRESULT,
) -> u32 {
    // SAFETY: the job has this method, which takes nothing.
    code_of(unsafe { method(job.as_raw()) })
}

fn state(job: &IBackgroundCopyJob) -> i32 {
    let mut state = -1;
    // SAFETY: the place is there.
    let code = unsafe { (job.vtable().GetState)(job.as_raw(), &raw mut state) };
    assert_eq!(code_of(code), 0);
    state
}

fn resume(job: &IBackgroundCopyJob) {
    assert_eq!(call(job, job.vtable().Resume), 0);
}

fn complete(job: &IBackgroundCopyJob) {
    until(|| state(job) == JOB_TRANSFERRED);
    assert_eq!(call(job, job.vtable().Complete), 0);
}

fn first_file(job: &IBackgroundCopyJob) -> IBackgroundCopyFile {
    let (mut list, mut file) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the places are there, and what is handed out has these interfaces.
    unsafe {
        let code = (job.vtable().EnumFiles)(job.as_raw(), &raw mut list);
        assert_eq!(code_of(code), 0);
        let list = IEnumBackgroundCopyFiles::from_raw(list);
        let next = list.vtable().Next;
        let code = next(list.as_raw(), 1, &raw mut file, ptr::null_mut());
        assert_eq!(code_of(code), 0);
        IBackgroundCopyFile::from_raw(file)
    }
}

/// The statistics, by this slot of the interface.
fn statistics(file: &IDeliveryOptimizationFile, slot: usize) -> (String, String, DOSwarmStats) {
    type Method = unsafe extern "system" fn(*mut std::ffi::c_void, *mut DOSwarmStats) -> HRESULT;
    // As a program leaves it on its stack.
    let mut stats = std::mem::MaybeUninit::<DOSwarmStats>::uninit();
    // SAFETY: the vtable has this method in this slot, which fills the place; the texts are freed once.
    unsafe {
        let table = file.as_raw().cast::<*const Method>().read();
        let code = table.add(slot).read()(file.as_raw(), stats.as_mut_ptr());
        assert_eq!(code_of(code), 0, "slot {slot}");
        let stats = stats.assume_init();
        let taken = |text: *mut u16| {
            let length = (0..1 << 16)
                .take_while(|at| text.add(*at).read() != 0)
                .count();
            let units = std::slice::from_raw_parts(text, length);
            let read = String::from_utf16(units).unwrap();
            CoTaskMemFree(text.cast());
            read
        };
        (taken(stats.file_id), taken(stats.source_url), stats)
    }
}

fn set(file: &IDeliveryOptimizationFile2, property: i32, mut value: VARIANT) -> u32 {
    // SAFETY: the value holds what its type says and is this program's.
    unsafe {
        let code = file.SetProperty(property, &raw const value);
        assert!(VariantClear(&raw mut value).is_ok());
        code_of(code)
    }
}

fn get(file: &IDeliveryOptimizationFile2, property: i32) -> Result<VARIANT, u32> {
    let mut value = NOTHING;
    // SAFETY: the place is there.
    let code = unsafe { file.GetProperty(property, &raw mut value) };
    if code.is_ok() {
        Ok(value)
    } else {
        Err(code_of(code))
    }
}

fn add_file(
    job: &IBackgroundCopyJob,
    id: &str,
    url: Option<&str>,
    ranges: &[BG_FILE_RANGE],
) -> Result<IDeliveryOptimizationFile, u32> {
    let job: IDeliveryOptimizationJob2 = job.cast().unwrap();
    let (id, url) = (wide(id), url.map(wide));
    let url = url.as_ref().map_or(ptr::null(), Vec::as_ptr);
    let count = u32::try_from(ranges.len()).unwrap();
    let list = if count == 0 {
        ptr::null()
    } else {
        ranges.as_ptr()
    };
    let mut file = ptr::null_mut();
    // SAFETY: what is lent is there until the call ends, and what is handed out has this interface.
    unsafe {
        let iid = &IDeliveryOptimizationFile::IID;
        let code = job.AddFile(id.as_ptr(), url, count, list, iid, &raw mut file);
        if code.is_err() {
            return Err(code_of(code));
        }
        Ok(IDeliveryOptimizationFile::from_raw(file))
    }
}

#[test]
fn a_file_with_ranges_is_fetched_and_its_statistics_are_in_two_slots() {
    let test = "files::a_file_with_ranges_is_fetched_and_its_statistics_are_in_two_slots";
    program(test, |program| {
        let content: Vec<u8> = (0..9_000_u32).map(|n| (n % 251) as u8).collect();
        let url = program
            .origin
            .serve("/file", Resource::new(content.clone()));
        let job = job(program);
        let delivery: IDeliveryOptimizationJob = job.cast().unwrap();
        let path = program.file("file");
        let (id, remote, local) = (wide("id"), wide(&url), wide(path.to_str().unwrap()));
        let add = |ranges: &[BG_FILE_RANGE]| {
            let count = u32::try_from(ranges.len()).unwrap();
            let (id, remote, local) = (id.as_ptr(), remote.as_ptr(), local.as_ptr());
            // SAFETY: everything is there until the call ends.
            let code = unsafe {
                delivery.AddFileWithRanges(id, remote, local, count, ranges.as_ptr(), u64::MAX)
            };
            code_of(code)
        };
        let range = |initial_offset, length| BG_FILE_RANGE {
            initial_offset,
            length,
        };
        assert_eq!(add(&[range(0, 9), range(8, 9)]), 0x80D0_5012);
        assert_eq!(add(&[range(u64::MAX, 1)]), 0x80D0_5010);
        assert_eq!(add(&[range(4_000, 10), range(8_990, u64::MAX)]), 0);
        resume(&job);
        complete(&job);
        let expected = [&content[4_000..4_010], &content[8_990..]].concat();
        assert_eq!(program.content("file"), expected);

        let file: IDeliveryOptimizationFile = first_file(&job).cast().unwrap();
        for slot in [3, 4] {
            let (id, source, stats) = statistics(&file, slot);
            assert!(!id.is_empty());
            assert_eq!(source, url);
            assert_eq!(stats.file_size, 20, "what is to be fetched");
            assert!(stats.bytes_from_http >= 20, "{stats:?}");
            assert_eq!(stats.total_bytes_downloaded, stats.bytes_from_http);
            assert_eq!((stats.status, stats.download_mode), (1, 0));
            assert!(stats.http_connection_count > 0, "{stats:?}");
            assert_eq!(stats.is_background, 0);
        }
        let file: IDeliveryOptimizationFile2 = file.cast().unwrap();
        let mut local = get(&file, 4).unwrap();
        // SAFETY: the library made it, and this program clears it.
        unsafe {
            assert_eq!(text(&local).ok().as_deref(), path.to_str());
            assert!(VariantClear(&raw mut local).is_ok());
        }
        assert_eq!(number(&get(&file, 6).unwrap()), Ok(20_u64));
        assert_eq!(set(&file, 4, of_text("/tmp/other").unwrap()), INVALID_STATE);
    });
}

#[test]
fn a_new_file_is_the_jobs_once_it_has_a_path() {
    let test = "files::a_new_file_is_the_jobs_once_it_has_a_path";
    program(test, |program| {
        let url = program.origin.serve("/file", Resource::pattern(1, 5_000));
        let job = job(program);
        let file = add_file(&job, "my id", Some(&url), &[]).unwrap();
        assert_eq!(
            call(&job, job.vtable().Resume),
            0x80D0_2004,
            "it is not the job's yet"
        );
        let properties: IDeliveryOptimizationFile2 = file.cast().unwrap();
        assert_eq!(get(&properties, 4).map(|it| it.vt), Err(NOT_SET));
        assert_eq!(get(&properties, 6).map(|it| it.vt), Err(NOT_SET));
        assert_eq!(set(&properties, 6, of_size(5_000)), 0);
        assert_eq!(number(&get(&properties, 6).unwrap()), Ok(5_000_u64));
        let (id, source, stats) = statistics(&file, 3);
        assert_eq!((id.as_str(), source), ("my id", url));
        assert_eq!((stats.file_size, stats.bytes_from_http), (5_000, 0));
        // What would change the bytes that come is refused; what asks for nothing is taken.
        assert_eq!(set(&properties, 0, of_text("{}").unwrap()), NOT_IMPLEMENTED);
        assert_eq!(set(&properties, 1, of_text("x").unwrap()), NOT_IMPLEMENTED);
        assert_eq!(set(&properties, 2, of_flag(true)), 0x80D0_2017);
        assert_eq!(set(&properties, 2, of_flag(false)), 0);
        assert_eq!(get(&properties, 2).unwrap().vt, VT_BOOL);
        assert_eq!(set(&properties, 5, of_flag(true)), 0x80D0_200B);
        assert_eq!(set(&properties, 6, of_text("5").unwrap()), INVALID_ARGUMENT);
        assert_eq!(get(&properties, 0).map(|it| it.vt), Err(0x80D0_2015));
        for unknown in [-1, 7] {
            assert_eq!(set(&properties, unknown, of_number(1)), 0x80D0_2011);
            assert_eq!(get(&properties, unknown).map(|it| it.vt), Err(0x80D0_2011));
        }
        let refused = set(&properties, 4, of_text("relative").unwrap());
        assert_eq!(refused, INVALID_ARGUMENT);
        let path = of_text(program.file("file").to_str().unwrap()).unwrap();
        assert_eq!(set(&properties, 4, path), 0);
        let again = of_text("/tmp/other").unwrap();
        assert_eq!(set(&properties, 4, again), 0x80D0_2019);
        resume(&job);
        complete(&job);
        assert_eq!(program.content("file").len(), 5_000);
        let (id, _, stats) = statistics(&file, 4);
        assert_eq!((id.as_str(), stats.status), ("my id", 1));
        let final_one = add_file(&job, "id", Some("http://127.0.0.1:1/x"), &[]);
        assert_eq!(final_one.map(drop), Err(INVALID_STATE));
    });
}

#[test]
fn a_job_tells_what_stopped_it_and_keeps_one_identity() {
    let test = "files::a_job_tells_what_stopped_it_and_keeps_one_identity";
    program(test, |program| {
        let job = job(program);
        let delivery: IDeliveryOptimizationJob2 = job.cast().unwrap();
        let again: IBackgroundCopyJob = delivery.cast().unwrap();
        let (one, other): (IUnknown, IUnknown) = (job.cast().unwrap(), delivery.cast().unwrap());
        assert_eq!(one.as_raw(), other.as_raw());
        assert_eq!(again.as_raw(), job.as_raw());
        let get = |property| {
            let mut value = NOTHING;
            // SAFETY: the place is there.
            let code = unsafe { delivery.GetProperty(property, &raw mut value) };
            (code_of(code), value)
        };
        assert_eq!(get(0).0, NOT_SET);
        assert_eq!(get(1).0, 0x80D0_2011);
        let value = of_number(0);
        // SAFETY: the value is there, and null is refused.
        unsafe {
            assert_eq!(
                code_of(delivery.SetProperty(0, &raw const value)),
                0x80D0_2012
            );
            assert_eq!(
                code_of(delivery.SetProperty(1, &raw const value)),
                0x80D0_2011
            );
            assert_eq!(code_of(delivery.SetProperty(0, ptr::null())), POINTER);
            assert_eq!(code_of(delivery.GetProperty(0, ptr::null_mut())), POINTER);
        }
        assert_eq!(add_file(&job, "id", None, &[]).map(drop), Err(0x80D0_2200));
        let missing = program.origin.url("/missing");
        let file = add_file(&job, "id", Some(&missing), &[]).unwrap();
        let path = of_text(program.file("missing").to_str().unwrap()).unwrap();
        assert_eq!(set(&file.cast().unwrap(), 4, path), 0);
        resume(&job);
        until(|| state(&job) == JOB_ERROR);
        let (code, mut value) = get(0);
        assert_eq!(code, 0);
        // SAFETY: the library made it, and this program clears it.
        unsafe {
            let words = text(&value).ok().unwrap();
            assert!(words.contains("404"), "{words}");
            assert!(VariantClear(&raw mut value).is_ok());
        }
    });
}
