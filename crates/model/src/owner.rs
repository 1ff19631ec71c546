//! Whose a job is.

use serde::{Deserialize, Serialize};

/// A user by number. The name, the group and the supplementary groups are looked up where rights are taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner {
    /// The user's number.
    pub uid: u32,
}

impl Owner {
    /// Root.
    pub const ROOT: Self = Self { uid: 0 };
}
