//! The interfaces, slot by slot: each trait lists its methods in the order of the vtable.
//!
//! Owns declarations alone. Must never lose or move a line: a program that was built years ago calls by number.

#![allow(
    non_snake_case,
    missing_docs,
    clippy::missing_safety_doc,
    reason = "the names are the headers', which describe them; every pointer is checked for null where it is used"
)]
#![allow(
    clippy::too_many_arguments,
    reason = "a method takes what its slot takes"
)]

use std::ffi::c_void;

use windows_core::{HRESULT, IUnknown, interface};

use super::types::{
    BG_AUTH_CREDENTIALS, BG_FILE_INFO, BG_FILE_PROGRESS, BG_FILE_RANGE, BG_JOB_PROGRESS,
    BG_JOB_REPLY_PROGRESS, BG_JOB_TIMES, BITS_FILE_PROPERTY_VALUE, BITS_JOB_PROPERTY_VALUE,
    DO_DOWNLOAD_ENUM_CATEGORY, DO_DOWNLOAD_RANGES_INFO, DO_DOWNLOAD_STATUS, GUID, OutText, PCWSTR,
    VARIANT,
};

/// A place for an interface pointer, which the caller releases.
pub type Out = *mut *mut c_void;
/// An interface pointer that is lent for the call.
pub type In = *mut c_void;

#[interface("5ce34c0d-0dc9-4c1f-897c-daa1b78cee7c")]
pub unsafe trait IBackgroundCopyManager: IUnknown {
    unsafe fn CreateJob(&self, name: PCWSTR, kind: i32, id: *mut GUID, job: Out) -> HRESULT;
    unsafe fn GetJob(&self, id: *const GUID, job: Out) -> HRESULT;
    unsafe fn EnumJobs(&self, flags: u32, jobs: Out) -> HRESULT;
    unsafe fn GetErrorDescription(&self, code: HRESULT, language: u32, text: OutText) -> HRESULT;
}

#[interface("37668d37-507e-4160-9316-26306d150b12")]
pub unsafe trait IBackgroundCopyJob: IUnknown {
    unsafe fn AddFileSet(&self, count: u32, files: *const BG_FILE_INFO) -> HRESULT;
    unsafe fn AddFile(&self, url: PCWSTR, path: PCWSTR) -> HRESULT;
    unsafe fn EnumFiles(&self, files: Out) -> HRESULT;
    unsafe fn Suspend(&self) -> HRESULT;
    unsafe fn Resume(&self) -> HRESULT;
    unsafe fn Cancel(&self) -> HRESULT;
    unsafe fn Complete(&self) -> HRESULT;
    unsafe fn GetId(&self, id: *mut GUID) -> HRESULT;
    unsafe fn GetType(&self, kind: *mut i32) -> HRESULT;
    unsafe fn GetProgress(&self, progress: *mut BG_JOB_PROGRESS) -> HRESULT;
    unsafe fn GetTimes(&self, times: *mut BG_JOB_TIMES) -> HRESULT;
    unsafe fn GetState(&self, state: *mut i32) -> HRESULT;
    unsafe fn GetError(&self, error: Out) -> HRESULT;
    unsafe fn GetOwner(&self, owner: OutText) -> HRESULT;
    unsafe fn SetDisplayName(&self, name: PCWSTR) -> HRESULT;
    unsafe fn GetDisplayName(&self, name: OutText) -> HRESULT;
    unsafe fn SetDescription(&self, description: PCWSTR) -> HRESULT;
    unsafe fn GetDescription(&self, description: OutText) -> HRESULT;
    unsafe fn SetPriority(&self, priority: i32) -> HRESULT;
    unsafe fn GetPriority(&self, priority: *mut i32) -> HRESULT;
    unsafe fn SetNotifyFlags(&self, flags: u32) -> HRESULT;
    unsafe fn GetNotifyFlags(&self, flags: *mut u32) -> HRESULT;
    unsafe fn SetNotifyInterface(&self, callback: In) -> HRESULT;
    unsafe fn GetNotifyInterface(&self, callback: Out) -> HRESULT;
    unsafe fn SetMinimumRetryDelay(&self, seconds: u32) -> HRESULT;
    unsafe fn GetMinimumRetryDelay(&self, seconds: *mut u32) -> HRESULT;
    unsafe fn SetNoProgressTimeout(&self, seconds: u32) -> HRESULT;
    unsafe fn GetNoProgressTimeout(&self, seconds: *mut u32) -> HRESULT;
    unsafe fn GetErrorCount(&self, count: *mut u32) -> HRESULT;
    unsafe fn SetProxySettings(&self, usage: i32, proxies: PCWSTR, bypass: PCWSTR) -> HRESULT;
    unsafe fn GetProxySettings(
        &self,
        usage: *mut i32,
        proxies: OutText,
        bypass: OutText,
    ) -> HRESULT;
    unsafe fn TakeOwnership(&self) -> HRESULT;
}

