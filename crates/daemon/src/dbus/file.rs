//! `org.bgcopy.File1`.

use std::path::Path;

use bgcopy_bus::{FileProperties, FileStatistics, names};
use bgcopy_engine::Call as EngineCall;
use bgcopy_model::{FileId, JobState, Priority, UNKNOWN_SIZE};
use zbus::{OwnedVariant, fdo};

use super::{
    call::{Call, Failure, Outcome},
    dispatch::no_method,
    intake, job,
};
use crate::driver::{FileSnapshot, JobSnapshot};

pub(super) async fn call(
    call: &Call,
    job: &JobSnapshot,
    file: &FileSnapshot,
    member: &str,
) -> Outcome {
    match member {
        "SetRemoteName" => {
            let url = intake::url(&call.arguments::<String>()?);
            let url = url.map_err(Failure::refused(job.profile))?;
            job::change(call, job, EngineCall::SetUrl(id(job, file), url)).await?;
            call.done()
        }
        "GetRanges" => {
            call.arguments::<()>()?;
            let ranges = file.ranges().iter();
            let ranges: Vec<(u64, u64)> = ranges.map(|it| (it.offset, it.length)).collect();
            call.answer(&ranges)
        }
        "GetStatistics" => {
            call.arguments::<()>()?;
            call.answer(&statistics(job, file))
        }
        _ => Err(no_method(names::FILE, member)),
    }
}

/// `Properties.Set` of a property that can be written.
pub(super) async fn set(
    call: &Call,
    job: &JobSnapshot,
    file: &FileSnapshot,
    name: &str,
    value: OwnedVariant,
) -> Outcome {
    if name != "ValidationState" {
        let text = format!("{name} can only be read");
        return Err(fdo::Error::PropertyReadOnly(text).into());
    }
    let is_valid = bool::try_from(value).map_err(|_| {
        let text = format!("{name} has another type");
        Failure::from(fdo::Error::InvalidArgs(text))
    })?;
    job::change(call, job, EngineCall::SetValid(id(job, file), is_valid)).await?;
    call.done()
}

/// The properties of a file.
pub(super) fn properties(file: &FileSnapshot) -> FileProperties {
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    FileProperties {
        index: file.index(),
        remote_name: file.url().to_string(),
        mirrors: file
            .mirrors()
            .map(|mirror| (mirror.url.to_string(), mirror.priority))
            .collect(),
        local_name: text(file.path()),
        name_pending: file.name_pending(),
        temporary_name: text(&file.temporary()),
        bytes_total: file.progress().bytes_total.unwrap_or(UNKNOWN_SIZE),
        bytes_transferred: file.progress().bytes_transferred,
        completed: file.progress().completed,
        checksum: file
            .checksum()
            .map_or_else(String::new, |sum| sum.to_string()),
        etag: known(&file.validator().etag),
        last_modified: known(&file.validator().last_modified),
        length_verified: !file.length_unverified(),
        validation_state: file.is_valid(),
    }
}

/// What fetching it has cost, in the contract's words. There are no peers and no cache servers, so what they would
/// have sent is 0.
fn statistics(job: &JobSnapshot, file: &FileSnapshot) -> FileStatistics {
    let is_going = matches!(
        job.state,
        JobState::Queued | JobState::Connecting | JobState::Transferring
    );
    let milliseconds = file.spent().time.as_millis();
    FileStatistics {
        file_id: format!("{}/{}", job.id, file.index()),
        source_url: file.url().to_string(),
        file_size: file.progress().bytes_total.unwrap_or(UNKNOWN_SIZE),
        bytes_from_http: file.spent().bytes,
        http_connection_count: file.spent().requests,
        duration_milliseconds: u64::try_from(milliseconds).unwrap_or(u64::MAX),
        download_mode: FileStatistics::CDN_ONLY,
        status: if file.is_here() {
            FileStatistics::COMPLETE
        } else if is_going {
            FileStatistics::DOWNLOADING
        } else {
            FileStatistics::PAUSED
        },
        is_background: job.priority != Priority::Foreground,
        ..FileStatistics::default()
    }
}

fn id(job: &JobSnapshot, file: &FileSnapshot) -> FileId {
    FileId {
        job: job.id,
        index: file.index(),
    }
}

/// A path as D-Bus can carry it: in UTF-8.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
