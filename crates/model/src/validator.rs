//! What tells one version of a remote file from another (RFC 9110, section 8.8).

use serde::{Deserialize, Serialize};

use crate::Checksum;

/// The validators that an origin sent with a representation, as far as they are usable.
///
/// Two requests speak of the same version only when [`Validator::same_version`] says so; a weak entity tag alone
/// never does, since it may stay when bytes change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// The entity tag with its quotes, with `W/` when weak; as sent.
    pub etag: Option<String>,
    /// The Last-Modified field as sent.
    pub last_modified: Option<String>,
    /// Whether `last_modified` is strong by RFC 9110, section 8.8.2.2: at least one second older than the Date of
    /// the same answer.
    pub last_modified_strong: bool,
    /// The size of the whole representation in bytes, where the origin told it.
    pub size: Option<u64>,
    /// Whether this was seen under another URL than the file has now: its entity tag says nothing then, since a tag is
    /// one URL's alone (RFC 9110, section 8.8.3).
    #[serde(default)]
    pub elsewhere: bool,
    /// The digest of the whole representation, where the origin told it (RFC 9530, section 3). It ties nothing
    /// together, since no request can be made under its condition, but two that differ are of two versions.
    #[serde(default)]
    pub digest: Option<Box<Checksum>>,
}

impl Validator {
    /// The entity tag if it is strong.
    pub fn strong_etag(&self) -> Option<&str> {
        self.etag.as_deref().filter(|tag| !tag.starts_with("W/"))
    }

    /// The Last-Modified text if it can serve as a strong validator.
    pub fn strong_date(&self) -> Option<&str> {
        self.last_modified
            .as_deref()
            .filter(|_| self.last_modified_strong)
    }

    /// What to send in `If-Range` (RFC 9110, section 13.1.5); `None` means that the file must start again at 0.
    pub fn if_range(&self) -> Option<&str> {
        self.strong_etag().or_else(|| self.strong_date())
    }

    /// The same as it is worth under another URL: the date and the size (contract, row `SetRemoteName`).
    #[must_use]
    pub fn moved(self) -> Self {
        Self {
            etag: None,
            elsewhere: true,
            ..self
        }
    }

    /// Whether bytes of `later` may follow bytes of `self` in one file: the same strong entity tag, else the same
    /// strong date and size. A known size that differs always says no. Of another URL's version only the size and a
    /// date that is strong at both places count, and both must be known. Digests that differ always say no.
    pub fn same_version(&self, later: &Self) -> bool {
        if let (Some(a), Some(b)) = (&self.digest, &later.digest)
            && a.algorithm == b.algorithm
            && a != b
        {
            return false;
        }
        if self.elsewhere || later.elsewhere {
            return self.size.is_some()
                && self.size == later.size
                && self.strong_date().is_some()
                && self.strong_date() == later.strong_date();
        }
        if let (Some(a), Some(b)) = (self.size, later.size)
            && a != b
        {
            return false;
        }
        match (self.strong_etag(), later.strong_etag()) {
            (Some(a), Some(b)) => a == b,
            (Some(_), None) | (None, Some(_)) => false,
            (None, None) => {
                self.strong_date().is_some() && self.last_modified == later.last_modified
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(etag: &str, size: u64) -> Validator {
        Validator {
            etag: Some(etag.into()),
            size: Some(size),
            ..Validator::default()
        }
    }

    fn dated(date: &str, strong: bool) -> Validator {
        Validator {
            last_modified: Some(date.into()),
            last_modified_strong: strong,
            size: Some(1),
            ..Validator::default()
        }
    }

    #[test]
    fn a_weak_tag_never_joins_two_answers() {
        let weak = tagged("W/\"a\"", 5);
        assert!(!weak.same_version(&weak));
        assert_eq!(weak.if_range(), None);
    }

    #[test]
    fn a_strong_tag_joins_unless_the_size_differs() {
        let tag = tagged("\"a\"", 5);
        assert!(tag.same_version(&tag));
        assert!(!tag.same_version(&tagged("\"a\"", 6)));
        assert!(!tag.same_version(&tagged("\"b\"", 5)));
        assert_eq!(tag.if_range(), Some("\"a\""));
    }

    #[test]
    fn a_date_joins_only_when_it_was_strong_when_first_seen() {
        assert!(dated("x", true).same_version(&dated("x", true)));
        assert!(!dated("x", false).same_version(&dated("x", true)));
        assert!(!dated("x", true).same_version(&dated("y", true)));
    }

    #[test]
    fn under_another_url_a_tag_says_nothing_and_date_and_size_say_all() {
        let here = Validator {
            etag: Some("\"a\"".into()),
            ..dated("x", true)
        };
        let moved = here.clone().moved();
        assert_eq!(moved.if_range(), Some("x"));
        let there = |etag: &str, date: &str, strong, size| Validator {
            etag: Some(etag.into()),
            size,
            ..dated(date, strong)
        };
        assert!(moved.same_version(&there("\"b\"", "x", true, Some(1))));
        for other in [
            there("\"a\"", "y", true, Some(1)),
            there("\"a\"", "x", true, Some(2)),
            there("\"a\"", "x", true, None),
            there("\"a\"", "x", false, Some(1)),
        ] {
            assert!(!moved.same_version(&other), "{other:?}");
        }
        // Whichever of the two was seen there.
        let other = there("\"b\"", "x", true, Some(1));
        assert!(here.same_version(&other.clone().moved()) && !here.same_version(&other));
        let undated = tagged("\"a\"", 1).moved();
        assert!(!undated.same_version(&undated));
        assert_eq!(undated.if_range(), None);
    }

    #[test]
    fn digests_that_differ_are_of_two_versions_whatever_else_is_the_same() {
        let digest = |hex: &str| {
            format!("sha256:{}", hex.repeat(32))
                .parse()
                .ok()
                .map(Box::new)
        };
        let of = |digest| Validator {
            digest,
            ..tagged("\"a\"", 5)
        };
        let (one, other, untold) = (of(digest("aa")), of(digest("bb")), of(None));
        assert!(one.same_version(&one));
        assert!(!one.same_version(&other));
        assert!(one.same_version(&untold) && untold.same_version(&one));
        let dated = |digest| Validator {
            digest,
            ..dated("x", true)
        };
        let moved = dated(digest("aa")).moved();
        assert!(moved.same_version(&dated(None)));
        assert!(!moved.same_version(&dated(digest("bb"))));
        // A digest alone continues nothing: there is no request that asks for the rest of what has it.
        let alone = Validator {
            digest: digest("aa"),
            ..Validator::default()
        };
        assert!(!alone.same_version(&alone));
    }

    #[test]
    fn a_tag_that_disappears_is_another_version() {
        assert!(!tagged("\"a\"", 1).same_version(&dated("x", true)));
    }
}
