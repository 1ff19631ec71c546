//! From what the bus carries to what a client sees.
//!
//! Owns the meaning of the wire's special numbers (0 for «not yet», 2^64 − 1 for «unknown») on this side. Must never
//! call the service.

use std::time::Duration;

use bgcopy_bus::{
    ErrorProperties, FileProperties, JobProperties, ManagerProperties, names::file_of_path,
};
use bgcopy_model::{
    AuthScheme, AuthTarget, ErrorContext, HResult, JobState, NotifyFlags, PeerCaching, Priority,
    Profile, SecurityFlags, Timestamp, TransferPolicy, UNKNOWN_SIZE,
};

use crate::{Error, ErrorInfo, FileInfo, JobInfo, JobTrouble, Result, ServiceInfo};

/// A value that this version of the contract does not know.
fn unknown(what: &str, value: impl std::fmt::Display) -> Error {
    Error::Protocol(format!("there is no {what} {value}"))
}

fn size(bytes: u64) -> Option<u64> {
    (bytes != UNKNOWN_SIZE).then_some(bytes)
}

fn time(micros: u64) -> Option<Timestamp> {
    (micros != 0).then_some(Timestamp(micros))
}

fn text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl From<ManagerProperties> for ServiceInfo {
    fn from(wire: ManagerProperties) -> Self {
        Self {
            version: wire.version,
            protocol_version: wire.protocol_version,
            mode: wire.mode,
            process_id: wire.process_id,
        }
    }
}

impl TryFrom<JobProperties> for JobInfo {
    type Error = Error;

    fn try_from(wire: JobProperties) -> Result<Self> {
        let state = JobState::from_code(wire.state).ok_or_else(|| unknown("state", wire.state))?;
        let error = (wire.error_code != 0).then_some(JobTrouble {
            code: HResult(wire.error_code),
            description: wire.error_description,
        });
        Ok(Self {
            id: wire.id.parse().map_err(|_| unknown("job", &wire.id))?,
            profile: Profile::from_name(&wire.profile)
                .ok_or_else(|| unknown("profile", &wire.profile))?,
            name: wire.name,
            description: wire.description,
            owner: wire.owner,
            priority: Priority::from_code(wire.priority)
                .ok_or_else(|| unknown("priority", wire.priority))?,
            state,
            auto_complete: wire.auto_complete,
            notify_flags: NotifyFlags::from_bits(wire.notify_flags)
                .ok_or_else(|| unknown("set of flags", wire.notify_flags))?,
            notify_command: wire.notify_command,
            activation_name: text(wire.activation_name),
            minimum_retry_delay: Duration::from_secs(wire.minimum_retry_delay.into()),
            no_progress_timeout: Duration::from_secs(wire.no_progress_timeout.into()),
            maximum_download_time: Duration::from_secs(wire.maximum_download_time.into()),
            transfer_policy: TransferPolicy::from_bits(wire.transfer_policy)
                .ok_or_else(|| unknown("transfer policy", wire.transfer_policy))?,
            peer_caching: PeerCaching::from_bits(wire.peer_caching_flags)
                .ok_or_else(|| unknown("set of flags", wire.peer_caching_flags))?,
            security_flags: SecurityFlags::from_bits(wire.security_flags)
                .map_err(|_| unknown("set of security flags", wire.security_flags))?,
            credentials: wire
                .credentials
                .iter()
                .filter_map(|(target, scheme)| {
                    // A kind that a newer service has is none of this library's.
                    Some((
                        AuthTarget::from_name(target).ok()?,
                        AuthScheme::from_name(scheme).ok()?,
                    ))
                })
                .collect(),
            error_count: wire.error_count,
            bytes_total: size(wire.bytes_total),
            bytes_transferred: wire.bytes_transferred,
            files_total: wire.files_total,
            files_transferred: wire.files_transferred,
            created: Timestamp(wire.creation_time),
            modified: Timestamp(wire.modification_time),
            transferred_at: time(wire.transfer_completion_time),
            retry_at: time(wire.retry_time),
            error,
        })
    }
}

