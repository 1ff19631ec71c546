//! The coin of the simulator: the same seed tosses the same, on every machine and with every release of a crate.

/// A small generator (`SplitMix64`); good enough for coins.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(super) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// What of a group of unsynced things survives: none, all, or each by a coin. The extremes are likely, since
    /// they are what a real cut mostly leaves.
    pub(super) fn luck(&mut self) -> Luck {
        match self.below(4) {
            0 => Luck::None,
            1 => Luck::All,
            _ => Luck::Coin,
        }
    }
}

/// What survives of a group of unsynced things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Luck {
    None,
    All,
    Coin,
}

impl Luck {
    pub(super) fn survives(self, rng: &mut Rng) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Coin => rng.coin(),
        }
    }
}