#[interface("54b50739-686f-45eb-9dff-d6a9a0faa9af")]
pub unsafe trait IBackgroundCopyJob2: IBackgroundCopyJob {
    unsafe fn SetNotifyCmdLine(&self, program: PCWSTR, parameters: PCWSTR) -> HRESULT;
    unsafe fn GetNotifyCmdLine(&self, program: OutText, parameters: OutText) -> HRESULT;
    unsafe fn GetReplyProgress(&self, progress: *mut BG_JOB_REPLY_PROGRESS) -> HRESULT;
    unsafe fn GetReplyData(&self, data: *mut *mut u8, length: *mut u64) -> HRESULT;
    unsafe fn SetReplyFileName(&self, name: PCWSTR) -> HRESULT;
    unsafe fn GetReplyFileName(&self, name: OutText) -> HRESULT;
    unsafe fn SetCredentials(&self, credentials: *const BG_AUTH_CREDENTIALS) -> HRESULT;
    unsafe fn RemoveCredentials(&self, target: i32, scheme: i32) -> HRESULT;
}

#[interface("443c8934-90ff-48ed-bcde-26f5c7450042")]
pub unsafe trait IBackgroundCopyJob3: IBackgroundCopyJob2 {
    unsafe fn ReplaceRemotePrefix(&self, old: PCWSTR, new: PCWSTR) -> HRESULT;
    unsafe fn AddFileWithRanges(
        &self,
        url: PCWSTR,
        path: PCWSTR,
        count: u32,
        ranges: *const BG_FILE_RANGE,
    ) -> HRESULT;
    unsafe fn SetFileACLFlags(&self, flags: u32) -> HRESULT;
    unsafe fn GetFileACLFlags(&self, flags: *mut u32) -> HRESULT;
}

#[interface("659cdeae-489e-11d9-a9cd-000d56965251")]
pub unsafe trait IBackgroundCopyJob4: IBackgroundCopyJob3 {
    unsafe fn SetPeerCachingFlags(&self, flags: u32) -> HRESULT;
    unsafe fn GetPeerCachingFlags(&self, flags: *mut u32) -> HRESULT;
    unsafe fn GetOwnerIntegrityLevel(&self, level: *mut u32) -> HRESULT;
    unsafe fn GetOwnerElevationState(&self, elevated: *mut i32) -> HRESULT;
    unsafe fn SetMaximumDownloadTime(&self, seconds: u32) -> HRESULT;
    unsafe fn GetMaximumDownloadTime(&self, seconds: *mut u32) -> HRESULT;
}

#[interface("e847030c-bbba-4657-af6d-484aa42bf1fe")]
pub unsafe trait IBackgroundCopyJob5: IBackgroundCopyJob4 {
    unsafe fn SetProperty(&self, property: i32, value: BITS_JOB_PROPERTY_VALUE) -> HRESULT;
    unsafe fn GetProperty(&self, property: i32, value: *mut BITS_JOB_PROPERTY_VALUE) -> HRESULT;
}

