//! What a client wishes of networks and peers. Checked and kept as it was given: nothing here decides anything yet.

use serde::{Deserialize, Serialize};

/// On which networks a job is to transfer, by what they cost: the `BITS_COST_STATE_…` flags of `bits.h` (property
/// `BITS_JOB_PROPERTY_ID_COST_FLAGS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransferPolicy(u32);

impl TransferPolicy {
    /// `BITS_COST_STATE_TRANSFER_ALWAYS`: whatever it costs.
    pub const ALWAYS: Self = Self(0x8000_00ff);

    /// The policy from its number on the wire; `None` when it has a bit that is not one of the policy's.
    pub fn from_bits(bits: u32) -> Option<Self> {
        (bits & !Self::ALWAYS.0 == 0).then_some(Self(bits))
    }

    /// The number on the wire.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl Default for TransferPolicy {
    /// [`Self::ALWAYS`], as BITS has it.
    fn default() -> Self {
        Self::ALWAYS
    }
}

/// What peers may do for a job and with its files: `BG_JOB_ENABLE_PEERCACHING_CLIENT` 1, `…_SERVER` 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PeerCaching(u32);

impl PeerCaching {
    /// The flags from their number on the wire; `None` when a bit is unknown.
    pub fn from_bits(bits: u32) -> Option<Self> {
        (bits & !0x3 == 0).then_some(Self(bits))
    }

    /// The number on the wire.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cost_flag_is_a_policy_and_nothing_else_is() {
        for bits in [0, 0x1, 0x80, 0x8000_0000, 0x8000_0021, 0x8000_00ff] {
            assert_eq!(TransferPolicy::from_bits(bits).unwrap().bits(), bits);
        }
        assert!(
            [0x100, 0x4000_0000, u32::MAX]
                .iter()
                .all(|bits| TransferPolicy::from_bits(*bits).is_none())
        );
        assert_eq!(PeerCaching::from_bits(3).unwrap().bits(), 3);
        assert!(PeerCaching::from_bits(4).is_none());
    }
}
