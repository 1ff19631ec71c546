//! Errors on the wire: one name for each condition, and a body that carries a sentence and the contract's integer.
//!
//! An error reply has the signature `(su)`: what went wrong, for people, and the HRESULT of the job's profile. Which
//! condition it was is told by its name, `org.bgcopy.Error.<Name>`.

use bgcopy_model::{Condition, HResult};
use zbus::fdo;

use crate::names::ERROR_PREFIX;

/// The result of a call.
pub type Result<T> = std::result::Result<T, CallError>;

macro_rules! error_names {
    ($($name:ident),* $(,)?) => {
        /// The name of an error on the wire, without its prefix: a [`Condition`] without what it carries.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorName {
            $(#[doc = concat!("[`Condition::", stringify!($name), "`].")] $name,)*
            /// [`Condition::HttpStatus`]; the status is in the HRESULT.
            HttpStatus,
        }

        impl ErrorName {
            /// Every name.
            pub const ALL: &[Self] = &[$(Self::$name,)* Self::HttpStatus];

            /// The last part of the wire's name.
            pub const fn short(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    Self::HttpStatus => "HttpStatus",
                }
            }

            /// The condition that it names. `hresult` gives the status of [`ErrorName::HttpStatus`].
            pub const fn condition(self, hresult: HResult) -> Condition {
                match self {
                    $(Self::$name => Condition::$name,)*
                    Self::HttpStatus => Condition::HttpStatus((hresult.0 & 0xffff) as u16),
                }
            }
        }

        impl From<Condition> for ErrorName {
            fn from(condition: Condition) -> Self {
                match condition {
                    $(Condition::$name => Self::$name,)*
                    Condition::HttpStatus(_) => Self::HttpStatus,
                }
            }
        }
    };
}

error_names! {
    NotFound, AccessDenied, InvalidState, Empty, InvalidArgument, StringTooLong, SchemeUnsupported, InvalidRange,
    OverlappingRanges, NoErrorInformation, NoSuchFile, TooManyJobsOfUser, TooManyJobs, TooManyFiles, TooManyRanges,
    NewOwnerNoAccess, NotImplemented, HeadersTooLarge, ProxyListTooLarge, BypassListTooLarge, UserNameTooLarge,
    PasswordTooLarge, InvalidAuthTarget, InvalidAuthScheme,
    NoUri, NoSink, SinkAlreadySet, PropertyNotSet, UnknownProperty, ReadOnlyProperty, WriteOnlyProperty,
    IntegrityCheckUnspecified, IntegrityCheckUnavailable,
    NetworkDisconnected, NameNotResolved, ConnectFailure, ConnectionClosed, Timeout, CertificateRejected, TlsFailure,
    InvalidProxy,
    InvalidResponse, InsufficientRangeSupport, RemoteFileChanged, RedirectRefused, DigestMismatch, NoProgress,
    DownloadTimeout,
    FolderMissing, FolderChanged, FolderNotWritable, ReadOnlyFileSystem, DestinationIsFolder, InvalidName, DiskFull,
    QuotaExceeded, FileTooLarge, LocalFileChanged, DiskFailure, StreamBroken, ResourcesExhausted,
    StoreFailure, Internal,
}

impl ErrorName {
    /// The whole name on the wire.
    pub fn wire(self) -> String {
        format!("{ERROR_PREFIX}{}", self.short())
    }

    /// The error of a whole name on the wire.
    pub fn from_wire(name: &str) -> Option<Self> {
        let short = name.strip_prefix(ERROR_PREFIX)?;
        Self::ALL
            .iter()
            .find(|candidate| candidate.short() == short)
            .copied()
    }
}

/// Why a call of a client failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The service refuses.
    #[error("{message}")]
    Refused {
        /// What is wrong.
        name: ErrorName,
        /// One sentence for people.
        message: String,
        /// The integer of the public contract, by the job's profile.
        hresult: HResult,
    },
    /// There is no service, the connection broke, or the answer is none of this contract's.
    #[error(transparent)]
    Bus(zbus::Error),
}

impl CallError {
    /// The refusal's name; `None` when it was not the service that refused.
    pub const fn name(&self) -> Option<ErrorName> {
        match self {
            Self::Refused { name, .. } => Some(*name),
            Self::Bus(_) => None,
        }
    }

    /// The refusal's condition; `None` when it was not the service that refused.
    pub const fn condition(&self) -> Option<Condition> {
        match self {
            Self::Refused { name, hresult, .. } => Some(name.condition(*hresult)),
            Self::Bus(_) => None,
        }
    }

    /// The integer of the public contract; `E_FAIL` when it was not the service that refused.
    pub const fn hresult(&self) -> HResult {
        match self {
            Self::Refused { hresult, .. } => *hresult,
            Self::Bus(_) => HResult::E_FAIL,
        }
    }
}

impl From<zbus::Error> for CallError {
    fn from(error: zbus::Error) -> Self {
        let zbus::Error::MethodError(wire, text, reply) = &error else {
            return Self::Bus(error);
        };
        let Some(name) = ErrorName::from_wire(wire.as_str()) else {
            return Self::Bus(error);
        };
        let (message, hresult) = match reply.body().deserialize::<(String, u32)>() {
            Ok((message, hresult)) => (message, HResult(hresult)),
            // A service that forgot the integer still told the condition.
            Err(_) => (text.clone().unwrap_or_default(), HResult::E_FAIL),
        };
        Self::Refused {
            name,
            message,
            hresult,
        }
    }
}

impl From<fdo::Error> for CallError {
    fn from(error: fdo::Error) -> Self {
        zbus::Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use bgcopy_model::Profile;
    use zbus::{Message, names::ErrorName as WireName};

    use super::*;

    fn reply<B: serde::Serialize + zbus::DynamicType>(name: &str, body: &B) -> zbus::Error {
        let call = Message::method_call("/", "M").build(&()).unwrap();
        Message::error(&call.header(), name)
            .build(body)
            .unwrap()
            .into()
    }

    #[test]
    fn every_name_is_valid_on_the_wire_and_reads_back() {
        for &name in ErrorName::ALL {
            let wire = name.wire();
            WireName::try_from(wire.as_str()).unwrap();
            assert_eq!(ErrorName::from_wire(&wire), Some(name));
            let condition = name.condition(HResult::from_http_status(404));
            assert_eq!(ErrorName::from(condition), name);
        }
        assert_eq!(
            ErrorName::from_wire("org.freedesktop.DBus.Error.Failed"),
            None
        );
    }

    #[test]
    fn a_refusal_arrives_with_its_name_sentence_and_code() {
        let code = Condition::HttpStatus(404).hresult(Profile::Do);
        let error = CallError::from(reply(
            "org.bgcopy.Error.HttpStatus",
            &("it is gone", code.0),
        ));
        assert_eq!(error.condition(), Some(Condition::HttpStatus(404)));
        assert_eq!(error.hresult(), code);
        assert_eq!(error.to_string(), "it is gone");
    }

    #[test]
    fn an_error_of_the_bus_is_no_refusal() {
        let name = "org.freedesktop.DBus.Error.ServiceUnknown";
        let error = CallError::from(reply(name, &"no such service"));
        assert_eq!(error.name(), None);
        assert!(error.to_string().contains("no such service"), "{error}");
    }

    #[test]
    fn a_refusal_without_its_code_keeps_its_name() {
        let error = CallError::from(reply("org.bgcopy.Error.Empty", &"no files"));
        assert_eq!(error.condition(), Some(Condition::Empty));
        assert_eq!(error.hresult(), HResult::E_FAIL);
        assert_eq!(error.to_string(), "no files");
    }
}
