//! The identifiers that programs link against, as exported data.
//!
//! Must never change one: they are compiled into programs.

#![allow(
    non_upper_case_globals,
    missing_docs,
    reason = "the names are the headers', which describe them"
)]

use windows_core::{GUID, IUnknown, Interface};

use super::{delivery, interfaces as all};

/// Exports the identifier of an interface under the name that the headers give it.
macro_rules! interfaces {
    ($($name:ident = $interface:path;)*) => {
        $(#[unsafe(no_mangle)]
        pub static $name: GUID = <$interface as Interface>::IID;)*
    };
}

/// The identifier that is none.
#[unsafe(no_mangle)]
pub static GUID_NULL: GUID = GUID::zeroed();
#[unsafe(no_mangle)]
pub static IID_NULL: GUID = GUID::zeroed();

/// Exports a class' identifier, and has it as a constant here.
macro_rules! classes {
    ($($name:ident = $id:literal;)*) => {
        $(pub const $name: GUID = GUID::from_u128($id);)*

        /// The same as data.
        mod data {
            use super::GUID;

            $(#[unsafe(no_mangle)]
            static $name: GUID = super::$name;)*
        }
    };
}

interfaces! {
    IID_IUnknown = IUnknown;
    IID_IBackgroundCopyManager = all::IBackgroundCopyManager;
    IID_IBackgroundCopyJob = all::IBackgroundCopyJob;
    IID_IBackgroundCopyJob2 = all::IBackgroundCopyJob2;
    IID_IBackgroundCopyJob3 = all::IBackgroundCopyJob3;
    IID_IBackgroundCopyJob4 = all::IBackgroundCopyJob4;
    IID_IBackgroundCopyJob5 = all::IBackgroundCopyJob5;
    IID_IBackgroundCopyFile = all::IBackgroundCopyFile;
    IID_IBackgroundCopyFile2 = all::IBackgroundCopyFile2;
    IID_IBackgroundCopyFile3 = all::IBackgroundCopyFile3;
    IID_IBackgroundCopyFile4 = all::IBackgroundCopyFile4;
    IID_IBackgroundCopyFile5 = all::IBackgroundCopyFile5;
    IID_IBackgroundCopyError = all::IBackgroundCopyError;
    IID_IBackgroundCopyCallback = all::IBackgroundCopyCallback;
    IID_IBackgroundCopyCallback2 = all::IBackgroundCopyCallback2;
    IID_IEnumBackgroundCopyFiles = all::IEnumBackgroundCopyFiles;
    IID_IEnumBackgroundCopyJobs = all::IEnumBackgroundCopyJobs;
    IID_IBackgroundCopyJobHttpOptions = all::IBackgroundCopyJobHttpOptions;
    IID_IDOManager = all::IDOManager;
    IID_IDODownload = all::IDODownload;
    IID_IDODownloadStatusCallback = all::IDODownloadStatusCallback;
    IID_IEnumUnknown = all::IEnumUnknown;
    IID_IDeliveryOptimizationJob = delivery::IDeliveryOptimizationJob;
    IID_IDeliveryOptimizationJob2 = delivery::IDeliveryOptimizationJob2;
    IID_IDeliveryOptimizationFile = delivery::IDeliveryOptimizationFile;
    IID_IDeliveryOptimizationFile2 = delivery::IDeliveryOptimizationFile2;
    IID_ISequentialStream = delivery::ISequentialStream;
    IID_IStream = delivery::IStream;
}

classes! {
    CLSID_DeliveryOptimization = 0x5b99fa76_721c_423c_adac_56d03c8a8007;
    CLSID_BackgroundCopyManager = 0x4991d34b_80a1_4291_83b6_3328366b9097;
    CLSID_BackgroundCopyManager1_5 = 0xf087771f_d74f_4c1a_bb8a_e16aca9124ea;
    CLSID_BackgroundCopyManager2_0 = 0x6d18ad12_bde3_4393_b311_099c346e6df9;
    CLSID_BackgroundCopyManager2_5 = 0x03ca98d6_ff5d_49b8_abc6_03dd84127020;
    CLSID_BackgroundCopyManager3_0 = 0x659cdea7_489e_11d9_a9cd_000d56965251;
    CLSID_BackgroundCopyManager4_0 = 0xbb6df56b_cace_11dc_9992_0019b93a3a84;
    CLSID_BackgroundCopyManager5_0 = 0x1ecca34c_e88a_44e3_8d6a_8921bde9e452;
    CLSID_BackgroundCopyManager10_1 = 0x4bd3e4e1_7bd4_4a2b_9964_496400de5193;
    CLSID_BackgroundCopyManager10_2 = 0x4575438f_a6c8_4976_b0fe_2f26b80d959e;
    CLSID_BackgroundCopyManager10_3 = 0x5fd42ad5_c04e_4d36_adc7_e08ff15737ad;
}
