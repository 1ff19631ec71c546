//! The interfaces of Delivery Optimization that no public header declares, and the streams that its downloads write to.
//!
//! Owns declarations alone, like [`super::interfaces`]: a line that is lost or moved breaks programs built years ago.

#![allow(
    non_camel_case_types,
    non_snake_case,
    missing_docs,
    clippy::missing_safety_doc,
    reason = "the names are the platform's, which describes them; every pointer is checked for null where it is used"
)]
#![allow(
    clippy::too_many_arguments,
    reason = "a method takes what its slot takes"
)]

use std::{
    ffi::c_void,
    mem::{offset_of, size_of},
};

use windows_core::{HRESULT, IUnknown, interface};

use super::{
    interfaces::Out,
    types::{BG_FILE_RANGE, GUID, PCWSTR, VARIANT},
};

#[interface("ee2584cf-a69c-4848-b633-2649962b3ef7")]
pub unsafe trait IDeliveryOptimizationJob: IUnknown {
    pub unsafe fn AddFileWithRanges(
        &self,
        file_id: PCWSTR,
        url: PCWSTR,
        path: PCWSTR,
        count: u32,
        ranges: *const BG_FILE_RANGE,
        size: u64,
    ) -> HRESULT;
}

#[interface("18995a26-bf59-4abe-9f8b-d5092d5a2405")]
pub unsafe trait IDeliveryOptimizationJob2: IUnknown {
    pub unsafe fn AddFile(
        &self,
        file_id: PCWSTR,
        url: PCWSTR,
        count: u32,
        ranges: *const BG_FILE_RANGE,
        interface: *const GUID,
        file: Out,
    ) -> HRESULT;
    pub unsafe fn GetProperty(&self, property: i32, value: *mut VARIANT) -> HRESULT;
    pub unsafe fn SetProperty(&self, property: i32, value: *const VARIANT) -> HRESULT;
}

#[interface("b76b9699-e99e-4101-803f-a20e325d93e2")]
pub unsafe trait IDeliveryOptimizationFile: IUnknown {
    pub unsafe fn GetStats(&self, stats: *mut DOSwarmStats) -> HRESULT;
    /// Programs are about that call `GetStats` one slot further on.
    pub unsafe fn GetStatsAtSlot4(&self, stats: *mut DOSwarmStats) -> HRESULT;
}

#[interface("3a87296f-6ec2-4126-ab29-e3f8dc4cc390")]
pub unsafe trait IDeliveryOptimizationFile2: IUnknown {
    pub unsafe fn GetProperty(&self, property: i32, value: *mut VARIANT) -> HRESULT;
    pub unsafe fn SetProperty(&self, property: i32, value: *const VARIANT) -> HRESULT;
}

/// What a download writes to: the first slots of `IStream`.
#[interface("0c733a30-2a1c-11ce-ade5-00aa0044773d")]
pub unsafe trait ISequentialStream: IUnknown {
    pub unsafe fn Read(&self, data: *mut c_void, size: u32, read: *mut u32) -> HRESULT;
    pub unsafe fn Write(&self, data: *const c_void, size: u32, written: *mut u32) -> HRESULT;
}

/// Its further slots are never called from here.
#[interface("0000000c-0000-0000-c000-000000000046")]
pub unsafe trait IStream: ISequentialStream {}

/// Its texts are freed with `CoTaskMemFree`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DOSwarmStats {
    pub file_id: *mut u16,
    pub source_url: *mut u16,
    pub file_size: u64,
    pub total_bytes_downloaded: u64,
    pub bytes_from_lan_peers: u64,
    pub bytes_from_group_peers: u64,
    pub bytes_from_internet_peers: u64,
    pub bytes_from_http: u64,
    pub bytes_from_cache_server: u64,
    pub bytes_to_lan_peers: u64,
    pub bytes_to_group_peers: u64,
    pub bytes_to_internet_peers: u64,
    pub http_connection_count: u32,
    pub cache_server_connection_count: u32,
    pub lan_connection_count: u32,
    pub group_connection_count: u32,
    pub internet_connection_count: u32,
    pub download_duration: u32,
    pub download_mode: u32,
    pub status: u32,
    pub is_background: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SAFEARRAYBOUND {
    pub elements: u32,
    pub lower: i32,
}

/// `bounds` has `dimensions` elements.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SAFEARRAY {
    pub dimensions: u16,
    pub features: u16,
    pub element_size: u32,
    pub locks: u32,
    pub data: *mut c_void,
    pub bounds: [SAFEARRAYBOUND; 1],
}

const _: () = assert!(
    size_of::<DOSwarmStats>() == 136
        && offset_of!(DOSwarmStats, http_connection_count) == 96
        && offset_of!(DOSwarmStats, is_background) == 128
        && size_of::<SAFEARRAY>() == 32
        && offset_of!(SAFEARRAY, data) == 16
);
