//! Which events a client wants to be called for, and which calls are due.

use serde::{Deserialize, Serialize};

/// The notification flags of a job (contract, section Callbacks). They belong to the job and persist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotifyFlags(u32);

impl NotifyFlags {
    /// Call `JobTransferred`.
    pub const TRANSFERRED: Self = Self(0x01);
    /// Call `JobError`.
    pub const ERROR: Self = Self(0x02);
    /// Call nothing; every other flag is ignored.
    pub const DISABLE: Self = Self(0x04);
    /// Call `JobModification`.
    pub const MODIFICATION: Self = Self(0x08);
    /// Call `FileTransferred`.
    pub const FILE_TRANSFERRED: Self = Self(0x10);

    /// The flags from their number on the wire; `None` when a bit is unknown or not implemented
    /// (`FILE_RANGES`, 0x20, is the latter).
    pub fn from_bits(bits: u32) -> Option<Self> {
        (bits & !0x1f == 0).then_some(Self(bits))
    }

    /// The number on the wire.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every flag of `other` is set here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Default for NotifyFlags {
    /// `ERROR | TRANSFERRED`.
    fn default() -> Self {
        Self(Self::ERROR.0 | Self::TRANSFERRED.0)
    }
}

/// Calls that are due to a job's client and not yet answered with success. Durable: what happened while nobody was
/// registered is delivered to whoever registers next. Kept whatever the flags say; those are looked at when a call is
/// about to be made. `FileTransferred` is due by file ([`crate::FileRecord::notify_due`]); `JobModification` is never
/// durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// `JobTransferred`: from entering TRANSFERRED until the client's success, or until the job leaves that state.
    pub transferred: bool,
    /// `JobError`: from entering ERROR until the client's success, or until the job leaves that state.
    pub error: bool,
}
