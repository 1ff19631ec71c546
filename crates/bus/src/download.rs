//! Downloads on the wire: their properties, their status, and the call that tells of it.

use bgcopy_model::{DownloadKind, DownloadProperty, DownloadState, DownloadValue, HResult, JobId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zbus::{
    Connection, Message, ObjectPath, OwnedObjectPath, OwnedVariant, Type, Variant, fdo,
    names::UniqueName, proxy,
};

use crate::{
    Result,
    dictionary::properties,
    names::{DOWNLOAD_CALLBACK, download_of_path, download_path},
};

properties! {
    /// The D-Bus properties of a download: those that always have a value. The contract's own, which may be unset, are
    /// read with `GetProperty`.
    DownloadProperties,
    /// Those of them that changed.
    DownloadChanges {
        /// Its identity, as a GUID with hyphens.
        id: String = "Id", Const;
        /// The number of the user whose it is.
        owner: u32 = "Owner", Read;
        /// [`DownloadState::code`].
        state: i32 = "State", Read;
        /// [`DownloadState::name`].
        state_name: String = "StateName", Read;
        /// The error in one sentence; empty: none.
        error_description: String = "ErrorDescription", Read;
    }
}

/// A download's status: `(ttiuu)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DownloadStatus {
    /// Bytes to receive; [`bgcopy_model::UNKNOWN_SIZE`] until the origin has told.
    pub bytes_total: u64,
    /// Bytes received.
    pub bytes_transferred: u64,
    /// [`DownloadState::code`].
    pub state: i32,
    /// The HRESULT of an error that waiting does not mend; 0: none.
    pub error: u32,
    /// The HRESULT of a trouble that the service tries again after; 0: none.
    pub extended_error: u32,
}

impl DownloadStatus {
    /// The state; `None` when it is none of this contract's.
    pub fn state(&self) -> Option<DownloadState> {
        DownloadState::from_code(self.state)
    }

    /// The error that waiting does not mend.
    pub const fn error(&self) -> HResult {
        HResult(self.error)
    }
}

/// A property's value as a variant.
pub fn to_variant(value: &DownloadValue) -> Variant<'static> {
    match value {
        DownloadValue::Text(text) => Variant::from(text.clone()),
        DownloadValue::Number(number) => Variant::from(*number),
        DownloadValue::Flag(flag) => Variant::from(*flag),
        DownloadValue::Size(size) => Variant::from(*size),
        DownloadValue::Bytes(bytes) => Variant::from(bytes.clone()),
    }
}

/// A variant as a value of this property; `None` when it has another type, or the property takes no value.
pub fn from_variant(property: DownloadProperty, value: OwnedVariant) -> Option<DownloadValue> {
    match property.kind() {
        DownloadKind::Text => String::try_from(value).ok().map(DownloadValue::Text),
        DownloadKind::Number => u32::try_from(value).ok().map(DownloadValue::Number),
        DownloadKind::Flag => bool::try_from(value).ok().map(DownloadValue::Flag),
        DownloadKind::Size => u64::try_from(value).ok().map(DownloadValue::Size),
        DownloadKind::Bytes => Vec::<u8>::try_from(value).ok().map(DownloadValue::Bytes),
        DownloadKind::Object => None,
    }
}

/// The type of a property's value on the wire.
pub const fn signature(property: DownloadProperty) -> &'static str {
    match property.kind() {
        DownloadKind::Text => "s",
        DownloadKind::Number => "u",
        DownloadKind::Flag => "b",
        DownloadKind::Size => "t",
        DownloadKind::Bytes => "ay",
        DownloadKind::Object => "o",
    }
}

/// Calls `OnStatusChange` of the object at `path` and waits for the answer, as long as the connection lets it.
/// `destination` is the client's unique name on a bus, `None` on a private connection.
///
/// # Errors
/// The client answers with an error, or is gone.
pub async fn on_status_change(
    connection: &Connection,
    destination: Option<&UniqueName<'_>>,
    path: &ObjectPath<'_>,
    download: JobId,
    status: DownloadStatus,
) -> zbus::Result<()> {
    let body = (download_path(download), status);
    let interface = Some(DOWNLOAD_CALLBACK);
    connection
        .call_method(destination, path, interface, "OnStatusChange", &body)
        .await
        .map(drop)
}

