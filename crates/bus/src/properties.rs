//! The properties of the four interfaces, whole and as changes. The introspection XML documents each.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use zbus::{OwnedObjectPath, Type};

use crate::{
    dictionary::properties,
    download::{DownloadChanges, DownloadProperties},
    error::Result,
    names::{DOWNLOAD, ERROR, FILE, JOB, MANAGER},
};

properties! {
    /// The properties of the manager.
    ManagerProperties,
    /// Those of them that changed.
    ManagerChanges {
        /// The service's version, `major.minor.patch`.
        version: String = "Version", Const;
        /// [`crate::names::PROTOCOL_VERSION`] of the service.
        protocol_version: u32 = "ProtocolVersion", Const;
        /// `user`, `session`, `system`, or `embedded` (within a program).
        mode: String = "Mode", Const;
        /// The service's process.
        process_id: u32 = "ProcessId", Const;
    }
}

properties! {
    /// The properties of a job.
    JobProperties,
    /// Those of them that changed.
    JobChanges {
        /// Its identity, as a GUID with hyphens.
        id: String = "Id", Const;
        /// `do` or `bits`.
        profile: String = "Profile", Const;
        /// Its name for people.
        name: String = "Name", ReadWrite;
        /// Its description for people.
        description: String = "Description", ReadWrite;
        /// The number of the user whose it is.
        owner: u32 = "Owner", Read;
        /// [`bgcopy_model::Priority::code`].
        priority: u32 = "Priority", ReadWrite;
        /// [`bgcopy_model::JobState::code`].
        state: u32 = "State", Read;
        /// [`bgcopy_model::JobState::name`].
        state_name: String = "StateName", Read;
        /// Whether the service completes it by itself.
        auto_complete: bool = "AutoComplete", ReadWrite;
        /// [`bgcopy_model::NotifyFlags::bits`].
        notify_flags: u32 = "NotifyFlags", ReadWrite;
        /// The program to run when no callback object answers, and its arguments; empty: none.
        notify_command: Vec<String> = "NotifyCommand", ReadWrite;
        /// The name on the owner's session bus to start when there is no callback object; empty: none.
        activation_name: String = "ActivationName", ReadWrite;
        /// The shortest time before a retry, in seconds.
        minimum_retry_delay: u32 = "MinimumRetryDelay", ReadWrite;
        /// How long it may go without a byte, in seconds; 0: every error is fatal.
        no_progress_timeout: u32 = "NoProgressTimeout", ReadWrite;
        /// How long it may be at work, in seconds; 0: for as long as it takes.
        maximum_download_time: u32 = "MaximumDownloadTime", ReadWrite;
        /// [`bgcopy_model::TransferPolicy::bits`].
        transfer_policy: u32 = "TransferPolicy", ReadWrite;
        /// [`bgcopy_model::PeerCaching::bits`].
        peer_caching_flags: u32 = "PeerCachingFlags", ReadWrite;
        /// [`bgcopy_model::SecurityFlags::bits`].
        security_flags: u32 = "SecurityFlags", ReadWrite;
        /// For whom and in which scheme there are credentials: target and scheme of each.
        credentials: Vec<(String, String)> = "Credentials", Read;
        /// How often trouble stopped it, for a time or for good.
        error_count: u32 = "ErrorCount", Read;
        /// Bytes of all files; [`bgcopy_model::UNKNOWN_SIZE`] while one file's size is unknown.
        bytes_total: u64 = "BytesTotal", Read;
        /// Bytes received.
        bytes_transferred: u64 = "BytesTransferred", Read;
        /// Files in the job.
        files_total: u32 = "FilesTotal", Read;
        /// Files of which every byte is there.
        files_transferred: u32 = "FilesTransferred", Read;
        /// When it was made; microseconds since 1970 UTC, as all times here.
        creation_time: u64 = "CreationTime", Const;
        /// When it last changed.
        modification_time: u64 = "ModificationTime", Read;
        /// When its last byte arrived; 0: not yet.
        transfer_completion_time: u64 = "TransferCompletionTime", Read;
        /// When it is tried again; 0: no retry is due.
        retry_time: u64 = "RetryTime", Read;
        /// The error's HRESULT; 0: none.
        error_code: u32 = "ErrorCode", Read;
        /// The error in one sentence; empty: none.
        error_description: String = "ErrorDescription", Read;
    }
}

