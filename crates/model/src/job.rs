//! State, priority and profile of a job, with their numbers on the wire.

use serde::{Deserialize, Serialize};

/// The states of the contract (section Job life cycle), in their numeric order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum JobState {
    /// Waits for its turn.
    Queued = 0,
    /// Connects to the origin; a job of the DO profile never shows it.
    Connecting = 1,
    /// Bytes are moving.
    Transferring = 2,
    /// Stopped until Resume, Complete or Cancel.
    Suspended = 3,
    /// Stopped by an error that waiting does not mend.
    Error = 4,
    /// Waits for the time of its next try.
    TransientError = 5,
    /// All bytes are there; waits for Complete.
    Transferred = 6,
    /// Final: the files have their names.
    Acknowledged = 7,
    /// Final: nothing of it is left.
    Cancelled = 8,
}

impl JobState {
    /// ACKNOWLEDGED and CANCELLED.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Cancelled)
    }

    /// The state's number on the wire.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The state of a number on the wire.
    pub const fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0 => Self::Queued,
            1 => Self::Connecting,
            2 => Self::Transferring,
            3 => Self::Suspended,
            4 => Self::Error,
            5 => Self::TransientError,
            6 => Self::Transferred,
            7 => Self::Acknowledged,
            8 => Self::Cancelled,
            _ => return None,
        })
    }

    /// The name for people and for `--json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Connecting => "connecting",
            Self::Transferring => "transferring",
            Self::Suspended => "suspended",
            Self::Error => "error",
            Self::TransientError => "transient_error",
            Self::Transferred => "transferred",
            Self::Acknowledged => "acknowledged",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The priorities of the contract. A smaller value goes first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum Priority {
    /// Runs beside everything and unthrottled.
    Foreground = 0,
    /// The first of the background levels.
    High = 1,
    /// The default.
    #[default]
    Normal = 2,
    /// The last.
    Low = 3,
}

impl Priority {
    /// Every priority, the first to go first.
    pub const ALL: [Self; 4] = [Self::Foreground, Self::High, Self::Normal, Self::Low];

    /// The number on the wire.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The priority of a number on the wire.
    pub const fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0 => Self::Foreground,
            1 => Self::High,
            2 => Self::Normal,
            3 => Self::Low,
            _ => return None,
        })
    }

    /// The name for people and for `--json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Foreground => "foreground",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// Everything but FOREGROUND.
    pub const fn is_background(self) -> bool {
        !matches!(self, Self::Foreground)
    }
}

/// Whose conventions a job follows: its error codes, defaults and the rows marked in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Delivery Optimization.
    Do,
    /// BITS.
    Bits,
}

impl Profile {
    /// `do` or `bits`: its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Bits => "bits",
        }
    }

    /// The profile of a name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "do" => Some(Self::Do),
            "bits" => Some(Self::Bits),
            _ => None,
        }
    }
}