/// Reads a call that came to a client, whatever its interface and path.
///
/// # Errors
/// What to answer to a call that is not `OnStatusChange`.
pub fn read_status_change(call: &Message) -> fdo::Result<(JobId, DownloadStatus)> {
    let header = call.header();
    let member = header.member().map_or("", |member| member.as_str());
    if member != "OnStatusChange" {
        let text = format!("{DOWNLOAD_CALLBACK} has no method {member:?}");
        return Err(fdo::Error::UnknownMethod(text));
    }
    let body = call.body();
    let (path, status): (ObjectPath<'_>, DownloadStatus) = body
        .deserialize()
        .map_err(|error| fdo::Error::InvalidArgs(error.to_string()))?;
    let id = download_of_path(path.as_str())
        .ok_or_else(|| fdo::Error::InvalidArgs(format!("{path} is no download")))?;
    Ok((id, status))
}

/// The manager's part in downloads.
#[proxy(
    interface = "org.bgcopy.Downloads1",
    default_service = "org.bgcopy",
    default_path = "/org/bgcopy"
)]
pub trait Downloads1 {
    /// Makes a download, Created.
    fn create_download(&self, properties: &BTreeMap<&str, Variant<'_>>) -> Result<OwnedObjectPath>;

    /// Lists the downloads that are not final, the oldest first.
    fn enum_downloads(
        &self,
        property: &str,
        value: &Variant<'_>,
        all_users: bool,
    ) -> Result<Vec<OwnedObjectPath>>;
}

/// A download.
#[proxy(interface = "org.bgcopy.Download1", default_service = "org.bgcopy")]
pub trait Download1 {
    /// Begins it, lets it go on, or takes the next range set.
    fn start(&self, ranges: &[(u64, u64)]) -> Result<()>;

    /// Stops it.
    fn pause(&self) -> Result<()>;

    /// Ends it and names its file.
    fn finalize(&self) -> Result<()>;

    /// Ends it and deletes what it fetched.
    fn abort(&self) -> Result<()>;

    /// How it is: total and transferred bytes, state, error, extended error.
    #[zbus(name = "GetStatus")]
    fn status(&self) -> Result<(u64, u64, i32, u32, u32)>;

    /// Reads a property of the contract.
    #[zbus(name = "GetProperty")]
    fn property(&self, name: &str) -> Result<OwnedVariant>;

    /// Sets a property of the contract.
    fn set_property(&self, name: &str, value: &Variant<'_>) -> Result<()>;

    /// Hands over the stream that the bytes go to.
    fn set_stream(&self, stream: &zbus::Fd<'_>) -> Result<()>;

    /// Makes an object on this connection the one that is told of the status; `/`: none any more.
    fn set_status_interface(&self, path: &ObjectPath<'_>) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_and_every_value_survive_the_wire() {
        assert_eq!(DownloadStatus::SIGNATURE.to_string(), "(ttiuu)");
        for (property, value) in [
            (DownloadProperty::Uri, DownloadValue::Text("x".to_owned())),
            (DownloadProperty::CostPolicy, DownloadValue::Number(7)),
            (DownloadProperty::NonVolatile, DownloadValue::Flag(false)),
            (
                DownloadProperty::TotalSizeBytes,
                DownloadValue::Size(1 << 40),
            ),
            (
                DownloadProperty::SecurityContext,
                DownloadValue::Bytes(vec![0, 1]),
            ),
        ] {
            let variant = to_variant(&value);
            let found = variant.value_signature().to_string_no_parens();
            assert_eq!(found, signature(property));
            let owned = OwnedVariant::try_from(variant).unwrap();
            assert_eq!(from_variant(property, owned), Some(value));
            let other = OwnedVariant::try_from(Variant::from(1_i16)).unwrap();
            assert_eq!(from_variant(property, other), None);
        }
    }
}
