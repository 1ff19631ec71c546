//! What Delivery Optimization adds to a file: its statistics, and properties of its own.
//!
//! Owns the numbers of those properties, and the statistics' layout for the caller.

use std::path::Path;

use bgcopy_client::FileStatistics;
use bgcopy_model::{HResult, UNKNOWN_SIZE};
use windows_core::HRESULT;

use crate::{
    abi::{
        delivery::{DOSwarmStats, IDeliveryOptimizationFile_Impl, IDeliveryOptimizationFile2_Impl},
        types::VARIANT,
    },
    fault::{Outcome, answer},
    file::File_Impl,
    memory::{CoTaskMemFree, hand_out_text},
    place::Place,
    variant::{self, NOTHING},
};

/// Nothing is kept in memory (`DO_E_MEMORYSTREAM_NOT_SUPPORTED`).
const NO_MEMORY_STREAM: HResult = HResult(0x80D0_200B);

/// A property of a file (`DOFilePropertyId`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileProperty {
    /// How to decrypt.
    DecryptionInfo,
    /// Where the piece hashes are.
    IntegrityCheckInfo,
    /// Whether they must be checked.
    IntegrityCheckMandatory,
    /// An object to write to.
    SinkInterface,
    /// A path to write to.
    SinkPath,
    /// Memory to write to.
    SinkMemory,
    /// Bytes of the remote file.
    TotalSize,
}

impl FileProperty {
    /// That of a number.
    ///
    /// # Errors
    /// There is no such property.
    pub fn of(number: i32) -> Outcome<Self> {
        Ok(match number {
            0 => Self::DecryptionInfo,
            1 => Self::IntegrityCheckInfo,
            2 => Self::IntegrityCheckMandatory,
            3 => Self::SinkInterface,
            4 => Self::SinkPath,
            5 => Self::SinkMemory,
            6 => Self::TotalSize,
            _ => return Err(HResult::DO_E_UNKNOWN_PROPERTY_ID.into()),
        })
    }

    /// Takes a value for what a job's file cannot be told, whatever its state: refuses what would have to change the
    /// bytes that come, and lets pass what asks for nothing.
    ///
    /// # Errors
    /// The value is of another type, or the service cannot do this.
    pub fn accept(self, value: &VARIANT) -> Outcome {
        let unable = match self {
            Self::DecryptionInfo | Self::IntegrityCheckInfo | Self::SinkInterface => {
                HResult::E_NOTIMPL
            }
            Self::IntegrityCheckMandatory if variant::flag(value)? => {
                HResult::DO_E_INTEGRITYCHECKINFO_UNAVAILABLE
            }
            Self::IntegrityCheckMandatory => return Ok(()),
            Self::SinkPath => HResult::DO_E_DOWNLOADSINK_ALREADY_SET,
            Self::SinkMemory => NO_MEMORY_STREAM,
            Self::TotalSize => return variant::number::<u64>(value).map(drop),
        };
        Err(unable.into())
    }

    /// Its value for the caller, who clears it, with what is known of the file.
    ///
    /// # Errors
    /// It has none, or can only be set.
    pub fn value(self, path: Option<&Path>, size: Option<u64>) -> Outcome<VARIANT> {
        let none = match self {
            Self::DecryptionInfo | Self::IntegrityCheckInfo => HResult::DO_E_WRITE_ONLY_PROPERTY,
            Self::IntegrityCheckMandatory => return Ok(variant::of_flag(false)),
            Self::SinkInterface => HResult::E_NOT_SET,
            Self::SinkPath => {
                let path = path.ok_or(HResult::E_NOT_SET)?;
                return variant::of_text(&path.to_string_lossy());
            }
            Self::SinkMemory => NO_MEMORY_STREAM,
            Self::TotalSize => {
                let size = size.ok_or(HResult::E_NOT_SET)?;
                return Ok(variant::of_size(size));
            }
        };
        Err(none.into())
    }
}