impl TryFrom<FileProperties> for FileInfo {
    type Error = Error;

    fn try_from(wire: FileProperties) -> Result<Self> {
        let checksum = text(wire.checksum)
            .map(|text| text.parse().map_err(|_| unknown("checksum", text)))
            .transpose()?;
        Ok(Self {
            index: wire.index,
            remote_name: wire.remote_name,
            mirrors: wire.mirrors,
            local_name: wire.local_name.into(),
            name_pending: wire.name_pending,
            temporary_name: text(wire.temporary_name)
                .filter(|_| !wire.completed)
                .map(Into::into),
            bytes_total: size(wire.bytes_total),
            bytes_transferred: wire.bytes_transferred,
            completed: wire.completed,
            checksum,
            etag: text(wire.etag),
            last_modified: text(wire.last_modified),
            length_verified: wire.length_verified,
            is_valid: wire.validation_state,
        })
    }
}

impl From<ErrorProperties> for ErrorInfo {
    fn from(wire: ErrorProperties) -> Self {
        Self {
            code: HResult(wire.code),
            code_name: wire.code_name,
            context: context(wire.context),
            context_description: wire.context_description,
            file: file_of_path(wire.file.as_str()).map(|file| file.index),
            description: wire.description,
            protocol: wire.protocol,
        }
    }
}

/// The context of a number on the wire. A place that a newer service names is one that is not known here.
fn context(code: u32) -> ErrorContext {
    [
        ErrorContext::None,
        ErrorContext::QueueManager,
        ErrorContext::Notification,
        ErrorContext::LocalFile,
        ErrorContext::RemoteFile,
        ErrorContext::Transport,
    ]
    .into_iter()
    .find(|context| context.code() == code)
    .unwrap_or(ErrorContext::Unknown)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A job as a service could tell it.
    pub(crate) fn job_properties() -> JobProperties {
        JobProperties {
            id: "00000000-0000-0000-0000-000000000007".into(),
            profile: "bits".into(),
            name: "n".into(),
            description: String::new(),
            owner: 1_000,
            priority: 0,
            state: 2,
            state_name: "transferring".into(),
            auto_complete: true,
            notify_flags: 3,
            notify_command: vec![],
            activation_name: String::new(),
            minimum_retry_delay: 5,
            no_progress_timeout: 0,
            maximum_download_time: 0,
            transfer_policy: TransferPolicy::ALWAYS.bits(),
            peer_caching_flags: 0,
            security_flags: 0,
            credentials: vec![("server".into(), "basic".into())],
            error_count: 0,
            bytes_total: UNKNOWN_SIZE,
            bytes_transferred: 9,
            files_total: 1,
            files_transferred: 0,
            creation_time: 1,
            modification_time: 2,
            transfer_completion_time: 0,
            retry_time: 0,
            error_code: 0,
            error_description: String::new(),
        }
    }

    #[test]
    fn special_numbers_of_the_wire_become_the_absence_of_a_value() {
        let info = JobInfo::try_from(job_properties()).unwrap();
        assert_eq!(info.bytes_total, None);
        assert_eq!(info.transferred_at, None);
        assert_eq!(info.retry_at, None);
        assert_eq!(info.error, None);
        assert_eq!(info.state, JobState::Transferring);
    }

    #[test]
    fn a_state_that_is_not_known_here_is_an_error_that_names_it() {
        let wire = JobProperties {
            state: 42,
            ..job_properties()
        };
        let error = JobInfo::try_from(wire).unwrap_err();
        assert!(error.to_string().contains("state 42"), "{error}");
    }

    #[test]
    fn every_context_reads_back_from_its_number() {
        for context in [ErrorContext::None, ErrorContext::Transport] {
            assert_eq!(super::context(context.code()), context);
        }
        assert_eq!(super::context(77), ErrorContext::Unknown);
    }
}