#[interface("01b7bd23-fb88-4a77-8490-5891d3e4653a")]
pub unsafe trait IBackgroundCopyFile: IUnknown {
    unsafe fn GetRemoteName(&self, url: OutText) -> HRESULT;
    unsafe fn GetLocalName(&self, path: OutText) -> HRESULT;
    unsafe fn GetProgress(&self, progress: *mut BG_FILE_PROGRESS) -> HRESULT;
}

#[interface("83e81b93-0873-474d-8a8c-f2018b1a939c")]
pub unsafe trait IBackgroundCopyFile2: IBackgroundCopyFile {
    unsafe fn GetFileRanges(&self, count: *mut u32, ranges: *mut *mut BG_FILE_RANGE) -> HRESULT;
    unsafe fn SetRemoteName(&self, url: PCWSTR) -> HRESULT;
}

#[interface("659cdeaa-489e-11d9-a9cd-000d56965251")]
pub unsafe trait IBackgroundCopyFile3: IBackgroundCopyFile2 {
    unsafe fn GetTemporaryName(&self, path: OutText) -> HRESULT;
    unsafe fn SetValidationState(&self, valid: i32) -> HRESULT;
    unsafe fn GetValidationState(&self, valid: *mut i32) -> HRESULT;
    unsafe fn IsDownloadedFromPeer(&self, from_peer: *mut i32) -> HRESULT;
}

#[interface("ef7e0655-7888-4960-b0e5-730846e03492")]
pub unsafe trait IBackgroundCopyFile4: IBackgroundCopyFile3 {
    unsafe fn GetPeerDownloadStats(&self, from_origin: *mut u64, from_peers: *mut u64) -> HRESULT;
}

#[interface("85c1657f-dafc-40e8-8834-df18ea25717e")]
pub unsafe trait IBackgroundCopyFile5: IBackgroundCopyFile4 {
    unsafe fn SetProperty(&self, property: i32, value: BITS_FILE_PROPERTY_VALUE) -> HRESULT;
    unsafe fn GetProperty(&self, property: i32, value: *mut BITS_FILE_PROPERTY_VALUE) -> HRESULT;
}

#[interface("19c613a0-fcb8-4f28-81ae-897c3d078f81")]
pub unsafe trait IBackgroundCopyError: IUnknown {
    unsafe fn GetError(&self, context: *mut i32, code: *mut HRESULT) -> HRESULT;
    unsafe fn GetFile(&self, file: Out) -> HRESULT;
    unsafe fn GetErrorDescription(&self, language: u32, text: OutText) -> HRESULT;
    unsafe fn GetErrorContextDescription(&self, language: u32, text: OutText) -> HRESULT;
    unsafe fn GetProtocol(&self, protocol: OutText) -> HRESULT;
}

#[interface("97ea99c7-0186-4ad4-8df9-c5b4e0ed6b22")]
pub unsafe trait IBackgroundCopyCallback: IUnknown {
    pub unsafe fn JobTransferred(&self, job: In) -> HRESULT;
    pub unsafe fn JobError(&self, job: In, error: In) -> HRESULT;
    pub unsafe fn JobModification(&self, job: In, reserved: u32) -> HRESULT;
}

#[interface("659cdeac-489e-11d9-a9cd-000d56965251")]
pub unsafe trait IBackgroundCopyCallback2: IBackgroundCopyCallback {
    pub unsafe fn FileTransferred(&self, job: In, file: In) -> HRESULT;
}

#[interface("ca51e165-c365-424c-8d41-24aaa4ff3c40")]
pub unsafe trait IEnumBackgroundCopyFiles: IUnknown {
    unsafe fn Next(&self, count: u32, files: Out, fetched: *mut u32) -> HRESULT;
    unsafe fn Skip(&self, count: u32) -> HRESULT;
    unsafe fn Reset(&self) -> HRESULT;
    unsafe fn Clone(&self, copy: Out) -> HRESULT;
    unsafe fn GetCount(&self, count: *mut u32) -> HRESULT;
}