/// The statistics as they cross the boundary; the caller frees the two texts.
pub fn as_told(statistics: &FileStatistics) -> Outcome<DOSwarmStats> {
    let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let file_id = hand_out_text(&statistics.file_id)?;
    let source_url = hand_out_text(&statistics.source_url).inspect_err(|_| {
        // SAFETY: it was just allocated, and nobody else has it.
        unsafe { CoTaskMemFree(file_id.cast()) }
    })?;
    let from_peers = [
        statistics.bytes_from_lan_peers,
        statistics.bytes_from_group_peers,
        statistics.bytes_from_internet_peers,
    ];
    let others = [
        statistics.bytes_from_http,
        statistics.bytes_from_cache_server,
    ];
    let from_all = from_peers.into_iter().chain(others);
    Ok(DOSwarmStats {
        file_id,
        source_url,
        file_size: statistics.file_size,
        total_bytes_downloaded: from_all.fold(0, u64::saturating_add),
        bytes_from_lan_peers: statistics.bytes_from_lan_peers,
        bytes_from_group_peers: statistics.bytes_from_group_peers,
        bytes_from_internet_peers: statistics.bytes_from_internet_peers,
        bytes_from_http: statistics.bytes_from_http,
        bytes_from_cache_server: statistics.bytes_from_cache_server,
        bytes_to_lan_peers: statistics.bytes_to_lan_peers,
        bytes_to_group_peers: statistics.bytes_to_group_peers,
        bytes_to_internet_peers: statistics.bytes_to_internet_peers,
        http_connection_count: count(statistics.http_connection_count),
        cache_server_connection_count: count(statistics.cache_server_connection_count),
        lan_connection_count: count(statistics.lan_connection_count),
        group_connection_count: count(statistics.group_connection_count),
        internet_connection_count: count(statistics.internet_connection_count),
        download_duration: count(statistics.duration_milliseconds),
        download_mode: statistics.download_mode,
        status: statistics.status,
        is_background: i32::from(statistics.is_background),
    })
}

/// Nothing, so that a failure leaves no pointer behind.
pub const NO_STATISTICS: DOSwarmStats = DOSwarmStats {
    file_id: std::ptr::null_mut(),
    source_url: std::ptr::null_mut(),
    file_size: UNKNOWN_SIZE,
    total_bytes_downloaded: 0,
    bytes_from_lan_peers: 0,
    bytes_from_group_peers: 0,
    bytes_from_internet_peers: 0,
    bytes_from_http: 0,
    bytes_from_cache_server: 0,
    bytes_to_lan_peers: 0,
    bytes_to_group_peers: 0,
    bytes_to_internet_peers: 0,
    http_connection_count: 0,
    cache_server_connection_count: 0,
    lan_connection_count: 0,
    group_connection_count: 0,
    internet_connection_count: 0,
    download_duration: 0,
    download_mode: FileStatistics::CDN_ONLY,
    status: FileStatistics::PAUSED,
    is_background: 0,
};

impl IDeliveryOptimizationFile_Impl for File_Impl {
    unsafe fn GetStats(&self, stats: *mut DOSwarmStats) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(stats) }?;
            place.put(NO_STATISTICS);
            let statistics = self.job().client()?.file_statistics(self.index())?;
            place.put(as_told(&statistics)?);
            Ok(())
        })
    }

    unsafe fn GetStatsAtSlot4(&self, stats: *mut DOSwarmStats) -> HRESULT {
        // SAFETY: the caller's promise.
        unsafe { self.GetStats(stats) }
    }
}

impl IDeliveryOptimizationFile2_Impl for File_Impl {
    unsafe fn GetProperty(&self, property: i32, value: *mut VARIANT) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::new(value) }?;
            place.put(NOTHING);
            let property = FileProperty::of(property)?;
            let path = self.info()?.local_name;
            let size = self
                .job()
                .client()?
                .file_statistics(self.index())?
                .file_size;
            let size = (size != UNKNOWN_SIZE).then_some(size);
            place.put(property.value(Some(&path), size)?);
            Ok(())
        })
    }

    unsafe fn SetProperty(&self, property: i32, value: *const VARIANT) -> HRESULT {
        answer(|| {
            // SAFETY: the caller's promise.
            let value = unsafe { variant::read(value) }?;
            let property = FileProperty::of(property)?;
            self.job().check_open()?;
            property.accept(&value)
        })
    }
}
