//! The structures and numbers that cross the boundary, laid out as on LP64 Linux.
//!
//! Owns layouts alone; `abi/layout.c` and the assertions below hold them to the headers. A `LONG`, `ULONG`, `DWORD`,
//! `BOOL` or enumeration is 32 bits, a character 16.

#![allow(
    non_camel_case_types,
    missing_docs,
    reason = "the names are the headers', which describe them"
)]

use std::{ffi::c_void, mem::size_of};

pub use windows_core::GUID;

/// A UTF-16 text that ends with 0 and belongs to the caller.
pub type PCWSTR = *const u16;
/// Where a UTF-16 text is put that the caller frees with `CoTaskMemFree`.
pub type OutText = *mut *mut u16;

/// 100 nanoseconds since 1601, in two halves.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FILETIME {
    pub low: u32,
    pub high: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BG_FILE_PROGRESS {
    pub bytes_total: u64,
    pub bytes_transferred: u64,
    pub completed: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BG_FILE_INFO {
    pub remote_name: PCWSTR,
    pub local_name: PCWSTR,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BG_JOB_PROGRESS {
    pub bytes_total: u64,
    pub bytes_transferred: u64,
    pub files_total: u32,
    pub files_transferred: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BG_JOB_REPLY_PROGRESS {
    pub bytes_total: u64,
    pub bytes_transferred: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BG_JOB_TIMES {
    pub creation: FILETIME,
    pub modification: FILETIME,
    pub transfer_completion: FILETIME,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BG_FILE_RANGE {
    pub initial_offset: u64,
    pub length: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BG_BASIC_CREDENTIALS {
    pub user_name: PCWSTR,
    pub password: PCWSTR,
}

/// Its union has the one member that basic credentials are.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BG_AUTH_CREDENTIALS {
    pub target: i32,
    pub scheme: i32,
    pub credentials: BG_BASIC_CREDENTIALS,
}

/// Passed by value: 16 bytes, in two integer registers.
#[repr(C)]
#[derive(Clone, Copy)]
pub union BITS_JOB_PROPERTY_VALUE {
    pub dword: u32,
    pub cluster_id: GUID,
    pub enable: i32,
    pub uint64: u64,
    pub target: i32,
}

/// Passed by value: 8 bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub union BITS_FILE_PROPERTY_VALUE {
    pub string: *mut u16,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DO_DOWNLOAD_RANGE {
    pub offset: u64,
    pub length: u64,
}

/// `ranges` has `range_count` elements.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DO_DOWNLOAD_RANGES_INFO {
    pub range_count: u32,
    pub ranges: [DO_DOWNLOAD_RANGE; 1],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DO_DOWNLOAD_STATUS {
    pub bytes_total: u64,
    pub bytes_transferred: u64,
    pub state: i32,
    pub error: i32,
    pub extended_error: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DO_DOWNLOAD_ENUM_CATEGORY {
    pub property: i32,
    pub value: PCWSTR,
}

/// The members that this library reads and writes; the kind says which one holds.
#[repr(C)]
#[derive(Clone, Copy)]
pub union VARIANT_VALUE {
    pub bool_val: i16,
    pub i1: i8,
    pub ui1: u8,
    pub i2: i16,
    pub ui2: u16,
    pub i4: i32,
    pub ui4: u32,
    pub i8: i64,
    pub ui8: u64,
    pub bstr: *mut u16,
    pub unknown: *mut c_void,
    pub array: *mut c_void,
    /// As wide as the widest member (a record: two pointers).
    pub record: [*mut c_void; 2],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct VARIANT {
    pub vt: u16,
    pub reserved: [u16; 3],
    pub value: VARIANT_VALUE,
}

const _: () = assert!(
    size_of::<BG_FILE_PROGRESS>() == 24
        && size_of::<BG_JOB_PROGRESS>() == 24
        && size_of::<BG_JOB_TIMES>() == 24
        && size_of::<BG_AUTH_CREDENTIALS>() == 24
        && size_of::<BITS_JOB_PROPERTY_VALUE>() == 16
        && size_of::<BITS_FILE_PROPERTY_VALUE>() == 8
        && size_of::<DO_DOWNLOAD_RANGES_INFO>() == 24
        && size_of::<DO_DOWNLOAD_STATUS>() == 32
        && size_of::<VARIANT>() == 24
);