#[interface("1af4f612-3b71-466f-8f58-7b6f73ac57ad")]
pub unsafe trait IEnumBackgroundCopyJobs: IUnknown {
    unsafe fn Next(&self, count: u32, jobs: Out, fetched: *mut u32) -> HRESULT;
    unsafe fn Skip(&self, count: u32) -> HRESULT;
    unsafe fn Reset(&self) -> HRESULT;
    unsafe fn Clone(&self, copy: Out) -> HRESULT;
    unsafe fn GetCount(&self, count: *mut u32) -> HRESULT;
}

#[interface("f1bd1079-9f01-4bdc-8036-f09b70095066")]
pub unsafe trait IBackgroundCopyJobHttpOptions: IUnknown {
    unsafe fn SetClientCertificateByID(&self, store: i32, name: PCWSTR, hash: *const u8)
    -> HRESULT;
    unsafe fn SetClientCertificateByName(
        &self,
        store: i32,
        name: PCWSTR,
        subject: PCWSTR,
    ) -> HRESULT;
    unsafe fn RemoveClientCertificate(&self) -> HRESULT;
    unsafe fn GetClientCertificate(
        &self,
        store: *mut i32,
        name: OutText,
        hash: *mut *mut u8,
        subject: OutText,
    ) -> HRESULT;
    unsafe fn SetCustomHeaders(&self, headers: PCWSTR) -> HRESULT;
    unsafe fn GetCustomHeaders(&self, headers: OutText) -> HRESULT;
    unsafe fn SetSecurityFlags(&self, flags: u32) -> HRESULT;
    unsafe fn GetSecurityFlags(&self, flags: *mut u32) -> HRESULT;
}

#[interface("400e2d4a-1431-4c1a-a748-39ca472cfdb1")]
pub unsafe trait IDOManager: IUnknown {
    pub unsafe fn CreateDownload(&self, download: Out) -> HRESULT;
    pub unsafe fn EnumDownloads(
        &self,
        category: *const DO_DOWNLOAD_ENUM_CATEGORY,
        downloads: Out,
    ) -> HRESULT;
}

#[interface("fbbd7fc0-c147-4727-a38d-827ef071ee77")]
pub unsafe trait IDODownload: IUnknown {
    pub unsafe fn Start(&self, ranges: *const DO_DOWNLOAD_RANGES_INFO) -> HRESULT;
    pub unsafe fn Pause(&self) -> HRESULT;
    pub unsafe fn Abort(&self) -> HRESULT;
    pub unsafe fn Finalize(&self) -> HRESULT;
    pub unsafe fn GetStatus(&self, status: *mut DO_DOWNLOAD_STATUS) -> HRESULT;
    pub unsafe fn GetProperty(&self, property: i32, value: *mut VARIANT) -> HRESULT;
    pub unsafe fn SetProperty(&self, property: i32, value: *const VARIANT) -> HRESULT;
}

#[interface("d166e8e3-a90e-4392-8e87-05e996d3747d")]
pub unsafe trait IDODownloadStatusCallback: IUnknown {
    pub unsafe fn OnStatusChange(&self, download: In, status: *const DO_DOWNLOAD_STATUS)
    -> HRESULT;
}

#[interface("00000100-0000-0000-c000-000000000046")]
pub unsafe trait IEnumUnknown: IUnknown {
    pub unsafe fn Next(&self, count: u32, objects: Out, fetched: *mut u32) -> HRESULT;
    pub unsafe fn Skip(&self, count: u32) -> HRESULT;
    pub unsafe fn Reset(&self) -> HRESULT;
    pub unsafe fn Clone(&self, copy: Out) -> HRESULT;
}
