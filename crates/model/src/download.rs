//! Downloads, the contract's second surface: their properties and states (section «The second DO surface»).
//!
//! A download is a job of the DO profile with at most one file. What it has beside the job's record is kept here:
//! which of its properties somebody has set, and to what. How its life goes is the job's.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{Header, JobPhase, JobState, Profile};

/// The states of a download, with their numbers on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i32)]
pub enum DownloadState {
    /// Made, and never started.
    Created = 0,
    /// Waits for its turn, or bytes are moving.
    Transferring = 1,
    /// Every byte asked for is there; waits for Finalize, or for the next range set.
    Transferred = 2,
    /// Final: the file has its name.
    Finalized = 3,
    /// Final: nothing of it is left.
    Aborted = 4,
    /// Stopped: by a call, by an error, or until the time of the next try.
    Paused = 5,
}

impl DownloadState {
    /// Every state, in the order of the numbers.
    pub const ALL: [Self; 6] = [
        Self::Created,
        Self::Transferring,
        Self::Transferred,
        Self::Finalized,
        Self::Aborted,
        Self::Paused,
    ];

    /// The state in which a download shows this phase of its job. `is_started`: whether it has its file.
    pub const fn of(phase: &JobPhase, is_started: bool) -> Self {
        match phase.state(Profile::Do) {
            JobState::Queued | JobState::Connecting | JobState::Transferring => Self::Transferring,
            JobState::Suspended if !is_started => Self::Created,
            JobState::Suspended | JobState::Error | JobState::TransientError => Self::Paused,
            JobState::Transferred => Self::Transferred,
            JobState::Acknowledged => Self::Finalized,
            JobState::Cancelled => Self::Aborted,
        }
    }

    /// The number on the wire.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The state of a number on the wire.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Transferring => "transferring",
            Self::Transferred => "transferred",
            Self::Finalized => "finalized",
            Self::Aborted => "aborted",
            Self::Paused => "paused",
        }
    }

    /// Finalized and Aborted.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finalized | Self::Aborted)
    }
}

/// What a property's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownloadKind {
    /// A text.
    Text,
    /// A number of 32 bits.
    Number,
    /// True or false.
    Flag,
    /// A number of 64 bits.
    Size,
    /// Bytes.
    Bytes,
    /// An object of the client's, which is not a value and is set by a method of its own.
    Object,
}

/// When a property may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownloadAccess {
    /// Never.
    ReadOnly,
    /// Before the download is started: what its file is made of.
    Created,
    /// While nothing is transferred, Created and Paused: what shapes the transfer.
    Stopped,
    /// In every state but the final ones.
    Open,
}

macro_rules! download_properties {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $kind:ident, $access:ident;)*) => {
        /// The properties of a download: the contract's names and numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u32)]
        pub enum DownloadProperty {
            $($(#[$doc])* $name = $code,)*
        }

        impl DownloadProperty {
            /// Every property, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The contract's name, which is its name on the wire.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// What its value is.
            pub const fn kind(self) -> DownloadKind {
                match self {
                    $(Self::$name => DownloadKind::$kind,)*
                }
            }

            /// When it may be set.
            pub const fn access(self) -> DownloadAccess {
                match self {
                    $(Self::$name => DownloadAccess::$access,)*
                }
            }
        }
    };
}

download_properties! {
    /// The identity.
    Id = 0, Text, ReadOnly;
    /// Where the file is.
    Uri = 1, Text, Stopped;
    /// The content's identity. Stored only.
    ContentId = 2, Text, Stopped;
    /// A name for people.
    DisplayName = 3, Text, Open;
    /// Where the file goes: an absolute path.
    LocalPath = 4, Text, Created;
    /// Request header fields, one a line. Their values may be secrets.
    HttpCustomHeaders = 5, Text, Stopped;
    /// Over which networks. Stored only.
    CostPolicy = 6, Number, Stopped;
    /// What certificates may lack. Stored only: nothing is let off.
    SecurityFlags = 7, Number, Stopped;
    /// A call for so many hundredths of the file.
    CallbackFreqPercent = 8, Number, Open;
    /// A call for so many seconds.
    CallbackFreqSeconds = 9, Number, Open;
    /// How long without a byte, at least 60.
    NoProgressTimeoutSeconds = 10, Number, Open;
    /// Whether it runs beside everything.
    ForegroundPriority = 11, Flag, Open;
    /// Whether calls wait. Stored only.
    BlockingMode = 12, Flag, Stopped;
    /// The object to call.
    CallbackInterface = 13, Object, Open;
    /// Whether there is a stream to write to, which is no value and is handed over by a method of its own.
    StreamInterface = 14, Flag, ReadOnly;
    /// A client certificate. Stored only; a secret.
    SecurityContext = 15, Bytes, Stopped;
    /// Whether to use the caller's identity for the network. Stored only.
    NetworkToken = 16, Flag, Stopped;
    /// What a caller ties its logs together with. Stored only.
    CorrelationVector = 17, Text, Open;
    /// How to decrypt. Stored only; a secret.
    DecryptionInfo = 18, Text, Stopped;
    /// Where the piece hashes are. Stored only.
    IntegrityCheckInfo = 19, Text, Stopped;
    /// Whether the piece hashes must be checked.
    IntegrityCheckMandatory = 20, Flag, Stopped;
    /// Bytes of the remote file.
    TotalSizeBytes = 21, Size, Stopped;
    /// Whether to keep off mobile networks. Stored only.
    DisallowOnCellular = 22, Flag, Stopped;
    /// Request header fields that authorise, one a line. Secret.
    HttpCustomAuthHeaders = 23, Text, Stopped;
    /// Whether https may redirect to http. Stored only: it may not.
    HttpAllowSecureToNonSecureRedirect = 24, Flag, Stopped;
    /// Whether it survives the service's restart; what is not set counts as true.
    NonVolatile = 25, Flag, Stopped;
}

impl DownloadProperty {
    /// The contract's number.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The property of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|it| it.name() == name).copied()
    }

    /// Whether its value is never given back.
    pub const fn is_secret(self) -> bool {
        matches!(
            self,
            Self::HttpCustomHeaders
                | Self::HttpCustomAuthHeaders
                | Self::SecurityContext
                | Self::DecryptionInfo
        )
    }
}

