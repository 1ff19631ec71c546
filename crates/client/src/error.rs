//! What a call can fail with.
//!
//! Owns the one error type of this crate. A refusal of the service keeps its own words: nothing here makes them up.

use std::path::PathBuf;

use bgcopy_bus::{CallError, ErrorName, names::PROTOCOL_VERSION};
use bgcopy_model::HResult;
use zbus::fdo;

use crate::{Address, StartError};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service refused the call.
    #[error("{message}")]
    Service {
        /// The kind of refusal.
        name: ErrorName,
        /// The service's sentence.
        message: String,
        /// The contract's integer.
        hresult: HResult,
    },
    /// Nothing serves at this address.
    #[error("no service answers on {0}")]
    NotRunning(Address),
    /// The service could not be started.
    #[error("the service cannot be started: {0}")]
    Start(#[from] StartError),
    /// The connection could not be made.
    #[error("cannot connect to {address}: {reason}")]
    Connect {
        /// Where to.
        address: Address,
        /// Why, in the transport's words.
        reason: String,
    },
    /// The service speaks another version of the protocol.
    #[error(
        "the running service speaks version {theirs} of the protocol and this program version {PROTOCOL_VERSION}: \
         run `bgcopy daemon stop`, then try again"
    )]
    ProtocolVersion {
        /// The service's version.
        theirs: u32,
    },
    /// The connection broke, or the service ended.
    #[error("the connection to the service broke")]
    Disconnected,
    /// An answer does not follow the contract.
    #[error("the service's answer cannot be understood: {0}")]
    Protocol(String),
    /// The thread of a blocking connection could not be started.
    #[error("no thread for the connection: {0}")]
    Runtime(String),
    /// A path cannot be handed to the service: D-Bus carries UTF-8 alone.
    #[error("the path {} is not valid UTF-8", .0.display())]
    PathNotUtf8(PathBuf),
}

impl Error {
    /// The kind of refusal, when the service refused.
    pub const fn service_name(&self) -> Option<ErrorName> {
        match self {
            Self::Service { name, .. } => Some(*name),
            _ => None,
        }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused {
                name,
                message,
                hresult,
            } => Self::Service {
                name,
                message,
                hresult,
            },
            CallError::Bus(error) => error.into(),
        }
    }
}

impl From<zbus::Error> for Error {
    fn from(error: zbus::Error) -> Self {
        let refused = |name: ErrorName, hresult: HResult, message: String| Self::Service {
            name,
            message,
            hresult,
        };
        match error {
            zbus::Error::InputOutput(_) => Self::Disconnected,
            zbus::Error::FDO(error) => match *error {
                // A job that was forgotten between two calls is an object that is no longer there.
                fdo::Error::UnknownObject(message) => {
                    refused(ErrorName::NotFound, HResult::BG_E_NOT_FOUND, message)
                }
                // The bus itself can forbid a call, by its policy.
                fdo::Error::AccessDenied(message) => {
                    refused(ErrorName::AccessDenied, HResult::E_ACCESSDENIED, message)
                }
                // On a bus: the service left, or was never there.
                fdo::Error::ServiceUnknown(_)
                | fdo::Error::NameHasNoOwner(_)
                | fdo::Error::NoReply(_)
                | fdo::Error::Disconnected(_) => Self::Disconnected,
                error => Self::Protocol(error.to_string()),
            },
            error => match CallError::from(error) {
                refused @ CallError::Refused { .. } => refused.into(),
                CallError::Bus(error) => Self::Protocol(error.to_string()),
            },
        }
    }
}
