//! Further places that have a file: its mirrors.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// A further place that has the whole of a file, byte for byte. It is believed nothing: what it sends counts only in a
/// file that has its checksum in the end.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirror {
    /// Where: `http` or `https`. It may carry a password.
    pub url: Url,
    /// Its rank among the mirrors of the file, 1 to 999 999; lower goes first (RFC 5854, section 4.2.17.1).
    pub priority: u32,
}

/// Why a mirror is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mirror's priority is a number from 1 to 999999, or 0 for the last place, not {0}")]
pub struct MirrorPriorityError(pub u32);

impl Mirror {
    /// The priority of a mirror of which nobody said any.
    pub const LAST: u32 = 999_999;

    /// A mirror; a priority of 0 stands for [`Mirror::LAST`].
    ///
    /// # Errors
    /// [`MirrorPriorityError`].
    pub fn new(url: Url, priority: u32) -> Result<Self, MirrorPriorityError> {
        let priority = match priority {
            0 => Self::LAST,
            1..=Self::LAST => priority,
            _ => return Err(MirrorPriorityError(priority)),
        };
        Ok(Self { url, priority })
    }
}

impl fmt::Debug for Mirror {
    /// Hides user and password, and the query, which can be a signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(
            f,
            "{}://{host}{} ({})",
            self.url.scheme(),
            self.url.path(),
            self.priority
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_within_the_bounds_of_metalink_or_left_out() {
        let url: Url = "http://user:secret@h/a?signature".parse().unwrap();
        let priority = |n| Mirror::new(url.clone(), n).map(|mirror| mirror.priority);
        assert_eq!(priority(1), Ok(1));
        assert_eq!(priority(0), Ok(999_999));
        assert_eq!(priority(999_999), Ok(999_999));
        assert_eq!(priority(1_000_000), Err(MirrorPriorityError(1_000_000)));
        let shown = format!("{:?}", Mirror::new(url, 7));
        assert!(shown.contains("http://h/a (7)"), "{shown}");
        assert!(!shown.contains("secret") && !shown.contains("signature"));
    }
}
