//! What was aimed at, and whether a measurement meets it.
//!
//! Owns the comparison: nothing is called met but by a median that was measured.

/// A bound of a median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

impl Aim {
    /// The bound, as it is written.
    pub fn bound(self) -> String {
        match self {
            Self::AtMost(bound) => format!("≤ {bound}"),
            Self::AtLeast(bound) => format!("≥ {bound}"),
        }
    }

    /// Whether this median is within the bound.
    pub fn is_met_by(self, median: f64) -> bool {
        match self {
            Self::AtMost(bound) => median <= bound,
            Self::AtLeast(bound) => median >= bound,
        }
    }

    /// In words: met, or by which part of the bound it is missed.
    pub fn verdict(self, median: f64) -> String {
        let (Self::AtMost(bound) | Self::AtLeast(bound)) = self;
        if self.is_met_by(median) {
            "met".to_owned()
        } else {
            let missed = (median / bound - 1.0).abs() * 100.0;
            format!("missed by {missed:.1} %")
        }
    }
}