/// The value of a property.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownloadValue {
    /// A text.
    Text(String),
    /// A number of 32 bits.
    Number(u32),
    /// True or false.
    Flag(bool),
    /// A number of 64 bits.
    Size(u64),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl DownloadValue {
    /// What it is.
    pub const fn kind(&self) -> DownloadKind {
        match self {
            Self::Text(_) => DownloadKind::Text,
            Self::Number(_) => DownloadKind::Number,
            Self::Flag(_) => DownloadKind::Flag,
            Self::Size(_) => DownloadKind::Size,
            Self::Bytes(_) => DownloadKind::Bytes,
        }
    }
}

impl fmt::Debug for DownloadValue {
    /// Texts and bytes may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("text (hidden)"),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Size(size) => size.fmt(f),
            Self::Bytes(_) => f.write_str("bytes (hidden)"),
        }
    }
}

/// What a download has beside its job's record.
///
/// Invariant: a value is of its property's kind, and no property of the kind `Object` is here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadRecord {
    /// The properties that somebody has set.
    pub properties: BTreeMap<DownloadProperty, DownloadValue>,
}

impl DownloadRecord {
    /// Seconds between two calls while bytes move, where nobody has said.
    pub const CALLBACK_SECONDS: u32 = 1;
    /// The shortest `NoProgressTimeoutSeconds`.
    pub const SHORTEST_TIMEOUT: u32 = 60;

    /// The text of a property that is set.
    pub fn text(&self, property: DownloadProperty) -> Option<&str> {
        match self.properties.get(&property) {
            Some(DownloadValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The number of a property that is set.
    pub fn number(&self, property: DownloadProperty) -> Option<u32> {
        match self.properties.get(&property) {
            Some(DownloadValue::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The flag of a property that is set.
    pub fn flag(&self, property: DownloadProperty) -> Option<bool> {
        match self.properties.get(&property) {
            Some(DownloadValue::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// Bytes of the remote file, by the client's word.
    pub fn announced_size(&self) -> Option<u64> {
        match self.properties.get(&DownloadProperty::TotalSizeBytes) {
            Some(DownloadValue::Size(size)) => Some(*size),
            _ => None,
        }
    }

    /// Whether it ends with the service.
    pub fn is_volatile(&self) -> bool {
        self.flag(DownloadProperty::NonVolatile) == Some(false)
    }

    /// The header fields of its requests.
    pub fn headers(&self) -> Vec<Header> {
        use DownloadProperty::{HttpCustomAuthHeaders, HttpCustomHeaders};
        let texts = [HttpCustomHeaders, HttpCustomAuthHeaders].map(|it| self.text(it));
        let parsed = texts.into_iter().flatten().filter_map(parse_headers);
        parsed.flatten().collect()
    }
}

/// Header fields from their lines, each `name: value`, ended by CR LF or LF; `None` where a line is none that a caller may
/// set ([`Header::new`]).
pub fn parse_headers(text: &str) -> Option<Vec<Header>> {
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let value = value.trim_matches([' ', '\t']);
        Header::new(name.to_owned(), value.to_owned()).ok()
    };
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_contracts_0_to_25_and_names_read_back() {
        for (number, property) in (0..).zip(DownloadProperty::ALL) {
            assert_eq!(property.code(), number, "{}", property.name());
            assert_eq!(
                DownloadProperty::from_name(property.name()),
                Some(*property)
            );
        }
        assert_eq!(DownloadProperty::ALL.len(), 26);
        assert_eq!(DownloadProperty::from_name("uri"), None);
        for (number, state) in (0..).zip(DownloadState::ALL) {
            assert_eq!(state.code(), number);
            assert_eq!(DownloadState::from_code(number), Some(state));
        }
        assert_eq!(DownloadState::from_code(6), None);
    }

    #[test]
    fn header_lines_are_fields_and_none_can_hide_in_another() {
        let fields = parse_headers("A: b\r\nX-C:  d:e \n\n").unwrap();
        let fields = fields
            .iter()
            .map(|it| (it.name.as_str(), it.value.as_str()));
        assert_eq!(fields.collect::<Vec<_>>(), [("A", "b"), ("X-C", "d:e")]);
        assert_eq!(parse_headers("").unwrap(), []);
        for text in [
            "A",
            ": b",
            "A B: c",
            "A: b\0",
            "A: b\rX: c",
            " A: b",
            "Range: b",
        ] {
            assert_eq!(parse_headers(text), None, "{text:?}");
        }
    }

    #[test]
    fn no_text_of_a_download_is_printed() {
        let mut record = DownloadRecord::default();
        for property in DownloadProperty::ALL {
            let value = DownloadValue::Text("hunter2".to_owned());
            record.properties.insert(*property, value);
        }
        let printed = format!("{record:?}");
        assert!(printed.contains("HttpCustomAuthHeaders"), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