properties! {
    /// The properties of a file.
    FileProperties,
    /// Those of them that changed.
    FileChanges {
        /// Its place in the job, from 0.
        index: u32 = "Index", Const;
        /// Its URL.
        remote_name: String = "RemoteName", Read;
        /// Where it is too: URL and priority of each, in the order in which they are asked.
        mirrors: Vec<(String, u32)> = "Mirrors", Const;
        /// Its destination, an absolute path.
        local_name: String = "LocalName", Read;
        /// Whether the last component of `local_name` may still change.
        name_pending: bool = "NamePending", Read;
        /// Where its bytes are meanwhile.
        temporary_name: String = "TemporaryName", Read;
        /// Its bytes; [`bgcopy_model::UNKNOWN_SIZE`] until the origin has told.
        bytes_total: u64 = "BytesTotal", Read;
        /// Bytes received.
        bytes_transferred: u64 = "BytesTransferred", Read;
        /// Whether it has its final name.
        completed: bool = "Completed", Read;
        /// The digest it must have, `algorithm:hex`; empty: none was given.
        checksum: String = "Checksum", Const;
        /// The origin's entity tag, with its quotes; empty: none.
        etag: String = "ETag", Read;
        /// The origin's Last-Modified field as sent; empty: none.
        last_modified: String = "LastModified", Read;
        /// Whether more than the end of the connection tells that the file is whole.
        length_verified: bool = "LengthVerified", Read;
        /// Whether the client has found the content to be right.
        validation_state: bool = "ValidationState", ReadWrite;
    }
}

properties! {
    /// The properties of a job's error.
    ErrorProperties,
    /// Those of them that changed.
    ErrorChanges {
        /// The HRESULT.
        code: u32 = "Code", Read;
        /// The HRESULT's symbolic name, else its hexadecimal form.
        code_name: String = "CodeName", Read;
        /// [`bgcopy_model::ErrorContext::code`].
        context: u32 = "Context", Read;
        /// [`bgcopy_model::ErrorContext::name`].
        context_name: String = "ContextName", Read;
        /// The file it happened to; `/`: none in particular.
        file: OwnedObjectPath = "File", Read;
        /// What happened, in one sentence.
        description: String = "Description", Read;
        /// Where it happened, in a few words.
        context_description: String = "ContextDescription", Read;
        /// `http` or `https`; empty when no file is concerned.
        protocol: String = "Protocol", Read;
    }
}

/// The interfaces of one object with their properties: `a{sa{sv}}`, as the object manager tells them.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, zbus::SerializeDict, zbus::DeserializeDict, Type,
)]
#[zbus(signature = "a{sa{sv}}")]
pub struct Interfaces {
    /// The object is a job.
    #[zbus(rename = "org.bgcopy.Job1")]
    pub job: Option<JobProperties>,
    /// The object is a file.
    #[zbus(rename = "org.bgcopy.File1")]
    pub file: Option<FileProperties>,
    /// The object is an error.
    #[zbus(rename = "org.bgcopy.Error1")]
    pub error: Option<ErrorProperties>,
}

/// The answer of `GetManagedObjects`.
pub type ManagedObjects = HashMap<OwnedObjectPath, Interfaces>;

/// The body of the standard signal `PropertiesChanged`, with the changes of one of the interfaces here as `C`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PropertiesChanged<C: Type> {
    /// The interface.
    pub interface: String,
    /// What changed, with the new values.
    pub changed: C,
    /// What changed, without values; this service sends none.
    pub invalidated: Vec<String>,
}

/// A set of properties that `GetAll` reads.
pub trait PropertySet: Sized {
    /// The interface that has them.
    const INTERFACE: &'static str;
    /// The set of those that changed.
    type Changes;
}

macro_rules! property_set {
    ($($all:ident, $changes:ident = $interface:ident;)*) => {
        $(impl PropertySet for $all {
            const INTERFACE: &'static str = $interface;
            type Changes = $changes;
        })*
    };
}

property_set! {
    ManagerProperties, ManagerChanges = MANAGER;
    JobProperties, JobChanges = JOB;
    FileProperties, FileChanges = FILE;
    ErrorProperties, ErrorChanges = ERROR;
    DownloadProperties, DownloadChanges = DOWNLOAD;
}

/// Reads all properties of the object that a proxy stands for, in one call.
pub async fn read<P>(proxy: &zbus::Proxy<'_>) -> Result<P>
where
    P: PropertySet + for<'de> Deserialize<'de> + Type,
{
    let reply = proxy
        .connection()
        .call_method(
            Some(proxy.destination()),
            proxy.path(),
            Some("org.freedesktop.DBus.Properties"),
            "GetAll",
            &P::INTERFACE,
        )
        .await?;
    Ok(reply.body().deserialize()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use zbus::wire::{LE, serialized::Context, to_bytes};

    use super::*;

    fn manager() -> ManagerProperties {
        ManagerProperties {
            version: "1.2.3".into(),
            protocol_version: 1,
            mode: "user".into(),
            process_id: 7,
        }
    }

    #[test]
    fn properties_survive_the_wire() {
        let bytes = to_bytes(Context::new(LE, 0), &manager()).unwrap();
        let (read, _): (ManagerProperties, _) = bytes.deserialize().unwrap();
        assert_eq!(read, manager());
    }

    #[test]
    fn only_what_changed_is_told_and_taken_over() {
        let now = ManagerProperties {
            process_id: 8,
            ..manager()
        };
        let changes = now.changes_since(&manager());
        assert!(!changes.is_empty());
        assert_eq!(changes.process_id, Some(8));
        assert_eq!(changes.version, None);

        let signal = PropertiesChanged {
            interface: MANAGER.to_owned(),
            changed: changes,
            invalidated: vec![],
        };
        let bytes = to_bytes(Context::new(LE, 0), &signal).unwrap();
        assert_eq!(
            PropertiesChanged::<ManagerChanges>::SIGNATURE.to_string_no_parens(),
            "sa{sv}as"
        );
        let (signal, _): (PropertiesChanged<ManagerChanges>, _) = bytes.deserialize().unwrap();
        let mut then = manager();
        then.apply(signal.changed);
        assert_eq!(then, now);
        assert!(now.changes_since(&then).is_empty());
    }

    #[test]
    fn what_never_changes_is_in_no_set_of_changes() {
        assert_eq!(manager().all_changes(), ManagerChanges::default());
    }

    #[test]
    fn an_unknown_property_of_a_newer_service_is_passed_over() {
        let newer = BTreeMap::from([
            ("Version", zbus::Variant::from("9")),
            ("ProtocolVersion", zbus::Variant::from(1_u32)),
            ("Mode", zbus::Variant::from("user")),
            ("ProcessId", zbus::Variant::from(7_u32)),
            ("Mood", zbus::Variant::from(vec![1_u8])),
        ]);
        let bytes = to_bytes(Context::new(LE, 0), &newer).unwrap();
        let (read, _): (ManagerProperties, _) = bytes.deserialize().unwrap();
        assert_eq!(read.version, "9");
    }

    #[test]
    fn a_value_is_found_by_its_name_on_the_wire() {
        assert_eq!(
            manager().value("ProcessId"),
            Some(zbus::Variant::from(7_u32))
        );
        assert_eq!(manager().value("process_id"), None);
    }
}
